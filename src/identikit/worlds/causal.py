"""A structural causal model over named factors, some of whose mechanisms may change from domain to domain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from identikit.errors import InputError, unknown
from identikit.worlds.graphs import adjacency, check_graph

STRENGTH = 1.2
"""Size of the part of a factor that its parents explain, where a root's noise has size 1."""
REST = 0.7
"""Size of the noise of a factor that has parents."""


@dataclass(frozen=True)
class Factor:
    """One named factor and the values it may take.

    Attributes:
        name: of the factor.
        kind: `continuous` (`low` to `high`), `circular` (an angle from -pi to pi) or `discrete` (0 to `levels` - 1).
        low: smallest value of a continuous factor.
        high: largest value of a continuous factor.
        levels: number of categories of a discrete factor.
    """

    name: str
    kind: str = "continuous"
    low: float = 0.0
    high: float = 1.0
    levels: int = 0

    @property
    def width(self) -> int:
        """Number of scores from which a value of this factor is made: one for each category of a discrete factor."""
        return self.levels if self.kind == "discrete" else 1

    def features(self, values: np.ndarray) -> np.ndarray:
        """What a child sees of values (n,): -1 to 1, a point on the circle, or one column for each category."""
        if self.kind == "circular":
            return np.stack([np.cos(values), np.sin(values)], 1)
        if self.kind == "discrete":
            return np.eye(self.levels)[values.astype(int)]
        return (2 * (values - self.low) / (self.high - self.low) - 1)[:, None]

    def value(self, scores: np.ndarray) -> np.ndarray:
        """Turn scores (n, width) into values (n,): a sigmoid onto the range, a wrapped angle, or the highest score."""
        if self.kind == "circular":
            return np.arctan2(np.sin(math.pi * scores[:, 0]), np.cos(math.pi * scores[:, 0]))
        if self.kind == "discrete":
            return scores.argmax(1).astype(float)
        # The factor 1.7 makes the sigmoid nearly the normal distribution function, so that a root is nearly uniform.
        return self.low + (self.high - self.low) / (1 + np.exp(-1.7 * scores[:, 0]))


@dataclass(frozen=True)
class CausalModel:
    """Structural equations `factor = f(centre[domain] + sum of effects of parents + scale[domain] * noise)`.

    The noises are independent standard normal, or Gumbel for a discrete factor, whose value is the category of the
    highest score. `f` is a sigmoid onto the range of a continuous factor and a wrap around the circle for a circular
    one. The seed draws the effects, which are the same in every domain, and the centres and scales: one pair for an
    invariant factor, and one pair in each domain for a changing one. Centres of the domains are spread evenly, in
    random order.

    Args:
        factors: the factors, in the order of the columns of a sample.
        graph: the names of the parents of each factor that has any.
        domains: number of domains.
        changing: names of the factors whose mechanism changes from domain to domain.
        seed: of the mechanisms.

    Raises:
        InputError: an unknown factor, a graph with a cycle, or fewer than one domain.

    >>> import numpy as np
    >>> model = CausalModel((Factor("rain"), Factor("wet")), {"wet": ("rain",)})
    >>> noise = model.noise(1_000, np.random.default_rng(0))
    >>> seen, forced = model.values(noise), model.values(noise, do={"wet": 0.5})
    >>> bool(abs(np.corrcoef(seen.T)[0, 1]) > 0.5), bool((seen[:, 0] == forced[:, 0]).all())
    (True, True)
    """

    factors: tuple[Factor, ...]
    graph: Mapping[str, tuple[str, ...]]
    domains: int = 1
    changing: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.domains < 1:
            raise InputError(f"domains must be at least 1, not {self.domains}")
        for name in self.changing:
            if name not in self.names:
                raise unknown("factor", name, self.names)
        _ = self.order

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(f.name for f in self.factors)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of the factors, parents before children."""
        return check_graph(self.names, self.graph)

    @property
    def adjacency(self) -> np.ndarray:
        """(factors, factors) 0/1 array, entry (i, j) for an edge from factor i to factor j."""
        return adjacency(self.names, self.graph)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Positions of the factors whose mechanism is `invariant` and of those whose mechanism is `changing`."""
        moves = [self.domains > 1 and n in self.changing for n in self.names]
        return {
            "invariant": tuple(i for i, m in enumerate(moves) if not m),
            "changing": tuple(i for i, m in enumerate(moves) if m),
        }

    def forced(self, do: Mapping[str, float | np.ndarray]) -> CausalModel:
        """The model once the factors in `do` are set by force: they have no parents, and do not change by domain.

        >>> model = CausalModel((Factor("rain"), Factor("wet")), {"wet": ("rain",)})
        >>> model.forced({"wet": 0.5}).adjacency.tolist()
        [[0, 0], [0, 0]]
        """
        for name in do:
            if name not in self.names:
                raise unknown("factor", name, self.names)
        graph = {child: parents for child, parents in self.graph.items() if child not in do}
        return replace(self, graph=graph, changing=tuple(n for n in self.changing if n not in do))

    def noise(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw the independent noise (n, width) of every factor."""
        draw = {"discrete": rng.gumbel}
        return {f.name: draw.get(f.kind, rng.normal)(size=(n, f.width)) for f in self.factors}

    def values(
        self,
        noise: Mapping[str, np.ndarray],
        domain: np.ndarray | None = None,
        do: Mapping[str, float | np.ndarray] | None = None,
    ) -> np.ndarray:
        """Solve the structural equations; the same noise with another `do` is the counterfactual.

        Args:
            noise: what `noise` returned.
            domain: (n,) domain codes; all rows are from domain 0 where it is left out.
            do: factors that are set by force, a number or (n,) numbers each, and no longer listen to their parents.

        Returns:
            (n, factors) values, columns in the order of `factors`.
        """
        do = do or {}
        for name in do:
            if name not in self.names:
                raise unknown("factor", name, self.names)
        n = len(next(iter(noise.values())))
        code = np.zeros(n, dtype=int) if domain is None else domain
        found: dict[str, np.ndarray] = {}
        for name in self.order:
            if name in do:
                found[name] = np.broadcast_to(np.asarray(do[name], dtype=float), (n,))
                continue
            factor, (centre, scale, effects) = self._factor(name), self._mechanisms[name]
            scores = centre[code] + scale[code] * noise[name]
            for parent, effect in effects.items():
                scores = scores + self._factor(parent).features(found[parent]) @ effect
            found[name] = factor.value(scores)
        return np.stack([found[name] for name in self.names], 1)

    def _factor(self, name: str) -> Factor:
        return self.factors[self.names.index(name)]

    @cached_property
    def _mechanisms(self) -> dict[str, tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]]:
        """Centres (domains, width), scales (domains, 1 or width) and effects of the parents, by factor."""
        # A generator for each factor, so that a change to one mechanism leaves the others as they are.
        return {f.name: self._mechanism(f, np.random.default_rng([self.seed, i])) for i, f in enumerate(self.factors)}

    def _mechanism(
        self, factor: Factor, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        parents = self.graph.get(factor.name, ())
        effects = {p: _effect(self._factor(p), factor, rng) / math.sqrt(len(parents)) for p in parents}
        shape, round_ = (self.domains, factor.width), factor.kind == "circular"
        changes = self.domains > 1 and factor.name in self.changing
        if factor.kind == "discrete":
            centre = rng.normal(size=shape) if changes else np.zeros(shape)
            return centre, np.ones((self.domains, 1)), effects
        if changes:
            # Kept narrower on a range than on a circle, where no value is near an end.
            spread, low, high = (1.0, 0.15, 0.3) if round_ else (0.7, 0.3, 0.6)
            place = (rng.permutation(self.domains)[:, None] + rng.uniform()) / self.domains
            return spread * (2 * place - 1), rng.uniform(low, high, size=shape), effects
        # Noise of size 1 spreads an angle over the whole circle, and half as much is left beside what parents say.
        rest = (0.5 * REST if round_ else REST) if parents else 1.0
        return np.full(shape, rng.uniform(-1, 1) if round_ else 0.0), np.full(shape, rest), effects


def _effect(parent: Factor, child: Factor, rng: np.random.Generator) -> np.ndarray:
    """Weights (features of the parent, scores of the child) that always say something of the parent."""
    if parent.kind == "discrete":
        spread = np.linspace(-1, 1, parent.levels)
        weights = np.stack([rng.permutation(spread) for _ in range(child.width)], 1)
    elif parent.kind == "circular":
        angle = rng.uniform(0, 2 * math.pi, size=child.width)
        weights = np.stack([np.cos(angle), np.sin(angle)])
    else:
        weights = rng.choice([-1.0, 1.0], size=(1, child.width)) * rng.uniform(0.8, 1.0, size=(1, child.width))
    return STRENGTH * weights * (0.4 if child.kind == "circular" else 1.0)
