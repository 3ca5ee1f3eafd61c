"""ETH-UCY: where pedestrians walked in five places, as windows of what is seen and what comes next."""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from identikit.data import HIDDEN, Dataset
from identikit.errors import InputError, unknown

SCENES: Mapping[str, tuple[str, ...]] = {
    "eth": ("biwi_eth",),
    "hotel": ("biwi_hotel",),
    "univ": ("students001", "students003"),
    "zara1": ("crowds_zara01",),
    "zara2": ("crowds_zara02",),
    "zara3": ("crowds_zara03",),
    "examples": ("uni_examples",),
}
"""The recordings of each scene; the last two are trained on only, as is usual."""
HELD = ("eth", "hotel", "univ", "zara1", "zara2")
"""The scenes that are held out in turn."""
SECONDS = 0.4
"""Between two points of a walk."""
_FRAMES = 10
_STILL = 0.1
"""Metres from the mean of the points seen to the last, below which a walk has no direction to turn to."""


def eth_ucy(
    folder: str | Path, held: str = "eth", past: int = 8, future: int = 12, stride: int = 1
) -> tuple[Dataset, Dataset]:
    """Read the walks of all scenes but one to learn from, and of that one to test on.

    Each row is one walker at `past` points of time, 0.4 seconds apart, and the `future` points after them. Points are
    in metres, from the last one seen, and turned so that the others lie behind it along the first axis, in the mean;
    who has hardly moved is not turned. So neither the place on the map nor the way the camera stood is told.

    Args:
        folder: that holds the recordings as text files (`NAME.txt`, or `NAME_train.txt` and `NAME_val.txt`), whose
            lines are frame, walker, x and y; or one file `*.json.xz`, an object of such texts by file name.
        held: the scene to test on, one of `HELD`.
        past: points seen, three or more.
        future: points after them.
        stride: points from the start of one window to that of the next; where it is small, they overlap.

    Returns:
        `(learn, test)`. In both, `x` (rows, 2 past - 2) holds the points before the last one seen, `future`
        (rows, future, 2) those after it, `domain` the scene, and `walker` a number for each walker. Of `learn`, the
        rows of `_val` files are validation rows, or the last fifth of a recording that is not divided; `test` holds
        test rows only, and its scene, which nothing could be learned of, is hidden (-1).

    Raises:
        InputError: no such folder or recording, a line that cannot be read, an unknown scene, or too few points.

    Source: Pellegrini et al. 2009 (ETH) and Lerner et al. 2007 (UCY), in the files and with the halves of Alahi et al.
    2016 as passed on by many; held out one by one, 8 points seen and 12 told, is the field's usual way. The turn is
    this library's choice. The recordings' terms are not stated, so they do not come with this library.

    >>> eth_ucy("nowhere")
    Traceback (most recent call last):
    identikit.errors.InputError: nowhere is no folder: hand over the one that holds the recordings
    """
    if held not in HELD:
        raise unknown("scene", held, HELD)
    if past < 3 or future < 1 or stride < 1:
        raise InputError(f"past is 3 or more, future and stride 1 or more, not {past}, {future} and {stride}")
    texts, length = _texts(Path(folder)), past + future
    names = tuple(scene for scene in SCENES if scene != held and any(_files(texts, r) for r in SCENES[scene]))
    learned, domain, split, walkers = [], [], [], [np.zeros(0)]
    for code, scene in enumerate(names):
        for recording in SCENES[scene]:
            for part, name in _files(texts, recording).items():
                walks, first, who = _windows(_read(texts[name], name), length, stride)
                late = part == "val"
                if part == "":
                    late = first >= np.quantile(first, 0.8) if len(first) else first
                learned.append(walks)
                walkers.append(who + 1 + max(map(_most, walkers)))
                domain.append(np.full(len(walks), code))
                split.append(np.broadcast_to(np.asarray(late, dtype=np.int8), len(walks)))
    tests, strangers = [], [np.zeros(0)]
    for recording in SCENES[held]:
        for name in _files(texts, recording, whole=True).values():
            walks, _, who = _windows(_read(texts[name], name), length, stride)
            tests.append(walks)
            strangers.append(who + 1 + max(map(_most, strangers)))
    if not sum(map(len, learned)) or not sum(map(len, tests)):
        raise InputError(f"{folder} holds no walk of {length} points to learn from, or none in '{held}' to test on")
    source = {"dataset": "eth_ucy", "held": held}
    columns = tuple(f"{axis}{t}" for t in range(1 - past, 0) for axis in "xy")
    categories = {"x": columns, "domain": names}

    def dataset(walks: np.ndarray, domain: np.ndarray, split: np.ndarray, who: np.ndarray) -> Dataset:
        walks = _turned(walks, past)
        future, who = walks[:, past:].astype(np.float32), who.astype(np.float32)
        fields = {"domain": domain.astype(np.int64), "future": future, "walker": who}
        x = walks[:, : past - 1].reshape(len(walks), -1).astype(np.float32)
        return Dataset(x, fields, categories, split.astype(np.int8), source)

    new = np.concatenate(tests)
    rows = (np.concatenate(given) for given in (learned, domain, split, walkers))
    return dataset(*rows), dataset(new, np.full(len(new), HIDDEN), np.full(len(new), 2), np.concatenate(strangers))


def _most(numbers: np.ndarray) -> float:
    """The greatest number, -1 where there is none."""
    return float(numbers.max(initial=-1))


def _texts(folder: Path) -> dict[str, str]:
    """The recordings in a folder, by file name."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: hand over the one that holds the recordings")
    texts = {path.name: path.read_text() for path in sorted(folder.glob("*.txt"))}
    for path in sorted(folder.glob("*.json.xz")):
        try:
            with lzma.open(path, "rt", encoding="utf-8") as file:
                texts |= json.load(file)
        except (OSError, lzma.LZMAError, ValueError) as error:
            raise InputError(f"{path} cannot be read as packed recordings: {error}") from None
    if not any(_files(texts, recording) for group in SCENES.values() for recording in group):
        raise InputError(f"{folder} holds no recording: expected files such as biwi_eth.txt")
    return texts


def _files(texts: Mapping[str, str], recording: str, whole: bool = False) -> dict[str, str]:
    """The files of a recording by part: its halves where both are there and may be used, or all of it as one."""
    halves = {part: f"{recording}_{part}.txt" for part in ("train", "val")}
    halves = {part: name for part, name in halves.items() if name in texts}
    entire = {"": f"{recording}.txt"} if f"{recording}.txt" in texts else {}
    return entire or halves if whole else halves or entire


def _read(text: str, name: str) -> np.ndarray:
    """Lines of frame, walker, x and y, as (lines, 4)."""
    try:
        lines = np.loadtxt(io.StringIO(text), ndmin=2)
    except ValueError as error:
        raise InputError(f"{name} cannot be read: {error}") from None
    if lines.shape[1] != 4 or not np.isfinite(lines).all():
        raise InputError(f"{name} needs lines of frame, walker, x and y, and has {lines.shape[1]} columns or a gap")
    return lines


def _windows(lines: np.ndarray, length: int, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walks (rows, length, 2) of walkers seen without a gap, the frame that each starts at, and whose it is."""
    lines = lines[np.lexsort((lines[:, 0], lines[:, 1]))]
    gap = (np.diff(lines[:, 1]) != 0) | (np.diff(lines[:, 0]) != _FRAMES)
    starts = []
    for first, end in zip(np.r_[0, np.flatnonzero(gap) + 1], np.r_[np.flatnonzero(gap) + 1, len(lines)], strict=True):
        starts.append(np.arange(first, end - length + 1, stride))
    index = np.concatenate(starts).astype(int)
    who = np.unique(lines[index, 1], return_inverse=True)[1]
    return lines[index[:, None] + np.arange(length), 2:], lines[index, 0], who


def _turned(walks: np.ndarray, past: int) -> np.ndarray:
    """Walks from their last point seen, with the way from the mean of the others to it along the first axis."""
    walks = walks - walks[:, [past - 1]]
    way = -walks[:, : past - 1].mean(1)
    far = np.linalg.norm(way, axis=1, keepdims=True)
    way = np.where(far < _STILL, [1.0, 0.0], way / np.maximum(far, _STILL))
    turn = np.stack([way, np.stack([-way[:, 1], way[:, 0]], 1)], 1)
    return np.einsum("rij,rtj->rti", turn, walks)
