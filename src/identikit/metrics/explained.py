"""The explained share: how much of each factor one single code tells, up to any map, beside what all codes tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.metrics.assignment import assign
from identikit.metrics.block_r2 import scaled
from identikit.metrics.inputs import Array, factors, halves, matrix, same_rows
from identikit.metrics.regressors import FEW, kernel
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import numbers, rotations

BINS = 20
LANDMARKS = 60
"""Enough for a curve over one code."""


def explained_share(
    estimate: Array,
    truth: Array | Truth,
    nulls: int = 5,
    seed: int = 0,
    kinds: str | Sequence[str] | None = None,
) -> Score:
    r"""Share of the variance of each true factor that the one code matched to it explains, up to any map.

    $$E = \frac{1}{d} \sum_{i=1}^{d} R^2(z_{\pi(i)} \to s_i)$$

    held out: matching and regressions are fitted on a random half of the rows and scored on the other. MCC asks for a
    line, or with Spearman for a monotone map, from code to factor; this takes any function of the code, as a theorem
    does that identifies each latent up to an element-wise map, and so also sees factors that turn back as the code
    grows. Each part stands beside what all codes together explain: what is missing there was never encoded, and the gap
    between the two was encoded, but not by one code.

    The matching is the one-to-one assignment with the largest sum of explained shares by the means of 20 bins of each
    code, corrected for their number. The matched code is then read by kernel ridge regression of its normal scores, and
    all codes by that of theirs, so no increasing or decreasing map of a code changes anything.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth`. R2 of circular and discrete factors is that of `block_r2`.
        nulls: draws of each null; 0 for none.
        seed: of the halves, the landmarks and the nulls.
        kinds: of the factors of an array, as in `mcc`.

    Returns:
        A score of at most 1, with two parts for each factor: `NAME` by its code (0 where none is left) and `NAME, all
        codes` (at least that of its code), and three nulls: `permuted rows`; for two factors or more `random rotation`
        as in `mcc`; and `all codes`, the mean of what all codes together explain, which is the most that a better
        arrangement of the same information could reach.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, hidden categories, fewer than 10 rows.

    Source: the correlation ratio of Pearson, On the General Theory of Skew Correlation and Non-linear Regression, 1905,
    held out and matched one to one.

    >>> s = np.random.default_rng(0).uniform(-1, 1, size=(600, 2))
    >>> folded = np.stack([s[:, 1] ** 3, s[:, 0]], axis=1)
    >>> round(explained_share(folded, s, nulls=0).value, 2), round(explained_share(s, s**2, nulls=0).value, 2)
    (1.0, 1.0)
    """
    codes, known = matrix(estimate, "the estimate"), factors(truth, "explained_share", kinds=kinds)
    rows = same_rows({"estimate": codes, "truth": known.values})
    fit, held = halves(rows, [seed, 0])
    targets = scaled(known, fit, held)
    single = _Single(codes, fit, held, seed)
    matched, parts = single.score(targets)
    together = _r2(targets, kernel(single.fit, [t[fit] for t in targets], single.held, seed, FEW, FEW), held)
    together = np.maximum(together, parts)

    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        orders = [rng.permutation(rows) for _ in range(nulls)]
        found["permuted rows"] = Null.of([single.score([t[order] for t in targets])[1].mean() for order in orders])
        if len(known) > 1:
            rotate = rotations(numbers(known), np.random.default_rng([seed, 2]))
            turned = [_Single(rotate()[:, : codes.shape[1]], fit, held, seed) for _ in range(nulls)]
            found["random rotation"] = Null.of([code.score(targets)[1].mean() for code in turned])
        found["all codes"] = Null.known(float(together.mean()))

    named = list(zip(known.names, parts, together, matched, strict=True))
    return Score(
        name="explained_share",
        value=float(parts.mean()),
        parts={name: float(part) for name, part, _, _ in named}
        | {f"{name}, all codes": float(whole) for name, _, whole, _ in named},
        nulls=found,
        n=rows,
        settings={
            "regressor": "kernel on normal scores",
            "assignment": f"{len(known)} factors by {codes.shape[1]} codes, matched on one half",
            "kinds": list(known.kinds),
            "codes": codes.shape[1],
            "matching": {name: int(code) for name, _, _, code in named if code >= 0},
            "held_out": len(held),
            "nulls": nulls,
            "seed": seed,
        },
    )


class _Single:
    """Codes as normal scores on both halves, to be matched to factors and to explain them one by one."""

    def __init__(self, codes: np.ndarray, fit: np.ndarray, held: np.ndarray, seed: int) -> None:
        from scipy.special import ndtri

        self.rows, self.seed = (fit, held), seed
        places = _places(codes[fit], codes)
        scores = ndtri(np.clip(places, 0.5, len(fit) - 0.5) / len(fit))
        self.fit, self.held = scores[fit], scores[held]
        # At least ten rows to a bin, as far as the rows go.
        self.bins = (places[fit] * max(2, min(BINS, len(fit) // 10)) / len(fit)).astype(int)

    def score(self, targets: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The code matched to each factor (-1 for none), and its held-out R2 (0 for none)."""
        fit, held = self.rows
        matched = assign(_binned([target[fit] for target in targets], self.bins)).columns
        parts = np.zeros(len(targets))
        for factor, code in enumerate(matched):
            if code >= 0:
                one, target = slice(code, code + 1), targets[factor]
                guess = kernel(self.fit[:, one], [target[fit]], self.held[:, one], self.seed, LANDMARKS, LANDMARKS)
                parts[factor] = _r2([target], guess, held)[0]
        return matched, parts


def _places(fitted: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Number of fitted rows below each value, those equal to it counted half."""
    in_order = np.sort(fitted, axis=0)
    sides = [
        np.stack([np.searchsorted(o, c, side) for o, c in zip(in_order.T, codes.T, strict=True)], axis=1)
        for side in ("left", "right")
    ]
    return (sides[0] + sides[1]) / 2


def _binned(targets: list[np.ndarray], bins: np.ndarray) -> np.ndarray:
    """(factors, codes) share of variance between the bins of a code, less what chance puts there."""
    columns = np.concatenate(targets, axis=1)
    columns = columns - columns.mean(0)
    starts = np.cumsum([0, *(target.shape[1] for target in targets)])[:-1]
    total, shares = np.add.reduceat((columns**2).sum(0), starts), []
    for code in bins.T:
        count = np.bincount(code)
        used = count > 0
        sums = np.stack([np.bincount(code, column) for column in columns.T])[:, used]
        between = np.add.reduceat((sums**2 / count[used]).sum(1), starts)
        free = max(len(code) - int(used.sum()), 1)
        shares.append(1.0 - (1.0 - between / total) * (len(code) - 1) / free)
    return np.maximum(np.stack(shares, axis=1), 0.0)


def _r2(targets: list[np.ndarray], guesses: list[np.ndarray], held: np.ndarray) -> np.ndarray:
    """Held-out R2 of each factor, pooled over its columns."""
    pairs = [(target[held], guess) for target, guess in zip(targets, guesses, strict=True)]
    return np.array([1.0 - ((t - g) ** 2).sum() / ((t - t.mean(0)) ** 2).sum() for t, g in pairs])
