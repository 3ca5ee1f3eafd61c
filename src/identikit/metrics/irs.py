"""IRS, the interventional robustness score: how still each code stays while one factor is held fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.inputs import Array
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import numbers, rotations
from identikit.metrics.shared_values import SharedValues, shared_values


def irs(
    estimate: Array,
    truth: Array | Truth,
    bins: int = 20,
    quantile: float = 0.99,
    kinds: str | Sequence[str] | None = None,
    nulls: int = 5,
    seed: int = 0,
) -> Score:
    r"""Interventional robustness score: whether each code stays still while one factor is fixed and the others move.

    $$\mathrm{IRS} = \frac{\sum_j m_j \max_i (1 - R_{ij} / m_j)}{\sum_j m_j}, \quad
    R_{ij} = \frac{1}{V_i} \sum_v Q_{.99}\left(|z_j - E(z_j | s_i = v)| \,\middle|\, s_i = v\right), \quad
    m_j = \max |z_j - E z_j|$$

    with Q the 99th percentile over the rows with value v of factor i, and V_i the number of its values. Constant codes
    are left out, and all-constant codes score 0. A code with a wide range weighs more than one with a narrow range.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth`. A discrete factor is taken value by value, and so is a continuous one of
            at most `bins` values; others are cut into `bins` of equally many rows, circular ones into equal arcs.
        bins: of factors with many values.
        quantile: of the deviations, between 0 and 1; 1 is the published maximum, one outlier of which decides.
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        nulls: draws of each null; 0 for none.
        seed: of the nulls.

    Returns:
        A score between 0 and 1, with the robustness of each code, and two nulls: `permuted rows`, which heavy tails
        alone lift (0 for evenly spread codes, 0.3 to 0.4 for normal ones), and, for two factors or more, `random
        rotation`.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, a value that fewer than 5 rows share.

    Source: Suter et al., Robustly Disentangled Causal Mechanisms, 2019.

    >>> s = np.random.default_rng(0).integers(0, 6, size=(1000, 2))
    >>> score = irs(s[:, ::-1], s, kinds="discrete")
    >>> score.value, score.settings["parents"]
    (1.0, {'code 0': 'factor 1', 'code 1': 'factor 0'})
    >>> noise = np.random.default_rng(1).normal(size=(1000, 2))
    >>> irs(noise, s, kinds="discrete").value > 0.2
    True
    """
    if not 0 < quantile <= 1:
        raise InputError(f"quantile is a share of the rows, above 0 and at most 1, and it is {quantile}")
    codes, known, shared = shared_values(estimate, truth, "irs", bins, kinds)
    value, parts, parents = _robustness(codes, shared, quantile)
    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        draws = [_robustness(rng.permutation(codes), shared, quantile)[0] for _ in range(nulls)]
        found["permuted rows"] = Null.of(draws)
    if nulls and len(known) > 1:
        rotate = rotations(numbers(known), np.random.default_rng([seed, 2]))
        draws = [_robustness(rotate()[:, : codes.shape[1]], shared, quantile)[0] for _ in range(nulls)]
        found["random rotation"] = Null.of(draws)
    return Score(
        name="irs",
        value=value,
        parts={f"code {j}": float(part) for j, part in enumerate(parts)},
        nulls=found,
        n=len(codes),
        settings={
            "percentile": f"percentile {100 * quantile:g}",
            "bins": bins,
            "parents": {f"code {j}": known.names[i] for j, i in enumerate(parents) if i >= 0},
            "codes": codes.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )


def _robustness(codes: np.ndarray, shared: SharedValues, quantile: float) -> tuple[float, np.ndarray, np.ndarray]:
    """The score, the robustness of each code (0 for a constant one), and its factor (-1 for a constant one)."""
    varies = (codes != codes[0]).any(0)
    parts, parents = np.zeros(codes.shape[1]), np.full(codes.shape[1], -1)
    if not varies.any():
        return 0.0, parts, parents
    moving = codes[:, varies]
    most = np.abs(moving - moving.mean(0)).max(0)
    robust = np.empty((shared.labels.shape[1], moving.shape[1]))
    for position, (label, order) in enumerate(zip(shared.labels.T, shared.order, strict=True)):
        groups = np.split(moving[order], np.cumsum(np.bincount(label))[:-1])
        moved = [np.percentile(np.abs(group - group.mean(0)), 100 * quantile, axis=0) for group in groups]
        robust[position] = 1.0 - np.mean(moved, axis=0) / most
    # Rows of one value may lie further from their own mean than any row from the mean of all.
    parts[varies], parents[varies] = np.clip(robust.max(0), 0.0, 1.0), robust.argmax(0)
    return float(np.average(parts[varies], weights=most)), parts, parents
