"""Small worlds of time and segments, and a measure, for the checks of the methods that learn from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.windows import windows
from identikit.metrics import block_r2
from identikit.worlds import World
from identikit.worlds.auxiliary import Auxiliary
from identikit.worlds.temporal import Temporal

_FIRST = 20
"""Seeds of worlds below it were looked at when the options of pcl and tcl were set."""
_FIRST_DRIVEN = 40
"""The same for tdrl."""


@dataclass(frozen=True)
class InTime:
    """A world whose rows are given their past, in the form that `verify` takes.

    Attributes:
        world: of time, or without time where `past` is 0.
        past: how many time points stand beside each row.
        domains: thousands of rows, before those without a past are dropped.
    """

    world: World
    past: int = 0
    domains: int = 9

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows of the world, and give those that have one their past."""
        data, truth = self.world.sample(n, seed)
        return windows(data, truth, past=self.past, next=False) if self.past else (data, truth)


def modulated(seed: int) -> InTime:
    """Three latents that all listen to each other's past, which also sets how far their Laplace noise reaches."""
    return InTime(_driven(seed, "laplace", 1.0), past=1)


def unmodulated(seed: int) -> InTime:
    """The same with normal noise of constant deviation: each turn of the latents fits as well."""
    return InTime(_driven(seed, "normal", 0.0), past=1)


def _driven(seed: int, noise: str, modulation: float) -> World:
    seed = _FIRST_DRIVEN + seed
    return Temporal(latents=3, length=10, edges=1.0, noise=noise, modulation=modulation, layers=1, seed=seed)


def sources(seed: int) -> InTime:
    """Three independent sources with Laplace innovations."""
    return InTime(_sources(seed, edges=0.0, modulation=0.0), past=1)


def driven_sources(seed: int) -> InTime:
    """Three latents that drive each other."""
    return InTime(_sources(seed, edges=1.0, modulation=2.0), past=1)


def _sources(seed: int, edges: float, modulation: float) -> World:
    return Temporal(latents=3, length=10, edges=edges, noise="laplace", modulation=modulation, seed=_FIRST + seed)


def segments(seed: int) -> InTime:
    """Three normal latents whose variances differ in each of twenty segments."""
    return InTime(Auxiliary(latents=3, segments=20, seed=_FIRST + seed))


def equal_segments(seed: int) -> InTime:
    """The same in segments that are all alike."""
    return InTime(Auxiliary(latents=3, segments=20, variances=False, seed=_FIRST + seed))


def linear_r2_of_squares(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Held-out share of the variance of the squared latents that a linear regression finds in the estimate."""
    return block_r2(estimate, truth**2, regressor="linear", nulls=0).value
