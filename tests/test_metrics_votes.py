from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.beta_vae import beta_vae
from identikit.metrics.factor_vae import factor_vae
from identikit.metrics.irs import irs
from identikit.metrics.shared_values import SharedValues


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    """Four independent factors of six equally likely values, and a generator for what is made from them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 6, size=(rows, 4)).astype(float), rng


def rotated(seed: int, rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    s, rng = world(rows, seed)
    return (s - 2.5) @ np.linalg.qr(rng.normal(size=(4, 4)))[0], s


S, RNG = world(3000)
NOISE = RNG.normal(size=(3000, 8))
SMALL = world(400, 1)[0]
EVERY = pytest.mark.parametrize("metric", [irs, factor_vae, beta_vae])


@pytest.mark.parametrize(
    ("code", "robust", "voted"),
    [
        (S, 0.99, 1.00),
        (np.hstack([S, S]), 0.99, 1.00),
        (np.hstack([S, 1e-3 * NOISE]), 0.99, 1.00),
        (np.hstack([S, NOISE]), 0.54, 1.00),
        (NOISE, 0.38, 0.26),
    ],
    ids=["perfect", "duplicated", "tiny noise", "unit noise", "noise"],
)
def test_known_answers_at_3000_rows(code, robust, voted):
    """Within .02, and IRS within .08: the largest deviation of normal noise, which it divides by, grows with the rows.

    The table's IRS of noise is of 20,000 rows, where eight draws gave .51 to .54 and .38 to .41.
    """
    assert irs(code, S, nulls=0).value == pytest.approx(robust, abs=0.08)
    assert factor_vae(code, S, nulls=0).value == pytest.approx(voted, abs=0.02)
    assert beta_vae(code, S, nulls=0).value == pytest.approx(1.0 if voted == 1 else 0.25, abs=0.02)


def test_known_answers_of_noise_at_20000_rows():
    s, rng = world(20_000)
    noise = rng.normal(size=(20_000, 8))
    assert irs(noise, s, nulls=0).value == pytest.approx(0.39, abs=0.03)
    assert irs(np.hstack([s, noise]), s, nulls=0).value == pytest.approx(0.53, abs=0.03)


def test_most_rotations_get_high_marks():
    """The table has one draw: FactorVAE 1.00, IRS .59. Twelve draws gave .49 to 1 (mean .89), and .39 to .64."""
    votes, robust, pairs = [], [], []
    for seed in range(4):
        code, s = rotated(seed)
        votes.append(factor_vae(code, s, nulls=0).value)
        robust.append(irs(code, s, nulls=0).value)
        pairs.append(beta_vae(code, s, nulls=0).value)
    assert max(votes) > 0.99
    assert np.mean(votes) > 0.75
    assert 0.3 < min(robust) < max(robust) < 0.7
    assert min(pairs) > 0.75


def test_irs_by_its_definition():
    rng = np.random.default_rng(0)
    s = rng.integers(0, 3, size=(200, 2))
    z = s @ [[1.0, 0.3], [0.2, -2.0]] + 0.2 * rng.normal(size=(200, 2))
    most = np.abs(z - z.mean(0)).max(0)
    moved = np.zeros((2, 2))
    for i in range(2):
        for v in range(3):
            group = z[s[:, i] == v]
            moved[i] += np.percentile(np.abs(group - group.mean(0)), 99, axis=0) / 3
    best = (1 - moved / most).max(0)
    found = irs(z, s, kinds="discrete", nulls=0)
    assert found.value == pytest.approx(best @ most / most.sum())
    assert list(found.parts.values()) == pytest.approx(best.tolist())
    assert found.settings["parents"] == {"code 0": "factor 0", "code 1": "factor 1"}
    assert irs(z, s, quantile=1.0, nulls=0).value < found.value


def test_factor_vae_by_a_plain_loop():
    """Batches drawn one vote at a time, with the same rule: the two shares differ by the noise of the draws alone."""
    code, s = rotated(0)
    rng = np.random.default_rng(5)
    rows = {(i, v): np.flatnonzero(s[:, i] == v) for i in range(4) for v in range(6)}
    spread = code.var(0, ddof=1)
    votes = np.zeros((2, 4, 4))
    for vote in range(6000):
        factor = int(rng.integers(4))
        batch = rng.choice(rows[factor, int(s[rng.integers(3000), factor])], 64)
        votes[vote % 2, factor, (code[batch].var(0, ddof=1) / spread).argmin()] += 1
    share = votes[1][votes[0].argmax(0), np.arange(4)].sum() / votes[1].sum()
    assert factor_vae(code, s, nulls=0).value == pytest.approx(share, abs=0.03)
    assert 0.5 < share < 0.95


@EVERY
def test_nulls_and_repeats(metric):
    code = SMALL + 0.1 * RNG.normal(size=(400, 4))
    found = metric(code, SMALL, kinds="discrete", nulls=1)
    assert list(found.nulls) == ["permuted rows", "random rotation"]
    assert found.value > found.nulls["permuted rows"].high + 0.3
    assert found == metric(torch.tensor(code), torch.tensor(SMALL), kinds="discrete", nulls=1)
    assert metric(NOISE[:400], SMALL, nulls=0).value < 0.6
    if metric is not irs:
        assert found.nulls["permuted rows"].mean == pytest.approx(0.25, abs=0.08)


@EVERY
def test_order_sign_and_dead_codes_do_not_matter(metric):
    code = np.hstack([SMALL + 0.5 * RNG.normal(size=(400, 4)), np.full((400, 1), 0.1)])
    found, moved = metric(code, SMALL, nulls=0), metric(-code[:, [4, 2, 0, 3, 1]], SMALL, nulls=0)
    assert moved.value == pytest.approx(found.value, abs=0.01)
    assert metric(code[:, :4], SMALL, nulls=0).value == pytest.approx(found.value, abs=0.01)
    constant = metric(np.ones((400, 3)), SMALL, nulls=1)
    assert constant.value == pytest.approx(0.25 if metric is beta_vae else 0.0, abs=0.03)


def test_what_the_scale_of_a_code_decides():
    code = np.hstack([SMALL, NOISE[:400, :1]])
    assert irs(code * [1, 1, 1, 1, 1e-6], SMALL, nulls=0).value > 0.99 > 0.95 > irs(code, SMALL, nulls=0).value
    assert factor_vae(0.01 * code, SMALL, nulls=0).value == 0
    assert factor_vae(0.01 * code, SMALL, prune=0.0, nulls=0).value > 0.99
    assert beta_vae(1e-9 * code, SMALL, nulls=0).value > 0.99


@EVERY
def test_kinds_are_grouped_by_their_kind(metric):
    angle, number = RNG.uniform(0, 2 * np.pi, 600), RNG.normal(size=600)
    category = RNG.integers(0, 3, 600)
    latents = np.stack([angle, number, category], axis=1)
    truth = Truth(latents, ("angle", "number", "category"), ("circular", "continuous", "discrete"))
    code = np.stack([np.cos(angle), np.sin(angle), number, category], axis=1)
    found = metric(code, truth, bins=10, nulls=1)
    assert found.value > (0.7 if metric is irs else 0.95)
    assert found.settings["kinds"] == ["circular", "continuous", "discrete"]


@EVERY
def test_more_codes_than_rows_and_few_codes(metric):
    s = np.tile(np.arange(2.0), (3, 8)).T[:, :2] * [1, 1]
    s[:, 1] = np.repeat([0, 1], 8)
    wide = metric(np.random.default_rng(0).normal(size=(16, 40)), s, kinds="discrete", nulls=1)
    assert 0 <= wide.value <= 1
    assert 0 <= metric(SMALL[:, 0], SMALL, nulls=1).value <= 1


@EVERY
def test_bad_input_is_refused_in_one_sentence(metric):
    rare = SMALL.copy()
    rare[:3, 1] = 9
    with pytest.raises(InputError, match=r"one value of 'factor 1' is shared by 3 rows: leave such rows out"):
        metric(SMALL, rare, kinds="discrete")
    with pytest.raises(InputError, match="shared by 4 rows: take fewer bins than 90"):
        metric(SMALL, NOISE[:400, :2], bins=90)
    with pytest.raises(InputError, match="at least 2 bins"):
        metric(SMALL, SMALL, bins=1)
    with pytest.raises(InputError, match="400 rows and the truth has 100"):
        metric(SMALL, SMALL[:100])
    with pytest.raises(InputError, match="column 1 of the estimate holds 1 NaN"):
        metric(np.where(np.arange(1600).reshape(400, 4) == 1, np.nan, SMALL), SMALL)


def test_one_factor_is_refused_where_it_means_nothing():
    with pytest.raises(InputError, match="at least two, and there is one"):
        beta_vae(SMALL, SMALL[:, 0])
    with pytest.raises(InputError, match="at least two, and there is one"):
        factor_vae(SMALL, SMALL[:, 0])
    assert irs(SMALL[:, 0], SMALL[:, 0]).value == pytest.approx(1)
    with pytest.raises(InputError, match=r"quantile is a share of the rows, above 0 and at most 1, and it is 99"):
        irs(SMALL, SMALL, quantile=99)


@given(seed=st.integers(0, 10_000), rows=st.integers(12, 80), values=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_drawn_rows_share_the_value_and_a_partner_is_another_row(seed, rows, values):
    rng = np.random.default_rng(seed)
    labels = np.stack([np.arange(rows) % values, np.arange(rows) % 2], axis=1)[rng.permutation(rows)]
    shared = SharedValues.of(labels)
    factor, row = rng.integers(0, 2, 50), rng.integers(0, rows, 50)
    drawn = shared.draw(factor, row, 7, rng)
    assert (labels[drawn, factor[:, None]] == labels[row, factor][:, None]).all()
    other = shared.partner(factor, row, rng)
    assert (labels[other, factor] == labels[row, factor]).all()
    assert (other != row).all()
    everyone = np.unique(shared.draw(np.zeros(2000, int), np.zeros(2000, int), 3, rng))
    assert everyone.tolist() == np.flatnonzero(labels[:, 0] == labels[0, 0]).tolist()
