"""The one error that bad input raises, its search for a near name, and the warning of a claim that cannot hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the caller gave cannot be used; the message is one sentence that says what and why."""


class IdentifiabilityWarning(UserWarning):
    """A fit can start, and its method's claim cannot hold with what the data has, such as too few domains."""


class LeakError(InputError, TypeError):
    """A `Truth` was handed to something that may only see a `Dataset`."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name, with the nearest known one.

    >>> print(unknown("method", "imdsa", ["imsda", "vae"]))
    unknown method 'imdsa': did you mean 'imsda'? (known: imsda, vae)
    """
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{name}': {hint}(known: {', '.join(known)})")
