"""All correlations between factors and codes, as one matrix product, on the GPU where the codes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
import torch

from identikit.errors import unknown
from identikit.metrics.inputs import Array, Factors, matrix, same_rows

CORRELATIONS = ("spearman", "pearson")


def cross_correlation(a: Array, b: Array, correlation: str = "spearman") -> np.ndarray:
    """Correlate every column of `a` with every column of `b`; two CUDA tensors are computed where they lie.

    Args:
        a: (rows, columns of a).
        b: (rows, columns of b).
        correlation: `spearman` (of ranks, ties averaged) or `pearson`.

    Returns:
        (columns of a, columns of b) signed correlations; 0 where a column is constant.

    Raises:
        InputError: lengths differ, NaN or infinite values, fewer than 10 rows.

    >>> s = np.linspace(-1, 1, 50)
    >>> cross_correlation(s, np.stack([np.exp(9 * s), -s, 0 * s], axis=1)).round(2)
    array([[ 1., -1.,  0.]])
    """
    left, right = matrix(a, "a"), matrix(b, "b")
    same_rows({"a": left, "b": right})
    return product(
        unit(prepare(where_it_lies(a, left), correlation)), unit(prepare(where_it_lies(b, right), correlation))
    )


@dataclass(frozen=True, eq=False)
class Features:
    """The columns that codes are correlated with: those of each factor, side by side.

    A continuous factor has one (its ranks, for Spearman), a circular one its cosine and sine, a discrete one an
    indicator of each category. The multiple correlation of a code with a factor is the length of the code's projection
    on an orthonormal basis of the factor's centred columns.

    Attributes:
        columns: (rows, columns).
        starts: (factors,) the first column of each factor.
        kinds: of the factors.
    """

    columns: np.ndarray
    starts: np.ndarray
    kinds: tuple[str, ...]

    @staticmethod
    def of(known: Factors, correlation: str) -> Features:
        """The columns of these factors, for this correlation."""
        if set(known.kinds) == {"continuous"}:
            return Features(prepare(known.values, correlation), np.arange(len(known)), known.kinds)
        each = [known.features(i) for i in range(len(known))]
        each = [prepare(c, correlation) if k == "continuous" else c for c, k in zip(each, known.kinds, strict=True)]
        starts = np.cumsum([0, *(c.shape[1] for c in each)])[:-1]
        return Features(np.concatenate(each, axis=1), starts, known.kinds)

    def basis(self, columns: np.ndarray) -> np.ndarray:
        """Turn some rows of the columns into an orthonormal basis for each factor, 0 where a direction is empty."""
        if len(self.starts) == columns.shape[1]:
            return unit(columns)
        return np.concatenate(
            [_BASES[kind](c) for kind, c in zip(self.kinds, np.split(columns, self.starts[1:], axis=1), strict=True)],
            axis=1,
        )

    def correlations(self, products: np.ndarray) -> np.ndarray:
        """From (columns, codes) products of basis and unit codes to (factors, codes): signed where there is a sign."""
        if len(self.starts) == len(products):
            return products
        together = np.sqrt(np.add.reduceat(products**2, self.starts, axis=0))
        single = np.array([kind == "continuous" for kind in self.kinds])
        together[single] = products[self.starts[single]]
        return together


def where_it_lies(given: object, checked: np.ndarray) -> Array:
    """Return the checked array, or the given tensor itself in float64 if it lies on a CUDA device."""
    if isinstance(given, torch.Tensor) and given.is_cuda:
        return given.detach().to(torch.float64).reshape(checked.shape)
    return checked


def product(a: Array, b: Array) -> np.ndarray:
    """Return `a.T @ b` as NumPy, computed on the device of a tensor among them."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.T @ b
    device = b.device if isinstance(b, torch.Tensor) else torch.as_tensor(a).device
    return (torch.as_tensor(a, device=device).T @ torch.as_tensor(b, device=device)).cpu().numpy()


@overload
def prepare(array: np.ndarray, correlation: str) -> np.ndarray: ...
@overload
def prepare(array: torch.Tensor, correlation: str) -> torch.Tensor: ...
def prepare(array: Array, correlation: str) -> Array:
    """Return the values whose Pearson correlation is the one asked for: ranks for Spearman, else the values."""
    if correlation not in CORRELATIONS:
        raise unknown("correlation", correlation, CORRELATIONS)
    if correlation == "pearson":
        return array
    return _ranks_of_tensor(array) if isinstance(array, torch.Tensor) else ranks(array)


def ranks(array: np.ndarray) -> np.ndarray:
    """Rank every column, ties averaged."""
    # Sorting runs along contiguous memory when the columns are rows, and NumPy's is several times faster than
    # scipy.stats.rankdata, which is therefore kept for the columns that have ties.
    columns = np.ascontiguousarray(array.T)
    order = columns.argsort(axis=1)
    ranks = np.empty_like(columns)
    np.put_along_axis(ranks, order, np.arange(1.0, len(array) + 1)[None], axis=1)
    in_order = np.take_along_axis(columns, order, axis=1)
    ties = (in_order[:, 1:] == in_order[:, :-1]).any(1)
    if ties.any():
        from scipy.stats import rankdata

        ranks[ties] = rankdata(columns[ties], axis=1)
    return ranks.T


@overload
def unit(array: np.ndarray) -> np.ndarray: ...
@overload
def unit(array: torch.Tensor) -> torch.Tensor: ...
def unit(array: Array) -> Array:
    """Return the columns centred and scaled to length one; a constant column becomes 0."""
    if isinstance(array, torch.Tensor):
        return _unit_of_tensor(array)
    mean = array.mean(0)
    centred = array - mean
    norm = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    # Rounding leaves a constant column slightly off its own mean, so constant means "within rounding of it".
    constant = norm <= 1e-13 * np.abs(mean) * np.sqrt(len(array))
    centred *= np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, norm))
    return centred


def _ranks_of_tensor(array: torch.Tensor) -> torch.Tensor:
    columns = array.T.contiguous()
    in_order = columns.sort(1).values
    below, upto = torch.searchsorted(in_order, columns), torch.searchsorted(in_order, columns, right=True)
    return ((below + upto + 1).to(array.dtype) / 2).T


def _unit_of_tensor(array: torch.Tensor) -> torch.Tensor:
    mean = array.mean(0)
    centred = array - mean
    norm = torch.linalg.vector_norm(centred, dim=0)
    constant = norm <= 1e-13 * mean.abs() * len(array) ** 0.5
    return torch.where(constant, 0.0, centred / torch.where(constant, 1.0, norm))


def _circle(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of centred cosine and sine; angles on one line of the circle span one direction only."""
    centred = columns - columns.mean(0)
    energy, axes = np.linalg.eigh(centred.T @ centred)
    empty = energy <= 1e-10 * len(columns)
    return centred @ axes * np.where(empty, 0.0, 1.0 / np.sqrt(np.where(empty, 1.0, energy)))


def _categories(columns: np.ndarray) -> np.ndarray:
    """Indicators at length one: orthogonal already, and codes are centred, so the constant they span is harmless."""
    counts = columns.sum(0)
    return columns / np.sqrt(np.maximum(counts, 1.0))


_BASES = {"continuous": unit, "circular": _circle, "discrete": _categories}
