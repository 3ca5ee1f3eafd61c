"""The task of having the right answer among several."""

from __future__ import annotations

import torch
from torch import Tensor

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.objective import Term


def best_of(told: Tensor, target: Tensor, variance: float = 1.0) -> Tensor:
    r"""Squared error of the nearest of several answers, averaged over the rows whose target is known.

    .. math:: \min_k \frac{1}{2 \sigma^2} \lVert y_b - \hat y_{b,k} \rVert^2

    Args:
        told: `(..., batch, answers, numbers)`.
        target: `(..., batch, numbers)`; hidden numbers are NaN.
        variance: of the Gaussian noise.

    Returns:
        One number for each leading index, `(...)`; 0 where every row is hidden.

    Source: the variety loss of Gupta et al. 2018 (Social GAN, arXiv 1803.10892).

    >>> import torch
    >>> best_of(torch.tensor([[[0.0], [3.0]]]), torch.tensor([[2.0]])).item()
    0.5
    """
    target = target.unsqueeze(-2)
    known = ~torch.isnan(target)
    errors = torch.where(known, told - target.nan_to_num(), 0.0).square().sum(-1)
    return errors.amin(-1).sum(-1) / (2 * variance * known.any(-1).any(-1).sum(-1).clamp_min(1))


class BestOf(Term):
    """Tell several answers of which one is right: only the nearest learns.

    Args:
        field: of the numbers, of any shape for each row; the model has a head for it that gives several of that shape.
        variance: of the Gaussian noise.

    >>> BestOf("future").name
    'BestOf(future)'
    """

    role = "task"
    batches_runs = True

    def __init__(self, field: str = "future", variance: float = 1.0) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"head for '{field}'",)
        self.variance = variance

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The error of the nearest answer, one number for each run."""
        lead = code.mean.dim() - 1
        told, target = code.heads[self.field], batch[self.field]
        if told.shape[lead + 1 :] != target.shape[lead:]:
            held, answer = tuple(target.shape[lead:]), tuple(told.shape[lead + 1 :])
            raise InputError(f"a row of '{self.field}' has shape {held}, and an answer of its head {answer}")
        return best_of(told.flatten(lead + 1), target.flatten(lead), self.variance)
