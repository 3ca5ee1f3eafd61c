"""Bounds on the non-negative rank of a small table: the fewest states of a hidden variable that can explain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.errors import InputError
from identikit.structure.ranks import table_ranks


@dataclass(frozen=True)
class NonnegativeRank:
    """Between what the non-negative rank lies, and why.

    Attributes:
        lower: no hidden variable with fewer states can explain the table.
        upper: one with so many states was found.
        rank: the ordinary rank.
        fooling: size of the largest set found of cells with rows, no two of which fit one rectangle without an empty
            cell; each needs a state of its own.
    """

    lower: int
    upper: int
    rank: int
    fooling: int


def nonnegative_rank(
    table: np.ndarray,
    rows: float | None = None,
    alpha: float = 0.01,
    tolerance: float = 1e-5,
    restarts: int = 20,
    steps: int = 2_000,
    seed: int = 0,
) -> NonnegativeRank:
    r"""Bound the non-negative rank of a table, the least r with P = W H, W and H non-negative, r columns in W.

    From below by the ordinary rank and by a fooling set of its support; from above by factorisations of several
    restarts (EM, which lowers the divergence KL at each step), by the shorter side, and by the rank where that is 1 or
    2, where the two ranks are equal.

    Args:
        table: (states, states) probabilities, or counts where `rows` is not given but entries sum to more than 1.5.
        rows: number of rows behind a table of shares; None for exact probabilities. With rows a factorisation is good
            enough where its deviance 2 n KL is not refused by chi-square with (a - r)(b - r) degrees of freedom.
        alpha: level of that, and of the test of the ordinary rank.
        tolerance: divergence in nats that passes for none in an exact table.
        restarts: of each size.
        steps: of EM.
        seed: of the restarts.

    Raises:
        InputError: not a table, a negative or missing entry, or nothing in it.

    Source: Cohen and Rothblum, Nonnegative ranks, decompositions, and factorizations of nonnegative matrices, 1993.

    >>> corners = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1]]) / 8
    >>> nonnegative_rank(corners)
    NonnegativeRank(lower=4, upper=4, rank=3, fooling=4)
    """
    table = np.asarray(table, float)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all() or table.min() < 0 or not table.sum():
        raise InputError(f"a table is (states, states), none negative or missing, not all 0, and not {table.shape}")
    total = float(table.sum())
    if rows is None and total > 1.5:
        rows = total
    table = table[table.any(1)][:, table.any(0)] / total
    rank = int(table_ranks(table * rows).rank(alpha)[0]) if rows else int(np.linalg.matrix_rank(table, tol=1e-7))
    # An empty cell of counts may be chance.
    fooling = 1 if rows else _fooling_set(table > 0)
    lower, most = max(rank, fooling), min(table.shape)
    if rank <= 2 or lower == most:
        return NonnegativeRank(lower, max(lower, rank), rank, fooling)
    rng = np.random.default_rng(seed)
    for size in range(lower, most):
        loss = _factorised(table, size, restarts, steps, rng)
        if loss <= tolerance if rows is None else _fits(2 * rows * loss, table.shape, size, alpha):
            return NonnegativeRank(lower, size, rank, fooling)
    return NonnegativeRank(lower, most, rank, fooling)


def _fits(deviance: float, shape: tuple[int, ...], size: int, alpha: float) -> bool:
    from scipy.special import chdtrc

    return bool(chdtrc((shape[0] - size) * (shape[1] - size), deviance) > alpha)


def _factorised(table: np.ndarray, size: int, restarts: int, steps: int, rng: np.random.Generator) -> float:
    """The least divergence of a product of that size from a table, over restarts that run side by side."""
    a, b = table.shape
    left = rng.dirichlet(np.ones(a), size=(restarts, size)).transpose(0, 2, 1)
    right = rng.dirichlet(np.ones(b), size=(restarts, size)) / size
    loss = np.full(restarts, np.inf)
    for step in range(steps):
        product = left @ right
        ratio = table / np.maximum(product, 1e-300)
        if step % 100 == 0:
            was, loss = loss, _divergence(table, ratio)
            if np.all(was - loss < 1e-9):
                break
        joint_left = left * (ratio @ right.transpose(0, 2, 1))
        right = right * (left.transpose(0, 2, 1) @ ratio)
        left = joint_left / np.maximum(joint_left.sum(1, keepdims=True), 1e-300)
    return float(_divergence(table, table / np.maximum(left @ right, 1e-300)).min())


def _divergence(table: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    return (table * np.log(np.where(table > 0, ratio, 1))).sum((-2, -1))


def _fooling_set(there: np.ndarray) -> int:
    """Size of a large set of cells such that of any two some opposite corner is empty; greedy from every cell."""
    cells = np.argwhere(there)
    if there.all():
        return 1
    rows, columns = cells.T
    apart = ~(there[np.ix_(rows, columns)] & there[np.ix_(rows, columns)].T)
    best = 1
    for start in range(len(cells)):
        chosen, left = [start], apart[start].copy()
        while left.any():
            options = np.flatnonzero(left)
            pick = options[(apart[np.ix_(options, options)]).sum(1).argmax()]
            chosen.append(int(pick))
            left &= apart[pick]
        best = max(best, len(chosen))
    return best
