"""Picture files as one array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from identikit.datasets.optional import need
from identikit.errors import InputError


def read_pictures(files: Sequence[Path], size: int) -> np.ndarray:
    """Read pictures as RGB, cut to a square about their middle and scaled to one size; needs Pillow (extra `hub`).

    Args:
        files: their paths.
        size: height and width in pixels.

    Returns:
        (files, 3, size, size) uint8.

    Raises:
        InputError: Pillow is missing, a file is missing or no picture, or the size is not 1 or more.

    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp(), "a.png")
    >>> Image.new("RGB", (12, 8), (255, 0, 0)).save(path)
    >>> read_pictures([path], 4)[0, :, 0, 0].tolist()
    [255, 0, 0]
    """
    if size < 1:
        raise InputError(f"size is 1 pixel or more, not {size}")
    image = need("PIL.Image", "reading pictures")
    out = np.empty((len(files), 3, size, size), np.uint8)
    for row, file in enumerate(files):
        try:
            with image.open(file) as opened:
                picture = opened.convert("RGB")
        except FileNotFoundError:
            raise InputError(f"there is no picture {file}") from None
        except OSError as error:
            raise InputError(f"{file} cannot be read as a picture: {error}") from None
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        box = (left, top, left + side, top + side)
        # Pillow draws pixels together by area when it makes a picture smaller.
        scaled = picture.resize((size, size), image.Resampling.BILINEAR, box=box)
        out[row] = np.asarray(scaled).transpose(2, 0, 1)
    return out
