"""How the renderer traces a chunk of pictures: rays, what each of them sees, shadows, and colours.

Numbers of rays stand in tensors (pictures, tiles, rays of a tile), with 1 for what is the same along a dimension. The
rays of a tile are in the order of their place in a pixel, then of the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from identikit.worlds.primitives import Body, Vector, dot, length

TILE = 8
"""Side of a tile of the picture in pixels."""
SUBSAMPLES = 2
"""Rays along each side of a pixel."""
MARGIN = 2e-3
"""Added to every bound, against rounding."""
NEAR = 1e-3
"""How far from the camera a ray may first meet something."""


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground z = 0 and the sky above it, the same in all pictures.

    Attributes:
        colour: of the ground.
        other: colour of every second tile; None for plain ground.
        tile: side of a tile.
        sky: colour of the sky.
        haze: distance at which the ground has faded most of the way into the sky; None for clear air, as it
            always is before an orthographic camera.
    """

    colour: Sequence[float] = (0.72, 0.70, 0.66)
    other: Sequence[float] | None = None
    tile: float = 1.0
    sky: Sequence[float] = (0.80, 0.87, 0.94)
    haze: float | None = 25.0


class Solid(NamedTuple):
    """One thing, ready to be traced; every tensor has a row for each picture, or one for all of them."""

    number: int  # in the mask
    body: Body
    table: Tensor  # (n or 1, columns)
    centres: Tensor  # (n or 1, spheres, 3) of the spheres that hold it
    radius: Tensor  # (n or 1, 1)

    @property
    def still(self) -> bool:
        """Whether it is the same in every picture."""
        return len(self.table) == 1

    def part(self, rows: slice) -> Solid:
        """The thing in some of the pictures."""
        return self if self.still else self._replace(**{k: getattr(self, k)[rows] for k in self._fields[2:]})

    def columns(self, scene: Tensor) -> Vector:
        """Its numbers, (rows, 1) each, for rays of the given pictures."""
        return tuple((self.table if self.still else self.table[scene])[:, :, None].unbind(1))


class Lens(NamedTuple):
    """A camera, ready to make rays: each vector is (n or 1, 3), and the three axes are unit vectors."""

    eye: Tensor
    right: Tensor
    up: Tensor
    ahead: Tensor
    reach: float  # half the width of the picture, at distance 1 where it is in perspective
    flat: bool

    def part(self, rows: slice) -> Lens:
        """The camera of some of the pictures."""
        if len(self.eye) == 1:
            return self
        return Lens(self.eye[rows], self.right[rows], self.up[rows], self.ahead[rows], self.reach, self.flat)


class Rays(NamedTuple):
    """The rays of pictures, and the ground that they would see if it were empty."""

    lens: Lens
    pixels: int
    origin: Vector
    ray: Vector
    distance: Tensor  # to the ground; infinite for rays that never meet it
    soil: Vector  # colour of the ground in linear light, as much of it as the haze leaves
    sky: Vector  # colour of sky and haze

    @property
    def tiles(self) -> int:
        """Tiles in a picture."""
        return (self.pixels // TILE) ** 2


class Seen(NamedTuple):
    """What each ray sees, (pictures * tiles, rays)."""

    distance: Tensor
    number: Tensor  # of the thing; 0 for ground and sky
    facing: Tensor  # cosine of the angle between the surface and the light

    def repeat(self, times: int) -> Seen:
        """The same for several pictures."""
        return Seen(*(v.repeat(times, 1) for v in self))


def screen(pixels: int, subsamples: int, tile: int) -> tuple[Tensor, Tensor]:
    """Places on the screen, from -1 to 1 to the right and up, of the rays (tiles, rays) in the order of this file."""
    count = pixels // tile
    at = (torch.arange(pixels * subsamples, dtype=torch.float64) + 0.5) / (pixels * subsamples) * 2 - 1
    grid = at.view(count, tile, subsamples)
    shape = (count, count, subsamples, subsamples, tile, tile)  # row and column of tile, of ray in pixel, of pixel
    u = grid.transpose(1, 2)[None, :, None, :, None, :].expand(shape)
    v = -grid.transpose(1, 2)[:, None, :, None, :, None].expand(shape)
    return u.reshape(count**2, -1).float(), v.reshape(count**2, -1).float()


def make_rays(lens: Lens, pixels: int, ground: Ground) -> Rays:
    """The rays of the given cameras, (n or 1) of them, and the ground and sky behind all things."""
    u, v = (s[None].to(lens.eye.device) for s in screen(pixels, SUBSAMPLES, TILE))
    eye, right, up, ahead = (tuple(c[:, :, None, None].unbind(1)) for c in lens[:4])
    across = tuple(lens.reach * (u * r + v * s) for r, s in zip(right, up, strict=True))
    if lens.flat:
        origin, ray = tuple(e + a for e, a in zip(eye, across, strict=True)), ahead
    else:
        ray = tuple(f + a for f, a in zip(ahead, across, strict=True))
        scale = dot(ray, ray).sqrt()
        origin, ray = eye, tuple(r / scale for r in ray)
    down = ray[2] < 0
    distance = torch.where(down, origin[2] / -torch.where(down, ray[2], -1.0), torch.inf)
    distance = distance.expand(len(lens.eye), *u.shape[1:]).contiguous()
    footprint = 2 * lens.reach / pixels * (1.0 if lens.flat else distance)
    return Rays(lens, pixels, origin, ray, distance, *_scenery(origin, ray, distance, footprint, ground, not lens.flat))


def _scenery(
    origin: Vector, ray: Vector, distance: Tensor, footprint: Tensor | float, ground: Ground, hazy: bool
) -> tuple[Vector, Vector]:
    """Linear light of ground and of sky, where nothing stands before them."""
    land = torch.isfinite(distance)
    fade = torch.where(land, 0.0, 1.0)
    if hazy and ground.haze is not None:
        fade = torch.where(land, 1 - torch.exp(-(distance / ground.haze).square()), 1.0)
    soil = [torch.full_like(distance, c**2) for c in ground.colour]
    if ground.other is not None:
        reach = torch.where(land, distance, 0.0)
        wave = ground.tile / math.pi
        x, y = (wave * torch.sin((o + reach * r) / wave) for o, r in zip(origin[:2], ray[:2], strict=True))
        # A clamped wave has edges as wide as the rays are apart; flat views make rays longer on the ground than wide.
        share = (x * y / wave / (footprint / ray[2].abs().clamp(min=1e-2))).clamp(-0.5, 0.5) + 0.5
        soil = [s + share * (c**2 - s) for s, c in zip(soil, ground.other, strict=True)]
    return tuple(s * (1 - fade) for s in soil), tuple(fade * c**2 for c in ground.sky)


def begin(rays: Rays, sun: Tensor, n: int) -> Seen:
    """What rays see where there is nothing but the ground."""
    shape = (n * rays.tiles, rays.distance.shape[2])
    distance = rays.distance.expand(n, -1, -1).reshape(shape).clone()
    facing = sun[:, 2:, None].expand(n, *rays.distance.shape[1:]).reshape(shape).clone()
    return Seen(distance, torch.zeros(shape, dtype=torch.int64, device=distance.device), facing)


def look(seen: Seen, things: list[Solid], rays: Rays, sun: Tensor) -> None:
    """Put things into what the rays see, in place; what is painted on the ground must come before what stands on it."""
    for thing in things:
        picked = _Picked.where(_reached(rays, thing), seen, rays.tiles)
        if picked is None:
            continue
        numbers, origin, ray = thing.columns(picked.scene), picked.take(rays.origin), picked.take(rays.ray)
        before, owner = seen.distance[picked.rows], seen.number[picked.rows]
        if thing.body.covers is not None:
            x, y = (o + before * r for o, r in zip(origin[:2], ray[:2], strict=True))
            closer = thing.body.covers(numbers, x, y)
        else:
            assert thing.body.enter is not None
            hit = thing.body.enter(numbers, origin, ray, picked.suns(sun))
            closer = (hit.distance > NEAR) & (hit.distance < before)
            seen.distance[picked.rows] = torch.where(closer, hit.distance, before)
            seen.facing[picked.rows] = torch.where(closer, hit.facing, seen.facing[picked.rows])
        seen.number[picked.rows] = torch.where(closer, thing.number, owner)


def shadows(seen: Seen, things: list[Solid], rays: Rays, sun: Tensor) -> Tensor:
    """Which of the seen points (pictures * tiles, rays) no thing keeps the light from."""
    tiles, n = rays.tiles, len(seen.distance) // rays.tiles
    reach = torch.where(torch.isfinite(seen.distance), seen.distance, 0.0).view(n, tiles, -1)
    point = tuple(o + reach * r for o, r in zip(rays.origin, rays.ray, strict=True))
    low, high = (torch.stack([f(p, dim=2) for p in point], 2) for f in (torch.amin, torch.amax))
    middle, spread = (low + high) / 2, length(high - low)[:, :, :, None] / 2
    free = torch.ones_like(seen.number, dtype=torch.bool)
    for thing in things:
        if thing.body.enter is None:
            continue
        apart = thing.centres[:, None] - middle[:, :, None]  # (n, tiles, spheres, 3)
        along = (apart * sun[:, None, None]).sum(3)
        bound = (thing.radius[:, :, None] + spread[..., 0]) * (1 + MARGIN) + MARGIN
        near = (apart.square().sum(3) - along.square() <= bound.square()) & (along >= -bound)
        picked = _Picked.where(near.any(2), seen, tiles)
        if picked is None:
            continue
        toward = picked.suns(sun)
        here = tuple(p.flatten(0, 1)[picked.rows] for p in point)
        blocked = thing.body.enter(thing.columns(picked.scene), here, toward, toward).distance > 0
        # All bodies are convex: where one faces the light, it does not keep it from itself.
        free[picked.rows] &= ~(blocked & (seen.number[picked.rows] != thing.number))
    return free


def paint(seen: Seen, free: Tensor, colours: Tensor, rays: Rays, ambient: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, masks and depths of what the rays see; `colours` is (n, things + 1, 3), the first of them unused."""
    tiles = rays.tiles
    n = len(seen.distance) // tiles
    distance, number, facing = (v.view(n, tiles, -1) for v in seen)
    light = ambient + (1 - ambient) * torch.where(free.view_as(facing), facing, 0.0).clamp_(min=0)
    bare = number == 0
    flat, linear = number.flatten(1), colours.square()
    image = []
    for c in range(3):
        own = linear[:, :, c].expand(n, -1).gather(1, flat).view_as(light)
        ray = torch.where(bare, rays.soil[c], own) * light + torch.where(bare, rays.sky[c], 0.0)
        a, b, c_, d = ray.view(n, tiles, SUBSAMPLES**2, -1).unbind(2)
        image.append(_whole(((a + b) + (c_ + d)) * 0.25, rays.pixels))
    first, second, third, fourth = number.view(n, tiles, SUBSAMPLES**2, -1).unbind(2)
    same = [(a == b).to(torch.int8) for a, b in ((first, second), (first, third), (second, third))]
    votes = [(v == fourth).to(torch.int8) for v in (first, second, third)]
    votes = [votes[0] + same[0] + same[1], votes[1] + same[0] + same[2], votes[2] + same[1] + same[2]]
    # The fourth ray never has more company than all others: whoever shares its thing has as much.
    use_third, use_second = votes[2] > torch.maximum(votes[0], votes[1]), votes[1] > votes[0]

    def chosen(values: Tensor) -> Tensor:
        a, b, c, _ = values.view(n, tiles, SUBSAMPLES**2, -1).unbind(2)
        return _whole(torch.where(use_third, c, torch.where(use_second, b, a)), rays.pixels)

    return torch.stack(image, 1).clamp_(0, 1).sqrt_(), chosen(number), chosen(distance)


def _whole(values: Tensor, pixels: int) -> Tensor:
    """Pictures (n, pixels, pixels) from tiles (n, tiles, pixels of a tile)."""
    side = pixels // TILE
    return values.view(-1, side, side, TILE, TILE).transpose(2, 3).reshape(-1, pixels, pixels)


def _reached(rays: Rays, thing: Solid) -> Tensor:
    """Tiles (n or 1, tiles) whose rays may meet one of the spheres that hold a thing."""
    lens = rays.lens
    u, v = (s[:, 0].to(lens.eye.device) for s in screen(rays.pixels // TILE, 1, 1))
    half = lens.reach * TILE / rays.pixels  # half a tile, on the screen
    apart = thing.centres - lens.eye[:, None]  # (n, spheres, 3)
    if lens.flat:
        bound = (thing.radius + half + MARGIN)[:, None]
        right, up = ((apart * axis[:, None]).sum(2)[:, None] for axis in (lens.right, lens.up))
        near = ((right - lens.reach * u[:, None]).abs() <= bound) & ((up - lens.reach * v[:, None]).abs() <= bound)
        return near.any(2)
    ahead = lens.ahead[:, None] + lens.reach * (u[:, None] * lens.right[:, None] + v[:, None] * lens.up[:, None])
    ahead = ahead / length(ahead)
    far = length(apart)[..., 0].clamp(min=NEAR)
    angle = torch.acos(((ahead @ apart.transpose(1, 2)) / far[:, None]).clamp(-1, 1))
    share = thing.radius / far
    # Points of the screen are at distance 1 or more, so two of them a length apart are at most that angle apart.
    bound = torch.where(share < 1, torch.asin(share.clamp(max=1)), math.pi) + half * math.sqrt(2) + MARGIN
    return (angle <= bound[:, None]).any(2)


class _Picked(NamedTuple):
    """Some tiles of some pictures."""

    rows: Tensor
    scene: Tensor
    tile: Tensor

    @staticmethod
    def where(wanted: Tensor, seen: Seen, tiles: int) -> _Picked | None:
        n = len(seen.distance) // tiles
        rows = wanted.expand(n, -1).flatten().nonzero()[:, 0]
        return _Picked(rows, rows // tiles, rows % tiles) if len(rows) else None

    def take(self, vector: Vector) -> Vector:
        """Components (rows, rays or 1) of a vector (n or 1, tiles or 1, rays or 1)."""
        return tuple(self._take(v) for v in vector)

    def _take(self, values: Tensor) -> Tensor:
        n, tiles, _ = values.shape
        if n > 1 and tiles > 1:
            return values.flatten(0, 1)[self.rows]
        return values[0][self.tile] if tiles > 1 else values[:, 0][self.scene] if n > 1 else values[0]

    def suns(self, sun: Tensor) -> Vector:
        """Directions (rows or 1, 1) of the light."""
        return tuple((sun if len(sun) == 1 else sun[self.scene])[:, :, None].unbind(1))
