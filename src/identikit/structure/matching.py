"""Which latent of a found graph stands for which true one, and how far the graphs are from each other then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.assignment import assign
from identikit.metrics.graphs import align_graph, edge_f1, shd
from identikit.metrics.result import Score
from identikit.structure.latent_graph import LatentGraph
from identikit.worlds.hierarchy_graphs import HierarchyGraph

ROUNDS = 20
"""Assignments in a row; each is made with the one before it, and they settle after a few."""


@dataclass(frozen=True)
class Comparison:
    """A found graph beside the true one.

    Attributes:
        shd: structural Hamming distance, with its nulls.
        edge_f1: F1 of the directed edges, with its nulls.
        latents: the found latent that stands for each true one, None for a true latent that was missed.
        extra: names of the found latents that stand for none.
    """

    shd: Score
    edge_f1: Score
    latents: dict[str, str | None]
    extra: tuple[str, ...]

    def __str__(self) -> str:
        pairs = ", ".join(f"{true} as {found or 'none'}" for true, found in self.latents.items()) or "none"
        more = f"; beside them {', '.join(self.extra)}" if self.extra else ""
        return f"SHD {self.shd.value:g}, edge F1 {self.edge_f1.value:.3f}; latents found: {pairs}{more}"


def compare(
    found: LatentGraph, true: LatentGraph | HierarchyGraph | Truth, equivalence: bool = False, nulls: int = 20
) -> Comparison:
    """Score a found graph against the true one, with its latents named so that the graphs differ least.

    Args:
        found: the graph to score.
        true: the graph it should be; observed variables are matched by name.
        equivalence: whether the true graph is compared as its equivalence class; the found one is as it is, or its
            class where all its edges have a direction.
        nulls: draws of each null; 0 for none.

    Raises:
        InputError: the graphs share no observed variable though both have some.

    >>> true = LatentGraph.from_truth(HierarchyGraph({"x1": ("a",), "x2": ("a",), "x3": ("b",), "b": ("a",)}))
    >>> found = LatentGraph.from_truth(HierarchyGraph({"x1": ("L9",), "x2": ("L9",), "x3": ("L1",), "L1": ("L9",)}))
    >>> print(compare(found, true))
    SHD 0, edge F1 1.000; latents found: a as L9, b as L1
    """
    known = true if isinstance(true, LatentGraph) else LatentGraph.from_truth(true)
    if equivalence:
        known, found = (graph.cpdag() if graph.directed else graph for graph in (known, found))
    codes = match_latents(found, known)
    names = {name: found.names[codes[i]] if codes[i] >= 0 else None for i, name in enumerate(known.names)}
    return Comparison(
        shd(found.adjacency, known.adjacency, codes, nulls=nulls),
        edge_f1(found.adjacency, known.adjacency, codes, nulls=nulls),
        {name: names[name] for name in known.latents},
        tuple(name for name in found.latents if name not in names.values()),
    )


def match_latents(found: LatentGraph, true: LatentGraph) -> np.ndarray:
    """The found node that stands for each true one: observed ones by name, latents so that the graphs differ least.

    To find the least distance exactly takes a search over all orders of the latents. Here the latents are first
    assigned by how many observed descendants and ancestors they share; then again and again by how many edges agree
    when their neighbours stand for what the last assignment says; and at last any two are exchanged while that brings
    the graphs nearer. The distance is therefore never too small; with up to five latents it is the smallest in nearly
    all random graphs (this library's choice).

    Args:
        found: graph to be matched.
        true: graph that it is matched to.

    Returns:
        (true nodes,) int position among the found nodes, -1 for none: what `shd` and `edge_f1` take as `matching`.

    Raises:
        InputError: both graphs have observed variables, and no name is in both.

    >>> true = LatentGraph.from_truth(HierarchyGraph({"x1": ("a",), "x2": ("a",), "x3": ("b",), "x4": ("b",)}))
    >>> found = LatentGraph.from_truth(HierarchyGraph({"x3": ("p",), "x4": ("p",), "x1": ("q",), "x2": ("q",)}))
    >>> [found.names[i] for i in match_latents(found, true)]
    ['q', 'p', 'x1', 'x2', 'x3', 'x4']
    """
    codes = np.full(len(true.names), -1)
    for i, name in enumerate(true.names):
        if name in found.observed and name in true.observed:
            codes[i] = found.names.index(name)
    if found.observed and true.observed and (codes < 0).all():
        raise InputError(
            f"the found graph has no observed variable of the true one: {', '.join(found.observed[:5])} against "
            f"{', '.join(true.observed[:5])}"
        )
    ours, theirs = _places(found), _places(true)
    if not len(ours) or not len(theirs):
        return codes
    a, b = found.adjacency, true.adjacency
    best, least = codes, np.inf
    for strength in (_shared(found, true), _degrees(a, b, ours, theirs)):
        tried = _settle(strength, codes, a, b, ours, theirs)
        distance = _distance(a, b, tried)
        if distance < least:
            best, least = tried, distance
    return best


def _places(graph: LatentGraph) -> np.ndarray:
    """Positions of the latents."""
    return np.flatnonzero([node.latent for node in graph.nodes])


def _shared(found: LatentGraph, true: LatentGraph) -> np.ndarray:
    """(true latents, found latents) overlap of the observed descendants, and half as much of the observed ancestors."""

    def overlap(first: set[str], second: set[str]) -> float:
        return len(first & second) / max(1, len(first | second))

    seen = set(found.observed) & set(true.observed)
    down = [[set(g.descendants(n)) & seen for n in g.latents] for g in (true, found)]
    near = [[{*g.children(n), *g.parents(n), *g.neighbours(n)} & seen for n in g.latents] for g in (true, found)]
    return np.array(
        [
            [overlap(down[0][i], down[1][j]) + overlap(near[0][i], near[1][j]) / 2 for j in range(len(found.latents))]
            for i in range(len(true.latents))
        ]
    )


def _degrees(a: np.ndarray, b: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(true latents, found latents) minus the difference of the numbers of edges in and out."""
    first, second = (np.stack([g.sum(0)[at], g.sum(1)[at]], 1) for g, at in ((b, theirs), (a, ours)))
    return -np.abs(first[:, None] - second[None]).sum(-1).astype(float)


def _settle(
    strength: np.ndarray, fixed: np.ndarray, a: np.ndarray, b: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> np.ndarray:
    """Assign by the strength, then by the edges that agree, while that helps; then exchange pairs while that helps."""
    codes, least = fixed, np.inf
    for _ in range(ROUNDS):
        columns = assign(strength, "exact").columns
        tried = fixed.copy()
        tried[theirs] = np.where(columns >= 0, ours[columns], -1)
        distance = _distance(a, b, tried)
        if distance >= least:
            break
        codes, least = tried, distance
        strength = _agreeing(a, b, codes, ours, theirs)
    free = np.setdiff1d(ours, codes)
    better = True
    while better:
        better = False
        for k, i in enumerate(theirs):
            others = [("swap", j) for j in theirs[k + 1 :]] + [("take", f) for f in free]
            for way, other in others:
                tried = codes.copy()
                if way == "swap":
                    tried[[i, other]] = codes[[other, i]]
                else:
                    tried[i] = other
                distance = _distance(a, b, tried)
                if distance < least:
                    codes, least, better = tried, distance, True
                    free = np.setdiff1d(ours, codes)
    return codes


def _agreeing(a: np.ndarray, b: np.ndarray, codes: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(true latents, found latents) edges that both have, less those that one alone has, once all else is matched."""
    held = np.flatnonzero(codes >= 0)
    total = np.zeros((len(theirs), len(ours)))
    for first, second in ((a, b), (a.T, b.T)):
        known, guess = second[np.ix_(theirs, held)].astype(float), first[np.ix_(ours, codes[held])].astype(float)
        total -= known.sum(1)[:, None] + guess.sum(1)[None] - 2 * known @ guess.T
    return total


def _distance(a: np.ndarray, b: np.ndarray, codes: np.ndarray) -> float:
    """The SHD of the graphs as matched, and as a tie-break the entries that differ."""
    guess = align_graph(a, codes)
    known = np.pad(b, (0, len(guess) - len(b)))
    wrong = guess != known
    return float(np.triu(wrong | wrong.T).sum() + 1e-4 * wrong.sum())
