"""The constraint that two views of a row have codes that lie close to each other."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term


def meet_views(one: Tensor, other: Tensor) -> Tensor:
    r"""Mean squared distance of the codes of two views.

    .. math:: \frac{1}{B} \sum_b \| z_b - z'_b \|^2

    It is least where all codes are one point, so it needs a second term that keeps them apart: `SpreadCodes`, or
    `HoldVariance`.

    Args:
        one: `(..., batch, latents)`, codes of the first view.
        other: the same shape, codes of the second view.

    Returns:
        One number for each leading index, `(...)`.

    Source: the alignment of von Kügelgen et al. 2021 (arXiv 2106.04619) and of Wang and Isola 2020 (arXiv 2005.10242);
    over the number of latents, the invariance of VICReg (Bardes et al. 2022, arXiv 2105.04906).

    >>> import torch
    >>> meet_views(torch.zeros(4, 3), torch.ones(4, 3)).item()
    3.0
    """
    return (one - other).square().sum(-1).mean(-1)


class MeetViews(Term):
    """Bring the codes of two views of a row close to each other.

    The model encodes the other view too: `Model(..., also={"view": ()})`.

    Args:
        field: that holds the other view of each row.

    >>> MeetViews().needs, MeetViews().name
    (('view',), 'MeetViews(view)')
    """

    batches_runs = True

    def __init__(self, field: str = "view") -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"the code of '{field}' (also=)",)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The mean squared distance, one number for each run."""
        return meet_views(code.mean, code.also[self.field].mean)
