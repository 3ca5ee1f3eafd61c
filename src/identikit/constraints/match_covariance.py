"""The constraint that the latents are uncorrelated and of variance 1."""

from __future__ import annotations

from torch import Tensor

from identikit.errors import unknown
from identikit.nets import Batch, Code
from identikit.objective import Term


def match_covariance(mean: Tensor, log_variance: Tensor | None = None, diagonal: float = 1.0) -> Tensor:
    r"""Squared distance of the latents' covariance over the batch from the identity.

    .. math:: \sum_{i \ne j} C_{ij}^2 + d \sum_i (C_{ii} - 1)^2, \qquad
        C = \mathrm{Cov}[\mu(x)] \; \big( + E[\mathrm{diag}\, \sigma^2(x)] \big)

    Args:
        mean: of the posterior, `(..., batch, latents)`.
        log_variance: of the posterior, the same shape; without it C is the covariance of the means alone.
        diagonal: the weight d of the variances beside that of the covariances.

    Returns:
        One number for each leading index, `(...)`.

    Source: Kumar et al. 2018 (DIP-VAE, arXiv 1711.00848); its kind I has the means alone, kind II both.

    >>> import torch
    >>> match_covariance(torch.tensor([[1.0, 1.0], [-1.0, -1.0]])).item()
    2.0
    """
    centred = mean - mean.mean(-2, keepdim=True)
    covariance = centred.transpose(-1, -2) @ centred / mean.shape[-2]
    variance = covariance.diagonal(dim1=-2, dim2=-1)
    apart = covariance.square().sum((-1, -2)) - variance.square().sum(-1)
    if log_variance is not None:
        variance = variance + log_variance.exp().mean(-2)
    return apart + diagonal * (variance - 1).square().sum(-1)


class MatchCovariance(Term):
    """Make the latents uncorrelated and of variance 1 over the batch.

    Args:
        of: `mean` (the codes: DIP-VAE I) or `sample` (codes and the noise of the posterior: DIP-VAE II).
        diagonal: the weight of the variances beside that of the covariances.

    >>> MatchCovariance("sample").uses
    ('log_variance',)
    """

    batches_runs = True

    def __init__(self, of: str = "mean", diagonal: float = 1.0) -> None:
        super().__init__()
        if of not in ("mean", "sample"):
            raise unknown("covariance to match", of, ("mean", "sample"))
        self.of = of
        self.uses = ("mean",) if of == "mean" else ("log_variance",)
        self.diagonal = diagonal

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The squared distance, one number for each run."""
        return match_covariance(code.mean, None if self.of == "mean" else code.log_variance, self.diagonal)
