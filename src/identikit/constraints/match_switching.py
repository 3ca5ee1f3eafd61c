"""The constraint that latents follow from their past by one of several laws, and that a hidden regime says which."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from identikit.nets import Batch, Code
from identikit.nets.changing import RegimeTransition
from identikit.nets.priors import normal_log_density
from identikit.objective import Term

_STAY = 2.0
"""Logit of staying in a regime against that of leaving it for one of the others, before training."""


def filter_regimes(emission: Tensor, start: Tensor, chain: Tensor) -> tuple[Tensor, Tensor]:
    r"""The likelihood of sequences under a hidden Markov chain, and its states so far, by the forward algorithm.

    .. math:: \log p(z_{1:T}) = \log \sum_{c_{1:T}} p(c_1) \prod_{t > 1} p(c_t | c_{t-1}) \prod_t p(z_t | z_{<t}, c_t)

    Everything is in logarithms, and each step is scaled to sum to one.

    Args:
        emission: `(..., batch, steps, regimes)`, log-density of each step in each regime, given what came before.
        start: `(..., regimes)`, log-probability of the first regime.
        chain: `(..., regimes, regimes)`, log-probability of the next regime (column) given the last (row).

    Returns:
        The log-likelihood `(..., batch)`, and the log-probability `(..., batch, steps, regimes)` of each step's regime
        given the steps up to it.

    >>> import torch
    >>> even = torch.zeros(2).log_softmax(0)
    >>> emission = torch.tensor([[[0.5, 0.5], [0.2, 0.6]]]).log()
    >>> likelihood, regimes = filter_regimes(emission, even, torch.stack([even, even]))
    >>> round(likelihood.exp().item(), 4), [round(p, 4) for p in regimes[0, -1].exp().tolist()]
    (0.2, [0.25, 0.75])
    """
    likelihood, found, ahead = torch.zeros_like(emission[..., 0, 0]), [], start.unsqueeze(-2)
    for step in emission.unbind(-2):
        joint = ahead + step
        total = joint.logsumexp(-1)
        likelihood = likelihood + total
        found.append(joint - total.unsqueeze(-1))
        ahead = (found[-1].unsqueeze(-1) + chain.unsqueeze(-3)).logsumexp(-2)
    return likelihood, torch.stack(found, -2)


def match_switching(log_posterior: Tensor, likelihood: Tensor) -> Tensor:
    """KL(posterior, switching prior) from one sample, for one step of a window, averaged over the batch.

    Args:
        log_posterior: `(..., batch, steps, latents)`, log-density of the posteriors at their samples.
        likelihood: `(..., batch)`, log-density of all steps of the samples under the prior (see `filter_regimes`).

    Returns:
        One number for each leading index, `(...)`. It may be negative, as any estimate from samples.

    >>> import torch
    >>> match_switching(torch.zeros(4, 2, 3), torch.full((4,), -6.0)).item()
    3.0
    """
    return (log_posterior.sum((-1, -2)) - likelihood).mean(-1) / log_posterior.shape[-2]


class MatchSwitching(Term):
    """Make each latent the effect of past latents and of a noise of its own, by a law that a hidden regime chooses.

    The model encodes a long past: `Model(..., also={"past": (lags + steps - 1,)})`, the nearest time point first. Row
    and past are one window, of which the first `lags` points have no term, as in `MatchTransition`.

    Args:
        latents: number of latents.
        regimes: number of regimes.
        lags: number of past time points that the transitions see.
        hidden: width of the network that reads them.
        field: that holds the past inputs of each row.

    >>> MatchSwitching(4, regimes=3).name
    'MatchSwitching(past)'
    """

    batches_runs = True

    def __init__(self, latents: int, regimes: int, lags: int = 1, hidden: int = 32, field: str = "past") -> None:
        super().__init__()
        self.field = field
        self.lags = lags
        self.needs = (field,)
        self.uses = ("log_variance", f"the code of '{field}' (also=)")
        self.transition = RegimeTransition(latents, regimes, lags, hidden)
        self.start = nn.Parameter(torch.zeros(regimes))
        self.chain = nn.Parameter(_STAY * torch.eye(regimes))

    def regimes(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Likelihood and regimes (see `filter_regimes`) of windows of latents `(..., batch, points, latents)`."""
        steps = points.shape[-2] - self.lags
        now = points.narrow(-2, self.lags, steps)
        before = [points.narrow(-2, self.lags - k, steps) for k in range(1, self.lags + 1)]
        rows = now.dim() - 3
        noise, log_slope = self.transition(now.flatten(rows, rows + 1), torch.stack(before, -2).flatten(rows, rows + 1))
        density = (log_slope - 0.5 * (noise.square() + math.log(2 * math.pi))).sum(-1)
        emission = density.unflatten(rows, now.shape[rows : rows + 2])
        return filter_regimes(emission, self.start.log_softmax(-1), self.chain.log_softmax(-1))

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The divergence of one step, one number for each run."""
        past = code.also[self.field]
        assert code.log_variance is not None
        assert past.log_variance is not None
        sample, mean, spread = (
            torch.cat([own.unsqueeze(-2), other], -2).flip(-2)
            for own, other in (
                (code.sample, past.sample),
                (code.mean, past.mean),
                (code.log_variance, past.log_variance),
            )
        )
        posterior = normal_log_density(sample, mean, spread)[..., self.lags :, :]
        return match_switching(posterior, self.regimes(sample)[0])
