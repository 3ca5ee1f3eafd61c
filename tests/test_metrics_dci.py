from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.dci import DCI, dci
from identikit.metrics.importances import REGRESSORS, boosted_trees
from identikit.metrics.inputs import halves


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    """Four independent factors of six equally likely values, and a generator for what is made from them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 6, size=(rows, 4)).astype(float), rng


def values(found: DCI) -> list[float]:
    return [score.value for score in found.scores]


S, RNG = world(3000)
NOISE = RNG.normal(size=(3000, 8))
SMALL, SMALL_RNG = world(200, 1)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (S, [1.00, 1.00, 1.00]),
        (np.hstack([S, S]), [1.00, 0.67, 1.00]),
        (np.hstack([S, 1e-3 * NOISE]), [1.00, 1.00, 1.00]),
        (np.hstack([S, NOISE]), [1.00, 1.00, 1.00]),
        (NOISE, [0.00, 0.00, 1 / 6]),
    ],
    ids=["perfect", "duplicated", "tiny noise", "unit noise", "noise"],
)
def test_known_answers_at_3000_rows(code, expected):
    """The table of known answers, to two decimals; accuracy on noise is a draw of chance, 1/6."""
    found = values(dci(code, S, kinds="discrete", nulls=0))
    assert found[:2] == pytest.approx(expected[:2], abs=0.01)
    assert found[2] == pytest.approx(expected[2], abs=0.03)


def test_a_rotation_scores_low_though_it_holds_everything():
    """One draw of the table is .26 and .26; over twelve rotations D and C range from .10 to .53, I from .89 to .99."""
    for seed in range(2):
        s, rng = world(3000, seed)
        rotated = (s - 2.5) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
        disentangled, complete, informed = values(dci(rotated, s, kinds="discrete", nulls=0))
        assert 0.05 < disentangled < 0.6
        assert complete == pytest.approx(disentangled, abs=0.02)
        assert informed > 0.85


def test_agrees_with_gradient_boosting_of_scikit_learn():
    """D, C and I within 0.02, of discrete factors with two and five classes and of a continuous one."""
    rng = np.random.default_rng(0)
    s = np.stack([rng.integers(0, 2, 400), rng.integers(0, 5, 400), 4 * rng.normal(size=400)], axis=1).astype(float)
    z = np.tanh((s - s.mean(0)) / s.std(0) @ rng.normal(size=(3, 5))) + 0.1 * rng.normal(size=(400, 5))
    kinds = ("discrete", "discrete", "continuous")
    found = dci(z, s, kinds=kinds, nulls=0)
    fit, held = halves(400, [0, 0])
    importances, informed = np.zeros((5, 3)), []
    for i, kind in enumerate(kinds):
        model = (GradientBoostingClassifier if kind == "discrete" else GradientBoostingRegressor)(random_state=0)
        informed.append(model.fit(z[fit], s[fit, i]).score(z[held], s[held, i]))
        importances[:, i] = model.feature_importances_
    weights = importances.sum(1) / importances.sum()
    expected = [weights @ (1 - entropy(importances.T, base=3)), np.mean(1 - entropy(importances, base=5))]
    assert values(found) == pytest.approx([*expected, np.mean(informed)], abs=0.02)
    # Codes that serve a factor alike may swap a few splits: with 200 fitted rows, single entries move by up to 0.08.
    assert found.importances == pytest.approx(importances, abs=0.12)


def test_definition_on_importances_that_are_known(monkeypatch):
    """P by hand: code 0 serves both factors equally, code 1 only the second, code 2 none."""
    given_ = {0: np.array([4.0, 0.0, 0.0]), 1: np.array([2.0, 2.0, 0.0])}
    calls = iter([0, 1])
    monkeypatch.setitem(REGRESSORS, "forest", lambda x, y, t, classes, seed: (given_[next(calls)], t[:, :1]))
    found = dci(SMALL[:, :3], SMALL[:, :2], "forest", nulls=0)
    assert found.importances == pytest.approx(np.array([[1, 0.5], [0, 0.5], [0, 0]]))
    first = 1 - entropy([2 / 3, 1 / 3], base=2)
    assert list(found.disentanglement.parts.values()) == pytest.approx([first, 1, 0])
    assert found.disentanglement.value == pytest.approx(0.75 * first + 0.25)
    assert list(found.completeness.parts.values()) == pytest.approx([1, 1 - np.log(2) / np.log(3)])
    assert found.completeness.value == pytest.approx(1 - 0.5 * np.log(2) / np.log(3))


@pytest.mark.parametrize("regressor", list(REGRESSORS))
def test_names_settings_and_nulls(regressor):
    code = SMALL[:, :2] + 0.1 * SMALL_RNG.normal(size=(200, 2))
    found = dci(code, SMALL[:, :2], regressor, nulls=1)
    names = [f"dci {word} ({regressor})" for word in ("disentanglement", "completeness", "informativeness")]
    assert [score.name for score in found.scores] == names
    assert all(next(iter(score.nulls)) == "permuted rows" for score in found.scores)
    assert found.disentanglement.value > 0.9
    # A lasso that fits noise by few coefficients looks disentangled.
    assert regressor == "lasso" or found.disentanglement.nulls["permuted rows"].high < 0.3
    assert found.informativeness.nulls["permuted rows"].high < 0.2 < 0.8 < found.informativeness.value
    assert found.informativeness.nulls["random rotation"].high > 0.5
    assert found.informativeness.nulls["chance"].mean == 0
    assert found.informativeness.settings["measure"] == "R2"
    again = dci(torch.tensor(code), torch.tensor(SMALL[:, :2]), regressor, nulls=1)
    assert again.scores == found.scores


@pytest.mark.parametrize("regressor", list(REGRESSORS))
def test_dead_codes_matter_to_nothing_and_permutation_changes_no_score(regressor):
    code = np.hstack([SMALL[:, :2] + 0.3 * SMALL_RNG.normal(size=(200, 2)), np.full((200, 1), 0.1)])
    found = dci(code, SMALL[:, :2], regressor, nulls=0)
    assert found.importances[2].tolist() == [0, 0]
    assert found.disentanglement.parts["code 2"] == 0
    moved = dci(-code[:, [2, 1, 0]], SMALL[:, :2], regressor, nulls=0)
    assert values(moved) == pytest.approx(values(found), abs=0.05 if regressor == "forest" else 0.02)


def test_all_codes_constant_scores_nothing():
    found = dci(np.ones((200, 3)), SMALL, kinds="discrete", nulls=1)
    assert values(found)[:2] == [0, 0]
    assert found.informativeness.value == pytest.approx(found.informativeness.nulls["chance"].mean)


def test_copies_share_importance_whatever_their_scale_and_direction():
    found = dci(np.hstack([SMALL, -np.exp(SMALL)]), SMALL, kinds="discrete", nulls=0)
    assert found.importances[:4] == pytest.approx(found.importances[4:])
    # The exponential keeps the order of the rows, so that each factor has two codes among eight.
    assert values(found) == pytest.approx([1, 1 - np.log(2) / np.log(8), 1], abs=0.02)


def test_each_kind_is_treated_by_its_kind():
    """An angle is found from its cosine and sine, whose importances add up, and a category needs no order."""
    angle, number = SMALL_RNG.uniform(0, 2 * np.pi, 400), SMALL_RNG.normal(size=400)
    category = SMALL_RNG.integers(0, 5, 400)
    shuffled = np.array([3, 0, 4, 1, 2])[category]
    latents = np.stack([angle, number, category], axis=1)
    truth = Truth(latents, ("angle", "number", "category"), ("circular", "continuous", "discrete"))
    code = np.stack([np.cos(angle), np.sin(angle), number, shuffled], axis=1)
    found = dci(code, truth, nulls=0)
    assert found.disentanglement.value > 0.95
    assert found.completeness.parts["angle"] == pytest.approx(0.5, abs=0.02)
    assert found.importances[:2, 0] == pytest.approx([0.5, 0.5], abs=0.05)
    assert found.informativeness.value > 0.95
    assert found.informativeness.settings["measure"] == "accuracy and R2"
    assert found.informativeness.nulls["chance"].mean == pytest.approx(0.2 / 3, abs=0.03)


def test_fewer_rows_than_codes_and_classes_seen_in_one_half_only():
    few, rng = world(12, 3)
    wide = dci(rng.normal(size=(12, 30)), few, kinds="discrete", nulls=1)
    assert all(0 <= value <= 1 for value in values(wide))
    alone = np.arange(20.0)[:, None] + [0, 1]
    assert dci(alone, alone, kinds="discrete", nulls=0).informativeness.value == 0


@given(seed=st.integers(0, 10_000), rows=st.integers(10, 60), codes=st.integers(2, 5), classes=st.integers(2, 9))
@settings(max_examples=8, deadline=None)
def test_scores_stay_in_range_and_repeat(seed, rows, codes, classes):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, size=(rows, 2))
    # Each factor must vary in both halves.
    for half in halves(rows, [0, 0]):
        truth[half[:2]] = [[0, 0], [1, 1]]
    code = rng.normal(size=(rows, codes)).round(1) * 10.0 ** rng.integers(-8, 8, codes)
    found = dci(code, truth, kinds="discrete", nulls=0)
    assert all(0 <= value <= 1 for value in values(found))
    assert set(found.importances.sum(0).round(9)) <= {0, 1}
    assert found.scores == dci(code, truth, kinds="discrete", nulls=0).scores


def test_boosting_prints_nothing(capfd):
    boosted_trees(SMALL, SMALL[:, 0].astype(int), SMALL, 6, 0)
    assert capfd.readouterr() == ("", "")


def test_bad_input_is_refused_in_one_sentence(monkeypatch):
    with pytest.raises(InputError, match="unknown regressor 'boosted tree': did you mean 'boosted trees'"):
        dci(SMALL, SMALL, "boosted tree")
    with pytest.raises(InputError, match="at least two codes, and there is one"):
        dci(SMALL[:, 0], SMALL)
    with pytest.raises(InputError, match="at least two factors, and there is one"):
        dci(SMALL, SMALL[:, 0])
    with pytest.raises(InputError, match="200 rows and the truth has 100"):
        dci(SMALL, SMALL[:100])
    rare = SMALL[:, :2].copy()
    rare[:, 1] = np.arange(200) == 7
    with pytest.raises(InputError, match=r"'factor 1' hardly varies: it is constant in the (fitted|scored) half"):
        dci(SMALL, rare, kinds="discrete")
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(InputError, match=r"pip install 'identikit\[trees\]', or regressor='forest'"):
        dci(SMALL, SMALL)
