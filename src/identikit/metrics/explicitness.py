"""Explicitness: how well a linear classifier reads each true factor from all codes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, factors, halves, matrix, same_rows
from identikit.metrics.mutual_information import check_bins, factor_labels
from identikit.metrics.regressors import standardise
from identikit.metrics.result import Null, Score

CLASSIFIERS = ("multinomial", "one-vs-rest")


def explicitness(
    estimate: Array,
    truth: Array | Truth,
    bins: int = 10,
    classifier: str = "multinomial",
    kinds: str | Sequence[str] | None = None,
    nulls: int = 3,
    seed: int = 0,
) -> Score:
    r"""Explicitness: held-out ROC-AUC of telling the values of each true factor by logistic regression from all codes.

    $$\mathrm{E} = \frac{1}{d} \sum_{i=1}^{d} \frac{1}{K_i} \sum_{k=1}^{K_i}
    P\left(f_{ik}(z) > f_{ik}(z') \mid s_i = k,\, s'_i \neq k\right)$$

    over the rows of a random half, with the scores f fitted on the other half. Chance is 1/2, and any invertible linear
    map of the codes leaves it much as it was: it asks whether the factors are there, not whether they are apart.

    Args:
        estimate: (rows, codes); standardised before the fit.
        truth: (rows, factors), or a `Truth`. A discrete factor is told by category, a circular one by `bins` equal
            arcs, a continuous one by `bins` bins of equally many rows.
        bins: classes of a factor that is not discrete.
        classifier: `multinomial` (one logistic regression over all classes, which can find the middle of an ordered
            factor between its ends) or `one-vs-rest` (one for each class alone, as first published: a perfect code of
            six ordered values then falls short of 1, since no straight cut separates a middle value from both sides).
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        nulls: draws of the null; 0 for none.
        seed: of the halves and the null.

    Returns:
        A score, at most 1, with the mean AUC of each factor, and two nulls: `permuted rows` and `chance`.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, a class with one row, fewer than 10 rows.

    Source: Ridgeway and Mozer, Learning Deep Disentangled Embeddings with the F-Statistic Loss, 2018.

    >>> s = np.random.default_rng(0).normal(size=(600, 2))
    >>> mixed = s @ [[1.0, 1.0], [1.0, -1.0]]
    >>> explicitness(mixed, s, bins=4).value > 0.95, explicitness(mixed[:, :1], s, bins=4).value > 0.95
    (True, False)
    """
    check_bins(bins)
    if classifier not in CLASSIFIERS:
        raise unknown("classifier", classifier, CLASSIFIERS)
    codes = matrix(estimate, "the estimate")
    known = factors(truth, "explicitness", kinds=kinds)
    rows = same_rows({"estimate": codes, "truth": known.values})
    labels = factor_labels(known, bins)
    check_classes(labels, known.names, "explicitness")

    def areas(labels: np.ndarray) -> np.ndarray:
        return np.array([_factor(codes, label, classifier, seed) for label in labels.T])

    parts = areas(labels)
    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        found["permuted rows"] = Null.of([float(areas(rng.permutation(labels)).mean()) for _ in range(nulls)])
    found["chance"] = Null.known(0.5)
    return Score(
        name="explicitness",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=rows,
        settings={
            "classifier": f"{classifier}, held out",
            "bins": bins,
            "codes": codes.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )


def check_classes(labels: np.ndarray, names: Sequence[str], who: str) -> None:
    """Refuse a class (rows, factors) that cannot be in both halves."""
    for name, label in zip(names, labels.T, strict=True):
        if np.bincount(label).min() < 2:
            raise InputError(
                f"{who} fits on one half and scores on the other, and '{name}' has a category or bin of one row: "
                "take more rows, fewer bins, or leave it out"
            )


def probabilities(x: np.ndarray, label: np.ndarray, x_test: np.ndarray, **settings: Any) -> np.ndarray:
    """Probabilities (test rows, classes) by scikit-learn's multinomial logistic regression with these settings."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(**settings).fit(x, label).predict_proba(x_test)


def _factor(codes: np.ndarray, label: np.ndarray, classifier: str, seed: int) -> float:
    train, test = halves(len(codes), [seed, 0], within=label)
    x, x_test = standardise(codes[train], codes[test])
    classes = range(int(label.max()) + 1)
    if classifier == "multinomial":
        score = probabilities(x, label[train], x_test)
    else:
        score = np.stack([probabilities(x, label[train] == k, x_test)[:, 1] for k in classes], axis=1)
    return float(np.mean([_area(score[:, k], label[test] == k) for k in classes]))


def _area(score: np.ndarray, hit: np.ndarray) -> float:
    """Area under the ROC curve: how often a hit scores above a miss, ties counting half."""
    from scipy.stats import rankdata

    hits = int(hit.sum())
    return float((rankdata(score)[hit].sum() - hits * (hits + 1) / 2) / (hits * (len(hit) - hits)))
