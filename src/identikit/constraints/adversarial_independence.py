"""The constraint that the latents are independent of one another, as a discriminator sees it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.nets import MLP, Batch, Code
from identikit.objective import Term


def permuted(sample: Tensor, noise: Tensor) -> Tensor:
    """The same values with the rows of each latent in an order of their own, as if latents were independent.

    Args:
        sample: `(..., batch, latents)`.
        noise: the same shape; the ranks of its columns are the orders.

    >>> import torch
    >>> sample = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
    >>> permuted(sample, torch.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [[1.0, 2.0], [2.0, 1.0]]
    """
    return sample.gather(-2, noise.argsort(-2))


def discrimination(real: Tensor, other: Tensor) -> Tensor:
    r"""How badly a discriminator tells samples from permuted ones.

    .. math:: \tfrac{1}{2} E[ -\log \sigma(d(z)) ] + \tfrac{1}{2} E[ -\log (1 - \sigma(d(\bar z))) ]

    Args:
        real: logits d of samples, `(..., batch)`.
        other: logits of permuted samples, the same shape.

    Returns:
        One number for each leading index, `(...)`; the logarithm of 2 where it cannot tell them.

    >>> import torch
    >>> round(discrimination(torch.zeros(4), torch.zeros(4)).item(), 4)
    0.6931
    """
    return (F.softplus(-real).mean(-1) + F.softplus(other).mean(-1)) / 2


class AdversarialIndependence(Term):
    r"""Make the latents independent of one another: their total correlation, from a discriminator that plays against.

    .. math:: \mathrm{TC} \approx E_{q(z)} [ d(z) ], \qquad
        d = \arg\min \, \text{discrimination of } z \text{ and permuted } z

    The inner player tells samples of the batch from the same batch permuted latent by latent; at its best, its logit is
    the logarithm of the ratio between the joint density and the product of the marginals.

    Args:
        latents: number of latents.
        hidden: width of the discriminator.
        layers: its hidden layers.
        rate: its learning rate, as a multiple of the fit's.

    Source: Kim and Mnih 2018 (FactorVAE, arXiv 1802.05983). There the permuted batch is a second one, and the player
    moves after the model; here both are of one batch and move at once, which is this library's choice.

    >>> AdversarialIndependence(4).noise_size
    4
    """

    batches_runs = True

    def __init__(self, latents: int, hidden: int = 64, layers: int = 3, rate: float = 1.0) -> None:
        super().__init__()
        self.noise_size = latents
        self.rate = rate
        self.discriminator = MLP(latents, 1, hidden, layers)

    def player(self) -> nn.Module:
        """The discriminator."""
        return self.discriminator

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The total correlation as the discriminator estimates it, one number for each run."""
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        logits = torch.func.functional_call(self.discriminator, fixed, (code.sample,))
        return logits.squeeze(-1).mean(-1)

    def inner(self, code: Code, batch: Batch, noise: Tensor) -> Tensor:
        """The discriminator's loss on a batch and the same permuted, one number for each run."""
        real = code.sample.detach()
        logits = (self.discriminator(sample).squeeze(-1) for sample in (real, permuted(real, noise)))
        return discrimination(*logits)
