"""The batched renderer: geometry and shadows against a plain reference, and the same bits however it is called."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from identikit.errors import InputError
from identikit.worlds import tracing
from identikit.worlds.renderer import Camera, Frames, Ground, Light, Thing, draw

torch.set_num_threads(1)
PLAIN = Ground(haze=None)
SUN = np.array([-0.9, -0.5, 1.2])


def some_things(n: int, seed: int = 0) -> list[Thing]:
    generator = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    def place(height: float) -> Tensor:
        return torch.cat([2.4 * some(n, 2) - 1.2, torch.full((n, 1), height)], 1)

    return [
        Thing("patch", (0.5, 0.0, 0.0), (0.3, 3.0), (0.1, 0.1, 0.1), yaw=some(n)),
        Thing("sphere", place(0.45), 0.3 + 0.15 * some(n), some(n, 3)),
        Thing("box", place(0.5), (0.8, 0.6, 0.8), some(n, 3), yaw=6 * some(n), tilt=0.4 * some(n)),
        Thing("cylinder", place(0.5), (0.3, 1.0), some(n, 3)),
        Thing("capsule", place(0.2), 0.12, some(n, 3), end=place(1.2)),
        Thing("disc", place(0.0), 0.5, some(n, 3)),
    ]


def one(things: list[Thing], i: int) -> list[Thing]:
    rows = [{k: v[i : i + 1] for k, v in vars(t).items() if isinstance(v, Tensor)} for t in things]
    return [replace(t, **r) for t, r in zip(things, rows, strict=True)]


def same(a: Frames, b: Frames) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --- a plain reference in double precision, which knows no formula but the distance to a body's surface


def surface(thing: Thing, points: np.ndarray) -> np.ndarray:
    """A convex function of points (..., 3), negative inside the body and positive outside."""
    centre, size = np.asarray(thing.centre, float), np.asarray(thing.size, float)
    p = points - centre
    if thing.kind == "sphere":
        return np.linalg.norm(p, axis=-1) - size
    if thing.kind == "cylinder":
        return np.maximum(np.hypot(p[..., 0], p[..., 1]) - size[0], abs(p[..., 2]) - size[1] / 2)
    if thing.kind == "capsule":
        axis = np.asarray(thing.end, float) - centre
        along = np.clip(p @ axis / (axis @ axis), 0, 1)
        return np.linalg.norm(p - along[..., None] * axis, axis=-1) - size
    cy, sy, ct, st = math.cos(thing.yaw), math.sin(thing.yaw), math.cos(thing.tilt), math.sin(thing.tilt)
    axes = np.array([[ct * cy, ct * sy, st], [-sy, cy, 0], [-st * cy, -st * sy, ct]])
    return (abs(p @ axes.T) - size / 2).max(-1)


def enters(thing: Thing, origin: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Where rays enter a body, NaN where they miss it: by search for the lowest value, then by halving."""

    def value(t: np.ndarray) -> np.ndarray:
        return surface(thing, origin + t[..., None] * ray)

    shape = np.broadcast_shapes(origin.shape, ray.shape)[:-1]
    low, high = np.zeros(shape), np.full(shape, 20.0)
    for _ in range(80):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        left = value(first) < value(second)
        low, high = np.where(left, low, first), np.where(left, second, high)
    deepest = (low + high) / 2
    low, high = np.zeros(shape), deepest
    for _ in range(45):
        middle = (low + high) / 2
        out = value(middle) > 0
        low, high = np.where(out, middle, low), np.where(out, high, middle)
    return np.where(value(deepest) < 0, high, np.nan)


def rays(camera: Camera, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Origins and directions (2 pixels, 2 pixels, 3)."""
    eye = np.asarray(camera.eye, float)
    ahead = np.asarray(camera.target, float) - eye
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0, 0, 1)) if np.hypot(*ahead[:2]) > 1e-6 else np.array([1.0, 0, 0])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    at = (np.arange(2 * pixels) + 0.5) / pixels - 1
    plane = at[None, :, None] * right - at[:, None, None] * up
    if camera.width is not None:
        return eye + camera.width / 2 * plane, np.broadcast_to(ahead, plane.shape)
    ray = ahead + math.tan(camera.view / 2) * plane
    return np.broadcast_to(eye, plane.shape), ray / np.linalg.norm(ray, axis=-1, keepdims=True)


BODIES = {
    "sphere": Thing("sphere", (0.2, 0.3, 0.7), 0.6),
    "box": Thing("box", (-0.1, 0.2, 0.8), (1.2, 0.7, 0.9), yaw=0.7, tilt=0.4),
    "cylinder": Thing("cylinder", (0.3, -0.2, 0.6), (0.5, 1.2)),
    "capsule": Thing("capsule", (-0.5, 0.1, 0.4), 0.25, end=(0.7, -0.3, 1.3)),
}
CAMERAS = {"perspective": Camera((1.5, -5.0, 3.0)), "above": Camera.above((0.1, -0.2), width=4.0)}


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("kind", BODIES)
def test_outline_depth_and_shadow_are_those_of_a_plain_reference(kind, camera):
    thing, lens, pixels = BODIES[kind], CAMERAS[camera], 32
    made, bare = draw([thing], lens, pixels, ground=PLAIN), draw([], lens, pixels, ground=PLAIN)
    origin, ray = rays(lens, pixels)
    found = enters(thing, origin, ray)
    ground = origin[..., 2] / -ray[..., 2]
    spot = origin + ground[..., None] * ray
    dark = ~np.isnan(enters(thing, spot, np.broadcast_to(SUN / np.linalg.norm(SUN), spot.shape))) & np.isnan(found)
    fold = (pixels, 2, pixels, 2)
    cover, shade = (~np.isnan(found)).reshape(fold).mean((1, 3)), dark.reshape(fold).mean((1, 3))

    mask, depth = made.mask[0].numpy(), made.depth[0].numpy()
    assert (mask[cover > 0.5] == 1).mean() > 0.995
    assert (mask[cover < 0.5] == 0).mean() > 0.999
    nearest, farthest = (f(found.reshape(fold), axis=(1, 3)) for f in (np.min, np.max))
    whole = cover == 1
    assert whole.sum() > 20
    assert (depth[whole] > nearest[whole] - 2e-3).all()
    assert (depth[whole] < farthest[whole] + 2e-3).all()
    # A pixel of ground keeps the ambient light, and loses the rest of it by its share of shadow.
    height = SUN[2] / np.linalg.norm(SUN)
    expected = 1 - shade * (0.65 * height) / (0.35 + 0.65 * height)
    ratio = (made.image[0, 0] / bare.image[0, 0]).square().numpy()
    free = cover == 0
    assert (np.abs(ratio[free] - expected[free]) < 1e-4).mean() > 0.995
    assert shade.sum() > 10


def test_light_falls_off_with_the_angle_to_the_normal():
    sun = (0.6, 0.0, 0.8)
    made = draw([Thing("box", (0, 0, 0.5), (1, 1, 1), (0.5, 0.5, 0.5))], Camera.above(width=2.0), 32, Light(sun, 0.2))
    assert made.image[0, :, 16, 16].square().tolist() == pytest.approx([0.25 * (0.2 + 0.8 * 0.8)] * 3, abs=1e-5)
    assert made.image[0, 0, 16, 1].square() == pytest.approx(0.72**2 * 0.2, abs=1e-5)  # in its shadow
    assert made.image[0, 0, 16, 30].square() == pytest.approx(0.72**2 * (0.2 + 0.8 * 0.8), abs=0.01)


def test_sizes_are_those_that_were_asked_for():
    area = (4.0 / 128) ** 2
    things = {
        "sphere": (Thing("sphere", (0.3, 0.2, 1.0), 0.7), math.pi * 0.49),
        "cylinder": (Thing("cylinder", (0.3, 0.2, 1.0), (0.7, 2.0)), math.pi * 0.49),
        "box": (Thing("box", (0, 0, 0.5), (2.0, 0.5, 1.0), yaw=0.4), 1.0),
        "capsule": (Thing("capsule", (-0.5, 0, 0.5), 0.3, end=(0.5, 0, 0.5)), 0.6 + math.pi * 0.09),
        "patch": (Thing("patch", (0.2, 0.1, 0), (2.0, 0.5), yaw=-1.0), 1.0),
        "disc": (Thing("disc", (0.2, 0.1, 0), 0.7), math.pi * 0.49),
    }
    for name, (thing, expected) in things.items():
        made = draw([thing], Camera.above(width=4.0), 128)
        assert float((made.mask == 1).sum() * area) == pytest.approx(expected, rel=0.02), name
    assert draw([things["box"][0]], Camera.above(width=4.0, height=20), 64).depth[0, 32, 32] == 19.0


def test_yaw_turns_counter_clockwise_and_tilt_raises_the_first_axis():
    def seen(**turn):
        return draw([Thing("box", (0, 0, 1), (2.0, 0.3, 0.3), **turn)], Camera.above(width=4.0), 32)

    rows, columns = (seen(yaw=math.pi / 4).mask[0] == 1).nonzero().float().T
    assert torch.corrcoef(torch.stack([columns, -rows]))[0, 1] > 0.7
    depth = seen(tilt=0.5).depth[0, 16]
    assert depth[22] < depth[16] < depth[10]


def test_near_hides_far_and_later_paint_hides_earlier():
    far, near = Thing("sphere", (0, 0, 1), 0.5), Thing("sphere", (0, -1.5, 1), 0.3)
    camera = Camera((0, -6, 1), (0, 0, 1))
    for order, number in (([far, near], 2), ([near, far], 1)):
        made = draw(order, camera, 32)
        assert made.mask[0, 16, 16] == number
        assert made.depth[0, 16, 16] == pytest.approx(4.2, abs=2e-2)
    road, line = Thing("patch", (0, 0, 0), (3, 3)), Thing("patch", (0, 0, 0), (1, 0.5), (1, 1, 1))
    centre = draw([road, line, replace(far, centre=(0, 0.9, 1))], Camera.above(width=4.0), 32).mask[0]
    assert centre[16, 16] == 2
    assert centre[24, 16] == 1
    assert centre[8, 16] == 3
    assert centre[0, 0] == 0


def test_a_capsule_along_the_light_and_one_without_length_are_no_trouble():
    up = Light((0, 0, 1))
    upright = Thing("capsule", (0.5, 0.3, 0.4), 0.3, end=(0.5, 0.3, 1.4))
    tall = draw([upright], Camera(), 64, up)
    assert (tall.mask == 1).sum() > 100
    top = draw([upright], Camera.above(width=4.0), 64, up)
    round_ = draw([Thing("sphere", (0.5, 0.3, 1.4), 0.3)], Camera.above(width=4.0), 64, up)
    # Seen from above it is the ball at its end, and its shadow lies under it.
    assert torch.equal(top.mask, round_.mask)
    assert torch.allclose(top.image, round_.image, atol=2e-3)
    point = draw([Thing("capsule", (0.5, 0.3, 0.8), 0.3, end=(0.5, 0.3, 0.8))], Camera(), 64)
    ball = draw([Thing("sphere", (0.5, 0.3, 0.8), 0.3)], Camera(), 64)
    assert torch.equal(point.mask, ball.mask)
    assert torch.allclose(point.image, ball.image, atol=2e-3)


def test_what_does_not_move_casts_a_shadow_on_what_does():
    ball, block = Thing("sphere", (0, 0, 2.5), 0.5), Thing("box", torch.tensor([[1.5, 0.0, 0.3], [3.0, 0.0, 0.3]]), 0.6)
    made = draw([ball, block], Camera.above(width=8.0), 64, Light((-0.6, 0.0, 0.8)))
    dark, bright = (float(v[m == 2].square().median()) for v, m in zip(made.image[:, 0], made.mask, strict=True))
    assert dark < 0.6 * bright


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_picture_is_the_same_alone_and_in_a_batch(camera):
    things, lens = some_things(40), CAMERAS[camera]
    many = draw(things, lens, 64)
    for i in (0, 17, 39):
        assert same(draw(one(things, i), lens, 64), Frames(*(v[i : i + 1] for v in many)))


def test_a_picture_is_the_same_on_two_threads():
    things = some_things(6)[1:3]
    single = draw(things, Camera(), 64)
    torch.set_num_threads(2)
    double = draw(things, Camera(), 64)
    torch.set_num_threads(1)
    assert same(single, double)


def test_a_camera_or_light_for_each_picture_gives_the_same_pictures():
    things = some_things(5)
    eye = torch.tensor(Camera().eye) + torch.linspace(-1, 1, 5)[:, None]
    sun = torch.tensor([-0.5, 0.2, 1.0]) + torch.linspace(-0.3, 0.3, 5)[:, None]
    many = draw(things, Camera(eye), 32, Light(sun))
    for i in range(5):
        alone = draw(one(things, i), Camera(eye[i]), 32, Light(sun[i]))
        assert same(alone, Frames(*(v[i : i + 1] for v in many)))
    assert not torch.equal(many.image[0], draw(one(things, 0), Camera(eye[1]), 32, Light(sun[0])).image[0])


@pytest.mark.parametrize("camera", CAMERAS)
def test_leaving_tiles_out_changes_nothing(camera, monkeypatch):
    things = some_things(12, seed=3)
    quick = draw(things, CAMERAS[camera], 64)
    monkeypatch.setattr(tracing, "MARGIN", 1e3)
    assert same(quick, draw(things, CAMERAS[camera], 64))


def test_frames_hold_what_they_say():
    made = draw(some_things(3), Camera(), 40)
    assert made.image.shape == (3, 3, 40, 40)
    assert made.image.dtype == torch.float32
    assert made.mask.dtype == torch.int64
    assert set(made.mask.unique().tolist()) == set(range(7))
    assert 0 <= made.image.min() <= made.image.max() <= 1
    assert made.pictures.dtype == torch.uint8
    assert (made.pictures / 255 - made.image).abs().max() < 0.5 / 255 + 1e-6
    level = draw([], Camera((0, -6, 1), (0, 0, 1)), 32)
    assert torch.isinf(level.depth[0, :16]).all()
    assert torch.isfinite(level.depth[0, 16:]).all()


def test_tiles_lie_still_in_the_world():
    tiled = Ground(colour=(1, 1, 1), other=(0, 0, 0), tile=1.0, haze=None)
    made = draw([], Camera.above(width=4.0), 64, Light(ambient=1.0), tiled).image[0, 0]
    moved = draw([], Camera.above((1.0, 0.0), width=4.0), 64, Light(ambient=1.0), tiled).image[0, 0]
    squares = made[8::16, 8::16]
    assert torch.equal(squares, torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(2, 2))
    assert torch.allclose(moved[:, :48], made[:, 16:], atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "cone"}, "unknown kind of thing 'cone'"),
        ({"centre": (0.0, 1.0)}, r"the centre of thing 1 \(sphere\) must have shape \(n, 3\) or \(3,\), not \(2,\)"),
        ({"size": 0.0}, r"the size of thing 1 \(sphere\) must be above 0, and the smallest is 0"),
        ({"size": math.nan}, r"the size of thing 1 \(sphere\) holds NaN or infinite numbers"),
        ({"tilt": 0.2}, r"thing 1 \(sphere\) has a tilt, which a box alone can have"),
        ({"end": (0, 0, 1)}, "a capsule, and nothing else, has an end"),
        ({"colour": (0.5, 1.2, 0.5)}, "the colour of thing 1 must be from 0 to 1"),
        ({"colour": torch.zeros(3, 3)}, r"must have one row or equally many, not \[2, 3\] rows"),
    ],
)
def test_bad_things_are_refused_in_one_sentence(change, message):
    thing = replace(Thing("sphere", torch.zeros(2, 3) + 1, 0.5), **change)
    with pytest.raises(InputError, match=message):
        draw([thing], Camera(), 32)


def test_bad_cameras_lights_and_sizes_are_refused_in_one_sentence():
    for bad, message in (
        ({"camera": Camera((0, 0, -1))}, "the camera must be above the ground, and its height is -1"),
        ({"camera": Camera((0, 0, 1), (0, 0, 1))}, "the camera must not be at its own target"),
        ({"camera": Camera(view=4.0)}, "view must be from 0 to 3 radians"),
        ({"light": Light((1, 0, -1))}, "the light must come from above"),
        ({"light": Light(ambient=1.5)}, "the ambient share of the light must be from 0 to 1, not 1.5"),
        ({"pixels": 33}, "the picture size must be a multiple of 8 from 16 to 512, not 33"),
    ):
        with pytest.raises(InputError, match=message):
            draw([], **{"camera": Camera(), **bad})
