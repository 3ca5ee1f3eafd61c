"""Samples larger than memory: drawn chunk by chunk into memory-mapped files, and opened again from there."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.worlds.base import World, check_seed
from identikit.worlds.named import make_world
from identikit.writing import write_text

NOTE = "stream.json"
FORMAT = 1


def stream(
    world: World,
    n: int,
    folder: str | Path,
    seed: int = 0,
    chunk: int = 10_000,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Dataset, Truth]:
    """Sample `n` rows into files of a folder, holding only one chunk of them in memory.

    The rows are those of `world.sample` with a seed of its own for each chunk, so they are not the rows of one large
    `sample`. A stream that was interrupted goes on with the chunk it was at; one that is complete is opened.

    Args:
        world: any world.
        n: number of rows.
        folder: where to put one `.npy` file for each array; made where it is missing.
        seed: of the rows.
        chunk: rows drawn at a time; made a multiple of the world's `length` where it has one.
        progress: is called with (rows done, n) after each chunk.

    Returns:
        Data and truth whose arrays are memory-mapped; what is written to them stays in memory.

    Raises:
        InputError: the folder holds another stream, the disk is too small, or the numbers do not fit the world.

    >>> import tempfile
    >>> from identikit.worlds import DomainShift
    >>> data, truth = stream(DomainShift(domains=3), 1_000, tempfile.mkdtemp(), chunk=300)
    >>> data.rows, type(data.x).__name__, truth.latents.shape
    (1000, 'memmap', (1000, 4))
    """
    check_seed(seed)
    unit = getattr(world, "length", 1)
    if n < 1 or n % unit:
        raise InputError(f"n is a multiple of the {unit} rows of a sequence, and at least one, not {n}")
    if chunk < 1:
        raise InputError(f"chunk is at least 1 row, not {chunk}")
    source = json.loads(json.dumps(world.source(n, seed)))
    if not source:
        raise InputError(f"this {type(world).__name__} cannot be written down as settings, so it cannot be streamed")
    folder = Path(folder)
    sizes = _sizes(n, chunk, unit)
    wanted = {"format": FORMAT, "source": source, "chunks": len(sizes)}
    note = _note(folder)
    if note is not None and {key: note.get(key) for key in wanted} != wanted:
        raise InputError(f"{folder} holds another stream: of {_told(note)}, and this is of {_told(wanted)}")
    note = note or {**wanted, "done": 0}
    ends = np.cumsum(sizes)
    if note["done"] < len(sizes):
        for position in range(note["done"], len(sizes)):
            part = world.sample(sizes[position], seed=_seed(seed, position))
            start = int(ends[position]) - sizes[position]
            try:
                if position == 0:
                    note |= _create(folder, n, *part)
                _fill(folder, note, start, *part)
            except OSError as reason:
                if reason.errno == errno.ENOSPC:
                    raise InputError(f"the disk is full: {start:,} of {n:,} rows are safe in {folder}") from None
                raise InputError(f"{folder} cannot be written: {reason.strerror}") from None
            note["done"] = position + 1
            write_text(folder / NOTE, json.dumps(note), "stream")
            if progress is not None:
                progress(int(ends[position]), n)
    return reopen(folder)


def reopen(folder: str | Path) -> tuple[Dataset, Truth]:
    """Open what `stream` wrote.

    Raises:
        InputError: there is no stream, it is not complete, or a newer version wrote it.

    >>> import tempfile
    >>> from identikit.worlds import DomainShift
    >>> folder = tempfile.mkdtemp()
    >>> made, _ = stream(DomainShift(domains=3), 300, folder, chunk=100)
    >>> reopen(folder)[0].fingerprint() == made.fingerprint()
    True
    """
    folder = Path(folder)
    note = _note(folder)
    if note is None:
        raise InputError(f"{folder} holds no stream: {NOTE} is missing")
    if note["done"] < note["chunks"]:
        raise InputError(f"{folder} holds {note['done']} of {note['chunks']} chunks: stream it again, and it goes on")
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in note["arrays"]}
    x = {name: arrays[f"x.{name}"] for name in note["modalities"]}
    names = {name: tuple(values) for name, values in note["names"].items()}
    fields = {name: arrays[f"field.{name}"] for name in note["fields"]}
    split = np.asarray(arrays["split"])
    data = Dataset(x if list(x) != ["x"] else x["x"], fields, names, split, {"stream": str(folder.resolve())})
    source = note["source"]
    _, small = make_world(source["world"], source["options"]).sample(note["smallest"], seed=0)
    labels = {name: arrays[f"label.{name}"] for name in note["labels"]}
    return data, replace(small, latents=arrays["latents"], labels=labels, split=split)


def _note(folder: Path) -> dict[str, Any] | None:
    path = folder / NOTE
    if not path.exists():
        return None
    note = json.loads(path.read_text(encoding="utf-8"))
    if note["format"] > FORMAT:
        raise InputError(f"{folder} was written by a newer version of identikit: update it to open the stream")
    return note


def _told(note: dict[str, Any]) -> str:
    source = note["source"]
    return f"{source['n']:,} rows of {source['world']} with seed {source['seed']}, {note['chunks']} chunks"


def _sizes(n: int, chunk: int, unit: int) -> list[int]:
    """Rows of each chunk: as equal as sequences allow, so that the last one still holds every domain."""
    units, most = n // unit, max(1, chunk // unit)
    count = -(-units // most)
    return [unit * (units // count + (i < units % count)) for i in range(count)]


def _seed(seed: int, position: int) -> int:
    return int(np.random.SeedSequence([seed, position]).generate_state(1)[0])


def _pieces(data: Dataset, truth: Truth) -> dict[str, np.ndarray]:
    return {
        **{f"x.{name}": array for name, array in data.modalities.items()},
        **{f"field.{name}": array for name, array in data.fields.items()},
        **{f"label.{name}": array for name, array in truth.labels.items()},
        "latents": truth.latents,
        "split": data.split,
    }


def _create(folder: Path, n: int, data: Dataset, truth: Truth) -> dict[str, Any]:
    """Make the files, once the disk is known to hold them."""
    pieces = _pieces(data, truth)
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(array.nbytes for array in pieces.values()) * n // data.rows
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(f"{n:,} rows need {needed / 1e9:.1f} GB, and the disk of {folder} has {free / 1e9:.1f} GB")
    for name, array in pieces.items():
        shape = (n, *array.shape[1:])
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype=array.dtype, shape=shape).flush()
    return {
        "arrays": list(pieces),
        "modalities": list(data.modalities),
        "fields": list(data.fields),
        "labels": list(truth.labels),
        "names": data.names,
        "smallest": data.rows,
        "sequences": 0,
    }


def _fill(folder: Path, note: dict[str, Any], start: int, data: Dataset, truth: Truth) -> None:
    pieces = _pieces(data, truth)
    if "field.sequence" in pieces:
        # Each chunk counts its sequences from 0.
        pieces["field.sequence"] = pieces["field.sequence"] + np.float32(note["sequences"])
        note["sequences"] = int(pieces["field.sequence"].max()) + 1
    for name, array in pieces.items():
        path = folder / f"{name}.npy"
        whole = np.load(path, mmap_mode="r")
        # Written as bytes, for a full disk ends the process where memory is mapped, and is an error here.
        with path.open("r+b") as file:
            file.seek(whole.offset + start * whole.nbytes // len(whole))
            file.write(np.ascontiguousarray(array, dtype=whole.dtype).data)
