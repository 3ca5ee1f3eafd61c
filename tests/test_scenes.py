"""The causal model, the ray tracer and the scenes sampled from them."""

from __future__ import annotations

import itertools
import json
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstest

from identikit.data import Truth
from identikit.errors import InputError
from identikit.worlds.causal import CausalModel, Factor
from identikit.worlds.raytracer import SHAPES, render
from identikit.worlds.scenes import FACTORS, GRAPH, Scenes

torch.set_num_threads(1)
NAMES = tuple(f.name for f in FACTORS)


def draws(world: Scenes, n: int = 4_000, do: dict | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Latents and domains without pictures."""
    domain = np.arange(n) % world.domains
    return world.model.values(world.model.noise(n, np.random.default_rng(seed)), domain, do), domain


def column(latents: np.ndarray, name: str) -> np.ndarray:
    return latents[:, NAMES.index(name)]


def scene(pixels: int = 64, **changes):
    base = {"shape": 0, "hue": 0.5, "size": 0.6, "x": 0.0, "y": 0.0, "light": 0.0, "camera": 0.0, "background": 3.5}
    return render(**{k: torch.as_tensor(v) for k, v in {**base, **changes}.items()}, pixels=pixels)


# --- the causal model


def test_same_seeds_give_the_same_values():
    first, truth = Scenes(domains=3, seed=4).sample(30, seed=5)
    again, _ = Scenes(domains=3, seed=4).sample(30, seed=5)
    assert first.fingerprint() == again.fingerprint()
    for world, seed in ((Scenes(domains=3, seed=5), 5), (Scenes(domains=3, seed=4), 6)):
        assert not np.array_equal(world.sample(30, seed=seed)[1].latents, truth.latents)


def test_factors_stay_in_their_ranges_and_fill_them():
    latents, _ = draws(Scenes())
    for factor in FACTORS:
        values = column(latents, factor.name)
        if factor.kind == "discrete":
            assert set(values) == set(range(factor.levels))
        else:
            low, high = (-math.pi, math.pi) if factor.kind == "circular" else (factor.low, factor.high)
            assert low <= values.min() < low + 0.1 * (high - low)
            assert high - 0.1 * (high - low) < values.max() <= high
    for root in ("x", "light", "background"):
        low, high = (-0.7, 0.7) if root == "x" else (-math.pi, math.pi)
        assert kstest(column(latents, root), "uniform", (low, high - low)).statistic < 0.05


@pytest.mark.parametrize(("child", "parents"), GRAPH.items())
def test_a_child_follows_its_parent_until_it_is_forced(child, parents):
    world, (parent,) = Scenes(), parents
    factor = FACTORS[NAMES.index(parent)]
    ends = (0, 1) if parent == "shape" else (-1.5, 1.5) if parent == "light" else (factor.low, factor.high)
    low, high = (draws(world, do={parent: v})[0] for v in ends)
    assert ks_2samp(column(low, child), column(high, child)).statistic > 0.15
    for other in set(NAMES) - {child, parent} - descendants(child):
        if other not in descendants(parent):
            assert np.array_equal(column(low, other), column(high, other))
    plain, forced = draws(world)[0], draws(world, do={child: 0.5})[0]
    assert (column(forced, child) == 0.5).all()
    assert np.array_equal(column(plain, parent), column(forced, parent))


def descendants(name: str) -> set[str]:
    children = {c for c, parents in GRAPH.items() if name in parents}
    return children.union(*(descendants(c) for c in children))


def test_size_and_depth_are_dependent_and_not_once_size_is_forced():
    world = Scenes()
    seen, _ = draws(world)
    forced, _ = draws(world, do={"size": np.random.default_rng(9).uniform(0.45, 0.9, 4_000)})
    shuffled = np.random.default_rng(1).permutation(column(seen, "size"))
    assert abs(np.corrcoef(column(seen, "size"), column(seen, "y"))[0, 1]) > 0.5
    assert abs(np.corrcoef(column(forced, "shape"), column(forced, "size"))[0, 1]) < 0.05
    assert abs(np.corrcoef(shuffled, column(seen, "y"))[0, 1]) < 0.05
    assert abs(np.corrcoef(column(seen, "x"), column(seen, "y"))[0, 1]) < 0.05


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_only_the_changing_factors_shift_between_domains(seed):
    world = Scenes(domains=4, seed=seed)
    latents, domain = draws(world, 8_000)
    for index, name in enumerate(NAMES):
        parts = [latents[domain == d, index] for d in range(4)]
        gaps = [ks_2samp(a, b).statistic for a, b in itertools.combinations(parts, 2)]
        if name in world.changing:
            assert max(gaps) > 0.25
        else:
            assert max(gaps) < 0.07  # the 0.1 % point of the statistic is 0.062 for 2,000 rows against 2,000


def test_a_discrete_factor_can_change_and_one_domain_changes_nothing():
    world = Scenes(domains=3, changing=("shape",))
    latents, domain = draws(world)
    shares = np.array([np.bincount(latents[domain == d, 0].astype(int), minlength=4) for d in range(3)])
    assert np.ptp(shares / shares.sum(1, keepdims=True), axis=0).max() > 0.2
    assert Scenes(domains=1).model.blocks == {"invariant": tuple(range(8)), "changing": ()}


def test_a_changed_mechanism_leaves_the_other_factors_as_they_were():
    before, _ = draws(Scenes(domains=2))
    after, _ = draws(Scenes(domains=2, changing=("light", "camera", "hue", "x")))
    assert not np.array_equal(column(before, "x"), column(after, "x"))
    others = [i for i, n in enumerate(NAMES) if n != "x"]
    assert np.array_equal(before[:, others], after[:, others])


def test_any_graph_and_kind_of_parent_can_be_asked_for():
    factors = (
        Factor("a", "discrete", levels=3),
        Factor("b", "circular"),
        Factor("c"),
        Factor("d", "discrete", levels=2),
    )
    graph = {"b": ("a",), "c": ("b", "a"), "d": ("c", "b")}
    model = CausalModel(factors, graph)
    assert model.order.index("a") < model.order.index("b") < model.order.index("c") < model.order.index("d")
    assert model.adjacency.tolist() == [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    values = model.values(model.noise(500, np.random.default_rng(0)))
    assert set(values[:, 0]) == {0, 1, 2}
    assert set(values[:, 3]) == {0, 1}


# --- the ray tracer


def test_masks_and_depths_are_those_of_a_plain_reference():
    reference = runpy.run_path(str(Path(__file__).parents[1] / "bench" / "scenes.py"))["reference"]
    latents = draws(Scenes(), 8)[0]
    made = render(*torch.as_tensor(latents).unbind(1), pixels=32)
    for i, (cover, shadow, depth) in enumerate(reference(row, 32) for row in latents):
        assert (np.abs(made.mask[i].numpy() - cover) < 1e-6).mean() >= 0.999
        assert (np.abs(made.shadow[i].numpy() - shadow) < 1e-6).mean() >= 0.999
        assert shadow.sum() > 3
        inside = cover == 1
        assert np.allclose(made.depth[i].numpy()[inside], depth[inside], atol=1e-3)


def test_a_picture_is_the_same_alone_and_in_a_batch():
    latents = torch.as_tensor(draws(Scenes(), 40)[0])
    batch = render(*latents.unbind(1), pixels=64)
    for i in (0, 7, 23, 39):
        for one, many in zip(render(*latents[i], pixels=64), batch, strict=True):
            assert torch.equal(one[0], many[i])
    assert batch.image.min() >= 0
    assert batch.image.max() <= 1
    assert batch.image.dtype == torch.float32


def test_objects_stay_inside_the_frame_for_every_factor():
    ends = [(f.low, (f.low + f.high) / 2, f.high) for f in FACTORS if f.kind == "continuous"]
    grid = torch.tensor(list(itertools.product(range(4), *ends)))
    mask = scene(shape=grid[:, 0], size=grid[:, 1], x=grid[:, 2], y=grid[:, 3], camera=grid[:, 4]).mask > 0
    border = torch.cat([mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1]], 1)
    assert not border.any()
    assert mask.flatten(1).sum(1).min() > 60


@pytest.mark.parametrize("shape", range(4))
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_every_factor_is_seen(shape, data):
    ranges = {f.name: (-math.pi, math.pi) if f.kind == "circular" else (f.low, f.high) for f in FACTORS[1:]}
    start = {name: data.draw(st.floats(low, high - 0.1), label=name) for name, (low, high) in ranges.items()}
    name = data.draw(st.sampled_from(sorted(start)))
    other = {**start, name: start[name] + 0.1}
    levels = [(scene(shape=shape, **s).image * 255).round() for s in (start, other)]
    assert (levels[0] - levels[1]).abs().max() >= 3


def test_shapes_look_different():
    images = scene(shape=torch.arange(4)).image
    for a, b in itertools.combinations(images, 2):
        assert ((a - b).abs().amax(0) > 0.05).sum() > 60


@pytest.mark.parametrize("shape", range(4))
@pytest.mark.parametrize("camera", [-0.5, 0.0, 0.5])
def test_the_shadow_falls_away_from_the_light(shape, camera):
    lights = torch.tensor([0.0, math.pi]) + camera  # from the right of the picture, and from the left
    made = scene(shape=shape, light=lights, camera=camera)
    free = (made.mask == 0).all(0)
    darker = (made.image[0] - made.image[1]).mean(0) * free  # negative where the light from the right casts a shadow
    columns = torch.arange(64.0)
    middle = float((made.mask[0].sum(0) * columns).sum() / made.mask[0].sum())
    first, second = ((v.clamp(min=0.05) - 0.05) for v in (-darker, darker))
    assert float((first.sum(0) * columns).sum() / first.sum()) < middle - 3
    assert float((second.sum(0) * columns).sum() / second.sum()) > middle + 3
    # The lit side of the object is on the side of the light.
    left, right = (made.image[:, :, :, : int(middle)], made.image[:, :, :, int(middle) + 1 :])
    body = [
        (p * (made.mask > 0.99)[:, None, :, s]).sum((1, 2, 3))
        for p, s in ((left, slice(0, int(middle))), (right, slice(int(middle) + 1, 64)))
    ]
    assert body[1][0] / body[0][0] > body[1][1] / body[0][1]


def test_mask_and_depth_agree_with_geometry():
    made = scene(size=0.6, pixels=128)
    mask, depth = made.mask[0], made.depth[0]
    assert mask.min() >= 0
    assert mask.max() == 1
    empty = scene(x=50.0, pixels=128)
    assert empty.mask.max() == 0
    # The nearest point of the sphere is one radius before its centre.
    eye = torch.tensor([0.0, -5.4 * math.cos(0.36), 0.36 + 5.4 * math.sin(0.36)])
    centre = torch.tensor([0.0, 0.0, 0.6])
    assert depth[mask == 1].min() == pytest.approx(float((eye - centre).norm() - 0.6), abs=2e-3)
    # The object is before the ground, and everything else is as far as it was.
    assert (depth[mask == 1] < empty.depth[0][mask == 1]).all()
    assert torch.equal(depth[mask == 0], empty.depth[0][mask == 0])
    assert torch.isinf(depth[0]).all()
    assert torch.isfinite(depth[40:]).all()


def test_a_sphere_does_not_change_its_outline_with_the_camera_in_the_middle():
    masks = scene(camera=torch.linspace(-0.6, 0.6, 5)).mask
    assert (masks == masks[0]).all()
    boxes = scene(shape=1, camera=torch.linspace(-0.6, 0.6, 5)).mask
    assert not torch.equal(boxes[0], boxes[1])


def test_light_along_an_axis_of_the_box_is_no_trouble():
    made = scene(shape=1, light=torch.arange(-8, 9) * (math.pi / 8) + 0.6, camera=0.0)
    assert torch.isfinite(made.image).all()


@pytest.mark.parametrize("pixels", [32, 40, 256])
def test_other_picture_sizes_show_the_same_scene(pixels):
    made, usual = scene(shape=2, pixels=pixels), scene(shape=2)
    assert made.image.shape == (1, 3, pixels, pixels)
    assert made.mask.mean() == pytest.approx(float(usual.mask.mean()), rel=0.03)
    assert made.image.mean() == pytest.approx(float(usual.image.mean()), abs=0.01)


# --- the world


def test_data_holds_what_a_learner_may_see_and_truth_the_rest():
    data, truth = Scenes(domains=4, changing=("x", "background")).sample(80)
    assert isinstance(truth, Truth)
    assert data.x.dtype == np.uint8
    assert data.x.shape == (80, 3, 64, 64)
    assert data["domain"].dtype == np.int64
    assert np.bincount(data["domain"]).tolist() == [20] * 4
    assert data.names["y"] == SHAPES
    assert np.array_equal(data["y"], truth.latents[:, 0])
    assert np.array_equal(data.split, truth.split)
    assert [np.bincount(data.split[data["domain"] == d]).tolist() for d in range(4)] == [[16, 2, 2]] * 4
    assert truth.names == NAMES
    assert truth.kinds == ("discrete", "circular", *["continuous"] * 3, "circular", "continuous", "circular")
    assert truth.blocks == {"invariant": (0, 1, 2, 4, 5, 6), "changing": (3, 7)}
    edges = {(NAMES[i], NAMES[j]) for i, j in np.argwhere(truth.graph)}
    assert edges == {(p, c) for c, parents in GRAPH.items() for p in parents}


def test_a_hidden_label_is_in_the_truth_only():
    data, truth = Scenes(label=None).sample(12)
    assert set(data.fields) == set()
    assert np.array_equal(truth.labels["y"], truth.latents[:, 0])


def test_source_samples_the_same_data_again():
    data, _ = Scenes(domains=2, size=32, graph={"y": ("x",)}, seed=3).sample(10, seed=8)
    source = json.loads(json.dumps(data.source))
    again, _ = Scenes(**source["options"]).sample(source["n"], source["seed"])
    assert source["world"] == "Scenes"
    assert again.fingerprint() == data.fingerprint()


def test_mixing_renders_the_data_and_counterfactuals():
    data, truth = Scenes(domains=2).sample(24)
    assert np.array_equal(truth.mixing(truth.latents), data.x)
    assert np.array_equal(truth.mixing(truth.latents[[5]])[0], data.x[5])
    other = truth.latents.copy()
    other[:, NAMES.index("hue")] += math.pi
    changed = truth.mixing(other) != data.x
    outside = (render(*torch.as_tensor(truth.latents).unbind(1)).mask == 0).numpy()
    assert changed.any((1, 2, 3)).all()
    assert not (changed & outside[:, None]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 65}, "the picture size must be a multiple of 8 from 32 to 256, not 65"),
        ({"size": 512}, "the picture size must be a multiple of 8 from 32 to 256, not 512"),
        ({"domains": 0}, "domains must be at least 1, not 0"),
        ({"changing": ("lihgt",)}, "unknown factor 'lihgt': did you mean 'light'?"),
        ({"graph": {"colour": ("shape",)}}, "unknown variable 'colour'"),
        ({"graph": {"size": ("y",), "y": ("size",)}}, "the graph must have no cycle, and it has "),
        ({"label": "hue"}, "label must be 'shape' or None, not 'hue'"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(InputError) as error:
        Scenes(**options)
    assert str(error.value).startswith(message)


def test_bad_calls_are_refused_in_one_sentence():
    with pytest.raises(InputError, match="n must be at least 1 for each domain, and it is 0 for 1"):
        Scenes().sample(0)
    with pytest.raises(InputError, match="and it is 2 for 3"):
        Scenes(domains=3).sample(2)
    with pytest.raises(InputError, match=r"latents must have shape \(rows, 8\), not \(2, 7\)"):
        Scenes().pictures(np.zeros((2, 7)))
    with pytest.raises(InputError, match="shape must be a whole number from 0 to 3, not 4"):
        scene(shape=4)
    with pytest.raises(InputError, match="size must be above 0, and the smallest is 0"):
        scene(size=0.0)
    with pytest.raises(InputError, match="unknown factor 'tint'"):
        draws(Scenes(), do={"tint": 1.0})


# --- several views, and interventions


def test_views_show_the_same_scene_from_sides_at_equal_angles():
    data, truth = Scenes(views=3, size=32, domains=2).sample(12)
    assert list(data.x) == ["view0", "view1", "view2"]
    single, _ = Scenes(size=32, domains=2).sample(12)
    assert np.array_equal(data["view0"], single.x)
    turned = truth.latents.copy()
    turned[:, NAMES.index("camera")] += 2 * math.pi / 3
    assert np.array_equal(Scenes(size=32).pictures(turned), data["view1"])
    assert all((data["view0"] != data[v]).any((1, 2, 3)).all() for v in ("view1", "view2"))
    assert {k: v.tolist() for k, v in Scenes(views=3, size=32).all_views(truth.latents).items()} == {
        k: v.tolist() for k, v in data.x.items()
    }
    assert truth.mixing is None


def test_objects_stay_in_the_frame_of_every_view():
    world = Scenes(views=5, size=32)
    latents = draws(world, 400)[0]
    for view in range(5):
        mask = world.render(latents, view).mask == 1
        touches = torch.cat([mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1]], 1).any(1)
        assert touches.float().mean() < 0.01
        assert mask.flatten(1).sum(1).min() > 15


def test_a_forced_factor_is_what_it_was_set_to_and_listens_to_nothing():
    plain, forced = Scenes(size=32, domains=2), Scenes(size=32, domains=2, do={"size": 0.5, "hue": 1.0})
    (_, seen), (_, truth) = plain.sample(40), forced.sample(40)
    assert (column(truth.latents, "size") == 0.5).all()
    assert (column(truth.latents, "hue") == 1.0).all()
    for name in set(NAMES) - {"size", "hue", "y"}:
        assert np.array_equal(column(seen.latents, name), column(truth.latents, name))
    assert not np.array_equal(column(seen.latents, "y"), column(truth.latents, "y"))
    assert not truth.graph[:, [NAMES.index("size"), NAMES.index("hue")]].any()
    assert NAMES.index("hue") in truth.blocks["invariant"]
    assert NAMES.index("hue") in seen.blocks["changing"]


def test_frames_of_a_scene_say_where_the_object_is():
    world = Scenes(size=32, views=2)
    _, truth = world.sample(6)
    frames = world.render(truth.latents, view=1)
    assert np.array_equal(frames.pictures.numpy(), world.pictures(truth.latents, view=1))
    assert set(frames.mask.unique().tolist()) == {0, 1}
    for depth, mask in zip(frames.depth, frames.mask, strict=True):
        assert depth[mask == 1].max() < 7
        assert depth[0].isinf().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 0}, "views must be at least 1, not 0"),
        ({"do": {"tint": 1.0}}, "unknown factor 'tint'"),
        ({"do": {"size": 2.0}}, "size can be set to a number from 0.45 to 0.9, not 2"),
        ({"do": {"shape": 1.5}}, "shape can be set to a whole number from 0 to 3, not 1.5"),
    ],
)
def test_views_and_interventions_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError) as error:
        Scenes(**options)
    assert str(error.value).startswith(message)
    with pytest.raises(InputError, match="view is from 0 to 0, not 1"):
        Scenes().render(np.zeros((2, 8)), view=1)
