"""What a report is made of: runs by name, their data, and the truth where it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from identikit.data import Dataset, Truth, require_dataset
from identikit.engine import Runs
from identikit.errors import InputError, unknown
from identikit.metrics import Scorecard, score
from identikit.trust import Certificate


@dataclass(frozen=True, eq=False)
class Case:
    """Everything the sections read.

    Attributes:
        runs: fitted runs by the name they are shown under.
        data: what is shown and encoded.
        truth: of the same rows, where it is known.
        scorecards: by name; a sentence where there is none.
        certificates: by name; none where none was made.
    """

    runs: Mapping[str, Runs]
    data: Dataset
    truth: Truth | None
    scorecards: Mapping[str, Scorecard | str]
    certificates: Mapping[str, Certificate] = field(default_factory=dict)

    @property
    def part(self) -> str:
        """The rows that are shown: those held out for the test, or all where none are."""
        return "test" if len(self.data.index("test")) else "all"

    @property
    def rows(self) -> np.ndarray:
        """Indices of the rows that are shown."""
        return self.data.index(self.part)

    @property
    def shown(self) -> Dataset:
        """The rows that are shown."""
        return self.data.take(self.rows)

    def one(self, name: str) -> Runs:
        """The run that pictures are made with: the one with the least validation loss, which no truth decides."""
        runs = self.runs[name]
        return runs[best(runs)]


def best(runs: Runs) -> int:
    """Position of the run with the least validation loss among those that did not diverge."""
    losses = [r.validation if not r.status.startswith("diverged") else np.inf for r in runs.table]
    return int(np.argmin(np.nan_to_num(losses, nan=1e300, posinf=np.inf)))


def make_case(
    runs: Runs | Mapping[str, Runs],
    data: Dataset | None = None,
    truth: Truth | None = None,
    scorecard: Scorecard | Mapping[str, Scorecard] | None = None,
    certificate: Certificate | Mapping[str, Certificate] | None = None,
) -> Case:
    """Check what a report is asked for, and score the runs where there is a truth and no scorecard."""
    if isinstance(data, Truth):
        raise InputError("the data is a Truth: report takes (runs, data, truth), in that order")
    if truth is not None and not isinstance(truth, Truth):
        raise InputError(f"the truth is a {type(truth).__name__}, not a Truth: it is what a world returns second")
    named = dict(runs) if isinstance(runs, Mapping) else {runs.settings.method: runs} if _is_runs(runs) else {}
    if not named or not all(_is_runs(r) for r in named.values()):
        raise InputError(f"report takes Runs, or a dict of Runs by name, not {type(runs).__name__}")
    if data is None:
        data = next((r.data for r in named.values() if r.data is not None), None)
    if data is None:
        raise InputError("these runs no longer hold their data: pass it as data=")
    data = require_dataset(data, "report")
    for name, each in named.items():
        if each.schema.x != data.schema.x:
            raise InputError(
                f"'{name}' was fitted on rows of shape {each.schema.x}, and the data has {data.schema.x}: "
                "a report shows methods that were fitted on one data set"
            )
    if truth is not None and truth.rows != data.rows:
        raise InputError(f"lengths differ: the data has {data.rows} rows and the truth has {truth.rows}")
    certificates = _certificates(certificate, named)
    cards = _cards(scorecard, named)
    scored = {n: cards.get(n) or _score(r, data, truth) for n, r in named.items()}
    return Case(named, data, truth, scored, certificates)


def _is_runs(value: object) -> bool:
    return isinstance(value, Runs)


def _cards(given: Scorecard | Mapping[str, Scorecard] | None, runs: Mapping[str, Runs]) -> dict[str, Scorecard]:
    if given is None:
        return {}
    if not isinstance(given, Scorecard):
        return dict(given)
    if len(runs) > 1:
        raise InputError(f"there are {len(runs)} sets of runs and one scorecard: hand over a dict of them by name")
    return {next(iter(runs)): given}


def belongs(certificate: Certificate, runs: Runs) -> str:
    """Why a certificate cannot be of these runs; empty where it can."""
    if certificate.method != runs.settings.method:
        return f"it is of {certificate.method}, and these runs are of {runs.settings.method}"
    if certificate.data != runs.settings.data:
        return "it is of a fit on other data"
    if certificate.seed not in [run.seed for run in runs.table]:
        return f"it is of seed {certificate.seed}, which is not among these runs"
    if set(certificate.claims) - set(runs.blocks) or len(certificate.latents) != runs.model.latents:
        return "its latents are not those of these runs"
    return ""


def _certificates(
    given: Certificate | Mapping[str, Certificate] | None, runs: Mapping[str, Runs]
) -> Mapping[str, Certificate]:
    """Certificates by the name of their runs, once each belongs to them."""
    if isinstance(given, Certificate):
        if len(runs) > 1:
            raise InputError(
                f"there are {len(runs)} sets of runs and one certificate: hand over a dict of them by name"
            )
        given = {next(iter(runs)): given}
    for name, certificate in (given or {}).items():
        if name not in runs:
            raise unknown("name of runs", name, runs)
        if not isinstance(certificate, Certificate):
            raise InputError(f"the certificate of {name} is a {type(certificate).__name__}: see identikit.certify")
        if why := belongs(certificate, runs[name]):
            raise InputError(f"the certificate is not of the runs {name}: {why}")
    return dict(given or {})


def _score(runs: Runs, data: Dataset, truth: Truth | None) -> Scorecard | str:
    if truth is None:
        return "No truth is known of this data, so nothing can be scored against it."
    try:
        return score(runs, truth, data=data, part="test" if len(data.index("test")) else "all")
    except InputError as reason:
        return f"The runs could not be scored: {reason}."
