"""The five set-ups of the physics world: their numbers, how they move, and what they look like."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from identikit.errors import InputError
from identikit.worlds import simulators
from identikit.worlds.causal import Factor
from identikit.worlds.renderer import Camera, Thing

Mass = TypeVar("Mass", Tensor, np.ndarray)
Columns = Mapping[str, np.ndarray]
"""Values by name, one entry for each sequence."""
Pieces = Mapping[str, Tensor]
"""Values by name, one entry for each picture."""


@dataclass(frozen=True)
class Apparatus:
    """One physical set-up.

    Attributes:
        factors: its parameters, which stay the same in a sequence.
        parents: the default causal graph over them.
        changing: the parameters whose mechanism changes between domains by default.
        acts: the parameters and states that each state is computed from within a frame.
        moving: the states that the state of the frame before acts on, each with the states it listens to.
        speed: the state that a disturbance is added to, and how much a disturbance of 1 adds in a second.
        unseen: the names that one picture alone does not show.
        start: from parameters to the first states.
        flow: from parameters, states and a time to the states after it.
        things: from parameters and states to what is drawn.
        camera: that draws it.
    """

    factors: tuple[Factor, ...]
    parents: Mapping[str, tuple[str, ...]]
    changing: tuple[str, ...]
    acts: Mapping[str, tuple[str, ...]]
    moving: Mapping[str, tuple[str, ...]]
    speed: tuple[str, float]
    unseen: tuple[str, ...]
    start: Callable[[Columns], dict[str, np.ndarray]]
    flow: Callable[[Columns, Columns, float], dict[str, np.ndarray]]
    things: Callable[[Pieces], list[Thing]]
    camera: Camera = field(default_factory=Camera)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of what changes from frame to frame."""
        return tuple(self.acts)


def check_ranges(ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raise an InputError where a range of a parameter holds a value that no such thing has."""
    for name, (low, high) in ranges.items():
        kind = next((k for k in _LIMITS if name.startswith(k)), None)
        if kind is None:
            continue
        least, most, strict = _LIMITS[kind]
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InputError(f"{name} must be a number, not {low} to {high}")
        if low < least or high > most or (strict and (low <= least or high >= most)):
            said = f"above {least:g}" if strict else f"{least:g} or more"
            said += "" if most == math.inf else f" and {'below' if strict else 'at most'} {most:.4g}"
            raise InputError(f"{name} must be {said}, not {low:g}" + ("" if low == high else f" to {high:g}"))
    if {"angle", "friction"} <= set(ranges):
        least, most = math.tan(ranges["angle"][0]), ranges["friction"][1]
        if most >= least:
            raise InputError(
                f"friction up to {most:g} holds the block on a slope of {ranges['angle'][0]:g} radians: "
                f"it must be below the slope's tangent, {least:.3g}"
            )


# Least, most, and whether the ends are left out, of every parameter whose name begins so.
_LIMITS = {
    "mass": (0.0, math.inf, True),
    "gravity": (0.0, math.inf, True),
    "stiffness": (0.0, math.inf, True),
    "height": (0.0, math.inf, True),
    "damping": (0.0, math.inf, False),
    "friction": (0.0, math.inf, False),
    "restitution": (0.0, 1.0, False),
    "index": (1.0, math.inf, False),
    "angle": (0.0, math.pi / 2, True),
    "lamp": (0.0, math.pi / 2, True),
    "sweep": (0.0, math.inf, False),
}

SLOPE, FOOT = 3.0, 0.15
"""Length of the way that a block can slide, and height of the lower end of the slope."""
REACH = 2.2
"""Distance of the wall from where the spring is at rest."""
LAMP_MOST = 1.45
"""The largest angle of the lamp; it stops there."""


def hues(hue: Tensor) -> Tensor:
    """Colours (n, 3) of angles (n,), without a seam."""
    return 0.55 + 0.38 * torch.cos(hue[:, None] - torch.arange(3) * (2 * math.pi / 3))


def radius(mass: Mass) -> Mass:
    """Radius of a ball, or half the side of a cube, whose material is the same for all masses."""
    return 0.34 * mass ** (1 / 3)


def points(*parts: Tensor | float) -> Tensor:
    """Points (n, 3) from coordinates (n,) or numbers."""
    return torch.stack(torch.broadcast_tensors(*(torch.as_tensor(p, dtype=torch.float32) for p in parts)), -1)


def _fall_things(v: Pieces) -> list[Thing]:
    size = radius(v["mass"])
    return [Thing("sphere", points(0.0, 0.0, v["height"] + size), size, hues(v["hue"]))]


def _spring_things(v: Pieces) -> list[Thing]:
    half = radius(v["mass"])
    wall, left = -REACH, v["position"] - half
    # A stiffer spring is of thicker wire.
    wire, turns, level = 0.02 + 0.006 * v["stiffness"].sqrt(), 8, 0.35
    corners = []
    for i in range(turns + 1):
        side = 0.0 if i in (0, turns) else 0.16 * (-1) ** i
        corners.append(points(wall + (left - wall) * (i / turns), side, level))
    parts = [Thing("box", (wall - 0.1, 0.0, 0.5), (0.2, 1.2, 1.0), (0.45, 0.42, 0.40))]
    parts += [Thing("capsule", a, wire, (0.35, 0.37, 0.42), end=b) for a, b in itertools.pairwise(corners)]
    sides = (2 * half)[:, None].expand(-1, 3)
    return [*parts, Thing("box", points(v["position"], 0.0, half), sides, hues(v["hue"]))]


def _slope_things(v: Pieces) -> list[Thing]:
    half, angle = radius(v["mass"]), v["angle"]
    cos, sin, long, thick = angle.cos(), angle.sin(), SLOPE + 0.9, 0.12
    # The way is measured from the upper end; the picture's middle is the middle of the slope.
    middle = torch.stack([torch.zeros_like(sin), torch.zeros_like(sin), FOOT + long / 2 * sin], 1)
    along = torch.stack([-cos, torch.zeros_like(sin), -sin], 1)
    normal = torch.stack([-sin, torch.zeros_like(sin), cos], 1)
    place = middle + (v["position"] - SLOPE / 2)[:, None] * along + (half + thick / 2)[:, None] * normal
    sides = (2 * half)[:, None].expand(-1, 3)
    return [
        Thing("box", middle, (long, 1.4, thick), (0.62, 0.55, 0.45), tilt=angle),
        Thing("box", place, sides, hues(v["hue"]), tilt=angle),
    ]


def _collision_things(v: Pieces) -> list[Thing]:
    parts = [Thing("patch", (0.0, 0.0, 0.0), (6.4, 1.1), (0.42, 0.45, 0.50))]
    for name, turn in (("a", 0.0), ("b", math.pi)):
        size = radius(v[f"mass_{name}"])
        parts.append(Thing("sphere", points(v[f"place_{name}"], 0.0, size), size, hues(v["hue"] + turn)))
    return parts


def _refraction_things(v: Pieces) -> list[Thing]:
    def medium(index: Tensor) -> Tensor:
        return torch.stack([0.95 - 0.7 * (index - 1), 0.97 - 0.45 * (index - 1), 0.98 - 0.15 * (index - 1)], 1)

    def beam(angle: Tensor, side: float, up: float, share: Tensor | float) -> Thing:
        end = points(side * 1.7 * angle.sin(), up * 1.7 * angle.cos(), 0.05)
        thin = 0.001 + 0.07 * torch.as_tensor(share).sqrt()
        return Thing("capsule", (0.0, 0.0, 0.05), thin, hues(v["hue"]), end=end)

    return [
        Thing("patch", (0.0, 1.0, 0.0), (4.0, 2.0), medium(v["index_a"]).clamp(0, 1)),
        Thing("patch", (0.0, -1.0, 0.0), (4.0, 2.0), medium(v["index_b"]).clamp(0, 1)),
        Thing("patch", (0.0, 0.0, 0.0), (0.03, 4.0), (0.5, 0.5, 0.5)),
        beam(v["incidence"], -1.0, 1.0, 1.0),
        beam(v["incidence"], 1.0, 1.0, v["reflected"]),
        beam(v["refraction"], 1.0, -1.0, 1 - v["reflected"]),
    ]


def _named(names: tuple[str, ...], values: tuple) -> dict[str, np.ndarray]:
    return dict(zip(names, values, strict=True))


def _collision_flow(p: Columns, s: Columns, time: float) -> dict[str, np.ndarray]:
    masses = (p["mass_a"], p["mass_b"])
    reach = radius(masses[0]) + radius(masses[1])
    places, speeds = (s["place_a"], s["place_b"]), (s["speed_a"], s["speed_b"])
    places, speeds = simulators.collide(places, speeds, masses, p["restitution"], reach, time)
    return _named(_BALLS, (*places, *speeds))


def _refraction_at(p: Columns, incidence: np.ndarray) -> dict[str, np.ndarray]:
    incidence = np.clip(incidence, 0.02, LAMP_MOST)
    beyond, share = simulators.refract(incidence, p["index_a"], p["index_b"])
    return {"incidence": incidence, "refraction": beyond, "reflected": share}


_HUE = Factor("hue", "circular")
_BALLS = ("place_a", "place_b", "speed_a", "speed_b")

SETUPS = {
    "fall": Apparatus(
        factors=(
            Factor("mass", low=0.4, high=3.0),
            Factor("gravity", low=2.0, high=14.0),
            Factor("restitution", low=0.3, high=0.9),
            Factor("height_0", low=0.8, high=2.2),
            _HUE,
        ),
        parents={"restitution": ("hue",), "height_0": ("mass",)},
        changing=("gravity", "hue"),
        acts=dict.fromkeys(("height", "speed"), ("gravity", "restitution", "height_0")),
        moving=dict.fromkeys(("height", "speed"), ("height", "speed")),
        speed=("speed", 1.0),
        unseen=("gravity", "restitution", "height_0", "speed"),
        start=lambda p: {"height": p["height_0"], "speed": np.zeros_like(p["height_0"])},
        flow=lambda p, s, t: _named(
            ("height", "speed"), simulators.fall(s["height"], s["speed"], p["gravity"], p["restitution"], t)
        ),
        things=_fall_things,
        camera=Camera((0.0, -7.0, 2.2), (0.0, 0.0, 1.3), view=0.5),
    ),
    "spring": Apparatus(
        factors=(
            Factor("mass", low=0.5, high=3.0),
            Factor("stiffness", low=6.0, high=60.0),
            Factor("damping", low=0.0, high=2.0),
            Factor("stretch", low=-0.9, high=0.9),
            _HUE,
        ),
        parents={"stiffness": ("mass",), "damping": ("hue",)},
        changing=("stiffness", "hue"),
        acts=dict.fromkeys(("position", "speed"), ("mass", "stiffness", "damping", "stretch")),
        moving=dict.fromkeys(("position", "speed"), ("position", "speed")),
        speed=("speed", 1.0),
        unseen=("damping", "stretch", "speed"),
        start=lambda p: {"position": p["stretch"], "speed": np.zeros_like(p["stretch"])},
        flow=lambda p, s, t: _named(
            ("position", "speed"),
            simulators.spring(s["position"], s["speed"], p["mass"], p["stiffness"], p["damping"], t),
        ),
        things=_spring_things,
        camera=Camera((0.0, -6.0, 3.4), (-0.4, 0.0, 0.3), view=0.62),
    ),
    "slope": Apparatus(
        factors=(
            Factor("mass", low=0.5, high=3.0),
            Factor("angle", low=0.36, high=0.7),
            Factor("friction", low=0.02, high=0.34),
            Factor("gravity", low=3.0, high=14.0),
            _HUE,
        ),
        parents={"friction": ("hue",), "angle": ("mass",)},
        changing=("gravity", "hue"),
        acts=dict.fromkeys(("position", "speed"), ("angle", "friction", "gravity")),
        moving=dict.fromkeys(("position", "speed"), ("position", "speed")),
        speed=("speed", 1.0),
        unseen=("friction", "gravity", "speed"),
        start=lambda p: {k: np.zeros_like(p["angle"]) for k in ("position", "speed")},
        flow=lambda p, s, t: _named(
            ("position", "speed"),
            simulators.slide(
                s["position"], np.maximum(s["speed"], 0.0), p["angle"], p["friction"], p["gravity"], SLOPE, t
            ),
        ),
        things=_slope_things,
        camera=Camera((0.0, -8.0, 2.6), (0.0, 0.0, 1.1), view=0.62),
    ),
    "collision": Apparatus(
        factors=(
            Factor("mass_a", low=0.5, high=2.0),
            Factor("mass_b", low=0.5, high=2.0),
            Factor("restitution", low=0.2, high=1.0),
            Factor("launch_a", low=0.5, high=1.2),
            Factor("launch_b", low=-0.6, high=0.1),
            _HUE,
        ),
        parents={"restitution": ("hue",), "launch_a": ("mass_a",)},
        changing=("mass_b", "hue"),
        acts=dict.fromkeys(_BALLS, ("mass_a", "mass_b", "restitution", "launch_a", "launch_b")),
        moving=dict.fromkeys(_BALLS, _BALLS),
        speed=("speed_a", 0.5),
        unseen=("restitution", "launch_a", "launch_b", "speed_a", "speed_b"),
        start=lambda p: {
            "place_a": np.full_like(p["launch_a"], -1.3),
            "place_b": np.full_like(p["launch_a"], 0.5),
            "speed_a": p["launch_a"],
            "speed_b": p["launch_b"],
        },
        flow=_collision_flow,
        things=_collision_things,
        camera=Camera((0.0, -6.5, 3.6), (0.15, 0.0, 0.3), view=0.68),
    ),
    "refraction": Apparatus(
        factors=(
            Factor("index_a", low=1.0, high=1.8),
            Factor("index_b", low=1.0, high=1.8),
            Factor("lamp", low=0.1, high=0.6),
            Factor("sweep", low=0.0, high=0.5),
            _HUE,
        ),
        parents={"index_b": ("hue",), "sweep": ("lamp",)},
        changing=("index_a", "hue"),
        acts={
            "incidence": ("lamp", "sweep"),
            "refraction": ("incidence", "index_a", "index_b"),
            "reflected": ("incidence", "index_a", "index_b"),
        },
        moving={"incidence": ("incidence",)},
        speed=("incidence", 0.3),
        unseen=("lamp", "sweep"),
        start=lambda p: _refraction_at(p, p["lamp"]),
        flow=lambda p, s, t: _refraction_at(p, s["incidence"] + t * p["sweep"]),
        things=_refraction_things,
        camera=Camera.above(width=4.0),
    ),
}
"""The set-ups, by name."""
