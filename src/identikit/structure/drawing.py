"""A graph as a layered drawing: causes above, effects below, evidence on hover."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import pairwise
from pathlib import Path

from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.layout import HIGH, lay_out
from identikit.writing import write_text

INK, MUTED, LINE, PAPER = "#1d2733", "#5d6b7a", "#8a97a5", "#eef4f9"
_LETTER = 7.6

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:{ink};max-width:70rem;
margin:2rem auto;padding:0 1rem}}
.scroll{{overflow-x:auto}} table{{border-collapse:collapse;margin-top:1rem}}
th,td{{text-align:left;padding:.2rem .9rem .2rem 0;border-bottom:1px solid #e3e8ee;vertical-align:top}}
.warn{{background:#fdf1e3;border-left:4px solid #d55e00;padding:.4rem .8rem}} .note{{color:{muted}}}
g.tie:hover .edge{{stroke:#d55e00;stroke-width:3.2}} g.variable:hover rect{{fill:#fdf1e3}}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def svg(graph: LatentGraph, colours: Mapping[str, str] | None = None, title: str = "graph") -> str:
    """The drawing as one SVG element: latents round, observed variables square, discrete ones dashed.

    Args:
        graph: the graph.
        colours: of the frames of variables, by name.
        title: what a screen reader says of it.

    >>> drawn = svg(LatentGraph((Node("z", latent=True), Node("x")), (Edge("z", "x", frequency=0.9),)))
    >>> drawn.count("<rect"), drawn.count("<path class='edge'"), "found in 90% of the resamples" in drawn
    (2, 1, True)
    """
    wide = {name: max(34.0, _LETTER * len(name) + 18) for name in graph.names}
    laid = lay_out(graph, wide)
    edges = "".join(
        _edge(graph, edge, [laid.centre[edge.cause], *bends, laid.centre[edge.effect]])
        for edge, bends in zip(graph.edges, laid.bends, strict=True)
    )
    nodes = "".join(
        _node(n, wide[n.name], *laid.centre[n.name], (colours or {}).get(n.name, MUTED)) for n in graph.nodes
    )
    head = (
        "<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto' "
        f"markerUnits='userSpaceOnUse'><path d='M0 0L8 4L0 8z' fill='{MUTED}'/></marker></defs>"
    )
    return (
        f"<svg role='img' viewBox='0 0 {laid.width:.0f} {laid.height:.0f}' width='{laid.width:.0f}'>"
        f"<title>{escape(title)}</title>{head}{edges}{nodes}</svg>"
    )


def draw(graph: LatentGraph, path: str | Path, title: str = "") -> Path:
    """Write the drawing, with the evidence on hover and as a table, to one HTML file that opens offline.

    Args:
        graph: the graph.
        path: of the file; it is replaced whole or not at all.
        title: of the page.

    >>> import tempfile
    >>> path = draw(LatentGraph((Node("z", latent=True), Node("x")), (Edge("z", "x"),)), tempfile.mkdtemp() + "/g.html")
    >>> "http://" in path.read_text() or "https://" in path.read_text()
    False
    """
    title = title or (f"Graph found by {graph.method}" if graph.method else "Graph")
    pieces = []
    if graph.partial:
        pieces.append("<p class='warn'>Partial: the search was stopped early, and this is the graph so far.</p>")
    pieces.append(f"<div class='scroll'>{svg(graph, title=title)}</div>")
    pieces.append(
        "<p class='note'>Round: latent. Square: observed. Dashed: discrete. An arrow points from cause to effect; a "
        "line without a tip has no direction in the equivalence class. Rest the pointer on an edge or a variable to "
        "see what speaks for it.</p>"
    )
    pieces += [f"<p>{escape(note)}</p>" for note in graph.notes]
    if graph.edges:
        rows = "".join(
            f"<tr><td>{escape(e.arrow)}</td><td>{escape(_evidence(graph, e))}</td></tr>" for e in graph.edges
        )
        pieces.append(f"<table><thead><tr><th>edge</th><th>evidence</th></tr></thead><tbody>{rows}</tbody></table>")
    page = _PAGE.format(title=escape(title), ink=INK, muted=MUTED, body="\n".join(pieces))
    return write_text(path, page, "drawing")


def _evidence(graph: LatentGraph, edge: Edge) -> str:
    """What speaks for an edge, in one line."""
    said = [] if edge.score is None else [f"{graph.scale or 'score'} {edge.score:.3g}"]
    said += [] if edge.frequency is None else [f"found in {edge.frequency:.0%} of the resamples"]
    said += [edge.evidence] if edge.evidence else []
    return "; ".join(said) or "no evidence given"


def _edge(graph: LatentGraph, edge: Edge, points: list[tuple[float, float]]) -> str:
    path = _over(points[0], points[-1]) if points[0][1] == points[-1][1] else _through(points)
    faint = 1.0 if edge.frequency is None else 0.25 + 0.75 * edge.frequency
    tip = " marker-end='url(#tip)'" if edge.directed else ""
    told = escape(f"{edge.arrow}: {_evidence(graph, edge)}")
    return (
        f"<g class='tie'><title>{told}</title>"
        f"<path d='{path}' fill='none' stroke='transparent' stroke-width='12'/>"
        f"<path class='edge' d='{path}' fill='none' stroke='{LINE}' stroke-width='1.7' "
        f"stroke-opacity='{faint:.2f}'{tip}/></g>"
    )


def _over(start: tuple[float, float], end: tuple[float, float]) -> str:
    """The path of an edge within a row, over what stands between."""
    (x, y), (u, _) = start, end
    y -= HIGH / 2
    up = min(28.0, 12 + abs(u - x) / 12)
    return f"M{x:.1f} {y:.1f}C{x:.1f} {y - up:.1f} {u:.1f} {y - up:.1f} {u:.1f} {y - 2:.1f}"


def _through(points: list[tuple[float, float]]) -> str:
    """The path of an edge from row to row: upright where it passes one."""
    sign = 1 if points[-1][1] > points[0][1] else -1
    path = ""
    for i, ((x, y), (u, v)) in enumerate(pairwise(points)):
        y, v = y + sign * HIGH / 2, v - sign * (HIGH / 2 + 2 * (i == len(points) - 2))
        bend = (v - y) / 2
        path += f"{'L' if path else 'M'}{x:.1f} {y:.1f}C{x:.1f} {y + bend:.1f} {u:.1f} {v - bend:.1f} {u:.1f} {v:.1f}"
    return path


def _node(node: Node, wide: float, x: float, y: float, colour: str) -> str:
    about = [f"{'latent' if node.latent else 'observed'}, {node.kind}"]
    if node.size is not None:
        about.append(f"{node.size} {'categories' if node.kind == 'discrete' else 'dimensions'}")
    about += [node.evidence] if node.evidence else []
    dashes = " stroke-dasharray='5 3'" if node.kind == "discrete" else ""
    return (
        f"<g class='variable'><title>{escape(node.name)}: {escape('; '.join(about))}</title>"
        f"<rect x='{x - wide / 2:.1f}' y='{y - HIGH / 2:.1f}' width='{wide:.1f}' height='{HIGH}' "
        f"rx='{15 if node.latent else 3}' fill='{PAPER if node.latent else '#fff'}' stroke='{colour}' "
        f"stroke-width='2'{dashes}/>"
        f"<text x='{x:.1f}' y='{y + 4.5:.1f}' text-anchor='middle' font-size='13' fill='{INK}'>"
        f"{escape(node.name)}</text></g>"
    )
