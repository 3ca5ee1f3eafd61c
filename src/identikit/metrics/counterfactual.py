"""How near predicted counterfactuals come to the actual ones, beside changing nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.metrics.inputs import FEWEST_ROWS, Array, groups, same_rows, to_numpy
from identikit.metrics.result import Null, Score

NUMBERS = 4_000_000
"""Numbers compared at a time (32 MB)."""


def counterfactual_error(
    predicted: Array,
    actual: Array,
    factual: Array,
    factor: Array | Sequence[str] | None = None,
    nulls: int = 20,
    seed: int = 0,
) -> Score:
    r"""Squared error of predicted counterfactual observations, relative to that of leaving the factual ones unchanged.

    $$\sum_t \lVert \hat y_t - y_t \rVert^2 \Big/ \sum_t \lVert x_t - y_t \rVert^2$$

    with the factual observation x of a row, the actual counterfactual y and the predicted one. 0 is perfect, 1 is no
    better than changing nothing, and above 1 is worse than that.

    Args:
        predicted: (rows, ...) predicted observations under the intervention, of any shape.
        actual: (rows, ...) what the world gives under the intervention, with the same noise.
        factual: (rows, ...) the observations before it.
        factor: (rows,) which factor was intervened on, whole numbers or text, for parts.
        nulls: draws of the null; 0 for none.
        seed: of the null.

    Returns:
        The ratio, with that of each intervened factor, and two nulls: `permuted rows` (the predictions of other rows)
        and `no change`, which is 1. `settings["mean_squared"]` holds the mean squared errors for each row and number,
        in the data's units.

    Raises:
        InputError: shapes differ, NaN or infinite values, fewer than 10 rows, an intervention that changes nothing.

    >>> rng = np.random.default_rng(0)
    >>> factual = rng.normal(size=(100, 8, 8))
    >>> actual = factual + 1.0
    >>> score = counterfactual_error(factual + 0.5, actual, factual)
    >>> round(score.value, 3), score.nulls["permuted rows"].mean > 1
    (0.25, True)
    """
    arrays = {
        "predicted": _rows(predicted, "the predicted"),
        "actual": _rows(actual, "the actual"),
        "factual": _rows(factual, "the factual"),
    }
    guess, target, before = arrays.values()
    rows = same_rows(arrays)
    for name, array in arrays.items():
        if array.shape != target.shape:
            raise InputError(f"shapes differ: the {name} rows are {array.shape[1:]} and the actual {target.shape[1:]}")
        _check_finite(name, array)
    if factor is None:
        labels, names = np.zeros(rows, dtype=int), []
    else:
        labels, names = groups(factor, "the factor")
        same_rows({"actual": target, "factor": labels})

    same = np.arange(rows)
    errors, changes = _squared(guess, target, same), _squared(before, target, same)
    total = np.bincount(labels, changes)
    if not (total > 0).all():
        which = f" on '{names[int((total <= 0).argmax())]}'" if names else ""
        raise InputError(f"the intervention{which} changes nothing: actual and factual are equal in all its rows")
    ratios = np.bincount(labels, errors) / total

    rng = np.random.default_rng([seed, 1])
    permuted = [_squared(guess, target, rng.permutation(rows)).sum() / changes.sum() for _ in range(nulls)]
    numbers = target[0].size
    return Score(
        name="counterfactual_error",
        value=float(errors.sum() / changes.sum()),
        parts={name: float(ratio) for name, ratio in zip(names, ratios, strict=False)},
        nulls={**({"permuted rows": Null.of(permuted)} if nulls else {}), "no change": Null.known(1.0)},
        n=rows,
        settings={
            "direction": "smaller is better",
            "shape": list(target.shape[1:]),
            "mean_squared": {
                "predicted": float(errors.mean() / numbers),
                "no change": float(changes.mean() / numbers),
            },
            "unchanged_rows": int((changes == 0).sum()),
            "nulls": nulls,
            "seed": seed,
        },
    )


def _rows(value: object, what: str) -> np.ndarray:
    """The array (rows, ...) in its own type, so that pictures are not copied into eight times their size."""
    if isinstance(value, Truth | Dataset):
        raise InputError(f"{what} is a {type(value).__name__}, and must be an array of observations")
    if isinstance(value, torch.Tensor) and value.dtype != torch.bfloat16 and not value.is_complex():
        array = value.detach().cpu().numpy()
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        array = value
    else:
        array = to_numpy(value, what)
    if array.ndim == 0 or len(array) < FEWEST_ROWS:
        raise InputError(f"{what} has shape {array.shape}, and a score needs at least {FEWEST_ROWS} rows")
    if array.size == 0:
        raise InputError(f"{what} has shape {array.shape}, which holds no number")
    return array


def _blocks(array: np.ndarray) -> list[slice]:
    step = max(1, NUMBERS // array[0].size)
    return [slice(start, start + step) for start in range(0, len(array), step)]


def _check_finite(name: str, array: np.ndarray) -> None:
    for block in _blocks(array):
        bad = ~np.isfinite(array[block]).reshape(len(array[block]), -1).all(1)
        if bad.any():
            raise InputError(f"row {block.start + int(bad.argmax())} of the {name} holds a NaN or infinite value")


def _squared(a: np.ndarray, b: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(rows,) squared distances of the rows of `a`, taken in an order, to those of `b`."""
    out = np.empty(len(a))
    for block in _blocks(a):
        gap = a[order[block]].astype(np.float64) - b[block]
        out[block] = np.square(gap, out=gap).reshape(len(gap), -1).sum(1)
    return out
