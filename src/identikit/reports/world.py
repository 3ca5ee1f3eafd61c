"""One page on a world: which assumptions hold in it, its graph, and samples."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from pathlib import Path

import numpy as np

from identikit.data import Dataset, Truth
from identikit.reports.diagram import diagram
from identikit.reports.glance import columns, domains, sheet
from identikit.reports.html import Html, facts, join, note, table, tag
from identikit.reports.page import Page, Section
from identikit.reports.pictures import picture_grid
from identikit.reports.plots import colour, label, plot
from identikit.worlds import Description, World

_SEQUENCES, _FRAMES, _LINES = 6, 10, 4
_BADGES = {"holds": "badge good", "broken": "badge warn", "unknown": "badge"}


def world_page(world: World, path: str | Path, rows: int = 2_000, seed: int = 0) -> tuple[Path, Description]:
    """Write one HTML file on a world, which opens from disk without a network.

    Args:
        world: any world.
        path: of the file; it is replaced whole or not at all.
        rows: of the sample that is looked at and drawn.
        seed: of that sample.

    Returns:
        The path, and the description that the page shows.

    >>> import tempfile
    >>> from identikit.worlds import DomainShift
    >>> path, told = world_page(DomainShift(domains=3), Path(tempfile.mkdtemp(), "world.html"), rows=300)
    >>> path.name, told["invertible"].word
    ('world.html', 'holds')
    """
    told = world.describe(rows, seed=seed)
    data, truth = world.sample(rows, seed=seed)
    page = Page(told.world, told.summary).add(
        Section("what", "What it is", _what(world, told)),
        Section("assumptions", "Which assumptions hold", _assumptions(told)),
        Section("graph", "How the latents hang together", _graph(told)),
        Section("samples", "What is observed", _samples(data, truth)),
    )
    return page.write(path), told


def _what(world: World, told: Description) -> Html:
    kinds = [(name, kind) for name, kind in zip(told.latents, told.kinds, strict=True)]
    named = [("latents", ", ".join(f"{name} ({kind})" for name, kind in kinds))]
    named += [(f"block {name}", ", ".join(members)) for name, members in told.blocks.items()]
    options = asdict(world) if is_dataclass(world) and not isinstance(world, type) else {}
    listed = [(name, repr(value)) for name, value in options.items()]
    return join(facts(named), table(("option", "value"), listed, "Options of this world."))


def _assumptions(told: Description) -> Html:
    rows = [
        (a.name, tag("span", a.word, kind=_BADGES[a.word]), a.why, "sample" if a.measured else "construction")
        for a in told.assumptions
    ]
    caption = f"What was measured was measured on {told.rows:,} rows; the rest is known from how the world is built."
    return table(("assumption", "", "why", "from"), rows, caption)


def _graph(told: Description) -> Html:
    if told.graph is None:
        return note("This world has no graph over its latents.")
    if not told.graph.any():
        return note("No latent causes another: the graph has no edge.")
    return diagram(told.latents, told.graph, told.blocks, f"{int(told.graph.sum())} edges, causes above.")


def _samples(data: Dataset, truth: Truth) -> Html:
    pieces = []
    for name, array in data.modalities.items():
        one = Dataset(array, data.fields, {k: v for k, v in data.names.items() if k not in data.modalities}, data.split)
        if len(data.modalities) > 1:
            pieces.append(tag("h3", name))
        if array.ndim == 4 and "sequence" in data:
            pieces.append(_film(one))
        elif array.ndim == 4:
            pieces.append(sheet(one, truth))
        elif array.ndim == 2 and "sequence" in data:
            pieces.append(_lines(one))
        elif array.ndim == 2:
            pieces.append(columns(one))
        else:
            pieces.append(note(f"One row of {name} has shape {array.shape[1:]}, which is not drawn."))
    return join(*pieces)


def _sequences(data: Dataset) -> list[np.ndarray]:
    """Row indices of the first sequences of each domain in turn."""
    groups = domains(data)
    found: list[np.ndarray] = []
    for _, rows in groups:
        codes = np.unique(data["sequence"][rows])[: max(1, _SEQUENCES // len(groups))]
        found += [rows[data["sequence"][rows] == code] for code in codes]
    return found[:_SEQUENCES]


def _film(data: Dataset) -> Html:
    x = np.asarray(data.x)
    shown = []
    for rows in _sequences(data):
        frames = rows[np.unique(np.linspace(0, len(rows) - 1, _FRAMES).astype(int))]
        shown.append((f"sequence {int(data['sequence'][rows[0]])}", [x[i] for i in frames]))
    return picture_grid(shown, caption="Each row is one sequence, from left to right.")


def _lines(data: Dataset) -> Html:
    import plotly.graph_objects as go

    figure, x = go.Figure(), np.asarray(data.x)
    rows = _sequences(data)[0]
    names = data.names.get("x", ())
    for i in range(min(_LINES, x.shape[1])):
        name = label(names[i] if i < len(names) else f"x{i}")
        figure.add_scatter(y=x[rows, i], name=name, line={"color": colour(i), "width": 1.5})
    figure.update_layout(xaxis={"title": "time"})
    return plot(figure, "The first columns of x along one sequence.", height=320)
