"""Methods of time whose law changes, or whose mixing forgets: what they need, and small fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import identikit as ik
from identikit.data import Schema
from identikit.datasets.windows import windows
from identikit.engine import find
from identikit.errors import InputError
from identikit.methods import verify
from identikit.methods.caring import caring
from identikit.methods.claims_regimes import (
    forgotten,
    hidden_alike,
    hidden_regimes,
    noise_alike,
    noise_by_regime,
    remembered,
)
from identikit.methods.leap import leap
from identikit.methods.nctrl import nctrl, regime_probabilities
from identikit.methods.tdrl import tdrl
from identikit.worlds.temporal import Temporal

METHODS = [leap, nctrl, caring]
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
    with pytest.raises(InputError, match=r"leap needs the field 'regime', .* or set auxiliary= to another"):
        leap.build(VECTOR, auxiliary="regime")
    with pytest.raises(InputError, match="leap needs at least 2 values of 'domain', and the data has 1"):
        leap.build(Schema((8,), {"domain": ("a",)}, ("past",)))


def test_leap_warns_of_too_few_domains():
    options = {"latents": 2, "auxiliary": "domain"}
    assert "needs 5 values of 'domain' or more to tell latents=2 latents apart" in (
        leap.doubt(Schema((8,), {"domain": tuple("abcd")}, ("past",)), options)
    )
    assert leap.doubt(Schema((8,), {"domain": tuple("abcde")}, ("past",)), options) is None


def test_regimes_differ_in_their_noise_alone_or_in_nothing():
    past, now = np.random.default_rng(0).normal(size=(2, 50, 1, 3))
    for make, alike, count in (
        (noise_by_regime, False, 9),
        (noise_alike, True, 9),
        (hidden_regimes, False, 4),
        (hidden_alike, True, 4),
    ):
        world = make(0).world
        assert isinstance(world, Temporal)
        transitions = world.transitions
        moments = [transition.moments(past, now[:, 0]) for transition in transitions]
        assert len(moments) == count
        for mean, deviation in moments[1:]:
            assert np.array_equal(mean, moments[0][0])
            assert np.array_equal(deviation, moments[0][1]) == alike


def test_nctrl_tells_how_likely_each_regime_is():
    data, truth = hidden_regimes(0).sample(400)
    runs = ik.fit("nctrl", data, latents=3, regimes=4, seeds=2, steps=3, progress=False)
    found = regime_probabilities(runs, data)
    assert found.shape == (2, truth.rows, 4)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert not np.allclose(found[0], found[1])
    assert "regime" not in data
    short = ik.fit("leap", noise_by_regime(0).sample(360)[0], auxiliary="regime", steps=1, progress=False)
    with pytest.raises(InputError, match="regimes are told by nctrl, and these runs were fitted by leap"):
        regime_probabilities(short, data)
    with pytest.raises(InputError, match="regime_probabilities needs the field 'past', and the data holds x, sequence"):
        regime_probabilities(runs, hidden_regimes(0).world.sample(400)[0])


def test_windows_and_sequences_that_are_too_short_are_said():
    with pytest.raises(InputError, match="nctrl needs regimes of 1 or more and a window of 2 or more, not 3 and 1"):
        nctrl.build(VECTOR, regimes=3, lags=2, window=1)
    with pytest.raises(InputError, match="no row has 7 time points before it in its sequence"):
        windows(hidden_regimes(0).world.sample(20)[0].take(np.arange(6)), past=7, next=False)
    data = hidden_regimes(0).sample(400)[0]
    with pytest.raises(InputError, match=r"a row of 'past' has shape \(7, 8\), and the model needs \(4, 8\)"):
        ik.fit("nctrl", data, window=4, progress=False)


def test_caring_remembers_and_says_what_it_cannot():
    model, _ = caring.build(VECTOR, latents=3, lags=2, history=3)
    assert (model.also, model.history, model.needs) == ({"past": (2,)}, 3, ("past",))
    with pytest.raises(InputError, match="caring remembers a history of at least 1 time point, not 0"):
        caring.build(VECTOR, history=0)
    with pytest.raises(InputError, match=r"caring takes rows of numbers, and x has the shape \(3, 8, 8\)"):
        caring.build(Schema((3, 8, 8), {}, ("past",)))
    data = remembered(0).sample(400)[0]
    with pytest.raises(InputError, match=r"a row of 'past' has shape \(2, 8\), and the model needs \(3, 8\)"):
        ik.fit("caring", data, history=2, progress=False)


def test_what_caring_remembers_reaches_its_code():
    data = remembered(0).sample(400)[0]
    runs = ik.fit("caring", data, latents=3, steps=3, progress=False)
    fields = {**data.fields, "past": data["past"] + np.array([[0], [1]], np.float32)}
    other = replace(data, fields=fields)
    nearer = replace(data, fields={**data.fields, "past": data["past"] + np.array([[1], [0]], np.float32)})
    np.testing.assert_array_equal(runs.encode(other), runs.encode(data))
    assert np.abs(runs.encode(nearer) - runs.encode(data)).max() > 1e-3


def test_an_unseen_latent_follows_from_the_last_frame_or_is_lost():
    for make, word in ((remembered, "holds"), (forgotten, "broken")):
        assert make(0).world.describe()["recoverable from history"].word == word


def test_tdrl_takes_a_known_regime_and_correlated_posteriors():
    data, truth = noise_by_regime(0).sample(360)
    runs = ik.fit("tdrl", data, latents=3, regime="regime", correlated=True, seeds=2, steps=3, progress=False)
    assert runs.encode().shape == (2, truth.rows, 3)
    with pytest.raises(InputError, match="regime= names a field of categories, and the data has none called 'season'"):
        tdrl.build(data, regime="season")
    with pytest.raises(InputError, match="transitions of known regimes are increasing maps, not 'free'"):
        tdrl.build(data, regime="regime", transition="free")


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=1, progress=False)
    assert found.ok, found
