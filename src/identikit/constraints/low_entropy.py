"""The constraint that predictions on unlabelled rows are sure of themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term


def low_entropy(scores: Tensor, labels: Tensor, threshold: float = 0.5) -> Tensor:
    """Entropy of the predictions on rows whose label is hidden, where it is already below a threshold.

    Args:
        scores: `(..., batch, classes)`, before the softmax.
        labels: `(..., batch)`; hidden ones are -1.
        threshold: in nats; rows less sure than this are left alone.

    Returns:
        One number for each leading index, `(...)`; 0 where no row counts.

    Source: the released training code of iMSDA (Kong et al. 2022, arXiv 2306.06510).

    >>> import torch
    >>> scores = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    >>> round(low_entropy(scores, torch.tensor([-1, -1])).item(), 4)
    0.3653
    """
    log_p = scores.log_softmax(-1)
    entropy = -(log_p.exp() * log_p).sum(-1)
    counted = (labels < 0) & (entropy < threshold)
    return torch.where(counted, entropy, 0.0).sum(-1) / counted.sum(-1).clamp_min(1)


class LowEntropy(Term):
    """Make predictions sure on the rows whose label is hidden, once they are nearly so.

    Args:
        field: of the labels; the model needs a head for it.
        threshold: entropy in nats above which a row is left alone.

    >>> LowEntropy("y").name
    'LowEntropy(y)'
    """

    batches_runs = True

    def __init__(self, field: str, threshold: float = 0.5) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"head for '{field}'",)
        self.threshold = threshold

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The entropy, one number for each run."""
        return low_entropy(code.heads[self.field], batch[self.field], self.threshold)
