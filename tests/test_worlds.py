"""The DomainShift world and the mixings it draws."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstest, spearmanr

from identikit.data import HIDDEN
from identikit.errors import InputError
from identikit.worlds import DomainShift
from identikit.worlds.mixing import Mixing, draw_mixing

SHIFTS = ("moments", "mixture")


def moments(world: DomainShift) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (domains, changing) of a `moments` world, from its affine maps at 0 and at 1."""
    domain = np.arange(world.domains)
    rng = np.random.default_rng(0)
    zeros = np.zeros((world.domains, world.changing))
    mean = world.draw(zeros, domain, rng)[0]
    return mean, world.draw(zeros + 1, domain, rng)[0] - mean


# --- how latents change from domain to domain


def test_moments_of_each_domain_are_those_of_the_world():
    world = DomainShift(domains=5, seed=3)
    data, truth = world.sample(20_000, seed=1)
    mean, deviation = moments(world)
    changing = truth.block("changing")
    for d in range(5):
        rows = changing[data["domain"] == d]
        error = deviation[d] / np.sqrt(len(rows))
        assert (np.abs(rows.mean(0) - mean[d]) < 5 * error).all()
        assert (np.abs(rows.std(0) / deviation[d] - 1) < 5 / np.sqrt(2 * len(rows))).all()


@given(seed=st.integers(0, 10_000), domains=st.integers(2, 30))
def test_moments_stay_in_their_ranges_and_pool_to_mean_0_and_variance_1(seed, domains):
    mean, deviation = moments(DomainShift(domains=domains, seed=seed))
    assert (deviation > 0).all()
    assert (deviation.max(0) / deviation.min(0) <= 10).all()
    # Before the pooling the mean lies in -2..2 and the deviation in 0.2..2.
    assert (np.ptp(mean, 0) <= 4 * deviation.min(0) / 0.2).all()
    np.testing.assert_allclose(mean.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose((deviation**2).mean(0) + mean.var(0), 1, rtol=1e-9)


@pytest.mark.parametrize("shift", SHIFTS)
def test_rows_pool_to_mean_0_and_variance_1(shift):
    _, truth = DomainShift(domains=6, shift=shift, seed=2).sample(60_000, seed=0)
    changing = truth.block("changing")
    assert np.abs(changing.mean(0)).max() < 0.03
    assert np.abs(changing.var(0) - 1).max() < 0.05


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_invariant_block_has_one_distribution_and_the_changing_one_many(shift):
    data, truth = DomainShift(domains=4, shift=shift, seed=1).sample(8_000, seed=0)
    domain = data["domain"]
    for latent in truth.block("invariant").T:
        for d in range(4):
            assert kstest(latent[domain == d], "norm").pvalue > 1e-3
            assert ks_2samp(latent[domain == d], latent[domain != d]).pvalue > 1e-3
    for latent in truth.block("changing").T:
        apart = [ks_2samp(latent[domain == 0], latent[domain == d]).pvalue for d in range(1, 4)]
        assert min(apart) < 1e-30


def test_latents_are_independent_within_a_domain():
    data, truth = DomainShift(domains=2, seed=1).sample(8_000, seed=0)
    for d in range(2):
        correlation = np.corrcoef(truth.latents[data["domain"] == d].T)
        assert np.abs(correlation - np.eye(4)).max() < 0.07


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_world_with_fewer_domains_is_one_with_more_up_to_shift_and_scale(shift):
    few, many = (DomainShift(domains=d, shift=shift, seed=5) for d in (3, 9))
    base, domain = np.random.default_rng(0).normal(size=(300, 2)), np.arange(300) % 3
    first, second = (world.draw(base, domain, np.random.default_rng(1)) for world in (few, many))
    np.testing.assert_allclose(first[1], second[1])
    for a, b in zip(first[0].T, second[0].T, strict=True):
        slope, intercept = np.polyfit(a, b, 1)
        assert slope > 0
        np.testing.assert_allclose(slope * a + intercept, b, atol=1e-9)
        assert abs(slope - 1) > 1e-3


def test_the_mixture_is_an_increasing_map_of_a_standard_normal_in_each_domain():
    world = DomainShift(domains=4, shift="mixture", seed=7)
    domain = np.arange(8_000) % 4
    rng = np.random.default_rng(0)
    value, base = world.draw(rng.normal(size=(8_000, 2)), domain, rng)
    for i in range(2):
        assert kstest(base[:, i], "norm").pvalue > 1e-3
        for d in range(4):
            rows = domain == d
            assert spearmanr(value[rows, i], base[rows, i]).statistic == pytest.approx(1, abs=1e-9)
        assert spearmanr(value[:, i], base[:, i]).statistic < 0.99


def test_a_mixture_is_far_from_normal():
    data, truth = DomainShift(domains=3, shift="mixture", seed=0).sample(6_000, seed=0)
    for d in range(3):
        for latent in truth.block("changing")[data["domain"] == d].T:
            assert kstest((latent - latent.mean()) / latent.std(), "norm").pvalue < 1e-6


# --- mixing


@given(
    seed=st.integers(0, 10_000),
    latents=st.integers(1, 6),
    more=st.integers(0, 5),
    layers=st.integers(1, 4),
    condition=st.floats(1, 5),
)
def test_the_inverse_of_a_mixing_gives_the_latents_back(seed, latents, more, layers, condition):
    rng = np.random.default_rng(seed)
    mixing = draw_mixing(rng, latents, latents + more, layers, condition=condition)
    assert mixing.condition <= condition * (1 + 1e-9)
    z = rng.normal(size=(50, latents))
    np.testing.assert_allclose(mixing.inverse(mixing(z)), z, atol=1e-8)


def test_data_are_the_mixed_latents_and_can_be_unmixed():
    data, truth = DomainShift(seed=4).sample(900, seed=0)
    assert isinstance(truth.mixing, Mixing)
    mixed = truth.mixing(truth.latents)
    np.testing.assert_array_equal(mixed.astype(np.float32), data["x"])
    np.testing.assert_allclose(truth.mixing.inverse(mixed), truth.latents, atol=1e-8)


def test_a_network_bends_and_a_linear_mixing_does_not():
    misfit = {}
    for mixing in ("network", "linear"):
        data, truth = DomainShift(mixing=mixing, seed=1).sample(2_000, seed=0)
        coefficients, *_ = np.linalg.lstsq(truth.latents, data["x"], rcond=None)
        misfit[mixing] = np.abs(truth.latents @ coefficients - data["x"]).max()
    assert misfit["linear"] < 1e-5
    assert misfit["network"] > 0.1


def test_a_mixing_of_ones_own():
    matrix = np.random.default_rng(0).normal(size=(5, 4))
    data, truth = DomainShift(mixing=lambda z: np.tanh(z @ matrix.T)).sample(90, seed=0)
    np.testing.assert_allclose(data["x"], np.tanh(truth.latents @ matrix.T), rtol=1e-5, atol=1e-6)
    assert data.schema.x == (5,)
    assert data.source == {}


# --- labels, seeds, source


def test_labels_are_hidden_in_the_last_domains_alone_and_known_to_the_truth():
    data, truth = DomainShift(domains=5, unlabelled=2).sample(1_000, seed=0)
    hidden = data["domain"] >= 3
    assert (data["y"][hidden] == HIDDEN).all()
    np.testing.assert_array_equal(data["y"][~hidden], truth.labels["y"][~hidden])
    assert set(truth.labels["y"][hidden]) == {0, 1}
    assert truth.labels["y"].mean() == pytest.approx(0.5, abs=0.01)


def test_one_domain_keeps_its_labels():
    data, _ = DomainShift(domains=1).sample(100, seed=0)
    assert (data["y"] != HIDDEN).all()


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_seeds_give_the_same_values_and_others_do_not(shift):
    def sample(world: int, rows: int) -> tuple[str, np.ndarray]:
        data, truth = DomainShift(domains=3, shift=shift, seed=world).sample(90, seed=rows)
        return data.fingerprint(), truth.latents

    first, latents = sample(1, 2)
    again, same = sample(1, 2)
    assert first == again
    np.testing.assert_array_equal(latents, same)
    assert len({first, sample(1, 3)[0], sample(2, 2)[0]}) == 3


def test_the_seed_of_the_rows_leaves_the_world_as_it_is():
    first, second = (DomainShift(seed=1).sample(90, seed=s)[1].mixing for s in (0, 1))
    z = np.ones((1, 4))
    np.testing.assert_array_equal(first(z), second(z))


def test_splits_and_domains_are_even():
    data, truth = DomainShift(domains=4).sample(400, seed=0)
    assert np.bincount(data["domain"]).tolist() == [100] * 4
    for d in range(4):
        assert np.bincount(data.split[data["domain"] == d]).tolist() == [80, 10, 10]
    np.testing.assert_array_equal(data.split, truth.split)


@pytest.mark.parametrize("options", [{}, {"shift": "mixture", "mixing": "linear", "domains": 3, "unlabelled": 2}])
def test_the_source_makes_the_same_data_again(options):
    world = DomainShift(seed=6, **options)
    data, _ = world.sample(180, seed=3)
    note = json.loads(json.dumps(data.source))
    assert note["options"] == asdict(world)
    again, _ = DomainShift(**note["options"]).sample(note["n"], note["seed"])
    assert again.fingerprint() == data.fingerprint()


# --- sentences


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"invariant": 0, "changing": 0}, "a world needs latents: invariant=0, changing=0"),
        ({"invariant": -1}, "a world needs latents: invariant=-1"),
        ({"domains": 0}, "domains is from 1 to 64, not 0"),
        ({"domains": 65}, "domains is from 1 to 64, not 65"),
        ({"domains": 3, "unlabelled": 3}, "unlabelled is from 0 to 2 of 3 domains, not 3"),
        ({"shift": "moment"}, "unknown shift 'moment': did you mean 'moments'"),
        ({"mixing": "networks"}, "unknown mixing 'networks': did you mean 'network'"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
    ],
)
def test_bad_worlds_are_refused(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        DomainShift(**options)


@pytest.mark.parametrize(
    ("options", "n", "seed", "sentence"),
    [
        ({}, 8, 0, "8 rows are fewer than the 9 domains"),
        ({"observed": 3}, 90, 0, r"observed is at least the number of latents \(4\), not 3"),
        ({"layers": 0}, 90, 0, "a mixing has at least one layer and a condition of 1 or more, not 0 and 1.5"),
        ({"condition": 0.5}, 90, 0, "a mixing has at least one layer and a condition of 1 or more, not 3 and 0.5"),
        ({"mixing": lambda z: z[:, 0]}, 90, 0, r"the mixing maps 90 rows to shape \(90,\), and \(90, observed\)"),
        ({"mixing": lambda z: z[:5]}, 90, 0, r"the mixing maps 90 rows to shape \(5, 4\), and \(90, observed\)"),
        ({}, 90, -2, "seed is 0 or more, not -2"),
    ],
)
def test_bad_samples_are_refused(options, n, seed, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        DomainShift(**options).sample(n, seed)


def test_a_mixing_that_is_not_invertible_is_refused_with_its_condition_number():
    flat = Mixing((np.eye(4), np.ones((8, 4))), 0.2)
    with pytest.raises(InputError, match=r"a layer has a condition number of (\d.*e\+\d\d|inf), above 1e\+06"):
        DomainShift(mixing=flat)
    with pytest.raises(InputError, match="its rectifier has slope 0"):
        DomainShift(mixing=Mixing((np.eye(4), np.eye(8)[:, :4]), 0.0))
    DomainShift(mixing=Mixing((np.eye(4), np.linalg.qr(np.random.default_rng(0).normal(size=(8, 4)))[0]), 0.5)).sample(
        90
    )
