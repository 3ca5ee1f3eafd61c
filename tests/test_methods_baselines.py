"""The baselines: closed forms against scikit-learn, seeds, saving, players that go on, and broken input."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.engine import files, find
from identikit.engine.fit import _checkpoint
from identikit.errors import InputError
from identikit.methods.annealed_vae import annealed_vae
from identikit.methods.baselines import ToldLatents, linear_mixtures, linear_normals
from identikit.methods.beta_tcvae import beta_tcvae
from identikit.methods.claims import spearman_mcc, verify
from identikit.methods.dip_vae import dip_vae
from identikit.methods.factor_vae import factor_vae
from identikit.methods.fast_ica import fast_ica
from identikit.methods.pca import pca
from identikit.methods.random_encoder import random_encoder
from identikit.methods.supervised import supervised
from identikit.nets import Batch

CLOSED = (pca, fast_ica)
TRAINED = (beta_tcvae, dip_vae, annealed_vae, random_encoder, factor_vae)
EVERY = (*CLOSED, *TRAINED, supervised)
NAMES = {"domain": ("a", "b", "c"), "y": ("low", "high")}
DATA, TRUTH = ik.worlds.DomainShift(domains=3).sample(900, seed=0)
QUIET = {"progress": False}


def named(methods):
    return pytest.mark.parametrize("method", methods, ids=[m.name for m in methods])


# --- what all of them share


@named(EVERY)
@pytest.mark.parametrize("shape", [(8,), (3, 16, 16)], ids=["vector", "image"])
def test_gradients_reach_all_that_is_trained_and_nothing_else(method, shape):
    schema = Schema(shape, NAMES)
    model, objective = method.build(schema)
    objective.check(model, schema)
    x = torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))
    rows = Batch({"x": x, "domain": torch.arange(6) % 3, "y": torch.arange(6) % 2}, step=5000)
    code = model(rows, torch.ones(6, model.noise_size))
    assert code.mean.shape == (6, 4)
    loss = objective(code, rows).total
    assert bool(torch.isfinite(loss))
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if free:
        loss.backward()
    assert bool(free) == (method not in CLOSED)
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in free)


@named(EVERY)
def test_runs_are_saved_and_read_back(method, tmp_path):
    runs = ik.fit(method.name, DATA, seeds=2, steps=3, checkpoint=tmp_path, **QUIET)
    again = ik.engine.Runs.load(tmp_path, DATA)
    np.testing.assert_array_equal(again.encode(), runs.encode())
    assert runs.encode().shape == (2, 900, 4)
    assert ik.fit(method.name, DATA, seeds=2, steps=3, checkpoint=tmp_path, **QUIET).settings == runs.settings


@named(EVERY)
def test_a_code_needs_a_latent(method):
    with pytest.raises(InputError, match="at least one latent, not 0"):
        method.build(Schema((8,), NAMES), latents=0)


@named((*CLOSED, factor_vae))
def test_a_run_is_the_same_alone_and_among_others(method):
    both = ik.fit(method.name, DATA, seeds=[3, 5], steps=60, lr=1e-3, **QUIET).encode()
    for i, seed in enumerate((3, 5)):
        alone = ik.fit(method.name, DATA, seeds=[seed], steps=60, lr=1e-3, **QUIET).encode()[0]
        np.testing.assert_allclose(both[i], alone, atol=1e-4)


# --- closed forms


def test_pca_is_that_of_scikit_learn():
    from sklearn.decomposition import PCA

    train = DATA["x"][DATA.index("train")].astype(np.float64)
    rows = (train - train.mean(0)) / train.std(0)
    known = PCA(3, whiten=True).fit(rows)
    runs = ik.fit("pca", DATA, latents=3, **QUIET)
    codes = runs.encode()[0][DATA.index("train")]
    np.testing.assert_allclose(np.abs(codes), np.abs(known.transform(rows)), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(codes.std(0), 1, atol=1e-4)
    given = known.inverse_transform(known.transform(rows)) * train.std(0) + train.mean(0)
    np.testing.assert_allclose(runs.decode(codes)[0], given, atol=1e-3)


@named(CLOSED)
def test_closed_forms_give_back_data_of_as_many_directions(method):
    runs = ik.fit(method.name, DATA, **QUIET)
    np.testing.assert_allclose(runs.decode(runs.encode())[0], DATA.x, atol=1e-3)


@named(CLOSED)
def test_training_longer_changes_nothing(method):
    one, many = (ik.fit(method.name, DATA, steps=steps, lr=0.1, **QUIET).encode() for steps in (1, 7))
    np.testing.assert_array_equal(one, many)


@named(CLOSED)
def test_more_latents_than_directions_are_refused(method):
    with pytest.raises(InputError, match=r"x varies in 4 directions only, so a linear code has at most 4 latents"):
        ik.fit(method.name, DATA, latents=5, **QUIET)
    with pytest.raises(InputError, match="a linear code of 8 numbers has at most 8 latents, not 9"):
        ik.fit(method.name, DATA, latents=9, **QUIET)


def test_fast_ica_finds_mixtures_and_starts_elsewhere_with_every_seed():
    data, truth = linear_mixtures(0).sample(1000, seed=0)
    runs = ik.fit("fast_ica", data, seeds=3, **QUIET)
    codes = runs.encode()
    assert all(spearman_mcc(own, truth.latents) > 0.95 for own in codes)
    assert not np.allclose(codes[0], codes[1], atol=0.1)
    np.testing.assert_allclose(np.corrcoef(codes[0][data.index("train")].T), np.eye(4), atol=1e-3)
    assert len({run.seed for run in runs.table}) == 3


def test_fast_ica_says_so_where_it_does_not_settle(caplog, monkeypatch):
    monkeypatch.setattr(sys.modules["identikit.methods.fast_ica"], "_ITERATIONS", 1)
    data, _ = linear_normals(0).sample(400, seed=0)
    ik.fit("fast_ica", data, **QUIET)
    assert "fast_ica did not settle in 1 iterations" in caplog.text


def test_a_closed_form_can_be_certified_without_the_refit():
    runs = ik.fit("pca", DATA, seeds=2, **QUIET)
    certificate = ik.certify(runs, DATA, parts=("agreement", "assumptions"), progress=False)
    assert {latent.claim for latent in certificate.latents} == {"subspace"}


@named(CLOSED)
def test_a_closed_form_goes_through_pictures(method):
    pictures = np.random.default_rng(0).integers(0, 255, size=(120, 3, 4, 4), dtype=np.uint8)
    runs = ik.fit(method.name, ik.datasets.from_arrays(x=pictures), latents=2, batch=16, **QUIET)
    assert runs.encode().shape == (1, 120, 2)
    assert runs.decode(runs.encode()).shape == (1, 120, 3, 4, 4)


# --- the trained ones


def test_a_random_encoder_stays_as_it_was_drawn():
    short, long = (ik.fit("random_encoder", DATA, steps=steps, **QUIET) for steps in (1, 40))
    np.testing.assert_array_equal(short.encode(), long.encode())
    assert long.history["Reconstruction"][-1][0] < short.history["Reconstruction"][0][0]


def test_weights_are_those_of_the_papers():
    vector = Schema((8,), NAMES)
    assert str(beta_tcvae.build(vector)[1]) == "Reconstruction + MatchPrior + 5 * Independence"
    assert str(dip_vae.build(vector, kind="I")[1]) == "Reconstruction + MatchPrior + 10 * MatchCovariance"
    assert "10 * AdversarialIndependence" in str(factor_vae.build(vector)[1])
    first, second = (dip_vae.build(vector, kind=kind)[1].terms[2] for kind in ("I", "II"))
    assert (first.of, first.diagonal, second.of, second.diagonal) == ("mean", 10.0, "sample", 1.0)
    with pytest.raises(InputError, match="unknown kind of dip_vae 'III'"):
        dip_vae.build(vector, kind="III")


def test_the_capacity_of_the_annealed_vae_rises():
    term = annealed_vae.build(Schema((8,), NAMES), capacity=8.0, capacity_steps=100)[1].terms[1]
    assert [term.capacity.at(step) for step in (0, 50, 200)] == [0, 4, 8]


def test_dip_vae_holds_the_covariance_closer_to_the_identity():
    heavy, light = (ik.fit("dip_vae", DATA, weight=weight, steps=300, **QUIET) for weight in (100.0, 0.0))
    assert heavy.history["MatchCovariance"][-1][0] < 0.5 * light.history["MatchCovariance"][-1][0]


def test_supervised_tells_numbers_and_classes():
    told, truth = ToldLatents(domains=3).sample(900, seed=0)
    runs = ik.fit("supervised", told, numbers=4, steps=400, **QUIET)
    assert spearman_mcc(runs.encode()[0], truth.latents) > 0.9
    assert runs.predict().shape == (1, 900, 4)
    assert ik.fit("supervised", DATA, steps=3, **QUIET).predict().shape == (1, 900, 2)
    two = ik.fit("supervised", told, numbers=4, latents=3, steps=3, **QUIET)
    assert two.predict().shape == (1, 900, 4)


def test_supervised_needs_labels_and_their_number():
    with pytest.raises(InputError, match="supervised needs the field 'y', and the data holds x, domain"):
        supervised.build(Schema((8,), {"domain": ("a", "b")}))
    with pytest.raises(InputError, match="numbers says how many numbers y holds, 1 or more, not 0"):
        supervised.build(Schema((8,), NAMES), numbers=0)
    told, _ = ToldLatents(domains=3).sample(900, seed=0)
    with pytest.raises(InputError, match="a row of 'y' holds 4 numbers, and its head tells 1"):
        ik.fit("supervised", told, steps=3, **QUIET)


# --- the inner player


def test_the_player_is_trained_beside_the_model_and_recorded():
    training = ik.steps("factor_vae", DATA, seeds=2, steps=5, lr=1e-3)
    term = training.program.learner.objective.terms[2]
    before = [parameter.detach().clone() for parameter in term.parameters()]
    _, parts = next(training)
    assert parts["AdversarialIndependence player"].shape == (2,)
    assert all(not torch.equal(old, new) for old, new in zip(before, term.parameters(), strict=True))
    expected = parts["Reconstruction"] + parts["MatchPrior"] + 10 * parts["AdversarialIndependence"]
    torch.testing.assert_close(parts["total"], expected)


def test_a_fit_with_a_player_goes_on_from_a_checkpoint(tmp_path):
    whole = ik.fit("factor_vae", DATA, seeds=2, steps=60, **QUIET)
    training = ik.steps("factor_vae", DATA, seeds=2, steps=60)
    for step, _ in training:
        if step == 19:
            break
    _checkpoint(training, files.ready(tmp_path), 0.0)
    again = ik.fit("factor_vae", DATA, seeds=2, steps=60, checkpoint=tmp_path, **QUIET)
    for name, tensor in whole.program.state.items():
        torch.testing.assert_close(again.program.state[name], tensor, rtol=0, atol=0)


def test_a_player_in_torch_modules_is_mapped_over_the_runs():
    from identikit.constraints.adversarial_independence import AdversarialIndependence

    def build():
        encoder = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 8))
        return ik.nets.Model((8,), 4, encoder, torch.nn.Linear(4, 8))

    objective = ik.tasks.Reconstruction() + AdversarialIndependence(4, hidden=8)
    training = ik.steps((build, objective), DATA, seeds=2, steps=4)
    assert training.program.strategy == "vmap"
    runs = [parts["AdversarialIndependence player"] for _, parts in training]
    assert len(runs) == 4
    assert bool(torch.isfinite(torch.stack(runs)).all())


@named(CLOSED)
def test_closed_claims_are_borne_out(method):
    found = verify(method.name, seeds=1, worlds=1, progress=False)
    assert found.ok, found


@pytest.mark.slow
@named((*TRAINED, supervised))
def test_trained_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=1, progress=False)
    assert found.ok, found


@named(EVERY)
def test_every_method_has_a_page_and_both_sides_of_its_claim(method):
    page = (Path(__file__).parents[1] / "docs" / "methods" / f"{method.name}.md").read_text()
    assert method.name in page
    for option in method.options:
        assert f"`{option}`" in page
    assert {check.at_least is None for check in find(method.name).checks} == {True, False}
