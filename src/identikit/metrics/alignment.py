"""The maps that MCC may grant the codes before it correlates them: fitted on one half of the rows, used on another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from identikit.metrics.assignment import assign
from identikit.metrics.correlation import prepare, ranks, unit
from identikit.metrics.regressors import linear

Rows: TypeAlias = np.ndarray | slice
Scorer: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the truth's columns to the code matched to each factor (-1 for none) and each factor's absolute correlation."""


def after_affine(correlation: str, fit: Rows, held: Rows, codes: np.ndarray) -> Scorer:
    """All codes are mapped affinely onto each factor; no factor has a code of its own, so none is matched."""

    def run(true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (mapped,) = linear(codes[fit], [true[fit]], codes[held])
        return np.full(true.shape[1], -1), _agreement(mapped, true[held], correlation)

    return run


def after_monotone(correlation: str, fit: Rows, held: Rows, codes: np.ndarray) -> Scorer:
    """The code matched to each factor is mapped by an isotonic regression in the direction of their rank correlation.

    The matching is by rank correlation too, which is blind to the maps that are granted.
    """
    ranked = unit(ranks(codes[fit]))

    def run(true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        correlations = unit(ranks(true[fit])).T @ ranked
        matched = assign(np.abs(correlations)).columns
        mapped = np.zeros_like(true[held])
        for factor, code in enumerate(matched):
            if code >= 0:
                rising = bool(correlations[factor, code] >= 0)
                mapped[:, factor] = _isotonic(codes[fit, code], true[fit, factor], codes[held, code], rising)
        return matched, _agreement(mapped, true[held], correlation)

    return run


ALIGNMENTS: dict[str, tuple[str, Callable[..., Scorer]]] = {
    "affine": ("an affine map", after_affine),
    "monotone": ("a monotone map", after_monotone),
}
"""By name: the map in words, and the scorer of (correlation, fit, held, codes)."""


def _agreement(mapped: np.ndarray, true: np.ndarray, correlation: str) -> np.ndarray:
    """Absolute correlation of each mapped column with its own factor."""
    left, right = unit(prepare(mapped, correlation)), unit(prepare(true, correlation))
    return np.minimum(np.abs(np.einsum("ij,ij->j", left, right)), 1.0)


def _isotonic(x: np.ndarray, y: np.ndarray, at: np.ndarray, rising: bool) -> np.ndarray:
    """Least-squares monotone fit, linear between the fitted rows and level beyond them."""
    from scipy.optimize import isotonic_regression

    places, which = np.unique(x, return_inverse=True)
    counts = np.bincount(which)
    fitted = isotonic_regression(np.bincount(which, y) / counts, weights=counts, increasing=rising).x
    return np.interp(at, places, fitted)
