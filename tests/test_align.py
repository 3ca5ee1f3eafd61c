"""Values made alike in every domain, cluster by cluster, learned from the training rows alone."""

import numpy as np
import pytest

from identikit import Dataset
from identikit.datasets import from_arrays
from identikit.datasets.align import align_by_domain
from identikit.errors import InputError
from identikit.metrics import domain_probe, retrieval

THINGS, DOMAINS, SIZE = 400, 3, 6


@pytest.fixture(scope="module")
def drawn():
    """Things of 8 kinds, each seen in three domains that turn, stretch and shift the kinds in their own ways."""
    rng = np.random.default_rng(0)
    kind = rng.integers(8, size=THINGS)
    things = 4 * rng.normal(size=(8, SIZE))[kind] + rng.normal(size=(THINGS, SIZE))
    shifts = 1.2 * rng.normal(size=(DOMAINS, 8, SIZE))
    maps = np.eye(SIZE) + 0.15 * rng.normal(size=(DOMAINS, SIZE, SIZE))
    x = np.concatenate([(things + shifts[d, kind]) @ maps[d] for d in range(DOMAINS)])
    split = np.tile((np.arange(THINGS) >= 300).astype(np.int8), DOMAINS)
    domain = np.repeat(np.arange(DOMAINS), THINGS)
    thing = np.tile(np.arange(THINGS), DOMAINS)
    return Dataset(x, {"domain": domain}, {"domain": ("a", "b", "c")}, split), x, thing


def aligned(data, x, **options):
    return align_by_domain(x, data, **{"size": SIZE, "clusters": 20, **options})


def test_domains_are_alike_and_things_are_still_found(drawn):
    data, x, thing = drawn
    centred = np.concatenate([x[data["domain"] == d] - x[data["domain"] == d].mean(0) for d in range(DOMAINS)])
    found = aligned(data, x)
    told = [
        domain_probe(codes, data["domain"], probe="nearest", together=thing, nulls=0).value
        for codes in (centred, found)
    ]
    assert told[0] > 0.7
    assert told[1] < 0.45
    recalls = [
        retrieval(codes, thing, data["domain"], queries=data.split > 0, nulls=0).value for codes in (centred, found)
    ]
    assert recalls[1] > 2 * recalls[0]


def test_each_domain_of_the_training_rows_has_covariance_one_before_the_clusters(drawn):
    data, x, _ = drawn
    found = aligned(data, 5 * x + 3, clusters=1)
    # One cluster has nothing to move once the means agree.
    for d in range(DOMAINS):
        rows = found[(data["domain"] == d) & (data.split == 0)]
        np.testing.assert_allclose(rows.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(np.cov(rows.T), np.eye(SIZE), atol=0.25)
        assert np.cov(rows.T).trace() == pytest.approx(SIZE, rel=0.1)


def test_nothing_is_learned_from_other_rows(drawn):
    data, x, _ = drawn
    train = data.split == 0
    other = np.where(train[:, None], x, np.random.default_rng(1).normal(size=x.shape))
    found = aligned(data, x)
    assert found.shape == (data.rows, SIZE)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[train], aligned(data, other)[train])
    np.testing.assert_array_equal(found, aligned(data, x))


def test_one_domain_is_whitened_and_stays():
    x = np.random.default_rng(0).normal(size=(100, 3)) @ [[1, 2, 0], [0, 1, 0], [0, 0, 5.0]]
    found = align_by_domain(x, from_arrays(x=x, domain=["a"] * 100), size=2, clusters=5)
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 7}, "size is from 1 to 6"),
        ({"clusters": 0}, "clusters is from 1 to 900"),
    ],
)
def test_bad_options_are_refused(drawn, options, message):
    data, x, _ = drawn
    with pytest.raises(InputError, match=message):
        aligned(data, x, **options)


@pytest.mark.parametrize("values", [np.zeros((3, SIZE)), np.full((1200, SIZE), np.nan)])
def test_bad_values_are_refused(drawn, values):
    message = "NaN or infinite" if len(values) == 1200 else r"of shape \(3, 6\), and the data has 1200 rows"
    with pytest.raises(InputError, match=message):
        aligned(drawn[0], values)


def test_domains_that_cannot_be_aligned_are_refused(drawn):
    data, x, _ = drawn
    third = data["domain"] == 2
    for other, message in (
        (Dataset(x, {}, {}, data.split), "no field 'domain'"),
        (data.hide("domain", third), "some are hidden"),
        (Dataset(x, {"domain": data["domain"]}, data.names, np.where(third, 1, data.split)), "and one has 0"),
    ):
        with pytest.raises(InputError, match=message):
            aligned(other, x)
