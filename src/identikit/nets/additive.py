"""A decoder that is a sum of one function for each latent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.errors import at_least
from identikit.nets.grouped import RECTIFIER


class AdditiveDecoder(nn.Module):
    r"""What each latent alone adds to the observations.

    .. math:: \hat x = \sum_j f_j(z_j), \qquad f_j: 1 \to \text{hidden} \to \text{narrow} \to \text{features}

    It is a head of a model (`Model(heads={"parts": AdditiveDecoder(...)})`) and gives the parts apart, so that terms
    and `runs.predict(field="parts")` can tell which latent reaches which observation. All functions are one batched
    matrix product in each layer.

    Args:
        latents: number of latents.
        features: number of observations.
        hidden: width of the first layer.
        narrow: width of the second.
        frozen: whether it leaves the code as it is: no gradient passes from it to the encoder.
        slope: of the leaky rectifiers below zero.

    Raises:
        InputError: a number below 1.

    Source: the second stage of MOSAIC (its public code of 2026; the paper was not read), with its sizes.

    >>> import torch
    >>> AdditiveDecoder(latents=3, features=8)(torch.zeros(5, 3)).shape
    torch.Size([5, 3, 8])
    """

    batches_runs = True
    of = "sample"

    def __init__(
        self,
        latents: int,
        features: int,
        hidden: int = 32,
        narrow: int = 4,
        frozen: bool = True,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        at_least(1, latents=latents, features=features, hidden=hidden, narrow=narrow)
        self.frozen = frozen
        self.slope = slope
        self.first = nn.Parameter(torch.empty(latents, 1, hidden))
        self.first_bias = nn.Parameter(torch.empty(latents, 1, hidden))
        self.second = nn.Parameter(torch.empty(latents, hidden, narrow))
        self.second_bias = nn.Parameter(torch.empty(latents, 1, narrow))
        self.last = nn.Parameter(torch.empty(latents, narrow, features))
        self.bias = nn.Parameter(torch.empty(latents, 1, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights that keep the scale before a rectifier; biases at the input are normal, others 0."""
        nn.init.normal_(self.first, std=RECTIFIER)
        nn.init.normal_(self.first_bias)
        nn.init.normal_(self.second, std=RECTIFIER / math.sqrt(self.second.shape[-2]))
        nn.init.normal_(self.last, std=1 / math.sqrt(self.last.shape[-2] * self.last.shape[-3]))
        for bias in (self.second_bias, self.bias):
            nn.init.zeros_(bias)

    def forward(self, code: Tensor) -> Tensor:
        """Map `(..., batch, latents)` to parts `(..., batch, latents, features)`."""
        x = (code.detach() if self.frozen else code).transpose(-1, -2).unsqueeze(-1)
        x = F.leaky_relu(x @ self.first + self.first_bias, self.slope)
        x = F.leaky_relu(x @ self.second + self.second_bias, self.slope)
        return (x @ self.last + self.bias).transpose(-2, -3)
