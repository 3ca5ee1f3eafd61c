"""The arm, the robot on wheels and the MuJoCo scenes: their simulators, latents, pictures and sentences."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from identikit.errors import InputError
from identikit.worlds.arm import LINK_MASS, Arm
from identikit.worlds.mobile_robot import GOAL_RING, POST_RADIUS, POST_RING, MobileRobot
from identikit.worlds.mujoco import STEP, MujocoScene
from identikit.worlds.robot_simulators import (
    ARM_FRAME,
    DRIVE_FRAME,
    ROTOR,
    arm_points,
    arm_pose,
    simulate_arm,
    simulate_drive,
)

torch.set_num_threads(1)
WORLDS = (Arm(size=32, length=8), Arm(size=32, length=8, joints=3), MobileRobot(size=32, length=8))
RNG = np.random.default_rng(0)


def state(truth, name: str, length: int) -> np.ndarray:
    """(sequences, length) values of one latent."""
    return truth.latents[:, truth.names.index(name)].reshape(-1, length)


# --- simulators against what is known of them


@given(
    bearing=st.floats(-3, 3), distance=st.floats(0.45, 0.75), reach=st.floats(0.76, 1.3), joints=st.sampled_from((2, 3))
)
def test_an_arm_is_where_it_is_told_to_be(bearing, distance, reach, joints):
    lengths = np.full(joints, reach / joints)
    points = arm_points(arm_pose(np.array(bearing), np.array(distance), lengths), lengths)
    np.testing.assert_allclose(points[-1], distance * np.array([np.cos(bearing), np.sin(bearing)]), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(np.diff(points, axis=0), axis=1), lengths)


@pytest.mark.parametrize("joints", [2, 3])
def test_a_free_arm_keeps_its_energy(joints):
    n, frames = 20, 12
    lengths, masses = RNG.uniform(0.3, 0.6, (n, joints)), RNG.uniform(0.5, 2.0, (n, joints))
    nothing = np.zeros((n, frames, joints))
    angles, speeds = simulate_arm(
        lengths, masses, np.zeros(n), nothing, nothing, RNG.normal(size=(n, joints)), RNG.normal(size=(n, joints)), 0.0
    )
    turn, rate = np.cumsum(angles, 2), np.cumsum(speeds, 2)
    tip, energy = np.zeros((n, frames, 2)), 0.5 * ROTOR * (speeds**2).sum(2)
    for k in range(joints):
        across = np.stack([-np.sin(turn[..., k]), np.cos(turn[..., k])], axis=2)
        tip = tip + (lengths[:, None, k] * rate[..., k])[..., None] * across
        energy = energy + 0.5 * masses[:, None, k] * (tip**2).sum(2)
    np.testing.assert_allclose(energy, np.repeat(energy[:, :1], frames, axis=1), rtol=1e-5)
    assert np.abs(angles[:, -1] - angles[:, 0]).min() > 0


def test_an_arm_without_a_forearm_is_a_linear_oscillator():
    # With next to nothing beyond the elbow the equations are linear.
    stiffness, damping, mass, long = 30.0, 4.0, 1.0, 0.7
    lengths, masses = np.array([[long, 1e-9]]), np.array([[mass, 1e-9]])
    frames, start = 12, np.array([[0.4, 0.0]])
    nothing = np.zeros((1, frames, 2))
    angles, speeds = simulate_arm(lengths, masses, np.array([damping]), nothing, nothing, start)
    # The second motor turns with the first link, and its own joint adds to it.
    mass_matrix = np.array([[mass * long**2 + 2 * ROTOR, -ROTOR], [-ROTOR, ROTOR]])
    spring = np.array([[2.0, -1.0], [-1.0, 1.0]])

    def slope(t, y):
        return [*y[2:], *np.linalg.solve(mass_matrix, -stiffness * spring @ y[:2] - damping * spring @ y[2:])]

    exact = solve_ivp(slope, (0, ARM_FRAME * frames), [0.4, 0.4, 0, 0], rtol=1e-10, atol=1e-12, dense_output=True)
    times = ARM_FRAME * np.arange(frames)
    turn = exact.sol(times)[:2].T
    np.testing.assert_allclose(np.cumsum(angles[0], 1), turn, atol=1e-6)
    assert np.abs(speeds[0, :, 0]).max() > 0.5


def test_a_wheeled_robot_drives_along_the_circle_of_its_wheel_speeds():
    # Far goals straight ahead, at full speed: only the drift turns the robot, so its path is a circle of radius v / w.
    one, frames, speed, drift = np.ones(1), 21, 0.5, 0.3
    still = np.zeros((1, frames, 2))
    states, _ = simulate_drive(
        0.3 * one, speed * one, 1e-4 * one, drift * one, still, still, np.array([[5.0, 0, np.pi]])
    )
    short = states[0, 1:3]
    moved = np.linalg.norm(short[1, :2] - short[0, :2])
    turned = short[1, 2] - short[0, 2]
    # The robot steers against the drift; within a frame its path is an arc with the turn it ends up with.
    assert moved == pytest.approx(speed * DRIVE_FRAME * np.sinc(turned / (2 * np.pi)), rel=2e-2)
    np.testing.assert_allclose(short[1, 3:].mean(), speed, rtol=0.05)


def test_wheels_follow_their_lag_exactly():
    lag = np.array([0.4])
    still = np.zeros((1, 2, 2))
    states, asked = simulate_drive(
        np.array([0.3]), np.ones(1), lag, np.zeros(1), still + np.array([4.0, 0.0]), still, np.zeros((1, 3))
    )
    np.testing.assert_allclose(states[0, 1, 3:], asked[0, 0] * (1 - np.exp(-DRIVE_FRAME / 0.4)), rtol=1e-12)
    # The way of a wheel whose speed rises with a lag, in closed form.
    way = DRIVE_FRAME - 0.4 * (1 - np.exp(-DRIVE_FRAME / 0.4))
    np.testing.assert_allclose(states[0, 1, 0], way, rtol=1e-12)


def test_what_has_no_edge_to_the_next_frame_does_not_act_on_it():
    world = MobileRobot()
    one, frames = np.ones(1), np.zeros((1, 2, 2))

    def after(drift=0.1, lag=0.3, speed=0.6, x=0.2):
        start = np.array([[x, 0.1, 0.4]])
        return simulate_drive(0.3 * one, speed * one, lag * one, drift * one, frames + 0.5, frames, start)[0][0, 1]

    names = ("x", "y", "heading", "left", "right")
    for cause, changed in (("drift", 0.3), ("lag", 0.2), ("speed", 0.8), ("x", 0.3)):
        moved = after(**{cause: changed}) != after()
        edges = [cause in world.transitions[name] for name in names]
        assert moved.tolist() == edges, cause


def test_robots_reach_their_goals():
    world = MobileRobot(length=32)
    motion = world.simulate(world.model.values(world.model.noise(200, RNG)), RNG)
    goal = motion.states[..., 5].astype(int)
    kept = (goal[:, -20:] == goal[:, -1:]).all(1)
    assert kept.sum() > 5
    ring = world.ring[goal[kept, -1]]
    away = motion.states[kept, -1, :2] - GOAL_RING * np.stack([np.cos(ring), np.sin(ring)], axis=1)
    assert np.median(np.linalg.norm(away, axis=1)) < 0.2


@pytest.mark.parametrize("drift", [-0.6, 0.6])
def test_robots_never_touch_a_post(drift):
    # As wide, as fast, as sluggish and as crooked as a robot may be made.
    world = MobileRobot(length=64, do={"body": 0.22, "speed": 0.9, "lag": 0.5, "drift": drift}, posts=6)
    fixed = world.model.values(world.model.noise(200, RNG), do=world.do)
    motion = world.simulate(fixed, RNG)
    posts = POST_RING * np.stack([np.cos(world.ring), np.sin(world.ring)], axis=1)
    apart = np.linalg.norm(motion.states[:, :, None, :2] - posts, axis=3)
    assert apart.min() > 0.22 + POST_RADIUS


def test_arms_reach_the_object_at_the_end():
    world = Arm(length=24, noise=0.0)
    fixed = world.model.values(world.model.noise(100, RNG))
    motion = world.simulate(fixed, RNG)
    lengths = np.repeat(fixed[:, :1] / 2, 2, axis=1)
    tip = arm_points(motion.states[:, -1, :2], lengths)[:, -1]
    spot = fixed[:, 4:5] * np.stack([np.cos(fixed[:, 3]), np.sin(fixed[:, 3])], axis=1)
    assert np.median(np.linalg.norm(tip - spot, axis=1)) < 0.05


# --- worlds


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: f"{type(w).__name__}{getattr(w, 'joints', '')}")
def test_films_keep_the_conventions_of_time(world):
    data, truth = world.sample(80, seed=3)
    again, same = world.sample(80, seed=3)
    assert data.fingerprint() == again.fingerprint()
    assert np.array_equal(truth.latents, same.latents)
    assert not np.array_equal(world.sample(80, seed=4)[1].latents, truth.latents)
    assert data.x.shape == (80, 3, 32, 32)
    assert data.x.dtype == np.uint8
    assert (data["time"] == np.tile(np.arange(8), 10)).all()
    assert (data["sequence"] == np.repeat(np.arange(10), 8)).all()
    assert all(len(set(data.split[data["sequence"] == s])) == 1 for s in range(10))
    fixed = truth.block("parameters").reshape(10, 8, -1)
    assert (fixed == fixed[:, :1]).all()
    assert (fixed.std(0) > 0).all()
    assert (truth.latents[:, truth.blocks["states"][0]].reshape(10, 8).std(1) > 0).all()
    assert np.array_equal(truth.mixing(truth.latents[5:20]), data.x[5:20])
    assert world.lagged.shape == (1, len(truth.names), len(truth.names))
    assert type(world)(**json.loads(json.dumps(asdict(world)))) == world


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: f"{type(w).__name__}{getattr(w, 'joints', '')}")
def test_frames_have_masks_and_depths_of_every_thing(world):
    _, truth = world.sample(80, seed=3)
    frames = world.render(truth.latents)
    things = 3 + world.joints if isinstance(world, Arm) else world.posts + 3
    assert set(frames.mask.unique().tolist()) == set(range(things + 1))
    assert bool((frames.depth > 0).all())
    ground = frames.depth[frames.mask == 0].mean()
    assert frames.depth[frames.mask > 0].mean() < ground


def test_without_noise_the_next_state_is_a_function_of_this_one_and_the_action():
    world = Arm(length=8, noise=0.0)
    fixed = world.model.values(world.model.noise(4, RNG))
    motion = world.simulate(fixed, RNG)
    j, t = world.joints, 3
    lengths = np.repeat(fixed[:, :1] / 2, 2, axis=1)
    masses = np.full_like(lengths, LINK_MASS)
    masses[:, -1] += fixed[:, 1]
    now = motion.states[:, t]
    ahead = np.stack([motion.actions[:, t]] * 2, axis=1)
    angles, speeds = simulate_arm(lengths, masses, fixed[:, 2], ahead, 0 * ahead, now[:, :j], now[:, j : 2 * j])
    np.testing.assert_allclose(angles[:, 1], motion.states[:, t + 1, :j], atol=1e-9)
    np.testing.assert_allclose(speeds[:, 1], motion.states[:, t + 1, j : 2 * j], atol=1e-9)
    noisy = Arm(length=8, noise=1.0).simulate(fixed, np.random.default_rng(1)).states
    assert not np.allclose(noisy[:, 1], motion.states[:, 1])


def test_actions_may_be_hidden():
    seen, _ = Arm(size=16, length=8).sample(80)
    hidden, truth = Arm(size=16, length=8, actions="hidden").sample(80)
    assert seen["action"].shape == (80, 2)
    assert "action" not in hidden
    assert np.array_equal(truth.labels["action"], seen["action"])
    assert np.allclose(state(truth, "target1", 8), truth.labels["action"][:, 1].reshape(-1, 8))


def test_domains_change_the_named_mechanisms_alone():
    world = Arm(size=16, length=2, domains=3, graph={}, changing=("damping",))
    data, truth = world.sample(1_200, seed=0)
    domain = data["domain"][::2]
    means = [
        [v[domain == d].mean() for d in range(3)] for v in (state(truth, n, 2)[:, 0] for n in ("damping", "reach"))
    ]
    assert np.ptp(means[0]) > 2.0
    assert np.ptp(means[1]) < 0.05
    assert truth.blocks["changing"] == (2,)
    assert len(set(data["domain"][data["sequence"] == 5])) == 1


def test_forced_variables_take_their_value_and_their_children_follow():
    plain, forced = (Arm(size=16, length=8, do=do).sample(80, seed=2)[1] for do in ({}, {"payload": 3.0}))
    assert (state(forced, "payload", 8) == 3.0).all()
    assert (state(forced, "damping", 8) != state(plain, "damping", 8)).all()
    cut = Arm(size=16, length=8, do={"damping": 5.0}, domains=2).sample(80, seed=2)[1]
    assert plain.graph is not None
    assert cut.graph is not None
    assert plain.graph[1, 2] == 1
    assert cut.graph[1, 2] == 0
    assert cut.blocks["changing"] == (1,)
    for name in ("reach", "hue", "object_angle", "target0"):
        assert np.array_equal(state(forced, name, 8), state(plain, name, 8))
    assert not np.allclose(state(forced, "angle0", 8)[:, 2:], state(plain, "angle0", 8)[:, 2:])


def test_what_is_drawn_shows_in_what_is_said():
    def told(world):
        return world.describe(160)

    arm = told(Arm(size=16, length=8))
    assert not arm["invertible"].holds
    assert "damping" in arm["invertible"].why
    assert "payload" not in arm["invertible"].why
    assert arm["noise in transitions"].holds
    changed = told(Arm(size=16, length=8, load_seen=False, noise=0, actions="hidden"))
    assert "payload" in changed["invertible"].why
    assert not changed["noise in transitions"].holds
    assert not changed["actions seen"].holds
    assert "goal" not in told(MobileRobot(size=32, length=8))["invertible"].why
    assert "goal" in told(MobileRobot(size=32, length=8, goal_seen=False))["invertible"].why


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Arm(joints=4), "joints is 2 or 3, not 4"),
        (lambda: Arm(do={"reach": 0.0}), r"do may set reach from 0.76 to 1.3, not to 0"),
        (lambda: Arm(do={"payload": -1.0}), r"do may set payload from 0 to 10, not to -1"),
        (lambda: Arm(do={"paylod": 1.0}), "unknown fixed variable 'paylod': did you mean 'payload'"),
        (lambda: Arm(actions="seeen"), "unknown setting of actions 'seeen'"),
        (lambda: Arm(size=20), "size is a multiple of 8 from 16 to 512 pixels, not 20"),
        (lambda: Arm(length=1), "length is at least 2"),
        (lambda: Arm(noise=-1), "noise is 0 or more, not -1"),
        (lambda: Arm(graph={"reach": ("damping",), "damping": ("reach",)}), "must have no cycle"),
        (lambda: Arm(length=8).sample(12), r"multiple of the length of a sequence \(8\), not 12"),
        (lambda: Arm(length=8, domains=3).sample(16), "2 sequences are fewer than the 3 domains"),
        (lambda: Arm().pictures(np.zeros((2, 3))), r"latents must have shape \(rows, 12\), not \(2, 3\)"),
        (lambda: MobileRobot(posts=9), "posts is from 2 to 6, not 9"),
        (lambda: MobileRobot(do={"lag": 0.0}), "do may set lag from 0.02 to 0.5, not to 0"),
        (lambda: arm_pose(np.array(0.0), np.array(2.0), np.ones(2) / 2), "a point 2 m away is out of reach"),
        (lambda: MujocoScene(scene="slop"), "unknown scene 'slop': did you mean 'slope'"),
        (lambda: MujocoScene(do={"friction": -0.1}), "do may set friction from 0 to 2, not to -0.1"),
    ],
)
def test_bad_settings_give_one_sentence(make, says):
    with pytest.raises(InputError, match=says):
        make()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lengths": np.array([[0.5, 0.0]])}, "link lengths of an arm must be above 0, and the smallest is 0"),
        ({"masses": np.array([[1.0, -2.0]])}, "masses of an arm must be above 0, and the smallest is -2"),
        ({"damping": np.array([-1.0])}, "damping of an arm is from 0 to 40"),
    ],
)
def test_impossible_arms_give_one_sentence(changes, says):
    one, rest = np.ones((1, 2)), np.zeros((1, 3, 2))
    given_ = {"lengths": one, "masses": one, "damping": np.ones(1), "targets": rest, "pushes": rest, "start": one}
    with pytest.raises(InputError, match=says):
        simulate_arm(**{**given_, **changes})


# --- MuJoCo


def film(world: MujocoScene, n: int):
    """A sample, or a skip that says what is missing."""
    try:
        return world.sample(n, seed=1)
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("scene", ["slope", "arm"])
def test_mujoco_scenes_keep_the_conventions(scene):
    world = MujocoScene(scene=scene, size=32, length=4)
    data, truth = film(world, 16)
    again, _ = world.sample(16, seed=1)
    assert data.fingerprint() == again.fingerprint()
    assert np.array_equal(truth.mixing(truth.latents[6:15]), data.x[6:15])
    frames = world.render(truth.latents[:8])
    assert np.array_equal(frames.pictures.numpy(), data.x[:8])
    assert set(frames.mask.unique().tolist()) == ({0, 1, 2} if scene == "slope" else {0, 1, 2, 3, 4, 5})
    assert ("action" in data) == (scene == "arm")
    fixed = truth.block("parameters").reshape(4, 4, -1)
    assert (fixed == fixed[:, :1]).all()


def test_the_depth_of_mujoco_is_the_distance_along_the_ray():
    world = MujocoScene(size=64, length=2)
    _, truth = film(world, 20)
    frames = world.render(truth.latents[:1])
    # The camera is 1.5 m above the ground; the bottom rows see the ground alone.
    depth = frames.depth[0, -1][frames.mask[0, -1] == 0].double().numpy()
    half = np.tan(np.radians(18))
    across = half * ((np.arange(64) + 0.5) / 32 - 1)[(frames.mask[0, -1] == 0).numpy()]
    down, length = half * (1 - 1 / 64), np.hypot(0.29, 0.957)
    drop = (0.29 + down * 0.957) / length
    ahead = (0.957 - down * 0.29) / length
    ray = np.stack([across, np.full_like(across, ahead), np.full_like(across, -drop)])
    np.testing.assert_allclose(depth * drop / np.linalg.norm(ray, axis=0), 1.5, rtol=5e-3)


def test_blocks_slide_as_friction_says():
    pytest.importorskip("mujoco", reason='pip install "identikit[sim]"')
    world = MujocoScene(length=9, noise=0.0, do={"angle": 0.5})
    for friction in (0.1, 0.3):
        fixed = np.array([[0.5, friction, 0.1, 0.0]])
        states = world.simulate(fixed, np.random.default_rng(0)).states[0]
        speed = np.hypot(states[:, 3], states[:, 4])
        gained = (speed[8] - speed[2]) / (6 * 0.05)
        assert gained == pytest.approx(9.81 * (np.sin(0.5) - friction * np.cos(0.5)), rel=0.03)
    stuck = world.simulate(np.array([[0.5, 1.5, 0.1, 0.0]]), np.random.default_rng(0)).states[0]
    assert np.hypot(stuck[-1, 3], stuck[-1, 4]) < 0.05


def test_mujoco_moves_the_same_arm_the_same_way():
    mujoco = pytest.importorskip("mujoco", reason='pip install "identikit[sim]"')
    lengths, masses, damping, target = (0.5, 0.4), (0.9, 1.6), 5.0, (0.8, -0.6)
    ball = '<geom type="sphere" size="0.001" pos="{} 0 0" mass="{}"/>'
    joint = f'<joint name="j{{}}" axis="0 0 1" damping="{damping}" armature="{ROTOR}"/>'
    inner = f'<body pos="{lengths[0]} 0 0">{joint.format(1)}{ball.format(lengths[1], masses[1])}</body>'
    motors = "".join(f'<position joint="j{i}" kp="30"/>' for i in (0, 1))
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><option timestep="{STEP / 25}" gravity="0 0 0" integrator="implicit"/><worldbody><body>'
        f"{joint.format(0)}{ball.format(lengths[0], masses[0])}{inner}</body></worldbody>"
        f"<actuator>{motors}</actuator></mujoco>"
    )
    data = mujoco.MjData(model)
    data.qpos[:], data.ctrl[:] = (-0.5, 1.2), target
    frames, theirs = 10, []
    for _ in range(frames):
        theirs.append([*data.qpos, *data.qvel])
        mujoco.mj_step(model, data, nstep=round(ARM_FRAME / (STEP / 25)))
    targets = np.broadcast_to(np.array(target), (1, frames, 2))
    start = np.array([[-0.5, 1.2]])
    ours = simulate_arm(np.array([lengths]), np.array([masses]), np.array([damping]), targets, 0 * targets, start)
    np.testing.assert_allclose(np.concatenate(ours, axis=2)[0], theirs, atol=0.01)


def test_a_missing_mujoco_gives_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'needs the package mujoco: pip install "identikit\[sim\]"'):
        MujocoScene(length=2, size=16).sample(4)


def test_a_renderer_that_cannot_start_gives_one_sentence(monkeypatch):
    mujoco = pytest.importorskip("mujoco", reason='pip install "identikit[sim]"')

    def refuse(*_):
        raise ImportError("Cannot initialize a EGL device display.")

    monkeypatch.setattr(mujoco, "Renderer", refuse)
    with pytest.raises(InputError, match=r"install the Debian packages libegl1, .* \(Cannot initialize a EGL"):
        MujocoScene(length=2, size=16).sample(4)
