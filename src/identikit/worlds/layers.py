"""Graphs in layers: which of the nodes below each node of a level listens to."""

from __future__ import annotations

import math

import numpy as np

from identikit.errors import InputError


def draw_layer(rng: np.random.Generator, below: int, nodes: int, parents: int) -> np.ndarray:
    """Draw the parents of every node of a level: the nodes below used about equally often, and no two nodes alike.

    Where there are fewer different sets of parents than nodes, each set is used again once all were.

    Args:
        rng: source of the edges.
        below: number of nodes of the level before.
        nodes: number of nodes of this level.
        parents: of each node.

    Returns:
        (below, nodes) 0/1 array, entry (i, j) for an edge to node j.

    Raises:
        InputError: more parents than nodes below, none, or no node.

    >>> layer = draw_layer(np.random.default_rng(0), below=6, nodes=3, parents=2)
    >>> layer.sum(0).tolist(), layer.sum(1).tolist()
    ([2, 2, 2], [1, 1, 1, 1, 1, 1])
    """
    if not 1 <= parents <= below or nodes < 1:
        raise InputError(f"a node listens to 1 to {below} of the {below} nodes below, not parents={parents}")
    sets = math.comb(below, parents)
    layer = np.zeros((below, nodes), dtype=np.int8)
    for node in range(nodes):
        used, taken = layer.sum(1), layer[:, node - node % sets : node]
        while True:
            chosen = np.lexsort((rng.random(below), used))[:parents]
            column = np.zeros(below, dtype=np.int8)
            column[chosen] = 1
            if not (taken == column[:, None]).all(0).any():
                break
            # The least used nodes may have but one set, already taken: blur what least used means.
            used = used + rng.random(below)
        layer[:, node] = column
    return layer


def joined(layers: list[np.ndarray]) -> np.ndarray:
    """The graph of all nodes of all levels, (nodes, nodes), from the layers between them.

    >>> joined([np.ones((2, 1), dtype=np.int8)]).tolist()
    [[0, 0, 1], [0, 0, 1], [0, 0, 0]]
    """
    ends = np.cumsum([0, len(layers[0]), *(layer.shape[1] for layer in layers)])
    graph = np.zeros((ends[-1], ends[-1]), dtype=np.int8)
    for layer, start, middle, end in zip(layers, ends[:-2], ends[1:-1], ends[2:], strict=True):
        graph[start:middle, middle:end] = layer
    return graph
