"""The grid of `bench/certificate.py`: worlds in which a claim holds, and worlds in which an assumption is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from identikit.data import Dataset, Truth
from identikit.worlds import DomainShift
from identikit.worlds.mixing import draw_mixing

ROWS_PER_DOMAIN = 1000
FIRST_WORLD = 2000


class Dependent(DomainShift):
    """The changing latents depend on each other within every domain (correlation 0.9 before the shift)."""

    def draw(self, base: np.ndarray, domain: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the changing latents from correlated numbers."""
        size = base.shape[1]
        correlation = np.full((size, size), 0.9) + 0.1 * np.eye(size)
        return super().draw(base @ np.linalg.cholesky(correlation).T, domain, rng)


class Alike(DomainShift):
    """The domains hardly differ: nine tenths of the shift are taken away."""

    def draw(self, base: np.ndarray, domain: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the changing latents, mostly domain-free."""
        latents, base = super().draw(base, domain, rng)
        return 0.1 * latents + 0.9 * base, base


@dataclass(frozen=True)
class Folded:
    """A mixing that keeps the square of the last latent only."""

    inner: Callable[[np.ndarray], np.ndarray]

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map (rows, latents) to (rows, observed)."""
        return self.inner(np.concatenate([latents[:, :-1], latents[:, -1:] ** 2 - 1], axis=1))


@dataclass(frozen=True)
class Narrow:
    """A mixing that shows fewer numbers than there are latents."""

    inner: Callable[[np.ndarray], np.ndarray]
    observed: int

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map (rows, latents) to (rows, observed)."""
        return self.inner(latents)[:, : self.observed]


@dataclass(frozen=True)
class Kind:
    """One row of the grid.

    Attributes:
        name: what is special.
        count: how many worlds.
        method: what is fitted.
        world: makes the world from a seed.
        options: of the method.
        rows: for each domain.
        holds: whether the method's assumptions are met.
    """

    name: str
    count: int
    method: str
    world: Callable[[int], DomainShift]
    options: dict[str, Any] = field(default_factory=dict)
    rows: int = ROWS_PER_DOMAIN
    holds: bool = False


def _shift(**options: Any) -> Callable[[int], DomainShift]:
    return lambda seed: DomainShift(seed=seed, **options)


def _mixed(wrap: Callable[[Any], Any], latents: int = 4) -> Callable[[int], DomainShift]:
    def world(seed: int) -> DomainShift:
        inner = draw_mixing(np.random.default_rng([seed, 2]), latents, 8, 3, condition=1.5)
        return DomainShift(seed=seed, mixing=wrap(inner))

    return world


KINDS = [
    Kind("nine domains", 24, "imsda", _shift(), holds=True),
    Kind("seven domains", 12, "imsda", _shift(domains=7), holds=True),
    Kind("five domains", 10, "imsda", _shift(domains=5), holds=True),
    Kind("nine domains, mixture", 12, "imsda", _shift(shift="mixture"), holds=True),
    Kind("two domains", 10, "imsda", _shift(domains=2)),
    Kind("three domains", 10, "imsda", _shift(domains=3)),
    Kind("domains alike", 10, "imsda", lambda seed: Alike(seed=seed)),
    Kind("dependent latents", 14, "imsda", lambda seed: Dependent(seed=seed)),
    Kind("folded mixing", 10, "imsda", _mixed(Folded)),
    Kind("fewer observations than latents", 10, "imsda", _mixed(lambda inner: Narrow(inner, 3))),
    Kind("collapsed posterior", 12, "imsda", _shift(), {"beta": 1.0}),
    Kind("little data", 12, "imsda", _shift(), rows=90),
    Kind("too few latents", 8, "imsda", _shift(), {"latents": 3, "changing": 1}),
    Kind("too many latents", 8, "imsda", _shift(), {"latents": 6, "changing": 4}),
    Kind("ivae, nine domains", 14, "ivae", _shift(invariant=0, changing=3), {"latents": 3}, holds=True),
    Kind("ivae, three domains", 8, "ivae", _shift(invariant=0, changing=3, domains=3), {"latents": 3}),
    Kind("ivae, Gaussian rotation", 10, "ivae", _shift(invariant=3, changing=0), {"latents": 3}),
    Kind("vae, Gaussian rotation", 8, "vae", _shift(invariant=3, changing=0), {"latents": 3}),
    Kind("vae, nine domains", 8, "vae", _shift(invariant=0, changing=3), {"latents": 3}),
]


@dataclass(frozen=True)
class Cell:
    """One fit of the grid: a kind and the seed of its world; every other one sets the rules."""

    kind: Kind
    number: int

    @property
    def seed(self) -> int:
        """Seed of the world: no two cells share one."""
        return FIRST_WORLD + 50 * KINDS.index(self.kind) + self.number

    @property
    def half(self) -> str:
        """`rules` for the worlds that set thresholds, `figures` for those that the figures come from."""
        return ("rules", "figures")[self.number % 2]

    @property
    def name(self) -> str:
        """A name for files."""
        return f"{self.kind.name.replace(', ', '-').replace(' ', '_')}-{self.number:02d}"

    def sample(self) -> tuple[Dataset, Truth]:
        """The data and the truth of the cell's world."""
        world = self.kind.world(self.seed)
        return world.sample(self.kind.rows * world.domains)


def grid() -> list[Cell]:
    """All cells, kinds taking turns, so that a part of them is a small grid."""
    cells = [Cell(kind, number) for kind in KINDS for number in range(kind.count)]
    return sorted(cells, key=lambda cell: (cell.half != "rules", cell.number / cell.kind.count, KINDS.index(cell.kind)))
