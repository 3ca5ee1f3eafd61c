"""The constraint that a class has the same code where it is labelled and where it is only predicted."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.nets import Batch, Code
from identikit.objective import Term


def align_classes(codes: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    r"""Distance of the mean code of each class over rows with a label from that over rows whose label is hidden.

    .. math:: \sum_k \pi_k \| m_k - \hat m_k \|, \qquad
        m_k = \mathrm{mean}_{y_b = k}\, z_b, \qquad
        \hat m_k = \frac{\sum_b w_b p_{bk} z_b}{\sum_b w_b p_{bk}}, \qquad
        \pi_k = \frac{\sum_b w_b p_{bk}}{\sum_b w_b}

    Where the label is hidden, row b counts to class k by its predicted probability :math:`p_{bk}`, and the more the
    surer it is: :math:`w_b = 1 + e^{-H(p_b)}`. A class that no row of the batch is labelled with is left out.

    Args:
        codes: `(..., batch, latents)`.
        scores: `(..., batch, classes)`, before the softmax; no gradient goes through them.
        labels: `(..., batch)`; hidden ones are -1.

    Returns:
        One number for each leading index, `(...)`; 0 where every label is hidden, or none is.

    Source: the semantic alignment of Li et al. 2023 (SIG, arXiv 2310.00338), as far as it was read: distances of class
    means, weighed by the target's class shares and by a confidence of this form. That the confidence is that of a row,
    and that shares are those of the predictions in the batch, is this library's choice.

    >>> import torch
    >>> codes = torch.tensor([[0.0], [4.0], [1.0]])
    >>> scores = torch.tensor([[0.0, 0.0], [0.0, 0.0], [99.0, -99.0]])
    >>> align_classes(codes, scores, torch.tensor([0, 1, -1])).item()
    1.0
    """
    known = labels >= 0
    labelled = F.one_hot(labels.clamp_min(0), scores.shape[-1]).to(codes.dtype) * known.unsqueeze(-1)
    log_p = scores.detach().log_softmax(-1)
    confidence = 1 + (log_p.exp() * log_p).sum(-1).exp()
    predicted = log_p.exp() * (confidence * ~known).unsqueeze(-1)
    gap = _means(codes, labelled) - _means(codes, predicted)
    mass = predicted.sum(-2)
    share = mass / mass.sum(-1, keepdim=True).clamp_min(1e-12)
    return (share * (labelled.sum(-2) > 0) * torch.linalg.vector_norm(gap, dim=-1)).sum(-1)


def _means(codes: Tensor, weights: Tensor) -> Tensor:
    """Mean code of each class, `(..., classes, latents)`, of rows weighed by `(..., batch, classes)`."""
    weights = weights / weights.sum(-2, keepdim=True).clamp_min(1e-12)
    return weights.transpose(-1, -2) @ codes


class AlignClasses(Term):
    """Bring the mean codes of each class together, over rows with a label and over rows whose label is hidden.

    Args:
        field: of the labels; the model needs a head for it.
        block: the block of latents that is brought together; all of them by default.

    >>> AlignClasses("y", block="label").uses
    ("head for 'y'", "block 'label'")
    """

    batches_runs = True

    def __init__(self, field: str, block: str | None = None) -> None:
        super().__init__()
        self.field = field
        self.block = block
        self.needs = (field,)
        head = f"head for '{field}'"
        self.uses = (head, f"block '{block}'") if block else (head,)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The weighted distance, one number for each run."""
        codes = code.sample[..., list(code.blocks[self.block])] if self.block else code.sample
        return align_classes(codes, code.heads[self.field], batch[self.field])
