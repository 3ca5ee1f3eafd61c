from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics import counterfactual as module
from identikit.metrics.counterfactual import counterfactual_error


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


X = normal(60, 3, 4)
Y = X + normal(60, 3, 4, seed=1)


def test_perfect_no_change_half_way_and_overshoot():
    assert counterfactual_error(Y, Y, X).value == 0
    assert counterfactual_error(X, Y, X).value == 1
    assert counterfactual_error((X + Y) / 2, Y, X).value == pytest.approx(1 / 4)
    assert counterfactual_error(2 * X - Y, Y, X).value == pytest.approx(4)
    assert counterfactual_error(X, Y, X).nulls["no change"].mean == 1


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-10, 10))
def test_scale_shift_and_shape_change_nothing(seed, scale, shift):
    guess = Y + normal(60, 3, 4, seed=seed)
    value = counterfactual_error(guess, Y, X, nulls=0).value
    moved = (scale * array + shift for array in (guess, Y, X))
    assert counterfactual_error(*moved, nulls=0).value == pytest.approx(value, rel=1e-6)
    flat = (array.reshape(60, -1) for array in (guess, Y, X))
    assert counterfactual_error(*flat, nulls=0).value == pytest.approx(value)
    assert value == pytest.approx(((guess - Y) ** 2).sum() / ((X - Y) ** 2).sum())


def test_parts_are_the_ratio_for_each_intervened_factor():
    factor = np.array(["size", "hue", "hue"] * 20)
    guess = np.where((factor == "hue")[:, None, None], Y, X)
    score = counterfactual_error(guess, Y, X, factor)
    assert score.parts == pytest.approx({"hue": 0, "size": 1})
    moved = ((X - Y) ** 2).sum((1, 2))
    assert score.value == pytest.approx(moved[factor == "size"].sum() / moved.sum())
    assert score.settings["mean_squared"]["no change"] == pytest.approx(((X - Y) ** 2).mean())
    assert score.settings["mean_squared"]["predicted"] == pytest.approx(((guess - Y) ** 2).mean())


def test_predictions_of_other_rows_are_far_off_where_rows_differ():
    score = counterfactual_error(Y, Y, X, nulls=10)
    spread = ((Y[:, None] - Y[None]) ** 2).sum() / 60**2
    change = ((X - Y) ** 2).sum() / 60
    assert score.nulls["permuted rows"].mean == pytest.approx(spread / change, rel=0.1)
    assert next(iter(score.nulls)) == "permuted rows"
    # A prediction that forgets the row is inside the null, although the change itself is right.
    forgetful = np.broadcast_to(Y.mean(0), Y.shape)
    alike = counterfactual_error(forgetful, Y, X, nulls=10)
    assert alike.nulls["permuted rows"].mean == pytest.approx(alike.value)


def test_repeats_and_takes_tensors_and_bytes_without_wrapping_round():
    assert counterfactual_error(X, Y, X) == counterfactual_error(X, Y, X)
    tensors = (torch.tensor(array) for array in (X, Y, X))
    assert counterfactual_error(*tensors) == counterfactual_error(X, Y, X)
    dark, bright = np.full((20, 1, 2, 2), 10, np.uint8), np.full((20, 1, 2, 2), 250, np.uint8)
    score = counterfactual_error(np.full_like(dark, 130), bright, dark)
    assert score.value == pytest.approx(0.25)
    assert counterfactual_error(torch.tensor(bright).bfloat16(), torch.tensor(bright), torch.tensor(dark)).value == 0


def test_blocks_of_rows_give_the_same_value(monkeypatch):
    guess = Y + normal(60, 3, 4, seed=9)
    whole = counterfactual_error(guess, Y, X)
    monkeypatch.setattr(module, "NUMBERS", 100)
    assert counterfactual_error(guess, Y, X).json() == whole.json()


def test_rows_that_an_intervention_leaves_alone_are_counted_and_harmless():
    actual = Y.copy()
    actual[:30] = X[:30]
    score = counterfactual_error(X, actual, X)
    assert score.value == 1
    assert score.settings["unchanged_rows"] == 30


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((Y[:30], Y, X), "lengths differ"),
        ((Y[:, :2], Y, X), "shapes differ: the predicted rows"),
        ((Y, Y, X[:, :, :3]), "shapes differ: the factual rows"),
        ((np.where(Y > 2, np.nan, Y), Y, X), "of the predicted holds a NaN"),
        ((Y, Y, Y), "the intervention changes nothing"),
        ((Y[:5], Y[:5], X[:5]), "at least 10 rows"),
        ((Y, Y, X, np.zeros(3)), "lengths differ"),
        ((Truth(X[:, 0], tuple("abcd"), ("continuous",) * 4), Y, X), "is a Truth"),
        ((Y[:, :0], Y[:, :0], X[:, :0]), "holds no number"),
        ((["a"] * 20, Y, X), "array of numbers"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        counterfactual_error(*arguments)


def test_a_factor_that_changes_nothing_is_named():
    actual = Y.copy()
    actual[::2] = X[::2]
    with pytest.raises(InputError, match="on 'hue' changes nothing"):
        counterfactual_error(X, actual, X, ["hue", "size"] * 30)
