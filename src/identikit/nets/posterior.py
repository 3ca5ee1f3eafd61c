"""What an encoder says of the code, and how a sample is drawn of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_START = -2.0
"""Log-variance that an encoder's zero stands for: a posterior that is sure enough to carry something from the start."""


@dataclass(frozen=True)
class Posterior:
    r"""The code of a row, or the normal distribution that it is drawn from.

    Where latents are correlated,

    .. math:: z = \mu + \sigma \odot (\epsilon + L \epsilon), \qquad
        \log q(z_i | z_{<i}, x) = -\tfrac{1}{2} (\epsilon_i^2 + \log \sigma_i^2 + \log 2 \pi)

    with a strictly lower triangular matrix L.

    Attributes:
        mean: `(..., batch, latents)`.
        log_variance: the same shape, of each latent given those before it; None where the code is not drawn.
        turn: `(..., batch, latents * (latents - 1) / 2)`, the entries of L, row by row; None where it is 0.
    """

    mean: Tensor
    log_variance: Tensor | None = None
    turn: Tensor | None = None

    @staticmethod
    def read(out: Tensor, latents: int, correlated: bool = False) -> Posterior:
        """The distribution that the numbers of an encoder stand for: means, log-variances, and the entries of L.

        >>> import torch
        >>> Posterior.read(torch.zeros(5, 9), latents=3, correlated=True).turn.shape
        torch.Size([5, 3])
        """
        entries = [latents * (latents - 1) // 2] if correlated else []
        mean, log_variance, *turn = out.split([latents, latents, *entries], -1)
        return Posterior(mean, (log_variance + _START).clamp(-12, 4), turn[0] if turn else None)

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor | None]:
        """A sample, of noise shaped like the mean, and where latents are correlated its log-density, latent by latent.

        >>> import torch
        >>> Posterior(torch.ones(5, 2), torch.zeros(5, 2)).draw(torch.ones(5, 2))[0][0].tolist()
        [2.0, 2.0]
        """
        if self.log_variance is None:
            return self.mean, None
        deviation = (0.5 * self.log_variance).exp()
        if self.turn is None:
            return self.mean + deviation * noise, None
        sample = self.mean + deviation * (noise + _lower(self.turn, noise))
        return sample, -0.5 * (noise.square() + self.log_variance + math.log(2 * math.pi))


def _lower(turn: Tensor, noise: Tensor) -> Tensor:
    """What a strictly lower triangular matrix, given as its entries row by row, makes of noise."""
    size = noise.shape[-1]
    to, of = torch.tril_indices(size, size, -1, device=noise.device)
    return (turn * noise[..., of]) @ F.one_hot(to, size).to(noise.dtype)
