"""The dot plot of scorecards: every value of every run, before the null and the reference of its metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from identikit.metrics.scorecard import Scorecard

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#5b5b5b")
NULL, REFERENCE, INK, LINE = "#c9d1da", "#e8d5a3", "#1d2733", "#eef1f4"


def dots(cards: Mapping[str, Scorecard], colours: Sequence[str] = COLOURS) -> Figure:
    """Draw one line for each metric: the runs as dots, their mean as a bar, the null grey and the reference yellow.

    Args:
        cards: scorecards by the name they are shown under; they may hold different metrics.
        colours: of the cards, in turn.
    """
    import plotly.graph_objects as go

    richest = sorted(cards.values(), key=lambda card: -len(card.metrics))
    metrics = list(dict.fromkeys(metric for card in richest for metric in card.metrics))
    holders = {metric: [name for name, card in cards.items() if metric in card.metrics] for metric in metrics}
    smaller = {row["metric"] for card in cards.values() for row in card.table() if row["direction"] == "smaller"}
    step = 0.72 / len(cards)
    figure = go.Figure()
    reached = [0.0, 1.0]
    for position, (name, card) in enumerate(cards.items()):
        colour = colours[position % len(colours)]
        for row in card.table():
            metric, shown = row["metric"], escape(name, quote=False)
            held = holders[metric]
            y = metrics.index(metric) + (held.index(name) - (len(held) - 1) / 2) * step
            for key, paint in (("null", NULL), ("reference", REFERENCE)):
                # A reference known in closed form is a bound, and is left to the table.
                if row[key] is not None and (key == "null" or row["reference_low"] != row["reference_high"]):
                    figure.add_trace(_span(row, key, y, paint))
                    reached += [row[f"{key}_low"], row[f"{key}_high"]]
            values = [score.value for score in card[metric]]
            about = f"{shown}, {escape(metric, quote=False)}"
            figure.add_scatter(
                x=values, y=[y] * len(values), mode="markers", name=shown, legendgroup=f"card {name}",
                marker={"color": colour, "size": 8, "opacity": 0.75, "line": {"width": 0}},
                hovertemplate=f"{about}: %{{x:.3f}}<extra></extra>",
            )  # fmt: skip
            figure.add_scatter(
                x=[row["mean"]], y=[y], mode="markers", name="mean", legendgroup="mean", legendrank=2000,
                marker={"symbol": "line-ns", "size": 13, "line": {"width": 2, "color": INK}},
                hovertemplate=f"{about}: mean %{{x:.3f}}<extra></extra>",
            )  # fmt: skip
            reached += values
    _one_legend_entry_each(figure)

    # What is far worse than chance may leave the picture, so that the rest stays readable.
    low, high = max(min(reached), -0.25), max(reached)
    figure.update_layout(
        xaxis={"title": "score", "range": [low - 0.04, high + 0.03 * high], "zeroline": True},
        yaxis={
            "tickvals": list(range(len(metrics))),
            "ticktext": [escape(m, quote=False) + "<br><sup>smaller is better</sup>" * (m in smaller) for m in metrics],
            "range": [len(metrics) - 0.45, -0.55],
            "automargin": True,
            "zeroline": False,
            "showgrid": False,
        },
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        margin={"l": 60, "r": 20, "t": 50, "b": 45},
    )
    for line in range(1, len(metrics)):
        figure.add_hline(y=line - 0.5, line={"color": LINE, "width": 1})
    return figure


def height(cards: Mapping[str, Scorecard]) -> int:
    """Pixels that a plot of these cards needs."""
    metrics = {metric for card in cards.values() for metric in card.metrics}
    return 110 + max(30, 17 * len(cards) + 12) * len(metrics)


def _span(row: Mapping[str, Any], key: str, y: float, paint: str) -> Any:
    """The band from the 5th to the 95th percentile of a null."""
    import plotly.graph_objects as go

    low, high = row[f"{key}_low"], row[f"{key}_high"]
    # A null known in closed form has no width, and is drawn as a mark.
    pad = 0.004 if low == high else 0.0
    return go.Scatter(
        x=[low - pad, high + pad], y=[y, y], mode="lines", line={"color": paint, "width": 11}, name=key,
        legendgroup=key, hovertemplate=f"{escape(row[key], quote=False)}: {low:.3f} to {high:.3f}<extra></extra>",
    )  # fmt: skip


def _one_legend_entry_each(figure: Figure) -> None:
    seen: set[str] = set()

    def keep_first(trace: Any) -> None:
        trace.showlegend = trace.legendgroup not in seen
        seen.add(trace.legendgroup)

    figure.for_each_trace(keep_first)
