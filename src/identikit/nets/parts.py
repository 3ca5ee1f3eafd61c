"""One net for each group of numbers, such as each modality, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Parts(nn.Module):
    """Nets that each see some of the numbers of a row, and whose results stand side by side.

    Args:
        nets: one for each group.
        groups: positions of the numbers that each net sees.
        order: positions of the results, side by side, in the order in which they are wanted; as they are by default.

    >>> import torch
    >>> from identikit import nets
    >>> both = Parts([nets.MLP(3, 2), nets.MLP(5, 2)], [range(3), range(3, 8)])
    >>> both(torch.zeros(6, 8)).shape
    torch.Size([6, 4])
    """

    batches_runs = True

    def __init__(
        self, nets: Sequence[nn.Module], groups: Sequence[Sequence[int]], order: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.groups = [list(group) for group in groups]
        self.order = None if order is None else list(order)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, size)`."""
        out = torch.cat([net(x[..., group]) for net, group in zip(self.nets, self.groups, strict=True)], -1)
        return out if self.order is None else out[..., self.order]
