"""The constraint that two views of the same thing have the same code."""

from __future__ import annotations

import torch
from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term

_LEAST = 1e-8


def align_views(one: Tensor, other: Tensor, redundancy: float = 0.05) -> Tensor:
    r"""How far the correlations of the codes of two views are from the identity.

    .. math:: \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \neq j} C_{ij}^2, \qquad
        C_{ij} = \mathrm{corr}(z_i, z'_j) \text{ over the batch}

    Nothing is gained by small codes, since correlations have no scale, nor by latents that say the same, which is what
    the second sum is for. A constant latent has the correlation 0, as if the two views had nothing in common.

    Args:
        one: `(..., batch, latents)`, codes of the first view.
        other: the same shape, codes of the second view.
        redundancy: the weight lambda.

    Returns:
        One number for each leading index, `(...)`.

    Source: Zbontar et al. 2021 (Barlow Twins, arXiv 2103.03230).

    >>> import torch
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> align_views(z, 3 * z).item(), align_views(z, -z).item(), align_views(z, 0 * z).item()
    (0.0, 8.0, 2.0)
    """
    one, other = _standard(one), _standard(other)
    correlations = one.transpose(-1, -2) @ other / one.shape[-2]
    own = torch.diagonal(correlations, dim1=-2, dim2=-1)
    beside = correlations.square().sum((-1, -2)) - own.square().sum(-1)
    return (1 - own).square().sum(-1) + redundancy * beside


class AlignViews(Term):
    """Make the codes of two views agree, latent by latent, and no two latents say the same.

    The model encodes the other view too: `Model(..., also={"view": ()})`. The means of the posteriors are compared.

    Args:
        field: that holds the other view of each row.
        block: the block of latents that agrees; all of them by default.
        redundancy: weight of correlations between different latents.

    >>> AlignViews(block="shared").uses
    ("the code of 'view' (also=)", "block 'shared'")
    """

    batches_runs = True

    def __init__(self, field: str = "view", block: str | None = None, redundancy: float = 0.05) -> None:
        super().__init__()
        self.view = field
        self.block = block
        self.needs = (field,)
        code = f"the code of '{field}' (also=)"
        self.uses = (code, f"block '{block}'") if block else (code,)
        self.redundancy = redundancy

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """How far the two codes are from agreeing, one number for each run."""
        one, other = code.mean, code.also[self.view].mean
        if self.block:
            positions = list(code.blocks[self.block])
            one, other = one[..., positions], other[..., positions]
        return align_views(one, other, self.redundancy)


def _standard(codes: Tensor) -> Tensor:
    centred = codes - codes.mean(-2, keepdim=True)
    return centred * centred.square().mean(-2, keepdim=True).clamp_min(_LEAST).rsqrt()
