"""The inverse transition of each latent: what of it the past does not tell."""

from __future__ import annotations

from torch import Tensor, nn

from identikit.nets.flow import line_and_units, monotone_step, step_parameters
from identikit.nets.mlp import MLP


class Transition(nn.Module):
    r"""For each latent an increasing map of its value now, whose shape the past of all latents decides.

    .. math:: \epsilon_i = r_i(z_{t,i}, z_{t-1}, \dots, z_{t-L}), \qquad
        \log p(z_t | z_{t-1}, \dots, z_{t-L}) =
        \sum_i \log N(\epsilon_i; 0, 1) + \log \partial \epsilon_i / \partial z_{t,i}

    Since no latent listens to another one of its own time, the Jacobian is triangular, and its diagonal is all that is
    needed: it is carried forward beside the value (see `monotone_step`), for all latents in one pass.

    Args:
        latents: number of latents.
        lags: number of past time points.
        hidden: width of the network that reads the past.
        units: increasing units in each map.

    Source: Yao et al. 2022 (TDRL, arXiv 2210.13647) use one network for each latent, of its value and the past. That
    every map increases, so that the density integrates to one, and that one network reads the past for all of them,
    are this library's choices.

    >>> import torch
    >>> transition = Transition(latents=3, lags=2)
    >>> noise, log_slope = transition(torch.zeros(5, 3), torch.zeros(5, 2, 3))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """

    batches_runs = True

    def __init__(self, latents: int, lags: int = 1, hidden: int = 32, units: int = 3) -> None:
        super().__init__()
        start = line_and_units(units).expand(latents, -1)
        self.net = MLP((lags, latents), tuple(start.shape), hidden, layers=1, gain=0.1, bias=start.flatten())

    def forward(self, now: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)`, to noises and their log-slopes."""
        return monotone_step(now, step_parameters(self.net(past)))
