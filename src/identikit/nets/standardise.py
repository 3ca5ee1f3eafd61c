"""The scale of the data, and the one that nets like."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Bring `x` to the scale that nets like: pictures to 0..1, numbers to mean 0 and variance 1 in training.

    Args:
        shape: of one row of `x`; pictures are (channels, height, width).

    >>> import torch
    >>> scale = Standardise((2,))
    >>> scale.prepare(torch.tensor([[0.0, 5.0], [2.0, 15.0]]))
    >>> scale(torch.tensor([[2.0, 10.0]])).tolist()
    [[1.0, 0.0]]
    """

    batches_runs = True
    shift: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.rank = len(shape)
        self.register_buffer("shift", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def prepare(self, x: Tensor) -> None:
        """Learn shift and scale from the training rows `(rows, *shape)`; pictures keep theirs."""
        if self.rank == 1:
            self.shift.copy_(x.float().mean(0))
            self.scale.copy_(x.float().std(0, correction=0).clamp_min(1e-12))

    def _moments(self) -> tuple[Tensor, Tensor]:
        if self.shift.dim() > self.rank:
            return self.shift.unsqueeze(1), self.scale.unsqueeze(1)
        return self.shift, self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *shape)` to the nets' scale."""
        if x.dtype == torch.uint8:
            x = x.float() / 255
        shift, scale = self._moments()
        return (x - shift) / scale if self.rank == 1 else x

    def inverse(self, x: Tensor) -> Tensor:
        """Map the nets' scale back to the data's (pictures stay 0..1)."""
        shift, scale = self._moments()
        return x * scale + shift if self.rank == 1 else x
