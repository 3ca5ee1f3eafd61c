"""Speed of the batched renderer and of physics films, beside a check that pictures do not depend on how they are made.

Run: python bench/renderer.py [--repeats N]. Writes bench/results/renderer.json. With --sheet it draws
docs/images/worlds-physics.png instead: every second frame of a film of each scene, then masks and depths of the spring.

The scene is a ball, a tilted box, a cylinder and a capsule on a tiled ground, all of them placed, sized and coloured
anew in each picture, with the shadows of all; and, for films, sequences of 16 frames as `Physics` samples them, with
the drawing of the parameters, the motion and the change to whole numbers.

Check: images, masks and depths on one thread, on two threads, and one by one are equal to the last bit.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import common
from identikit.worlds.physics import Physics
from identikit.worlds.renderer import Camera, Frames, Ground, Thing, draw

PICTURES = {32: 512, 64: 256, 128: 64}
CHECKED = 48
SHOWN = {
    "fall": {"gravity": 9.8, "hue": 0.3},
    "spring": {"stretch": 0.9, "stiffness": 12.0, "mass": 1.5, "hue": 1.6},
    "slope": {"gravity": 9.8, "friction": 0.08, "angle": 0.5, "hue": 3.9},
    "collision": {"launch_a": 1.2, "launch_b": -0.5, "restitution": 0.9, "mass_a": 0.6, "mass_b": 2.0, "hue": 0.8},
    "refraction": {"index_a": 1.6, "index_b": 1.05, "lamp": 0.2, "sweep": 0.45, "hue": 0.2},
}
"""Parameters of the films on the sheet, chosen so that much happens in them."""
SHEET = Path(__file__).parents[1] / "docs" / "images" / "worlds-physics.png"
GROUND = Ground(other=(0.60, 0.58, 0.55))


def things(n: int, seed: int = 0) -> list[Thing]:
    generator = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    def place(height: float) -> Tensor:
        return torch.cat([2.4 * some(n, 2) - 1.2, torch.full((n, 1), height)], 1)

    return [
        Thing("sphere", place(0.45), 0.3 + 0.15 * some(n), some(n, 3)),
        Thing("box", place(0.5), (0.8, 0.6, 0.8), some(n, 3), yaw=6 * some(n), tilt=0.4 * some(n)),
        Thing("cylinder", place(0.5), (0.3, 1.0), some(n, 3)),
        Thing("capsule", place(0.2), 0.12, some(n, 3), end=place(1.2)),
    ]


def one(values: list[Thing], i: int) -> list[Thing]:
    """The things of one picture."""

    def row(value: object) -> object:
        return value[i : i + 1] if isinstance(value, Tensor) else value

    return [replace(t, **{name: row(value) for name, value in vars(t).items()}) for t in values]


def check(camera: Camera, pixels: int) -> bool:
    values = things(CHECKED, seed=1)

    def made(some: list[Thing], eye: object = camera.eye) -> Frames:
        return draw(some, replace(camera, eye=eye), pixels, ground=GROUND)

    single = made(values)
    torch.set_num_threads(2)
    double = made(values)
    torch.set_num_threads(1)
    alone = [made(one(values, i)) for i in range(CHECKED)]
    apart = Frames(*(torch.cat(v) for v in zip(*alone, strict=True)))
    return all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(single, double, apart, strict=True))


def sheet() -> None:
    from PIL import Image

    rows, extra = [], []
    for scene, do in SHOWN.items():
        world = Physics(scene, size=96, do=do, seed=1)
        frames = world.render(world.sample(16, seed=4)[1].latents[::2])
        pictures = frames.pictures
        pictures[..., :2], pictures[..., :2, :] = 255, 255
        rows.append(pictures.permute(2, 0, 3, 1).flatten(1, 2))
        if scene == "spring":
            masks = frames.mask * (255 // int(frames.mask.max()))
            depths = 255 * (1 - (frames.depth - frames.depth.min()) / (12 - frames.depth.min())).clamp(0, 1)
            extra = [
                v.to(torch.uint8).permute(1, 0, 2).flatten(1)[..., None].expand(-1, -1, 3) for v in (masks, depths)
            ]
    Image.fromarray(torch.cat([*rows, *extra]).numpy()).save(SHEET, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sheet", action="store_true")
    given = parser.parse_args()
    if given.sheet:
        return sheet()
    repeats = given.repeats

    equal = {
        f"{name}, {pixels} pixels": check(camera, pixels)
        for name, camera in {"perspective": Camera(), "above": Camera.above(width=4.0)}.items()
        for pixels in PICTURES
    }
    print("one thread, two threads and one by one are equal:", equal)
    assert all(equal.values()), equal

    rows, speed = [], {}
    for pixels, n in PICTURES.items():
        values = things(n)
        times = common.measure({"draw": lambda v=values, p=pixels: draw(v, Camera(), p, ground=GROUND)}, repeats)
        per = times["draw"].per(n)
        speed[str(pixels)] = {"pictures": n, **per.json(), "pictures_per_cpu_second": round(1 / per.median_cpu)}
        rows.append((f"{pixels} pixels", 1e3 * per.median_cpu, 1 / per.median_cpu))
    common.table(("four things with shadows", "CPU ms a picture", "pictures a CPU second"), rows)

    films, rows = {}, []
    count = 8
    worlds = {scene: Physics(scene) for scene in SHOWN}
    times = common.measure({s: lambda w=w: w.sample(count * w.length) for s, w in worlds.items()}, repeats)
    for scene, taken in times.items():
        per = taken.per(count)
        films[scene] = per.json()
        rows.append((scene, per.median_cpu))
    common.table(("film of 16 frames, 64 pixels", "CPU seconds a film"), rows)
    common.save("renderer", {"equal": equal, "four things with shadows": speed, "physics films": films})


if __name__ == "__main__":
    main()
