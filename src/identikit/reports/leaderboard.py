"""The leaderboard of a study: every world and method, scores beside nulls and cost, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from identikit.metrics.result import short
from identikit.reports.html import Html, bullets, code, facts, join, note, number, table, tag
from identikit.reports.page import Page, Section
from identikit.reports.plots import BAND, colour, faint, label, plot
from identikit.studies import Store

_MOST_PLOTS = 8
_RULES = {
    "last": "no run is chosen: the value is the mean over the seeds",
    "validation": "of the seeds, the run with the least loss on the validation rows",
    "independence": "of the better half of the seeds by validation loss, the run with the least dependent latents",
    "agreement": "of the seeds, the run whose codes agree best with those of the others",
    "oracle": "ORACLE: the truth chose the run, so no learner reaches these scores without it",
}


def leaderboard(store: Store, path: str | Path | None = None, title: str | None = None) -> Path:
    """Write the leaderboard of a study as one HTML file, which opens from disk without a network.

    Args:
        store: the folder of the study, finished or not.
        path: of the file; `leaderboard.html` in the folder by default.
        title: of the page.

    Returns:
        The path of the file.

    Raises:
        InputError: the file cannot be written.

    >>> import tempfile
    >>> from identikit.studies import Study, run
    >>> study = Study(["DomainShift"], ["vae"], seeds=2, rows=300, steps=20, metrics="mcc")
    >>> leaderboard(run(study, tempfile.mkdtemp(), launcher="here", progress=False)).name
    'leaderboard.html'
    """
    study, status = store.study, store.status()
    rows = list(store.table())
    rule = _RULES[study.select]
    lead = f"{study!r}.\nRule: {study.select}: {rule}.\nJobs: {status}."
    page = Page(title or f"Leaderboard of {store.folder.resolve().name}", lead)
    if not rows or all(row["metric"] is None for row in rows):
        page.add(Section("scores", "Scores", note("No run is scored yet.")))
    else:
        page.add(
            Section("scores", "Scores", _scores(store, rows)),
            Section("cost", "Cost beside quality", _cost(store, rows)),
        )
    page.add(
        Section("trouble", "Failed and diverged runs", _trouble(store)),
        Section("runs", "Every run", _runs(store)),
        Section("again", "To do this again", _again(store)),
    )
    return page.write(path if path is not None else store.folder / "leaderboard.html")


def _name(row: dict[str, Any], axes: Sequence[str]) -> str:
    """A method at its point of the sweep."""
    point = ", ".join(f"{axis}={row[axis]}" for axis in axes if row[axis] is not None)
    return f"{row['method']} ({point})" if point else row["method"]


def _scores(store: Store, rows: list[dict[str, Any]]) -> Html:
    axes = tuple(store.study.sweep)
    metrics = list(dict.fromkeys(row["metric"] for row in rows if row["metric"] is not None))
    names = list(dict.fromkeys(_name(row, axes) for row in rows))
    caption = (
        "One dot for each seed, a diamond for the value that the rule gives, and in grey what the metric takes by "
        "chance (the null, 5th to 95th percentile). A setting without a dot has no scored run: see its row below."
    )
    figures = [
        join(
            tag("h3", tag("code", metric), f", {_direction(rows, metric)} is better"),
            plot(
                _dots([r for r in rows if r["metric"] == metric], names, axes), caption * (not i), _height(rows, metric)
            ),
        )
        for i, metric in enumerate(metrics[:_MOST_PLOTS])
    ]
    more = [note(f"{len(metrics) - _MOST_PLOTS} more metrics stand in the table alone.")] * (len(metrics) > _MOST_PLOTS)
    return join(*figures, *more, _table(rows, axes))


def _direction(rows: list[dict[str, Any]], metric: str) -> str:
    return next(row["direction"] for row in rows if row["metric"] == metric)


def _height(rows: list[dict[str, Any]], metric: str) -> int:
    return 110 + 34 * sum(row["metric"] == metric for row in rows)


def _dots(rows: list[dict[str, Any]], names: list[str], axes: Sequence[str]) -> Any:
    """Every setting on a line of its own, for one metric."""
    import plotly.graph_objects as go

    figure = go.Figure()
    lines = [f"{label(row['world'])} | {label(_name(row, axes))}" for row in rows]
    for line, row in zip(lines, rows, strict=True):
        shade = colour(names.index(_name(row, axes)))
        if row["null_low"] is not None:
            figure.add_scatter(
                x=[row["null_low"], row["null_high"]], y=[line, line], mode="lines",
                line={"color": BAND, "width": 12}, hovertemplate=f"null {row['null']}<extra></extra>",
            )  # fmt: skip
        figure.add_scatter(
            x=row["values"], y=[line] * len(row["values"]), mode="markers",
            marker={"color": faint(shade, 0.45), "size": 8}, hovertemplate="seed: %{x:.3f}<extra></extra>",
        )  # fmt: skip
        if row["value"] is not None:
            figure.add_scatter(
                x=[row["value"]], y=[line], mode="markers", marker={"color": shade, "size": 13, "symbol": "diamond"},
                hovertemplate=f"{label(row['rule'])}: %{{x:.3f}}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(showlegend=False, margin={"l": 20, "r": 20, "t": 10, "b": 40})
    figure.update_yaxes(categoryorder="array", categoryarray=lines[::-1], automargin=True)
    return figure


def _table(rows: list[dict[str, Any]], axes: Sequence[str]) -> Html:
    """A table for each world."""
    header = ("method", "metric", "value", "rule", "runs", "mean", "low to high", "null", "", "CPU s a run")
    caption = (
        "'value' is that of the run which the rule chose, 'mean' and 'low to high' are over the seeds that finished; "
        "the badge says where the value lies beside its null. Every row names its rule, and the seed it chose."
    )
    kinds = {row["metric"]: row["null_name"] for row in rows if row["metric"] and row["null_name"]}
    if kinds:
        said = "; ".join(f"of {metric}: {kind}" for metric, kind in kinds.items())
        caption += f" Nulls {said}." if len(set(kinds.values())) > 1 else f" The null: {next(iter(kinds.values()))}."
    pieces: list[object] = []
    for world in dict.fromkeys(row["world"] for row in rows):
        cells = [
            (
                _name(row, axes),
                tag("code", row["metric"]) if row["metric"] else "none scored",
                _value(row["value"]),
                _rule(row),
                _count(row),
                _value(row["mean"]),
                "" if row["low"] is None else f"{short(row['low'])} to {short(row['high'])}",
                _null(row),
                tag("span", row["place"], kind="badge") if row["place"] else "",
                _value(row["cpu_seconds"], 2),
            )
            for row in rows
            if row["world"] == world
        ]
        pieces += [tag("h3", world), table(header, cells, caption)]
    return join(*pieces)


def _null(row: dict[str, Any]) -> str:
    if row["null_low"] is None:
        return ""
    low, high = short(row["null_low"]), short(row["null_high"])
    return low if low == high else f"{low} to {high}"


def _value(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value + 0.0:.{digits}f}"


def _rule(row: dict[str, Any]) -> Html | str:
    said = row["rule"] if row["seed"] is None else f"{row['rule']}, seed {row['seed']}"
    return tag("span", said.replace("oracle", "ORACLE"), kind="badge warn") if row["rule"] == "oracle" else said


def _count(row: dict[str, Any]) -> Html | str:
    """How many runs finished; what is missing is in a warning colour."""
    bad = row["diverged"] or row["failed"]
    said = row["runs"] + (f", {row['left']} to do" if row["left"] else "")
    return tag("span", said, kind="badge warn") if bad else said


def _cost(store: Store, rows: list[dict[str, Any]]) -> Html:
    """The first metric against the CPU seconds of a run, one dot for each setting."""
    import plotly.graph_objects as go

    axes = tuple(store.study.sweep)
    metric = next(row["metric"] for row in rows if row["metric"] is not None)
    shown = [row for row in rows if row["metric"] == metric and row["value"] is not None]
    names = list(dict.fromkeys(_name(row, axes) for row in rows))
    figure = go.Figure()
    for row in shown:
        about = f"{label(row['world'])}<br>{label(_name(row, axes))}"
        figure.add_scatter(
            x=[row["cpu_seconds"]], y=[row["value"]], mode="markers+text", name=label(_name(row, axes)),
            text=[label(_name(row, axes))], textposition="top center",
            marker={"size": 11, "color": colour(names.index(_name(row, axes)))},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1,
                "array": [row["high"] - row["value"]], "arrayminus": [row["value"] - row["low"]],
            },
            hovertemplate=f"{about}<br>%{{x:.3g}} s, %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(showlegend=False, margin={"l": 60, "r": 20, "t": 20, "b": 50})
    figure.update_xaxes(title="CPU seconds to train one run", type="log").update_yaxes(title=label(metric))
    said = (
        f"{metric} against the CPU seconds to train one run (those of the program it was trained in, divided by its "
        "runs), with the spread over seeds. Up and to the left is better."
    )
    if store.study.target is None:
        until = "No target was set, so the cost is that of all steps."
    else:
        reached = {(row["world"], _name(row, axes)): (row["reached"], row["target_seconds"]) for row in shown}
        until = join(
            tag("p", f"CPU seconds of a run until an MCC of {store.study.target:g}:"),
            bullets(
                f"{world}, {name}: {f'{number(seconds)} s' if count else 'not reached'} ({count} runs reached it)"
                for (world, name), (count, seconds) in reached.items()
            ),
        )
    return join(plot(figure, said, 420), until if isinstance(until, Html) else note(until))


def _trouble(store: Store) -> Html:
    bad, left = store.query(
        "SELECT world, method, point, status, reason, count(*) AS jobs, list(seed ORDER BY seed) AS seeds "
        "FROM runs WHERE status IN ('failed', 'diverged') GROUP BY ALL ORDER BY jobs DESC, world, method",
        "SELECT DISTINCT world, left_out FROM runs WHERE left_out != '{}' ORDER BY ALL",
    )
    missing = {f"{r['world']}: {name}: {why}" for r in left for name, why in json.loads(r["left_out"]).items()}
    said = join(tag("p", "Metrics that were left out:"), bullets(sorted(missing))) if missing else Html("")
    if not bad:
        return join(tag("p", "None: no run failed, and none diverged."), said)
    cells = [
        (r["world"], r["method"], r["point"], tag("span", r["status"], kind="badge warn"), r["jobs"],
         ", ".join(map(str, r["seeds"])), r["reason"] or "")
        for r in bad
    ]  # fmt: skip
    header = ("world", "method", "point", "ended", "runs", "seeds", "why")
    return join(table(header, cells, "They count in no score."), said)


def _runs(store: Store) -> Html:
    found = store.table("run")
    rows = list(found)[:500]
    cells = [tuple("" if row[name] is None else row[name] for name in found.shown) for row in rows]
    said = "Every run, with the one that the rule chose."
    said += f" The first 500 of {len(found)}: `identikit study table --runs` shows all." if len(found) > 500 else ""
    return table(found.shown, cells, said) if cells else note("No run is done yet.")


def _again(store: Store) -> Html:
    (versions,) = store.query("SELECT DISTINCT versions FROM runs ORDER BY ALL")
    pairs = [("made with", ", ".join(f"{k} {v}" for k, v in json.loads(row["versions"]).items())) for row in versions]
    call = f"identikit study run study.json --out {store.folder.name}"
    return join(
        tag("p", "Save this as study.json:"), code(json.dumps(store.study.json(), indent=1)), code(call), facts(pairs)
    )
