"""A graph in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from identikit.structure.latent_graph import LatentGraph


def describe(graph: LatentGraph) -> str:
    """The graph in plain text: its levels from the top, then its edges with their evidence.

    Args:
        graph: the graph.
    """
    hidden, edges = len(graph.latents), len(graph.edges)
    head = f"{len(graph.nodes)} variable{'s' * (len(graph.nodes) != 1)}"
    head += f", {hidden} of them latent (in brackets)" if hidden else ", all observed"
    head += f", {edges} edge{'s' * (edges != 1)}"
    head += "" if graph.directed else f", {sum(not e.directed for e in graph.edges)} of them without direction (--)"
    if graph.method:
        head = f"{graph.method}: {head}"
    lines = [head]
    if graph.partial:
        lines.append("PARTIAL: the search was stopped early, and this is the graph so far")
    levels = graph.levels
    for level in sorted(set(levels.values()), reverse=True):
        here = [_shown(graph, name) for name in graph.names if levels[name] == level]
        lines.append(f"level {level}  {', '.join(here)}")
    return "\n".join([*lines, *_edges(graph), *graph.notes])


def _shown(graph: LatentGraph, name: str) -> str:
    node = graph.node(name)
    about = [node.kind] if node.kind != "continuous" else []
    about += [str(node.size)] if node.size is not None else []
    shown = name + (f" ({' '.join(about)})" if about else "")
    return f"[{shown}]" if node.latent else shown


def _edges(graph: LatentGraph) -> list[str]:
    if not graph.edges:
        return []
    columns = [["edge", *(edge.arrow for edge in graph.edges)]]
    if any(edge.score is not None for edge in graph.edges):
        scores = ("-" if edge.score is None else f"{edge.score:.3g}" for edge in graph.edges)
        columns.append([graph.scale or "score", *scores])
    if any(edge.frequency is not None for edge in graph.edges):
        found = ("-" if edge.frequency is None else f"{edge.frequency:.0%}" for edge in graph.edges)
        columns.append(["found in", *found])
    if any(edge.evidence for edge in graph.edges):
        columns.append(["evidence", *(edge.evidence for edge in graph.edges)])
    widths = [max(map(len, column)) for column in columns]
    left = [0, *([len(columns) - 1] if columns[-1][0] == "evidence" else [])]
    return [
        "  ".join(
            c[i].ljust(w) if k in left else c[i].rjust(w) for k, (c, w) in enumerate(zip(columns, widths, strict=True))
        ).rstrip()
        for i in range(len(graph.edges) + 1)
    ]
