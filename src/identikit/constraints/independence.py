"""The constraint that the latents are independent of one another."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from identikit.nets import Batch, Code
from identikit.nets.priors import normal_log_density
from identikit.objective import Term


def total_correlation(sample: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Total correlation of the latents, with the aggregate posterior estimated from the batch itself.

    .. math:: \mathrm{TC} = E \Big[ \log q(z) - \sum_i \log q(z_i) \Big], \qquad
        q(z) \approx \frac{1}{B} \sum_b q(z | x_b)

    The estimate is biased upwards by a constant that falls with the batch size; its gradient is what training uses.

    Args:
        sample: `(..., batch, latents)`.
        mean: of the posterior, the same shape.
        log_variance: of the posterior, the same shape.

    Returns:
        One number for each leading index, `(...)`.

    Source: minibatch weighting of Chen et al. 2018 (beta-TCVAE, arXiv 1802.04942).

    >>> import torch
    >>> z = torch.zeros(4, 3)
    >>> abs(total_correlation(z, z, z).item()) < 1e-6
    True
    """
    pairs = normal_log_density(sample.unsqueeze(-2), mean.unsqueeze(-3), log_variance.unsqueeze(-3))
    size = math.log(sample.shape[-2])
    joint = torch.logsumexp(pairs.sum(-1), -1) - size
    marginals = torch.logsumexp(pairs, -2) - size
    return (joint - marginals.sum(-1)).mean(-1)


class Independence(Term):
    """Make the latents independent of one another: their total correlation, by minibatch weighting.

    >>> Independence().uses
    ('log_variance',)
    """

    uses = ("log_variance",)
    batches_runs = True

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The total correlation, one number for each run."""
        assert code.log_variance is not None
        return total_correlation(code.sample, code.mean, code.log_variance)
