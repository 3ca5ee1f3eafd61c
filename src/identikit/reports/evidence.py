"""The picture of a certificate's evidence, and what its latents turn out to be where there is a truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from identikit.data import Truth
from identikit.metrics import block_r2, match
from identikit.metrics.drawing import NULL, REFERENCE
from identikit.reports.case import Case
from identikit.reports.html import Html
from identikit.reports.plots import INK, MUTED, label, plot
from identikit.trust import Certificate, Latent
from identikit.trust.verdict import ENOUGH, LITTLE
from identikit.trust.view import CLAIMS

MOST = 24
"""The most latents that are shown one by one."""
_ROWS = 2000


@dataclass(frozen=True)
class Known:
    """How well the certified code does against the truth: the whole of it, and each latent by name."""

    whole: float
    latents: dict[str, float]


def dots(certificate: Certificate, known: Known | None) -> Html:
    """How well every other run, and every refit, finds each latent; one line for each block where there are many."""
    import plotly.graph_objects as go

    each = len(certificate.latents) <= MOST
    blocks = list(certificate.claims)
    order = [one.name for block in blocks for one in latents_of(certificate, block)]
    places = {name: place for place, name in enumerate(order)} if each else {}
    names = [label(f"{one} {certificate[one].block}") for one in order] if each else [label(b) for b in blocks]
    figure = go.Figure()
    shown: set[str] = set()

    def draw(name: str, points: list[tuple[float, float]], marker: dict[str, Any], says: str) -> None:
        figure.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], mode="markers", name=name, legendgroup=name,
            showlegend=name not in shown, marker=marker, hovertemplate=f"{says}: %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
        shown.add(name)

    for position, block in enumerate(blocks):
        of = latents_of(certificate, block)
        ys = {one.name: float(places[one.name]) if each else position + _spread(i) for i, one in enumerate(of)}
        scores = certificate.agreement.get(block, ()) or certificate.refit.get(block, ())
        low, high = min(ys.values()) - 0.42 * each, max(ys.values()) + 0.42 * each
        for null, paint in (("permuted rows", NULL), ("random rotation", REFERENCE)):
            if scores and null in scores[0].nulls:
                held = scores[0].nulls[null]
                figure.add_scatter(
                    x=[held.low, held.high, held.high, held.low], y=[low, low, high, high], fill="toself", mode="lines",
                    line={"width": 0}, fillcolor=paint, opacity=0.55, name=null, legendgroup=null, hoverinfo="skip",
                    showlegend=null not in shown,
                )  # fmt: skip
                shown.add(null)
        for name, part, marker in (
            ("other runs", certificate.agreement, {"color": "#0072b2", "size": 8 if each else 4, "opacity": 0.6}),
            ("refit", certificate.refit, {"color": "#d55e00", "size": 9, "symbol": "diamond-open"}),
        ):
            points = [(x, ys[at]) for score in part.get(block, ()) for at, x in score.parts.items()]
            if points:
                draw(name, points, marker, f"{label(block)}, {name}")
        bar = {"symbol": "line-ns", "size": 17 if each else 5, "line": {"width": 3 if each else 1.5, "color": INK}}
        draw("expected", [(one.expected, ys[one.name]) for one in of], bar, "expected")
        if known and (true := [(known.latents[one], ys[one]) for one in ys if one in known.latents]):
            draw("in truth", true, {"symbol": "star", "size": 12, "color": "#cc79a7"}, "in truth")
    for bound in (LITTLE, ENOUGH):
        figure.add_vline(x=bound, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure.update_layout(
        xaxis={"range": [-0.03, 1.03], "title": "rank correlation; expected: R2 where a block is claimed"},
        yaxis={"tickvals": list(range(len(names))), "ticktext": names, "range": [len(names) - 0.4, -0.6],
               "automargin": True, "showgrid": False, "zeroline": False},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 90, "r": 20, "t": 50, "b": 50},
    )  # fmt: skip
    caption = (
        "How well every other run, and every refit, finds the latents of the certified one, matched one to one. Good: "
        "many dots at the right, outside the bands of chance (grey) and of a code turned at random (yellow). Black: "
        f"the score to expect. Dotted: from {ENOUGH:g} on a latent can be supported; below {LITTLE:g} it is refused."
    )
    return plot(figure, caption, height=130 + (34 if each else 130) * len(names))


def _spread(position: int) -> float:
    """Places within a line, so that dots do not hide each other: the golden ratio fills it evenly."""
    return 0.7 * (position * 0.618034 % 1 - 0.5)


def find(case: Case, name: str, certificate: Certificate) -> Known | None:
    """The certified code against the truth of the rows that the report shows, by what is claimed of each block."""
    truth = case.truth
    if truth is None:
        return None
    rows = case.rows[:: max(1, -(-len(case.rows) // _ROWS))]
    runs = case.runs[name]
    seeds = [run.seed for run in runs.table]
    same = certificate.run < len(seeds) and seeds[certificate.run] == certificate.seed
    code = runs[certificate.run if same else seeds.index(certificate.seed)].encode(case.data.take(rows))[0]
    each: dict[str, float] = {}
    found: list[float] = []
    for block, claim in certificate.claims.items():
        positions = np.array([int(one.name[1:]) for one in latents_of(certificate, block)])
        positions = positions[code[:, positions].std(0) > 0]
        latents = _true(truth, block)[rows]
        if not latents.shape[1] or not len(positions):
            continue
        if claim == "components":
            matched = match(code[:, positions], latents)
            each |= {f"z{positions[c]}": abs(v) for c, v in zip(matched.codes, matched.values, strict=True) if c >= 0}
            values = np.abs(matched.values)
        else:
            told = block_r2(latents, code[:, positions], nulls=0)
            each |= {f"z{p}": value for p, value in zip(positions, told.parts.values(), strict=True)}
            values = np.array(list(told.parts.values()))
        found += values.tolist() if claim == strongest(certificate) else []
    return Known(float(np.mean(found)), each) if found else None


def _true(truth: Truth, block: str) -> np.ndarray:
    """The continuous true latents of that block, or all where the truth has no such block."""
    positions = truth.blocks.get(block, range(len(truth.names)))
    return truth.latents[:, [p for p in positions if truth.kinds[p] == "continuous"]]


def latents_of(certificate: Certificate, block: str) -> list[Latent]:
    """What is said of the latents of one block."""
    return [one for one in certificate.latents if one.block == block]


def strongest(certificate: Certificate) -> str:
    """The strongest claim, by which the whole is judged."""
    return next(claim for claim in CLAIMS if claim in certificate.claims.values())
