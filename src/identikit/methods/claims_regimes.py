"""Small worlds of regimes and of unseen latents, for the checks of leap, nctrl and caring."""

from __future__ import annotations

from typing import Any

from identikit.methods.claims_time import InTime
from identikit.worlds.temporal import Temporal

_FIRST = 60
"""Seeds of worlds below it were looked at when options were set."""


def noise_by_regime(seed: int) -> InTime:
    """Three latents with normal noise, whose deviation is that of the row's regime, one of nine."""
    return _known(seed, "noise")


def noise_alike(seed: int) -> InTime:
    """The same with nine regimes that do not differ."""
    return _known(seed, "nothing")


def _known(seed: int, changes: str) -> InTime:
    return InTime(_world(seed, regimes=9, switching=0.0, changes=changes), past=1)


def _world(seed: int, length: int = 10, **options: Any) -> Temporal:
    seed = _FIRST + seed
    return Temporal(latents=3, length=length, edges=1.0, modulation=0.0, layers=1, seed=seed, **options)


def hidden_regimes(seed: int) -> InTime:
    """Three latents with normal noise, whose deviation is that of one of five regimes, which nobody sees."""
    return _hidden(seed, "noise")


def hidden_alike(seed: int) -> InTime:
    """The same with five regimes that do not differ."""
    return _hidden(seed, "nothing")


def _hidden(seed: int, changes: str) -> InTime:
    return InTime(_world(seed, length=20, regimes=5, switching=0.1, hidden=True, changes=changes), past=7)
