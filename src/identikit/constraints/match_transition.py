"""The constraint that each latent follows from the past of the latents and a noise of its own."""

from __future__ import annotations

import math

from torch import Tensor, nn

from identikit.nets import Batch, Code, Transition
from identikit.nets.priors import normal_log_density
from identikit.objective import Term


def match_transition(log_posterior: Tensor, noise: Tensor, log_slope: Tensor) -> Tensor:
    r"""KL(posterior, transition prior) from one sample, summed over latents and averaged over the batch.

    .. math:: E \Big[ \sum_i \log q(z_{t,i} | x_t) - \log N(\epsilon_i; 0, 1)
        - \log \frac{\partial \epsilon_i}{\partial z_{t,i}} \Big]

    Args:
        log_posterior: `(..., batch, latents)`, log-density of the posterior at its sample.
        noise: the same shape, what the past does not tell of each latent (see `nets.Transition`).
        log_slope: the same shape, logarithm of the noise's slope in the latent.

    Returns:
        One number for each leading index, `(...)`. It may be negative, as any estimate from samples.

    Source: Yao et al. 2022 (TDRL, arXiv 2210.13647).

    >>> import torch
    >>> zero = torch.zeros(4, 2)
    >>> round(match_transition(zero, zero, zero).item(), 4)  # two times the logarithm of the root of 2 pi
    1.8379
    """
    log_prior = log_slope - 0.5 * (noise.square() + math.log(2 * math.pi))
    return (log_posterior - log_prior).sum(-1).mean(-1)


class MatchTransition(Term):
    """Make each latent the effect of past latents and of a noise that is its own.

    The model encodes the past too: `Model(..., also={"past": (lags,)})`; the nearest past first or last, but always
    alike. The past's codes are learned from as well. There is no term for the first time points of a sequence, which
    have no past: that is this library's choice, as are the transitions (see `nets.Transition`).

    Args:
        latents: number of latents.
        lags: number of past time points.
        hidden: width of the network that reads the past.
        field: that holds the past inputs of each row.
        transition: the network that tells each latent's noise from its value and the past, and that `hidden` is not
            for; `nets.Transition` by default, `nets.residual.ResidualTransition` for the form of the paper.
        given: a field of categories that the transition is told too, e.g. the domain (see
            `nets.changing.ChangingNoise`).

    >>> MatchTransition(4).needs, MatchTransition(4).name
    (('past',), 'MatchTransition(past)')
    """

    batches_runs = True

    def __init__(
        self,
        latents: int,
        lags: int = 1,
        hidden: int = 32,
        field: str = "past",
        transition: nn.Module | None = None,
        given: str | None = None,
    ) -> None:
        super().__init__()
        self.field = field
        self.needs = (field,) if given is None else (field, given)
        self.uses = ("log_variance", f"the code of '{field}' (also=)")
        self.transition = transition or Transition(latents, lags, hidden)
        self.known = () if getattr(self.transition, "takes_hidden", False) else self.needs[1:]

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The divergence, one number for each run."""
        assert code.log_variance is not None
        told = [batch[name] for name in self.needs[1:]]
        noise, log_slope = self.transition(code.sample, code.also[self.field].sample, *told)
        posterior = code.log_posterior
        if posterior is None:
            posterior = normal_log_density(code.sample, code.mean, code.log_variance)
        return match_transition(posterior, noise, log_slope)
