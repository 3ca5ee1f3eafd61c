"""What the parts of a certificate look at: fitted runs of one setting, the one in question, and held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth, require_dataset
from identikit.engine import METHODS, Runs
from identikit.engine.selection import independence
from identikit.errors import InputError, LeakError, unknown

CLAIMS = ("components", "block", "subspace")
"""What can be certified of a block, the strongest first."""
ROWS = 2000
"""The most held-out rows that are looked at."""


@dataclass(frozen=True, eq=False)
class View:
    """Runs, the run in question, and the rows it is judged on.

    Attributes:
        runs: all of one setting, none of them diverged.
        run: position of the run to be certified.
        data: what they were fitted on.
        rows: indices of the held-out rows: validation and test, at most `ROWS` of them.
        claims: what is to be certified of each block: `components`, `block` or `subspace`.
    """

    runs: Runs
    run: int
    data: Dataset
    rows: np.ndarray
    claims: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def held_out(self) -> Dataset:
        """The held-out rows as a data set."""
        return self.data.take(self.rows)

    @cached_property
    def one(self) -> Runs:
        """The run to be certified, alone."""
        return self.runs[self.run]

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes of the held-out rows by every run, (runs, rows, latents)."""
        return self.runs.encode(self.held_out)

    @property
    def code(self) -> np.ndarray:
        """Codes of the held-out rows by the run in question, (rows, latents)."""
        return self.codes[self.run]

    @cached_property
    def train_code(self) -> np.ndarray:
        """Codes of the training rows by the run in question, (rows, latents)."""
        return self.one.encode(self.data.part("train"))[0]

    @cached_property
    def reliability(self) -> np.ndarray:
        """Share of each latent's variance that the data decide, (latents,): the rest is the posterior's own."""
        return self.one.reliability(self.held_out)[0]

    @property
    def alive(self) -> list[int]:
        """Positions of the latents that the data decide at least half of; the others say nothing."""
        return np.flatnonzero(self.reliability >= 0.5).tolist()

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Positions of the latents of each block; none is empty."""
        return {name: positions for name, positions in self.runs.blocks.items() if positions}

    @property
    def domains(self) -> int:
        """Number of domains; 0 where the data have none."""
        return len(self.data.names["domain"]) if "domain" in self.data.fields else 0

    def claimed(self, *claims: str) -> list[int]:
        """Positions of the latents of the blocks of which one of these is claimed."""
        return [p for name, positions in self.blocks.items() if self.claims[name] in claims for p in positions]


def view(runs: Runs, data: Dataset, run: int | None = None, claims: Mapping[str, str] | None = None) -> View:
    """Check what is to be certified, and gather it.

    Args:
        runs: fitted runs of one setting.
        data: what they were fitted on.
        run: position of the run to be certified; by default the one that the rule `independence` picks where
            latents are to be found one by one, else the one with the least validation loss.
        claims: what is claimed of each block, where the method does not say it.

    Raises:
        LeakError: a truth was handed over.
        InputError: fewer than two runs, runs of several settings, other data than those of the fit, or an unknown
            block or claim.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(900, seed=0)
    >>> seen = view(ik.fit("imsda", data, seeds=2, steps=5, progress=False), data)
    >>> seen.codes.shape, seen.claims
    ((2, 180, 4), {'invariant': 'block', 'changing': 'components'})
    """
    if isinstance(runs, Truth) or isinstance(data, Truth):
        raise LeakError("certify was handed a Truth, and a certificate is what can be said without one")
    if isinstance(runs, list | tuple) and runs and all(isinstance(r, Runs) for r in runs):
        sizes = sorted({r.model.latents for r in runs})
        if len(sizes) > 1:
            raise InputError(f"runs with different numbers of latents ({sizes[0]} and {sizes[-1]}) cannot be compared")
        raise InputError("certify takes the runs of one fit: fit the seeds together, with seeds=8")
    if not isinstance(runs, Runs):
        raise InputError(f"certify takes fitted runs or the name of a method, not a {type(runs).__name__}")
    require_dataset(data, "certify")
    if data.schema != runs.schema or data.fingerprint() != runs.settings.data:
        raise InputError("these runs were fitted on other data than this: hand over the data of the fit")
    if len({tuple(r.weights.items()) for r in runs.table}) > 1:
        raise InputError("these runs are of several settings of a sweep: pick those of one, e.g. runs[[0, 2, 4]]")
    sound = [i for i, r in enumerate(runs.table) if not r.status.startswith("diverged")]
    if run is not None and run not in sound:
        raise InputError(f"run {run} cannot be certified: the runs that did not diverge are {sound}")
    if len(sound) < 2:
        raise InputError(
            f"a certificate compares runs of different seeds, and there {'is' if len(sound) == 1 else 'are'} "
            f"{len(sound)} that did not diverge: fit with seeds=4 or more"
        )
    kept = runs[sound]
    named = _claims(kept, claims)
    position = choose(kept, data, named) if run is None else sound.index(run)
    rows = np.flatnonzero(data.split > 0)
    if not len(rows):
        raise InputError("a certificate is about rows that no run was trained on, and the data have no held-out row")
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:ROWS])
    return View(kept, position, data, rows, named)


def choose(runs: Runs, data: Dataset, claims: Mapping[str, str]) -> int:
    """Position of the run that a certificate is about, unless the caller names one."""
    losses = np.array([r.validation if not r.status.startswith("diverged") else np.inf for r in runs.table])
    if np.isnan(losses).all():
        return 0
    latents = [p for name, positions in runs.blocks.items() if claims[name] == "components" for p in positions]
    if not latents or runs.model.latents < 2:
        return int(np.nanargmin(losses))
    scores = independence(runs, data, latents)
    return int(np.where(losses <= np.nanmedian(losses), scores, -np.inf).argmax())


def _claims(runs: Runs, given: Mapping[str, str] | None) -> dict[str, str]:
    """What is claimed of each block: as given, else as the method says, else that blocks are found as such."""
    for name, claim in (given or {}).items():
        if name not in runs.blocks:
            raise unknown("block", name, runs.blocks)
        if claim not in CLAIMS:
            raise unknown("claim", claim, CLAIMS)
    method = METHODS.get(runs.settings.method)
    own = {name: "block" if method is None else method.claim.of(name) for name in runs.blocks}
    own = {name: claim if claim in CLAIMS else "subspace" for name, claim in own.items()}
    return {**own, **(given or {})}
