"""Rules that choose among runs; all but `oracle` see a data set only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, LeakError, unknown
from identikit.metrics import cross_correlation, mcc

if TYPE_CHECKING:
    from identikit.engine.runs import Runs

RULES = ("last", "validation", "agreement", "oracle")


def choose(runs: Runs, rule: str, truth: Truth | None, data: Dataset | None) -> Runs:
    """The runs that a rule picks: the best seed of each setting of the sweep; see `Runs.select`."""
    from dataclasses import replace

    if rule not in RULES:
        raise unknown("selection rule", rule, RULES)
    if truth is not None and rule != "oracle":
        raise LeakError(f"the rule '{rule}' may not see a Truth; only 'oracle' may, and is labelled so")
    if rule == "last":
        if runs.settings.select != "last":
            raise InputError("these runs kept their best parameters, not their last: fit with select='last'")
        return replace(runs, rule="last")
    scores = {"validation": _validation, "agreement": _agreement, "oracle": _oracle}[rule](runs, truth, data)
    scores[[run.status.startswith("diverged") for run in runs.table]] = -np.inf
    settings: dict[tuple[float, ...], int] = {}
    for i, run in enumerate(runs.table):
        key = tuple(run.weights.values())
        if key not in settings or scores[i] > scores[settings[key]]:
            settings[key] = i
    return replace(runs[list(settings.values())], rule=rule)


def _validation(runs: Runs, truth: Truth | None, data: Dataset | None) -> np.ndarray:
    losses = np.array([run.validation for run in runs.table])
    if np.isnan(losses).any():
        raise InputError("the data held no validation rows, so the rule 'validation' cannot choose")
    return -losses


def agreement(runs: Runs, data: Dataset | None = None) -> np.ndarray:
    """Mean MCC of each run's codes of the validation rows with those of the other runs of its setting, `(runs,)`."""
    data = runs._at_hand(data)
    codes = runs.encode(data.part("validation"))
    scores = np.zeros(len(runs))
    for i, run in enumerate(runs.table):
        peers = [j for j, other in enumerate(runs.table) if j != i and other.weights == run.weights]
        if not peers:
            raise InputError("the rule 'agreement' compares runs of different seeds, and there is only one")
        scores[i] = np.mean([_matched(codes[j], codes[i]) for j in peers])
    return scores


def _matched(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute rank correlation of the latents of two runs, matched one to one; a constant one counts 0."""
    from scipy.optimize import linear_sum_assignment

    strength = np.abs(cross_correlation(one, other))
    return float(strength[linear_sum_assignment(strength, maximize=True)].mean())


def _agreement(runs: Runs, truth: Truth | None, data: Dataset | None) -> np.ndarray:
    return agreement(runs, data)


def _oracle(runs: Runs, truth: Truth | None, data: Dataset | None) -> np.ndarray:
    if not isinstance(truth, Truth):
        raise InputError("the rule 'oracle' compares with the truth: hand it truth=")
    data = runs._at_hand(data)
    numbers = [i for i, kind in enumerate(truth.kinds) if kind == "continuous"]
    if not numbers:
        raise InputError("the rule 'oracle' needs a truth with continuous latents, and this one has none")
    codes, latents = runs.encode(data.part("test")), truth.part("test").latents[:, numbers]
    return np.array([mcc(code, latents, nulls=0).value for code in codes])
