"""The completed partially directed graph, which stands for all DAGs with the same conditional independences."""

from __future__ import annotations

import numpy as np

from identikit.errors import InputError
from identikit.metrics.inputs import Array, to_numpy


def cycle(graph: np.ndarray) -> list[int]:
    """Return the nodes of one directed cycle of a 0/1 adjacency array, in order; empty where there is none.

    >>> cycle(np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]))
    [0, 1, 2]
    """
    left = graph.astype(bool)
    nodes = np.arange(len(left))
    while len(nodes):
        inner = left[np.ix_(nodes, nodes)]
        # A node without an edge out, or without one in, lies on no cycle.
        on = inner.any(0) & inner.any(1)
        if on.all():
            break
        nodes = nodes[on]
    if not len(nodes):
        return []
    # Every node that is left has an edge to another that is left, so a walk must come back.
    walk: list[int] = []
    node = int(nodes[0])
    while node not in walk:
        walk.append(node)
        node = int(nodes[left[node, nodes].argmax()])
    return walk[walk.index(node) :]


def cpdag(dag: Array) -> np.ndarray:
    """The graph that keeps the directions which all DAGs of an equivalence class share, and leaves the others open.

    The v-structures (a -> c <- b with a and b not adjacent) keep their directions, and Meek's first three rules add
    those that follow from them; his fourth is only needed with outside knowledge.

    Args:
        dag: (nodes, nodes) 0/1 array, entry (i, j) for an edge from i to j, without cycles.

    Returns:
        (nodes, nodes) 0/1 array of int8: a directed edge as one entry, an undirected one as (i, j) and (j, i).

    Raises:
        InputError: not a square 0/1 array, or the graph has a cycle.

    Source: Meek, Causal Inference and Causal Explanation with Background Knowledge, 1995; Chickering, A
    Transformational Characterization of Equivalent Bayesian Network Structures, 1995.

    >>> cpdag(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])).tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> cpdag(np.array([[0, 1, 0], [0, 0, 0], [0, 1, 0]])).tolist()
    [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    """
    edges = adjacency(dag, "the graph").astype(bool)
    found = cycle(edges)
    if found:
        raise InputError(f"a CPDAG is of a graph without cycles, and this one has {describe(found)}")
    return _complete(edges).astype(np.int8)


def adjacency(graph: object, what: str) -> np.ndarray:
    """Return a square 0/1 adjacency array as int8, or say what is wrong with it."""
    array = to_numpy(graph, what)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not len(array):
        raise InputError(f"{what} must be a square adjacency array (nodes, nodes), and has shape {tuple(array.shape)}")
    other = array[(array != 0) & (array != 1)]
    if len(other):
        raise InputError(f"{what} must hold 0 and 1 alone, and holds {other[0]:g}: cut weights at a threshold first")
    return array.astype(np.int8)


def describe(found: list[int]) -> str:
    """A cycle in words.

    >>> describe([0, 2])
    '0 -> 2 -> 0'
    """
    return " -> ".join(map(str, [*found, found[0]]))


def _complete(edges: np.ndarray) -> np.ndarray:
    """Entries of the CPDAG of a DAG, both without self-loops."""
    adjacent = edges | edges.T
    apart = ~adjacent & ~np.eye(len(edges), dtype=bool)
    # a -> c is in a v-structure where some other parent of c is not adjacent to a.
    directed = edges & _product(apart, edges)
    while True:
        open_ = adjacent & ~directed & ~directed.T
        # 1: a -> b - c with a and c apart gives b -> c, or it would be a new v-structure.
        forced = open_ & _product(directed.T, apart)
        # 2: a -> b -> c with a - c gives a -> c, or it would be a cycle.
        forced |= open_ & _product(directed, directed)
        # 3: a - c -> b and a - d -> b with c and d apart gives a -> b, or it would be one of the two.
        for b in range(len(edges)):
            ends = np.flatnonzero(directed[:, b])
            between = open_[:, ends]
            forced[:, b] |= open_[:, b] & (_product(between, apart[np.ix_(ends, ends)]) & between).any(1)
        if not forced.any():
            return directed | open_
        directed |= forced


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether there is a step by `a` and then one by `b`."""
    return (a.astype(np.float32) @ b.astype(np.float32)) > 0
