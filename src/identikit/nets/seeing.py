"""An encoder that is told a category."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Seeing(nn.Module):
    """An encoder that sees a category beside `x`, as numbers 0 and 1 behind it.

    Args:
        net: maps rows of `x` with `categories` numbers behind them.
        field: that holds the category.
        categories: how many there are.

    >>> import torch
    >>> from identikit import nets
    >>> Seeing(nets.MLP(8 + 3, 4), "domain", 3)(torch.zeros(5, 8), torch.tensor([0, 1, 2, 0, 1])).shape
    torch.Size([5, 4])
    """

    batches_runs = True

    def __init__(self, net: nn.Module, field: str, categories: int) -> None:
        super().__init__()
        self.net = net
        self.sees = (field,)
        self.categories = categories

    def forward(self, x: Tensor, category: Tensor) -> Tensor:
        """Map `(..., batch, size)` and `(..., batch)`."""
        return self.net(torch.cat([x, F.one_hot(category, self.categories).to(x.dtype)], -1))
