"""The constraint that each latent reaches few observations, whatever its size."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term

_ALIVE = 0.1
"""Deviation that a latent's largest part must have, where observations have 1, for the latent to count."""
_LEAST = 1e-24


def sparse_influence(parts: Tensor, alive: float = _ALIVE) -> Tensor:
    r"""Entropy of which observations a latent reaches, averaged over the latents that reach any.

    .. math:: I_{jk} = \mathrm{sd}\big(f_{jk}(z_j)\big), \qquad p_{jk} = I_{jk} / \textstyle\sum_l I_{jl}, \qquad
        \operatorname{mean}_j \Big( - \sum_k p_{jk} \log p_{jk} \Big)

    It is 0 where each latent reaches one observation, log of the number of observations where it reaches all alike,
    and does not change with the size of a latent's parts.

    Args:
        parts: `(..., batch, latents, features)`, what each latent adds to each observation.
        alive: the largest deviation of a latent's parts below which it does not count.

    Returns:
        One number for each leading index, `(...)`; 0 where no latent counts.

    Source: the second stage of MOSAIC (its public code of 2026; the paper was not read), which takes norms of
    last-layer weights for the influence; the deviation over the batch, which says what a latent does, is this library's
    choice, and so is the bound.

    >>> import torch
    >>> parts = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]], [[-1.0, -1.0, 0.0], [0.0, 0.0, -2.0]]])
    >>> round(sparse_influence(parts).item(), 4)  # log(2) and 0, averaged
    0.3466
    """
    influence = parts.var(-3, correction=0).clamp_min(_LEAST).sqrt()
    share = influence / influence.sum(-1, keepdim=True)
    entropy = -(share * share.log()).sum(-1)
    counts = (influence.amax(-1) > alive).to(entropy.dtype)
    return (entropy * counts).sum(-1) / counts.sum(-1).clamp_min(1)


class SparseInfluence(Term):
    """Let each latent reach few observations: the entropy of its influence over them.

    The model has a head that gives what each latent adds (see `tasks.additive_reconstruction`).

    Args:
        head: its name.

    >>> SparseInfluence().uses
    ("head for 'parts'",)
    """

    batches_runs = True

    def __init__(self, head: str = "parts") -> None:
        super().__init__()
        self.head = head
        self.uses = (f"head for '{head}'",)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The entropy, one number for each run."""
        return sparse_influence(code.heads[self.head])
