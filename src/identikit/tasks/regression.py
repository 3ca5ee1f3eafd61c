"""The task of telling numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.objective import Term


def regression(prediction: Tensor, target: Tensor, variance: float = 1.0) -> Tensor:
    r"""Gaussian negative log-likelihood without its constant, averaged over the rows whose numbers are known.

    .. math:: \frac{1}{2 \sigma^2} \sum_k (y_k - \hat y_k)^2

    Args:
        prediction: `(..., batch, numbers)`.
        target: the same shape; hidden numbers are NaN.
        variance: of the noise.

    Returns:
        One number for each leading index, `(...)`; 0 where every row is hidden.

    >>> import torch
    >>> regression(torch.zeros(3, 2), torch.tensor([[1.0, 1.0], [3.0, 1.0], [torch.nan, torch.nan]])).item()
    3.0
    """
    known = ~torch.isnan(target)
    gaps = torch.where(known, prediction - target.nan_to_num(), 0.0).square().sum(-1)
    return gaps.sum(-1) / (2 * variance * known.any(-1).sum(-1).clamp_min(1))


class Regression(Term):
    """Tell numbers from the code, on the rows where they are known.

    Args:
        field: of the numbers, one or several for each row; the model needs a head for it.
        variance: of the noise.

    >>> Regression("age").name
    'Regression(age)'
    """

    role = "task"
    batches_runs = True

    def __init__(self, field: str, variance: float = 1.0) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"head for '{field}'",)
        self.variance = variance

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The negative log-likelihood, one number for each run."""
        prediction, target = code.heads[self.field], batch[self.field]
        if target.dim() < prediction.dim():
            target = target.unsqueeze(-1)
        if target.shape[-1] != prediction.shape[-1]:
            held, told = target.shape[-1], prediction.shape[-1]
            raise InputError(f"a row of '{self.field}' holds {held} numbers, and its head tells {told}")
        return regression(prediction, target, self.variance)
