"""The constraint that codes lie apart from one another: the entropy of their distribution is high."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.nets.grouped import distances
from identikit.objective import Term


def spread_codes(codes: Tensor, width: float = 0.1) -> Tensor:
    r"""How crowded codes are: minus an estimate of their entropy, up to a constant.

    .. math:: \frac{1}{B} \sum_b \log \frac{1}{B - 1} \sum_{c \neq b} e^{-\|z_b - z_c\|^2 / 2 w^2}

    A kernel estimate of :math:`E \log p(z)`, each row left out of its own density. Codes must lie in a bounded set, or
    it falls without end.

    Args:
        codes: `(..., batch, latents)`.
        width: the number w, the deviation of the kernel.

    Returns:
        One number for each leading index, `(...)`: 0 where all codes are one point; 0 too for fewer than two rows.

    Source: the entropy of von Kügelgen et al. 2021 (arXiv 2106.04619), who estimate it by contrast; the logarithm
    inside the mean, each row left out and the width are this library's choice (Wang and Isola 2020, arXiv 2005.10242,
    take the logarithm outside).

    >>> import torch
    >>> spread_codes(torch.zeros(4, 3)).item(), round(spread_codes(torch.tensor([[0.0], [0.2]]), 0.1).item(), 4)
    (0.0, -2.0)
    """
    rows = codes.shape[-2]
    if rows < 2:
        return 0 * codes.sum((-1, -2))
    near = -distances(codes, codes).square() / (2 * width**2)
    own = torch.eye(rows, dtype=torch.bool, device=codes.device)
    return near.masked_fill(own, -torch.inf).logsumexp(-1).mean(-1) - math.log(rows - 1)


class SpreadCodes(Term):
    """Keep codes apart from one another, in both views where there is another one.

    Args:
        width: of the kernel, in units of the codes.
        field: that holds the other view of each row; None where there is none.

    >>> SpreadCodes().uses
    ("the code of 'view' (also=)",)
    """

    batches_runs = True

    def __init__(self, width: float = 0.1, field: str | None = "view") -> None:
        super().__init__()
        if width <= 0:
            raise InputError(f"width is above 0, not {width:g}")
        self.field = field
        self.width = width
        self.needs = (field,) if field else ()
        self.uses = (f"the code of '{field}' (also=)",) if field else ()

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """How crowded the codes are, the mean of both views, one number for each run."""
        own = spread_codes(code.mean, self.width)
        return (own + spread_codes(code.also[self.field].mean, self.width)) / 2 if self.field else own
