"""Searches of the library causal-learn: PC and GES over observed columns, and the linear-rank peers RLCD and GIN."""

from __future__ import annotations

import importlib
import math
import random
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from identikit.errors import InputError
from identikit.structure.discover import columns_only
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.search import Clock, Search, Stopped, register
from identikit.structure.table import Table

_ZHENG = "Through causal-learn (Zheng et al., 2024, arXiv:2307.16405)."


def pc(table: Table, clock: Clock, alpha: float = 0.01) -> LatentGraph:
    """Search by conditional independence: PC with Fisher's z test, which keeps the edges that no test takes away.

    Args:
        table: columns of numbers.
        clock: looked at before each test; the graph so far is what no test has taken away, without directions.
        alpha: significance level of the tests.
    """
    _share("alpha", alpha)
    learn = _need("search.ConstraintBased.PC", "pc")
    cit = _need("utils.cit", "pc")
    tests = _Tests(table.values, clock)

    class Recorded(cit.CIT_Base):
        def __init__(self, data: np.ndarray, **_: Any) -> None:
            self.data, self.method = data, "identikit"

        def __call__(self, x: int, y: int, given: Any = None) -> float:
            return tests(int(x), int(y), tuple(int(i) for i in given or ()))

    cit.register_ci_test("identikit", Recorded)
    try:
        found = learn.pc(table.values, alpha, "identikit", show_progress=False)
    except (KeyboardInterrupt, Stopped):
        left = [pair for pair in combinations(range(table.columns), 2) if tests.largest.get(pair, 0) <= alpha]
        edges = [Edge(table.names[i], table.names[j], directed=False) for i, j in left]
        note = (
            f"{tests.count} tests were made: ties that no test has yet taken away are still there, without directions"
        )
        return LatentGraph(columns_only(table), tuple(edges), "pc", tests.SCALE, partial=True, notes=(note,))
    graph = _read(found.G, columns_only(table), "pc", tests.SCALE)
    return _scored(graph, table, tests)


def ges(table: Table, clock: Clock, penalty: float = 0.5) -> LatentGraph:
    """Search by score: GES with the BIC of linear normal models. It cannot be stopped half way.

    Args:
        table: columns of numbers.
        clock: not looked at.
        penalty: weight of the logarithm of the number of rows for each parameter; 0.5 is the BIC.
    """
    if not penalty > 0:
        raise InputError(f"penalty is a number above 0, not {penalty}")
    found = _need("search.ScoreBased.GES", "ges").ges(table.values, lambda_value=penalty)
    graph = _read(found["G"], columns_only(table), "ges", "BIC lost without it")
    member = _read(_need("utils.PDAG2DAG", "ges").pdag2dag(found["G"]), columns_only(table), "ges", "")
    return _with_losses(graph, member, table, penalty)


def rlcd(table: Table, clock: Clock, alpha: float = 0.01, most: int = 3, seed: int = 0) -> LatentGraph:
    """Search for latents by ranks of cross-covariances (RLCD): linear models, latents above columns or latents.

    Ranks do not tell all directions among latents; where they do not, the directions are those that the code picked.

    Args:
        table: columns of numbers.
        clock: not looked at.
        alpha: significance level of the rank tests.
        most: largest rank that is looked for.
        seed: of the code's own draws.
    """
    _share("alpha", alpha)
    learn = _need("search.HiddenCausal.RLCD", "rlcd")
    state = random.getstate()
    random.seed(seed)
    try:
        found = learn.RLCD(table.values, maxk=most, alpha_dict=dict.fromkeys(range(most + 1), alpha))
    finally:
        random.setstate(state)
    return _read(found.G, columns_only(table), "rlcd", "")


def gin(table: Table, clock: Clock, alpha: float = 0.05) -> LatentGraph:
    """Search for latents by generalised independent noise (GIN): linear non-Gaussian models with pure measurements.

    Args:
        table: columns of numbers.
        clock: not looked at.
        alpha: significance level of the tests of independence (HSIC with its gamma approximation).
    """
    _share("alpha", alpha)
    found, _ = _need("search.HiddenCausal.GIN.GIN", "gin").GIN(table.values, "hsic", alpha)
    return _read(found, columns_only(table), "gin", "")


class _Tests:
    """Fisher's z tests on a table, with what each pair went through.

    Args:
        values: (rows, columns).
        clock: looked at before each test.
    """

    SCALE = "smallest partial correlation"

    def __init__(self, values: np.ndarray, clock: Clock) -> None:
        self.correlation, self.rows, self.clock = np.corrcoef(values.T), len(values), clock
        self.largest: dict[tuple[int, int], float] = {}
        self.smallest: dict[tuple[int, int], float] = {}
        self.made: dict[tuple[int, int], set[tuple[int, ...]]] = {}

    @property
    def count(self) -> int:
        """Tests made so far."""
        return sum(map(len, self.made.values()))

    def __call__(self, x: int, y: int, given: tuple[int, ...]) -> float:
        self.clock.check()
        pair = (min(x, y), max(x, y))
        at = [*pair, *given]
        inverse = np.linalg.inv(self.correlation[np.ix_(at, at)])
        r = float(np.clip(-inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1]), -1 + 1e-12, 1 - 1e-12))
        z = math.sqrt(max(1, self.rows - len(given) - 3)) * abs(math.atanh(r))
        p = math.erfc(z / math.sqrt(2))
        self.made.setdefault(pair, set()).add(tuple(sorted(given)))
        self.largest[pair] = max(p, self.largest.get(pair, 0.0))
        if abs(r) < abs(self.smallest.get(pair, 2.0)):
            self.smallest[pair] = r
        return p


def _scored(graph: LatentGraph, table: Table, tests: _Tests) -> LatentGraph:
    """The graph with the weakest test that each edge came through."""
    edges = []
    for edge in graph.edges:
        i, j = sorted((table.names.index(edge.cause), table.names.index(edge.effect)))
        count, p = len(tests.made[i, j]), tests.largest[i, j]
        said = f"dependent in all {count} test{'s' * (count != 1)} (largest p {p:.2g})"
        edges.append(Edge(edge.cause, edge.effect, tests.smallest[i, j], directed=edge.directed, evidence=said))
    return replace(graph, edges=tuple(edges))


def _with_losses(graph: LatentGraph, member: LatentGraph, table: Table, penalty: float) -> LatentGraph:
    """The graph with what the BIC loses without each edge, in one directed graph of the class."""
    covariance, rows = np.cov(table.values.T), table.rows

    def cost(effect: str, causes: list[str]) -> float:
        i, past = table.names.index(effect), [table.names.index(c) for c in causes]
        left = covariance[i, i]
        if past:
            cross = covariance[i, past]
            left = left - cross @ np.linalg.solve(covariance[np.ix_(past, past)], cross)
        return rows / 2 * math.log(left) + penalty * math.log(rows) * len(past)

    edges = []
    for edge in graph.edges:
        cause, effect = (
            (edge.cause, edge.effect) if edge.cause in member.parents(edge.effect) else (edge.effect, edge.cause)
        )
        causes = list(member.parents(effect))
        loss = cost(effect, [c for c in causes if c != cause]) - cost(effect, causes)
        edges.append(Edge(edge.cause, edge.effect, loss, directed=edge.directed))
    return replace(graph, edges=tuple(edges))


def _read(found: Any, columns: tuple[Node, ...], method: str, scale: str) -> LatentGraph:
    """A graph of causal-learn, whose array holds -1 at the tail of an edge and 1 at its tip.

    Its observed nodes are called X1, X2, ... by place, and its latents L1, L2, ...
    """
    array, called = np.asarray(found.graph), [node.get_name() for node in found.get_nodes()]
    hidden = [name for name in called if name.startswith("L")]
    taken = {node.name for node in columns}
    fresh = (f"{'_' * k}L{{}}" for k in range(len(taken) + 1))
    form = next(f for f in fresh if not any(f.format(i + 1) in taken for i in range(len(hidden))))
    names = {f"X{i + 1}": node.name for i, node in enumerate(columns)}
    names |= {name: form.format(i + 1) for i, name in enumerate(hidden)}
    edges, notes = [], []
    for i, j in combinations(range(len(called)), 2):
        ends = (array[i, j], array[j, i])
        a, b = names[called[i]], names[called[j]]
        if ends == (-1, 1):
            edges.append(Edge(a, b))
        elif ends == (1, -1):
            edges.append(Edge(b, a))
        elif ends != (0, 0):
            edges.append(Edge(a, b, directed=False))
            if ends == (1, 1):
                notes.append(f"{a} and {b} point to each other, which a latent between them may cause")
    # Finite samples can orient edges against each other; a graph with a cycle stands for no model.
    nodes = (*columns, *(Node(names[name], latent=True) for name in hidden))
    try:
        return LatentGraph(nodes, tuple(edges), method, scale, notes=tuple(notes))
    except InputError:
        open_, turned = _without_cycle(edges)
        notes.append(f"the tests contradict each other, so the direction of {', '.join(turned)} is left open")
        return LatentGraph(nodes, tuple(open_), method, scale, notes=tuple(notes))


def _without_cycle(edges: list[Edge]) -> tuple[list[Edge], list[str]]:
    """The edges, without the direction of those that lie on a directed cycle."""
    import networkx as nx

    graph = nx.DiGraph([(e.cause, e.effect) for e in edges if e.directed])
    group = {name: i for i, part in enumerate(nx.strongly_connected_components(graph)) for name in part}
    on = [e for e in edges if e.directed and group[e.cause] == group[e.effect]]
    kept = [Edge(e.cause, e.effect, directed=False) if e in on else e for e in edges]
    return kept, [edge.arrow for edge in on]


def _need(module: str, who: str) -> Any:
    try:
        return importlib.import_module(f"causallearn.{module}")
    except ImportError:
        raise InputError(
            f"{who} needs causal-learn, which is not installed: pip install 'identikit[structure]'"
        ) from None


def _share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"{name} is a share between 0 and 1, not {value}")


register(
    Search(
        "pc",
        "keeps the ties that no test of conditional independence takes away, and directs what colliders tell",
        f"Spirtes and Glymour, 1991. {_ZHENG}",
        pc,
        ("linear relations", "no latent common cause", "faithful: no dependence cancels"),
    )
)
register(
    Search(
        "ges",
        "adds and takes away edges of an equivalence class while the BIC gains",
        f"Chickering, Optimal Structure Identification With Greedy Search, 2002. {_ZHENG}",
        ges,
        ("linear relations with normal noise", "no latent common cause", "faithful: no dependence cancels"),
    )
)
register(
    Search(
        "rlcd",
        "finds latents of linear models, also below other latents, by the ranks of cross-covariances",
        f"Dong et al., A Versatile Causal Discovery Framework, 2024, arXiv:2312.11001. {_ZHENG}",
        rlcd,
        ("linear relations", "enough pure measurements of each latent", "no rank falls by coincidence"),
        latents=True,
    )
)
register(
    Search(
        "gin",
        "finds groups of measurements with a common latent, and the order of the latents, by independence of noise",
        f"Xie et al., Generalized Independent Noise Condition, 2020, arXiv:2010.04917. {_ZHENG}",
        gin,
        ("linear relations", "noise that is not normal", "two or more pure measurements of each latent"),
        latents=True,
        resamples=0,
    )
)
