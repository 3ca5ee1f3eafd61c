"""The constraint that each latent has an effect on few of the observations."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term


def sparse_jacobian(jacobian: Tensor, sample: Tensor) -> Tensor:
    r"""Sum over latents of the mean size of the decoder's slope, for latents brought to deviation 1.

    .. math:: \sum_j \mathrm{sd}(z_j)\, \frac{1}{R K} \sum_{r, k}
        \left| \frac{\partial \hat x_k}{\partial z_j}(z_r) \right|

    Without the deviation sd over the batch, larger codes would make any slope small.

    Args:
        jacobian: `(..., rows, features, latents)`.
        sample: `(..., batch, latents)`, whose deviations count.

    Returns:
        One number for each leading index, `(...)`; the same for latents of any scale.

    Source: the L1 penalty on the mixing's Jacobian of Zheng et al. 2022 (arXiv 2206.07751); the deviation is this
    library's choice.

    >>> import torch
    >>> sparse_jacobian(torch.eye(2).expand(3, 2, 2), torch.tensor([[1.0, 3.0], [-1.0, -3.0]])).item()
    2.0
    """
    spread = sample.var(-2, correction=0).clamp_min(1e-12).sqrt()
    return (jacobian.abs().mean((-3, -2)) * spread).sum(-1)


class SparseJacobian(Term):
    """Let each latent have an effect on few features of `x`: the L1 norm of the decoder's slope.

    The model takes the slope at some rows of each batch: `Model(..., jacobian=16)`. A task without a decoder needs one
    beside it, trained to give the input back: see `methods.composed`.

    >>> SparseJacobian().uses
    ("the decoder's slope (jacobian=)",)
    """

    uses = ("the decoder's slope (jacobian=)",)
    batches_runs = True

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The norm, one number for each run."""
        assert code.jacobian is not None
        return sparse_jacobian(code.jacobian, code.sample)
