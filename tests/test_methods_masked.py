"""The masked autoencoder, the transformer that skips what is hidden, and masks of several columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.engine import find, fit
from identikit.errors import InputError
from identikit.methods import mae
from identikit.methods.claims_masked import four_branches, own, own_r2, shared_r2
from identikit.nets import Batch, Mask, Model
from identikit.nets.vit import Block, PatchDecoder, PatchEncoder, patches

assert mae
PAGE = Path(__file__).parents[1] / "docs" / "methods" / "mae.md"
VECTOR, IMAGE = (Schema(shape) for shape in ((8,), (3, 16, 16)))


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pictures(rows=64, side=16):
    values = np.random.default_rng(0).integers(0, 256, (rows, 3, side, side), dtype=np.uint8)
    return ik.datasets.from_arrays(values)


# --- masks of columns


def test_neighbouring_columns_are_hidden_together():
    mask = Mask((12,), share=0.5, patch=3)
    hidden = mask(draw(7, mask.noise_size))
    assert hidden.shape == (7, 12)
    groups = hidden.unflatten(-1, (4, 3))
    assert torch.equal(groups, groups[..., :1].expand_as(groups))
    assert groups[..., 0].sum(-1).tolist() == [2.0] * 7


def test_one_column_at_a_time_is_what_it_was():
    noise = draw(5, 10)
    assert torch.equal(Mask((10,), 0.3)(noise), Mask((10,), 0.3, 1)(noise))
    assert Mask((3, 16, 16)).noise_size == 4


@pytest.mark.parametrize(
    ("shape", "patch", "said"),
    [
        ((8,), 3, "groups of 3 columns do not fill a row of 8"),
        ((8,), 0, "groups of 0 columns do not fill a row of 8"),
        ((3, 16, 16), 5, "patches of 5 pixels do not fill a picture"),
        ((8,), 8, "neither 0 nor all"),
    ],
)
def test_bad_masks_are_one_sentence(shape, patch, said):
    with pytest.raises(InputError, match=said):
        Mask(shape, 0.5, patch)


# --- the transformer


def test_patches_are_cut_row_by_row_and_put_back():
    x = draw(2, 5, 3, 8, 12)
    cut = patches(x, 4)
    wanted = [x[..., i : i + 4, j : j + 4].flatten(-3) for i in (0, 4) for j in (0, 4, 8)]
    assert torch.equal(cut, torch.stack(wanted, -2))
    decoder = PatchDecoder(2, (3, 8, 12), patch=4)
    tokens = cut[0]
    decoder.net.forward = lambda _: tokens.flatten(0, 1)
    assert torch.equal(decoder(draw(5, 2)), x[0])


def test_hidden_patches_are_left_out_whatever_they_show():
    encoder = PatchEncoder((3, 16, 16), 6, patch=4, width=16)
    mask = Mask((3, 16, 16), 0.5, patch=8)(draw(5, 4))
    x = draw(5, 3, 16, 16)
    seen = encoder(x, mask)
    torch.testing.assert_close(encoder(x + 9 * mask, mask), seen)
    assert not torch.allclose(encoder(x + 1 - mask, mask), seen)
    assert not torch.allclose(encoder(x), seen)


def test_only_the_tokens_that_are_shown_are_attended_to(monkeypatch):
    encoder, counts = PatchEncoder((3, 16, 16), 6, patch=4, width=16), []
    forward = Block.forward
    monkeypatch.setattr(Block, "forward", lambda self, x: (counts.append(x.shape[-2]), forward(self, x))[1])
    encoder(draw(2, 3, 16, 16), Mask((3, 16, 16), 0.75, patch=8)(draw(2, 4)))
    assert counts == [4, 4]


def test_the_order_of_tokens_is_told_by_their_places():
    encoder = PatchEncoder((1, 8, 8), 6, patch=4, width=16)
    with torch.no_grad():
        encoder.places.weight.zero_()
    x = draw(3, 1, 8, 8)
    swapped = torch.cat([x[..., 4:], x[..., :4]], -1)
    torch.testing.assert_close(encoder(x), encoder(swapped))
    encoder.places.reset_parameters()
    assert not torch.allclose(encoder(x), encoder(swapped), atol=1e-5)


def test_heads_divide_the_width_and_patches_the_picture():
    with pytest.raises(InputError, match="3 heads do not divide tokens of width 16"):
        Block(16, 3)
    with pytest.raises(InputError, match="patches of 5 pixels do not fill"):
        PatchEncoder((3, 16, 16), 4, patch=5)


# --- the method


@pytest.mark.parametrize("schema", [VECTOR, IMAGE], ids=["vector", "image"])
def test_it_builds_and_its_objective_has_gradients(schema):
    model, objective = find("mae").build(schema)
    objective.check(model, schema)
    rows = Batch({"x": draw(6, *schema.shape)})
    loss = objective(model(rows, draw(6, model.noise_size)), rows)
    assert torch.isfinite(loss.total)
    loss.total.backward()
    dead = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert dead == []


def test_a_code_does_not_hang_on_what_is_hidden():
    model, _ = find("mae").build(IMAGE)
    x, noise = draw(4, 3, 16, 16), draw(4, model.noise_size)
    mask = model(Batch({"x": x}), noise).mask
    one, other = (model(Batch({"x": given}), noise).mean for given in (x, x + mask))
    torch.testing.assert_close(one, other)
    assert not torch.allclose(model.posterior(Batch({"x": x}))[1], one)


def test_runs_are_the_same_alone_and_together_and_come_back_from_disk(tmp_path):
    data = pictures()
    options = {"steps": 3, "batch": 16, "hidden": 16, "latents": 3, "progress": False}
    runs = fit("mae", data, seeds=2, **options)
    assert runs.program.strategy == "grouped"
    codes = runs.encode()
    assert codes.shape == (2, 64, 3)
    for seed in range(2):
        alone = fit("mae", data, seeds=[seed], **options)
        np.testing.assert_allclose(alone.encode()[0], codes[seed], atol=1e-4)
    assert runs.decode(codes).shape == (2, 64, 3, 16, 16)
    runs.save(tmp_path / "runs")
    np.testing.assert_array_equal(ik.Runs.load(tmp_path / "runs").encode(data), codes)


def test_a_patch_larger_than_the_transformers_is_hidden_as_several():
    model, _ = find("mae").build(Schema((3, 32, 32)), patch=16)
    assert isinstance(model, Model)
    assert model.encoder.patch == 8
    assert model.mask is not None
    assert model.mask.noise_size == 4


def test_bad_options_are_one_sentence():
    with pytest.raises(InputError, match="beta is the weight of the divergence, 0 or more, not -1"):
        find("mae").build(VECTOR, beta=-1.0)
    for schema in (VECTOR, IMAGE):
        with pytest.raises(InputError, match="a code needs at least one latent, not 0"):
            find("mae").build(schema, latents=0)


def test_what_branches_have_of_their_own_is_not_told_by_what_they_share():
    _, truth = four_branches(0).sample(1_200)
    rest = own(truth.latents)
    assert rest.shape == (1_200, 8)
    assert abs(np.corrcoef(truth.latents[:, 0], rest.T)[0, 1:]).max() < 0.03
    assert shared_r2(truth.latents[:, :1], truth.latents) > 0.95
    assert own_r2(truth.latents[:, :1], truth.latents) < 0.1


def test_the_mask_decides_what_is_kept():
    """0.98 and 0.0 for whole branches, 0.5 and more of what is their own for single columns, at the time of writing."""
    data, truth = four_branches(50).sample(3_000)
    test, latents = data.part("test"), truth.part("test").latents
    options = {"steps": 400, "seeds": [1], "progress": False, "lr": 0.005}
    whole = fit("mae", data, masked=0.5, patch=6, **options).encode(test)[0]
    single = fit("mae", data, masked=0.75, patch=1, latents=12, **options).encode(test)[0]
    assert shared_r2(whole, latents) > 0.8
    assert own_r2(whole, latents) + 0.2 < own_r2(single, latents)


def test_the_claim_has_both_sides_and_a_page():
    method, page = find("mae"), PAGE.read_text()
    assert {check.at_least is None for check in method.checks} == {True, False}
    assert page.startswith("# mae\n")
    for part in ('ik.fit("mae"', ">>> ", "identikit verify mae", "2111.06377", "2306.04898"):
        assert part in page
    for option, default in method.options.items():
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        assert f"| `{option}` | {shown} |" in page, option
    for check in method.checks:
        assert check.says in page, "the page does not tell of this check"


@pytest.mark.slow
def test_claims_are_borne_out():
    found = ik.methods.verify("mae", seeds=2, worlds=1, progress=False)
    assert found.ok, found
