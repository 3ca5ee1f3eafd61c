"""The task of telling what is observed next."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term
from identikit.tasks.reconstruction import gaussian


def next_step(prediction: Tensor, target: Tensor, variance: float = 1.0) -> Tensor:
    r"""Gaussian negative log-likelihood of the next observation, without its constant.

    .. math:: \frac{1}{2 \sigma^2} \sum_k (x_{t+1,k} - \hat x_k(z_t))^2, \text{ averaged over the batch}

    The next *observation* is predicted, not the next code: a code that may choose what it has to predict can become
    constant and predict itself without error, and data cannot.

    Args:
        prediction: `(..., batch, features)`.
        target: the same shape.
        variance: of the noise.

    Returns:
        One number for each leading index, `(...)`.

    >>> import torch
    >>> next_step(torch.zeros(4, 3), torch.ones(4, 3)).item()
    1.5
    """
    return gaussian(prediction, target, variance)


class NextStep(Term):
    """Tell the next observation from the code of this one.

    The model has a head for the field, of the shape of `x`, and brings the field to the scale of its nets:
    `Model(..., heads={"next": MLP(latents, shape)}, targets=("next",))`. What has no effect on the next time point is
    not asked for.

    Args:
        field: that holds the next observation of each row.
        variance: of the Gaussian noise.

    >>> NextStep().needs, NextStep().name
    (('next',), 'NextStep(next)')
    """

    role = "task"
    batches_runs = True

    def __init__(self, field: str = "next", variance: float = 1.0) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"head for '{field}'", f"the target '{field}' (targets=)")
        self.variance = variance

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The squared error of the prediction, one number for each run."""
        lead = code.mean.dim() - 1
        prediction, target = code.heads[self.field].flatten(lead), code.targets[self.field].flatten(lead)
        return next_step(prediction, target, self.variance)
