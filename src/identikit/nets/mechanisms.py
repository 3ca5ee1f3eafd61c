"""How each latent follows from its parents: a small network of its own for each, behind gates."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.errors import at_least
from identikit.nets.flow import line_and_units, monotone_step, step_parameters
from identikit.nets.grouped import RECTIFIER


class Mechanisms(nn.Module):
    r"""For each latent an increasing map of its value, whose shape its gated parents decide.

    .. math:: \epsilon_i = r_i\big(z_i; g_i \odot p\big), \qquad
        \log p(z | p) = \sum_i \log N(\epsilon_i; 0, 1) + \log \partial \epsilon_i / \partial z_i

    Without `units` the map is a line, so that a latent is normal given its parents, with a mean and a deviation that
    are functions of them. Parents p may be the latents themselves, where gates leave no cycle: the Jacobian is then
    triangular, and its diagonal is all that is needed. All networks are one batched matrix product in each layer.

    Args:
        latents: number of latents.
        parents: number of parents that stand side by side.
        hidden: width of the hidden layer of each network.
        units: increasing units of each map beside its line.
        slope: of the leaky rectifier below zero.

    Raises:
        InputError: a number out of its range.

    >>> import torch
    >>> net = Mechanisms(latents=2, parents=3)
    >>> noise, log_slope = net(torch.zeros(5, 2), torch.zeros(5, 3), torch.ones(5, 2, 3))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 2]), torch.Size([5, 2]))
    """

    batches_runs = True

    def __init__(self, latents: int, parents: int, hidden: int = 32, units: int = 0, slope: float = 0.2) -> None:
        super().__init__()
        at_least(1, latents=latents, parents=parents, hidden=hidden)
        at_least(0, units=units)
        self.units = units
        self.slope = slope
        out = 2 + 3 * units
        self.first = nn.Parameter(torch.empty(latents, parents, hidden))
        self.first_bias = nn.Parameter(torch.empty(latents, 1, hidden))
        self.last = nn.Parameter(torch.empty(latents, hidden, out))
        self.last_bias = nn.Parameter(torch.empty(latents, 1, out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start near the identity; first biases are normal, so that the rectifiers bend at different places."""
        nn.init.normal_(self.first, std=RECTIFIER / math.sqrt(self.first.shape[-2]))
        nn.init.normal_(self.first_bias, std=0.5)
        nn.init.normal_(self.last, std=0.1 / math.sqrt(self.last.shape[-2]))
        with torch.no_grad():
            self.last_bias.copy_(line_and_units(self.units).expand_as(self.last_bias))

    def forward(self, value: Tensor, parents: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        """What the parents do not tell of each latent, and the logarithm of its slope in the latent.

        Args:
            value: `(..., batch, latents)`.
            parents: `(..., batch, parents)`.
            gates: `(..., batch, latents, parents)`, from 0 (closed) to 1 (open).

        Returns:
            Noises and log-slopes, each `(..., batch, latents)`.
        """
        seen = (gates * parents.unsqueeze(-2)).transpose(-2, -3)
        hidden = F.leaky_relu(seen @ self.first + self.first_bias, self.slope)
        return monotone_step(value, step_parameters((hidden @ self.last + self.last_bias).transpose(-2, -3)))
