"""The beta-VAE score: whether a linear classifier can tell which factor a batch of pairs shares."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.inputs import Array
from identikit.metrics.regressors import standardise
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import numbers, rotations
from identikit.metrics.shared_values import SharedValues, shared_values

PAIRS = 64
POINTS, TEST_POINTS = 10_000, 5_000
CHUNK = 500
"""Points that are computed at once: their pairs fit in the cache."""


def beta_vae(
    estimate: Array,
    truth: Array | Truth,
    bins: int = 20,
    kinds: str | Sequence[str] | None = None,
    nulls: int = 3,
    seed: int = 0,
) -> Score:
    r"""Beta-VAE score: held-out accuracy of telling which factor pairs of rows share from how far their codes differ.

    $$x_j = \frac{1}{64} \sum_{p=1}^{64} |z_j^{(p)} - z_j'^{(p)}|$$

    for 64 pairs of different rows that agree in factor i. A multinomial logistic regression is fitted on 10,000 such
    points, and its accuracy in naming i on 5,000 others is the score. Codes are standardised first, so that their units
    do not matter.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), at least two, or a `Truth`. A discrete factor is taken value by value, and so is a
            continuous one of at most `bins` values; others are cut into `bins` of equally many rows, circular ones
            into equal arcs.
        bins: of factors with many values.
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        nulls: draws of each null; 0 for none.
        seed: of the pairs and the nulls. Pairs are drawn from the rows at hand.

    Returns:
        A score between 0 and 1, with the accuracy for each factor, and the nulls `permuted rows` (about one over the
        number of factors) and `random rotation`, which is near 1 for most rotations.

    Raises:
        InputError: lengths differ, NaN or infinite values, one factor, a constant factor, a value that fewer than 5
            rows share.

    Source: Higgins et al., beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, 2017.

    >>> s = np.random.default_rng(0).integers(0, 6, size=(500, 2))
    >>> beta_vae(s, s, kinds="discrete", nulls=0)
    beta_vae 1.00 (N=500, 15,000 points of 64 pairs)
    """
    codes, known, shared = shared_values(estimate, truth, "beta_vae", bins, kinds)
    if len(known) < 2:
        raise InputError("beta_vae asks which of the factors is shared, which needs at least two, and there is one")
    value, parts = _accuracy(codes, shared, seed)
    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        found["permuted rows"] = Null.of([_accuracy(rng.permutation(codes), shared, seed)[0] for _ in range(nulls)])
        rotate = rotations(numbers(known), np.random.default_rng([seed, 2]))
        draws = [_accuracy(rotate()[:, : codes.shape[1]], shared, seed)[0] for _ in range(nulls)]
        found["random rotation"] = Null.of(draws)
    return Score(
        name="beta_vae",
        value=value,
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=len(codes),
        settings={
            "points": f"{POINTS + TEST_POINTS:,} points of {PAIRS} pairs",
            "bins": bins,
            "codes": codes.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )


def _accuracy(codes: np.ndarray, shared: SharedValues, seed: int) -> tuple[float, np.ndarray]:
    """Held-out accuracy of the linear classifier, over all test points and for each factor."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    size = shared.labels.shape[1]
    ready, _ = standardise(codes, codes)
    rng = np.random.default_rng([seed, 0])
    factor = rng.integers(0, size, POINTS + TEST_POINTS)
    points = np.empty((len(factor), codes.shape[1]))
    for at in range(0, len(factor), CHUNK):
        fixed = np.repeat(factor[at : at + CHUNK], PAIRS)
        first = rng.integers(0, len(codes), len(fixed))
        apart = np.abs(ready[first] - ready[shared.partner(fixed, first, rng)])
        points[at : at + CHUNK] = apart.reshape(-1, PAIRS, codes.shape[1]).mean(1)
    model = LogisticRegression(max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points[:POINTS], factor[:POINTS])
    right = np.equal(model.predict(points[POINTS:]), factor[POINTS:])
    asked = np.bincount(factor[POINTS:], minlength=size)
    return float(right.mean()), np.bincount(factor[POINTS:], right, size) / np.maximum(asked, 1)
