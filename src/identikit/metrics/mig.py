"""MIG, the mutual information gap: how much more the best code says about a factor than the next best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.metrics.inputs import Array
from identikit.metrics.mutual_information import binned, code_labels, entropies, information
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import rotations


def mig(
    estimate: Array,
    truth: Array | Truth,
    bins: int = 20,
    binning: str = "quantile",
    kinds: str | Sequence[str] | None = None,
    nulls: int = 20,
    seed: int = 0,
) -> Score:
    r"""Mutual information gap: whether each true factor is held by one code alone.

    $$\mathrm{MIG} = \frac{1}{d} \sum_{i=1}^{d} \frac{I(s_i; z_{(1)}) - I(s_i; z_{(2)})}{H(s_i)}$$

    with z_(1) and z_(2) the two codes that say most about s_i. Where there is only one code, the second says nothing.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth`. A discrete factor is counted by category, a circular one in `bins` equal
            arcs, a continuous one in bins like a code.
        bins: bins of each code, and of each factor that is not discrete.
        binning: `quantile` (equally many rows in each; blind to increasing maps of a code) or `width` (equal parts of
            the range: the usual definition, which heavy tails collapse into few bins).
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        nulls: draws of each null; 0 for none.
        seed: of the nulls.

    Returns:
        A score between 0 and 1, with the gap of each factor, and two nulls: `permuted rows` and, for two factors or
        more, `random rotation` (the true latents, taken as numbers, standardised and rotated at random).

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, fewer than 2 bins, fewer than 10 rows.

    Source: Chen et al., Isolating Sources of Disentanglement in Variational Autoencoders, 2018.

    >>> s = np.random.default_rng(0).integers(0, 6, size=(1000, 2))
    >>> round(mig(5 - s, s, kinds="discrete").value, 2), mig(np.hstack([s, s]), s, kinds="discrete").value
    (0.99, 0.0)
    """
    labels, coded, known = binned(estimate, truth, "mig", bins, binning, kinds)
    unit = entropies(labels)

    def gaps(labels: np.ndarray, coded: np.ndarray) -> np.ndarray:
        ranked = np.sort(information(labels, coded), axis=1)
        second = ranked[:, -2] if ranked.shape[1] > 1 else 0.0
        return np.clip((ranked[:, -1] - second) / unit, 0.0, 1.0)

    parts = gaps(labels, coded)
    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        found["permuted rows"] = Null.of([float(gaps(rng.permutation(labels), coded).mean()) for _ in range(nulls)])
    if nulls and len(known) > 1:
        rotate = rotations(known.values, np.random.default_rng([seed, 2]))
        width = min(coded.shape[1], len(known))
        draws = [gaps(labels, code_labels(rotate()[:, :width], bins, binning)).mean() for _ in range(nulls)]
        found["random rotation"] = Null.of(draws)
    return Score(
        name="mig",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=len(labels),
        settings={
            "binning": f"{bins} bins by {binning}",
            "bins": bins,
            "codes": coded.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )
