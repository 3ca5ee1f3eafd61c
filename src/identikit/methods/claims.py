"""Small worlds and measures that the checks of several methods share, and `verify`, which runs them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from identikit.engine import Check, find, fit
from identikit.errors import IdentifiabilityWarning
from identikit.metrics import block_r2, mcc
from identikit.worlds import DomainShift, World

_ROWS_PER_DOMAIN = 1000
_ROWS = 6000
"""Of a world without domains."""


def changing_world(seed: int, domains: int = 9) -> World:
    """Two invariant and two changing latents in nine domains."""
    return DomainShift(domains=domains, seed=seed)


def two_domains(seed: int) -> World:
    """The same latents in two domains: too few for any claim about components."""
    return changing_world(seed, domains=2)


def only_changing(seed: int) -> World:
    """Three changing latents and no other in nine domains."""
    return DomainShift(invariant=0, changing=3, seed=seed)


def only_invariant(seed: int) -> World:
    """Three latents in nine domains that are all alike."""
    return DomainShift(invariant=3, changing=0, seed=seed)


def kernel_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Held-out share of the truth's variance that a kernel regression finds in the estimate."""
    return block_r2(estimate, truth, regressor="kernel", nulls=0).value


def coarse_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """The same after rounding codes to one decimal.

    A latent that a standard normal prior has switched off keeps a mean close to 0, under a posterior of deviation 1.
    That residue is no information that the model uses, but a regressor that rescales it reads it.
    """
    return kernel_r2(estimate.round(1), truth)


def spearman_mcc(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Spearman MCC, without its nulls."""
    return mcc(estimate, truth, correlation="spearman", nulls=0).value


def whole_code() -> Check:
    """The whole code tells all latents, when it has as many."""
    return Check(
        says="holds: with as many latents as the data, the code tells all of them (kernel R2)",
        world=changing_world,
        metric=kernel_r2,
        at_least=0.9,
    )


def few_latents() -> Check:
    """A code of one number cannot tell four latents."""
    return Check(
        says="broken: a code of one latent cannot tell the four of the data (kernel R2)",
        world=changing_world,
        options={"latents": 1},
        metric=kernel_r2,
        below=0.7,
    )


@dataclass(frozen=True)
class Verified:
    """The outcome of one check over several worlds.

    Attributes:
        says: what the check shows.
        values: the metric in each world.
        bound: what it should keep, in words.
        ok: whether the mean keeps it.
    """

    says: str
    values: tuple[float, ...]
    bound: str
    ok: bool

    @property
    def mean(self) -> float:
        """Mean of the metric over the worlds."""
        return float(np.mean(self.values))

    @property
    def low(self) -> float:
        """Smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """Largest value."""
        return max(self.values)


@dataclass(frozen=True)
class Verification:
    """Both sides of a method's claim, run.

    Attributes:
        method: its name.
        rows: one outcome for each check.
    """

    method: str
    rows: tuple[Verified, ...]

    @property
    def ok(self) -> bool:
        """Whether the claim holds where it should and fails where it should."""
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        lines = [f"{self.method}: the claim {'is borne out' if self.ok else 'is NOT borne out'}"]
        for row in self.rows:
            mark = "ok  " if row.ok else "FAIL"
            lines.append(f"  {mark} {row.says}: {row.mean:.2f} ({row.low:.2f} to {row.high:.2f}), wanted {row.bound}")
        return "\n".join(lines)


def verify(name: str, seeds: int = 4, worlds: int = 2, first: int = 0, progress: bool | None = None) -> Verification:
    """Run the smallest worlds in which a method's claim should hold, and in which it should fail.

    Args:
        name: of the method.
        seeds: runs in each world, of which the one with the least validation loss counts.
        worlds: how many random worlds for each check.
        first: number of the first of them; no bound was set on those from 1000 on.
        progress: False for silence.

    Returns:
        Both sides, each with its bound.
    """
    method = find(name)
    rows = []
    for check in method.checks:
        values = tuple(_measure(name, check, world, seeds, progress) for world in range(first, first + worlds))
        mean = float(np.mean(values))
        if check.at_least is not None:
            rows.append(Verified(check.says, values, f"at least {check.at_least:g}", mean >= check.at_least))
        elif check.below is not None:
            rows.append(Verified(check.says, values, f"below {check.below:g}", mean < check.below))
    return Verification(name, tuple(rows))


def _measure(name: str, check: Check, seed: int, seeds: int, progress: bool | None) -> float:
    world: Any = check.world(seed)
    rows = _ROWS_PER_DOMAIN * world.domains if hasattr(world, "domains") else _ROWS
    data, truth = world.sample(rows, seed=0)
    with warnings.catch_warnings():
        # A world in which a claim should fail may well have too few domains.
        warnings.simplefilter("ignore", IdentifiabilityWarning)
        runs = fit(name, data, seeds=seeds, progress=progress, **check.options).select("validation")
    if check.whole:
        return check.metric(runs, data.part("test"), truth.part("test"))
    codes, latents = runs.encode(data.part("test"))[0], truth.part("test").latents
    if check.block != "all":
        codes, latents = codes[:, list(runs.blocks[check.block])], truth.part("test").block(check.block)
    metric: Callable[[np.ndarray, np.ndarray], float] = check.metric
    return metric(codes, latents)
