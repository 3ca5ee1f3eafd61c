"""Which run stands for its setting: the rules of `Runs.select`, on what was recorded of each run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any


def chosen(runs: Sequence[Mapping[str, Any]], rule: str) -> set[str]:
    """The job of each setting that a rule picks; all that are no failures under the rule `last`.

    Args:
        runs: records with `job`, `world`, `method`, `point`, `status`, `validation` and `selection_score`.
        rule: see `Runs.select`.

    >>> run = {"world": "w", "method": "m", "point": {}, "status": "finished", "selection_score": None}
    >>> chosen([{**run, "job": "a", "validation": 2.0}, {**run, "job": "b", "validation": 1.0}], "validation")
    {'b'}
    """
    fine = [run for run in runs if run["status"] not in ("failed", "diverged")]
    if rule == "last":
        return {run["job"] for run in fine}
    settings: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        if run["status"] != "failed":
            key = run["world"], run["method"], json.dumps(run["point"], sort_keys=True)
            settings.setdefault(key, []).append(run)
    picked = set()
    for own in settings.values():
        able = [run for run in _able(own, rule) if run["status"] != "diverged"]
        if able:
            picked.add(max(able, key=lambda run: _chance(run, rule))["job"])
    return picked


def _able(runs: list[Mapping[str, Any]], rule: str) -> list[Mapping[str, Any]]:
    """The runs among which a rule may choose: for `independence`, the better half by validation loss."""
    if rule != "independence":
        return runs
    bound = median(math.inf if run["status"] == "diverged" else _loss(run) for run in runs)
    return [run for run in runs if _loss(run) <= bound]


def _chance(run: Mapping[str, Any], rule: str) -> float:
    if rule == "validation":
        return -_loss(run)
    return -math.inf if run["selection_score"] is None else run["selection_score"]


def _loss(run: Mapping[str, Any]) -> float:
    return math.inf if run["validation"] is None else run["validation"]
