"""Methods and data of domain adaptation: a classifier, three ways to make domains alike, and files of features."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.datasets.features import FILE
from identikit.datasets.office_caltech import office_caltech
from identikit.datasets.pacs import pacs
from identikit.engine import find
from identikit.errors import InputError
from identikit.methods.adaptation import domain_told, shifting
from identikit.methods.claims import verify
from identikit.nets import Batch

NAMES = ("source_only", "dann", "mmd", "moment_matching")
METHODS = [importlib.import_module(f"identikit.methods.{name}") and find(name) for name in NAMES]
TERMS = {"dann": "AdversarialDomains(all)", "mmd": "MatchDomains(all)", "moment_matching": "MatchMoments(all)"}
LABELS = {"domain": ("a", "b", "c"), "y": ("low", "high")}
DATA, TRUTH = ik.worlds.DomainShift(domains=3).sample(900, seed=0)
QUIET = {"progress": False}
every = pytest.mark.parametrize("method", METHODS, ids=NAMES)


@every
@pytest.mark.parametrize("shape", [(8,), (3, 16, 16)], ids=["vector", "image"])
def test_gradients_reach_all_that_is_trained(method, shape):
    model, objective = method.build(Schema(shape, LABELS))
    x = torch.randn(6, *shape, generator=torch.Generator().manual_seed(0))
    rows = Batch({"x": x, "domain": torch.arange(6) % 3, "y": torch.arange(6) % 2})
    code = model(rows, torch.ones(6, model.noise_size))
    loss = objective(code, rows).total + sum(objective.inner(code, rows, torch.empty(6, 0)).values())
    loss.backward()
    assert bool(torch.isfinite(loss))
    both = [*model.parameters(), *objective.parameters()]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in both)


@every
def test_runs_predict_are_saved_and_read_back(method, tmp_path):
    runs = ik.fit(method.name, DATA, seeds=2, steps=3, checkpoint=tmp_path, **QUIET)
    again = ik.engine.Runs.load(tmp_path, DATA)
    np.testing.assert_array_equal(again.predict(), runs.predict())
    assert runs.encode().shape == (2, 900, 4)
    assert runs.predict().shape == (2, 900, 2)
    assert runs.settings.balance


@every
def test_hidden_labels_change_nothing(method):
    hidden = DATA["y"] < 0
    assert set(DATA["domain"][hidden]) == {2}
    other = DATA.take(np.arange(900))
    other.fields["y"] = TRUTH.labels["y"].copy()
    again = other.hide("y", hidden)
    one, two = (ik.fit(method.name, data, steps=20, **QUIET).predict() for data in (DATA, again))
    np.testing.assert_array_equal(one, two)


@every
def test_a_run_is_the_same_alone_and_among_others(method):
    both = ik.fit(method.name, DATA, seeds=[3, 5], steps=40, lr=1e-3, **QUIET).predict()
    alone = ik.fit(method.name, DATA, seeds=[5], steps=40, lr=1e-3, **QUIET).predict()
    np.testing.assert_allclose(both[1], alone[0], atol=1e-4)


@every
def test_bad_input_is_one_sentence(method):
    with pytest.raises(InputError, match=f"{method.name} needs the field 'domain', and the data holds x, y"):
        method.build(Schema((8,), {"y": ("low", "high")}))
    with pytest.raises(InputError, match=f"{method.name} needs the field 'y', and the data holds x, domain"):
        method.build(Schema((8,), {"domain": ("a", "b")}))
    with pytest.raises(InputError, match="needs at least 2 domains, and the data has 1"):
        method.build(Schema((8,), {"domain": ("a",), "y": ("low", "high")}))
    with pytest.raises(InputError, match=r"y holds one class \('low'\), and there is nothing to tell apart"):
        method.build(Schema((8,), {**LABELS, "y": ("low",)}))
    with pytest.raises(InputError, match="'y' is needed as categories"):
        method.build(Schema((8,), {"domain": ("a", "b")}, ("y",)))
    with pytest.raises(InputError, match="at least one latent, not 0"):
        method.build(Schema((8,), LABELS), latents=0)


@every
def test_weights_reach_their_terms(method):
    if method.name == "source_only":
        assert str(method.build(Schema((8,), LABELS))[1]) == "1 * Classification(y)"
        return
    written = str(method.build(Schema((8,), LABELS), weight=7.0)[1])
    assert f"7 * {TERMS[method.name]}" in written


def told(runs, data, truth):
    return np.mean([domain_told(runs[run], data.part("test"), truth.part("test")) for run in range(2)])


def test_matching_takes_the_domain_out_of_the_code():
    data, truth = shifting(12).sample(2400, seed=0)
    plain = told(ik.fit("source_only", data, seeds=2, steps=300, **QUIET), data, truth)
    for name in TERMS:
        assert told(ik.fit(name, data, seeds=2, steps=300, **QUIET), data, truth) < plain - 0.05


def test_codes_of_dann_stay_finite_and_small():
    runs = ik.fit("dann", DATA, seeds=2, steps=300, weight=10.0, **QUIET)
    assert float(runs.encode().std()) < 300
    assert min(runs.history["AdversarialDomains(all)"][-1]) >= 0


@pytest.mark.slow
@every
def test_claims_are_borne_out(method):
    found = verify(method.name, seeds=2, worlds=2, progress=False)
    assert found.ok, found


@every
def test_every_method_has_a_page_and_both_sides_of_its_claim(method):
    page = (Path(__file__).parents[1] / "docs" / "methods" / f"{method.name}.md").read_text()
    for option in method.options:
        assert f"`{option}`" in page
    assert {check.at_least is None for check in method.checks} == {True, False}
    assert method.claim.identifies == "nothing"


# --- files of features


def write(folder, rows=40, columns=6, **changes):
    rng = np.random.default_rng(0)
    arrays = {
        "features": rng.normal(size=(rows, columns)).astype(np.float16),
        "labels": (np.arange(rows) % 3).astype(np.uint8),
        "domains": (np.arange(rows) * 4 // rows).astype(np.uint8),
        "class_names": np.array(["cat", "dog", "house"]),
        "domain_names": np.array(["art", "cartoon", "photo", "sketch"]),
        "paths": np.array([f"{i}.jpg" for i in range(rows)]),
    }
    np.savez_compressed(folder / FILE, **{**arrays, **changes})
    return folder


@pytest.mark.parametrize("read", [pacs, office_caltech])
def test_features_are_read_with_the_labels_of_the_target_hidden(read, tmp_path):
    data, truth = read(write(tmp_path), target="photo", check=False)
    assert data["x"].shape == (40, 6)
    assert data["x"].dtype == np.float32
    assert data.names["domain"] == ("art", "cartoon", "photo", "sketch")
    photo = data["domain"] == 2
    assert (data["y"][photo] == -1).all()
    np.testing.assert_array_equal(data["y"][~photo], truth.labels["y"][~photo])
    np.testing.assert_array_equal(truth.labels["y"], np.arange(40) % 3)
    assert truth.names == ("class", "domain")
    same, _ = read(tmp_path / FILE, target=["photo"], check=False)
    assert same.fingerprint() == data.fingerprint()
    assert data.source["reader"] == read.__name__
    assert read(**{k: v for k, v in data.source.items() if k != "reader"})[0].fingerprint() == data.fingerprint()


def test_some_domains_in_an_order_of_ones_own(tmp_path):
    data, _ = pacs(write(tmp_path), domains=["sketch", "art"], check=False)
    assert data.names["domain"] == ("sketch", "art")
    assert data.rows == 20
    whole, _ = pacs(tmp_path, check=False)
    np.testing.assert_array_equal(data.x[data["domain"] == 0], whole.x[whole["domain"] == 3])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"check": True}, "has the sha256 .*, not 118554634750...: for features of your own, say check=False"),
        ({"target": "foto"}, "unknown domain to hide the labels of 'foto': did you mean 'photo'"),
        ({"domains": ["art", "skech"]}, "unknown domain 'skech': did you mean 'sketch'"),
        ({"domains": ["art", "art"]}, "domains are one or more different ones"),
        ({"domains": []}, "domains are one or more different ones"),
    ],
)
def test_wrong_options_are_told(options, sentence, tmp_path):
    with pytest.raises(InputError, match=sentence):
        pacs(write(tmp_path), **{"check": False, **options})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"features": np.zeros((40, 2, 2), np.float16)}, r"have shape \(40, 2, 2\)"),
        ({"labels": np.zeros(39, np.uint8)}, "lengths differ: 'labels' of .* has 39 rows, not 40"),
        ({"labels": np.full(40, 3, np.uint8)}, "'labels' of .* must be codes from 0 to 2, for its 'class_names'"),
        ({"domains": np.zeros(40)}, "'domains' of .* must be codes from 0 to 3"),
    ],
)
def test_broken_files_are_told(changes, sentence, tmp_path):
    with pytest.raises(InputError, match=sentence):
        pacs(write(tmp_path, **changes), check=False)


def test_files_that_are_no_features_are_told(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(InputError, match="holds no features of this layout"):
        pacs(tmp_path / "other.npz", check=False)
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"cannot be read as an \.npz file"):
        pacs(tmp_path / "text.npz", check=False)
    with pytest.raises(InputError, match=f"there is no file .*{FILE}|is a folder"):
        pacs(tmp_path, check=False)
    with pytest.raises(InputError, match="pacs is not fetched: hand it path="):
        pacs()
