"""What two groups of leaves share and what combinations can be composed, against going through all that there is."""

from __future__ import annotations

import math
from itertools import chain, combinations

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identikit.errors import InputError
from identikit.structure import LatentGraph
from identikit.structure.composition import composability
from identikit.structure.given import as_hierarchy, as_parents
from identikit.structure.mask_levels import mask_curve
from identikit.structure.masks import shared_set
from identikit.worlds.composition import Composition
from identikit.worlds.coverage import composable
from identikit.worlds.hierarchy import HIERARCHIES, Hierarchy
from identikit.worlds.hierarchy_graphs import HierarchyGraph, balanced_tree


def subsets(items, least=0):
    return chain.from_iterable(combinations(items, k) for k in range(least, len(items) + 1))


@st.composite
def hierarchies(draw):
    """Random graphs of up to 8 nodes, with sizes of latents and two groups of leaves, which may leave some out."""
    hidden = draw(st.integers(1, 5))
    latents, leaves = [f"z{i}" for i in range(hidden)], [f"x{i}" for i in range(draw(st.integers(2, 8 - hidden)))]
    parents = {z: tuple(a for a in latents[:i] if draw(st.booleans())) for i, z in enumerate(latents)}
    parents |= {x: tuple(draw(st.lists(st.sampled_from(latents), min_size=1, unique=True))) for x in leaves}
    for i, z in reversed(list(enumerate(latents))):
        if not any(z in group for group in parents.values()):
            child = draw(st.sampled_from([*latents[i + 1 :], *leaves]))
            parents[child] = (*parents[child], z)
    groups = draw(st.lists(st.sampled_from((0, 1, 2)), min_size=len(leaves), max_size=len(leaves)))
    groups[:2] = 0, 1
    sides = tuple(tuple(x for x, g in zip(leaves, groups, strict=True) if g == side) for side in (0, 1))
    sizes = {z: draw(st.integers(1, 3)) for z in latents}
    return HierarchyGraph({n: p for n, p in parents.items() if p or n in latents}), *sides, sizes


def digraph(graph):
    found = networkx.DiGraph()
    found.add_nodes_from(graph.nodes)
    found.add_edges_from((p, c) for c in graph.nodes for p in graph.parents_of(c))
    return found


def above(drawn, names):
    return set(names).union(*(networkx.ancestors(drawn, name) for name in names))


def reached(drawn, cut, hidden, seen):
    """What the hidden group still reaches past a cut, in the joined-up graph of ancestors."""
    sub = drawn.subgraph(above(drawn, (*hidden, *seen)))
    moral = networkx.moral_graph(sub)
    moral.remove_nodes_from(cut)
    return set().union(*(networkx.node_connected_component(moral, x) for x in hidden))


# --- the shared set


@settings(max_examples=120, deadline=None)
@given(hierarchies())
def test_the_cut_is_a_smallest_separating_set_as_going_through_all_sets_says(drawn):
    graph, hidden, seen, sizes = drawn
    found = shared_set(graph, hidden, seen, sizes=sizes)
    dag = digraph(graph)
    both = above(dag, hidden) & above(dag, seen)
    separating = [c for c in subsets(graph.latents) if networkx.is_d_separator(dag, set(hidden), set(seen), set(c))]
    least = min(sum(sizes[z] for z in c) for c in separating)
    smallest = [c for c in separating if sum(sizes[z] for z in c) == least]
    assert (found.size, set(found.latents) in [set(c) for c in smallest]) == (least, True)
    common = max(sum(sizes[z] for z in c if z in both) for c in smallest)
    best = [c for c in smallest if sum(sizes[z] for z in c if z in both) == common]
    assert set(found.latents) in [set(c) for c in best]
    near = reached(dag, found.latents, hidden, seen)
    assert all(near <= reached(dag, c, hidden, seen) for c in best)


@settings(max_examples=120, deadline=None)
@given(hierarchies())
def test_with_invertible_nodes_the_set_is_the_only_smallest_one_that_both_groups_tell(drawn):
    graph, hidden, seen, _ = drawn
    found = shared_set(graph, hidden, seen, invertible=True)
    dag = digraph(graph)
    told = [z for z in graph.latents if z in above(dag, hidden) & above(dag, seen)]
    # To know a latent is to know all those above it.
    able = [set(c) for c in subsets(told) if networkx.is_d_separator(dag, {*hidden}, {*seen}, above(dag, c))]
    assert [c for c in able if len(c) == min(map(len, able))] == [set(found.latents)]
    assert all(set(told) <= above(dag, c) for c in able)


def test_hidden_and_seen_may_change_places_where_nodes_are_invertible():
    for kind in HIERARCHIES:
        graph = Hierarchy(kind, invertible=False).structure
        for hidden in subsets(graph.leaves, 1):
            if len(hidden) < len(graph.leaves):
                rest = [leaf for leaf in graph.leaves if leaf not in hidden]
                assert (
                    shared_set(graph, hidden, invertible=True).latents
                    == shared_set(graph, rest, invertible=True).latents
                )


def test_two_groups_with_no_common_cause_share_nothing():
    found = shared_set({"a": ("y",), "b": ("z",), "c": ("y",)}, ["a"], ["b"])
    assert (found.latents, found.size, math.isnan(found.level)) == ((), 0, True)
    assert str(found) == "1 hidden and 1 seen leaves share nothing"


def test_of_cuts_of_the_same_size_it_is_one_that_both_tell_and_then_the_nearest_to_the_hidden():
    half = shared_set(balanced_tree(3), ["x1", "x2", "x3", "x4"])
    assert half.latents == ("z1",)
    parents = {"x1": ("z1",), "z2": ("z1",), "x2": ("z2",), "z3": ("z2",), "x3": ("z3",), "x4": ("z3",)}
    assert shared_set(parents, ["x1", "x3"]).latents == ("z1", "z3")
    assert shared_set(parents, ["x2", "x4"]).latents == ("z2", "z3")


def test_a_large_latent_is_passed_by_for_two_small_ones():
    parents = {"big": ("a", "b"), "x": ("big",), "y": ("a",), "w": ("b",)}
    assert shared_set(parents, ["x"]).latents == ("big",)
    assert shared_set(parents, ["x"], sizes={"big": 3}).latents == ("a", "b")
    assert shared_set(parents, ["x"], invertible=True).latents == ("a", "b")


def test_a_graph_may_be_given_in_every_form():
    world = Hierarchy("diamond")
    forms = (world, world.structure, LatentGraph.from_truth(world.structure), dict(world.structure.parents))
    found = {shared_set(form, ["x1", "x5"]).latents for form in forms}
    assert found == {("z2", "z4")}
    assert {tuple(sorted(as_parents(form).items())) for form in forms} == {
        tuple(sorted(as_parents(world.structure).items()))
    }


# --- the curve


@pytest.mark.parametrize("kind", [*HIERARCHIES, "quad"])
@pytest.mark.parametrize("patch", [1, 2])
def test_counted_chances_of_invertible_nodes_are_those_of_all_masks(kind, patch):
    parents = balanced_tree(2, 4) if kind == "quad" else dict(Hierarchy(kind, invertible=False).structure.parents)
    graph = as_hierarchy(parents)
    if len(graph.leaves) % patch or len(graph.leaves) > 10:
        graph = as_hierarchy(balanced_tree(3))
    patches = [graph.leaves[i : i + patch] for i in range(0, len(graph.leaves), patch)]
    curve = mask_curve(graph, patch, invertible=True)
    for k, row in enumerate(curve.rows, 1):
        masks = [tuple(chain(*chosen)) for chosen in combinations(patches, k)]
        sets = [shared_set(graph, mask, invertible=True) for mask in masks]
        told = [{*s.latents}.union(*(networkx.ancestors(digraph(graph), z) for z in s.latents)) for s in sets]
        for latent in graph.latents:
            assert row.chance[latent] == pytest.approx(np.mean([latent in s.latents for s in sets]))
            assert row.told[latent] == pytest.approx(np.mean([latent in t for t in told]))
        assert (row.masks, row.exact) == (len(masks), True)
        assert row.size == pytest.approx(np.mean([s.size for s in sets]))
        assert row.level == pytest.approx(sum(s.level * s.size for s in sets) / sum(s.size for s in sets))


def test_patches_that_cross_branches_are_counted_too():
    patches = (("x1", "x5"), ("x2",), ("x3", "x4"), ("x6", "x7", "x8"))
    curve = mask_curve(balanced_tree(3), patches, invertible=True)
    sets = [shared_set(balanced_tree(3), patch, invertible=True) for patch in patches]
    assert curve.rows[0].chance == {z: np.mean([z in s.latents for s in sets]) for z in curve.levels}


@pytest.mark.parametrize("invertible", [False, True])
@pytest.mark.parametrize(("levels", "patch"), [(3, 1), (4, 2)])
def test_on_balanced_trees_the_level_is_lowest_at_both_ends_and_highest_between(levels, patch, invertible):
    curve = mask_curve(balanced_tree(levels), patch, invertible=invertible)
    ends, between = curve.level[[0, -1]], curve.level[1:-1]
    assert ends == pytest.approx(1 + math.log2(patch))
    assert (between > ends[0] + 0.05).all()
    top = int(np.argmax(curve.level))
    assert (np.diff(curve.level[: top + 1]) > 0).all()
    assert (np.diff(curve.level[top:]) < 0).all()
    assert all(row.exact for row in curve.rows)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_larger_patches_show_higher_levels(share):
    found = []
    for patch in (1, 4, 16):
        curve = mask_curve(balanced_tree(4, 4), patch, invertible=True)
        found.append(curve.level[int(np.argmin(np.abs(curve.shares - share)))])
    assert found == sorted(found)
    assert found[-1] - found[0] > 1.5


def test_random_masks_come_near_all_masks_and_say_that_they_are_not_all():
    every, some = (mask_curve(balanced_tree(3), most=most, seed=1) for most in (100, 60))
    assert [row.exact for row in some.rows] == [True, True, True, False, True, True, True]
    assert abs(every.rows[3].size - some.rows[3].size) < 0.3
    assert str(some).count("~") == 1
    again = mask_curve(balanced_tree(3), most=60, seed=1)
    assert again == some != mask_curve(balanced_tree(3), most=60, seed=2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shared_set(balanced_tree(2), []), "no leaf is hidden"),
        (lambda: shared_set(balanced_tree(2), ["x1", "x2", "x3", "x4"]), "no leaf is seen"),
        (lambda: shared_set(balanced_tree(2), ["x9"]), "unknown leaf 'x9'"),
        (lambda: shared_set(balanced_tree(2), ["z2"]), "unknown leaf 'z2'"),
        (lambda: shared_set(balanced_tree(2), ["x1"], ["x1", "x2"]), "both hidden and seen"),
        (lambda: shared_set(balanced_tree(2), ["x1"], sizes={"x1": 2}), "unknown latent 'x1'"),
        (lambda: shared_set(balanced_tree(2), ["x1"], sizes={"z1": 0}), "the size of 'z1' is a whole number from 1"),
        (lambda: shared_set({"a": ("b",), "b": ("a",), "x": ("a",)}, ["x"]), "must have no cycle"),
        (lambda: shared_set({"a": "z1"}, ["a"]), "the parents of 'a' are a tuple of names, not the text 'z1'"),
        (lambda: shared_set(7, ["x"]), "a graph is a LatentGraph"),
        (lambda: mask_curve(balanced_tree(2), 3), "do not fall into patches of 3"),
        (lambda: mask_curve(balanced_tree(2), 4), "a mask needs two patches or more"),
        (lambda: mask_curve(balanced_tree(2), (("x1", "x2"), ("x2", "x3", "x4"))), "hold every leaf once"),
        (lambda: mask_curve(balanced_tree(2), most=0), "most is the number of masks"),
    ],
)
def test_bad_masks_are_one_sentence(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_an_edge_without_direction_is_refused():
    graph = LatentGraph.from_adjacency(np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]]), ("y", "z", "x"), ("y", "z"))
    with pytest.raises(InputError, match="the edge y -- z has no direction"):
        shared_set(graph, ["x"])


# --- composition


@st.composite
def modules(draw):
    """Random graphs of concepts and modules whose edges may skip levels, seen combinations and wanted ones."""
    concepts = [f"c{i}" for i in range(draw(st.integers(2, 4)))]
    names, parents = list(concepts), {}
    for i in range(draw(st.integers(1, 4))):
        parents[f"m{i}"] = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)))
        names.append(f"m{i}")
    used = [c for c in concepts if any(c in group for group in parents.values())]
    every = list(subsets(used, 1))
    return parents, draw(st.lists(st.sampled_from(every), min_size=1, max_size=4)), every


def active_parents(parents, combination):
    """The active parents of every module, by the definition."""
    on, found = set(combination), {}
    for name, group in parents.items():
        found[name] = {p for p in group if p in on}
        if found[name]:
            on.add(name)
    return found


@settings(max_examples=150, deadline=None)
@given(modules())
def test_what_is_composable_follows_the_definition_on_any_graph(drawn):
    parents, seen, every = drawn
    found = composability(parents, seen, every)
    shown = [active_parents(parents, d) for d in seen]
    for row, wanted in enumerate(every):
        need = active_parents(parents, wanted)
        expected = {z for z in parents if not any(need[z] <= have[z] for have in shown)}
        assert (set(found.missing(row)), set(found.names(row))) == (expected, set(wanted))
        assert bool(found.composable[row]) == (not expected)
        assert bool(found.seen[row]) == (set(wanted) in [set(d) for d in seen])


@settings(max_examples=60, deadline=None)
@given(modules(), st.data())
def test_over_one_level_fewer_parents_never_make_less_composable(drawn, data):
    _, seen, every = drawn
    concepts = sorted({c for d in every for c in d})
    full = {f"m{i}": tuple(data.draw(st.lists(st.sampled_from(concepts), min_size=1, unique=True))) for i in range(3)}
    fewer = {z: tuple(data.draw(st.lists(st.sampled_from(p), min_size=1, unique=True))) for z, p in full.items()}
    # Modules of single concepts keep all concepts in both graphs, and ask the same of both.
    both = [{**{f"own {c}": (c,) for c in concepts}, **graph} for graph in (full, fewer)]
    dense, sparse = (composability(graph, seen, every).composable for graph in both)
    assert (dense <= sparse).all()


def test_over_two_levels_an_edge_less_can_make_less_composable():
    more = {"v": ("a", "b"), "w": ("v", "c")}
    less = {"v": ("a",), "w": ("v", "c"), "own": ("b",)}
    seen, wanted = [("b", "c"), ("a",)], [("a", "c")]
    assert composability(more, seen, wanted).composable.tolist() == [True]
    assert composability(less, seen, wanted).composable.tolist() == [False]
    assert composability(less, seen, wanted).missing(0) == ("w",)


def test_a_graph_in_levels_is_decided_as_the_world_decides_it():
    world = Composition(seen=10, seed=3)
    sizes = (world.concepts, *world.levels)
    names = [[f"{level}.{i}" for i in range(size)] for level, size in enumerate(sizes)]
    parents = {
        names[level + 1][j]: tuple(names[level][i] for i in np.flatnonzero(layer[:, j]))
        for level, layer in enumerate(world.layers)
        for j in range(layer.shape[1])
    }
    order = np.array([list(as_parents(parents)).index(name) for name in names[0]])
    concepts = [name for name in as_parents(parents) if name in names[0]]
    turn = [names[0].index(name) for name in concepts]
    assert sorted(order)
    assert sorted(turn) == list(range(world.concepts))
    shown, every = world.combinations[world.seen_rows][:, turn], world.combinations[:, turn]
    found = composability(parents, shown, every)
    assert (found.composable == composable(world.layers, world.combinations[world.seen_rows], world.combinations)).all()
    assert found.share == pytest.approx(world.share)
    assert 0 < found.share < 1


def test_all_combinations_as_large_as_the_largest_seen_are_asked_about_by_default():
    found = composability({"m": ("a", "b"), "n": ("b", "c")}, [("a", "b"), ("b", "c")])
    assert [found.names(r) for r in np.flatnonzero(~found.composable)] == []
    assert (len(found.combinations), found.unseen, found.share) == (6, 4, 1.0)
    assert str(found) == "4 of 4 unseen combinations are composable"
    every = composability({"m": ("a",)}, [("a",)])
    assert str(every) == "all 1 combinations are seen"
    assert math.isnan(every.share)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: composability({"m": ("a",)}, []), "no seen combination was given"),
        (lambda: composability({"m": ("a",)}, [("z",)]), "unknown concept 'z'"),
        (lambda: composability({"m": ("a",)}, [("m",)]), "unknown concept 'm'"),
        (lambda: composability({"m": ("a",)}, ["a"]), "not the text 'a'"),
        (lambda: composability({"m": ("a",)}, [()]), "row 0 none"),
        (lambda: composability({"m": ("a",)}, [("a",)], []), "no wanted combination"),
        (lambda: composability({"m": ("a",)}, np.ones((2, 3))), "for the 1 concepts, not shape"),
        (lambda: composability({"m": ()}, [("m",)]), "has no edge"),
        (lambda: composability({"m": ("n",), "n": ("m",)}, [("m",)]), "no cycle"),
        (lambda: composability({"m": tuple(f"c{i}" for i in range(30))}, [("c0", "c1", "c2", "c3")]), "as wanted"),
    ],
)
def test_bad_combinations_are_one_sentence(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
