"""Graphs of latents: the type, its files and drawing, the matching of latents, and the front of the searches."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from identikit.cli import app
from identikit.data import Truth
from identikit.datasets import from_arrays
from identikit.datasets.columns import read_columns
from identikit.errors import InputError, LeakError
from identikit.metrics import shd
from identikit.structure import (
    SEARCHES,
    Edge,
    LatentGraph,
    Node,
    Search,
    compare,
    discover,
    match_latents,
    register,
)
from identikit.structure.drawing import svg
from identikit.structure.files import from_networkx, to_dot, to_graphml
from identikit.structure.layout import HIGH, lay_out
from identikit.structure.table import as_table
from identikit.worlds import DomainShift
from identikit.worlds.hierarchy_graphs import HierarchyGraph, balanced_tree

TREE = HierarchyGraph(balanced_tree(2))
WHOLE = LatentGraph(
    (
        Node('z <&> "1"', latent=True, kind="discrete", level=2, size=3, evidence="rank 3"),
        Node("x1"),
        Node("x2", size=1),
        Node("x3"),
    ),
    (
        Edge('z <&> "1"', "x1", score=-0.25, frequency=0.75, evidence="seen & believed"),
        Edge("x1", "x2", directed=False, frequency=1.0),
        Edge("x3", "x2", score=2.0),
    ),
    method="by hand",
    scale="weight",
    partial=True,
    notes=("the first note", "the second"),
)


@st.composite
def graphs(draw, latents=4, observed=5):
    """A random hierarchy, some of its edges without direction."""
    hidden, seen = draw(st.integers(1, latents)), draw(st.integers(1, observed))
    names = [f"z{i}" for i in range(hidden)] + [f"x{i}" for i in range(seen)]
    edges = [
        Edge(a, b, directed=draw(st.booleans()))
        for i, a in enumerate(names[:hidden])
        for b in names[i + 1 :]
        if draw(st.booleans())
    ]
    return LatentGraph(tuple(Node(n, latent=n[0] == "z") for n in names), tuple(edges))


def renamed(graph, order):
    """The graph with its latents called otherwise and told of in another order."""
    new = {old: f"L{order[i]}" for i, old in enumerate(graph.latents)} | {n: n for n in graph.observed}
    nodes = sorted((replace(n, name=new[n.name]) for n in graph.nodes), key=lambda n: n.name)
    return LatentGraph(tuple(nodes), tuple(replace(e, cause=new[e.cause], effect=new[e.effect]) for e in graph.edges))


def linear(rows=600, seed=0, graph=TREE, noise=0.5):
    """Columns of the leaves of a linear hierarchy."""
    rng = np.random.default_rng(seed)
    held = {}
    for name in graph.order:
        scale = noise if name in graph.leaves else 1.0
        held[name] = sum((held[p] for p in graph.parents_of(name)), np.zeros(rows)) + scale * rng.laplace(size=rows)
    return np.stack([held[name] for name in graph.leaves], 1)


def collider(rows=500, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, rows))
    return np.stack([a, b, a + b + rng.normal(size=rows)], 1)


# The type.


def test_relatives_of_a_node():
    graph = LatentGraph.from_truth(TREE)
    assert graph.parents("z2") == ("z1",)
    assert graph.children("z1") == ("z2", "z3")
    assert graph.ancestors("x4") == ("z1", "z3")
    assert graph.descendants("z2") == ("x1", "x2")
    assert graph.roots == ("z1",)
    assert graph.leaves == graph.observed == ("x1", "x2", "x3", "x4")
    assert graph.levels == TREE.levels
    assert graph.order.index("z1") < graph.order.index("z3") < graph.order.index("x4")
    np.testing.assert_array_equal(graph.adjacency, TREE.adjacency)


def test_undirected_edges_are_neighbours_and_both_entries():
    assert WHOLE.neighbours("x2") == ("x1",)
    assert WHOLE.parents("x2") == ("x3",)
    assert WHOLE.edge("x2", "x1") is WHOLE.edge("x1", "x2")
    assert WHOLE.edge("x2", "x3") is None
    assert not WHOLE.directed
    assert WHOLE.adjacency[1, 2] == WHOLE.adjacency[2, 1] == 1
    assert WHOLE.levels['z <&> "1"'] == 2
    again = LatentGraph.from_adjacency(WHOLE.adjacency, WHOLE.names)
    assert [(e.arrow) for e in again.edges if not e.directed] == ["x1 -- x2"]


def test_from_truth_of_a_world():
    _, truth = DomainShift(domains=3).sample(60)
    graph = LatentGraph.from_truth(replace(truth, graph=np.eye(4, k=1, dtype=int)))
    assert graph.latents == truth.names
    assert len(graph.edges) == 3
    with pytest.raises(InputError, match="does not know the graph"):
        LatentGraph.from_truth(Truth(np.zeros((2, 1)), ("z",), ("continuous",)))


def test_cpdag_leaves_chains_open_and_keeps_colliders():
    fork = LatentGraph.from_adjacency([[0, 1, 1], [0, 0, 0], [0, 0, 0]], "abc")
    assert not any(edge.directed for edge in fork.cpdag().edges)
    meet = LatentGraph.from_adjacency([[0, 0, 1], [0, 0, 1], [0, 0, 0]], "abc")
    assert meet.cpdag() == meet
    with pytest.raises(InputError, match="undirected"):
        fork.cpdag().cpdag()


A, B = Node("a"), Node("b")


@pytest.mark.parametrize(
    ("nodes", "edges", "why"),
    [
        ((), (), "at least one node"),
        ((A, A), (), "two nodes"),
        ((Node(""),), (), "is a text"),
        ((Node("a", kind="real"),), (), "unknown kind of variable 'real'"),
        ((A, B), (Edge("a", "c"),), "unknown variable 'c'"),
        ((A, B), (Edge("a", "b"), Edge("b", "a")), "must have no directed cycle, and it has"),
        ((A, B), (Edge("a", "a"),), "must have no directed cycle"),
        ((A, B), (Edge("a", "a", directed=False),), "joins two variables"),
        ((A, B), (Edge("a", "b"), Edge("a", "b")), "keep one"),
        ((A, B), (Edge("a", "b"), Edge("b", "a", directed=False)), "keep one"),
        ((A, B), (Edge("a", "b", score=float("nan")),), "finite number"),
        ((A, B), (Edge("a", "b", frequency=1.2),), "share from 0 to 1"),
    ],
)
def test_an_unsound_graph_is_refused_in_one_sentence(nodes, edges, why):
    with pytest.raises(InputError, match=why) as told:
        LatentGraph(nodes, edges)
    assert "\n" not in str(told.value)


def test_unknown_names_and_shapes():
    with pytest.raises(InputError, match="unknown variable 'q'"):
        WHOLE.parents("q")
    with pytest.raises(InputError, match="square"):
        LatentGraph.from_adjacency(np.zeros((2, 3)))
    with pytest.raises(InputError, match="2 nodes, and 1 names"):
        LatentGraph.from_adjacency(np.zeros((2, 2)), ["a"])
    with pytest.raises(InputError, match="unknown variable 'q'"):
        LatentGraph.from_adjacency(np.zeros((2, 2)), ["a", "b"], latent=["q"])
    with pytest.raises(InputError, match="not a list"):
        LatentGraph.from_truth([1])


# Files.


def test_every_format_keeps_the_whole_graph(tmp_path):
    assert LatentGraph.parse(json.loads(json.dumps(WHOLE.json()))) == WHOLE
    assert LatentGraph.from_networkx(WHOLE.to_networkx()) == WHOLE
    for ending in ("json", "graphml"):
        assert LatentGraph.load(WHOLE.save(tmp_path / f"g.{ending}")) == WHOLE
    assert "<data" in to_graphml(WHOLE)
    assert to_dot(WHOLE) + "\n" == WHOLE.save(tmp_path / "g.dot").read_text()


@given(graphs())
@settings(max_examples=25, deadline=None)
def test_random_graphs_come_back(graph):
    assert LatentGraph.parse(graph.json()) == graph
    assert from_networkx(graph.to_networkx()) == graph


def test_dot_names_are_quoted_and_open_edges_have_no_tip():
    text = to_dot(WHOLE)
    assert '"z <&> \\"1\\""' in text
    assert '"x1" -> "x2" [label="100%", dir=none];' in text


def test_files_that_are_no_graph(tmp_path):
    for name, text, why in (
        ("a.json", "{", "is not JSON"),
        ("b.json", "[1]", "not the JSON of a graph"),
        ("c.json", '{"format": "identikit graph 1", "nodes": [{"title": "a"}]}', "a node of a graph holds name"),
        ("d.graphml", "<graph", "is not GraphML"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=why):
            LatentGraph.load(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        LatentGraph.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="ends in"):
        LatentGraph.load(tmp_path / "g.txt")
    with pytest.raises(InputError, match="ends in"):
        WHOLE.save(tmp_path / "g.png")
    with pytest.raises(InputError, match="networkx Graph"):
        from_networkx({})


# Text and drawing.


def test_text_tells_of_latents_levels_and_evidence():
    text = str(WHOLE)
    assert (
        text.splitlines()[0]
        == "by hand: 4 variables, 1 of them latent (in brackets), 3 edges, 1 of them without direction (--)"
    )
    assert "PARTIAL" in text
    assert 'level 2  [z <&> "1" (discrete 3)]' in text
    assert "75%" in text
    assert "seen & believed" in text
    assert text.endswith("the first note\nthe second")


def laid_out(graph):
    return lay_out(graph, dict.fromkeys(graph.names, 34.0))


def test_effects_stand_below_their_causes_and_edges_cross_little():
    assert laid_out(LatentGraph.from_truth(TREE)).rows == [["z1"], ["z2", "z3"], ["x1", "x2", "x3", "x4"]]
    crossed = HierarchyGraph({"x1": ("b",), "x2": ("b",), "x3": ("a",), "x4": ("a",), "a": ("t",), "b": ("t",)})
    order = {name: i for row in laid_out(LatentGraph.from_truth(crossed)).rows for i, name in enumerate(row)}
    assert (order["a"] < order["b"]) == (order["x3"] < order["x1"])


def test_a_parent_stands_over_the_middle_of_its_children():
    centre = laid_out(LatentGraph.from_truth(TREE)).centre
    assert centre["z2"][0] == pytest.approx((centre["x1"][0] + centre["x2"][0]) / 2)
    assert centre["z1"][0] == pytest.approx((centre["z2"][0] + centre["z3"][0]) / 2)


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_no_variable_stands_on_another_or_on_a_passing_edge(graph):
    laid = laid_out(graph)
    for i, name in enumerate(graph.names):
        x, y = laid.centre[name]
        assert 17 <= x <= laid.width - 17
        assert HIGH / 2 <= y <= laid.height - HIGH / 2
        for other in graph.names[i + 1 :]:
            u, v = laid.centre[other]
            assert v != y or abs(u - x) >= 34
        assert all(v != y or abs(u - x) >= 17 for bends in laid.bends for u, v in bends)


@given(graphs())
@settings(max_examples=25, deadline=None)
def test_every_graph_can_be_drawn(graph):
    drawn = svg(graph)
    assert drawn.count("<rect") == len(graph.nodes)
    assert drawn.count("class='edge'") == len(graph.edges)
    assert drawn.count("marker-end") == sum(edge.directed for edge in graph.edges)
    assert sorted(n for row in laid_out(graph).rows for n in row) == sorted(graph.names)


def test_the_page_is_escaped_and_opens_offline(tmp_path):
    page = WHOLE.draw(tmp_path / "g.html", "A <b>title</b>").read_text()
    assert "<b>" not in page
    assert "z &lt;&amp;&gt;" in page
    assert "http" not in page
    assert "Partial:" in page
    assert "found in 75% of the resamples; seen &amp; believed" in page


# Matching.


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_relabelled_latents_cost_nothing(graph, random):
    order = list(range(len(graph.latents)))
    random.shuffle(order)
    other = renamed(graph, order)
    codes = match_latents(other, graph)
    assert shd(other.adjacency, graph.adjacency, codes, nulls=0).value == 0


def test_the_distance_is_the_least_over_all_relabellings_nearly_always():
    worse = []
    for trial in range(40):
        rng = np.random.default_rng(trial)
        names = [f"z{i}" for i in range(4)] + [f"x{i}" for i in range(5)]
        first, second = (np.triu(rng.random((9, 9)) < 0.35, 1).astype(int) for _ in range(2))
        first[4:], second[4:] = 0, 0
        true, found = (LatentGraph.from_adjacency(a, names, names[:4]) for a in (first, second))
        got = shd(second, first, match_latents(found, true), nulls=0).value
        least = min(shd(second, first, [*p, *range(4, 9)], nulls=0).value for p in permutations(range(4)))
        worse.append(got - least)
    assert min(worse) == 0
    assert np.mean(np.array(worse) > 0) <= 0.05
    assert max(worse) <= 1


def test_missed_and_extra_latents_are_told():
    true = LatentGraph.from_truth(TREE)
    flat = HierarchyGraph({"x1": ("L1",), "x2": ("L1",), "x3": ("L2",), "x4": ("L2",)})
    result = compare(LatentGraph.from_truth(flat), true, nulls=5)
    assert result.latents == {"z1": None, "z2": "L1", "z3": "L2"}
    assert result.shd.value == 2
    assert set(result.shd.nulls) >= {"permuted nodes", "empty graph"}
    back = compare(true, flat)
    assert back.extra == ("z1",)
    assert back.edge_f1.parts["recall"] == 1


def test_equivalence_forgives_what_cannot_be_told():
    true = LatentGraph.from_adjacency([[0, 1], [0, 0]], ["a", "b"])
    turned = LatentGraph.from_adjacency([[0, 0], [1, 0]], ["a", "b"])
    assert compare(turned, true).shd.value == 1
    assert compare(turned, true, equivalence=True).shd.value == 0
    assert compare(true.cpdag(), true, equivalence=True).shd.value == 0
    with pytest.raises(InputError, match="no observed variable of the true one"):
        compare(LatentGraph.from_adjacency([[0, 1], [0, 0]], ["c", "d"]), true)


# Tables.


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda x: x[:10], "pc needs at least 20 rows for 3 columns, and there are 10"),
        (lambda x: x[:, :1], "two columns or more"),
        (lambda x: np.c_[x, np.ones(len(x))], "column 'x3' is constant"),
        (lambda x: np.c_[x, x[:, 1]], "columns 'x1' and 'x3' hold the same"),
        (lambda x: np.c_[x, -2 * x[:, 1] + 1], "columns 'x1' and 'x3' are perfectly collinear"),
        (lambda x: np.c_[x, x[:, 0] - x[:, 2]].astype(np.float32), "'x0', 'x2' and 'x3' are perfectly collinear"),
        (lambda x: np.where(np.arange(x.size).reshape(x.shape) == 4, np.nan, x), "column 'x1' has 1 missing value, "),
        (lambda x: np.where(np.arange(x.size).reshape(x.shape) == 4, np.inf, x), "infinite value"),
        (lambda x: x[:, 0], "takes a table"),
        (lambda x: np.array([["a", "b"]] * 30), "holds text"),
        (lambda x: {"a": 1}, "takes a table"),
    ],
)
def test_bad_tables_are_refused_before_work_starts(change, why):
    pytest.importorskip("causallearn")
    with pytest.raises(InputError, match=why) as told:
        discover(change(collider()), "pc")
    assert "\n" not in str(told.value)


def test_missing_values_are_dropped_or_filled_when_asked():
    x = collider(60)
    x[3, 0] = x[9, 2] = np.nan
    with pytest.raises(InputError, match=r"missing='drop'.*missing='fill'"):
        as_table(x)
    assert as_table(x, missing="drop").rows == 58
    filled = as_table(x, missing="fill")
    assert filled.values[3, 0] == pytest.approx(np.nanmean(x[:, 0]))
    with pytest.raises(InputError, match="unknown way with missing values"):
        as_table(x, missing="guess")
    x[:, 1] = np.nan
    with pytest.raises(InputError, match="every value of column 'x1' is missing"):
        as_table(x, missing="drop")


def test_categories_are_coded_by_name():
    table = as_table(np.array([["a", "3"], ["b", "3"], ["a", "1"]]), ["u", "v"], takes="discrete")
    assert table.categories == {"u": ("a", "b"), "v": ("1", "3")}
    assert table.values.tolist() == [[0, 1], [1, 1], [0, 0]]
    gaps = as_table([[0, 1], [float("nan"), 1], [0, 2], [1, 1]], takes="discrete", missing="fill")
    assert gaps.values[1, 0] == 0
    with pytest.raises(InputError, match=r"column 'x0' holds 0.5, and this search takes categories"):
        as_table([[0.5, 1.0]], takes="discrete")


def test_domains_come_from_the_data_set_or_beside_it():
    x = collider(40)
    data = from_arrays(x, domain=["p", "q"] * 20, names=["a", "b", "c"])
    table = as_table(data)
    assert (table.names, table.domains) == (("a", "b", "c"), ("p", "q"))
    assert table.domain is not None
    assert table.domain[:4].tolist() == [0, 1, 0, 1]
    assert as_table(x, domain=np.arange(40) % 2).domains == ("0", "1")
    with pytest.raises(InputError, match="lengths differ"):
        as_table(x, domain=[1, 2])


def test_no_truth_and_no_modalities_are_searched():
    data, truth = DomainShift(domains=3).sample(60)
    assert as_table(data).columns == data.schema.shape[0]
    with pytest.raises(LeakError, match="was handed a Truth"):
        as_table(truth)
    with pytest.raises(InputError, match="several modalities"):
        as_table(from_arrays({"sound": collider(40), "sight": collider(40)}))


def test_columns_of_a_file_keep_their_gaps(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("site,a,b,c\np,1,,u\nq,2,3,\n")
    columns, domain = read_columns(path, domain="site")
    assert list(columns) == ["a", "b"]
    assert np.isnan(columns["b"][0])
    assert domain is not None
    assert domain.tolist() == ["p", "q"]
    assert read_columns(path, numeric=False)[0]["c"].tolist() == ["u", None]
    with pytest.raises(InputError, match="unknown column"):
        read_columns(path, "q*")
    with pytest.raises(InputError, match="does not name the domain of every row"):
        read_columns(path, domain="b")


# The front of the searches, on a search of its own.


def nearest(table, clock, cut: float = 0.5, die: int = 99):
    """Ties the columns whose correlation is above the cut, in the order of the columns."""
    nearest.calls += 1
    if nearest.calls > die:
        raise KeyboardInterrupt
    strong = np.triu(np.abs(np.corrcoef(table.values.T)) > cut, 1).astype(int)
    return LatentGraph.from_adjacency(strong, table.names)


@pytest.fixture
def toy():
    nearest.calls = 0
    yield register(Search("toy", "ties what correlates", "none", nearest, domains=0))
    del SEARCHES["toy"]


def test_a_registered_search_is_run_with_frequencies(toy):
    graph = discover(collider(), "toy", names="abc", resamples=8, cut=0.4)
    assert nearest.calls == 9
    assert [(edge.arrow, edge.frequency) for edge in graph.edges] == [("a -> c", 1.0), ("b -> c", 1.0)]
    assert graph.method == "toy"
    assert not graph.partial
    assert graph == discover(collider(), "toy", names="abc", resamples=8, cut=0.4)
    assert discover(collider(), "toy", resamples=0).edges[0].frequency is None


def test_a_weak_edge_has_a_low_frequency(toy):
    x = collider()
    r = abs(np.corrcoef(x.T)[0, 2])
    edge = discover(x, "toy", resamples=40, cut=r - 1e-3).edge("x0", "x2")
    assert edge is not None
    assert edge.frequency is not None
    assert 0.2 < edge.frequency < 0.8


def test_ties_that_only_the_resamples_show_are_told(toy):
    SEARCHES["toy"] = replace(toy, run=lambda table, clock: nearest(table, clock, 0.4 if nearest.calls else 1.0))
    graph = discover(collider(), "toy", resamples=5)
    assert graph.edges == ()
    assert graph.notes == ("not tied here, though in more than half of the resamples: x0 and x2, x1 and x2",)


def test_a_search_that_is_interrupted_returns_its_graph_so_far(toy):
    graph = discover(collider(), "toy", resamples=9, cut=0.4, die=4)
    assert graph.partial
    assert len(graph.edges) == 2
    assert graph.notes == ("3 of 9 bootstrap samples were searched before the time was over",)
    nearest.calls = 0
    early = discover(collider(), "toy", die=0)
    assert early.partial
    assert early.edges == ()


def test_wrong_calls_are_refused(toy):
    x = collider()
    for options, why in (
        ({"method": "toyy"}, "did you mean 'toy'"),
        ({"method": "toy", "cutt": 1}, "unknown option of toy 'cutt'"),
        ({"method": "toy", "resamples": -1}, "resamples is a whole number"),
        ({"method": "toy", "seconds": 0}, "seconds is a time above 0"),
    ):
        with pytest.raises(InputError, match=why):
            discover(x, **options)
    with pytest.raises(InputError, match="registered already"):
        register(replace(toy, title="another"))
    SEARCHES["toy"] = replace(toy, domains=3)
    with pytest.raises(InputError, match="needs the domain of each row"):
        discover(x, "toy")
    with pytest.raises(InputError, match="at least 3 domains, and there are 2"):
        discover(x, "toy", domain=np.arange(len(x)) % 2)


def test_a_peer_that_is_not_installed_says_so(monkeypatch):
    import importlib

    def refuse(name, package=None):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(InputError, match=r"pc needs causal-learn, which is not installed: pip install"):
        discover(collider(), "pc")


# The peers of causal-learn.


def test_pc_and_ges_find_a_chain_and_a_collider():
    pytest.importorskip("causallearn")
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(2, 1000))
    b = a + rng.normal(size=1000)
    x = np.stack([a, b, c, b + c + rng.normal(size=1000)], 1)
    for method in ("pc", "ges"):
        graph = discover(x, method, names="abcd", resamples=4)
        assert {edge.arrow for edge in graph.edges} == {"a -- b", "b -> d", "c -> d"}
        assert min(edge.frequency or 0 for edge in graph.edges) >= 0.5
        assert all(edge.score for edge in graph.edges)
        true = LatentGraph.from_adjacency([[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], "abcd")
        assert compare(graph, true, equivalence=True).shd.value == 0


def test_pc_out_of_time_keeps_every_tie():
    pytest.importorskip("causallearn")
    graph = discover(collider(), "pc", seconds=1e-9)
    assert graph.partial
    assert len(graph.edges) == 3
    assert not any(edge.directed for edge in graph.edges)
    assert "0 tests were made" in graph.notes[0]
    with pytest.raises(InputError, match="alpha is a share"):
        discover(collider(), "pc", alpha=2)


def test_rlcd_finds_the_latents_of_a_linear_hierarchy():
    pytest.importorskip("causallearn")
    wide = HierarchyGraph({**{f"x{i}": (f"z{(i - 1) // 3 + 1}",) for i in range(1, 7)}, "z2": ("z1",)})
    graph = discover(linear(1000, graph=wide), "rlcd", names=wide.leaves, resamples=2)
    result = compare(graph, wide)
    assert None not in result.latents.values()
    assert result.edge_f1.parts["skeleton f1"] == 1
    assert len(graph.latents) == 2


def test_a_graph_with_two_way_edges_is_left_open():
    pytest.importorskip("causallearn")
    from identikit.structure.causal_learn import _read

    class Called:
        def __init__(self, name):
            self.name = name

        def get_name(self):
            return self.name

    class Found:
        graph = np.array([[0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 1], [0, 0, 1, 0]])

        def get_nodes(self):
            return [Called(f"X{i}") for i in (1, 2, 3)] + [Called("L1")]

    graph = _read(Found(), (Node("L1"), Node("b"), Node("c")), "pc", "")
    assert graph.latents == ("_L1",)
    assert not any(edge.directed for edge in graph.edges)
    assert any("contradict each other" in note for note in graph.notes)


# The command.


def said(*words, code=0):
    result = CliRunner().invoke(app, ["discover", *map(str, words)], prog_name="identikit")
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_searches_a_table(tmp_path):
    pytest.importorskip("causallearn")
    path, x = tmp_path / "t.csv", collider(200)
    lines = [f"{a:.5f},{b:.5f},{c:.5f},note" for a, b, c in x]
    path.write_text("\n".join(["a,b,c,text", *lines, "1,,2,note"]) + "\n")
    assert "missing='drop'" in said(path, code=2)
    out = said(path, "--missing", "drop", "--resamples", "3", "--set", "alpha=0.001",
               "--json", tmp_path / "g.json", "--html", tmp_path / "g.html")  # fmt: skip
    assert "a -> c" in out
    graph = LatentGraph.load(tmp_path / "g.json")
    assert {edge.arrow for edge in graph.edges} == {"a -> c", "b -> c"}
    assert "<svg" in (tmp_path / "g.html").read_text()
    assert "2 variables" in said(path, "--x", "[ac]", "--method", "ges", "--resamples", "0")
    assert "ends in .json" in said(path, "--json", tmp_path / "g.txt", code=2)
    assert "did you mean 'pc'" in said(path, "--method", "pcc", code=2)
    assert "unknown option of pc" in said(path, "--set", "beta=1", code=2)


def test_the_command_lists_the_searches():
    assert "rlcd" in said()
