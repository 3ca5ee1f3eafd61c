"""The graph of latent and observed variables that every search returns, with the evidence for each edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.cpdag import adjacency, cpdag
from identikit.structure.parts import KINDS, Edge, Node, check_edge
from identikit.worlds.graphs import check_graph
from identikit.worlds.hierarchy_graphs import HierarchyGraph

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class LatentGraph:
    """Variables, latent or observed, and the edges between them; an equivalence class where edges have no direction.

    Args:
        nodes: the variables, in the order of the rows of `adjacency`.
        edges: at most one for each pair.
        method: the search that found it; empty for a graph that was given.
        scale: what the scores of the edges are, in words.
        partial: whether the search was stopped early, and this is the graph so far.
        notes: what the search has to say of the whole, a sentence each.

    Raises:
        InputError: no node, two nodes of one name, an unknown kind or variable, two edges on one pair, a directed
            cycle, a score that is not finite, or a frequency that is no share.

    >>> graph = LatentGraph(
    ...     (Node("z", latent=True), Node("x1"), Node("x2")), (Edge("z", "x1", frequency=0.9), Edge("z", "x2"))
    ... )
    >>> graph.latents, graph.children("z"), graph.levels
    (('z',), ('x1', 'x2'), {'z': 1, 'x1': 0, 'x2': 0})
    >>> print(graph)
    3 variables, 1 of them latent (in brackets), 2 edges
    level 1  [z]
    level 0  x1, x2
    edge     found in
    z -> x1       90%
    z -> x2         -
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    method: str = ""
    scale: str = ""
    partial: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("nodes", "edges", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.nodes:
            raise InputError("a graph needs at least one node")
        seen: set[str] = set()
        for node in self.nodes:
            if not isinstance(node.name, str) or not node.name:
                raise InputError(f"the name of a node is a text, not {node.name!r}")
            if node.name in seen:
                raise InputError(f"two nodes of the graph have the name '{node.name}'")
            if node.kind not in KINDS:
                raise unknown("kind of variable", node.kind, KINDS)
            seen.add(node.name)
        taken: set[tuple[str, str]] = set()
        for edge in self.edges:
            check_edge(edge, self.names)
            ways = {(edge.cause, edge.effect)} | (set() if edge.directed else {(edge.effect, edge.cause)})
            if ways & taken:
                raise InputError(f"two edges of the graph join '{edge.cause}' and '{edge.effect}': keep one")
            taken |= ways
        try:
            check_graph(self.names, self._parents)
        except InputError as error:
            raise InputError(str(error).replace("no cycle", "no directed cycle")) from None

    @cached_property
    def _parents(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for edge in self.edges:
            if edge.directed:
                found[edge.effect] = (*found.get(edge.effect, ()), edge.cause)
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(node.name for node in self.nodes)

    @property
    def latents(self) -> tuple[str, ...]:
        """Names of the latent variables."""
        return tuple(node.name for node in self.nodes if node.latent)

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the observed variables."""
        return tuple(node.name for node in self.nodes if not node.latent)

    @property
    def directed(self) -> bool:
        """Whether every edge has a direction; otherwise the graph stands for an equivalence class."""
        return all(edge.directed for edge in self.edges)

    def node(self, name: str) -> Node:
        """The variable of that name."""
        self._known(name)
        return self.nodes[self.names.index(name)]

    def edge(self, cause: str, effect: str) -> Edge | None:
        """The edge from one variable to another, or the undirected one between them; None where there is none."""
        self._known(cause, effect)
        for edge in self.edges:
            if (edge.cause, edge.effect) == (cause, effect):
                return edge
            if not edge.directed and (edge.effect, edge.cause) == (cause, effect):
                return edge
        return None

    def parents(self, name: str) -> tuple[str, ...]:
        """Names of the variables with a directed edge to this one."""
        self._known(name)
        return self._parents.get(name, ())

    def children(self, name: str) -> tuple[str, ...]:
        """Names of the variables with a directed edge from this one."""
        self._known(name)
        return tuple(edge.effect for edge in self.edges if edge.directed and edge.cause == name)

    def neighbours(self, name: str) -> tuple[str, ...]:
        """Names of the variables with an undirected edge to this one."""
        self._known(name)
        open_ = [edge for edge in self.edges if not edge.directed and name in (edge.cause, edge.effect)]
        return tuple(edge.effect if edge.cause == name else edge.cause for edge in open_)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Names of the variables with a directed path to this one, in the order of the nodes."""
        return self._reached(name, self.parents)

    def descendants(self, name: str) -> tuple[str, ...]:
        """Names of the variables with a directed path from this one, in the order of the nodes."""
        return self._reached(name, self.children)

    @property
    def roots(self) -> tuple[str, ...]:
        """Names of the variables without a parent."""
        return tuple(name for name in self.names if not self.parents(name))

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of the variables without a child."""
        causes = {edge.cause for edge in self.edges if edge.directed}
        return tuple(name for name in self.names if name not in causes)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of all variables, parents before children."""
        return check_graph(self.names, self._parents)

    @cached_property
    def levels(self) -> dict[str, int]:
        """Height of each variable: the one it was given, else the edges on its longest directed way down to a leaf."""
        found: dict[str, int] = {}
        for name in reversed(self.order):
            found[name] = max((found[child] + 1 for child in self.children(name)), default=0)
        return {n.name: found[n.name] if n.level is None else n.level for n in self.nodes}

    @property
    def adjacency(self) -> np.ndarray:
        """(nodes, nodes) 0/1 array of int8, entry (i, j) for an edge from i to j; both for an undirected one."""
        place = {name: i for i, name in enumerate(self.names)}
        array = np.zeros((len(place), len(place)), np.int8)
        for edge in self.edges:
            array[place[edge.cause], place[edge.effect]] = 1
            if not edge.directed:
                array[place[edge.effect], place[edge.cause]] = 1
        return array

    def cpdag(self) -> LatentGraph:
        """The equivalence class of a directed graph: edges whose direction observations cannot tell become undirected.

        It tells apart what conditional independence among *all* nodes tells apart, latents included.

        Raises:
            InputError: an edge has no direction already.

        >>> chain = LatentGraph.from_adjacency(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]), ("a", "b", "c"))
        >>> [edge.arrow for edge in chain.cpdag().edges]
        ['a -- b', 'b -- c']
        """
        if not self.directed:
            raise InputError("the equivalence class is of a directed graph, and this one has undirected edges")
        array, place = cpdag(self.adjacency), {name: i for i, name in enumerate(self.names)}
        edges = [replace(e, directed=not array[place[e.effect], place[e.cause]]) for e in self.edges]
        return replace(self, edges=tuple(edges))

    @staticmethod
    def from_adjacency(
        array: Any,
        names: Sequence[str] | None = None,
        latent: Iterable[str] = (),
        kinds: Mapping[str, str] | None = None,
        scores: np.ndarray | None = None,
        **about: Any,
    ) -> LatentGraph:
        """A graph from its adjacency array.

        Args:
            array: (nodes, nodes) 0/1, entry (i, j) for an edge from i to j; both entries for an undirected one.
            names: of the nodes; `x0`, `x1`, ... by default.
            latent: names of those that are hidden.
            kinds: of the nodes that are not continuous, by name.
            scores: (nodes, nodes) score of each edge.
            **about: `method`, `scale`, `partial` and `notes` of the graph.

        Raises:
            InputError: not a square 0/1 array, numbers that differ, an unknown name, or a directed cycle.

        >>> LatentGraph.from_adjacency(np.array([[0, 1], [0, 0]]), ("z", "x"), latent=["z"]).edges[0].arrow
        'z -> x'
        """
        array = adjacency(array, "the graph")
        names = tuple(f"x{i}" for i in range(len(array))) if names is None else tuple(names)
        if len(names) != len(array):
            raise InputError(f"the graph has {len(array)} nodes, and {len(names)} names were given")
        hidden, kinds = set(latent), dict(kinds or {})
        for name in (*sorted(hidden), *kinds):
            if name not in names:
                raise unknown("variable", name, names)
        nodes = tuple(Node(name, name in hidden, kinds.get(name, "continuous")) for name in names)
        edges = []
        for i, j in np.argwhere(array):
            open_ = bool(array[j, i]) and i != j
            if not (open_ and i > j):
                score = None if scores is None else float(scores[i, j])
                edges.append(Edge(names[i], names[j], score, directed=not open_))
        return LatentGraph(nodes, tuple(edges), **about)

    @staticmethod
    def from_truth(truth: Truth | HierarchyGraph, kinds: Mapping[str, str] | None = None) -> LatentGraph:
        """The true graph of a world: of its latents (`Truth`), or of its latents and leaves (`HierarchyGraph`).

        Args:
            truth: what a world returns beside its data, or its `graph`.
            kinds: of the nodes of a `HierarchyGraph` that are not continuous, by name.

        Raises:
            InputError: the truth knows no graph, or holds a cycle.

        >>> LatentGraph.from_truth(HierarchyGraph({"x1": ("z",), "x2": ("z",)})).observed
        ('x1', 'x2')
        """
        if isinstance(truth, HierarchyGraph):
            return LatentGraph.from_adjacency(truth.adjacency, truth.nodes, truth.latents, kinds)
        if not isinstance(truth, Truth):
            raise InputError(f"from_truth takes a Truth or a HierarchyGraph, not a {type(truth).__name__}")
        if truth.graph is None:
            raise InputError("this truth does not know the graph of its latents")
        return LatentGraph.from_adjacency(
            (truth.graph != 0).astype(np.int8),
            truth.names,
            truth.names,
            dict(zip(truth.names, truth.kinds, strict=True)),
        )

    def to_networkx(self) -> nx.DiGraph:
        """As a networkx graph: see `structure.files.to_networkx`."""
        from identikit.structure.files import to_networkx

        return to_networkx(self)

    @staticmethod
    def from_networkx(graph: Any) -> LatentGraph:
        """From a networkx graph: see `structure.files.from_networkx`."""
        from identikit.structure.files import from_networkx

        return from_networkx(graph)

    def json(self) -> dict[str, Any]:
        """The graph as plain JSON values; `LatentGraph.parse` reads it back."""
        from identikit.structure.files import to_json

        return to_json(self)

    @staticmethod
    def parse(value: Mapping[str, Any]) -> LatentGraph:
        """Rebuild a graph from `LatentGraph.json()`."""
        from identikit.structure.files import from_json

        return from_json(value)

    def save(self, path: str | Path) -> Path:
        """Write the graph; the ending of the name says how: .json, .graphml, .dot, or .html for the drawing."""
        from identikit.structure.files import save

        return save(self, path)

    @staticmethod
    def load(path: str | Path) -> LatentGraph:
        """Read a graph from a .json or .graphml file."""
        from identikit.structure.files import load

        return load(path)

    def draw(self, path: str | Path, title: str = "") -> Path:
        """Draw the graph as a layered diagram with its evidence on hover, in one HTML file that opens offline."""
        from identikit.structure.drawing import draw

        return draw(self, path, title)

    def __str__(self) -> str:
        from identikit.structure.text import describe

        return describe(self)

    def _known(self, *names: str) -> None:
        for name in names:
            if name not in self.names:
                raise unknown("variable", name, self.names)

    def _reached(self, name: str, step: Any) -> tuple[str, ...]:
        found, left = set(), list(step(name))
        while left:
            reached = left.pop()
            if reached not in found:
                found.add(reached)
                left += step(reached)
        return tuple(n for n in self.names if n in found)
