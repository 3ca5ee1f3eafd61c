"""What every world keeps to, whatever its family."""

from __future__ import annotations

import dataclasses
import inspect
import json

import numpy as np
import pytest

from identikit.datasets import reload
from identikit.errors import InputError
from identikit.worlds import stream
from identikit.worlds.named import known_worlds, make_world

SMALL = {"size": 32, "length": 4}
"""Settings that make a world cheap, where it has them."""
ROWS = 96
APART = {"MujocoScene"}
"""Worlds that need something which not every machine has; they are tested in their own files."""
WORLDS = sorted(set(known_worlds()) - APART)


def small(name: str):
    known = inspect.signature(known_worlds()[name]).parameters
    return make_world(name, {option: value for option, value in SMALL.items() if option in known})


@pytest.fixture(scope="module", params=WORLDS)
def case(request):
    world = small(request.param)
    return world, *world.sample(ROWS, seed=3)


def test_the_same_seeds_give_the_same_values_and_others_give_others(case):
    world, data, truth = case
    again, same = small(type(world).__name__).sample(ROWS, seed=3)
    assert again.fingerprint() == data.fingerprint()
    np.testing.assert_array_equal(same.latents, truth.latents)
    assert world.sample(ROWS, seed=4)[0].fingerprint() != data.fingerprint()


def test_settings_go_through_json_and_sample_the_same(case):
    world, data, _ = case
    source = json.loads(json.dumps(data.source))
    assert source["world"] == type(world).__name__
    made = make_world(source["world"], source["options"])
    assert dataclasses.asdict(made) == dataclasses.asdict(world)
    assert made.sample(source["n"], seed=source["seed"])[0].fingerprint() == data.fingerprint()
    with pytest.raises(InputError, match="sample it again"):
        reload(source)


def test_truth_lies_row_by_row_beside_the_data(case):
    _, data, truth = case
    assert truth.rows == data.rows == ROWS
    np.testing.assert_array_equal(truth.split, data.split)
    assert np.isfinite(truth.latents).all()
    assert len(set(truth.names)) == len(truth.names)
    if truth.graph is not None:
        power = np.linalg.matrix_power(np.eye(len(truth.graph)) + truth.graph, len(truth.graph))
        assert (power * power.T > 0).sum() == len(truth.graph), "the graph has a cycle"
    for i, kind in enumerate(truth.kinds):
        if kind == "discrete":
            assert (truth.latents[:, i] == truth.latents[:, i].round()).all()


def test_observations_are_the_mixing_of_the_latents(case):
    _, data, truth = case
    if truth.mixing is None:
        return
    made = truth.mixing(truth.latents[:6])
    assert made.shape == data.x[:6].shape
    if made.dtype == np.uint8:
        np.testing.assert_array_equal(made, data.x[:6])


def test_every_world_says_which_assumptions_hold(case):
    world, *_ = case
    told = world.describe(n=480 if "size" not in vars(world) else ROWS)
    assert len(told.assumptions) >= 2
    assert all(a.why and a.why[0] != " " and "\n" not in a.why for a in told.assumptions)
    assert len({a.name for a in told.assumptions}) == len(told.assumptions)
    json.dumps(told.json())


def test_sequences_are_ordered_and_never_cut(case):
    world, data, _ = case
    if "sequence" not in data:
        return
    assert (np.diff(data["sequence"]) >= 0).all()
    for code in np.unique(data["sequence"]):
        rows = data["sequence"] == code
        assert (data["time"][rows] == np.arange(rows.sum())).all()
        assert len(set(data.split[rows].tolist())) == 1
    with pytest.raises(InputError):
        world.sample(world.length + 1)


def test_worlds_stream(case, tmp_path):
    world, data, _ = case
    streamed, truth = stream(world, ROWS, tmp_path, chunk=ROWS // 2)
    assert streamed.schema == data.schema
    assert truth.rows == ROWS


def test_bad_seeds_are_refused(case):
    world, *_ = case
    with pytest.raises(InputError, match="seed is 0 or more"):
        world.sample(ROWS, seed=-1)
    with pytest.raises(InputError, match="seed is 0 or more"):
        dataclasses.replace(world, seed=-1)
