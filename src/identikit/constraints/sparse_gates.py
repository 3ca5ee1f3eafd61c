"""The constraint that few gates are open."""

from __future__ import annotations

from torch import Tensor

from identikit.nets.code import Batch, Code
from identikit.objective import Term


def sparse_gates(gates: Tensor) -> Tensor:
    r"""Mean number of open gates, an estimate of their expected number.

    .. math:: E \sum_{i,j} g_{ij} = \sum_{i,j} \pi_{ij}

    With gates whose gradient goes straight through (see `nets.Gates`) its gradient is that of the expected number.

    Args:
        gates: `(..., batch, latents, parents)`, from 0 (closed) to 1 (open).

    Returns:
        One number for each leading index, `(...)`.

    >>> import torch
    >>> sparse_gates(torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]]])).item()
    1.5
    """
    return gates.sum((-1, -2)).mean(-1)


class SparseGates(Term):
    """Keep few of the model's gates open: the graph of what listens to what is sparse.

    Source: Lachapelle et al. 2022 (arXiv 2107.10098).

    >>> SparseGates().uses
    ('gates',)
    """

    uses = ("gates",)
    batches_runs = True

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The mean number of open gates, one number for each run."""
        assert code.gates is not None
        return sparse_gates(code.gates)
