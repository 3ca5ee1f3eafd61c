"""Heads that see part of the code."""

from __future__ import annotations

from torch import Tensor, nn


class BlockHead(nn.Module):
    """A head that sees one block of the code only.

    Args:
        net: maps the latents of the block to the prediction.
        positions: of the block's latents.
        of: whether to look at the `base` coordinates (what a prior makes of the sample) or at the `sample` itself.

    >>> import torch
    >>> from identikit import nets
    >>> BlockHead(nets.MLP(2, 3), (0, 1))(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    batches_runs = True

    def __init__(self, net: nn.Module, positions: tuple[int, ...], of: str = "base") -> None:
        super().__init__()
        self.net = net
        self.positions = list(positions)
        self.of = of

    def forward(self, code: Tensor) -> Tensor:
        """Map codes `(..., batch, latents)`."""
        return self.net(code[..., self.positions])
