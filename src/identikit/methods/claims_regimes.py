"""Small worlds of regimes and of unseen latents, for the checks of leap, nctrl and caring."""

from __future__ import annotations

from typing import Any

from identikit.methods.claims_time import InTime
from identikit.worlds.temporal import Temporal

_FIRST = 60
"""Seeds of worlds below it were looked at when the options of leap were set."""
_FIRST_HIDDEN = 70
"""The same for nctrl."""
_FIRST_UNSEEN = 80
"""The same for caring."""


def noise_by_regime(seed: int) -> InTime:
    """Three latents with normal noise, whose deviation is that of the row's regime, one of nine."""
    return _known(seed, "noise")


def noise_alike(seed: int) -> InTime:
    """The same with nine regimes that do not differ."""
    return _known(seed, "nothing")


def _known(seed: int, changes: str) -> InTime:
    return InTime(_world(_FIRST + seed, regimes=9, switching=0.0, changes=changes), past=1)


def _world(seed: int, length: int = 10, modulation: float = 0.0, **options: Any) -> Temporal:
    return Temporal(latents=3, length=length, edges=1.0, modulation=modulation, layers=1, seed=seed, **options)


def hidden_regimes(seed: int) -> InTime:
    """Three latents with normal noise, whose deviation is that of one of four regimes, which nobody sees."""
    return _hidden(seed, "noise")


def hidden_alike(seed: int) -> InTime:
    """The same with four regimes that do not differ."""
    return _hidden(seed, "nothing")


def _hidden(seed: int, changes: str) -> InTime:
    world = _world(_FIRST_HIDDEN + seed, length=20, regimes=4, switching=0.03, hidden=True, changes=changes)
    return InTime(world, past=7, domains=6)


def all_seen(seed: int) -> InTime:
    """Three latents that are seen, as in the check of tdrl, with two time points before each row."""
    return _unseen(seed, unseen=0)


def remembered(seed: int) -> InTime:
    """Two latents that are seen, and a third that is not, but is a function of what was seen before."""
    return _unseen(seed, unseen=1)


def forgotten(seed: int) -> InTime:
    """The same where the third latent has noise of its own, which nothing shows at its time."""
    return _unseen(seed, unseen=1, recoverable=False)


def _unseen(seed: int, **options: Any) -> InTime:
    world = _world(_FIRST_UNSEEN + seed, noise="laplace", modulation=1.0, **options)
    return InTime(world, past=2)
