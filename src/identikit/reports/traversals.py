"""Section: what each latent does when it alone is moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identikit.data import Dataset
from identikit.engine import Runs
from identikit.errors import InputError
from identikit.reports.case import Case
from identikit.reports.glance import column_names
from identikit.reports.html import Html, join, note, tag
from identikit.reports.latents import code_names
from identikit.reports.pictures import picture_grid
from identikit.reports.plots import colour, label, plot

_STOPS = (5, 20, 35, 50, 65, 80, 95)
_POINTS = 25
_MOST_LATENTS = 6
_MOST_COLUMNS = 8


def traversals(case: Case) -> Html:
    """One grid or figure for each method."""
    if isinstance(case.data.x, dict):
        raise InputError("x holds several modalities, and traversals are drawn for one")
    if len(case.data.schema.shape) not in (1, 3):
        raise InputError(f"rows of shape {case.data.schema.shape} are neither numbers in a row nor pictures")
    draw = _pictures if case.data.schema.image else _lines
    return join(*(_try(draw, name, case) for name in case.runs))


def _try(draw: Callable[[Runs, Dataset], Html], name: str, case: Case) -> Html:
    try:
        return join(tag("h3", name), draw(case.one(name), case.shown))
    except InputError as reason:
        return join(tag("h3", name), note(f"There is no traversal of {name}: {reason}."))


def _paths(codes: np.ndarray, base: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Copies `(latents, stops, latents)` of one code, each latent in turn moved along `stops` `(latents, stops)`."""
    count = len(base)
    paths = np.tile(base, (count, stops.shape[1], 1))
    paths[np.arange(count), :, np.arange(count)] = stops
    return paths


def _pictures(run: Runs, data: Dataset) -> Html:
    codes = run.encode(data)[0]
    # A picture near the middle of the codes, so that no step leads far from what was seen.
    scale = codes.std(0).clip(1e-9)
    base = codes[np.square((codes - np.median(codes, 0)) / scale).sum(1).argmin()]
    paths = _paths(codes, base, np.percentile(codes, _STOPS, axis=0).T)
    seen = run.decode(paths.reshape(-1, len(base)))[0].reshape(*paths.shape[:2], *data.schema.shape)
    effect = np.abs(seen[:, -1] - seen[:, 0]).mean((1, 2, 3))
    order = effect.argsort()[::-1][:_MOST_LATENTS]
    names = code_names(run)
    rows = [(names[i], list(seen[i])) for i in order]
    left = len(base) - len(rows)
    caption = (
        "Each row decodes one picture's code while a single latent moves through its percentiles and the others stay. "
        "Latents are ordered by how much they change the picture"
        + (f"; the {left} with the least effect are left out. " if left else ". ")
        + "Good: each row changes one thing and keeps the rest."
    )
    return picture_grid(rows, [f"{stop} %" for stop in _STOPS], caption)


def _lines(run: Runs, data: Dataset) -> Html:
    from plotly.subplots import make_subplots

    codes = run.encode(data)[0]
    low, high = np.percentile(codes, [5, 95], axis=0)
    stops = np.linspace(low, high, _POINTS, axis=1)
    paths = _paths(codes, np.median(codes, 0), stops)
    x = np.asarray(data.x, dtype=float)
    seen = run.decode(paths.reshape(-1, paths.shape[-1]))[0].reshape(*paths.shape[:2], -1)
    seen = (seen - x.mean(0)) / x.std(0).clip(1e-12)
    shown, columns = min(len(paths), _MOST_LATENTS), column_names(data)[:_MOST_COLUMNS]
    across = min(shown, 3 if shown in (3, 5, 6) else 2 if shown == 2 else 4)
    down = -(-shown // across)
    names = code_names(run)
    figure = make_subplots(
        down, across, shared_yaxes=True, subplot_titles=[label(n) for n in names[:shown]],
        horizontal_spacing=0.03, vertical_spacing=0.28 / down,
    )  # fmt: skip
    for i in range(shown):
        for c, column in enumerate(columns):
            figure.add_scatter(
                x=stops[i], y=seen[i, :, c], mode="lines", name=label(column), legendgroup=column, showlegend=i == 0,
                line={"color": colour(c), "width": 1.8}, row=i // across + 1, col=i % across + 1,
                hovertemplate=f"{label(column)}: %{{y:.2f}}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(
        legend={"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0},
        margin={"l": 60, "r": 15, "t": 70, "b": 45},
    )
    figure.update_xaxes(title="value of the latent", row=down)
    figure.update_yaxes(title="output, in standard deviations", col=1)
    left = len(paths) - shown
    caption = (
        "Decoded columns of x while a single latent moves from its 5th to its 95th percentile and the others stay at "
        "their medians. Flat lines everywhere: the latent is not used."
        + (f" {left} more latent{'s' * (left > 1)} not drawn." if left else "")
    )
    return plot(figure, caption, height=110 + 220 * down)
