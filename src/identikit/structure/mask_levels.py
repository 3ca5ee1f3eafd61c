"""How the share of the patches that a mask hides, and their size, set the level of what the two parts share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from identikit.errors import InputError
from identikit.structure.given import GivenGraph, as_hierarchy
from identikit.structure.masks import named_leaves
from identikit.structure.separate import Separation, ones


@dataclass(frozen=True)
class Exposure:
    """What masks that hide as many patches share on average.

    Attributes:
        hidden: number of hidden patches.
        share: of all patches.
        chance: of each latent, to be in the shared set of a random mask.
        told: of each latent, to be in it or, where nodes are invertible, above a latent that is.
        size: expected numbers in the shared set.
        level: mean level of the shared numbers of all masks together; not a number where none shares any.
        masks: number of masks looked at.
        exact: whether these are all there are.
    """

    hidden: int
    share: float
    chance: dict[str, float]
    told: dict[str, float]
    size: float
    level: float
    masks: int
    exact: bool


@dataclass(frozen=True)
class MaskCurve:
    """What random masks share, against the number of patches that they hide.

    Attributes:
        rows: one for each number of hidden patches, from 1 to all but one.
        levels: of each latent.
    """

    rows: tuple[Exposure, ...]
    levels: dict[str, int]

    @property
    def shares(self) -> np.ndarray:
        """(rows,) share of the patches that is hidden."""
        return np.array([row.share for row in self.rows])

    @property
    def level(self) -> np.ndarray:
        """(rows,) mean level of the shared numbers."""
        return np.array([row.level for row in self.rows])

    @property
    def size(self) -> np.ndarray:
        """(rows,) expected numbers in the shared set."""
        return np.array([row.size for row in self.rows])

    def by_level(self, told: bool = False) -> dict[int, np.ndarray]:
        """For each level, (rows,) the chance of one of its latents to be shared, or with `told` to be told by them."""
        found: dict[int, np.ndarray] = {}
        for level in sorted(set(self.levels.values())):
            names = [name for name, its in self.levels.items() if its == level]
            found[level] = np.array(
                [np.mean([(row.told if told else row.chance)[name] for name in names]) for row in self.rows]
            )
        return found

    def __str__(self) -> str:
        lines = ["hidden  size  level"]
        lines += [f"{row.share:6.0%} {row.size:5.2f}  {row.level:5.2f}{'' if row.exact else ' ~'}" for row in self.rows]
        return "\n".join(lines)


def mask_curve(
    graph: GivenGraph,
    patch: int | Sequence[Sequence[str]] = 1,
    *,
    sizes: Mapping[str, int] | None = None,
    invertible: bool = False,
    most: int = 4_096,
    seed: int = 0,
) -> MaskCurve:
    """What the hidden and the seen leaves share, against the share of the patches that a random mask hides.

    Every set of as many patches is as likely. With `invertible`, chances are exact on graphs of any size: those of a
    latent to be shared are a count of the ways to hide each branch below it wholly or not at all. Otherwise all masks
    are gone through where there are at most `most` of a number of hidden patches, and as many random ones where there
    are more.

    Args:
        graph: as in `shared_set`.
        patch: how many neighbouring leaves are hidden together, or the names of the leaves of each patch.
        sizes: as in `shared_set`.
        invertible: as in `shared_set`.
        most: masks to look at for each number of hidden patches.
        seed: of the masks drawn where there are more.

    Raises:
        InputError: patches that do not hold every leaf once, or fewer than two.

    >>> from identikit.worlds import balanced_tree
    >>> print(mask_curve(balanced_tree(3), patch=2, invertible=True))
    hidden  size  level
       25%  1.00   2.00
       50%  1.67   2.20
       75%  1.00   2.00
    """
    structure = as_hierarchy(graph)
    ready, patches = Separation(structure, sizes), _patches(structure.leaves, patch)
    if most < 1:
        raise InputError(f"most is the number of masks to look at, from 1, not {most}")
    chances = _chances(ready, patches) if invertible else _counted(ready, patches, most, seed)
    rows = []
    for k, (chance, told, masks, exact) in enumerate(chances, 1):
        numbers = [p * size for p, size in zip(chance, ready.sizes, strict=True)]
        total = sum(numbers)
        level = sum(n * structure.levels[name] for n, name in zip(numbers, ready.names, strict=True))
        rows.append(
            Exposure(
                k,
                k / len(patches),
                dict(zip(ready.names, chance, strict=True)),
                dict(zip(ready.names, told, strict=True)),
                total,
                level / total if total else math.nan,
                masks,
                exact,
            )
        )
    return MaskCurve(tuple(rows), {name: structure.levels[name] for name in ready.names})


Chances = list[tuple[list[float], list[float], int, bool]]
"""For each number of hidden patches: chances to be shared and to be told, masks, and whether these are all."""


def _chances(ready: Separation, patches: list[tuple[str, ...]]) -> Chances:
    """Exact chances of invertible nodes, by counting."""
    total, of = len(patches), {leaf: 1 << i for i, group in enumerate(patches) for leaf in group}
    spread: dict[str, int] = dict(of)
    for name in reversed(ready.graph.order):
        if name not in of:
            spread[name] = Separation.joined(spread[child] for child in ready.graph.children(name))
    ways = []
    for name in ready.names:
        # Branches that have a patch in common are hidden together or not at all.
        branches: list[int] = []
        for child in ready.graph.children(name):
            met = [b for b in branches if b & spread[child]]
            branches = [b for b in branches if not b & spread[child]] + [Separation.joined([*met, spread[child]])]
        under = spread[name].bit_count()
        # Of the ways to hide some branches and show the others: how many hide j patches.
        counts = [1] + [0] * under
        for branch in branches:
            size = branch.bit_count()
            counts = [c + (counts[j - size] if j >= size else 0) for j, c in enumerate(counts)]
        counts[0] -= 1
        counts[under] -= 1
        ways.append((under, counts))
    found: Chances = []
    for k in range(1, total):
        masks = math.comb(total, k)
        chance = [
            sum(c * math.comb(total - under, k - j) for j, c in enumerate(counts) if j <= k) / masks
            for under, counts in ways
        ]
        told = [
            1 - (math.comb(total - under, k) + (math.comb(total - under, k - under) if k >= under else 0)) / masks
            for under, _ in ways
        ]
        found.append((chance, told, masks, True))
    return found


def _counted(ready: Separation, patches: list[tuple[str, ...]], most: int, seed: int) -> Chances:
    """Chances by going through masks, all of them where they are few."""
    total, found = len(patches), Chances()
    for k in range(1, total):
        masks, exact = math.comb(total, k), math.comb(total, k) <= most
        rng = np.random.default_rng([seed, k])
        chosen = combinations(range(total), k) if exact else (rng.choice(total, k, replace=False) for _ in range(most))
        times = [0] * len(ready.names)
        for mask in chosen:
            out = {int(i) for i in mask}
            hidden = [leaf for i in out for leaf in patches[i]]
            seen = [leaf for i in range(total) if i not in out for leaf in patches[i]]
            for i in ones(ready.cut(hidden, seen)):
                times[i] += 1
        looked = masks if exact else most
        chance = [t / looked for t in times]
        found.append((chance, chance, looked, exact))
    return found


def _patches(leaves: tuple[str, ...], patch: int | Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    if isinstance(patch, int):
        if patch < 1 or len(leaves) % patch:
            raise InputError(f"the {len(leaves)} leaves do not fall into patches of {patch}: choose a divisor")
        found = [leaves[i : i + patch] for i in range(0, len(leaves), patch)]
    else:
        found = [named_leaves(group, leaves, "in a patch") for group in patch]
        if sorted(leaf for group in found for leaf in group) != sorted(leaves):
            raise InputError("the patches hold every leaf once, and these hold one twice or leave one out")
    if len(found) < 2:
        raise InputError("a mask needs two patches or more, so that one is hidden and one is seen")
    return found
