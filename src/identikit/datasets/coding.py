"""From columns as people keep them (text, integers, numbers, with gaps) to the arrays a `Dataset` holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from identikit.data import HIDDEN, Dataset, Truth
from identikit.errors import InputError, LeakError


def to_numpy(name: str, values: Any) -> np.ndarray:
    """The values as one NumPy array; text and gaps stay as they are, in an array of objects.

    Args:
        name: of the field, for messages.
        values: NumPy array, torch tensor, or nested list.

    Raises:
        LeakError: a `Truth` was given.
        InputError: the rows of a nested list differ in length, or a single value was given.

    >>> to_numpy("y", ["cat", None]).tolist()
    ['cat', None]
    """
    if isinstance(values, Truth) or (isinstance(values, tuple) and any(isinstance(v, Truth) for v in values)):
        raise LeakError(f"'{name}' was given a Truth, which no learner may see: give it the observed values alone")
    if isinstance(values, Dataset):
        raise InputError(f"'{name}' was given a Dataset, which is ready to use as it is")
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values.float().numpy() if values.dtype == torch.bfloat16 else values.numpy()
    try:
        array = values if isinstance(values, np.ndarray) else np.asarray(values)
        if array.dtype.kind in "US" and array is not values:
            # NumPy makes everything beside a text into text, gaps and numbers too: keep the values as they were given.
            array = np.array(values, dtype=object)
    except ValueError:
        raise InputError(f"the rows of '{name}' differ in length or nesting: give every row the same shape") from None
    if array.ndim == 0:
        raise InputError(f"'{name}' must hold one value for each row, not the single value {values!r}")
    return array


def to_floats(name: str, array: np.ndarray, columns: Sequence[str] = ()) -> np.ndarray:
    """The array as float32, where every value is a number; gaps of a masked array become NaN.

    Raises:
        InputError: a value is text or no number; the sentence names the column, the value and the row.

    >>> to_floats("x", np.array([[1, 2], [3, 4]])).dtype
    dtype('float32')
    """
    if isinstance(array, np.ma.MaskedArray):
        if array.dtype.kind in "fiub":
            array = np.ma.filled(array.astype(np.float64), np.nan)
        else:
            array = np.array(array.tolist(), dtype=object)
    if array.dtype.kind not in "fiub":
        flat = array.reshape(len(array), -1)
        for row, values in enumerate(flat):
            for column, value in enumerate(values):
                if not _is_number(value):
                    where = f"'{columns[column]}'" if column < len(columns) else str(column)
                    held = "no value" if is_gap(value) else f"{value!s:.40} ({type(value).__name__})"
                    where = f"column {where} of {name}" if array.ndim > 1 else name
                    raise InputError(f"{where} must hold numbers, and row {row} holds {held}")
    with np.errstate(over="ignore"):
        # A number too large for float32 becomes infinite, which the data set refuses by name.
        return np.ascontiguousarray(array, dtype=np.float32)


def _is_number(value: Any) -> bool:
    if isinstance(value, (str, bytes, complex, np.complexfloating, np.datetime64, np.timedelta64)):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def is_gap(value: Any) -> bool:
    """Whether a value stands for a missing one: None, NaN, an empty text, or a table library's own mark.

    >>> [is_gap(v) for v in (None, float("nan"), "", 0)]
    [True, True, True, False]
    """
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def categories(name: str, array: np.ndarray, names: Sequence[str] | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Code a column of text or integers as 0..k-1; gaps, and -1 among integers, are hidden labels (-1).

    Args:
        name: of the field, for messages.
        array: (rows,) text, integers or booleans, maybe masked.
        names: the category names where they are known: the column then holds these names, or their numbers 0..k-1.

    Returns:
        (rows,) int64 codes, and the category names: text sorted, integers in numeric order.

    Raises:
        InputError: text and numbers are mixed, a value is not among `names`, every value is hidden, or the integers are
            -1 and 1 alone (where -1 may not mean hidden).

    >>> categories("y", np.array([10, 2, -1]))
    (array([ 1,  0, -1]), ('2', '10'))
    """
    values = list(np.ma.asarray(array).tolist()) if isinstance(array, np.ma.MaskedArray) else array.tolist()
    hidden = np.array([is_gap(v) or (v == HIDDEN and not isinstance(v, (bool, str))) for v in values])
    seen = {v for v, gap in zip(values, hidden, strict=True) if not gap}
    if not seen:
        raise InputError(f"every value of '{name}' is missing")
    text = [v for v in seen if isinstance(v, str)]
    if text and len(text) < len(seen):
        other = next(v for v in seen if not isinstance(v, str))
        raise InputError(f"'{name}' mixes text and numbers ('{sorted(text)[0]}' and {other!r}): make all of them text")
    if seen == {1} and any(v == HIDDEN for v in values):
        raise InputError(f"'{name}' holds -1 and 1 alone, and -1 means a hidden label: code the classes as 0 and 1")
    if names is None:
        order = sorted(seen)
        names = tuple(str(v) for v in order)
    elif text:
        order = list(names)
    else:
        order = list(range(len(names)))
    codes = {value: code for code, value in enumerate(order)}
    strange = sorted(seen - set(codes))
    if strange:
        raise InputError(f"'{name}' holds {strange[0]!r}, which is not among its {len(order)} categories")
    coded = [HIDDEN if gap else codes[v] for v, gap in zip(values, hidden, strict=True)]
    return np.array(coded, dtype=np.int64), tuple(names)


def is_number_column(array: np.ndarray) -> bool:
    """Whether a column holds continuous numbers, as against categories: a float among its values, or several columns.

    >>> is_number_column(np.array([0.5, 1.0])), is_number_column(np.array([0, 1]))
    (True, False)
    """
    if array.ndim > 1 or array.dtype.kind == "f":
        return True
    if array.dtype.kind != "O":
        return False
    held = [v for v in array.tolist() if not is_gap(v)]
    return any(isinstance(v, (float, np.floating)) for v in held) and not any(isinstance(v, str) for v in held)


def numbers(name: str, array: np.ndarray) -> np.ndarray:
    """A field of continuous numbers as float32, where a missing value is hidden: NaN.

    Raises:
        InputError: a value is text, or every value is missing.

    >>> numbers("y", np.array([1, None, 2.5], dtype=object))
    array([1. , nan, 2.5], dtype=float32)
    """
    if array.dtype.kind == "O" and array.ndim == 1:
        array = np.array([np.nan if is_gap(v) else v for v in array.tolist()], dtype=object)
    floats = to_floats(name, array)
    if np.isnan(floats).all():
        raise InputError(f"every value of '{name}' is missing")
    return floats
