"""A hierarchy of discrete concepts, seen through a continuous picture of the lowest of them."""

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
from identikit.worlds.hierarchy_graphs import HierarchyGraph, Kinds, named_graph
from identikit.worlds.mixing import Mixing, draw_mixing
from identikit.worlds.tables import draw_table, joint

DISCRETE_HIERARCHIES: Kinds = {
    "one level": ({}, "z1 z1 z1 z1"),
    "tree": ({"z2": "z1", "z3": "z1"}, "z2 z2 z2 z3 z3 z3"),
    "three levels": (
        {"z2": "z1", "z3": "z1", "z4": "z2", "z5": "z2", "z6": "z3", "z7": "z3"},
        "z4 z4 z5 z5 z6 z6 z7 z7",
    ),
    "uneven": ({"z2": "z1", "z3": "z1"}, "z1 z1 z2 z2 z3 z3"),
    "v-structure": ({"z3": "z1+z2"}, "z1 z1 z2 z2 z3 z3"),
    "diamond": ({"z2": "z1", "z3": "z1", "z4": "z2+z3"}, "z2 z2 z3 z3 z4 z4"),
    "two parents": ({}, "z1+z2 z1+z2 z1+z2 z1+z2 z1+z2 z1+z2"),
}
"""The seven named graphs."""


@dataclass(frozen=True, eq=False)
class ConceptMixing:
    """The map of concepts and attributes to groups of observed columns, one group for each concept.

    Attributes:
        mixings: of each group.
        inputs: the concepts that each group shows, as positions among the concepts.
        states: number of states of each concept.
        columns: positions of the concepts and of the attributes among the latents.
    """

    mixings: tuple[Mixing, ...]
    inputs: tuple[tuple[int, ...], ...]
    states: tuple[int, ...]
    columns: tuple[tuple[int, ...], tuple[int, ...]]

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map `(rows, latents)` to `(rows, observed)`."""
        concepts, attributes = (latents[:, list(c)] for c in self.columns)
        values = 2 * concepts / (np.array(self.states) - 1) - 1
        return np.concatenate(
            [
                m(np.concatenate([values[:, list(i)], attributes], 1))
                for m, i in zip(self.mixings, self.inputs, strict=True)
            ],
            axis=1,
        )

    def inverse(self, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Map `(rows, observed)` back to the codes of the concepts and the attributes."""
        groups = np.split(observed, len(self.mixings), axis=1)
        found = [m.inverse(g) for m, g in zip(self.mixings, groups, strict=True)]
        values = np.stack([group[:, 0] for group in found], axis=1)
        codes = np.rint((values + 1) / 2 * (np.array(self.states) - 1)).astype(np.int64)
        return codes, found[0][:, len(self.inputs[0]) :]


@dataclass(frozen=True)
class DiscreteHierarchy(World):
    r"""Discrete concepts at the bottom of a hierarchy of discrete latents, mixed with continuous attributes into `x`.

    .. math:: z_i \sim P(z_i \mid \mathrm{Pa}(z_i)), \qquad d_j \sim P(d_j \mid \mathrm{Pa}(d_j)), \qquad x = g(d, c),

    with attributes c uniform on -1 to 1 and independent of all else, and g invertible and piecewise linear: concept j
    has a group of columns, an injective network with leaky rectifiers of d_j, of `overlap` concepts before it (the
    first follows the last) and of all attributes.

    Every table of probabilities keeps each state above 0.1 (0.5 for a root) of an even share, and every parent shows in
    its child, directly and when all paths are taken together (see `tables.draw_table`).

    Args:
        graph: names of the parents of every node that has any, or one of `DISCRETE_HIERARCHIES`: `one level`, `tree`,
            `three levels`, `uneven`, `v-structure`, `diamond`, `two parents`. Nodes without a child are the concepts.
        states: number of states of every node, or of those named (the others have 2).
        strength: the least effect of a parent, or of all parents together, from 0 to 0.9.
        silent: edges (parent, child) that the graph holds and the tables do not follow.
        attributes: number of continuous attributes.
        gap: half-width of a hole in the middle of the range of every attribute, 0 to below 1.
        overlap: how many other concepts show in the columns of a concept.
        width: number of columns of each concept.
        observe: what `x` is: `mixed`, or the concepts themselves as `codes` or `one-hot`.
        seed: of the world: tables and mixing.

    Raises:
        InputError: an unknown name, a graph that is no hierarchy, a number out of its range, or a `strength` that no
            table was found for.

    Source: Kong et al. 2024 (arXiv 2406.00519), which tries seven kinds of graph; the seven named here, the tables and
    the network are this library's choice.

    >>> data, truth = DiscreteHierarchy("tree").sample(500)
    >>> data
    Dataset(500 rows: x(36,); train 400, validation 50, test 50)
    >>> truth.blocks
    {'concepts': (0, 1, 2, 3, 4, 5), 'hierarchy': (6, 7, 8), 'attributes': (9, 10)}
    """

    graph: str | Mapping[str, tuple[str, ...]] = "tree"
    states: int | Mapping[str, int] = 2
    strength: float = 0.3
    silent: tuple[tuple[str, str], ...] = ()
    attributes: int = 2
    gap: float = 0.0
    overlap: int = 1
    width: int = 6
    observe: str = "mixed"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.graph, str):
            object.__setattr__(self, "graph", {name: tuple(group) for name, group in self.graph.items()})
        object.__setattr__(self, "silent", tuple((parent, child) for parent, child in self.silent))
        check_seed(self.seed)
        if self.observe not in ("mixed", "codes", "one-hot"):
            raise unknown("way to observe", self.observe, ("mixed", "codes", "one-hot"))
        if not 0 <= self.strength <= 0.9:
            raise InputError(f"strength is from 0 to 0.9, not {self.strength:g}")
        if not 0 <= self.gap < 1:
            raise InputError(f"gap is from 0 to below 1, not {self.gap:g}")
        structure = self.structure
        named = {} if isinstance(self.states, int) else self.states
        for name in named:
            if name not in structure.nodes:
                raise unknown("node", name, structure.nodes)
        if min(self.states_of(name) for name in structure.nodes) < 2:
            raise InputError(f"a node has 2 states or more, not {self.states}")
        for parent, child in self.silent:
            if parent not in structure.parents_of(child):
                raise InputError(f"a silent edge is one of the graph, and it has none from '{parent}' to '{child}'")
        if not 0 <= self.overlap < len(self.concepts):
            raise InputError(f"overlap is from 0 to {len(self.concepts) - 1}, not {self.overlap}")
        if self.attributes < 0 or self.width < 1 + self.overlap + self.attributes:
            raise InputError(
                f"width is at least {1 + self.overlap + max(self.attributes, 0)} (a concept, overlap={self.overlap}, "
                f"attributes={self.attributes}, which is 0 or more), not {self.width}"
            )
        _ = self.tables

    @cached_property
    def structure(self) -> HierarchyGraph:
        """The graph with its latents, leaves (the concepts) and levels."""
        graph = named_graph(self.graph, DISCRETE_HIERARCHIES, "d") if isinstance(self.graph, str) else self.graph
        return HierarchyGraph(graph)

    @property
    def concepts(self) -> tuple[str, ...]:
        """Names of the concepts."""
        return self.structure.leaves

    @property
    def levels(self) -> dict[str, int]:
        """The number of edges on the longest way from each node down to a concept: 0 for the concepts."""
        return self.structure.levels

    def states_of(self, name: str) -> int:
        """Number of states of a node."""
        return self.states if isinstance(self.states, int) else self.states.get(name, 2)

    @cached_property
    def tables(self) -> dict[str, np.ndarray]:
        """The probabilities (states of each parent in turn, states) of every node given its parents."""
        # A generator for each node, so that a change to one leaves the tables of the others as they are.
        tables: dict[str, np.ndarray] = {}
        for i, name in enumerate(self.structure.order):
            parents, rng = self.structure.parents_of(name), np.random.default_rng([self.seed, 2, i])
            silent = tuple(k for k, parent in enumerate(parents) if (parent, name) in self.silent)
            above = joint(tables, self.structure.parents, parents)
            try:
                tables[name] = draw_table(rng, self.states_of(name), above, self.strength, silent)
            except InputError as error:
                raise InputError(f"of '{name}' {error}") from None
        return tables

    def probability(self, *names: str) -> np.ndarray:
        """The exact joint probabilities of some nodes, one axis for each.

        >>> world = DiscreteHierarchy("one level")
        >>> pair = world.probability("d1", "d2", "d3", "d4").reshape(4, 4)
        >>> int(np.linalg.matrix_rank(pair, tol=1e-9))
        2
        """
        for name in names:
            if name not in self.structure.order:
                raise unknown("node", name, self.structure.order)
        return joint(self.tables, self.structure.parents, names)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows.

        Returns:
            `(data, truth)`: data with `x` (n, concepts x width), or the concepts; truth with the concepts, the latents
            above them and the attributes as blocks, their graph, and the mixing where `x` is mixed.
        """
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        codes: dict[str, np.ndarray] = {}
        for name, table in self.tables.items():
            given = table[tuple(codes[p] for p in self.structure.parents_of(name))]
            given = np.broadcast_to(given, (n, self.states_of(name)))
            codes[name] = (rng.random((n, 1)) > given.cumsum(1)[:, :-1]).sum(1)
        side = rng.choice([-1.0, 1.0], size=(n, self.attributes))
        attributes = side * rng.uniform(self.gap, 1, size=(n, self.attributes))
        nodes = (*self.concepts, *self.structure.latents)
        latents = np.concatenate([np.stack([codes[name] for name in nodes], 1), attributes], axis=1)
        sizes = {
            "concepts": len(self.concepts),
            "hierarchy": len(self.structure.latents),
            "attributes": self.attributes,
        }
        blocks, start = {}, 0
        for name, size in sizes.items():
            blocks[name] = tuple(range(start, start + size))
            start += size
        graph = np.zeros((start, start), dtype=np.int8)
        place = {name: i for i, name in enumerate(nodes)}
        for child in nodes:
            for parent in self.structure.parents_of(child):
                graph[place[parent], place[child]] = 1
        x, columns = self._observed(latents)
        split = make_split(n, seed=seed)
        data = Dataset(x.astype(np.float32), {}, {"x": columns}, split, self.source(n, seed))
        truth = Truth(
            latents=latents,
            names=(*nodes, *(f"c{i + 1}" for i in range(self.attributes))),
            kinds=("discrete",) * len(nodes) + ("continuous",) * self.attributes,
            blocks={name: block for name, block in blocks.items() if block},
            graph=graph,
            mixing=self.mixing if self.observe == "mixed" else None,
            split=split,
        )
        return data, truth

    @cached_property
    def mixing(self) -> ConceptMixing:
        """The map of concepts and attributes to `x`."""
        count, inputs = len(self.concepts), 1 + self.overlap + self.attributes
        rng = np.random.default_rng([self.seed, 3])
        above = count + len(self.structure.latents)
        return ConceptMixing(
            mixings=tuple(draw_mixing(rng, inputs, self.width) for _ in range(count)),
            inputs=tuple(tuple((j - k) % count for k in range(self.overlap + 1)) for j in range(count)),
            states=tuple(self.states_of(name) for name in self.concepts),
            columns=(tuple(range(count)), tuple(range(above, above + self.attributes))),
        )

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether x tells the concepts, attributes have no hole, no concept hides in another, and every edge shows."""
        found = [self._faithful()]
        if self.observe != "mixed":
            return found
        codes, attributes = self.mixing.inverse(np.asarray(data["x"], float))
        wrong = float((codes != truth.block("concepts")).any(1).mean())
        told = f"the inverse of the mixing mistakes a concept in {wrong:.1%} of rows"
        found.append(Assumption("invertible", wrong == 0, told))
        if self.attributes:
            rows = np.sort(attributes, axis=0)
            hole = float((np.diff(rows, axis=0).max(0) / np.ptp(rows, axis=0)).max())
            found.append(
                Assumption("connected support", hole < 0.1, f"the widest hole in an attribute is {hole:.0%} of it")
            )
        groups = [{g for g, shown in enumerate(self.mixing.inputs) if j in shown} for j in range(len(self.concepts))]
        inside = sum(a <= b for i, a in enumerate(groups) for j, b in enumerate(groups) if i != j)
        why = f"{inside} pairs of concepts in which one moves only columns that the other moves"
        return [*found, Assumption("no influence within another", inside == 0, why, measured=False)]

    def _faithful(self) -> Assumption:
        least, where = 1.0, ""
        for child in self.structure.order:
            for parent in self.structure.parents_of(child):
                both = self.probability(parent, child)
                far = float(np.abs(both - both.sum(1, keepdims=True) * both.sum(0)).sum() / 2)
                if far < least:
                    least, where = far, f"{parent} -> {child}"
        why = f"the weakest edge, {where}, is {least:.3f} from independence in total variation"
        return Assumption("faithful", least > 1e-3, why, measured=False)

    def _observed(self, latents: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        if self.observe == "mixed":
            names = (f"{name}[{i}]" for name in self.concepts for i in range(self.width))
            return self.mixing(latents), tuple(names)
        codes = latents[:, : len(self.concepts)]
        if self.observe == "codes":
            return codes, self.concepts
        hot = [codes[:, [i]] == np.arange(self.states_of(name)) for i, name in enumerate(self.concepts)]
        names = (f"{name}={state}" for name in self.concepts for state in range(self.states_of(name)))
        return np.concatenate(hot, axis=1), tuple(names)
