"""Films of scenes that MuJoCo simulates and draws: a block on a slope, and a jointed arm. An optional back end."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from identikit.errors import InputError, unknown
from identikit.worlds.arm import LINK_MASS, Arm, plan_arm
from identikit.worlds.causal import Factor
from identikit.worlds.episodes import ACTIONS, Episodes, Motion, hue_colour
from identikit.worlds.graphs import Parents
from identikit.worlds.renderer import Frames
from identikit.worlds.robot_simulators import ARM_FRAME, ARM_STIFFNESS, ROTOR

SCENES = ("slope", "arm")
SECONDS = {"slope": 0.05, "arm": ARM_FRAME}
"""Between two frames, by scene."""
STEP = 0.0025
"""Seconds of one step of the simulator."""
VIEW = 36.0
"""Full angle of view in degrees."""
_DRAWN = (
    *("geom_pos", "geom_quat", "geom_size", "geom_rgba", "geom_rbound", "geom_sameframe"),
    *("body_pos", "body_quat", "body_ipos", "body_iquat", "body_sameframe"),
)
_SLOPE_STATES = ("x", "z", "pitch", "velocity_x", "velocity_z", "spin")
_SCENE = """<mujoco><compiler angle="radian"/>
  <option timestep="{step}" integrator="implicitfast" gravity="0 0 {gravity}"/>
  <visual><quality shadowsize="512" offsamples="4"/><global offwidth="512" offheight="512"/>
    <headlight ambient="0.35 0.35 0.35" diffuse="0.2 0.2 0.2" specular="0 0 0"/><map znear="0.05" zfar="20"/></visual>
  <statistic center="0 0 0" extent="2"/>
  <asset>
    <texture name="tiles" type="2d" builtin="checker" rgb1="0.74 0.7 0.64" rgb2="0.62 0.58 0.52" width="64"
      height="64"/>
    <texture type="skybox" builtin="flat" rgb1="0.8 0.87 0.94" width="16" height="16"/>
    <material name="tiles" texture="tiles" texrepeat="8 8"/>
  </asset>
  <worldbody><light pos="-1 -1.5 4" dir="0.25 0.4 -1" diffuse="0.7 0.7 0.7" specular="0 0 0"/>
    <camera name="film" {camera} fovy="{view}"/>
    <geom type="plane" size="4 4 0.1" material="tiles" {touch}/>
    {things}</worldbody>{motors}</mujoco>"""


@dataclass(frozen=True)
class MujocoScene(Episodes):
    """Films of a block on a slope or of a jointed arm, simulated and drawn by MuJoCo.

    On the `slope` a sequence keeps the `angle` of the ramp (radians), the `friction` of all surfaces, half the side of
    the block (`size`, in m) and its `hue`; the block is set on the ramp with some speed, and its place, pitch and
    velocities move. It stays where the friction is above the tangent of the angle. The `arm` has the latents of `Arm`
    with two joints, but links with a mass along their length.

    Args:
        domains: number of domains, which share the sequences equally.
        length: frames in a sequence, 1/20 s apart on the slope and 1/8 s for the arm.
        size: side of the square pictures in pixels, a multiple of 8 from 16 to 512.
        changing: names of the fixed variables whose mechanism changes from domain to domain.
        graph: the names of the parents of each fixed variable that has any.
        do: fixed variables that are set by force in every sequence, by name.
        noise: standard deviation of the forces along the ground (N) or torques (N m) drawn anew in every frame.
        seed: of the mechanisms.
        scene: `slope` or `arm`.
        actions: of the arm: `seen` gives the joint targets to the learner as `action`, `hidden` leaves them in
            `truth.labels`.

    Raises:
        InputError: an unknown name, or a forced value with which nothing can be simulated; when sampling, that mujoco
            is not installed or that it cannot draw without a screen here.

    Source: Todorov, Erez and Tassa 2012 (MuJoCo). The scenes, ranges and mechanisms are this library's choice.

    >>> MujocoScene(scene="slope").latents
    ('angle', 'friction', 'size', 'hue', 'x', 'z', 'pitch', 'velocity_x', 'velocity_z', 'spin')
    """

    noise: float = 0.3
    scene: str = "slope"
    actions: str = "seen"

    feasible: ClassVar[Mapping[str, tuple[float, float]]] = {
        **Arm.feasible,
        "angle": (0.0, 1.2),
        "friction": (0.0, 2.0),
        "size": (0.03, 0.2),
    }

    def __post_init__(self) -> None:
        if self.scene not in SCENES:
            raise unknown("scene", self.scene, SCENES)
        if self.actions not in ACTIONS:
            raise unknown("setting of actions", self.actions, ACTIONS)
        super().__post_init__()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The variables that a sequence keeps."""
        if self.scene == "arm":
            return Arm().factors
        return (
            Factor("angle", low=0.3, high=0.6),
            Factor("friction", low=0.05, high=0.5),
            Factor("size", low=0.08, high=0.14),
            Factor("hue", "circular"),
        )

    @property
    def moving(self) -> dict[str, str]:
        """Place, pitch and velocities of the block, or angles, velocities and targets of the joints."""
        return Arm().moving if self.scene == "arm" else dict.fromkeys(_SLOPE_STATES, "continuous")

    @property
    def instant(self) -> Parents:
        """The targets of the arm listen to where the object is."""
        return Arm().instant if self.scene == "arm" else {}

    @property
    def transitions(self) -> Parents:
        """All that moves acts on all that moves, but for the targets of the arm."""
        if self.scene == "arm":
            return Arm().transitions
        return dict.fromkeys(_SLOPE_STATES, ("angle", "friction", "size", *_SLOPE_STATES))

    @property
    def actions_seen(self) -> bool:
        """Whether the learner is given the joint targets."""
        return self.actions == "seen"

    def simulate(self, fixed: np.ndarray, rng: np.random.Generator) -> Motion:
        """Move the block or the arm of sequences with the given fixed variables."""
        mujoco = _load()
        keep = dict(zip(self.model.names, fixed.T, strict=True))
        n, joints = len(fixed), 2 if self.scene == "arm" else 3
        targets, speed = None, np.zeros((n, joints))
        if self.scene == "arm":
            targets, start = plan_arm(keep, np.repeat(keep["reach"][:, None] / 2, 2, axis=1), self.length, rng)
        else:
            along, fast = rng.uniform(-0.9, -0.5, size=n), rng.uniform(0.0, 0.8, size=n)
            start = _on_ramp(keep["angle"], along, keep["size"])
            speed[:, 0], speed[:, 1] = fast * np.cos(keep["angle"]), -fast * np.sin(keep["angle"])
        pushes = self.noise * rng.normal(size=(n, self.length, joints))
        # On the slope a push is a force along the ground.
        pushes[..., 1:] *= self.scene == "arm"
        states = np.empty((n, self.length, 2 * joints))
        steps = round(SECONDS[self.scene] / STEP)
        for i in range(n):
            model = mujoco.MjModel.from_xml_string(self._xml(fixed[i]))
            data = mujoco.MjData(model)
            data.qpos[:], data.qvel[:] = start[i], speed[i]
            for t in range(self.length):
                states[i, t] = *data.qpos, *data.qvel
                data.qfrc_applied[:] = pushes[i, t]
                if targets is not None:
                    data.ctrl[:] = targets[i, t]
                mujoco.mj_step(model, data, nstep=steps)
        return Motion(states) if targets is None else Motion(np.concatenate([states, targets], axis=2), targets)

    def render(self, latents: np.ndarray) -> Frames:
        """Draw latents (rows, latents); the things of the mask are ramp and block, or object, base, links and load."""
        image, mask, depth = [], [], []
        edge = (np.arange(self.size) + 0.5) / self.size * 2 - 1
        across = math.tan(math.radians(VIEW) / 2) * edge
        # MuJoCo measures depth along the axis of the camera, and `Frames` along the ray.
        longer = np.sqrt(1 + across[:, None] ** 2 + across[None] ** 2)
        for renderer in self._rows(latents):
            image.append(renderer.render())
            renderer.enable_segmentation_rendering()
            seen = renderer.render()[..., 0]
            mask.append(seen.clip(0))
            renderer.enable_depth_rendering()
            depth.append(np.where(seen < 0, np.inf, renderer.render() * longer))
            renderer.disable_depth_rendering()
        pictures = torch.as_tensor(np.stack(image), dtype=torch.float32).permute(0, 3, 1, 2).contiguous() / 255
        return Frames(
            pictures,
            torch.as_tensor(np.stack(mask), dtype=torch.int64),
            torch.as_tensor(np.stack(depth), dtype=torch.float32),
        )

    def pictures(self, latents: np.ndarray) -> np.ndarray:
        """Draw latents (rows, latents) as uint8 pictures (rows, 3, size, size)."""
        return np.stack([r.render() for r in self._rows(latents)]).transpose(0, 3, 1, 2).copy()

    def _rows(self, latents: np.ndarray) -> Iterator[Any]:
        """MuJoCo's renderer, with the scene of one row after the other."""
        mujoco = _load()
        self.check_latents(latents)
        count, joints = len(self.factors), 2 if self.scene == "arm" else 3
        drawn = mujoco.MjModel.from_xml_string(self._xml(latents[0, :count]))
        data, kept = mujoco.MjData(drawn), latents[0, :count]
        with _renderer(mujoco, drawn, self.size) as renderer:
            for row in latents:
                if (row[:count] != kept).any():
                    kept = row[:count]
                    model = mujoco.MjModel.from_xml_string(self._xml(kept))
                    # A renderer belongs to one model; what differs between sequences is put into that.
                    for name in _DRAWN:
                        getattr(drawn, name)[:] = getattr(model, name)
                data.qpos[:] = row[count : count + joints]
                mujoco.mj_forward(drawn, data)
                renderer.update_scene(data, "film")
                yield renderer

    def _xml(self, fixed: np.ndarray) -> str:
        """The scene of one sequence in MuJoCo's format."""
        keep = dict(zip(self.model.names, (float(v) for v in fixed), strict=True))
        rgba = " ".join(f"{v:.4f}" for v in hue_colour(torch.tensor([keep["hue"]]))[0]) + " 1"
        return (_arm_xml if self.scene == "arm" else _slope_xml)(keep, rgba)


def _on_ramp(angle: np.ndarray, along: np.ndarray, half: np.ndarray) -> np.ndarray:
    """(n, 3) place and pitch of a block that lies on the ramp, `along` metres below its middle."""
    out = 0.05 + half
    x = along * np.cos(angle) + out * np.sin(angle)
    z = 1.1 * np.sin(angle) - along * np.sin(angle) + out * np.cos(angle)
    return np.stack([x, z, angle], axis=1)


def _slope_xml(keep: Mapping[str, float], rgba: str) -> str:
    touch, half = f'friction="{keep["friction"]} 0 0"', keep["size"]
    things = f"""
    <geom type="box" pos="0 0 {1.1 * math.sin(keep["angle"])}" euler="0 {keep["angle"]} 0" size="1.1 0.45 0.05"
      rgba="0.72 0.56 0.36 1" {touch}/>
    <body><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/><joint type="hinge" axis="0 1 0"/>
      <geom type="box" size="{half} {half} {half}" density="400" rgba="{rgba}" {touch}/></body>"""
    camera = 'pos="0 -3.6 1.5" xyaxes="1 0 0 0 0.29 0.957"'
    return _SCENE.format(step=STEP, gravity=-9.81, camera=camera, view=VIEW, touch=touch, things=things, motors="")


def _arm_xml(keep: Mapping[str, float], rgba: str) -> str:
    # Nothing collides: the arm moves above the object.
    touch, long = 'contype="0" conaffinity="0"', keep["reach"] / 2
    bearing, far = keep["object_angle"] + math.pi / 2, keep["object_distance"]
    joint = f'<joint name="j{{}}" axis="0 0 1" damping="{keep["damping"]}" armature="{ROTOR}"/>'
    link = f'<geom type="capsule" fromto="0 0 0 {long} 0 0" size="{{}}" mass="{LINK_MASS}" rgba="{{}} 1" {touch}/>'
    load = 0.088 * max(keep["payload"], 0.02) ** (1 / 3)
    things = f"""
    <geom type="cylinder" pos="{far * math.cos(bearing)} {far * math.sin(bearing)} 0.06" size="0.07 0.06" rgba="{rgba}"
      {touch}/>
    <geom type="cylinder" pos="0 0 0.15" size="0.09 0.15" rgba="0.3 0.3 0.33 1" {touch}/>
    <body pos="0 0 0.3" euler="0 0 {math.pi / 2}">{joint.format(0)}{link.format(0.045, "0.92 0.5 0.15")}
      <body pos="{long} 0 0">{joint.format(1)}{link.format(0.037, "0.2 0.55 0.75")}
        <geom type="sphere" pos="{long} 0 0" size="{load}" mass="{max(keep["payload"], 1e-3)}" rgba="0.95 0.9 0.8 1"
          {touch}/></body></body>"""
    motors = "".join(f'<position joint="j{i}" kp="{ARM_STIFFNESS}"/>' for i in (0, 1))
    camera = 'pos="0 -1 2.5" xyaxes="1 0 0 0 0.87 0.493"'
    return _SCENE.format(
        step=STEP, gravity=0, camera=camera, view=VIEW, touch=touch, things=things,
        motors=f"<actuator>{motors}</actuator>",
    )  # fmt: skip


def _load() -> Any:
    """The package mujoco, or one sentence that says how to get it."""
    if importlib.util.find_spec("mujoco") is None:
        raise InputError('a MujocoScene needs the package mujoco: pip install "identikit[sim]"')
    if sys.platform == "linux":
        # MuJoCo reads this when it is first imported; without it, it looks for a screen.
        os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        import mujoco
    except (ImportError, AttributeError, RuntimeError) as error:
        raise _no_screen(error) from error
    return mujoco


@contextmanager
def _renderer(mujoco: Any, model: Any, size: int) -> Iterator[Any]:
    """MuJoCo's own renderer, or one sentence that says what it lacks."""
    try:
        renderer = mujoco.Renderer(model, size, size)
    except (ImportError, AttributeError, RuntimeError, mujoco.FatalError) as error:
        raise _no_screen(error) from error
    try:
        yield renderer
    finally:
        renderer.close()


def _no_screen(error: Exception) -> InputError:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(
        "MuJoCo cannot draw without a screen here: install the Debian packages libegl1, libegl-mesa0 and "
        f"libgl1-mesa-dri, and have MUJOCO_GL=egl set before mujoco is first imported ({said})"
    )
