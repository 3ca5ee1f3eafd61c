"""A monotone map for each component, conditioned on a learned embedding of the domain."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.nets.grouped import Table, pick
from identikit.nets.mlp import MLP


class DomainFlow(nn.Module):
    r"""Increasing maps from one line to another, one for each component and domain.

    Each of `layers` steps is, for component i in domain u,

    .. math:: y = a z + b + \sum_k w_k \tanh(s_k z + t_k), \qquad a, w_k, s_k > 0,

    with all of a, b, w, s, t given by a small network from the learned embedding of u. Since the map is
    component-wise, the log-derivative is carried forward beside the value, at the cost of a second elementwise pass:
    no Jacobian is ever asked of autograd. The parameters are made once for each domain, not for each row.

    Args:
        components: number of components.
        domains: number of domains.
        units: increasing units in each step.
        layers: number of steps.
        embedding: size of the domain embedding.
        hidden: width of the network that makes the parameters.

    Source: Kong et al. 2022 (arXiv 2306.06510) use the deep dense sigmoidal flow of Huang et al. 2018 in this place;
    this map has the same use and the same freedom (increasing, universal), and an inverse by bisection.

    >>> import torch
    >>> flow = DomainFlow(components=2, domains=3)
    >>> z, domain = torch.randn(7, 2), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    >>> base, log_derivative = flow(z, domain)
    >>> bool(torch.allclose(flow.inverse(base, domain), z, atol=1e-4))
    True
    """

    batches_runs = True

    def __init__(
        self,
        components: int,
        domains: int,
        units: int = 3,
        layers: int = 1,
        embedding: int = 8,
        hidden: int = 32,
    ) -> None:
        super().__init__()
        self.components = components
        self.units = units
        self.table = Table(domains, embedding)
        start = line_and_units(units).expand(components, layers, -1)
        self.net = MLP(embedding, tuple(start.shape), hidden, layers=1, gain=0.1, bias=start.flatten())

    def parameters_by_domain(self) -> Tensor:
        """The parameters of every domain, `(..., domains, components, layers, 2 + 3 * units)`."""
        return step_parameters(self.net(self.table()))

    def forward(self, z: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """Map `(..., batch, components)` to base values and log-derivatives of the same shape."""
        return self._run(z, pick(self.parameters_by_domain(), domain))

    def _run(self, z: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        first, *others = parameters.unbind(-2)
        z, log_derivative = monotone_step(z, first)
        for step in others:
            z, log_slope = monotone_step(z, step)
            log_derivative = log_derivative + log_slope
        return z, log_derivative

    @torch.no_grad()
    def inverse(self, base: Tensor, domain: Tensor, iterations: int = 60) -> Tensor:
        """Find the `z` whose image is `base`, by bisection; all shapes as in `forward`."""
        parameters = pick(self.parameters_by_domain(), domain)
        low, high = torch.full_like(base, -8.0), torch.full_like(base, 8.0)
        for _ in range(40):
            below = self._run(low, parameters)[0] > base
            above = self._run(high, parameters)[0] < base
            if not (below.any() or above.any()):
                break
            low, high = torch.where(below, low * 2, low), torch.where(above, high * 2, high)
        for _ in range(iterations):
            middle = (low + high) / 2
            left = self._run(middle, parameters)[0] > base
            low, high = torch.where(left, low, middle), torch.where(left, middle, high)
        return (low + high) / 2


def monotone_step(z: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
    """One increasing step and the logarithm of its slope.

    Args:
        z: `(..., components)`.
        parameters: `(..., components, 2 + 3 * units)`: slope of the line, heights and steepness of the units (all
            positive), then shifts of the units and of the line.

    Returns:
        Value and log-derivative, each `(..., components)`.
    """
    units = (parameters.shape[-1] - 2) // 3
    slope, height, steepness, offset, shift = parameters.split([1, units, units, units, 1], -1)
    bend = torch.tanh(torch.addcmul(offset, steepness, z.unsqueeze(-1)))
    slope, shift = slope.squeeze(-1), shift.squeeze(-1)
    rise = height * bend
    value = torch.addcmul(shift, slope, z) + rise.sum(-1)
    derivative = slope + (steepness * (height - rise * bend)).sum(-1)
    return value, derivative.log()


def step_parameters(raw: Tensor) -> Tensor:
    """Make the parameters of an increasing step (see `monotone_step`) of any numbers `(..., 2 + 3 * units)`.

    >>> import torch
    >>> value, log_slope = monotone_step(torch.tensor([3.0]), step_parameters(line_and_units(0)))
    >>> round(value.item(), 4), round(log_slope.item(), 4)
    (3.0, 0.0)
    """
    units = (raw.shape[-1] - 2) // 3
    positive, free = raw.split([1 + 2 * units, 1 + units], -1)
    return torch.cat([F.softplus(positive), free], -1)


def line_and_units(units: int) -> Tensor:
    """What `step_parameters` turns into a map near the identity: a line of slope one, low units spread over the data.

    >>> line_and_units(2).shape
    torch.Size([8])
    """
    small, one = (math.log(math.expm1(value)) for value in (0.05, 1.0))
    line, shift = torch.tensor([one]), torch.tensor([0.0])
    return torch.cat(
        [line, torch.full((units,), small), torch.full((units,), one), torch.linspace(-2, 2, units), shift]
    )
