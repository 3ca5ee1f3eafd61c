"""The table that a search works on: columns with names and kinds, checked before work starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from identikit.data import Dataset, Truth, require_dataset
from identikit.errors import InputError, unknown

MISSING = ("refuse", "drop", "fill")
"""What to do about missing values: nothing, leave out their rows, or put in the mean or the commonest category."""
COLLINEAR = 1e-5
"""Share of a column's spread that no other columns explain, below which it counts as none (values may be float32)."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers, or of categories as codes from 0.

    Attributes:
        values: (rows, columns) float64.
        names: of the columns.
        categories: names of the categories of each discrete column, by its name.
        domain: (rows,) int codes of the domains; None where the data has none.
        domains: their names.
    """

    values: np.ndarray
    names: tuple[str, ...]
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    domain: np.ndarray | None = None
    domains: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.values.shape[1]

    def kind(self, name: str) -> str:
        """`discrete` or `continuous`."""
        return "discrete" if name in self.categories else "continuous"

    def take(self, rows: np.ndarray) -> Table:
        """The table of the given rows, which may be drawn more than once."""
        domain = None if self.domain is None else self.domain[rows]
        return replace(self, values=self.values[rows], domain=domain)


def as_table(
    data: Any,
    names: Sequence[str] | None = None,
    domain: Any = None,
    missing: str = "refuse",
    takes: str = "continuous",
) -> Table:
    """Make the table that a search works on.

    Args:
        data: a `Dataset` with one row of numbers for each row; an array (rows, columns) or a list of rows, with NaN for
            a missing number; or the path of a .csv, .tsv or .parquet file.
        names: of the columns of an array; `x0`, `x1`, ... by default. Of a file, the columns to use.
        domain: (rows,) the domain of each row, or its column in a file; that of the `Dataset` by default.
        missing: `refuse`, `drop` the rows with a missing value, or `fill` in the mean of the column or its commonest
            category.
        takes: `continuous`, where columns are numbers, or `discrete`, where they are categories.

    Raises:
        InputError: one sentence: no table, text among numbers, numbers that are no categories, missing or infinite
            values.

    >>> table = as_table([[0.0, 1.0], [float("nan"), 3.0], [1.0, 2.0]], names=["a", "b"], missing="drop")
    >>> table.names, table.rows
    (('a', 'b'), 2)
    """
    if missing not in MISSING:
        raise unknown("way with missing values", missing, MISSING)
    if isinstance(data, str | Path):
        from identikit.datasets.columns import read_columns

        columns, domain = read_columns(data, names, domain, numeric=takes == "continuous")
        names = list(columns)
        arrays = list(columns.values())
    else:
        arrays, names, domain = _given(data, names, domain)
    made, categories = [], {}
    for name, array in zip(names, arrays, strict=True):
        values, known = _categories(name, array) if takes == "discrete" else (_numbers(name, array), None)
        made.append(values)
        if known is not None:
            categories[name] = known
    table = Table(np.column_stack(made), tuple(names), categories)
    if domain is not None:
        domain = np.asarray(domain)
        if domain.shape != (table.rows,):
            raise InputError(f"lengths differ: the domain has shape {domain.shape} and the table {table.rows} rows")
        found, codes = np.unique(domain.astype(str), return_inverse=True)
        table = replace(table, domain=codes, domains=tuple(map(str, found)))
    return _without_gaps(table, missing)


def check_table(table: Table, needed: int, who: str) -> None:
    """Say in one sentence why no search can work on a table.

    Args:
        table: the table.
        needed: rows that the tests of the search can use at least.
        who: name of the search.

    Raises:
        InputError: one column, too few rows, a constant column, two columns that hold the same, or columns of numbers
            of which each is a linear combination of the others.

    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> check_table(as_table(np.column_stack([x, x.sum(1)])), 20, "pc")
    Traceback (most recent call last):
    identikit.errors.InputError: the columns 'x0', 'x1' and 'x2' are perfectly collinear: leave one of them out
    """
    if table.columns < 2:
        raise InputError(f"a graph is of two columns or more, and the table has {table.columns}")
    if table.rows < needed:
        raise InputError(f"{who} needs at least {needed} rows for {table.columns} columns, and there are {table.rows}")
    constant = np.flatnonzero((table.values == table.values[0]).all(0))
    if len(constant):
        i = int(constant[0])
        first = table.values[0, i]
        known = table.categories.get(table.names[i])
        shown = f"'{known[int(first)]}'" if known else f"{first:g}"
        raise InputError(f"column '{table.names[i]}' is constant ({shown} in every row): leave it out")
    _check_same(table)
    _check_collinear(table)


def _given(data: Any, names: Sequence[str] | None, domain: Any) -> tuple[list[np.ndarray], Sequence[str], Any]:
    """Columns, names and domain of a data set or an array."""
    if isinstance(data, Dataset | Truth):
        data = require_dataset(data, "discover")
        if isinstance(data.x, dict):
            raise InputError(
                f"discover takes one table, and x holds several modalities ({', '.join(data.x)}): pick one"
            )
        values = data.x
        names = names or data.names.get("x")
        if domain is None and "domain" in data.names:
            domain = np.array(data.names["domain"])[data["domain"]]
    else:
        if hasattr(data, "detach"):
            data = data.detach().cpu().numpy()
        try:
            values = np.ma.filled(np.ma.asarray(data, dtype=None), np.nan) if np.ma.isMA(data) else np.asarray(data)
        except (TypeError, ValueError):
            raise InputError("the table must have as many values in each row, as numbers or text") from None
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"discover takes a table (rows, columns), and was given shape {tuple(values.shape)}")
    names = [f"x{i}" for i in range(values.shape[1])] if names is None else [str(name) for name in names]
    if len(names) != values.shape[1]:
        raise InputError(f"the table has {values.shape[1]} columns, and {len(names)} names were given")
    if len(set(names)) < len(names):
        raise InputError(f"two columns have the name '{next(n for n in names if names.count(n) > 1)}'")
    return list(values.T), names, domain


def _numbers(name: str, array: np.ndarray) -> np.ndarray:
    try:
        values = np.array([np.nan if v is None else v for v in array], float) if array.dtype == object else array
        values = values.astype(float)
    except (TypeError, ValueError):
        raise InputError(
            f"column '{name}' holds text, and this search takes numbers: leave it out, or use a search of categories"
        ) from None
    if np.isinf(values).any():
        raise InputError(
            f"column '{name}' holds an infinite value (row {int(np.isinf(values).argmax())}): drop the row"
        )
    return values


def _categories(name: str, array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes with NaN for a missing one, and the names of the categories."""
    if array.dtype.kind == "f":
        held = array[~np.isnan(array)]
        if (held != np.round(held)).any():
            odd = held[held != np.round(held)][0]
            raise InputError(f"column '{name}' holds {odd:g}, and this search takes categories: cut it into bins first")
        texts = np.array([None if np.isnan(v) else int(v) for v in array], object)
    else:
        texts = np.array([None if v is None or v == "" else v for v in array.tolist()], object)
    gone = np.array([v is None or v != v for v in texts])
    try:
        found = sorted(set(texts[~gone]))
    except TypeError:
        found = sorted({str(v) for v in texts[~gone]})
        texts = np.array([v if g else str(v) for v, g in zip(texts, gone, strict=True)], object)
    codes = {value: i for i, value in enumerate(found)}
    return np.array([np.nan if g else codes[v] for v, g in zip(texts, gone, strict=True)]), tuple(map(str, found))


def _without_gaps(table: Table, missing: str) -> Table:
    gaps = np.isnan(table.values)
    if not gaps.any():
        return table
    rows = int(gaps.any(1).sum())
    for i, name in enumerate(table.names):
        if gaps[:, i].all():
            raise InputError(f"every value of column '{name}' is missing: leave it out")
    if missing == "refuse":
        i = int(gaps.any(0).argmax())
        count = int(gaps[:, i].sum())
        raise InputError(
            f"column '{table.names[i]}' has {count} missing value{'s' * (count > 1)}, and {rows} of {table.rows} rows "
            "lack one: say missing='drop' to leave these rows out, or missing='fill' to put in the mean of the column "
            "or its commonest category"
        )
    if missing == "drop":
        if rows == table.rows:
            raise InputError("every row lacks a value, so none is left with missing='drop': leave columns out, or fill")
        return table.take(np.flatnonzero(~gaps.any(1)))
    values = table.values.copy()
    for i, name in enumerate(table.names):
        held = values[~gaps[:, i], i]
        values[gaps[:, i], i] = np.bincount(held.astype(int)).argmax() if name in table.categories else held.mean()
    return replace(table, values=values)


def _check_same(table: Table) -> None:
    seen: dict[bytes, str] = {}
    for i, name in enumerate(table.names):
        column = table.values[:, i]
        if name in table.categories:
            # Categories named otherwise hold the same: count them in the order in which they come.
            _, first, codes = np.unique(column, return_index=True, return_inverse=True)
            column = np.argsort(np.argsort(first))[codes].astype(float)
        other = seen.setdefault((column + 0.0).tobytes(), name)
        if other != name:
            raise InputError(f"the columns '{other}' and '{name}' hold the same: leave one of them out")


def _check_collinear(table: Table) -> None:
    if table.categories:
        return
    centred = table.values - table.values.mean(0)
    scaled = centred / centred.std(0)
    _, strengths, directions = np.linalg.svd(scaled, full_matrices=False)
    if strengths[-1] / np.sqrt(table.rows) > COLLINEAR:
        return
    # The smallest set whose combination vanishes: leave out column by column while the others still do.
    left = np.flatnonzero(np.abs(directions[-1]) > 0) if len(strengths) == table.columns else np.arange(table.columns)
    for i in left.tolist():
        fewer = left[left != i]
        if len(fewer) > 1 and np.linalg.svd(scaled[:, fewer], compute_uv=False)[-1] / np.sqrt(table.rows) <= COLLINEAR:
            left = fewer
    names = [f"'{table.names[i]}'" for i in left]
    raise InputError(
        f"the columns {', '.join(names[:-1])} and {names[-1]} are perfectly collinear: leave one of them out"
    )
