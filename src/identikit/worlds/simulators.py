"""Motions with a closed form: each function says where things are a time after they were somewhere else.

They are flows: going on for a time and then for another is the same as going on for the sum of both, to rounding. All
arguments are numbers or NumPy arrays that broadcast with each other, one entry for each sequence; units are metres,
seconds, kilograms and radians.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray

REST = 1e-3
"""A ball that leaves the ground more slowly than this (metres a second) stays there."""


def fall(
    height: ArrayLike, speed: ArrayLike, gravity: ArrayLike, restitution: ArrayLike, time: ArrayLike
) -> tuple[Array, Array]:
    r"""A ball that falls and bounces: parabolas, and at every impact the speed turns to its `restitution` part.

    .. math:: h(t) = h + v t - \tfrac12 g t^2, \qquad v_{\text{after}} = -e\, v_{\text{before}}

    Args:
        height: of the lowest point of the ball above the ground.
        speed: upwards.
        gravity: acceleration, above 0.
        restitution: 0 (stays on the ground) to 1 (loses nothing).
        time: how long.

    Returns:
        Height and speed after that time.

    >>> height, speed = fall(1.25, 0.0, 10.0, 0.8, [0.5, 0.9, 1.3])  # lands at 0.5 s with 5 m/s, rises with 4 m/s
    >>> height.round(6).tolist(), speed.round(6).tolist()
    ([0.0, 0.8, 0.0], [-5.0, 0.0, -4.0])
    """
    h, v, g, e, left = (np.array(a) for a in np.broadcast_arrays(*_floats(height, speed, gravity, restitution, time)))
    while True:
        impact = np.sqrt(v**2 + 2 * g * h)
        flight = (v + impact) / g
        lands = (left > flight) & ((h > 0) | (v != 0))
        if not lands.any():
            break
        after = np.where(e * impact < REST, 0.0, e * impact)
        h, v = np.where(lands, 0.0, h), np.where(lands, after, v)
        left = np.where(lands, left - flight, left)
    rests = (h <= 0) & (v == 0)
    return (
        np.where(rests, 0.0, np.maximum(h + v * left - g * left**2 / 2, 0.0)),
        np.where(rests, 0.0, v - g * left),
    )


def spring(
    position: ArrayLike, speed: ArrayLike, mass: ArrayLike, stiffness: ArrayLike, damping: ArrayLike, time: ArrayLike
) -> tuple[Array, Array]:
    r"""A mass on a spring with damping in proportion to its speed: :math:`m \ddot x + c \dot x + k x = 0`.

    With :math:`\gamma = c / 2m` and :math:`s^2 = \gamma^2 - k / m` (s may be imaginary)

    .. math:: x(t) = e^{-\gamma t} \left( x \cosh s t + (v + \gamma x) \frac{\sinh s t}{s} \right).

    Args:
        position: distance from where the spring is at rest.
        speed: its rate of change.
        mass: above 0.
        stiffness: force for each metre, above 0.
        damping: force for each metre a second, 0 or more.
        time: how long.

    Returns:
        Position and speed after that time.

    >>> position, speed = spring(1.0, 0.0, mass=1.0, stiffness=np.pi**2, damping=0.0, time=[0.5, 1.0, 2.0])
    >>> (position + 0.0).round(6).tolist(), speed.round(3).tolist()
    ([0.0, -1.0, 1.0], [-3.142, -0.0, 0.0])
    """
    x, v, m, k, c, t = _floats(position, speed, mass, stiffness, damping, time)
    half, rate = c / (2 * m), k / m
    root = np.sqrt((half**2 - rate).astype(complex))
    # At critical damping the root is 0, and sinh(st)/s is t.
    flat = np.abs(root * t) < 1e-8
    swing = np.real(np.where(flat, t, np.sinh(root * t) / np.where(flat, 1.0, root)))
    level = np.real(np.cosh(root * t))
    fade = np.exp(-half * t)
    return fade * (x * level + (v + half * x) * swing), fade * (v * level - (half * v + rate * x) * swing)


def slide(
    position: ArrayLike,
    speed: ArrayLike,
    angle: ArrayLike,
    friction: ArrayLike,
    gravity: ArrayLike,
    length: ArrayLike,
    time: ArrayLike,
) -> tuple[Array, Array]:
    r"""A block that slides down a slope with dry friction until a stop at its end holds it.

    .. math:: \ddot x = g (\sin\theta - \mu \cos\theta)

    while it moves. Where that is negative the block slows down, and once at rest stays; the same coefficient holds for
    a block at rest (this library's choice).

    Args:
        position: distance from the upper end, 0 to `length`.
        speed: downwards, 0 or more.
        angle: of the slope, above 0 and below a right angle.
        friction: coefficient, 0 or more.
        gravity: acceleration, above 0.
        length: of the slope.
        time: how long.

    Returns:
        Position and speed after that time.

    >>> position, speed = slide(0.0, 0.0, np.pi / 6, 0.0, 10.0, length=2.0, time=[0.4, 0.8, 1.2])  # 5 m/s^2
    >>> position.round(6).tolist(), speed.round(6).tolist()
    ([0.4, 1.6, 2.0], [2.0, 4.0, 0.0])
    """
    x, v, angle_, friction_, g, end, t = _floats(position, speed, angle, friction, gravity, length, time)
    pull = g * (np.sin(angle_) - friction_ * np.cos(angle_))
    slows = pull < 0
    lasts = np.where(slows, np.minimum(t, v / np.where(slows, -pull, 1.0)), t)
    where, fast = x + v * lasts + pull * lasts**2 / 2, np.maximum(v + pull * lasts, 0.0)
    return np.minimum(where, end), np.where(where >= end, 0.0, fast)


def collide(
    places: tuple[ArrayLike, ArrayLike],
    speeds: tuple[ArrayLike, ArrayLike],
    masses: tuple[ArrayLike, ArrayLike],
    restitution: ArrayLike,
    reach: ArrayLike,
    time: ArrayLike,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    r"""Two balls on one line without friction, which may meet once.

    The momentum stays what it was, and the balls part with `restitution` times the speed at which they closed in:

    .. math:: v_1' = V - \frac{m_2}{m_1 + m_2}\, e\, (v_1 - v_2), \qquad
        v_2' = V + \frac{m_1}{m_1 + m_2}\, e\, (v_1 - v_2), \qquad V = \frac{m_1 v_1 + m_2 v_2}{m_1 + m_2}.

    Args:
        places: of the first ball and of the second, which is further along.
        speeds: of both.
        masses: of both, above 0.
        restitution: 0 (they go on together) to 1 (no energy is lost).
        reach: distance of their centres when they touch.
        time: how long.

    Returns:
        Places and speeds after that time.

    >>> places, speeds = collide((0.0, 2.0), (1.0, 0.0), (1.0, 1.0), restitution=1.0, reach=1.0, time=3.0)
    >>> [float(v) for v in (*places, *speeds)]
    [1.0, 4.0, 0.0, 1.0]
    """
    a, b, va, vb, ma, mb, e, near, t = _floats(*places, *speeds, *masses, restitution, reach, time)
    closing = va - vb
    meets = closing > 0
    when = np.where(meets, np.maximum(b - a - near, 0.0) / np.where(meets, closing, 1.0), np.inf)
    hit = when <= t
    before, after = np.where(hit, when, t), np.where(hit, t - np.where(hit, when, 0.0), 0.0)
    common, bounce = (ma * va + mb * vb) / (ma + mb), e * closing / (ma + mb)
    wa, wb = np.where(hit, common - mb * bounce, va), np.where(hit, common + ma * bounce, vb)
    return (a + va * before + wa * after, b + vb * before + wb * after), (wa, wb)


def refract(incidence: ArrayLike, first: ArrayLike, second: ArrayLike) -> tuple[Array, Array]:
    r"""A ray of light at the boundary of two media: Snell's law, and Fresnel's for light without polarisation.

    .. math:: n_1 \sin\theta_1 = n_2 \sin\theta_2, \qquad
        R = \tfrac12 \left( \frac{n_1 c_1 - n_2 c_2}{n_1 c_1 + n_2 c_2} \right)^2
        + \tfrac12 \left( \frac{n_1 c_2 - n_2 c_1}{n_1 c_2 + n_2 c_1} \right)^2, \qquad c_i = \cos\theta_i.

    Args:
        incidence: angle between the ray and the normal of the boundary, from 0 to a right angle.
        first: refractive index of the medium it comes from, 1 or more.
        second: of the medium beyond.

    Returns:
        The angle of the ray beyond, a right angle where all light is reflected; and the share R that is reflected.

    >>> angle, share = refract([0.0, np.pi / 6, np.pi / 3], first=1.5, second=1.0)
    >>> np.sin(angle).round(6).tolist(), share.round(3).tolist()
    ([0.0, 0.75, 1.0], [0.04, 0.055, 1.0])
    """
    angle, one, two = _floats(incidence, first, second)
    sine = np.minimum(one * np.sin(angle) / two, 1.0)
    c1, c2 = np.cos(angle), np.sqrt(1 - sine**2)
    across = (one * c1 - two * c2) / (one * c1 + two * c2)
    along = (one * c2 - two * c1) / (one * c2 + two * c1)
    return np.arcsin(sine), (across**2 + along**2) / 2


def _floats(*values: ArrayLike) -> tuple[Array, ...]:
    return tuple(np.asarray(v, dtype=float) for v in values)
