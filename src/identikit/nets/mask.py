"""Hiding part of an input: which part is decided by noise that is handed in."""

from __future__ import annotations

import math

from torch import Tensor, nn

from identikit.errors import InputError

_GREY = 0.5


class Mask(nn.Module):
    """Hide a share of the columns of each row, in groups of neighbours, or of the square patches of each picture.

    The same number is hidden in every row: the places with the least noise. Hidden columns are shown as 0, which is
    their mean once they are standardised, hidden patches as grey.

    Args:
        shape: of one row of `x`.
        share: of the columns or patches that is hidden.
        patch: side of a patch in pixels, which divides the side of the picture, or number of neighbouring columns that
            are hidden together, which divides the number of columns; 8 pixels, or 1 column, by default.

    Raises:
        InputError: the share hides nothing or everything, or the patches do not fit the picture.

    Source: the random patches of He et al. 2022 (masked autoencoders, arXiv 2111.06377), here shown as grey and not
    left out of the encoder.

    >>> import torch
    >>> mask = Mask((4,), share=0.5)
    >>> mask(torch.tensor([[0.3, -1.0, 2.0, 0.1]])).tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    >>> Mask((4,), patch=2)(torch.tensor([[0.3, -1.0]])).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """

    batches_runs = True

    def __init__(self, shape: tuple[int, ...], share: float = 0.5, patch: int | None = None) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.patch = patch = (8 if len(self.shape) == 3 else 1) if patch is None else patch
        if len(self.shape) != 3:
            columns = math.prod(self.shape)
            if patch < 1 or columns % patch:
                raise InputError(f"groups of {patch} columns do not fill a row of {columns}")
            self.noise_size = columns // patch
        elif patch < 1 or self.shape[1] % patch or self.shape[2] % patch:
            raise InputError(f"patches of {patch} pixels do not fill a picture of shape {self.shape}")
        else:
            self.noise_size = self._cells[0] * self._cells[1]
        self.count = round(share * self.noise_size)
        if not 0 < self.count < self.noise_size:
            raise InputError(f"a share of {share:g} of {self.noise_size} places hides {self.count}: neither 0 nor all")

    @property
    def _cells(self) -> tuple[int, int]:
        return self.shape[1] // self.patch, self.shape[2] // self.patch

    def forward(self, noise: Tensor) -> Tensor:
        """Turn noise `(..., batch, noise_size)` into `(..., batch, *shape)`: 1 where `x` is hidden, 0 elsewhere."""
        bound = noise.kthvalue(self.count, dim=-1, keepdim=True).values
        hidden = (noise <= bound).to(noise.dtype)
        if len(self.shape) != 3:
            return hidden.repeat_interleave(self.patch, -1).unflatten(-1, self.shape)
        cells = hidden.unflatten(-1, self._cells)
        pixels = cells.repeat_interleave(self.patch, -1).repeat_interleave(self.patch, -2)
        return pixels.unsqueeze(-3).expand(*pixels.shape[:-2], *self.shape)

    def hide(self, x: Tensor, mask: Tensor) -> Tensor:
        """Show `x` `(..., batch, *shape)`, as the nets see it, without what the mask hides."""
        return x * (1 - mask) + mask * (_GREY if len(self.shape) == 3 else 0.0)
