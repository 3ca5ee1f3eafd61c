"""Transitions that change with a regime: in the density of their noise alone, or altogether."""

from __future__ import annotations

from torch import Tensor, nn

from identikit.nets.flow import DomainFlow, line_and_units, monotone_step, step_parameters
from identikit.nets.mlp import MLP


class ChangingNoise(nn.Module):
    r"""One transition for all domains, whose noises each domain has of its own density.

    With the noise :math:`\epsilon_i` of a transition and the increasing map :math:`f_{u,i}` of each domain u,

    .. math:: \log p(z_t | z_{<t}, u) = \sum_i \log N(f_{u,i}(\epsilon_i); 0, 1) + \log f_{u,i}'(\epsilon_i)
        + \log \partial \epsilon_i / \partial z_{t,i}

    Args:
        transition: gives noises and their log-slopes (see `Transition`).
        latents: number of latents.
        domains: number of domains.
        options: of the `DomainFlow`.

    Source: Yao et al. 2022 (LEAP, arXiv 2110.05428) let the domain modulate the noise of a transition that all domains
    share. The maps, in the place of the paper's splines, are this library's choice.

    >>> import torch
    >>> from identikit.nets import Transition
    >>> net = ChangingNoise(Transition(latents=3), latents=3, domains=4)
    >>> noise, log_slope = net(torch.zeros(5, 3), torch.zeros(5, 1, 3), torch.tensor([0, 1, 2, 3, 3]))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """

    batches_runs = True

    def __init__(self, transition: nn.Module, latents: int, domains: int, **options: int) -> None:
        super().__init__()
        self.transition = transition
        self.flow = DomainFlow(latents, domains, **options)

    def forward(self, now: Tensor, past: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)` and `(..., batch)`, to noises and slopes."""
        noise, log_slope = self.transition(now, past)
        base, log_change = self.flow(noise, domain)
        return base, log_slope + log_change


class RegimeTransition(nn.Module):
    r"""The transition of `Transition`, once for each of several regimes, from one network that reads the past.

    Args:
        latents: number of latents.
        regimes: number of regimes.
        lags: number of past time points.
        hidden: width of the network.
        units: increasing units in each map.

    >>> import torch
    >>> noise, log_slope = RegimeTransition(latents=3, regimes=2)(torch.zeros(5, 3), torch.zeros(5, 1, 3))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 2, 3]), torch.Size([5, 2, 3]))
    """

    batches_runs = True

    def __init__(self, latents: int, regimes: int, lags: int = 1, hidden: int = 32, units: int = 1) -> None:
        super().__init__()
        start = line_and_units(units).expand(regimes, latents, -1)
        self.net = MLP((lags, latents), tuple(start.shape), hidden, layers=1, gain=0.3, bias=start.flatten())

    def forward(self, now: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)`, to `(..., batch, regimes, latents)`."""
        return monotone_step(now.unsqueeze(-2), step_parameters(self.net(past)))


class KnownRegime(nn.Module):
    """The transition of each row's own regime, where the regime is known.

    Args:
        latents: number of latents.
        regimes: number of regimes.
        lags: number of past time points.
        hidden: width of the network.
        units: increasing units in each map.

    >>> import torch
    >>> net = KnownRegime(latents=3, regimes=2)
    >>> noise, log_slope = net(torch.zeros(5, 3), torch.zeros(5, 1, 3), torch.tensor([0, 1, 1, 0, 1]))
    >>> noise.shape, log_slope.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """

    batches_runs = True

    def __init__(self, latents: int, regimes: int, lags: int = 1, hidden: int = 32, units: int = 3) -> None:
        super().__init__()
        self.transition = RegimeTransition(latents, regimes, lags, hidden, units)

    def forward(self, now: Tensor, past: Tensor, regime: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, latents)`, given `(..., batch, lags, latents)` and `(..., batch)`, to noises and slopes."""
        noise, log_slope = self.transition(now, past)
        index = regime[..., None, None].expand(*regime.shape, 1, now.shape[-1])
        return noise.gather(-2, index).squeeze(-2), log_slope.gather(-2, index).squeeze(-2)
