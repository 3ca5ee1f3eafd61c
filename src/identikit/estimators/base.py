"""`Estimator`: a method of this library with scikit-learn's `fit` and `transform`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from identikit.data import Dataset
from identikit.datasets import from_arrays
from identikit.engine import Runs, find, fit
from identikit.errors import InputError, MissingFieldError
from identikit.estimators.inputs import code_domains, only_unlabelled
from identikit.splits import SPLITS


class Estimator(TransformerMixin, BaseEstimator):
    """A method for tables, as a scikit-learn transformer from columns to latents.

    `VAE`, `IVAE` and the other named classes are estimators of one method each, with its options as parameters; this
    one takes any method by name.

    Args:
        method: the name of a registered method.
        options: of the method, by name.
        n_init: how many runs are trained together, each from a seed of its own; one of them is chosen to transform.
        select: the rule that chooses it: `validation` (least loss on the validation rows), `independence` or
            `agreement`; see `Runs.select`.
        validation_fraction: share of the rows that are kept from training, to choose among runs and for certificates.
        steps: of training; the method's own number by default.
        batch: rows in each step; the method's own number by default, and never more than there are training rows.
        lr: learning rate, a number or a schedule; the method's own by default.
        device: `cpu`, `cuda` ...; a GPU where there is one, by default.
        random_state: an integer is the first of the `n_init` seeds, so that `random_state=0, n_init=4` trains the same
            runs as `identikit.fit(..., seeds=4)`; a `RandomState`, or None for NumPy's global one, draws it.
        verbose: whether to show progress.

    Attributes:
        runs_: all fitted runs, as `identikit.Runs`; with `runs_.data` they go to `certify` and `report`.
        chosen_: the run that transforms, as `Runs` of one run.
        domains_: the domains of the fit, where `sample_domain` was given.
        n_features_in_: number of columns.
        feature_names_in_: their names, where the fit was given a table whose columns are all named by text.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=3).sample(300, seed=0)
    >>> estimator = Estimator("vae", {"latents": 2}, steps=20, random_state=0).fit(data.x)
    >>> estimator.transform(data.x).shape, estimator.get_feature_names_out().tolist()
    ((300, 2), ['estimator0', 'estimator1'])
    """

    method: str
    # The domains of the rows travel with the rows wherever metadata routing is on, as in skada.
    __metadata_request__fit = {"sample_domain": True}  # noqa: RUF012
    __metadata_request__transform = {"sample_domain": True}  # noqa: RUF012
    __metadata_request__score = {"sample_domain": True}  # noqa: RUF012

    def __init__(
        self,
        method: str = "vae",
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
        self.method = method
        self.options = options
        self.n_init = n_init
        self.select = select
        self.validation_fraction = validation_fraction
        self.steps = steps
        self.batch = batch
        self.lr = lr
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, sample_domain: Any = None) -> Self:
        """Learn from the rows of a table.

        Args:
            X: (rows, columns) numbers; an array, or a table of pandas or polars.
            y: ignored.
            sample_domain: (rows,) the domain of each row, text or whole numbers.

        Raises:
            InputError: a column is constant, or the method lacks something it needs, such as `sample_domain`, or
                something that a table does not have, such as the past of each row.
        """
        return self._learn(self._checked(X, fitting=True), sample_domain)

    # By hand, since scikit-learn's own would not hand the domains on to `transform`.
    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, X: Any, y: Any = None, sample_domain: Any = None
    ) -> Any:
        """Learn from the rows and give their latents; takes what `fit` takes."""
        return self.fit(X, y, sample_domain).transform(X, sample_domain)

    def transform(self, X: Any, sample_domain: Any = None) -> Any:
        """The latents of each row: the mean of its code.

        Args:
            X: (rows, columns) as in `fit`.
            sample_domain: (rows,) domains seen in the fit; looked at only where the encoder sees the domain (`IVAE`).

        Returns:
            (rows, latents) float32, or a table where `set_output` says so.
        """
        rows = self._rows(X, sample_domain, tuple(getattr(self._fitted.model.encoder, "sees", ())))
        return self._fitted.encode(rows)[0]

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """The rows that latents stand for.

        Args:
            Z: (rows, latents).

        Returns:
            (rows, columns) float32.

        Raises:
            InputError: the method has no decoder, or the number of latents is another one.
        """
        return self._fitted.decode(check_array(Z, dtype="float32", force_writeable=True, input_name="Z"))[0]

    def score(self, X: Any, y: Any = None, sample_domain: Any = None) -> float:
        """R2 of the reconstruction: the share of the columns' variance that the latents keep, in the mean over columns.

        It tells whether the code loses something, and nothing of whether the latents are the true ones: for that see
        `identikit.certify`.
        """
        rows = self._rows(X, sample_domain, tuple(getattr(self._fitted.model.encoder, "sees", ())))
        return float(r2_score(rows["x"], self._fitted.decode(self._fitted.encode(rows))[0]))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """One name for each latent: the estimator's, the latent's block where there are several, and a number.

        Args:
            input_features: ignored; taken for scikit-learn's sake.
        """
        blocks = self._fitted.blocks
        prefix = type(self).__name__.lower()
        names = np.empty(self._fitted.model.latents, dtype=object)
        for block, positions in blocks.items():
            for count, position in enumerate(positions):
                names[position] = f"{prefix}{count}" if len(blocks) == 1 else f"{prefix}_{block}{count}"
        return names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _fitted(self) -> Runs:
        check_is_fitted(self, "chosen_")
        return self.chosen_

    def _checked(self, X: Any, fitting: bool) -> np.ndarray:
        """Rows as float32, finite, and with the columns of the fit."""
        # Of its own, since the fit keeps it; writable, since torch takes no other (tables and memory maps may not be).
        checked: Any = validate_data(
            self,
            X,
            dtype="float32",
            copy=fitting,
            force_writeable=True,
            reset=fitting,
            ensure_min_samples=2 if fitting else 1,
        )
        return checked

    def _given(self) -> dict[str, Any]:
        """Options of the method: those in `options`, or the parameters of a named class."""
        parameters = self.get_params(deep=False)
        if "options" in parameters:
            return dict(parameters["options"] or {})
        return {name: parameters[name] for name in find(self.method).options if name in parameters}

    def _seeds(self) -> range:
        if not isinstance(self.n_init, Integral) or self.n_init < 1:
            raise InputError(f"n_init is a number of runs, at least 1, not {self.n_init}")
        first = self.random_state
        if not isinstance(first, Integral):
            first = check_random_state(first).randint(2**31 - 1)
        return range(int(first), int(first) + int(self.n_init))

    def _learn(
        self, x: np.ndarray, sample_domain: Any, y: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> Self:
        """Fit the method on checked rows, with labels as codes, or numbers."""
        if not 0 <= self.validation_fraction < 1:
            raise InputError(f"validation_fraction is a share from 0 to below 1, not {self.validation_fraction}")
        names: dict[str, list[str]] = {}
        columns = getattr(self, "feature_names_in_", None)
        if columns is not None:
            names["x"] = [str(name) for name in columns]
        if classes is not None:
            names["y"] = [str(name) for name in classes.tolist()]
        domain = None
        vars(self).pop("domains_", None)
        self._target: int | None = None
        if sample_domain is not None:
            domain, self.domains_ = code_domains(sample_domain, len(x))
            names["domain"] = [str(name) for name in self.domains_.tolist()]
            if y is not None:
                self._target = only_unlabelled(domain, y)
        share = float(self.validation_fraction)
        data = from_arrays(x, y, domain, names=names, splits=(1 - share, share, 0.0))
        method = find(self.method)
        if method.modalities:
            raise InputError(f"{self.method} takes several modalities, and a table is one: use identikit.fit for it")
        batch = self.batch or method.training.get("batch", 64)
        try:
            self.runs_ = fit(
                self.method,
                data,
                steps=self.steps,
                seeds=self._seeds(),
                device=self.device,
                batch=min(batch, len(data.index("train"))),
                lr=self.lr,
                progress=None if self.verbose else False,
                **self._given(),
            )
        except MissingFieldError as reason:
            raise InputError(f"{self.method} needs {_lacking(reason.field)}") from None
        self.chosen_ = self.runs_ if len(self.runs_) == 1 else self.runs_.select(self.select)
        return self

    def _rows(self, X: Any, sample_domain: Any, needs: tuple[str, ...]) -> Dataset:
        """New rows as a data set; of their domains, those that are needed."""
        runs = self._fitted
        x = self._checked(X, fitting=False)
        fields, names = {}, {}
        if "domain" in runs.model.needs:
            fields["domain"] = self._domains(sample_domain, len(x), "domain" in needs)
            names["domain"] = runs.schema.names["domain"]
        # In no row for training: there, a column that is constant in these rows would be refused.
        return Dataset(x, fields, names, np.full(len(x), SPLITS.index("test"), np.int8))

    def _domains(self, sample_domain: Any, rows: int, needed: bool) -> np.ndarray:
        if not needed:
            # The prior's field must be there for the model to run, and nothing that is asked for depends on it.
            return np.zeros(rows, np.int64)
        if sample_domain is None and self._target is not None:
            return np.full(rows, self._target, np.int64)
        if sample_domain is None:
            raise InputError(f"{type(self).__name__} needs the domain of every row here: give sample_domain=")
        return code_domains(sample_domain, rows, self.domains_)[0]


def _lacking(field: str) -> str:
    """What was missing, in words of scikit-learn, and what to do."""
    if field == "domain":
        return "the domain of every row: give sample_domain="
    if field == "y":
        return "labels: give y to a Classifier, or to a Regressor, by this name"
    return f"the field '{field}', which rows of a table do not have: use identikit.fit for it"
