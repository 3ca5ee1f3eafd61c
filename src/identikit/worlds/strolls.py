"""Walks whose intention is alike in all places, and whose style is that of the place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed

SECONDS = 0.4
"""Between two points of a walk."""
_SPEED, _SPREAD, _TURN, _SURGE, _SWAY, _PERIOD = 1.2, 0.3, 0.08, 0.04, 0.25, 10


@dataclass(frozen=True)
class Strolls(World):
    r"""Points of a walk, and where it goes on to: turn and surge are the walker's, pace and sway are the place's.

    With :math:`t` counted from the last point seen, the speed is :math:`v_t = 1.2 \, e^{0.3\,\mathrm{pace}}
    e^{0.04\,\mathrm{surge}\, t}` metres a second in the direction :math:`0.08\,\mathrm{turn}\, t`, and across it the
    walker sways by :math:`0.25\,\mathrm{sway} \sin(2 \pi t / 10)` metres. All four latents are normal: turn and surge
    with the same moments in every place, pace and sway with others in each.

    Args:
        domains: number of places.
        shift: how much pace and sway differ from place to place: their means are uniform in -1.5 to 1.5 times this, the
            logarithms of their deviations in -1 to 0.5 times this, before both are brought to mean 0 and variance 1
            over all places; 0 makes all places alike.
        past: points that are seen.
        future: points after them.
        noise: deviation of what is measured, in metres.
        seed: of the world: the moments of each place.

    Raises:
        InputError: fewer than one place or two points, a shift or noise below 0.

    Source: the setting of Bagi et al. 2023 (GCRL, arXiv 2302.08635), whose pedestrians keep another distance in each
    place; the walks, the latents and the numbers are this library's choice.

    >>> data, truth = Strolls().sample(500)
    >>> data
    Dataset(500 rows: x(14,), domain(), future(12, 2); train 400, validation 50, test 50)
    >>> truth.blocks
    {'invariant': (0, 1), 'changing': (2, 3)}
    """

    domains: int = 5
    shift: float = 1.0
    past: int = 8
    future: int = 12
    noise: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.domains < 1 or min(self.past, self.future) < 2:
            raise InputError(
                f"walks need a place and two points on both sides, not {self.domains}, {self.past} and {self.future}"
            )
        if self.shift < 0 or self.noise < 0:
            raise InputError(f"shift and noise are 0 or more, not {self.shift:g} and {self.noise:g}")
        check_seed(self.seed)

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of pace and sway in each place, each (domains, 2)."""
        rng = np.random.default_rng([self.seed, 0])
        mean = self.shift * rng.uniform(-1.5, 1.5, (self.domains, 2))
        deviation = np.exp(self.shift * rng.uniform(-1, 0.5, (self.domains, 2)))
        scale = np.sqrt((deviation**2).mean(0) + mean.var(0))
        return (mean - mean.mean(0)) / scale, deviation / scale

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many of each place.

        Returns:
            `(data, truth)`: data with `x` (n, 2 past - 2), the points before the last one seen, in metres from it, and
            the fields `future` (n, future, 2) and `domain`; truth with turn, surge, pace and sway, and `x` without its
            noise as `mixing`.
        """
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        domain = np.arange(n) % self.domains
        mean, deviation = self.moments
        latents = rng.normal(size=(n, 4))
        latents[:, 2:] = mean[domain] + deviation[domain] * latents[:, 2:]
        points = self.walk(latents) + self.noise * rng.normal(size=(n, self.past + self.future, 2))
        points -= points[:, [self.past - 1]]
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"{axis}{t}" for t in range(1 - self.past, 0) for axis in "xy"),
            "domain": tuple(f"place {i}" for i in range(self.domains)),
        }
        # The last point seen is the origin itself.
        x = points[:, : self.past - 1]
        fields = {"domain": domain, "future": points[:, self.past :].astype(np.float32)}
        data = Dataset(x.reshape(n, -1).astype(np.float32), fields, names, split, self.source(n, seed))
        truth = Truth(
            latents=latents,
            names=("turn", "surge", "pace", "sway"),
            kinds=("continuous",) * 4,
            blocks={"invariant": (0, 1), "changing": (2, 3)},
            graph=np.zeros((4, 4), dtype=np.int8),
            mixing=self.seen,
            split=split,
        )
        return data, truth

    def seen(self, latents: np.ndarray) -> np.ndarray:
        """What `x` shows (rows, 2 past - 2) of walks with these latents (rows, 4) without noise, in metres."""
        points = self.walk(latents)[:, : self.past]
        return (points[:, :-1] - points[:, -1:]).reshape(len(latents), -1)

    def walk(self, latents: np.ndarray) -> np.ndarray:
        """The points (rows, past + future, 2) of walks with these latents (rows, 4), in metres."""
        turn, surge, pace, sway = latents.T[:, :, None]
        t = np.arange(1 - self.past, self.future + 1)
        speed = _SPEED * np.exp(_SPREAD * pace + _SURGE * surge * t)
        heading = _TURN * turn * t
        direction = np.stack([np.cos(heading), np.sin(heading)], -1)
        walked = np.cumsum(SECONDS * speed[..., None] * direction, axis=1)
        across = np.stack([-np.sin(heading), np.cos(heading)], -1)
        return walked + (_SWAY * sway * np.sin(2 * np.pi * t / _PERIOD))[..., None] * across
