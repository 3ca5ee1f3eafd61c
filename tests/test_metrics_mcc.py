from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics import cross_correlation, match, mcc


def normal(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


S = normal(300, 3)
Z = 0.6 * S @ normal(3, 3, 1) + 0.4 * normal(300, 3, 2)


@pytest.mark.parametrize("correlation", ["spearman", "pearson"])
def test_the_truth_itself_scores_one_however_ordered_signed_and_scaled(correlation):
    estimate = S[:, [2, 0, 1]] * [-1.0, 3.0, 1e-6] + [5.0, -1e3, 0.0]
    score = mcc(estimate, S, correlation)
    assert score.value == pytest.approx(1, abs=1e-9)
    assert score.settings["matching"] == {"factor 0": 1, "factor 1": 2, "factor 2": 0}


def test_spearman_is_blind_to_monotone_maps_and_pearson_is_not():
    s = normal(5000, 3)
    assert mcc(np.exp(2 * s), s, "spearman", nulls=0).value == 1.0
    assert mcc(np.exp(2 * s), s, "pearson", nulls=0).value == pytest.approx(0.37, abs=0.05)
    assert mcc(s**2, s, "spearman", nulls=0).value < 0.05


@settings(max_examples=30, deadline=None)
@given(
    st.permutations(range(3)),
    st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3),
    st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3),
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    st.sampled_from(["spearman", "pearson"]),
)
def test_order_sign_scale_and_shift_of_codes_change_nothing(order, signs, scales, shifts, correlation):
    changed = (Z * signs * scales)[:, order]
    # A shift beyond the scale rounds the code away, so it is taken in units of the scale.
    changed = changed + np.array(shifts) * np.array(scales)[order]
    assert mcc(changed, S, correlation, nulls=0).value == pytest.approx(
        mcc(Z, S, correlation, nulls=0).value, abs=1e-8 if correlation == "pearson" else 1e-3
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 6), st.sampled_from(["spearman", "pearson"]))
def test_value_stays_between_0_and_1_and_repeats(seed, factors, codes, correlation):
    s, z = normal(40, factors, seed), normal(40, codes, seed + 1)
    first, second = mcc(z, s, correlation, nulls=3), mcc(z, s, correlation, nulls=3)
    assert first == second
    assert 0 <= first.value <= 1
    assert first.value == pytest.approx(np.mean(list(first.parts.values())))


def test_value_is_the_best_over_all_permutations():
    strength = np.abs(np.corrcoef(S.T, Z.T)[:3, 3:])
    best = max(strength[range(3), order].mean() for order in itertools.permutations(range(3)))
    assert mcc(Z, S, "pearson", nulls=0).value == pytest.approx(best)


def test_correlations_agree_with_scipy_and_numpy_also_with_ties():
    tied = np.round(Z)
    assert np.allclose(cross_correlation(S, Z, "pearson"), np.corrcoef(S.T, Z.T)[:3, 3:])
    expected = np.asarray(spearmanr(S, tied)[0])[:3, 3:]
    assert np.allclose(cross_correlation(S, tied), expected)
    assert np.allclose(cross_correlation(tied, rankdata(tied, axis=0), "spearman").diagonal(), 1)


def test_a_constant_code_is_allowed_and_correlates_zero_with_everything():
    estimate = np.column_stack([np.full(300, 0.1), S[:, 0], np.full(300, 1e9)])
    assert (cross_correlation(S, estimate, "pearson")[:, [0, 2]] == 0).all()
    score = mcc(estimate, S, "pearson")
    assert score.parts["factor 0"] == pytest.approx(1)
    assert score.value == pytest.approx(1 / 3)


def test_factors_without_a_code_count_zero():
    score = mcc(S[:, [1]], S)
    assert score.parts == {"factor 0": 0.0, "factor 1": 1.0, "factor 2": 0.0}
    assert score.settings["matching"] == {"factor 1": 0}
    assert match(S[:, [1]], S).codes.tolist() == [-1, 0, -1]


def test_surplus_codes_do_not_lift_the_chance_level():
    """Best of 64 chance correlations on the same rows gives 0.11 here; on the other half it is mean |r| of 250 rows."""
    fair, greedy = [], []
    for seed in range(20):
        s, z = normal(500, 8, seed), normal(500, 64, 100 + seed)
        fair.append(mcc(z, s, "pearson", nulls=0).value)
        greedy.append(np.abs(match(z, s, "pearson").values).mean())
    assert np.mean(greedy) == pytest.approx(0.11, abs=0.01)
    assert np.mean(fair) == pytest.approx(np.sqrt(2 / (np.pi * 250)), abs=0.008)


def test_surplus_codes_cost_the_truth_nothing():
    score = mcc(np.concatenate([normal(300, 20, 5), S], axis=1), S)
    assert score.value == pytest.approx(1, abs=1e-3)
    assert score.settings["surplus"]
    assert "one half" in repr(score)


@pytest.mark.parametrize(("factors", "expected"), [(2, 2 * np.sqrt(2) / np.pi), (3, 0.82), (5, 0.72), (8, 0.62)])
def test_random_rotation_null_of_independent_normals(factors, expected):
    s = normal(1000, factors)
    null = mcc(s, s, "pearson", nulls=200).nulls["random rotation"]
    assert null.mean == pytest.approx(expected, abs=0.025)


def test_random_rotation_null_has_the_covariance_of_the_latents():
    """With one latent the sum of two others, the null still exists and stays in their span."""
    s = np.column_stack([S, S[:, 0] + 1e3 * S[:, 1]])
    null = mcc(s, s, nulls=50).nulls["random rotation"]
    assert 0.2 < null.low < null.high < 1


def test_permuted_null_is_the_chance_of_the_same_procedure():
    independent = [mcc(normal(200, 6, 50 + i), normal(200, 2, i), nulls=0, seed=i).value for i in range(60)]
    null = mcc(normal(200, 6, 1), normal(200, 2, 0), nulls=100).nulls["permuted rows"]
    assert null.mean == pytest.approx(np.mean(independent), abs=0.015)
    assert null.draws == 100


def test_one_factor_has_no_rotation_null_and_nulls_do_not_change_the_value():
    assert list(mcc(S[:, :1], S[:, :1]).nulls) == ["permuted rows"]
    assert mcc(Z, S, nulls=0).nulls == {}
    assert mcc(Z, S, nulls=0).value == mcc(Z, S, nulls=7).value


def test_match_orders_codes_with_their_sign():
    found = match(torch.tensor(-S[:, [1, 2, 0]]), S)
    assert found.codes.tolist() == [2, 0, 1]
    assert np.allclose(found.values, -1)
    assert found.matrix.shape == (3, 3)


def test_tensors_lists_and_truths_give_the_value_of_arrays():
    truth = Truth(S, ("a", "b", "c"), ("continuous",) * 3)
    tensor = torch.tensor(Z, dtype=torch.float64, requires_grad=True)
    assert mcc(tensor, truth).value == mcc(Z, S).value
    assert list(mcc(Z, truth).parts) == ["a", "b", "c"]


def bad(where: tuple[int, int], value: float) -> np.ndarray:
    array = Z.copy()
    array[where] = value
    return array


@pytest.mark.parametrize(
    ("estimate", "truth", "sentence"),
    [
        (bad((4, 1), np.nan), S, "column 1 of the estimate holds 1 NaN or infinite value"),
        (Z, bad((0, 2), np.inf), "column 2 of the truth holds 1 NaN"),
        (Z, bad((0, 2), -1e200), "column 2 of the truth holds 1 NaN or infinite"),
        (Z[:-1], S, "the estimate has 299 rows and the truth has 300"),
        (Z, S * [1, 0, 1], "'factor 1' of the truth is constant"),
        (Z[:, :0], S, "the estimate has no column"),
        (Z[:9], S[:9], "9 rows, and a score needs at least 10"),
        (Z[None], S, "must have shape"),
        ([["a"]] * 20, S, "array of numbers"),
        ([[1.0], [1.0, 2.0]], S, "array of numbers"),
        (torch.ones(300, 2, dtype=torch.complex64), S, "real numbers"),
        (Truth(S, ("a", "b", "c"), ("continuous",) * 3), Z, "in that order"),
        (Z, Truth(S, ("a", "b", "c"), ("continuous", "discrete", "continuous")), "'b' is discrete"),
        (Z, Truth(S, ("a", "b", "c"), ("circular", "continuous", "continuous")), "'a' is circular"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence(estimate, truth, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        mcc(estimate, truth)
    assert "\n" not in str(caught.value)


def test_unknown_correlation_names_the_near_one():
    with pytest.raises(InputError, match="did you mean 'spearman'"):
        mcc(Z, S, "spearmann")
