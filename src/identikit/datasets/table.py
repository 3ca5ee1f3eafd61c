"""A `Dataset` from a CSV or Parquet file."""

from __future__ import annotations

import csv
import glob
import gzip
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from identikit.data import Dataset
from identikit.datasets.arrays import check_file, from_arrays
from identikit.datasets.coding import numbers
from identikit.errors import InputError, unknown

GAPS = ["", "NA", "NaN", "nan", "NULL", "null"]
"""What an empty cell of a CSV file may look like."""

INTEGERS = tuple(sign + size for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"))
NUMERIC = (*INTEGERS, "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


def from_table(
    path: str | Path,
    x: str | Sequence[str] | None = None,
    y: str | None = None,
    domain: str | None = None,
    time: str | None = None,
    *,
    label_kind: Literal["classes", "number"] | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    groups: str | None = None,
) -> Dataset:
    r"""Read a table with one row of data per line: .csv, .tsv (also with .gz), or .parquet.

    Args:
        path: of the file; the first line of a CSV file holds the column names.
        x: names or patterns (`f*`) of the columns to learn from, as a list or separated by commas; their order is that
            of the table. All numeric columns that serve nothing else, if left out.
        y: column of labels (text or integers) or numbers to predict; an empty cell is a hidden label.
        domain: column that names the domain of each row.
        time: column of numbers.
        label_kind: `classes` or `number`, where the type of the column says it wrongly.
        splits: shares of train, validation and test, met within every domain.
        seed: of the split.
        groups: column whose equal values stay in one split.

    Returns:
        The data, with the column names of `x` in `names["x"]`, and a `source` from which `reload` reads it again.

    Raises:
        InputError: one sentence: the file is missing, empty or broken, a column is unknown, or a column of `x` holds
            text or gaps. Rows are counted from 0, below the header.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "cells.csv")
    >>> rows = [f"{'ab'[i % 2]},{i},{i * i},{i % 3}" for i in range(30)]
    >>> _ = path.write_text("\n".join(["batch,f1,f2,state", *rows]))
    >>> data = from_table(path, x="f*", domain="batch", y="state")
    >>> data.schema
    Schema(x=(2,), names={'x': ('f1', 'f2'), 'y': ('0', '1', '2'), 'domain': ('a', 'b')}, numbers=())
    """
    path = Path(path)
    check_file(path)
    if label_kind not in (None, "classes", "number"):
        raise unknown("label kind", str(label_kind), ["classes", "number"])
    used = {"y": y, "domain": domain, "time": time, "groups": groups}
    with _Table(path) as table:
        for column in used.values():
            if column is not None and column not in table.types:
                raise unknown("column", column, table.types)
        taken = {c for c in used.values() if c is not None}
        columns = _numeric(table, taken) if x is None else [c for c in _match(x, table.types) if c not in taken]
        if not columns:
            raise InputError(f"no column of {path} is left for x: the columns are {', '.join(table.types)}")
        values = np.column_stack([_numbers(table, column) for column in columns])
        fields: dict[str, Any] = {k: table.read(c) for k, c in used.items() if c is not None}
    if "y" in fields and label_kind is not None:
        fields["y"] = _as_kind(fields["y"], label_kind)
    data = from_arrays(values, names=columns, splits=splits, seed=seed, **fields)
    options = {"x": x if x is None or isinstance(x, str) else list(x), "label_kind": label_kind, **used}
    source = {"reader": "from_table", "path": str(path.resolve()), "splits": list(splits), "seed": seed, **options}
    return Dataset(data.x, data.fields, data.names, data.split, source)


class _Table:
    """The columns of one file, through DuckDB."""

    def __init__(self, path: Path) -> None:
        import duckdb

        self.path = path
        self.error = duckdb.Error
        # Nothing may be fetched for a file format that this build does not know.
        self.connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        kind = "".join(path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]).lower()
        if kind in (".parquet", ".pq"):
            reader, options = "read_parquet($path)", {}
        elif kind in (".csv", ".tsv", ".csv.gz", ".tsv.gz"):
            # Left to guess from all lines, DuckDB takes a table with one broken line for a table of one column.
            reader = (
                "read_csv($path, header=true, delim=$delim, sample_size=-1, nullstr=$gaps, allow_quoted_nulls=false)"
            )
            options = {"gaps": GAPS, "delim": _delimiter(path)}
        else:
            raise InputError(f"{path} must end in .csv, .tsv, .csv.gz, .tsv.gz or .parquet")
        self._execute(
            f"CREATE TABLE t AS SELECT * FROM {reader}", {"path": glob.escape(str(path.resolve())), **options}
        )
        described = self._execute("DESCRIBE t").fetchall()
        self.types: dict[str, str] = {row[0]: row[1] for row in described}
        counted = self._execute("SELECT count(*) FROM t").fetchone()
        self.rows: int = counted[0] if counted else 0
        if kind not in (".parquet", ".pq") and all(_parses(name) for name in self.types):
            raise InputError(f"the first line of {path} holds numbers alone: it must hold the column names")
        if self.rows == 0:
            raise InputError(f"the file {path} holds column names and no row")

    def _execute(self, query: str, values: dict[str, Any] | None = None) -> Any:
        try:
            return self.connection.execute(query, values)
        except (self.error, UnicodeDecodeError) as error:
            # The lines after the first few list DuckDB's own options, which nobody can set here.
            reason = "; ".join(line.strip() for line in str(error).splitlines()[:4] if line.strip())
            raise InputError(f"{self.path} cannot be read: {_uneven_line(self.path) or reason}") from None

    def read(self, column: str) -> np.ndarray:
        """One column, in the order of the file."""
        quoted = column.replace('"', '""')
        return self._execute(f'SELECT "{quoted}" FROM t').fetchnumpy()[column]

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def _open_text(path: Path, errors: str = "strict") -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors=errors, newline="")
    return path.open(encoding="utf-8-sig", errors=errors, newline="")


def _uneven_line(path: Path) -> str:
    """The first line of a text table that has more or fewer values than the first, in words; empty where none has."""
    if path.suffix in (".parquet", ".pq"):
        return ""
    try:
        with _open_text(path, errors="replace") as file:
            lines = csv.reader(file, delimiter=_delimiter(path))
            width = len(next(lines))
            for values in lines:
                if len(values) not in (0, width):
                    return f"line {lines.line_num} has {len(values)} values where the first has {width}"
    except (csv.Error, OSError, EOFError):
        pass
    return ""


def _delimiter(path: Path) -> str:
    """The commonest separator in the line of column names."""
    try:
        with _open_text(path) as file:
            header = file.readline().strip()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a table of UTF-8 text: {error}") from None
    if not header:
        raise InputError(f"the first line of {path} is blank: it must hold the column names")
    return max(",\t;|", key=header.count)


def _parses(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _match(wanted: str | Sequence[str], columns: dict[str, str]) -> list[str]:
    patterns = [p.strip() for p in wanted.split(",")] if isinstance(wanted, str) else list(wanted)
    found: set[str] = set()
    for pattern in patterns:
        hits = [pattern] if pattern in columns else [c for c in columns if fnmatchcase(c, pattern)]
        if not hits:
            raise unknown("column", pattern, columns)
        found.update(hits)
    return [c for c in columns if c in found]


def _numeric(table: _Table, taken: set[str]) -> list[str]:
    """All numeric columns, and those that are numbers but for some stray text, so that the text is reported."""
    chosen = []
    for column, kind in table.types.items():
        if column in taken:
            continue
        if kind == "VARCHAR":
            held = [v for v in table.read(column).tolist() if v is not None]
            numeric = 2 * sum(map(_parses, held)) > len(held)
        else:
            numeric = kind.partition("(")[0] in NUMERIC
        if numeric:
            chosen.append(column)
    return chosen


def _numbers(table: _Table, column: str) -> np.ndarray:
    values = table.read(column)
    gaps = int(np.ma.getmaskarray(values).sum())
    if values.dtype.kind == "O":
        held = values.tolist()
        for row, value in enumerate(held):
            if value is not None and not _parses(value):
                raise InputError(f"column '{column}' must hold numbers, and row {row} holds '{value!s:.40}'")
        gaps = sum(v is None for v in held)
    elif values.dtype.kind not in "fiub":
        raise InputError(f"column '{column}' must hold numbers, not {table.types[column]}")
    if gaps:
        raise InputError(f"column '{column}' has {gaps} empty cell{'s' * (gaps > 1)}: fill or leave out these rows")
    with np.errstate(over="ignore"):
        return np.ma.getdata(values).astype(np.float32)


def _as_kind(values: np.ndarray, kind: str) -> np.ndarray:
    if kind == "number":
        return numbers("y", values)
    if values.dtype.kind != "f":
        return values
    floats = np.ma.filled(values, np.nan)
    whole = np.isnan(floats) | (np.isfinite(floats) & (floats == np.round(floats)))
    if not whole.all():
        raise InputError(f"y is asked for as classes, and row {int(whole.argmin())} holds {floats[whole.argmin()]:g}")
    return np.array([None if np.isnan(v) else int(v) for v in floats], dtype=object)
