"""MCC, the mean correlation of true factors with the codes matched to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from identikit.data import Truth
from identikit.errors import unknown
from identikit.metrics.alignment import ALIGNMENTS, Rows, Scorer
from identikit.metrics.assignment import assign
from identikit.metrics.correlation import Features, prepare, product, unit, where_it_lies
from identikit.metrics.inputs import KINDS, Array, factors, halves, matrix, same_rows
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import numbers, rotations


@dataclass(frozen=True, eq=False)
class Match:
    """Which code stands for which true factor.

    Attributes:
        matrix: (factors, codes) correlations: signed for continuous factors, multiple correlations for the others.
        codes: (factors,) the code matched to each factor, -1 where there are fewer codes than factors.
        values: (factors,) correlation of each matched pair, 0 where there is none.
        names: of the factors.
    """

    matrix: np.ndarray
    codes: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]


def match(
    estimate: Array,
    truth: Array | Truth,
    correlation: str = "spearman",
    kinds: str | Sequence[str] | None = None,
) -> Match:
    """Match each true factor to one code so that the sum of absolute correlations is the largest.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth`.
        correlation: `spearman` or `pearson`.
        kinds: of the factors of an array, as in `mcc`.

    Returns:
        The correlations and the matching, fitted on all rows: for plots and for ordering codes, not for scores.

    Raises:
        InputError: as `mcc`.

    >>> s = np.random.default_rng(0).normal(size=(100, 2))
    >>> match(np.stack([s[:, 1], -s[:, 0]], axis=1), s).codes.tolist()
    [1, 0]
    """
    codes = matrix(estimate, "the estimate")
    known = factors(truth, "match", kinds=kinds)
    same_rows({"estimate": codes, "truth": known.values})
    target = Features.of(known, correlation)
    ready = unit(prepare(where_it_lies(estimate, codes), correlation))
    correlations = target.correlations(product(target.basis(target.columns), ready))
    matched = assign(np.abs(correlations)).columns
    values = np.where(matched < 0, 0.0, correlations[np.arange(len(matched)), matched])
    return Match(correlations, matched, values, known.names)


def mcc(
    estimate: Array,
    truth: Array | Truth,
    correlation: str = "spearman",
    nulls: int = 20,
    seed: int = 0,
    kinds: str | Sequence[str] | None = None,
    after: str = "nothing",
) -> Score:
    r"""Mean correlation coefficient: how well single codes stand for single true factors, up to order and sign.

    $$\mathrm{MCC} = \frac{1}{d} \max_\pi \sum_{i=1}^{d} |\mathrm{corr}(s_i, z_{\pi(i)})|$$

    with at most one factor to a code. A factor without a code counts 0. With more codes than factors, the matching is
    found on a random half of the rows and scored on the other, since the best of many chance correlations is large.

    For a circular factor the correlation is the multiple one of the code with cosine and sine, for a discrete factor
    that with the indicators of its categories (the correlation ratio): the square root of the R2 of the code given the
    factor. It has no sign, needs no order of the categories, and its chance level grows with their number.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth`.
        correlation: `spearman` (blind to monotone maps of a code, ranks taken over all rows) or `pearson`. It ranks
            the codes and the continuous factors.
        nulls: draws of each null; 0 for none.
        seed: of the halves and of the nulls.
        kinds: of the factors of an array, `continuous`, `discrete` or `circular`: one for all, or one for each; None
            for continuous. A `Truth` states its own.
        after: a map of the codes that is granted before they are correlated, fitted on one half of the rows and scored
            on the other, for continuous factors. `affine`: each factor is compared with the least-squares fit from
            all codes, so what is measured is identification up to affine maps, and no matching is left to choose.
            `monotone`: the code matched to each factor by rank correlation is mapped by an isotonic regression in
            the direction of that correlation. Spearman hardly needs it; Pearson then forgives bent scales.

    Returns:
        A score between 0 and 1, with the correlation of each factor, and two nulls scored the same way: `permuted
        rows` (no relation at all) and, for two factors or more, `random rotation` (the true latents standardised
        and rotated at random: full information, no single latent found). Of other kinds, what is
        rotated are the category numbers and the cosine and sine of each angle, beside the continuous factors; where
        there are fewer codes than such columns, as many of the rotated columns are kept as there are codes.
        After an affine map the rotation would score 1 by definition, and is left out.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, hidden categories, fewer than 10 rows, a
            factor that is not continuous where a map is granted.

    Source: Hyvarinen and Morioka, Unsupervised Feature Extraction by Time-Contrastive Learning and Nonlinear ICA, 2016;
    after an affine map, with another form of it: Khemakhem et al., ICE-BeeM, 2020.

    >>> s = np.random.default_rng(0).normal(size=(500, 2))
    >>> score = mcc(np.stack([-s[:, 1], s[:, 0] ** 3], axis=1), s)
    >>> score.value, score.parts, score.settings["matching"]
    (1.0, {'factor 0': 1.0, 'factor 1': 1.0}, {'factor 0': 1, 'factor 1': 0})
    """
    if after not in ("nothing", *ALIGNMENTS):
        raise unknown("map", after, ("nothing", *ALIGNMENTS))
    words, aligned = ALIGNMENTS.get(after, (None, None))
    codes = matrix(estimate, "the estimate")
    who, takes = (f"mcc after {words}", ("continuous",)) if aligned else ("mcc", KINDS)
    known = factors(truth, who, kinds=kinds, takes=takes)
    rows, count, width = same_rows({"estimate": codes, "truth": known.values}), len(known), codes.shape[1]
    surplus = width > count
    fit, held = halves(rows, [seed, 0]) if surplus or aligned else (slice(None), slice(None))

    # From codes, on whichever device, to the function that scores columns of the truth against them.
    scorer: Callable[..., Scorer]
    if aligned:
        columns, given = known.values, codes
        scorer = partial(aligned, correlation, fit, held)
    else:
        target = Features.of(known, correlation)
        columns, given = target.columns, where_it_lies(estimate, codes)
        scorer = partial(_plain, target, correlation, fit, held)
    score = scorer(given)
    matched, parts = score(columns)

    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        # Permuting the rows of the truth against the codes is the same null, and moves fewer columns.
        found["permuted rows"] = Null.of([score(columns[rng.permutation(rows)])[1].mean() for _ in range(nulls)])
    if nulls and count > 1 and after != "affine":
        rotate = rotations(numbers(known), np.random.default_rng([seed, 2]))
        found["random rotation"] = Null.of([scorer(rotate()[:, :width])(columns)[1].mean() for _ in range(nulls)])

    return Score(
        name="mcc",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=rows,
        settings={
            "correlation": correlation,
            "assignment": f"{_counted(known.kinds)} by {width} codes"
            + (f", after {words} fitted on one half" if words else ", matched on one half" * surplus),
            "kinds": list(known.kinds),
            "factors": count,
            "codes": width,
            "surplus": surplus,
            "matching": {name: int(code) for name, code in zip(known.names, matched, strict=True) if code >= 0},
            "nulls": nulls,
            "seed": seed,
        },
    )


def _counted(kinds: Sequence[str]) -> str:
    """The number of factors, and how many are not continuous."""
    others = ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).items() if kind != "continuous")
    return f"{len(kinds)} factors" + f" ({others})" * bool(others)


def _plain(target: Features, correlation: str, fit: Rows, held: Rows, codes: Array) -> Scorer:
    """The codes as they are, matched on `fit` and scored on `held`."""
    one_set = isinstance(fit, slice)
    ready = prepare(codes, correlation)
    codes_fit = unit(ready[fit])

    def run(true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        strength = np.abs(target.correlations(product(target.basis(true[fit]), codes_fit)))
        matched = assign(strength).columns
        found = np.flatnonzero(matched >= 0)
        values = np.zeros(len(matched))
        if one_set:
            values[found] = strength[found, matched[found]]
        else:
            # Only the codes that were matched are needed of the other half.
            codes_held = unit(ready[:, matched][held])
            values = np.abs(target.correlations(product(target.basis(true[held]), codes_held)).diagonal())
        # Rounding can leave a perfect correlation at 1 + 1e-16.
        return matched, np.minimum(values, 1.0)

    return run
