"""Methods of domains with two or four blocks, the term that aligns classes, and what is said of too little data."""

from __future__ import annotations

import importlib
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit import nets
from identikit.constraints.align_classes import AlignClasses, align_classes
from identikit.data import HIDDEN, Schema
from identikit.engine import find
from identikit.errors import IdentifiabilityWarning, InputError
from identikit.estimators import IMSDA
from identikit.nets import Batch

NAMES = ("sig", "content_style")
for _name in NAMES:
    importlib.import_module(f"identikit.methods.{_name}")
EVERY = pytest.mark.parametrize("name", NAMES)
DOCS = Path(__file__).parents[1] / "docs" / "methods"
FIELDS = {"domain": ("a", "b", "c"), "y": ("low", "high")}
VECTOR, IMAGE = Schema((8,), FIELDS), Schema((3, 16, 16), FIELDS)
DATA, TRUTH = ik.worlds.DomainShift(domains=3).sample(900, seed=0)
QUIET = {"progress": False, "steps": 2, "batch": 32}


def batch(schema: Schema, rows: int = 6) -> Batch:
    x = torch.randn(rows, *schema.shape, generator=torch.Generator().manual_seed(0))
    return Batch({"x": x, "domain": torch.arange(rows) % 3, "y": torch.tensor([0, 1, HIDDEN] * (rows // 3))})


# --- building


@pytest.mark.parametrize("schema", [VECTOR, IMAGE], ids=["vector", "image"])
@EVERY
def test_every_method_builds_and_its_objective_has_gradients(name, schema):
    model, objective = find(name).build(schema)
    objective.check(model, schema)
    rows = batch(schema)
    code = model(rows, torch.zeros(6, model.noise_size))
    loss = objective(code, rows)
    assert torch.isfinite(loss.total)
    loss.total.backward()
    dead = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert dead == []


@EVERY
def test_every_method_fits_predicts_and_carries_rows_to_another_domain(name):
    runs = ik.fit(name, DATA, seeds=2, **QUIET)
    assert runs.encode().shape == (2, 900, 4)
    assert sorted(sum(runs.blocks.values(), ())) == [0, 1, 2, 3]
    assert runs.predict(field="domain").shape == (2, 900, 3)
    assert runs.transfer(DATA.part("test"), "domain 0").shape == (2, 90, 8)


@EVERY
def test_every_method_needs_domains(name):
    with pytest.raises(InputError, match=f"{name} needs the field 'domain', and the data holds x, y"):
        find(name).build(Schema((8,), {"y": ("low", "high")}))
    with pytest.raises(InputError, match=f"{name} needs at least 2 domains, and the data has 1"):
        find(name).build(Schema((8,), {"domain": ("a",)}))


def test_the_blocks_of_sig_lie_behind_each_other_and_may_be_empty():
    model, _ = find("sig").build(VECTOR, latents=6, label=1, domain=0, both=3)
    assert model.blocks == {"neither": (0, 1), "label": (2,), "both": (3, 4, 5)}
    assert model.latents == 6


def test_in_sig_each_block_moves_what_it_speaks_of():
    model, _ = find("sig").build(VECTOR)
    rows = batch(VECTOR)
    code = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    told = model.tell(code, rows)
    speaks = {"neither": set(), "label": {"y"}, "domain": {"domain"}, "both": {"y", "domain"}}
    for block, (position,) in model.blocks.items():
        moved = code.clone()
        moved[:, position] += 1
        again = model.tell(moved, rows)
        assert {field for field in told if not torch.allclose(told[field], again[field])} == speaks[block], block


def test_sig_without_labels_or_without_a_block_for_them_leaves_their_terms_out():
    _, objective = find("sig").build(Schema((8,), {"domain": ("a", "b")}))
    assert objective.names == ("Reconstruction", "MatchPrior", "Classification(domain)")
    _, objective = find("sig").build(VECTOR, label=0)
    assert objective.names[3:] == ("Classification(y)", "LowEntropy(y)")
    _, objective = find("sig").build(VECTOR)
    assert objective.names[3:] == ("Classification(y)", "LowEntropy(y)", "AlignClasses(y)")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("sig", {"both": -1}, "a block has 0 latents or more, and both has -1"),
        ("sig", {"both": 3}, "label, domain and both have 5 latents, and the code has 4"),
        ("sig", {"domain": 0, "both": 0}, "sig needs a latent that changes with the domain: domain and both have 0"),
        ("sig", {"label": 0, "both": 0}, "sig tells the label from the blocks label and both, and both have 0 latents"),
        ("content_style", {"style": 0}, "content and style have at least one latent each, and of 4 the style has 0"),
    ],
)
def test_bad_sizes_are_one_sentence(name, options, said):
    with pytest.raises(InputError, match=said):
        find(name).build(VECTOR, **options)


# --- too few domains, an unseen one, a single class


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("imsda", {"latents": 3, "changing": 2}, "imsda needs 5 values of 'domain' or more to tell changing=2 latents"),
        ("ivae", {"latents": 4}, "ivae needs 9 values of 'domain' or more to tell latents=4 latents apart"),
        ("sig", {"both": 2}, "sig needs 4 values of 'domain' or more to tell 3 changing latents from the others"),
        ("content_style", {"style": 3}, "content_style needs 4 values of 'domain' or more to tell style=3 latents"),
    ],
)
def test_too_few_domains_are_warned_of_before_the_fit(name, options, said, monkeypatch):
    def start(*_):
        raise AssertionError("training started")

    monkeypatch.setattr(importlib.import_module("identikit.engine.fit"), "Training", start)
    with pytest.warns(IdentifiabilityWarning, match=said) as told, pytest.raises(AssertionError):
        ik.fit(name, DATA, **QUIET, **options)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert "the data has 3: they may stay mixed" in str(told[0].message)


@pytest.mark.parametrize(
    ("name", "options"),
    [("imsda", {"changing": 1}), ("ivae", {"latents": 1}), ("sig", {}), ("content_style", {}), ("vae", {})],
)
def test_enough_domains_are_fitted_without_a_word(name, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ik.fit(name, DATA, **QUIET, **options)


def test_any_category_counts_for_ivae():
    with pytest.warns(IdentifiabilityWarning, match="ivae needs 5 values of 'y' or more .* the data has 2"):
        ik.fit("ivae", DATA.take(np.flatnonzero(DATA["y"] >= 0)), auxiliary="y", latents=2, **QUIET)


def test_a_domain_that_was_not_in_the_fit_is_named():
    runs = ik.fit("sig", DATA, **QUIET)
    strange = ik.datasets.from_arrays(DATA.x, domain=np.where(np.arange(900) < 450, "domain 1", "hospital"))
    said = "and the data has domain 1, hospital: fit again with rows of 'hospital', which need no labels"
    for ask in (runs.encode, runs.predict):
        with pytest.raises(InputError, match=said):
            ask(strange)
        with pytest.raises(
            InputError, match="the model needs the field 'domain', and the data holds x: name the domain"
        ):
            ask(ik.datasets.from_arrays(DATA.x))
    fitted = IMSDA(steps=2).fit(DATA.x, DATA["y"], sample_domain=[f"site {d}" for d in DATA["domain"]])
    with pytest.raises(InputError, match="unknown domain 'hospital'"):
        fitted.predict(DATA.x[:2], sample_domain=["hospital", "site 1"])


@pytest.mark.parametrize("name", ["sig", "imsda"])
def test_a_single_class_is_refused(name):
    data = DATA.hide("y", DATA["y"] == 1)
    with pytest.raises(InputError, match="every label of 'y' in the training rows is 'low', and telling classes needs"):
        ik.fit(name, data, **QUIET)


def test_rows_without_any_label_are_fitted():
    assert len(ik.fit("sig", DATA.hide("y", np.ones(900, bool)), **QUIET)) == 1


# --- aligned classes


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def given(*runs):
    labels = torch.tensor([0, 1, -1, 0, 2, -1, -1, 1]).expand(*runs, 8)
    return draw(*runs, 8, 2), 2 * draw(*runs, 8, 4, seed=1), labels


def test_a_term_is_its_function_on_a_block_for_one_run_and_for_many():
    codes, scores, labels = given(3)
    code = nets.Code(codes, codes, codes, codes, heads={"y": scores}, blocks={"label": (1,)})
    values = AlignClasses("y", "label")(code, Batch({"y": labels}))
    alone = [align_classes(codes[r][:, [1]], scores[r], labels[r]) for r in range(3)]
    torch.testing.assert_close(values, torch.stack(alone))
    assert values.unique().numel() == 3
    torch.testing.assert_close(AlignClasses("y")(code, Batch({"y": labels})), align_classes(codes, scores, labels))


def test_known_value_of_two_classes_and_soft_predictions():
    codes = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [0.0, 7.0]], dtype=torch.float64)
    # Unsure of the first hidden row, and sure that the second is of class 1.
    scores = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [-99.0, 99.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1, HIDDEN, HIDDEN])
    weight = 1 + math.exp(-math.log(2))
    mass = [weight / 2, weight / 2 + 2]
    second = (weight / 2 * 3 + 2 * 7) / mass[1]
    wanted = (mass[0] * 3 + mass[1] * math.hypot(2, second)) / sum(mass)
    assert float(align_classes(codes, scores, labels)) == pytest.approx(wanted)


def test_gradients_flow_through_the_codes_alone():
    codes, scores, labels = given()
    assert torch.autograd.gradcheck(lambda z: align_classes(z, scores, labels), codes.requires_grad_())
    scores.requires_grad_()
    align_classes(codes, scores, labels).backward()
    assert scores.grad is None


def test_order_turn_and_place_of_the_codes_do_not_matter_and_scale_does():
    codes, scores, labels = given()
    value, order = align_classes(codes, scores, labels), torch.tensor([3, 1, 5, 0, 4, 2, 7, 6])
    turn = torch.linalg.qr(draw(2, 2, seed=2))[0]
    torch.testing.assert_close(align_classes(codes[order], scores[order], labels[order]), value)
    torch.testing.assert_close(align_classes(codes @ turn + 5, scores, labels), value)
    torch.testing.assert_close(align_classes(3 * codes, scores, labels), 3 * value)


@pytest.mark.parametrize("hidden", [True, False])
def test_all_labels_hidden_or_none_gives_nothing_and_finite_gradients(hidden):
    codes, scores, labels = given()
    codes.requires_grad_()
    labels = labels * 0 - 1 if hidden else labels.clamp_min(0)
    value = align_classes(codes, scores, labels)
    value.backward()
    assert float(value.detach()) == 0
    assert codes.grad is not None
    assert not codes.grad.any()


def test_codes_in_one_point_and_a_batch_of_one_row_have_finite_gradients():
    codes, scores, labels = given()
    for rows in (slice(None), slice(0, 1), slice(2, 3)):
        still = torch.zeros_like(codes[rows]).requires_grad_()
        value = align_classes(still, scores[rows], labels[rows])
        value.backward()
        assert float(value.detach()) == 0
        assert still.grad is not None
        assert bool(still.grad.isfinite().all())


# --- silent latents of the world


def test_silent_latents_leave_the_label_alone_and_everything_else_as_it_was():
    loud, silent = (ik.worlds.DomainShift(domains=3, silent=s).sample(4_000, seed=0) for s in (0, 1))
    assert np.array_equal(loud[0].x, silent[0].x)
    z, y, domain = silent[1].latents, silent[1].labels["y"], silent[0]["domain"]
    gaps = [abs(z[(y == 1) & (domain == 0), j].mean() - z[(y == 0) & (domain == 0), j].mean()) for j in range(4)]
    spread = [z[domain == 0, j].std() for j in range(4)]
    assert max(gaps[0] / spread[0], gaps[2] / spread[2]) < 0.2
    with pytest.raises(InputError, match="silent is 0 or more and leaves the label a latent to depend on, not 2"):
        ik.worlds.DomainShift(silent=2)


# --- claims and pages


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
    found = ik.methods.verify(name, seeds=3, worlds=1, progress=False)
    assert found.ok, found
