"""Ranks of tables of probabilities, and hierarchies of discrete latents found by them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from identikit.data import Dataset
from identikit.errors import InputError
from identikit.structure.discover import discover
from identikit.structure.discrete_class import rooted, shown_class
from identikit.structure.discrete_parts import as_codes, distinct
from identikit.structure.discrete_search import discrete_hierarchy
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.matching import compare
from identikit.structure.nonnegative_ranks import nonnegative_rank
from identikit.structure.orient import oriented
from identikit.structure.ranks import feature_ranks, inverse_root, pair_ranks, table_ranks
from identikit.structure.search import Clock
from identikit.worlds.discrete_hierarchy import DISCRETE_HIERARCHIES, DiscreteHierarchy
from identikit.worlds.hierarchy_graphs import HierarchyGraph, named_graph


def world(graph, seed=0, **more):
    return DiscreteHierarchy(graph, attributes=0, overlap=0, width=1, observe="codes", seed=seed, **more)


def low_rank(rng, a, b, rank):
    return rng.dirichlet(np.ones(a), size=rank).T @ rng.dirichlet(np.ones(rank * b)).reshape(rank, b)


# --- rank tests


@pytest.mark.parametrize("method", ["wald", "bootstrap"])
def test_a_rank_test_holds_its_level_and_has_power(method):
    rng = np.random.default_rng(0)
    table = low_rank(rng, 4, 4, 2)
    counts = np.stack([rng.multinomial(5_000, table.ravel()).reshape(4, 4) for _ in range(60)])
    tests = table_ranks(counts, method, draws=150)
    refused = (tests.p[:, tests.tried.index(2)] < 0.1).mean()
    assert refused < 0.25
    assert (tests.p[:, 0] < 0.02).all()
    # 2, but for the few that the level lets be refused.
    assert np.median(tests.rank()) == 2


def test_at_rank_one_the_p_values_of_independent_variables_are_even():
    rng = np.random.default_rng(1)
    counts = np.stack([rng.multinomial(2_000, np.outer([0.3, 0.7], [0.2, 0.3, 0.5]).ravel()) for _ in range(400)])
    p = table_ranks(counts.reshape(-1, 2, 3)).p[:, 0]
    assert abs(p.mean() - 0.5) < 0.06
    assert 0.05 < (p < 0.1).mean() < 0.16


def test_tables_at_once_and_features_of_rows_give_what_one_table_gives():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 3, size=(500, 2))
    codes[:200, 1] = codes[:200, 0]
    counts = np.bincount(3 * codes[:, 0] + codes[:, 1], minlength=9).reshape(3, 3)
    other = rng.integers(5, 50, size=(3, 3))
    one, both = table_ranks(counts).p[0], table_ranks(np.stack([other, counts])).p[1]
    hot = np.eye(3)
    rows = feature_ranks(hot[codes[:, 0]], hot[codes[:, 1]], np.full(500, 1 / 500), 500).p[0]
    assert np.allclose(one, both)
    assert np.allclose(one, rows)


def test_pairs_at_once_are_the_tests_of_each_pair():
    data, _ = world("tree", states={"d1": 3, "d4": 3}).sample(3_000)
    codes = data["x"].astype(int)
    states = tuple(codes.max(0) + 1)
    patterns, counts = distinct(codes, states)
    pairs, tests = pair_ranks(patterns, states, counts, [1, 2])
    weights = counts / counts.sum()
    for (i, j), p in zip(pairs, tests.p, strict=True):
        left = np.einsum("na,nb->nab", np.eye(states[i])[patterns[:, i]], np.eye(states[j])[patterns[:, j]])
        rest = [np.eye(states[k])[patterns[:, k]][:, 1:] for k in range(len(states)) if k not in (i, j)]
        right = np.concatenate([np.ones((len(patterns), 1)), *rest], axis=1)
        alone = feature_ranks(left.reshape(len(patterns), -1), right, weights, counts.sum(), [1, 2]).p[0]
        assert np.allclose(p, alone, rtol=1e-4, atol=1e-6)


def test_an_empty_row_of_a_table_changes_nothing():
    counts = np.random.default_rng(3).integers(20, 60, size=(3, 3))
    wide = np.zeros((4, 3), int)
    wide[[0, 1, 3]] = counts
    assert np.allclose(table_ranks(counts, ranks=[1]).p, table_ranks(wide, ranks=[1]).p)


def test_an_inverse_root_is_one_on_what_there_is():
    a = np.random.default_rng(4).normal(size=(4, 2))
    second = a @ a.T
    root = inverse_root(second)
    assert np.allclose(root @ second @ root @ second, second, atol=1e-8)


@pytest.mark.parametrize(
    ("counts", "more", "words"),
    [
        (np.ones(3), {}, "counts are"),
        (-np.ones((2, 2)), {}, "none negative"),
        (np.zeros((1, 2, 2)), {}, "holds no row"),
        (np.ones((2, 2)), {"method": "walt"}, "did you mean 'wald'"),
        (np.ones((2, 2)), {"ranks": [0]}, "1 or more"),
    ],
)
def test_bad_tables_are_one_sentence(counts, more, words):
    with pytest.raises(InputError, match=words):
        table_ranks(counts, **more)


def test_pairs_need_a_rest():
    with pytest.raises(InputError, match="3 or more"):
        pair_ranks(np.zeros((5, 2), int), (2, 2))


# --- non-negative ranks


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_product_of_nonnegative_factors_has_its_rank(rank):
    rng = np.random.default_rng(rank)
    found = nonnegative_rank(low_rank(rng, 5, 5, rank))
    assert found.lower == found.upper == found.rank == rank


def test_the_slack_of_a_square_needs_more_states_than_its_rank_and_counts_of_it_too():
    square = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1]]) / 8
    assert nonnegative_rank(square) == nonnegative_rank(square.T)
    assert (nonnegative_rank(square).rank, nonnegative_rank(square).lower) == (3, 4)
    counts = np.random.default_rng(0).multinomial(20_000, (0.9 * square + 0.1 / 16).ravel()).reshape(4, 4)
    found = nonnegative_rank(counts)
    assert (found.rank, found.upper) == (3, 4)


@pytest.mark.parametrize("table", [np.zeros((2, 2)), -np.eye(2), np.ones(4), np.full((2, 2), np.nan)])
def test_a_bad_table_has_no_nonnegative_rank(table):
    with pytest.raises(InputError, match="a table is"):
        nonnegative_rank(table)


# --- the search


@pytest.mark.parametrize("kind", DISCRETE_HIERARCHIES)
def test_the_search_finds_each_kind_of_graph(kind):
    right = []
    for seed in (1, 3, 4):
        one = world(kind, seed)
        graph = discrete_hierarchy(one.sample(100_000)[0])
        right.append(compare(graph, shown_class(one.structure), nulls=0).shd.value)
    assert np.median(right) == 0, right


def test_a_chain_with_an_end_that_two_share_is_found_with_its_directions():
    graph = {"z2": ("z1",), "z3": ("z2",), **{f"d{i + 1}": (f"z{i // 2 + 1}",) for i in range(6)}, "d7": ("z1", "z3")}
    found = discrete_hierarchy(world(graph, 1).sample(100_000)[0])
    assert compare(found, shown_class(HierarchyGraph(graph)), nulls=0).shd.value == 0
    assert len(found.parents("d7")) == 2


def test_three_states_are_found_where_a_search_of_linear_ranks_fails():
    one = world("v-structure", 2, states=3)
    data, _ = one.sample(60_000)
    table, linear = (
        compare(discrete_hierarchy(data, features=f), shown_class(one.structure), nulls=0).shd.value
        for f in ("table", "linear")
    )
    assert table == 0
    assert linear > 0


def test_independent_variables_have_no_parent():
    codes = np.random.default_rng(5).integers(0, 2, size=(5_000, 6))
    assert discrete_hierarchy(codes).edges == ()
    shared = codes.copy()
    flip = np.random.default_rng(1).random((5_000, 4)) < 0.15
    shared[:, :4] = shared[:, :1] ^ flip
    graph = discrete_hierarchy(shared)
    assert graph.latents == ("z1",)
    assert set(graph.children("z1")) == {"d1", "d2", "d3", "d4"}


def test_three_variables_have_one_latent_and_renaming_states_changes_nothing():
    codes = world("one level", 1).sample(5_000)[0]["x"].astype(int)
    assert len(discrete_hierarchy(codes[:, :3]).edges) == 3
    tree = world("tree", 1).sample(20_000)[0]["x"].astype(int)
    same = np.where([[True, False, True, False, False, True]], 1 - tree, tree)
    assert [e.arrow for e in discrete_hierarchy(tree).edges] == [e.arrow for e in discrete_hierarchy(same).edges]


def test_discover_knows_it_gives_frequencies_and_a_stopped_search_is_partial():
    one = world("uneven", 3)
    data, _ = one.sample(20_000)
    graph = discover(data, "discrete", resamples=3)
    assert graph.method == "discrete"
    assert all(e.frequency is not None for e in graph.edges)
    assert {e.frequency for e in graph.edges} <= {0, 1 / 3, 2 / 3, 1.0}
    stopped = discrete_hierarchy(data, clock=Clock(0))
    assert stopped.partial
    assert stopped.edges != ()


GOOD = np.tile([[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 0]], (20, 1)).astype(float)


def changed(value, rows=1, column=0):
    table = GOOD.copy()
    table[:rows, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (GOOD[:, 0], "2 or more columns"),
        (changed(np.nan), "'d1' lacks 1 of 80 values"),
        (changed(0.5), "no codes"),
        (changed(-1), "no codes"),
        (changed(1, 80), "'d1' is constant"),
        (changed(2), "category 2 of 'd1' has 1 of 80 rows"),
        (changed(3, 30), "category 2 of 'd1' has 0 of 80 rows"),
        (changed(40, 30), "41 categories"),
        (GOOD[:, [0, 1, 0]], "'d1' and 'd3' tell the same"),
        (np.c_[GOOD, 1 - GOOD[:, 1]], "'d2' and 'd4' tell the same"),
        (GOOD[:8], "of 8 rows"),
    ],
)
def test_a_bad_table_is_one_sentence(table, words):
    with pytest.raises(InputError, match=words):
        discrete_hierarchy(table)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"features": "tables"}, "did you mean 'table'"),
        ({"states": 1}, "2 states or more"),
        ({"states": 4}, "at most 3 here"),
        ({"alpha": 0}, "between 0 and 1"),
        ({"separators": -1}, "0 or more"),
        ({"names": ("a",)}, "1 names"),
    ],
)
def test_bad_options_are_one_sentence(more, words):
    with pytest.raises(InputError, match=words):
        discrete_hierarchy(GOOD, **more)


def test_discover_refuses_bad_options_and_rare_categories_before_work_starts():
    with pytest.raises(InputError, match="alpha"):
        discover(np.tile(GOOD, (2, 1)), "discrete", alpha=2)
    with pytest.raises(InputError, match="merge it with another"):
        discover(np.r_[np.tile(GOOD, (2, 1)), [[2, 0, 0]]], "discrete")


def test_codes_come_with_the_names_of_the_data_and_distinct_rows_with_their_counts():
    data, _ = world("tree").sample(400)
    assert isinstance(data, Dataset)
    assert as_codes(data)[1] == ("d1", "d2", "d3", "d4", "d5", "d6")
    codes = np.random.default_rng(0).integers(0, 3, size=(200, 3))
    rows, counts = distinct(codes, (3, 3, 3))
    known, again = np.unique(codes, axis=0, return_counts=True)
    assert (rows == known).all()
    assert (counts == again).all()
    wide = np.random.default_rng(0).integers(0, 2, size=(50, 70))
    assert distinct(wide, (2,) * 70)[1].sum() == 50


# --- classes and directions


@pytest.mark.parametrize("kind", DISCRETE_HIERARCHIES)
def test_the_class_of_each_kind_keeps_its_leaves_and_roots_to_a_dag(kind):
    true = HierarchyGraph(named_graph(kind, DISCRETE_HIERARCHIES, "d"))
    known = shown_class(true)
    drawn = rooted(known)
    assert known.observed == true.leaves
    assert drawn.directed
    if kind != "diamond":
        assert compare(drawn, true, nulls=0).shd.value == 0
    else:
        assert len(known.latents) == 3
        assert all(known.neighbours(z) for z in known.latents)


def test_two_pairs_of_tied_latents_get_a_root_each():
    nodes = tuple(Node(f"z{i}", True) for i in range(4)) + tuple(Node(f"d{i}") for i in range(8))
    edges = [Edge(f"z{i // 2}", f"d{i}") for i in range(8)]
    edges += [Edge("z0", "z1", directed=False), Edge("z2", "z3", directed=False)]
    drawn = rooted(LatentGraph(nodes, tuple(edges)))
    assert set(drawn.roots) == {"root", "root of z2"}
    assert drawn.directed
    assert len(drawn.latents) == 6


def test_open_edges_beside_directed_ones_close_no_cycle():
    nodes = tuple(Node(name, True) for name in ("a", "b", "c"))
    edges = (Edge("a", "b"), Edge("b", "c", directed=False), Edge("c", "a", directed=False))
    assert rooted(LatentGraph(nodes, edges)).directed


def test_a_collider_points_into_its_middle_and_a_sink_has_no_child():
    pairs = [frozenset(p) for p in ((0, 1), (1, 2), (2, 3))]
    apart = {frozenset((0, 2)): (), frozenset((0, 3)): (), frozenset((1, 3)): (2,)}
    assert oriented(4, pairs, apart) == [(0, 1, True), (2, 1, True), (2, 3, False)]
    assert oriented(3, pairs[:2], {frozenset((0, 2)): (1,)}, [2]) == [(0, 1, False), (1, 2, True)]


def test_directions_agree_with_those_of_the_completed_graph_of_random_dags():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        array = np.triu(rng.random((5, 5)) < 0.5, 1).astype(np.int8)
        known = LatentGraph.from_adjacency(array).cpdag().adjacency
        ties = {frozenset(map(int, pair)) for pair in np.argwhere(array)}
        apart = {
            frozenset(pair): tuple(map(int, np.flatnonzero(array[:, pair[1]])))
            for pair in combinations(range(5), 2)
            if frozenset(pair) not in ties
        }
        found = np.zeros((5, 5), np.int8)
        for a, b, directed in oriented(5, ties, apart):
            found[a, b], found[b, a] = 1, max(found[b, a], not directed)
        assert (found == known).all(), seed
