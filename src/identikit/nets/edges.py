"""A fixed look at pictures that sees outlines and no colours."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_PART = 512


@torch.no_grad()
def oriented_edges(pictures: Tensor, orientations: int = 6, cell: int = 4) -> Tensor:
    """How strongly each place of a picture shows edges of each orientation, whatever their colour or polarity.

    At each pixel the colour channel of the strongest gradient counts; its orientation (not its direction) is shared
    softly among the bins with a weight that grows with the root of its strength; the result is blurred, averaged over
    square cells, and normalised within each cell. Nothing is learned.

    Args:
        pictures: (rows, channels, height, width), uint8 or floats in 0..1.
        orientations: number of bins over half a turn.
        cell: side of a cell in pixels.

    Returns:
        (rows, orientations * height / cell * width / cell) float32.

    Source: in the manner of the histograms of oriented gradients of Dalal and Triggs 2005
    (doi 10.1109/CVPR.2005.177).

    >>> import torch
    >>> picture = torch.ones(1, 3, 8, 8)
    >>> picture[..., 4:] = 0
    >>> oriented_edges(picture).unflatten(1, (6, 2, 2)).sum((0, 2, 3)).argmax().item()
    0
    """
    return torch.cat([_edges(part, orientations, cell) for part in pictures.split(_PART)])


def _edges(x: Tensor, orientations: int, cell: int) -> Tensor:
    x = x.float() / 255 if x.dtype == torch.uint8 else x
    dx = F.pad(x[..., :, 2:] - x[..., :, :-2], (1, 1))
    dy = F.pad(x[..., 2:, :] - x[..., :-2, :], (0, 0, 1, 1))
    square, channel = (dx.square() + dy.square()).max(1, keepdim=True)
    dx, dy = dx.gather(1, channel), dy.gather(1, channel)
    double = torch.atan2(2 * dx * dy, dx.square() - dy.square())
    bins = torch.arange(orientations, device=x.device) * (2 * math.pi / orientations)
    near = torch.cos(double - bins.view(1, -1, 1, 1)).clamp_min(0) ** 4
    strength = near * (square + 1e-12) ** 0.25
    blurred = F.avg_pool2d(F.avg_pool2d(strength, 3, 1, 1), 3, 1, 1)
    cells = F.avg_pool2d(blurred, cell)
    return (cells / (cells.square().sum(1, keepdim=True).sqrt() + 0.1)).flatten(1)
