"""The task of telling real pairs of time points from pairs put together at random."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.nets import Batch, Code
from identikit.nets.scores import ComponentScores
from identikit.objective import Term


def permutation_contrast(real: Tensor, permuted: Tensor) -> Tensor:
    r"""Logistic loss of scores that should be high for real pairs and low for permuted ones.

    .. math:: \frac{1}{2B} \sum_b \log (1 + e^{-r_b}) + \log (1 + e^{r'_b})

    Args:
        real: `(..., batch)`, scores of rows with their own past.
        permuted: the same shape, scores of rows with the past of another row.

    Returns:
        One number for each leading index, `(...)`: log 2 where nothing is told apart.

    Source: Hyvarinen and Morioka 2017 (permutation-contrastive learning, PMLR 54).

    >>> import torch
    >>> round(permutation_contrast(torch.zeros(4), torch.zeros(4)).item(), 4)
    0.6931
    """
    return (F.softplus(-real) + F.softplus(permuted)).mean(-1) / 2


class PermutationContrast(Term):
    """Tell a row's own past from the past of another row, by a score that is a sum over the latents.

    The model encodes the past too: `Model(..., also={"past": (lags,)})`. The other row is the next one of the batch,
    whose rows are in random order.

    Args:
        latents: number of latents.
        lags: number of past time points.
        hidden: width of the networks that score each latent.
        field: that holds the past inputs of each row.

    >>> PermutationContrast(4).needs, PermutationContrast(4).name
    (('past',), 'PermutationContrast(past)')
    """

    role = "task"
    batches_runs = True

    def __init__(self, latents: int, lags: int = 1, hidden: int = 32, field: str = "past") -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"the code of '{field}' (also=)",)
        self.scores = ComponentScores(latents, 1 + lags, hidden)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The logistic loss, one number for each run."""
        now, past = code.sample, code.also[self.field].sample
        real, permuted = (self._score(now, other) for other in (past, past.roll(1, -3)))
        return permutation_contrast(real, permuted)

    def _score(self, now: Tensor, past: Tensor) -> Tensor:
        return self.scores(torch.cat([now.unsqueeze(-2), past], -2).transpose(-1, -2))
