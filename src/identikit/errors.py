"""The one error that bad input raises, and the search for a near name that its sentence may offer."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the caller gave cannot be used; the message is one sentence that says what and why."""


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
