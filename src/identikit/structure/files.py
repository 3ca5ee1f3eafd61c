"""A graph to and from networkx, JSON, GraphML and DOT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from identikit.errors import InputError
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.writing import write_text

if TYPE_CHECKING:
    import networkx as nx

FORMAT = "identikit graph 1"
"""First value of a JSON file, by which it is known again."""
_Part = TypeVar("_Part", Node, Edge)


def to_json(graph: LatentGraph) -> dict[str, Any]:
    """The graph as plain JSON values.

    >>> to_json(LatentGraph((Node("a"), Node("b")), (Edge("a", "b"),)))["edges"]
    [{'cause': 'a', 'effect': 'b', 'directed': True}]
    """
    return {
        "format": FORMAT,
        "method": graph.method,
        "scale": graph.scale,
        "partial": graph.partial,
        "nodes": [_held(node) for node in graph.nodes],
        "edges": [_held(edge) for edge in graph.edges],
        "notes": list(graph.notes),
    }


def from_json(value: Mapping[str, Any]) -> LatentGraph:
    """Rebuild a graph from `to_json`.

    Raises:
        InputError: not the JSON of a graph, or the graph is not sound.
    """
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise InputError(f"this is not the JSON of a graph: it must hold 'format': '{FORMAT}'")
    return LatentGraph(
        tuple(_part(Node, "node", each) for each in value.get("nodes", ())),
        tuple(_part(Edge, "edge", each) for each in value.get("edges", ())),
        method=str(value.get("method", "")),
        scale=str(value.get("scale", "")),
        partial=bool(value.get("partial", False)),
        notes=tuple(map(str, value.get("notes", ()))),
    )


def to_networkx(graph: LatentGraph) -> nx.DiGraph:
    """As a networkx graph: an undirected edge stands there both ways, each marked `directed=False`.

    >>> drawn = to_networkx(LatentGraph((Node("z", latent=True), Node("x")), (Edge("z", "x", score=0.5),)))
    >>> list(drawn.edges(data=True))
    [('z', 'x', {'score': 0.5, 'directed': True})]
    """
    import networkx as nx

    made = nx.DiGraph(method=graph.method, scale=graph.scale, partial=graph.partial, notes="\n".join(graph.notes))
    for node in graph.nodes:
        made.add_node(node.name, **{k: v for k, v in _held(node).items() if k != "name"})
    for edge in graph.edges:
        held = {k: v for k, v in _held(edge).items() if k not in ("cause", "effect")}
        made.add_edge(edge.cause, edge.effect, **held)
        if not edge.directed:
            made.add_edge(edge.effect, edge.cause, **held)
    return made


def from_networkx(graph: Any) -> LatentGraph:
    """From a networkx graph: two edges both ways, or an edge of an undirected graph, become one undirected edge.

    Args:
        graph: a `Graph` or `DiGraph`; the attributes of nodes and edges that `Node` and `Edge` know are kept.

    Raises:
        InputError: no simple graph, or not a sound one.

    >>> import networkx as nx
    >>> [edge.arrow for edge in from_networkx(nx.DiGraph([("a", "b"), ("b", "c"), ("c", "b")])).edges]
    ['a -> b', 'b -- c']
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph) or graph.is_multigraph():
        raise InputError(f"a graph is made of a networkx Graph or DiGraph, not of a {type(graph).__name__}")
    nodes = tuple(
        _part(Node, "node", {**_known(Node, held), "name": str(name)}) for name, held in graph.nodes(data=True)
    )
    edges: list[Edge] = []
    seen: set[tuple[Any, Any]] = set()
    for cause, effect, held in graph.edges(data=True):
        if (effect, cause) in seen:
            continue
        seen.add((cause, effect))
        open_ = not graph.is_directed() or (graph.has_edge(effect, cause) and cause != effect)
        named = {"cause": str(cause), "effect": str(effect), "directed": not open_ and held.get("directed", True)}
        edges.append(_part(Edge, "edge", {**_known(Edge, held), **named}))
    about = {name: str(graph.graph.get(name, "")) for name in ("method", "scale")}
    notes = tuple(filter(None, str(graph.graph.get("notes", "")).split("\n")))
    return LatentGraph(nodes, tuple(edges), partial=bool(graph.graph.get("partial", False)), notes=notes, **about)


def to_graphml(graph: LatentGraph) -> str:
    """As GraphML text, which Gephi, yEd, Cytoscape and R read."""
    import networkx as nx

    return "\n".join(nx.generate_graphml(to_networkx(graph)))


def to_dot(graph: LatentGraph) -> str:
    r"""As DOT text for Graphviz: latents as ellipses, observed variables as boxes, causes above.

    >>> print(to_dot(LatentGraph((Node("z", latent=True), Node("x")), (Edge("z", "x", frequency=0.9),))))
    digraph {
      "z" [shape=ellipse];
      "x" [shape=box];
      "z" -> "x" [label="90%"];
    }
    """
    lines = ["digraph {"]
    for node in graph.nodes:
        style = ', style="dashed"' if node.kind == "discrete" else ""
        lines.append(f"  {_quoted(node.name)} [shape={'ellipse' if node.latent else 'box'}{style}];")
    for edge in graph.edges:
        marks = [] if edge.frequency is None else [f'label="{edge.frequency:.0%}"']
        marks += [] if edge.evidence == "" else [f"tooltip={_quoted(edge.evidence)}"]
        marks += [] if edge.directed else ["dir=none"]
        shown = f" [{', '.join(marks)}]" if marks else ""
        lines.append(f"  {_quoted(edge.cause)} -> {_quoted(edge.effect)}{shown};")
    return "\n".join([*lines, "}"])


def save(graph: LatentGraph, path: str | Path) -> Path:
    """Write a graph; the ending of the name says how: .json, .graphml, .dot, or .html for the drawing.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix == ".html":
        return graph.draw(path)
    writers = {".json": lambda g: json.dumps(to_json(g), indent=1), ".graphml": to_graphml, ".dot": to_dot}
    if path.suffix not in writers:
        raise InputError(f"a graph is written to a file that ends in {', '.join(writers)} or .html, not to {path}")
    return write_text(path, writers[path.suffix](graph) + "\n", "graph")


def load(path: str | Path) -> LatentGraph:
    """Read a graph from a .json or .graphml file.

    Raises:
        InputError: another ending, no such file, or it holds no sound graph.
    """
    path = Path(path)
    if path.suffix not in (".json", ".graphml"):
        raise InputError(f"a graph is read from a file that ends in .json or .graphml, not from {path}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise InputError(f"the graph {path} cannot be read: {getattr(reason, 'strerror', None) or reason}") from None
    if path.suffix == ".json":
        try:
            return from_json(json.loads(text))
        except json.JSONDecodeError as reason:
            raise InputError(f"{path} is not JSON: {reason}") from None
    import networkx as nx

    try:
        graph = nx.parse_graphml(text)
    except Exception as reason:
        # The parser raises whatever it stumbles over.
        raise InputError(f"{path} is not GraphML: {reason}") from None
    return from_networkx(graph)


def _held(part: Node | Edge) -> dict[str, Any]:
    """The values of a node or edge that say something."""
    kept = {k: v for k, v in asdict(part).items() if v is not None and v != ""}
    return {k: v for k, v in kept.items() if not (k == "latent" and not v) and not (k == "kind" and v == "continuous")}


def _known(kind: type, held: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in held.items() if name in names}


def _part(kind: type[_Part], what: str, held: Any) -> _Part:
    try:
        return kind(**held)
    except TypeError:
        raise InputError(f"a {what} of a graph holds {', '.join(f.name for f in fields(kind))}, not {held}") from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
