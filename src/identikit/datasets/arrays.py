"""A `Dataset` from arrays in memory, or from an .npz file of them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from identikit.data import HIDDEN, Dataset
from identikit.datasets.coding import categories, is_number_column, numbers, to_floats, to_numpy
from identikit.errors import InputError, unknown
from identikit.splits import make_split

FIELDS = ("y", "domain", "time", "view", "action")


def from_arrays(
    x: Any,
    y: Any = None,
    domain: Any = None,
    time: Any = None,
    view: Any = None,
    action: Any = None,
    *,
    names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    groups: Any = None,
    **fields: Any,
) -> Dataset:
    """Make a `Dataset` of arrays.

    Fields of text, integers or booleans become categories, coded as int64 0..k-1 with their names kept (text sorted,
    integers in numeric order); fields of floats, or with several columns, stay numbers (float32), as does `time`. A
    label that is None, NaN, empty, masked, or -1 among integers is hidden: it becomes -1 (categories) or NaN (numbers).

    Args:
        x: (rows, columns) numbers, (rows,) for a single column, or pictures (rows, channels, height, width); a NumPy
            array, torch tensor or nested list, or a dict of these (modalities). uint8 pictures stay uint8, all else
            becomes float32. A path ending in .npz reads the array `x` of that file, and its `y`, `domain`, `time`,
            `view` and `action` where it has them; the other arguments may then be names of arrays in the file.
        y: (rows,) labels, or numbers to predict.
        domain: (rows,) the domain (environment) of each row; none may be hidden.
        time: (rows,) numbers.
        view: (rows,) which view a row is.
        action: (rows,) categories or (rows, columns) numbers.
        names: column names of `x`; or a dict of names by field or modality, where those of a field are its categories
            in the order of their codes.
        splits: shares of train, validation and test, met within every domain.
        seed: of the split.
        groups: (rows,) rows of one group stay in one split, e.g. pictures of one object; not kept in the data.
        **fields: further observed fields.

    Raises:
        InputError: one sentence on the first thing that cannot be used.
        LeakError: a `Truth` was given.

    >>> data = from_arrays([[0.1, 2.0], [0.3, 4.0], [0.5, 8.0]], y=["cat", None, "dog"], names=["size", "weight"])
    >>> data["y"].tolist(), data.names["y"], data.names["x"]
    ([0, -1, 1], ('cat', 'dog'), ('size', 'weight'))
    """
    given = {"y": y, "domain": domain, "time": time, "view": view, "action": action, **fields}
    source: dict[str, Any] = {}
    if isinstance(x, (str, Path)):
        file = Path(x)
        if all(v is None or isinstance(v, str) for v in (*given.values(), groups)):
            options = {k: v for k, v in {**given, "groups": groups, "names": names}.items() if v is not None}
            source = {
                "reader": "from_arrays",
                "x": str(file.resolve()),
                "splits": list(splits),
                "seed": seed,
                **options,
            }
        x, given, groups = _read_npz(file, given, groups)
    known = names if isinstance(names, Mapping) else {} if names is None else {"x": names}
    wrong = [n for n in known if n not in ({*x} if isinstance(x, Mapping) else {"x"}) and given.get(n) is None]
    if wrong:
        raise InputError(f"names are given for '{wrong[0]}', and the data has no such field")
    kept = {k: tuple(str(v) for v in values) for k, values in known.items()}
    arrays = {k: _observed(k, v, kept.get(k, ())) for k, v in (x if isinstance(x, Mapping) else {"x": x}).items()}
    if not arrays:
        raise InputError("x is an empty dict: it needs at least one modality")
    columns: dict[str, np.ndarray] = {}
    for name, values in given.items():
        if values is None:
            continue
        array = to_numpy(name, values)
        if array.shape[0] == 0:
            raise InputError(f"'{name}' is empty")
        if name == "time" or is_number_column(array):
            columns[name] = numbers(name, array)
            if name in known:
                raise InputError(f"category names are given for '{name}', which holds numbers")
        elif array.ndim != 1:
            raise InputError(f"'{name}' must hold one label for each row, not an array of shape {array.shape}")
        else:
            columns[name], kept[name] = categories(name, array, known.get(name))
    if "domain" in columns:
        _check_domain(columns["domain"])
    rows = len(next(iter(arrays.values())))
    together = None if groups is None else _groups(groups)
    split = make_split(rows, columns.get("domain"), splits, seed, together)
    return Dataset(arrays if isinstance(x, Mapping) else arrays["x"], columns, kept, split, source)


def _observed(name: str, values: Any, columns: tuple[str, ...]) -> np.ndarray:
    array = to_numpy(name, values)
    if array.shape[0] == 0:
        raise InputError(f"{name} holds no row")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim == 4 and array.shape[-1] in (1, 3) and array.shape[1] not in (1, 3):
        raise InputError(
            f"{name} has shape {array.shape}, which looks like pictures with the channels last: "
            f"give (rows, channels, height, width)"
        )
    if array.dtype == np.uint8 and array.ndim == 3:
        raise InputError(
            f"{name} has shape {array.shape}, which looks like pictures without an axis for the channel: "
            f"give (rows, channels, height, width)"
        )
    if columns and (array.ndim != 2 or len(columns) != array.shape[1]):
        raise InputError(f"{name} has rows of shape {array.shape[1:]} and {len(columns)} column names")
    if array.dtype == np.uint8 and array.ndim == 4:
        return np.ascontiguousarray(array)
    return to_floats(name, array, columns)


def _check_domain(codes: np.ndarray) -> None:
    if codes.dtype.kind == "f":
        raise InputError("domain must name a domain for each row by text or integers, not by floats: cast them")
    if (codes == HIDDEN).any():
        raise InputError(
            f"domain is missing (None, NaN, empty or -1) in row {int((codes == HIDDEN).argmax())}: every row needs one"
        )


def _groups(groups: Any) -> np.ndarray:
    array = to_numpy("groups", groups)
    if array.ndim != 1 or array.dtype.kind == "f":
        raise InputError(f"groups must hold one text or integer for each row, not {array.dtype} of shape {array.shape}")
    codes, _ = categories("groups", array)
    if (codes == HIDDEN).any():
        raise InputError(f"groups is missing in row {int((codes == HIDDEN).argmax())}: every row needs one")
    return codes


def check_file(path: Path) -> None:
    """Raise one sentence where `path` is no file with something in it.

    >>> check_file(Path("nowhere.csv"))
    Traceback (most recent call last):
    identikit.errors.InputError: there is no file nowhere.csv
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a file")
    if not path.exists():
        raise InputError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise InputError(f"the file {path} is empty")


def _read_npz(path: Path, given: dict[str, Any], groups: Any) -> tuple[np.ndarray, dict[str, Any], Any]:
    check_file(path)
    if path.suffix != ".npz":
        raise InputError(
            f"x is the path {path}, and only .npz files are read here: see from_table for .csv and .parquet"
        )
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read as an .npz file of plain arrays: {error}") from None
    if "x" not in arrays:
        raise unknown("array", "x", arrays)
    read = {}
    for name, value in {**given, "groups": groups}.items():
        if isinstance(value, str):
            if value not in arrays:
                raise unknown("array", value, arrays)
            read[name] = arrays[value]
        else:
            read[name] = arrays.get(name) if value is None and name in FIELDS else value
    groups = read.pop("groups")
    return arrays["x"], read, groups
