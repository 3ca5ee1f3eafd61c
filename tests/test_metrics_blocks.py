from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics import block_r2, block_table, domain_probe, retrieval
from identikit.metrics.inputs import halves
from identikit.metrics.regressors import GRID_GAMMAS, GRID_RIDGES, standardise

rng = np.random.default_rng(0)
S = rng.normal(size=(800, 2))
Z = np.stack([np.sin(1.5 * S[:, 0]) + S[:, 1], S[:, 0] - 0.5 * S[:, 1] ** 3], axis=1) + 0.1 * rng.normal(size=(800, 2))
OTHER = rng.normal(size=(800, 2))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_kernel_r2_agrees_with_a_grid_search_over_exact_kernel_ridge(seed):
    """A bent linear mixing with noise, where a line reaches 0.91 and the exact search 0.95."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(size=(800, 2))
    code = np.tanh(truth @ [[1.0, 0.5], [-0.6, 1.0]]) + 0.05 * draw.normal(size=(800, 2))
    train, test = halves(800, [0, 0])
    scaler = StandardScaler().fit(code[train])
    grid = {"alpha": [1e-4, 1e-3, 1e-2, 1e-1, 1.0], "gamma": [0.03, 0.1, 0.3, 1.0, 3.0]}
    ridge = GridSearchCV(KernelRidge(kernel="rbf"), grid, cv=3).fit(scaler.transform(code[train]), truth[train])
    exact = r2_score(truth[test], ridge.predict(scaler.transform(code[test])))
    assert block_r2(code, truth).value == pytest.approx(exact, abs=0.01)
    assert exact > 0.93 > block_r2(code, truth, "linear").value


def test_linear_r2_agrees_with_least_squares():
    train, test = halves(800, [0, 0])
    predicted = LinearRegression().fit(Z[train], S[train]).predict(Z[test])
    score = block_r2(Z, S, "linear")
    assert score.value == pytest.approx(r2_score(S[test], predicted))
    assert list(score.parts.values()) == pytest.approx(r2_score(S[test], predicted, multioutput="raw_values"))


@pytest.mark.parametrize("regressor", ["kernel", "exact kernel", "linear", "mlp"])
def test_an_invertible_map_is_found_and_an_independent_block_is_not(regressor):
    found = block_r2(S @ [[1.0, 0.5], [-0.5, 1.0]], S, regressor)
    assert found.value > 0.97
    assert found.value > found.nulls["permuted rows"].high
    assert abs(block_r2(OTHER, S, regressor).value) < 0.06
    assert found == block_r2(S @ [[1.0, 0.5], [-0.5, 1.0]], S, regressor)


def test_exact_kernel_is_kernel_ridge_at_a_point_of_its_grid():
    train, test = halves(800, [0, 0])
    x, x_test = standardise(Z[train], Z[test])
    predicted = [
        KernelRidge(alpha=ridge, kernel="rbf", gamma=gamma).fit(x, S[train] - S[train].mean(0)).predict(x_test)
        for ridge in GRID_RIDGES
        for gamma in GRID_GAMMAS
    ]
    grid = [r2_score(S[test], p + S[train].mean(0), multioutput="raw_values") for p in predicted]
    found = list(block_r2(Z, S, "exact kernel", nulls=0).parts.values())
    assert min(np.abs(np.array(grid) - found).max(1)) < 1e-3


def test_kernel_sees_what_a_line_cannot():
    angle = rng.uniform(-3, 3, size=(600, 1))
    code = np.column_stack([np.cos(angle), np.sin(angle)])
    assert block_r2(code, angle).value > 0.98
    assert block_r2(code, angle, "linear").value < 0.75


def test_negative_values_are_reported():
    """Twelve rows and six unrelated codes: least squares fits noise, and the score says so."""
    assert block_r2(OTHER[:12].repeat(3, axis=1) + rng.normal(size=(12, 6)), S[:12], "linear").value < -0.5


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(1e-4, 1e4), min_size=2, max_size=2), st.booleans(), st.floats(-100, 100))
def test_scale_shift_and_order_of_codes_change_nothing(scales, flip, shift):
    base = block_r2(Z[:200], S[:200], nulls=0).value
    changed = (Z[:200] + shift) * scales
    assert block_r2(changed[:, ::-1] if flip else changed, S[:200], nulls=0).value == pytest.approx(base, abs=1e-4)


def test_table_holds_every_pair_and_each_equals_its_own_block_r2():
    table = block_table({"a": Z, "b": OTHER}, {"a": S, "b": OTHER})
    assert list(table) == [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    for (estimated, true), score in table.items():
        assert score.name == f"block_r2 {estimated}->{true}"
        alone = block_r2({"a": Z, "b": OTHER}[estimated], {"a": S, "b": OTHER}[true])
        assert score.value == pytest.approx(alone.value, abs=1e-9)
    assert table["a", "a"].value > 0.8
    assert table["b", "b"].value > 0.99
    assert abs(table["a", "b"].value) < 0.05
    assert abs(table["b", "a"].value) < 0.05


def test_constant_codes_predict_nothing():
    for regressor in ("kernel", "exact kernel", "linear"):
        assert block_r2(np.full((800, 2), 0.1), S, regressor).value == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("estimate", "truth", "options", "sentence"),
    [
        (Z, Truth(S, ("a", "b"), ("continuous", "discrete")), {}, "'b' is discrete, so it holds whole numbers"),
        (Z, S, {"kinds": ["circular"]}, "kinds names 1 kinds"),
        (Z, S[:-1], {}, "lengths differ"),
        (Z, np.eye(800)[:, :1], {}, "hardly varies"),
        (Z, S, {"regressor": "kernal"}, "did you mean 'kernel'"),
    ],
)
def test_block_r2_refuses_in_one_sentence(estimate, truth, options, sentence):
    with pytest.raises(InputError, match=sentence):
        block_r2(estimate, truth, **options)


def test_other_kinds_are_predicted_by_their_features():
    """An angle by the R2 pooled over cosine and sine, a category by 1 - Brier / Brier of the shares."""
    angle, colour = rng.uniform(0, 2 * np.pi, 800), rng.choice(4, 800, p=[0.1, 0.2, 0.3, 0.4])
    code = np.column_stack([np.cos(angle) + 0.5 * rng.normal(size=800), colour == 2])
    train, test = halves(800, [0, 0])
    expected = {}
    for name, features in (("angle", np.c_[np.cos(angle), np.sin(angle)]), ("colour", np.eye(4)[colour])):
        guess = LinearRegression().fit(code[train], features[train]).predict(code[test])
        shares = features[test].mean(0)
        brier = [((features[test] - p) ** 2).sum(1).mean() for p in (guess, shares)]
        expected[name] = 1 - brier[0] / brier[1]
    truth = Truth(
        np.column_stack([angle, colour, S[:, 0]]), ("angle", "colour", "s"), ("circular", "discrete", "continuous")
    )
    score = block_r2(code, truth, "linear")
    assert score.parts["angle"] == pytest.approx(expected["angle"])
    assert score.parts["colour"] == pytest.approx(expected["colour"])
    assert "circular and continuous and discrete" in repr(score)
    assert list(score.nulls) == ["permuted rows"]


def test_kinds_of_arrays_in_a_table_and_a_category_missing_from_a_half():
    angle, rare = rng.uniform(0, 2 * np.pi, 800), np.where(np.arange(800) == 3, 9, np.arange(800) % 3)
    codes = {"a": np.column_stack([np.cos(angle), np.sin(angle)]), "b": np.eye(10)[rare]}
    table = block_table(codes, {"a": angle, "b": rare}, nulls=2, kinds={"a": "circular", "b": "discrete"})
    assert table["a", "a"].value > 0.999
    assert table["b", "b"].value > 0.98
    assert abs(table["a", "b"].value) < 0.05
    assert table["b", "b"].value == pytest.approx(block_r2(codes["b"], rare, nulls=0, kinds="discrete").value, abs=1e-9)
    assert block_r2(codes["a"], angle, "mlp", nulls=0, kinds="circular").value > 0.98


def test_with_many_rows_more_landmarks_follow_a_fine_curve():
    x = np.random.default_rng(0).uniform(-1, 1, size=(3000, 2))
    assert block_r2(x, np.sin(9 * x), nulls=0).value > 0.99
    assert abs(block_r2(x, np.random.default_rng(1).normal(size=(3000, 1)), nulls=0).value) < 0.01


def test_table_needs_a_block():
    with pytest.raises(InputError, match="at least one block"):
        block_table({}, {"a": S})


@pytest.mark.parametrize("probe", ["linear", "nearest"])
def test_codes_without_the_domain_stay_at_chance_whatever_the_sizes_of_domains(probe):
    domain = np.repeat(["a", "b", "c"], [100, 200, 500])
    score = domain_probe(OTHER, domain, probe, nulls=50)
    assert score.nulls["permuted labels"].mean == pytest.approx(1 / 3, abs=0.03)
    assert score.nulls["chance"].mean == pytest.approx(1 / 3)
    assert score.value == pytest.approx(1 / 3, abs=0.07)
    assert set(score.parts) == {"a", "b", "c"}


def test_linear_probe_sees_shifts_and_the_nearest_probe_also_sees_spreads():
    domain = np.arange(800) % 2
    assert domain_probe(OTHER + 4.0 * domain[:, None], domain).value > 0.98
    spread = OTHER * np.where(domain, 6.0, 0.3)[:, None]
    assert domain_probe(spread, domain, "linear").value < 0.62
    assert domain_probe(spread, domain, "nearest").value > 0.9


def test_nearest_probe_is_the_k_nearest_vote_where_domains_are_of_one_size():
    domain = np.arange(800) % 2
    codes = OTHER + 0.5 * domain[:, None]
    train, test = halves(800, [0, 0], within=domain)
    scaler = StandardScaler().fit(codes[train])
    vote = KNeighborsClassifier(10).fit(scaler.transform(codes[train]), domain[train])
    expected = balanced_accuracy_score(domain[test], vote.predict(scaler.transform(codes[test])))
    assert domain_probe(codes, domain, "nearest", nulls=0).value == pytest.approx(expected)


def test_the_probe_repeats():
    domain = np.arange(800) % 4
    assert domain_probe(OTHER, domain) == domain_probe(OTHER, domain)


@pytest.mark.parametrize(
    ("domain", "sentence"),
    [
        (np.zeros(800, dtype=int), "1 different labels, and at least 2"),
        (np.eye(800)[0].astype(int), "domain '1' has one row"),
        (np.arange(800) % 3 - 1, "hidden in 267 rows"),
        (np.arange(799) % 3, "lengths differ"),
        (rng.normal(size=800), "fractions or NaN"),
        (np.zeros((800, 2)), "one label for each row"),
        (Truth(S, ("a", "b"), ("continuous",) * 2), "not a Truth"),
    ],
)
def test_domain_probe_refuses_in_one_sentence(domain, sentence):
    with pytest.raises(InputError, match=sentence):
        domain_probe(OTHER, domain)


CONCEPT, DOMAIN = np.tile(np.arange(20), 2), np.repeat(["noto", "fluent"], 20)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_retrieval_is_exact_on_a_toy(distance):
    """Five of 20 concepts swap codes pairwise or in a ring in one domain; each of those is then missed."""
    codes = np.random.default_rng(1).normal(size=(20, 6))
    moved = np.arange(20)
    moved[:5] = [1, 2, 3, 4, 0]
    score = retrieval(np.concatenate([codes, codes[moved]]), CONCEPT, DOMAIN, distance=distance)
    assert score.value == 0.75
    assert score.parts["noto->fluent"] == score.parts["fluent->noto"] == 0.75
    assert score.parts["recall@5"] >= 0.75
    assert score.nulls["chance"].mean == pytest.approx(1 / 20)
    assert score.nulls["permuted rows"].mean == pytest.approx(1 / 20, abs=0.03)


def test_retrieval_agrees_with_a_plain_loop():
    codes = np.random.default_rng(2).normal(size=(40, 3)) + np.random.default_rng(3).normal(size=(20, 3))[CONCEPT]
    hits: dict[int, list[float]] = {1: [], 5: []}
    for row in range(40):
        gallery = np.flatnonzero(DOMAIN[row] != DOMAIN)
        order = gallery[np.linalg.norm(codes[gallery] - codes[row], axis=1).argsort()]
        for k, found in hits.items():
            found.append(CONCEPT[row] in CONCEPT[order[:k]])
    score = retrieval(codes, CONCEPT, DOMAIN, distance="euclidean")
    assert score.value == pytest.approx(np.mean(hits[1]))
    assert score.parts["recall@5"] == pytest.approx(np.mean(hits[5]))


def test_a_collapsed_code_retrieves_nothing():
    assert retrieval(np.full((40, 3), 0.1), CONCEPT, DOMAIN).value == 0
    assert retrieval(np.zeros((40, 3)), CONCEPT, DOMAIN).value == 0


def test_several_rows_of_a_concept_in_the_gallery_all_count():
    codes = np.eye(5)[np.tile(np.arange(5), 6)]
    score = retrieval(codes, np.tile(np.arange(5), 6), np.repeat([0, 1], 15), k=(1, 2))
    assert score.value == 1
    assert score.nulls["chance"].mean == pytest.approx(3 / 15)
    wide = retrieval(codes, np.tile(np.arange(5), 6), np.repeat([0, 1], 15), k=(2,))
    assert wide.nulls["chance"].mean == pytest.approx(1 - 12 / 15 * 11 / 14)


def test_queries_are_looked_up_among_all_rows():
    codes = np.random.default_rng(1).normal(size=(20, 6))[CONCEPT]
    codes[:5] = codes[5:10]
    assert retrieval(codes, CONCEPT, DOMAIN, queries=np.arange(5)).value == 0
    mask = np.isin(np.arange(40), [30, 31])
    score = retrieval(codes, CONCEPT, DOMAIN, queries=mask)
    assert list(score.parts) == ["fluent->noto", "recall@5"]
    assert score.n == 2
    assert score.nulls["chance"].mean == pytest.approx(1 / 20)


def test_queries_without_a_counterpart_are_left_out_and_counted():
    codes = np.random.default_rng(1).normal(size=(20, 6))[CONCEPT]
    keep = np.arange(40) != 39
    score = retrieval(codes[keep], CONCEPT[keep], DOMAIN[keep])
    assert score.value == 1
    assert score.settings["left_out"] == 1


def test_large_galleries_are_done_in_parts(monkeypatch):
    codes = np.random.default_rng(1).normal(size=(40, 2)) + np.random.default_rng(3).normal(size=(20, 2))[CONCEPT]
    whole = retrieval(codes, CONCEPT, DOMAIN)
    monkeypatch.setattr(sys.modules[retrieval.__module__], "CELLS", 60)
    assert retrieval(codes, CONCEPT, DOMAIN) == whole


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"domain": np.zeros(40, dtype=int)}, "the domain holds 1 different"),
        ({"concept": np.arange(40)}, "concepts that domains share"),
        ({"k": (0,)}, "whole numbers from 1"),
        ({"k": ()}, "whole numbers from 1"),
        ({"queries": np.array([40])}, "row indices below 40"),
        ({"queries": np.ones(39, dtype=bool)}, "a mask of 40 rows"),
        ({"distance": "cosin"}, "did you mean 'cosine'"),
        ({"concept": Truth(S, ("a", "b"), ("continuous",) * 2)}, "not a Truth"),
    ],
)
def test_retrieval_refuses_in_one_sentence(options, sentence):
    arguments = {"codes": np.random.default_rng(0).normal(size=(40, 3)), "concept": CONCEPT, "domain": DOMAIN}
    with pytest.raises(InputError, match=sentence):
        retrieval(**{**arguments, **options})


def test_the_probe_may_keep_the_same_thing_in_one_half():
    rng = np.random.default_rng(0)
    thing, domain = np.tile(np.arange(60), 8), np.repeat(np.arange(8), 60)
    codes = np.column_stack([rng.normal(size=(60, 6))[thing], rng.normal(size=(8, 2))[domain]])
    apart = domain_probe(codes, domain, "nearest", together=thing, nulls=0)
    mixed = domain_probe(codes, domain, "nearest", nulls=0)
    assert apart.value > mixed.value + 0.1
    assert apart.settings["split_by_thing"]
    with pytest.raises(InputError, match="domain '1' shows too few different things"):
        domain_probe(codes[:62], np.r_[domain[:60], 1, 1], together=np.r_[thing[:60], 300, 300])
