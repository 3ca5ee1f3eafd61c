from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.leakage import block_leakage, subspace_leakage, subspace_r2

rng = np.random.default_rng(0)
A = rng.normal(size=(600, 2))
B = rng.normal(size=(600, 2))
DEPENDENT = B + A
NOISE = rng.normal(size=(600, 3))


def test_the_truth_leaks_nothing_even_where_its_blocks_depend_on_each_other():
    truth = {"a": A, "b": DEPENDENT}
    score = block_leakage(truth, truth)
    assert score.settings["true_cross_r2"]["a->b"] == pytest.approx(0.5, abs=0.08)
    assert score.value == pytest.approx(0, abs=1e-9)
    assert block_leakage({"a": A @ [[1, 2], [-1, 1]], "b": DEPENDENT}, truth).value < 0.02


def test_codes_that_hold_everything_reach_the_null_of_that_name():
    truth = {"a": A, "b": DEPENDENT}
    both = np.concatenate([A, B], axis=1)
    score = block_leakage({"a": both, "b": both}, truth)
    assert score.value == pytest.approx(score.nulls["everything leaks"].mean, abs=0.02)
    assert score.nulls["everything leaks"].mean == pytest.approx(0.5, abs=0.08)


def test_a_leak_is_named_and_measured():
    """Style codes with content of the same size: half of their variance is content."""
    codes = {"a": A, "b": B + A}
    score = block_leakage(codes, {"a": A, "b": B}, "linear")
    assert score.parts["a->b"] < 0.03
    assert score.parts["b->a"] == pytest.approx(0.5, abs=0.06)
    assert score.value == pytest.approx(np.mean(list(score.parts.values())))
    assert score.value > score.nulls["permuted rows"].high


def test_unrelated_and_constant_codes_leak_nothing():
    codes = {"a": NOISE, "b": np.full((600, 1), 0.1)}
    score = block_leakage(codes, {"a": A, "b": B})
    assert score.value < 0.02
    assert score.nulls["permuted rows"].high < 0.02
    assert block_leakage(codes, {"a": A, "b": B}, nulls=0).nulls == {}


def test_blocks_may_be_of_any_kind():
    angle, category = rng.uniform(-3, 3, size=600), rng.integers(0, 4, size=600)
    truth = {"a": angle, "b": Truth(category[:, None].astype(float), ("colour",), ("discrete",))}
    codes = {"a": np.column_stack([np.cos(angle), np.sin(angle)]), "b": category + 0.0}
    assert block_leakage(codes, truth, kinds={"a": "circular"}).value < 0.02
    told = block_leakage({"a": codes["b"], "b": codes["a"]}, truth, kinds={"a": "circular"})
    assert told.value > 0.95


@pytest.mark.parametrize(
    ("codes", "truth", "options", "sentence"),
    [
        ({"c": A}, {"a": A, "b": B}, {}, "the codes 'c' have no true block of that name"),
        ({"a": A}, {"a": A}, {}, "at least two true blocks"),
        ({}, {"a": A}, {}, "at least one block"),
        ({"a": A}, {"a": A, "b": B[:-1]}, {}, "lengths differ"),
        ({"a": A}, {"a": A, "b": B}, {"kinds": {"bb": "discrete"}}, "did you mean 'b'"),
        ({"a": A}, {"a": A, "b": B}, {"regressor": "kernal"}, "did you mean 'kernel'"),
    ],
)
def test_block_leakage_refuses_in_one_sentence(codes, truth, options, sentence):
    with pytest.raises(InputError, match=sentence):
        block_leakage(codes, truth, **options)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.1, 10), min_size=2, max_size=2), st.floats(-100, 100))
def test_invertible_affine_maps_on_either_side_change_nothing(seed, scales, shift):
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(2, 2)))[0]
    codes = np.column_stack([A[:, 0] + 0.5 * NOISE[:, 0], B[:, 0]])
    for metric in (subspace_r2, subspace_leakage):
        base = metric(codes, A, nulls=0).value
        assert metric((codes * scales) @ turn + shift, A, nulls=0).value == pytest.approx(base, abs=1e-6)
        assert metric(codes, (A * scales) @ turn + shift, nulls=0).value == pytest.approx(base, abs=1e-6)


def test_share_found_and_share_outside_on_exact_spans():
    assert subspace_r2(A[:, :1], A).value == pytest.approx(0.5, abs=1e-9)
    assert subspace_leakage(A[:, :1], A).value == pytest.approx(0, abs=1e-9)
    wide = np.concatenate([A, B], axis=1)
    assert subspace_r2(wide, A).value == pytest.approx(1, abs=1e-9)
    assert subspace_leakage(wide, A).value == pytest.approx(0.5, abs=0.01)
    assert list(subspace_r2(wide, A).parts) == ["direction 0", "direction 1"]


def test_repeated_and_constant_codes_add_no_dimension():
    codes = np.column_stack([A, A[:, 0] - A[:, 1], np.full(600, 0.1)])
    assert subspace_leakage(codes, A).value == pytest.approx(0, abs=1e-9)
    assert subspace_r2(codes, A).value == pytest.approx(1, abs=1e-9)
    assert subspace_r2(np.full((600, 2), 0.1), A).value == 0


def test_noise_of_known_size_gives_the_squared_correlation():
    found = subspace_r2(A + NOISE[:, :2], A)
    assert found.value == pytest.approx(0.5, abs=0.07)
    assert subspace_r2(NOISE, A).value < 0.02
    assert found.value > found.nulls["permuted rows"].high


def test_more_codes_than_rows_is_held_out_and_stays_at_chance():
    codes = np.random.default_rng(1).normal(size=(40, 100))
    score = subspace_r2(codes, A[:40], nulls=20)
    assert score.value < 0.3
    assert score.nulls["permuted rows"].mean == pytest.approx(1 / 20, abs=0.05)


def test_an_angle_spans_a_plane_and_a_category_its_indicators():
    angle, category = rng.uniform(-3, 3, size=600), rng.integers(0, 3, size=600)
    codes = np.column_stack([np.cos(angle + 1), np.sin(angle + 1), category == 0, category == 1])
    truth = np.column_stack([angle, category])
    score = subspace_r2(codes, truth, kinds=["circular", "discrete"])
    assert len(score.parts) == 4
    assert score.value == pytest.approx(1, abs=1e-9)


def test_constant_codes_span_nothing_that_could_leak():
    with pytest.raises(InputError, match="span nothing"):
        subspace_leakage(np.ones((600, 2)), A)
