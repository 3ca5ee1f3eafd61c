"""Traffic: car following against closed forms, no collision whatever happens, and the films made of it."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from identikit.errors import InputError
from identikit.worlds.driving import (
    BRAKE,
    CAR_LENGTH,
    CAR_WIDTH,
    CYCLE,
    FRAME,
    GLIDE,
    SPARE,
    STANDSTILL,
    STEPS,
    Drivers,
    green,
    idm,
    place_cars,
    safe_speed,
    simulate_traffic,
)
from identikit.worlds.traffic import LAYOUTS, Traffic

torch.set_num_threads(1)


def drivers(speed=10.0, headway=1.5, acceleration=1.5, comfort=2.0, politeness=0.2, threshold=0.1) -> Drivers:
    return Drivers(*(np.array([[v]]) for v in (speed, headway, acceleration, comfort, politeness, threshold)))


def films(world: Traffic, n: int, seed: int = 0):
    """What the simulator says of `n` sequences, and their latents as rows."""
    rng = np.random.default_rng(seed)
    fixed = world.model.values(world.model.noise(n, rng), do=world.do)
    found, _ = world.drive(fixed, np.random.default_rng(seed))
    states = world.simulate(fixed, np.random.default_rng(seed)).states
    rows = np.concatenate([np.repeat(fixed, world.length, 0), states.reshape(n * world.length, -1)], axis=1)
    return found, rows


def overlaps(poses: np.ndarray) -> np.ndarray:
    """(rows, cars, cars) whether the outlines of two cars overlap, by the axes that might separate two rectangles."""
    place, yaw = poses[..., :2], poses[..., 2]
    axes = np.stack([np.stack([np.cos(yaw), np.sin(yaw)], -1), np.stack([-np.sin(yaw), np.cos(yaw)], -1)], axis=2)
    half = np.array([CAR_LENGTH, CAR_WIDTH]) / 2
    apart = place[:, :, None] - place[:, None]
    together = np.ones(apart.shape[:3], dtype=bool)
    for mine in (True, False):
        own = axes[:, :, None] if mine else axes[:, None]
        own = np.broadcast_to(own, (*apart.shape[:3], 2, 2))
        distance = np.abs((own * apart[..., None, :]).sum(-1))
        reach = 0.0
        for other in (axes[:, :, None], axes[:, None]):
            cosines = np.abs(np.einsum("ncdij,ncdkj->ncdik", own, np.broadcast_to(other, own.shape)))
            reach = reach + cosines @ half
        together &= (distance < reach).all(-1)
    together[:, np.arange(yaw.shape[1]), np.arange(yaw.shape[1])] = False
    return together


# --- car following


def test_idm_at_its_equilibrium_does_nothing():
    who, speed = drivers(), np.array([[6.0]])
    gap = (STANDSTILL + speed * who.headway) / np.sqrt(1 - (speed / who.speed) ** 4)
    assert idm(who, speed, gap, speed).item() == pytest.approx(0.0, abs=1e-12)
    assert idm(who, speed, gap * 1.1, speed).item() > 0 > idm(who, speed, gap * 0.9, speed).item()
    assert idm(who, 0 * speed, np.array([[np.inf]]), speed).item() == 1.5


def test_cars_on_an_even_ring_settle_at_the_equilibrium_of_the_model():
    length, cars = np.array([60.0]), np.zeros(3, int)
    start = np.array([[-20.0, 0.0, 20.0]]), np.zeros((1, 3))
    found = simulate_traffic(drivers(threshold=99.0), length, cars, start, np.zeros((1, 150, 3)))
    speed = found.speed[0, -1]
    gap = 20 - CAR_LENGTH
    np.testing.assert_allclose(speed, speed[0])
    expected = (STANDSTILL + speed[0] * 1.5) / np.sqrt(1 - (speed[0] / 10) ** 4)
    assert gap == pytest.approx(expected, rel=1e-3)
    assert found.overruled == 0


def test_a_car_alone_reaches_its_desired_speed():
    start = np.zeros((1, 1)), np.zeros((1, 1))
    found = simulate_traffic(drivers(), np.array([100.0]), np.zeros(1, int), start, np.zeros((1, 80, 1)))
    assert found.speed[0, -1, 0] == pytest.approx(10.0, rel=1e-3)
    assert (np.diff(found.speed[0, :, 0]) >= 0).all()


@pytest.mark.parametrize("ahead", [0.0, 3.0, 12.0])
def test_the_safe_speed_is_the_one_with_which_a_car_just_stops(ahead):
    step, gap = 0.05, 7.0
    speed = float(safe_speed(np.array(gap), np.array(ahead), step))
    for start, stops in ((speed, True), (1.05 * speed, False)):
        first, second, room = start, max(0.0, ahead - BRAKE * step), gap
        while first > 0 or second > 0:
            room += step * (second - first)
            first, second = max(0.0, first - BRAKE * step), max(0.0, second - BRAKE * step)
        assert (room >= 0) == stops


def test_a_faster_car_overtakes_by_gliding_to_the_free_lane():
    who = Drivers(*(np.array([v]) for v in ([4.0, 12.0], [1.2] * 2, [1.5] * 2, [2.0] * 2, [0.2] * 2, [0.1] * 2)))
    start = np.array([[0.0, -15.0]]), np.zeros((1, 2))
    found = simulate_traffic(who, np.array([600.0]), np.zeros(2, int), start, np.zeros((1, 40, 2)))
    assert (found.lane[0, :, 0] == 0).all()
    assert found.lane[0, -1, 1] == 1
    between = (found.lane[0, :, 1] > 0) & (found.lane[0, :, 1] < 1)
    assert between.sum() == pytest.approx(GLIDE / FRAME, abs=1)
    assert found.position[0, -1, 1] > found.position[0, -1, 0]


# --- no collision


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("noise", [0.3, 6.0])
def test_cars_never_touch_and_never_go_backwards(layout, noise):
    world = Traffic(layout=layout, length=32, cars=8, noise=noise)
    found, rows = films(world, 60)
    assert not overlaps(world.poses(rows)).any()
    assert found.gap[:, 1:].min() > SPARE - 1e-6
    assert found.speed.min() >= 0
    assert found.lane.min() >= 0
    assert found.lane.max() <= 1
    fastest = np.diff(found.speed, axis=1).min() / FRAME
    assert fastest >= -BRAKE - 1e-6
    # The model keeps clear by itself; only with pushes far beyond what is usual does the safe speed step in.
    assert (found.overruled > 0) == (noise > 1)


def test_the_outlines_of_the_test_above_do_see_an_overlap():
    poses = np.array([[[0.0, 0.0, 0.0], [3.0, 2.0, np.pi / 2], [30.0, 0.0, 0.0]]])
    assert overlaps(poses)[0].tolist() == [[False, True, False], [True, False, False], [False] * 3]
    poses[0, 1, 0] = 3.5
    assert not overlaps(poses).any()


def test_two_roads_are_never_in_the_crossing_together_and_both_move():
    world = Traffic(length=60)
    found, _ = films(world, 40)
    near = np.abs(found.position) < 4.6 + CAR_LENGTH / 2
    first, second = near[..., world.road == 0].any(2), near[..., world.road == 1].any(2)
    assert not (first & second).any()
    assert first.mean() > 0.1
    assert second.mean() > 0.1
    assert found.speed[:, 20:].max(1).min() > 1.0


def test_lights_give_green_to_one_road_at_a_time_and_come_round():
    phase = np.linspace(-np.pi, 3 * np.pi, 400)
    now = green(phase)
    assert not now.all(1).any()
    assert now.any(0).all()
    assert (~now).all(1).any()
    assert np.array_equal(green(phase), green(phase + 2 * np.pi))
    world = Traffic(length=8, cars=2)
    _, rows = films(world, 4)
    lights = rows[:, -1].reshape(4, 8)
    np.testing.assert_allclose(np.diff(np.unwrap(lights, axis=1)), 2 * np.pi * FRAME / CYCLE)
    assert STEPS > 1


# --- what the fixed variables do


def test_headway_density_and_desired_speed_act_as_named():
    def mean_speed(**do):
        world = Traffic(layout="roundabout", length=24, do=do, noise=0.0)
        return films(world, 40)[0].speed.mean()

    assert mean_speed(speed=12.0) > 1.3 * mean_speed(speed=6.0)
    assert mean_speed(headway=0.8) > 1.05 * mean_speed(headway=2.0)
    assert mean_speed(density=25.1) > 1.05 * mean_speed(density=34.0)


def test_the_aggressive_accelerate_harder_and_change_lanes_more():
    def told(bold):
        found, _ = films(Traffic(layout="roundabout", length=24, do={"aggressiveness": bold}, graph={}, noise=0.0), 60)
        return np.diff(found.speed, axis=1).max(), (np.abs(np.diff(found.lane, axis=1)) > 0).mean()

    (calm, few), (wild, many) = told(0.0), told(1.0)
    assert wild > 1.3 * calm
    assert many > 1.2 * few


# --- the world


@pytest.mark.parametrize("layout", LAYOUTS)
def test_films_keep_the_conventions_of_time(layout):
    world = Traffic(layout=layout, size=32, length=4, cars=5, domains=2)
    data, truth = world.sample(40, seed=3)
    again, same = world.sample(40, seed=3)
    assert data.fingerprint() == again.fingerprint()
    assert np.array_equal(truth.latents, same.latents)
    assert (data["time"] == np.tile(np.arange(4), 10)).all()
    assert (data["sequence"] == np.repeat(np.arange(10), 4)).all()
    assert all(len(set(data.split[data["sequence"] == s])) == 1 for s in range(10))
    fixed = truth.block("parameters").reshape(10, 4, -1)
    assert (fixed == fixed[:, :1]).all()
    assert truth.blocks["changing"] == (1, 2)
    assert np.array_equal(truth.mixing(truth.latents[3:9]), data.x[3:9])
    assert len(truth.names) == 4 + 3 * 5 + (layout == "crossing")
    assert {k for n, k in zip(truth.names, truth.kinds, strict=True) if n.startswith("position")} == {"circular"}
    assert type(world)(**json.loads(json.dumps(asdict(world)))) == world
    lagged = world.lagged[0]
    first, last = truth.names.index("velocity0"), truth.names.index("velocity4")
    # Roads that cross mind each other; `headway` acts on all.
    assert lagged[last, first] == 1
    assert lagged[truth.names.index("headway"), first] == 1
    assert lagged[first, truth.names.index("headway")] == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_car_is_drawn_where_it_is(layout):
    world = Traffic(layout=layout, size=64, length=4, cars=4)
    _, truth = world.sample(16, seed=0)
    frames = world.render(truth.latents)
    poses, base = world.poses(truth.latents), int(frames.mask.max()) - 4
    width = 64 / (LAYOUTS[layout][1] * 1.02 if layout == "crossing" else LAYOUTS[layout][1] / np.pi + 10)
    for car in range(4):
        for row in range(16):
            y, x = (frames.mask[row] == base + 1 + car).nonzero().double().mean(0).tolist()
            assert x + 0.5 == pytest.approx(32 + width * poses[row, car, 0], abs=1.6)
            assert y + 0.5 == pytest.approx(32 - width * poses[row, car, 1], abs=1.6)


def test_domains_change_the_named_mechanisms_alone():
    world = Traffic(domains=3, graph={}, changing=("density",))
    domain = np.arange(3_000) % 3
    values = world.model.values(world.model.noise(3_000, np.random.default_rng(0)), domain)
    means = np.stack([values[domain == d].mean(0) for d in range(3)]) / values.std(0)
    assert np.ptp(means[:, 2]) > 1.0
    assert np.ptp(np.delete(means, 2, axis=1), axis=0).max() < 0.2


def test_describe_says_what_a_picture_does_not_show():
    told = Traffic(size=32, length=8, cars=4).describe(160)
    assert not told["invertible"].holds
    for name in ("headway", "aggressiveness", "velocity0"):
        assert name in told["invertible"].why
    assert "position0" not in told["invertible"].why
    assert told["noise in transitions"].holds
    assert not Traffic(size=32, length=8, cars=2, noise=0).describe(16)["noise in transitions"].holds


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Traffic(layout="crosing"), "unknown layout 'crosing': did you mean 'crossing'"),
        (lambda: Traffic(cars=1), "cars is from 2 to 12, not 1"),
        (lambda: Traffic(cars=40), "cars is from 2 to 12, not 40"),
        (lambda: Traffic(do={"speed": -3.0}), "do may set speed from 2 to 20, not to -3"),
        (lambda: Traffic(do={"density": 900.0}), "do may set density from"),
        (lambda: Traffic(changing=("weather",)), "unknown factor 'weather'"),
        (
            lambda: place_cars(np.array([30.0]), np.zeros(12, int), np.random.default_rng(0)),
            "6 cars are more than fit on a lane of 30 m, which has room for 4",
        ),
    ],
)
def test_bad_settings_give_one_sentence(make, says):
    with pytest.raises(InputError, match=says):
        make()
