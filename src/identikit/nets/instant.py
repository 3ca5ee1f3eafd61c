"""The inverse transition of latents that listen to each other within a time point too."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.errors import at_least
from identikit.nets.flow import line_and_units, monotone_step, step_parameters
from identikit.nets.grouped import RECTIFIER
from identikit.nets.slopes import STEP, nudged, rises

_START = 0.1
"""Of the last layer's first weights: the maps begin near the identity, as in `nets.Transition`."""


class InstantTransition(nn.Module):
    r"""For each latent an increasing map of its value now, whose shape the past and all latents before it decide.

    .. math:: \epsilon_i = r_i(z_{t,i};\; z_{t,1}, \dots, z_{t,i-1},\; z_{t-1}, \dots, z_{t-L}), \qquad
        \log p(z_t | z_{t-1}, \dots, z_{t-L}) =
        \sum_i \log N(\epsilon_i; 0, 1) + \log \partial \epsilon_i / \partial z_{t,i}

    The latents of one time point stand in an order, the one of the code, and each may listen to those before it: a mask
    on the first layer. So the Jacobian is triangular, and its diagonal is all that the density needs. All networks are
    one batched matrix product in each layer.

    Args:
        latents: number of latents.
        lags: number of past time points.
        hidden: width of the hidden layer.
        units: increasing units in each map.
        slope: of the leaky rectifier below zero.

    Raises:
        InputError: a number below 1.

    Source: Li et al. 2024 (IDOL, arXiv 2405.15325). That every map increases is this library's choice, as in
    `nets.Transition`.

    >>> import torch
    >>> transition = InstantTransition(latents=3, lags=2)
    >>> noise, log_slope = transition(torch.zeros(5, 3), torch.zeros(5, 2, 3))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """

    batches_runs = True
    mask: Tensor
    start: Tensor

    def __init__(self, latents: int, lags: int = 1, hidden: int = 32, units: int = 3, slope: float = 0.2) -> None:
        super().__init__()
        at_least(1, latents=latents, lags=lags, hidden=hidden, units=units)
        self.units, self.slope = units, slope
        before = torch.ones(latents, latents).tril(-1)
        self.register_buffer("mask", torch.cat([torch.ones(latents, lags * latents), before], 1).unsqueeze(-1))
        self.first = nn.Parameter(torch.empty(latents, (lags + 1) * latents, hidden))
        self.first_bias = nn.Parameter(torch.empty(latents, 1, hidden))
        self.last = nn.Parameter(torch.empty(latents, hidden, 2 + 3 * units))
        self.bias = nn.Parameter(torch.empty(latents, 1, 2 + 3 * units))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights that keep the scale before a rectifier, and let the maps begin near the identity."""
        inputs, hidden = self.first.shape[-2:]
        nn.init.normal_(self.first, std=RECTIFIER / math.sqrt(inputs))
        nn.init.zeros_(self.first_bias)
        nn.init.normal_(self.last, std=_START / math.sqrt(hidden))
        with torch.no_grad():
            self.bias.copy_(line_and_units(self.units).expand_as(self.bias))

    def forward(self, now: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)`, to noises and their log-slopes."""
        return monotone_step(now, self._shapes(torch.cat([past.flatten(-2), now], -1)))

    def _shapes(self, inputs: Tensor) -> Tensor:
        """The parameters of the maps, `(..., batch, latents, 2 + 3 * units)`."""
        x = F.leaky_relu(inputs.unsqueeze(-3) @ (self.first * self.mask) + self.first_bias, self.slope)
        return step_parameters((x @ self.last + self.bias).transpose(-2, -3))

    def influence(self, now: Tensor, past: Tensor) -> Tensor:
        """How far each noise changes with what its latent listens to, from steps of a hundredth of a deviation.

        Args:
            now: `(..., rows, latents)`.
            past: `(..., rows, lags, latents)`.

        Returns:
            `(..., rows, latents, (lags + 1) * latents)`, each slope times the deviation of what it is taken in: first
            the past, nearest time point first, then the present, where it is 0 for the latent itself and those after.
        """
        inputs = torch.cat([past.flatten(-2), now], -1)
        lead, rows, size = inputs.dim() - 2, *inputs.shape[-2:]
        shapes = self._shapes(nudged(inputs)[0]).unflatten(lead, (size + 1, rows))
        noise, _ = monotone_step(now.unsqueeze(lead), shapes)
        return rises(noise.flatten(lead, lead + 1), rows, lead) / STEP
