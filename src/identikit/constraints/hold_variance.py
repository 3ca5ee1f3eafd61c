"""The constraint that every latent varies, and that no two vary together."""

from __future__ import annotations

import torch
from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term

_LEAST = 1e-4


def hold_variance(codes: Tensor, covariance: float = 0.04) -> Tensor:
    r"""What each latent's deviation lacks of 1, and the squared covariances of different latents.

    .. math:: \frac{1}{d} \sum_i \max\big(0, 1 - \sqrt{\mathrm{Var}\, z_i + 10^{-4}}\big)
        + \frac{\lambda}{d} \sum_{i \neq j} \mathrm{Cov}(z_i, z_j)^2

    Args:
        codes: `(..., batch, latents)`.
        covariance: the weight lambda.

    Returns:
        One number for each leading index, `(...)`: 0.99 where nothing varies; 0 for a batch of one row.

    Source: Bardes et al. 2022 (VICReg, arXiv 2105.04906): weights 25 and 1 there, so lambda is 1/25.

    >>> import torch
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> hold_variance(z).item(), round(hold_variance(0 * z).item(), 4)
    (0.0, 0.99)
    """
    rows, latents = codes.shape[-2:]
    if rows < 2:
        return 0 * codes.sum((-1, -2))
    centred = codes - codes.mean(-2, keepdim=True)
    products = centred.transpose(-1, -2) @ centred / (rows - 1)
    variances = torch.diagonal(products, dim1=-2, dim2=-1)
    lacking = (1 - (variances + _LEAST).sqrt()).clamp_min(0).mean(-1)
    together = products.square().sum((-1, -2)) - variances.square().sum(-1)
    return lacking + covariance * together / latents


class HoldVariance(Term):
    """Let every latent vary with a deviation of at least 1, and no two of them together; in both views.

    Args:
        covariance: weight of the covariances.
        field: that holds the other view of each row; None where there is none.

    >>> HoldVariance().needs, HoldVariance(field=None).needs
    (('view',), ())
    """

    batches_runs = True

    def __init__(self, covariance: float = 0.04, field: str | None = "view") -> None:
        super().__init__()
        self.field = field
        self.covariance = covariance
        self.needs = (field,) if field else ()
        self.uses = (f"the code of '{field}' (also=)",) if field else ()

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The mean of both views, one number for each run."""
        own = hold_variance(code.mean, self.covariance)
        return (own + hold_variance(code.also[self.field].mean, self.covariance)) / 2 if self.field else own
