"""A hierarchy of continuous latents, of which only the leaves are seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption, dependent
from identikit.worlds.hierarchy_graphs import HierarchyGraph, Kinds, named_graph
from identikit.worlds.mechanisms import NOISES, draw_mechanism, draw_noise
from identikit.worlds.mixing import draw_mixing

HIERARCHIES: Kinds = {
    "tree": ({"z2": "z1", "z3": "z1"}, "z2 z2 z3 z3"),
    "shared leaf": ({"z2": "z1", "z3": "z1"}, "z2 z2 z2+z3 z3 z3"),
    "uneven": ({"z2": "z1", "z3": "z1"}, "z1 z2 z2 z3 z3"),
    "v-structure": ({"z3": "z1+z2"}, "z1 z1 z2 z2 z3 z3"),
    "diamond": ({"z2": "z1", "z3": "z1", "z4": "z2+z3"}, "z2 z2 z3 z3 z4 z4"),
    "several paths": ({"z2": "z1", "z3": "z1", "z4": "z2", "z5": "z2+z3", "z6": "z3"}, "z2 z3 z4 z4 z5 z5 z6 z6"),
    "three levels": (
        {"z2": "z1", "z3": "z1", "z4": "z2", "z5": "z2", "z6": "z3", "z7": "z3"},
        "z4 z4 z5 z5 z6 z6 z7 z7",
    ),
    "triangle": ({"z2": "z1", "z3": "z1+z2"}, "z1 z1 z2 z2 z3 z3"),
    "one child": ({"z2": "z1", "z3": "z1", "z4": "z3"}, "z2 z2 z4 z4"),
}
"""The named graphs; the last two break a condition on structure."""

ROWS = 4_096
"""Rows from which the centre and the scale of each node are fixed."""
POINTS = 64
"""Rows at which the slope of a node's function is taken."""


@dataclass(frozen=True)
class Hierarchy(World):
    r"""Continuous latents that cause one another from the top down, of which only the leaves are observed.

    .. math:: z_i = g_i(\mathrm{Pa}(z_i), \varepsilon_i), \qquad x_j = g_j(\mathrm{Pa}(x_j), \varepsilon_j),

    with independent noises, no edge between observed leaves, latents that may have no observed child, and any number of
    paths between two nodes. With `invertible`, each g is an injective network of its parents and its noise together, so
    that a node has as many numbers as both; without, :math:`g(v, \varepsilon) = f(v) + s \varepsilon` has the size of
    its noise and loses what its parents were. Every number of every node is brought to mean 0 and variance 1. Where
    paths meet again, the parents of an invertible node tell some of the same, and its numbers lie on a surface.

    Args:
        graph: names of the parents of every node that has any, or one of `HIERARCHIES`: `tree`, `shared leaf`,
            `uneven`, `v-structure`, `diamond`, `several paths`, `three levels`, `triangle`, `one child`.
        observed: names of the observed leaves; the nodes without a child where it is left out.
        sizes: numbers in a node, by name; otherwise those that it needs.
        noise_size: numbers in the noise of a node; a root has the size of its noise.
        invertible: whether a node tells what its parents and its noise were.
        function: `network`, or `linear` for linear maps.
        noise: `normal`, `laplace` or `uniform`.
        noise_scale: s, the deviation of the noise of a node with parents; those of roots have 1.
        seed: of the world: functions.

    Raises:
        InputError: an unknown name, a graph that is no hierarchy, or a size that cannot hold what it must.

    Source: Kong et al. 2023 (arXiv 2306.07916); `invertible=False` with single numbers is the setting of Prashant et
    al. 2025 (arXiv 2411.19556). The named graphs, the networks and the scales are this library's choice.

    >>> data, truth = Hierarchy("tree").sample(300)
    >>> data
    Dataset(300 rows: x(12,); train 240, validation 30, test 30)
    >>> truth.blocks
    {'z1': (0,), 'z2': (1, 2), 'z3': (3, 4)}
    """

    graph: str | Mapping[str, tuple[str, ...]] = "tree"
    observed: tuple[str, ...] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    noise_size: int = 1
    invertible: bool = True
    function: str = "network"
    noise: str = "normal"
    noise_scale: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.graph, str):
            object.__setattr__(self, "graph", {name: tuple(group) for name, group in self.graph.items()})
        if self.observed is not None:
            object.__setattr__(self, "observed", tuple(self.observed))
        if self.function not in ("network", "linear"):
            raise unknown("function", self.function, ("network", "linear"))
        if self.noise not in NOISES:
            raise unknown("noise", self.noise, NOISES)
        if self.noise_scale <= 0:
            raise InputError(f"noise_scale is above 0, not {self.noise_scale:g}")
        for name, size in {"noise_size": self.noise_size, **self.sizes}.items():
            if size < 1:
                raise InputError(f"the size of '{name}' is at least 1, not {size}")
        check_seed(self.seed)
        for name in self.sizes:
            if name not in self.structure.nodes:
                raise unknown("node", name, self.structure.nodes)
        for name in self.structure.nodes:
            least = self._inputs(name)
            if self.invertible and self.size(name) < least:
                raise InputError(
                    f"'{name}' has size {self.size(name)}, and its parents and its noise together {least}: make it "
                    f"larger, or set invertible to False"
                )

    @cached_property
    def structure(self) -> HierarchyGraph:
        """The graph with its latents, leaves and levels."""
        if isinstance(self.graph, str):
            return HierarchyGraph(named_graph(self.graph, HIERARCHIES, "x"), self.observed)
        return HierarchyGraph(self.graph, self.observed)

    @property
    def levels(self) -> dict[str, int]:
        """The number of edges on the longest way from each node down to a leaf: 0 for the leaves."""
        return self.structure.levels

    @property
    def graph_of_nodes(self) -> np.ndarray:
        """(nodes, nodes) 0/1 array of edges among the latents and then the leaves, named by `structure.nodes`."""
        return self.structure.adjacency

    @property
    def columns(self) -> dict[str, tuple[int, ...]]:
        """The columns of `x` that belong to each leaf."""
        return self._positions(self.structure.leaves)

    def size(self, name: str) -> int:
        """How many numbers a node holds."""
        return self.sizes.get(name, self._inputs(name) if self.invertible else self.noise_size)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows.

        Returns:
            `(data, truth)`: data with `x` (n, columns), the leaves side by side (see `columns`); truth with one latent
            for each number of each latent node, and the node's numbers as a block. No mixing is told, since the leaves
            have noises of their own.
        """
        check_seed(seed)
        values = self._values(n, np.random.default_rng([self.seed, seed, 1]))
        structure = self.structure
        x = np.concatenate([values[name] for name in structure.leaves], axis=1)
        split = make_split(n, seed=seed)
        blocks = self._positions(structure.latents)
        names = {"x": self._labels(structure.leaves)}
        data = Dataset(x.astype(np.float32), {}, names, split, self.source(n, seed))
        truth = Truth(
            latents=np.concatenate([values[name] for name in structure.latents], axis=1),
            names=self._labels(structure.latents),
            kinds=("continuous",) * sum(map(len, blocks.values())),
            blocks=blocks,
            graph=self._column_graph(),
            split=split,
        )
        return data, truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether every node tells its parents, the conditions on structure hold, and every edge shows."""
        structure = self.structure
        condition = max(self._condition(name) for name in structure.nodes if structure.parents_of(name))
        told = f"{condition:.1f}" if condition < 1e6 else "above a million"
        few = {name: len(structure.pure_children(name)) for name in structure.latents}
        lone = [f"{name} {count}" for name, count in few.items() if count < 2]
        loops = structure.triangles()
        edges, hidden = int(structure.adjacency.sum()), len(structure.latents)
        possible = hidden * (hidden - 1) // 2 + hidden * len(structure.leaves)
        return [
            Assumption(
                "sparse", 2 * edges <= possible, f"{edges} of {possible} possible edges of nodes", measured=False
            ),
            Assumption(
                "invertible", condition < 1e6, f"condition of a node's slope in its parents and noise is at most {told}"
            ),
            Assumption(
                "two pure children",
                not lone,
                f"too few children with no other parent: {', '.join(lone)}" if lone else "every latent has two or more",
                measured=False,
            ),
            Assumption(
                "no triangle",
                not loops,
                "no child of a latent points to another of its children"
                if not loops
                else f"{loops[0][1]} and {loops[0][2]} are children of {loops[0][0]}, and one points to the other",
                measured=False,
            ),
            self._full(),
            self._faithful(data, truth),
        ]

    def _full(self) -> Assumption:
        """Whether no latent node has more numbers than there are noises in it: it would then lie on a surface."""
        structure, noises = self.structure, dict[str, set[str]]()
        for name in structure.order:
            noises[name] = {name}.union(*(noises[p] for p in structure.parents_of(name)))
        thin = [
            f"{name} ({self.size(name)} from {count})"
            for name in structure.latents
            if self.size(name) > (count := sum(self._noise_size(a) for a in noises[name]))
        ]
        why = f"more numbers than noises in {', '.join(thin)}" if thin else "no latent has more numbers than noises"
        return Assumption("full dimension", not thin, why, measured=False)

    def _faithful(self, data: Dataset, truth: Truth) -> Assumption:
        structure, (x,) = self.structure, data.modalities.values()
        values = {name: truth.block(name) for name in structure.latents}
        values |= {name: x[:, list(columns)] for name, columns in self.columns.items()}
        edges = [(parent, child) for child in structure.nodes for parent in structure.parents_of(child)]
        weak = [
            f"{parent} -> {child}"
            for parent, child in edges
            if not any(dependent(a, b) for a in values[parent].T for b in values[child].T)
        ]
        why = f"no dependence is seen along {', '.join(weak)}" if weak else f"all {len(edges)} edges show as dependence"
        return Assumption("faithful", not weak, why)

    def _inputs(self, name: str) -> int:
        """Numbers that a node is made from."""
        parents = self.structure.parents_of(name)
        if not parents:
            return self.sizes.get(name, self.noise_size)
        return sum(self.size(p) for p in parents) + self.noise_size

    def _noise_size(self, name: str) -> int:
        return self.noise_size if self.invertible and self.structure.parents_of(name) else self.size(name)

    def _positions(self, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
        ends = np.cumsum([self.size(name) for name in names]).tolist()
        return {name: tuple(range(end - self.size(name), end)) for name, end in zip(names, ends, strict=True)}

    def _labels(self, names: tuple[str, ...]) -> tuple[str, ...]:
        sizes = {name: self.size(name) for name in names}
        return tuple(name if size == 1 else f"{name}[{i}]" for name, size in sizes.items() for i in range(size))

    def _column_graph(self) -> np.ndarray:
        latents = self.structure.latents
        size = [self.size(name) for name in latents]
        graph = self.graph_of_nodes[: len(latents), : len(latents)]
        return np.repeat(np.repeat(graph, size, axis=0), size, axis=1)

    def _values(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        values: dict[str, np.ndarray] = {}
        for name in self.structure.order:
            raw = self._raw(name, self._joined(name, values, n, rng))
            centre, scale = self._scales[name]
            values[name] = (raw - centre) / scale
        return values

    def _joined(self, name: str, values: Mapping[str, np.ndarray], n: int, rng: np.random.Generator) -> np.ndarray:
        noise = draw_noise(self.noise, rng, (n, self._noise_size(name)))
        return np.concatenate([*(values[p] for p in self.structure.parents_of(name)), noise], axis=1)

    def _raw(self, name: str, joined: np.ndarray) -> np.ndarray:
        """A node before it is centred and scaled, from its parents and its noise side by side."""
        if not self.structure.parents_of(name):
            return joined
        known = joined.shape[1] - self._noise_size(name)
        parents, noise = joined[:, :known], self.noise_scale * joined[:, known:]
        # A generator for each node, so that a change to one leaves the functions of the others as they are.
        rng = np.random.default_rng([self.seed, 2, self.structure.order.index(name)])
        if self.invertible:
            slope = 0.4 if self.function == "network" else 1.0
            mixing = draw_mixing(rng, joined.shape[1], self.size(name), layers=2, slope=slope)
            return mixing(np.concatenate([parents, noise], axis=1))
        # The straight part keeps an effect of every parent on every number, whatever the network does. Its signs are
        # those of the two numbers, so that two paths between nodes never cancel.
        signs = np.concatenate([self._signs(p) for p in self.structure.parents_of(name)])
        weights = np.outer(signs, self._signs(name)) * rng.uniform(0.7, 1.0, (known, self.size(name)))
        value = parents @ weights / np.sqrt(known)
        if self.function == "network":
            value = value + 0.7 * draw_mechanism(rng, known, self.size(name))(parents)
        return value + noise

    def _signs(self, name: str) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 5, self.structure.order.index(name)])
        return rng.choice([-1.0, 1.0], size=self.size(name))

    @cached_property
    def _scales(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Centre and scale of every node, from rows of the world's own."""
        rng = np.random.default_rng([self.seed, 3])
        values: dict[str, np.ndarray] = {}
        found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name in self.structure.order:
            raw = self._raw(name, self._joined(name, values, ROWS, rng))
            root = not self.structure.parents_of(name)
            found[name] = (np.zeros(raw.shape[1]), np.ones(raw.shape[1])) if root else (raw.mean(0), raw.std(0))
            values[name] = (raw - found[name][0]) / found[name][1]
        return found

    def _condition(self, name: str) -> float:
        """The largest condition number of a node's slope in its parents and its noise."""
        rng = np.random.default_rng([self.seed, 4])
        joined = self._joined(name, self._values(POINTS, rng), POINTS, rng)
        steps = 1e-5 * np.eye(joined.shape[1])
        slopes = np.stack([(self._raw(name, joined + s) - self._raw(name, joined - s)) / 2e-5 for s in steps], axis=-1)
        if slopes.shape[1] < slopes.shape[2]:
            return float("inf")
        sizes = np.linalg.svd(slopes, compute_uv=False)
        return float((sizes[:, 0] / np.maximum(sizes[:, -1], 1e-300)).max())
