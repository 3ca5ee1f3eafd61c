"""Mutual information, MIG, modularity, explicitness and SAP."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import mutual_info_score, roc_auc_score

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.explicitness import _area, explicitness
from identikit.metrics.mig import mig
from identikit.metrics.modularity import modularity
from identikit.metrics.mutual_information import floor, information, mutual_information, neighbour_information
from identikit.metrics.sap import sap


def grid(rows=3000, seed=0):
    """The known-answer generator: four independent factors of six values, and the six codes of the table."""
    rng = np.random.default_rng(seed)
    s = rng.integers(0, 6, (rows, 4)).astype(float)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    return s, {
        "perfect": s,
        "duplicated": np.hstack([s, s]),
        "tiny noise": np.hstack([s, 1e-3 * rng.normal(size=(rows, 8))]),
        "unit noise": np.hstack([s, rng.normal(size=(rows, 8))]),
        "rotation": s @ rotation,
        "noise": rng.normal(size=(rows, 8)),
    }


S, CODES = grid()
RNG = np.random.default_rng(5)
SMALL = RNG.normal(size=(300, 3))
MIXED = SMALL @ RNG.normal(size=(3, 4)) + 0.3 * RNG.normal(size=(300, 4))


# Mutual information -------------------------------------------------------------------------------------------------


def by_pairs(codes, labels, bins):
    """The pairwise loop with histogram bins, as the field's first implementation has it."""
    cut = [np.digitize(code, np.histogram(code, bins)[1][:-1]) for code in codes.T]
    return np.array([[mutual_info_score(label, code) for code in cut] for label in labels.T])


@pytest.mark.parametrize("name", CODES)
def test_the_matrix_equals_the_pairwise_loop(name):
    found = mutual_information(CODES[name], S, binning="width", kinds="discrete")
    assert found == pytest.approx(by_pairs(CODES[name], S, 20), abs=1e-12)


def test_factors_of_any_category_numbers_are_counted_by_category():
    odd = S * 7 - 20
    assert (odd == -1).sum() == 0
    assert np.array_equal(mutual_information(S, odd, kinds="discrete"), mutual_information(S, S, kinds="discrete"))


def test_continuous_codes_and_categories_by_neighbours_equal_scikit_learn():
    labels = np.stack([S[:400, 0], (SMALL[:, 0] > 1).repeat(2)[:400]], axis=1).astype(int)
    labels[:3, 0] = [6, 7, 7]  # a category of one row, and one of fewer rows than neighbours
    codes = np.hstack([S[:400, :1] + RNG.normal(size=(400, 1)), RNG.standard_t(2, size=(400, 2))])
    theirs = [
        mutual_info_classif(codes, label, discrete_features=False, n_neighbors=10, random_state=0) for label in labels.T
    ]
    # scikit-learn adds noise of 1e-10 to the codes, which now and then decides who is the tenth neighbour.
    assert np.maximum(neighbour_information(labels, codes), 0) == pytest.approx(np.array(theirs), abs=1e-4)


def test_heavy_tails_collapse_bins_of_equal_width_and_not_those_of_equal_counts():
    s = RNG.normal(size=(2000, 1))
    heavy = np.exp(4 * s)
    assert mutual_information(heavy, s)[0, 0] == mutual_information(s, s)[0, 0] == pytest.approx(np.log(20))
    assert mutual_information(heavy, s, binning="width")[0, 0] < 0.2


def test_circular_factors_have_equal_arcs_and_no_seam():
    angle = RNG.uniform(-np.pi, np.pi, size=(2000, 1))
    arcs = mutual_information(np.mod(angle, 2 * np.pi), angle, bins=8, binning="width", kinds="circular")
    assert arcs[0, 0] == pytest.approx(np.log(8), abs=0.02)
    turned = mutual_information(SMALL[:, :1], SMALL[:, 1:2] + 2 * np.pi, kinds="circular")
    assert turned == pytest.approx(mutual_information(SMALL[:, :1], SMALL[:, 1:2], kinds="circular"))


def test_ties_share_a_bin():
    code = (
        np.repeat([0.0, 1.0, 2.0], [900, 50, 50])[:, None] + np.arange(1000)[:, None] * (np.arange(1000) > 899)[:, None]
    )
    spread = mutual_information(code, (code > 0).astype(float), bins=5, kinds="discrete")
    assert spread[0, 0] == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)))


def test_the_floor_lies_above_permuted_pairs_and_below_real_ones():
    labels, coded = S[:300].astype(int), S[:300].astype(int)
    level = floor(lambda permuted: information(permuted, coded), labels, np.random.default_rng(0))
    real = information(labels, coded)
    assert level.shape == (4, 1)
    assert (real.diagonal() > 4 * level[:, 0]).all()
    rng = np.random.default_rng(1)
    passed = sum((information(rng.permutation(labels), coded) > level).any() for _ in range(300))
    assert passed <= 3


# Known answers ------------------------------------------------------------------------------------------------------

# Name: MIG, SAP, modularity without and with the floor. Rotation and noise are ranges over draws (20 for these).
KNOWN = {
    "perfect": ((0.99, 1.0), (0.29, 0.35), (0.99, 1.0), (1.0, 1.0)),
    "duplicated": ((0.0, 0.0), (0.0, 0.0), (0.99, 1.0), (1.0, 1.0)),
    "tiny noise": ((0.98, 1.0), (0.29, 0.35), (0.45, 0.68), (1.0, 1.0)),
    "unit noise": ((0.98, 1.0), (0.29, 0.35), (0.45, 0.68), (1.0, 1.0)),
    "rotation": ((0.04, 0.50), (0.01, 0.30), (0.65, 1.0), (0.65, 1.0)),
    "noise": ((0.0, 0.01), (0.0, 0.03), (0.2, 0.55), (0.0, 0.0)),
}


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("binning", ["quantile", "width"])
def test_known_answers_of_mig_and_modularity(name, binning):
    gap, _, plain, floored = KNOWN[name]
    given = {"kinds": "discrete", "binning": binning, "nulls": 0}
    assert gap[0] <= mig(CODES[name], S, **given).value <= gap[1]
    assert plain[0] <= modularity(CODES[name], S, use_floor=False, **given).value <= plain[1]
    low, high = floored
    assert low - 1e-4 <= modularity(CODES[name], S, **given).value <= high


@pytest.mark.parametrize("name", CODES)
def test_known_answers_of_sap(name):
    low, high = KNOWN[name][1]
    assert low <= sap(CODES[name], S, kinds="discrete", nulls=0).value <= high


def test_a_perfect_code_of_six_values_is_a_trap_for_sap_that_continuous_avoids():
    assert sap(S, S, kinds="discrete", nulls=0).value == pytest.approx(1 / 3, abs=0.03)
    assert sap(S, S, kinds="discrete", standard=True, nulls=0).value == pytest.approx(1 / 6, abs=0.03)
    assert sap(S, S, nulls=0).value > 0.99


def test_explicitness_of_the_known_codes():
    for name, value in {"perfect": 1.0, "duplicated": 1.0, "rotation": 1.0, "noise": 0.5}.items():
        assert explicitness(CODES[name], S, kinds="discrete", nulls=0).value == pytest.approx(value, abs=0.03)
    alone = explicitness(S, S, kinds="discrete", classifier="one-vs-rest", nulls=0).value
    assert alone == pytest.approx(0.8, abs=0.03)


def test_a_rotation_scores_below_the_identity():
    for metric in (mig, modularity):
        identity, rotated = (
            metric(CODES[name], S, kinds="discrete", nulls=0).value for name in ("perfect", "rotation")
        )
        assert rotated < identity - 0.02
    assert sap(CODES["rotation"], S, nulls=0).value < sap(S, S, nulls=0).value - 0.2


# Properties ---------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    st.permutations(range(4)),
    st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4),
    st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4),
)
def test_order_sign_and_scale_of_codes_change_nothing(order, signs, scales):
    changed = (MIXED * signs * scales)[:, order]
    for metric in (mig, sap):
        assert metric(changed, SMALL, nulls=0).value == pytest.approx(metric(MIXED, SMALL, nulls=0).value, abs=1e-9)
    plain = {"use_floor": False, "nulls": 0}
    assert modularity(changed, SMALL, **plain).value == pytest.approx(modularity(MIXED, SMALL, **plain).value)


def test_sap_of_categories_is_blind_to_scale_and_place_where_codes_are_standardised():
    moved = S[:600] * [1e-4, 1.0, 50.0, -3.0] + [0.0, 100.0, 3.0, 0.0]
    given = {"kinds": "discrete", "standard": True, "nulls": 0}
    assert sap(moved, S[:600], **given).value == pytest.approx(sap(S[:600], S[:600], **given).value, abs=0.01)


@pytest.mark.parametrize("metric", [mig, modularity, explicitness, sap])
def test_a_constant_code_changes_nothing(metric):
    more = np.hstack([MIXED, np.full((300, 1), 3.7)])
    assert metric(more, SMALL, nulls=0).value == pytest.approx(metric(MIXED, SMALL, nulls=0).value, abs=1e-9)


@pytest.mark.parametrize("metric", [mig, modularity, sap])
def test_constant_codes_alone_score_nothing(metric):
    score = metric(np.ones((300, 2)), SMALL, nulls=2)
    assert score.value == 0.0
    assert explicitness(np.ones((300, 2)), SMALL, nulls=0).value == pytest.approx(0.5)


def test_codes_without_information_count_nothing_in_the_published_modularity():
    codes = np.hstack([SMALL, np.ones((300, 1))])
    with_it, without = (modularity(z, SMALL, use_floor=False, nulls=0) for z in (codes, SMALL))
    assert with_it.value == pytest.approx(0.75 * without.value)
    assert with_it.parts["code 3"] == 0.0


@pytest.mark.parametrize("metric", [mig, modularity, explicitness, sap])
def test_more_codes_than_rows_one_code_and_tensors_work(metric):
    wide = np.random.default_rng(0).normal(size=(40, 60))
    few = (np.random.default_rng(1).normal(size=(40, 2)) > 0).astype(float)
    score = metric(wide, few, kinds="discrete", nulls=1)
    assert 0 <= score.value <= 1
    assert score.settings["codes"] == 60
    single = metric(torch.tensor(few[:, :1]), torch.tensor(few), kinds="discrete", nulls=1)
    assert 0 < single.value <= 1
    assert single == metric(few[:, :1], few, kinds="discrete", nulls=1)


def test_a_single_code_is_compared_with_nothing():
    assert mig(S[:, :1], S[:, :1], kinds="discrete", nulls=0).value == pytest.approx(1)
    assert sap(S[:, :1], S[:, :1], nulls=0).value == pytest.approx(1)


@pytest.mark.parametrize("metric", [mig, modularity, explicitness, sap])
def test_nulls_are_those_of_unrelated_codes(metric):
    score = metric(CODES["perfect"], S, kinds="discrete", nulls=2)
    permuted = next(iter(score.nulls))
    assert permuted == "permuted rows"
    assert score.nulls[permuted].high < (0.55 if metric is explicitness else 0.05)
    if metric is not explicitness:
        assert score.nulls[permuted].high < score.nulls["random rotation"].mean < score.value
    assert score == metric(CODES["perfect"], S, kinds="discrete", nulls=2)
    assert score.parse(score.json()) == score


def test_a_truth_states_its_kinds():
    angle = RNG.uniform(0, 2 * np.pi, 600)
    category = RNG.integers(0, 3, 600)
    latents = np.stack([RNG.normal(size=600), category, angle], axis=1)
    truth = Truth(latents, ("size", "shape", "turn"), ("continuous", "discrete", "circular"))
    codes = np.stack([latents[:, 0], category, np.cos(angle), np.sin(angle)], axis=1)
    assert mig(codes, truth, nulls=0).parts["shape"] > 0.9
    assert explicitness(codes, truth, nulls=0).value > 0.9
    assert modularity(codes, truth, nulls=0).value > 0.95
    with pytest.raises(InputError, match="sap takes continuous or discrete factors, and 'turn' is circular"):
        sap(codes, truth)


def test_the_area_equals_scikit_learn():
    score, hit = np.round(RNG.normal(size=200), 1), RNG.random(200) < 0.3
    assert _area(score, hit) == pytest.approx(roc_auc_score(hit, score))


# Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: mutual_information(S, S, bins=1), "at least 2 bins, and bins is 1"),
        (lambda: mutual_information(S, S, binning="quantiles"), "unknown binning 'quantiles': did you mean 'quantile'"),
        (lambda: mig(S, S[:-1]), "lengths differ"),
        (lambda: modularity(S, S[:, :1]), "modularity compares the factors .* needs at least two, and has one"),
        (lambda: explicitness(S, S, classifier="ovr"), "unknown classifier 'ovr'"),
        (lambda: explicitness(SMALL[:10], SMALL[:10], bins=10), "category or bin of one row"),
        (lambda: sap(SMALL, np.arange(300), kinds="discrete"), "'factor 0' has a category or bin of one row"),
        (lambda: mig(np.full((20, 2), np.nan), SMALL[:20]), "NaN or infinite"),
        (lambda: mig(SMALL, np.ones((300, 1))), "is constant"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()
