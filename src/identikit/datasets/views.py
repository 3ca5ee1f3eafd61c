"""Two views that stand in `x` as modalities, as `x` and the field `view` beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from identikit.data import Dataset, Truth
from identikit.datasets.reshaped import noted
from identikit.errors import InputError, unknown


@overload
def as_views(data: Dataset, truth: None = None, first: str | None = None, second: str | None = None) -> Dataset: ...
@overload
def as_views(
    data: Dataset, truth: Truth, first: str | None = None, second: str | None = None
) -> tuple[Dataset, Truth]: ...
def as_views(
    data: Dataset, truth: Truth | None = None, first: str | None = None, second: str | None = None
) -> Dataset | tuple[Dataset, Truth]:
    """Give every row one modality as `x` and another one of the same shape as the field `view`.

    Methods that take a `view` encode it with the encoder of `x`: where each modality is made in a way of its own, that
    encoder must read both.

    Args:
        data: with a dict of modalities as `x`.
        truth: of the data, given back as it is, so that a call reads like `windows`.
        first: the modality that becomes `x`; the first one by default.
        second: the modality that becomes `view`; the first of the others by default.

    Raises:
        InputError: `x` is one array, a modality is unknown, both are the same, or their shapes or types differ.

    >>> from identikit.worlds.views import MultiView
    >>> data, truth = MultiView().sample(100)
    >>> as_views(data)
    Dataset(100 rows: x(10,), view(10,); train 80, validation 10, test 10)
    """
    if not isinstance(data.x, dict):
        raise InputError("as_views needs x to hold several modalities, and it is one array")
    if "view" in data.fields:
        raise InputError("the data holds a field 'view' already")
    for name in (first, second):
        if name is not None and name not in data.x:
            raise unknown("modality", name, data.x)
    one = first or next(name for name in data.x if name != second)
    others = [name for name in data.x if name != one]
    if not others or second == one:
        raise InputError(f"two views are two modalities, and '{one}' is to be both")
    other = second or others[0]
    x, view = data.x[one], data.x[other]
    if x.shape != view.shape or x.dtype != view.dtype:
        raise InputError(
            f"two views have one shape and type, and '{one}' has {x.shape[1:]} of {x.dtype}, "
            f"'{other}' {view.shape[1:]} of {view.dtype}"
        )
    names = {name: values for name, values in data.names.items() if name not in data.x}
    if one in data.names:
        names["x"] = data.names[one]
    source = noted(data.source, "views", {"first": one, "second": other})
    pair = replace(data, x=x, fields={**data.fields, "view": view}, names=names, source=source)
    return pair if truth is None else (pair, truth)
