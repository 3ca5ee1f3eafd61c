"""Worlds of auxiliary variables, sparse decoders and actions."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from identikit.errors import InputError
from identikit.worlds.actions import Actions, singled_out
from identikit.worlds.auxiliary import Auxiliary
from identikit.worlds.masked import draw_masked
from identikit.worlds.sparse import LEAST_SLOPE, SparseMechanisms, told_apart


@pytest.mark.parametrize("world", [Auxiliary(segments=5, means=True, seed=1), SparseMechanisms(seed=1)])
def test_the_same_seeds_give_the_same_values_and_the_source_makes_them_again(world):
    data, truth = world.sample(100, seed=3)
    note = json.loads(json.dumps(data.source))
    again, same = type(world)(**note["options"]).sample(note["n"], note["seed"])
    assert again.fingerprint() == data.fingerprint()
    np.testing.assert_array_equal(same.latents, truth.latents)
    np.testing.assert_allclose(truth.mixing(truth.latents), data["x"], atol=1e-5)
    assert world.sample(100, seed=4)[0].fingerprint() != data.fingerprint()
    other = type(world)(**{**asdict(world), "seed": 2})
    assert other.sample(100, seed=3)[0].fingerprint() != data.fingerprint()


# --- masked mechanisms


@given(seed=st.integers(0, 1_000), outputs=st.integers(1, 5), inputs=st.integers(1, 5))
def test_slopes_are_those_of_the_function_and_0_where_the_mask_is(seed, outputs, inputs):
    rng = np.random.default_rng(seed)
    mask = rng.random((outputs, inputs)) < 0.6
    f = draw_masked(rng, mask)
    at, step = rng.normal(size=(7, inputs)), 1e-5
    slopes = f.slopes(at)
    for i in range(inputs):
        shift = step * np.eye(inputs)[i]
        np.testing.assert_allclose((f(at + shift) - f(at - shift)) / (2 * step), slopes[:, :, i], atol=1e-7)
    assert (slopes[:, ~mask] == 0).all()
    assert (f(at)[:, ~mask.any(1)] == 0).all()
    part = np.flatnonzero(mask.any(1))
    np.testing.assert_allclose(f.part(part)(at), f(at)[:, part], atol=1e-12)


def test_what_one_output_reads_leaves_the_others_as_they_are():
    few, many = np.eye(3, dtype=bool), np.eye(3, dtype=bool)
    many[1] = True
    at = np.random.default_rng(0).normal(size=(5, 3))
    first, second = (draw_masked(np.random.default_rng(1), mask)(at) for mask in (few, many))
    assert (np.abs(first - second).max(0) > 1e-6).tolist() == [False, True, False]


# --- auxiliary variables


@pytest.mark.parametrize(("variances", "means"), [(True, False), (False, True), (True, True), (False, False)])
def test_segments_have_the_moments_of_the_world_and_pool_to_mean_0_and_variance_1(variances, means):
    world = Auxiliary(latents=3, segments=6, variances=variances, means=means, seed=2)
    data, truth = world.sample(60_000, seed=0)
    for u in range(6):
        rows = truth.latents[data["domain"] == u]
        error = world.deviations[u] / 100
        assert (np.abs(rows.mean(0) - world.centres[u]) < 5 * error).all()
        assert (np.abs(rows.std(0) / world.deviations[u] - 1) < 5 / np.sqrt(20_000)).all()
        assert np.abs(np.corrcoef(rows.T) - np.eye(3)).max() < 0.05
    assert np.abs(truth.latents.mean(0)).max() < 0.02
    assert np.abs(truth.latents.var(0) - 1).max() < 0.05
    assert (np.ptp(world.deviations, axis=0) > 0).all() == variances
    assert (np.ptp(world.centres, axis=0) > 0).all() == means
    assert list(truth.blocks) == ["changing" if variances or means else "invariant"]


def test_noise_has_the_law_that_was_asked_for():
    world = Auxiliary(latents=2, segments=2, noise="laplace")
    data, truth = world.sample(8_000, seed=0)
    standard = (truth.latents - world.centres[data["domain"]]) / world.deviations[data["domain"]]
    for column in standard.T:
        assert kstest(column * np.sqrt(2), "laplace").pvalue > 1e-3


def test_a_rotation_is_seen_where_variances_differ_and_not_where_they_do_not():
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    found = {}
    for variances in (True, False):
        world = Auxiliary(latents=2, segments=10, variances=variances, means=not variances, seed=1)
        data, truth = world.sample(40_000, seed=0)
        # Where means alone differ, scaled latents are standard normal in every segment, turned or not.
        turned = (truth.latents / world.deviations.max(0)) @ turn.T
        found[variances] = max(abs(np.corrcoef(turned[data["domain"] == u].T)[0, 1]) for u in range(10))
    assert found[True] > 0.5
    assert found[False] < 4.5 / np.sqrt(4_000)


@pytest.mark.parametrize(
    ("options", "holds", "words"),
    [
        ({}, True, "span 4 of 4"),
        ({"means": True}, True, "span 8 of 8"),
        ({"segments": 4}, False, "span 3 of 4"),
        ({"segments": 8, "means": True}, False, "span 7 of 8"),
        ({"variances": False, "means": True}, False, "a rotation remains"),
        ({"variances": False}, False, "all 40 segments are alike"),
        ({"noise": "laplace"}, True, "span 4 of 4"),
        ({"noise": "laplace", "means": True}, None, "no exponential family"),
        ({"noise": "uniform"}, None, "no exponential family"),
    ],
)
def test_the_description_says_whether_segments_differ_enough(options, holds, words):
    told = Auxiliary(**options).describe()["sufficiently variable"]
    assert told.holds is holds
    assert words in told.why


# --- sparse decoders


@pytest.mark.parametrize("options", [{}, {"latents": 5, "reads": 3, "anchors": 2}, {"reads": 4, "anchors": 0}])
def test_observations_see_what_the_support_says_and_nothing_else(options):
    world = SparseMechanisms(seed=2, **options)
    _, truth = world.sample(50, seed=0)
    base = truth.mixing(truth.latents)
    for i in range(world.latents):
        moved = truth.latents.copy()
        moved[:, i] += 0.5
        reached = np.abs(truth.mixing(moved) - base).max(0) > 1e-9
        np.testing.assert_array_equal(reached, world.support[:, i] == 1)


def test_the_support_has_anchors_first_and_sees_all_latents_about_equally():
    world = SparseMechanisms(latents=5, observed=25, reads=2, anchors=2, seed=1)
    assert (world.support[:10].sum(1) == 1).all()
    assert (world.support[10:].sum(1) == 2).all()
    assert world.support.sum(0).tolist() == [8] * 5


@given(seed=st.integers(0, 1_000))
def test_anchors_are_one_to_one_functions_that_bend(seed):
    world = SparseMechanisms(latents=3, observed=3, seed=seed)
    _, truth = world.sample(2, seed=0)
    grid = np.linspace(-5, 5, 2_001)
    slopes = np.diff(truth.mixing(np.repeat(grid[:, None], 3, axis=1)), axis=0) / np.diff(grid)[:, None]
    slopes *= np.sign(slopes.mean(0))
    assert slopes.min() > 0.5 * LEAST_SLOPE * 0.99
    assert (slopes.max(0) / slopes.min(0) > 1.05).all()


def test_the_description_of_a_dense_decoder_says_what_is_broken():
    sparse, dense = SparseMechanisms(anchors=2).describe(), SparseMechanisms(reads=4, anchors=0).describe()
    for name in ("structural sparsity", "two anchors", "sparse decoder"):
        assert (sparse[name].holds, dense[name].holds) == (True, False)
    assert sparse["invertible"].holds is True
    assert SparseMechanisms().describe()["two anchors"].holds is False


def test_a_latent_that_is_always_seen_with_another_is_not_told_apart():
    support = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]])
    assert [told_apart(support, i) for i in range(3)] == [False, True, False]
    assert not told_apart(np.array([[1, 0]]), 1)


# --- actions


@pytest.mark.parametrize("continuous", [False, True])
def test_actions_move_their_targets_alone(continuous):
    world = Actions(latents=4, actions=5, touches=2, continuous=continuous, length=10, seed=3)
    data, truth = world.sample(20_000, seed=0)
    z = truth.latents.reshape(-1, 10, 4)
    mean, deviation = world.transition.moments(z[:, :-1].reshape(-1, 1, 4), np.zeros((18_000, 4)))
    action = data["action"].reshape(-1, 10, *data["action"].shape[1:])[:, 1:].reshape(18_000, -1)
    moved = z[:, 1:].reshape(-1, 4) - mean
    left = (moved - world.push(action.astype(float) if continuous else action[:, 0])) / deviation
    assert np.abs(left.mean(0)).max() < 4.5 / np.sqrt(18_000)
    assert np.abs(left.std(0) - 1).max() < 0.03
    for k in range(5):
        if continuous:
            effect = np.abs(np.corrcoef(action[:, k], moved.T)[0, 1:])
            assert ((effect > 0.05) == (world.targets[k] == 1)).all()
        else:
            effect = np.abs(moved[action[:, 0] == k].mean(0))
            np.testing.assert_array_equal(world.push(np.array(k)) != 0, world.targets[k] == 1)
            assert (effect[world.targets[k] == 1] > 0.3).all()


def test_actions_are_fields_of_categories_or_of_numbers():
    data, _ = Actions(actions=3).sample(100, seed=0)
    assert data["action"].dtype == np.int64
    assert data.names["action"] == ("action 0", "action 1", "action 2")
    data, _ = Actions(actions=3, continuous=True).sample(100, seed=0)
    assert data["action"].shape == (100, 3)
    assert data["action"].dtype == np.float32


def test_targets_go_round():
    assert Actions(latents=3, actions=4, touches=2).targets.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ({}, True),
        ({"touches": 2}, True),
        ({"touches": 4}, False),
        ({"touches": 4, "edges": 0.0}, True),
        ({"actions": 2}, False),
    ],
)
def test_the_graphical_criterion_asks_for_sparse_actions_or_sparse_edges(options, holds):
    assert Actions(**options).describe()["graphical criterion"].holds is holds


def test_edges_alone_may_single_a_latent_out():
    chain = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    nothing = np.zeros((1, 3))
    assert [singled_out(chain, nothing, i) for i in range(3)] == [True, True, True]
    assert not singled_out(np.ones((3, 3)), nothing, 0)


# --- sentences


@pytest.mark.parametrize(
    ("world", "options", "sentence"),
    [
        (Auxiliary, {"latents": 0}, "latents and segments are 1 or more, not 0 and 40"),
        (Auxiliary, {"noise": "normals"}, "unknown noise 'normals': did you mean 'normal'"),
        (Auxiliary, {"mixing": "lin"}, "unknown mixing 'lin'"),
        (Auxiliary, {"observed": 2}, r"observed is at least the number of latents \(4\), not 2"),
        (SparseMechanisms, {"observed": 3}, r"observed is at least the number of latents \(4\), not 3"),
        (SparseMechanisms, {"reads": 5}, r"reads is from 1 to the number of latents \(4\), not 5"),
        (SparseMechanisms, {"anchors": 5}, "anchors is from 0 to 4 for 16 observations, not 5"),
        (SparseMechanisms, {"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_bad_worlds_are_refused(world, options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        world(**options)


def test_bad_samples_are_refused():
    with pytest.raises(InputError, match=r"^30 rows are fewer than the 40 segments$"):
        Auxiliary().sample(30)
    with pytest.raises(InputError, match=r"^n is 1 or more, not 0$"):
        SparseMechanisms().sample(0)
