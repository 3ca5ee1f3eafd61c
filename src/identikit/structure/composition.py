"""Which unseen combinations of concepts a known graph lets one compose from the seen ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from identikit.errors import InputError, unknown
from identikit.structure.given import GivenGraph, as_parents
from identikit.worlds.coverage import covered
from identikit.worlds.graphs import check_graph

_MOST = 4_096
"""Combinations that are asked about without being named."""

Combinations = Sequence[Iterable[str]] | np.ndarray
"""The names of the concepts in each combination, or (combinations, concepts) 0/1."""


@dataclass(frozen=True, eq=False)
class Composability:
    """Which combinations of concepts the seen ones cover, module by module.

    Attributes:
        concepts: the nodes of the graph without a parent.
        modules: its other nodes, parents first.
        combinations: (combinations, concepts) 0/1 array of those asked about.
        seen: (combinations,) which of them training has shown.
        covered: (combinations, modules) whether a seen combination has all active parents of the module active.
    """

    concepts: tuple[str, ...]
    modules: tuple[str, ...]
    combinations: np.ndarray
    seen: np.ndarray
    covered: np.ndarray

    @property
    def composable(self) -> np.ndarray:
        """(combinations,) whether each is composable; those seen are."""
        return np.all(self.covered, axis=1)

    @property
    def unseen(self) -> int:
        """How many of the combinations asked about training has not shown."""
        return int((~self.seen).sum())

    @property
    def share(self) -> float:
        """Share of the unseen combinations that are composable; not a number where all are seen."""
        return float(self.composable[~self.seen].mean()) if self.unseen else math.nan

    def names(self, row: int) -> tuple[str, ...]:
        """The concepts of one combination."""
        return tuple(self.concepts[i] for i in np.flatnonzero(self.combinations[row]))

    def missing(self, row: int) -> tuple[str, ...]:
        """The modules that no seen combination covers for one combination."""
        return tuple(self.modules[i] for i in np.flatnonzero(~self.covered[row]))

    def __str__(self) -> str:
        if not self.unseen:
            return f"all {len(self.seen)} combinations are seen"
        able = int(self.composable[~self.seen].sum())
        head = f"{able} of {self.unseen} unseen combinations are composable"
        never = np.flatnonzero(~self.composable)[:3].tolist()
        return "\n".join(
            [head, *(f"  {' + '.join(self.names(r))}: not by {', '.join(self.missing(r))}" for r in never)]
        )


def composability(graph: GivenGraph, seen: Combinations, wanted: Combinations | None = None) -> Composability:
    r"""Which combinations of concepts can be composed from the modules that the seen ones have shown, exactly.

    The concepts are the nodes without a parent, and every other node is a module that is active if a parent is. A
    combination d is composable if and only if for every module z a seen combination has all active parents of z active;
    another may serve for another module:

    .. math:: \forall z\ \exists \tilde d \in \text{seen}:\quad
        \mathrm{active}(\mathrm{Pa}(z) \mid d) \subseteq \mathrm{active}(\mathrm{Pa}(z) \mid \tilde d).

    Args:
        graph: a `LatentGraph`, a `HierarchyGraph`, or the names of the parents of each node; edges may skip levels.
        seen: the combinations of training, as the names of their concepts or as (combinations, concepts) 0/1 in the
            order of the concepts in the graph.
        wanted: those asked about; where it is left out, all of up to as many concepts as the largest seen one has.

    Raises:
        InputError: a cycle, no edge, a name that is no concept, a combination of none, or too many to go through.

    Source: theorem 3.1 of Learning by Analogy (arXiv 2512.10669), read in a note on the paper; see
    `worlds.coverage.composable`, which decides. Graphs whose edges skip levels are this library's choice.

    >>> own = {"shape": ("cube", "ball"), "colour": ("red", "blue")}
    >>> seen = [("cube", "red"), ("ball", "blue")]
    >>> print(composability(own, seen, [("cube", "blue"), ("cube", "ball")]))
    1 of 2 unseen combinations are composable
      cube + ball: not by shape
    """
    parents = as_parents(graph)
    order = check_graph(parents, parents)
    concepts = tuple(name for name in parents if not parents[name])
    layers, modules, columns = _layers(parents, order, concepts)
    if not layers:
        raise InputError("the graph has no edge, so that there is no module to compose with")
    shown = _rows(seen, concepts, "seen")
    asked = _all_up_to(concepts, int(shown.sum(1).max())) if wanted is None else _rows(wanted, concepts, "wanted")
    known = {row.tobytes() for row in shown}
    was = np.array([row.tobytes() in known for row in asked])
    return Composability(concepts, modules, asked, was, covered(layers, shown, asked)[:, columns])


def _layers(
    parents: dict[str, tuple[str, ...]], order: tuple[str, ...], concepts: tuple[str, ...]
) -> tuple[list[np.ndarray], tuple[str, ...], list[int]]:
    """The graph level by level, with its modules and their columns: what a later level needs is carried down.

    A node that is carried is covered wherever the modules that need it are, so that it adds no condition of its own.
    """
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = max((depth[p] + 1 for p in parents[name]), default=0)
    needed = {name: max((depth[c] for c in order if name in parents[c]), default=0) for name in order}
    above, layers, modules, columns, start = list(concepts), [], [], [], 0
    for level in range(1, max(depth.values()) + 1):
        new = [name for name in order if depth[name] == level]
        below = new + [name for name in above if needed[name] > level]
        layers.append(np.array([[int(a in parents[b] if b in new else a == b) for b in below] for a in above]))
        modules += new
        columns += range(start, start + len(new))
        start, above = start + len(below), below
    return layers, tuple(modules), columns


def _rows(given: Combinations, concepts: tuple[str, ...], kind: str) -> np.ndarray:
    """Combinations as (combinations, concepts) 0/1."""
    if isinstance(given, np.ndarray):
        if given.ndim != 2 or given.shape[1] != len(concepts) or not np.isin(given, (0, 1)).all():
            raise InputError(
                f"{kind} combinations are rows of 0 and 1 for the {len(concepts)} concepts, not shape {given.shape}"
            )
        found = given.astype(np.int8)
    else:
        found = np.zeros((len(given), len(concepts)), np.int8)
        for row, names in zip(found, given, strict=True):
            if isinstance(names, str):
                raise InputError(f"a combination is a tuple of names of concepts, not the text '{names}'")
            for name in names:
                if name not in concepts:
                    raise unknown("concept", name, concepts)
                row[concepts.index(name)] = 1
    if not len(found):
        raise InputError(f"no {kind} combination was given: name one or more")
    if not found.any(1).all():
        raise InputError(f"a {kind} combination holds one concept or more, and row {int(found.any(1).argmin())} none")
    return found


def _all_up_to(concepts: tuple[str, ...], most: int) -> np.ndarray:
    """All combinations of up to as many concepts."""
    total = sum(math.comb(len(concepts), k) for k in range(1, most + 1))
    if total > _MOST:
        raise InputError(
            f"there are {total:,} combinations of up to {most} of {len(concepts)} concepts, more than {_MOST:,}: give "
            f"those you ask about as wanted"
        )
    sets = [c for k in range(1, most + 1) for c in combinations(range(len(concepts)), k)]
    found = np.zeros((total, len(concepts)), np.int8)
    for row, chosen in zip(found, sets, strict=True):
        row[list(chosen)] = 1
    return found
