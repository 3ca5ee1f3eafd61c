"""Rules that choose among runs; all but `oracle` see a data set only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from identikit.data import Dataset, Truth
from identikit.engine.recipe import METHODS
from identikit.errors import InputError, LeakError, unknown
from identikit.metrics import assign, cross_correlation, mcc
from identikit.metrics.dependence import dependence

if TYPE_CHECKING:
    from identikit.engine.runs import Runs

RULES = ("last", "validation", "independence", "agreement", "oracle")


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
    choose_by = {"validation": _validation, "independence": _independence, "agreement": _agreement, "oracle": _oracle}
    scores = choose_by[rule](runs, truth, data)
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


def independence(runs: Runs, data: Dataset | None = None, latents: Sequence[int] | None = None) -> np.ndarray:
    """Minus the strongest dependence of a latent on another within domains, for each run, `(runs,)`.

    Args:
        runs: fitted runs.
        data: of the fit; its training rows are looked at.
        latents: those that should depend on no other; by default those that the method claims to find one by one, or
            all. Latents that say nothing about the data are left out.
    """
    data = runs._at_hand(data).part("train")
    codes, alive = runs.encode(data), runs.reliability(data) >= 0.5
    if latents is None:
        latents = components(runs)
    domain = data["domain"] if "domain" in data.fields else np.zeros(data.rows, np.int64)
    scores = np.full(len(runs), -1.0)
    for i, code in enumerate(codes):
        strength = dependence(code, domain)
        if strength is None:
            raise InputError("the rule 'independence' needs 20 training rows of a domain, and none has as many")
        strength = strength[[p for p in latents if alive[i, p]]][:, alive[i]]
        # A run in which no latent is left to compare has shown nothing.
        scores[i] = -strength.max() if strength.size > 1 else -1.0
    return scores


def components(runs: Runs) -> list[int]:
    """Positions of the latents that the method claims to find one by one; all of them where it says nothing."""
    method = METHODS.get(runs.settings.method)
    found = [
        position
        for name, positions in runs.blocks.items()
        if method is not None and method.claim.of(name) == "components"
        for position in positions
    ]
    return found or list(range(runs.model.latents))


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
    strength = np.abs(cross_correlation(one, other))
    return float(strength[np.arange(len(strength)), assign(strength).columns].mean())


def _independence(runs: Runs, truth: Truth | None, data: Dataset | None) -> np.ndarray:
    """Independence among the better half by validation loss, setting by setting; the others cannot win."""
    losses, scores = -_validation(runs, truth, data), independence(runs, data)
    losses[[run.status.startswith("diverged") for run in runs.table]] = np.inf
    for i, run in enumerate(runs.table):
        own = [losses[j] for j, other in enumerate(runs.table) if other.weights == run.weights]
        if losses[i] > np.median(own):
            scores[i] = -np.inf
    return scores


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
