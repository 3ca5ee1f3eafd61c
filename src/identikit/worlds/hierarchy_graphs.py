"""Graphs of hidden hierarchies: latents above, observed leaves at the bottom, and named kinds of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.errors import InputError, unknown
from identikit.worlds.graphs import Parents, adjacency, check_graph

Kinds = Mapping[str, tuple[Mapping[str, str], str]]
"""By name: the latents' parents, joined by +, and the parents of each leaf in turn."""


@dataclass(frozen=True)
class HierarchyGraph:
    """A graph without cycles whose leaves are observed and whose other nodes are latent.

    Args:
        parents: the names of the parents of each node that has any.
        observed: names of the observed nodes; those without a child where it is left out.

    Raises:
        InputError: a cycle, an edge that leaves an observed node, a latent that no observed node descends from, or no
            latent.

    >>> graph = HierarchyGraph({"b": ("a",), "x": ("b",), "y": ("b",)})
    >>> graph.latents, graph.leaves, graph.levels
    (('a', 'b'), ('x', 'y'), {'a': 2, 'b': 1, 'x': 0, 'y': 0})
    """

    parents: Parents
    observed: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in self.observed or ():
            if name not in self._named:
                raise unknown("node", name, self._named)
        for leaf in self.leaves:
            below = self.children(leaf)
            if below:
                raise InputError(f"'{leaf}' is observed and points to '{below[0]}': an observed leaf has no child")
        if not self.latents or not self.leaves:
            raise InputError("a hierarchy needs a latent with an observed leaf below it: its graph has no edge")
        for latent in reversed(self.latents):
            if not self.children(latent):
                raise InputError(f"no observed leaf descends from the latent '{latent}': give it a child, or leave it")

    @cached_property
    def _named(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for child, group in self.parents.items() for n in (*group, child)))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All nodes, parents before children."""
        return check_graph(self._named, self.parents)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The observed nodes."""
        if self.observed is not None:
            return self.observed
        return tuple(n for n in self.parents if not self.children(n))

    @cached_property
    def latents(self) -> tuple[str, ...]:
        """The hidden nodes, parents before children."""
        return tuple(n for n in self.order if n not in self.leaves)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The latents, then the leaves: the order of the rows of `adjacency`."""
        return (*self.latents, *self.leaves)

    @property
    def adjacency(self) -> np.ndarray:
        """(nodes, nodes) 0/1 array, entry (i, j) for an edge from node i to node j."""
        return adjacency(self.nodes, self.parents)

    @cached_property
    def levels(self) -> dict[str, int]:
        """The number of edges on the longest way from each node down to a leaf: 0 for the leaves."""
        found: dict[str, int] = {}
        for name in reversed(self.order):
            found[name] = max((found[child] + 1 for child in self.children(name)), default=0)
        return {name: found[name] for name in self.nodes}

    def parents_of(self, name: str) -> tuple[str, ...]:
        """Names of the parents of a node."""
        return self.parents.get(name, ())

    def children(self, name: str) -> tuple[str, ...]:
        """Names of the children of a node."""
        return tuple(child for child, group in self.parents.items() if name in group)

    def pure_children(self, name: str) -> tuple[str, ...]:
        """The children of a node that have no other parent."""
        return tuple(child for child in self.children(name) if len(self.parents[child]) == 1)

    def triangles(self) -> tuple[tuple[str, str, str], ...]:
        """Triples of a node and two of its children, the second of which points to the third."""
        return tuple(
            (top, a, b)
            for b, group in self.parents.items()
            for a in group
            for top in self.parents_of(a)
            if top in group
        )


def named_graph(kind: str, kinds: Kinds, leaf: str) -> dict[str, tuple[str, ...]]:
    """The parents of every node of one of the named kinds.

    Args:
        kind: its name.
        kinds: the table that it stands in.
        leaf: first letter of the names of the leaves.

    Raises:
        InputError: another name.

    >>> named_graph("pair", {"pair": ({}, "z1 z1")}, "x")
    {'x1': ('z1',), 'x2': ('z1',)}
    """
    if kind not in kinds:
        raise unknown("kind of graph", kind, kinds)
    latents, leaves = kinds[kind]
    parents = {name: tuple(group.split("+")) for name, group in latents.items()}
    return parents | {f"{leaf}{i}": tuple(group.split("+")) for i, group in enumerate(leaves.split(), 1)}


def balanced_tree(levels: int, children: int = 2) -> dict[str, tuple[str, ...]]:
    """A tree in which every latent has as many children, and every leaf lies as deep.

    Args:
        levels: number of levels of latents.
        children: of each latent.

    >>> sorted(balanced_tree(1, 3))
    ['x1', 'x2', 'x3']
    """
    if levels < 1 or children < 1:
        raise InputError(f"a tree has one level and one child or more, not levels={levels} and children={children}")
    parents: dict[str, tuple[str, ...]] = {}
    above, count = ["z1"], 1
    for level in range(levels):
        leaf = level == levels - 1
        below = [f"x{i + 1}" if leaf else f"z{count + i + 1}" for i in range(len(above) * children)]
        parents |= {name: (above[i // children],) for i, name in enumerate(below)}
        above, count = below, count + len(below)
    return parents
