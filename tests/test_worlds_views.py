"""Worlds of several views, modalities, interventions, and concepts in two domains."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics import retrieval
from identikit.metrics.correlation import cross_correlation
from identikit.worlds.concept_domains import ConceptDomains
from identikit.worlds.interventions import Interventional
from identikit.worlds.latent_scm import LatentSCM
from identikit.worlds.modalities import CASES, MultiModal
from identikit.worlds.views import MultiView

WORLDS = [
    MultiView(depends={"style": ("content",)}, leak=0.2, correlation=0.3),
    MultiView({"all": 1, "ab": 2, "bc": 1}, {"a": ("all", "ab"), "b": ("all", "ab", "bc"), "c": ("all", "bc")}, ()),
    MultiModal(within=0.5, shared=2),
    MultiModal(graph={"b1": ("a0", "b0")}),
    Interventional(known=True, repeats=2),
    Interventional(kind="soft", targets=(("z0", "z2"), ("z1",)), mixing_changes=True),
    Interventional(paired=True, graph={"z2": ("z0",)}),
    ConceptDomains(concepts=4, nuisance=2, observed=12),
]


def names(world):
    return type(world).__name__


def depend(cause: np.ndarray, effect: np.ndarray) -> float:
    """Largest rank correlation of an effect with a column or its square."""
    columns = cause.reshape(len(effect), -1)
    return float(np.abs(cross_correlation(np.hstack([columns, (columns - columns.mean(0)) ** 2]), effect)).max())


# --- what all of these worlds keep


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_the_same_seeds_give_the_same_values_also_when_read_back_from_json(world):
    data, truth = world.sample(120, seed=2)
    note = json.loads(json.dumps(data.source))
    assert note["world"] == names(world)
    again, same = type(world)(**note["options"]).sample(note["n"], seed=note["seed"])
    assert again.fingerprint() == data.fingerprint()
    np.testing.assert_array_equal(same.latents, truth.latents)
    for key, values in truth.labels.items():
        np.testing.assert_array_equal(same.labels[key], values)
    assert world.sample(120, seed=3)[0].fingerprint() != data.fingerprint()
    assert type(world)(**{**note["options"], "seed": 1}).sample(120, seed=2)[0].fingerprint() != data.fingerprint()


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_truth_is_whole_and_the_description_is_json(world):
    data, truth = world.sample(120, seed=0)
    assert isinstance(truth, Truth)
    assert np.isfinite(truth.latents).all()
    np.testing.assert_array_equal(truth.split, data.split)
    assert truth.graph is not None
    assert not np.trace(truth.graph)
    assert len(set(truth.names)) == len(truth.names)
    told = world.describe(400)
    assert json.loads(json.dumps(told.json()))["world"] == names(world)
    assert all(a.why for a in told.assumptions)


@pytest.mark.parametrize("world", [MultiView(), MultiModal(), Interventional(), Interventional(paired=True)], ids=names)
@pytest.mark.parametrize("n", [0, -4])
def test_no_row_is_refused(world, n):
    with pytest.raises(InputError, match=r"^(n is 1 or more, not|-?\d rows are fewer than the \d domains)"):
        world.sample(n)


# --- the latent causal model


@settings(max_examples=15)
@given(seed=st.integers(0, 1_000), effect=st.floats(0.05, 0.9), noise=st.sampled_from(["normal", "laplace", "uniform"]))
def test_latents_have_mean_0_and_variance_1_and_parents_explain_their_share(seed, effect, noise):
    scm = LatentSCM(("a", "b", "c"), {"b": ("a",), "c": ("a", "b")}, effect, noise, seed)
    noises = scm.draw_noise(4_000, np.random.default_rng(seed))
    values = scm.values(noises)
    assert np.abs(values.mean(0)).max() < 0.2
    assert np.abs(values.var(0) - 1).max() < 0.4
    for i, name in enumerate(scm.names[1:], start=1):
        own = np.polyfit(noises[:, i], values[:, i], 1)[0]
        assert own == pytest.approx(np.sqrt(1 - effect), abs=0.12), name
        explained = values[:, i] - np.sqrt(1 - effect) * noises[:, i]
        # What is left is a function of the parents: the noise says nothing of it.
        assert explained.var() == pytest.approx(effect, abs=0.3)
        assert abs(np.corrcoef(noises[:, i], explained)[0, 1]) < 0.1


def test_changed_equations_reach_the_descendants_alone():
    scm = LatentSCM(("a", "b", "c", "d"), {"b": ("a",), "c": ("b",)})
    noise = scm.draw_noise(200, np.random.default_rng(0))
    seen, forced = scm.values(noise), scm.values(noise, {"b": lambda parents, noise: 0 * noise + 1})
    np.testing.assert_array_equal(seen[:, [0, 3]], forced[:, [0, 3]])
    assert (forced[:, 1] == 1).all()
    assert (forced[:, 2] != seen[:, 2]).all()


def test_a_redrawn_equation_keeps_the_parents_and_differs():
    scm = LatentSCM(("a", "b", "c"), {"b": ("a",)})
    noise = scm.draw_noise(500, np.random.default_rng(0))
    step = scm.redraw("b", np.random.default_rng(1))
    seen, other = scm.values(noise), scm.values(noise, {"b": step})
    assert np.abs(seen[:, 1] - other[:, 1]).mean() > 0.1
    moved = noise.copy()
    moved[:, 2] += 1
    np.testing.assert_array_equal(scm.values(moved, {"b": step})[:, 1], other[:, 1])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"graph": {"a": ("b",), "b": ("a",)}}, "the graph must have no cycle, and it has"),
        ({"graph": {"a": ("c",)}}, "unknown variable 'c'"),
        ({"effect": 1.0}, "effect is the share that parents explain, from 0 to below 1, not 1"),
        ({"noise": "norml"}, "unknown noise 'norml': did you mean 'normal'"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_bad_models_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        LatentSCM(("a", "b"), **options)


def test_changing_an_unknown_latent_is_refused():
    scm = LatentSCM(("a", "b"))
    with pytest.raises(InputError, match=r"^unknown latent 'c'"):
        scm.values(np.zeros((2, 2)), {"c": lambda parents, noise: noise})


# --- views


def unmixed(world: MultiView, data, view: str) -> np.ndarray:
    return world.mixing(view).inverse(data.x[view].astype(float))


def test_each_view_shows_its_own_blocks_and_content_is_the_same_in_all():
    world = MultiView(seed=3)
    data, truth = world.sample(300, seed=0)
    for view, private in (("left", "a"), ("right", "b")):
        seen = np.hstack([truth.block(b) for b in ("content", f"style {view}", private)])
        np.testing.assert_allclose(unmixed(world, data, view), seen, atol=1e-4)
    assert world.describe()["shared content"].holds
    assert world.shared("left") == ("content", "a")


def test_partial_overlap_shares_what_the_views_say():
    world = WORLDS[1]
    assert isinstance(world, MultiView)
    assert world.shared("a", "b") == ("all", "ab")
    assert world.shared("a", "b", "c") == ("all",)
    assert world.shared("a", "c") == ("all",)
    data, _ = world.sample(100)
    np.testing.assert_allclose(unmixed(world, data, "b")[:, 3], unmixed(world, data, "c")[:, 1], atol=1e-4)


@pytest.mark.parametrize("change", [0.0, 0.3, 1.0])
def test_a_style_changes_in_the_given_share_of_rows(change):
    world = MultiView(change=change)
    _, truth = world.sample(4_000, seed=1)
    moved = truth.block("style left") != truth.block("style right")
    assert moved.mean(0) == pytest.approx(change, abs=0.04)
    step = (truth.block("style right") - truth.block("style left"))[moved]
    assert change == 0 or step.std() == pytest.approx(1, abs=0.1)
    assert world.describe()["changing styles"].holds == (change > 0)


def test_a_leaking_style_makes_content_differ_between_views():
    world = MultiView(leak=0.5)
    data, truth = world.sample(2_000)
    left, right = (unmixed(world, data, v)[:, :2] for v in world.views)
    gap = np.abs(left - right).mean(1)
    changed = (truth.block("style left") != truth.block("style right")).any(1)
    assert gap[changed].mean() > 0.1
    # Where the style did not change the content did not either.
    assert (~changed).any()
    assert gap[~changed].max() < 1e-4
    assert not world.describe()["shared content"].holds


def test_linear_views_have_as_many_canonical_correlations_of_1_as_shared_latents():
    def canonical(world):
        data, _ = world.sample(4_000)
        bases = [np.linalg.svd(x - x.mean(0), full_matrices=False) for x in data.x.values()]
        whitened = [u[:, sizes > 1e-3 * sizes[0]] for u, sizes, _ in bases]
        return np.linalg.svd(whitened[0].T @ whitened[1], compute_uv=False)

    found = canonical(MultiView(layers=1))
    # Two latents of content, then two styles that changed in three rows of four, then a block of its own for each view.
    assert found[:2].min() > 0.9999
    assert found[2:4] == pytest.approx(1 / np.sqrt(1.75), abs=0.05)
    assert found[4:].max() < 0.1
    assert canonical(MultiView(layers=1, leak=1.0)).max() < 0.99


def test_blocks_are_independent_unless_they_are_told_to_depend():
    def between(world):
        _, truth = world.sample(4_000)
        return max(depend(truth.block("content"), truth.block("style left")[:, i]) for i in range(2)), truth

    apart, truth = between(MultiView())
    assert apart < 0.08
    assert int(truth.graph.sum()) == 2
    causal, truth = between(MultiView(depends={"style": ("content",)}))
    assert causal > 0.2
    # Four edges from content to the style of the first view, two from there to its other version.
    assert truth.graph[:2, 2:4].all()
    assert int(truth.graph.sum()) == 6
    statistical, truth = between(MultiView(correlation=0.5))
    assert statistical == pytest.approx(0.48, abs=0.06)
    assert int(truth.graph.sum()) == 2
    assert np.corrcoef(truth.latents.T)[0, 7] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"views": {"left": ("content",)}}, "a world of views has at least two, not 1"),
        ({"sizes": {"content": 0, "style": 1, "a": 1, "b": 1}}, "a block has at least one latent, and 'content' has 0"),
        ({"sizes": {"content": 1}, "views": {"l": ("contnt",), "r": ("content",)}, "styles": ()}, "unknown block 'c"),
        ({"styles": ("styl",)}, "unknown block 'styl': did you mean 'style'"),
        ({"views": {"l": ("content",), "r": ("content", "style", "a")}}, "block 'b' is seen by no view"),
        ({"depends": {"style": ("contents",)}}, "unknown block 'contents': did you mean 'content'"),
        ({"depends": {"style": ("style",)}}, "the graph must have no cycle"),
        ({"change": 1.5}, "change is a probability, from 0 to 1, not 1.5"),
        ({"correlation": 1.0}, "correlation is from 0 to below 1, not 1"),
        ({"styles": (), "leak": 0.5}, "leak=0.5 lets the style of a view into its content, and a view sees no style"),
        ({"observed": 4}, r"observed is at least the number of latents \(5\), not 4"),
    ],
)
def test_bad_views_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        MultiView(**options)


def test_an_unknown_view_is_refused():
    with pytest.raises(InputError, match=r"^unknown view 'lft': did you mean 'left'"):
        MultiView().shared("lft")


# --- modalities


@pytest.mark.parametrize("case", CASES)
def test_the_cases_of_the_paper_meet_its_assumptions_unless_they_are_dense(case):
    world = MultiModal.paper(case, exogenous=1)
    told = world.describe(500)
    assert told["invertible"].holds
    assert told["full-rank influence"].holds
    assert told["sparse cross-modal edges"].holds == ("dense" not in case)
    data, truth = world.sample(200)
    assert {m: x.shape for m, x in data.x.items()} == dict.fromkeys(world.latents, (200, world.observed))
    assert len(truth.blocks["latents"]) == sum(world.latents.values()) + world.shared


def test_case_1_has_two_cross_modal_edges_and_nothing_else():
    for seed in range(5):
        _, truth = MultiModal.paper("case 1", seed=seed).sample(100)
        assert int(truth.graph.sum()) == 2
        assert truth.graph[:2, 2:4].sum(0).tolist() == [1, 1] == truth.graph[:2, 2:4].sum(1).tolist()


def test_a_modality_is_a_function_of_its_own_shared_and_exogenous_latents():
    world = MultiModal(shared=2, exogenous=1)
    data, truth = world.sample(100)
    for m in world.latents:
        own = np.hstack([truth.block(m), truth.block("shared"), truth.block(f"{m} exogenous")])
        np.testing.assert_allclose(world.mixing(m)(own), data.x[m], atol=1e-5)


def test_exogenous_latents_are_independent_of_all_else_and_edges_show():
    _, truth = MultiModal(within=1.0, exogenous=2).sample(4_000)
    for i in truth.blocks["exogenous"]:
        others = np.delete(truth.latents, i, axis=1)
        assert depend(others, truth.latents[:, i]) < 0.08
    effects = np.flatnonzero(truth.graph.any(0))
    assert len(effects)
    assert all(depend(truth.latents[:, np.flatnonzero(truth.graph[:, j])], truth.latents[:, j]) > 0.2 for j in effects)


def identified(graph: dict, latents: dict) -> bool:
    """Whether no elementary block change of basis keeps the number of cross-modal edges, with random weights."""
    world = MultiModal(latents, graph)
    names = world.scm.names
    home = [n[0] for n in names]
    weights = world.scm.adjacency * np.random.default_rng(0).uniform(0.5, 1.5, size=(len(names),) * 2)
    cross = np.array([[a != b for b in home] for a in home])
    count = int((np.abs(weights * cross) > 1e-9).sum())
    for i, j in np.argwhere(~cross & ~np.eye(len(names), dtype=bool)):
        change = np.eye(len(names))
        change[i, j] = 0.7
        other = np.linalg.inv(change) @ weights @ change
        if int((np.abs(other * cross) > 1e-9).sum()) <= count:
            return False
    return True


@settings(max_examples=40)
@given(st.data())
def test_the_verdict_on_sparse_edges_is_that_of_changing_the_basis(draw):
    latents = {"a": 2, "b": 2, "c": 1}
    names = [f"{m}{i}" for m, k in latents.items() for i in range(k)]
    pairs = [(a, b) for a, b in combinations(names, 2) if a[0] != b[0]]
    chosen = draw.draw(st.lists(st.sampled_from(pairs), unique=True))
    graph = {b: tuple(a for a, c in chosen if c == b) for _, b in chosen}
    world = MultiModal(latents, graph)
    assert world._sparse().holds == identified(graph, latents)


def test_the_full_rank_influence_counts_disjoint_edges():
    through_one = MultiModal({"a": 2, "b": 2}, {"b0": ("a0", "a1"), "b1": ("b0",)})
    told = through_one.describe(200)["full-rank influence"]
    assert not told.holds
    assert told.why == "disjoint edges to other modalities reach only 1 of 2 latents of a, 1 of 2 latents of b"
    assert not MultiModal(graph="none").describe(200)["full-rank influence"].holds


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"latents": {"a": 2}}, "a multimodal world has at least two modalities, not 1"),
        ({"latents": {"a": 2, "shared": 2}}, "a modality may not be called 'shared'"),
        ({"latents": {"a": 2, "b": 0}}, "every modality has at least one latent"),
        ({"within": 2.0}, "within is a probability, from 0 to 1, not 2"),
        ({"graph": "spars"}, "unknown graph 'spars': did you mean 'sparse'"),
        (
            {"graph": {"a0": ("b0",), "b0": ("a0",)}},
            "the graph must have no cycle, and it has a0 -> b0 -> a0|the graph",
        ),
        ({"graph": {"a0": ("c0",)}}, "unknown variable 'c0'"),
        ({"observed": 2}, r"observed is at least the number of latents \(3\), not 2"),
    ],
)
def test_bad_modalities_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        MultiModal(**options)


def test_an_unknown_case_is_refused():
    with pytest.raises(InputError, match=r"^unknown case 'case 4': did you mean"):
        MultiModal.paper("case 4")


# --- interventions

CHAIN = {"z1": ("z0",), "z2": ("z1",)}


def test_every_latent_is_targeted_once_and_only_its_mechanism_changes():
    world = Interventional(graph=CHAIN, known=True)
    data, truth = world.sample(8_000)
    assert data.names["target"] == ("none", "z0", "z1", "z2")
    np.testing.assert_array_equal(data["target"], data["domain"])
    noise = np.empty_like(truth.latents)
    for i, name in enumerate(world.scm.names):
        parents = truth.latents[:, [world.scm.names.index(p) for p in CHAIN.get(name, ())]]
        # An equation is additive in its noise: what it gives without noise, taken off, leaves the noise.
        rest = truth.latents[:, i] - world.scm.steps[name](parents, np.zeros(len(parents)))
        noise[:, i] = rest / (np.sqrt(0.4) if parents.shape[1] else 1.0)
    for code in range(4):
        here = noise[data["domain"] == code]
        for i in range(3):
            kept = abs(here[:, i].mean()) < 0.1 and abs(here[:, i].std() - 1) < 0.1
            assert kept == (code != i + 1)


@pytest.mark.parametrize("paired", [False, True])
def test_a_perfect_target_forgets_its_parents_and_a_soft_one_does_not(paired):
    for kind, holds in (("perfect", True), ("soft", False)):
        world = Interventional(graph=CHAIN, kind=kind, paired=paired)
        data, truth = world.sample(4_000)
        after = truth.block("after") if paired else truth.latents
        rows = after[data["domain"] == (1 if paired else 2)]
        assert (depend(rows[:, 0], rows[:, 1]) < 0.1) == holds
        # The child of the target listens to it still.
        assert depend(rows[:, 1], rows[:, 2]) > 0.2
        assert world.describe()["perfect interventions"].holds == holds


def test_pairs_differ_in_the_target_and_its_descendants_alone():
    world = Interventional(graph=CHAIN, paired=True)
    data, truth = world.sample(300)
    before, after = truth.block("before"), truth.block("after")
    for code in range(3):
        same = (before == after)[data["domain"] == code]
        assert same[:, :code].all()
        assert not same[:, code:].any()
    np.testing.assert_allclose(world.mixing()(after), data.x["after"], atol=1e-5)
    # A perfect target has a noise of its own: its value before says nothing of that after.
    here = data["domain"] == 0
    assert abs(np.corrcoef(before[here, 0], after[here, 0])[0, 1]) < 0.3
    assert truth.graph[:3, 3:].sum() == 0 == truth.graph[3:, :3].sum()


def test_unknown_targets_are_told_to_the_truth_alone():
    data, truth = Interventional(targets=(("z0", "z1"), ("z2",), ("z0", "z1"))).sample(400)
    assert "target" not in data
    assert data.names["domain"] == tuple(f"environment {i}" for i in range(4))
    np.testing.assert_array_equal(truth.labels["target"], np.array([0, 1, 2, 1])[data["domain"]])


def test_two_environments_of_the_same_target_differ():
    data, truth = Interventional(latents=1, repeats=2, edges=0).sample(3_000)
    means = [truth.latents[data["domain"] == code].mean() for code in range(3)]
    assert abs(means[0]) < 0.15
    assert min(abs(m) for m in means[1:]) > 0.8
    assert abs(means[1] - means[2]) > 0.1


def test_what_breaks_is_said():
    told = Interventional(targets=(("z0", "z1"),), mixing_changes=True).describe(400)
    assert [told[a].holds for a in ("every latent targeted", "single targets", "one mixing")] == [False] * 3
    told = Interventional().describe(400)
    assert [told[a].holds for a in ("every latent targeted", "single targets", "one mixing")] == [True] * 3


def test_one_mixing_makes_all_domains_unless_it_changes():
    for changes in (False, True):
        world = Interventional(mixing_changes=changes, layers=1)
        data, truth = world.sample(400)
        misfit = np.abs(world.mixing()(truth.latents) - data.x).max(1)
        assert misfit[data["domain"] == 0].max() < 1e-5
        assert (misfit[data["domain"] > 0].max() > 0.1) == changes
        assert (truth.mixing is None) == changes


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"latents": 0}, "latents and repeats are 1 or more, not 0 and 1"),
        ({"repeats": 0}, "latents and repeats are 1 or more, not 3 and 0"),
        ({"edges": -0.5}, "edges is a probability, from 0 to 1, not -0.5"),
        ({"kind": "perfekt"}, "unknown kind of intervention 'perfekt': did you mean 'perfect'"),
        ({"targets": ()}, "targets names at least one changed environment, and it is empty"),
        ({"targets": ((),)}, "a changed environment targets at least one latent"),
        ({"targets": (("z3",),)}, "unknown target 'z3'"),
        ({"graph": {"z0": ("z1",), "z1": ("z0",)}}, "the graph must have no cycle"),
        ({"observed": 2}, r"observed is at least the number of latents \(3\), not 2"),
    ],
)
def test_bad_interventions_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        Interventional(**options)


# --- concepts in two domains


def test_pairs_share_their_concepts_and_their_split_and_lie_in_no_order():
    data, truth = ConceptDomains().sample(2_000)
    pair = truth.labels["pair"]
    real, synthetic = (np.flatnonzero(data["domain"] == code) for code in (0, 1))
    real, synthetic = real[pair[real].argsort()], synthetic[pair[synthetic].argsort()]
    np.testing.assert_array_equal(pair[real], pair[synthetic])
    np.testing.assert_array_equal(truth.latents[real], truth.latents[synthetic])
    np.testing.assert_array_equal(data.split[real], data.split[synthetic])
    assert "pair" not in data
    assert abs(np.corrcoef(real, synthetic)[0, 1]) < 0.15
    assert abs(np.corrcoef(np.arange(2_000), pair)[0, 1]) < 0.15


def test_features_are_concepts_plus_the_nuisance_of_the_domain():
    world = ConceptDomains(noise=0.0, nuisance=0, shift=0.7)
    data, truth = world.sample(200)
    for code, mapped in enumerate(world.maps):
        here = data["domain"] == code
        np.testing.assert_allclose(data.x[here], truth.latents[here] @ mapped.T, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(world.maps[1] - world.maps[0], axis=0), 0.7)
    np.testing.assert_allclose(world.maps[0].T @ world.maps[0], np.eye(16), atol=1e-9)


def test_retrieval_is_hard_by_raw_features_and_easy_by_concepts_and_by_linear_heads_that_know_them():
    data, truth = ConceptDomains().sample(2_000)
    pair, domain, x = truth.labels["pair"], data["domain"], data.x.astype(float)

    def recall(codes):
        return retrieval(codes, pair, domain, k=(5,), nulls=0).value

    # Linear heads that are told the concepts, as no learner is, say what can be reached.
    heads = np.empty(truth.latents.shape)
    for code in (0, 1):
        here = domain == code
        heads[here] = x[here] @ np.linalg.lstsq(x[here], truth.latents[here], rcond=None)[0]
    assert recall(truth.latents) > 0.95
    assert recall(heads) > 0.95
    assert recall(x) < 0.7


@pytest.mark.parametrize("law", ["sparse", "normal"])
def test_concepts_have_variance_1_and_sparse_ones_are_often_0(law):
    world = ConceptDomains(law=law, active=0.25)
    _, truth = world.sample(20_000)
    assert truth.latents.var(0) == pytest.approx(1, abs=0.15)
    assert (truth.latents == 0).mean() == pytest.approx(0.75 if law == "sparse" else 0, abs=0.01)
    assert world.describe()["non-Gaussian concepts"].holds == (law == "sparse")


def test_a_large_shift_breaks_the_alignment():
    assert ConceptDomains().describe(200)["aligned domains"].holds
    assert not ConceptDomains(shift=4.0).describe(200)["aligned domains"].holds


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"observed": 20},
            "concepts is 1 or more, nuisance 0 or more, and observed at least their sum, not 16, 16 and",
        ),
        ({"active": 0.0}, "active is a probability above 0, not 0"),
        ({"law": "gauss"}, "unknown law 'gauss'"),
        ({"shift": -1.0}, "shift, spread and noise are 0 or more, not -1"),
    ],
)
def test_bad_concept_domains_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        ConceptDomains(**options)


@pytest.mark.parametrize("n", [0, 3])
def test_pairs_need_an_even_number_of_rows(n):
    with pytest.raises(InputError, match=f"^n is even, one synthetic row for each real one, not {n}"):
        ConceptDomains().sample(n)


@pytest.mark.parametrize("world", WORLDS, ids=names)
def test_a_handful_of_rows_is_described_without_an_error(world):
    assert world.describe(10).assumptions
