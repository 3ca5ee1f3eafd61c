"""Films of a robot on two wheels that drives among coloured posts."""

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
from identikit.worlds.robot_simulators import simulate_drive

KEEP = 8
"""The mean number of frames for which a robot keeps its goal."""
POST_RING, GOAL_RING, POST_RADIUS = 1.35, 0.75, 0.1
"""Distance from the middle to the posts, and to the places before them where a robot goes; radius of a post; in m."""
POST_COLOURS = (
    (0.85, 0.2, 0.2),
    (0.2, 0.65, 0.25),
    (0.2, 0.35, 0.9),
    (0.9, 0.75, 0.1),
    (0.6, 0.25, 0.75),
    (0.1, 0.7, 0.75),
)
"""Colours of the posts, in order."""
_WHEELBASE = 1.6


@dataclass(frozen=True)
class MobileRobot(Episodes):
    r"""Films of a robot on two wheels that drives to one coloured post after another.

    A sequence keeps the radius of the `body` (m), its top `speed` (m/s), the `lag` of its motors (s), a `drift` to the
    left (rad/s), and its `hue`. In each frame move its place `x` and `y` (m), its `heading` (circular), the speeds
    `left` and `right` of its wheels (m/s), and its `goal`, the number of a post, which changes with probability 1/8 a
    frame. The posts stand on a circle at places that the world's seed draws. See `simulate_drive` for the equations.

    Args:
        domains: number of domains, which share the sequences equally.
        length: frames in a sequence, 0.2 s apart.
        size: side of the square pictures in pixels, a multiple of 8 from 16 to 512.
        changing: names of the fixed variables whose mechanism changes from domain to domain.
        graph: the names of the parents of each fixed variable that has any.
        do: fixed variables that are set by force in every sequence, by name.
        noise: standard deviation of the wheel speeds that nobody asked for, in m/s, drawn anew in every frame.
        seed: of the mechanisms and of the posts.
        posts: number of posts, 2 to 6.
        actions: `seen` gives the wheel speeds asked for to the learner as the field `action` (rows, 2); `hidden` leaves
            them in `truth.labels`.
        goal_seen: whether the post that is the goal stands out by its height.

    Raises:
        InputError: another number of posts, an unknown name, or a forced value with which nothing can be simulated.

    Source: the kinematics of two driven wheels are the textbook ones; the rest is this library's choice.

    >>> data, truth = MobileRobot(size=32, length=8).sample(80, seed=0)
    >>> data
    Dataset(80 rows: x(3, 32, 32), sequence(), time(), action(2,); train 64, validation 8, test 8)
    >>> truth.names[5:], truth.kinds[7]
    (('x', 'y', 'heading', 'left', 'right', 'goal'), 'circular')
    """

    changing: tuple[str, ...] = ("lag", "drift")
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"speed": ("body",), "lag": ("body",)})
    noise: float = 0.03
    posts: int = 4
    actions: str = "seen"
    goal_seen: bool = True

    feasible: ClassVar[Mapping[str, tuple[float, float]]] = {
        "body": (0.05, 0.22),
        "speed": (0.05, 0.9),
        "lag": (0.02, 0.5),
        "drift": (-0.6, 0.6),
    }

    def __post_init__(self) -> None:
        if self.posts not in range(2, len(POST_COLOURS) + 1):
            raise InputError(f"posts is from 2 to {len(POST_COLOURS)}, not {self.posts!r}")
        if self.actions not in ACTIONS:
            raise unknown("setting of actions", self.actions, ACTIONS)
        super().__post_init__()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The variables that a sequence keeps."""
        return (
            Factor("body", low=0.14, high=0.22),
            Factor("speed", low=0.4, high=0.9),
            Factor("lag", low=0.1, high=0.5),
            Factor("drift", low=-0.4, high=0.4),
            Factor("hue", "circular"),
        )

    @property
    def moving(self) -> dict[str, str]:
        """Place, heading, wheel speeds and goal."""
        kinds = dict.fromkeys(("x", "y", "heading", "left", "right", "goal"), "continuous")
        return {**kinds, "heading": "circular", "goal": "discrete"}

    @property
    def instant(self) -> Parents:
        """Within one frame nothing that moves listens to anything."""
        return {}

    @property
    def transitions(self) -> Parents:
        """The wheels are told by place, heading and goal, and move the robot; the goal follows its own chance."""
        told = ("body", "lag", "x", "y", "heading", "goal")
        moved = (*told, "drift", "left", "right")
        return {
            **dict.fromkeys(("x", "y"), (*moved, "speed")),
            # Top speed adds as much to one wheel as to the other.
            "heading": moved,
            "left": (*told, "speed", "left"),
            "right": (*told, "speed", "right"),
            "goal": ("goal",),
        }

    @property
    def actions_seen(self) -> bool:
        """Whether the learner is given the wheel speeds that were asked for."""
        return self.actions == "seen"

    @property
    def ring(self) -> np.ndarray:
        """(posts,) directions of the posts from the middle, in radians."""
        free = np.random.default_rng([self.seed, 7]).uniform(-0.3, 0.3, size=self.posts)
        return (np.arange(self.posts) + free) * (2 * math.pi / self.posts)

    def simulate(self, fixed: np.ndarray, rng: np.random.Generator) -> Motion:
        """Places, headings, wheel speeds and goals of sequences with the given fixed variables."""
        keep = dict(zip(self.model.names, fixed.T, strict=True))
        n, shape = len(fixed), (len(fixed), self.length)
        # A change always leads to another post.
        change = (rng.random(shape) < 1 / KEEP) * rng.integers(1, self.posts, size=shape)
        goal = (rng.integers(self.posts, size=(n, 1)) + np.cumsum(change, axis=1)) % self.posts
        away, side = GOAL_RING * np.sqrt(rng.random(n)), rng.uniform(-math.pi, math.pi, size=n)
        start = np.stack([away * np.cos(side), away * np.sin(side), rng.uniform(-math.pi, math.pi, size=n)], axis=1)
        ring = self.ring[goal]
        states, asked = simulate_drive(
            _WHEELBASE * keep["body"],
            *(keep[name] for name in ("speed", "lag", "drift")),
            goals=GOAL_RING * np.stack([np.cos(ring), np.sin(ring)], axis=2),
            pushes=self.noise * rng.normal(size=(*shape, 2)),
            start=start,
        )
        return Motion(np.concatenate([states, goal[..., None]], axis=2), asked)

    def render(self, latents: np.ndarray) -> Frames:
        """Draw latents (rows, latents); the things of the mask are the posts in order, body, cap and nose."""
        c = self.columns(latents)
        things = []
        for i, angle in enumerate(self.ring):
            height = torch.full_like(c["x"], 0.3)
            if self.goal_seen:
                height = torch.where(c["goal"] == i, 0.6, height)
            spot = (POST_RING * math.cos(angle), POST_RING * math.sin(angle))
            size = torch.stack([torch.full_like(height, POST_RADIUS), height], dim=1)
            things.append(Thing("cylinder", points(*spot, height / 2), size, POST_COLOURS[i]))
        body, cos, sin = c["body"], c["heading"].cos(), c["heading"].sin()
        colour = hue_colour(c["hue"])
        nose = points(c["x"] + 0.75 * body * cos, c["y"] + 0.75 * body * sin, 0.17)
        things += [
            Thing(
                "cylinder", points(c["x"], c["y"], 0.08), torch.stack([body, torch.full_like(body, 0.16)], 1), colour
            ),
            Thing("sphere", points(c["x"], c["y"], 0.16), 0.55 * body, 0.8 * colour),
            Thing("sphere", nose, 0.3 * body, (0.97, 0.97, 0.97)),
        ]
        camera = Camera(eye=(0.0, -3.6, 3.6), target=(0.0, -0.05, 0.1), view=0.64)
        ground = Ground((0.72, 0.74, 0.76), (0.63, 0.66, 0.70), 0.6, haze=None)
        return draw(things, camera, self.size, ground=ground)
