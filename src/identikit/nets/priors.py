"""Priors over the latents: each maps a posterior and its sample to base coordinates and a divergence per latent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from identikit.errors import InputError
from identikit.nets.code import Batch
from identikit.nets.flow import DomainFlow
from identikit.nets.grouped import Table, pick
from identikit.nets.mlp import MLP


class Prior(nn.Module):
    """What the latents should look like.

    Attributes:
        needs: fields of the data that it reads.
        takes_hidden: whether it stands for rows in which they are hidden.
    """

    batches_runs = True
    needs: tuple[str, ...] = ()
    takes_hidden = False

    def forward(self, sample: Tensor, mean: Tensor, log_variance: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return base coordinates and the divergence per latent, each `(..., batch, latents)`."""
        raise NotImplementedError

    def draw(self, noise: Tensor, batch: Batch) -> Tensor:
        """Codes `(..., batch, latents)` drawn from the prior, made of standard normal noise of that shape."""
        raise InputError(f"{type(self).__name__} cannot be drawn from, so nothing can be simulated from this model")

    def move(self, code: Tensor, origin: Tensor, target: Tensor) -> Tensor:
        """Carry codes `(..., batch, latents)` from their domain to another, leaving their base coordinates."""
        raise InputError("this model's prior does not know domains, so it cannot carry a code to another one")


class StandardNormal(Prior):
    """Independent standard normal latents, with the divergence in closed form.

    >>> import torch
    >>> from identikit.nets import Batch
    >>> one = torch.ones(5, 2)
    >>> base, divergence = StandardNormal()(one, one, 0 * one, Batch({}))
    >>> divergence[0].tolist()
    [0.5, 0.5]
    """

    def forward(self, sample: Tensor, mean: Tensor, log_variance: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the sample itself and KL(posterior, prior) per latent, each `(..., batch, latents)`."""
        return sample, normal_divergence(mean, log_variance)

    def draw(self, noise: Tensor, batch: Batch) -> Tensor:
        """Return the noise itself, `(..., batch, latents)`."""
        return noise


class ConditionalNormal(Prior):
    r"""Independent normal latents whose mean and variance depend on a category.

    .. math:: p(z_i | u) = N(\mu_i(u), \sigma_i^2(u))

    Source: Khemakhem et al. 2020 (iVAE, arXiv 1907.04809), with the normal as the exponential family.

    Args:
        latents: number of latents.
        field: the field that holds the category.
        categories: how many there are.
        embedding: size of the category's embedding.
        hidden: width of the network that makes mean and variance of it.

    >>> import torch
    >>> from identikit.nets import Batch
    >>> prior, zero = ConditionalNormal(2, "domain", categories=3), torch.zeros(5, 2)
    >>> base, divergence = prior(zero, zero, zero, Batch({"domain": torch.tensor([0, 1, 2, 0, 1])}))
    >>> base.shape, bool((divergence >= 0).all())
    (torch.Size([5, 2]), True)
    """

    def __init__(self, latents: int, field: str, categories: int, embedding: int = 8, hidden: int = 32) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.table = Table(categories, embedding)
        self.net = MLP(embedding, (2, latents), hidden, layers=1, gain=0.1)

    def moments(self, category: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of each row's prior, each `(..., batch, latents)`."""
        mean, log_variance = self.net(self.table()).unbind(-2)
        return pick(mean, category), pick(log_variance, category)

    def forward(self, sample: Tensor, mean: Tensor, log_variance: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the standardised sample and KL(posterior, prior) per latent, each `(..., batch, latents)`."""
        centre, spread = self.moments(batch[self.field])
        gap = log_variance - spread
        divergence = 0.5 * (gap.exp() + (mean - centre).square() / spread.exp() - 1 - gap)
        return (sample - centre) / (0.5 * spread).exp(), divergence

    @torch.no_grad()
    def draw(self, noise: Tensor, batch: Batch) -> Tensor:
        """Scale and shift the noise as each row's category has it, `(..., batch, latents)`."""
        centre, spread = self.moments(batch[self.field])
        return centre + noise * (0.5 * spread).exp()

    @torch.no_grad()
    def move(self, code: Tensor, origin: Tensor, target: Tensor) -> Tensor:
        """Carry codes `(..., batch, latents)` from their category to another, leaving their base coordinates."""
        centre, spread = self.moments(origin)
        base = (code - centre) / (0.5 * spread).exp()
        centre, spread = self.moments(target)
        return centre + base * (0.5 * spread).exp()


class FlowPrior(Prior):
    r"""Minimal change: standard normal latents, of which the changing block is seen through a map of the domain.

    With the last `changing` latents :math:`z_s` and the increasing component-wise map :math:`f_u` of each domain,

    .. math:: \tilde z_s = f_u(z_s), \qquad
        \log p(z | u) = \log N([z_c, \tilde z_s]; 0, I) + \sum_i \log \partial \tilde z_{s,i} / \partial z_{s,i}.

    The divergence of the invariant block is in closed form; that of the changing block uses the one sample.

    Source: Kong et al. 2022 (iMSDA, arXiv 2306.06510).

    Args:
        invariant: number of latents whose prior is the same in every domain; they come first.
        changing: number of latents whose prior changes.
        domains: number of domains.
        options: of the `DomainFlow`.

    >>> import torch
    >>> from identikit.nets import Batch
    >>> prior, zero = FlowPrior(invariant=1, changing=2, domains=3), torch.zeros(5, 3)
    >>> base, divergence = prior(zero, zero, zero, Batch({"domain": torch.tensor([0, 1, 2, 0, 1])}))
    >>> bool((base[:, 0] == 0).all()), divergence.shape
    (True, torch.Size([5, 3]))
    """

    needs = ("domain",)

    def __init__(self, invariant: int, changing: int, domains: int, **options: int) -> None:
        super().__init__()
        self.invariant = invariant
        self.flow = DomainFlow(changing, domains, **options)

    def forward(self, sample: Tensor, mean: Tensor, log_variance: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return base coordinates and the divergence per latent, each `(..., batch, latents)`."""
        k = self.invariant
        changing, log_slope = self.flow(sample[..., k:], batch["domain"])
        fixed = normal_divergence(mean[..., :k], log_variance[..., :k])
        posterior = normal_log_density(sample[..., k:], mean[..., k:], log_variance[..., k:])
        prior = -0.5 * (changing.square() + math.log(2 * math.pi)) + log_slope
        return torch.cat([sample[..., :k], changing], -1), torch.cat([fixed, posterior - prior], -1)

    @torch.no_grad()
    def draw(self, noise: Tensor, batch: Batch) -> Tensor:
        """Keep the noise of the invariant block, and take the changing one back through each row's domain."""
        k = self.invariant
        return torch.cat([noise[..., :k], self.flow.inverse(noise[..., k:], batch["domain"])], -1)

    @torch.no_grad()
    def move(self, code: Tensor, origin: Tensor, target: Tensor) -> Tensor:
        """Carry codes `(..., batch, latents)` from their domain to another, leaving their base coordinates."""
        k = self.invariant
        base, _ = self.flow(code[..., k:], origin)
        return torch.cat([code[..., :k], self.flow.inverse(base, target)], -1)


def normal_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance), N(0, 1)), elementwise.

    >>> import torch
    >>> normal_divergence(torch.tensor(1.0), torch.tensor(0.0)).item()
    0.5
    """
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance)


def normal_log_density(value: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of N(mean, variance), elementwise.

    >>> import torch
    >>> round(normal_log_density(torch.tensor(0.0), torch.tensor(0.0), torch.tensor(0.0)).item(), 4)
    -0.9189
    """
    return -0.5 * ((value - mean).square() / log_variance.exp() + log_variance + math.log(2 * math.pi))
