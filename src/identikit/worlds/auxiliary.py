"""Nonlinear independent component analysis with an auxiliary variable: segments that modulate the latents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.mechanisms import NOISES, draw_noise
from identikit.worlds.mixing import Mixing, draw_mixing


@dataclass(frozen=True)
class Auxiliary(World):
    r"""Latents that are independent given an observed segment, which sets their variances, means, both or neither.

    .. math:: z_i = \mu_i(u) + \sigma_i(u)\, \epsilon_i, \qquad x = g(z)

    Over all segments together every latent has mean 0 and variance 1.

    Args:
        latents: number of latents.
        observed: number of observations, at least as many.
        segments: number of values of the auxiliary variable; the rows are shared out evenly, in order.
        variances: whether a segment has its own deviations, log-uniform in 0.2..2.
        means: whether a segment has its own means, uniform in -2..2.
        noise: `normal`, `laplace` or `uniform`.
        mixing: `network` or `linear`.
        layers: of the network.
        condition: the largest condition number that a layer of it may have.
        seed: of the world: segments and mixing.

    Raises:
        InputError: a number out of its range, or an unknown noise or mixing.

    Variances alone are time-contrastive learning (Hyvarinen and Morioka 2016, arXiv 1605.06336); both are iVAE
    (Khemakhem et al. 2020, arXiv 1907.04809). With `variances=False` and normal noise, the latents are normal with a
    fixed variance, and a rotation of them explains every segment as well. The ranges are this library's choice.

    >>> world = Auxiliary(latents=2, segments=10)
    >>> data, truth = world.sample(1_000, seed=0)
    >>> data
    Dataset(1000 rows: x(8,), domain(); train 800, validation 100, test 100)
    >>> world.deviations.shape
    (10, 2)
    >>> Auxiliary(variances=False, means=True).describe()["sufficiently variable"].word
    'broken'
    """

    latents: int = 4
    observed: int = 8
    segments: int = 40
    variances: bool = True
    means: bool = False
    noise: str = "normal"
    mixing: str = "network"
    layers: int = 3
    condition: float = 1.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.latents < 1 or self.segments < 1:
            raise InputError(f"latents and segments are 1 or more, not {self.latents} and {self.segments}")
        if self.noise not in NOISES:
            raise unknown("noise", self.noise, NOISES)
        if self.mixing not in ("network", "linear"):
            raise unknown("mixing", self.mixing, ("network", "linear"))
        check_seed(self.seed)
        _ = self._mixing

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many from each segment.

        Returns:
            `(data, truth)`: data with `x` (n, observed) and the segment as `domain`; truth with the latents and the
            mixing.

        Raises:
            InputError: fewer rows than segments.
        """
        if n < self.segments:
            raise InputError(f"{n} rows are fewer than the {self.segments} segments")
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        domain = np.sort(np.arange(n) % self.segments)
        noise = draw_noise(self.noise, rng, (n, self.latents))
        latents = self.centres[domain] + self.deviations[domain] * noise
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"x{i}" for i in range(self.observed)),
            "domain": tuple(f"segment {u}" for u in range(self.segments)),
        }
        x = self._mixing(latents).astype(np.float32)
        positions = tuple(range(self.latents))
        truth = Truth(
            latents=latents,
            names=tuple(f"z{i}" for i in positions),
            kinds=("continuous",) * self.latents,
            blocks={"changing" if self.variances or self.means else "invariant": positions},
            graph=np.zeros((self.latents, self.latents), dtype=np.int8),
            mixing=self._mixing,
            split=split,
        )
        return Dataset(x, {"domain": domain}, names, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether the segments differ enough for the sufficient statistics that they change.

        Variances change one statistic of each latent, which is no monotone function of it; means change one that is,
        and say no more than a rotation does; both change two. The difference of the natural parameters has to span a
        dimension for each statistic.
        """
        name = "sufficiently variable"
        if not (self.variances or self.means):
            return [Assumption(name, False, f"all {self.segments} segments are alike", measured=False)]
        if self.noise == "uniform" or (self.means and self.noise != "normal"):
            why = f"{self.noise} noise of changing {'mean' if self.means else 'width'} is no exponential family"
            return [Assumption(name, None, why, measured=False)]
        scale = self.deviations if self.noise == "laplace" else self.deviations**2
        natural = [*[1 / scale] * self.variances, *[self.centres / scale] * self.means]
        found = np.concatenate(natural, axis=1)
        found = (found - found[0]) / np.abs(found).max(0)
        rank = int((np.linalg.svd(found, compute_uv=False) > 1e-6).sum())
        wanted = found.shape[1]
        why = f"the natural parameters of {self.segments} segments span {rank} of {wanted} dimensions"
        if not self.variances:
            return [Assumption(name, False, f"{why}, but only means differ: a rotation remains", measured=False)]
        return [Assumption(name, rank == wanted, why, measured=False)]

    @property
    def centres(self) -> np.ndarray:
        """(segments, latents) the mean of each latent in each segment."""
        return self._moments[0]

    @property
    def deviations(self) -> np.ndarray:
        """(segments, latents) the deviation of each latent in each segment."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        u = np.random.default_rng([self.seed, 2]).random((self.segments, self.latents, 2))
        mean = (4 * u[..., 0] - 2) * self.means
        deviation = 0.2 * 10 ** u[..., 1] if self.variances else np.ones(u.shape[:2])
        pooled = np.sqrt((deviation**2).mean(0) + mean.var(0))
        return (mean - mean.mean(0)) / pooled, deviation / pooled

    @cached_property
    def _mixing(self) -> Mixing:
        rng, slope = np.random.default_rng([self.seed, 3]), 1.0 if self.mixing == "linear" else 0.2
        return draw_mixing(rng, self.latents, self.observed, self.layers, slope, self.condition)
