"""Observations that each see few latents: sparse decoders, with anchors or without."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.masked import MaskedMechanisms, draw_masked

LEAST_SLOPE = 0.2
"""Smallest slope of an anchor in its latent, as a share of the slope of its straight part."""
_GRID = np.linspace(-6, 6, 601)


@dataclass(frozen=True)
class SparseMixing:
    r"""A map whose every output is a straight and a curved function of the few inputs that it sees.

    .. math:: x_j = w_j^\top z_{S_j} + f_j(z_{S_j})

    Attributes:
        straight: (observed, latents) the w, 0 outside the support.
        curved: the f.
    """

    straight: np.ndarray
    curved: MaskedMechanisms

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map `(rows, latents)` to `(rows, observed)`."""
        return latents @ self.straight.T + self.curved(latents)


@dataclass(frozen=True)
class SparseMechanisms(World):
    r"""Independent normal latents, of which every observation sees only a few.

    .. math:: z \sim N(0, I), \qquad x_j = w_j^\top z_{S_j} + f_j(z_{S_j})

    The first `anchors * latents` observations see one latent each, by increasing or decreasing functions; each of the
    others sees `reads` latents, drawn at random such that all latents are seen about equally often.

    Args:
        latents: number of latents.
        observed: number of observations, at least as many as latents.
        reads: how many latents an observation sees that is no anchor; `latents` makes the decoder dense.
        anchors: observations that see one latent alone, for each latent.
        seed: of the world: support and functions.

    Raises:
        InputError: a number out of its range, or more anchors than observations.

    Sparse supports in which each latent can be told by the observations that see it are the structural sparsity of
    Zheng, Ng and Zhang (2022, arXiv 2206.07751); two anchors for each latent are the assumption of the sparse VAE
    (Moran et al. 2022, arXiv 2110.10804). The form of the functions is this library's choice.

    >>> world = SparseMechanisms(latents=3, observed=6, reads=2)
    >>> world.support.tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]]
    >>> world.describe()["structural sparsity"].word
    'holds'
    >>> SparseMechanisms(reads=4, anchors=0).describe()["structural sparsity"].word
    'broken'
    """

    latents: int = 4
    observed: int = 16
    reads: int = 2
    anchors: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.latents < 1 or self.observed < self.latents:
            raise InputError(f"observed is at least the number of latents ({self.latents}), not {self.observed}")
        if not 1 <= self.reads <= self.latents:
            raise InputError(f"reads is from 1 to the number of latents ({self.latents}), not {self.reads}")
        if not 0 <= self.anchors * self.latents <= self.observed:
            most = self.observed // self.latents
            raise InputError(f"anchors is from 0 to {most} for {self.observed} observations, not {self.anchors}")
        if self.anchors == 0 and self.observed * self.reads < self.latents:
            raise InputError(f"{self.observed} observations of {self.reads} latents leave some latent unseen")
        check_seed(self.seed)

    @cached_property
    def support(self) -> np.ndarray:
        """(observed, latents) 0/1, entry (j, i) where observation j sees latent i."""
        rng = np.random.default_rng([self.seed, 2])
        found = np.zeros((self.observed, self.latents), dtype=np.int8)
        anchors = self.anchors * self.latents
        found[np.arange(anchors), np.arange(anchors) % self.latents] = 1
        for row in found[anchors:]:
            # The latents seen least so far come first, in random order among equals.
            count = found[anchors:].sum(0) + rng.random(self.latents)
            row[np.argsort(count)[: self.reads]] = 1
        return found

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows.

        Returns:
            `(data, truth)`: data with `x` (n, observed); truth with the latents and the mixing.
        """
        if n < 1:
            raise InputError(f"n is 1 or more, not {n}")
        check_seed(seed)
        latents = np.random.default_rng([self.seed, seed, 1]).normal(size=(n, self.latents))
        split = make_split(n, seed=seed)
        x = self._mixing(latents).astype(np.float32)
        truth = Truth(
            latents=latents,
            names=tuple(f"z{i}" for i in range(self.latents)),
            kinds=("continuous",) * self.latents,
            graph=np.zeros((self.latents, self.latents), dtype=np.int8),
            mixing=self._mixing,
            split=split,
        )
        names = {"x": tuple(f"x{j}" for j in range(self.observed))}
        return Dataset(x, {}, names, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether the support tells the latents apart, and how many anchors each has."""
        alone = (self.support.sum(1) == 1)[:, None] & (self.support == 1)
        fewest = int(alone.sum(0).min())
        mixed = [f"z{i}" for i in range(self.latents) if not told_apart(self.support, i)]
        why = "the observations that see a latent have that latent alone in common"
        if mixed:
            why = f"the observations that see {', '.join(mixed)} all see another latent too"
        filled = self.support.mean()
        return [
            Assumption("structural sparsity", not mixed, why, measured=False),
            Assumption("two anchors", fewest >= 2, f"the fewest anchors of a latent are {fewest}", measured=False),
            Assumption("sparse decoder", bool(filled <= 0.5), f"{filled:.0%} of the support is filled", measured=False),
        ]

    @cached_property
    def _mixing(self) -> SparseMixing:
        rng = np.random.default_rng([self.seed, 3])
        sign = rng.choice([-1.0, 1.0], size=self.support.shape)
        straight = self.support * sign * rng.uniform(0.5, 1.5, size=self.support.shape)
        straight /= np.sqrt(self.support.sum(1, keepdims=True))
        curved = draw_masked(rng, self.support.astype(bool))
        shrink = np.ones(self.observed)
        for j in np.flatnonzero(self.support.sum(1) == 1):
            # An anchor is a one-to-one function, so that anchors alone make the whole map injective.
            i = int(self.support[j].argmax())
            inputs = np.zeros((len(_GRID), self.latents))
            inputs[:, i] = _GRID
            against = -curved.part(np.array([j])).slopes(inputs)[:, 0, i] * np.sign(straight[j, i])
            shrink[j] = min(1.0, (1 - LEAST_SLOPE) * abs(straight[j, i]) / max(float(against.max()), 1e-12))
        scaled = MaskedMechanisms(curved.inner, curved.shift, curved.outer * shrink[:, None])
        return SparseMixing(straight, scaled)


def told_apart(support: np.ndarray, latent: int) -> bool:
    """Whether the observations that see a latent have no other latent in common.

    >>> told_apart(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]]), 0), told_apart(np.array([[1, 1], [1, 1]]), 0)
    (True, False)
    """
    rows = support[support[:, latent] == 1]
    return len(rows) > 0 and int((rows.min(0) == 1).sum()) == 1
