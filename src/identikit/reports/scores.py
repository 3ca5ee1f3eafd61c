"""Section: the scorecard, every value beside its nulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from identikit.engine import Runs
from identikit.errors import InputError
from identikit.metrics import Scorecard
from identikit.metrics.result import short
from identikit.reports.asked import rule, swatch
from identikit.reports.case import Case
from identikit.reports.html import Html, bullets, join, note, table, tag
from identikit.reports.plots import BAND, INK, MUTED, colour, label, plot

MEANINGS = {
    "mcc": "how well single codes stand for single true latents, up to order and sign. 1 is perfect. Information that "
    "is there but mixed scores as high as the random rotation: only above it are single latents found.",
    "block_r2": "how much of a block of true latents (right of the arrow) can be predicted from a block of codes "
    "(left). Near 1 where the names agree, and at the null elsewhere, means that the blocks are separated.",
    "domain_probe": "how often the domain of a row can be told from the codes. An invariant block should stay at "
    "chance; a changing block should not.",
    "retrieval": "how often the same concept in another domain is the nearest code there. 1 is perfect.",
}


def scores(case: Case) -> Html:
    """A dot plot of all methods, and a table for each."""
    cards = {name: card for name, card in case.scorecards.items() if isinstance(card, Scorecard)}
    missing = [
        f"{name}: {why}" if len(case.runs) > 1 else why
        for name, why in case.scorecards.items()
        if why not in cards.values()
    ]
    if not cards:
        raise InputError(str(next(iter(case.scorecards.values()))))
    kinds = list(dict.fromkeys(metric.split(" ")[0] for card in cards.values() for metric in card.metrics))
    known = [tag("code", kind) + tag("span", ": " + MEANINGS[kind]) for kind in kinds if kind in MEANINGS]
    order = list(case.runs)
    tables = [
        join(
            tag("h3", swatch(order.index(name), name), Html(" &middot; "), _chosen(card, case.runs[name])), _table(card)
        )
        for name, card in cards.items()
    ]
    return join(_dots(cards, order), bullets(Html(item) for item in known), *tables, *map(note, missing))


def _chosen(card: Scorecard, runs: Runs) -> Html:
    """How the runs were chosen: a scorecard of runs that the truth chose says so, whatever it stands beside."""
    return rule(replace(runs, rule=card.rule)) if "oracle" in card.rule.lower() else rule(runs)


def _dots(cards: Mapping[str, Scorecard], order: list[str]) -> Html:
    import plotly.graph_objects as go

    richest = sorted(cards.values(), key=lambda card: -len(card.metrics))
    metrics = list(dict.fromkeys(m for card in richest for m in card.metrics))
    holders = {m: [name for name, card in cards.items() if m in card.metrics] for m in metrics}
    step = 0.72 / len(cards)
    figure = go.Figure()
    shown: set[str] = set()

    def first(what: str) -> bool:
        new = what not in shown
        shown.add(what)
        return new

    for name, card in cards.items():
        for row in card.table():
            held = holders[row["metric"]]
            y = metrics.index(row["metric"]) + (held.index(name) - (len(held) - 1) / 2) * step
            if row["null"] is not None:
                figure.add_trace(_span(row, "null", y, BAND, 11, "null", first("null")))
            if row["reference"] is not None and row["reference_low"] != row["reference_high"]:
                figure.add_trace(_span(row, "reference", y, "#e8d5a3", 11, "random rotation", first("ref")))
            values = [score.value for score in card[row["metric"]]]
            paint = colour(order.index(name))
            figure.add_scatter(
                x=values, y=[y] * len(values), mode="markers", name=label(name), legendgroup=name,
                showlegend=first(name), marker={"color": paint, "size": 8, "opacity": 0.75, "line": {"width": 0}},
                hovertemplate=f"{label(name)}, {label(row['metric'])}: %{{x:.3f}}<extra></extra>",
            )  # fmt: skip
            figure.add_scatter(
                x=[row["mean"]], y=[y], mode="markers", name="mean", showlegend=first("mean"), legendrank=2000,
                marker={"symbol": "line-ns", "size": 13, "line": {"width": 2, "color": INK}},
                hovertemplate=f"{label(name)}, {label(row['metric'])}: mean %{{x:.3f}}<extra></extra>",
            )  # fmt: skip
    low = min(min(s.value for s in card[m]) for card in cards.values() for m in card.metrics)
    figure.update_layout(
        xaxis={"title": "score", "range": [max(min(low, 0.0), -0.25) - 0.04, 1.03], "zeroline": True},
        yaxis={
            "tickvals": list(range(len(metrics))),
            "ticktext": [label(m) for m in metrics],
            "range": [len(metrics) - 0.45, -0.55],
            "automargin": True,
            "zeroline": False,
            "showgrid": False,
        },
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"color": MUTED}},
        margin={"l": 60, "r": 20, "t": 50, "b": 45},
    )
    for line in range(1, len(metrics)):
        figure.add_hline(y=line - 0.5, line={"color": "#eef1f4", "width": 1})
    caption = (
        "One dot for each run. The grey band is the null: the values the metric takes by chance "
        "(5th to 95th percentile), with the rows permuted. "
        "The yellow band is what a code scores that holds all the information, but mixed by a random rotation. "
        "A value inside a band is no evidence of more than that band stands for."
    )
    return plot(figure, caption, height=110 + max(30, 17 * len(cards) + 12) * len(metrics))


def _span(row: Mapping[str, Any], key: str, y: float, paint: str, width: int, name: str, legend: bool) -> Any:
    import plotly.graph_objects as go

    low, high = row[f"{key}_low"], row[f"{key}_high"]
    # A null known in closed form has no width, and is drawn as a mark.
    pad = 0.004 if low == high else 0.0
    return go.Scatter(
        x=[low - pad, high + pad], y=[y, y], mode="lines", line={"color": paint, "width": width}, name=name,
        legendgroup=key, showlegend=legend,
        hovertemplate=f"{label(row[key])}: {low:.3f} to {high:.3f}<extra></extra>",
    )  # fmt: skip


def _table(card: Scorecard) -> Html:
    rows = [
        (
            tag("code", row["metric"]),
            short(row["mean"]),
            f"{short(row['low'])} to {short(row['high'])}",
            _null(row, "null"),
            _place(row["place"]),
            _null(row, "reference"),
            _place(row["reference_place"]),
        )
        for row in card.table()
    ]
    count = len(card.runs)
    caption = (
        f"Mean and range over {count} run{'s' * (count > 1)} on {card.n:,} {card.part} rows; "
        "'above' and 'below' say where the mean lies beside the interval to their left."
    )
    return table(("metric", "mean", "low to high", "null", "", "reference", ""), rows, caption)


def _null(row: Mapping[str, Any], key: str) -> str:
    if row[key] is None:
        return ""
    low, high = short(row[f"{key}_low"]), short(row[f"{key}_high"])
    return f"{row[key]} {low}" if low == high else f"{row[key]} {low}\u00a0to\u00a0{high}"


def _place(place: str | None) -> Html:
    return tag("span", place, kind="badge") if place else Html("")
