"""The checks that every metric makes of what it is handed, and the one form it computes in: float64 NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch

from identikit.data import HIDDEN, Dataset, Truth
from identikit.errors import InputError

Array: TypeAlias = np.ndarray | torch.Tensor

FEWEST_ROWS = 10
"""Below this many rows no correlation or held-out score means anything."""

LARGEST = 1e100
"""Values beyond this count as infinite: their squares would overflow."""


def to_numpy(value: object, what: str) -> np.ndarray:
    """Return an array or tensor (any device, any float type) as a NumPy array of float64."""
    if isinstance(value, Truth):
        raise InputError(
            f"{what} is a Truth and must be an array of codes: metrics take (estimate, truth), in that order"
        )
    if isinstance(value, Dataset):
        raise InputError(f"{what} is a Dataset and must be an array of codes: encode it first")
    if isinstance(value, torch.Tensor):
        if value.is_complex():
            raise InputError(f"{what} must hold real numbers, and holds {value.dtype}")
        return value.detach().to("cpu", torch.float64).numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        raise InputError(
            f"{what} must be an array of numbers, and is a {type(value).__name__} of other things"
        ) from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what} must be an array of numbers, and is a {type(value).__name__} of {array.dtype}")
    return array.astype(np.float64, copy=False)


def matrix(value: object, what: str) -> np.ndarray:
    """Return a (rows, columns) float64 array of finite values; a single column may come as (rows,)."""
    array = to_numpy(value, what)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(f"{what} must have shape (rows, columns), and has shape {tuple(array.shape)}")
    if array.shape[1] == 0:
        raise InputError(f"{what} has no column")
    if len(array) < FEWEST_ROWS:
        raise InputError(f"{what} has {len(array)} rows, and a score needs at least {FEWEST_ROWS}")
    if not max(array.max(), -array.min()) < LARGEST:
        bad = ~(np.abs(array) < LARGEST)
        column = int(bad.any(0).argmax())
        count = int(bad[:, column].sum())
        raise InputError(f"column {column} of {what} holds {count} NaN or infinite value{'s' * (count > 1)}")
    return array


def factors(truth: object, who: str, what: str = "the truth") -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the true latents (rows, factors) and their names, from an array or a `Truth` of continuous latents."""
    names: tuple[str, ...] = ()
    if isinstance(truth, Truth):
        for name, kind in zip(truth.names, truth.kinds, strict=True):
            if kind != "continuous":
                raise InputError(f"{who} takes continuous latents, and '{name}' is {kind}: leave it out")
        truth, names = truth.latents, truth.names
    array = matrix(truth, what)
    names = names or tuple(f"factor {i}" for i in range(array.shape[1]))
    constant = (array == array[0]).all(0)
    if constant.any():
        column = int(constant.argmax())
        raise InputError(f"'{names[column]}' of {what} is constant ({array[0, column]:g} in every row): leave it out")
    return array, names


def same_rows(arrays: Mapping[str, np.ndarray]) -> int:
    """Return the common number of rows, or say which two lengths differ."""
    (first, rows), *others = ((name, len(array)) for name, array in arrays.items())
    for name, count in others:
        if count != rows:
            raise InputError(f"lengths differ: the {first} has {rows} rows and the {name} has {count}")
    return rows


def groups(values: object, what: str, fewest: int = 1) -> tuple[np.ndarray, list[str]]:
    """Return labels (rows,) as codes 0, 1, ... and the name of each, in sorted order.

    Args:
        values: (rows,) array of whole numbers or text, e.g. a domain or a concept for each row.
        what: the argument's name, for the error.
        fewest: how many different labels there must be.
    """
    array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{what} must hold one label for each row, and has shape {tuple(array.shape)}")
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.round(array)).all()):
            raise InputError(f"{what} must hold labels (whole numbers or text), and holds fractions or NaN")
        array = array.astype(np.int64)
    if array.dtype.kind in "iu" and (array == HIDDEN).any():
        raise InputError(f"{what} is hidden in {int((array == HIDDEN).sum())} rows: score the others alone")
    labels, codes = np.unique(array, return_inverse=True)
    if len(labels) < fewest:
        raise InputError(f"{what} holds {len(labels)} different labels, and at least {fewest} are needed")
    return codes, [str(label) for label in labels]


def halves(rows: int, seed: int | Sequence[int], within: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Split row indices at random into two halves, in the same shares within every group of `within`."""
    order = np.random.default_rng(seed).permutation(rows)
    if within is None:
        return order[: rows // 2], order[rows // 2 :]
    order = order[np.argsort(within[order], kind="stable")]
    return order[::2], order[1::2]
