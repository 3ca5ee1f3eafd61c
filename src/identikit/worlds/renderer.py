"""A batched ray tracer of simple things on a ground, in plain torch: the pictures of moving worlds.

Every formula is closed, so there is nothing to tune and no noise. A picture is cut into tiles of 8 x 8 pixels. A thing
is traced only in the tiles that spheres around it can reach, and a shadow only in the tiles whose points it can fall
on, so that what is small costs little. Things that are the same in every picture of a batch, where they are listed
first, are traced once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from identikit.errors import InputError, unknown
from identikit.worlds.primitives import BODIES, length
from identikit.worlds.tracing import SUBSAMPLES, Ground, Lens, Solid, begin, look, make_rays, paint, shadows

PIXELS = range(16, 513, 8)
"""The picture sizes that can be drawn: multiples of 8 from 16 to 512."""
CHUNK = 2**18
"""Rays traced at a time: few enough to stay in the processor's cache."""
Numbers = Tensor | Sequence | float


@dataclass(frozen=True, eq=False)
class Thing:
    """One thing in every picture of a batch; each value is a tensor with a row for each picture, or the same for all.

    Attributes:
        kind: `sphere` (size: radius), `box` (size: its three full sides before the turn), `cylinder` (upright; size:
            radius and height), `capsule` (a line from `centre` to `end` with round ends; size: radius), or painted on
            the ground, whatever the height of the centre: `patch` (a rectangle; size: its two full sides before the
            turn) or `disc` (size: radius). What is painted later lies above.
        centre: (n, 3) or (3,), the middle; of a capsule, where it starts. z is up, and the ground is z = 0.
        size: (n,), (n, k) or k numbers, or one number.
        colour: (n, 3) or (3,), from 0 to 1, as it looks in full light.
        yaw: (n,) or a number: the turn of a box or patch about the vertical in radians, counter-clockwise from above.
        tilt: (n,) or a number: the turn of a box about its own second axis in radians; above 0 its first axis rises.
        end: (n, 3) or (3,), where a capsule ends.
    """

    kind: str
    centre: Numbers
    size: Numbers
    colour: Numbers = (0.8, 0.8, 0.8)
    yaw: Numbers = 0.0
    tilt: Numbers = 0.0
    end: Numbers | None = None


@dataclass(frozen=True, eq=False)
class Camera:
    """Where pictures are taken from.

    Attributes:
        eye: (n, 3) or (3,), where the camera is.
        target: (n, 3) or (3,), the point in the middle of the picture.
        view: full angle of view in radians, of height and of width.
        width: where it is given, the camera is orthographic and shows this length of the world from side to side.

    The vertical is up in the picture; from straight above, the second axis (y) is.
    """

    eye: Numbers = (0.0, -6.0, 3.0)
    target: Numbers = (0.0, 0.0, 0.5)
    view: float = 0.8
    width: float | None = None

    @staticmethod
    def above(centre: Sequence[float] = (0.0, 0.0), width: float = 10.0, height: float = 20.0) -> Camera:
        """An orthographic camera at a height, looking straight down on the point (x, y)."""
        x, y = centre
        return Camera((x, y, height), (x, y, 0.0), width=width)


@dataclass(frozen=True, eq=False)
class Light:
    """Light from far away, and light from everywhere.

    Attributes:
        direction: (n, 3) or (3,), towards the light, of any length; it points up.
        ambient: share of the full light that reaches what is in shadow.
    """

    direction: Numbers = (-0.9, -0.5, 1.2)
    ambient: float = 0.35


class Frames(NamedTuple):
    """What `draw` returns.

    Attributes:
        image: (n, 3, pixels, pixels) float32 in [0, 1].
        mask: (n, pixels, pixels) int64: 0 where ground or sky is seen, k where thing k is, counted from 1. Of the four
            rays of a pixel, the one whose thing most of them see speaks for it.
        depth: (n, pixels, pixels) float32: distance from the camera along that ray; infinite for the sky.
    """

    image: Tensor
    mask: Tensor
    depth: Tensor

    @property
    def pictures(self) -> Tensor:
        """The image as (n, 3, pixels, pixels) uint8."""
        return (self.image * 255).add_(0.5).to(torch.uint8)


def draw(
    things: Sequence[Thing],
    camera: Camera,
    pixels: int = 64,
    light: Light | None = None,
    ground: Ground | None = None,
) -> Frames:
    r"""Draw a batch of pictures of things on a ground, with hard shadows.

    A pixel is the mean of 2 x 2 rays in linear light, shown as its square root. A surface of colour c whose normal and
    direction to the light enclose the angle :math:`\theta` sends

    .. math:: c^2 \, (a + (1 - a) \max(0, \cos\theta) \, v)

    with a the ambient share and v = 0 in shadow, else 1 (Lambert 1760). Things neither mirror nor colour each other.
    A picture is the same to the last bit alone, in any batch, and on any number of threads. There is no gradient.

    Args:
        things: what is in the pictures. Values that differ between pictures have one row for each.
        camera: where they are taken from.
        pixels: side of the square pictures, a multiple of 8 from 16 to 512.
        light: the sun.
        ground: ground and sky.

    Returns:
        The `Frames`: images, which thing is seen where, and depths.

    Raises:
        InputError: an unknown kind, a value of a wrong shape, a size that is not positive, numbers that are not finite,
            a light from below, a colour or an ambient share outside 0 to 1, or a picture size not offered.

    >>> import torch
    >>> centre = torch.tensor([[0.0, 0.0, 0.5], [0.0, 0.0, 1.5]])
    >>> ball = Thing("sphere", centre, size=0.5, colour=(0.9, 0.2, 0.2))
    >>> block = Thing("box", centre=(1.2, 0.0, 0.4), size=(0.8, 0.8, 0.8), yaw=0.5)
    >>> frames = draw([ball, block], Camera(), pixels=32)
    >>> frames.image.shape, [(frames.mask == k).sum((1, 2)).tolist() for k in (1, 2)]
    (torch.Size([2, 3, 32, 32]), [[28, 31], [36, 36]])
    """
    if pixels not in PIXELS:
        raise InputError(f"the picture size must be a multiple of 8 from 16 to 512, not {pixels!r}")
    light, ground = light or Light(), ground or Ground()
    device = next((v.device for t in things for v in vars(t).values() if isinstance(v, Tensor)), None)
    with torch.no_grad():
        solids = [_solid(i + 1, thing, device) for i, thing in enumerate(things)]
        colours = [_rows(f"the colour of thing {i + 1}", t.colour, 3, device) for i, t in enumerate(things)]
        lens, sun = _lens(camera, device), _unit(_rows("the direction of the light", light.direction, 3, device))
        if not bool((sun[:, 2] > 0).all()):
            raise InputError("the light must come from above: the third number of its direction must be above 0")
        if not 0 <= light.ambient <= 1:
            raise InputError(f"the ambient share of the light must be from 0 to 1, not {light.ambient}")
        for i, colour in enumerate(colours):
            if not bool(((colour >= 0) & (colour <= 1)).all()):
                raise InputError(f"the colour of thing {i + 1} must be from 0 to 1")
        n = _count([*(s.table for s in solids), *colours, lens.eye, sun])
        palette = torch.stack([torch.zeros(n, 3, device=sun.device), *(c.expand(n, 3) for c in colours)], 1)
        # What is painted lies on the ground, below all that stands on it.
        solids.sort(key=lambda s: s.body.covers is None)
        return _draw(solids, lens, sun, palette, pixels, light.ambient, ground)


def _draw(
    solids: list[Solid], lens: Lens, sun: Tensor, palette: Tensor, pixels: int, ambient: float, ground: Ground
) -> Frames:
    n = len(palette)
    image = torch.empty(n, 3, pixels, pixels, device=sun.device)
    mask = torch.empty(n, pixels, pixels, dtype=torch.int64, device=sun.device)
    depth = torch.empty(n, pixels, pixels, device=sun.device)
    shared = make_rays(lens, pixels, ground) if len(lens.eye) == 1 else None
    fixed, base = 0, None
    if shared is not None and len(sun) == 1:
        fixed = next((i for i, s in enumerate(solids) if not s.still), len(solids))
        base = begin(shared, sun, 1)
        look(base, solids[:fixed], shared, sun)
    step = max(1, CHUNK // (SUBSAMPLES * pixels) ** 2)
    for low in range(0, n, step):
        rows = slice(low, min(low + step, n))
        count = rows.stop - low
        rays = shared or make_rays(lens.part(rows), pixels, ground)
        here, parts = sun if len(sun) == 1 else sun[rows], [s.part(rows) for s in solids]
        seen = begin(rays, here, count) if base is None else base.repeat(count)
        look(seen, parts[fixed:], rays, here)
        free = shadows(seen, parts, rays, here)
        image[rows], mask[rows], depth[rows] = paint(seen, free, palette[rows], rays, ambient)
    return Frames(image, mask, depth)


def _solid(number: int, thing: Thing, device: torch.device | None) -> Solid:
    """Check a thing and make it ready to be traced."""
    if thing.kind not in BODIES:
        raise unknown("kind of thing", thing.kind, BODIES)
    body, name = BODIES[thing.kind], f"thing {number} ({thing.kind})"
    if (thing.end is not None) != (thing.kind == "capsule"):
        raise InputError(f"{name}: a capsule, and nothing else, has an end")
    centre = _rows(f"the centre of {name}", thing.centre, 3, device)
    size = _rows(f"the size of {name}", thing.size, body.sizes, device)
    end = centre if thing.end is None else _rows(f"the end of {name}", thing.end, 3, device)
    yaw, tilt = (_rows(f"the {k} of {name}", getattr(thing, k), 1, device) for k in ("yaw", "tilt"))
    if not bool((size > 0).all()):
        raise InputError(f"the size of {name} must be above 0, and the smallest is {float(size.min()):g}")
    if thing.kind != "box" and bool((tilt != 0).any()):
        raise InputError(f"{name} has a tilt, which a box alone can have")
    n = _count([centre, size, end, yaw, tilt])
    centre, size, end, yaw, tilt = (v.expand(n, -1).contiguous() for v in (centre, size, end, yaw, tilt))
    cy, sy, ct, st = yaw.cos(), yaw.sin(), tilt.cos(), tilt.sin()
    axes = (ct * cy, -sy, -st * cy, ct * sy, cy, -st * sy, st, torch.zeros_like(st), ct)
    values = (centre, size, torch.cat(axes, 1).view(n, 3, 3), end)
    return Solid(number, body, body.table(*values), *body.bounds(*values))


def _lens(camera: Camera, device: torch.device | None) -> Lens:
    """Check a camera and find its axes."""
    eye = _rows("the eye of the camera", camera.eye, 3, device)
    target = _rows("the target of the camera", camera.target, 3, device)
    n = _count([eye, target])
    eye, target = eye.expand(n, -1).contiguous(), target.expand(n, -1).contiguous()
    if not bool((eye[:, 2] > 0).all()):
        raise InputError(f"the camera must be above the ground, and its height is {float(eye[:, 2].min()):g}")
    if not bool((eye != target).any(1).all()):
        raise InputError("the camera must not be at its own target")
    if not 0 < camera.view < 3 or (camera.width is not None and not camera.width > 0):
        raise InputError(f"the camera's view must be from 0 to 3 radians and its width above 0, not {camera}")
    ahead = _unit(target - eye)
    x, y, z = ahead[:, :1], ahead[:, 1:2], ahead[:, 2:]
    steep = (x.square() + y.square()).sqrt() < 1e-6
    flat = torch.cat([torch.where(steep, 1.0, y), torch.where(steep, 0.0, -x), torch.zeros_like(z)], 1)
    right = _unit(flat)
    up = torch.cat([right[:, 1:2] * z, -right[:, :1] * z, right[:, :1] * y - right[:, 1:2] * x], 1)
    reach = math.tan(camera.view / 2) if camera.width is None else camera.width / 2
    return Lens(eye, right, up, ahead, reach, camera.width is not None)


def _rows(name: str, value: Numbers, columns: int, device: torch.device | None) -> Tensor:
    """A value as (n, columns), with n = 1 where it is the same in every picture."""
    given = torch.as_tensor(value, dtype=torch.float32, device=device)
    if given.ndim == 0:
        given = given.expand(1, columns)
    elif given.ndim == 1:
        given = given[:, None] if columns == 1 else given[None]
    if given.ndim != 2 or given.shape[1] != columns or len(given) == 0:
        wanted = "(n,)" if columns == 1 else f"(n, {columns}) or ({columns},)"
        raise InputError(f"{name} must have shape {wanted}, not {tuple(torch.as_tensor(value).shape)}")
    if not bool(torch.isfinite(given).all()):
        raise InputError(f"{name} holds NaN or infinite numbers")
    return given.contiguous()


def _count(values: list[Tensor]) -> int:
    """The number of pictures that values with a row for each picture, or one for all, stand for."""
    counts = {len(v) for v in values} - {1}
    if len(counts) > 1:
        raise InputError(f"values of one batch must have one row or equally many, not {sorted(counts)} rows")
    return counts.pop() if counts else 1


def _unit(vectors: Tensor) -> Tensor:
    return (vectors / length(vectors)).contiguous()
