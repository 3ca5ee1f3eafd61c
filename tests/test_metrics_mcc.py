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
from identikit.metrics.correlation import Features, cross_correlation, prepare, product, unit
from identikit.metrics.inputs import factors, halves
from identikit.metrics.mcc import _plain, match, mcc


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
def test_value_stays_between_0_and_1_and_repeats(seed, count, codes, correlation):
    s, z = normal(40, count, seed), normal(40, codes, seed + 1)
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


@pytest.mark.parametrize(("count", "expected"), [(2, 2 * np.sqrt(2) / np.pi), (3, 0.82), (5, 0.72), (8, 0.62)])
def test_random_rotation_null_of_independent_normals(count, expected):
    s = normal(1000, count)
    null = mcc(s, s, "pearson", nulls=200).nulls["random rotation"]
    assert null.mean == pytest.approx(expected, abs=0.025)


def test_random_rotation_null_of_latents_that_determine_each_other():
    """With one latent the sum of two others, in other units, the null still exists."""
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
        (Z, Truth(S, ("a", "b", "c"), ("continuous", "discrete", "continuous")), "'b' is discrete, so it holds whole"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence(estimate, truth, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        mcc(estimate, truth)
    assert "\n" not in str(caught.value)


def test_unknown_correlation_names_the_near_one():
    with pytest.raises(InputError, match="did you mean 'spearman'"):
        mcc(Z, S, "spearmann")


def mixed(rows: int, seed: int = 0) -> Truth:
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.normal(size=rows), rng.uniform(0, 2 * np.pi, rows), rng.integers(0, 4, rows)])
    return Truth(values, ("size", "angle", "colour"), ("continuous", "circular", "discrete"))


def explained(code: np.ndarray, features: np.ndarray) -> float:
    """The multiple correlation by plain least squares."""
    design = np.column_stack([np.ones(len(code)), features])
    residual = code - design @ np.linalg.lstsq(design, code, rcond=None)[0]
    return float(np.sqrt(1 - residual.var() / code.var()))


@pytest.mark.parametrize("correlation", ["spearman", "pearson"])
def test_other_kinds_are_multiple_correlations_with_their_features(correlation):
    truth = mixed(400)
    codes = normal(400, 3, 1) + truth.latents
    ready = rankdata(codes, axis=0) if correlation == "spearman" else codes
    angle, colour = truth.latents[:, 1], truth.latents[:, 2]
    found = match(codes, truth, correlation).matrix
    for code in range(3):
        assert found[1, code] == pytest.approx(explained(ready[:, code], np.c_[np.cos(angle), np.sin(angle)]))
        assert found[2, code] == pytest.approx(explained(ready[:, code], np.eye(4)[colour.astype(int)][:, 1:]))
    assert found[0] == pytest.approx(cross_correlation(truth.latents[:, :1], codes, correlation)[0])


def test_an_angle_by_its_direction_and_a_category_by_any_numbering_score_one():
    truth = mixed(500)
    size, angle, colour = truth.latents.T
    codes = np.column_stack([np.array([3.0, 0.0, 7.0, 1.0])[colour.astype(int)], -size, np.cos(angle - 1)])
    score = mcc(codes, truth, "pearson")
    assert score.value == pytest.approx(1, abs=1e-9)
    assert score.settings["matching"] == {"size": 1, "angle": 2, "colour": 0}
    assert "3 factors (1 circular, 1 discrete) by 3 codes" in repr(score)
    assert score.nulls["permuted rows"].high < 0.15
    assert score.nulls["random rotation"].high < 1
    as_arrays = mcc(codes, truth.latents, "pearson", kinds=["continuous", "circular", "discrete"])
    assert as_arrays.value == score.value
    # As a number, an angle is known but for where it jumps: corr(t, sin t)^2 = 6 / pi^2.
    assert mcc(angle, angle, "pearson", kinds="circular", nulls=0).value == pytest.approx(np.sqrt(6) / np.pi, abs=0.04)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(4)), st.floats(-7, 7), st.sampled_from([-1.0, 1.0]), st.integers(0, 5))
def test_renumbering_categories_and_turning_the_circle_change_nothing(order, turn, side, surplus):
    truth = mixed(200, 3)
    codes = np.column_stack([truth.latents + normal(200, 3, 4), normal(200, surplus, 5)])
    size, angle, colour = truth.latents.T
    changed = np.column_stack([size, side * angle + turn, np.array(order)[colour.astype(int)]])
    assert mcc(codes, changed, kinds=truth.kinds, nulls=0).value == pytest.approx(
        mcc(codes, truth, nulls=0).value, abs=1e-9
    )


def test_angles_on_one_line_of_the_circle_and_categories_missing_from_a_half_are_no_trouble():
    line = np.pi * (np.arange(40) % 2)
    assert mcc(line, line, kinds="circular").value == pytest.approx(1)
    rare = np.eye(40)[0]
    assert 0 <= mcc(normal(40, 3), rare, kinds="discrete").value <= 1


def test_the_device_path_gives_the_values_of_numpy():
    """The functions that a CUDA tensor takes, on tensors of the CPU."""
    codes = np.column_stack([np.round(Z), np.full(300, 0.1)])
    for correlation in ("spearman", "pearson"):
        left, right = (unit(prepare(torch.as_tensor(a), correlation)) for a in (S, codes))
        assert np.allclose(product(left, right), cross_correlation(S, codes, correlation), atol=1e-12)
        assert np.allclose(product(left.numpy(), right), product(left, right.numpy()), atol=1e-12)
    target = Features.of(factors(S, "mcc"), "spearman")
    fit, held = halves(300, [0, 0])
    on_tensor = _plain(target, "spearman", fit, held, torch.as_tensor(np.concatenate([Z, codes], axis=1)))
    on_array = _plain(target, "spearman", fit, held, np.concatenate([Z, codes], axis=1))
    assert np.allclose(on_tensor(target.columns)[1], on_array(target.columns)[1], atol=1e-12)


def test_an_affine_map_is_granted_and_a_bend_is_not():
    s = normal(1000, 3)
    mixed_up = np.concatenate([s @ normal(3, 3, 1) + 5, normal(1000, 4, 2)], axis=1)
    assert mcc(mixed_up, s, "pearson", nulls=0).value < 0.9
    score = mcc(mixed_up, s, "pearson", after="affine")
    assert score.value > 0.999
    assert list(score.nulls) == ["permuted rows"]
    assert score.nulls["permuted rows"].high < 0.1
    assert "after an affine map fitted on one half" in repr(score)
    assert mcc(s**2, s, "pearson", after="affine", nulls=0).value < 0.15


def test_a_monotone_map_is_granted_and_a_rotation_is_not():
    s = normal(1000, 3)
    codes = np.column_stack([-np.exp(2 * s[:, 2]), s[:, 0], s[:, 1] ** 3, normal(1000, 1, 2)])
    assert mcc(codes, s, "pearson", nulls=0).value < 0.8
    score = mcc(codes, s, "pearson", after="monotone")
    assert score.value > 0.99
    assert score.settings["matching"] == {"factor 0": 1, "factor 1": 2, "factor 2": 0}
    assert score.nulls["permuted rows"].high < 0.1
    assert score.nulls["random rotation"].mean == pytest.approx(0.82, abs=0.08)
    assert mcc(s[:, :1] ** 2, s[:, :1], after="monotone", nulls=0).value < 0.2


def test_granted_maps_with_constant_tied_missing_and_surplus_codes():
    for after in ("affine", "monotone"):
        assert mcc(np.full((300, 2), 0.1), S, after=after).value < 0.2
        assert mcc(np.round(S), S, after=after).value > 0.9
        assert mcc(S[:, :1], S, after=after).parts["factor 0"] > 0.99
        assert 0 <= mcc(normal(12, 30), S[:12], after=after).value <= 1


@pytest.mark.parametrize("after", ["affine", "monotone"])
def test_granted_maps_take_continuous_factors(after):
    with pytest.raises(
        InputError, match=f"mcc after an? {after} map takes continuous factors, and 'angle' is circular"
    ):
        mcc(Z, mixed(300), after=after)


def test_unknown_maps_and_kinds_name_the_near_one():
    with pytest.raises(InputError, match="did you mean 'affine'"):
        mcc(Z, S, after="afine")
    with pytest.raises(InputError, match="did you mean 'circular'"):
        mcc(Z, S, kinds="circle")


@pytest.mark.parametrize(("d", "known"), [(2, 0.94), (3, 0.84), (5, 0.72), (8, 0.66), (10, 0.59), (20, 0.48)])
def test_known_rotations_lie_in_the_range_of_the_null(d, known):
    """The known values are of few unknown draws, so each must lie in the range of 100, and near their mean."""
    s = normal(1000, d)
    null = mcc(s, s, "pearson", nulls=100).nulls["random rotation"]
    assert null.low - 0.02 <= known <= null.high + 0.02
    assert null.mean == pytest.approx(known, abs=0.05)


@pytest.mark.parametrize(
    ("rows", "codes", "naive"),
    [
        *((100, 8, 0.17), (100, 64, 0.26), (100, 512, 0.31)),
        *((500, 8, 0.06), (500, 64, 0.11), (500, 512, 0.15)),
        *((2000, 8, 0.03), (2000, 64, 0.06), (2000, 512, 0.07)),
        *((10_000, 8, 0.016), (10_000, 64, 0.026), (10_000, 512, 0.032)),
    ],
)
def test_known_chance_of_matching_on_all_rows_and_ours_on_the_other_half(rows, codes, naive):
    """8 factors; the known values are of single draws, so 0.02 or 15% is allowed; `match` keeps to all rows."""
    draws = [(normal(rows, 8, i), normal(rows, codes, 50 + i)) for i in range(1 if rows * codes > 1_000_000 else 4)]
    greedy = np.mean([np.abs(match(z, s, "pearson").values).mean() for s, z in draws])
    assert greedy == pytest.approx(naive, abs=max(0.02, 0.15 * naive))
    ours = np.mean([mcc(z, s, "pearson", nulls=0).value for s, z in draws])
    if codes == 8:
        assert ours == pytest.approx(greedy)
    else:
        # The mean |r| of n unrelated rows is sqrt(2 / (pi n)); over the factors of all draws it spreads by 13% to 27%.
        assert ours == pytest.approx(np.sqrt(2 / (np.pi * rows / 2)), rel=0.55)
        assert ours < greedy


@pytest.mark.parametrize(("rho", "known"), [(0.0, 0.66), (0.5, 0.72), (0.8, 0.81), (0.95, 0.90)])
def test_known_linear_mixes_of_equicorrelated_latents(rho, known):
    """Five latents, mean of 30 normal mixing matrices; the known values are of unknown draws, so 0.06 is allowed."""
    s = np.sqrt(1 - rho) * normal(2000, 5) + np.sqrt(rho) * normal(2000, 1, 1)
    values = [mcc(s @ normal(5, 5, i), s, "pearson", nulls=0).value for i in range(30)]
    assert np.mean(values) == pytest.approx(known, abs=0.06)
    # What the latents share lifts a rotation of them as it lifts a mix.
    assert mcc(s, s, "pearson", nulls=100).nulls["random rotation"].mean == pytest.approx(np.mean(values), abs=0.1)
