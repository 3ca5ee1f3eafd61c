"""Small worlds with edges within a time point, for the checks of the methods that allow for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from identikit.methods.claims_time import InTime
from identikit.worlds.temporal import Temporal
from identikit.worlds.transitions import Transition

_FIRST = 120
"""Seeds of worlds below it were looked at when the options of idol were set."""
_THOUSANDS = 20
_STRENGTH = 2.5
"""How much more latents listen to each other than in `Temporal`, whose edges within a time point hardly show."""


@dataclass(frozen=True)
class Chain(Temporal):
    """Latents that keep their own last two values, and of which each listens to the one before it, at once.

    What a latent hears from the one before it bends with its own past, so that no map of one time point can undo it.

    Args:
        dense: whether each latent listens to the past of all, so that every neighbour is an intimate one.
    """

    latents: int = 3
    length: int = 10
    lags: int = 2
    layers: int = 1
    dense: bool = False

    @cached_property
    def lagged(self) -> np.ndarray:
        """(lags, latents, latents) 0/1, each latent to itself alone, or all to all."""
        one = np.ones((self.latents, self.latents)) if self.dense else np.eye(self.latents)
        return np.stack([one] * self.lags).astype(np.int8)

    @cached_property
    def graph(self) -> np.ndarray:
        """(latents, latents) 0/1, each latent to the next."""
        return np.eye(self.latents, k=1, dtype=np.int8)

    @cached_property
    def transitions(self) -> tuple[Transition, ...]:
        """The transition of each regime, with stronger effects."""
        drawn: tuple[Transition, ...] = Temporal.transitions.func(self)  # type: ignore[attr-defined]
        return tuple(replace(t, drift=replace(t.drift, outer=_STRENGTH * t.drift.outer)) for t in drawn)


def chain(seed: int) -> InTime:
    """Three latents in a chain within each time point, with Laplace noise whose reach their own past sets."""
    return _chain(noise="laplace", modulation=1.0, seed=_FIRST + seed)


def still_chain(seed: int) -> InTime:
    """The same chain with normal noise of constant deviation."""
    return _chain(noise="normal", modulation=0.0, seed=_FIRST + seed)


def dense_chain(seed: int) -> InTime:
    """The chain of Laplace noise where each latent listens to the past of all too."""
    return _chain(noise="laplace", modulation=1.0, dense=True, seed=_FIRST + seed)


def _chain(**options: object) -> InTime:
    return InTime(Chain(**options), past=2, domains=_THOUSANDS)  # type: ignore[arg-type]
