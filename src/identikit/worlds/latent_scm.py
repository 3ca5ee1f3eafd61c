"""A structural causal model of continuous latents, each a random smooth function of its parents plus its own noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from identikit.errors import InputError, unknown
from identikit.worlds.base import check_seed
from identikit.worlds.graphs import adjacency, check_graph
from identikit.worlds.mechanisms import NOISES, draw_mechanism, draw_noise

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""One structural equation: values of the parents (n, parents) and own noise (n,) to values (n,)."""

_REFERENCE = 2_048
"""Rows from which the mean and deviation of a drawn function are taken."""


@dataclass(frozen=True)
class LatentSCM:
    r"""Named latents of mean about 0 and variance about 1, with nonlinear mechanisms and additive independent noises.

    .. math:: z_i = \sqrt{a}\, f_i(z_{pa(i)}) + \sqrt{1 - a}\, \epsilon_i

    Each :math:`f_i` is a drawn mechanism, brought to mean 0 and variance 1; a latent without parents is its noise.

    Args:
        names: of the latents, in the order of the columns.
        graph: the names of the parents of each latent that has any.
        effect: a, the share of a latent's variance that its parents explain.
        noise: name of the noises.
        seed: of the mechanisms.

    Raises:
        InputError: a cycle, an unknown name or noise, or an effect outside 0 to 1.

    >>> scm = LatentSCM(("rain", "wet"), {"wet": ("rain",)})
    >>> noise = scm.draw_noise(2_000, np.random.default_rng(0))
    >>> seen = scm.values(noise)
    >>> forced = scm.values(noise, {"wet": lambda parents, noise: noise})
    >>> seen.std(0).round(1).tolist(), bool((forced[:, 1] == noise[:, 1]).all())
    ([1.0, 1.0], True)
    """

    names: tuple[str, ...]
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    effect: float = 0.6
    noise: str = "normal"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.effect < 1:
            raise InputError(f"effect is the share that parents explain, from 0 to below 1, not {self.effect:g}")
        if self.noise not in NOISES:
            raise unknown("noise", self.noise, NOISES)
        check_seed(self.seed)
        _ = self.order

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names, parents before children."""
        return check_graph(self.names, self.graph)

    @property
    def adjacency(self) -> np.ndarray:
        """(latents, latents) 0/1 array, entry (i, j) for an edge from latent i to latent j."""
        return adjacency(self.names, self.graph)

    def draw_noise(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw independent noises (n, latents) of mean 0 and variance 1."""
        return draw_noise(self.noise, rng, (n, len(self.names)))

    def values(self, noise: np.ndarray, changed: Mapping[str, Step] | None = None) -> np.ndarray:
        """Solve the equations; the same noise with other `changed` equations is the counterfactual.

        Args:
            noise: (n, latents).
            changed: the equations that replace those of the model, by name of the latent.

        Returns:
            (n, latents) values, columns in the order of `names`.
        """
        for name in changed or {}:
            if name not in self.names:
                raise unknown("latent", name, self.names)
        return _solve(self, noise, {**self.steps, **(changed or {})})

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The structural equation of each latent."""
        found: dict[str, Step] = {}
        for name in self.order:
            rng = np.random.default_rng([self.seed, 11, self.names.index(name)])
            found[name] = _draw_step(self, name, rng, found)
        return found

    def redraw(self, name: str, rng: np.random.Generator) -> Step:
        """Draw another equation for a latent, of the same parents and the same effect."""
        return _draw_step(self, name, rng, self.steps)


def _solve(scm: LatentSCM, noise: np.ndarray, steps: Mapping[str, Step]) -> np.ndarray:
    values = np.zeros(noise.shape)
    for name in scm.order:
        if name in steps:
            i = scm.names.index(name)
            values[:, i] = steps[name](_parents(scm, name, values), noise[:, i])
    return values


def _parents(scm: LatentSCM, name: str, values: np.ndarray) -> np.ndarray:
    return values[:, [scm.names.index(p) for p in scm.graph.get(name, ())]]


def _draw_step(scm: LatentSCM, name: str, rng: np.random.Generator, known: Mapping[str, Step]) -> Step:
    parents = len(scm.graph.get(name, ()))
    if not parents:
        return lambda _, noise: noise
    function = draw_mechanism(rng, parents)
    reference = scm.draw_noise(_REFERENCE, np.random.default_rng([scm.seed, 12]))
    found = function(_parents(scm, name, _solve(scm, reference, known)))
    centre, spread = float(found.mean()), float(found.std())
    signal, rest = math.sqrt(scm.effect), math.sqrt(1 - scm.effect)
    return lambda values, noise: signal * (function(values)[:, 0] - centre) / spread + rest * noise
