"""A model of pairs whose latents are partly the same: which ones is told from the posteriors themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from identikit.errors import InputError
from identikit.nets.code import Batch, Code
from identikit.nets.model import Model


def merge_pair(
    mean: Tensor, log_variance: Tensor, other: Tensor, spread: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    r"""Give two normal posteriors one and the same factor for every latent in which they differ little.

    .. math:: \delta_i = \mathrm{KL}\big(q(z_i | x), q(z_i | x')\big), \qquad
        i \text{ is shared where } \delta_i < \tfrac{1}{2} \big(\max_j \delta_j + \min_j \delta_j\big)

    and there both get the mean of their means and of their variances.

    Args:
        mean: `(..., batch, latents)`, of the first posterior.
        log_variance: the same shape, of the first posterior.
        other: the same shape, mean of the second posterior.
        spread: the same shape, log-variance of the second posterior.

    Returns:
        The four of them, merged, and the mask of what is shared, `(..., batch, latents)`.

    Source: Locatello et al. 2020 (Ada-GVAE, arXiv 2002.02886). The divergence is taken both ways and halved, so that
    the order of a pair is of no account: this library's choice.

    >>> import torch
    >>> zero = torch.zeros(1, 2)
    >>> merged = merge_pair(torch.tensor([[0.0, 1.0]]), zero, torch.tensor([[0.2, 9.0]]), zero)
    >>> merged[0].tolist(), merged[2].tolist(), merged[4].tolist()
    ([[0.10000000149011612, 1.0]], [[0.10000000149011612, 9.0]], [[True, False]])
    """
    gap, ratio = (mean - other).square(), log_variance - spread
    both = (ratio.exp() + (-ratio).exp() + gap * ((-log_variance).exp() + (-spread).exp()) - 2) / 4
    both = both.detach()
    bound = (both.amax(-1, keepdim=True) + both.amin(-1, keepdim=True)) / 2
    same = both < bound
    centre = (mean + other) / 2
    width = ((log_variance.exp() + spread.exp()) / 2).log()
    first = torch.where(same, centre, mean), torch.where(same, width, log_variance)
    second = torch.where(same, centre, other), torch.where(same, width, spread)
    return (*first, *second, same)


class PairedModel(Model):
    """A variational model that encodes a row and its view, merges what they share, and gives both back.

    In training its `Code` holds twice the rows: those of `x`, then those of the view, so that every term that speaks of
    a row (`Reconstruction`, `MatchPrior`) speaks of both. Outside of training a row is encoded alone.

    Args:
        shape: of one row of `x`.
        latents: number of latents.
        encoder: maps `x` to means, then log-variances.
        decoder: maps a code to the shape of `x`.
        field: that holds the view, shaped like `x`.

    >>> import torch
    >>> from identikit import nets
    >>> model = PairedModel((8,), 4, nets.MLP(8, 8), nets.MLP(4, 8))
    >>> code = model(nets.Batch({"x": torch.zeros(5, 8), "view": torch.ones(5, 8)}), torch.zeros(5, 8))
    >>> code.mean.shape, code.reconstruction.shape
    (torch.Size([10, 4]), torch.Size([10, 8]))
    """

    def __init__(
        self, shape: tuple[int, ...], latents: int, encoder: nn.Module, decoder: nn.Module, field: str = "view"
    ) -> None:
        if getattr(encoder, "sees", ()):
            raise InputError("an encoder that sees a category beside x cannot encode pairs")
        super().__init__(shape, latents, encoder, decoder, also={field: ()})
        self.field = field

    @property
    def provides(self) -> frozenset[str]:
        """As any model; what the view is encoded to stands among the rows, not beside them."""
        return super().provides - {f"the code of '{self.field}' (also=)"}

    def forward(self, batch: Batch, noise: Tensor) -> Code:
        """Encode both, merge, sample and reconstruct: a code of twice the rows."""
        pair = [self.standardise(batch[name]) for name in ("x", self.field)]
        (mean, log_variance), (other, spread) = (self._moments(x, batch) for x in pair)
        *merged, _ = merge_pair(mean, log_variance, other, spread)
        rows = noise.dim() - 2
        mean, log_variance = torch.cat(merged[::2], rows), torch.cat(merged[1::2], rows)
        sample = mean + (0.5 * log_variance).exp() * torch.cat(noise.chunk(2, -1), rows)
        base, divergence = self.prior(sample, mean, log_variance, batch)
        parts: dict[str, Any] = {"log_variance": log_variance, "divergence": divergence, "blocks": self.blocks}
        return Code(mean, sample, base, torch.cat(pair, rows), reconstruction=self._decoded(sample), **parts)

    def _moments(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        found = self._encode(x, batch)
        assert found.log_variance is not None
        return found.mean, found.log_variance

    def _decoded(self, sample: Tensor) -> Tensor:
        assert self.decoder is not None
        return self.decoder(sample)
