"""The FactorVAE score: whether the code that moves least tells which factor was held fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.inputs import Array
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import numbers, rotations
from identikit.metrics.shared_values import SharedValues, shared_values

BATCH = 64
VOTES, TEST_VOTES = 10_000, 5_000
CHUNK = 500
"""Votes that are counted at once: their batches fit in the cache."""


def factor_vae(
    estimate: Array,
    truth: Array | Truth,
    prune: float = 0.05,
    bins: int = 20,
    kinds: str | Sequence[str] | None = None,
    nulls: int = 3,
    seed: int = 0,
) -> Score:
    r"""FactorVAE score: accuracy of telling the fixed factor from the code with the smallest normalised variance.

    $$j^* = \arg\min_j \frac{\mathrm{Var}(z_j | s_i = v)}{\mathrm{Var}(z_j)}$$

    over a batch of 64 rows that share the value v of factor i: one vote of code j* for factor i. Each code stands for
    the factor that most of 10,000 votes gave it, and the score is the share of 5,000 other votes that this gets right.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), at least two, or a `Truth`. A discrete factor is taken value by value, and so is a
            continuous one of at most `bins` values; others are cut into `bins` of equally many rows, circular ones
            into equal arcs.
        prune: codes with a standard deviation below this are left out; if all are, the score is 0. It is in the units
            of the codes, and meant for codes with a prior of unit variance.
        bins: of factors with many values.
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        nulls: draws of each null; 0 for none.
        seed: of the votes and the nulls. Batches are drawn from the rows at hand, with repeats.

    Returns:
        A score between 0 and 1, with the share of each factor's votes that are right, and the nulls `permuted rows`
        (about one over the number of factors) and `random rotation`, which is near 1 for most rotations.

    Raises:
        InputError: lengths differ, NaN or infinite values, one factor, a constant factor, a value that fewer than 5
            rows share.

    Source: Kim and Mnih, Disentangling by Factorising, 2018.

    >>> s = np.random.default_rng(0).integers(0, 6, size=(1000, 2))
    >>> score = factor_vae(s @ [[0.8, 0.6], [-0.6, 0.8]], s, kinds="discrete")
    >>> score.value > 0.95, score.nulls["random rotation"].high > 0.95
    (True, True)
    """
    codes, known, shared = shared_values(estimate, truth, "factor_vae", bins, kinds)
    if len(known) < 2:
        raise InputError("factor_vae asks which factor is held fixed, which needs at least two, and there is one")
    value, parts, kept = _accuracy(codes, shared, prune, seed)
    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        draws = [_accuracy(rng.permutation(codes), shared, prune, seed)[0] for _ in range(nulls)]
        found["permuted rows"] = Null.of(draws)
        rotate = rotations(numbers(known), np.random.default_rng([seed, 2]))
        draws = [_accuracy(rotate()[:, : codes.shape[1]], shared, prune, seed)[0] for _ in range(nulls)]
        found["random rotation"] = Null.of(draws)
    return Score(
        name="factor_vae",
        value=value,
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=len(codes),
        settings={
            "votes": f"{VOTES + TEST_VOTES:,} votes of {BATCH} rows",
            "prune": prune,
            "kept": kept,
            "bins": bins,
            "codes": codes.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )


def _accuracy(codes: np.ndarray, shared: SharedValues, prune: float, seed: int) -> tuple[float, np.ndarray, int]:
    """Share of right test votes, the same for each factor, and how many codes were kept."""
    size = shared.labels.shape[1]
    spread = codes.std(0, ddof=1)
    kept = (codes != codes[0]).any(0) & (spread >= prune)
    if not kept.any():
        return 0.0, np.zeros(size), 0
    ready = (codes[:, kept] - codes[:, kept].mean(0)) / spread[kept]
    rng = np.random.default_rng([seed, 0])
    factor = rng.integers(0, size, VOTES + TEST_VOTES)
    row = rng.integers(0, len(codes), len(factor))
    stillest = np.concatenate(
        [
            ready[shared.draw(factor[at : at + CHUNK], row[at : at + CHUNK], BATCH, rng)].var(1).argmin(1)
            for at in range(0, len(factor), CHUNK)
        ]
    )
    votes = np.zeros((size, ready.shape[1]), np.int64)
    np.add.at(votes, (factor[:VOTES], stillest[:VOTES]), 1)
    right = votes.argmax(0)[stillest[VOTES:]] == factor[VOTES:]
    asked = np.bincount(factor[VOTES:], minlength=size)
    return float(right.mean()), np.bincount(factor[VOTES:], right, size) / np.maximum(asked, 1), int(kept.sum())
