"""Worlds of shift: around a label, in bias, off the support; and the measure of how far domains are apart."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from identikit.data import HIDDEN
from identikit.errors import InputError
from identikit.metrics.correlation import cross_correlation
from identikit.worlds.content_bias import ContentBias
from identikit.worlds.label_graph import SHIFTS, LabelGraph
from identikit.worlds.measured import apart
from identikit.worlds.off_support import OffSupport

WORLDS = [
    LabelGraph(shift=SHIFTS, classes=3),
    LabelGraph(parents=0, irrelevant=0),
    ContentBias(stable=0.5, classes=3),
    ContentBias(order="label last"),
    OffSupport(),
    OffSupport(influence="sparse", dependence=0.5, content=3),
]


def names(world):
    return type(world).__name__


# --- what all of these worlds keep


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_the_same_seeds_give_the_same_values_also_when_read_back_from_json(world):
    data, truth = world.sample(210, seed=2)
    note = json.loads(json.dumps(data.source))
    again, same = type(world)(**note["options"]).sample(note["n"], seed=note["seed"])
    np.testing.assert_array_equal(again.x, data.x)
    np.testing.assert_array_equal(again["y"], data["y"])
    np.testing.assert_array_equal(same.latents, truth.latents)
    assert world.sample(210, seed=3)[0].fingerprint() != data.fingerprint()
    assert type(world)(**{**note["options"], "seed": 1}).sample(210, seed=2)[0].fingerprint() != data.fingerprint()


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_data_are_the_mixed_latents_and_the_mixing_loses_nothing(world):
    data, truth = world.sample(210)
    np.testing.assert_array_equal(truth.mixing(truth.latents).astype(np.float32), data.x)
    told = world.describe(400)
    assert told["invertible"].holds
    assert json.loads(json.dumps(told.json()))["world"] == names(world)


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_labels_are_hidden_in_the_last_domain_alone_and_known_to_the_truth(world):
    data, truth = world.sample(700)
    last = data["domain"] == data["domain"].max()
    assert (data["y"][last] == HIDDEN).all()
    np.testing.assert_array_equal(data["y"][~last], truth.labels["y"][~last])
    assert len(set(truth.labels["y"][last].tolist())) > 1
    assert data.source["hidden"] == ["y"]


@pytest.mark.parametrize("world", WORLDS[:4], ids=names)
def test_a_world_with_fewer_domains_has_the_first_of_one_with_more(world):
    options = world.sample(70)[0].source["options"]
    few, many = (type(world)(**{**options, "domains": d}) for d in (3, 6))
    if isinstance(few, LabelGraph):
        np.testing.assert_array_equal(few.prior, many.prior[:3])
        np.testing.assert_array_equal(few.mixing.weights[0], many.mixing.weights[0])
    else:
        for a, b in zip(few._effects[1:], many._effects[1:], strict=True):
            np.testing.assert_array_equal(a, b[:3])


# --- how far domains are apart


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_gap_is_the_kolmogorov_smirnov_statistic(seed):
    rng = np.random.default_rng(seed)
    domain = rng.permutation(np.arange(90) % 2)
    values = rng.normal(size=(90, 1)).round(1) + domain[:, None]
    assert apart(values, domain)[0] == pytest.approx(ks_2samp(values[domain == 0, 0], values[domain == 1, 0]).statistic)


def test_chance_is_hardly_ever_exceeded():
    above = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        gap, chance = apart(rng.normal(size=(200, 2)), np.arange(200) % 4)
        above += gap > chance
    assert above <= 2


def test_one_domain_cannot_be_compared():
    with pytest.raises(InputError, match=r"^distributions of domains are compared where there are two or more, not 1"):
        apart(np.zeros((4, 1)), np.zeros(4))


# --- shift around a label


def changes(world: LabelGraph) -> dict[str, bool]:
    """Which parts of the process differ between domains, seen from the latents and the label."""
    data, truth = world.sample(30_000, seed=1)
    domain, label = data["domain"], truth.labels["y"]
    # What the equations of the first domain, without any shift, leave over.
    chance_of_1 = 1 / (1 + np.exp(-np.diff(world._scores(truth.block("parents")))[:, 0]))
    left = [(label - chance_of_1)[domain == u].mean() for u in range(world.domains)]
    without_noise = world._child(label, truth.block("spouses"), np.zeros((len(label), 2)))
    gap, chance = apart(truth.block("children") - without_noise, domain)
    found = {part: not np.less(*apart(truth.block(part), domain)) for part in ("parents", "spouses", "irrelevant")}
    return {**found, "label": bool(np.ptp(left) > 0.05), "children": gap > chance}


@pytest.mark.parametrize("part", [None, *SHIFTS])
def test_each_shift_changes_its_part_and_no_other(part):
    found = changes(LabelGraph(shift=(part,) if part else (), domains=5, seed=4))
    assert found == {name: name == part for name in ("parents", "spouses", "irrelevant", "label", "children")}


def test_shifts_mix():
    world = LabelGraph(shift=("label", "spouses"), seed=4, domains=5)
    assert {part for part, moved in changes(world).items() if moved} == {"label", "spouses"}
    told = world.describe()
    assert told["same p(parents)"].holds
    assert not told["same p(spouses)"].holds
    assert not told["same p(y | parents)"].holds
    assert told["same p(children | y, spouses)"].holds


def dependence(a: np.ndarray, b: np.ndarray) -> float:
    columns = np.hstack([a, (a - a.mean(0)) ** 2])
    return float(np.abs(cross_correlation(columns, b)).max())


def test_the_graph_runs_through_the_label():
    _, truth = LabelGraph(shift=(), seed=1).sample(20_000)
    label = truth.labels["y"]
    parents, children = truth.block("parents"), truth.block("children")
    others = np.hstack([truth.block("spouses"), truth.block("irrelevant")])
    assert dependence(parents, label[:, None]) > 0.2
    assert dependence(children, label[:, None]) > 0.2
    # Spouses and irrelevant latents say nothing of the label, until a child is known.
    assert dependence(others, label[:, None]) < 0.04
    assert dependence(parents, children) > 0.1
    for k in (0, 1):
        inside = label == k
        assert dependence(parents[inside], children[inside]) < 0.05
        assert dependence(truth.block("spouses")[inside], children[inside]) > 0.1
        assert dependence(truth.block("irrelevant")[inside], children[inside]) < 0.05
    assert truth.graph is None


def test_without_parents_the_shift_of_the_label_is_that_of_its_prior():
    world = LabelGraph(parents=0, domains=4, classes=3)
    assert "y" not in world.graph
    data, truth = world.sample(20_000)
    wanted = np.exp(world.prior) / np.exp(world.prior).sum(1, keepdims=True)
    found = np.stack([np.bincount(truth.labels["y"][data["domain"] == u], minlength=3) / 5_000 for u in range(4)])
    np.testing.assert_allclose(found, wanted, atol=0.03)
    gaps = [
        apart(truth.block("children")[truth.labels["y"] == k], data["domain"][truth.labels["y"] == k]) for k in (1, 2)
    ]
    assert all(gap < chance for gap, chance in gaps)


@pytest.mark.parametrize("shift", [(), ("label",), ("children",), ("label", "parents", "children", "spouses")])
def test_the_posterior_is_calibrated_in_every_domain(shift):
    world = LabelGraph(shift=shift, domains=4, classes=3, children=3, seed=2)
    data, truth = world.sample(40_000)
    domain, label = data["domain"], truth.labels["y"]
    chance = world.posterior(truth.latents, domain)
    np.testing.assert_allclose(chance.sum(1), 1)
    for u in range(4):
        for k in range(3):
            for low in (0.0, 0.25, 0.5, 0.75):
                rows = (domain == u) & (chance[:, k] >= low) & (chance[:, k] < low + 0.25)
                if rows.sum() > 400:
                    assert (label[rows] == k).mean() == pytest.approx(chance[rows, k].mean(), abs=0.06)


def test_a_predictor_made_for_another_domain_is_worse_where_the_label_or_children_shift():
    for shift, worse in (((), False), (("parents", "spouses"), False), (("label",), True), (("children",), True)):
        world = LabelGraph(shift=shift, seed=1)
        data, truth = world.sample(14_000)
        own, other = (
            (world.posterior(truth.latents, codes).argmax(1) == truth.labels["y"]).mean()
            for codes in (data["domain"], (data["domain"] + 1) % world.domains)
        )
        assert own - other > 0.03 if worse else own == other


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"parents": 0, "children": 0, "spouses": 0}, "a label has a parent or a child, and no number of latents"),
        ({"irrelevant": -1}, "a label has a parent or a child, and no number of latents is below 0"),
        ({"children": 0}, "a spouse is another parent of a child: spouses=1 needs children"),
        ({"classes": 1}, "a label has two classes or more, not 1"),
        ({"shift": ("prior",)}, "unknown shift 'prior'"),
        ({"shift": ("spouses",), "spouses": 0}, "shift names 'spouses', and spouses is 0"),
        ({"domains": 65}, "domains is from 1 to 64, not 65"),
        ({"domains": 3, "unlabelled": 3}, "unlabelled is from 0 to 2 of 3 domains, not 3"),
        ({"observed": 5}, r"observed is at least the number of latents \(6\), not 5"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_bad_label_graphs_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        LabelGraph(**options)


# --- content and bias


def test_the_posterior_is_calibrated_and_splits_into_its_three_factors():
    world = ContentBias(classes=3, domains=4, seed=2)
    data, truth = world.sample(40_000)
    domain, label = data["domain"], truth.labels["y"]
    both, bias, content = (world.posterior(truth.latents, domain, u) for u in ("both", "bias", "content"))
    # p(y | c) was taken with equally frequent classes, so that their distribution falls out.
    product = bias * content
    np.testing.assert_allclose(product / product.sum(1, keepdims=True), both, atol=1e-12)
    for k in range(3):
        for low in np.arange(0, 1, 0.2):
            rows = (both[:, k] >= low) & (both[:, k] < low + 0.2)
            if rows.sum() > 300:
                assert (label[rows] == k).mean() == pytest.approx(both[rows, k].mean(), abs=0.05)


def test_a_label_that_comes_last_is_drawn_from_its_posterior():
    world = ContentBias(order="label last")
    data, truth = world.sample(40_000)
    chance = world.posterior(truth.latents, data["domain"])[:, 1]
    for low in np.arange(0, 1, 0.2):
        rows = (chance >= low) & (chance < low + 0.2)
        assert truth.labels["y"][rows].mean() == pytest.approx(chance[rows].mean(), abs=0.04)


def accuracy(world: ContentBias, use: str) -> float:
    data, truth = world.sample(10_000)
    return float((world.posterior(truth.latents, data["domain"], use).argmax(1) == truth.labels["y"]).mean())


def test_the_bias_helps_where_it_says_something_of_the_label_and_only_there():
    for seed in range(3):
        assert accuracy(ContentBias(seed=seed), "both") > accuracy(ContentBias(seed=seed), "content") + 0.02
    without = ContentBias(bias_effect=0.0, label_shift=0.0)
    assert accuracy(without, "both") == accuracy(without, "content")
    assert accuracy(without, "bias") == pytest.approx(0.5, abs=0.03)
    assert not without.describe()["useful bias"].holds


@pytest.mark.parametrize("order", ["label first", "label last"])
def test_content_is_independent_of_bias_given_a_label_that_comes_first(order):
    world = ContentBias(order=order, seed=1)
    data, truth = world.sample(20_000)
    content, bias = truth.block("content"), truth.block("bias")
    worst = max(
        np.abs(cross_correlation(content[rows], bias[rows])).max()
        for u in range(5)
        for k in range(2)
        for rows in [(data["domain"] == u) & (truth.labels["y"] == k)]
    )
    assert (worst < 0.1) == (order == "label first")
    assert world.describe(8_000)["content independent of bias given label"].holds == (order == "label first")


def test_content_is_the_same_everywhere_and_bias_is_not():
    data, truth = ContentBias().sample(20_000)
    for k in (0, 1):
        rows = truth.labels["y"] == k
        gap, chance = apart(truth.block("content")[rows], data["domain"][rows])
        assert gap < chance
        gap, chance = apart(truth.block("bias")[rows], data["domain"][rows])
        assert gap > 2 * chance
    data, truth = ContentBias(order="label last").sample(20_000)
    assert np.less(*apart(truth.block("content"), data["domain"]))
    assert not np.less(*apart(truth.block("bias"), data["domain"]))


def test_a_stable_bias_means_the_same_in_all_domains():
    data, truth = ContentBias(stable=1.0).sample(20_000)
    rows = truth.labels["y"] == 1
    assert np.less(*apart(truth.block("bias")[rows], data["domain"][rows]))


def test_the_label_shifts_only_where_it_is_told_to():
    for size in (0.0, 1.0):
        data, truth = ContentBias(label_shift=size).sample(20_000)
        shares = [truth.labels["y"][data["domain"] == u].mean() for u in range(5)]
        assert (np.ptp(shares) > 0.1) == (size > 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"content": 0}, "content and bias have at least one latent each, not 0 and 2"),
        ({"classes": 1}, "a label has two classes or more, not 1"),
        ({"order": "label frist"}, "unknown order 'label frist': did you mean 'label first'"),
        ({"stable": 2.0}, "stable is a share, from 0 to 1, not 2"),
        ({"label_shift": -1.0}, "content_effect, bias_effect and label_shift are 0 or more, not 1, 1 and -1"),
        ({"domains": 0}, "domains is from 1 to 64, not 0"),
        ({"observed": 3}, r"observed is at least the number of latents \(4\), not 3"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_bad_content_and_bias_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        ContentBias(**options)


def test_a_posterior_without_closed_form_is_refused():
    with pytest.raises(InputError, match=r"^unknown use with 'label last' 'content'"):
        ContentBias(order="label last").posterior(np.zeros((1, 4)), np.zeros(1, int), "content")


# --- off the support


@given(style=st.integers(1, 4), distance=st.floats(0, 30), dependence=st.floats(0, 1), seed=st.integers(0, 1_000))
@settings(max_examples=25)
def test_the_target_is_at_its_distance_and_the_source_inside(style, distance, dependence, seed):
    world = OffSupport(style=style, distance=distance, dependence=dependence, seed=seed)
    data, truth = world.sample(200, seed=1)
    length = np.linalg.norm(truth.block("style"), axis=1)
    target = data["domain"] == 1
    np.testing.assert_allclose(length[target] - world.radius, distance, atol=1e-9)
    assert length[~target].max() <= world.radius * (1 + 1e-12)


def test_a_style_of_the_source_has_variance_1():
    _, truth = OffSupport(style=3, share=0.001).sample(20_000)
    assert truth.block("style")[:19_000].var(0) == pytest.approx(1, abs=0.03)


def test_content_has_one_distribution_in_source_and_target_and_says_the_label():
    world = OffSupport(gap=0.5)
    data, truth = world.sample(10_000)
    content = truth.block("content")
    assert np.less(*apart(content, data["domain"]))
    apart_ = np.linalg.norm(content - world.centres[truth.labels["y"]], axis=1)
    assert apart_.max() <= 1
    for a, b in ((0, 1), (1, 2)):
        assert np.linalg.norm(world.centres[a] - world.centres[b]) == pytest.approx(2.5)


def test_overlapping_classes_are_told():
    assert OffSupport(gap=0.5).describe()["separated classes"].holds
    assert not OffSupport(gap=-0.5).describe()["separated classes"].holds


@pytest.mark.parametrize("influence", ["dense", "sparse"])
def test_a_sparse_style_touches_the_last_observations_alone(influence):
    world = OffSupport(influence=influence, touched=3)
    _, truth = world.sample(500)
    moved = truth.latents.copy()
    moved[:, 2:] += 1
    touched = (world.mixing(moved) != world.mixing(truth.latents)).any(0)
    assert touched.tolist() == [influence == "dense"] * 5 + [True] * 3
    assert world.describe()["sparse influence"].holds == (influence == "sparse")
    # The touched ones hear of the content too.
    moved = truth.latents.copy()
    moved[:, :2] += 0.3
    assert (world.mixing(moved) != world.mixing(truth.latents)).any(0).all()


def test_a_classifier_of_the_source_fails_with_distance_and_less_so_where_the_style_touches_little():
    from sklearn.neural_network import MLPClassifier

    right = {}
    for influence in ("dense", "sparse"):
        (near, truth), (far, same) = (OffSupport(influence=influence, distance=d).sample(2_500) for d in (0.0, 6.0))
        source = near["domain"] == 0
        np.testing.assert_array_equal(near.x[source], far.x[source])
        model = MLPClassifier((64, 64), max_iter=40, random_state=0)
        with warnings.catch_warnings():
            # It is stopped before it converges, which is enough here.
            warnings.simplefilter("ignore")
            model.fit(near.x[source], truth.labels["y"][source])
        for name, data, labels in (("near", near, truth.labels["y"]), ("far", far, same.labels["y"])):
            right[influence, name] = float((model.predict(data.x[~source]) == labels[~source]).mean())
    assert min(right["dense", "near"], right["sparse", "near"]) > 0.9
    assert right["dense", "far"] < 0.7
    assert right["sparse", "far"] > right["dense", "far"] + 0.1


def test_content_and_style_depend_where_they_are_told_to():
    for share in (0.0, 0.7):
        world = OffSupport(dependence=share, share=0.05)
        _, truth = world.sample(4_000)
        found = dependence(truth.block("content")[:3_800], truth.block("style")[:3_800])
        assert (found > 0.2) == (share > 0)
        assert world.describe()["content independent of style"].holds == (share == 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"style": 0}, "content and style have at least one latent and classes is 2 or more, not 2, 0 and 3"),
        ({"influence": "spars"}, "unknown influence 'spars': did you mean 'sparse'"),
        ({"influence": "sparse", "touched": 1}, r"touched is from 2 \(style\) to 6 \(observed less content\), not 1"),
        ({"influence": "sparse", "touched": 7}, r"touched is from 2 \(style\) to 6 \(observed less content\), not 7"),
        ({"distance": -1.0}, "distance is 0 or more and gap above -2, at which all classes are one, not -1 and 0.5"),
        ({"dependence": 1.5}, "dependence is from 0 to 1 and share between 0 and 1, not 1.5 and 0.2"),
        ({"observed": 3}, r"observed is at least the number of latents \(4\), not 3"),
    ],
)
def test_bad_styles_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        OffSupport(**options)


@pytest.mark.parametrize("n", [0, 2])
def test_source_and_target_need_a_row_each(n):
    with pytest.raises(InputError, match=f"^source and target need a row each: {n} rows and a share of 0.2 give 0"):
        OffSupport().sample(n)


@pytest.mark.parametrize("world", WORLDS[:4], ids=names)
def test_fewer_rows_than_domains_are_refused(world):
    with pytest.raises(InputError, match=f"^2 rows are fewer than the {world.domains} domains"):
        world.sample(2)


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_a_handful_of_rows_is_described_without_an_error(world):
    assert world.describe(10).assumptions
