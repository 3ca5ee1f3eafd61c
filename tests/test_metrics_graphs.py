from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics import match, mcc
from identikit.metrics.cpdag import cpdag, cycle
from identikit.metrics.graphs import align_graph, edge_f1, shd


def graph(size: int, *edges: tuple[int, int]) -> np.ndarray:
    array = np.zeros((size, size), dtype=int)
    for a, b in edges:
        array[a, b] = 1
    return array


def all_dags(size: int) -> list[np.ndarray]:
    pairs = list(itertools.combinations(range(size), 2))
    graphs = []
    for ties in itertools.product(range(3), repeat=len(pairs)):
        edges = [pair if tie == 1 else pair[::-1] for pair, tie in zip(pairs, ties, strict=True) if tie]
        if not cycle(graph(size, *edges)):
            graphs.append(graph(size, *edges))
    return graphs


def random_dag(seed: int, size: int, share: float = 0.4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    order = rng.permutation(size)
    return np.triu(rng.random((size, size)) < share, 1).astype(int)[np.ix_(order, order)]


def v_structures(dag: np.ndarray) -> set[tuple[int, int, int]]:
    tied = dag | dag.T
    return {
        (a, b, c)
        for c in range(len(dag))
        for a, b in itertools.combinations(np.flatnonzero(dag[:, c]).tolist(), 2)
        if not tied[a, b]
    }


CHAIN = graph(3, (0, 1), (1, 2))
ALL = ("missing", "extra", "reversed", "self-loops", "differing entries")


@pytest.mark.parametrize(
    ("estimated", "expected"),
    [
        (CHAIN, (0, 0, 0, 0, 0)),
        (graph(3), (2, 0, 0, 0, 2)),
        (graph(3, (1, 0), (1, 2)), (0, 0, 1, 0, 2)),
        (graph(3, (0, 1), (1, 2), (0, 2)), (0, 1, 0, 0, 1)),
        (graph(3, (0, 1), (1, 2), (2, 0)), (0, 1, 0, 0, 1)),
        (graph(3, (2, 0)), (2, 1, 0, 0, 3)),
        (graph(3, (0, 1), (1, 2), (1, 1)), (0, 0, 0, 1, 1)),
        (graph(3, (0, 1), (1, 0), (1, 2)), (0, 0, 1, 0, 1)),
        (graph(3, (0, 1), (1, 0), (2, 0), (0, 2)), (1, 1, 1, 0, 4)),
        (CHAIN.T, (0, 0, 2, 0, 4)),
    ],
)
def test_shd_counts_each_pair_once_and_says_of_which_kind(estimated, expected):
    score = shd(estimated, CHAIN, nulls=0)
    assert tuple(score.parts[name] for name in ALL) == expected
    assert score.value == sum(expected[:4])
    assert score.nulls["empty graph"].mean == 2


def test_true_self_loops_count_too():
    assert shd(graph(2, (0, 0)), graph(2, (1, 1)), nulls=0).value == 2


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_shd_is_a_distance_and_does_not_change_when_both_graphs_are_renamed(seed, size):
    rng = np.random.default_rng(seed)
    a, b, c = (rng.integers(0, 2, (size, size)) for _ in range(3))
    order = rng.permutation(size)

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        return shd(x, y, nulls=0).value

    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a) == distance(a[np.ix_(order, order)], b[np.ix_(order, order)])
    assert distance(a, c) <= distance(a, b) + distance(b, c)
    pairs = [(i, j) for i in range(size) for j in range(i, size)]
    assert distance(a, b) == sum((a[i, j], a[j, i]) != (b[i, j], b[j, i]) for i, j in pairs)


@pytest.mark.parametrize(("size", "dags", "classes"), [(2, 3, 2), (3, 25, 11), (4, 543, 185)])
def test_two_dags_share_a_cpdag_exactly_when_they_share_skeleton_and_v_structures(size, dags, classes):
    graphs = all_dags(size)
    assert len(graphs) == dags
    known: dict[bytes, tuple] = {}
    members: dict[bytes, list[np.ndarray]] = {}
    for dag in graphs:
        key = cpdag(dag).tobytes()
        signature = ((dag | dag.T).tobytes(), frozenset(v_structures(dag)))
        assert known.setdefault(key, signature) == signature
        members.setdefault(key, []).append(dag)
    assert len(known) == len(set(known.values())) == classes
    for key, same in members.items():
        # An entry of the CPDAG is an edge that some member of the class has.
        assert np.array_equal(np.any(same, axis=0), np.frombuffer(key, dtype=np.int8).reshape(size, size))


@given(st.integers(0, 10_000), st.integers(3, 6))
def test_reversing_a_covered_edge_keeps_the_cpdag(seed, size):
    dag = random_dag(seed, size, 0.6)
    for a, b in np.argwhere(dag):
        if set(np.flatnonzero(dag[:, b])) == {*np.flatnonzero(dag[:, a]), a}:
            turned = dag.copy()
            turned[a, b], turned[b, a] = 0, 1
            assert np.array_equal(cpdag(turned), cpdag(dag))
            assert shd(turned, dag, equivalence=True, nulls=0).value == 0
            assert shd(turned, dag, nulls=0).value == 1


def test_equivalence_is_refused_for_cycles_in_either_graph():
    loop = graph(3, (0, 1), (1, 2), (2, 1))
    with pytest.raises(InputError, match="this one has 1 -> 2 -> 1"):
        cpdag(loop)
    with pytest.raises(InputError, match="the estimated graph has the cycle 1 -> 2 -> 1"):
        shd(loop, CHAIN, equivalence=True)
    with pytest.raises(InputError, match="the true graph has the cycle 0 -> 0"):
        shd(CHAIN, graph(3, (0, 0)), equivalence=True)


@given(st.integers(0, 10_000), st.integers(1, 7))
def test_a_cycle_is_found_exactly_where_networkx_finds_one(seed, size):
    import networkx

    array = (np.random.default_rng(seed).random((size, size)) < 0.25).astype(int)
    found = cycle(array)
    assert bool(found) != networkx.is_directed_acyclic_graph(
        networkx.from_numpy_array(array, create_using=networkx.DiGraph)
    )
    assert all(array[a, b] for a, b in zip(found, [*found[1:], *found[:1]], strict=True))


def test_latents_are_matched_before_their_graphs_are_compared():
    rng = np.random.default_rng(0)
    s = rng.normal(size=(500, 4))
    s[:, 1] += s[:, 0]
    s[:, 3] += s[:, 2]
    true = graph(4, (0, 1), (2, 3), (1, 2))
    order = [2, 0, 3, 1]
    estimate, estimated = -s[:, order], true[np.ix_(order, order)]
    assert shd(estimated, true).value > 0
    score = mcc(estimate, s, nulls=0)
    truth = Truth(s, ("a", "b", "c", "d"), ("continuous",) * 4, graph=true)
    named = mcc(estimate, truth, nulls=0).settings["matching"]
    for against, matching in [
        (true, match(estimate, s)),
        (true, score.settings["matching"]),
        (true, [1, 3, 0, 2]),
        (true, np.array([1, 3, 0, 2])),
        (truth, named),
        (truth, match(estimate, truth)),
    ]:
        assert shd(estimated, against, matching, nulls=0).value == 0
        assert edge_f1(estimated, against, matching, nulls=0).value == 1


def test_nodes_without_a_partner_count_their_edges_as_missing_or_extra():
    true = graph(3, (0, 1), (1, 2))
    # Code 0 is latent 1, code 2 is latent 0, and latent 2 has no code; code 1 is something else.
    estimated = graph(3, (2, 0), (0, 1), (1, 2))
    aligned = align_graph(estimated, [2, 0, -1])
    assert aligned.tolist() == graph(4, (0, 1), (1, 3), (3, 0)).tolist()
    score = shd(estimated, true, [2, 0, -1], nulls=5)
    assert (score.parts["missing"], score.parts["extra"], score.parts["reversed"]) == (1, 2, 0)
    f1 = edge_f1(estimated, true, [2, 0, -1], nulls=5)
    assert (f1.parts["precision"], f1.parts["recall"]) == pytest.approx((1 / 3, 1 / 2))


def test_more_codes_than_latents_and_fewer():
    true = graph(2, (0, 1))
    wide = graph(4, (3, 1), (0, 2))
    assert shd(wide, true, [3, 1], nulls=3).value == 1
    assert shd(graph(1), true, [0, -1], nulls=3).value == 1
    assert shd(graph(1), true, {"factor 1": 0}, nulls=0).value == 1


@pytest.mark.parametrize(
    ("estimated", "true", "expected"),
    [
        (CHAIN, CHAIN, (1, 1, 1, 1)),
        (CHAIN.T, CHAIN, (0, 0, 0, 1)),
        (graph(3), CHAIN, (0, 0, 0, 0)),
        (graph(3), graph(3), (1, 1, 1, 1)),
        (CHAIN, graph(3), (0, 0, 0, 0)),
        (graph(3, (0, 1), (1, 0)), CHAIN, (1 / 2, 1 / 2, 1 / 2, 2 / 3)),
        (1 - np.eye(3, dtype=int), CHAIN, (2 / 6, 1, 1 / 2, 4 / 5)),
    ],
)
def test_edge_scores_of_known_graphs(estimated, true, expected):
    score = edge_f1(estimated, true, nulls=0)
    found = (score.parts["precision"], score.parts["recall"], score.value, score.parts["skeleton f1"])
    assert found == pytest.approx(expected)


def test_edge_shares_never_leave_0_to_1_and_agree_with_scikit_learn():
    from sklearn.metrics import f1_score, precision_score, recall_score

    for seed in range(20):
        a, b = random_dag(seed, 6), random_dag(seed + 100, 6)
        score = edge_f1(a, b, nulls=0)
        flat = b.ravel(), a.ravel()
        assert score.value == pytest.approx(f1_score(*flat, zero_division=0))
        assert score.parts["precision"] == pytest.approx(precision_score(*flat, zero_division=0))
        assert score.parts["recall"] == pytest.approx(recall_score(*flat, zero_division=0))
        assert all(0 <= value <= 1 for value in score.parts.values())


def test_nulls_are_drawn_from_graphs_with_as_many_edges():
    true = random_dag(1, 8)
    score = shd(true, true, nulls=50)
    assert score.value == 0
    for name in ("permuted nodes", "random graph"):
        assert score.nulls[name].low > 0
        assert score.nulls[name].draws == 50
    assert score.nulls["empty graph"].mean == true.sum()
    assert score == shd(true, true, nulls=50)
    assert score.nulls != shd(true, true, nulls=50, seed=1).nulls
    f1 = edge_f1(true, true, nulls=50)
    density = true.sum() / 56
    assert f1.nulls["random graph"].mean == pytest.approx(density, abs=0.1)
    assert f1.nulls["complete graph"].mean == pytest.approx(2 * density / (1 + density))


def test_the_random_graphs_of_a_complete_dag_are_complete_dags():
    full = np.triu(np.ones((4, 4), dtype=int), 1)
    nulls = shd(full, full, nulls=40, equivalence=True).nulls
    # All orders of a complete DAG are equivalent.
    assert nulls["random graph"].high == nulls["permuted nodes"].high == 0
    assert shd(full, full, nulls=40).nulls["random graph"].mean == pytest.approx(3, abs=0.8)


def test_an_empty_graph_can_beat_a_good_one_on_shd_and_never_on_f1():
    true = graph(6, (0, 1), (2, 3))
    estimated = graph(6, (0, 1), (2, 3), (4, 5), (0, 2), (1, 4))
    score = shd(estimated, true)
    assert score.value > score.nulls["empty graph"].mean
    assert edge_f1(estimated, true, nulls=0).value > edge_f1(graph(6), true, nulls=0).value == 0


@pytest.mark.parametrize(
    ("estimated", "true", "matching", "sentence"),
    [
        (np.ones((2, 3)), graph(2), None, "square adjacency"),
        (np.zeros((0, 0)), graph(2), None, "square adjacency"),
        (graph(2) + 0.5, graph(2), None, "holds 0.5: cut weights"),
        (np.full((2, 2), np.nan), graph(2), None, "holds nan"),
        (graph(2), graph(3), None, "estimated graph has 2 and the true graph 3"),
        (graph(2), graph(2), [0, 2], "one code below 2"),
        (graph(2), graph(2), [0, 0], "one code to two"),
        (graph(2), graph(2), [0], "of 1 true nodes"),
        (graph(2), graph(2), {"a": 0}, "names 'a'"),
        (graph(2), graph(2), [0.0, 1.0], "one code below"),
        (graph(2), Truth(np.ones((3, 2)), ("a", "b"), ("continuous",) * 2), None, "does not know it"),
        ([["a"]], graph(2), None, "array of numbers"),
    ],
)
@pytest.mark.parametrize("metric", [shd, edge_f1])
def test_bad_graphs_are_refused_in_one_sentence(metric, estimated, true, matching, sentence):
    with pytest.raises(InputError, match=sentence):
        metric(estimated, true, matching)
