"""One-to-one assignment: exact, or for large problems by auction, with a bound on what the auction may have lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, to_numpy

METHODS = ("auto", "exact", "auction")
EXACT = 2048
"""Up to this many pairs `auto` is exact."""
BIDS = 60
"""Bids for each pair after which an auction is given up: many equal strengths make it long."""
BLOCK = 256
"""Rows that are looked at together."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """Which column stands for which row, and how far from the best that can be.

    Attributes:
        columns: (rows,) the column assigned to each row, -1 where there are fewer columns than rows.
        total: sum of the strengths of the assigned pairs.
        gap: no assignment has a mean strength that is larger by more than this; 0 where it is exact.
        method: `exact` or `auction`, the one that was used.
    """

    columns: np.ndarray
    total: float
    gap: float
    method: str


def assign(strength: Array, method: str = "auto", tolerance: float = 1e-4) -> Assignment:
    r"""Assign rows to columns, one to one, so that the sum of the strengths of the pairs is the largest.

    An auction gives each column j a price p_j. A row without a column bids for the one with the largest strength minus
    price, and raises its price by what it gains over the second best plus the tolerance. Any prices that are 0 for
    columns never bid for prove a bound, for no more rows than columns,

    $$\max_\pi \sum_i s_{i\pi(i)} \le \sum_i \max_j (s_{ij} - p_j) + \sum_j p_j$$

    and the stated gap is the bound minus the total, for each pair. It is below the tolerance, up to rounding.

    Args:
        strength: (rows, columns), rectangular or square.
        method: `exact`; `auction`, which falls back on `exact` where the bidding gets too long; or `auto`, which is
            exact up to 2,048 pairs and an auction beyond.
        tolerance: mean strength that an auction may lose.

    Returns:
        The assignment of as many pairs as the smaller side has, with its stated gap.

    Raises:
        InputError: not a matrix, nothing in it, NaN or infinite values, a tolerance of 0 or less.

    Source: Bertsekas, The Auction Algorithm, 1988; exact: SciPy, after Crouse, On Implementing 2D Rectangular
    Assignment Algorithms, 2016.

    >>> assign(np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.3]])).columns.tolist()
    [1, 0, -1]
    """
    if method not in METHODS:
        raise unknown("method of assignment", method, METHODS)
    if not tolerance > 0:
        raise InputError(f"the tolerance must be above 0, and is {tolerance}")
    # Large cosines come as float32, and must not be copied into float64.
    if isinstance(strength, np.ndarray) and strength.dtype == np.float32:
        wide = strength
    else:
        wide = to_numpy(strength, "the strength")
    if wide.ndim != 2 or 0 in wide.shape:
        raise InputError(f"the strength must have shape (rows, columns), and has shape {tuple(wide.shape)}")
    if not (np.isfinite(wide.max()) and np.isfinite(wide.min())):
        raise InputError("the strength holds NaN or infinite values")
    rows = len(wide)
    flipped = rows > wide.shape[1]
    if flipped:
        wide = np.ascontiguousarray(wide.T)
    pairs = len(wide)

    chosen, gap, used = None, 0.0, "exact"
    square_and_large = pairs == wide.shape[1] and pairs > EXACT
    if method == "auction" or (method == "auto" and pairs > EXACT) or square_and_large:
        bought, prices = _auction(wide, tolerance)
        if method != "exact" and (bought >= 0).all():
            chosen, used = bought, "auction"
            gap = max(0.0, (_bound(wide, prices) - _total(wide, bought)) / pairs)
        elif square_and_large:
            # Every column is used, so taking its price off moves all totals alike, and SciPy starts near the end.
            chosen = _exact(np.subtract(prices, wide, dtype=np.float64), maximize=False)
    if chosen is None:
        chosen = _exact(wide, maximize=True)

    columns = chosen
    if flipped:
        columns = np.full(rows, -1)
        columns[chosen] = np.arange(pairs)
    return Assignment(columns, _total(wide, chosen), gap, used)


def _exact(matrix: np.ndarray, maximize: bool) -> np.ndarray:
    """Column of each row by SciPy, for no more rows than columns."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(matrix, maximize=maximize)[1]


def _total(wide: np.ndarray, columns: np.ndarray) -> float:
    return float(wide[np.arange(len(wide)), columns].sum(dtype=np.float64))


def _auction(wide: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Column bought by each row (-1 where the bidding was given up), and the price of each column."""
    rows, columns = wide.shape
    prices = np.zeros(columns, wide.dtype)
    owner, bought = np.full(columns, -1), np.full(rows, -1)
    free, bids = np.arange(rows), 0
    while len(free) and bids < BIDS * rows:
        bids += len(free)
        wanted, offered = np.empty(len(free), dtype=np.int64), np.empty(len(free), wide.dtype)
        for start in range(0, len(free), BLOCK):
            part = slice(start, start + BLOCK)
            worth = wide[free[part]] - prices
            line, best = np.arange(len(worth)), worth.argmax(1)
            top = worth[line, best]
            worth[line, best] = -np.inf
            # A single column has no second best.
            second = worth.max(1) if columns > 1 else top
            wanted[part], offered[part] = best, prices[best] + (top - second) + tolerance
        order = np.argsort(offered, kind="stable")
        highest = np.full(columns, -1)
        highest[wanted[order]] = order
        sold = np.flatnonzero(highest >= 0)
        winner = highest[sold]
        losers = owner[sold]
        bought[losers[losers >= 0]] = -1
        owner[sold], bought[free[winner]], prices[sold] = free[winner], sold, offered[winner]
        free = np.flatnonzero(bought < 0)
    return bought, prices


def _bound(wide: np.ndarray, prices: np.ndarray) -> float:
    """Upper bound on the total of every assignment, in float64 so that rounding does not enter it."""
    prices = prices.astype(np.float64)
    best = sum(float((wide[start : start + BLOCK] - prices).max(1).sum()) for start in range(0, len(wide), BLOCK))
    return best + float(prices.sum())
