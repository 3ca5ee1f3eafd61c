"""The constraint that a block of latents looks the same in every domain."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.nets import Batch, Code
from identikit.objective import Term

_WIDTHS = (0.25, 0.5, 1.0, 2.0)


def domain_discrepancy(codes: Tensor, domain: Tensor, domains: int) -> Tensor:
    r"""Mean squared maximum mean discrepancy between the codes of any two domains of a batch.

    .. math:: \frac{2}{U (U - 1)} \sum_{u < v} \| \mu_u - \mu_v \|_k^2, \qquad
        k(a, b) = \frac14 \sum_w \exp \Big( - \frac{\| a - b \|^2}{2 d w} \Big), \quad w \in \{1/4, 1/2, 1, 2\}

    Args:
        codes: `(..., batch, d)`.
        domain: `(..., batch)`, from 0 to `domains - 1`; each domain has rows in the batch.
        domains: number of domains.

    Returns:
        One number for each leading index, `(...)`. Rows are compared with themselves too, so that it is not negative.

    Source: Gretton et al. 2012 (JMLR 13, 723), with several widths as in Long et al. 2015 (arXiv 1502.02791).

    >>> import torch
    >>> codes = torch.zeros(4, 2)
    >>> domain_discrepancy(codes, torch.tensor([0, 0, 1, 1]), 2).item()
    0.0
    """
    share = F.one_hot(domain, domains).to(codes.dtype)
    share = share / share.sum(-2, keepdim=True).clamp_min(1)
    norms = codes.square().sum(-1)
    gaps = norms.unsqueeze(-1) + norms.unsqueeze(-2) - 2 * codes @ codes.transpose(-1, -2)
    gaps = gaps.clamp_min(0) / (2 * codes.shape[-1])
    kernel = sum((torch.exp(-gaps / width) for width in _WIDTHS), torch.zeros_like(gaps)) / len(_WIDTHS)
    means = share.transpose(-1, -2) @ kernel @ share
    own = means.diagonal(dim1=-2, dim2=-1).sum(-1)
    cross = means.sum((-1, -2)) - own
    return 2 * (own / domains - cross / (domains * (domains - 1)))


class MatchDomains(Term):
    """Make a block of latents look the same in every domain: the mean discrepancy between any two.

    Batches should hold rows of every domain: fit with `balance=True`.

    Args:
        domains: number of domains.
        block: name of the block.

    >>> MatchDomains(5).needs
    ('domain',)
    """

    needs = ("domain",)
    known = ("domain",)
    batches_runs = True

    def __init__(self, domains: int, block: str = "invariant") -> None:
        super().__init__()
        self.domains = domains
        self.block = block
        self.uses = (f"block '{block}'",)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The discrepancy, one number for each run."""
        return domain_discrepancy(code.sample[..., list(code.blocks[self.block])], batch["domain"], self.domains)
