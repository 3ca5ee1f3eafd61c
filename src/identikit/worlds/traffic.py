"""Films of traffic, seen from above: a crossing or a roundabout, and a few cars on two lanes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.worlds.causal import Factor
from identikit.worlds.description import Assumption
from identikit.worlds.driving import (
    CAR_LENGTH,
    CAR_WIDTH,
    CYCLE,
    FRAME,
    LANE_WIDTH,
    Drive,
    Drivers,
    green,
    place_cars,
    simulate_traffic,
)
from identikit.worlds.episodes import Episodes, Motion
from identikit.worlds.graphs import Parents
from identikit.worlds.renderer import Camera, Frames, Ground, Thing, draw

LAYOUTS = {"crossing": (60.0, 76.0), "roundabout": (88.0, 120.0)}
"""Least and greatest length of a closed road, in metres, by layout."""
MOST_CARS = 12
"""The most cars; they fit on the shortest roads, and each has a colour of its own."""
WARM_UP = 20
"""Frames that pass before the first one that is filmed."""
_BOX = LANE_WIDTH + 1.0
_CAR_COLOURS = (
    (0.85, 0.15, 0.15), (0.15, 0.35, 0.9), (0.95, 0.8, 0.1), (0.95, 0.95, 0.95), (0.1, 0.65, 0.3), (0.6, 0.2, 0.75),
    (0.95, 0.5, 0.1), (0.1, 0.75, 0.8), (0.95, 0.55, 0.7), (0.15, 0.15, 0.2), (0.55, 0.35, 0.2), (0.6, 0.85, 0.3),
)  # fmt: skip
_ROAD, _PAINT, _GRASS = (0.36, 0.37, 0.40), (0.85, 0.85, 0.82), (0.45, 0.62, 0.38)


@dataclass(frozen=True)
class Traffic(Episodes):
    r"""Films of cars on two-lane roads that follow each other, overtake and wait at lights, seen from above.

    A `roundabout` is one closed ring; on a `crossing` two straight roads take turns by lights, and a car that leaves at
    one end comes back at the other. The same few cars stay on their road throughout.

    A sequence keeps the desired `speed` (m/s), the time `headway` (s), the `density` (cars per km of lane, which sets
    the length of the roads) and the `aggressiveness` of the drivers (0 to 1: more acceleration and braking, less
    thought for others when changing lanes). In each frame move, for every car, its `position` along the closed road as
    an angle (circular), its `velocity` (m/s) and its `lane` (0 to 1, in between while it changes), and at a crossing
    the phase of the `lights` (circular). Each car has a pace of its own, 0.6 to 1.4 times the desired speed, which the
    world's seed draws and all sequences share. See `simulate_traffic` for the equations and `Episodes` for what all
    films share.

    Args:
        domains: number of domains, e.g. weathers or hours of the day, which share the sequences equally.
        length: frames in a sequence, 0.4 s apart.
        size: side of the square pictures in pixels, a multiple of 8 from 16 to 512.
        changing: names of the fixed variables whose mechanism changes from domain to domain.
        graph: the names of the parents of each fixed variable that has any.
        do: fixed variables that are set by force in every sequence, by name.
        noise: standard deviation of the accelerations that nobody chose, in m/s^2, drawn anew in every frame.
        seed: of the mechanisms and of the pace of each car.
        layout: `crossing` or `roundabout`.
        cars: number of cars; at a crossing the second half of them is on the road from bottom to top.

    Raises:
        InputError: an unknown layout or name, fewer cars than 2 or more than 12, which fit on every road, or a forced
            value that cannot be driven.

    Source: Treiber, Hennecke and Helbing 2000 (arXiv cond-mat/0002177) for the following of cars; roads, lane changes
    (after Kesting, Treiber and Helbing 2007), lights, ranges and mechanisms are this library's choice.

    >>> data, truth = Traffic(layout="roundabout", cars=4, size=32, length=8).sample(80, seed=0)
    >>> data
    Dataset(80 rows: x(3, 32, 32), sequence(), time(); train 64, validation 8, test 8)
    >>> truth.names[:7]
    ('speed', 'headway', 'density', 'aggressiveness', 'position0', 'position1', 'position2')
    """

    changing: tuple[str, ...] = ("headway", "density")
    graph: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"speed": ("aggressiveness",), "headway": ("aggressiveness",)}
    )
    noise: float = 0.3
    layout: str = "crossing"
    cars: int = 6

    feasible: ClassVar[Mapping[str, tuple[float, float]]] = {"speed": (2.0, 20.0), "headway": (0.3, 5.0)}

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise unknown("layout", self.layout, LAYOUTS)
        if not 2 <= self.cars <= MOST_CARS:
            raise InputError(f"cars is from 2 to {MOST_CARS}, not {self.cars!r}")
        super().__post_init__()

    @property
    def road(self) -> np.ndarray:
        """(cars,) the road of each car: 0, or 1 for the second half of the cars of a crossing."""
        return (np.arange(self.cars) * 2 // self.cars) * (self.layout == "crossing")

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The variables that a sequence keeps."""
        least, most = LAYOUTS[self.layout]
        return (
            Factor("speed", low=6.0, high=12.0),
            Factor("headway", low=0.8, high=2.0),
            Factor("density", low=self._per_lane / most, high=self._per_lane / least),
            Factor("aggressiveness"),
        )

    @property
    def moving(self) -> dict[str, str]:
        """Positions (angles), speeds (m/s) and lanes of the cars, and the phase of the lights (an angle)."""
        kinds = {"position": "circular", "velocity": "continuous", "lane": "continuous"}
        lights = {"lights": "circular"} if self.layout == "crossing" else {}
        return {**{f"{name}{i}": kind for name, kind in kinds.items() for i in range(self.cars)}, **lights}

    @property
    def instant(self) -> Parents:
        """Within one frame nothing that moves listens to anything."""
        return {}

    @property
    def transitions(self) -> Parents:
        """Each car minds the cars of its road, and at a crossing the lights and the cars of the other road too.

        A car between two lanes goes on the way it came, which only the frame before that one shows.
        """
        parents: dict[str, tuple[str, ...]] = {}
        crossing, fixed = self.layout == "crossing", self.model.names
        for i in range(self.cars):
            near = [j for j in range(self.cars) if crossing or self.road[j] == self.road[i]]
            minds = tuple(f"{name}{j}" for name in ("position", "velocity", "lane") for j in near)
            parents |= {f"{n}{i}": (*fixed, *minds, *["lights"] * crossing) for n in ("position", "velocity", "lane")}
        return {**parents, "lights": ("lights",)} if crossing else parents

    @property
    def _box(self) -> float:
        return _BOX if self.layout == "crossing" else 0.0

    @property
    def _per_lane(self) -> float:
        """Cars on a lane if they were shared equally, times 1,000 m."""
        return 1000 * self.cars / (4 if self.layout == "crossing" else 2)

    @cached_property
    def pace(self) -> np.ndarray:
        """(cars,) the desired speed of each car in units of that of its sequence."""
        even = np.linspace(0.6, 1.4, self.cars)
        return np.random.default_rng([self.seed, 7]).permutation(even)

    def drive(self, fixed: np.ndarray, rng: np.random.Generator) -> tuple[Drive, np.ndarray]:
        """What the simulator says of sequences with fixed variables (n, 4), and phases (n, length) of the lights."""
        speed, headway, density, bold = (v[:, None] for v in fixed.T)
        drivers = Drivers(
            speed * self.pace, headway, 1.0 + 1.5 * bold, 1.5 + 1.5 * bold, 0.5 * (1 - bold), 0.05 + 0.25 * (1 - bold)
        )
        length = self._per_lane / density[:, 0]
        frames = self.length + WARM_UP
        pushes = self.noise * rng.normal(size=(len(fixed), frames, self.cars))
        phase = rng.uniform(-math.pi, math.pi, size=len(fixed)) if self._box else None
        start = place_cars(length, self.road, rng, self._box)
        found = simulate_traffic(drivers, length, self.road, start, pushes, phase, self._box)
        turn = 2 * math.pi * FRAME / CYCLE * np.arange(frames) + (0.0 if phase is None else phase[:, None])
        where, fast, side, room = (v[:, WARM_UP:] for v in found[:4])
        kept = Drive(where, fast, side, room, found.overruled)
        return kept, np.broadcast_to(turn, (len(fixed), frames))[:, WARM_UP:]

    def simulate(self, fixed: np.ndarray, rng: np.random.Generator) -> Motion:
        """Positions, speeds and lanes of the cars and phases of the lights, given the fixed variables of sequences."""
        found, phase = self.drive(fixed, rng)
        length = (self._per_lane / fixed[:, 2])[:, None, None]
        states = [2 * math.pi * found.position / length, found.speed, found.lane]
        if self._box:
            states.append(np.arctan2(np.sin(phase), np.cos(phase))[..., None])
        return Motion(np.concatenate(states, axis=2))

    def poses(self, latents: np.ndarray) -> np.ndarray:
        """Where the cars are on the ground: (rows, cars, 3) of x and y in metres and the heading in radians."""
        self.check_latents(latents)
        k = self.cars
        angle, lane = latents[:, 4 : 4 + k].astype(float), latents[:, 4 + 2 * k : 4 + 3 * k].astype(float)
        length, side = self._per_lane / latents[:, 2:3].astype(float), (lane - 0.5) * LANE_WIDTH
        if self.layout == "roundabout":
            # Lane 0 is the outer one; cars go counter-clockwise.
            radius = length / (2 * math.pi) - side
            return np.stack([radius * np.cos(angle), radius * np.sin(angle), angle + math.pi / 2], axis=2)
        along = angle * length / (2 * math.pi)
        right = np.stack([along, side, np.zeros_like(side)], axis=2)
        ahead = np.stack([-side, along, np.full_like(side, math.pi / 2)], axis=2)
        return np.where((self.road == 0)[:, None], right, ahead)

    def render(self, latents: np.ndarray) -> Frames:
        """Draw latents (rows, latents); the things of the mask are roads and markings, and last the cars in order."""
        poses = torch.as_tensor(self.poses(latents), dtype=torch.float32)
        things = self._ring(latents) if self.layout == "roundabout" else self._cross(latents)
        for i in range(self.cars):
            x, y, yaw = poses[:, i].unbind(1)
            place = torch.stack([x, y, torch.full_like(x, 0.8)], dim=1)
            things.append(Thing("box", place, (CAR_LENGTH, CAR_WIDTH, 1.5), _CAR_COLOURS[i], yaw=yaw))
        width = LAYOUTS[self.layout][1] * (1.02 if self._box else 1 / math.pi) + (0.0 if self._box else 10.0)
        camera = Camera.above(width=width, height=30.0)
        return draw(things, camera, self.size, ground=Ground(_GRASS, haze=None))

    def _ring(self, latents: np.ndarray) -> list[Thing]:
        radius = torch.as_tensor(self._per_lane / latents[:, 2] / (2 * math.pi), dtype=torch.float32)
        middle, line = (0.0, 0.0, 0.0), 0.4
        return [
            Thing("disc", middle, radius + LANE_WIDTH, _ROAD),
            Thing("disc", middle, radius + line / 2, _PAINT),
            Thing("disc", middle, radius - line / 2, _ROAD),
            Thing("disc", middle, radius - LANE_WIDTH, _GRASS),
        ]

    def _cross(self, latents: np.ndarray) -> list[Thing]:
        road, line, middle = 2 * LANE_WIDTH, 0.5, (0.0, 0.0, 0.0)
        length = torch.as_tensor(self._per_lane / latents[:, 2], dtype=torch.float32)
        go = torch.as_tensor(green(latents[:, -1].astype(float)))
        things = [
            Thing("patch", middle, _sized(length, road), _ROAD),
            Thing("patch", middle, _sized(length, road), _ROAD, yaw=math.pi / 2),
            Thing("patch", middle, _sized(length, line), _PAINT),
            Thing("patch", middle, _sized(length, line), _PAINT, yaw=math.pi / 2),
            Thing("patch", middle, (2 * _BOX, 2 * _BOX), _ROAD),
        ]
        edge = _BOX + 0.5
        for i, (place, turn) in enumerate((((-edge, 0.0, 0.0), 0.0), ((0.0, -edge, 0.0), math.pi / 2))):
            colour = torch.where(go[:, i, None], torch.tensor([0.2, 0.9, 0.3]), torch.tensor([0.95, 0.2, 0.15]))
            things.append(Thing("patch", place, (1.2, road), colour, yaw=turn))
        return things

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """What all films say, and whether the cars move at all."""
        found = super().assumptions(data, truth)
        lanes = truth.latents[:, [i for i, name in enumerate(truth.names) if name.startswith("lane")]]
        share = float((lanes.round() != lanes).mean())
        why = f"a car is changing lanes in {share:.1%} of its frames"
        return [*found, Assumption("every latent varies", bool((lanes.std(0) > 0).all()), why)]


def _sized(length: Tensor, width: float) -> Tensor:
    return torch.stack([length, torch.full_like(length, width)], dim=1)
