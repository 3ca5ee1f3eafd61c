"""The constraint that a block of latents does not tell the domain, as a discriminator sees it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.nets import MLP, Batch, Code
from identikit.objective import Term
from identikit.tasks import classification


def domain_information(scores: Tensor, domain: Tensor) -> Tensor:
    r"""How much scores tell of the domain, in nats: what they save over knowing the shares of the domains alone.

    .. math:: \max(0, H(u) - \mathrm{CE}) = \max \Big( 0, - \sum_u p_u \log p_u
        + E[ \log \mathrm{softmax}(s(z))_u ] \Big),

    with the shares :math:`p_u` of the batch: a lower bound of the mutual information of code and domain, which the best
    scores reach. It is 0 where nothing is told, and where the scores mislead.

    Args:
        scores: `(..., batch, domains)`, before the softmax.
        domain: `(..., batch)`.

    Returns:
        One number for each leading index, `(...)`.

    >>> import torch
    >>> domain_information(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])).item()
    0.0
    >>> round(domain_information(torch.tensor([[9.0, -9.0], [-9.0, 9.0]]), torch.tensor([0, 1])).item(), 4)
    0.6931
    """
    shares = F.one_hot(domain, scores.shape[-1]).to(scores.dtype).mean(-2)
    known = -torch.special.xlogy(shares, shares).sum(-1) - classification(scores, domain)
    return known.clamp_min(0)


class AdversarialDomains(Term):
    r"""Keep the domain out of a block of latents: what a discriminator that plays against can tell of it.

    .. math:: I(z; u) \ge H(u) - \min_s \mathrm{CE}(s(z), u)

    The inner player learns to tell the domain from the block; the model learns to make what the player knows small.
    Where there are two domains this is the classifier of source and target of the paper, with the same slopes as its
    reversed gradient as long as the player knows anything: misleading it further would pay without end, and codes then
    grow a hundred thousand times. That bound, and several domains told apart from each other, are this library's
    choice.

    Args:
        latents: number of latents in the block.
        domains: number of domains.
        block: name of the block.
        hidden: width of the discriminator.
        layers: its hidden layers.
        rate: its learning rate, as a multiple of the fit's.

    Source: Ganin et al. 2016 (DANN, arXiv 1505.07818). As there, both players move at once.

    >>> AdversarialDomains(4, domains=3).needs
    ('domain',)
    """

    needs = ("domain",)
    known = ("domain",)
    batches_runs = True

    def __init__(
        self, latents: int, domains: int, block: str = "all", hidden: int = 64, layers: int = 1, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.block = block
        self.uses = (f"block '{block}'",)
        self.rate = rate
        self.discriminator = MLP(latents, domains, hidden, layers)

    def player(self) -> nn.Module:
        """The discriminator."""
        return self.discriminator

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """What the discriminator knows of the domain, in nats, one number for each run."""
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        scores = torch.func.functional_call(self.discriminator, fixed, (self._seen(code),))
        return domain_information(scores, batch["domain"])

    def inner(self, code: Code, batch: Batch, noise: Tensor) -> Tensor:
        """The discriminator's cross-entropy on the batch, one number for each run."""
        return classification(self.discriminator(self._seen(code).detach()), batch["domain"])

    def _seen(self, code: Code) -> Tensor:
        return code.sample[..., list(code.blocks[self.block])]
