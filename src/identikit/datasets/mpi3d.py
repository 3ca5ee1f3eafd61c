"""MPI3D: a robot arm that holds an object, drawn or filmed, every combination of seven factors once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.download import Remote, download
from identikit.datasets.factors import Factor, channels_first, pick_rows, with_factors
from identikit.datasets.npz import npz_rows, npz_shape
from identikit.errors import InputError, unknown

_BASE = "https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main"
_MD5 = {
    "toy": "55889cb7c7dfc655d6e0277beee88868",
    "realistic": "59a6225b88b635365f70c91b3e52f70f",
    "real": "0f33f609918fb5c97996692f91129802",
}
REMOTES = {
    name: Remote(f"{_BASE}/mpi3d_{name}.npz", f"mpi3d/mpi3d_{name}.npz", f"md5:{md5}") for name, md5 in _MD5.items()
}
VERSIONS = (*REMOTES, "complex")
_PLACES = (
    Factor("object_size", "discrete", ("small", "large")),
    Factor("camera_height", "discrete", ("top", "center", "bottom")),
    Factor("background_color", "discrete", ("purple", "sea green", "salmon")),
    Factor("horizontal_axis", "continuous"),
    Factor("vertical_axis", "continuous"),
)
_SIMPLE = (
    Factor("object_color", "discrete", ("white", "green", "red", "blue", "brown", "olive")),
    Factor("object_shape", "discrete", ("cone", "cube", "cylinder", "hexagonal", "pyramid", "sphere")),
    *_PLACES,
)
_COMPLEX = (
    Factor("object_color", "discrete", ("yellow", "green", "olive", "red")),
    Factor("object_shape", "discrete", ("coffee-cup", "tennis-ball", "croissant", "beer-cup")),
    *_PLACES,
)
_STEPS = 40


def mpi3d(
    version: str = "toy",
    path: str | Path | None = None,
    rows: int | None = 10_000,
    y: str | None = None,
    domain: str | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    """Read one version of MPI3D, or a random part of it.

    The same factors are drawn simply (`toy`), drawn realistically, and filmed (`real`), so that the versions are also a
    shift from simulation to reality. Pictures are stored in the order of the factors, of which the last runs fastest.

    Args:
        version: `toy`, `realistic`, `real` (1,036,800 pictures each), or `complex` (460,800 pictures of household
            objects, filmed), whose file must be fetched by hand from the page of the set.
        path: of the .npz file; downloaded once if left out. A file may be as large as 12.7 GB.
        rows: how many pictures to draw at random; None for all. Only these are held in memory.
        y: the factor that the learner sees as its label, e.g. `object_shape`.
        domain: the discrete factor that the learner sees as the domain, e.g. `background_color`.
        splits: shares of train, validation and test.
        seed: of the rows and of the split.

    Returns:
        `(data, truth)`: x uint8 (rows, 3, 64, 64), and as truth seven latents, of which `horizontal_axis` and
        `vertical_axis`, the angles of the arm in 40 steps, are continuous (0 to 39), and the rest discrete. No edge
        joins them.

    Raises:
        InputError: an unknown version, the file is missing or has another number of pictures, or an option is wrong.

    Source: Gondal et al. 2019, On the Transfer of Inductive Bias from Simulation to the Real World (arXiv:1906.03292);
    CC-BY-4.0. The md5 sums by which downloads are checked were published by users of the set, not by its authors.

    >>> mpi3d("toys")
    Traceback (most recent call last):
    identikit.errors.InputError: unknown version of MPI3D 'toys': did you mean 'toy'? (known: complex, real, realistic,
    toy)
    """
    if version not in VERSIONS:
        raise unknown("version of MPI3D", version, VERSIONS)
    if path is None and version not in REMOTES:
        raise InputError(
            "the complex version of MPI3D is not at an address to fetch it from: give the path of its file"
        )
    file = Path(path) if path else download(REMOTES[version])
    check_file(file)
    factors = _COMPLEX if version == "complex" else _SIMPLE
    sizes = tuple(len(f.names) or _STEPS for f in factors)
    shape = npz_shape(file, "images")
    if shape[0] != np.prod(sizes) or len(shape) != 4:
        raise InputError(f"{file} is not the {version} version of MPI3D: {shape[0]:,} pictures, not {np.prod(sizes):,}")
    picked = pick_rows(shape[0], rows, seed)
    pictures = channels_first(npz_rows(file, "images", picked))
    values = np.stack(np.unravel_index(picked, sizes), 1)
    source = {
        "reader": "mpi3d",
        "version": version,
        "path": None if path is None else str(file.resolve()),
        "rows": rows,
        "y": y,
        "domain": domain,
        "splits": list(splits),
        "seed": seed,
    }
    return with_factors(pictures, values, factors, y=y, domain=domain, splits=splits, seed=seed, source=source)
