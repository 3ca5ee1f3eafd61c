"""Section: the scorecard, every value beside its nulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from identikit.engine import Runs
from identikit.errors import InputError
from identikit.metrics import Scorecard
from identikit.metrics.drawing import dots, height
from identikit.metrics.result import short
from identikit.reports.asked import rule, swatch
from identikit.reports.case import Case
from identikit.reports.html import Html, bullets, join, note, table, tag
from identikit.reports.plots import MUTED, colour, plot

MEANINGS = {
    "mcc": "how well single codes stand for single true latents, up to order and sign. 1 is perfect. Information that "
    "is there but mixed scores as high as the random rotation: only above it are single latents found.",
    "block_r2": "how much of a block of true latents (right of the arrow) can be predicted from a block of codes "
    "(left). Near 1 where the names agree, and at the null elsewhere, means that the blocks are separated.",
    "domain_probe": "how often the domain of a row can be told from the codes. An invariant block should stay at "
    "chance; a changing block should not.",
    "retrieval": "how often the same concept in another domain is the nearest code there. 1 is perfect.",
    "block_leakage": "how much a block of codes tells of the latents of other blocks, beyond what its own latents tell "
    "of them. Smaller is better: 0 is none.",
    "subspace_r2": "how much of the span of the true latents lies in the span of the codes. 1 is all of it.",
    "subspace_leakage": "how much of the span of the codes lies outside that of the true latents. Smaller is better.",
    "explained_share": "how much of each true latent the one code matched to it tells, by any map. 1 is all of it.",
    "dci": "whether each code matters to one latent (disentanglement), each latent needs one code (completeness), and "
    "the latents can be predicted at all (informativeness).",
    "mig": "how much more the best code says about a latent than the next best.",
    "sap": "how much better the best code predicts a latent than the next best.",
    "modularity": "whether each code is about one latent alone.",
    "explicitness": "how well a linear classifier reads the latents from all codes; chance is 0.5.",
    "info_modularity": "whether each code is about one latent alone.",
    "info_explicitness": "how much of the information about the latents a linear classifier reads from all codes.",
    "info_compactness": "whether each latent is held by one code alone.",
    "irs": "whether each code stays still while one latent is fixed and the others move.",
    "factor_vae": "whether the code that moves least tells which latent was held fixed. A rotation can score 1.",
    "beta_vae": "whether a linear classifier tells which latent pairs of rows share. A rotation can score 1.",
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
    missing += [
        f"{name}: {metric} is left out: {why}" for name, card in cards.items() for metric, why in card.left_out.items()
    ]
    return join(_dots(cards, order), bullets(Html(item) for item in known), *tables, *map(note, missing))


def _chosen(card: Scorecard, runs: Runs) -> Html:
    """How the runs were chosen: a scorecard of runs that the truth chose says so, whatever it stands beside."""
    return rule(replace(runs, rule=card.rule)) if "oracle" in card.rule.lower() else rule(runs)


def _dots(cards: Mapping[str, Scorecard], order: list[str]) -> Html:
    figure = dots(cards, [colour(order.index(name)) for name in cards])
    figure.update_layout(legend_font_color=MUTED)
    caption = (
        "One dot for each run. The grey band is the null: the values the metric takes by chance "
        "(5th to 95th percentile), with the rows permuted. "
        "The yellow band is what a code scores that holds all the information, but mixed by a random rotation. "
        "A value inside a band is no evidence of more than that band stands for."
    )
    return plot(figure, caption, height=height(cards))


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
