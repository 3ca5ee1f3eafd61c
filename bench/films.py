"""Speed of the worlds of robots and traffic, beside checks of what their simulators promise.

Run: python bench/films.py. Writes bench/results/films.json. MuJoCo's scenes are left out where MuJoCo cannot run.

Checks: pictures drawn alone equal those of the batch; an arm without control or damping keeps its energy; no gap
between cars falls to the room that is always left, with the default noise and with twenty times as much.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from common import measure, save, table
from identikit.errors import InputError
from identikit.worlds.arm import Arm
from identikit.worlds.driving import SPARE
from identikit.worlds.episodes import Episodes
from identikit.worlds.mobile_robot import MobileRobot
from identikit.worlds.mujoco import MujocoScene
from identikit.worlds.robot_simulators import ROTOR, simulate_arm
from identikit.worlds.traffic import LAYOUTS, Traffic

FRAMES = 320


def worlds() -> dict[str, Episodes]:
    """The worlds that can be sampled here, by name."""
    found: dict[str, Episodes] = {
        "Arm, 2 joints": Arm(),
        "Arm, 3 joints": Arm(joints=3),
        "MobileRobot": MobileRobot(),
        **{f"Traffic, {layout}": Traffic(layout=layout) for layout in LAYOUTS},
    }
    for scene in ("slope", "arm"):
        try:
            MujocoScene(scene=scene, length=2, size=16).sample(4)
        except InputError as error:
            print(f"left out: {error}")
        else:
            found[f"MujocoScene, {scene}"] = MujocoScene(scene=scene)
    return found


def alone(world: Episodes) -> int:
    """The greatest difference of a picture drawn alone from the same in a batch, in grey levels."""
    data, truth = world.sample(5 * world.length)
    assert isinstance(data.x, np.ndarray)
    rows = range(0, data.rows, 9)
    return max(int(np.abs(world.pictures(truth.latents[[i]])[0].astype(int) - data.x[i]).max()) for i in rows)


def energy(joints: int = 3, n: int = 200, frames: int = 12) -> float:
    """The greatest relative change of the energy of free arms over 1.4 s."""
    rng = np.random.default_rng(0)
    lengths, masses = rng.uniform(0.3, 0.6, (n, joints)), rng.uniform(0.5, 2.0, (n, joints))
    rest, start, rate = np.zeros((n, frames, joints)), rng.normal(size=(n, joints)), rng.normal(size=(n, joints))
    angles, speeds = simulate_arm(lengths, masses, np.zeros(n), rest, rest, start, rate, stiffness=0.0)
    turn, rate = np.cumsum(angles, 2), np.cumsum(speeds, 2)
    tip, total = np.zeros((n, frames, 2)), 0.5 * ROTOR * (speeds**2).sum(2)
    for k in range(joints):
        across = np.stack([-np.sin(turn[..., k]), np.cos(turn[..., k])], axis=2)
        tip = tip + (lengths[:, None, k] * rate[..., k])[..., None] * across
        total = total + 0.5 * masses[:, None, k] * (tip**2).sum(2)
    return float(np.abs(total / total[:, :1] - 1).max())


def gaps() -> dict[str, dict[str, float]]:
    """The least gap between cars in 300 sequences, by layout and noise, and how often the safe speed was needed."""
    found = {}
    for layout in LAYOUTS:
        for noise in (0.3, 6.0):
            world = Traffic(layout=layout, noise=noise, cars=8, length=32)
            fixed = world.model.values(world.model.noise(300, np.random.default_rng(0)))
            drive, _ = world.drive(fixed, np.random.default_rng(0))
            found[f"{layout}, noise {noise:g}"] = {
                "least_gap_m": round(float(drive.gap.min()), 3),
                "overruled": round(drive.overruled, 5),
            }
    return found


def main() -> None:
    here = worlds()
    fixed = {name: w.model.values(w.model.noise(100, np.random.default_rng(0))) for name, w in here.items()}
    check = {
        "picture_difference": {name: alone(world) for name, world in here.items()},
        "energy_change": energy(),
        "gaps": gaps(),
    }
    assert max(check["picture_difference"].values()) == 0, check
    assert check["energy_change"] < 1e-4, check
    assert min(g["least_gap_m"] for g in check["gaps"].values()) > SPARE - 1e-3, check
    films = {n: t.per(FRAMES) for n, t in measure({n: partial(w.sample, FRAMES) for n, w in here.items()}).items()}
    moves = measure({n: partial(w.simulate, fixed[n], np.random.default_rng(0)) for n, w in here.items()})
    motion = {n: t.per(100 * here[n].length) for n, t in moves.items()}
    rows = [(n, 1e3 * films[n].median_cpu, 1e3 * motion[n].median_cpu, 1 / films[n].median_cpu) for n in here]
    table(("at 64 pixels, CPU time", "ms a frame", "of it simulating", "frames a second"), rows)
    print(check)
    save(
        "films",
        {
            "check": check,
            "frame": {n: t.json() for n, t in films.items()},
            "simulate": {n: t.json() for n, t in motion.items()},
        },
    )


if __name__ == "__main__":
    main()
