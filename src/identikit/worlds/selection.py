"""A hierarchy in which parts make wholes, read from activations that hold more features than dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.layers import draw_layer, joined

_FEWEST = 1e-3
"""The share of rows that a selection must keep."""


@dataclass(frozen=True)
class SelectionHierarchy(World):
    r"""Binary parts of which higher levels are the conditions that they meet, written into activations as directions.

    The arrows point upwards: a node of a level is an effect of a few nodes of the level below,

    .. math:: v_0 \sim \mathrm{Bernoulli}(p), \qquad
        v_{l+1,j} = 1\Big[ \sum_{i \in \mathrm{Pa}(j)} v_{l,i} \ge k \Big] \oplus \mathrm{Bernoulli}(q), \qquad
        x = W v + \sigma \varepsilon,

    with W of random unit columns. All features of one activation vector share its dimensions, so where they outnumber
    them they lie in superposition. A selection, `required`, keeps the rows alone in which a constraint holds, that many
    nodes of the top level; the parts are then dependent, although nothing causes two of them,

    .. math:: p(v \mid S = 1) \propto p(v)\, 1[S(v) = 1], \qquad S(v) = 1\Big[ \sum_j v_{L,j} \ge r \Big].

    Args:
        parts: number of nodes of the lowest level.
        levels: number of nodes of each level above it.
        parents: how many nodes of the level below each node is made of.
        least: k, how many of them must be on; all (an AND) where it is left out.
        flip: q, the chance that the rule is not followed.
        chance: p, the chance of a part.
        observed: number of dimensions of an activation vector.
        views: `one` activation vector for all levels, or one for each of the `levels` (x is then a dict).
        noise: sigma, in each dimension.
        required: r, the number of top nodes that must be on in every row; 0 for no selection.
        seed: of the world: graph and directions.

    Raises:
        InputError: a number out of its range, or a selection that keeps fewer than one row in a thousand.

    Source: the model of Kong et al. 2025 (arXiv 2512.10720), of which its abstract and reviews were read, and the
    selection of Deng et al. 2025 (arXiv 2510.08222); rules, chances and directions are this library's choice.

    >>> world = SelectionHierarchy(parts=12, levels=(6, 3), observed=16)
    >>> data, truth = world.sample(500)
    >>> data.x.shape, truth.blocks["level 2"]
    ((500, 16), (18, 19, 20))
    """

    parts: int = 48
    levels: tuple[int, ...] = (24, 12)
    parents: int = 2
    least: int | None = None
    flip: float = 0.0
    chance: float = 0.4
    observed: int = 64
    views: str = "one"
    noise: float = 0.02
    required: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        check_seed(self.seed)
        if self.parts < 1 or not self.levels or min(self.levels) < 1:
            raise InputError(f"there is a part and a level above, each of 1 or more, not {self.parts}, {self.levels}")
        if self.views not in ("one", "levels"):
            raise unknown("view", self.views, ("one", "levels"))
        if not 1 <= self.rule <= self.parents:
            raise InputError(f"least is from 1 to parents={self.parents}, not {self.least}")
        if not 0 < self.chance < 1 or not 0 <= self.flip < 0.5:
            raise InputError(f"chance is between 0 and 1 and flip from 0 to below 0.5, not {self.chance}, {self.flip}")
        if self.observed < 1 or self.noise < 0:
            raise InputError(f"observed is at least 1 and noise 0 or more, not {self.observed} and {self.noise:g}")
        if not 0 <= self.required <= self.levels[-1]:
            raise InputError(f"required is from 0 to the {self.levels[-1]} nodes of the top level, not {self.required}")
        for below, nodes in pairwise(self.sizes):
            sets = math.comb(below, self.parents)
            if 0 < sets < nodes:
                raise InputError(
                    f"{below} nodes have {sets} different sets of {self.parents} parents, too few for a level of "
                    f"{nodes} in which no two are alike"
                )
        _ = self.layers

    @property
    def rule(self) -> int:
        """How many parents of a node must be on."""
        return self.parents if self.least is None else self.least

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of nodes of every level, the parts first."""
        return (self.parts, *self.levels)

    @cached_property
    def layers(self) -> list[np.ndarray]:
        """For each level above the parts, the (nodes below, nodes) 0/1 array of its edges."""
        rng = np.random.default_rng([self.seed, 2])
        return [draw_layer(rng, below, nodes, self.parents) for below, nodes in pairwise(self.sizes)]

    @property
    def graph(self) -> np.ndarray:
        """(nodes, nodes) 0/1 array of edges, from lower to higher levels."""
        return joined(self.layers)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Positions of the nodes of each level."""
        ends = np.cumsum((0, *self.sizes)).tolist()
        return {f"level {i}": tuple(range(ends[i], ends[i + 1])) for i in range(len(self.sizes))}

    @cached_property
    def directions(self) -> np.ndarray:
        """W, (observed, nodes): the unit direction of every node."""
        drawn = np.random.default_rng([self.seed, 3]).normal(size=(self.observed, sum(self.sizes)))
        return drawn / np.linalg.norm(drawn, axis=0)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows.

        Returns:
            `(data, truth)`: data with `x` (n, observed), or one such array for each level; truth with all nodes (0 or
            1), the levels as blocks, their graph, and the mixing where there is no noise and one view.
        """
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        nodes = self._selected(n, rng)
        views = {"x": tuple(range(nodes.shape[1]))} if self.views == "one" else self.blocks
        x = {
            name: nodes[:, list(own)] @ self.directions[:, list(own)].T
            + self.noise * rng.normal(size=(n, self.observed))
            for name, own in views.items()
        }
        x = {name: values.astype(np.float32) for name, values in x.items()}
        split = make_split(n, seed=seed)
        names = {name: tuple(f"{name}[{i}]" for i in range(self.observed)) for name in x}
        data = Dataset(x["x"] if self.views == "one" else x, {}, names, split, self.source(n, seed))
        truth = Truth(
            latents=nodes,
            names=tuple(f"v{level}.{i}" for level, size in enumerate(self.sizes) for i in range(size)),
            kinds=("discrete",) * nodes.shape[1],
            blocks=self.blocks,
            graph=self.graph,
            mixing=self._mixing if self.views == "one" and self.noise == 0 else None,
            split=split,
        )
        return data, truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether parts are independent, effects follow their rule, and the features of a vector can be told apart."""
        parts = truth.block("level 0")
        moving = parts[:, parts.std(0) > 0]
        worst, bound = 1.0, 5 / np.sqrt(len(parts))
        if moving.shape[1] > 1:
            found = np.abs(np.corrcoef(moving.T))
            np.fill_diagonal(found, 0)
            worst = float(found.max())
        free = worst <= bound and moving.shape[1] == parts.shape[1]
        why = f"the largest correlation of two parts is {worst:.2f}, chance goes to {bound:.2f}"
        follow = [
            self._rule(truth.block(f"level {i}"), layer) == truth.block(f"level {i + 1}")
            for i, layer in enumerate(self.layers)
        ]
        broken = 1 - float(np.concatenate(follow, axis=1).mean())
        views = self.blocks.values() if self.views == "levels" else [tuple(range(truth.latents.shape[1]))]
        groups = [self.directions[:, list(own)] for own in views]
        full = all(np.linalg.matrix_rank(group) == group.shape[1] for group in groups)
        most = max(group.shape[1] for group in groups)
        cosine = max(float(np.abs(np.triu(group.T @ group, 1)).max()) for group in groups)
        return [
            Assumption("independent parts", free, why),
            Assumption("exact effects", broken == 0, f"{broken:.1%} of the higher nodes do not follow their rule"),
            Assumption(
                "invertible",
                full,
                f"{most} features share {self.observed} dimensions, and two of them have a cosine of {cosine:.2f}",
                measured=False,
            ),
        ]

    def _rule(self, below: np.ndarray, layer: np.ndarray) -> np.ndarray:
        return below @ layer >= self.rule

    def _selected(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`n` rows of nodes that meet the selection, as numbers."""
        kept, count, drawn = [], 0, 0
        while count < n:
            nodes = self._nodes(max(n, 1_000), rng)
            drawn += len(nodes)
            nodes = nodes[nodes[:, -self.levels[-1] :].sum(1) >= self.required]
            count += len(nodes)
            kept.append(nodes)
            if drawn >= 20_000 and count < _FEWEST * drawn:
                raise InputError(
                    f"the selection keeps {count} of {drawn:,} rows: lower required={self.required}, or raise chance"
                )
        return np.concatenate(kept)[:n].astype(float)

    def _nodes(self, rows: int, rng: np.random.Generator) -> np.ndarray:
        levels = [rng.random((rows, self.parts)) < self.chance]
        for layer in self.layers:
            value = self._rule(levels[-1], layer)
            levels.append(value ^ (rng.random(value.shape) < self.flip))
        return np.concatenate(levels, axis=1)

    def _mixing(self, latents: np.ndarray) -> np.ndarray:
        return latents @ self.directions.T
