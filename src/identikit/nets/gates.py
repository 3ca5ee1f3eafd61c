"""Hard gates that say which parent each latent listens to."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from identikit.errors import InputError, unknown


class Gates(nn.Module):
    r"""A gate, open or closed, from each parent to each latent, with a learned probability of being open.

    .. math:: g_{ij} = 1[\Phi(\epsilon_{ij}) < \pi_{ij}], \qquad \pi_{ij} = \mathrm{sigmoid}(c\, \theta_{ij})

    with standard normal :math:`\epsilon`, which is an input: a gate whose noise is 0 is open where :math:`\pi > 1/2`.
    The gradient goes straight through the step, to :math:`\pi` (Bengio et al. 2013, arXiv 1308.3432). A gate that
    could be half open (`hard=False`: :math:`g = \pi`) makes a penalty on open gates vacuous: the next layer undoes
    the scale.

    Args:
        latents: number of latents.
        parents: how many numbers each kind of parent has, by name, in the order in which they stand side by side, e.g.
            `{"past": 4, "action": 3}`.
        allowed: `(latents, parents)` 0/1, where a gate may be open at all; everywhere by default.
        hard: whether gates are open or closed, or else as far open as they are likely.
        start: first probability of an open gate.
        pace: c; gates learn about so many times as fast as other parameters do.

    Raises:
        InputError: sizes that do not fit, or a start outside 0 to 1.

    >>> import torch
    >>> gates = Gates(2, {"past": 3}, start=0.75)
    >>> gates(torch.zeros(5, gates.noise_size)).shape
    torch.Size([5, 2, 3])
    >>> gates.graph("past").tolist()
    [[1, 1], [1, 1], [1, 1]]
    """

    batches_runs = True
    allowed: Tensor

    def __init__(
        self,
        latents: int,
        parents: Mapping[str, int],
        allowed: Tensor | None = None,
        hard: bool = True,
        start: float = 0.5,
        pace: float = 3.0,
    ) -> None:
        super().__init__()
        shape = (latents, sum(parents.values()))
        if min(shape) < 1:
            raise InputError(f"gates stand between at least one parent and one latent, not {shape[1]} and {latents}")
        allowed = torch.ones(shape) if allowed is None else torch.as_tensor(allowed).float()
        if tuple(allowed.shape) != shape:
            raise InputError(f"which gates are allowed is told by an array of {shape}, not of {tuple(allowed.shape)}")
        if not 0 < start < 1 or pace <= 0:
            raise InputError(f"start lies between 0 and 1 and pace is above 0, not {start:g} and {pace:g}")
        self.parents = dict(parents)
        self.hard = hard
        self.start = math.log(start / (1 - start)) / pace
        self.pace = pace
        self.register_buffer("allowed", allowed)
        self.logits = nn.Parameter(torch.empty(shape))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every gate to its first probability."""
        nn.init.constant_(self.logits, self.start)

    @property
    def noise_size(self) -> int:
        """Standard normal numbers wanted for each row."""
        return math.prod(self.allowed.shape[-2:])

    def probability(self) -> Tensor:
        """How likely each gate is open, `(..., latents, parents)`."""
        return self.allowed * torch.sigmoid(self.pace * self.logits)

    def forward(self, noise: Tensor) -> Tensor:
        """Gates of each row `(..., batch, latents, parents)`, of noise `(..., batch, noise_size)`."""
        chance = self.probability().unsqueeze(-3)
        noise = noise.unflatten(-1, tuple(self.allowed.shape[-2:]))
        if not self.hard:
            return chance.expand(noise.shape)
        opened = (torch.special.ndtr(noise) < chance).to(chance.dtype)
        return opened + (chance - chance.detach())

    @torch.no_grad()
    def graph(self, kind: str) -> Tensor:
        """0/1 edges `(..., parents, latents)` from one kind of parents, where a gate is more likely open than not."""
        if kind not in self.parents:
            raise unknown("kind of parents", kind, self.parents)
        start = 0
        for name, size in self.parents.items():
            if name == kind:
                break
            start += size
        opened = self.probability()[..., start : start + self.parents[kind]] > 0.5
        return opened.transpose(-1, -2).to(torch.int8)
