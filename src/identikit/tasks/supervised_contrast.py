"""The task of bringing rows of one class together in a block of the code, and rows of other classes apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.objective import Term

_NOTHING = -1e9
"""A score that counts for nothing, and whose gradient is a number, as that of minus infinity is not."""


def supervised_contrast(code: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    r"""InfoNCE with classes: of each row, how much of its likeness to other rows is to rows of its own class.

    .. math:: -\frac{1}{|A|} \sum_{b \in A} \log
        \frac{\sum_{c \neq b,\, y_c = y_b} e^{s(z_b, z_c)}}{\sum_{c \neq b} e^{s(z_b, z_c)}}, \qquad
        s(z, z') = \frac{\cos(z, z')}{\tau}

    A holds the rows that are not alone in their class. Rows whose label is hidden take no part.

    Args:
        code: `(..., batch, latents)`.
        labels: `(..., batch)`, class codes; hidden ones are -1.
        temperature: the number tau.

    Returns:
        One number for each leading index, `(...)`; 0 where no two known labels are the same.

    Source: the form with the sum over positives inside the logarithm of Khosla et al. 2020 (arXiv 2004.11362).

    >>> import torch
    >>> code = torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [-3.0, 0.0]])
    >>> round(supervised_contrast(code, torch.tensor([0, 0, 1, 1]), temperature=1.0).item(), 4)
    0.2395
    """
    unit = F.normalize(code, dim=-1)
    scores = unit @ unit.transpose(-1, -2) / temperature
    known = labels >= 0
    apart = ~torch.eye(labels.shape[-1], dtype=torch.bool, device=labels.device)
    others = known.unsqueeze(-1) & known.unsqueeze(-2) & apart
    alike = others & (labels.unsqueeze(-1) == labels.unsqueeze(-2))
    anchors = alike.any(-1)
    share = scores.masked_fill(~alike, _NOTHING).logsumexp(-1) - scores.masked_fill(~others, _NOTHING).logsumexp(-1)
    return -share.where(anchors, 0.0).sum(-1) / anchors.sum(-1).clamp_min(1)


class SupervisedContrast(Term):
    """Let a block of the code say which class a row is of, by bringing rows of one class together (InfoNCE).

    At its best the block has one direction for each class, which tells the class and nothing else. The length of the
    block is left free, and may tell anything.

    Args:
        field: of the labels.
        block: the block of latents that it speaks of; the one called like the field by default.
        temperature: how alike rows of one class must be, against how unlike others are.

    >>> SupervisedContrast("shape").name, SupervisedContrast("shape").uses
    ('SupervisedContrast(shape)', ("block 'shape'",))
    """

    role = "task"
    batches_runs = True

    def __init__(self, field: str, block: str | None = None, temperature: float = 0.1) -> None:
        super().__init__()
        if temperature <= 0:
            raise InputError(f"temperature is above 0, not {temperature:g}")
        self.field = field
        self.block = block or field
        self.needs = (field,)
        self.uses = (f"block '{self.block}'",)
        self.temperature = temperature

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """InfoNCE of the block's samples, one number for each run."""
        own = code.sample[..., list(code.blocks[self.block])]
        return supervised_contrast(own, batch[self.field], self.temperature)
