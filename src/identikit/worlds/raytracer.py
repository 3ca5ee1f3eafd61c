"""An analytic ray tracer for one object on a tiled ground: a batch of scene parameters in, pictures out.

The camera circles the scene at a fixed height and distance, so everything is computed in its own frame: the rays, and
the points where they meet the ground, are the same for every picture, and the object and the light turn instead. A ray
meets an object in an interval that is known in closed form. The objects are convex, so they shadow the ground and never
themselves beyond facing away from the light; one shadow ray from each ground point is therefore enough.

It is not a case of `worlds.renderer`, which knows no cones, highlights or shade under things and counts rays of a pixel
instead of their share: data sets made with it, and its speed, stay what they were.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from identikit.errors import InputError

SHAPES = ("sphere", "box", "cylinder", "cone")
PIXELS = range(32, 257, 8)
"""The picture sizes that can be rendered: multiples of 8 from 32 to 256."""

DISTANCE, PITCH, HALF_VIEW, TARGET = 5.4, 0.36, 0.4, 0.36
"""Camera: distance to its target, downward pitch and half angle of view in radians, and height of the target."""
LIGHT_HEIGHT = 0.85
"""Angle of the light above the ground, in radians."""
BOX_HALF, BOX_TURN = 0.8, 0.6
"""Half side of a box of size 1, and its fixed turn about the vertical, which shows two of its sides."""
TILE = 0.9
"""Side of the tiles of the ground."""
SUBSAMPLES = 2
"""Rays along each side of a pixel."""
CHUNK = 2**18
"""Rays traced at a time: few enough to stay in the processor's cache."""

# Round shapes of size 1 standing at the origin: x^2 + y^2 + squash (z - centre)^2 < constant, cut at z = 0 and z = top.
_ROUND = {
    "sphere": (1.0, 1.0, 1.0, 2.0),
    "cylinder": (0.0, 0.0, 0.72, 1.6),
    "cone": (-0.25, 2.1, 0.0, 2.1),
}

Vector = tuple[Tensor, ...]
Interval = tuple[Tensor, Tensor]


class Rendering(NamedTuple):
    """What `render` returns for each picture.

    Attributes:
        image: (n, 3, pixels, pixels) float32 in [0, 1].
        mask: (n, pixels, pixels) float32, the share of the pixel that the object covers.
        shadow: (n, pixels, pixels) float32, the share of the pixel that is ground in the object's shadow.
        depth: (n, pixels, pixels) float32, the distance from the camera to the nearest surface in the pixel in world
            units; infinite where only sky is seen.
    """

    image: Tensor
    mask: Tensor
    shadow: Tensor
    depth: Tensor


class _View(NamedTuple):
    """What is the same in every picture of one size, in the camera's frame (x to the right, y away from it, z up)."""

    eye: tuple[float, ...]
    rays: tuple[Tensor, ...]  # each (1, subsamples, pixels): unit directions
    ground: tuple[Tensor, ...]  # each (1, subsamples, pixels): where the rays meet the ground
    centre: tuple[Tensor, ...]  # each (1, 1, pixels): ground at the middle of each pixel
    distance: Tensor  # (1, subsamples, pixels): to the ground; infinite above the horizon
    footprint: Tensor  # (1, 1, pixels): length of the pixel on the ground
    land: Tensor  # (1, 1, pixels): share of the pixel below the horizon
    haze: Tensor  # (1, 1, pixels): how far the ground has faded into the horizon
    height: Tensor  # (1, 1, pixels): 0 at the horizon, 1 at the top of the picture


def render(
    shape: Tensor | float,
    hue: Tensor | float,
    size: Tensor | float,
    x: Tensor | float,
    y: Tensor | float,
    light: Tensor | float,
    camera: Tensor | float,
    background: Tensor | float,
    pixels: int = 64,
) -> Rendering:
    """Render a batch of scenes, each one object on a tiled ground under a directional light.

    Each argument but the last is a tensor (n,), or a number for all scenes. A pixel is the mean of 2 x 2 rays; the
    tiles of the ground are softened in closed form instead. Shading is Lambert plus a Phong highlight plus ambient
    light that is stronger from above, computed in linear light and shown as its square root. A picture is the same
    alone and in a batch. There is no gradient.

    Args:
        shape: position in `SHAPES`.
        hue: colour of the object, an angle in radians.
        size: radius of the sphere; the other shapes scale with it.
        x: position on the ground to the right of the middle, as seen from camera angle 0.
        y: position on the ground beyond the middle, as seen from camera angle 0.
        light: direction towards the light, an angle in radians from the x axis to the y axis.
        camera: angle by which the camera has moved around the middle, counter-clockwise seen from above.
        background: colour of ground and sky, an angle in radians.
        pixels: side of the square picture.

    Returns:
        The `Rendering`: pictures, object masks, shadow masks and depths.

    Raises:
        InputError: a shape that is no position in `SHAPES`, a size that is not positive, or a picture size not offered.

    >>> import torch
    >>> picture = render(torch.tensor([0, 3]), hue=0.5, size=0.6, x=0.0, y=0.0, light=1.0, camera=0.0, background=4.0)
    >>> picture.image.shape, (picture.mask > 0.5).flatten(1).sum(1).tolist()
    (torch.Size([2, 3, 64, 64]), [222, 188])
    """
    check_pixels(pixels)
    given = (shape, hue, size, x, y, light, camera, background)
    device = next((v.device for v in given if isinstance(v, Tensor)), None)
    columns = [torch.as_tensor(v, device=device).float() for v in given]
    table = torch.stack(torch.broadcast_tensors(*map(torch.atleast_1d, columns)), 1)
    kind, scenes = table[:, 0], table[:, 1:].contiguous()
    wrong = ~torch.isin(kind, torch.arange(len(SHAPES), device=kind.device).float())
    if wrong.any():
        raise InputError(f"shape must be a whole number from 0 to {len(SHAPES) - 1}, not {float(kind[wrong][0]):g}")
    if not bool((scenes[:, 1] > 0).all()):
        raise InputError(f"size must be above 0, and the smallest is {float(scenes[:, 1].min()):g}")
    view = _view(pixels, scenes.device)
    out = Rendering(*(scenes.new_empty(len(kind), *c, pixels, pixels) for c in ((3,), (), (), ())))
    step = max(1, CHUNK // (SUBSAMPLES * pixels) ** 2)
    with torch.no_grad():
        for code, name in enumerate(SHAPES):
            # One primitive at a time, so that no picture is tested against the others.
            for rows in torch.nonzero(kind == code).flatten().split(step):
                for whole, part in zip(out, _render_chunk(name, scenes[rows], view), strict=True):
                    whole[rows] = part.view(-1, *whole.shape[1:])
    return out


def check_pixels(pixels: int) -> None:
    """Raise an InputError unless `pixels` is a picture size that `render` offers."""
    if pixels not in PIXELS:
        raise InputError(f"the picture size must be a multiple of 8 from 32 to 256, not {pixels!r}")


@lru_cache(maxsize=8)
def _view(pixels: int, device: torch.device) -> _View:
    eye = (0.0, -DISTANCE * math.cos(PITCH), TARGET + DISTANCE * math.sin(PITCH))
    fine, middle = _rays(pixels, SUBSAMPLES), _rays(pixels, 1)
    below = fine[2] < 0
    reach = torch.where(below, eye[2] / -fine[2], math.inf)
    # A point that no object can shadow stands for the ground that a ray above the horizon never meets.
    ground = (
        torch.where(below, o + torch.where(below, reach, 0.0) * d, 1e6) for o, d in zip(eye, fine[:2], strict=False)
    )
    far = eye[2] / (-middle[2]).clamp(min=0.01)
    height = middle[2].clamp(min=0)

    def ready(*values: Tensor) -> tuple[Tensor, ...]:
        return tuple(v.to(torch.float32).to(device) for v in values)

    return _View(
        eye,
        ready(*fine),
        ready(*ground),
        ready(eye[0] + far * middle[0], eye[1] + far * middle[1]),
        *ready(
            reach,
            # A pixel is longer on the ground than it is wide, the more so the lower its ray.
            2 * math.tan(HALF_VIEW) / pixels * far.square() / eye[2],
            below.double().mean(1, keepdim=True),
            1 - torch.exp(-(far / 16).square()),
            height / height.max(),
        ),
    )


def _rays(pixels: int, subsamples: int) -> Tensor:
    """Unit directions (3, 1, subsamples^2, pixels^2) of the rays through a picture, in double precision."""
    offsets = (torch.arange(subsamples, dtype=torch.float64) + 0.5) / subsamples
    steps = (torch.arange(pixels) + offsets[:, None]) * (2 / pixels) - 1
    right, up = math.tan(HALF_VIEW) * steps[None, :, None, :], -math.tan(HALF_VIEW) * steps[:, None, :, None]
    ahead, rise = math.cos(PITCH) + math.sin(PITCH) * up, math.cos(PITCH) * up - math.sin(PITCH)
    rays = torch.stack(torch.broadcast_tensors(right, ahead, rise))
    return (rays / rays.norm(dim=0)).reshape(3, 1, subsamples**2, pixels**2)


def _render_chunk(name: str, scenes: Tensor, view: _View) -> Rendering:
    """Render scenes (n, 7) of one shape, with the two dimensions of a picture flattened to one."""
    hue, size, x, y, light, camera, background = scenes.unbind(1)
    size, x, y, light, camera = (v[:, None, None] for v in (size, x, y, light, camera))
    x, y = _turn(x, y, -camera)
    flat = torch.full_like(size, math.cos(LIGHT_HEIGHT))
    sun = (*_turn(flat, torch.zeros_like(size), light - camera), torch.full_like(size, math.sin(LIGHT_HEIGHT)))

    # Lengths are divided by the object's size, so that the object is its unit shape standing at the origin.
    eye = ((view.eye[0] - x) / size, (view.eye[1] - y) / size, view.eye[2] / size)
    spot = ((view.ground[0] - x) / size, (view.ground[1] - y) / size, torch.zeros_like(size))
    near, hit, normal = _meet(name, eye, view.rays, camera)
    body, gloss = _shade(normal, view.rays, sun)
    shadow = _crossed(_slabs(name, spot, sun, camera))[1] & ~hit

    # From here on the means over the rays of a pixel, with a dimension (n, 1, pixels) for colour.
    body, gloss = (torch.where(hit, v, 0.0).mean(1, keepdim=True) for v in (body, gloss))
    shadow, cover = (v.float().mean(1, keepdim=True) for v in (shadow, hit))
    scenery = _scenery(view, x, y, size, camera, background, shadow, 1 - cover)
    image = (_colour(hue, 0.60, 0.36) * body + 0.3 * gloss + scenery).clamp_(0, 1).sqrt_()
    return Rendering(image, cover[:, 0], shadow[:, 0], torch.where(hit, near * size, view.distance).amin(1))


def _colour(hue: Tensor, mean: float, swing: float) -> Tensor:
    """Linear-light colours (n, 3, 1) of hues (n,): three cosines, so that the circle of hues has no seam."""
    phases = torch.tensor([0.0, 2.0, 4.0], device=hue.device) * (math.pi / 3)
    return (mean + swing * torch.cos(hue[:, None] - phases)).square()[:, :, None]


def _turn(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate points counter-clockwise by `angle`."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return x * cos - y * sin, x * sin + y * cos


def _slabs(name: str, origin: Vector, ray: Vector, camera: Tensor) -> list[Interval]:
    """The intervals of a ray inside each of the regions whose intersection is the unit shape."""
    if name == "box":
        turn = camera - BOX_TURN
        sides = zip(_turn(origin[0], origin[1], turn), _turn(ray[0], ray[1], turn), strict=True)
        return [*(_between(p, d, -BOX_HALF, BOX_HALF) for p, d in sides), _between(origin[2], ray[2], 0, 2 * BOX_HALF)]
    squash, centre, constant, top = _ROUND[name]
    z = origin[2] - centre
    a = ray[0].square() + ray[1].square() + squash * ray[2].square()
    b = ray[0] * origin[0] + ray[1] * origin[1] + squash * ray[2] * z
    c = origin[0].square() + origin[1].square() + (squash * z.square() - constant)
    # A ray that misses gets NaN, which no comparison accepts. No ray is as steep as the cone, so `a` is positive.
    root, scale = (b.square() - a * c).sqrt_(), 1 / a
    return [((-b - root) * scale, (root - b) * scale), _between(origin[2], ray[2], 0, top)]


def _between(origin: Tensor, ray: Tensor, low: float, high: float) -> Interval:
    inverse = 1 / ray
    first, second = (low - origin) * inverse, (high - origin) * inverse
    return torch.minimum(first, second), torch.maximum(first, second)


def _crossed(slabs: list[Interval]) -> tuple[Tensor, Tensor]:
    """Where a ray enters the intersection of all regions, and whether it does."""
    enter, leave = slabs[0]
    for first, last in slabs[1:]:
        enter, leave = torch.maximum(enter, first), torch.minimum(leave, last)
    return enter, enter < leave


def _meet(name: str, eye: Vector, ray: Vector, camera: Tensor) -> tuple[Tensor, Tensor, Vector]:
    """Distance to the unit shape along each ray, whether it is met at all, and the unit normal where it is."""
    slabs = _slabs(name, eye, ray, camera)
    enter, hit = _crossed(slabs)
    enter = torch.where(hit, enter, 0.0)
    lid = torch.where(slabs[-1][0] == enter, -ray[2].sign(), 0.0)
    if name == "box":
        turn = camera - BOX_TURN
        sides = zip(_turn(ray[0], ray[1], turn), slabs, strict=False)
        nx, ny = (torch.where(first == enter, -d.sign(), 0.0) for d, (first, _) in sides)
        return enter, hit, (*_turn(nx, ny, -turn), lid)
    squash, centre, *_ = _ROUND[name]
    slope = (eye[0] + enter * ray[0], eye[1] + enter * ray[1], squash * (eye[2] + enter * ray[2] - centre))
    length = slope[0].square() + slope[1].square() + slope[2].square()
    scale = torch.where(lid == 0, length.rsqrt_(), 0.0)
    return enter, hit, (slope[0] * scale, slope[1] * scale, slope[2] * scale + lid)


def _shade(normal: Vector, ray: Vector, sun: Vector) -> tuple[Tensor, Tensor]:
    """Diffuse and ambient light that a surface sends back, and its highlight."""
    facing = normal[0] * sun[0] + normal[1] * sun[1] + normal[2] * sun[2]
    along = normal[0] * ray[0] + normal[1] * ray[1] + normal[2] * ray[2]
    straight = ray[0] * sun[0] + ray[1] * sun[1] + ray[2] * sun[2]
    mirror = (straight - 2 * along * facing).clamp_(min=0)
    gloss = mirror.square_().square_().square_().square_()
    return facing.clamp_(min=0).mul_(0.75) + (0.30 + 0.12 * normal[2]), gloss


def _scenery(
    view: _View, x: Tensor, y: Tensor, size: Tensor, camera: Tensor, background: Tensor, shadow: Tensor, exposed: Tensor
) -> Tensor:
    """Light (n, 3, pixels) from ground and sky, where the object leaves the share `exposed` of a pixel free."""
    # The tiles lie still in the world, which makes the camera's angle visible.
    across, along = (
        TILE / math.pi * torch.sin(v * (math.pi / TILE)) for v in _turn(view.centre[0], view.centre[1], camera)
    )
    tiles = (across * along * (math.pi / TILE) / view.footprint).clamp_(-1, 1)
    # Less of the sky is seen from the ground close to the object.
    distance = ((view.centre[0] - x).square() + (view.centre[1] - y).square()) / size.square()
    open_sky = 1 - 0.55 / (1 + distance).square()
    ground = (1 + 0.09 * tiles) * (exposed * (0.42 * open_sky + 0.58) - 0.50 * shadow)
    solid = view.land * (1 - view.haze)
    soil, horizon, zenith = (
        _colour(background, 0.74, 0.14),
        _colour(background, 0.86, 0.08),
        _colour(background, 0.70, 0.20),
    )
    return soil * (ground * solid) + (horizon + (zenith - horizon) * view.height) * (exposed * (1 - solid))
