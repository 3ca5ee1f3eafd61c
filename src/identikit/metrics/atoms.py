"""The atoms of a dictionary: read from arrays and models, brought to length 1, compared, and drawn at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError

ROWS = 1024
"""Rows of cosines made at a time."""


def read_atoms(value: Any, what: str) -> torch.Tensor:
    """The atoms (atoms, width) of an array, or of an object with a decoder, in float32 or float64."""
    if isinstance(value, Truth | Dataset):
        raise InputError(f"{what} is a {type(value).__name__}, and must be a dictionary of shape (atoms, width)")
    weight = getattr(getattr(value, "decoder", None), "weight", None)
    if hasattr(value, "W_dec"):
        value = value.W_dec
    elif isinstance(weight, torch.Tensor):
        # A linear layer keeps its outputs as rows.
        value = weight.T
    try:
        # torch refuses negative strides and warns of read-only memory.
        atoms = (
            value.detach() if isinstance(value, torch.Tensor) else torch.as_tensor(np.require(value, None, ["C", "W"]))
        )
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"{what} must be an array (atoms, width) or have a decoder (W_dec or decoder.weight), and is a "
            f"{type(value).__name__}"
        ) from None
    if atoms.ndim != 2 or atoms.is_complex():
        raise InputError(
            f"{what} must be real, of shape (atoms, width), and is {atoms.dtype} of shape {tuple(atoms.shape)}"
        )
    if 0 in atoms.shape:
        raise InputError(f"{what} holds no atom: its shape is {tuple(atoms.shape)}")
    bad = ~torch.isfinite(atoms).all(1)
    if bad.any():
        raise InputError(f"atom {int(bad.int().argmax())} of {what} holds a NaN or infinite value")
    return atoms if atoms.dtype == torch.float64 else atoms.float()


def same_width(dictionaries: Mapping[str, torch.Tensor]) -> None:
    """Refuse dictionaries of different widths."""
    (first, one), *others = dictionaries.items()
    for name, other in others:
        if other.shape[1] != one.shape[1]:
            raise InputError(
                f"widths differ: the atoms of {first} have {one.shape[1]} numbers and those of {name} {other.shape[1]}"
            )


def live_atoms(atoms: torch.Tensor, what: str) -> tuple[np.ndarray, torch.Tensor]:
    """Positions of the atoms that are not all zero, and these atoms at length 1, in float32."""
    largest = atoms.abs().amax(1, keepdim=True)
    live = largest[:, 0] > 0
    if not live.any():
        raise InputError(f"{what} holds only dead atoms: all {len(atoms)} rows are zero")
    # Dividing by the largest number first keeps the squares from overflow.
    scaled = (atoms[live] / largest[live]).to(torch.float32)
    return np.flatnonzero(live.cpu().numpy()), torch.nn.functional.normalize(scaled, dim=1)


def cosines(rows: torch.Tensor, columns: torch.Tensor, signed: bool) -> np.ndarray:
    """(rows, columns) cosines in float32, made on the device of the rows, a block of them at a time."""
    out = np.empty((len(rows), len(columns)), dtype=np.float32)
    turned = columns.to(rows.device).T
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS] @ turned
        # Rounding can leave the cosine of an atom with itself at 1 + 1e-7.
        out[start : start + ROWS] = (block if signed else block.abs()).clamp_(-1, 1).cpu().numpy()
    return out


def _normal(rng: np.random.Generator, rows: int, columns: int) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal((rows, columns), dtype=np.float32))


def _isotropic(unit: torch.Tensor, draws: int, seed: Sequence[int]) -> Iterator[torch.Tensor]:
    """Unit atoms of no preferred direction."""
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield torch.nn.functional.normalize(_normal(rng, *unit.shape), dim=1)


def _same_covariance(unit: torch.Tensor, draws: int, seed: Sequence[int]) -> Iterator[torch.Tensor]:
    """Unit atoms drawn from the normal distribution with the mean and the covariance of the given ones."""
    rng = np.random.default_rng(seed)
    unit = unit.cpu()
    mean = unit.mean(0)
    # R of the QR factors has the covariance of the atoms, with no more rows than it needs.
    root = torch.linalg.qr(unit - mean, mode="r").R / len(unit) ** 0.5
    for _ in range(draws):
        drawn = mean + _normal(rng, len(unit), len(root)) @ root
        yield torch.nn.functional.normalize(drawn, dim=1)


RANDOM = {"random dictionary": _isotropic, "same covariance": _same_covariance}
"""The nulls, by name."""
