"""The constraint that each latent follows from its gated parents and a noise of its own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.constraints.match_transition import match_transition
from identikit.nets.code import Batch, Code
from identikit.nets.mechanisms import Mechanisms
from identikit.nets.priors import normal_log_density
from identikit.objective import Term

OWN = "latents"
"""The kind of parents that are the latents themselves."""


class MatchMechanisms(Term):
    r"""Make each latent the effect of those parents whose gates are open, and of a noise that is its own.

    .. math:: E \Big[ \sum_i \log q(z_i | x) - \log N(\epsilon_i; 0, 1) - \log \partial \epsilon_i / \partial z_i \Big],
        \qquad \epsilon_i = r_i(z_i; g_i \odot p)

    Parents, by kind: `latents` are the latents themselves (their gates must leave no cycle), a field that the model
    encodes too (`also=`) stands for its codes, and any other field for itself, a category as numbers 0 and 1. The
    model has the gates: `Model(..., gates=nets.Gates(latents, parents))` of the same parents.

    Args:
        latents: number of latents.
        parents: how many numbers each kind of parent has, by name, as in `nets.Gates`.
        hidden: width of the network of each latent.
        units: increasing units of each map beside its line; without them a latent is normal given its parents.

    Source: a transition prior behind gates as in Lachapelle et al. 2022 (arXiv 2107.10098); a conditional flow of each
    latent given its gated parents as in Sun et al. 2025 (arXiv 2411.06518).

    >>> MatchMechanisms(4, {"past": 4, "action": 3}).needs
    ('past', 'action')
    """

    batches_runs = True

    def __init__(self, latents: int, parents: Mapping[str, int], hidden: int = 32, units: int = 0) -> None:
        super().__init__()
        self.parents = dict(parents)
        self.needs = tuple(kind for kind in parents if kind != OWN)
        self.uses = ("log_variance", "gates")
        self.mechanisms = Mechanisms(latents, sum(parents.values()), hidden, units)

    def beside(self, code: Code, batch: Batch) -> Tensor:
        """All parents side by side, `(..., batch, parents)`."""
        return torch.cat([self._parents(kind, size, code, batch) for kind, size in self.parents.items()], -1)

    def _parents(self, kind: str, size: int, code: Code, batch: Batch) -> Tensor:
        if kind == OWN:
            return code.sample
        rows = code.sample.dim() - 1
        if kind in code.also:
            return code.also[kind].sample.flatten(rows)
        field = batch[kind]
        if not field.is_floating_point():
            return F.one_hot(field, size).to(code.sample.dtype)
        return field.reshape(*code.sample.shape[:-1], size)

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The divergence, one number for each run."""
        assert code.log_variance is not None
        assert code.gates is not None
        noise, log_slope = self.mechanisms(code.sample, self.beside(code, batch), code.gates)
        return match_transition(normal_log_density(code.sample, code.mean, code.log_variance), noise, log_slope)
