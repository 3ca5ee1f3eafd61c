"""How latents follow from their past: nonlinear transitions with planted edges and noise that the past may modulate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from identikit.worlds.masked import MaskedMechanisms, draw_masked

PERSISTENCE = (0.6, 0.9)
"""Range of the slope at 0 of the bent line by which a latent keeps its last value."""
STRENGTH = 0.4
"""Length of the slope of f, as a root mean square over standard normal inputs."""
DEVIATION = (0.35, 0.7)
"""Range of the deviation of the noise where nothing modulates it."""
BURN_IN = 40
"""Steps before the first time point, by which nearly every world has forgotten its start."""


@dataclass(frozen=True)
class Transition:
    r"""One step of latents that may listen to their past and to each other.

    .. math:: z_{t,i} = \rho_i \tanh(z_{t-1,i}) + f_i(\mathrm{pa}(z_{t,i}) \setminus z_{t-1,i})
        + \sigma_i\, \epsilon_{t,i}, \qquad \sigma_i = s_i \exp(m \tanh h_i(\mathrm{pa}_{<t}(z_{t,i})))

    All but the noise is bounded, so nothing can grow without bound. A latent's own last value has a term of its own,
    since a random f of it could undo what is kept, or keep the start for ever in one of several wells.

    Attributes:
        drift: the f, from the past (lags x latents, latest first) and the present (latents), side by side.
        spread: the h, from the same inputs.
        persistence: (latents,) the rho, 0 where a latent does not listen to its last value.
        deviation: (latents,) the s.
        modulation: m; 0 leaves the deviation constant.
        levels: groups of latents, each of which listens to earlier groups alone within a time point.
    """

    drift: MaskedMechanisms
    spread: MaskedMechanisms
    persistence: np.ndarray
    deviation: np.ndarray
    modulation: float
    levels: tuple[np.ndarray, ...]

    def moments(self, past: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of every latent given what it listens to.

        Args:
            past: (rows, lags, latents), latest first.
            present: (rows, latents) at the same time point; only instantaneous parents matter.

        Returns:
            Two arrays (rows, latents).
        """
        every = np.arange(present.shape[1])
        return self._moments(past, present, every, self.drift, self.spread)

    def step(self, past: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Draw the next time point.

        Args:
            past: (rows, lags, latents), latest first.
            noise: (rows, latents) independent numbers of mean 0 and variance 1.

        Returns:
            (rows, latents).
        """
        present = np.zeros_like(noise)
        for group, drift, spread in self._groups:
            mean, deviation = self._moments(past, present, group, drift, spread)
            present[:, group] = mean + deviation * noise[:, group]
        return present

    @cached_property
    def _groups(self) -> list[tuple[np.ndarray, MaskedMechanisms, MaskedMechanisms]]:
        return [(group, self.drift.part(group), self.spread.part(group)) for group in self.levels]

    def _moments(
        self,
        past: np.ndarray,
        present: np.ndarray,
        group: np.ndarray,
        drift: MaskedMechanisms,
        spread: MaskedMechanisms,
    ) -> tuple[np.ndarray, np.ndarray]:
        inputs = np.concatenate([past.reshape(len(past), -1), present], axis=1)
        mean = self.persistence[group] * np.tanh(past[:, 0, group]) + drift(inputs)
        if self.modulation == 0:
            return mean, np.broadcast_to(self.deviation[group], mean.shape)
        return mean, self.deviation[group] * np.exp(self.modulation * np.tanh(spread(inputs)))


def draw_transition(
    rng: np.random.Generator,
    lagged: np.ndarray,
    instantaneous: np.ndarray,
    modulation: float,
    silent: Sequence[int] = (),
) -> Transition:
    """Draw a transition along the edges of a graph.

    Args:
        rng: source of the functions.
        lagged: (lags, latents, latents) 0/1, entry (k, i, j) for an edge from latent i, k + 1 points ago, to latent j.
        instantaneous: (latents, latents) 0/1 without cycle, entry (i, j) for an edge from i to j.
        modulation: size of what the past does to the deviation of the noise.
        silent: latents without noise: functions of their parents alone.

    >>> step = draw_transition(np.random.default_rng(0), np.eye(2)[None], np.array([[0, 1], [0, 0]]), 0.5)
    >>> [group.tolist() for group in step.levels]
    [[0], [1]]
    >>> step.step(np.zeros((5, 1, 2)), np.zeros((5, 2))).shape
    (5, 2)
    """
    lags, latents, _ = lagged.shape
    before = lagged.reshape(lags * latents, latents).T.astype(bool)
    now = instantaneous.T.astype(bool)
    loud = ~np.isin(np.arange(latents), silent)
    others = before.copy()
    others[:, :latents] &= ~np.eye(latents, dtype=bool)
    drift = draw_masked(rng, np.concatenate([others, now], axis=1))
    slopes = drift.slopes(rng.normal(size=(256, (lags + 1) * latents)))
    length = np.sqrt((slopes**2).sum(2).mean(0))
    drift = replace(drift, outer=drift.outer * (STRENGTH / np.where(length > 0, length, 1.0))[:, None])
    spread = draw_masked(rng, np.concatenate([before & loud[:, None], np.zeros_like(now)], axis=1))
    persistence = rng.uniform(*PERSISTENCE, size=latents) * np.diagonal(lagged[0])
    deviation = np.exp(rng.uniform(*np.log(DEVIATION), size=latents)) * loud
    return Transition(drift, spread, persistence, deviation, modulation, _levels(now))


def simulate(
    transitions: Sequence[Transition], regime: np.ndarray, noise: np.ndarray, start: np.ndarray, burn_in: int = BURN_IN
) -> np.ndarray:
    """Run many sequences at once.

    Args:
        transitions: one for each regime.
        regime: (burn_in + length, sequences) codes.
        noise: (burn_in + length, sequences, latents).
        start: (sequences, lags, latents) the time points before the first.
        burn_in: steps left out of the result.

    Returns:
        (length, sequences, latents).
    """
    past, kept = start, np.empty((len(noise) - burn_in, *noise.shape[1:]))
    for t, fresh in enumerate(noise):
        if len(transitions) == 1:
            present = transitions[0].step(past, fresh)
        else:
            present = np.empty_like(fresh)
            for code, transition in enumerate(transitions):
                rows = np.flatnonzero(regime[t] == code)
                if len(rows):
                    present[rows] = transition.step(past[rows], fresh[rows])
        past = np.concatenate([present[:, None], past[:, :-1]], axis=1)
        if t >= burn_in:
            kept[t - burn_in] = present
    return kept


def _levels(listens: np.ndarray) -> tuple[np.ndarray, ...]:
    """Groups of latents by the longest path of instantaneous edges that ends in them; entry (j, i): j listens to i."""
    depth = np.zeros(len(listens), dtype=int)
    for _ in depth:
        depth = np.where(listens.any(1), (np.where(listens, depth[None, :], -1)).max(1) + 1, 0)
    return tuple(np.flatnonzero(depth == d) for d in range(depth.max() + 1))
