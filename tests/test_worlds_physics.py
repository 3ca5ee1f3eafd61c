"""The simulators against conservation laws and a plain integrator, and the films that are made with them."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.stats import ks_2samp

from identikit.errors import InputError
from identikit.worlds import simulators
from identikit.worlds.apparatus import SETUPS, radius
from identikit.worlds.physics import Physics

torch.set_num_threads(1)
SCENES = tuple(SETUPS)


def small(scene: str = "fall", **options) -> Physics:
    return Physics(scene, **{"length": 6, "size": 32, **options})


def film(world: Physics, sequences: int = 200, seed: int = 0) -> dict[str, np.ndarray]:
    """Latents by name (sequences, length), without pictures."""
    rng = np.random.default_rng(seed)
    domain = np.arange(sequences) % world.domains
    values = world.model.values(world.model.noise(sequences, rng), domain, world.do)
    states = world.simulate(values, rng.normal(size=(world.length, sequences)))
    fixed = dict(zip(world.model.names, np.repeat(values[:, None], world.length, 1).transpose(2, 0, 1), strict=True))
    return fixed | dict(zip(world.setup.states, states.transpose(2, 0, 1), strict=True))


# --- the simulators


@pytest.mark.parametrize("scene", SCENES)
@settings(deadline=None, max_examples=20)
@given(first=st.floats(0.0, 1.0), second=st.floats(0.0, 1.0), seed=st.integers(0, 99))
def test_going_on_twice_is_going_on_for_the_sum(scene, first, second, seed):
    setup, model = SETUPS[scene], Physics(scene).model
    parameters = dict(zip(model.names, model.values(model.noise(20, np.random.default_rng(seed))).T, strict=True))
    start = setup.start(parameters)
    twice = setup.flow(parameters, setup.flow(parameters, start, first), second)
    once = setup.flow(parameters, start, first + second)
    for name in setup.states:
        # An impact turns a speed around at once, and may fall just before or just after the end of the time.
        ends = np.abs(twice[name] - once[name]) > 1e-6
        assert ends.mean() <= (0.1 if "speed" in name else 0), name


def test_a_falling_ball_loses_energy_at_impacts_alone():
    time = np.linspace(0, 4, 4_001)
    height, speed = simulators.fall(2.0, 1.0, 9.81, 0.7, time)
    energy = 9.81 * height + speed**2 / 2
    falls = np.diff(energy)
    impacts = falls < -1e-6
    assert np.abs(falls[~impacts]).max() < 1e-9
    kept = energy[1:][impacts] / energy[:-1][impacts]
    assert impacts.sum() > 5
    assert kept[:5] == pytest.approx([0.49] * 5, abs=1e-9)
    assert height.min() >= 0
    first = (1 + math.sqrt(1 + 2 * 9.81 * 2)) / 9.81
    assert time[1:][impacts][0] == pytest.approx(first, abs=1e-3)


def test_a_ball_bounces_for_ever_comes_to_rest_or_sticks():
    height, speed = simulators.fall(1.0, 0.0, 10.0, 1.0, np.linspace(0, 50, 999))
    assert 10 * height + speed**2 / 2 == pytest.approx(np.full(999, 10.0))
    # The impacts come ever faster, and their times sum to a geometric series.
    first = math.sqrt(0.2)
    total = first + 2 * first * 0.5 / (1 - 0.5)
    assert [float(v) for v in simulators.fall(1.0, 0.0, 10.0, 0.5, total + 0.01)] == [0.0, 0.0]
    assert simulators.fall(1.0, 0.0, 10.0, 0.5, total - 0.05)[0] > 0
    assert simulators.fall(1.0, 0.0, 10.0, 0.0, first + 0.01)[0] == 0.0


@pytest.mark.parametrize("damping", [0.0, 0.8, 2 * math.sqrt(20.0), 30.0])
def test_a_spring_follows_its_equation(damping):
    mass, stiffness = 1.0, 20.0
    time = np.linspace(0, 3, 31)
    found = np.stack(simulators.spring(0.7, -1.0, mass, stiffness, damping, time))
    exact = solve_ivp(
        lambda _, s: (s[1], -(stiffness * s[0] + damping * s[1]) / mass, ),
        (0, 3),
        (0.7, -1.0),
        t_eval=time,
        rtol=1e-10,
        atol=1e-12,
    )  # fmt: skip
    assert np.abs(found - exact.y).max() < 1e-7
    energy = stiffness * found[0] ** 2 / 2 + mass * found[1] ** 2 / 2
    assert (np.abs(np.diff(energy)) < 1e-9).all() if damping == 0 else (np.diff(energy) < 0).all()


def test_friction_takes_from_a_sliding_block_what_it_should():
    angle, friction, gravity = 0.6, 0.25, 9.81
    time = np.linspace(0, 1.5, 301)
    place, speed = simulators.slide(0.0, 0.3, angle, friction, gravity, 10.0, time)
    energy = speed**2 / 2 - gravity * math.sin(angle) * place
    assert energy + friction * gravity * math.cos(angle) * place == pytest.approx(np.full(301, 0.045))
    still, rest = simulators.slide(0.0, 1.0, angle, 0.9, gravity, 10.0, [0.1, 5.0, 9.0])
    assert rest.tolist()[1:] == [0.0, 0.0]
    assert still[1] == still[2] == pytest.approx(0.5 / (gravity * (0.9 * math.cos(angle) - math.sin(angle))))
    assert simulators.slide(0.0, 0.0, angle, friction, gravity, 1.0, 5.0)[0] == 1.0


def test_a_collision_keeps_momentum_and_takes_the_energy_that_it_should():
    rng = np.random.default_rng(0)
    ma, mb, va, e = rng.uniform(0.5, 3, 50), rng.uniform(0.5, 3, 50), rng.uniform(1, 2, 50), rng.uniform(0, 1, 50)
    vb = rng.uniform(-1, 0.5, 50)
    (a, b), (wa, wb) = simulators.collide((-1.0, 1.0), (va, vb), (ma, mb), e, 0.5, 10.0)
    assert ma * wa + mb * wb == pytest.approx(ma * va + mb * vb)
    assert wb - wa == pytest.approx(e * (va - vb))
    lost = (ma * va**2 + mb * vb**2 - ma * wa**2 - mb * wb**2) / 2
    assert lost == pytest.approx((1 - e**2) * ma * mb / (ma + mb) * (va - vb) ** 2 / 2)
    assert (b - a >= 0.5 - 1e-9).all()
    (a, b), speeds = simulators.collide((-1.0, 1.0), (0.1, 0.2), (1.0, 1.0), 1.0, 0.5, 10.0)
    assert (float(a), float(b), *map(float, speeds)) == pytest.approx((0.0, 3.0, 0.1, 0.2))


def test_light_is_bent_by_snell_and_reflected_by_fresnel():
    angle = np.linspace(0, 1.5, 200)
    beyond, share = simulators.refract(angle, 1.0, 1.5)
    assert np.sin(angle) == pytest.approx(1.5 * np.sin(beyond))
    assert share[0] == pytest.approx(0.04)
    # The same share is reflected of a ray that goes the other way.
    assert simulators.refract(beyond, 1.5, 1.0)[1] == pytest.approx(share)
    inside, all_ = simulators.refract(angle, 1.5, 1.0)
    total = np.sin(angle) > 1 / 1.5
    assert all_[total] == pytest.approx(1.0)
    assert (all_[~total] < 1).all()
    assert inside[total] == pytest.approx(math.pi / 2)
    assert simulators.refract(1.0, 1.3, 1.3)[1] == pytest.approx(0.0)


# --- the world


@pytest.mark.parametrize("scene", SCENES)
def test_rows_are_frames_of_sequences_and_pictures_are_made_of_latents_alone(scene):
    world = small(scene, domains=2)
    data, truth = world.sample(48)
    assert data.x.shape == (48, 3, 32, 32)
    assert data.x.dtype == np.uint8
    assert data["sequence"].tolist() == [s for s in range(8) for _ in range(6)]
    assert data["time"].tolist() == [*range(6)] * 8
    assert np.bincount(data["domain"][::6]).tolist() == [4, 4]
    assert (data["domain"].reshape(8, 6) == data["domain"][::6, None]).all()
    assert (data.split.reshape(8, 6) == data.split[::6, None]).all()
    assert np.array_equal(truth.mixing(truth.latents), data.x)
    assert np.array_equal(truth.mixing(truth.latents[[7]])[0], data.x[7])
    assert truth.names == world.names
    assert (data.x[1:6] != data.x[:5]).any()
    parameters, states = (truth.block(b).reshape(8, 6, -1) for b in ("parameters", "states"))
    assert (parameters == parameters[:, :1]).all()
    assert (np.ptp(states, axis=1) > 1e-3).any(1).mean() > 0.7


def test_the_same_seeds_give_the_same_films_and_sources_bring_them_back():
    world = small("slope", domains=2, graph={"angle": ("gravity",)}, ranges={"gravity": (4.0, 6.0)}, do={"mass": 1.0})
    data, truth = world.sample(24, seed=3)
    source = json.loads(json.dumps(data.source))
    again, _ = Physics(**source["options"]).sample(source["n"], source["seed"])
    assert again.fingerprint() == data.fingerprint()
    assert not np.array_equal(world.sample(24, seed=4)[1].latents, truth.latents)
    assert (truth.latents[:, world.names.index("mass")] == 1.0).all()
    gravity = truth.latents[:, world.names.index("gravity")]
    assert 4.0 <= gravity.min() < gravity.max() <= 6.0


@pytest.mark.parametrize("scene", SCENES)
def test_only_changing_parameters_shift_between_domains(scene):
    world = small(scene, domains=3)
    found, domain = film(world, 6_000), np.arange(6_000) % 3
    for name in world.model.names:
        parts = [found[name][domain == d, 0] for d in range(3)]
        gap = max(ks_2samp(a, b).statistic for a, b in itertools.combinations(parts, 2))
        effects = {c for c, causes in world.model.graph.items() if set(causes) & set(world.model.changing)}
        if name in world.model.changing:
            assert gap > 0.2, name
        elif name not in effects:
            assert gap < 0.07, name
    assert set(world.model.blocks["changing"]) == {world.names.index(n) for n in world.model.changing}


def test_forcing_a_parameter_moves_what_it_acts_on_and_nothing_else():
    plain, forced = film(small()), film(small(do={"gravity": 14.0}))
    for name in ("mass", "restitution", "height_0", "hue"):
        assert np.array_equal(plain[name], forced[name])
    assert (forced["height"][:, 1] < plain["height"][:, 1]).all()
    deeper = film(small(do={"hue": 1.0}))
    assert not np.array_equal(plain["restitution"], deeper["restitution"])
    assert np.array_equal(plain["gravity"], deeper["gravity"])


def test_edges_within_a_frame_and_over_frames_say_what_acts_on_what():
    world = small("spring")
    graph, (lagged,) = world.sample(12)[1].graph, world.lagged
    at = world.names.index
    assert graph[at("mass"), at("stiffness")] == graph[at("damping"), at("speed")] == 1
    assert not graph[:, at("mass")].any()
    assert not graph[at("hue"), at("position")]
    assert lagged[at("speed"), at("position")] == 1
    assert not lagged[: len(world.model.names)].any()
    assert lagged.sum() == 4


@pytest.mark.parametrize("scene", SCENES)
def test_a_parameter_without_an_edge_to_the_states_does_not_move_them(scene):
    options = {"graph": {}, "length": 20}
    world = small(scene, **options)
    base = film(world)
    edges = world.sample(20)[1].graph
    for name in world.model.names:
        value = float(np.median(base[name])) + (0.05 if name != "hue" else 1.0)
        moved = film(small(scene, do={name: value}, **options))
        for state in world.setup.states:
            acts = edges[world.names.index(name), world.names.index(state)] == 1
            through = any(
                edges[world.names.index(name), world.names.index(s)] and s in world.setup.acts[state]
                for s in world.setup.states
            )
            assert np.array_equal(base[state], moved[state]) == (not acts and not through), (name, state)


def test_a_disturbance_makes_the_motion_random_and_keeps_it_lawful():
    for scene in SCENES:
        still, noisy = film(small(scene)), film(small(scene, disturbance=0.5))
        name = SETUPS[scene].speed[0]
        assert np.array_equal(still[name][:, 0], noisy[name][:, 0])
        assert (still[name][:, -1] != noisy[name][:, -1]).mean() > 0.5
    assert film(small("fall", length=40, disturbance=3.0))["height"].min() >= 0
    assert film(small("slope", length=40, disturbance=3.0))["speed"].min() >= 0
    balls = film(small("collision", length=40, disturbance=1.0))
    reach = radius(balls["mass_a"]) + radius(balls["mass_b"])
    assert (balls["place_b"] - balls["place_a"] - reach).min() > -1e-9


def test_frames_have_masks_and_depths():
    world = small("collision")
    _, truth = world.sample(12)
    frames = world.render(truth.latents)
    assert np.array_equal(frames.pictures.numpy(), world.pictures(truth.latents))
    assert set(frames.mask.unique().tolist()) == {0, 1, 2, 3}
    # The ball that stands further to the left is seen further to the left.
    columns = torch.arange(32.0)
    middles = [((frames.mask == k).sum(1) * columns).sum(1) / (frames.mask == k).sum((1, 2)) for k in (2, 3)]
    assert (middles[0] < middles[1]).all()
    assert (frames.depth > 3).all()


def test_things_stay_in_the_picture():
    for scene in ("fall", "spring", "slope", "collision"):
        world = Physics(scene, size=32, length=16)
        _, truth = world.sample(16 * 12)
        frames = world.render(truth.latents)
        last = int(frames.mask.max())
        seen = (frames.mask == last).flatten(1).any(1)
        assert seen.all(), scene


def test_the_description_says_what_holds():
    still, noisy = small().describe(120), small("spring", disturbance=0.2).describe(120)
    assert (still["invertible"].holds, still["fixed parameters"].holds) == (False, True)
    assert "gravity" in still["invertible"].why
    assert (still["noise in every transition"].holds, noisy["noise in every transition"].holds) == (False, True)
    assert still.rows == 120


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scene": "pendulum"}, "unknown scene 'pendulum'"),
        ({"size": 33}, "the picture size must be a multiple of 8 from 16 to 512, not 33"),
        ({"length": 0}, "length must be at least 1, not 0"),
        ({"step": 0.0}, "step must be above 0 and disturbance 0 or more: 0.0, 0.0"),
        ({"do": {"weight": 1.0}}, "unknown parameter 'weight'"),
        ({"changing": ("speed",)}, "unknown factor 'speed'"),
        ({"do": {"mass": -1.0}}, "mass must be above 0, not -1"),
        ({"ranges": {"mass": (0.0, 1.0)}}, "mass must be above 0, not 0 to 1"),
        ({"ranges": {"gravity": (5.0, 5.0)}}, "the range of gravity must go from a smaller to a larger value"),
        ({"ranges": {"hue": (0.0, 1.0)}}, "hue is an angle, whose range is the whole circle"),
        ({"ranges": {"restitution": (0.5, 1.2)}}, "restitution must be 0 or more and at most 1, not 0.5 to 1.2"),
        ({"scene": "refraction", "do": {"index_a": 0.9}}, "index_a must be 1 or more, not 0.9"),
        ({"scene": "slope", "do": {"friction": -0.1}}, "friction must be 0 or more, not -0.1"),
        ({"scene": "slope", "do": {"friction": 0.9}}, "friction up to 0.9 holds the block on a slope of 0.36 radians"),
        ({"scene": "slope", "ranges": {"angle": (0.2, 1.6)}}, "angle must be above 0 and below 1.571, not 0.2 to 1.6"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(InputError) as error:
        Physics(**options)
    assert str(error.value).startswith(message)


def test_bad_calls_are_refused_in_one_sentence():
    with pytest.raises(InputError, match="n must be a multiple of the length 6, with a sequence for each of 1 domain"):
        small().sample(8)
    with pytest.raises(InputError, match="not 6"):
        small(domains=2).sample(6)
    with pytest.raises(InputError, match=r"latents must have shape \(rows, 7\), not \(2, 3\)"):
        small().render(np.zeros((2, 3)))
