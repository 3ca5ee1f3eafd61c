"""The checks that every metric makes of what it is handed, and the one form it computes in: float64 NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from identikit.data import HIDDEN, Dataset, Truth
from identikit.errors import InputError, unknown

Array: TypeAlias = np.ndarray | torch.Tensor

FEWEST_ROWS = 10
"""Below this many rows no correlation or held-out score means anything."""

KINDS = ("continuous", "discrete", "circular")
"""What a factor can be: a number, a category number, or an angle in radians."""

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


@dataclass(frozen=True, eq=False)
class Factors:
    """True factors, checked: finite, none constant, none hidden.

    Attributes:
        values: (rows, factors) float64; a discrete factor holds whole numbers, a circular one radians.
        names: one for each factor.
        kinds: one of `KINDS` for each factor.
    """

    values: np.ndarray
    names: tuple[str, ...]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def features(self, position: int) -> np.ndarray:
        """One factor as the columns that it is linear in: itself, cosine and sine, or one column for each category."""
        column = self.values[:, position]
        if self.kinds[position] == "circular":
            return np.stack([np.cos(column), np.sin(column)], axis=1)
        if self.kinds[position] == "discrete":
            return (column[:, None] == np.unique(column)).astype(np.float64)
        return column[:, None]


def factors(
    truth: object,
    who: str,
    what: str = "the truth",
    kinds: str | Sequence[str] | None = None,
    takes: Sequence[str] = KINDS,
) -> Factors:
    """Return the true factors, from an array (rows, factors) or a `Truth`.

    Args:
        truth: the array or `Truth`.
        who: the metric that asks, for the error.
        what: the argument's name, for the error.
        kinds: of the factors of an array: one for all, or one for each; None for continuous. A `Truth` has its own.
        takes: the kinds that the metric can treat.
    """
    names: tuple[str, ...] = ()
    if isinstance(truth, Truth):
        if kinds is not None:
            raise InputError(f"{what} is a Truth, which states the kinds of its latents itself: leave out kinds=")
        kinds, names, truth = truth.kinds, truth.names, truth.latents
    array = matrix(truth, what)
    names = names or tuple(f"factor {i}" for i in range(array.shape[1]))
    given = (kinds or "continuous",) * len(names) if kinds is None or isinstance(kinds, str) else tuple(kinds)
    if len(given) != len(names):
        raise InputError(f"kinds names {len(given)} kinds, and {what} has {len(names)} factors")
    for name, kind, column in zip(names, given, array.T, strict=True):
        if kind not in KINDS:
            raise unknown("kind of factor", kind, KINDS)
        if kind not in takes:
            raise InputError(f"{who} takes {' or '.join(takes)} factors, and '{name}' is {kind}: leave it out")
        if kind == "discrete":
            if not (column == np.round(column)).all():
                raise InputError(f"'{name}' is discrete, so it holds whole numbers, and it holds fractions")
            if (column == HIDDEN).any():
                raise InputError(f"'{name}' is hidden in {int((column == HIDDEN).sum())} rows: score the others alone")
    constant = (array == array[0]).all(0)
    if constant.any():
        column = int(constant.argmax())
        raise InputError(f"'{names[column]}' of {what} is constant ({array[0, column]:g} in every row): leave it out")
    return Factors(array, names, given)


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
