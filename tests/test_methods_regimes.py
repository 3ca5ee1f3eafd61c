"""Methods of time whose law changes, or whose mixing forgets: what they need, and small fits."""

from __future__ import annotations

import numpy as np
import pytest

import identikit as ik
from identikit.data import Schema
from identikit.engine import find
from identikit.errors import InputError
from identikit.methods import verify
from identikit.methods.claims_regimes import noise_alike, noise_by_regime
from identikit.methods.leap import leap
from identikit.worlds.temporal import Temporal

METHODS = [leap]
EVERY = pytest.mark.parametrize("method", METHODS, ids=[m.name for m in METHODS])
VECTOR = Schema((8,), {"domain": ("a", "b")}, ("past",))


@EVERY
def test_is_known_by_name_and_states_both_sides(method):
    assert find(method.name) is method
    assert [check.says.split(":")[0] for check in method.checks] == ["holds", "broken"]
    assert method.claim.assumes


@EVERY
def test_fits_the_world_of_its_check(method):
    check = method.checks[0]
    data, truth = check.world(0).sample(360)
    runs = ik.fit(method.name, data, seeds=2, steps=3, progress=False, **check.options)
    assert runs.encode().shape == (2, truth.rows, 3)
    assert np.isfinite(runs.encode()).all()


@EVERY
def test_a_past_is_needed(method):
    with pytest.raises(InputError, match=f"{method.name} needs the field 'past', and the data holds x, domain"):
        method.build(Schema((8,), {"domain": ("a", "b")}))


def test_leap_needs_two_domains():
    with pytest.raises(InputError, match="leap needs the field 'regime' as categories: set auxiliary= to one"):
        leap.build(VECTOR, auxiliary="regime")
    with pytest.raises(InputError, match="leap needs at least 2 values of 'domain', and the data has 1"):
        leap.build(Schema((8,), {"domain": ("a",)}, ("past",)))


def test_regimes_differ_in_their_noise_alone_or_in_nothing():
    past, now = np.random.default_rng(0).normal(size=(2, 50, 1, 3))
    for make, alike in ((noise_by_regime, False), (noise_alike, True)):
        world = make(0).world
        assert isinstance(world, Temporal)
        transitions = world.transitions
        moments = [transition.moments(past, now[:, 0]) for transition in transitions]
        assert len(moments) == 9
        for mean, deviation in moments[1:]:
            assert np.array_equal(mean, moments[0][0])
            assert np.array_equal(deviation, moments[0][1]) == alike


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=1, progress=False)
    assert found.ok, found
