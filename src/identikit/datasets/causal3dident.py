"""Causal3DIdent: rendered scenes of one of seven objects, whose factors depend on each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.download import Remote, download_folder
from identikit.datasets.factors import Factor, pick_rows, with_factors
from identikit.datasets.pictures import read_pictures
from identikit.errors import InputError, unknown

_BASE = "https://zenodo.org/records/4784282/files"
REMOTES = {
    "train": Remote(
        f"{_BASE}/trainset.tar.gz", "causal3dident/trainset.tar.gz", "md5:acd98fda30eee75856dbbc7c54a27e45"
    ),
    "test": Remote(f"{_BASE}/testset.tar.gz", "causal3dident/testset.tar.gz", "md5:c5d9d32d3737e241a2b12b968275fcb8"),
}
SHAPES = ("teapot", "hare", "dragon", "cow", "armadillo", "horse", "head")
FACTORS = (
    Factor("shape", "discrete", SHAPES),
    *(Factor(f"position_{axis}", "continuous") for axis in "xyz"),
    *(Factor(f"rotation_{angle}", "continuous") for angle in ("alpha", "beta", "gamma")),
    Factor("spotlight_position", "continuous"),
    *(Factor(f"{thing}_hue", "continuous") for thing in ("object", "spotlight", "background")),
)
BLOCKS = {"shape": (0,), "position": (1, 2, 3), "rotation": (4, 5, 6), "spotlight": (7,), "hue": (8, 9, 10)}


def causal3dident(
    part: str = "test",
    path: str | Path | None = None,
    rows: int | None = 2_000,
    size: int = 64,
    y: str | None = "shape",
    domain: str | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    """Read a random part of Causal3DIdent; needs Pillow (extra `hub`).

    Args:
        part: `train` (252,000 pictures in an archive of 8.3 GB) or `test` (25,200 in one of 0.8 GB).
        path: the folder that holds `raw_latents_0.npy` ... and `images_0` ... (`trainset` or `testset` in the archive).
            Left out, the archive is downloaded and unpacked once.
        rows: how many pictures to draw at random; None for all.
        size: height and width in pixels, from the 224 x 224 of the files.
        y: the factor that the learner sees as its label; None hides it.
        domain: the discrete factor that the learner sees as the domain: `shape`.
        splits: shares of train, validation and test; the parts of the set itself are read one at a time.
        seed: of the rows and of the split.

    Returns:
        `(data, truth)`: x uint8 (rows, 3, size, size), and as truth the latent `shape` (7, discrete) and ten continuous
        ones from -1 to 1 (the `raw_latents` of the files), in `BLOCKS`. They span half a turn at most, so that
        rotations and hues are intervals, not circles. Which factors depend on which is told in the paper and differs by
        shape; it is not encoded here, and `graph` is None.

    Raises:
        InputError: Pillow or a file is missing, the numbers of latents and pictures differ, or an option is wrong.

    Source: von Kügelgen et al. 2021, Self-Supervised Learning with Data Augmentations Provably Isolates Content from
    Style (arXiv:2106.04619); Zenodo 4784282, CC-BY-4.0. The names of the seven shapes are those of the pictures.

    >>> causal3dident("training")
    Traceback (most recent call last):
    identikit.errors.InputError: unknown part 'training': did you mean 'train'? (known: test, train)
    """
    if part not in REMOTES:
        raise unknown("part", part, REMOTES)
    folder = Path(path) if path else download_folder(REMOTES[part])
    latents, files = [], []
    for code in range(len(SHAPES)):
        held = folder / f"raw_latents_{code}.npy"
        check_file(held)
        values = np.load(held, allow_pickle=False)
        if values.ndim != 2 or values.shape[1] != len(FACTORS) - 1:
            raise InputError(f"{held} has shape {values.shape}, not (pictures, {len(FACTORS) - 1})")
        # The names of the pictures are as long as the number of them asks for.
        width = int(np.ceil(np.log10(max(len(values), 2))))
        latents.append(np.column_stack([np.full(len(values), code), values]))
        files += [folder / f"images_{code}" / f"{number:0{width}d}.png" for number in range(len(values))]
    picked = pick_rows(len(files), rows, seed)
    pictures = read_pictures([files[i] for i in picked], size)
    values = np.concatenate(latents)[picked]
    source = {
        "reader": "causal3dident",
        "part": part,
        "path": None if path is None else str(folder.resolve()),
        "rows": rows,
        "size": size,
        "y": y,
        "domain": domain,
        "splits": list(splits),
        "seed": seed,
    }
    options = {"y": y, "domain": domain, "splits": splits, "seed": seed, "source": source, "blocks": BLOCKS}
    return with_factors(pictures, values, FACTORS, **options)
