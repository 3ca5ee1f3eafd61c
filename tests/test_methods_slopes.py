"""Methods that look at the decoder's slope, or at what several labels say."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.engine import find, fit
from identikit.errors import InputError
from identikit.methods.claims import kernel_r2
from identikit.methods.claims_factors import ToldFactors
from identikit.nets import Batch
from identikit.worlds.sparse import SparseMechanisms

NAMES = ("jacobian_sparsity", "xfactors")
for _name in NAMES:
    importlib.import_module(f"identikit.methods.{_name}")
EVERY = pytest.mark.parametrize("name", NAMES)
DOCS = Path(__file__).parents[1] / "docs" / "methods"
LABELS = {"y": ("a", "b", "c"), "shape": ("round", "square")}
VECTOR, IMAGE = (Schema(shape, LABELS) for shape in ((8,), (3, 16, 16)))


def batch(schema: Schema, rows: int = 8) -> Batch:
    x = torch.randn(rows, *schema.shape, generator=torch.Generator().manual_seed(0))
    return Batch({"x": x, "y": torch.arange(rows) % 3, "shape": torch.arange(rows) % 2})


@pytest.mark.parametrize("schema", [VECTOR, IMAGE], ids=["vector", "image"])
@EVERY
def test_every_method_builds_and_its_objective_has_gradients(name, schema):
    model, objective = find(name).build(schema)
    objective.check(model, schema)
    rows = batch(schema)
    loss = objective(model(rows, torch.zeros(8, model.noise_size)), rows)
    assert torch.isfinite(loss.total)
    loss.total.backward()
    dead = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
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
        assert check.says in page, "the page does not tell of this check"
        method.build(check.world(0).sample(90)[0], **check.options)


@pytest.mark.slow
@EVERY
def test_claims_are_borne_out(name):
    # Single runs of xfactors differ, and so do its worlds: the bound is on the mean.
    seeds, worlds = (4, 2) if name == "xfactors" else (2, 1)
    found = ik.methods.verify(name, seeds=seeds, worlds=worlds, progress=False)
    assert found.ok, found


# --- sparse slopes


def test_sparse_slopes_find_what_reconstruction_alone_leaves_turned():
    """0.98 against 0.82 at the time of writing; a tenth of the time that `verify` takes."""
    data, truth = SparseMechanisms(latents=3, observed=9, seed=4).sample(3_000)
    test, latents = data.part("test"), truth.part("test").latents
    found = {}
    for sparsity in (0.3, 0.0):
        runs = fit("jacobian_sparsity", data, seeds=2, steps=600, latents=3, sparsity=sparsity, progress=False)
        best = runs.select("validation")
        found[sparsity] = ik.metrics.mcc(best.encode(test)[0], latents, nulls=0).value
    assert found[0.3] > 0.9, found
    assert found[0.3] > found[0.0] + 0.05, found


def test_sparse_slopes_need_no_more_latents_than_observations():
    said = r"finds at most as many latents as x has numbers \(8\), not 9"
    with pytest.raises(InputError, match=said):
        find("jacobian_sparsity").build(VECTOR, latents=9)
    with pytest.raises(InputError, match="sparsity is 0 or more, not -1"):
        find("jacobian_sparsity").build(VECTOR, sparsity=-1.0)
    with pytest.raises(InputError, match="a code needs at least one latent, not 0"):
        find("jacobian_sparsity").build(VECTOR, latents=0)


# --- factors that labels tell


def test_the_block_of_a_factor_tells_it_and_its_means_have_one_length():
    """R2 of 0.9 and more after a third of the steps; the block of the other factor tells less."""
    data, truth = ToldFactors(seed=5).sample(4_000)
    runs = fit("xfactors", data, factors=("first", "second"), seeds=2, steps=500, progress=False).select("validation")
    codes, latents = runs.encode(data.part("test"))[0], truth.part("test").latents
    for factor, other in ((0, "second"), (1, "first")):
        own = codes[:, list(runs.blocks[truth.names[factor]])]
        told = kernel_r2(own, latents[:, [factor]])
        assert told > 0.8
        assert told > kernel_r2(codes[:, list(runs.blocks[other])], latents[:, [factor]]) + 0.2
        np.testing.assert_allclose(np.square(own).sum(1), 2, rtol=1e-4)


def test_without_factors_all_labels_are_factors():
    schema = Schema((8,), {**LABELS, "one": ("only",)}, ("age",))
    model, _ = find("xfactors").build(schema)
    assert model.blocks == {"residual": (0, 1), "y": (2, 3), "shape": (4, 5)}
    with pytest.raises(InputError, match="a field of labels of two classes or more, and the data holds x, age"):
        find("xfactors").build(Schema((8,), {}, ("age",)))


def test_hidden_labels_take_no_part_but_their_rows_do():
    data, _ = ToldFactors(told=0.5).sample(200)
    assert 0.4 < (data["first"] < 0).mean() < 0.6
    model, objective = find("xfactors").build(data, factors=("first",))
    rows = Batch({"x": torch.as_tensor(data.x), "first": torch.as_tensor(data["first"])})
    code = model(rows, torch.zeros(200, model.noise_size))
    known = rows["first"] >= 0
    alone = Batch({"x": rows["x"][known], "first": rows["first"][known]})
    shown = model(alone, torch.zeros(int(known.sum()), model.noise_size))
    name = "SupervisedContrast(first)"
    torch.testing.assert_close(objective(code, rows).parts[name], objective(shown, alone).parts[name])
    parts = objective(code, rows).parts["Reconstruction"], objective(shown, alone).parts["Reconstruction"]
    assert float(parts[0].detach()) != float(parts[1].detach())


def test_the_world_of_factors_is_as_it_says():
    data, truth = ToldFactors(seed=1).sample(2_000)
    again, _ = ToldFactors(seed=1).sample(2_000)
    np.testing.assert_array_equal(data.x, again.x)
    np.testing.assert_allclose(np.corrcoef(truth.latents.T), np.eye(4), atol=0.1)
    np.testing.assert_allclose(truth.latents.std(0), 1, atol=0.05)
    assert np.array_equal(np.unique(truth.latents[:, 0], return_inverse=True)[1], data["first"])
    assert ((ToldFactors(told=0.01).sample(2_000)[0]["first"] >= 0).mean()) < 0.03


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"factors": ("colour",)}, "xfactors needs the field 'colour', and the data holds x, y, shape, one, age"),
        ({"factors": "age"}, "xfactors needs labels in 'age', which holds numbers"),
        ({"factors": ("one",)}, "all labels of 'one' are the same class"),
        ({"factors": ("y", "y")}, "factors are different fields"),
        ({"factors": ("y", "shape"), "latents": 4}, "latents is more than the 4 of the factors' blocks, not 4"),
        ({"size": 1}, "size is 2 or more"),
        ({"temperature": 0.0}, "temperature is above 0, not 0"),
    ],
)
def test_bad_factors_are_one_sentence(options, said):
    schema = Schema((8,), {**LABELS, "one": ("only",)}, ("age",))
    with pytest.raises(InputError, match=said):
        find("xfactors").build(schema, **options)
