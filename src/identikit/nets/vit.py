"""A small vision transformer that looks only at the patches that a mask leaves, and a light decoder to patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.errors import InputError
from identikit.nets.grouped import RECTIFIER, Linear, Table
from identikit.nets.mlp import MLP

_PLACE = 0.02
"""Deviation of what is first added for a patch's place, beside tokens of about deviation 1."""


class Norm(nn.Module):
    """Layer normalisation for one run or many: each token to mean 0 and variance 1, then a scale and a shift."""

    batches_runs = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def reset_parameters(self) -> None:
        """Start at scale 1 and shift 0."""
        nn.init.ones_(self.scale)
        nn.init.zeros_(self.shift)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, tokens, width)`."""
        scale, shift = (part if part.dim() == 1 else part[:, None, None] for part in (self.scale, self.shift))
        return F.layer_norm(x, x.shape[-1:]) * scale + shift


class Block(nn.Module):
    """Attention of each token to all, then a dense layer of each token, both added to what was there.

    Args:
        width: of a token.
        heads: of the attention; they divide the width.
    """

    batches_runs = True

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise InputError(f"{heads} heads do not divide tokens of width {width}")
        self.heads = heads
        self.before, self.between = Norm(width), Norm(width)
        self.ask, self.give = Linear(width, 3 * width), Linear(width, width, 0.5)
        self.widen, self.narrow = Linear(width, 2 * width, RECTIFIER), Linear(2 * width, width, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens `(..., batch, tokens, width)`."""
        parts = _each(self.ask, self.before(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.transpose(-2, -4).unbind(-3)
        seen = F.scaled_dot_product_attention(query, key, value)
        x = x + _each(self.give, seen.transpose(-2, -3).flatten(-2))
        return x + _each(self.narrow, F.gelu(_each(self.widen, self.between(x))))


class PatchEncoder(nn.Module):
    """Cut a picture into patches, let them attend to one another, and take the mean of the tokens to the code.

    Patches that a mask hides as a whole are left out, so that hiding most of a picture saves most of the work; every
    row must have as many of them.

    Args:
        shape: (channels, height, width) of a picture.
        outputs: size of the result.
        patch: side of a patch in pixels; it divides both sides of the picture.
        width: of a token.
        blocks: of attention.
        heads: of each attention.

    Source: Dosovitskiy et al. 2021 (arXiv 2010.11929), patches left out as in He et al. 2022 (arXiv 2111.06377).
    Learned places, a mean in the place of a class token, and the sizes are this library's choice.

    >>> import torch
    >>> encoder = PatchEncoder((3, 16, 16), 10, patch=8, width=16)
    >>> x, mask = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16)
    >>> mask[..., :8, :] = 1
    >>> encoder(x).shape, encoder(x, mask).shape
    (torch.Size([2, 10]), torch.Size([2, 10]))
    """

    batches_runs = True
    skips = True

    def __init__(
        self, shape: tuple[int, ...], outputs: int, patch: int = 8, width: int = 64, blocks: int = 2, heads: int = 4
    ) -> None:
        super().__init__()
        self.patch = patch
        cells = _cells(shape, patch)
        self.first = Linear(shape[0] * patch**2, width)
        self.places = Table(cells[0] * cells[1], width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.norm = Norm(width)
        self.last = Linear(width, outputs)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map pictures `(..., batch, channels, height, width)`; a mask of that shape is 1 where they are hidden."""
        tokens = _each(self.first, patches(x, self.patch)) + _PLACE * _placed(self.places)
        if mask is not None:
            hidden = patches(mask, self.patch).amin(-1)
            shown = int((1 - hidden).sum(-1).flatten()[0])
            # A stable order of the tokens with those that are shown first.
            index = hidden.argsort(dim=-1, stable=True)[..., :shown]
            tokens = tokens.gather(-2, index.unsqueeze(-1).expand(*index.shape, tokens.shape[-1]))
        for block in self.blocks:
            tokens = block(tokens)
        return self.last(self.norm(tokens).mean(-2))


class PatchDecoder(nn.Module):
    """Tell each patch of a picture from the code and the patch's place, by one network for all patches.

    Args:
        inputs: size of the code.
        shape: (channels, height, width) of a picture.
        patch: side of a patch in pixels.
        width: of the hidden layers.

    >>> import torch
    >>> PatchDecoder(4, (3, 16, 16), patch=8)(torch.zeros(2, 4)).shape
    torch.Size([2, 3, 16, 16])
    """

    batches_runs = True

    def __init__(self, inputs: int, shape: tuple[int, ...], patch: int = 8, width: int = 64) -> None:
        super().__init__()
        self.shape, self.patch, self.cells = tuple(shape), patch, _cells(shape, patch)
        self.first = Linear(inputs, width, RECTIFIER)
        self.places = Table(self.cells[0] * self.cells[1], width)
        self.net = MLP(width, shape[0] * patch**2, width, layers=1)

    def forward(self, code: Tensor) -> Tensor:
        """Map codes `(..., batch, inputs)` to `(..., batch, channels, height, width)`."""
        tokens = F.leaky_relu(self.first(code).unsqueeze(-2) + _placed(self.places), 0.2)
        x = _each(self.net, tokens).unflatten(-1, (self.shape[0], self.patch, self.patch))
        return x.unflatten(-4, self.cells).movedim((-5, -4), (-4, -2)).flatten(-4, -3).flatten(-2)


def patches(x: Tensor, patch: int) -> Tensor:
    """Cut `(..., channels, height, width)` into `(..., patches, channels * patch * patch)`, row by row.

    >>> import torch
    >>> patches(torch.arange(16.0).view(1, 4, 4), 2)[1].tolist()
    [2.0, 3.0, 6.0, 7.0]
    """
    high, wide = x.shape[-2] // patch, x.shape[-1] // patch
    x = x.unflatten(-1, (wide, patch)).unflatten(-3, (high, patch))
    return x.movedim((-4, -2), (-5, -4)).flatten(-3).flatten(-3, -2)


def _cells(shape: tuple[int, ...], patch: int) -> tuple[int, int]:
    if len(shape) != 3 or patch < 1 or shape[1] % patch or shape[2] % patch:
        raise InputError(f"patches of {patch} pixels do not fill a picture of shape {tuple(shape)}")
    return shape[1] // patch, shape[2] // patch


def _each(layer: nn.Module, tokens: Tensor) -> Tensor:
    """A layer of rows, on every token of every row."""
    return layer(tokens.flatten(-3, -2)).unflatten(-2, tokens.shape[-3:-1])


def _placed(places: Table) -> Tensor:
    table = places()
    return table if table.dim() == 2 else table.unsqueeze(1)
