"""Section: which code stands for which true latent, and whether the seeds agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from identikit.data import Truth
from identikit.engine import Runs
from identikit.errors import InputError
from identikit.metrics import match, mcc
from identikit.reports.case import Case, best
from identikit.reports.html import Html, join, note, tag
from identikit.reports.plots import SEQUENTIAL, label, plot

_ROWS = 2000
_MOST = 40
_RUNS = 32


def latents(case: Case) -> Html:
    """Maps of truth by code where the truth has continuous latents, and of run by run."""
    pieces: list[Html] = []
    truth = _continuous(case)
    if truth is not None:
        pieces += [_against(case, name, truth) for name in case.runs]
    elif case.truth is not None:
        pieces.append(
            note("The truth holds no continuous latent to correlate codes with; the seeds are compared instead.")
        )
    else:
        pieces.append(note("No truth is known of this data; the seeds are compared with each other instead."))
    several = [name for name, runs in case.runs.items() if len(runs) > 1]
    if several:
        pieces.append(_agreement(case, several))
    elif truth is None:
        raise InputError("no truth with continuous latents is known, and a single seed has no other to agree with")
    return join(*pieces)


def code_names(runs: Runs) -> list[str]:
    """A name for each code, with its block where there are several."""
    names = [f"z{i}" for i in range(runs.model.latents)]
    if len(runs.blocks) > 1:
        for block, positions in runs.blocks.items():
            for i in positions:
                names[i] = f"z{i} {block}"
    return names


def _continuous(case: Case) -> Truth | None:
    if case.truth is None:
        return None
    kept = [i for i, kind in enumerate(case.truth.kinds) if kind == "continuous"]
    if not kept:
        return None
    part = case.truth.take(_thin(case.rows))
    names = tuple(case.truth.names[i] for i in kept)
    return replace(
        part, latents=part.latents[:, kept], names=names, kinds=("continuous",) * len(kept), blocks={}, graph=None
    )


def _thin(rows: np.ndarray) -> np.ndarray:
    return rows[:: max(1, -(-len(rows) // _ROWS))]


def _against(case: Case, name: str, truth: Truth) -> Html:
    import plotly.graph_objects as go

    runs = case.runs[name]
    position = best(runs)
    found = match(case.one(name).encode(case.data.take(_thin(case.rows)))[0], truth)
    strength = np.abs(found.matrix)[:, :_MOST]
    codes = [label(c) for c in code_names(runs)][:_MOST]
    figure = go.Figure(
        go.Heatmap(
            z=strength, x=codes, y=[label(n) for n in found.names], colorscale=SEQUENTIAL, zmin=0, zmax=1,
            customdata=found.matrix[:, :_MOST], xgap=1.5, ygap=1.5,
            texttemplate="%{z:.2f}" if strength.size <= 150 else None,
            hovertemplate="%{y} and %{x}: %{customdata:.3f}<extra></extra>",
            colorbar={"title": "|Spearman|", "thickness": 12, "outlinewidth": 0},
        )
    )  # fmt: skip
    for factor, code in enumerate(found.codes):
        if 0 <= code < _MOST:
            figure.add_shape(
                type="rect", x0=code - 0.47, x1=code + 0.47, y0=factor - 0.46, y1=factor + 0.46,
                line={"color": "#d55e00", "width": 2.5},
            )  # fmt: skip
    figure.update_layout(
        xaxis={"title": "code", "side": "bottom", "type": "category"},
        yaxis={"title": "true latent", "autorange": "reversed", "type": "category", "automargin": True},
        margin={"l": 60, "r": 20, "t": 20, "b": 60},
    )
    caption = (
        f"Absolute rank correlation of each true latent with each code of {name}, seed {runs.table[position].seed} "
        "(the run with the least validation loss). Outlined: the code matched to each latent. Good: one dark square in "
        "each row, none of them sharing a column, all others pale."
    )
    return join(tag("h3", f"{name}: truth by code"), plot(figure, caption, height=130 + 44 * len(found.names)))


def _agreement(case: Case, names: list[str]) -> Html:
    """Run-by-run maps of several methods, side by side."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    across = min(len(names), 3)
    down = -(-len(names) // across)
    figure = make_subplots(down, across, subplot_titles=[label(n) for n in names], horizontal_spacing=0.12)
    said, most = [], 0
    for position, name in enumerate(names):
        runs = case.runs[name]
        shown = min(len(runs), _RUNS)
        most = max(most, shown)
        values = _pairs(runs[:shown].encode(case.data.take(_thin(case.rows))))
        seeds = [f"seed {r.seed}" + "".join(f", {k} {v:g}" for k, v in r.weights.items()) for r in runs.table[:shown]]
        place: dict[str, Any] = {"row": position // across + 1, "col": position % across + 1}
        figure.add_trace(
            go.Heatmap(
                z=values, x=seeds, y=seeds, coloraxis="coloraxis", xgap=1.5, ygap=1.5,
                texttemplate="%{z:.2f}" if shown <= 8 else None, hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
            ),
            **place,
        )  # fmt: skip
        number = str(position + 1) if position else ""
        figure.update_xaxes(type="category", constrain="domain", showgrid=False, **place)
        figure.update_yaxes(
            autorange="reversed", type="category", scaleanchor=f"x{number}", constrain="domain", showgrid=False, **place
        )
        apart = values[np.triu_indices(shown, 1)]
        said.append(f"{name} {apart.min():.2f} to {apart.max():.2f}")
    bar = {"title": "MCC", "thickness": 12, "outlinewidth": 0}
    figure.update_layout(
        coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "cmax": 1, "colorbar": bar},
        margin={"l": 70, "r": 20, "t": 40, "b": 50},
    )
    caption = (
        f"How well the codes of each two runs match one to one (mean correlation; {'; '.join(said)}). Runs of a method "
        "that identifies single latents agree near 1; agreement alone does not prove that what they agree on is the "
        "truth."
    )
    height = (110 + 44 * min(most, 8)) * down
    return join(tag("h3", "Agreement of the runs"), plot(figure, caption, height=height))


def _pairs(codes: np.ndarray) -> np.ndarray:
    """MCC of every pair of runs, `(runs, runs)`."""
    values = np.eye(len(codes))
    for i in range(len(codes)):
        for j in range(i):
            values[i, j] = values[j, i] = mcc(codes[i], codes[j], nulls=0).value
    return values
