"""A transition that is told a category of each row, such as its regime."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from identikit.errors import InputError
from identikit.nets.flow import line_and_units, monotone_step, step_parameters
from identikit.nets.grouped import Table, pick
from identikit.nets.mlp import MLP


class ToldTransition(nn.Module):
    r"""The increasing maps of `Transition`, whose shape the past and an embedding of the row's category decide.

    .. math:: \epsilon_i = g_i(z_{t,i};\; e(c_t), z_{t-1}, \dots, z_{t-L})

    Args:
        latents: number of latents.
        categories: number of values of the category. Rows whose category is hidden (-1) have an embedding of their
            own: this library's choice.
        lags: number of past time points.
        hidden: width of the network that reads past and embedding.
        units: increasing units in each map.
        embedding: size of the embedding.

    Raises:
        InputError: no category.

    Source: the transition prior of MOSAIC (its public code of 2026; the paper was not read), which has one network for
    each latent. The increasing maps are this library's choice, as in `Transition`.

    >>> import torch
    >>> net = ToldTransition(latents=3, categories=2)
    >>> noise, log_slope = net(torch.zeros(5, 3), torch.zeros(5, 1, 3), torch.tensor([0, 1, 1, 0, -1]))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """

    batches_runs = True
    takes_hidden = True

    def __init__(
        self, latents: int, categories: int, lags: int = 1, hidden: int = 32, units: int = 3, embedding: int = 4
    ) -> None:
        super().__init__()
        if categories < 1:
            raise InputError(f"a transition is told one category at least, not {categories}")
        self.categories = categories
        self.table = Table(categories + 1, embedding)
        start = line_and_units(units).expand(latents, -1)
        inputs = lags * latents + embedding
        self.net = MLP(inputs, tuple(start.shape), hidden, layers=1, gain=0.1, bias=start.flatten())

    def forward(self, now: Tensor, past: Tensor, category: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)` and `(..., batch)`, to noises and slopes."""
        told = pick(self.table(), torch.where(category < 0, self.categories, category))
        return monotone_step(now, step_parameters(self.net(torch.cat([past.flatten(-2), told], -1))))
