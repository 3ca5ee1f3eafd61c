"""The forms in which a known graph may be given to the questions of this room."""

from __future__ import annotations

from collections.abc import Mapping

from identikit.errors import InputError
from identikit.structure.latent_graph import LatentGraph
from identikit.worlds.base import World
from identikit.worlds.graphs import Parents
from identikit.worlds.hierarchy_graphs import HierarchyGraph

GivenGraph = HierarchyGraph | LatentGraph | Parents | World
"""A graph of latents and leaves, a world that has one (`Hierarchy`, `DiscreteHierarchy`), or parents by node."""


def as_parents(graph: GivenGraph) -> dict[str, tuple[str, ...]]:
    """The names of the parents of every node of a graph, none for a root.

    Args:
        graph: in any of the forms.

    Raises:
        InputError: another form, or edges without a direction.

    >>> as_parents({"x": ("z",), "y": ["z"]})
    {'z': (), 'x': ('z',), 'y': ('z',)}
    """
    if isinstance(graph, LatentGraph):
        for edge in graph.edges:
            if not edge.directed:
                raise InputError(f"the edge {edge.arrow} has no direction, and the question needs one: choose it first")
        return {name: graph.parents(name) for name in graph.names}
    if isinstance(graph, Mapping):
        lone = next((name for name, group in graph.items() if isinstance(group, str)), None)
        if lone is not None:
            raise InputError(f"the parents of '{lone}' are a tuple of names, not the text '{graph[lone]}'")
        named = dict.fromkeys(n for child, group in graph.items() for n in (*group, child))
        return {name: tuple(graph.get(name, ())) for name in named}
    found = _own(graph)
    return {name: found.parents_of(name) for name in found.nodes}


def as_hierarchy(graph: GivenGraph) -> HierarchyGraph:
    """A graph whose leaves are observed and whose other nodes are latent.

    Args:
        graph: in any of the forms; of parents alone, the nodes without a child are the leaves.

    Raises:
        InputError: another form, a cycle, or a graph that is no hierarchy.

    >>> as_hierarchy({"x": ("z",), "y": ("z",)}).leaves
    ('x', 'y')
    """
    if isinstance(graph, LatentGraph):
        return HierarchyGraph(as_parents(graph), graph.observed)
    return HierarchyGraph(as_parents(graph)) if isinstance(graph, Mapping) else _own(graph)


def _own(graph: HierarchyGraph | World) -> HierarchyGraph:
    """A hierarchy, or that of a world."""
    found = graph if isinstance(graph, HierarchyGraph) else getattr(graph, "structure", None)
    if not isinstance(found, HierarchyGraph):
        raise InputError(
            f"a graph is a LatentGraph, a HierarchyGraph, a world that has one or the names of the parents of each "
            f"node, not a {type(graph).__name__}"
        )
    return found
