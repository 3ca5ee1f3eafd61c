"""Worlds of time: transitions, regimes, what is unseen, wells and shots."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstest, laplace, norm

from identikit.errors import InputError
from identikit.splits import SPLITS
from identikit.worlds.actions import Actions
from identikit.worlds.langevin import SENSORS, Langevin
from identikit.worlds.markov import intimate_neighbours, markov_network
from identikit.worlds.mixing import Mixing
from identikit.worlds.temporal import Temporal
from identikit.worlds.temporal_theory import variability
from identikit.worlds.tokamak import Tokamak
from identikit.worlds.transitions import BURN_IN, simulate

WORLDS = (
    Temporal(length=5, seed=1),
    Temporal(length=5, lags=2, regimes=3, instantaneous=0.4, noise="laplace", seed=2),
    Temporal(length=5, regimes=2, hidden=True, unseen=1, mixing="linear"),
    Actions(length=5, seed=1),
    Actions(length=5, continuous=True, actions=2),
    Langevin(length=5, steps=3, seed=1),
    Tokamak(length=5, seed=1),
)


def innovations(world: Temporal, latents: np.ndarray, regime: np.ndarray | None = None):
    """Noise (points, latents) that the transition asks for, with the past (points, lags, latents) it came from."""
    z = latents.reshape(-1, world.length, world.latents)
    past = np.stack([z[:, world.lags - 1 - k : world.length - 1 - k] for k in range(world.lags)], axis=2)
    past, now = past.reshape(-1, world.lags, world.latents), z[:, world.lags :].reshape(-1, world.latents)
    code = np.zeros(len(now), int) if regime is None else regime.reshape(-1, world.length)[:, world.lags :].ravel()
    noise = np.empty_like(now)
    for u, transition in enumerate(world.transitions):
        mean, deviation = transition.moments(past[code == u], now[code == u])
        noise[code == u] = (now[code == u] - mean) / deviation
    return noise, past


# --- what all of them share


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_the_same_seeds_give_the_same_values_and_the_source_makes_them_again(world):
    data, truth = world.sample(100, seed=3)
    note = json.loads(json.dumps(data.source))
    again, same = type(world)(**note["options"]).sample(note["n"], note["seed"])
    assert again.fingerprint() == data.fingerprint()
    np.testing.assert_array_equal(same.latents, truth.latents)
    assert world.sample(100, seed=4)[0].fingerprint() != data.fingerprint()
    other = type(world)(**{**asdict(world), "seed": world.seed + 1})
    assert other.sample(100, seed=3)[0].fingerprint() != data.fingerprint()


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_rows_are_ordered_by_sequence_and_time_and_no_split_cuts_a_sequence(world):
    data, truth = world.sample(200, seed=0)
    assert data["sequence"].tolist() == np.repeat(np.arange(40), 5).tolist()
    assert data["time"].tolist() == list(range(5)) * 40
    assert data["sequence"].dtype == data["time"].dtype == np.float32
    assert (data.split.reshape(40, 5) == data.split[::5, None]).all()
    assert [len(data.index(name)) for name in SPLITS] == [160, 20, 20]
    np.testing.assert_array_equal(truth.split, data.split)


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_rows_that_are_no_whole_sequences_are_refused(world):
    for n in (0, 7):
        with pytest.raises(InputError, match=f"^n is a multiple of the length of a sequence \\(5\\), not {n}$"):
            world.sample(n)


@pytest.mark.parametrize("world", WORLDS, ids=lambda w: type(w).__name__)
def test_the_mixing_gives_the_observations(world):
    data, truth = world.sample(1_000, seed=0)
    error = np.abs(truth.mixing(truth.latents) - data["x"])
    noise = getattr(world, "noise", 0)
    if isinstance(noise, float):
        assert error.std() == pytest.approx(noise * np.sqrt(1 - 2 / np.pi), rel=0.05)
    else:
        assert error.max() < 1e-5


def test_a_description_looks_at_whole_sequences_and_enough_of_them():
    assert Temporal(length=30).describe().rows == 3_000
    assert Temporal(length=30).describe(n=100).rows == 120


# --- transitions


@pytest.mark.parametrize("options", [{}, {"lags": 2, "edges": 0.4, "instantaneous": 0.5}])
def test_edges_are_planted_and_nothing_else_is(options):
    world = Temporal(latents=5, seed=3, **options)
    rng = np.random.default_rng(0)
    past, now = rng.normal(size=(50, world.lags, 5)), rng.normal(size=(50, 5))
    base = np.stack(world.transitions[0].moments(past, now))
    for k, i in np.ndindex(world.lags, 5):
        moved = past.copy()
        moved[:, k, i] += 1
        reached = np.abs(np.stack(world.transitions[0].moments(moved, now)) - base).max((0, 1)) > 1e-9
        np.testing.assert_array_equal(reached, world.lagged[k, i] == 1)
    for i in range(5):
        moved = now.copy()
        moved[:, i] += 1
        reached = np.abs(world.transitions[0].moments(past, moved)[0] - base[0]).max(0) > 1e-9
        np.testing.assert_array_equal(reached, world.graph[i] == 1)


def test_the_number_of_edges_follows_its_probability():
    for edges in (0.0, 0.3, 1.0):
        worlds = [Temporal(latents=6, edges=edges, instantaneous=edges, seed=s) for s in range(30)]
        others = ~np.eye(6, dtype=bool)
        assert np.mean([w.lagged[0][others].mean() for w in worlds]) == pytest.approx(edges, abs=0.05)
        assert np.mean([w.graph.sum() / 15 for w in worlds]) == pytest.approx(edges, abs=0.07)
        assert all((np.diag(w.lagged[0]) == 1).all() and not np.tril(w.graph).any() for w in worlds)


@pytest.mark.parametrize(
    ("noise", "law"),
    [("normal", norm.cdf), ("laplace", laplace(scale=np.sqrt(0.5)).cdf)],
)
def test_what_the_transition_leaves_is_independent_noise(noise, law):
    world = Temporal(latents=3, lags=2, noise=noise, regimes=2, instantaneous=0.5, length=10, seed=4)
    _, truth = world.sample(10_000, seed=0)
    left, past = innovations(world, truth.latents, truth.labels["regime"])
    for column in left.T:
        assert kstest(column, law).pvalue > 1e-3
    bound = 4.5 / np.sqrt(len(left))
    assert np.abs(np.corrcoef(left.T) - np.eye(3)).max() < bound
    before = past.reshape(len(past), -1)
    for values in (left, np.abs(left)):
        assert np.abs(np.corrcoef(values.T, np.abs(before).T)[:3, 3:]).max() < bound
        assert np.abs(np.corrcoef(values.T, before.T)[:3, 3:]).max() < bound


def test_modulation_moves_the_deviation_within_its_bounds_and_0_leaves_it():
    past, now = np.random.default_rng(0).normal(size=(500, 1, 4)), np.zeros((500, 4))
    _, still = Temporal(modulation=0).transitions[0].moments(past, now)
    _, moving = Temporal(modulation=0.5).transitions[0].moments(past, now)
    assert (np.ptp(still, axis=0) == 0).all()
    ratio = moving / still
    assert np.abs(np.log(ratio)).max() <= 0.5
    assert (np.ptp(np.log(ratio), axis=0) > 0.2).all()


@given(
    seed=st.integers(0, 1_000),
    lags=st.integers(1, 3),
    edges=st.floats(0, 1),
    modulation=st.floats(0, 1),
    regimes=st.integers(1, 3),
)
def test_nothing_blows_up_and_the_start_is_forgotten(seed, lags, edges, modulation, regimes):
    world = Temporal(latents=3, lags=lags, edges=edges, modulation=modulation, regimes=regimes, seed=seed)
    rng = np.random.default_rng(0)
    steps = BURN_IN + 20
    noise, regime = rng.normal(size=(steps, 100, 3)), rng.integers(regimes, size=(steps, 100))
    far, near = (
        simulate(world.transitions, regime, noise, scale * rng.normal(size=(100, lags, 3))) for scale in (5, 0.1)
    )
    assert np.abs(far).max() < 30
    assert np.median(np.abs(far[-1] - near[-1])) < 1e-2


def test_the_first_time_point_is_distributed_like_the_last():
    _, truth = Temporal(length=30, lags=2, seed=5).sample(60_000, seed=0)
    z = truth.latents.reshape(2_000, 30, 4)
    for i in range(4):
        assert ks_2samp(z[:, 0, i], z[:, -1, i]).pvalue > 1e-3


# --- assumptions


def test_sufficient_variability_holds_with_modulated_noise_and_breaks_without():
    assert Temporal(modulation=0.5).describe()["sufficient variability"].holds is True
    broken = Temporal(modulation=0).describe()["sufficient variability"]
    assert broken.holds is False
    assert "4 of the 8 functions" in broken.why
    # Deviations that differ between regimes add one dimension for each regime but the first.
    for regimes, rank in ((3, 6), (5, 8)):
        told = Temporal(modulation=0, edges=0, regimes=regimes).describe()["sufficient variability"]
        assert f"{rank} of the 8 functions" in told.why
        assert told.holds == (rank == 8)
    assert Temporal(noise="laplace").describe()["sufficient variability"].holds is None


def test_the_functions_of_variability_are_the_derivatives_of_the_log_density():
    world = Temporal(latents=2, lags=2, edges=1.0, regimes=2, seed=1)
    rng = np.random.default_rng(0)
    past, present, step = rng.normal(size=(1, 2, 2)), rng.normal(size=2), 1e-3

    def log_densities(u: int, p: np.ndarray) -> list[np.ndarray]:
        # Without instantaneous edges, a shift of all latents at once gives each latent's own derivative.
        mean, deviation = (v[0] for v in world.transitions[u].moments(p, present[None]))
        around = (present - step, present, present + step)
        return [-0.5 * ((z - mean) / deviation) ** 2 - np.log(deviation) for z in around]

    def derivatives(u: int, p: np.ndarray) -> np.ndarray:
        low, middle, high = log_densities(u, p)
        return np.concatenate([(high - 2 * middle + low) / step**2, (high - low) / (2 * step)])

    wanted = []
    for u, k, i in np.ndindex(2, 2, 2):
        moved = np.zeros_like(past)
        moved[0, k, i] = step
        wanted.append((derivatives(u, past + moved) - derivatives(u, past - moved)) / (2 * step))
    wanted.append(derivatives(1, past) - derivatives(0, past))
    np.testing.assert_allclose(variability(world.transitions, past, present), np.transpose(wanted), atol=1e-4)


def test_instantaneous_edges_break_conditional_independence_and_0_keeps_it():
    assert Temporal().describe()["conditionally independent"].holds is True
    world = Temporal(latents=3, instantaneous=1.0, modulation=0, length=10, seed=2)
    assert world.describe()["conditionally independent"].holds is False
    _, truth = world.sample(20_000, seed=0)
    z = truth.latents.reshape(-1, 10, 3)
    past, now = z[:, :-1].reshape(-1, 3), z[:, 1:].reshape(-1, 3)
    near = np.abs(past - np.median(past, axis=0)).max(1) < 0.4
    correlation = np.corrcoef(now[near].T)
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() > 0.1


def test_independence_is_judged_at_one_time():
    assert Temporal(edges=0, length=10).describe(n=4_000)["independent latents"].holds is True
    tied = Temporal(edges=1, latents=3, length=10).describe(n=4_000)["independent latents"]
    assert tied.holds is False
    assert "edges tie the latents" in tied.why


def test_permutation_contrastive_sources_are_independent_laplace_autoregressions():
    world = Temporal(edges=0, noise="laplace", modulation=0, length=10, seed=3)
    _, truth = world.sample(20_000, seed=0)
    assert (world.lagged[0] == np.eye(4)).all()
    z = truth.latents.reshape(-1, 10, 4)
    pairs = np.concatenate([z[:, 4], z[:, 5]], axis=1)
    correlation = np.abs(np.corrcoef(pairs.T))
    # A real pair of neighbours is tied within each source, and nothing else is.
    np.testing.assert_array_equal(correlation > 0.1, np.eye(8) + np.eye(8, k=4) + np.eye(8, k=-4) > 0)
    told = world.describe()
    assert told["non-normal innovations"].holds is True
    assert told["independent latents"].holds is True


def test_markov_networks_marry_parents_and_condition_on_what_came_before():
    # 0 -> 1 within a time point; each also follows from itself.
    network = markov_network(np.eye(2)[None], np.array([[0, 1], [0, 0]]))
    wanted = np.zeros((4, 4), dtype=bool)
    # Nodes: past 0, past 1, present 0, present 1. Present 1 has the parents past 1 and present 0.
    for a, b in ((0, 1), (0, 2), (1, 3), (2, 3), (1, 2)):
        wanted[a, b] = wanted[b, a] = True
    np.testing.assert_array_equal(network, wanted)


def test_intimate_neighbours_of_a_chain_are_those_of_its_ends():
    chain = np.eye(4, k=1, dtype=bool) | np.eye(4, k=-1, dtype=bool)
    assert np.argwhere(intimate_neighbours(chain)).tolist() == [[0, 1], [3, 2]]
    full = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(intimate_neighbours(full), full)


def test_dense_instantaneous_edges_leave_intimate_neighbours_and_a_sparse_chain_does_not():
    assert Temporal(edges=1, instantaneous=1).describe()["no intimate neighbours"].holds is False
    sparse = next(
        w for w in (Temporal(latents=3, edges=0, instantaneous=0.5, seed=s) for s in range(50)) if w.graph.sum() == 1
    )
    assert sparse.describe()["no intimate neighbours"].holds is True


# --- regimes


def test_regimes_follow_their_chain_and_have_transitions_of_their_own():
    world = Temporal(regimes=3, switching=0.3, length=20, seed=1)
    data, truth = world.sample(20_000, seed=0)
    np.testing.assert_array_equal(data["regime"], truth.labels["regime"])
    codes = data["regime"].reshape(-1, 20)
    counts = np.zeros((3, 3))
    np.add.at(counts, (codes[:, :-1], codes[:, 1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), world.chain, atol=0.02)
    past, now = np.random.default_rng(0).normal(size=(100, 1, 4)), np.zeros((100, 4))
    means = [t.moments(past, now)[0] for t in world.transitions]
    assert min(np.abs(means[a] - means[b]).std(0).min() for a, b in ((0, 1), (0, 2), (1, 2))) > 1e-3
    assert world.describe()["regimes switch"].holds is True


def test_without_switching_a_sequence_keeps_its_regime_and_all_regimes_are_as_frequent():
    world = Temporal(regimes=4, switching=0, length=5)
    data, _ = world.sample(400, seed=0)
    assert (data["regime"].reshape(-1, 5) == data["regime"][::5, None]).all()
    assert np.bincount(data["regime"]).tolist() == [100] * 4
    assert world.describe()["regimes switch"].holds is False


def test_a_chain_that_forgets_its_regime_is_told():
    assert Temporal(regimes=2, switching=0.5).describe()["regimes switch"].holds is False


def test_hidden_regimes_are_in_the_truth_alone():
    data, truth = Temporal(regimes=2, hidden=True).sample(200, seed=0)
    assert "regime" not in data
    assert "regime" not in data.names
    assert set(truth.labels["regime"]) == {0, 1}


# --- what is unseen


def test_unseen_latents_leave_no_trace_in_x_and_follow_from_the_x_before():
    world = Temporal(latents=4, unseen=2, length=10, seed=2)
    data, truth = world.sample(2_000, seed=0)
    assert truth.blocks == {"seen": (0, 1), "unseen": (2, 3)}
    moved = truth.latents.copy()
    moved[:, 2:] += 1
    np.testing.assert_array_equal(truth.mixing(moved), truth.mixing(truth.latents))
    assert isinstance(truth.mixing.mixing, Mixing)
    np.testing.assert_allclose(truth.mixing.inverse(data["x"]), truth.block("seen"), atol=1e-4)
    assert (truth.block("unseen").std(0) > 0.02).all()
    told = world.describe()
    assert told["invertible"].holds is False
    assert told["recoverable from history"].holds is True
    assert told["recoverable from history"].measured


@pytest.mark.parametrize("seed", range(5))
def test_recoverable_latents_listen_to_seen_ones_one_step_ago(seed):
    world = Temporal(latents=5, unseen=2, lags=2, edges=0.5, instantaneous=0.5, seed=seed)
    assert not world.lagged[1, :, 3:].any()
    assert not world.lagged[0, 3:, 3:].any()
    assert not world.graph[:, 3:].any()
    assert (world.lagged[0, :3, 3:].sum(0) >= 1).all()


def test_noise_in_unseen_latents_breaks_recovery():
    world = Temporal(latents=4, unseen=1, recoverable=False, length=10)
    _, truth = world.sample(5_000, seed=0)
    left, _ = innovations(world, truth.latents)
    assert left[:, 3].std() == pytest.approx(1, abs=0.1)
    assert world.describe()["recoverable from history"].holds is False


# --- wells


@pytest.mark.parametrize("coupled", [True, False])
def test_the_force_is_minus_the_slope_of_the_energy(coupled):
    world, step = Langevin(coupled=coupled), 1e-5
    positions = np.random.default_rng(0).uniform(-1.5, 2, size=(200, 6))
    force = world.force(positions.T.copy()).T
    for i in range(6):
        shift = step * np.eye(6)[i]
        slope = (world.energy(positions + shift) - world.energy(positions - shift)) / (2 * step)
        inside = np.ones(200, bool) if i not in (1, 2, 3) else np.abs(positions[:, i] - (0.05, 0.1)[i < 3]) > 1e-4
        np.testing.assert_allclose(force[inside, i], -slope[inside], atol=1e-5)


def test_coordinates_settle_into_boltzmann_distributions():
    world = Langevin(length=40, steps=50, seed=0)
    _, truth = world.sample(40_000, seed=0)
    grid = np.linspace(-3, 3, 1201)
    for i in (4, 5):
        at = np.zeros((len(grid), 6))
        at[:, i] = grid
        density = np.exp(-(world.energy(at) - world.energy(at).min()) / world.temperature)
        share = np.cumsum(density) / density.sum()
        late = truth.latents[:, i].reshape(-1, 40)[:, 20:]
        found = np.array([(late <= g).mean() for g in grid[::50]])
        assert np.abs(found - share[::50]).max() < 0.04
    assert np.ptp(truth.latents, 0).max() < 8


def test_the_drivers_differ_between_the_wells_of_x_and_only_where_they_are_coupled():
    data, truth = Langevin(length=50).sample(20_000, seed=1)
    assert sorted(set(data["regime"].tolist())) == [-1, 0, 1]
    known = data["regime"] >= 0
    assert (np.abs(truth.latents[known, 0]) > 0.1).all()
    np.testing.assert_array_equal(data["regime"][known], truth.labels["regime"][known])
    left, right = (truth.latents[data["regime"] == code].mean(0) for code in (0, 1))
    assert left[1] - right[1] > 0.3
    assert right[2] - left[2] > 0.3
    _, free = Langevin(length=50, coupled=False).sample(20_000, seed=1)
    left, right = (free.latents[free.latents[:, 0] * sign > 0.1].mean(0) for sign in (-1, 1))
    assert np.abs(left[1:4] - right[1:4]).max() < 0.15
    assert not (Langevin(coupled=False).lagged[0] - np.eye(6)).any()


def test_sensors_see_what_their_support_says_and_three_see_nothing():
    world = Langevin(length=5, seed=3)
    z = np.random.default_rng(0).normal(size=(50, 6))
    base = world.sense(z)
    for i in range(6):
        moved = z.copy()
        moved[:, i] += 0.7
        reached = np.abs(world.sense(moved) - base).max(0) > 1e-9
        assert np.flatnonzero(reached).tolist() == sorted(SENSORS[i])
        np.testing.assert_array_equal(reached, world.support[:, i] == 1)
    data, _ = world.sample(2_000, seed=0)
    assert np.allclose(data["x"][:, 27:].std(0), 0.05, rtol=0.1)


def test_interaction_breaks_additivity_in_the_shared_sensors_alone():
    z = np.random.default_rng(0).normal(size=(50, 6))
    apart = np.abs(Langevin(interaction=1.0).sense(z) - Langevin().sense(z)).max(0) > 1e-9
    assert np.flatnonzero(apart).tolist() == [4, 8, 21]
    assert Langevin(interaction=1.0, length=20, steps=5).describe()["additive decoder"].holds is False


# --- shots


def test_sources_are_slow_and_rise_in_every_other_shot():
    data, truth = Tokamak(length=100).sample(80_000, seed=0)
    z = truth.latents.reshape(-1, 100, 4)
    for i in range(4):
        before, after = z[::2, :-1, i].ravel(), z[::2, 1:, i].ravel()
        assert np.polyfit(before, after, 1)[0] == pytest.approx(0.95, abs=0.01)
    last = z[1::2, -1].mean(0)
    np.testing.assert_allclose(last, [3.0, 1.6, 0, 0], atol=5 * 0.96 / 20)
    regime = data["regime"].reshape(-1, 100)
    assert not regime[::2].any()
    assert (regime[1::2] == (np.arange(100) >= 50)).all()


def test_modules_are_apart_without_a_leak_and_the_rise_can_be_left_out():
    world = Tokamak(seed=2)
    assert world.support.sum(0).tolist() == [3, 2, 3, 4]
    assert (world.support.sum(1) == 1).all()
    assert Tokamak(leak=0.3).support.all()
    assert Tokamak(leak=0.3, length=20).describe()["structural sparsity"].holds is False
    assert Tokamak().describe()["drivers differ most"].holds is True
    assert Tokamak(ramp=0).describe()["drivers differ most"].holds is False


# --- sentences


@pytest.mark.parametrize(
    ("world", "options", "sentence"),
    [
        (Temporal, {"length": 1}, "length is at least 2 time points, not 1"),
        (Temporal, {"latents": 0}, "latents is 1 or more, not 0"),
        (Temporal, {"lags": 0}, "lags is 1 or more, not 0"),
        (Temporal, {"edges": 1.5}, "edges is a probability from 0 to 1, not 1.5"),
        (Temporal, {"instantaneous": -0.1}, "instantaneous is a probability from 0 to 1, not -0.1"),
        (Temporal, {"modulation": -1}, "modulation is 0 or more, not -1"),
        (Temporal, {"unseen": 4}, "unseen leaves at least one of 4 latents to be seen, and it is 4"),
        (Temporal, {"hidden": True}, "hidden=True hides the regime, and there is only one"),
        (Temporal, {"noise": "gauss"}, "unknown noise 'gauss'"),
        (Temporal, {"mixing": "net"}, "unknown mixing 'net': did you mean 'network'"),
        (Temporal, {"observed": 3}, r"observed is at least the number of latents \(4\), not 3"),
        (Temporal, {"seed": -1}, "seed is 0 or more, not -1"),
        (Actions, {"actions": 1}, "actions is 2 or more, not 1"),
        (Actions, {"actions": 0, "continuous": True}, "actions is 1 or more, not 0"),
        (Actions, {"touches": 5}, r"touches is from 1 to the number of latents \(4\), not 5"),
        (Actions, {"edges": 2}, "edges is a probability from 0 to 1, not 2"),
        (Langevin, {"steps": 0}, "steps is 1 or more, not 0"),
        (Langevin, {"temperature": 0}, "temperature is above 0, not 0"),
        (Langevin, {"noise": 0}, "noise is above 0, not 0"),
        (Tokamak, {"leak": -1}, "leak is 0 or more, not -1"),
        (Tokamak, {"length": 1}, "length is at least 2 time points, not 1"),
    ],
)
def test_bad_worlds_are_refused(world, options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        world(**options)
