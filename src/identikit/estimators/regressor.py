"""`Regressor`: an estimator whose method also tells a number, which may be hidden in some rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.validation import assert_all_finite, check_consistent_length

from identikit.errors import InputError
from identikit.estimators.base import Estimator


class Regressor(RegressorMixin, Estimator):
    """A method with a head for a number, as a scikit-learn regressor that is a transformer too.

    A number of NaN is hidden: its row is learned from without it. The method learns numbers of mean 0 and variance 1
    (those are in `runs_.data`), and `predict` gives them on the scale of `y`.

    Args:
        method: the name of a registered method that has a head for `y`.
        options: of the method, by name.
        n_init: as the rest, see `Estimator`.
        select: see `Estimator`.
        validation_fraction: see `Estimator`.
        steps: see `Estimator`.
        batch: see `Estimator`.
        lr: see `Estimator`.
        device: see `Estimator`.
        random_state: see `Estimator`.
        verbose: see `Estimator`.

    >>> import identikit as ik
    >>> data, truth = ik.worlds.DomainShift(domains=3).sample(300, seed=0)
    >>> regressor = Regressor("composed", {"task": "supervised"}, steps=20, random_state=0)
    >>> regressor.fit(data.x, truth.latents[:, 0]).predict(data.x).shape
    (300,)
    """

    __metadata_request__predict = {"sample_domain": True}  # noqa: RUF012

    def __init__(
        self,
        method: str,
        options: Mapping[str, Any] | None = None,
        *,
        n_init: int = 1,
        select: str = "validation",
        validation_fraction: float = 0.1,
        steps: int | None = None,
        batch: int | None = None,
        lr: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            method,
            options,
            n_init=n_init,
            select=select,
            validation_fraction=validation_fraction,
            steps=steps,
            batch=batch,
            lr=lr,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )

    def fit(self, X: Any, y: Any = None, sample_domain: Any = None) -> Self:
        """Learn from the rows of a table, their domains, and the numbers that are known.

        Args:
            X: (rows, columns) numbers; an array, or a table of pandas or polars.
            y: (rows,) numbers, hidden ones NaN.
            sample_domain: (rows,) the domain of each row, text or whole numbers.

        Raises:
            InputError: as `Estimator.fit`, or no number is known.
        """
        x = self._checked(X, fitting=True)
        if y is None:
            raise InputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        check_consistent_length(x, y)
        numbers = _numbers(y)
        if np.isnan(numbers).all():
            raise InputError("every number of y is hidden (NaN)")
        self._shift, self._scale = float(np.nanmean(numbers)), float(np.nanstd(numbers)) or 1.0
        return self._learn(x, sample_domain, ((numbers - self._shift) / self._scale).astype(np.float32))

    def predict(self, X: Any, sample_domain: Any = None) -> np.ndarray:
        """The number of each row.

        Args:
            X: (rows, columns) as in `fit`.
            sample_domain: (rows,) as in `Classifier.predict_proba`.

        Returns:
            (rows,) float32.
        """
        rows = self._rows(X, sample_domain, self._fitted.model.needs)
        return self._fitted.predict(rows)[0, :, 0] * self._scale + self._shift

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, X: Any, y: Any, sample_domain: Any = None
    ) -> float:
        """R2 of the numbers that are known.

        Raises:
            InputError: every number is hidden.
        """
        numbers = _numbers(y)
        known = ~np.isnan(numbers)
        if not known.any():
            raise InputError("every number of y is hidden, so there is nothing to score against")
        return float(r2_score(numbers[known], self.predict(X, sample_domain)[known]))


def _numbers(y: Any) -> np.ndarray:
    """Numbers as float64, none of them infinite."""
    numbers = np.asarray(column_or_1d(y, warn=True), dtype=np.float64)
    assert_all_finite(numbers, allow_nan=True, input_name="y")
    return numbers
