"""Methods with codes of finitely many states, and the weight decay that one of them wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.engine import files
from identikit.engine.fit import _checkpoint
from identikit.errors import InputError
from identikit.methods.claims import verify
from identikit.methods.claims_discrete import concepts, concepts_r2
from identikit.methods.gumbel_vae import gumbel_vae
from identikit.methods.qlae import qlae
from identikit.methods.vq_vae import vq_vae
from identikit.nets import Batch
from identikit.reports.sources import python_call

EVERY = pytest.mark.parametrize("method", [qlae, vq_vae, gumbel_vae], ids=lambda m: m.name)
DATA, _ = ik.worlds.DomainShift(domains=3).sample(600, seed=0)
QUIET = {"progress": False}


# --- what all of them share


@pytest.mark.parametrize("shape", [(8,), (1, 16, 16)], ids=["vector", "image"])
@EVERY
def test_gradients_reach_encoder_decoder_and_codebook(method, shape):
    schema = Schema(shape, {})
    model, objective = method.build(schema)
    objective.check(model, schema)
    rows = Batch({"x": torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))}, step=500)
    code = model(rows, torch.randn(6, model.noise_size, generator=torch.Generator().manual_seed(1)))
    assert code.mean.shape == (6, model.latents)
    assert code.reconstruction.shape == (6, *shape)
    objective(code, rows).total.backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


@EVERY
def test_codes_take_few_values_and_are_saved_and_read_back(method, tmp_path):
    options = {"latents": 4, "states": 3}
    runs = ik.fit(method.name, DATA, seeds=2, steps=4, checkpoint=tmp_path, **options, **QUIET)
    codes, states = runs.encode(), runs.states()
    places = 2 if method is vq_vae else 4
    assert states.shape == (2, 600, places)
    assert 0 <= states.min() < states.max() < 3
    for run in range(2):
        pairs = np.unique(np.concatenate([codes[run].round(5), states[run]], 1), axis=0)
        assert len(pairs) == len(np.unique(states[run], axis=0)) <= 3**places
    assert runs.decode(codes).shape == (2, 600, 8)
    assert not runs.variances().any()
    again = ik.engine.Runs.load(tmp_path, DATA)
    np.testing.assert_array_equal(again.encode(), codes)
    np.testing.assert_array_equal(again.states(), states)


@EVERY
def test_a_run_is_the_same_alone_and_among_others(method):
    both = ik.fit(method.name, DATA, seeds=[3, 5], steps=20, lr=1e-3, **QUIET)
    alone = ik.fit(method.name, DATA, seeds=[5], steps=20, lr=1e-3, **QUIET)
    for name, tensor in alone.program.state.items():
        torch.testing.assert_close(both.program.state[name][1], tensor[0], atol=1e-4, rtol=1e-4)


@EVERY
def test_bad_sizes_are_one_sentence(method):
    with pytest.raises(InputError, match="at least one latent, not 0"):
        method.build(Schema((8,), {}), latents=0)
    with pytest.raises(InputError, match="2 states or more, not 1"):
        method.build(Schema((8,), {}), states=1)


def test_vectors_must_fill_the_code():
    with pytest.raises(InputError, match="a code of 5 numbers is not made of vectors of 2"):
        vq_vae.build(Schema((8,), {}), latents=5)


def test_the_code_of_gumbel_is_one_for_each_latent():
    runs = ik.fit("gumbel_vae", DATA, steps=3, latents=3, states=4, **QUIET)
    codes = runs.encode()[0].reshape(600, 3, 4)
    np.testing.assert_allclose(codes.sum(-1), 1, atol=1e-6)
    np.testing.assert_array_equal(codes.argmax(-1), runs.states()[0])
    assert runs.blocks["latent 1"] == (4, 5, 6, 7)


def test_a_continuous_code_has_no_states_and_a_discrete_one_no_simulation():
    with pytest.raises(InputError, match="no quantiser, so its code has no states"):
        ik.fit("vae", DATA, steps=1, **QUIET).states()
    with pytest.raises(InputError, match="gumbel_vae has no prior"):
        ik.fit("gumbel_vae", DATA, steps=1, **QUIET).simulate()


def test_commitment_brings_codes_and_entries_together():
    runs = ik.fit("qlae", DATA, steps=200, lr=0.01, **QUIET)
    found = runs.history["Commitment"]
    assert found[-1][0] < 0.5 * max(value[0] for value in found)


def test_a_discrete_code_finds_the_states_of_discrete_data():
    data, truth = concepts(0).sample(2_000, seed=0)
    runs = ik.fit("gumbel_vae", data, steps=700, lr=0.01, cooling=500, **QUIET)
    test = truth.part("test").latents
    assert concepts_r2(runs.encode(data.part("test"))[0], test) > 0.85
    assert concepts_r2(runs.encode(data.part("test"))[0], np.random.default_rng(0).permutation(test)) < 0.2


# --- weight decay


def state_of(**options):
    return ik.fit("qlae", DATA, steps=1, lr=0.01, **options, **QUIET).program.state


def test_a_step_of_decay_takes_its_share_of_the_weights_and_leaves_codebooks():
    plain, decayed, start = state_of(weight_decay=0.0), state_of(weight_decay=5.0), ik.steps("qlae", DATA, steps=1)
    names = [name for name, parameter in start.program.parameters.items() if parameter.requires_grad]
    assert "model.quantiser.weight" in names
    for name in names:
        before = start.program.state[name].detach()
        share = 0.0 if "quantiser" in name else 0.05
        torch.testing.assert_close(decayed[name], plain[name] - share * before, atol=1e-6, rtol=1e-5)


def test_no_decay_is_what_was_always_done():
    given = [ik.fit("vae", DATA, steps=30, lr=0.01, **extra, **QUIET) for extra in ({}, {"weight_decay": 0})]
    for name, tensor in given[0].program.state.items():
        assert torch.equal(given[1].program.state[name], tensor)
    assert given[0].settings.weight_decay == 0
    assert ik.fit("qlae", DATA, steps=1, **QUIET).settings.weight_decay == 0.1


def test_inner_players_do_not_decay():
    training = ik.steps("factor_vae", DATA, steps=1, weight_decay=2.0)
    rates = [group["weight_decay"] for group in training.optimiser.param_groups if group["params"]]
    assert rates == [2.0, 0.0]


def test_a_fit_with_decay_goes_on_from_a_checkpoint_and_from_no_other(tmp_path):
    whole = ik.fit("qlae", DATA, seeds=2, steps=60, weight_decay=1.0, **QUIET)
    training = ik.steps("qlae", DATA, seeds=2, steps=60, weight_decay=1.0)
    for step, _ in training:
        if step == 19:
            break
    _checkpoint(training, files.ready(tmp_path), 0.0)
    with pytest.raises(InputError, match=r"holds a fit with weight_decay 1\.0, and this one has 0\.1"):
        ik.fit("qlae", DATA, seeds=2, steps=60, checkpoint=tmp_path, **QUIET)
    again = ik.fit("qlae", DATA, seeds=2, steps=60, weight_decay=1.0, checkpoint=tmp_path, **QUIET)
    for name, tensor in whole.program.state.items():
        torch.testing.assert_close(again.program.state[name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("decay", [-0.1, float("nan"), float("inf"), "much"])
def test_a_decay_that_is_no_number_is_refused(decay):
    with pytest.raises(InputError, match="weight_decay is a number, 0 or more, not"):
        ik.fit("vae", DATA, weight_decay=decay, **QUIET)


def test_the_call_that_fits_again_names_a_decay_that_was_asked_for():
    own, other = ({} if decay is None else {"weight_decay": decay} for decay in (None, 0.5))
    assert "weight_decay" not in python_call(ik.fit("qlae", DATA, steps=1, **own, **QUIET))
    assert "weight_decay=0.5" in python_call(ik.fit("qlae", DATA, steps=1, **other, **QUIET))


# --- claims


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=1, progress=False)
    assert found.ok, found


@EVERY
def test_every_method_has_a_page_and_both_sides_of_its_claim(method):
    page = (Path(__file__).parents[1] / "docs" / "methods" / f"{method.name}.md").read_text()
    for option in method.options:
        assert f"`{option}`" in page
    assert {check.at_least is None for check in method.checks} == {True, False}
