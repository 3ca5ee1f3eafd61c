"""idol and mosaic: what they need, and small fits; their claims are checked by verify."""

from __future__ import annotations

import numpy as np
import pytest

import identikit as ik
from identikit.data import Schema
from identikit.engine import find
from identikit.errors import InputError
from identikit.methods import verify
from identikit.methods.claims_instant import chain, dense_chain, still_chain
from identikit.methods.claims_modules import leaking_modules, modules
from identikit.methods.idol import idol
from identikit.methods.mosaic import influence, mosaic
from identikit.worlds.tokamak import Tokamak

METHODS = [idol, mosaic]
EVERY = pytest.mark.parametrize("method", METHODS, ids=[m.name for m in METHODS])
VECTOR = Schema((8,), {"regime": ("a", "b")}, ("past",))


@EVERY
def test_is_known_by_name_and_states_both_sides(method):
    assert find(method.name) is method
    assert {check.says.split(":")[0] for check in method.checks} == {"holds", "broken"}
    assert method.claim.assumes


@EVERY
def test_fits_the_world_of_its_check(method):
    check = method.checks[0]
    data, truth = check.world(0).sample(200)
    runs = ik.fit(method.name, data, seeds=2, steps=3, progress=False, **check.options)
    assert runs.encode().shape == (2, truth.rows, truth.latents.shape[1])
    assert np.isfinite(runs.encode()).all()


@EVERY
def test_a_past_is_needed(method):
    with pytest.raises(InputError, match=f"{method.name} needs the field 'past', and the data holds x, regime"):
        method.build(Schema((8,), {"regime": ("a", "b")}))


def test_idol_builds_for_pictures_and_shares_its_transition():
    model, objective = idol.build(Schema((3, 16, 16), {}, ("past",)), latents=3)
    objective.check(model, Schema((3, 16, 16), {}, ("past",)))
    (_, match), (_, sparse) = objective.entries()[1:]
    assert match.transition is sparse.transition


def test_one_transition_stays_one_in_a_program_of_many_runs():
    data, _ = chain(0).sample(200)
    runs = ik.fit("idol", data, latents=3, lags=2, seeds=3, steps=2, progress=False)
    (_, match), (_, sparse) = runs.program.learner.objective.entries()[1:]
    ours, theirs = (dict(term.named_parameters())["transition.first"] for term in (match, sparse))
    assert ours is theirs
    assert ours.shape[0] == 3


def test_mosaic_says_what_it_lacks():
    with pytest.raises(InputError, match=r"mosaic needs rows of numbers, and x has the shape \(3, 16, 16\)"):
        mosaic.build(Schema((3, 16, 16), {"regime": ("a", "b")}, ("past",)))
    with pytest.raises(InputError, match=r"mosaic needs the field 'regime', .* or set regime= to another"):
        mosaic.build(Schema((8,), {}, ("past",)))
    with pytest.raises(InputError, match="mosaic needs at least 2 values of 'regime', and the data has 1"):
        mosaic.build(Schema((8,), {"regime": ("a",)}, ("past",)))


def test_influence_tells_what_each_latent_moves():
    data, _ = modules(0).sample(500)
    runs = ik.fit("mosaic", data, latents=4, seeds=2, steps=30, progress=False)
    found = influence(runs, data.part("test"))
    assert found.shape == (2, 4, 12)
    codes = runs.encode(data.part("test"))
    parts = runs.predict(data.part("test"), "parts")
    assert parts.shape == (2, *codes.shape[1:], 12)
    np.testing.assert_allclose(parts.std(1), found)
    assert (found > 0).all()


def test_modules_are_found_within_few_steps():
    world = modules(0)
    data, _ = world.sample(5_000)
    runs = ik.fit("mosaic", data, latents=4, seeds=1, steps=300, progress=False)
    owner = influence(runs)[0].argmax(0)
    assert isinstance(world.world, Tokamak)
    support = world.world.support.argmax(1)
    assert [len(set(owner[support == k])) for k in range(4)] == [1, 1, 1, 1]
    assert len(set(owner)) == 4


def test_worlds_of_checks_break_what_they_say():
    held, still, dense = (make(0).world.describe() for make in (chain, still_chain, dense_chain))
    for name in ("no intimate neighbours", "sparse"):
        assert held[name].word == still[name].word == "holds"
        assert dense[name].word == "broken"
    assert still["sufficient variability"].word == "broken"
    assert held["conditionally independent"].word == "broken"
    assert modules(0).world.describe()["structural sparsity"].word == "holds"
    assert leaking_modules(0).world.describe()["structural sparsity"].word == "broken"


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=1, progress=False)
    assert found.ok, found
