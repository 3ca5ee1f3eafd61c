from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.assignment import EXACT, assign
from identikit.metrics.dictionaries import dictionary_mcc, match_dictionaries, pw_mcc


def normal(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T


def best(strength: np.ndarray) -> float:
    return float(strength[linear_sum_assignment(strength, maximize=True)].sum())


@given(
    st.integers(0, 10_000),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["exact", "auction"]),
    st.sampled_from(["continuous", "few values", "negative"]),
)
def test_an_assignment_is_one_to_one_and_within_its_stated_gap(seed, rows, columns, method, values):
    strength = normal(rows, columns, seed)
    if values == "few values":
        strength = np.round(strength)
    if values == "negative":
        strength = -np.abs(strength) - 1
    found = assign(strength, method)
    matched = np.flatnonzero(found.columns >= 0)
    assert len(matched) == len(set(found.columns[matched])) == min(rows, columns)
    assert found.total == pytest.approx(strength[matched, found.columns[matched]].sum())
    missed = best(strength) - found.total
    assert -1e-9 <= missed <= found.gap * min(rows, columns) + 1e-9
    assert found.gap <= 1e-4 + 1e-12
    assert found.gap == 0 or found.method == "auction"


def test_small_assignments_are_the_best_of_all_permutations():
    strength = normal(5, 5)
    most = max(strength[range(5), order].sum() for order in itertools.permutations(range(5)))
    assert assign(strength).total == pytest.approx(most)


@pytest.mark.parametrize("shape", [(2200, 2200), (2100, 2300), (2300, 2100)])
def test_large_assignments_agree_with_scipy_within_the_gap(shape):
    a, b = normal(shape[0], 32), normal(shape[1], 32, 1)
    b[:1500] = a[:1500] + 0.7 * normal(1500, 32, 2)
    strength = np.abs(cosines(a, b)).astype(np.float32)
    optimum, pairs = best(strength.astype(np.float64)), min(shape)
    assert pairs > EXACT
    quick, exact = assign(strength), assign(strength, "exact")
    assert (quick.method, exact.method, exact.gap) == ("auction", "exact", 0)
    assert 0 < quick.gap < 1e-4
    assert 0 <= (optimum - quick.total) / pairs + 1e-9 <= quick.gap + 2e-9
    assert exact.total == pytest.approx(optimum, rel=1e-9)


def test_a_looser_tolerance_states_a_larger_gap():
    strength = np.abs(cosines(normal(300, 16), normal(300, 16, 1)))
    gaps = [assign(strength, "auction", tolerance).gap for tolerance in (1e-1, 1e-3, 1e-5)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert all(gap <= tolerance + 1e-12 for gap, tolerance in zip(gaps, (1e-1, 1e-3, 1e-5), strict=True))


@pytest.mark.parametrize("shape", [(300, 300), (300, 310), (EXACT + 1, EXACT + 1)])
def test_where_all_strengths_are_equal_the_auction_gives_up_and_the_result_is_exact(shape):
    found = assign(np.ones(shape, dtype=np.float32), "auction")
    assert (found.total, found.gap, found.method) == (shape[0], 0, "exact")


@pytest.mark.parametrize(
    ("strength", "options", "sentence"),
    [
        (np.ones(3), {}, "shape"),
        (np.ones((0, 3)), {}, "shape"),
        (np.array([[1.0, np.nan]]), {}, "NaN or infinite"),
        (np.array([[1.0, np.inf]], dtype=np.float32), {}, "NaN or infinite"),
        (np.ones((2, 2)), {"tolerance": 0}, "above 0"),
        (np.ones((2, 2)), {"method": "exakt"}, "did you mean 'exact'"),
    ],
)
def test_bad_strengths_are_refused(strength, options, sentence):
    with pytest.raises(InputError, match=sentence):
        assign(strength, **options)


A, B = normal(6, 9), normal(6, 9, 1)


@pytest.mark.parametrize("signed", [False, True])
def test_the_value_is_the_best_mean_cosine_over_all_permutations(signed):
    table = cosines(A, B) if signed else np.abs(cosines(A, B))
    most = max(table[range(6), order].mean() for order in itertools.permutations(range(6)))
    score = dictionary_mcc(B, A, signed, nulls=0)
    assert score.value == pytest.approx(most, abs=1e-6)
    assert score.parts["nearest"] == pytest.approx(table.max(1).mean(), abs=1e-6)
    assert score.settings["cosine"] == ("signed cosine" if signed else "absolute cosine")


@given(st.integers(0, 10_000), st.permutations(range(6)))
def test_order_sign_and_length_of_atoms_change_nothing(seed, order):
    scales = np.random.default_rng(seed).uniform(0.1, 10, (6, 1)) * np.random.default_rng(seed).choice([-1, 1], (6, 1))
    score = dictionary_mcc((A * scales)[order], A, nulls=0)
    assert score.value == pytest.approx(1, abs=1e-6)
    assert dictionary_mcc((B * scales)[order], A, nulls=0).value == pytest.approx(
        dictionary_mcc(B, A, nulls=0).value, abs=1e-6
    )


def test_signed_cosines_tell_an_atom_from_its_negative():
    turned = A * [[-1], [1], [1], [1], [1], [-1]]
    assert dictionary_mcc(turned, A, nulls=0).value == pytest.approx(1, abs=1e-6)
    assert dictionary_mcc(turned, A, signed=True, nulls=0).value < 0.9
    assert dictionary_mcc(-np.eye(2), np.eye(2), signed=True, nulls=0).value == 0
    assert dictionary_mcc([[-1.0, 0.0]], [[1.0, 0.0]], signed=True, nulls=0).value == -1


def test_too_many_atoms_do_not_flatter_the_share_of_the_larger():
    wide = np.concatenate([A[::-1], normal(18, 9, 2)])
    for score in (dictionary_mcc(wide, A, nulls=0), dictionary_mcc(A, wide, nulls=0)):
        assert score.value == pytest.approx(1, abs=1e-6)
        assert score.parts["over the larger"] == pytest.approx(6 / 24, abs=1e-6)
        assert score.n == 6


def test_one_atom_that_serves_all_is_seen_by_nearest_alone():
    truth = np.stack([np.ones(4), np.ones(4)])
    estimate = np.stack([np.ones(4), [1, -1, 1, -1]])
    score = dictionary_mcc(estimate, truth, nulls=0)
    assert (score.value, score.parts["nearest"]) == pytest.approx((0.5, 1))


def test_dead_atoms_are_counted_and_left_out():
    holes = A.copy()
    holes[[0, 4]] = 0
    score = dictionary_mcc(holes, A, nulls=2)
    assert score.settings["dead"] == {"estimate": 2, "truth": 0}
    assert (score.value, score.parts["over the larger"]) == pytest.approx((1, 4 / 6), abs=1e-6)
    found = match_dictionaries(A, holes)
    assert found.atoms.tolist() == [-1, 1, 2, 3, -1, 5]
    assert found.cosines.tolist() == pytest.approx([0, 1, 1, 1, 0, 1], abs=1e-6)


def test_a_match_gives_positions_and_signs_in_the_dictionaries_as_given():
    order = [4, 2, 0, 5, 1, 3]
    found = match_dictionaries(np.insert(-A[order], 2, 0, axis=0), A)
    assert [order[i - (i > 2)] for i in found.atoms] == list(range(6))
    assert found.cosines == pytest.approx(-1, abs=1e-6)
    assert found.gap == 0


def test_huge_and_tiny_and_single_and_whole_number_atoms():
    scales = np.array([[1e300], [1e-300], [1.0], [1e30], [1e-30], [5.0]])
    assert dictionary_mcc(A * scales, A, nulls=0).value == pytest.approx(1, abs=1e-6)
    assert dictionary_mcc([[3, 4]], [[6, 8]], nulls=2).value == pytest.approx(1)
    assert dictionary_mcc(A.astype(np.float16), A, nulls=0).value > 0.999


def test_views_read_only_arrays_and_tensors_of_any_type_are_taken():
    fixed = A[::-1]
    fixed.flags.writeable = False
    expected = dictionary_mcc(B, A).json()
    assert dictionary_mcc(B, fixed, nulls=0).value == pytest.approx(expected["value"])
    leaf = torch.nn.Parameter(torch.tensor(B))
    assert dictionary_mcc(leaf, torch.tensor(A)).json() == expected
    assert dictionary_mcc(torch.tensor(B).bfloat16(), A, nulls=0).value == pytest.approx(expected["value"], abs=0.01)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_atoms_on_a_device_score_as_on_the_cpu():
    expected = dictionary_mcc(B, A)
    for estimate, truth in [(torch.tensor(B).cuda(), torch.tensor(A).cuda()), (B, torch.tensor(A).cuda())]:
        score = dictionary_mcc(estimate, truth)
        assert score.value == pytest.approx(expected.value, abs=1e-4)
        assert match_dictionaries(estimate, truth).atoms.tolist() == match_dictionaries(B, A).atoms.tolist()
        assert score.nulls["same covariance"].mean == pytest.approx(expected.nulls["same covariance"].mean, abs=1e-3)


def test_decoders_of_models_are_read_the_right_way_round():
    linear = SimpleNamespace(decoder=torch.nn.Linear(6, 9, bias=False))
    linear.decoder.weight.data = torch.tensor(A.T)
    lens = SimpleNamespace(W_dec=torch.tensor(A))
    for model in (linear, lens):
        assert dictionary_mcc(model, A, nulls=0).value == pytest.approx(1, abs=1e-6)
    # A square decoder would pass for its transpose.
    square = SimpleNamespace(decoder=torch.nn.Linear(9, 9, bias=False))
    atoms = square.decoder.weight.detach().numpy().T
    assert dictionary_mcc(square, atoms, nulls=0).value == pytest.approx(1, abs=1e-6)
    assert dictionary_mcc(square, atoms.T, nulls=0).value < 0.9


def test_random_dictionaries_lie_inside_the_null_and_the_truth_above_it():
    a, b = normal(200, 32), normal(200, 32, 1)
    chance, found = dictionary_mcc(b, a, nulls=20), dictionary_mcc(a + 0.5 * b, a, nulls=20)
    null = chance.nulls["random dictionary"]
    assert null.low - 0.01 <= chance.value <= null.high + 0.01
    assert null.mean == pytest.approx(np.sqrt(2 * np.log(200) / 32), rel=0.25)
    assert found.value > found.nulls["random dictionary"].high + 0.2
    assert dictionary_mcc(b, a, signed=True, nulls=20).nulls["random dictionary"].mean < null.mean


def test_a_null_does_not_draw_what_the_caller_drew_from_the_same_seed():
    a = np.random.default_rng(0).standard_normal((50, 20), dtype=np.float32)
    assert dictionary_mcc(a, a).nulls["random dictionary"].high < 0.7
    assert pw_mcc([a, a]).nulls["random dictionary"].high < 0.7


def test_a_common_direction_is_found_by_chance_and_the_second_null_says_so():
    common = 3 * normal(1, 32, 5)
    a, b = normal(100, 32) + common, normal(100, 32, 1) + common
    score = dictionary_mcc(b, a, nulls=20)
    assert score.value > score.nulls["random dictionary"].high + 0.3
    assert score.value == pytest.approx(score.nulls["same covariance"].mean, abs=0.02)
    # The right subspace and a rotation inside it.
    basis = np.linalg.qr(normal(32, 4, 6))[0].T
    inside = dictionary_mcc(normal(4, 4, 7) @ basis, normal(4, 4, 8) @ basis, nulls=40)
    assert inside.value > inside.nulls["random dictionary"].high
    assert inside.value < inside.nulls["same covariance"].high


def test_pairwise_is_the_mean_over_pairs():
    runs = [A, B, normal(4, 9, 2)]
    score = pw_mcc(runs, nulls=2)
    pairs = {f"run {i}, run {j}": dictionary_mcc(runs[j], runs[i], nulls=0) for i, j in [(0, 1), (0, 2), (1, 2)]}
    assert {name: score.parts[name] for name in pairs} == {name: pair.value for name, pair in pairs.items()}
    assert score.value == pytest.approx(np.mean([pair.value for pair in pairs.values()]))
    wide = np.mean([pair.parts["over the larger"] for pair in pairs.values()])
    assert score.parts["over the larger"] == pytest.approx(wide)
    assert "3 runs of 4 to 6 atoms" in score.about
    assert pw_mcc({"a": A, "b": A}, nulls=0).parts == pytest.approx({"a, b": 1, "over the larger": 1}, abs=1e-6)


def test_pairwise_nulls_draw_every_run_and_repeat():
    runs = [normal(60, 16, seed) for seed in range(3)]
    score = pw_mcc(runs, nulls=10)
    null = score.nulls["random dictionary"]
    assert null.low - 0.02 < score.value < null.high + 0.02
    assert score == pw_mcc(runs, nulls=10)
    assert score.nulls != pw_mcc(runs, nulls=10, seed=1).nulls
    assert pw_mcc([A, A, A]).nulls["random dictionary"].draws == 5


@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [
        (np.zeros((3, 9)), "only dead atoms: all 3 rows"),
        (np.ones((0, 9)), "holds no atom"),
        (np.ones((3, 8)), "widths differ"),
        (np.ones(9), "shape"),
        (np.full((3, 9), np.nan), "atom 0 of the estimate holds a NaN"),
        (object(), "W_dec or decoder.weight"),
        ("weights", "W_dec or decoder.weight"),
        (np.ones((3, 9)) * 1j, "must be real"),
        (Truth(A, tuple("abcdefghi"), ("continuous",) * 9), "is a Truth"),
    ],
)
def test_bad_dictionaries_are_refused_in_one_sentence(estimate, sentence):
    for call in (dictionary_mcc, match_dictionaries):
        with pytest.raises(InputError, match=sentence):
            call(estimate, A)


def test_fewer_than_two_runs_are_refused():
    with pytest.raises(InputError, match="two runs or more, and was given 1"):
        pw_mcc([A])
    with pytest.raises(InputError, match="run 1 holds only dead atoms"):
        pw_mcc([A, 0 * A])
