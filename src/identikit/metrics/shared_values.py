"""Rows that share the value of a factor: what the scores that hold one factor fixed draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.inputs import Array, Factors, factors, matrix, same_rows
from identikit.metrics.mutual_information import check_bins, factor_labels

FEWEST_SHARED = 5
"""Rows that must share each value of a factor: in fewer, nothing can be said of what else varies."""


@dataclass(frozen=True, eq=False)
class SharedValues:
    """For each factor, the rows sorted by its value or bin, and where each row stands among them.

    Attributes:
        labels: (rows, factors) whole numbers from 0.
        order: (factors, rows) row indices sorted by label.
        start: (factors, rows) where in `order` the rows with this row's label begin.
        size: (factors, rows) how many they are.
        place: (factors, rows) where in `order` this row itself stands.
    """

    labels: np.ndarray
    order: np.ndarray
    start: np.ndarray
    size: np.ndarray
    place: np.ndarray

    @staticmethod
    def of(labels: np.ndarray) -> SharedValues:
        """Sort labels (rows, factors) that leave no number out."""
        order = np.argsort(labels.T, axis=1, kind="stable")
        counts = [np.bincount(column) for column in labels.T]
        size = np.stack([count[column] for count, column in zip(counts, labels.T, strict=True)])
        start = np.stack([(np.cumsum(c) - c)[column] for c, column in zip(counts, labels.T, strict=True)])
        place = np.argsort(order, axis=1)
        return SharedValues(labels, order, start, size, place)

    def draw(self, factor: np.ndarray, row: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `count` rows with the value that `row` has of `factor`, with repeats: (draws,) to (draws, count)."""
        start, size = self.start[factor, row], self.size[factor, row]
        return self.order[factor[:, None], start[:, None] + rng.integers(0, size[:, None], (len(row), count))]

    def partner(self, factor: np.ndarray, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw another row with the value that `row` has of `factor`, for arrays of one shape."""
        start, size = self.start[factor, row], self.size[factor, row]
        return self.order[factor, start + (self.place[factor, row] - start + rng.integers(1, size)) % size]


def shared_values(
    estimate: Array, truth: Array | Truth, who: str, bins: int, kinds: str | Sequence[str] | None
) -> tuple[np.ndarray, Factors, SharedValues]:
    """Check both sides, and group the rows by the value of each factor.

    A discrete factor is taken value by value, and so is a continuous one of at most `bins` different values; other
    continuous factors are cut into `bins` of equally many rows, circular ones into `bins` equal arcs.

    Returns:
        The codes (rows, codes), the factors, and their groups of rows.
    """
    check_bins(bins)
    codes = matrix(estimate, "the estimate")
    known = factors(truth, who, kinds=kinds)
    same_rows({"estimate": codes, "truth": known.values})
    labels = factor_labels(known, bins)
    for name, kind, label in zip(known.names, known.kinds, labels.T, strict=True):
        fewest = int(np.bincount(label).min())
        if fewest < FEWEST_SHARED:
            remedy = "leave such rows out" if kind == "discrete" else f"take fewer bins than {bins}"
            raise InputError(
                f"{who} compares rows that share a factor's value, at least {FEWEST_SHARED} of each, and one value of "
                f"'{name}' is shared by {fewest} row{'s' * (fewest != 1)}: {remedy}"
            )
    return codes, known, SharedValues.of(labels)
