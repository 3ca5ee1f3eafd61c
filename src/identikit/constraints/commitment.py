"""The constraint that the encoder's output and the entries of a codebook lie close to each other."""

from __future__ import annotations

from torch import Tensor

from identikit.errors import InputError
from identikit.nets import Batch, Code
from identikit.objective import Term


def commitment(raw: Tensor, values: Tensor, share: float = 1.0) -> Tensor:
    r"""Squared distance of the encoder's output from the chosen entries, which both sides are to make smaller.

    .. math:: \lVert \mathrm{sg}(z) - q \rVert^2 + s \lVert z - \mathrm{sg}(q) \rVert^2
        \text{, summed over latents, averaged over the batch}

    sg holds a side fixed: the first part moves the entries, the second one the encoder.

    Args:
        raw: `(..., batch, latents)`, the encoder's output z.
        values: the same shape, the chosen entries q.
        share: s.

    Returns:
        One number for each leading index, `(...)`.

    Source: van den Oord et al. 2017 (arXiv 1711.00937).

    >>> import torch
    >>> commitment(torch.zeros(4, 3), torch.ones(4, 3), share=0.25).item()
    3.75
    """
    moved = (raw.detach() - values).square() + share * (raw - values.detach()).square()
    return moved.sum(-1).mean(-1)


class Commitment(Term):
    """Bring the entries of a codebook to the codes that choose them, and the codes to their entries.

    The model has `quantiser=nets.quantise.Codebook(...)`, whose entries learn from this term alone.

    Args:
        share: how much the encoder moves, as a multiple of how much the entries move.

    >>> Commitment(0.25).uses
    ('a codebook (quantiser=)',)
    """

    uses = ("a codebook (quantiser=)",)
    batches_runs = True

    def __init__(self, share: float = 1.0) -> None:
        super().__init__()
        if share < 0:
            raise InputError(f"share is 0 or more, not {share:g}")
        self.share = share

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The distance, one number for each run."""
        assert code.quantised is not None
        assert code.quantised.values is not None
        return commitment(code.quantised.raw, code.quantised.values, self.share)
