"""Where the variables and edges of a graph lie in a layered drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from identikit.structure.latent_graph import Edge, LatentGraph

ACROSS, DOWN, HIGH, MARGIN = 26.0, 84.0, 30.0, 10.0
"""Gap between two variables of a row, distance of two rows, height of a variable, and the rim, in pixels."""
_BEND = 10.0
_SWEEPS = 8
_Spot = tuple[str, int]
"""A variable (its name, 0), or the place at which a long edge passes a row (its arrow, the row)."""


@dataclass(frozen=True)
class Layout:
    """Places in a drawing, in pixels from its upper left corner.

    Attributes:
        rows: names of the variables in each row, from the top and from the left.
        centre: of each variable.
        bends: the points at which each edge passes the rows between its ends, from the cause on.
        width: of the drawing.
        height: of the drawing.
    """

    rows: list[list[str]]
    centre: dict[str, tuple[float, float]]
    bends: list[list[tuple[float, float]]]
    width: float
    height: float


def lay_out(graph: LatentGraph, widths: Mapping[str, float]) -> Layout:
    """Lay a graph out in rows: causes above, few crossings, and no edge behind a variable that it does not tie.

    The rows are the levels. An edge that passes a row has a place of its own there. Within a row, everything moves to
    the middle of what it is tied to, row by row, down and up again; so it gets its order first, and then its place.

    Args:
        graph: the graph; edges without a direction are drawn downwards in the order of its nodes.
        widths: of the variables, in pixels.

    >>> chain = LatentGraph.from_adjacency(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]]), "abc")
    >>> laid = lay_out(chain, dict.fromkeys("abc", 34.0))
    >>> laid.rows, len(laid.bends[1])
    ([['a'], ['b'], ['c']], 1)
    """
    heights = _heights(graph)
    levels = sorted(set(heights.values()), reverse=True)
    at = {name: levels.index(heights[name]) for name in graph.names}
    rows: list[list[_Spot]] = [[] for _ in levels]
    for name in graph.names:
        rows[at[name]].append((name, 0))
    tied: dict[_Spot, list[_Spot]] = {(name, 0): [] for name in graph.names}
    ways: list[list[_Spot]] = []
    for edge in graph.edges:
        way = _way(edge, at)
        for spot in way[1:-1]:
            rows[spot[1]].append(spot)
        for first, second in pairwise(way):
            tied.setdefault(first, []).append(second)
            tied.setdefault(second, []).append(first)
        ways.append(way)
    _order(rows, tied)
    wide = {spot: widths[spot[0]] if spot in _variables(graph) else _BEND for row in rows for spot in row}
    x = _spread(rows, tied, wide)
    # An edge within a row goes over it, and in the upper one needs the room.
    top = MARGIN + (30 if any(at[edge.cause] == at[edge.effect] for edge in graph.edges) else 0)
    y = {spot: top + HIGH / 2 + level * DOWN for level, row in enumerate(rows) for spot in row}
    left = min(x[s] - wide[s] / 2 for s in x) - MARGIN
    place = {spot: (x[spot] - left, y[spot]) for spot in x}
    return Layout(
        [[spot[0] for spot in row if spot in _variables(graph)] for row in rows],
        {name: place[name, 0] for name in graph.names},
        [[place[spot] for spot in way[1:-1]] for way in ways],
        max(x[s] + wide[s] / 2 for s in x) - left + MARGIN,
        top + HIGH + (len(rows) - 1) * DOWN + MARGIN,
    )


def _heights(graph: LatentGraph) -> dict[str, int]:
    """The row of each variable, from the bottom."""
    if graph.directed or any(node.level is not None for node in graph.nodes):
        return graph.levels
    at = {name: i for i, name in enumerate(graph.order)}
    down = [(e.cause, e.effect) if at[e.cause] < at[e.effect] else (e.effect, e.cause) for e in graph.edges]
    # Drawn downwards in an order in which causes come first, open edges can close no cycle.
    return LatentGraph(graph.nodes, tuple(Edge(cause, effect) for cause, effect in down)).levels


def _way(edge: Edge, at: Mapping[str, int]) -> list[_Spot]:
    """The ends of an edge, with a place in each row between them."""
    start, end = at[edge.cause], at[edge.effect]
    between = range(start + 1, end) if start < end else range(start - 1, end, -1)
    return [(edge.cause, 0), *((edge.arrow, row) for row in between), (edge.effect, 0)]


def _variables(graph: LatentGraph) -> set[_Spot]:
    return {(name, 0) for name in graph.names}


def _order(rows: list[list[_Spot]], tied: Mapping[_Spot, list[_Spot]]) -> None:
    """Bring each row into the order of the middles of what is tied to it."""
    share = {spot: (k + 0.5) / len(row) for row in rows for k, spot in enumerate(row)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            middle = {s: float(np.mean([share[t] for t in tied[s]])) if tied[s] else share[s] for s in row}
            # Rounded, so that the order does not hang on the last bit; what is equal stays in its order.
            row.sort(key=lambda spot, middle=middle: round(middle[spot], 9))
            share |= {spot: (k + 0.5) / len(row) for k, spot in enumerate(row)}


def _spread(
    rows: list[list[_Spot]], tied: Mapping[_Spot, list[_Spot]], wide: Mapping[_Spot, float]
) -> dict[_Spot, float]:
    """Horizontal places: near the middle of what is tied, in the order of the row, and apart."""
    x: dict[_Spot, float] = {}
    for row in rows:
        edge = -sum(wide[s] + ACROSS for s in row) / 2
        for spot in row:
            x[spot] = edge + wide[spot] / 2
            edge += wide[spot] + ACROSS
    at = {spot: level for level, row in enumerate(rows) for spot in row}
    for sweep in range(_SWEEPS):
        # Down the rows everything follows what is above it; at last, up the rows, what is below it.
        step = 1 if sweep % 2 == 0 else -1
        for row in rows[::step]:
            near = {s: [t for t in tied[s] if (at[s] - at[t]) * step > 0] for s in row}
            wanted = np.array([float(np.mean([x[t] for t in near[s]])) if near[s] else x[s] for s in row])
            half = np.array([wide[s] / 2 for s in row])
            gaps = np.r_[0.0, np.cumsum(half[:-1] + half[1:] + ACROSS)]
            # Apart from the left, and apart from the right: the middle of both is apart as well, and favours no side.
            free = wanted - gaps
            placed = (np.maximum.accumulate(free) + np.minimum.accumulate(free[::-1])[::-1]) / 2 + gaps
            x |= dict(zip(row, placed.tolist(), strict=True))
    return x
