"""Directed graphs of named variables: order, adjacency, and drawing one at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

import numpy as np

from identikit.errors import InputError, unknown

Parents = Mapping[str, tuple[str, ...]]
"""The names of the parents of each variable that has any."""


def check_graph(names: Iterable[str], parents: Parents) -> tuple[str, ...]:
    """The variables with parents before children.

    Args:
        names: of all variables.
        parents: the graph.

    Raises:
        InputError: an unknown variable, or a cycle.

    >>> check_graph(("wet", "rain"), {"wet": ("rain",)})
    ('rain', 'wet')
    """
    names = tuple(names)
    for name in (*parents, *(p for group in parents.values() for p in group)):
        if name not in names:
            raise unknown("variable", name, names)
    try:
        return tuple(TopologicalSorter({n: parents.get(n, ()) for n in names}).static_order())
    except CycleError as error:
        raise InputError(f"the graph must have no cycle, and it has {' -> '.join(error.args[1])}") from None


def adjacency(names: Iterable[str], parents: Parents) -> np.ndarray:
    """(variables, variables) 0/1 array, entry (i, j) for an edge from variable i to variable j.

    >>> adjacency(("rain", "wet"), {"wet": ("rain",)}).tolist()
    [[0, 1], [0, 0]]
    """
    names = tuple(names)
    return np.array([[int(a in parents.get(b, ())) for b in names] for a in names], dtype=np.int8)


def draw_graph(names: Iterable[str], rng: np.random.Generator, edges: float = 0.5) -> dict[str, tuple[str, ...]]:
    """Draw a graph without cycles, in which each variable may listen to those named before it.

    Args:
        names: of the variables, in the order of causes.
        rng: source of the edges.
        edges: probability of each possible edge.

    >>> draw_graph("abc", np.random.default_rng(0), edges=1.0)
    {'b': ('a',), 'c': ('a', 'b')}
    """
    names = tuple(names)
    drawn = {n: tuple(p for p in names[:i] if rng.random() < edges) for i, n in enumerate(names)}
    return {name: parents for name, parents in drawn.items() if parents}
