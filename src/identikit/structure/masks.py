"""Which latents the hidden and the seen leaves of a graph share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from identikit.errors import InputError, unknown
from identikit.structure.given import GivenGraph, as_hierarchy
from identikit.structure.separate import Separation, ones


@dataclass(frozen=True)
class SharedSet:
    """The latents that two groups of leaves share.

    Attributes:
        latents: their names.
        levels: the number of edges on the longest way from each of them down to a leaf.
        sizes: how many numbers each of them holds.
        hidden: the leaves of one group.
        seen: those of the other.
    """

    latents: tuple[str, ...]
    levels: dict[str, int]
    sizes: dict[str, int]
    hidden: tuple[str, ...]
    seen: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many numbers the groups share."""
        return sum(self.sizes.values())

    @property
    def level(self) -> float:
        """Mean level of the shared numbers; not a number where nothing is shared."""
        return sum(self.levels[name] * size for name, size in self.sizes.items()) / self.size if self.size else math.nan

    def __str__(self) -> str:
        if not self.latents:
            return f"{len(self.hidden)} hidden and {len(self.seen)} seen leaves share nothing"
        shared = ", ".join(f"{name} (level {self.levels[name]})" for name in self.latents)
        return f"{len(self.hidden)} hidden and {len(self.seen)} seen leaves share {shared}"


def shared_set(
    graph: GivenGraph,
    hidden: Iterable[str],
    seen: Iterable[str] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    invertible: bool = False,
) -> SharedSet:
    r"""The latents c that the hidden and the seen leaves share, exactly.

    By default the smallest set (in numbers held) that makes the groups independent, a least node cut:

    .. math:: c = \arg\min_{C} \sum_{z \in C} \mathrm{size}(z) \quad\text{such that}\quad
        x_\text{hidden} \perp x_\text{seen} \mid C.

    Of several such sets it is one with the most numbers of common ancestors of both groups, and of those the nearest to
    the hidden leaves. Where every node tells what its parents and its
    noise were (`invertible`), a latent also tells all those above it, and each group tells its ancestors. The smallest
    set that both groups tell, and given which they are independent, is then unique: the latents above a leaf of each
    group that have no child of which this holds too.

    Args:
        graph: a `HierarchyGraph`, a `LatentGraph`, a world that has one, or the names of the parents of each node.
        hidden: names of the leaves of one group.
        seen: those of the other; all other leaves where it is left out.
        sizes: how many numbers each latent holds, by name; 1 where it is left out.
        invertible: whether every node tells its parents and its noise.

    Raises:
        InputError: a name that is no leaf, a leaf in both groups, or a group without one.

    Source: the groups and the independence are those of Kong et al. 2023 (arXiv 2306.04898), theorem 1, which supposes
    invertible nodes. That its unique set is the lowest common ancestors, the least cut for other nodes and the choice
    among several are this library's.

    >>> from identikit.worlds import balanced_tree
    >>> print(shared_set(balanced_tree(2), ["x1"]))
    1 hidden and 3 seen leaves share z2 (level 1)
    >>> print(shared_set(balanced_tree(2), ["x1", "x2"]))
    2 hidden and 2 seen leaves share z1 (level 2)
    >>> tree = balanced_tree(3)
    >>> shared_set(tree, ["x1", "x3", "x4"]).latents
    ('z2', 'z4')
    >>> shared_set(tree, ["x1", "x3", "x4"], invertible=True).latents
    ('z4',)
    """
    structure = as_hierarchy(graph)
    ready = Separation(structure, sizes)
    hidden = named_leaves(hidden, structure.leaves, "hidden")
    rest = (leaf for leaf in structure.leaves if leaf not in hidden)
    seen = named_leaves(rest if seen is None else seen, structure.leaves, "seen")
    for leaf in seen:
        if leaf in hidden:
            raise InputError(f"the leaf '{leaf}' is both hidden and seen: it belongs to one group")
    found = (ready.lowest if invertible else ready.cut)(hidden, seen)
    names = ready.named(found)
    return SharedSet(
        names,
        {name: structure.levels[name] for name in names},
        {ready.names[i]: ready.sizes[i] for i in ones(found)},
        hidden,
        seen,
    )


def named_leaves(names: Iterable[str], leaves: tuple[str, ...], group: str) -> tuple[str, ...]:
    """The leaves of a group, each once.

    Raises:
        InputError: a name that is no leaf, or no name.

    >>> named_leaves(["x1", "x1"], ("x1", "x2"), "hidden")
    ('x1',)
    """
    found = tuple(dict.fromkeys((names,) if isinstance(names, str) else names))
    for name in found:
        if name not in leaves:
            raise unknown("leaf", name, leaves)
    if not found:
        raise InputError(f"no leaf is {group}: name one or more in each group")
    return found
