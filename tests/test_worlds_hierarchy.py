"""Hierarchies of latents and of concepts, selection, and composition."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identikit.errors import InputError
from identikit.worlds.composition import Composition
from identikit.worlds.coverage import active, composable, covered
from identikit.worlds.description import dependent
from identikit.worlds.discrete_hierarchy import DISCRETE_HIERARCHIES, DiscreteHierarchy
from identikit.worlds.hierarchy import HIERARCHIES, Hierarchy
from identikit.worlds.hierarchy_graphs import HierarchyGraph, balanced_tree
from identikit.worlds.layers import draw_layer, joined
from identikit.worlds.reasoning import ReasoningTraces
from identikit.worlds.selection import SelectionHierarchy
from identikit.worlds.tables import draw_table

WORLDS = [
    Hierarchy("diamond"),
    Hierarchy("three levels", invertible=False, noise="laplace"),
    DiscreteHierarchy("diamond", states={"d1": 3}),
    DiscreteHierarchy("two parents", observe="one-hot"),
    SelectionHierarchy(required=1),
    SelectionHierarchy(views="levels", flip=0.02),
    Composition(),
    Composition(concepts=3, most=3, levels=(3,), seen=((1, 0, 0), (0, 1, 1))),
    ReasoningTraces(named=False),
]


# --- what all of them promise


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_the_same_seeds_give_the_same_values_and_others_do_not(world):
    (a, ta), (b, tb), (c, _) = world.sample(200, seed=3), world.sample(200, seed=3), world.sample(200, seed=4)
    assert a.fingerprint() == b.fingerprint() != c.fingerprint()
    assert (ta.latents == tb.latents).all()
    other, _ = type(world)(**{**asdict(world), "seed": 1}).sample(200, seed=3)
    assert other.fingerprint() != a.fingerprint()


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_a_world_comes_back_from_the_source_of_its_data(world):
    data, _ = world.sample(200, seed=3)
    source = json.loads(json.dumps(data.source))
    again, _ = type(world)(**source["options"]).sample(source["n"], seed=source["seed"])
    assert again.fingerprint() == data.fingerprint()


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_a_world_describes_itself_and_its_mixing_makes_its_x(world):
    data, truth = world.sample(300, seed=1)
    assert truth.graph is not None
    assert (np.triu(truth.graph) == truth.graph).all() or isinstance(world, DiscreteHierarchy)
    assert str(world.describe(n=500)).startswith(type(world).__name__)
    if truth.mixing is not None:
        np.testing.assert_allclose(truth.mixing(truth.latents), data["x"], atol=1e-5)


# --- graphs of hierarchies


def test_levels_children_and_paths_of_a_graph():
    graph = HierarchyGraph({"b": ("a",), "c": ("a", "b"), "x": ("b",), "y": ("b", "c"), "w": ("c",)})
    assert graph.latents == ("a", "b", "c")
    assert graph.leaves == ("x", "y", "w")
    assert graph.levels == {"a": 3, "b": 2, "c": 1, "x": 0, "y": 0, "w": 0}
    assert graph.pure_children("a") == ("b",)
    assert graph.pure_children("c") == ("w",)
    assert graph.triangles() == (("a", "b", "c"), ("b", "c", "y"))
    assert graph.adjacency.sum() == 7
    assert graph.adjacency[0].tolist() == [0, 1, 1, 0, 0, 0]


def test_balanced_trees():
    graph = HierarchyGraph(balanced_tree(3, 2))
    assert len(graph.latents) == 7
    assert len(graph.leaves) == 8
    assert sorted(set(graph.levels.values())) == [0, 1, 2, 3]
    assert all(len(graph.pure_children(name)) == 2 for name in graph.latents)
    with pytest.raises(InputError, match="one level and one child or more"):
        balanced_tree(0)


@pytest.mark.parametrize(
    ("parents", "observed", "said"),
    [
        ({"x": ("z",), "y": ("z", "x")}, ("x", "y"), "'x' is observed and points to 'y'"),
        ({"b": ("a",), "x": ("a",)}, ("x",), "no observed leaf descends from the latent 'b'"),
        ({"a": ("b",), "b": ("a",), "x": ("a",)}, None, "no cycle"),
        ({"x": ("z",)}, ("q",), "unknown node 'q'"),
        ({}, None, "needs a latent"),
        ("tre", None, "did you mean 'tree'"),
    ],
)
def test_graphs_that_are_no_hierarchy_are_refused(parents, observed, said):
    with pytest.raises(InputError, match=said):
        Hierarchy(parents, observed=observed)


# --- continuous hierarchy


@pytest.mark.parametrize("invertible", [True, False])
@pytest.mark.parametrize("kind", HIERARCHIES)
def test_every_named_hierarchy_shows_its_edges_and_says_what_it_breaks(kind, invertible):
    world = Hierarchy(kind, invertible=invertible)
    said = world.describe(n=3_000)
    assert said["faithful"].holds
    assert said["invertible"].holds == invertible
    assert said["no triangle"].holds == (kind != "triangle")
    assert said["two pure children"].holds == (kind != "one child")
    meet = kind in ("diamond", "several paths", "triangle")
    assert said["full dimension"].holds == (not invertible or not meet)


@pytest.mark.parametrize("function", ["network", "linear"])
def test_a_node_of_an_invertible_hierarchy_tells_its_parents_and_no_other_does(function):
    shares = {}
    for invertible in (True, False):
        truth = Hierarchy("tree", invertible=invertible, function=function).sample(4_000)[1]
        child = truth.block("z2")
        bent = np.maximum(child @ np.random.default_rng(0).normal(size=(child.shape[1], 200)) + 0.3, 0)
        features = np.concatenate([bent, child, np.ones((4_000, 1))], axis=1)
        rest = truth.block("z1") - features @ np.linalg.lstsq(features, truth.block("z1"), rcond=None)[0]
        shares[invertible] = 1 - float(rest.var() / truth.block("z1").var())
    assert shares[True] > 0.99
    assert shares[False] < 0.9


def test_leaves_are_independent_given_their_latents_and_not_otherwise():
    world = Hierarchy("tree", invertible=False, function="linear")
    data, truth = world.sample(20_000)
    first, second = data["x"][:, world.columns["x1"][0]], data["x"][:, world.columns["x2"][0]]
    assert abs(np.corrcoef(first, second)[0, 1]) > 0.3
    parent = np.stack([truth.block("z2")[:, 0], np.ones(20_000)], axis=1)
    rest = [v - parent @ np.linalg.lstsq(parent, v, rcond=None)[0] for v in (first, second)]
    assert abs(np.corrcoef(*rest)[0, 1]) < 4 / np.sqrt(20_000)


def test_roots_are_independent_and_the_child_of_both_is_not():
    _, truth = Hierarchy("v-structure", invertible=False).sample(4_000)
    roots, child = (truth.block("z1")[:, 0], truth.block("z2")[:, 0]), truth.block("z3")[:, 0]
    assert not dependent(*roots)
    assert all(dependent(root, child) for root in roots)


@pytest.mark.parametrize("seed", range(6))
def test_two_paths_do_not_cancel(seed):
    world = Hierarchy("triangle", invertible=False, function="linear", seed=seed)
    _, truth = world.sample(3_000)
    assert (np.abs(np.corrcoef(truth.latents.T)) > 0.2).all()


def test_dependence_is_seen_beside_a_frequent_value():
    on = np.arange(600) % 10 == 0
    rise = np.where(on, 1 + np.random.default_rng(0).random(600), 0.0)
    assert dependent(rise, on.astype(float))
    assert dependent(rise, 2 * rise)
    assert not dependent(rise, np.roll(rise, 305))


def test_columns_sizes_and_the_graph_of_columns():
    world = Hierarchy("diamond", sizes={"x1": 9, "z1": 2})
    data, truth = world.sample(4_000)
    assert world.size("z2") == 3
    assert [len(c) for c in world.columns.values()] == [9, 4, 4, 4, 8, 8]
    assert data.names["x"][:2] == ("x1[0]", "x1[1]")
    assert sum(world.columns.values(), ()) == tuple(range(data["x"].shape[1]))
    assert truth.names[:3] == ("z1[0]", "z1[1]", "z2[0]")
    graph = truth.graph
    assert graph[np.ix_(truth.blocks["z1"], truth.blocks["z3"])].all()
    assert not graph[np.ix_(truth.blocks["z1"], truth.blocks["z4"])].any()
    assert world.graph_of_nodes.shape == (10, 10)
    assert world.graph_of_nodes[:, :4].sum() == 4
    np.testing.assert_allclose(truth.latents.std(0), 1, atol=0.06)
    np.testing.assert_allclose(data["x"].mean(0), 0, atol=0.1)


def test_latents_without_an_observed_child_are_allowed():
    world = Hierarchy("three levels")
    assert world.levels["z1"] == 3
    assert not set(world.structure.children("z1")) & set(world.structure.leaves)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sizes": {"z2": 1}}, "'z2' has size 1, and its parents and its noise together 2"),
        ({"sizes": {"zz": 1}}, "unknown node 'zz'"),
        ({"noise_size": 0}, "at least 1, not 0"),
        ({"noise_scale": 0.0}, "noise_scale is above 0"),
        ({"noise": "cauchy"}, "unknown noise"),
        ({"function": "spline"}, "unknown function"),
        ({"seed": -1}, "seed is 0 or more"),
    ],
)
def test_bad_hierarchies_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        Hierarchy("tree", **options)


# --- discrete hierarchy


@pytest.mark.parametrize("states", [2, 3])
@pytest.mark.parametrize("kind", DISCRETE_HIERARCHIES)
def test_every_named_discrete_hierarchy_meets_its_assumptions(kind, states):
    said = DiscreteHierarchy(kind, states=states).describe(n=1_000)
    for name in ("faithful", "invertible", "connected support", "no influence within another"):
        assert said[name].holds, str(said)


def test_seven_kinds_of_discrete_hierarchy():
    graphs = [DiscreteHierarchy(kind).structure for kind in DISCRETE_HIERARCHIES]
    assert len(graphs) == 7
    assert len({(g.nodes, g.adjacency.tobytes()) for g in graphs}) == 7


@pytest.mark.parametrize(
    ("kind", "left", "right", "rank"),
    [
        ("one level", ("d1", "d2"), ("d3", "d4"), 2),
        ("tree", ("d1", "d2", "d3"), ("d4", "d5", "d6"), 2),
        ("tree", ("d1", "d4"), ("d2", "d5"), 4),
        ("three levels", ("d1", "d2"), ("d3", "d4", "d5", "d6", "d7", "d8"), 2),
        ("diamond", ("d5", "d6"), ("d1", "d2", "d3", "d4"), 2),
        ("two parents", ("d1", "d2", "d3"), ("d4", "d5", "d6"), 4),
    ],
)
def test_the_rank_of_a_table_is_the_number_of_states_that_separate(kind, left, right, rank):
    world = DiscreteHierarchy(kind)
    table = world.probability(*left, *right).reshape(2 ** len(left), -1)
    assert np.linalg.matrix_rank(table, tol=1e-6) == rank


def test_rows_follow_the_exact_probabilities():
    world = DiscreteHierarchy("diamond", states={"z4": 3})
    _, truth = world.sample(50_000, seed=1)
    names = ("z1", "z4", "d5")
    codes = truth.latents[:, [truth.names.index(name) for name in names]].astype(int)
    exact = world.probability(*names)
    assert exact.shape == (2, 3, 2)
    assert exact.sum() == pytest.approx(1)
    counted = np.zeros(exact.shape)
    np.add.at(counted, tuple(codes.T), 1 / 50_000)
    assert (np.abs(counted - exact) < 5 * np.sqrt(exact / 50_000)).all()


def test_what_breaks_a_discrete_hierarchy_is_said():
    assert not DiscreteHierarchy(silent=(("z1", "z2"),)).describe(n=200)["faithful"].holds
    assert not DiscreteHierarchy(gap=0.3).describe(n=1_000)["connected support"].holds
    alone = DiscreteHierarchy("one level", overlap=3)
    assert not alone.describe(n=200)["no influence within another"].holds


def test_a_silent_edge_leaves_the_other_parent_its_say():
    table = DiscreteHierarchy("v-structure", silent=(("z1", "z3"),)).tables["z3"]
    np.testing.assert_allclose(table[0], table[1])
    assert np.abs(table[:, 0] - table[:, 1]).max() > 0.1


@pytest.mark.parametrize("seed", range(8))
def test_no_path_cancels_an_edge(seed):
    world = DiscreteHierarchy("diamond", strength=0.4, seed=seed)
    for child in world.structure.nodes:
        parents = world.structure.parents_of(child)
        for parent in parents:
            both = world.probability(parent, child)
            given = both / both.sum(1, keepdims=True)
            assert np.abs(given[0] - given[1]).sum() / 2 >= 0.4 / len(parents) - 1e-9


@given(states=st.integers(2, 4), parents=st.integers(0, 2), seed=st.integers(0, 1_000))
def test_tables_are_probabilities_bounded_away_from_0(states, parents, seed):
    above = np.random.default_rng(seed).dirichlet(np.ones(2**parents)).reshape((2,) * parents)
    table = draw_table(np.random.default_rng(seed), states, above, strength=0.2)
    np.testing.assert_allclose(table.sum(-1), 1)
    assert table.min() >= 0.1 / states - 1e-12


def test_concepts_can_be_seen_as_codes_and_one_hot():
    codes, truth = DiscreteHierarchy("tree", observe="codes", states={"d2": 3}).sample(300)
    hot, _ = DiscreteHierarchy("tree", observe="one-hot", states={"d2": 3}).sample(300)
    mixed, same = DiscreteHierarchy("tree", states={"d2": 3}).sample(300)
    assert (codes["x"] == truth.block("concepts")).all()
    assert hot["x"].shape == (300, 13)
    assert (hot["x"][:, 2:5].argmax(1) == codes["x"][:, 1]).all()
    assert (same.latents == truth.latents).all()
    found, attributes = same.mixing.inverse(mixed["x"].astype(float))
    assert (found == truth.block("concepts")).all()
    np.testing.assert_allclose(attributes, truth.block("attributes"), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strength": 1.0}, "strength is from 0 to 0.9"),
        ({"strength": 0.9, "states": 5}, "of 'z2' no table of 5 states"),
        ({"states": 1}, "2 states or more"),
        ({"states": {"q": 2}}, "unknown node 'q'"),
        ({"gap": 1.0}, "gap is from 0"),
        ({"overlap": 6}, "overlap is from 0 to 5"),
        ({"width": 3}, "width is at least 4"),
        ({"silent": (("d1", "z1"),)}, "none from 'd1' to 'z1'"),
        ({"observe": "all"}, "unknown way to observe"),
    ],
)
def test_bad_discrete_hierarchies_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        DiscreteHierarchy("tree", **options)


# --- graphs in layers


@given(below=st.integers(2, 9), nodes=st.integers(1, 12), parents=st.integers(1, 4), seed=st.integers(0, 99))
def test_layers_use_the_nodes_below_evenly(below, nodes, parents, seed):
    parents = min(parents, below)
    layer = draw_layer(np.random.default_rng(seed), below, nodes, parents)
    assert (layer.sum(0) == parents).all()
    assert np.ptp(layer.sum(1)) <= 2
    sets = {tuple(column) for column in layer.T.tolist()}
    assert len(sets) == min(nodes, len(list(combinations(range(below), parents))))


@pytest.mark.parametrize("seed", range(5))
def test_no_two_nodes_of_a_layer_are_alike_while_sets_are_left(seed):
    layer = draw_layer(np.random.default_rng(seed), below=4, nodes=12, parents=2)
    first, second = ({tuple(column) for column in half.T.tolist()} for half in (layer[:, :6], layer[:, 6:]))
    assert len(first) == len(second) == 6


def test_layers_are_joined_into_one_graph():
    layers = [np.array([[1, 0], [1, 1], [0, 1]]), np.array([[1], [1]])]
    graph = joined(layers)
    assert graph.shape == (6, 6)
    assert (graph[:3, 3:5] == layers[0]).all()
    assert (graph[3:5, 5:] == layers[1]).all()
    assert graph.sum() == layers[0].sum() + layers[1].sum()


# --- selection


def test_higher_nodes_are_the_conditions_that_their_parents_meet():
    for least in (None, 1, 2):
        world = SelectionHierarchy(parts=20, levels=(10, 4), parents=3, least=least, chance=0.6)
        _, truth = world.sample(500)
        low, high = truth.block("level 1"), truth.block("level 2")
        for node in range(4):
            parents = low[:, world.layers[1][:, node] > 0]
            assert ((parents.sum(1) >= (least or 3)) == high[:, node]).all()


def test_flips_break_the_rule_as_often_as_they_say():
    said = SelectionHierarchy(flip=0.1).describe(n=2_000)["exact effects"]
    assert not said.holds
    assert 0.09 < float(said.why.split("%")[0]) / 100 < 0.11
    assert SelectionHierarchy().describe(n=500)["exact effects"].holds


def test_a_selection_makes_independent_parts_dependent():
    free, bound = SelectionHierarchy(seed=1), SelectionHierarchy(seed=1, required=2)
    assert free.describe(n=3_000)["independent parts"].holds
    assert not bound.describe(n=3_000)["independent parts"].holds
    _, truth = bound.sample(500)
    assert (truth.block("level 2").sum(1) >= 2).all()
    assert free.sample(500)[1].block("level 2").sum(1).min() == 0


def test_features_outnumber_dimensions_or_do_not():
    crowded, roomy = SelectionHierarchy(), SelectionHierarchy(observed=128)
    assert not crowded.describe(n=200)["invertible"].holds
    assert roomy.describe(n=200)["invertible"].holds
    assert SelectionHierarchy(views="levels").describe(n=200)["invertible"].holds
    data, truth = SelectionHierarchy(observed=128, noise=0.0).sample(100)
    found = data["x"] @ np.linalg.pinv(SelectionHierarchy(observed=128).directions).T
    np.testing.assert_allclose(found, truth.latents, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(crowded.directions, axis=0), 1)


def test_views_by_level_show_their_own_level_alone():
    world = SelectionHierarchy(views="levels", noise=0.0, parts=8, levels=(6,))
    data, truth = world.sample(200)
    assert list(data.modalities) == ["level 0", "level 1"]
    shown = truth.block("level 1") @ world.directions[:, 8:].T
    np.testing.assert_allclose(data["level 1"], shown, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parts": 2, "levels": (3,)}, "2 nodes have 1 different sets of 2 parents"),
        ({"parents": 60}, "listens to 1 to 48"),
        ({"least": 3}, "least is from 1 to parents=2"),
        ({"levels": ()}, "a level above"),
        ({"flip": 0.5}, "flip from 0 to below 0.5"),
        ({"noise": -1.0}, "noise 0 or more"),
        ({"required": 13}, "required is from 0 to the 12"),
        ({"views": "two"}, "unknown view"),
    ],
)
def test_bad_selections_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        SelectionHierarchy(**options)


def test_a_selection_that_keeps_next_to_nothing_is_refused():
    with pytest.raises(InputError, match="the selection keeps 0 of 20,000 rows"):
        SelectionHierarchy(required=12).sample(100)


# --- composition


def brute(layers, seen, wanted):
    """The condition written out with sets, one node at a time."""

    def parents_on(d):
        on, found = {i for i, v in enumerate(d) if v}, {}
        for level, layer in enumerate(layers):
            for node in range(layer.shape[1]):
                found[level, node] = {i for i in np.flatnonzero(layer[:, node]) if i in on}
            on = {node for node in range(layer.shape[1]) if found[level, node]}
        return found

    shown = [parents_on(d) for d in seen]
    return [all(any(need <= s[v] for s in shown) for v, need in parents_on(d).items()) for d in wanted]


combos = st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=6)


@given(seen=combos, wanted=combos, parents=st.integers(1, 3), seed=st.integers(0, 50))
def test_composable_is_the_condition_of_the_theorem(seen, wanted, parents, seed):
    rng = np.random.default_rng(seed)
    layers = [draw_layer(rng, 4, 4, parents), draw_layer(rng, 4, 3, parents)]
    seen, wanted = np.array(seen), np.array(wanted)
    found = composable(layers, seen, wanted)
    assert found.tolist() == brute(layers, seen, wanted)
    assert (found == covered(layers, seen, wanted).all(1)).all()
    assert composable(layers, seen, seen).all()
    # What is seen besides can only help.
    assert (composable(layers, np.concatenate([seen, wanted[:1]]), wanted) >= found).all()


def test_each_latent_may_be_covered_by_another_combination():
    layers = [np.array([[1, 0], [1, 1], [0, 1]])]
    seen, wanted = [[1, 1, 0], [0, 1, 1]], [[1, 1, 1]]
    assert composable(layers, seen, wanted).tolist() == [True]
    assert composable(layers, seen[:1], wanted).tolist() == [False]
    assert covered(layers, seen[:1], wanted).tolist() == [[True, False]]


def test_a_deeper_level_can_undo_what_the_first_covers():
    first = np.eye(2, dtype=int)
    seen, wanted = [[1, 0], [0, 1]], [[1, 1]]
    assert composable([first], seen, wanted).tolist() == [True]
    assert composable([first, np.ones((2, 1), dtype=int)], seen, wanted).tolist() == [False]


@pytest.mark.parametrize(
    ("layers", "present", "said"),
    [
        ([np.ones((3, 2))], [[1, 0]], "the edges to level 1 have shape"),
        ([np.ones((2, 2))], [[2, 0]], "rows of 0 and 1"),
        ([np.ones((2, 2))], [1, 0], "rows of 0 and 1"),
    ],
)
def test_bad_combinations_are_refused(layers, present, said):
    with pytest.raises(InputError, match=said):
        active(layers, np.array(present))


def test_sparser_parents_make_more_combinations_composable():
    shares = [np.mean([Composition(parents=p, seen=16, seed=s).share for s in range(8)]) for p in (1, 2, 3, 4)]
    assert shares[0] == 1
    assert all(a > b + 0.05 for a, b in pairwise(shares)), shares


def test_more_seen_combinations_make_more_composable():
    shares = [np.mean([Composition(seen=k, seed=s).share for s in range(8)]) for k in (8, 14, 24)]
    assert shares[0] < shares[1] < shares[2]


def test_held_out_combinations_are_the_test_rows():
    world = Composition()
    data, truth = world.sample(2_000, seed=1)
    code = truth.labels["combination"]
    assert (world.combinations[code] == data["text"]).all()
    unseen = ~np.isin(code, world.seen_rows)
    assert ((data.split == 2) == unseen).all()
    assert data.part("validation").rows > 100
    assert set(truth.part("test").labels["composable"].tolist()) == {0, 1}
    assert truth.part("train").labels["composable"].all()
    assert (truth.labels["composable"] == world.composable[code]).all()


def test_latents_are_zero_where_no_parent_is_active():
    world = Composition()
    data, truth = world.sample(2_000)
    on = np.concatenate(active(world.layers, data["text"])[1:], axis=1)
    assert (truth.latents[~on] == 0).all()
    assert (truth.latents[on] != 0).all()
    assert (~on).any()


def test_modules_are_shared_and_a_latent_depends_on_its_own_parents_alone():
    world = Composition(levels=(6,), noise=1e-9)
    data, truth = world.sample(3_000)
    for node in range(6):
        parents = data["text"][:, world.layers[0][:, node] > 0]
        codes = parents @ [1, 2]
        for code in np.unique(codes):
            assert np.ptp(truth.latents[codes == code, node]) < 1e-6
        assert len({round(float(truth.latents[codes == c, node][0]), 4) for c in np.unique(codes)}) == 4


def test_modules_are_not_additive():
    world = Composition(concepts=3, most=3, levels=(1,), parents=3, seen=((1, 0, 0), (0, 1, 1)), noise=1e-9)
    data, truth = world.sample(200)
    value = {tuple(t): float(z) for t, z in zip(data["text"].astype(int).tolist(), truth.latents[:, 0], strict=True)}
    assert abs(value[1, 1, 1] - value[1, 1, 0] - value[1, 0, 1] + value[1, 0, 0]) > 0.05


def test_what_a_composition_breaks_is_said():
    sparse, dense = Composition(parents=1).describe(n=300), Composition(parents=4).describe(n=300)
    assert sparse["composable"].holds
    assert not dense["composable"].holds
    assert Composition().describe(n=300)["enough combinations"].holds
    assert not Composition(seen=10).describe(n=300)["enough combinations"].holds
    only = Composition(concepts=3, most=2, levels=(3,), seen=((1, 0, 0), (0, 1, 0)))
    assert not only.describe(n=300)["every concept seen"].holds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"most": 9}, "most is from 1 to the 8 concepts"),
        ({"seen": 92}, "seen is from 1 to 91"),
        ({"seen": 1}, "hardly ever show every concept"),
        ({"seen": ((1, 1),)}, "a seen combination is 1 to 3 of 8 concepts"),
        ({"concepts": 40}, "10,700 combinations are more than"),
        ({"levels": ()}, "levels names the number"),
        ({"parents": 0}, "listens to 1 to 8"),
        ({"patch": 1}, "patch is 2 or more"),
        ({"held_out": 0.0}, "held_out between"),
    ],
)
def test_bad_compositions_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        Composition(**options)


def test_too_few_rows_of_a_composition_are_refused():
    with pytest.raises(InputError, match="2 rows are too few"):
        Composition().sample(2)


# --- reasoning as selection


def test_traces_by_hand():
    world = ReasoningTraces(
        skills=("reverse", "add one", "double"), routings=("whole", "first half", "if even"), length=4
    )
    start = np.array([[1, 2, 3, 4], [9, 0, 0, 0]])
    chain = np.array([[0, 0, 1, 1], [1, 0, 2, 2]])
    assert world.run(start, chain).tolist() == [[[4, 3, 2, 1], [5, 4, 2, 1]], [[0, 1, 1, 1], [0, 1, 1, 1]]]
    assert world.run(np.array([[2, 0, 0, 0]]), np.array([[2, 2]])).tolist() == [[[4, 0, 0, 0]]]


def test_traces_are_digits_made_by_the_chain_of_the_truth():
    world = ReasoningTraces(steps=2, routings=("whole", "every other", "twice", "second half"))
    data, truth = world.sample(500)
    start = data["question"][:, -world.length :].astype(int)
    trace = world.run(start, truth.latents.astype(int)).reshape(500, -1)
    assert (trace == data["trace"]).all()
    assert set(np.unique(trace)) <= set(range(10))
    named = data["question"][:, :8].argmax(1)
    assert (named == truth.latents[:, 0]).all()


def test_a_constraint_makes_independent_steps_dependent():
    skills = ("reverse", "sort", "double")
    free = ReasoningTraces(skills=skills, constrained=False).sample(3_000)[1].block("skills")
    held = ReasoningTraces(skills=skills).sample(3_000)[1].block("skills")
    assert (held[:, 0] != held[:, 1]).all()
    assert dependent(*held.T)
    assert (free[:, 0] == free[:, 1]).mean() > 0.2
    assert ReasoningTraces(constrained=False).describe(n=100)["independent steps"].holds
    assert not ReasoningTraces().describe(n=100)["independent steps"].holds


def test_unseen_chains_are_the_test_rows_and_all_modules_are_seen():
    world = ReasoningTraces(seed=1)
    data, truth = world.sample(2_000)
    code = truth.labels["chain"]
    assert (world.chains[code] == truth.latents).all()
    assert ((data.split == 2) == ~np.isin(code, world.seen_rows)).all()
    assert len(np.unique(world.chains[world.seen_rows].reshape(-1, 2), axis=0)) == 32


def test_modules_that_do_the_same_are_named():
    assert ReasoningTraces().describe(n=100)["distinct modules"].holds
    said = ReasoningTraces(skills=("reverse", "complement", "sort"), routings=("whole", "twice")).describe(n=100)
    assert not said["distinct modules"].holds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"skills": ("revers",)}, "did you mean 'reverse'"),
        ({"routings": ()}, "routings names one or more"),
        ({"steps": 4}, "1,048,576 chains are more than"),
        ({"steps": 1}, "to show all 32 modules"),
        ({"length": 3}, "length 4 or more"),
        ({"seen": 1.0}, "seen is between 0 and 1"),
    ],
)
def test_bad_chains_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        ReasoningTraces(**options)
