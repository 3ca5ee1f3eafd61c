"""The constraint that each latent listens to few others, of the past and of its own time point."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.nets.instant import InstantTransition
from identikit.objective import Term


def sparse_transition(influence: Tensor) -> Tensor:
    r"""Mean over latents of the sum of the mean sizes of what they listen to.

    .. math:: \frac{1}{n} \sum_i \sum_j \frac{1}{R} \sum_r \mathrm{sd}(c_j)
        \left| \frac{\partial \epsilon_i}{\partial c_j}(r) \right|

    with c the past and the present of all latents, but for a latent's own present.

    Args:
        influence: `(..., rows, latents, inputs)`, slopes times deviations (see `nets.instant.InstantTransition`).

    Returns:
        One number for each leading index, `(...)`.

    Source: the L1 penalty on the Jacobian of the inverse transition of Li et al. 2024 (IDOL, arXiv 2405.15325). The
    deviations, without which larger codes would make any slope small, are this library's choice.

    >>> import torch
    >>> sparse_transition(torch.tensor([[[1.0, -2.0], [0.0, 1.0]]])).item()
    2.0
    """
    return influence.abs().mean((-3, -2)).sum(-1)


class SparseTransition(Term):
    """Let the noise of each latent change with few others: the L1 norm of the inverse transition's slopes.

    Args:
        transition: the one that `MatchTransition` learns, the very same module.
        rows: of each batch, at which the slopes are taken.
        field: that holds the past inputs of each row.

    >>> SparseTransition(InstantTransition(3)).needs
    ('past',)
    """

    batches_runs = True

    def __init__(self, transition: InstantTransition, rows: int = 8, field: str = "past") -> None:
        super().__init__()
        self.field = field
        self.needs = (field,)
        self.uses = (f"the code of '{field}' (also=)",)
        self.transition = transition
        self.rows = rows

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The norm, one number for each run."""
        now, past = code.sample, code.also[self.field].sample
        every = max(1, now.shape[-2] // self.rows)
        return sparse_transition(self.transition.influence(now[..., ::every, :], past[..., ::every, :, :]))
