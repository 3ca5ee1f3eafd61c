"""Section: the data at a glance."""

from __future__ import annotations

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.reports.case import Case
from identikit.reports.html import Html, facts, join, note
from identikit.reports.pictures import picture_grid
from identikit.reports.plots import BAND, COLOURS, label, plot
from identikit.splits import SPLITS

MOST_DOMAINS = 16
_MOST_COLUMNS = 6
_PICTURES = 8
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def glance(case: Case) -> Html:
    """Counts, labels, and what the rows look like."""
    data = case.data
    pieces = [facts(_facts(data, case.truth))]
    if "y" in data.names:
        pieces.append(_labels(data))
    if isinstance(data.x, dict):
        pieces.append(note("x holds several modalities, which are not drawn."))
    elif data.schema.image:
        try:
            pieces.append(sheet(data, case.truth))
        except InputError as reason:
            pieces.append(note(f"The pictures are not drawn: {reason}."))
    elif data.x.ndim == 2:
        pieces.append(columns(data))
    return join(*pieces)


def domains(data: Dataset) -> list[tuple[str, np.ndarray]]:
    """Name and row indices of each domain, the first of them; all rows as one where there are no domains."""
    if "domain" not in data.names or "domain" not in data:
        return [("all rows", np.arange(data.rows))]
    found = [(name, np.flatnonzero(data["domain"] == code)) for code, name in enumerate(data.names["domain"])]
    return [(name, rows) for name, rows in found if len(rows)][:MOST_DOMAINS]


def column_names(data: Dataset) -> list[str]:
    """A name for each column of `x`."""
    known = data.names.get("x", ())
    return [known[i] if i < len(known) else f"x{i}" for i in range(data.schema.shape[0])]


def box(rows: list[np.ndarray], names: list[str], **look: object) -> dict[str, object]:
    """A box trace of values by group: 5th to 95th percentile, quartiles, median."""
    low, first, middle, third, high = np.array([np.quantile(values, _QUANTILES) for values in rows]).T
    return {
        "type": "box",
        "x": names,
        "q1": first,
        "median": middle,
        "q3": third,
        "lowerfence": low,
        "upperfence": high,
        "line": {"width": 1.3},
        **look,
    }


def _facts(data: Dataset, truth: Truth | None) -> list[tuple[object, object]]:
    splits = ", ".join(f"{len(data.index(part)):,} {part}" for part in SPLITS)
    fields = [f"{name} ({len(data.names[name])} classes)" for name in data.schema.names if name in data.fields]
    fields += [f"{name} (numbers)" for name in data.schema.numbers]
    pairs: list[tuple[object, object]] = [
        ("rows", f"{data.rows:,}: {splits}"),
        ("one row", "; ".join(_shape(name, array) for name, array in data.modalities.items())),
        ("fields beside it", ", ".join(fields) or "none"),
    ]
    if "domain" in data.names:
        counts = np.bincount(data["domain"], minlength=len(data.names["domain"]))
        size = f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"
        pairs.append(("domains", f"{len(counts)}, of {size} rows each"))
    if truth is not None:
        latents = ", ".join(f"{n} ({k})" for n, k in zip(truth.names, truth.kinds, strict=True))
        pairs.append(("true latents", f"{latents}; the methods never saw them"))
    return pairs


def _shape(name: str, array: np.ndarray) -> str:
    size = " x ".join(map(str, array.shape[1:]))
    return f"{name}: a picture of {size} (channels, height, width)" if array.ndim == 4 else f"{name}: {size} numbers"


def _labels(data: Dataset) -> Html:
    import plotly.graph_objects as go

    groups = domains(data)
    names = data.names["y"]
    figure = go.Figure()
    for code in range(-1, min(len(names), 12)):
        name = "hidden" if code < 0 else names[code]
        counts = [int((data["y"][rows] == code).sum()) for _, rows in groups]
        if any(counts):
            shares = [count / len(rows) for count, (_, rows) in zip(counts, groups, strict=True)]
            figure.add_bar(
                y=[label(g) for g, _ in groups],
                x=shares,
                name=label(name),
                customdata=counts,
                orientation="h",
                marker={"color": BAND if code < 0 else (*COLOURS[:-1], *_MORE)[code], "line_width": 0},
                hovertemplate=f"%{{y}}: {label(name)}, %{{customdata:,}} rows (%{{x:.1%}})<extra></extra>",
            )
    figure.update_layout(
        barmode="stack",
        bargap=0.3,
        margin={"l": 110, "r": 20, "t": 20, "b": 45},
        xaxis={"title": "share of rows", "tickformat": ".0%", "range": [0, 1]},
        yaxis={"autorange": "reversed", "type": "category", "automargin": True},
        legend={"traceorder": "normal"},
    )
    caption = "Share of each label in each domain; a label marked hidden was masked before any method saw the data."
    return plot(figure, caption, height=max(90 + 26 * len(groups), 100 + 20 * (1 + min(len(names), 12))))


_MORE = ("#9c6b30", "#8cb369", "#3d405b", "#b56576", "#a0a0a0")


def columns(data: Dataset) -> Html:
    """The distribution of the first columns of `x` in each domain."""
    from plotly.subplots import make_subplots

    names = column_names(data)[:_MOST_COLUMNS]
    groups = domains(data)
    across = min(3, len(names))
    down = -(-len(names) // across)
    figure = make_subplots(
        down,
        across,
        shared_xaxes=True,
        subplot_titles=[label(n) for n in names],
        horizontal_spacing=0.07,
        vertical_spacing=0.2 / down,
    )
    for i in range(len(names)):
        values = [np.asarray(data.x)[rows, i] for _, rows in groups]
        look = {"line": {"color": COLOURS[0], "width": 1.3}, "fillcolor": "#dcebf5", "showlegend": False}
        figure.add_trace(box(values, [label(n) for n, _ in groups], **look), i // across + 1, i % across + 1)
    figure.update_xaxes(type="category", automargin=True)
    if len(groups) > 1:
        figure.update_xaxes(title="domain", row=down)
    more = data.schema.shape[0] - len(names)
    caption = (
        "Distribution of the first columns of x in each domain: the box holds the middle half of the rows, the line is "
        "the median, the whiskers reach from the 5th to the 95th percentile."
        + (f" {more} more column{'s' * (more > 1)} not drawn." if more else "")
    )
    return plot(figure, caption, height=130 + 180 * down)


def sheet(data: Dataset, truth: Truth | None) -> Html:
    """Some pictures of each domain; the same concepts below each other where the truth names them."""
    x = np.asarray(data.x)
    groups = domains(data)
    if truth is not None and "concept" in truth.names and len(groups) > 1:
        concept = truth.latents[:, truth.names.index("concept")]
        known = np.unique(concept[groups[0][1]])
        wanted = known[np.linspace(0, len(known) - 1, min(_PICTURES, len(known))).astype(int)]
        rows = [
            (name, [x[found[0]] if len(found := rows[concept[rows] == c]) else None for c in wanted])
            for name, rows in groups
        ]
        caption = "Each column shows one concept, each row one domain."
    else:
        rows = [
            (name, [x[rows[i]] for i in np.linspace(0, len(rows) - 1, min(_PICTURES, len(rows))).astype(int)])
            for name, rows in groups
        ]
        caption = "Some rows of each domain." if len(groups) > 1 else "Some rows."
    return picture_grid(rows, caption=caption)
