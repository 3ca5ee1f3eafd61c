"""Methods with hard gates: mechanism sparsity, and several modalities; and how modalities go through a fit."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.datasets.windows import windows
from identikit.engine import Runs, find, fit
from identikit.errors import InputError
from identikit.methods.claims_sparse import graph_and_latents, graph_f1, latents_mcc
from identikit.nets import Batch
from identikit.worlds.actions import Actions
from identikit.worlds.modalities import MultiModal

NAMES = ("mechanism_sparsity", "multimodal")
for _name in NAMES:
    importlib.import_module(f"identikit.methods.{_name}")
EVERY = pytest.mark.parametrize("name", NAMES)
DOCS = Path(__file__).parents[1] / "docs" / "methods"
QUICK = {"steps": 3, "batch": 32, "progress": False}


def moved(**options):
    return windows(*Actions(latents=3, actions=3, length=10, **options).sample(600), past=1, next=False)


# --- mechanism sparsity


@pytest.mark.parametrize("continuous", [True, False])
def test_actions_of_either_kind_have_a_graph(continuous):
    data, _ = moved(continuous=continuous)
    runs = fit("mechanism_sparsity", data, seeds=2, latents=3, actions=3, **QUICK)
    assert runs.program.strategy == "grouped"
    assert runs.encode().shape == (2, 540, 3)
    assert runs.graph("past").shape == (2, 3, 3)
    assert runs.graph("action").shape == (2, 3, 3)
    assert set(np.unique(runs.graph("past"))) <= {0, 1}
    with pytest.raises(InputError, match="unknown kind of parents 'latents'"):
        runs.graph()


def test_actions_alone_and_the_past_alone():
    data, _ = moved()
    alone = fit("mechanism_sparsity", data, latents=3, lags=0, actions=3, **QUICK)
    assert alone.model.gates is not None
    assert list(alone.model.gates.parents) == ["action"]
    past = fit("mechanism_sparsity", data, latents=3, **QUICK)
    assert past.model.gates is not None
    assert list(past.model.gates.parents) == ["past"]
    with pytest.raises(InputError, match="a simulation draws them from the prior alone"):
        alone.simulate()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lags": 0}, "lags and actions are 0 or more, and one of them more than 0, not 0 and 0"),
        ({"actions": 4}, "the data has 3 kinds of action, and actions= says 4"),
        ({"lags": 2}, r"a row of 'past' has shape \(1, 8\), and the model needs \(2, 8\)"),
        ({"latents": 0}, "a code needs at least one latent, not 0"),
    ],
)
def test_mechanism_sparsity_says_what_does_not_fit(options, said):
    with pytest.raises(InputError, match=said):
        fit("mechanism_sparsity", moved()[0], **options, **QUICK)


def test_actions_of_another_size_are_one_sentence():
    with pytest.raises(InputError, match=r"a row of 'action' holds 3 numbers, and the model was built for 2"):
        fit("mechanism_sparsity", moved(continuous=True)[0], actions=2, **QUICK)


def test_hidden_actions_are_one_sentence():
    data, _ = moved()
    data = data.hide("action", np.arange(data.rows) == 7)
    with pytest.raises(InputError, match="'action' hides values, and the model reads it"):
        fit("mechanism_sparsity", data, actions=3, **QUICK)


def test_missing_fields_are_one_sentence():
    data = ik.datasets.from_arrays(np.random.default_rng(0).normal(size=(64, 4)))
    for options, field in (({}, "past"), ({"lags": 0, "actions": 2}, "action")):
        with pytest.raises(InputError, match=f"mechanism_sparsity needs the field '{field}', and the data holds x"):
            fit("mechanism_sparsity", data, **options, **QUICK)


def test_runs_without_gates_have_no_graph():
    data = ik.datasets.from_arrays(np.random.default_rng(0).normal(size=(64, 4)))
    with pytest.raises(InputError, match="vae learns no graph: its model has no gates"):
        fit("vae", data, **QUICK).graph()


# --- several modalities


def test_modalities_go_through_a_fit_and_back(tmp_path):
    data, truth = MultiModal(observed=6).sample(300)
    runs = fit("multimodal", data, seeds=2, **QUICK)
    assert runs.program.strategy == "grouped"
    assert runs.blocks["b"] == (2, 3) == truth.blocks["b"]
    codes = runs.encode()
    assert codes.shape == (2, 300, 6)
    seen = runs.schema.apart(runs.decode(codes))
    assert {name: part.shape for name, part in seen.items()} == {"a": (2, 300, 6), "b": (2, 300, 6)}
    runs.save(tmp_path)
    again = Runs.load(tmp_path, data)
    np.testing.assert_array_equal(again.encode(), codes)
    np.testing.assert_array_equal(again.graph(), runs.graph())
    assert isinstance(data.x, dict)
    turned = ik.datasets.from_arrays({"b": data.x["b"], "a": data.x["a"]})
    np.testing.assert_allclose(runs.encode(turned), codes, atol=1e-6)


def test_each_modality_is_encoded_and_decoded_alone():
    data, _ = MultiModal(observed=6).sample(300)
    runs = fit("multimodal", data, **QUICK)
    codes, blocks = runs.encode(), runs.blocks
    assert isinstance(data.x, dict)
    other = ik.datasets.from_arrays({"a": data.x["a"], "b": data.x["b"] + 1})
    gap = np.abs(runs.encode(other) - codes).max((0, 1))
    own = [*blocks["a"], *blocks["a exogenous"]]
    assert gap[own].max() == 0
    assert gap[[*blocks["b"], *blocks["b exogenous"]]].min() > 0
    changed = codes.copy()
    changed[:, :, own] += 1
    before, after = (runs.schema.apart(runs.decode(c)) for c in (codes, changed))
    assert np.array_equal(before["b"], after["b"])
    assert np.abs(before["a"] - after["a"]).min(1).max() > 0


def test_the_graph_has_no_cycle_and_none_of_the_exogenous():
    model, _ = find("multimodal").build(Schema({"a": (5,), "b": (4,), "c": (3, 2)}))
    assert model.gates is not None
    allowed = model.gates.allowed
    assert float(allowed.triu().sum()) == 0
    assert float(allowed.sum()) == 6 * 5 / 2
    assert float(allowed[6:].sum() + allowed[:, 6:].sum()) == 0


@pytest.mark.parametrize(
    ("x", "options", "said"),
    [
        ((5,), {}, "multimodal needs x to hold two modalities or more, and it is one array"),
        ({"a": (5,)}, {}, "two modalities or more"),
        ({"a": (5,), "b": (3, 8, 8)}, {}, "'b' holds pictures, and multimodal takes rows of numbers"),
        ({"a": (5,), "latents": (5,)}, {}, "a modality may not be called 'latents'"),
        ({"a": (5,), "b": (5,)}, {"latents": 0}, "at least one latent and 0 or more exogenous ones, not 0 and 1"),
        ({"a": (5,), "b": (5,)}, {"warm": 0}, "warm is 1 or more, not 0"),
    ],
)
def test_multimodal_says_what_does_not_fit(x, options, said):
    with pytest.raises(InputError, match=said):
        find("multimodal").build(Schema(x), **options)


def test_a_modality_that_is_all_missing_is_one_sentence():
    sound = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(InputError, match="every value of the modality 'sight' is missing: leave it out"):
        ik.datasets.from_arrays({"sound": sound, "sight": np.full((40, 2), np.nan)})


def test_other_methods_still_take_one_modality():
    data, _ = MultiModal(observed=6).sample(100)
    with pytest.raises(InputError, match=r"x holds several modalities \(a, b\) and these models take one: pick one"):
        fit("vae", data, **QUICK)
    assert data.joint().shape == (100, 12)
    assert np.array_equal(data.joint(Schema({"b": (6,), "a": (6,)}))[:, :6], data.modalities["b"])


def test_runs_of_modalities_are_chosen_and_certified():
    data, _ = MultiModal(observed=6).sample(300)
    runs = fit("multimodal", data, seeds=2, **QUICK)
    assert len(runs.select("agreement")) == 1
    assert "multimodal" in str(ik.certify(runs, data, parts=("agreement", "assumptions")))
    with pytest.raises(InputError, match=r"latents of multimodal follow from parents.*: leave out the refit"):
        ik.certify(runs, data)
    with pytest.raises(InputError, match="a simulation draws them from the prior alone"):
        runs.simulate()


def test_the_measures_see_graph_and_latents():
    data, truth = MultiModal(observed=6).sample(300)
    runs = fit("multimodal", data, seeds=2, **QUICK)[0]

    class Oracle:
        """The truth in the place of a run, with two latents of a modality and all signs exchanged."""

        blocks = runs.blocks

        def encode(self, _):
            return -truth.latents[None][:, :, [1, 0, 2, 3, 4, 5]]

        def graph(self):
            assert truth.graph is not None
            turned = [1, 0, 2, 3, 4, 5]
            return truth.graph[turned][:, turned][None]

    assert graph_and_latents(Oracle(), data, truth) == pytest.approx(1.0)  # pyright: ignore[reportArgumentType]
    assert graph_and_latents(runs, data, truth) == min(latents_mcc(runs, data, truth), graph_f1(runs, data, truth))


# --- both


@EVERY
def test_every_method_builds_and_its_objective_has_gradients(name):
    x = {"a": (5,), "b": (5,)} if name == "multimodal" else (5,)
    model, objective = find(name).build(Schema(x, {}, ("past",)))
    objective.check(model, Schema(model.standardise.shift.shape, {}, ("past",)))
    draws = torch.randn(6, model.noise_size, generator=torch.Generator().manual_seed(0))
    given = torch.randn(6, *model.standardise.shift.shape, generator=torch.Generator().manual_seed(1))
    batch = Batch({"x": given, "past": given.unsqueeze(1)}, step=5_000)
    loss = objective(model(batch, draws), batch)
    loss.total.backward()
    dead = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


@EVERY
def test_every_claim_has_both_sides_and_a_page(name):
    method, page = find(name), (DOCS / f"{name}.md").read_text()
    assert {check.at_least is None for check in method.checks} == {True, False}
    assert page.startswith(f"# {name}\n")
    for part in (f'ik.fit("{name}"', ">>> ", f"identikit verify {name}", method.paper.split()[-1]):
        assert part in page
    for option, default in method.options.items():
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        assert f"| `{option}` | {shown} |" in page, option
    for check in method.checks:
        assert check.says in page, "the pasted output of verify is out of date"
        method.build(check.world(0).sample(90)[0], **check.options)


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(name):
    found = ik.methods.verify(name, seeds=4, worlds=1, progress=False)
    assert found.ok, found
