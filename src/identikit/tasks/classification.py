"""The task of telling a class."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term


def classification(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of class scores, averaged over the rows whose label is known.

    Args:
        scores: `(..., batch, classes)`, before the softmax.
        labels: `(..., batch)`; hidden ones are -1.

    Returns:
        One number for each leading index, `(...)`; 0 where every label is hidden.

    >>> import torch
    >>> round(classification(torch.zeros(4, 2), torch.tensor([0, 1, -1, -1])).item(), 4)
    0.6931
    """
    known = labels >= 0
    picked = scores.log_softmax(-1).gather(-1, labels.clamp_min(0).unsqueeze(-1)).squeeze(-1)
    return -(picked * known).sum(-1) / known.sum(-1).clamp_min(1)


class Classification(Term):
    """Tell a class from the code, on the rows whose label is known.

    Args:
        field: of the labels; the model needs a head for it.

    >>> Classification("y").needs
    ('y',)
    """

    role = "task"
    batches_runs = True

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"head for '{field}'",)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The cross-entropy, one number for each run."""
        return classification(code.heads[self.field], batch[self.field])
