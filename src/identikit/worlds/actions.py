"""Sequences in which every action touches few latents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.worlds.base import check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.mechanisms import NOISES, draw_noise
from identikit.worlds.mixing import Mixing, draw_mixing
from identikit.worlds.sequences import SequenceWorld, by_row, check_length, independent_at_one_time
from identikit.worlds.transitions import BURN_IN, Transition, draw_transition, simulate


@dataclass(frozen=True)
class Actions(SequenceWorld):
    r"""Latents that follow from their last values and from an observed action, which touches only a few of them.

    .. math:: z_{t,i} = \rho \tanh(z_{t-1,i}) + f_i(\mathrm{pa}(z_{t,i})) + \sum_{k \text{ touches } i} h_{ki}(a_{t,k})
        + \sigma_i \epsilon_{t,i}, \qquad x_t = g(z_t)

    The action in a row is the one that led to that time point. It is drawn anew at every time point: one of `actions`
    kinds, where h shifts the latents that it touches by 0.5 to 1.5 either way; or, if `continuous`, a standard normal
    vector, whose entry k acts on what action k touches, by a bent increasing or decreasing function. Action k touches
    `touches` latents in a row, from latent k on, and goes on from the last latent with the first.

    Args:
        latents: number of latents.
        observed: number of observations, at least as many.
        length: time points in a sequence.
        actions: number of kinds, or of entries of the vector.
        touches: how many latents an action touches; `latents` makes it touch all.
        continuous: whether the action is a vector of numbers and no category.
        edges: probability of each edge from the past of a latent to another one.
        noise: `normal`, `laplace` or `uniform`.
        mixing: `network` or `linear`.
        layers: of the network.
        condition: the largest condition number that a layer of it may have.
        seed: of the world: graph, functions and mixing.

    Raises:
        InputError: a number out of its range, or an unknown noise or mixing.

    The setting of mechanism sparsity (Lachapelle et al. 2022, arXiv 2107.10098): sparse actions, sparse edges from the
    past, or both. The functions and the pattern of targets are this library's choice.

    >>> world = Actions(latents=3, actions=3, touches=1, length=5)
    >>> data, truth = world.sample(500, seed=0)
    >>> data
    Dataset(500 rows: x(8,), sequence(), time(), action(); train 400, validation 50, test 50)
    >>> world.targets.tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    >>> Actions(touches=4).describe()["graphical criterion"].word
    'broken'
    """

    latents: int = 4
    observed: int = 8
    length: int = 10
    actions: int = 4
    touches: int = 1
    continuous: bool = False
    edges: float = 1.0
    noise: str = "normal"
    mixing: str = "network"
    layers: int = 3
    condition: float = 1.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_length(self.length)
        if self.latents < 1:
            raise InputError(f"latents is 1 or more, not {self.latents}")
        least = 1 if self.continuous else 2
        if self.actions < least:
            raise InputError(f"actions is {least} or more, not {self.actions}")
        if not 1 <= self.touches <= self.latents:
            raise InputError(f"touches is from 1 to the number of latents ({self.latents}), not {self.touches}")
        if not 0 <= self.edges <= 1:
            raise InputError(f"edges is a probability from 0 to 1, not {self.edges:g}")
        if self.noise not in NOISES:
            raise unknown("noise", self.noise, NOISES)
        if self.mixing not in ("network", "linear"):
            raise unknown("mixing", self.mixing, ("network", "linear"))
        check_seed(self.seed)
        _ = self._mixing

    @property
    def targets(self) -> np.ndarray:
        """(actions, latents) 0/1, entry (k, i) where action k touches latent i."""
        away = (np.arange(self.latents)[None, :] - np.arange(self.actions)[:, None]) % self.latents
        return (away < self.touches).astype(np.int8)

    @cached_property
    def lagged(self) -> np.ndarray:
        """(1, latents, latents) 0/1, entry (0, i, j) for an edge from latent i, one point ago, to latent j."""
        rng = np.random.default_rng([self.seed, 2])
        found = rng.random((self.latents, self.latents)) < self.edges
        return (found | np.eye(self.latents, dtype=bool)).astype(np.int8)[None]

    def push(self, action: np.ndarray) -> np.ndarray:
        """What actions (...,) as codes, or (..., actions) as numbers, add to the latents: (..., latents)."""
        rng = np.random.default_rng([self.seed, 3])
        sign = rng.choice([-1.0, 1.0], size=self.targets.shape)
        size = self.targets * sign * rng.uniform(0.5, 1.5, size=self.targets.shape)
        if not self.continuous:
            return size[action]
        # Two slopes, one on each side of zero: increasing or decreasing, and not straight.
        return (np.where(action > 0, action, 0.4 * action)) @ size

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, `n / length` sequences.

        Returns:
            `(data, truth)`: data with `x` (n, observed), `sequence`, `time` and `action`, a category or (n, actions)
            numbers; truth with the latents and the mixing.

        Raises:
            InputError: `n` is no multiple of `length`.
        """
        count = self.sequences(n)
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        shape = (BURN_IN + self.length, count)
        action = rng.normal(size=(*shape, self.actions)) if self.continuous else rng.integers(self.actions, size=shape)
        # What an action adds enters as the noise does, in units of its deviation.
        fresh = self.push(action) / self.transition.deviation + draw_noise(self.noise, rng, (*shape, self.latents))
        start = rng.normal(size=(count, 1, self.latents))
        latents = by_row(simulate([self.transition], np.zeros(shape, int), fresh, start))
        taken = by_row(action[BURN_IN:])
        fields, split = self.stamps(n, seed)
        names = {"x": tuple(f"x{i}" for i in range(self.observed))}
        if self.continuous:
            fields["action"] = taken.astype(np.float32)
        else:
            fields["action"], names["action"] = taken, tuple(f"action {k}" for k in range(self.actions))
        truth = Truth(
            latents=latents,
            names=tuple(f"z{i}" for i in range(self.latents)),
            kinds=("continuous",) * self.latents,
            graph=np.zeros((self.latents, self.latents), dtype=np.int8),
            mixing=self._mixing,
            split=split,
        )
        x = self._mixing(latents).astype(np.float32)
        return Dataset(x, fields, names, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether actions and edges together single every latent out, and how sparse they are."""
        mixed = [truth.names[i] for i in range(self.latents) if not singled_out(self.lagged[0], self.targets, i)]
        why = f"not singled out: {', '.join(mixed)}" if mixed else "actions and edges single every latent out"
        untouched = [name for name, hits in zip(truth.names, self.targets.sum(0), strict=True) if hits == 0]
        touched = f"no action touches {', '.join(untouched)}" if untouched else "every latent is touched by some action"
        return [
            independent_at_one_time(truth, self.length, self.lagged),
            Assumption("graphical criterion", not mixed, why, measured=False),
            Assumption("actions reach all", not untouched, touched, measured=False),
            Assumption(
                "sparse actions",
                2 * self.touches <= self.latents,
                f"an action touches {self.touches} of {self.latents} latents",
                measured=False,
            ),
        ]

    @cached_property
    def transition(self) -> Transition:
        """How the next latents follow from the last, before the action and the noise."""
        return draw_transition(np.random.default_rng([self.seed, 4]), self.lagged, np.zeros_like(self.lagged[0]), 0.0)

    @cached_property
    def _mixing(self) -> Mixing:
        rng, slope = np.random.default_rng([self.seed, 5]), 1.0 if self.mixing == "linear" else 0.2
        return draw_mixing(rng, self.latents, self.observed, self.layers, slope, self.condition)


def singled_out(lagged: np.ndarray, targets: np.ndarray, latent: int) -> bool:
    """Whether the graph alone tells a latent from all others, by the criterion of mechanism sparsity.

    What is common to the parents of its children, to the children of its parents, and to the targets of the actions
    that touch it has to be the latent alone.

    Args:
        lagged: (latents, latents) 0/1 edges from past to present.
        targets: (actions, latents) 0/1.
        latent: its position.

    >>> everything = np.ones((2, 2))
    >>> singled_out(everything, np.eye(2), 0), singled_out(everything, everything, 0)
    (True, False)
    """
    groups = [
        lagged.T[lagged[latent] == 1],  # parents of each of its children
        lagged[lagged[:, latent] == 1],  # children of each of its parents
        targets[targets[:, latent] == 1],
    ]
    common = np.concatenate(groups).min(0)
    return bool(common[latent] == 1 and common.sum() == 1)
