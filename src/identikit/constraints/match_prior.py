"""The constraint that the latents look like the prior."""

from __future__ import annotations

from torch import Tensor

from identikit.nets import Batch, Code
from identikit.objective import Term, Weight, constant


def match_prior(divergence: Tensor, capacity: float | Tensor | None = None) -> Tensor:
    r"""KL(posterior, prior), summed over latents and averaged over the batch, or its distance from a capacity.

    .. math:: | \mathrm{KL} - C |

    Args:
        divergence: `(..., batch, latents)`, as in `Code.divergence`.
        capacity: the divergence to allow, in nats; None leaves the divergence itself.

    Returns:
        One number for each leading index, `(...)`.

    Source: the capacity is that of Burgess et al. 2018 (arXiv 1804.03599).

    >>> import torch
    >>> match_prior(torch.ones(4, 3)).item(), match_prior(torch.ones(4, 3), capacity=5.0).item()
    (3.0, 2.0)
    """
    total = divergence.sum(-1).mean(-1)
    return total if capacity is None else (total - capacity).abs()


class MatchPrior(Term):
    """Make the latents look like the model's prior: a standard normal, or any prior in `identikit.nets`.

    Args:
        capacity: the divergence to allow, in nats: a number, or a schedule such as `ramp(0, 20, steps=10_000)`.
        block: the block of latents that it speaks of; all of them by default.

    >>> MatchPrior(block="changing").name
    'MatchPrior(changing)'
    """

    batches_runs = True

    def __init__(self, capacity: float | Weight | None = None, block: str | None = None) -> None:
        super().__init__()
        self.block = block
        self.uses = ("divergence", f"block '{block}'") if block else ("divergence",)
        self.capacity = constant(capacity) if isinstance(capacity, int | float) else capacity

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The divergence, or its distance from the capacity at this step, one number for each run."""
        assert code.divergence is not None
        divergence = code.divergence[..., list(code.blocks[self.block])] if self.block else code.divergence
        return match_prior(divergence, None if self.capacity is None else self.capacity.at(batch.step))
