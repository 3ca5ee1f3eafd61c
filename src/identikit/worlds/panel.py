"""Latents that move in time, differ between domains and are seen in two views: every kind of constraint can apply."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.metrics.correlation import cross_correlation
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.mechanisms import Mechanism, draw_mechanism
from identikit.worlds.mixing import Mixing, draw_mixing
from identikit.worlds.raytracer import check_pixels, render

RENDERED = {
    "scene": ("x", "y", "size", "hue", "background"),
    "lighting": ("light", "camera", "hue", "background", "x"),
}
"""The factors of a picture that the latents set: two invariant ones, two changing ones, and the private one."""

_RANGES = {
    "hue": (-2.0, 2.0), "size": (0.45, 0.9), "x": (-0.7, 0.7), "y": (-0.7, 0.7),
    "light": (-1.4, 1.4), "camera": (-0.6, 0.6), "background": (-2.0, 2.0),
}  # fmt: skip
_BOX = 1.0
_FIXED = {"shape": _BOX, "hue": 0.5, "size": 0.7, "x": 0.0, "y": 0.0, "light": 0.6, "camera": 0.0, "background": 3.5}
_BURN, _REFERENCE = 20, 4_000


@dataclass(frozen=True)
class Panel(World):
    r"""Sequences of latents, some of which change from domain to domain, seen in two views with a private part each.

    Every latent is the effect of its own past, and of that of others where there are edges, with a noise whose size the
    past decides (all constants are drawn with the world):

    .. math:: \tilde z_{t,i} = a\, (\tilde z_{t-1,i} + f_i(\tilde z_{t-1}) / 2)
        + \sqrt{1 - a^2}\, e^{m \tanh(w_i^\top \tilde z_{t-1})} \epsilon_{t,i}, \qquad
        z_c = \tilde z_c, \quad z_s = \mu_u + \sigma_u \tilde z_s

    .. math:: x_t = g(z_t, p_t), \qquad \text{view}_t = g(z_t + \nu_t, p'_t), \qquad
        y_t = \text{which third } (R z_t)_k \text{ lies in, for each } k

    with a the memory, m the modulation, one domain u for each sequence, and private parts that are independent standard
    normal numbers in every view and at every time. Each latent has mean 0 and variance 1 over all domains.

    Args:
        invariant: latents whose process all domains share; they come first.
        changing: latents whose place and spread depend on the domain.
        private: numbers that each view has for itself.
        domains: number of domains; sequences are shared among them equally.
        length: time points in each sequence.
        observe: `network` (rows of numbers by an injective network), `sparse` (each number depends on two latents
            only), or pictures by ray tracing: `scene` (place, size and colour of a box; private: the ground's colour)
            and `lighting` (light, camera and colours; private: the place of the box).
        observed: numbers in `x` for `network`; `sparse` has two for each latent and private number.
        size: side of the pictures in pixels.
        edges: probability that the past of one latent has an effect on another; above 0 the latents depend on each
            other within a domain.
        memory: the share a of the past, from 0 (none) to below 1.
        modulation: how strongly the past decides on the size of the noise; 0 for not at all.
        shift: how far the domains lie apart; at 0 they are all alike.
        view_noise: deviation of what is added to the latents in the second view; 0 where both views show the same.
        told: how many of the latents the label depends on, from the first invariant and the first changing one on; a
            rotation R mixes them, and the label has `levels ** told` classes.
        levels: into how many equal shares each mixed latent is cut.
        seed: of the world.

    Raises:
        InputError: a parameter out of its range, or other than 2 + 2 + 1 latents for pictures.

    Source: the transition is in the manner of the simulations of Yao et al. 2022 (TDRL, arXiv 2210.13647), the views of
    von Kugelgen et al. 2021 (arXiv 2106.04619), the domains of Kong et al. 2022 (arXiv 2306.06510); to have all in one
    world, and every range, is this library's choice.

    >>> data, truth = Panel(domains=3).sample(300, seed=1)
    >>> data
    Dataset(300 rows: x(10,), y(), domain(), sequence(), time(), view(10,); train 240, validation 30, test 30)
    >>> truth.blocks
    {'invariant': (0, 1), 'changing': (2, 3), 'private': (4,)}
    """

    invariant: int = 2
    changing: int = 2
    private: int = 1
    domains: int = 9
    length: int = 10
    observe: str = "network"
    observed: int = 10
    size: int = 32
    edges: float = 0.0
    memory: float = 0.7
    modulation: float = 0.8
    shift: float = 1.0
    view_noise: float = 0.0
    told: int = 3
    levels: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.invariant, self.changing, self.private) < 0 or self.invariant + self.changing < 1:
            raise InputError(f"a world needs latents: invariant={self.invariant}, changing={self.changing}")
        if self.observe not in ("network", "sparse", *RENDERED):
            raise unknown("observation", self.observe, ("network", "sparse", *RENDERED))
        if self.observe in RENDERED and (self.invariant, self.changing, self.private) != (2, 2, 1):
            raise InputError(f"pictures ('{self.observe}') have 2 invariant, 2 changing latents and 1 private one")
        if self.observe == "sparse" and self._all < 3:
            raise InputError(f"a sparse mixing needs at least 3 latents and private numbers, not {self._all}")
        if self.domains < 1 or self.length < 2:
            raise InputError(f"domains is at least 1 and length at least 2, not {self.domains} and {self.length}")
        if not (0 <= self.memory < 1 and 0 <= self.edges <= 1):
            raise InputError(f"memory is from 0 to below 1 and edges from 0 to 1, not {self.memory} and {self.edges}")
        if min(self.modulation, self.shift, self.view_noise) < 0:
            raise InputError("modulation, shift and view_noise are 0 or more")
        if not 1 <= self.told <= self._shared or self.levels < 2:
            raise InputError(f"told is from 1 to {self._shared} and levels at least 2, not {self.told}, {self.levels}")
        check_pixels(self.size)
        check_seed(self.seed)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, a multiple of `length`: whole sequences, ordered by time.

        Returns:
            `(data, truth)`: data with `x`, `view` of the same shape, `y`, `domain`, `sequence` and `time`; truth with
            the latents and the private part of `x`, their blocks and the mixing.
        """
        if n < self.length or n % self.length:
            raise InputError(f"n is a multiple of the length of a sequence ({self.length}), not {n}")
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        sequences = n // self.length
        domain = np.repeat(rng.permutation(np.arange(sequences) % self.domains), self.length)
        latents = self._moved(self._walk(sequences, self.length, rng).reshape(n, -1), domain)
        private, others = rng.normal(size=(2, n, self.private))
        seen = latents + self.view_noise * rng.normal(size=latents.shape)
        own = np.concatenate([latents, private], 1)
        x, view = self.mix(own), self.mix(np.concatenate([seen, others], 1))
        label = self._label(latents)
        sequence = np.repeat(np.arange(sequences), self.length)
        split = make_split(n, seed=seed, groups=sequence)
        fields = {
            "y": label,
            "domain": domain.astype(np.int64),
            "sequence": sequence.astype(np.float32),
            "time": np.tile(np.arange(self.length), sequences).astype(np.float32),
            "view": view,
        }
        names = {
            "domain": tuple(f"domain {i}" for i in range(self.domains)),
            "y": tuple(f"class {i}" for i in range(self.levels**self.told)),
        }
        k, d = self.invariant, self._shared
        blocks = {"invariant": range(k), "changing": range(k, d), "private": range(d, self._all)}
        truth = Truth(
            latents=own,
            names=self.names,
            kinds=("continuous",) * self._all,
            blocks={name: tuple(block) for name, block in blocks.items() if block},
            graph=np.zeros((self._all,) * 2, np.int8),
            mixing=self.mix,
            split=split,
        )
        return Dataset(x, fields, names, split, self.source(n, seed)), truth

    @property
    def _shared(self) -> int:
        return self.invariant + self.changing

    @property
    def _all(self) -> int:
        return self._shared + self.private

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the latents, the private part last."""
        if self.observe in RENDERED:
            return RENDERED[self.observe]
        sizes = {"c": self.invariant, "s": self.changing, "p": self.private}
        return tuple(f"{letter}{i}" for letter, size in sizes.items() for i in range(size))

    @cached_property
    def lagged(self) -> np.ndarray:
        """(1, latents, latents) 0/1 array, entry (0, i, j) where latent j listens to latent i one time point before."""
        rng = np.random.default_rng([self.seed, 2])
        drawn = (rng.random((self._shared,) * 2) < self.edges) | np.eye(self._shared, dtype=bool)
        whole = np.zeros((1, self._all, self._all), np.int8)
        whole[0, : self._shared, : self._shared] = drawn
        return whole

    @cached_property
    def _dynamics(self) -> tuple[list[Mechanism], np.ndarray]:
        """One mechanism and one row of weights for the size of the noise for each latent."""
        rng = np.random.default_rng([self.seed, 3])
        mechanisms = [draw_mechanism(rng, self._shared) for _ in range(self._shared)]
        weights = rng.choice([-1.0, 1.0], size=(self._shared,) * 2) * rng.uniform(0.7, 1.5, (self._shared,) * 2)
        return mechanisms, weights

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of each latent in the long run, from a sample that belongs to the world."""
        rng = np.random.default_rng([self.seed, 4])
        reference = self._raw(_REFERENCE // 10, 10, rng).reshape(_REFERENCE, -1)
        return reference.mean(0), reference.std(0)

    def _raw(self, sequences: int, length: int, rng: np.random.Generator) -> np.ndarray:
        mechanisms, weights = self._dynamics
        parents = self.lagged[0, : self._shared, : self._shared].T.astype(float)
        now, walk = rng.normal(size=(sequences, self._shared)), []
        for _ in range(_BURN + length):
            effect = np.concatenate([f(now * parents[i]) for i, f in enumerate(mechanisms)], 1)
            spread = np.exp(self.modulation * np.tanh(now @ (weights * parents).T))
            noise = np.sqrt(1 - self.memory**2) * spread * rng.normal(size=now.shape)
            now = self.memory * (now + effect / 2) + noise
            walk.append(now)
        return np.stack(walk[_BURN:], 1)

    def _walk(self, sequences: int, length: int, rng: np.random.Generator) -> np.ndarray:
        mean, deviation = self._moments
        return (self._raw(sequences, length, rng) - mean) / deviation

    def _moved(self, base: np.ndarray, domain: np.ndarray) -> np.ndarray:
        """Give the changing latents the place and spread of their domain, and variance 1 over all domains."""
        u = np.random.default_rng([self.seed, 5]).random((self.domains, self.changing, 2))
        mean, deviation = self.shift * (4 * u[..., 0] - 2), (0.25 * 8 ** u[..., 1]) ** self.shift
        centre, spread = mean.mean(0), np.sqrt((deviation**2).mean(0) + mean.var(0))
        moved = base.copy()
        moved[:, self.invariant :] = (mean[domain] + deviation[domain] * base[:, self.invariant :] - centre) / spread
        return moved

    def _label(self, latents: np.ndarray) -> np.ndarray:
        # Invariant and changing latents in turn, as far as there are any.
        order = sorted(range(self._shared), key=lambda i: i if i < self.invariant else i - self.invariant + 0.5)
        turn = np.linalg.qr(np.random.default_rng([self.seed, 6]).normal(size=(self.told,) * 2))[0]
        mixed = latents[:, order[: self.told]] @ turn.T
        cuts = np.quantile(mixed, np.linspace(0, 1, self.levels + 1)[1:-1], axis=0)
        level = (mixed[None] > cuts[:, None]).sum(0)
        return (level @ self.levels ** np.arange(self.told)).astype(np.int64)

    @cached_property
    def _mixings(self) -> list[Mixing]:
        rng = np.random.default_rng([self.seed, 7])
        if self.observe == "network":
            return [draw_mixing(rng, self._all, self.observed)]
        return [draw_mixing(rng, 2, 2) for _ in range(self._all)]

    def mix(self, latents: np.ndarray) -> np.ndarray:
        """What latents and a private part (rows, all of them) look like: one view."""
        if self.observe in RENDERED:
            return self._pictures(latents)
        if self.observe == "network":
            return self._mixings[0](latents).astype(np.float32)
        # Neighbours in a ring: of any two latents, one is seen without the other.
        pairs = [latents[:, [i, (i + 1) % self._all]] for i in range(self._all)]
        return np.concatenate([g(pair) for g, pair in zip(self._mixings, pairs, strict=True)], 1).astype(np.float32)

    def _pictures(self, latents: np.ndarray) -> np.ndarray:
        values = dict(_FIXED)
        columns = torch.as_tensor(np.asarray(latents), dtype=torch.float32).unbind(1)
        for name, column in zip(RENDERED[self.observe], columns, strict=True):
            low, high = _RANGES[name]
            # Monotone, and nearly uniform over the range for a normal latent.
            values[name] = low + (high - low) * torch.special.ndtr(column)
        return render(**values, pixels=self.size).image.mul(255).add(0.5).to(torch.uint8).numpy()

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether the past tells something, the views show the same, the mixing is sparse, and latents keep apart."""
        shared = truth.latents[:, : self._shared]
        later = data["time"] > 0
        now, before = shared[later], shared[np.flatnonzero(later) - 1]
        found = np.abs(np.diag(cross_correlation(now, before)))
        chance = 4 / np.sqrt(len(now))
        cross = int(self.lagged.sum()) - self._shared
        each = 2 if self.observe == "sparse" else self._all
        said = [
            Assumption(
                "temporal dependence",
                bool(found.min() > chance),
                f"the least rank correlation of a latent and its past is {found.min():.2f}, chance {chance:.2f}",
            ),
            Assumption(
                "views share their content",
                self.view_noise == 0,
                f"the latents of the second view differ by noise of deviation {self.view_noise:g}",
                measured=False,
            ),
            Assumption(
                "independent latents",
                cross == 0,
                f"{cross} latents listen to the past of another one",
                measured=False,
            ),
        ]
        if self.observe not in RENDERED:
            said.append(
                Assumption(
                    "sparse mixing",
                    each < self._all,
                    f"each observation depends on {each} of {self._all} latents",
                    measured=False,
                )
            )
        return said
