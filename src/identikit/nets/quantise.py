"""Bottlenecks of finitely many codes: codebooks of learned values, and categories drawn by the Gumbel-softmax."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.errors import InputError
from identikit.nets.code import Quantised

_EDGE = 6.0
"""Noise beyond this is taken for it, once in a billion numbers: there a normal probability rounds to 1."""


class Codebook(nn.Module):
    r"""Replace each part of the encoder's output by the nearest entry of a codebook.

    .. math:: q_j = \operatorname*{argmin}_{v \in V_j} \lVert z_j - v \rVert, \qquad
        \frac{\partial q}{\partial z} := 1

    The derivative is taken straight through, so that the decoder's wishes reach the encoder; the entries themselves
    learn from `constraints.Commitment` alone, and have no weight decay.

    Args:
        places: how many parts the output has; each becomes one entry.
        states: entries in a codebook.
        size: numbers in a part and in an entry.
        shared: one codebook for all places, or one for each.

    Entries of one number start evenly spread from -0.5 to 0.5, as in Hsu et al. 2023; longer ones are drawn from a
    standard normal, which is this library's choice.

    Source: van den Oord et al. 2017 (arXiv 1711.00937), one shared codebook of vectors; Hsu et al. 2023 (arXiv
    2305.18378), a codebook of numbers for each latent.

    >>> import torch
    >>> book = Codebook(places=2, states=3)
    >>> found = book(torch.tensor([[0.1, -0.7]]))
    >>> found.mean.tolist(), found.indices.tolist()
    ([[0.0, -0.5]], [[1, 0]])
    """

    batches_runs = True
    decays = False
    noise_size = 0
    provides = ("a codebook (quantiser=)",)

    def __init__(self, places: int, states: int, size: int = 1, shared: bool = False) -> None:
        super().__init__()
        _check(places, states)
        if size < 1:
            raise InputError(f"an entry of a codebook has at least one number, not {size}")
        self.places = places
        self.states = states
        self.size = size
        self.weight = nn.Parameter(torch.empty(1 if shared else places, states, size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Spread entries of one number evenly, and draw longer ones."""
        with torch.no_grad():
            if self.size == 1:
                self.weight.copy_(torch.linspace(-0.5, 0.5, self.states).unsqueeze(-1).expand_as(self.weight))
            else:
                nn.init.normal_(self.weight)

    def forward(self, raw: Tensor, noise: Tensor | None = None, step: int = 0) -> Quantised:
        """Quantise `(..., batch, places * size)`; no noise is needed, and the step is of no account."""
        parts = raw.unflatten(-1, (self.places, 1, self.size))
        book = self.weight.unsqueeze(-4)
        with torch.no_grad():
            indices = (parts - book).square().sum(-1).argmin(-1)
            chosen = F.one_hot(indices, self.states).to(raw.dtype)
        values = (chosen.unsqueeze(-1) * book).sum(-2).flatten(-2)
        # Adding a difference of exactly 0 keeps the entries as they are, to the last bit.
        through = values.detach() + (raw - raw.detach())
        return Quantised(through, through, raw, indices, values)


class Categories(nn.Module):
    r"""Take each part of the encoder's output for the logits of a category, and draw it by the Gumbel-softmax.

    .. math:: y_{js} = \frac{\exp((\log p_{js} + g_{js}) / \tau)}{\sum_r \exp((\log p_{jr} + g_{jr}) / \tau)},
        \qquad g = -\log(-\log u), \quad u = \Phi(\epsilon)

    with normal noise :math:`\epsilon`. The code is the likeliest category of each place as zeros and a one; in training
    the decoder sees y. The divergence is the one from even categories, by entry: over the entries of a place it sums
    up to :math:`\log S - H(p_j)`.

    Args:
        places: how many categories the code has.
        states: of each; the output has `places * states` numbers.
        temperature: tau, a number above 0, or a function of the training step, such as `ramp(1, 0.5, steps=2000).at`.

    Source: Jang et al. 2017 (arXiv 1611.01144); Maddison et al. 2017 (arXiv 1611.00712).

    >>> import torch
    >>> found = Categories(places=2, states=3)(torch.tensor([[0.0, 9.0, 0.0, 0.0, 0.0, 5.0]]))
    >>> found.mean.tolist(), found.indices.tolist()
    ([[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]], [[1, 2]])
    """

    batches_runs = True
    provides = ("divergence",)

    def __init__(self, places: int, states: int, temperature: float | Callable[[int], float | Tensor] = 0.5) -> None:
        super().__init__()
        _check(places, states)
        if not callable(temperature) and temperature <= 0:
            raise InputError(f"a temperature is above 0, not {temperature:g}")
        self.places = places
        self.states = states
        self.temperature = temperature

    @property
    def noise_size(self) -> int:
        """Standard normal numbers wanted for each row."""
        return self.places * self.states

    def forward(self, raw: Tensor, noise: Tensor | None = None, step: int = 0) -> Quantised:
        """Quantise logits `(..., batch, places * states)`, of noise of the same shape; without it, none is added."""
        logits = raw.unflatten(-1, (self.places, self.states)).log_softmax(-1)
        chances = logits.exp()
        indices = logits.argmax(-1)
        hard = F.one_hot(indices, self.states).to(raw.dtype) + (chances - chances.detach())
        drawn = logits if noise is None else logits + gumbel(noise).view_as(logits)
        warmth = self.temperature(step) if callable(self.temperature) else self.temperature
        divergence = chances * (logits + math.log(self.states))
        sample = (drawn / warmth).softmax(-1)
        return Quantised(hard.flatten(-2), sample.flatten(-2), raw, indices, None, divergence.flatten(-2))


def gumbel(noise: Tensor) -> Tensor:
    """Standard normal numbers as standard Gumbel ones, by their probability.

    >>> import torch
    >>> round(gumbel(torch.zeros(1)).item(), 4)
    0.3665
    """
    return -(-torch.special.log_ndtr(noise.clamp(-_EDGE, _EDGE))).log()


def _check(places: int, states: int) -> None:
    """Say in one sentence that a code has no place or too few states."""
    if places < 1:
        raise InputError(f"a code needs at least one latent, not {places}")
    if states < 2:
        raise InputError(f"a discrete latent has 2 states or more, not {states}")
