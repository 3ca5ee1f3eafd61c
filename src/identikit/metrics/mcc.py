"""MCC, the mean correlation of true factors with the codes matched to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identikit.data import Truth
from identikit.metrics.correlation import cross_correlation, prepare, unit
from identikit.metrics.inputs import Array, factors, halves, matrix, same_rows
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import rotations


@dataclass(frozen=True, eq=False)
class Match:
    """Which code stands for which true factor.

    Attributes:
        matrix: (factors, codes) signed correlations.
        codes: (factors,) the code matched to each factor, -1 where there are fewer codes than factors.
        values: (factors,) signed correlation of each matched pair, 0 where there is none.
        names: of the factors.
    """

    matrix: np.ndarray
    codes: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]


def match(estimate: Array, truth: Array | Truth, correlation: str = "spearman") -> Match:
    """Match each true factor to one code so that the sum of absolute correlations is the largest.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth` of continuous latents.
        correlation: `spearman` or `pearson`.

    Returns:
        The signed correlations and the matching, fitted on all rows: for plots and for ordering codes, not for scores.

    Raises:
        InputError: as `mcc`.

    >>> s = np.random.default_rng(0).normal(size=(100, 2))
    >>> match(np.stack([s[:, 1], -s[:, 0]], axis=1), s).codes.tolist()
    [1, 0]
    """
    codes = matrix(estimate, "the estimate")
    known = factors(truth, "match", takes=("continuous",))
    true, names = known.values, known.names
    same_rows({"estimate": codes, "truth": true})
    correlations = cross_correlation(true, codes, correlation)
    matched = _assign(np.abs(correlations))
    values = np.where(matched < 0, 0.0, correlations[np.arange(len(matched)), matched])
    return Match(correlations, matched, values, names)


def mcc(estimate: Array, truth: Array | Truth, correlation: str = "spearman", nulls: int = 20, seed: int = 0) -> Score:
    r"""Mean correlation coefficient: how well single codes stand for single true factors, up to order and sign.

    $$\mathrm{MCC} = \frac{1}{d} \max_\pi \sum_{i=1}^{d} |\mathrm{corr}(s_i, z_{\pi(i)})|$$

    with at most one factor to a code. A factor without a code counts 0. With more codes than factors, the matching is
    found on a random half of the rows and scored on the other, since the best of many chance correlations is large.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth` of continuous latents.
        correlation: `spearman` (blind to monotone maps of a code, ranks taken over all rows) or `pearson`.
        nulls: draws of each null; 0 for none.
        seed: of the halves and of the nulls.

    Returns:
        A score between 0 and 1, with the correlation of each factor, and two nulls scored the same way: `permuted
        rows` (no relation at all) and, for two factors or more, `random rotation` (the true latents whitened, rotated
        at random and given back their covariance: full information, no single latent found).

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, a latent that is not continuous,
            fewer than 10 rows.

    Source: Hyvarinen and Morioka, Unsupervised Feature Extraction by Time-Contrastive Learning and Nonlinear ICA, 2016.

    >>> s = np.random.default_rng(0).normal(size=(500, 2))
    >>> score = mcc(np.stack([-s[:, 1], s[:, 0] ** 3], axis=1), s)
    >>> score.value, score.parts, score.settings["matching"]
    (1.0, {'factor 0': 1.0, 'factor 1': 1.0}, {'factor 0': 1, 'factor 1': 0})
    """
    codes = matrix(estimate, "the estimate")
    known = factors(truth, "mcc", takes=("continuous",))
    true, names = known.values, known.names
    rows = same_rows({"estimate": codes, "truth": true})
    surplus = codes.shape[1] > true.shape[1]
    fit, held = halves(rows, [seed, 0]) if surplus else (slice(None), slice(None))

    ranked, ranked_true = prepare(codes, correlation), prepare(true, correlation)
    scorer = _scorer(ranked, fit, held)
    matched, parts = scorer(ranked_true)

    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        # Permuting the rows of the truth against the codes is the same null, and moves fewer columns.
        draws = [scorer(ranked_true[rng.permutation(rows)])[1].mean() for _ in range(nulls)]
        found["permuted rows"] = Null.of(draws)
    if nulls and true.shape[1] > 1:
        rotate = rotations(true, np.random.default_rng([seed, 2]))
        width = min(codes.shape[1], true.shape[1])
        draws = [
            _scorer(prepare(rotate()[:, :width], correlation), fit, held)(ranked_true)[1].mean() for _ in range(nulls)
        ]
        found["random rotation"] = Null.of(draws)

    return Score(
        name="mcc",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(names, parts, strict=True)},
        nulls=found,
        n=rows,
        settings={
            "correlation": correlation,
            "assignment": f"{true.shape[1]} factors by {codes.shape[1]} codes"
            + (", matched on one half" if surplus else ""),
            "factors": true.shape[1],
            "codes": codes.shape[1],
            "surplus": surplus,
            "matching": {name: int(code) for name, code in zip(names, matched, strict=True) if code >= 0},
            "nulls": nulls,
            "seed": seed,
        },
    )


def _assign(strength: np.ndarray) -> np.ndarray:
    """Code matched to each factor (-1 for none), from (factors, codes) absolute correlations, never padded."""
    from scipy.optimize import linear_sum_assignment

    matched = np.full(len(strength), -1)
    rows, columns = linear_sum_assignment(strength, maximize=True)
    matched[rows] = columns
    return matched


def _scorer(
    codes: np.ndarray, fit: np.ndarray | slice, held: np.ndarray | slice
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the function from (ranked) truth to the matching and each factor's absolute correlation."""
    one_set = isinstance(fit, slice)
    codes_fit = unit(codes[fit])
    codes_held = codes_fit if one_set else unit(codes[held])

    def run(true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        strength = np.abs(unit(true[fit]).T @ codes_fit)
        matched = _assign(strength)
        if not one_set:
            strength = np.abs(unit(true[held]).T @ codes_held)
        values = strength[np.arange(len(matched)), matched]
        # Rounding can leave a perfect correlation at 1 + 1e-16.
        return matched, np.where(matched < 0, 0.0, np.minimum(values, 1.0))

    return run
