"""Latents that follow from their past, seen through one mixing at every time point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.worlds.base import check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.graphs import adjacency, draw_graph
from identikit.worlds.mechanisms import NOISES, draw_noise
from identikit.worlds.mixing import Mixing, PartialMixing, draw_mixing
from identikit.worlds.sequences import SequenceWorld, by_row, check_length
from identikit.worlds.temporal_theory import temporal_assumptions
from identikit.worlds.transitions import BURN_IN, Transition, draw_transition, simulate


@dataclass(frozen=True)
class Temporal(SequenceWorld):
    r"""Latents that follow from their past along sparse edges, seen through one mixing at every time point.

    .. math:: z_{t,i} = \rho \tanh(z_{t-1,i}) + f_i^{u_t}(\mathrm{pa}(z_{t,i}) \setminus z_{t-1,i})
        + \sigma_i^{u_t}(\mathrm{pa}_{<t}(z_{t,i}))\,\epsilon_{t,i}, \qquad x_t = g(z_t)

    with f random and bounded, so that no setting blows up, and independent noise of variance 1. The regime
    :math:`u_t` is a Markov chain. See `transitions` for the constants.

    Args:
        latents: number of latents.
        observed: number of observations, at least as many as the latents that are seen.
        length: time points in a sequence.
        lags: how far back a latent may listen.
        edges: probability of each edge from the past of a latent to another one (at lags above 1, to itself too).
        instantaneous: probability of each edge within a time point, along a fixed order of the latents.
        noise: `normal`, `laplace` or `uniform`.
        modulation: how much the past changes the deviation of the noise, by factors of up to exp(`modulation`) each
            way; 0 leaves it constant.
        regimes: number of regimes, each with its own f and sigma along the same edges.
        switching: chance at each step to leave a regime for another one; 0 keeps a sequence in its regime.
        changes: what regimes differ in: `all` of the transition, the deviation of the `noise` by a factor from 1/e to e
            for each latent, or `nothing`.
        hidden: whether the regime is kept from the learner. It is in `Truth.labels` in any case.
        unseen: how many latents, from the last, have no part in the x of their time point.
        recoverable: whether the unseen latents have no noise and listen to the seen ones one step ago alone, so that
            :math:`z_t` is a function of :math:`x_t` and :math:`x_{t-1}`.
        mixing: `network` or `linear`.
        layers: of the network.
        condition: the largest condition number that a layer of it may have.
        seed: of the world: graph, transitions and mixing.

    Raises:
        InputError: a number out of its range, or an unknown noise or mixing.

    The settings of the papers: `modulation` above 0 is TDRL (Yao et al. 2022, arXiv 2210.13647); several regimes with
    `switching=0` are its changing dynamics; `hidden=True` is NCTRL (Song et al. 2023, arXiv 2310.18615);
    `instantaneous` above 0 is IDOL (Li et al. 2024, arXiv 2405.15325); `unseen` above 0 is CaRiNG (Chen et al. 2024,
    arXiv 2401.14535); `edges=0, noise="laplace", modulation=0` gives the independent autoregressive sources of
    permutation-contrastive learning (Hyvarinen and Morioka 2017, PMLR 54). The functions, their constants and the form
    of the unseen latents are this library's choice.

    >>> world = Temporal(latents=3, length=10, regimes=2)
    >>> data, truth = world.sample(1_000, seed=1)
    >>> data
    Dataset(1000 rows: x(8,), sequence(), time(), regime(); train 800, validation 100, test 100)
    >>> world.lagged.shape, truth.graph.sum()
    ((1, 3, 3), np.int64(0))
    """

    latents: int = 4
    observed: int = 8
    length: int = 20
    lags: int = 1
    edges: float = 0.3
    instantaneous: float = 0.0
    noise: str = "normal"
    modulation: float = 0.5
    regimes: int = 1
    switching: float = 0.1
    changes: str = "all"
    hidden: bool = False
    unseen: int = 0
    recoverable: bool = True
    mixing: str = "network"
    layers: int = 3
    condition: float = 1.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_length(self.length)
        for name, least in {"latents": 1, "lags": 1, "regimes": 1, "unseen": 0}.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {least} or more, not {getattr(self, name)}")
        for name in ("edges", "instantaneous", "switching"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a probability from 0 to 1, not {getattr(self, name):g}")
        if self.modulation < 0:
            raise InputError(f"modulation is 0 or more, not {self.modulation:g}")
        if self.unseen >= self.latents:
            raise InputError(
                f"unseen leaves at least one of {self.latents} latents to be seen, and it is {self.unseen}"
            )
        if self.hidden and self.regimes < 2:
            raise InputError("hidden=True hides the regime, and there is only one: set regimes to 2 or more")
        if self.noise not in NOISES:
            raise unknown("noise", self.noise, NOISES)
        for name, known in {"mixing": ("network", "linear"), "changes": ("all", "noise", "nothing")}.items():
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        check_seed(self.seed)
        _ = self._mixing

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the latents."""
        return tuple(f"z{i}" for i in range(self.latents))

    @cached_property
    def lagged(self) -> np.ndarray:
        """(lags, latents, latents) 0/1, entry (k, i, j) for an edge from latent i, k + 1 points ago, to latent j."""
        rng = np.random.default_rng([self.seed, 2])
        found = rng.random((self.lags, self.latents, self.latents)) < self.edges
        found[0] |= np.eye(self.latents, dtype=bool)
        if self.silent:
            seen = self.latents - self.unseen
            found[:, :, seen:] &= np.arange(self.lags)[:, None, None] == 0
            found[0, seen:, seen:] = False
            # One parent at least: a constant would be no latent.
            found[0, rng.integers(0, seen, size=self.unseen), self.silent] = True
        return found.astype(np.int8)

    @cached_property
    def graph(self) -> np.ndarray:
        """(latents, latents) 0/1 edges within a time point, entry (i, j) from latent i to latent j."""
        rng = np.random.default_rng([self.seed, 3])
        found = adjacency(self.names, draw_graph(self.names, rng, self.instantaneous))
        found[:, self.silent] = 0
        return found

    @property
    def silent(self) -> list[int]:
        """Positions of the latents without noise."""
        return list(range(self.latents - self.unseen, self.latents)) if self.recoverable else []

    @cached_property
    def transitions(self) -> tuple[Transition, ...]:
        """The transition of each regime."""

        def draw(u: int) -> Transition:
            rng = np.random.default_rng([self.seed, 4, u])
            return draw_transition(rng, self.lagged, self.graph, self.modulation, self.silent)

        if self.changes == "all":
            return tuple(draw(u) for u in range(self.regimes))
        first, reach = draw(0), float(self.changes == "noise")
        rng = np.random.default_rng([self.seed, 6])
        factors = np.exp(rng.uniform(-reach, reach, size=(self.regimes, self.latents)))
        return tuple(replace(first, deviation=first.deviation * own) for own in factors)

    @property
    def chain(self) -> np.ndarray:
        """(regimes, regimes) chance of the next regime (column) given the last (row)."""
        if self.regimes == 1:
            return np.ones((1, 1))
        other = self.switching / (self.regimes - 1)
        return np.full((self.regimes, self.regimes), other) + (1 - self.switching - other) * np.eye(self.regimes)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, `n / length` sequences.

        Returns:
            `(data, truth)`: data with `x` (n, observed), `sequence`, `time` and, where there are several and they are
            not hidden, `regime`; truth with the latents, the graph within a time point, the regime and the mixing.

        Raises:
            InputError: `n` is no multiple of `length`.
        """
        count = self.sequences(n)
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        steps = BURN_IN + self.length
        noise = draw_noise(self.noise, rng, (steps, count, self.latents))
        regime = self._regimes(rng, steps, count)
        start = rng.normal(size=(count, self.lags, self.latents))
        latents = by_row(simulate(self.transitions, regime, noise, start))
        codes = by_row(regime[BURN_IN:])
        fields, split = self.stamps(n, seed)
        x = self._mixing(latents).astype(np.float32)
        names = {"x": tuple(f"x{i}" for i in range(x.shape[1]))}
        if self.regimes > 1 and not self.hidden:
            fields["regime"], names["regime"] = codes, tuple(f"regime {u}" for u in range(self.regimes))
        seen = self.latents - self.unseen
        truth = Truth(
            latents=latents,
            names=self.names,
            kinds=("continuous",) * self.latents,
            blocks={"seen": tuple(range(seen)), "unseen": tuple(range(seen, self.latents))} if self.unseen else {},
            graph=self.graph,
            labels={"regime": codes} if self.regimes > 1 else {},
            mixing=self._mixing,
            split=split,
        )
        return Dataset(x, fields, names, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """What TDRL, NCTRL, IDOL, CaRiNG and permutation-contrastive learning ask for, and whether it is there."""
        return temporal_assumptions(self, data, truth)

    def _regimes(self, rng: np.random.Generator, steps: int, count: int) -> np.ndarray:
        if self.regimes == 1:
            return np.zeros((steps, count), dtype=np.int64)
        # Every regime is equally likely at all times, and a switch goes to each of the others alike.
        first = rng.permutation(np.arange(count) % self.regimes)
        moves = (rng.random((steps, count)) < self.switching) * rng.integers(1, self.regimes, size=(steps, count))
        return (first + np.cumsum(moves, axis=0)) % self.regimes

    @cached_property
    def _mixing(self) -> Mixing | PartialMixing:
        seen = self.latents - self.unseen
        slope = 1.0 if self.mixing == "linear" else 0.2
        rng = np.random.default_rng([self.seed, 5])
        mixing = draw_mixing(rng, seen, self.observed, self.layers, slope, self.condition)
        return PartialMixing(mixing, seen) if self.unseen else mixing
