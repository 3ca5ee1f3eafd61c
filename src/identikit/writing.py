"""Writing a text file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from identikit.errors import InputError


def write_text(path: str | Path, text: str, what: str = "file") -> Path:
    """Write a text under a temporary name, and rename it; the file is either the old one or the new one.

    Args:
        path: of the file; its folder is made where it is missing.
        text: what it shall hold.
        what: what the file is, for the error.

    Raises:
        InputError: the file cannot be written.

    >>> import tempfile
    >>> write_text(Path(tempfile.mkdtemp(), "note.txt"), "Hello.").read_text()
    'Hello.'
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as reason:
        raise InputError(f"the {what} {path} cannot be written: {reason.strerror}") from None
    finally:
        if draft.parent.is_dir():
            draft.unlink(missing_ok=True)
    return path
