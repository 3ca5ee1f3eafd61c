"""Slopes from small steps, for nets that are linear nearly everywhere."""

from __future__ import annotations

import torch
from torch import Tensor

STEP = 0.01
"""Of a slope, in deviations."""
_LEAST = 1e-3
"""Deviation below which a number counts as still, where steps are measured by it."""


def nudged(points: Tensor) -> tuple[Tensor, Tensor]:
    """Points, and behind them as many more for each of their numbers, which is moved there by a small step.

    Args:
        points: `(..., rows, size)`.

    Returns:
        `(..., (size + 1) * rows, size)`, first the points as they are; and the steps, a hundredth of each number's
        deviation over the rows, `(..., size)`.

    >>> import torch
    >>> many, step = nudged(torch.tensor([[0.0, 0.0], [2.0, 2.0]]))
    >>> many.shape, step.tolist()
    (torch.Size([6, 2]), [0.009999999776482582, 0.009999999776482582])
    """
    lead = points.dim() - 2
    step = STEP * points.detach().std(-2, correction=0).clamp_min(_LEAST)
    moved = torch.diag_embed(step).unsqueeze(-2) + points.unsqueeze(lead)
    return torch.cat([points.unsqueeze(lead), moved], lead).flatten(lead, lead + 1), step


def rises(values: Tensor, rows: int, lead: int) -> Tensor:
    """How much each value changes from a point to the points behind it, as `nudged` has them.

    Args:
        values: of `nudged` points, `(..., (size + 1) * rows, ...)`.
        rows: number of points.
        lead: number of axes before them.

    Returns:
        `(..., rows, ..., size)`.

    >>> import torch
    >>> many, step = nudged(torch.tensor([[0.0, 0.0], [2.0, 2.0]]))
    >>> [round(slope, 3) for slope in (rises(many @ torch.tensor([3.0, -1.0]), 2, 0)[0] / step).tolist()]
    [3.0, -1.0]
    """
    values = values.unflatten(lead, (-1, rows))
    here, there = values.split([1, values.shape[lead] - 1], lead)
    return (there - here).movedim(lead, -1)
