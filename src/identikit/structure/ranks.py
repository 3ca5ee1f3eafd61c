"""Tests of the rank of tables of probabilities: of one table, of many at once, and of all pairs of variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np

from identikit.errors import InputError, unknown

TINY = 1e-9
"""Below this share of the largest, an eigenvalue of a second moment counts as nothing."""
_CHUNK = 16_384

Spread = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Ranks:
    """What tests of the rank of some tables say.

    Attributes:
        p: (tables, ranks) p-value of "the rank is at most r", for each r of `tried`; 1 from the full rank on.
        tried: the ranks r.
        singular: (tables, least side) singular values of the scaled tables, the first of which is 1.
    """

    p: np.ndarray
    tried: tuple[int, ...]
    singular: np.ndarray

    def rank(self, alpha: float = 0.01) -> np.ndarray:
        """(tables,) the least rank that is not refused at a level; the full one where all tried are."""
        kept = self.p > alpha
        return np.where(kept.any(1), np.array(self.tried)[kept.argmax(1)], self.singular.shape[1])


def table_ranks(
    counts: np.ndarray, method: str = "wald", ranks: Sequence[int] | None = None, draws: int = 200, seed: int = 0
) -> Ranks:
    r"""Test the ranks of tables of counts, all at once.

    A table P is scaled to $Q = D_a^{-1/2} P D_b^{-1/2}$ with its margins. Where its rank is at most r, the block
    $L = U_\perp^\top Q V_\perp$ of its last singular vectors is noise of known covariance,

    $$n\,\mathrm{vec}(L)^\top \hat\Omega^{+} \mathrm{vec}(L) \to \chi^2_{\mathrm{rank}\,\hat\Omega}, \qquad
      \Omega_{ij,kl} = \sum_{ab} p_{ab}\,\tilde u_{ai}\tilde u_{ak}\tilde v_{bj}\tilde v_{bl} - L_{ij}L_{kl} .$$

    The bootstrap draws tables from the nearest one of rank r (singular values beyond are set to 0, negative entries
    too) and compares $n\sum_{i>r} s_i^2$; for r = 1 that is a test of independence. It costs more and holds its level
    with fewer rows.

    Args:
        counts: (tables, states of one side, states of the other), or one table.
        method: `wald` or `bootstrap`.
        ranks: the ranks tried, from 1; all below the full one by default.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        The p-values of each table and rank.

    Raises:
        InputError: not tables, a negative count, a table without rows, an unknown method.

    Source: Kleibergen and Paap, Generalized reduced rank tests using the singular value decomposition, 2006; the
    scaling by the margins and the bootstrap are this library's choice.

    >>> rng = np.random.default_rng(0)
    >>> hidden = rng.random(5_000) < 0.5
    >>> a, b = (rng.integers(0, 2, 5_000) + 2 * (rng.random(5_000) < 0.2 + 0.6 * hidden) for _ in "ab")
    >>> counts = np.bincount(4 * a + b, minlength=16).reshape(4, 4)
    >>> table_ranks(counts).rank().tolist(), table_ranks(counts, "bootstrap").rank().tolist()
    ([2], [2])
    """
    counts = np.asarray(counts, float)
    counts = counts[None] if counts.ndim == 2 else counts
    if counts.ndim != 3 or min(counts.shape) < 1 or not np.isfinite(counts).all() or counts.min() < 0:
        raise InputError(f"counts are (tables, states, states), none negative or missing, not {counts.shape}")
    rows = counts.sum((1, 2))
    if rows.min() <= 0:
        raise InputError(f"table {int(rows.argmin())} holds no row: leave it out")
    tried = tuple(range(1, min(counts.shape[1:]))) if ranks is None else tuple(ranks)
    shares = counts / rows[:, None, None]
    if method == "bootstrap":
        return _bootstrap(shares, rows, tried, draws, np.random.default_rng(seed))
    if method != "wald":
        raise unknown("rank test", method, ("wald", "bootstrap"))

    def spread(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        (t, a, m), (b, n) = u.shape, v.shape[1:]
        uu = (u[..., :, None] * u[..., None, :]).reshape(t, a, m * m)
        vv = (v[..., :, None] * v[..., None, :]).reshape(t, b, n * n)
        both = uu.transpose(0, 2, 1) @ shares @ vv
        return both.reshape(t, m, m, n, n).transpose(0, 1, 3, 2, 4).reshape(t, m * n, m * n)

    left, right = (_diagonal(shares.sum(axis)) for axis in (2, 1))
    return _wald(shares, left, right, rows, tried, spread)


def feature_ranks(
    left: np.ndarray, right: np.ndarray, weights: np.ndarray, rows: float, ranks: Sequence[int] | None = None
) -> Ranks:
    """Test the rank of the mean product of two sets of features, of which a table is the case of indicators.

    Args:
        left: (patterns, features) of one side, a constant in their span.
        right: the same of the other side.
        weights: (patterns,) share of the rows of each pattern.
        rows: number of rows.
        ranks: the ranks tried; all below the full one by default.

    Returns:
        The p-values of one table.

    >>> codes = np.random.default_rng(0).integers(0, 2, size=(1_000, 2))
    >>> feature_ranks(np.eye(2)[codes[:, 0]], np.eye(2)[codes[:, 1]], np.full(1_000, 1e-3), 1_000).rank().tolist()
    [1]
    """
    a, b = left.shape[1], right.shape[1]
    tried = tuple(range(1, min(a, b))) if ranks is None else tuple(ranks)

    def spread(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        product = ((left @ u[0])[:, :, None] * (right @ v[0])[:, None, :]).reshape(len(left), -1)
        return (product.T @ (product * weights[:, None]))[None]

    weighed = left.T * weights
    second = (right.T * weights) @ right
    return _wald((weighed @ right)[None], (weighed @ left)[None], second[None], np.array([rows]), tried, spread)


def pair_ranks(
    codes: np.ndarray,
    states: Sequence[int],
    weights: np.ndarray | None = None,
    ranks: Sequence[int] | None = None,
) -> tuple[list[tuple[int, int]], Ranks]:
    """Test the rank of the joint table of every pair of variables against all other variables, all at once.

    The other variables enter one by one, not by their joint states, so that the table of a pair is (states x states, 1
    + sum of the others' states - 1). All moments that the tests need come from one product of matrices.

    Args:
        codes: (patterns, variables) whole numbers from 0.
        states: number of states of each variable.
        weights: (patterns,) rows of each pattern; 1 by default.
        ranks: the ranks tried; those below the fewest states of a pair by default.

    Returns:
        The pairs, and their tests in that order.

    Raises:
        InputError: fewer than three variables.

    >>> rng = np.random.default_rng(0)
    >>> hidden = rng.integers(0, 2, size=(20_000, 2))[:, [0, 0, 1, 1]]
    >>> codes = np.where(rng.random(hidden.shape) < 0.2, 1 - hidden, hidden)
    >>> pairs, found = pair_ranks(codes, (2, 2, 2, 2), ranks=[1])
    >>> dict(zip(pairs, (found.p[:, 0] > 0.01).tolist()))[0, 1], dict(zip(pairs, (found.p[:, 0] > 0.01).tolist()))[0, 2]
    (True, False)
    """
    codes, count = np.asarray(codes), len(states)
    if count < 3:
        raise InputError(f"pairs are tested against the other variables, which takes 3 or more, not {count}")
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, float)
    moments, product, owner = _fourth_moments(codes, states, weights)
    rows, first = float(weights.sum()), len(owner)
    tried = tuple(range(1, min(states))) if ranks is None else tuple(ranks)
    pairs = list(combinations(range(count), 2))
    kinds = sorted(range(len(pairs)), key=lambda k: tuple(states[i] for i in pairs[k]))
    p, singular = np.ones((len(pairs), len(tried))), np.zeros((len(pairs), first))
    for shape, group in groupby(kinds, key=lambda k: tuple(states[i] for i in pairs[k])):
        places = list(group)
        # From products of the indicators of all states but the first to the indicators of every joint state.
        turn = np.kron(_indicators(shape[0]), _indicators(shape[1]))
        own = [[np.flatnonzero((owner == i) | (owner < 0)) for i in pairs[k]] for k in places]
        index = np.array([product[np.ix_(i, j)].ravel() for i, j in own])
        mask = np.array([~np.isin(owner, pairs[k]) for k in places], float)
        twice = mask[:, :, None] * mask[:, None, :]
        cross = turn @ moments[index][:, :, :first] * mask[:, None, :]
        fourth = turn @ moments[index][:, :, product.ravel()]
        fourth = fourth.reshape(*cross.shape, first) * twice[:, None]

        def spread(u: np.ndarray, v: np.ndarray, fourth: np.ndarray = fourth) -> np.ndarray:
            inner = v[:, None].transpose(0, 1, 3, 2) @ fourth @ v[:, None]
            both = np.einsum("tai,tak,tajl->tijkl", u, u, inner, optimize=True)
            return both.reshape(len(both), both.shape[1] * both.shape[2], -1)

        right = moments[0, product] * twice
        tests = _wald(cross, _diagonal(cross[:, :, 0]), right, np.full(len(places), rows), tried, spread)
        p[places], singular[places, : tests.singular.shape[1]] = tests.p, tests.singular
    return pairs, Ranks(p, tried, singular)


def inverse_root(second: np.ndarray) -> np.ndarray:
    """The symmetric inverse root of second moments (tables, side, side), 0 where there is no variance.

    >>> inverse_root(np.diag([4.0, 0.0]))
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    values, vectors = np.linalg.eigh(second)
    there = values > TINY * values.max(-1, keepdims=True)
    scale = np.where(there, 1 / np.sqrt(np.where(there, values, 1)), 0)
    return (vectors * scale[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _wald(
    cross: np.ndarray, left: np.ndarray, right: np.ndarray, rows: np.ndarray, tried: Sequence[int], spread: Spread
) -> Ranks:
    """Tests from mean products (tables, a, b), second moments of both sides, and the spread of residual products."""
    from scipy.special import chdtrc

    ua, vb = inverse_root(left), inverse_root(right)
    u, s, vt = np.linalg.svd(ua @ cross @ vb)
    u, v = ua @ u, vb @ np.swapaxes(vt, 1, 2)
    p = np.ones((len(cross), len(tried)))
    for k, rank in enumerate(tried):
        if rank < 1:
            raise InputError(f"a rank tried is 1 or more, not {rank}")
        if rank >= s.shape[1]:
            continue
        rest = np.zeros((len(s), cross.shape[1] - rank, cross.shape[2] - rank))
        at = np.arange(s.shape[1] - rank)
        rest[:, at, at] = s[:, rank:]
        rest = rest.reshape(len(s), -1)
        values, vectors = np.linalg.eigh(spread(u[:, :, rank:], v[:, :, rank:]) - rest[:, :, None] * rest[:, None])
        there = values > 1e-6 * np.maximum(values.max(1, keepdims=True), TINY)
        along = (np.swapaxes(vectors, 1, 2) @ rest[:, :, None])[..., 0] ** 2
        statistic = rows * np.where(there, along / np.where(there, values, 1), 0).sum(1)
        freedom = there.sum(1)
        p[:, k] = np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), statistic), 1)
    return Ranks(p, tuple(tried), s)


def _bootstrap(
    shares: np.ndarray, rows: np.ndarray, tried: Sequence[int], draws: int, rng: np.random.Generator
) -> Ranks:
    u, s, vt, roots = _scaled(shares)
    p = np.ones((len(shares), len(tried)))
    for k, rank in enumerate(tried):
        if rank >= s.shape[1]:
            continue
        near = (u[:, :, :rank] * s[:, None, :rank]) @ vt[:, :rank] * roots
        near = np.maximum(near, 0)
        near /= near.sum((1, 2), keepdims=True)
        for t, table in enumerate(near):
            drawn = rng.multinomial(int(rows[t]), table.ravel(), size=draws).reshape(draws, *table.shape) / rows[t]
            tail = (_scaled(drawn)[1][:, rank:] ** 2).sum(1)
            p[t, k] = (1 + (tail >= (s[t, rank:] ** 2).sum()).sum()) / (1 + draws)
    return Ranks(p, tuple(tried), s)


def _scaled(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Singular vectors and values of tables scaled by their margins, and the roots of the products of the margins."""
    roots = np.sqrt(shares.sum(2, keepdims=True) * shares.sum(1, keepdims=True))
    u, s, vt = np.linalg.svd(shares / np.where(roots > 0, roots, 1), full_matrices=False)
    return u, s, vt, roots


def _fourth_moments(
    codes: np.ndarray, states: Sequence[int], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean products of products of two indicators; which column is the product of two; the variable of each column."""
    owner = np.array([-1, *(i for i, s in enumerate(states) for _ in range(s - 1))])
    state = np.array([0, *(k for s in states for k in range(1, s))])
    first = len(owner)
    one, two = (np.array(x, int) for x in zip(*combinations(range(1, first), 2), strict=True))
    apart = owner[one] != owner[two]
    one, two = one[apart], two[apart]
    nothing = first + len(one)
    product = np.full((first, first), nothing)
    product[0], product[:, 0] = np.arange(first), np.arange(first)
    product[np.arange(first), np.arange(first)] = np.arange(first)
    product[one, two] = product[two, one] = first + np.arange(len(one))
    moments = np.zeros((nothing + 1, nothing + 1))
    for start in range(0, len(codes), _CHUNK):
        part, weight = codes[start : start + _CHUNK], weights[start : start + _CHUNK]
        shown = np.ones((len(part), first), np.float32)
        shown[:, 1:] = part[:, owner[1:]] == state[1:]
        columns = np.concatenate([shown, shown[:, one] * shown[:, two]], axis=1)
        # Counts below 2 ** 24 are exact in single precision.
        moments[:nothing, :nothing] += columns.T @ (columns * weight[:, None].astype(np.float32))
    return moments / weights.sum(), product, owner


def _indicators(states: int) -> np.ndarray:
    turn = np.eye(states)
    turn[0, 1:] = -1
    return turn


def _diagonal(values: np.ndarray) -> np.ndarray:
    return values[:, :, None] * np.eye(values.shape[1])
