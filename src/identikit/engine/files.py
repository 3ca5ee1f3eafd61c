"""Tensors and settings in one safetensors file, written under a temporary name and renamed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from identikit.errors import InputError

_KEY = "identikit"


def ready(folder: str | Path) -> Path:
    """Make an output folder and see that it can be written to."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as reason:
        raise InputError(f"the output folder {folder} cannot be written: {reason.strerror}") from None
    return folder


def write(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """Write tensors and a JSON note; the file is either the old one or the new one, never half of it."""
    from safetensors.torch import save_file

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(plain, draft, metadata={_KEY: json.dumps(note)})
        with open(draft, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote.

    Raises:
        InputError: the file is missing, truncated, or not one of ours.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"there is no {path.name} in {path.parent}: is it the output folder of a fit?")
    try:
        with safe_open(path, "pt") as file:
            note = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        raise InputError(f"{path} is truncated or not a safetensors file: fit again into another folder") from None
    if note is None:
        raise InputError(f"{path} is a safetensors file of another program, not runs of identikit")
    return tensors, json.loads(note)
