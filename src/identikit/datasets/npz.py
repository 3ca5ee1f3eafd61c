"""Some rows of an array in an .npz file, without the rest of it in memory."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from identikit.errors import InputError, unknown

_BLOCK = 1 << 24


def npz_shape(path: Path, name: str) -> tuple[int, ...]:
    """The shape of an array in an .npz file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.npz")
    >>> np.savez(path, x=np.zeros((4, 3)))
    >>> npz_shape(path, "x")
    (4, 3)
    """
    with _open(path) as packed, packed.open(_member(packed, path, name)) as member:
        return _header(member, path, name)[0]


def npz_rows(path: Path, name: str, rows: np.ndarray) -> np.ndarray:
    """The given rows of an array in an .npz file.

    Where the file is stored as it is, only these rows are read from disk (a memory map); where it is compressed, it is
    inflated block by block up to the last of them, and no more than a block and the rows is held.

    Args:
        path: of the file.
        name: of the array, which is C-ordered and holds no Python objects.
        rows: (k,) row numbers, ascending.

    Returns:
        (k, ...) array.

    Raises:
        InputError: no such file or array, or not a plain array.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.npz")
    >>> np.savez_compressed(path, x=np.arange(12).reshape(6, 2))
    >>> npz_rows(path, "x", np.array([1, 4])).tolist()
    [[2, 3], [8, 9]]
    """
    with _open(path) as packed:
        info = packed.getinfo(_member(packed, path, name))
        with packed.open(info) as member:
            shape, dtype = _header(member, path, name)
            if len(rows) and not 0 <= rows[0] <= rows[-1] < shape[0]:
                raise InputError(f"'{name}' of {path} has {shape[0]} rows, and row {int(rows[-1])} was asked for")
            if info.compress_type != zipfile.ZIP_STORED:
                return _inflate(member, shape, dtype, rows)
            skip = member.tell()
        start = _data_start(path, info) + skip
    return np.array(np.memmap(path, dtype, "r", start, shape)[rows])


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read as an .npz file: {error}") from None


def _member(packed: zipfile.ZipFile, path: Path, name: str) -> str:
    if f"{name}.npy" not in packed.namelist():
        raise unknown(f"array of {path}", name, [n.removesuffix(".npy") for n in packed.namelist()])
    return f"{name}.npy"


def _header(member: IO[bytes], path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    form = np.lib.format
    try:
        read = form.read_array_header_1_0 if form.read_magic(member) == (1, 0) else form.read_array_header_2_0
        shape, fortran, dtype = read(member)
    except ValueError as error:
        raise InputError(f"'{name}' of {path} is no array: {error}") from None
    if dtype.hasobject or fortran or not shape:
        raise InputError(f"'{name}' of {path} must be a plain C-ordered array with rows")
    return shape, dtype


def _inflate(member: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], rows: np.ndarray) -> np.ndarray:
    width = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
    each = max(_BLOCK // max(width, 1), 1)
    out = np.empty((len(rows), *shape[1:]), dtype)
    for start in range(0, int(rows[-1]) + 1 if len(rows) else 0, each):
        count = min(each, shape[0] - start)
        block = np.frombuffer(member.read(count * width), dtype).reshape(count, *shape[1:])
        first, last = np.searchsorted(rows, [start, start + count])
        out[first:last] = block[rows[first:last] - start]
    return out


def _data_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin: its local header may be longer than what the directory of the file says."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))
    return info.header_offset + 30 + name + extra
