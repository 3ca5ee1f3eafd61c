"""Small worlds whose observations hang on latents in modules, for the checks of mosaic."""

from __future__ import annotations

from identikit.methods.claims_time import InTime
from identikit.worlds.tokamak import Tokamak

_FIRST = 10
"""Seeds of worlds below it were looked at when the options of mosaic were set."""
_LENGTH = 50
_THOUSANDS = 10


def modules(seed: int) -> InTime:
    """Twelve sensors in four modules, each of one slow source."""
    return InTime(Tokamak(length=_LENGTH, seed=_FIRST + seed), past=1, domains=_THOUSANDS)


def leaking_modules(seed: int) -> InTime:
    """The same, where every sensor sees the sources of other modules too, half as strongly."""
    return InTime(Tokamak(length=_LENGTH, leak=0.5, seed=_FIRST + seed), past=1, domains=_THOUSANDS)
