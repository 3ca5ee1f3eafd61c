"""The methods that learn from time and segments: what they need, and small fits; their claims are checked by verify."""

from __future__ import annotations

import numpy as np
import pytest

import identikit as ik
from identikit.data import Schema
from identikit.engine import find
from identikit.errors import InputError
from identikit.methods import verify
from identikit.methods.claims_time import (
    InTime,
    driven_sources,
    equal_segments,
    linear_r2_of_squares,
    modulated,
    segments,
    sources,
    unmodulated,
)
from identikit.methods.pcl import pcl
from identikit.methods.tcl import tcl
from identikit.methods.tdrl import TRANSITIONS, tdrl

METHODS = [tdrl, pcl, tcl]
EVERY = pytest.mark.parametrize("method", METHODS, ids=[m.name for m in METHODS])
IMAGE = Schema((3, 16, 16), {"domain": ("a", "b")}, ("past",))
VECTOR = Schema((8,), {"domain": ("a", "b")}, ("past",))


@EVERY
def test_is_known_by_name_and_states_both_sides(method):
    assert find(method.name) is method
    assert [check.says.split(":")[0] for check in method.checks] == ["holds", "broken"]
    assert method.claim.assumes


@pytest.mark.parametrize("schema", [VECTOR, IMAGE], ids=["vector", "image"])
@EVERY
def test_builds_for_numbers_and_pictures(method, schema):
    model, objective = method.build(schema, latents=3)
    assert model.latents == 3
    objective.check(model, schema)


@EVERY
def test_fits_the_world_of_its_check(method):
    data, truth = method.checks[0].world(0).sample(200)
    runs = ik.fit(method.name, data, latents=3, seeds=2, steps=3, progress=False)
    assert runs.encode().shape == (2, truth.rows, 3)
    assert np.isfinite(runs.encode()).all()


@pytest.mark.parametrize("method", [tdrl, pcl], ids=["tdrl", "pcl"])
def test_a_past_is_needed(method):
    with pytest.raises(InputError, match=f"{method.name} needs the field 'past', and the data holds x, domain"):
        method.build(Schema((8,), {"domain": ("a", "b")}))


def test_tcl_needs_two_segments():
    with pytest.raises(InputError, match=r"tcl needs the field 'domain', .* or set segment= to another"):
        tcl.build(Schema((8,)))
    with pytest.raises(InputError, match="tcl needs at least 2 values of 'domain', and the data has 1"):
        tcl.build(Schema((8,), {"domain": ("a",)}))


def test_tdrl_knows_its_transitions():
    for name, kind in TRANSITIONS.items():
        _, objective = tdrl.build(VECTOR, transition=name)
        (_, term) = objective.entries()[1]
        assert isinstance(term.transition, kind)
    with pytest.raises(InputError, match="unknown transition 'freee': did you mean 'free'"):
        tdrl.build(VECTOR, transition="freee")


def test_the_code_of_tcl_alone_reaches_the_classifier():
    model, objective = tcl.build(VECTOR, latents=2)
    assert [tuple(p.shape) for p in model.heads.parameters()] == [(2, 2), (2,)]
    assert objective.names == ("Classification(domain)",)


def test_worlds_of_checks_break_what_they_say():
    # Each pair differs in one assumption.
    for broken, holds, name in (
        (equal_segments, segments, "sufficiently variable"),
        (driven_sources, sources, "independent latents"),
    ):
        assert broken(0).world.describe()[name].word == "broken"
        assert holds(0).world.describe()[name].word == "holds"
    # Of Laplace noise, whose density is not smooth, it cannot be told.
    assert unmodulated(0).world.describe()["sufficient variability"].word == "broken"
    assert modulated(0).world.describe()["sufficient variability"].word not in ("broken", "holds")


def test_rows_get_their_past():
    data, truth = modulated(0).sample(90)
    assert data["past"].shape[1:] == (1, 8)
    assert data.rows == truth.rows < 90
    flat = InTime(segments(0).world).sample(90)[0]
    assert "past" not in flat


def test_squares_are_read_by_a_line_and_latents_are_not():
    latents = np.random.default_rng(0).normal(size=(500, 2))
    assert linear_r2_of_squares(latents**2 @ [[1.0, 2.0], [3.0, -1.0]], latents) > 0.99
    assert linear_r2_of_squares(latents, latents) < 0.1


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=1, progress=False)
    assert found.ok, found
