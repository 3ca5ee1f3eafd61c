"""3D Shapes: 480,000 pictures of one object in a coloured room, every combination of six factors once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.download import Remote, download
from identikit.datasets.factors import Factor, channels_first, pick_rows, with_factors
from identikit.datasets.optional import need
from identikit.errors import InputError, unknown

REMOTE = Remote("https://storage.googleapis.com/3d-shapes/3dshapes.h5", "shapes3d/3dshapes.h5")
FACTORS = (
    Factor("floor_hue", "circular"),
    Factor("wall_hue", "circular"),
    Factor("object_hue", "circular"),
    Factor("scale", "continuous"),
    Factor("shape", "discrete", ("cube", "cylinder", "sphere", "capsule")),
    Factor("orientation", "continuous"),
)
_BLOCK = 2_048


def shapes3d(
    path: str | Path | None = None,
    rows: int | None = 10_000,
    y: str | None = None,
    domain: str | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    r"""Read 3D Shapes, or a random part of it; needs h5py (extra `hub`).

    The file gives a hue :math:`h` as a number from 0 to 1. Hues close a circle, so they are given here as angles
    :math:`2 \pi h`; that they are `circular` is this library's choice. The room is turned by -30 to 30 degrees, so that
    `orientation` is an interval and not a circle.

    Args:
        path: of `3dshapes.h5`; downloaded once (about 250 MB) if left out.
        rows: how many pictures to draw at random; None for all 480,000, which take 5.9 GB.
        y: the factor that the learner sees as its label, e.g. `shape`.
        domain: the discrete factor that the learner sees as the domain: `shape`.
        splits: shares of train, validation and test.
        seed: of the rows and of the split.

    Returns:
        `(data, truth)`: x uint8 (rows, 3, 64, 64), and as truth latents `floor_hue`, `wall_hue`, `object_hue`
        (circular, radians), `scale`, `shape` (discrete) and `orientation` (degrees). The factors were combined freely:
        no edge joins them.

    Raises:
        InputError: h5py or the file is missing, the file is another, or an option is wrong.

    Source: Burgess and Kim 2018, 3D Shapes Dataset; Apache-2.0. The names of the shapes are those of the pictures; the
    file only numbers them.

    >>> shapes3d("nowhere.h5")
    Traceback (most recent call last):
    identikit.errors.InputError: there is no file nowhere.h5
    """
    file = Path(path) if path else None
    if file:
        check_file(file)
    h5py = need("h5py", "3D Shapes")
    file = file or download(REMOTE)
    try:
        opened = h5py.File(file, "r")
    except OSError as error:
        raise InputError(f"{file} cannot be read as an HDF5 file: {error}") from None
    with opened as held:
        for name in ("images", "labels"):
            if name not in held:
                raise unknown(f"array of {file}", name, held)
        picked = pick_rows(len(held["images"]), rows, seed)
        pictures = channels_first(_rows(held["images"], picked))
        values = _rows(held["labels"], picked).astype(np.float64)
    if values.shape[1] != len(FACTORS):
        raise InputError(f"{file} is not 3D Shapes: it has {values.shape[1]} factors, not {len(FACTORS)}")
    values[:, :3] = 2 * np.pi * (values[:, :3] % 1.0)
    source = {
        "reader": "shapes3d",
        "path": None if path is None else str(file.resolve()),
        "rows": rows,
        "y": y,
        "domain": domain,
        "splits": list(splits),
        "seed": seed,
    }
    return with_factors(pictures, values, FACTORS, y=y, domain=domain, splits=splits, seed=seed, source=source)


def _rows(array: Any, picked: np.ndarray) -> np.ndarray:
    """Some rows, read in blocks that follow the file: it is slow to ask HDF5 for scattered rows one by one."""
    out = np.empty((len(picked), *array.shape[1:]), array.dtype)
    for start in range(0, len(array), _BLOCK):
        first, last = np.searchsorted(picked, [start, start + _BLOCK])
        if last > first:
            out[first:last] = array[start : start + _BLOCK][picked[first:last] - start]
    return out
