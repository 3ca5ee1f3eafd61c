"""What of each latent the past does not tell, from one network for each latent, with the slope in that latent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from identikit.errors import at_least
from identikit.nets.grouped import RECTIFIER

_LEAST = 1e-12


class ResidualTransition(nn.Module):
    r"""For each latent a network of its own, of its value now and the past of all latents.

    .. math:: \epsilon_i = r_i(z_{t,i}, z_{t-1}, \dots, z_{t-L}), \qquad
        \log p(z_t | z_{t-1}, \dots, z_{t-L}) =
        \sum_i \log N(\epsilon_i; 0, 1) + \log |\partial \epsilon_i / \partial z_{t,i}|

    All networks are one batched matrix product in each layer, and the slope is carried forward beside the value: of the
    Jacobian only the one column that is needed is ever made. A rectifier's slope at 0 is the one below 0.

    Args:
        latents: number of latents.
        lags: number of past time points.
        hidden: width of the hidden layers.
        layers: number of hidden layers, at least 2.
        slope: of the leaky rectifier below zero.

    Raises:
        InputError: latents, lags or hidden below 1, or layers below 2.

    Source: the transition prior of Yao et al. 2022 (TDRL, arXiv 2210.13647), which asks autograd for the Jacobian.
    Nothing makes these networks increase in the latent, so the density need not integrate to one where one of them
    turns: `Transition` is the map that cannot turn.

    >>> import torch
    >>> transition = ResidualTransition(latents=3, lags=2)
    >>> noise, log_slope = transition(torch.zeros(5, 3), torch.zeros(5, 2, 3))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """

    batches_runs = True

    def __init__(self, latents: int, lags: int = 1, hidden: int = 32, layers: int = 2, slope: float = 0.2) -> None:
        super().__init__()
        at_least(1, latents=latents, lags=lags, hidden=hidden)
        at_least(2, layers=layers)
        self.slope = slope
        past = lags * latents
        self.of_past = nn.Parameter(torch.empty(latents, past, hidden))
        self.of_now = nn.Parameter(torch.empty(latents, 1, hidden))
        self.bias = nn.Parameter(torch.empty(latents, 1, hidden))
        self.inner = nn.Parameter(torch.empty(layers - 1, latents, hidden, hidden))
        self.inner_bias = nn.Parameter(torch.empty(layers - 1, latents, 1, hidden))
        self.last = nn.Parameter(torch.empty(latents, hidden, 1))
        self.last_bias = nn.Parameter(torch.empty(latents, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights that keep the scale before a rectifier; biases are 0."""
        past, hidden = self.of_past.shape[-2:]
        for weight in (self.of_past, self.of_now):
            nn.init.normal_(weight, std=RECTIFIER / math.sqrt(past + 1))
        nn.init.normal_(self.inner, std=RECTIFIER / math.sqrt(hidden))
        nn.init.normal_(self.last, std=1 / math.sqrt(hidden))
        for bias in (self.bias, self.inner_bias, self.last_bias):
            nn.init.zeros_(bias)

    def forward(self, now: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)`, to noises and their log-slopes."""
        own = now.transpose(-1, -2).unsqueeze(-1)
        value = past.flatten(-2).unsqueeze(-3) @ self.of_past + own * self.of_now + self.bias
        value, tangent = self._bend(value, self.of_now)
        for weight, bias in zip(self.inner.unbind(-4), self.inner_bias.unbind(-4), strict=True):
            value, tangent = self._bend(value @ weight + bias, tangent @ weight)
        value, tangent = value @ self.last + self.last_bias, tangent @ self.last
        noise, slope = (part.squeeze(-1).transpose(-1, -2) for part in (value, tangent))
        return noise, slope.abs().clamp_min(_LEAST).log()

    def _bend(self, value: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
        """A leaky rectifier, and what it does to a slope."""
        factor = torch.full_like(value, self.slope).masked_fill(value > 0, 1.0)
        return value * factor, tangent * factor
