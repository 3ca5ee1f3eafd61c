"""What came out of a study, as tables: one row for each setting and metric, or for each run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from identikit.errors import InputError, unknown
from identikit.metrics.result import short
from identikit.studies.choice import chosen
from identikit.studies.store import Store
from identikit.writing import write_text

_RUNS = (
    "SELECT job, world, method, point, seed, status, reason, validation, steps, kept_step, cpu_seconds, "
    "target_seconds, selection_score FROM runs"
)
_SCORES = (
    "SELECT job, s.name AS name, s.value AS value, s.settings ->> 'direction' AS direction, "
    "map_keys(s.nulls)[1] AS null, map_values(s.nulls)[1].low AS low, map_values(s.nulls)[1].high AS high, "
    "map_values(s.nulls)[1].draws AS draws FROM (SELECT job, unnest(scores) AS s FROM runs)"
)
_SHOWN = {
    "setting": ("metric", "value", "mean", "low", "high", "null", "place", "rule", "seed", "runs", "cpu_seconds"),
    "run": ("seed", "status", "chosen", "validation", "cpu_seconds"),
}


@dataclass(frozen=True)
class Table:
    """Rows that print well.

    Attributes:
        rows: dicts with the same keys.
        shown: the keys that are printed.
        note: a line below.

    >>> print(Table([{"method": "vae", "mcc": 0.51234, "more": 1}], ("method", "mcc"), "one run"))
    method  mcc
    vae     0.512
    one run
    """

    rows: list[dict[str, Any]]
    shown: tuple[str, ...]
    note: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def where(self, **wanted: Any) -> Table:
        """The rows that have these values."""
        return Table([r for r in self.rows if all(r.get(k) == v for k, v in wanted.items())], self.shown, self.note)

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The header and the rows as text."""
        return self.shown, [tuple(_text(row[name]) for name in self.shown) for row in self.rows]

    def __str__(self) -> str:
        header, rows = self.cells()
        widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in (header, *rows)]
        return "\n".join([*lines, *([self.note] if self.note else [])])

    __repr__ = __str__

    def save(self, path: str | Path) -> Path:
        """Write all rows and keys as `.json` or `.csv`."""
        import csv
        import io

        suffix = Path(path).suffix.lower()
        if suffix == ".json":
            return write_text(path, json.dumps(self.rows, indent=1) + "\n", "table")
        if suffix != ".csv":
            raise InputError(f"a table is written into a file whose name ends in .json or .csv, not into {path}")
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]) if self.rows else list(self.shown))
        writer.writeheader()
        writer.writerows(self.rows)
        return write_text(path, text.getvalue(), "table")


def table(store: Store, by: str = "setting") -> Table:
    """What came out of a study.

    Args:
        store: its folder.
        by: `setting` for one row for each world, method, point of the sweep and metric, or `run` for each run.

    Returns:
        By setting: `value` (of the run that the rule chose; under the rule `last`, the mean over the runs), `mean`,
        `low` and `high` over the seeds, the null (its 5th to 95th percentile, the widest over the seeds) and where the
        value lies beside it, the `rule` and the `seed` that it chose; how many runs finished, diverged, failed and are
        left, and the mean CPU seconds to train one. A setting of which no run is scored has a row with the metric
        null. By run: the status, the validation loss, the CPU seconds, and the value of every metric.
    """
    if by not in _SHOWN:
        raise unknown("kind of table", by, _SHOWN)
    found, listed = store.query(_RUNS, _SCORES)
    # What the study calls them now: worlds or methods may have been added since.
    jobs = {job.id: {"world": job.world, "method": job.method, "point": job.point} for job in store.study.jobs}
    runs = [{**run, **jobs[run["job"]]} for run in found]
    scores: dict[str, list[dict[str, Any]]] = {}
    for score in listed:
        scores.setdefault(score["job"], []).append(score)
    picked = chosen(runs, store.study.select)
    axes = tuple(store.study.sweep)
    make = _settings if by == "setting" else _runs
    rows = make(store, runs, scores, picked, axes)
    metrics = tuple(rows[0])[len(_KEYS) + len(axes) :] if by == "run" and rows else ()
    note = f"{store.status()}; rule: {store.study.select}"
    if store.study.select == "oracle":
        note += "\noracle: the truth chose these runs, so no learner can reach these scores without it"
    return Table(rows, ("world", "method", *axes, *_SHOWN[by], *metrics), note)


_KEYS = ("world", "method", "seed", "status", "reason", "chosen", "validation", "cpu_seconds", "target_seconds", "job")


def _runs(
    store: Store, runs: Sequence[Mapping[str, Any]], scores: Mapping[str, Any], picked: set[str], axes: Sequence[str]
) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(score["name"] for found in scores.values() for score in found))
    rows = []
    for run in runs:
        own = {score["name"]: score["value"] for score in scores.get(run["job"], ())}
        point = {axis: run["point"].get(axis) for axis in axes}
        run = {**run, "chosen": "yes" if run["job"] in picked else ""}
        rows.append({**{key: run[key] for key in _KEYS}, **point, **{name: own.get(name) for name in names}})
    return rows


def _settings(
    store: Store, runs: Sequence[Mapping[str, Any]], scores: Mapping[str, Any], picked: set[str], axes: Sequence[str]
) -> list[dict[str, Any]]:
    total = Counter((job.world, job.method, json.dumps(job.point, sort_keys=True)) for job in store.study.jobs)
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {key: [] for key in total}
    for run in runs:
        groups[run["world"], run["method"], json.dumps(run["point"], sort_keys=True)].append(run)
    rows, last = [], store.study.select == "last"
    for key, own in groups.items():
        states = [run["status"] for run in own]
        fine = [run for run in own if scores.get(run["job"])]
        bad = {state: states.count(state) for state in ("diverged", "failed")}
        about = {
            "rule": store.study.select,
            "seed": None if last else next((run["seed"] for run in own if run["job"] in picked), None),
            "runs": _counted(total[key], len(own), bad),
            "finished": len(own) - sum(bad.values()),
            **bad,
            "left": total[key] - len(own),
            "reason": next((run["reason"] for run in own if run["reason"]), None),
            "cpu_seconds": _mean([run["cpu_seconds"] for run in own]),
            "target_seconds": _mean([run["target_seconds"] for run in own]),
            "reached": sum(run["target_seconds"] is not None for run in own),
        }
        point = {axis: json.loads(key[2]).get(axis) for axis in axes}
        by_name: dict[str | None, dict[str, Any]] = {}
        for run in fine:
            for score in scores[run["job"]]:
                by_name.setdefault(score["name"], {})[run["job"]] = score
        for name, found in (by_name or {None: {}}).items():
            rows.append({"world": key[0], "method": key[1], **point, **_metric(name, found, picked, store), **about})
    return rows


def _metric(name: str | None, found: Mapping[str, Any], picked: set[str], store: Store) -> dict[str, Any]:
    """One metric over the seeds of a setting."""
    values = {job: score["value"] for job, score in found.items() if score["value"] is not None}
    mean = _mean(list(values.values()))
    value = mean if store.study.select == "last" else next((v for job, v in values.items() if job in picked), None)
    first = next(iter(found.values()), None)
    kind = first["null"] if first else None
    nulls = [score for score in found.values() if score["low"] is not None]
    low = min((null["low"] for null in nulls), default=None)
    high = max((null["high"] for null in nulls), default=None)
    place = None
    if value is not None and low is not None and high is not None and nulls[0]["draws"]:
        place = "above" if value > high else "below" if value < low else "inside"
    return {
        "metric": name,
        "value": value,
        "mean": mean,
        "low": min(values.values(), default=None),
        "high": max(values.values(), default=None),
        "values": list(values.values()),
        "direction": "smaller" if first and first["direction"] == "smaller is better" else "larger",
        "null": None if low is None or high is None else f"{kind} {_between(low, high)}",
        "null_name": kind,
        "null_low": low,
        "null_high": high,
        "place": place,
    }


def _between(low: float, high: float) -> str:
    """The ends of a null, or the one value of a null without spread.

    >>> _between(-0.001, 0.12), _between(0.5, 0.5)
    ('0.00..0.12', '0.50')
    """
    return short(low) if short(low) == short(high) else f"{short(low)}..{short(high)}"


def _counted(total: int, done: int, bad: Mapping[str, int]) -> str:
    """The runs of a setting in words; those that went wrong are named.

    >>> _counted(8, 7, {"diverged": 1, "failed": 0})
    '6 of 8, 1 diverged'
    """
    wrong = "".join(f", {count} {state}" for state, count in bad.items() if count)
    return f"{done - sum(bad.values())} of {total}{wrong}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}"
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
