"""The generating process of partial identifiability for domain adaptation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.mixing import Mixing, check_invertible, draw_mixing

_MOST_DOMAINS = 64


@dataclass(frozen=True)
class DomainShift(World):
    r"""Latents of which some change their distribution from domain to domain, mixed by one map for all domains.

    With :math:`z_c \sim N(0, I)` in every domain and independent components throughout,

    .. math:: z_s = f_u(\tilde z_s), \quad \tilde z_s \sim N(0, I), \qquad x = g(z_c, z_s), \qquad
        y = 1[\, q(z_c, \tilde z_s) > \text{median} \,],

    where each :math:`f_u` is increasing and component-wise, g an injective network with leaky rectifiers, and q a
    random quadratic form. Over all domains together every changing latent has mean 0 and variance 1, so its scale gives
    nothing away. The first domains of a world with more of them are those of the world with fewer, up to that scale.

    Args:
        invariant: latents whose distribution all domains share; they come first.
        changing: latents whose distribution changes.
        domains: number of domains.
        observed: number of observations in `x`.
        mixing: `network` or `linear`, or a map of your own from (rows, latents) to (rows, observed) in NumPy.
        shift: `moments` (a normal with mean uniform in -2..2 and deviation log-uniform in 0.2..2) or `mixture` (of two
            normals; see `draw`).
        unlabelled: how many domains, from the last, have their labels hidden.
        layers: of the network.
        condition: the largest condition number that a layer of it may have.
        silent: how many latents of each block, from its first, the label does not depend on.
        seed: of the world: mixing, domains and label.

    Source: Kong et al. 2022 (iMSDA, arXiv 2306.06510); the mixture is the setting of Li et al. 2023 (SIG,
    arXiv 2310.00338). The ranges are this library's choice.

    >>> data, truth = DomainShift(domains=3).sample(300, seed=1)
    >>> data
    Dataset(300 rows: x(8,), y(), domain(); train 240, validation 30, test 30)
    >>> truth.blocks
    {'invariant': (0, 1), 'changing': (2, 3)}
    """

    invariant: int = 2
    changing: int = 2
    domains: int = 9
    observed: int = 8
    mixing: str | Mixing = "network"
    shift: str = "moments"
    unlabelled: int = 1
    layers: int = 3
    condition: float = 1.5
    silent: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.invariant < 0 or self.changing < 0 or self.invariant + self.changing < 1:
            raise InputError(f"a world needs latents: invariant={self.invariant}, changing={self.changing}")
        if not 1 <= self.domains <= _MOST_DOMAINS:
            raise InputError(f"domains is from 1 to {_MOST_DOMAINS}, not {self.domains}")
        if not 0 <= self.unlabelled < self.domains and self.domains > 1:
            raise InputError(
                f"unlabelled is from 0 to {self.domains - 1} of {self.domains} domains, not {self.unlabelled}"
            )
        if self.silent < 0 or max(self.invariant, self.changing) <= self.silent:
            raise InputError(f"silent is 0 or more and leaves the label a latent to depend on, not {self.silent}")
        if self.shift not in ("moments", "mixture"):
            raise unknown("shift", self.shift, ("moments", "mixture"))
        if isinstance(self.mixing, str) and self.mixing not in ("network", "linear"):
            raise unknown("mixing", self.mixing, ("network", "linear"))
        if isinstance(self.mixing, Mixing):
            check_invertible(self.mixing)
        check_seed(self.seed)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many from each domain.

        Returns:
            `(data, truth)`: data with `x` (n, observed), `y` (two classes, hidden in the last domains) and `domain`;
            truth with the latents, their blocks, the hidden labels and the mixing.
        """
        if n < self.domains:
            raise InputError(f"{n} rows are fewer than the {self.domains} domains")
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        domain = np.sort(np.arange(n) % self.domains)
        base = rng.normal(size=(n, self.invariant + self.changing))
        latents = base.copy()
        k = self.invariant
        latents[:, k:], base[:, k:] = self.draw(base[:, k:], domain, rng)
        mixing = self._mixing()
        x = mixing(latents)
        if x.ndim != 2 or len(x) != n:
            raise InputError(f"the mixing maps {n} rows to shape {x.shape}, and ({n}, observed) is needed")
        label = self._label(base)
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"x{i}" for i in range(x.shape[1])),
            "domain": tuple(f"domain {i}" for i in range(self.domains)),
            "y": ("low", "high"),
        }
        data = Dataset(x.astype(np.float32), {"y": label, "domain": domain}, names, split, self.source(n, seed))
        hidden = domain >= self.domains - (self.unlabelled if self.domains > 1 else 0)
        blocks = {"invariant": tuple(range(k)), "changing": tuple(range(k, latents.shape[1]))}
        truth = Truth(
            latents=latents,
            names=tuple(f"c{i}" for i in range(k)) + tuple(f"s{i}" for i in range(self.changing)),
            kinds=("continuous",) * latents.shape[1],
            blocks={name: block for name, block in blocks.items() if block},
            graph=np.zeros((latents.shape[1],) * 2, dtype=np.int8),
            labels={"y": label},
            mixing=mixing,
            split=split,
        )
        return data.hide("y", hidden), truth

    def source(self, n: int, seed: int) -> dict:
        """Where a data set came from; empty for a mixing of one's own, which cannot be written down."""
        return super().source(n, seed) if isinstance(self.mixing, str) else {}

    def _mixing(self) -> Mixing:
        if not isinstance(self.mixing, str):
            return self.mixing
        rng = np.random.default_rng([self.seed, 2])
        latents = self.invariant + self.changing
        mixing = draw_mixing(rng, latents, self.observed, self.layers, condition=self.condition)
        return replace(mixing, slope=1.0) if self.mixing == "linear" else mixing

    def draw(self, base: np.ndarray, domain: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the changing latents of the given domains.

        The mixture has two normals 1.5 to 4.5 apart with 0.3 to 0.7 of the rows in the lower one, and deviations 0.6
        times a log-uniform number in 0.2..2.

        Args:
            base: (rows, changing) standard normal numbers.
            domain: (rows,) domain codes.
            rng: which of two normals each row of a mixture comes from.

        Returns:
            The latents, and the domain-free values that they are increasing maps of; each (rows, changing).
        """
        from scipy.special import ndtr, ndtri

        u = np.random.default_rng([self.seed, 3]).random((_MOST_DOMAINS, self.changing, 5))[: self.domains]
        mean, deviation = 4 * u[..., 0] - 2, 0.2 * 10 ** u[..., 1]
        if self.shift == "moments":
            centre, spread = _pooled(mean, deviation**2)
            return ((mean[domain] + deviation[domain] * base) - centre) / spread, base
        half, share = 0.75 + 1.5 * u[..., 2], 0.3 + 0.4 * u[..., 3]
        lows, highs = mean - half, mean + half
        wide, narrow = 0.6 * deviation, 0.12 * 10 ** u[..., 4]
        within = share * (lows**2 + wide**2) + (1 - share) * (highs**2 + narrow**2)
        average = share * lows + (1 - share) * highs
        centre, spread = _pooled(average, within - average**2)
        lows, highs, wide, narrow, share = (v[domain] for v in (lows, highs, wide, narrow, share))
        lower = rng.random(base.shape) < share
        value = np.where(lower, lows + wide * base, highs + narrow * base)
        rank = share * ndtr((value - lows) / wide) + (1 - share) * ndtr((value - highs) / narrow)
        return (value - centre) / spread, ndtri(rank.clip(1e-12, 1 - 1e-12))

    def _label(self, base: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 4])
        k, s = self.invariant, self.silent
        base = np.concatenate([base[:, :k][:, s:], base[:, k:][:, s:]], axis=1)
        line, form = rng.normal(size=base.shape[1]), rng.normal(size=(base.shape[1],) * 2)
        score = base @ line + 0.5 * ((base @ form) * base).sum(1)
        return (score > np.median(score)).astype(np.int64)


def _pooled(mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of equally many rows from each domain, `(changing,)` each, from those of the domains."""
    return mean.mean(0), np.sqrt(variance.mean(0) + mean.var(0))
