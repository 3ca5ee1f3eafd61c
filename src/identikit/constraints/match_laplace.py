"""The constraint that latents take sparse steps: most of them stay nearly as they were, a few go far."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.objective import Term


def match_laplace(mean: Tensor, log_variance: Tensor, centre: Tensor, rate: float = 6.0) -> Tensor:
    r"""KL(normal posterior, Laplace around a centre), summed over latents and averaged over the batch.

    .. math:: \mathrm{KL} = \lambda\, E|z_i - c_i| - \log \frac{\lambda}{2} - \frac{1}{2} \log 2 \pi e \sigma_i^2,
        \qquad E|z - c| = \sigma \sqrt{\tfrac{2}{\pi}}\, e^{-m^2 / 2 \sigma^2}
        + m\, \mathrm{erf} \frac{m}{\sigma \sqrt 2}, \quad m = \mu - c

    Args:
        mean: `(..., batch, latents)`, of the posterior.
        log_variance: the same shape, of the posterior.
        centre: the same shape, where the latents were before.
        rate: the number lambda, of the Laplace distribution.

    Returns:
        One number for each leading index, `(...)`; never below 0.

    Source: Klindt et al. 2021 (SlowVAE, arXiv 2007.10930), whose code takes the mean of the other frame's posterior as
    the centre.

    >>> import torch
    >>> zero = torch.zeros(4, 2)
    >>> round(match_laplace(zero, zero, zero, rate=1.0).item(), 4)
    0.1442
    """
    gap = mean - centre
    deviation = (0.5 * log_variance).exp()
    far = deviation * math.sqrt(2 / math.pi) * (-0.5 * (gap / deviation).square()).exp()
    far = far + gap * torch.erf(gap / (deviation * math.sqrt(2)))
    entropy = 0.5 * (log_variance + math.log(2 * math.pi * math.e))
    return (rate * far - math.log(rate / 2) - entropy).sum(-1).mean(-1)


class MatchLaplace(Term):
    """Let each latent take a Laplace step from where it was one time point before, and back.

    The model encodes the past too: `Model(..., also={"past": (1,)})`. Both ways count half: the step is as likely from
    now to then.

    Args:
        rate: of the Laplace distribution, one over the mean size of a step.
        field: that holds the past inputs of each row, one for each.

    >>> MatchLaplace().needs, MatchLaplace().name
    (('past',), 'MatchLaplace(past)')
    """

    batches_runs = True

    def __init__(self, rate: float = 6.0, field: str = "past") -> None:
        super().__init__()
        if rate <= 0:
            raise InputError(f"rate is above 0, not {rate:g}")
        self.field = field
        self.rate = rate
        self.needs = (field,)
        self.uses = ("log_variance", f"the code of '{field}' (also=)")

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The mean of the divergences both ways, one number for each run."""
        past = code.also[self.field]
        assert code.log_variance is not None
        assert past.log_variance is not None
        before, spread = past.mean[..., 0, :], past.log_variance[..., 0, :]
        there = match_laplace(code.mean, code.log_variance, before, self.rate)
        return (there + match_laplace(before, spread, code.mean, self.rate)) / 2
