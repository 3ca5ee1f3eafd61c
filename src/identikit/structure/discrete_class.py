"""What tables can show of a hierarchy of discrete latents, and one hierarchy of those that look the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.orient import oriented
from identikit.worlds.hierarchy_graphs import HierarchyGraph


def shown_class(true: HierarchyGraph) -> LatentGraph:
    """The graph that rank tests can find at best where this one is true, with open edges between latents.

    A latent without an observed child that joins only two others is left out and they are tied directly, for any table
    of theirs is possible either way. Of the directions between latents v-structures remain, and what follows from them.

    Args:
        true: the graph; all latents have the same number of states.

    >>> from identikit.worlds.hierarchy_graphs import named_graph
    >>> from identikit.worlds.discrete_hierarchy import DISCRETE_HIERARCHIES
    >>> graph = shown_class(HierarchyGraph(named_graph("tree", DISCRETE_HIERARCHIES, "d")))
    >>> graph.latents, [edge.arrow for edge in graph.edges if not edge.directed]
    (('z2', 'z3'), ['z2 -- z3'])
    """
    parents = {name: list(true.parents_of(name)) for name in true.nodes}
    while True:
        passing = next((n for n in true.latents if n in parents and _passes(n, parents, true.leaves)), None)
        if passing is None:
            break
        above, below = parents.pop(passing), [n for n, group in parents.items() if passing in group]
        for name in below:
            parents[name].remove(passing)
        start, end = (above[0], below[0]) if above else sorted(below, key=true.order.index)
        if start not in parents[end]:
            parents[end].append(start)
    names = [n for n in true.nodes if n in parents]
    place = {name: i for i, name in enumerate(names)}
    ties = {frozenset((place[p], place[c])) for c, group in parents.items() for p in group}
    apart = {}
    for a, b in combinations(names, 2):
        if frozenset((place[a], place[b])) not in ties:
            later = a if b in _all_above(a, parents) else b
            apart[frozenset((place[a], place[b]))] = tuple(place[p] for p in parents[later])
    found = oriented(len(names), ties, apart, [place[leaf] for leaf in true.leaves])
    nodes = tuple(Node(n, n in true.latents, "discrete", true.levels[n]) for n in names)
    return LatentGraph(nodes, tuple(Edge(names[a], names[b], directed=d) for a, b, d in found))


def rooted(graph: LatentGraph) -> LatentGraph:
    """One of the hierarchies that look the same: open edges get directions from the middle of the latents outwards.

    Where latents hang together as a tree whose middle is an edge, a latent is put there, as a root without observed
    children; it fits the same tables. Where they do not, directions follow an order in which no v-structure is new.
    Both are a way to draw the class, and no evidence (this library's choice).

    Args:
        graph: a graph with open edges.

    >>> nodes = (Node("z1", True), Node("z2", True), Node("d1"), Node("d2"))
    >>> edges = (Edge("z1", "z2", directed=False), Edge("z1", "d1"), Edge("z2", "d2"))
    >>> [edge.arrow for edge in rooted(LatentGraph(nodes, edges)).edges]
    ['z1 -> d1', 'z2 -> d2', 'root -> z1', 'root -> z2']
    """
    free = {node: set(graph.neighbours(node)) for node in graph.names if graph.neighbours(node)}
    edges = [edge for edge in graph.edges if edge.directed]
    nodes = list(graph.nodes)
    while free:
        group = _reached(next(iter(free)), free)
        inside = [e for e in graph.edges if not e.directed and e.cause in group]
        is_tree = len(inside) == len(group) - 1
        if is_tree and not any(graph.parents(name) for name in group):
            order = _middle(graph, group)
            if len(order) == 2:
                name = "root" if all(n.name != "root" for n in nodes) else f"root of {order[0]}"
                inside = [e for e in inside if {e.cause, e.effect} != set(order)]
                nodes.insert(0, Node(name, True, graph.node(order[0]).kind, evidence="the middle of the latents"))
                edges += [Edge(name, end) for end in order]
            order = _outwards(order, free)
        else:
            order = _outwards([n for n in graph.names if n in group][:1], free)
        place = {name: i for i, name in enumerate(order)}
        for edge in inside:
            first, last = sorted((edge.cause, edge.effect), key=place.__getitem__)
            if first in _below(last, edges):
                first, last = last, first
            edges.append(replace(edge, cause=first, effect=last, directed=True))
        free = {name: around for name, around in free.items() if name not in group}
    return replace(graph, nodes=tuple(replace(n, level=None) for n in nodes), edges=tuple(edges))


def _passes(name: str, parents: dict[str, list[str]], leaves: tuple[str, ...]) -> bool:
    """Whether a latent only joins two others: those below it, or the one above with the one below."""
    below = [n for n, group in parents.items() if name in group]
    return len(below) + len(parents[name]) == 2 and len(below) > 0 and not set(below) & set(leaves)


def _all_above(name: str, parents: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    left = list(parents[name])
    while left:
        node = left.pop()
        if node not in found:
            found.add(node)
            left += parents[node]
    return found


def _below(name: str, edges: list[Edge]) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        node = left.pop()
        left += [e.effect for e in edges if e.cause == node and e.effect not in found]
        found.add(node)
    return found


def _reached(start: str, free: dict[str, set[str]]) -> set[str]:
    found, left = {start}, [start]
    while left:
        for other in free[left.pop()] - found:
            found.add(other)
            left.append(other)
    return found


def _middle(graph: LatentGraph, group: set[str]) -> list[str]:
    """The one or two nodes in the middle of the latents that hang on a group, found by taking off the outermost."""
    held = set(group) | {n for name in group for n in graph.descendants(name) if n in graph.latents}
    around = {n: {*graph.parents(n), *graph.children(n), *graph.neighbours(n)} & held for n in held}
    while len(held) > 2:
        degree = Counter({n: len(around[n] & held) for n in held})
        outer = {n for n in held if degree[n] <= 1}
        if not outer or outer == held:
            break
        held -= outer
    inside = [n for n in graph.names if n in held and n in group]
    joined = len(inside) == 2 and inside[1] in graph.neighbours(inside[0])
    return inside if joined else (inside or [n for n in graph.names if n in group])[:1]


def _outwards(start: list[str], free: dict[str, set[str]]) -> list[str]:
    """The nodes from some on, each next the one with most neighbours before it."""
    order = list(start)
    while True:
        rest = [n for name in order for n in sorted(free[name]) if n not in order]
        if not rest:
            return order
        order.append(max(rest, key=lambda n: len(free[n] & set(order))))
