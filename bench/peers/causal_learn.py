"""Adapter to the structural Hamming distance and CPDAG of py-why/causal-learn (commit in `checkouts.py`).

Patches: `pydot`, which draws pictures, is a stand-in.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from peers.checkouts import checkout, imported, stand_in


@functools.cache
def _library() -> Any:
    """The classes and functions used here, from one import, since they compare each other's types."""
    places = {"Dag": "graph.Dag", "GraphNode": "graph.GraphNode", "SHD": "graph.SHD", "dag2cpdag": "utils.DAG2CPDAG"}
    found = imported(
        checkout("causal-learn"),
        *(f"causallearn.{place}" for place in places.values()),
        stand_ins={"pydot": stand_in("pydot")},
    )
    return stand_in("used", **{name: getattr(own, name) for name, own in zip(places, found, strict=True)})


def _dag(adjacency: np.ndarray) -> Any:
    """A graph of causal-learn from a matrix whose entry [i, j] says that i points to j."""
    library = _library()
    nodes = [library.GraphNode(f"X{i}") for i in range(len(adjacency))]
    dag = library.Dag(nodes)
    for i, j in np.argwhere(adjacency != 0):
        dag.add_directed_edge(nodes[i], nodes[j])
    return dag


def shd(estimate: np.ndarray, truth: np.ndarray) -> int:
    """Structural Hamming distance of two directed acyclic graphs."""
    return int(_library().SHD(_dag(truth), _dag(estimate)).get_shd())


def cpdag_shd(estimate: np.ndarray, truth: np.ndarray) -> int:
    """Structural Hamming distance of the equivalence classes of two directed acyclic graphs."""
    library = _library()
    return int(library.SHD(library.dag2cpdag(_dag(truth)), library.dag2cpdag(_dag(estimate))).get_shd())
