"""Section: what rows would look like in another domain."""

from __future__ import annotations

import numpy as np

from identikit.data import Dataset
from identikit.engine import Runs
from identikit.errors import InputError
from identikit.reports.case import Case
from identikit.reports.glance import box, column_names, domains
from identikit.reports.html import Html, join, note, table, tag
from identikit.reports.pictures import picture_grid
from identikit.reports.plots import BAND, COLOURS, MUTED, label, plot

_PICTURES = 5
_MOST_DOMAINS = 6
_MOST_COLUMNS = 6
_LEVELS = np.linspace(0.01, 0.99, 99)


def transfers(case: Case) -> Html:
    """One grid or figure for each method that can carry rows from domain to domain."""
    data = case.data
    if isinstance(data.x, dict):
        raise InputError("x holds several modalities, and transfers are drawn for one")
    if len(case.data.schema.shape) not in (1, 3):
        raise InputError(f"rows of shape {case.data.schema.shape} are neither numbers in a row nor pictures")
    if "domain" not in data.names or len(data.names["domain"]) < 2:
        raise InputError("the data holds no two domains to carry rows between")
    return join(*(_method(case, name) for name in case.runs))


def _method(case: Case, name: str) -> Html:
    run = case.one(name)
    try:
        how = _how(run, case.shown)
        content = _pictures(case, run, how) if case.data.schema.image else _distributions(case, run, how)
    except InputError as reason:
        content = note(f"There is no transfer by {name}: {reason}.")
    return join(tag("h3", name), content)


def _how(run: Runs, data: Dataset) -> str:
    """`prior` where the model's prior knows domains, `swap` where it only has a changing block."""
    try:
        run.transfer(data.take(np.arange(1)), 0)
    except InputError as reason:
        if "changing" in run.blocks and len(run.blocks) > 1:
            return "swap"
        raise InputError(f"{reason}, and it has no changing block to swap") from None
    return "prior"


def _carry(case: Case, run: Runs, how: str, data: Dataset, target: int) -> np.ndarray:
    """The rows `(rows, ...)` in another domain, on the scale of `decode`."""
    if how == "prior":
        return run.transfer(data, target)[0]
    there = case.shown.take(np.flatnonzero(case.shown["domain"] == target))
    centre = run.encode(there)[0][:, list(run.blocks["changing"])].mean(0)
    return run.intervene(data, {"changing": centre})[0]


_WORDS = {
    "prior": "carried to the other domain as the model's prior says that domains differ",
    "swap": "given the mean changing block of the other domain (this model's prior knows no domains)",
}


def _pictures(case: Case, run: Runs, how: str) -> Html:
    data, truth = case.data, case.truth
    groups = domains(data)[:_MOST_DOMAINS]
    codes = [data.names["domain"].index(name) for name, _ in groups]
    sources = []
    for i in range(_PICTURES):
        here = case.rows[data["domain"][case.rows] == codes[i % len(codes)]]
        if len(here):
            sources.append(here[(i * 7919) % len(here)])
    chosen = data.take(np.array(sources))
    again = run.decode(run.encode(chosen))[0]
    moved = {code: _carry(case, run, how, chosen, code) for code in codes}
    x = np.asarray(data.x)
    concept = None
    if truth is not None and "concept" in truth.names:
        concept = truth.latents[:, truth.names.index("concept")]
    rows: list[tuple[str, list[np.ndarray | None]]] = []
    for i, source in enumerate(sources):
        own = int(data["domain"][source])
        if rows:
            rows.append(("", []))
        rows.append(
            (
                f"from {data.names['domain'][own]}",
                [x[source], again[i], *(None if c == own else moved[c][i] for c in codes)],
            )
        )
        if concept is not None:
            same = {c: np.flatnonzero((concept == concept[source]) & (data["domain"] == c)) for c in codes}
            real = [None if c == own or not len(same[c]) else x[same[c][0]] for c in codes]
            rows.append(("real pictures", [None, None, *real]))
    caption = (
        f"Held-out pictures, their reconstructions, and the same pictures {_WORDS[how]}."
        + (
            " Below: the real pictures of the same concept, a pairing that only the truth knows."
            if concept is not None
            else ""
        )
        + " Good: what the picture shows stays, and its style changes."
    )
    return picture_grid(rows, ["picture", "reconstruction", *(f"to {name}" for name, _ in groups)], caption)


def _distributions(case: Case, run: Runs, how: str) -> Html:
    data = case.shown
    x = np.asarray(data.x, dtype=float)
    scale = x.std(0).clip(1e-12)
    counts = np.bincount(data["domain"], minlength=len(data.names["domain"]))
    targets = np.flatnonzero((counts >= 8) & (counts < data.rows))[:16].tolist()
    if not targets:
        raise InputError("no domain holds the 8 test rows that a comparison takes")
    found = {}
    for code in targets:
        others, there = np.flatnonzero(data["domain"] != code), np.flatnonzero(data["domain"] == code)
        moved = _carry(case, run, how, data.take(others), int(code))
        halves = np.random.default_rng(0).permutation(there)
        floor = distance(x[halves[::2]], x[halves[1::2]], scale)
        found[code] = (moved, distance(x[others], x[there], scale), distance(moved, x[there], scale), floor)
    names = data.names["domain"]
    rows = [(names[code], before, after, floor) for code, (_, before, after, floor) in found.items()]
    whole = table(
        ("target domain", "before", "carried", "two halves of the target"),
        rows,
        "Mean distance of the columns' distributions from the real target domain, in standard deviations "
        "(Wasserstein-1): of the other domains' rows as they are, and carried there. The last column is what chance "
        "leaves between two halves of the real rows, so carried rows can hardly be nearer.",
        digits=2,
    )
    code = max(found, key=lambda c: found[c][1])
    return join(_boxes(data, x, found[code][0], int(code), how), whole)


def distance(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> float:
    """Mean over columns of the Wasserstein-1 distance of two samples `(rows, columns)`, by their percentiles.

    >>> a = np.random.default_rng(0).normal(size=(500, 2))
    >>> round(distance(a, a + 1, np.ones(2)), 3), distance(a, a, np.ones(2))
    (1.0, 0.0)
    """
    return float((np.abs(np.quantile(a, _LEVELS, axis=0) - np.quantile(b, _LEVELS, axis=0)) / scale).mean())


def _boxes(data: Dataset, x: np.ndarray, moved: np.ndarray, code: int, how: str) -> Html:
    import plotly.graph_objects as go

    names = column_names(data)[:_MOST_COLUMNS]
    there, others = x[data["domain"] == code], x[data["domain"] != code]
    target = label(data.names["domain"][code])
    figure = go.Figure()
    for name, values, line, fill in (
        ("other domains, as they are", others, MUTED, BAND),
        (f"other domains, carried to {target}", moved, COLOURS[0], "#cfe1ee"),
        (f"real {target}", there, COLOURS[1], "#f9dfcc"),
    ):
        columns = [values[:, i] for i in range(len(names))]
        look = {"name": name, "line": {"color": line, "width": 1.3}, "fillcolor": fill}
        figure.add_trace(box(columns, [label(n) for n in names], **look))
    figure.update_layout(
        boxmode="group",
        xaxis={"title": "column of x", "type": "category"},
        yaxis={"title": "value"},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        margin={"l": 60, "r": 20, "t": 50, "b": 45},
    )
    caption = (
        f"The domain that differs most from the others, {data.names['domain'][code]}: rows of the other domains, the "
        f"same rows {_WORDS[how]}, and the real rows there. Good: the middle box of each three looks like the "
        "right one. Boxes: middle half of the rows, and their 5th to 95th percentile."
    )
    return plot(figure, caption, height=380)
