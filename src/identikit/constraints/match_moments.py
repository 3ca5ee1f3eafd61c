"""The constraint that a block of latents has the same moments in every domain."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.objective import Term


def moment_distance(codes: Tensor, domain: Tensor, domains: int, orders: int = 2) -> Tensor:
    r"""Mean squared distance between the moments of the codes of any two domains of a batch.

    .. math:: \sum_{k=1}^{K} \frac{2}{U (U - 1)} \sum_{u < v} \frac1d \| E_u[z^k] - E_v[z^k] \|^2,

    with powers taken latent by latent, over the U domains that have rows in the batch.

    Args:
        codes: `(..., batch, d)`.
        domain: `(..., batch)`, from 0 to `domains - 1`.
        domains: number of domains.
        orders: the highest moment K.

    Returns:
        One number for each leading index, `(...)`; 0 where the batch holds a single domain.

    Source: Peng et al. 2019 (M3SDA, arXiv 1812.01754). There the distance is not squared, and pairs with the target
    weigh as much as all pairs of sources together; squares, which have a slope at 0, and equal pairs are this library's
    choice.

    >>> import torch
    >>> moment_distance(torch.tensor([[0.0], [2.0], [1.0], [1.0]]), torch.tensor([0, 0, 1, 1]), 2).item()
    1.0
    """
    share = F.one_hot(domain, domains).to(codes.dtype)
    count = share.sum(-2).unsqueeze(-1)
    here = (count > 0).to(codes.dtype)
    found = here.sum(-2, keepdim=True)
    total = torch.zeros_like(codes[..., 0, 0])
    for order in range(1, orders + 1):
        moments = share.transpose(-1, -2) @ codes**order / count.clamp_min(1)
        centre = moments.sum(-2, keepdim=True) / found
        spread = (here * (moments - centre)).square().sum(-2) / (found.squeeze(-2) - 1).clamp_min(1)
        total = total + 2 * spread.mean(-1)
    return total


class MatchMoments(Term):
    """Give a block of latents the same moments in every domain.

    Batches should hold rows of every domain: fit with `balance=True`.

    Args:
        domains: number of domains.
        block: name of the block.
        orders: the highest moment.

    >>> MatchMoments(5).needs
    ('domain',)
    """

    needs = ("domain",)
    known = ("domain",)
    batches_runs = True

    def __init__(self, domains: int, block: str = "all", orders: int = 2) -> None:
        super().__init__()
        if orders < 1:
            raise InputError(f"orders is the highest moment to match, 1 or more, not {orders}")
        self.domains = domains
        self.block = block
        self.orders = orders
        self.uses = (f"block '{block}'",)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The distance, one number for each run."""
        codes = code.sample[..., list(code.blocks[self.block])]
        return moment_distance(codes, batch["domain"], self.domains, self.orders)
