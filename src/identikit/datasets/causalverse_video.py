"""CausalVerse videos: simulated clips with the values of the scene, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.factors import pick_rows
from identikit.datasets.optional import need
from identikit.errors import InputError
from identikit.splits import make_split


def causalverse_video(
    path: str | Path,
    view: str = "front",
    frames: int = 16,
    interval: int = 30,
    videos: int | None = 50,
    size: int = 64,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    """Read clips of one scene of the video part of CausalVerse; needs av and Pillow (extra `hub`).

    The folder of the scene holds `video/NAME_VIEW_color.mp4` (physics) or `video/NAME_VIEW.mp4` (robots), and
    `meta/NAME.json` or `meta/NAME_meta.json` with what holds for the whole clip and `meta/NAME.npz` with what moves:
    arrays (time, columns) or (things, time, columns). `fetch_from_hub` fetches such a folder.

    Args:
        path: the folder of the scene.
        view: the camera, e.g. `front`, `left`, `right`, `bird`, or `frontview` and so on for robots.
        frames: how many frames to take from each clip.
        interval: from each frame taken to the next, in frames of the video.
        videos: how many clips to draw at random; None for all.
        size: height and width in pixels, cut about the middle.
        splits: shares of train, validation and test among the clips.
        seed: of the clips and of the split.

    Returns:
        x uint8 (clips * frames, 3, size, size), with `sequence` (the clip) and `time` (0 to frames - 1). The truth:
        every value that all clips have and that is not the same throughout, texts as discrete latents; those of the
        whole clip as the block `invariant`, those that move as `changing`. Which value of the next frame depends on
        which, the files do not say.

    Raises:
        InputError: a file is missing or too short, a library is missing, or an option is wrong.

    Source: Chen et al. 2025 (arXiv:2510.14049), the layout as in the authors' code.

    >>> causalverse_video("nowhere")
    Traceback (most recent call last):
    identikit.errors.InputError: there is no clip with the view 'front' in nowhere: it needs video/NAME_front_color.mp4
    """
    if frames < 1 or interval < 1:
        raise InputError(f"frames and interval are 1 or more, not {frames} and {interval}")
    folder = Path(path)
    clips = {}
    for ending in (f"_{view}_color.mp4", f"_{view}.mp4"):
        clips |= {p.name.removesuffix(ending): p for p in sorted(folder.glob(f"video/*{ending}"))}
    if not clips:
        raise InputError(f"there is no clip with the view '{view}' in {folder}: it needs video/NAME_{view}_color.mp4")
    names = sorted(clips)
    names = [names[i] for i in pick_rows(len(names), videos, seed, "videos")]
    numbers = np.arange(frames) * interval
    pictures = np.concatenate([_frames(clips[name], numbers, size) for name in names])
    still = [_still(folder / "meta", name) for name in names]
    moving = [_moving(folder / "meta" / f"{name}.npz", numbers) for name in names]
    values, kinds, blocks = _latents(still, moving, frames)
    if not values:
        raise InputError(f"no value of the clips in {folder / 'meta'} differs from frame to frame or clip to clip")
    clip = np.repeat(np.arange(len(names)), frames)
    split = make_split(len(clip), None, splits, seed, groups=clip)
    fields = {"sequence": clip.astype(np.float32), "time": np.tile(np.arange(frames), len(names)).astype(np.float32)}
    source = {
        "reader": "causalverse_video",
        "path": str(folder.resolve()),
        "view": view,
        "frames": frames,
        "interval": interval,
        "videos": videos,
        "size": size,
        "splits": list(splits),
        "seed": seed,
    }
    data = Dataset(pictures, fields, {}, split, source)
    return data, Truth(np.column_stack(list(values.values())), tuple(values), kinds, blocks, split=split)


def _frames(path: Path, numbers: np.ndarray, size: int) -> np.ndarray:
    """Frames of a video by number, (numbers, 3, size, size) uint8."""
    av, image = need("av", "reading videos"), need("PIL.Image", "reading videos")
    wanted, out = set(numbers.tolist()), []
    try:
        with av.open(str(path)) as opened:
            for number, frame in enumerate(opened.decode(video=0)):
                if number in wanted:
                    picture = frame.to_image()
                    side = min(picture.size)
                    left, top = (picture.width - side) // 2, (picture.height - side) // 2
                    box = (left, top, left + side, top + side)
                    out.append(np.asarray(picture.resize((size, size), image.Resampling.BILINEAR, box=box)))
                if len(out) == len(numbers):
                    break
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read as a video: {error}") from None
    if len(out) < len(numbers):
        raise InputError(f"{path} ends before frame {int(numbers[-1])}: take fewer frames, or a smaller interval")
    return np.stack(out).transpose(0, 3, 1, 2)


def _still(folder: Path, name: str) -> dict[str, Any]:
    """What holds for the whole clip, as numbers and texts by dotted name."""
    file = next((p for p in (folder / f"{name}_meta.json", folder / f"{name}.json") if p.exists()), None)
    if file is None:
        raise InputError(f"there is no file {folder / name}.json")
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from None
    held = held.get("Global", held) if isinstance(held, dict) else held
    return dict(_leaves(held, ""))


def _leaves(held: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(held, dict | list):
        items = held.items() if isinstance(held, dict) else enumerate(held)
        for key, value in items:
            yield from _leaves(value, f"{name}.{key}".removeprefix("."))
    elif isinstance(held, str | int | float):
        yield name, held


def _moving(path: Path, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """What moves, one column (frames,) for each number of each thing."""
    check_file(path)
    out = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            array = file[name]
            if array.ndim not in (2, 3) or array.dtype.kind not in "fiu":
                continue
            things = array[None] if array.ndim == 2 else array
            if things.shape[1] <= numbers[-1]:
                raise InputError(f"'{name}' of {path} ends after {things.shape[1]} frames: take fewer frames")
            for thing, rows in enumerate(things[:, numbers].astype(np.float64)):
                of = f"{name}.{thing}" if array.ndim == 3 else name
                out |= {f"{of}.{axis}": rows[:, axis] for axis in range(rows.shape[1])}
    return out


def _latents(
    still: list[dict[str, Any]], moving: list[dict[str, np.ndarray]], frames: int
) -> tuple[dict[str, np.ndarray], tuple[str, ...], dict[str, tuple[int, ...]]]:
    """The values that all clips have and that are not all the same, with their kinds and blocks."""
    values: dict[str, np.ndarray] = {}
    kinds = []
    for name in (n for n in still[0] if all(n in clip for clip in still)):
        given = [clip[name] for clip in still]
        if len({str(v) for v in given}) < 2:
            continue
        texts = sorted({str(v) for v in given}) if any(isinstance(v, str) for v in given) else None
        column = given if texts is None else [texts.index(str(v)) for v in given]
        values[name] = np.repeat(np.array(column, np.float64), frames)
        kinds.append("continuous" if texts is None else "discrete")
    constant = len(values)
    for name in (n for n in moving[0] if all(n in clip for clip in moving)):
        column = np.concatenate([clip[name] for clip in moving])
        if np.ptp(column) > 0:
            values[name] = column
            kinds.append("continuous")
    return (
        values,
        tuple(kinds),
        {
            "invariant": tuple(range(constant)),
            "changing": tuple(range(constant, len(values))),
        },
    )
