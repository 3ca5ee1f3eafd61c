"""A simulator of cars on closed two-lane roads: following, lane changes, and a crossing that one road has at a time.

Roads are closed, so the cars stay the same: a car that leaves a straight road at one end comes back at the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from identikit.errors import InputError

FRAME, STEPS = 0.4, 8
"""Seconds between two frames, and steps of the integrator in between."""
CAR_LENGTH, CAR_WIDTH, LANE_WIDTH = 4.6, 2.2, 3.6
"""In metres."""
BRAKE = 8.0
"""The hardest braking of any car, in m/s^2."""
SPARE = 1.2
"""Room that is left between two cars whatever happens, in metres along the middle of the road."""
LINE = 0.5
"""How far before the box a car stops at the latest, in metres."""
STANDSTILL = 2.0
"""Gap that drivers leave in a queue, in metres."""
GLIDE = 1.6
"""Seconds that a change of lane takes."""
CYCLE, GREEN = 16.0, 0.4
"""Seconds in which the lights of a crossing come round, and the share of it for which each road has green."""


class Drivers(NamedTuple):
    """How the cars of each sequence are driven: arrays (sequences, cars), or (sequences, 1) for all its cars alike.

    Attributes:
        speed: desired speed in m/s.
        headway: desired time to the car ahead in seconds.
        acceleration: strongest acceleration in m/s^2.
        comfort: comfortable braking in m/s^2.
        politeness: weight of what a lane change costs the car that will be behind.
        threshold: gain in acceleration, in m/s^2, from which a lane change is worth it.
    """

    speed: np.ndarray
    headway: np.ndarray
    acceleration: np.ndarray
    comfort: np.ndarray
    politeness: np.ndarray
    threshold: np.ndarray


class Drive(NamedTuple):
    """What cars did.

    Attributes:
        position: (n, frames, cars) of the middle of each car along its road, from -length / 2 to length / 2, in metres.
        speed: (n, frames, cars) in m/s.
        lane: (n, frames, cars) from 0 to 1; a number in between while the car glides over.
        gap: (n, frames, cars) the least gap to a car ahead in the same lane since the frame before, in metres.
        overruled: share of all steps in which the safe speed overruled the model.
    """

    position: np.ndarray
    speed: np.ndarray
    lane: np.ndarray
    gap: np.ndarray
    overruled: float


def idm(drivers: Drivers, speed: np.ndarray, gap: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    r"""Acceleration of the intelligent driver model.

    .. math:: a \left[ 1 - \left(\frac{v}{v_0}\right)^4 - \left(\frac{s^*}{s}\right)^2 \right], \qquad
        s^* = s_0 + \max\left(0,\; v T + \frac{v (v - v_\ell)}{2 \sqrt{a b}}\right)

    Args:
        drivers: with desired speed, headway T, acceleration a and comfortable braking b.
        speed: v of the cars in m/s.
        gap: s to the car ahead in metres; infinite where there is none.
        ahead: speed of the car ahead in m/s.

    Source: Treiber, Hennecke and Helbing 2000 (arXiv cond-mat/0002177).

    >>> one = np.ones((1, 1))
    >>> drivers = Drivers(10 * one, 1.5 * one, one, 2 * one, 0 * one, 0 * one)
    >>> idm(drivers, 10 * one, np.inf * one, 0 * one).item(), bool(idm(drivers, 10 * one, 5 * one, 0 * one) < -8)
    (0.0, True)
    """
    a, b = drivers.acceleration, drivers.comfort
    wanted = STANDSTILL + (speed * drivers.headway + speed * (speed - ahead) / (2 * np.sqrt(a * b))).clip(0)
    return a * (1 - (speed / drivers.speed) ** 4 - (wanted / gap.clip(1e-3)) ** 2)


def safe_speed(gap: np.ndarray, ahead: np.ndarray, step: float) -> np.ndarray:
    r"""The highest speed at which a car can still stop behind the one ahead, should that one brake as hard as it can.

    It solves :math:`v \Delta + v^2 / 2B = s + \max(0, v_\ell^2 / 2B - B \Delta^2 / 2)`. A car that never goes faster
    never has to brake harder than B, and its gap never closes (the condition is kept from step to step).

    Args:
        gap: s in metres.
        ahead: speed of the car ahead in m/s.
        step: seconds until the speed can be changed again.

    Source: the idea is that of Krauss 1998; the discrete form is this library's own.

    >>> safe_speed(np.array([0.0, 99.0]), np.array([0.0, 9.0]), 0.05).round(1).tolist()
    [0.0, 40.4]
    """
    room = gap.clip(0) + (ahead**2 / (2 * BRAKE) - BRAKE * step**2 / 2).clip(0)
    return np.sqrt((BRAKE * step) ** 2 + 2 * BRAKE * room) - BRAKE * step


def green(phase: np.ndarray) -> np.ndarray:
    """Which of the two roads of a crossing has green, (..., 2) booleans, at a phase of its lights (...,) in radians."""
    turn = phase / (2 * np.pi) % 1.0
    return np.stack([turn < GREEN, (turn >= 0.5) & (turn < 0.5 + GREEN)], axis=-1)


def place_cars(
    length: np.ndarray, road: np.ndarray, rng: np.random.Generator, box: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Put standing cars on their roads in random order, half of them on each lane, at uneven distances.

    Args:
        length: (n,) of the closed roads in metres.
        road: (cars,) the road of each car, 0 or 1.
        rng: source of order and distances.
        box: half the side of the square in the middle of the roads that is kept free; 0 for none.

    Returns:
        Positions of the middles of the cars, from -length / 2 to length / 2, and lanes (0 or 1), each (n, cars).

    Raises:
        InputError: there are more cars than fit.

    >>> place_cars(np.array([60.0]), np.zeros(4, int), np.random.default_rng(0))[1].sum()
    np.float64(2.0)
    """
    n, cars = len(length), len(road)
    position, lane = np.empty((n, cars)), np.empty((n, cars))
    taken = CAR_LENGTH + STANDSTILL
    free = 2 * box + CAR_LENGTH + 2 * LINE if box else 0.0
    for code in np.unique(road):
        here = np.flatnonzero(road == code)
        places, lanes = np.empty((n, len(here))), np.broadcast_to(np.arange(len(here)) % 2, (n, len(here)))
        for side in (0, 1)[: len(here)]:
            count = len(places[0, side::2])
            spare = length - free - taken * count
            if (spare < 0).any():
                fit = int((length.min() - free) // taken)
                raise InputError(
                    f"{count} cars are more than fit on a lane of {length.min():.0f} m, which has room for {fit}"
                )
            before = np.cumsum(rng.dirichlet(np.full(count + 1, 3.0), size=n)[:, :-1], axis=1)
            places[:, side::2] = free / 2 + taken * (np.arange(count) + 0.5) + before * spare[:, None]
        order = rng.permuted(np.broadcast_to(here, places.shape), axis=1)
        np.put_along_axis(position, order, places, axis=1)
        np.put_along_axis(lane, order, lanes.astype(float), axis=1)
    return _around(position, length), lane


def simulate_traffic(
    drivers: Drivers,
    length: np.ndarray,
    road: np.ndarray,
    start: tuple[np.ndarray, np.ndarray],
    pushes: np.ndarray,
    phase: np.ndarray | None = None,
    box: float = 0.0,
) -> Drive:
    r"""Drive cars on closed roads with two lanes.

    In each step of 0.05 s a car takes the least `idm` acceleration that the cars ahead in its lane ask for, plus its
    push, and its speed is kept from 0 to `safe_speed`. A car that changes lane glides over in 1.6 s and counts as being
    in both lanes meanwhile. It starts to where it is safe for it and for the cars behind, if

    .. math:: \tilde a_c - a_c + p\, \min(0, \tilde a_n - a_n) > \Delta, \qquad \tilde a_n > -4,

    with its own acceleration before and after, and that of the new follower (MOBIL without the old follower, and
    without a rule to keep to one side).

    Roads that cross take turns by lights. A car stops before the box unless its road has green and no car of the other
    road is in the box or too close to it to stop; so there are never cars of both roads in it.

    Args:
        drivers: how the cars are driven.
        length: (n,) of the closed roads in metres.
        road: (cars,) the road of each car; cars of one road see each other.
        start: positions and lanes (n, cars) at the first frame, as `place_cars` makes them; the cars stand still.
        pushes: (n, frames, cars) accelerations in m/s^2 that are held for a frame.
        phase: (n,) phase of the lights at the first frame in radians, where there is a box.
        box: half the side of the square in which the roads 0 and 1 cross, in the middle of both; 0 for none.

    Returns:
        What the cars did, as a `Drive`.

    Source: Treiber, Hennecke and Helbing 2000 (arXiv cond-mat/0002177); Kesting, Treiber and Helbing 2007 (MOBIL). The
    crossing is this library's own.
    """
    position, lane = (v.copy() for v in start)
    speed, aim, step = np.zeros_like(position), lane.copy(), FRAME / STEPS
    same = (road[:, None] == road[None]) & ~np.eye(len(road), dtype=bool)
    frames, least, overruled = [], np.full(position.shape, np.inf), 0
    for t in range(pushes.shape[1]):
        frames.append((position, speed, lane, least))
        least = np.full(position.shape, np.inf)
        for s in range(STEPS * (t + 1 < pushes.shape[1])):
            ahead = (position[:, None, :] - position[:, :, None]) % length[:, None, None] - CAR_LENGTH
            gaps = np.where(same, ahead, np.inf)
            aim = _choose(drivers, speed, gaps, lane, aim)
            shared = _shared(gaps, lane, aim)
            model = _least_idm(drivers, speed, shared)
            bound = safe_speed(shared - SPARE, speed[:, None, :], step).min(2)
            if phase is not None and box:
                now = green(phase + 2 * np.pi * (t * FRAME + s * step) / CYCLE)
                stop = _stop(position, speed, length, road, now, box)
                model = np.minimum(model, idm(drivers, speed, stop + LINE, np.zeros_like(speed)))
                bound = np.minimum(bound, safe_speed(stop, np.zeros_like(speed), step))
            wanted = speed + step * (model + pushes[:, t]).clip(min=-BRAKE)
            speed = np.minimum(wanted, bound).clip(0)
            overruled += int((wanted > bound).sum())
            position = _around(position + step * speed, length)
            lane = lane + (aim - lane).clip(-step / GLIDE, step / GLIDE)
            least = np.minimum(least, shared.min(2))
    steps = max(1, position.size * STEPS * (pushes.shape[1] - 1))
    where, fast, side, room = (np.stack(values, axis=1) for values in zip(*frames, strict=True))
    return Drive(where, fast, side, room, overruled / steps)


def _around(position: np.ndarray, length: np.ndarray) -> np.ndarray:
    half = length[:, None] / 2
    return (position + half) % (2 * half) - half


def _inside(lane: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """(n, cars, 2) whether a car is, in part, in each of the two lanes, or on its way there."""
    return np.stack([(np.abs(lane - k) < 1) | (aim == k) for k in (0, 1)], axis=2)


def _shared(gaps: np.ndarray, lane: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """(n, cars, cars) gaps of the first to the second, infinite where they have no lane in common."""
    inside = _inside(lane, aim)
    return np.where((inside[:, :, None] & inside[:, None]).any(3), gaps, np.inf)


def _least_idm(drivers: Drivers, speed: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """(n, cars) acceleration with which each car minds all the cars at finite gaps (n, cars, cars)."""
    return _pair_idm(drivers, speed, gaps).min(2)


def _pair_idm(drivers: Drivers, speed: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """(n, cars, cars) acceleration with which the first car minds the second."""
    return idm(Drivers(*(v[..., None] for v in drivers)), speed[:, :, None], gaps, speed[:, None, :])


def _choose(drivers: Drivers, speed: np.ndarray, gaps: np.ndarray, lane: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """(n, cars) the lane that each car is in or on its way to."""
    inside, there = _inside(lane, aim), (1 - aim).astype(int)
    # Entry (i, j): whether car j is in the lane to which car i might go.
    other = np.where((there == 0)[:, :, None], inside[:, None, :, 0], inside[:, None, :, 1])
    before, behind = np.where(other, gaps, np.inf), np.where(other, gaps.transpose(0, 2, 1), np.inf)
    stopping = speed**2 / (2 * BRAKE)
    mine, theirs = stopping[:, :, None], stopping[:, None, :]
    safe = (before >= SPARE) & (behind >= SPARE) & (before - SPARE + theirs >= mine) & (behind - SPARE + mine >= theirs)
    now = _least_idm(drivers, speed, _shared(gaps, lane, aim))
    gain = _least_idm(drivers, speed, before) - now
    follower = behind.argmin(2)[..., None]
    # Entry (i, j) of the transpose: how car j would mind car i, were that ahead of it.
    minds = _pair_idm(drivers, speed, behind.transpose(0, 2, 1)).transpose(0, 2, 1)
    then = np.take_along_axis(minds, follower, axis=2)[..., 0]
    loss = (then - np.take_along_axis(now, follower[..., 0], axis=1)).clip(max=0)
    followed = np.isfinite(behind.min(2))
    wanted = gain + np.where(followed, drivers.politeness * loss, 0.0) > drivers.threshold
    calm = ~followed | (then > -4)
    return np.where((lane == aim) & safe.all(2) & wanted & calm, there, aim)


def _stop(
    position: np.ndarray, speed: np.ndarray, length: np.ndarray, road: np.ndarray, now: np.ndarray, box: float
) -> np.ndarray:
    """(n, cars) how far each car may go before the box; infinite for those that may enter or cannot stop any more."""
    left = (-box - CAR_LENGTH / 2 - position) % length[:, None] - LINE
    # The tolerance keeps rounding from telling a car that is about to stop that it cannot.
    committed = (np.abs(position) < box + CAR_LENGTH / 2) | (speed**2 / (2 * BRAKE) > left + 1e-6)
    busy = np.stack([(committed & (road == 1 - r)).any(1) for r in (0, 1)], axis=1)
    return np.where((busy | ~now)[:, road] & ~committed, left, np.inf)
