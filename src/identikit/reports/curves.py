"""Section: training curves with bands over the runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from identikit.errors import InputError
from identikit.reports.case import Case
from identikit.reports.html import Html
from identikit.reports.plots import COLOURS, colour, faint, label, plot

_ACROSS = 3
_LOG_FROM = 20.0


def curves(case: Case) -> Html:
    """One panel for the total, the validation loss and each term; one colour for each method."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    names = list(
        dict.fromkeys(n for r in case.runs.values() for n in ("total", "validation", *r.history) if n != "step")
    )
    if not any(runs.history.get("step") for runs in case.runs.values()):
        raise InputError("nothing was recorded during training")
    down = -(-len(names) // _ACROSS)
    titles = [_title(name) for name in names]
    figure = make_subplots(
        down, _ACROSS, subplot_titles=titles, horizontal_spacing=0.075, vertical_spacing=0.3 / max(down, 1)
    )
    smallest, largest = {}, {}
    for position, (method, runs) in enumerate(case.runs.items()):
        for i, name in enumerate(names):
            if name not in runs.history:
                continue
            low, middle, high = bands(np.array(runs.history[name], dtype=float))
            place: dict[str, Any] = {"row": i // _ACROSS + 1, "col": i % _ACROSS + 1}
            paint = colour(position)
            steps = runs.history["step"]
            shown = {"name": label(method), "legendgroup": method, "hoverinfo": "skip", "showlegend": False}
            if len(runs) > 1:
                figure.add_trace(
                    go.Scatter(
                        x=[*steps, *steps[::-1]], y=[*high, *low[::-1]], fill="toself", mode="lines",
                        fillcolor=faint(paint), line={"width": 0, "color": paint}, **shown
                    ),
                    **place,
                )  # fmt: skip
            figure.add_trace(
                go.Scatter(
                    x=steps, y=middle, mode="lines", line={"color": paint, "width": 1.8}, name=label(method),
                    legendgroup=method, showlegend=i == 0,
                    customdata=np.stack([low, high], 1),
                    hovertemplate="step %{x}: %{y:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})",
                ),
                **place,
            )  # fmt: skip
            if np.isfinite(low).any():
                smallest[i] = min(smallest.get(i, np.inf), float(np.nanmin(low)))
                largest[i] = max(largest.get(i, -np.inf), float(np.nanmax(high)))
    logs = [i for i in smallest if smallest[i] > 0 and largest[i] > _LOG_FROM * smallest[i]]
    for i in range(len(names)):
        kind = "log" if i in logs else "linear"
        figure.update_yaxes(type=kind, tickformat="~g", nticks=6, row=i // _ACROSS + 1, col=i % _ACROSS + 1)
    figure.update_xaxes(title="step", row=down)
    axes = ["yaxis" + (str(i + 1) if i else "") for i in range(len(names))]
    buttons = [
        {"label": kind, "method": "relayout", "args": [{f"{a}.type": kind for a in axes}]} for kind in ("linear", "log")
    ]
    figure.update_layout(
        legend={"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0},
        margin={"l": 55, "r": 15, "t": 70, "b": 45},
        updatemenus=[
            {
                "type": "buttons", "direction": "right", "buttons": buttons, "active": -1, "showactive": False,
                "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "pad": {"b": 28},
                "bgcolor": "#fff", "bordercolor": "#c9d1da", "font": {"size": 12, "color": COLOURS[0]},
            }
        ],
    )  # fmt: skip
    caption = (
        "Line: median over the runs; band: from the lowest run to the highest. Training losses are means since the "
        "last check, in nats or squared units of the term before its weight; 'total' is the weighted sum. "
        "A validation loss that rises while the total falls is over-fitting."
    )
    return plot(figure, caption, height=90 + 230 * down)


def bands(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest, median and highest finite value of each check, `(checks,)` each; NaN where no run has one.

    >>> low, middle, high = bands(np.array([[1.0, 3.0, np.inf], [np.nan] * 3]))
    >>> low.tolist(), middle.tolist(), high.tolist()
    ([1.0, nan], [2.0, nan], [3.0, nan])
    """
    out = np.full((3, len(values)), np.nan)
    for i, row in enumerate(values):
        row = row[np.isfinite(row)]
        if len(row):
            out[:, i] = row.min(), np.median(row), row.max()
    return out[0], out[1], out[2]


def _title(name: str) -> str:
    return {"total": "total, training", "validation": "total, validation"}.get(name, label(name))
