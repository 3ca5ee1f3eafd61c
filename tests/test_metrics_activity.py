from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from identikit.errors import InputError
from identikit.metrics.activity import active_units, activity


def spread(mean: float, variance: float, rows: int = 100) -> np.ndarray:
    return np.where(np.arange(rows) % 2, mean + variance**0.5, mean - variance**0.5)


@pytest.mark.parametrize(
    ("mean", "variance", "label"),
    [
        (1.0, 0.0, "passive"),
        (0.95, 0.09, "passive"),
        (1.0, 0.11, "mixed"),
        (0.88, 0.0, "mixed"),
        (1.12, 0.0, "mixed"),
        (0.0, 0.0, "active"),
        (0.09, 0.001, "active"),
        (0.11, 0.0, "mixed"),
        (0.5, 0.2, "mixed"),
    ],
)
def test_labels_follow_the_mean_and_the_spread_of_the_posterior_variance(mean, variance, label):
    score = activity(spread(mean, variance))
    assert score.settings["labels"] == [label]
    assert score.value == (label == "active")
    assert score.parts["code 0"] == pytest.approx(mean)


def test_a_code_that_is_active_for_one_class_alone_is_mixed():
    half = np.repeat([0.01, 1.0], 50)
    score = activity(torch.tensor(np.stack([np.full(100, 0.02), half, np.ones(100)], axis=1)))
    assert score.settings["labels"] == ["active", "mixed", "passive"]
    assert "1 active, 1 mixed, 1 passive" in repr(score)
    assert score.nulls == {}


def test_labels_pick_the_codes_to_keep():
    labels = activity(np.tile([0.01, 1.0, 0.05], (20, 1))).settings["labels"]
    assert np.flatnonzero(np.array(labels) != "passive").tolist() == [0, 2]


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_the_order_of_rows_changes_nothing_and_that_of_codes_moves_the_labels(seed, codes):
    rng = np.random.default_rng(seed)
    variances = rng.uniform(0, 1.5, (30, codes)) ** rng.uniform(0, 4, codes)
    rows, order = rng.permutation(30), rng.permutation(codes)
    first, second = activity(variances), activity(variances[rows][:, order])
    assert second.settings["labels"] == [first.settings["labels"][i] for i in order]
    assert first.value == second.value


def test_active_units_count_means_that_vary():
    s = np.random.default_rng(0).normal(size=(1000, 3))
    score = active_units(s * [1.0, 0.2, 0.05])
    assert score.settings["labels"] == ["active", "active", "passive"]
    assert score.value == 2
    assert score.parts["code 1"] == pytest.approx(0.04, rel=0.1)
    assert active_units(s * [1.0, 0.2, 0.05], threshold=0.5).value == 1
    assert active_units(np.ones((20, 2))).value == 0
    # A shift of a code is no activity.
    assert active_units(0.05 * s + 100).value == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: activity(-np.ones((20, 1))), "log-variances"),
        (lambda: activity(np.full((20, 1), np.nan)), "NaN"),
        (lambda: activity(np.ones((5, 1))), "at least 10"),
        (lambda: active_units(np.full((20, 1), np.inf)), "infinite"),
        (lambda: active_units(np.ones((20, 1)), threshold=-1), "threshold"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()
