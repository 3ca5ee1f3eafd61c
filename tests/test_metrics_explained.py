from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.explained import explained_share
from identikit.metrics.mcc import mcc

rng = np.random.default_rng(0)
S = rng.normal(size=(800, 3))


def value(codes, truth, **options):
    return explained_share(codes, truth, nulls=0, **options).value


def test_the_truth_explains_itself_in_any_order_sign_and_bend():
    score = explained_share(np.column_stack([-np.exp(2 * S[:, 2]), S[:, 0] ** 3, S[:, 1]]), S)
    assert score.value > 0.995
    assert score.settings["matching"] == {"factor 0": 1, "factor 1": 2, "factor 2": 0}
    assert score.nulls["permuted rows"].high < 0.01


def test_a_map_that_is_not_monotone_is_explained_and_mcc_is_blind_to_it():
    truth = np.column_stack([S[:, 0] ** 2, np.sin(3 * S[:, 1])])
    assert value(S, truth) > 0.96
    assert mcc(S, truth, nulls=0).value < 0.15
    # The other way about, the square has lost the sign, and no map brings it back.
    assert value(S[:, :1] ** 2, S[:, :1]) < 0.02


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(3)), st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3))
def test_monotone_maps_and_order_of_codes_change_nothing(order, signs):
    codes = S + 0.5 * np.roll(S, 7, axis=0)
    bent = np.exp(2 * np.array(signs) * codes)[:, order]
    assert value(bent, S) == pytest.approx(value(codes, S), abs=0.005)


def test_a_rotation_holds_everything_and_no_code_explains_a_factor():
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    score = explained_share(S @ turn, S)
    together = [part for name, part in score.parts.items() if name.endswith("all codes")]
    assert min(together) > 0.99
    assert score.nulls["all codes"].mean == pytest.approx(np.mean(together))
    null = score.nulls["random rotation"]
    assert null.low - 0.1 < score.value < null.high + 0.1
    assert null.high < 0.95


def test_a_linear_relation_gives_the_squared_correlation():
    codes = S[:, :1] + rng.normal(size=(800, 1))
    assert value(codes, S[:, :1]) == pytest.approx(0.5, abs=0.05)


def test_surplus_codes_are_matched_on_one_half_and_do_not_lift_chance():
    draws = [value(np.random.default_rng(i).normal(size=(400, 64)), S[:400]) for i in range(5)]
    assert np.mean(draws) < 0.02
    assert value(np.column_stack([rng.normal(size=(800, 40)), S]), S) > 0.99


def test_missing_and_constant_codes_explain_nothing():
    score = explained_share(S[:, :1], S)
    assert score.parts["factor 0"] > 0.99
    assert score.parts["factor 1"] == score.parts["factor 2"] == 0
    assert abs(value(np.full((800, 2), 0.1), S)) < 0.01
    assert value(np.column_stack([np.ones(800), S]), S) > 0.99


def test_all_kinds_are_explained_by_their_own_code():
    angle, category = rng.uniform(0, 2 * np.pi, size=800), rng.integers(0, 5, size=800).astype(float)
    truth = Truth(np.column_stack([angle, category, S[:, 0]]), ("a", "c", "s"), ("circular", "discrete", "continuous"))
    codes = np.column_stack([S[:, 0], (3 * category) % 5, angle])
    score = explained_share(codes, truth)
    assert score.value > 0.98
    assert score.settings["matching"] == {"a": 2, "c": 1, "s": 0}
    assert score.nulls["random rotation"].high < 0.9


@pytest.mark.parametrize(
    ("codes", "low", "high"), [("perfect", 0.99, 1), ("duplicated", 0.99, 1), ("tiny", 0.99, 1), ("unit", 0.99, 1),
                               ("noise", -0.02, 0.01)]
)  # fmt: skip
def test_known_answers(codes, low, high):
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 6, size=(3000, 4)).astype(float)
    made = {
        "perfect": truth,
        "duplicated": np.concatenate([truth, truth], axis=1),
        "tiny": np.concatenate([truth, 1e-3 * draw.normal(size=(3000, 8))], axis=1),
        "unit": np.concatenate([truth, draw.normal(size=(3000, 8))], axis=1),
        "noise": draw.normal(size=(3000, 8)),
    }
    assert low <= value(made[codes], truth) <= high


def test_one_random_rotation_of_the_known_factors_lies_in_a_wide_range():
    """One draw decides much: over rotations of four factors the share runs from 0.4 to 0.95."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 6, size=(3000, 4)).astype(float)
    shares = [value(truth @ np.linalg.qr(draw.normal(size=(4, 4)))[0], truth) for _ in range(4)]
    assert 0.35 < min(shares) < max(shares) < 0.97


def test_it_repeats_and_few_rows_do_not_crash():
    assert explained_share(S[:50], S[:50]) == explained_share(S[:50], S[:50])
    assert np.isfinite(explained_share(rng.normal(size=(12, 30)), S[:12]).value)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="hardly varies"):
        explained_share(S, np.eye(800)[:, :1])
    with pytest.raises(InputError, match="lengths differ"):
        explained_share(S, S[:-1])
    with pytest.raises(InputError, match="fractions"):
        explained_share(S, S, kinds="discrete")
