"""The task of giving the input back."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from identikit.errors import unknown
from identikit.nets import Batch, Code
from identikit.objective import Term


def gaussian(reconstruction: Tensor, target: Tensor, variance: float = 1.0) -> Tensor:
    r"""Negative log-likelihood of a normal with fixed variance, without its constant.

    .. math:: \frac{1}{2 \sigma^2} \sum_k (x_k - \hat x_k)^2, \text{ averaged over the batch}

    Args:
        reconstruction: `(..., batch, features)`.
        target: the same shape.
        variance: of the noise.

    Returns:
        One number for each leading index, `(...)`.

    >>> import torch
    >>> gaussian(torch.zeros(4, 3), torch.ones(4, 3)).item()
    1.5
    """
    return (reconstruction - target).square().sum(-1).mean(-1) / (2 * variance)


def bernoulli(reconstruction: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of independent Bernoulli pixels, given as logits; targets lie in 0..1.

    Args:
        reconstruction: logits `(..., batch, features)`.
        target: the same shape.

    Returns:
        One number for each leading index, `(...)`.

    >>> import torch
    >>> round(bernoulli(torch.zeros(4, 3), torch.ones(4, 3)).item(), 4)
    2.0794
    """
    return F.binary_cross_entropy_with_logits(reconstruction, target, reduction="none").sum(-1).mean(-1)


class Reconstruction(Term):
    """Give the input back from the code: summed over features, averaged over the batch.

    Args:
        likelihood: `gaussian` (squared error) or `bernoulli` (logits of pixels in 0..1).
        variance: of the Gaussian noise.

    >>> Reconstruction()
    Reconstruction()
    """

    role = "task"
    uses = ("reconstruction",)
    batches_runs = True

    def __init__(self, likelihood: str = "gaussian", variance: float = 1.0) -> None:
        super().__init__()
        if likelihood not in ("gaussian", "bernoulli"):
            raise unknown("likelihood", likelihood, ("gaussian", "bernoulli"))
        self.likelihood = likelihood
        self.variance = variance

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The negative log-likelihood of the input, one number for each run."""
        assert code.reconstruction is not None
        lead = code.mean.dim() - 1
        reconstruction, target = code.reconstruction.flatten(lead), code.input.flatten(lead)
        if self.likelihood == "bernoulli":
            return bernoulli(reconstruction, target)
        return gaussian(reconstruction, target, self.variance)
