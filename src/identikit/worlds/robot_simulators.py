"""Simulators of a jointed arm above a table and of a robot on two wheels, for a batch of sequences at a time."""

from __future__ import annotations

import math

import numpy as np

from identikit.errors import InputError

ARM_FRAME, ARM_STEPS = 0.125, 25
"""Seconds between two frames of an arm, and steps of its integrator in between."""
ARM_STIFFNESS = 30.0
"""Torque of the controller for each radian that a joint is away from its target, in newton metres."""
ROTOR = 0.1
"""Moment of inertia that the motor of a joint adds to it, in kg m^2."""
DAMPING_MOST = 40.0
"""The strongest damping of a joint at which the integrator is stable, in newton metre seconds."""
DRIVE_FRAME, DRIVE_STEPS = 0.2, 10
"""Seconds between two frames of a robot on wheels, and steps of its integrator in between."""
SLOW_DOWN, TURN_GAIN, TURN_MOST = 0.8, 2.5, 3.0
"""The robot slows down within this distance of its goal in metres, turns by this rate for each radian, at most so."""


def arm_points(angles: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Where the joints and the tip of a planar arm are.

    Args:
        angles: (..., joints) angle of each link against the one before, counter-clockwise in radians; 0 is along x.
        lengths: (..., joints) of the links in metres.

    Returns:
        (..., joints + 1, 2): the base at the origin, and the end of each link.

    >>> arm_points(np.array([0.0, np.pi / 2]), np.array([1.0, 0.5])).round(3).tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 0.5]]
    """
    heading = np.cumsum(angles, axis=-1)
    steps = lengths[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return np.concatenate([np.zeros_like(steps[..., :1, :]), np.cumsum(steps, axis=-2)], axis=-2)


def arm_pose(bearing: np.ndarray, radius: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    r"""Joint angles with which the tip of an arm of two or three links is at a point, the elbow to the right.

    Two links make a triangle with the line to the point. A third link points straight away from the base, and the
    other two reach for where it begins.

    Args:
        bearing: (...,) direction of the point as seen from the base, in radians.
        radius: (...,) distance of the point in metres.
        lengths: (..., joints) of the links in metres.

    Raises:
        InputError: the point is out of reach.

    >>> lengths = np.array([0.5, 0.3, 0.2])
    >>> arm_points(arm_pose(np.array(0.3), np.array(0.6), lengths), lengths)[-1].round(6).tolist()
    [0.573202, 0.177312]
    """
    first, second = lengths[..., 0], lengths[..., 1]
    wrist = radius - lengths[..., 2] if lengths.shape[-1] == 3 else radius
    far = (wrist > first + second) | (wrist < np.abs(first - second))
    if far.any():
        point = float(np.broadcast_to(radius, far.shape)[far].flat[0])
        longest = float(lengths.sum(-1).max())
        raise InputError(f"a point {point:g} m away is out of reach of an arm whose links sum to {longest:g} m at most")
    elbow = np.arccos(((wrist**2 - first**2 - second**2) / (2 * first * second)).clip(-1, 1))
    shoulder = bearing - np.arctan2(second * np.sin(elbow), first + second * np.cos(elbow))
    pose = [shoulder, elbow]
    if lengths.shape[-1] == 3:
        pose.append(bearing - shoulder - elbow)
    return np.stack(np.broadcast_arrays(*pose), axis=-1)


def simulate_arm(
    lengths: np.ndarray,
    masses: np.ndarray,
    damping: np.ndarray,
    targets: np.ndarray,
    pushes: np.ndarray,
    start: np.ndarray,
    speed: np.ndarray | None = None,
    stiffness: float = ARM_STIFFNESS,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Move planar arms in a horizontal plane, with a spring and a damper in every joint.

    Each link is a rod without mass with a point mass at its end, and each joint has a motor with a moment of inertia
    J. In the absolute angles :math:`\theta` of the links, with lengths l and :math:`m_{ab}` the sum of the masses from
    link max(a, b) on,

    .. math:: \sum_b m_{ab} l_a l_b \left( \cos(\theta_a - \theta_b)\, \ddot\theta_b
        + \sin(\theta_a - \theta_b)\, \dot\theta_b^2 \right) = \tau_a - \tau_{a+1}, \qquad
        \tau_j = k (q^*_j - q_j) - d\, \dot q_j + \epsilon_j - J\, \ddot q_j,

    where :math:`q_j = \theta_j - \theta_{j-1}`. Targets and pushes are held for a frame. Runge-Kutta of fourth order.

    Args:
        lengths: (n, joints) in metres.
        masses: (n, joints) at the ends of the links in kilogrammes, what is carried included in the last.
        damping: (n,) d in newton metres for each radian per second.
        targets: (n, frames, joints) joint angles asked for at each frame and acting until the next.
        pushes: (n, frames, joints) torques in newton metres that act likewise.
        start: (n, joints) joint angles at the first frame.
        speed: (n, joints) joint velocities at the first frame; at rest where left out.
        stiffness: k in newton metres for each radian.

    Returns:
        Joint angles and velocities, each (n, frames, joints).

    Raises:
        InputError: a length or mass that is not above 0, or a damping that is not from 0 to 40.

    >>> one = np.ones((1, 2))
    >>> rest = np.zeros((1, 3, 2))
    >>> angles, speeds = simulate_arm(one, one, np.ones(1), targets=rest, pushes=rest, start=np.zeros((1, 2)))
    >>> angles.shape, bool((speeds == 0).all())
    ((1, 3, 2), True)
    """
    for name, values in {"link lengths": lengths, "masses": masses}.items():
        if not (values > 0).all():
            raise InputError(f"{name} of an arm must be above 0, and the smallest is {values.min():g}")
    if not ((damping >= 0) & (damping <= DAMPING_MOST)).all():
        raise InputError(f"damping of an arm is from 0 to {DAMPING_MOST:g}, not {damping.min():g} to {damping.max():g}")
    joints = lengths.shape[1]
    beyond = np.cumsum(masses[:, ::-1], axis=1)[:, ::-1]
    later = np.maximum.outer(np.arange(joints), np.arange(joints))
    inertia = beyond[:, later] * lengths[:, :, None] * lengths[:, None, :]
    apart_by_one = np.eye(joints) - np.eye(joints, k=-1)
    motors = ROTOR * apart_by_one.T @ apart_by_one

    def slope(state: np.ndarray, target: np.ndarray, push: np.ndarray) -> np.ndarray:
        turn, rate = state[:, 0], state[:, 1]
        apart = turn[:, :, None] - turn[:, None, :]
        joint, joint_rate = np.diff(turn, axis=1, prepend=0), np.diff(rate, axis=1, prepend=0)
        torque = stiffness * (target - joint) - damping[:, None] * joint_rate + push
        force = -np.diff(torque, axis=1, append=0) - (inertia * np.sin(apart) * (rate**2)[:, None, :]).sum(2)
        return np.stack([rate, np.linalg.solve(inertia * np.cos(apart) + motors, force[..., None])[..., 0]], axis=1)

    state = np.cumsum(np.stack([start, np.zeros_like(start) if speed is None else speed], axis=1), axis=2)
    frames = [state]
    h = ARM_FRAME / ARM_STEPS
    for t in range(targets.shape[1] - 1):
        held = targets[:, t], pushes[:, t]
        for _ in range(ARM_STEPS):
            a = slope(state, *held)
            b = slope(state + h / 2 * a, *held)
            c = slope(state + h / 2 * b, *held)
            d = slope(state + h * c, *held)
            state = state + h / 6 * (a + 2 * b + 2 * c + d)
        frames.append(state)
    found = np.diff(np.stack(frames, axis=1), axis=3, prepend=0)
    return found[:, :, 0], found[:, :, 1]


def simulate_drive(
    track: np.ndarray,
    speed: np.ndarray,
    lag: np.ndarray,
    drift: np.ndarray,
    goals: np.ndarray,
    pushes: np.ndarray,
    start: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Drive robots with two driven wheels to their goals.

    At each frame the robot sees where its goal is, e radians to its left and r metres away, and asks for wheel speeds
    that would give the forward speed and the turn

    .. math:: v = s \max(\cos e, 0) \min(1, r / 0.8), \qquad w = \text{clip}(2.5\, e, \pm 3) \min(1, r / 0.2).

    They are held for a frame. The wheels follow with a lag, :math:`\ell\, \dot u = u^* - u`, solved exactly. With wheel
    speeds u, forward speed and turn are :math:`(u_l + u_r) / 2` and :math:`(u_r - u_l) / b + \text{drift}`; the robot
    moves along a circle in each of 10 steps to a frame, with the exact means of its wheel speeds over the step.

    Args:
        track: (n,) b, distance between the wheels in metres.
        speed: (n,) s, top speed in metres a second.
        lag: (n,) time constant of the motors in seconds.
        drift: (n,) turn that nobody asked for, in radians a second.
        goals: (n, frames, 2) where to go, in metres.
        pushes: (n, frames, 2) wheel speeds that are added to those asked for, in metres a second.
        start: (n, 3) place and heading at the first frame; the wheels are at rest.

    Returns:
        States (n, frames, 5): x, y, heading (from -pi to pi), left and right wheel speed; and the wheel speeds asked
        for (n, frames, 2).

    Raises:
        InputError: a track, top speed or lag that is not above 0.

    >>> one, still = np.ones(1), np.zeros((1, 30, 2))
    >>> states, asked = simulate_drive(0.3 * one, one, 0.2 * one, 0 * one, still + [1.0, 0.0], still, np.zeros((1, 3)))
    >>> states[0, -1, :2].round(2).tolist(), asked[0, 0].tolist()
    ([1.01, 0.0], [1.0, 1.0])
    """
    for name, values in {"track": track, "top speed": speed, "lag": lag}.items():
        if not (values > 0).all():
            raise InputError(f"the {name} of a robot must be above 0, and the smallest is {values.min():g}")
    h = DRIVE_FRAME / DRIVE_STEPS
    keep = np.exp(-h / lag)[:, None]
    # Mean over a step of a wheel speed that decays towards what is asked for.
    share = (lag * (1 - np.exp(-h / lag)) / h)[:, None]
    place, heading, wheels = start[:, :2].copy(), start[:, 2].copy(), np.zeros((len(start), 2))
    states, asked = [], []
    for t in range(goals.shape[1]):
        away = goals[:, t] - place
        far, error = np.hypot(*away.T), _wrap(np.arctan2(away[:, 1], away[:, 0]) - heading)
        forward = speed * np.cos(error).clip(0) * (far / SLOW_DOWN).clip(max=1)
        turn = (TURN_GAIN * error).clip(-TURN_MOST, TURN_MOST) * (far / 0.2).clip(max=1)
        wanted = forward[:, None] + turn[:, None] * track[:, None] / 2 * np.array([-1.0, 1.0])
        states.append(np.column_stack([place, _wrap(heading), wheels]))
        asked.append(wanted)
        held = wanted + pushes[:, t]
        for _ in range(DRIVE_STEPS):
            left, right = (held + (wheels - held) * share).T
            angle = ((right - left) / track + drift) * h
            # The chord of the arc, whose length is that of the arc times sin(angle / 2) / (angle / 2).
            chord = (left + right) / 2 * h * np.sinc(angle / (2 * math.pi))
            middle = heading + angle / 2
            place = place + chord[:, None] * np.stack([np.cos(middle), np.sin(middle)], axis=1)
            heading, wheels = heading + angle, held + (wheels - held) * keep
    return np.stack(states, axis=1), np.stack(asked, axis=1)


def _wrap(angle: np.ndarray) -> np.ndarray:
    return np.arctan2(np.sin(angle), np.cos(angle))
