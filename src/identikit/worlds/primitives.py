"""The bodies that the renderer knows, each as a closed formula for where a ray enters it and how it faces the light.

Every function works on many rays at once: a point or a direction is a tuple of three tensors that broadcast with each
other, and the numbers of a body are columns (rows, 1) of a table with one row for each scene. Only additions, products,
quotients and square roots touch the rays; all are rounded the same however they are batched, so pictures are too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Vector = tuple[Tensor, ...]

SPOTS = 4
"""Small spheres that bound a capsule, along its axis."""
TINY = 1e-12
"""Stands for a zero in a quotient: a ray exactly along a face or an axis."""


class Hit(NamedTuple):
    """Where rays enter a body.

    Attributes:
        distance: along the ray, in units of the ray's direction; NaN where the body is missed.
        facing: cosine of the angle between the outward normal and the light; any value where it is missed.
    """

    distance: Tensor
    facing: Tensor


class Body(NamedTuple):
    """One kind of body: what the renderer needs to draw it.

    Attributes:
        sizes: how many numbers its size has.
        table: from centre (n, 3), size (n, sizes), turn (n, 3, 3) and end (n, 3) to its numbers (n, columns).
        bounds: from the same to spheres that hold it, (n, spheres, 3) and (n, 1).
        enter: from columns, origins, directions and light to the `Hit`; None for what is painted on the ground.
        covers: from columns and ground points (x, y) to whether they are painted; None for solid bodies.
    """

    sizes: int
    table: Callable[..., Tensor]
    bounds: Callable[..., tuple[Tensor, Tensor]]
    enter: Callable[[Vector, Vector, Vector, Vector], Hit] | None = None
    covers: Callable[[Vector, Tensor, Tensor], Tensor] | None = None


def dot(a: Vector, b: Vector) -> Tensor:
    """The inner product of two vectors."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def minus(a: Vector, b: Vector) -> Vector:
    """The difference of two vectors."""
    return tuple(x - y for x, y in zip(a, b, strict=True))


def length(v: Tensor) -> Tensor:
    """Lengths (..., 1) of vectors (..., 3), added up in a fixed order whatever the batch."""
    return (v[..., :1].square() + v[..., 1:2].square() + v[..., 2:].square()).sqrt()


# --- sphere: centre and radius


def _sphere_table(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> Tensor:
    return torch.cat([centre, size], 1)


def _sphere_bounds(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    return centre[:, None], size


def _sphere_enter(numbers: Vector, origin: Vector, ray: Vector, sun: Vector) -> Hit:
    *centre, radius = numbers
    apart = minus(origin, tuple(centre))
    along = dot(apart, ray)
    distance = -along - (along.square() - (dot(apart, apart) - radius.square())).sqrt()
    return Hit(distance, (dot(apart, sun) + distance * dot(ray, sun)) / radius)


# --- box: centre, half sides, and the three axes of its turn


def _box_table(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> Tensor:
    return torch.cat([centre, size / 2, turn.transpose(1, 2).flatten(1)], 1)


def _box_bounds(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    return centre[:, None], length(size) / 2


def _box_enter(numbers: Vector, origin: Vector, ray: Vector, sun: Vector) -> Hit:
    apart = minus(origin, numbers[:3])
    near, far, lit = [], [], []
    for i in range(3):
        axis = numbers[6 + 3 * i : 9 + 3 * i]
        slope = dot(axis, ray)
        slope = torch.where(slope.abs() < TINY, TINY, slope)
        inverse = 1 / slope
        middle, half = -dot(axis, apart) * inverse, numbers[3 + i] * inverse.abs()
        near.append(middle - half)
        far.append(middle + half)
        lit.append(-slope.sign() * dot(axis, sun))
    enter = torch.maximum(torch.maximum(near[0], near[1]), near[2])
    leave = torch.minimum(torch.minimum(far[0], far[1]), far[2])
    facing = torch.where(enter == near[0], lit[0], torch.where(enter == near[1], lit[1], lit[2]))
    return Hit(torch.where(enter < leave, enter, torch.nan), facing)


# --- upright cylinder: centre, radius, half height


def _cylinder_table(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> Tensor:
    return torch.cat([centre, size[:, :1], size[:, 1:] / 2], 1)


def _cylinder_bounds(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    return centre[:, None], (size[:, :1].square() + (size[:, 1:] / 2).square()).sqrt()


def _cylinder_enter(numbers: Vector, origin: Vector, ray: Vector, sun: Vector) -> Hit:
    *centre, radius, half = numbers
    x, y, z = minus(origin, tuple(centre))
    a = (ray[0].square() + ray[1].square()).clamp(min=TINY)
    b = x * ray[0] + y * ray[1]
    root = (b.square() - a * (x.square() + y.square() - radius.square())).sqrt()
    rise = torch.where(ray[2].abs() < TINY, TINY, ray[2])
    inverse = 1 / rise
    middle, reach = -z * inverse, half * inverse.abs()
    side, lid = (-b - root) / a, middle - reach
    enter, leave = torch.maximum(side, lid), torch.minimum((root - b) / a, middle + reach)
    round_ = ((x + enter * ray[0]) * sun[0] + (y + enter * ray[1]) * sun[1]) / radius
    facing = torch.where(enter == lid, -rise.sign() * sun[2], round_)
    return Hit(torch.where(enter < leave, enter, torch.nan), facing)


# --- capsule: start, unit axis, length, radius


def _capsule_table(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> Tensor:
    long = length(end - centre)
    return torch.cat([centre, (end - centre) / long.clamp(min=TINY), long, size], 1)


def _capsule_bounds(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    shares = (torch.arange(SPOTS, device=centre.device) + 0.5)[:, None] / SPOTS
    return centre[:, None] + shares * (end - centre)[:, None], size + length(end - centre) / (2 * SPOTS)


def _capsule_enter(numbers: Vector, origin: Vector, ray: Vector, sun: Vector) -> Hit:
    start, axis, (long, radius) = numbers[:3], numbers[3:6], numbers[6:]
    apart = minus(origin, start)
    slope, height = dot(axis, ray), dot(axis, apart)
    a = (1 - slope.square()).clamp(min=1e-9)
    along, square = dot(apart, ray), dot(apart, apart) - radius.square()
    b = along - slope * height
    # A ray that misses the endless cylinder around the axis misses the balls at its ends too, and gets NaN from them.
    body = (-b - (b.square() - a * (square - height.square())).sqrt()) / a
    level = height + body * slope
    centre = torch.where(level > long, long, torch.zeros_like(level))
    past = along - centre * slope
    cap = -past - (past.square() - (square - 2 * centre * height + centre.square())).sqrt()
    inside = (level >= 0) & (level <= long)
    distance = torch.where(inside, body, cap)
    foot = torch.where(inside, level, centre)
    facing = (dot(apart, sun) + distance * dot(ray, sun) - foot * dot(axis, sun)) / radius
    return Hit(distance, facing)


# --- painted on the ground: a rectangle (centre, half sides, cosine and sine of its turn) and a disc


def _patch_table(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> Tensor:
    return torch.cat([centre[:, :2], size / 2, turn[:, 0, :1], turn[:, 1, :1]], 1)


def _patch_bounds(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    # A long stripe is held by small spheres along its length, as a capsule is.
    shares = (torch.arange(SPOTS, device=centre.device) + 0.5)[:, None] / SPOTS - 0.5
    along = turn[:, :, 0] * size[:, :1]
    radius = ((size[:, :1] / SPOTS).square() + size[:, 1:].square()).sqrt() / 2
    ground = torch.cat([centre[:, :2], torch.zeros_like(centre[:, 2:])], 1)
    return ground[:, None] + shares * along[:, None], radius


def _patch_covers(numbers: Vector, x: Tensor, y: Tensor) -> Tensor:
    cx, cy, long, wide, cos, sin = numbers
    x, y = x - cx, y - cy
    return ((x * cos + y * sin).abs() <= long) & ((y * cos - x * sin).abs() <= wide)


def _disc_table(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> Tensor:
    return torch.cat([centre[:, :2], size], 1)


def _disc_bounds(centre: Tensor, size: Tensor, turn: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cat([centre[:, :2], torch.zeros_like(centre[:, 2:])], 1)[:, None], size


def _disc_covers(numbers: Vector, x: Tensor, y: Tensor) -> Tensor:
    cx, cy, radius = numbers
    return (x - cx).square() + (y - cy).square() <= radius.square()


BODIES = {
    "sphere": Body(1, _sphere_table, _sphere_bounds, enter=_sphere_enter),
    "box": Body(3, _box_table, _box_bounds, enter=_box_enter),
    "cylinder": Body(2, _cylinder_table, _cylinder_bounds, enter=_cylinder_enter),
    "capsule": Body(1, _capsule_table, _capsule_bounds, enter=_capsule_enter),
    "patch": Body(2, _patch_table, _patch_bounds, covers=_patch_covers),
    "disc": Body(1, _disc_table, _disc_bounds, covers=_disc_covers),
}
"""The kinds of things, by name."""
