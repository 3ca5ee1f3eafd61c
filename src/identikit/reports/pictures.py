"""Pictures as inline PNG, alone and in labelled grids."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from identikit.errors import InputError
from identikit.reports.html import Html, text

_SHOWN = 64
_LARGEST = 64


def png(picture: np.ndarray) -> bytes:
    r"""Encode a picture as PNG.

    Args:
        picture: (channels, height, width) with 1 or 3 channels, uint8, or floats from 0 to 1 (clipped).

    >>> png(np.zeros((3, 4, 4), np.uint8))[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    pixels = _uint8(picture)
    height, width, channels = pixels.shape
    # Each line is preceded by its filter type, 0: none.
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def image(picture: np.ndarray, alt: str = "", shown: int = _SHOWN) -> Html:
    """An `<img>` of a picture, its data inline; pictures above 64 pixels are made smaller.

    Args:
        picture: as in `png`.
        alt: what it shows, for those who cannot see it and as the text under the pointer.
        shown: width in the page, in pixels.
    """
    step = max(1, -(-picture.shape[-1] // _LARGEST))
    data = base64.b64encode(png(picture[:, ::step, ::step])).decode()
    words = text(alt)
    return Html(f'<img src="data:image/png;base64,{data}" width="{shown}" alt="{words}" title="{words}">')


def picture_grid(
    rows: Sequence[tuple[str, Sequence[np.ndarray | None]]],
    columns: Sequence[str] = (),
    caption: object = "",
    shown: int = _SHOWN,
) -> Html:
    """A grid of pictures with a label for each row and each column.

    Args:
        rows: label and pictures of each row, as in `png`; None leaves a place empty, and a row
            without pictures is a gap.
        columns: labels of the columns.
        caption: what to see in it.
        shown: width of a picture in the page, in pixels.

    >>> grid = picture_grid([("black", [np.zeros((3, 8, 8))])], columns=["first"])
    >>> grid.count("<img"), "first" in grid
    (1, True)
    """
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in columns)
    head = f"<thead><tr><td></td>{head}</tr></thead>" if columns else ""
    names = list(columns) or [""] * max(len(pictures) for _, pictures in rows)
    body = ""
    for label, pictures in rows:
        if not len(pictures):
            body += '<tr class="gap"><td></td></tr>'
            continue
        cells = (
            "<td></td>" if p is None else f"<td>{image(p, ', '.join(filter(None, (label, name))), shown)}</td>"
            for name, p in zip(names, pictures, strict=False)
        )
        body += f'<tr><th scope="row">{text(label)}</th>{"".join(cells)}</tr>'
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    whole = f'<table class="pictures">{head}<tbody>{body}</tbody></table>'
    return Html(f'<figure><div class="scroll">{whole}</div>{below}</figure>')


def _uint8(picture: np.ndarray) -> np.ndarray:
    if picture.ndim != 3 or picture.shape[0] not in (1, 3):
        raise InputError(f"a picture has shape (1 or 3, height, width), not {picture.shape}")
    if picture.dtype != np.uint8:
        picture = (np.nan_to_num(picture).clip(0, 1) * 255).round().astype(np.uint8)
    return np.ascontiguousarray(picture.transpose(1, 2, 0))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
