"""Methods that look at the decoder's slope, or at what several labels say."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.engine import find, fit
from identikit.errors import InputError
from identikit.nets import Batch
from identikit.worlds.sparse import SparseMechanisms

NAMES = ("jacobian_sparsity",)
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
    found = ik.methods.verify(name, seeds=2, worlds=1, progress=False)
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
