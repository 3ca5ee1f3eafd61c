"""`Classifier`: an estimator whose method also tells labels, some of which may be hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from identikit.errors import InputError
from identikit.estimators.base import Estimator
from identikit.estimators.inputs import code_labels, hidden_labels


class Classifier(ClassifierMixin, Estimator):
    """A method with a head for labels, as a scikit-learn classifier that is a transformer too.

    A label of -1, NaN or None is hidden: its row is learned from without it. So a target domain without labels is
    handed over as in skada, with its rows in `X`, its name in `sample_domain` and its labels hidden.

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

    Attributes:
        classes_: the classes, where labels were given.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(600, seed=0)
    >>> classifier = Classifier("imsda", steps=20, random_state=0).fit(data.x, data["y"], data["domain"])
    >>> classifier.predict(data.x, data["domain"]).shape, classifier.classes_.tolist()
    ((600,), [0, 1])
    """

    __metadata_request__predict = {"sample_domain": True}  # noqa: RUF012
    __metadata_request__predict_proba = {"sample_domain": True}  # noqa: RUF012

    def __init__(
        self,
        method: str = "imsda",
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
        """Learn from the rows of a table, their domains, and the labels that are known.

        Args:
            X: (rows, columns) numbers; an array, or a table of pandas or polars.
            y: (rows,) labels, hidden ones -1, NaN or None; without `y`, only latents are learned.
            sample_domain: (rows,) the domain of each row, text or whole numbers.

        Raises:
            InputError: as `Estimator.fit`, or no label is known, or there is one class alone.
        """
        x = self._checked(X, fitting=True)
        vars(self).pop("classes_", None)
        if y is None:
            return self._learn(x, sample_domain)
        check_consistent_length(x, y)
        codes, self.classes_ = code_labels(y)
        return self._learn(x, sample_domain, codes, self.classes_)

    def predict(self, X: Any, sample_domain: Any = None) -> np.ndarray:
        """The most probable class of each row; takes what `predict_proba` takes."""
        probabilities = self.predict_proba(X, sample_domain)
        return self.classes_[probabilities.argmax(1)]

    def predict_proba(self, X: Any, sample_domain: Any = None) -> np.ndarray:
        """The probability of each class.

        Args:
            X: (rows, columns) as in `fit`.
            sample_domain: (rows,) domains seen in the fit. Left out, the rows are taken to be of the target: the one
                domain of the fit that had no label at all.

        Returns:
            (rows, classes) float32, the classes in the order of `classes_`.

        Raises:
            InputError: the fit was given no labels, or `sample_domain` is needed and there is no single target.
        """
        rows = self._rows(X, sample_domain, self._fitted.model.needs)
        return self._fitted.predict(rows)[0]

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, X: Any, y: Any, sample_domain: Any = None
    ) -> float:
        """The share of rows whose class is told right, among those whose label is known.

        Raises:
            InputError: every label is hidden.
        """
        y = column_or_1d(y)
        hidden = hidden_labels(y)
        if hidden.all():
            raise InputError("every label of y is hidden, so there is nothing to score against")
        known = np.array(y[~hidden].tolist())
        return float(accuracy_score(known, self.predict(X, sample_domain)[~hidden]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
