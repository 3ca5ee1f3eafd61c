"""All correlations between two sets of columns, as one matrix product."""

from __future__ import annotations

import numpy as np

from identikit.errors import unknown
from identikit.metrics.inputs import Array, matrix, same_rows

CORRELATIONS = ("spearman", "pearson")


def cross_correlation(a: Array, b: Array, correlation: str = "spearman") -> np.ndarray:
    """Correlate every column of `a` with every column of `b`.

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
    return unit(prepare(left, correlation)).T @ unit(prepare(right, correlation))


def prepare(array: np.ndarray, correlation: str) -> np.ndarray:
    """Return the values whose Pearson correlation is the one asked for: ranks for Spearman, else the values."""
    if correlation not in CORRELATIONS:
        raise unknown("correlation", correlation, CORRELATIONS)
    if correlation == "pearson":
        return array
    return _ranks(array)


def _ranks(array: np.ndarray) -> np.ndarray:
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


def unit(array: np.ndarray) -> np.ndarray:
    """Return the columns centred and scaled to length one; a constant column becomes 0."""
    mean = array.mean(0)
    centred = array - mean
    norm = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    # Rounding leaves a constant column slightly off its own mean, so constant means "within rounding of it".
    constant = norm <= 1e-13 * np.abs(mean) * np.sqrt(len(array))
    centred *= np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, norm))
    return centred
