"""Plotly figures as pieces of a page, in one look."""

from __future__ import annotations

from html import escape
from typing import Any

from identikit.reports.html import Html, text

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#5b5b5b")
"""The colours of Okabe and Ito, which most colour-blind readers can tell apart."""

INK, MUTED, GRID, BAND = "#1d2733", "#5d6b7a", "#e3e8ee", "#c9d1da"
SEQUENTIAL = [[0.0, "#f7f9fb"], [0.25, "#cfe1ee"], [0.5, "#86b8d9"], [0.75, "#3282b8"], [1.0, "#08406b"]]

_AXIS = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": BAND, "ticks": "outside", "tickcolor": BAND}
_LOOK: dict[str, Any] = {
    "template": None,
    "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": INK},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "colorway": list(COLOURS),
    "hoverlabel": {"font": {"size": 12}},
}


def colour(position: int) -> str:
    """The colour of the n-th method, column or domain."""
    return COLOURS[position % len(COLOURS)]


def faint(colour: str, alpha: float = 0.16) -> str:
    """A colour for bands.

    >>> faint("#0072b2")
    'rgba(0,114,178,0.16)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def label(value: object) -> str:
    """Text for a plot, in which Plotly would otherwise read tags."""
    return escape(str(value), quote=False)


def plot(figure: Any, caption: object = "", height: int = 360) -> Html:
    """Turn a Plotly figure into HTML for a `Section`; the page draws it.

    Args:
        figure: a `plotly.graph_objects.Figure`; it is not changed.
        caption: one plain sentence on what to see in it.
        height: in pixels.

    >>> import plotly.graph_objects as go
    >>> plot(go.Figure(go.Scatter(x=[0, 1], y=[1, 0])), "A line goes down.").count("<figcaption>")
    1
    """
    import plotly.graph_objects as go

    shown = go.Figure(figure)
    shown.update_layout(_LOOK)
    # A default of the look must not undo what the figure sets itself.
    shown.update_xaxes(_AXIS, overwrite=False).update_yaxes(_AXIS, overwrite=False)
    if figure.layout.margin.to_plotly_json() == {}:
        shown.update_layout(margin={"l": 60, "r": 20, "t": 40, "b": 50})
    # The text of a script element ends at the first "</", wherever it stands.
    data = (shown.to_json() or "").replace("<", "\\u003c")
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return Html(
        f'<figure><div class="plot" style="height:{height}px"></div>'
        f'<script type="application/json">{data}</script>{below}</figure>'
    )
