"""A prior of two blocks: one that all environments share, and one with a component for each environment."""

from __future__ import annotations

import torch
from torch import Tensor

from identikit.nets.code import Batch
from identikit.nets.coupling import Couplings
from identikit.nets.grouped import Table, pick
from identikit.nets.priors import Prior, normal_divergence, normal_log_density


class EnvironmentPrior(Prior):
    r"""A standard normal for the first block, and couplings of a mixture over the environments for the second.

    .. math:: p(z) = N(z; 0, I), \qquad
        p(s | e) = N(h(s); \mu_e, \mathrm{diag}\, \sigma_e^2) \, |\partial h|, \qquad p(s) = \sum_e \pi_e \, p(s | e)

    Where the environment of a row is hidden (-1), the mixture stands for it.

    Args:
        invariant: number of latents that all environments share; they come first.
        changing: number of latents with a component for each environment.
        domains: number of environments, in the field `domain`.
        layers: couplings.
        hidden: width of their networks.

    Source: Bagi et al. 2023 (GCRL, arXiv 2302.08635), where the means and deviations are fixed (i for the mean and
    i + 1 for the variance of component i), the environment of a row is not used, and the first block has couplings too.
    Here means and deviations are learned, a known environment picks its component, and the first block has none, all of
    which is this library's choice: couplings bend a standard normal to any mixture of environments, and what changes
    with them then went into the first block as well as into the second.

    >>> import torch
    >>> prior, zero = EnvironmentPrior(invariant=1, changing=2, domains=3), torch.zeros(4, 3)
    >>> base, divergence = prior(zero, zero, zero, Batch({"domain": torch.tensor([0, 1, 2, -1])}))
    >>> base.shape, divergence.shape
    (torch.Size([4, 3]), torch.Size([4, 3]))
    """

    needs = ("domain",)
    takes_hidden = True

    def __init__(self, invariant: int, changing: int, domains: int, layers: int = 3, hidden: int = 32) -> None:
        super().__init__()
        self.invariant = invariant
        self.own = Couplings(changing, layers, hidden)
        self.means = Table(domains, changing)
        self.log_variances = Table(domains, changing)
        self.logits = Table(domains, 1)

    def forward(self, sample: Tensor, mean: Tensor, log_variance: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return base coordinates and the divergence per latent, each `(..., batch, latents)`.

        That of the first block is in closed form, that of the second from the one sample. Where the environment is
        hidden, it is that of the mixture, in equal parts on the latents.
        """
        k = self.invariant
        own, slope = self.own(sample[..., k:])
        domain = batch["domain"]
        known = self._component(own, domain.clamp_min(0))
        hidden = (domain < 0).unsqueeze(-1)
        density = torch.where(hidden, self._mixture(own), known) if bool(hidden.any()) else known
        posterior = normal_log_density(sample[..., k:], mean[..., k:], log_variance[..., k:])
        fixed = normal_divergence(mean[..., :k], log_variance[..., :k])
        return torch.cat([sample[..., :k], own], -1), torch.cat([fixed, posterior - density - slope], -1)

    def _component(self, own: Tensor, domain: Tensor) -> Tensor:
        return normal_log_density(own, pick(self.means(), domain), pick(self.log_variances(), domain))

    def _mixture(self, own: Tensor) -> Tensor:
        means, spreads, logits = (t().unsqueeze(-3) for t in (self.means, self.log_variances, self.logits))
        each = normal_log_density(own.unsqueeze(-2), means, spreads).sum(-1)
        whole = (each + logits.squeeze(-1).log_softmax(-1)).logsumexp(-1, keepdim=True)
        return whole.expand_as(own) / own.shape[-1]

    @torch.no_grad()
    def draw(self, noise: Tensor, batch: Batch) -> Tensor:
        """Codes `(..., batch, latents)` made of standard normal noise, each of its row's environment."""
        k, domain = self.invariant, batch["domain"]
        own = pick(self.means(), domain) + noise[..., k:] * (0.5 * pick(self.log_variances(), domain)).exp()
        return torch.cat([noise[..., :k], self.own.inverse(own)], -1)

    @torch.no_grad()
    def move(self, code: Tensor, origin: Tensor, target: Tensor) -> Tensor:
        """Carry codes `(..., batch, latents)` to another environment, at the same place in its component."""
        k = self.invariant
        own, _ = self.own(code[..., k:])
        there = pick(self.log_variances(), target) - pick(self.log_variances(), origin)
        own = pick(self.means(), target) + (own - pick(self.means(), origin)) * (0.5 * there).exp()
        return torch.cat([code[..., :k], self.own.inverse(own)], -1)
