"""What linear unmixings of several environments share: rows by level, triangular weights, and how far they fit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

MOST = 5
"""The most latents whose orders are searched: there are 120 of them in each environment."""
_BEAM = 40
"""How many choices of orders the search goes on from."""


@dataclass(frozen=True, eq=False)
class SharedRows:
    r"""Rows that all environments share, and what each environment makes of them: :math:`M_k \approx B_k H`.

    Attributes:
        rows: H, (latents, columns), orthonormal; the first is that of the latent that no other one causes.
        weights: B, (environments, latents, latents), lower triangular.
        order: (environments, latents), the row of each environment's unmixing that stands for each latent.
        inexactness: (environments,), 0 where the fit is exact; see `inexactness`.
    """

    rows: np.ndarray
    weights: np.ndarray
    order: np.ndarray
    inexactness: np.ndarray

    @property
    def score(self) -> float:
        """The inexactness of the environment that fits worst."""
        return float(self.inexactness.max())


def fit_rows(unmixings: np.ndarray) -> np.ndarray:
    """The orthonormal rows that ordered unmixings share best, one level after another.

    The first row is the direction nearest to the first rows of all environments: the top right singular vector of
    these, stacked. Each later row is that of what is left of the rows of its level after those found before.

    Args:
        unmixings: (..., environments, latents, columns), whose row i is that of latent i in every environment.

    Returns:
        (..., latents, columns).

    >>> ordered = np.array([[[2.0, 0.0, 0.0], [1.0, 3.0, 0.0]], [[1.0, 0.0, 0.0], [-2.0, 1.0, 0.0]]])
    >>> np.abs(fit_rows(ordered)).round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    found = np.zeros((*unmixings.shape[:-3], 0, unmixings.shape[-1]))
    for level in range(unmixings.shape[-2]):
        rows = unmixings[..., level, :]
        rest = rows - rows @ np.swapaxes(found, -1, -2) @ found
        top = np.linalg.eigh(np.swapaxes(rest, -1, -2) @ rest)[1][..., -1]
        found = np.concatenate([found, top[..., None, :]], axis=-2)
    return found


def inexactness(unmixings: np.ndarray, rows: np.ndarray) -> np.ndarray:
    r"""How far each ordered unmixing is from a triangular matrix times the shared rows.

    With :math:`B_k = \mathrm{tril}(M_k H^\top)`, which is the least-squares one since H has orthonormal rows, and
    :math:`C_k = B_k H M_k^+`, it is the mean over the rows of C of the share of their squares off the diagonal: 0 where
    :math:`M_k = B_k H`, and at most 1.

    Args:
        unmixings: (..., latents, columns), of full row rank.
        rows: (..., latents, columns), orthonormal.

    Returns:
        (...) numbers from 0 to 1.

    Source: Zhang et al. 2025 (arXiv 2506.10378), with the latents numbered from the cause to the effect.

    >>> rows = np.eye(2, 3)
    >>> shares = inexactness(np.array([[[2.0, 0, 0], [1, 3, 0]], [[1, 1, 0], [0, 1, 0]]]), rows)
    >>> np.abs(shares).round(6).tolist()
    [0.0, 0.25]
    """
    return _shares(unmixings, np.linalg.pinv(unmixings), rows)


def share_rows(unmixings: np.ndarray) -> SharedRows:
    """Find the order of each environment's rows, the rows that all share, and the triangular weights.

    The order is searched for the least score (the inexactness of the worst environment). From the rows of each
    environment alone, in each order, every environment takes the order that fits best; the best choices are then
    changed, in one environment at a time or by taking what fits their shared rows best, until no change lowers the
    score. Their number grows as a power of the environments, and it is not certain that the best of all is met.

    Args:
        unmixings: (environments, latents, columns), with rows in any order.

    >>> rng = np.random.default_rng(0)
    >>> shared = np.linalg.qr(rng.normal(size=(5, 3)))[0].T
    >>> weights = np.tril(rng.normal(size=(4, 3, 3))) + 2 * np.eye(3)
    >>> mixed = np.stack([rng.permutation(m) for m in weights @ shared])
    >>> found = share_rows(mixed)
    >>> found.score < 1e-9, np.abs(found.rows @ shared.T).round(6).tolist()
    (True, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """
    environments, latents, columns = unmixings.shape
    orders = np.array(list(permutations(range(latents))))
    options = unmixings[:, orders]
    inverses = np.linalg.pinv(options)
    starts = options.reshape(-1, 1, latents, columns)
    which, best = np.arange(environments), np.inf

    def scored(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chosen = np.unique(chosen, axis=0)
        ordered = options[which, chosen]
        scores = _shares(ordered, inverses[which, chosen], fit_rows(ordered)[:, None]).max(-1)
        top = scores.argsort(kind="stable")[:_BEAM]
        return chosen[top], scores[top]

    starts = fit_rows(options.reshape(-1, 1, latents, columns))
    kept, scores = scored(_shares(options, inverses, starts[:, None, None]).argmin(-1))
    while scores[0] < best:
        best = scores[0]
        again = _shares(options, inverses, fit_rows(options[which, kept])[:, None, None]).argmin(-1)
        # Every kept choice with the order of one environment changed.
        one = np.repeat(kept, environments * len(orders), axis=0).reshape(len(kept), environments, len(orders), -1)
        one[:, which, :, which] = np.arange(len(orders))
        kept, scores = scored(np.concatenate([kept, again, one.reshape(-1, environments)]))
    return ordered_rows(unmixings, orders[kept[0]])


def ordered_rows(unmixings: np.ndarray, order: np.ndarray) -> SharedRows:
    """The shared rows and weights of a given order.

    Args:
        unmixings: (environments, latents, columns).
        order: (environments, latents), the row that stands for each latent.
    """
    ordered = np.take_along_axis(unmixings, order[:, :, None], axis=1)
    shared = fit_rows(ordered)
    return SharedRows(shared, np.tril(ordered @ shared.T), order, inexactness(ordered, shared))


def row_overlap(unmixings: np.ndarray) -> float:
    """How far the environments' rows span one space: 1 where they do, and 1 / environments where none share anything.

    The mean square of the cosines between each environment's row space and the one space nearest to all of them.

    >>> same = np.eye(2, 4)
    >>> row_overlap(np.stack([same, 3 * same[::-1]])), row_overlap(np.stack([same, np.eye(4)[2:]]))
    (1.0, 0.5)
    """
    latents = unmixings.shape[1]
    bases = np.linalg.qr(np.swapaxes(unmixings, 1, 2))[0]
    spread = np.linalg.eigvalsh((bases @ np.swapaxes(bases, 1, 2)).mean(0))
    return round(float(spread[-latents:].mean()), 12)


def _shares(unmixings: np.ndarray, inverses: np.ndarray, rows: np.ndarray) -> np.ndarray:
    weights = np.tril(unmixings @ np.swapaxes(rows, -1, -2))
    squares = (weights @ (rows @ inverses)) ** 2
    whole = squares.sum(-1)
    kept = np.diagonal(squares, axis1=-2, axis2=-1)
    return np.maximum(1 - kept / np.maximum(whole, 1e-300), 0).mean(-1)
