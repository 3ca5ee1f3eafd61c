"""The past and the next time point of every row, beside it, from rows that are ordered in time."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.reshaped import noted
from identikit.errors import InputError, MissingFieldError


@overload
def windows(data: Dataset, truth: None = None, past: int = 1, next: bool = True) -> Dataset: ...
@overload
def windows(data: Dataset, truth: Truth, past: int = 1, next: bool = True) -> tuple[Dataset, Truth]: ...
def windows(
    data: Dataset, truth: Truth | None = None, past: int = 1, next: bool = True
) -> Dataset | tuple[Dataset, Truth]:
    """Give every row its past and its next observation, as the fields `past` and `next`.

    Rows that lack one of them are dropped: the ends of a sequence, rows beside a gap in time, and those whose
    neighbours are in another split.

    Args:
        data: with the fields `sequence` (which sequence a row is from) and `time` (whole numbers), in any order; all
            rows are one sequence where the first is missing.
        truth: of the data, to have its rows dropped alike.
        past: how many time points before each row; 0 for no field `past`.
        next: whether to add the field `next`.

    Returns:
        The data with `past` (rows, past, *shape of x), the nearest time point first, and `next` (rows, *shape of x),
        both of the type of `x`; beside it the truth, where it was given.

    Raises:
        InputError: no field `time`, several modalities, two rows of one time, or no row with all that is asked for.

    >>> import identikit as ik
    >>> from identikit.worlds.panel import Panel
    >>> data, truth = Panel(domains=2, length=5).sample(200)
    >>> rows, same = windows(data, truth, past=2)
    >>> rows["past"].shape, rows["next"].shape, same.latents.shape
    ((80, 2, 10), (80, 10), (80, 5))
    """
    if past < 0 or (past == 0 and not next):
        raise InputError(f"windows need a past of at least one time point, or the next one, not past={past}")
    if isinstance(data.x, dict):
        raise InputError(f"x holds several modalities ({', '.join(data.x)}) and windows are of one: pick one")
    if "time" not in data:
        raise MissingFieldError("windows", "time", data.fields)
    offsets = [-k for k in range(1, past + 1)] + [1] * next
    rows, beside = _neighbours(data, offsets)
    if len(rows) == 0:
        raise _none(data, past, next)
    fields = {name: values[rows] for name, values in data.fields.items()}
    if past:
        fields["past"] = np.stack([data.x[beside[:, k]] for k in range(past)], 1)
    if next:
        fields["next"] = data.x[beside[:, -1]]
    source = noted(data.source, "windows", {"past": past, "next": next})
    windowed = replace(data.take(rows), fields=fields, source=source)
    return windowed if truth is None else (windowed, truth.take(rows))


def _neighbours(data: Dataset, offsets: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have a neighbour at every offset in time, and these neighbours `(rows, offsets)`."""
    time = data["time"]
    sequence = data["sequence"] if "sequence" in data else np.zeros(data.rows)
    for name, values in (("time", time), ("sequence", sequence)):
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise InputError(f"'{name}' is hidden in row {row}, and windows need it of every row: drop the row")
    order = np.lexsort((time, sequence))
    twice = (np.diff(sequence[order]) == 0) & (np.diff(time[order]) == 0)
    if twice.any():
        row = order[int(twice.argmax())]
        told = "" if "sequence" in data else ": say which rows are one sequence, by a field 'sequence'"
        raise InputError(f"sequence {sequence[row]:g} holds two rows of time {time[row]:g}{told}")
    places = np.arange(data.rows)[:, None] + np.array(offsets)
    inside = (places >= 0) & (places < data.rows)
    beside = order[places.clip(0, data.rows - 1)]
    same = (sequence[beside] == sequence[order, None]) & (data.split[beside] == data.split[order, None])
    right = inside & same & (time[beside] - time[order, None] == np.array(offsets))
    kept = right.all(1)
    back = np.argsort(order[kept])
    return order[kept][back], beside[kept][back]


def _none(data: Dataset, past: int, next: bool) -> InputError:
    """Why no row has all its neighbours: times that do not count steps of 1, or sequences that are too short."""
    sequence = data["sequence"] if "sequence" in data else np.zeros(data.rows)
    order = np.lexsort((data["time"], sequence))
    steps, ends = np.diff(data["time"][order]), np.diff(sequence[order]) != 0
    wanted = " and ".join([f"{past} time points before it"] * (past > 0) + ["one after it"] * next)
    said = f"no row has {wanted} in its sequence and split"
    inside = steps[~ends]
    if len(inside) and not (inside == 1).any():
        return InputError(f"{said}: 'time' must count steps of 1, and the nearest rows lie {inside.min():g} apart")
    cuts = ends | (steps != 1) | (np.diff(data.split[order]) != 0)
    longest = int(np.diff(np.flatnonzero(np.concatenate([[True], cuts, [True]]))).max())
    return InputError(f"{said}: the longest without a gap has {longest}, so take a shorter past, or longer sequences")
