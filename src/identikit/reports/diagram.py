"""A directed graph as an inline drawing: causes above, effects below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from identikit.reports.html import Html, text
from identikit.reports.plots import BAND, INK, MUTED, colour

_ACROSS, _DOWN, _HIGH, _LETTER = 26, 84, 30, 7.6


def layers(graph: np.ndarray) -> list[list[int]]:
    """Positions of the variables by the length of the longest path that leads to them.

    Args:
        graph: (variables, variables) 0/1 array without cycles, entry (i, j) for an edge from i to j.

    >>> layers(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]]))
    [[0], [1], [2]]
    """
    depth = np.zeros(len(graph), int)
    for _ in range(len(graph)):
        for cause, effect in np.argwhere(graph):
            depth[effect] = max(depth[effect], depth[cause] + 1)
    found = [[int(i) for i in np.flatnonzero(depth == level)] for level in range(depth.max(initial=0) + 1)]
    place = {i: k / len(found[0]) for k, i in enumerate(found[0])}
    for level in found[1:]:
        # Each variable stands below the middle of its parents, so that few edges cross.
        middle = {i: float(np.mean([place.get(int(p), 0.5) for p in np.flatnonzero(graph[:, i])])) for i in level}
        level.sort(key=lambda i, middle=middle: (middle[i], i))
        place |= {i: k / len(level) for k, i in enumerate(level)}
    return found


def diagram(
    names: Sequence[str], graph: np.ndarray, blocks: Mapping[str, Sequence[str]] | None = None, caption: str = ""
) -> Html:
    """Draw the variables that have an edge, coloured by the first block that holds them; the others are named below.

    Args:
        names: of the variables.
        graph: (variables, variables) 0/1 array without cycles.
        blocks: names of the variables of each block.
        caption: what to see in it.

    >>> drawn = diagram(("rain", "wet"), np.array([[0, 1], [0, 0]]))
    >>> drawn.count("<rect"), drawn.count("<path class='edge'")
    (2, 1)
    """
    of: dict[str, int] = {}
    for i, block in enumerate((blocks or {}).values()):
        for name in block:
            of.setdefault(name, i)
    tied = [int(i) for i in np.flatnonzero(graph.sum(0) + graph.sum(1))]
    alone = ", ".join(name for i, name in enumerate(names) if i not in tied)
    caption += f" Without an edge: {alone}." * bool(alone)
    names, graph = [names[i] for i in tied], graph[np.ix_(tied, tied)]
    wide = [max(34.0, _LETTER * len(name) + 18) for name in names]
    rows = layers(graph)
    widths = [sum(wide[i] for i in row) + _ACROSS * (len(row) - 1) for row in rows]
    whole, high = max(widths) + 20, len(rows) * _DOWN - (_DOWN - _HIGH) + 20
    centre: dict[int, tuple[float, float]] = {}
    for level, (row, width) in enumerate(zip(rows, widths, strict=True)):
        x = (whole - width) / 2
        for i in row:
            centre[i] = (x + wide[i] / 2, 10 + _HIGH / 2 + level * _DOWN)
            x += wide[i] + _ACROSS
    edges = "".join(_edge(centre[int(a)], centre[int(b)]) for a, b in np.argwhere(graph))
    nodes = "".join(
        f"<rect x='{x - wide[i] / 2:.1f}' y='{y - _HIGH / 2:.1f}' width='{wide[i]:.1f}' height='{_HIGH}' rx='7' "
        f"fill='#fff' stroke='{colour(of[names[i]]) if names[i] in of else MUTED}' stroke-width='2'/>"
        f"<text x='{x:.1f}' y='{y + 4.5:.1f}' text-anchor='middle' font-size='13' fill='{INK}'>{text(names[i])}</text>"
        for i, (x, y) in centre.items()
    )
    head = (
        f"<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0L8 4L0 8z' fill='{MUTED}'/></marker></defs>"
    )
    drawing = (
        f"<svg role='img' viewBox='0 0 {whole:.0f} {high:.0f}' width='{whole:.0f}'>"
        f"<title>graph of the latents</title>{head}{edges}{nodes}</svg>"
    )
    legend = "".join(
        f'<span class="swatch" style="background:{colour(i)}"></span>{text(name)} &emsp;'
        for i, name in enumerate(blocks or {})
        if i in {of.get(name) for name in names}
    )
    below = f"<figcaption>{legend}{'<br>' * bool(legend and caption)}{text(caption)}</figcaption>"
    return Html(f'<figure><div class="scroll">{drawing}</div>{below}</figure>')


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (u, v) = start, end
    y, v = y + _HIGH / 2, v - _HIGH / 2 - 2
    bend = (v - y) / 2
    return (
        f"<path class='edge' d='M{x:.1f} {y:.1f}C{x:.1f} {y + bend:.1f} {u:.1f} {v - bend:.1f} {u:.1f} {v:.1f}' "
        f"fill='none' stroke='{BAND}' stroke-width='1.6' marker-end='url(#tip)'/>"
    )
