"""Linear latents whose effects on each other change from domain to domain, seen through one linear map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.graphs import adjacency, check_graph
from identikit.worlds.mechanisms import NOISES, draw_noise
from identikit.worlds.mixing import Mixing, draw_mixing


@dataclass(frozen=True)
class LinearEnvironments(World):
    r"""Latents with linear effects on each other that differ between domains, mixed by a linear map that does not.

    .. math:: z = A_k z + \Omega_k^{1/2} \varepsilon, \qquad x = G z + \sigma n,

    with independent noises of mean 0 and variance 1; entries of :math:`A_k` on the graph are normal about a common
    value (of size 0.6 to 1.2, either sign) with deviation `change`, and those of :math:`\Omega_k^{1/2}` are uniform in
    0.5 to 1.5.

    Args:
        latents: number of latents, named `z0`, `z1`, ...
        graph: names of the parents of each latent that has any; all those before it, if left out.
        domains: number of environments.
        observed: number of observations, more than the latents unless all is to be seen.
        change: how far the effects differ from domain to domain; 0 makes them equal.
        turned: 0 where all domains share G; else the weight of a map of each domain's own that is added to it.
        noise: name of the noises of the latents; `normal` ones leave the directions of the latents untold.
        blur: the deviation of the noise on every observation, which has none by default.
        seed: of G, the effects and the sizes of the noises.

    Source: the setting of Jin and Syrgkanis 2023 (arXiv 2311.12267) and of Zhang et al. 2025 (arXiv 2506.10378). The
    ranges are this library's choice.

    >>> data, truth = LinearEnvironments().sample(1_000, seed=0)
    >>> data
    Dataset(1000 rows: x(6,), domain(); train 800, validation 100, test 100)
    >>> truth.graph.tolist()
    [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    """

    latents: int = 3
    graph: Mapping[str, tuple[str, ...]] | None = None
    domains: int = 5
    observed: int = 6
    change: float = 0.8
    turned: float = 0.0
    noise: str = "laplace"
    blur: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.latents < 2 or self.domains < 1:
            raise InputError(f"latents is 2 or more and domains 1 or more, not {self.latents} and {self.domains}")
        for name in ("change", "turned", "blur"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is 0 or more, not {getattr(self, name):g}")
        if self.noise not in NOISES:
            raise unknown("noise", self.noise, NOISES)
        if self.graph is not None:
            object.__setattr__(self, "graph", {name: tuple(group) for name, group in self.graph.items()})
        check_graph(self.names, self.parents)
        check_seed(self.seed)
        _ = self._parts

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the latents."""
        return tuple(f"z{i}" for i in range(self.latents))

    @property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """The names of the parents of each latent."""
        return dict(self.graph) if self.graph is not None else {n: self.names[:i] for i, n in enumerate(self.names)}

    @cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
        """A (domains, latents, latents), the roots of Omega (domains, latents), and the map of each domain."""
        rng = np.random.default_rng([self.seed, 1])
        shape = (self.latents, self.latents)
        common = rng.uniform(0.6, 1.2, shape) * rng.choice([-1.0, 1.0], shape)
        effects = common + self.change * rng.normal(size=(self.domains, *shape))
        effects = effects * adjacency(self.names, self.parents).T
        maps = [draw_mixing(rng, self.latents, self.observed, layers=1, condition=2.0).weights[0]]
        own = [rng.normal(size=maps[0].shape) / np.sqrt(self.observed) for _ in range(self.domains)]
        return (
            effects,
            rng.uniform(0.5, 1.5, (self.domains, self.latents)),
            tuple(maps[0] + self.turned * o for o in own),
        )

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many from each domain.

        Returns:
            `(data, truth)`: data with `x` (n, observed) and `domain`; truth with the latents and their graph, and with
            the mixing where all domains share it and nothing blurs it.
        """
        if n < self.domains:
            raise InputError(f"{n} rows are fewer than the {self.domains} domains")
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 2])
        domain = np.sort(np.arange(n) % self.domains)
        effects, sizes, maps = self._parts
        noise = draw_noise(self.noise, rng, (n, self.latents)) * sizes[domain]
        inverse = np.linalg.inv(np.eye(self.latents) - effects)
        latents = np.einsum("nij,nj->ni", inverse[domain], noise)
        x = np.einsum("nij,nj->ni", np.stack(maps)[domain], latents)
        x = x + self.blur * rng.normal(size=x.shape)
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"x{i}" for i in range(self.observed)),
            "domain": tuple(f"domain {i}" for i in range(self.domains)),
        }
        data = Dataset(x.astype(np.float32), {"domain": domain}, names, split, self.source(n, seed))
        truth = Truth(
            latents=latents,
            names=self.names,
            kinds=("continuous",) * self.latents,
            graph=adjacency(self.names, self.parents),
            mixing=Mixing((maps[0],), 1.0) if self.turned == 0 and self.blur == 0 else None,
            split=split,
        )
        return data, truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether the map is shared, the effects differ, and the noises are such that directions can be told."""
        return [
            Assumption(
                "shared mixing", self.turned == 0, f"each domain adds {self.turned:g} of its own", measured=False
            ),
            Assumption(
                "changing effects", self.change > 0 and self.domains > 1, f"change={self.change:g}", measured=False
            ),
            Assumption("non-Gaussian", self.noise != "normal", f"the noises are {self.noise}", measured=False),
        ]
