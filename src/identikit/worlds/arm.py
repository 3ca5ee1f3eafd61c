"""Films of a jointed arm that carries a load to an object on a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from identikit.errors import InputError, unknown
from identikit.worlds.causal import Factor
from identikit.worlds.episodes import ACTIONS, Episodes, Motion, hue_colour, points
from identikit.worlds.graphs import Parents
from identikit.worlds.renderer import Camera, Frames, Ground, Thing, draw
from identikit.worlds.robot_simulators import DAMPING_MOST, arm_points, arm_pose, simulate_arm

LINK_MASS = 0.8
"""Mass at the end of each link of an arm, in kilogrammes."""
HOLD = 8
"""Frames for which an arm is sent to one point."""
BEARINGS, DISTANCES = (-1.1, 1.1), (0.45, 0.75)
"""Where an object may lie: directions against straight ahead in radians, and distances from the base in metres."""
_ARM_HEIGHT = 0.3


@dataclass(frozen=True)
class Arm(Episodes):
    r"""Films of a jointed arm above a table that carries a load to points on it, the last of which is an object.

    A sequence keeps `reach` (the links together, in metres, all equally long), `payload` (kg), `damping` of the joints
    (N m s), and the object's `object_angle` (against straight ahead, in radians), `object_distance` (m) and `hue`. In
    each frame move the joint angles, which are continuous (no joint goes round), the joint velocities and the joint
    targets. Every 8 frames the arm is sent to another point, at last to the object; the targets are the joint angles
    with which its tip is there. See `simulate_arm` for the equations of motion and `Episodes` for what all films share.

    Args:
        domains: number of domains, which share the sequences equally.
        length: frames in a sequence, 1/8 s apart.
        size: side of the square pictures in pixels, a multiple of 8 from 16 to 512.
        changing: names of the fixed variables whose mechanism changes from domain to domain.
        graph: the names of the parents of each fixed variable that has any.
        do: fixed variables that are set by force in every sequence, by name.
        noise: standard deviation of the random torques, in N m, drawn anew in every frame.
        seed: of the mechanisms.
        joints: 2 or 3.
        actions: `seen` gives the joint targets to the learner as the field `action` (rows, joints); `hidden` leaves
            them in `truth.labels`.
        load_seen: whether the load's radius shows its mass; otherwise its mass shows in the motion alone.

    Raises:
        InputError: another number of joints, an unknown name, or a forced value with which nothing can be simulated.

    Source: the equations of motion are the textbook ones; scene, ranges and mechanisms are this library's choice.

    >>> data, truth = Arm(size=32, length=8).sample(80, seed=0)
    >>> data
    Dataset(80 rows: x(3, 32, 32), sequence(), time(), action(2,); train 64, validation 8, test 8)
    >>> truth.names[6:]
    ('angle0', 'angle1', 'velocity0', 'velocity1', 'target0', 'target1')
    """

    changing: tuple[str, ...] = ("payload", "damping")
    graph: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"damping": ("payload",), "object_distance": ("reach",)}
    )
    noise: float = 0.3
    joints: int = 2
    actions: str = "seen"
    load_seen: bool = True

    feasible: ClassVar[Mapping[str, tuple[float, float]]] = {
        "reach": (0.76, 1.3),
        "payload": (0.0, 10.0),
        "damping": (0.0, DAMPING_MOST),
    }

    def __post_init__(self) -> None:
        if self.joints not in (2, 3):
            raise InputError(f"joints is 2 or 3, not {self.joints!r}")
        if self.actions not in ACTIONS:
            raise unknown("setting of actions", self.actions, ACTIONS)
        super().__post_init__()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The variables that a sequence keeps."""
        return (
            Factor("reach", low=0.8, high=1.1),
            Factor("payload", low=0.1, high=1.5),
            Factor("damping", low=4.0, high=14.0),
            Factor("object_angle", low=BEARINGS[0], high=BEARINGS[1]),
            Factor("object_distance", low=DISTANCES[0], high=DISTANCES[1]),
            Factor("hue", "circular"),
        )

    @property
    def moving(self) -> dict[str, str]:
        """Joint angles in radians, joint velocities in radians a second, and joint targets in radians."""
        return {f"{name}{j}": "continuous" for name in ("angle", "velocity", "target") for j in range(self.joints)}

    @property
    def instant(self) -> Parents:
        """Every target listens to the reach and the distance, the first one to the direction as well."""
        parents = {f"target{j}": ("reach", "object_distance") for j in range(self.joints)}
        return {**parents, "target0": ("reach", "object_distance", "object_angle")}

    @property
    def transitions(self) -> Parents:
        """All joints move each other, on the way from one frame to the next."""
        whole = ("reach", "payload", "damping", *self.moving)
        motion = {name: whole for name in self.moving if not name.startswith("target")}
        return {**motion, **{f"target{j}": (f"target{j}",) for j in range(self.joints)}}

    @property
    def actions_seen(self) -> bool:
        """Whether the learner is given the joint targets."""
        return self.actions == "seen"

    def simulate(self, fixed: np.ndarray, rng: np.random.Generator) -> Motion:
        """Joint angles, velocities and targets of sequences with the given fixed variables."""
        keep = dict(zip(self.model.names, fixed.T, strict=True))
        lengths = np.repeat(keep["reach"][:, None] / self.joints, self.joints, axis=1)
        targets, start = plan_arm(keep, lengths, self.length, rng)
        pushes = self.noise * rng.normal(size=targets.shape)
        masses = np.full_like(lengths, LINK_MASS)
        masses[:, -1] += keep["payload"]
        angles, speeds = simulate_arm(lengths, masses, keep["damping"], targets, pushes, start)
        return Motion(np.concatenate([angles, speeds, targets], axis=2), targets)

    def render(self, latents: np.ndarray) -> Frames:
        """Draw latents (rows, latents); the things of the mask are object, base, load, and the links in order."""
        c = self.columns(latents)
        angles = np.stack([latents[:, self.latents.index(f"angle{j}")] for j in range(self.joints)], axis=1)
        lengths = np.repeat(latents[:, :1] / self.joints, self.joints, axis=1)
        angles[:, 0] += math.pi / 2
        joints = torch.as_tensor(arm_points(angles, lengths), dtype=torch.float32)
        joints = torch.cat([joints, torch.full_like(joints[..., :1], _ARM_HEIGHT)], dim=-1)
        bearing = c["object_angle"] + math.pi / 2
        spot = points(c["object_distance"] * bearing.cos(), c["object_distance"] * bearing.sin(), 0.06)
        load = 0.088 * c["payload"].clamp(min=0.02) ** (1 / 3) if self.load_seen else 0.07
        things = [
            Thing("cylinder", spot, (0.07, 0.12), hue_colour(c["hue"])),
            Thing("cylinder", (0.0, 0.0, _ARM_HEIGHT / 2), (0.09, _ARM_HEIGHT), (0.3, 0.3, 0.33)),
            Thing("sphere", joints[:, -1], load, (0.95, 0.9, 0.8)),
        ]
        colours = ((0.92, 0.5, 0.15), (0.2, 0.55, 0.75), (0.5, 0.5, 0.55))
        things += [
            Thing("capsule", joints[:, j], 0.045 - 0.008 * j, colours[j], end=joints[:, j + 1])
            for j in range(self.joints)
        ]
        camera = Camera(eye=(0.0, -1.0, 2.5), target=(0.0, 0.36, 0.1), view=0.6)
        ground = Ground((0.66, 0.57, 0.47), (0.58, 0.49, 0.40), 0.5, haze=None)
        return draw(things, camera, self.size, ground=ground)


def plan_arm(
    keep: Mapping[str, np.ndarray], lengths: np.ndarray, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Joint targets (n, length, joints) that end at the object, and joint angles (n, joints) to start from.

    Angles are against straight ahead. The points before the object are drawn where objects may lie.
    """
    n, stops = len(lengths), -(-length // HOLD)
    bearing, distance = rng.uniform(*BEARINGS, size=(n, stops + 1)), rng.uniform(*DISTANCES, size=(n, stops + 1))
    bearing[:, -1], distance[:, -1] = keep["object_angle"], keep["object_distance"]
    poses = arm_pose(bearing, distance, lengths[:, None])
    return np.repeat(poses[:, 1:], HOLD, axis=1)[:, -length:], poses[:, 0]
