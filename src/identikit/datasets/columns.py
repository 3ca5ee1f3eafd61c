"""The columns of a CSV or Parquet file as they are, with their gaps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from identikit.datasets.arrays import check_file
from identikit.datasets.table import _match, _numeric, _Table
from identikit.errors import InputError, unknown


def read_columns(
    path: str | Path, columns: str | Sequence[str] | None = None, domain: str | None = None, numeric: bool = True
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    r"""Read columns of a table of one row of data per line, for searches that decide themselves on missing values.

    Args:
        path: of a .csv, .tsv (also with .gz) or .parquet file.
        columns: names or patterns (`f*`), as a list or separated by commas; all but the domain, if left out.
        domain: column that names the domain of each row.
        numeric: whether only columns of numbers are meant where none are named.

    Returns:
        The columns by name, numbers as floats with NaN for an empty cell and text as objects with None; and the domain.

    Raises:
        InputError: the file is missing, empty or broken, a column is unknown, none is left, or a row has no domain.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "cells.csv")
    >>> _ = path.write_text("site,f1,f2\na,1,\nb,2,4.5\n")
    >>> read_columns(path, domain="site")[0]["f2"].tolist()
    [nan, 4.5]
    """
    path = Path(path)
    check_file(path)
    with _Table(path) as table:
        if domain is not None and domain not in table.types:
            raise unknown("column", domain, table.types)
        taken = set() if domain is None else {domain}
        if columns is None:
            chosen = _numeric(table, taken) if numeric else [name for name in table.types if name not in taken]
        else:
            chosen = [name for name in _match(columns, table.types) if name not in taken]
        if not chosen:
            raise InputError(f"no column of {path} is left to search: the columns are {', '.join(table.types)}")
        found = {name: _plain(table.read(name)) for name in chosen}
        told = None if domain is None else _plain(table.read(domain))
    if told is not None and any(value is None or value != value for value in told):
        raise InputError(f"column '{domain}' of {path} does not name the domain of every row: fill it")
    return found, told


def _plain(values: np.ndarray) -> np.ndarray:
    gaps = np.ma.getmaskarray(values)
    held = np.ma.getdata(values)
    if held.dtype.kind in "fiub":
        return np.where(gaps, np.nan, held.astype(float))
    return np.array([None if gap else value for value, gap in zip(held.tolist(), gaps, strict=True)], object)
