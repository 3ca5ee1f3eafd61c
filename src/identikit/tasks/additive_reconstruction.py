"""The task of giving the input back as a sum of what each latent adds."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term
from identikit.tasks.reconstruction import gaussian


def additive_reconstruction(parts: Tensor, target: Tensor, variance: float = 1.0) -> Tensor:
    r"""Gaussian negative log-likelihood of the sum of the parts, without its constant.

    .. math:: \frac{1}{2 \sigma^2} \sum_k \Big( x_k - \sum_j f_{jk}(z_j) \Big)^2

    Args:
        parts: `(..., batch, latents, features)`.
        target: `(..., batch, features)`.
        variance: of the noise.

    Returns:
        One number for each leading index, `(...)`.

    >>> import torch
    >>> additive_reconstruction(torch.ones(4, 2, 3), torch.ones(4, 3)).item()
    1.5
    """
    return gaussian(parts.sum(-2), target, variance)


class AdditiveReconstruction(Term):
    """Give the input back as a sum of what each latent adds.

    The model has a head that gives these parts: `Model(heads={"parts": nets.additive.AdditiveDecoder(...)})`.

    Args:
        head: its name.
        variance: of the Gaussian noise.

    >>> AdditiveReconstruction().uses
    ("head for 'parts'",)
    """

    role = "task"
    batches_runs = True

    def __init__(self, head: str = "parts", variance: float = 1.0) -> None:
        super().__init__()
        self.head = head
        self.uses = (f"head for '{head}'",)
        self.variance = variance

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The squared error of the sum, one number for each run."""
        return additive_reconstruction(code.heads[self.head], code.input, self.variance)
