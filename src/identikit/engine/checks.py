"""Whether a model and its objective can be trained on some data: what fails, fails here, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from identikit.data import HIDDEN, Dataset
from identikit.engine.program import Learner
from identikit.errors import InputError, MissingFieldError
from identikit.nets import Model
from identikit.tasks.supervised_contrast import SupervisedContrast


def check(learner: Learner, data: Dataset, batch: int, balance: bool) -> None:
    """See that the data holds what model and objective read, of the right shapes, and known where it must be.

    Args:
        learner: model and objective.
        data: to train on.
        batch: rows in each step.
        balance: whether each batch takes equally many rows of each domain.

    Raises:
        InputError: it does not.
    """
    learner.objective.check(learner.model, data.schema)
    for field in learner.model.needs:
        if field not in data:
            raise MissingFieldError("the model", field, data.schema.fields)
    _check_inputs(learner.model, data)
    _check_parents(learner.model, data)
    _check_classes(learner, data)
    terms = [field for _, term in learner.objective.entries() for field in term.known]
    known = (*learner.model.known, *terms, *(("domain",) if balance else ()))
    check_known(data, known, "this fit", ("train", "validation"))
    if balance or "domain" in learner.model.needs:
        _check_domains(data, batch)


def check_rows(data: Dataset, batch: int) -> None:
    """See that there are training rows for one batch.

    Raises:
        InputError: there are not.
    """
    rows = len(data.index("train"))
    if rows < batch:
        raise InputError(f"the data has {rows} training rows, fewer than a batch of {batch}: lower batch=")


def check_known(data: Dataset, fields: Iterable[str], who: str, splits: Sequence[str] = ()) -> None:
    """See that categories which are read in every row are hidden in none.

    Args:
        data: what is read.
        fields: that hold the categories; what the data lacks is left out.
        who: reads them, in words.
        splits: whose rows are read; all by default.

    Raises:
        InputError: one of them is hidden in some row.
    """
    rows = np.concatenate([data.index(split) for split in splits or ("all",)])
    of = f" of {' and '.join(splits)}" if splits else ""
    for field in dict.fromkeys(fields):
        hidden = int((data[field][rows] == HIDDEN).sum()) if field in data and field in data.names else 0
        if hidden:
            raise InputError(
                f"'{field}' is hidden in {hidden} of {len(rows)} rows{of}, and {who} reads it: "
                "name it there, or drop these rows"
            )


def _check_inputs(model: Model, data: Dataset) -> None:
    """See that the fields which the model reads like `x` are there, of the right shape, and whole."""
    beside = {**model.also, **dict.fromkeys(model.targets, ())}
    if model.history:
        beside["past"] = (model.history + sum(model.also.get("past", ())),)
    for field, axes in beside.items():
        wanted = (*axes, *data.schema.joint)
        if field not in data:
            raise MissingFieldError("the model", field, data.schema.fields)
        if data[field].shape[1:] != wanted:
            # Of the same rows, but of another number of time points.
            lags = field == "past" and data[field].shape[2:] == wanted[1:]
            way = f": make it with datasets.windows(data, past={wanted[0]})" if lags else ""
            raise InputError(f"a row of '{field}' has shape {data[field].shape[1:]}, and the model needs {wanted}{way}")
        if data[field].dtype.kind == "f" and not np.isfinite(data[field]).all():
            raise InputError(f"'{field}' holds NaN, and the model reads it like x: drop these rows")


def _check_parents(model: Model, data: Dataset) -> None:
    """See that the fields which gated latents listen to are of the right size, and whole."""
    for kind, size in ({} if model.gates is None else model.gates.parents).items():
        if kind not in data.fields or kind in model.also:
            continue
        values = data[kind]
        if (values == HIDDEN).any() if kind in data.names else not np.isfinite(values).all():
            raise InputError(f"'{kind}' hides values, and the model reads it: drop these rows")
        held = values.reshape(len(values), -1).shape[1]
        if kind not in data.names and held != size:
            raise InputError(
                f"a row of '{kind}' holds {held} number{'s' * (held != 1)}, and the model was built for {size}"
            )


def _check_classes(learner: Learner, data: Dataset) -> None:
    """See that a head, or a contrast of classes, has rows of two classes or more to tell apart, or no label at all."""
    contrasts = [term.field for _, term in learner.objective.entries() if isinstance(term, SupervisedContrast)]
    for field in dict.fromkeys((*learner.model.heads, *contrasts)):
        if field in data.names and field in data:
            codes = data[field][data.index("train")]
            known = np.unique(codes[codes >= 0])
            if len(known) == 1:
                only = data.names[field][int(known[0])]
                raise InputError(
                    f"every label of '{field}' in the training rows is '{only}', and telling classes needs two: "
                    f"leave '{field}' out, or label rows of another class"
                )


def _check_domains(data: Dataset, batch: int) -> None:
    if "domain" not in data:
        raise InputError("balance=True takes equally many rows of each domain, and the data has no field 'domain'")
    names = data.names["domain"]
    codes = data["domain"][data.index("train")]
    counts = np.bincount(codes[codes != HIDDEN], minlength=len(names))
    if counts.min() < batch:
        raise InputError(
            f"domain '{names[int(counts.argmin())]}' has {counts.min()} training rows, fewer than a batch of {batch}: "
            "lower batch=, or merge or drop the domain"
        )
