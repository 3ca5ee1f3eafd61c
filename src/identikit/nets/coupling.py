"""Affine couplings: an invertible map of several numbers whose slope is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from identikit.errors import at_least
from identikit.nets.mlp import MLP

_STRETCH = 1.5
"""The largest logarithm of a coupling's scale, so that no start can blow up."""


class Couplings(nn.Module):
    r"""Layers that scale and shift one half of the numbers by what the other half says, in turn.

    .. math:: y_a = z_a, \qquad y_b = z_b \, e^{s(z_a)} + t(z_a)

    Every layer starts as the identity. A single number has no other half, and is left as it is.

    Args:
        size: numbers in a row.
        layers: number of couplings; the halves change places from one to the next.
        hidden: width of the networks s and t.

    Raises:
        InputError: a size or a number of layers below 1.

    Source: Dinh et al. 2017 (RealNVP, arXiv 1605.08803). That s stays between -1.5 and 1.5 is this library's choice.

    >>> import torch
    >>> couplings = Couplings(2)
    >>> z = torch.randn(5, 2)
    >>> base, log_slope = couplings(z)
    >>> bool(torch.allclose(couplings.inverse(base), z, atol=1e-5)), log_slope.shape
    (True, torch.Size([5, 2]))
    """

    batches_runs = True

    def __init__(self, size: int, layers: int = 3, hidden: int = 32) -> None:
        super().__init__()
        at_least(1, **{"size of couplings": size, "layers of couplings": layers})
        self.first = size // 2
        sizes = (self.first, size - self.first)
        self.nets = nn.ModuleList(
            MLP(sizes[k % 2], (2, sizes[1 - k % 2]), hidden, layers=1, gain=0.01)
            for k in range(layers if size > 1 else 0)
        )

    def _halves(self, z: Tensor) -> list[Tensor]:
        return [z[..., : self.first], z[..., self.first :]]

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, size)` to base values and, for each of them, the logarithm of its slope in itself."""
        halves = self._halves(z)
        slopes = [torch.zeros_like(half) for half in halves]
        for k, net in enumerate(self.nets):
            scale, shift = self._moved(net, halves[k % 2])
            halves[1 - k % 2] = halves[1 - k % 2] * scale.exp() + shift
            slopes[1 - k % 2] = slopes[1 - k % 2] + scale
        return torch.cat(halves, -1), torch.cat(slopes, -1)

    @torch.no_grad()
    def inverse(self, base: Tensor) -> Tensor:
        """Find the numbers `(..., batch, size)` whose image is `base`."""
        halves = self._halves(base)
        for k, net in reversed(list(enumerate(self.nets))):
            scale, shift = self._moved(net, halves[k % 2])
            halves[1 - k % 2] = (halves[1 - k % 2] - shift) * (-scale).exp()
        return torch.cat(halves, -1)

    @staticmethod
    def _moved(net: nn.Module, seen: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = net(seen).unbind(-2)
        return _STRETCH * torch.tanh(scale / _STRETCH), shift
