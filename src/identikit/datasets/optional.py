"""Libraries that only some readers need, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from identikit.errors import InputError


def need(module: str, what: str) -> Any:
    """Import a library of the extra `hub`, or say in one sentence what is missing.

    Args:
        module: name of the module, e.g. `h5py` or `PIL.Image`.
        what: the thing that needs it, for the message.

    Raises:
        InputError: it is not installed.

    >>> need("no_such_library", "3D Shapes")
    Traceback (most recent call last):
    identikit.errors.InputError: 3D Shapes needs no_such_library, which is not installed: pip install 'identikit[hub]'
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise InputError(f"{what} needs {name}, which is not installed: pip install 'identikit[hub]'") from None
