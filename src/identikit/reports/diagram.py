"""A directed graph as an inline drawing: causes above, effects below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from identikit.reports.html import Html, text
from identikit.reports.plots import colour
from identikit.structure.drawing import svg
from identikit.structure.latent_graph import LatentGraph


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
    latent = LatentGraph.from_adjacency((graph != 0).astype(np.int8), names, names)
    drawing = svg(latent, {name: colour(of[name]) for name in names if name in of}, "graph of the latents")
    legend = "".join(
        f'<span class="swatch" style="background:{colour(i)}"></span>{text(name)} &emsp;'
        for i, name in enumerate(blocks or {})
        if i in {of.get(name) for name in names}
    )
    below = f"<figcaption>{legend}{'<br>' * bool(legend and caption)}{text(caption)}</figcaption>"
    return Html(f'<figure><div class="scroll">{drawing}</div>{below}</figure>')
