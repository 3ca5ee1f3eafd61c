"""A score that is a sum of one function for each latent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.errors import at_least
from identikit.nets.grouped import RECTIFIER


class ComponentScores(nn.Module):
    r"""A sum of small networks, each of which sees one latent alone, at one or several time points.

    .. math:: r(z_t, \dots, z_{t-L}) = \sum_i B_i(z_{t,i}, \dots, z_{t-L,i})

    All networks are one batched matrix product in each layer.

    Args:
        latents: number of latents.
        inputs: numbers that are seen of each, its time points.
        hidden: width of the two hidden layers.
        slope: of the leaky rectifier below zero.

    Raises:
        InputError: a number below 1.

    Source: the regression function of Hyvarinen and Morioka 2017 (permutation-contrastive learning, PMLR 54).

    >>> import torch
    >>> ComponentScores(latents=3, inputs=2)(torch.zeros(5, 3, 2)).shape
    torch.Size([5])
    """

    batches_runs = True

    def __init__(self, latents: int, inputs: int, hidden: int = 32, slope: float = 0.2) -> None:
        super().__init__()
        at_least(1, latents=latents, inputs=inputs, hidden=hidden)
        self.slope = slope
        self.first = nn.Parameter(torch.empty(latents, inputs, hidden))
        self.first_bias = nn.Parameter(torch.empty(latents, 1, hidden))
        self.second = nn.Parameter(torch.empty(latents, hidden, hidden))
        self.second_bias = nn.Parameter(torch.empty(latents, 1, hidden))
        self.last = nn.Parameter(torch.empty(latents, hidden, 1))
        self.bias = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights that keep the scale before a rectifier; biases at the input are normal, others 0."""
        nn.init.normal_(self.first, std=RECTIFIER / math.sqrt(self.first.shape[-2]))
        nn.init.normal_(self.first_bias)
        nn.init.normal_(self.second, std=RECTIFIER / math.sqrt(self.second.shape[-2]))
        nn.init.normal_(self.last, std=1 / math.sqrt(self.last.shape[-2]))
        for bias in (self.second_bias, self.bias):
            nn.init.zeros_(bias)

    def forward(self, points: Tensor) -> Tensor:
        """Map `(..., batch, latents, inputs)` to scores `(..., batch)`."""
        x = points.transpose(-2, -3)
        x = F.leaky_relu(x @ self.first + self.first_bias, self.slope)
        x = F.leaky_relu(x @ self.second + self.second_bias, self.slope)
        return (x @ self.last).squeeze(-1).sum(-2) + self.bias
