"""Modularity: whether each code is about one true factor alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.inputs import Array
from identikit.metrics.mutual_information import binned, code_labels, floor, information
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import rotations


def modularity(
    estimate: Array,
    truth: Array | Truth,
    bins: int = 20,
    binning: str = "quantile",
    kinds: str | Sequence[str] | None = None,
    use_floor: bool = True,
    nulls: int = 20,
    seed: int = 0,
) -> Score:
    r"""Modularity: how far each code is about a single true factor, whether or not other codes are about it too.

    $$\mathrm{M} = \frac{1}{n} \sum_{j=1}^{n} \left(1 - \frac{\sum_{i \neq i^*_j} I_{ij}^2}{(d - 1)\, \max_i I_{ij}^2}
    \right)$$

    with I the mutual information of factor i and code j, and i* the factor that code j says most about. It compares the
    entries of one code with each other alone, so a code of noise would score for the accidents of a finite sample. The
    floor rules that out: information below the level of permuted rows counts as zero, and a code without any
    information is left out of the mean. A representation without any informative code scores 0.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), at least two, or a `Truth`; binned as in `mig`.
        bins: as in `mig`.
        binning: as in `mig`.
        kinds: as in `mig`.
        use_floor: False for the published definition, in which every code counts, one without information as 0.
        nulls: draws of each null; 0 for none.
        seed: of the floor and the nulls.

    Returns:
        A score between 0 and 1, with the modularity of each code that was not left out, and two nulls as in `mig`.

    Raises:
        InputError: as `mig`, or fewer than two factors.

    Source: Ridgeway and Mozer, Learning Deep Disentangled Embeddings with the F-Statistic Loss, 2018.

    >>> rng = np.random.default_rng(0)
    >>> s = rng.integers(0, 6, size=(1000, 2))
    >>> codes = np.hstack([s, s, rng.normal(size=(1000, 3))])
    >>> modularity(codes, s, kinds="discrete").value, modularity(codes[:, 4:], s, kinds="discrete").value
    (1.0, 0.0)
    """
    labels, coded, known = binned(estimate, truth, "modularity", bins, binning, kinds)
    if len(known) < 2:
        raise InputError("modularity compares the factors that a code is about, so it needs at least two, and has one")
    rng = np.random.default_rng([seed, 1])

    def level(coded: np.ndarray) -> np.ndarray | float:
        if not use_floor:
            return 0.0
        return floor(lambda permuted: information(permuted, coded), labels, rng)

    def shares(labels: np.ndarray, coded: np.ndarray, level: np.ndarray | float) -> np.ndarray:
        return _modularity(information(labels, coded), level, use_floor)

    base = level(coded)
    parts = shares(labels, coded, base)
    kept = np.flatnonzero(~np.isnan(parts))
    found: dict[str, Null] = {}
    if nulls:
        draws = [_mean(shares(rng.permutation(labels), coded, base)) for _ in range(nulls)]
        found["permuted rows"] = Null.of(draws)
        rotate = rotations(known.values, np.random.default_rng([seed, 2]))
        width = min(coded.shape[1], len(known))
        rotated = [code_labels(rotate()[:, :width], bins, binning) for _ in range(nulls)]
        base = level(rotated[0])
        found["random rotation"] = Null.of([_mean(shares(labels, codes, base)) for codes in rotated])
    return Score(
        name="modularity",
        value=_mean(parts),
        parts={f"code {j}": float(parts[j]) for j in kept},
        nulls=found,
        n=len(labels),
        settings={
            "binning": f"{bins} bins by {binning}",
            "counted": f"{len(kept)} of {len(parts)} codes above the floor" if use_floor else "no floor",
            "use_floor": use_floor,
            "bins": bins,
            "codes": coded.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )


def _modularity(found: np.ndarray, level: np.ndarray | float, leave_out: bool) -> np.ndarray:
    """Modularity of each code from (factors, codes) information; of one without any, NaN (left out) or 0."""
    square = np.where(found > level, found, 0.0) ** 2
    best = square.max(0)
    rest = (square.sum(0) - best) / (np.where(best > 0, best, 1.0) * (len(square) - 1))
    return np.where(best > 0, 1.0 - rest, np.nan if leave_out else 0.0)


def _mean(parts: np.ndarray) -> float:
    """Mean over the codes that count; 0 where none does."""
    counted = parts[~np.isnan(parts)]
    return float(counted.mean()) if len(counted) else 0.0
