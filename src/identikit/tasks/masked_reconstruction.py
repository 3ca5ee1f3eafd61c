"""The task of giving back what was hidden of the input."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term


def masked_gaussian(reconstruction: Tensor, target: Tensor, mask: Tensor, variance: float = 1.0) -> Tensor:
    r"""Squared error of the hidden features of each row, as if all features had been hidden.

    .. math:: \frac{K}{2 \sigma^2} \frac{\sum_k m_k (x_k - \hat x_k)^2}{\sum_k m_k}, \text{ averaged over the batch}

    Args:
        reconstruction: `(..., batch, features)`.
        target: the same shape.
        mask: the same shape, 1 where the target was hidden and 0 elsewhere.
        variance: of the noise.

    Returns:
        One number for each leading index, `(...)`; a row of which nothing was hidden counts 0.

    Source: He et al. 2022 (arXiv 2111.06377) count what was hidden alone. Scaling up to all K features, so that a
    weight means the same with and without a mask, is this library's choice.

    >>> import torch
    >>> masked_gaussian(torch.zeros(1, 3), torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0]])).item()
    3.75
    """
    error = (mask * (reconstruction - target).square()).sum(-1) / mask.sum(-1).clamp_min(1)
    return target.shape[-1] * error.mean(-1) / (2 * variance)


class MaskedReconstruction(Term):
    """Give back what a mask hid of the input, from a code of what it left: `Model(..., mask=Mask(shape))`.

    Args:
        variance: of the Gaussian noise.

    >>> MaskedReconstruction().uses
    ('reconstruction', 'a mask')
    """

    role = "task"
    uses = ("reconstruction", "a mask")
    batches_runs = True

    def __init__(self, variance: float = 1.0) -> None:
        super().__init__()
        self.variance = variance

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The squared error of what was hidden, one number for each run."""
        assert code.reconstruction is not None
        assert code.mask is not None
        lead = code.mean.dim() - 1
        reconstruction, target = code.reconstruction.flatten(lead), code.input.flatten(lead)
        return masked_gaussian(reconstruction, target, code.mask.flatten(lead), self.variance)
