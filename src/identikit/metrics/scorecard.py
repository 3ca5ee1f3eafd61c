"""Scorecard: every score of every run, beside its nulls, to print, keep and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identikit.errors import InputError
from identikit.metrics.result import Score, library_version, short
from identikit.writing import write_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Scorecard:
    """The scores of one or more runs.

    Attributes:
        runs: for each run, its scores, in the same order for all.
        rule: how the runs were chosen; a rule that names `oracle` saw the truth, and the print says so.
        part: the rows that were scored: `train`, `validation`, `test` or `all`.
        n: number of those rows.
        left_out: metrics of a group that could not be computed, and why.
        version: of identikit.

    Raises:
        InputError: there is no run, or the runs hold different metrics.

    >>> from identikit.metrics import mcc
    >>> s = np.random.default_rng(0).normal(size=(200, 2))
    >>> print(Scorecard(((mcc(s, s),), (mcc(-s, s),)), rule="last step", part="test", n=200))
    2 runs, rule: last step, test rows, N=200, identikit ...
    metric  mean  low..high   null                              reference                           settings
    mcc     1.00  1.00..1.00  permuted rows 0.04..0.14 (above)  random rotation 0.71..1.00 (above)  spearman, ...
    """

    runs: tuple[tuple[Score, ...], ...]
    rule: str = "as given"
    part: str = "all"
    n: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    version: str = field(default_factory=library_version)

    def __post_init__(self) -> None:
        if not self.runs or not self.runs[0]:
            raise InputError("a scorecard needs at least one run with one score")
        names = [score.name for score in self.runs[0]]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"two scores are called '{twice}': give each its own name")
        for position, run in enumerate(self.runs):
            if [score.name for score in run] != names:
                raise InputError(
                    f"runs must hold the same metrics in the same order, and run {position} differs from run 0"
                )

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, in order."""
        return tuple(score.name for score in self.runs[0])

    def __getitem__(self, metric: str) -> tuple[Score, ...]:
        """The scores of one metric, one for each run."""
        if metric not in self.metrics:
            raise InputError(f"the scorecard has no metric '{metric}': it has {', '.join(self.metrics)}")
        position = self.metrics.index(metric)
        return tuple(run[position] for run in self.runs)

    def table(self) -> list[dict[str, Any]]:
        """One row for each metric, to print or to make a data frame of.

        Returns:
            Rows with `metric`, its `mean`, `low` and `high` over runs, `null` (name of the chance level) with
            `null_low` and `null_high` (5th and 95th percentile of its draws, the widest over runs), `place` (where the
            mean lies: `above`, `inside` or `below` the null), the same four for the second null as `reference`, and
            `settings`, those that are text. A null known in closed form has no spread, and so no place. `direction` is
            `larger` or `smaller`, whichever is better; for a distance or an error, `below` the null is the good place.
        """
        return [_row(name, self[name]) for name in self.metrics]

    def __str__(self) -> str:
        count = f"{len(self.runs)} run{'s' * (len(self.runs) > 1)}"
        lines = [f"{count}, rule: {self.rule}, {self.part} rows, N={self.n}, identikit {self.version}"]
        if "oracle" in self.rule.lower():
            lines.append("oracle: the truth chose these runs, so no learner can reach these scores without it")
        cells = [("metric", "mean", "low..high", "null", "reference", "settings")]
        cells += [
            (
                row["metric"],
                short(row["mean"]),
                f"{short(row['low'])}..{short(row['high'])}",
                _range(row, "null", "place"),
                _range(row, "reference", "reference_place"),
                row["settings"],
            )
            for row in self.table()
        ]
        widths = [max(len(line[column]) for line in cells) for column in range(6)]
        gaps = ("  ", "  ", "  ", "  ", "  ", "")
        lines += [
            "".join(c.ljust(w) + g for c, w, g in zip(line, widths, gaps, strict=True)).rstrip() for line in cells
        ]
        lines += [f"left out: {metric}: {why}" for metric, why in self.left_out.items()]
        return "\n".join(lines)

    __repr__ = __str__

    def plot(self) -> Figure:
        """Draw every metric: one dot for each run and a bar at their mean, before the null and the reference.

        Returns:
            A Plotly figure, to show or to change.

        >>> from identikit.metrics import mcc
        >>> s = np.random.default_rng(0).normal(size=(200, 2))
        >>> figure = Scorecard(((mcc(s, s),),)).plot()
        >>> [trace.name for trace in figure.data]
        ['null', 'reference', 'run', 'mean']
        """
        from identikit.metrics.drawing import dots, height

        cards = {"run": self}
        figure = dots(cards)
        return figure.update_layout(height=height(cards), plot_bgcolor="white", paper_bgcolor="white")

    def draw(self, path: str | Path) -> Path:
        """Write the plot as one HTML file that opens without a network, whole or not at all."""
        if Path(path).suffix.lower() != ".html":
            raise InputError(f"a scorecard is drawn into a file whose name ends in .html, and not into {path}")
        page = self.plot().to_html(include_plotlyjs=True, full_html=True, div_id="scorecard")
        return write_text(path, page, "plot")

    def json(self) -> dict[str, Any]:
        """The scorecard as plain JSON values; `Scorecard.parse` reads it back."""
        runs = [[score.json() for score in run] for run in self.runs]
        about = {"rule": self.rule, "part": self.part, "n": self.n, "left_out": self.left_out}
        return {"runs": runs, **about, "version": self.version}

    @staticmethod
    def parse(value: Mapping[str, Any]) -> Scorecard:
        """Rebuild a scorecard from `Scorecard.json()`."""
        runs = tuple(tuple(Score.parse(score) for score in run) for run in value["runs"])
        return Scorecard(runs, value["rule"], value["part"], value["n"], value["left_out"], value["version"])

    def save(self, path: str | Path) -> Path:
        """Write the scorecard as JSON, whole or not at all."""
        return write_text(path, json.dumps(self.json(), indent=1, allow_nan=False), "scorecard")

    @staticmethod
    def load(path: str | Path) -> Scorecard:
        """Read a scorecard that `save` wrote."""
        try:
            return Scorecard.parse(json.loads(Path(path).read_text(encoding="utf-8")))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"{path} is not a scorecard that identikit saved ({error})") from None


def _row(name: str, scores: tuple[Score, ...]) -> dict[str, Any]:
    """The table row of one metric."""
    values = [score.value for score in scores]
    mean = float(np.mean(values))
    row: dict[str, Any] = {"metric": name, "mean": mean, "low": min(values), "high": max(values)}
    names = [*scores[0].nulls, None, None]
    for null, key, place in ((names[0], "null", "place"), (names[1], "reference", "reference_place")):
        low = high = where = None
        if null is not None:
            low = min(score.nulls[null].low for score in scores)
            high = max(score.nulls[null].high for score in scores)
            if scores[0].nulls[null].draws:
                where = "above" if mean > high else "below" if mean < low else "inside"
        row |= {key: null, f"{key}_low": low, f"{key}_high": high, place: where}
    smaller = scores[0].settings.get("direction") == "smaller is better"
    return row | {"direction": "smaller" if smaller else "larger", "settings": scores[0].about}


def _range(row: Mapping[str, Any], key: str, place: str) -> str:
    """One null as text."""
    if row[key] is None:
        return ""
    low, high = short(row[f"{key}_low"]), short(row[f"{key}_high"])
    return f"{row[key]} {low if low == high else f'{low}..{high}'}" + (f" ({row[place]})" if row[place] else "")
