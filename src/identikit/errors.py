"""The one error that bad input raises, its special cases, and the warning of a claim that cannot hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Something the caller gave cannot be used; the message is one sentence that says what and why."""


class IdentifiabilityWarning(UserWarning):
    """A fit can start, and its method's claim cannot hold with what the data has, such as too few domains."""


class MissingFieldError(InputError):
    """The data lacks a field; the message says how to give it.

    Args:
        who: what needs the field.
        field: its name.
        fields: the fields that the data holds.
        instead: another way out than to give the field, in words.

    >>> print(MissingFieldError("tdrl", "past", ["time"]))
    tdrl needs the field 'past', and the data holds x, time: make it with datasets.windows(data, past=1) or --past 1
    """

    def __init__(self, who: str, field: str, fields: Iterable[str], instead: str = "") -> None:
        self.given = (who, field, tuple(fields), instead)
        self.field = field
        way = _WAYS.get(field, f"give it to from_arrays as {field}=")
        more = f", or {instead}" if instead else ""
        super().__init__(
            f"{who} needs the field '{field}', and the data holds {', '.join(('x', *fields))}: {way}{more}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.given


# Of more known names than the first number, an error shows as many as the second.
_MANY, _FEW = 24, 8

_WAYS = {
    "domain": "name the domain of every row, with domain= or --domain",
    "y": "name the labels, with y= or --y (a row without one is hidden, not left out)",
    "time": "name the time of every row, with time= or --time",
    "past": "make it with datasets.windows(data, past=1) or --past 1",
    "next": "make it with datasets.windows(data)",
    "view": "make it of two modalities with datasets.as_views(data) or --views, or give from_arrays view=",
}


class LeakError(InputError, TypeError):
    """A `Truth` was handed to something that may only see a `Dataset`."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name, with the nearest known one, and of many known ones those most like it.

    >>> print(unknown("method", "imdsa", ["imsda", "vae"]))
    unknown method 'imdsa': did you mean 'imsda'? (known: imsda, vae)
    """
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    shown = known if len(known) <= _MANY else sorted(difflib.get_close_matches(str(name), known, n=_FEW, cutoff=0.0))
    more = f", and {len(known) - len(shown)} more" if len(shown) < len(known) else ""
    return InputError(f"unknown {kind} '{name}': {hint}(known: {', '.join(shown)}{more})")


def at_least(least: int, **numbers: int) -> None:
    """Say in one sentence which of some named numbers is too small.

    Raises:
        InputError: one of them is below `least`.

    >>> at_least(1, latents=2, hidden=0)
    Traceback (most recent call last):
    identikit.errors.InputError: hidden is 1 or more, not 0
    """
    for name, number in numbers.items():
        if number < least:
            raise InputError(f"{name} is {least} or more, not {number}")
