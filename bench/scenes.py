"""Speed of the scene renderer, beside two checks that it is right.

Run: python bench/scenes.py [--threads N]. Writes bench/results/scenes.json.

Check 1: pictures rendered in a batch equal those rendered one by one.
Check 2: the masks of object and shadow, and the depths, are those of a plain reference in double precision. It knows no
quadratic formula: it looks for the lowest value of a convex function along every ray, in the world's frame.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from identikit.worlds import raytracer
from identikit.worlds.scenes import Scenes

RESULT = Path(__file__).parent / "results" / "scenes.json"
PICTURES = {64: 1024, 128: 256}
ROUNDS = 5


def inside(shape: int, points: np.ndarray) -> np.ndarray:
    """A convex function of points (..., 3) that is negative inside the shape of size 1 and positive outside."""
    x, y, z = np.moveaxis(points, -1, 0)
    around = np.hypot(x, y)
    if shape == 0:
        return np.hypot(around, z - 1) - 1
    if shape == 1:
        return np.maximum(np.maximum(abs(x), abs(y)), abs(z - 0.8)) - 0.8
    if shape == 2:
        return np.maximum(around - math.sqrt(0.72), abs(z - 0.8) - 0.8)
    return np.maximum(around - (2.1 - z) / 2, -z)


def lowest(value: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Where on each of many rays, from 0 to 20, a convex function is lowest."""
    low, high = np.zeros(shape), np.full(shape, 20.0)
    for _ in range(100):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        left = value(first) < value(second)
        low, high = np.where(left, low, first), np.where(left, second, high)
    return (low + high) / 2


def reference(latents: np.ndarray, pixels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of each pixel that show the object and its shadow, and the least distance to the object along its rays."""
    shape, _, size, x, y, light, camera, _ = (float(v) for v in latents)
    pitch, target = raytracer.PITCH, np.array([0, 0, raytracer.TARGET])
    back = np.array([math.sin(camera) * math.cos(pitch), -math.cos(camera) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(camera), math.sin(camera), 0])
    up = np.cross(back, right)
    steps = ((np.arange(2 * pixels) + 0.5) / pixels - 1) * math.tan(raytracer.HALF_VIEW)
    rays = steps[None, :, None] * right - steps[:, None, None] * up - back
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    eye = target + raytracer.DISTANCE * back
    grid = rays.shape[:2]

    turn = raytracer.BOX_TURN if shape == 1 else 0.0
    spin = np.array([[math.cos(turn), math.sin(turn), 0], [-math.sin(turn), math.cos(turn), 0], [0, 0, 1]])

    def along(origin: np.ndarray, direction: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda t: inside(int(shape), (origin + t[..., None] * direction - (x, y, 0)) @ spin.T / size)

    seen = along(eye, rays)
    deepest = lowest(seen, grid)
    hit = seen(deepest) < 0
    low, high = np.zeros(grid), deepest
    for _ in range(50):
        middle = (low + high) / 2
        out = seen(middle) > 0
        low, high = np.where(out, middle, low), np.where(out, high, middle)
    depth = np.where(hit, high, math.inf)

    down = rays[..., 2] < 0
    ground = eye + np.where(down, eye[2] / -np.where(down, rays[..., 2], -1), 1e3)[..., None] * rays
    tilt = raytracer.LIGHT_HEIGHT
    sun = np.array([math.cos(light) * math.cos(tilt), math.sin(light) * math.cos(tilt), math.sin(tilt)])
    blocked = along(ground, sun)
    shadow = (blocked(lowest(blocked, grid)) < 0) & down & ~hit
    fold = (pixels, 2, pixels, 2)
    return hit.reshape(fold).mean((1, 3)), shadow.reshape(fold).mean((1, 3)), depth.reshape(fold).min((1, 3))


def check(world: Scenes) -> dict[str, float]:
    latents = world.model.values(world.model.noise(32, np.random.default_rng(0))).astype(np.float32)
    columns = torch.as_tensor(latents).unbind(1)
    batch = raytracer.render(*columns, pixels=64)
    apart = 0.0
    for i in range(len(latents)):
        alone = raytracer.render(*(c[i] for c in columns), pixels=64).image[0]
        apart = max(apart, float((alone - batch.image[i]).abs().max()))
    cover, shadow, depth = (np.stack(v) for v in zip(*(reference(row, 64) for row in latents[:16]), strict=True))
    whole = cover == 1
    found = {
        "batch_difference": apart,
        "mask_agreement": float((np.abs(batch.mask[:16].numpy() - cover) < 1e-6).mean()),
        "shadow_agreement": float((np.abs(batch.shadow[:16].numpy() - shadow) < 1e-6).mean()),
        "depth_difference": float(np.abs(batch.depth[:16].numpy()[whole] - depth[whole]).max()),
    }
    assert apart <= 1e-5, found
    assert min(found["mask_agreement"], found["shadow_agreement"]) >= 0.999, found
    assert found["depth_difference"] <= 1e-3, found
    return found


def speed(world: Scenes, n: int) -> dict[str, float]:
    """Pictures a second, as the best and the median of a few rounds of sampling latents and rendering them."""
    world.sample(64)
    wall, cpu = [], []
    for seed in range(ROUNDS):
        start, used = time.perf_counter(), time.process_time()
        world.sample(n, seed)
        wall.append((time.perf_counter() - start) / n)
        cpu.append((time.process_time() - used) / n)
    return {
        "pictures": n,
        "best_pictures_per_second": 1 / min(wall),
        "median_pictures_per_second": 1 / statistics.median(wall),
        "best_cpu_ms_per_picture": 1000 * min(cpu),
        "median_cpu_ms_per_picture": 1000 * statistics.median(cpu),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    result = {
        "threads": torch.get_num_threads(),
        "machine": f"{platform.machine()}, torch {torch.__version__}",
        "check": check(Scenes()),
        "speed": {str(pixels): speed(Scenes(size=pixels), n) for pixels, n in PICTURES.items()},
    }
    print(json.dumps(result, indent=2))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
