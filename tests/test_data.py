import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identikit.data import HIDDEN, Dataset, Schema, Truth, require_dataset
from identikit.datasets import from_arrays
from identikit.errors import InputError, LeakError, unknown
from identikit.splits import SPLITS, make_split, split_index

SHARES = st.tuples(st.floats(0.4, 0.9), st.floats(0.1, 0.9)).map(
    lambda t: (t[0], (1 - t[0]) * t[1], (1 - t[0]) * (1 - t[1]))
)


def dataset(rows=40, seed=0, **changes):
    rng = np.random.default_rng(seed)
    values = {
        "x": rng.normal(size=(rows, 3)).astype(np.float32),
        "fields": {
            "y": np.arange(rows) % 3,
            "domain": np.arange(rows) % 2,
            "time": np.linspace(0, 1, rows, dtype=np.float32),
        },
        "names": {"y": ("a", "b", "c"), "domain": ("left", "right"), "x": ("u", "v", "w")},
        "split": make_split(rows, seed=seed),
    }
    return Dataset(**{**values, **changes})


def truth(rows=6, **changes):
    values = {
        "latents": np.arange(rows * 2.0).reshape(rows, 2),
        "names": ("a", "b"),
        "kinds": ("continuous", "discrete"),
        "blocks": {"first": (0,), "both": (1, 0)},
        "labels": {"y": np.arange(rows)},
        "split": np.array([0, 0, 0, 0, 1, 2], dtype=np.int8)[:rows],
    }
    return Truth(**{**values, **changes})


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), SHARES, st.integers(0, 1000))
def test_split_meets_the_shares_in_every_domain_and_overall(codes, shares, seed):
    domain = np.array(codes)
    split = make_split(len(domain), domain, shares, seed)
    assert split.dtype == np.int8
    assert set(np.unique(split)) <= {0, 1, 2}
    for code in np.unique(domain):
        here = split[domain == code]
        assert (here == 0).any()
        for part in (1, 2):
            assert abs((here == part).sum() - shares[part] * len(here)) <= 2
    assert np.array_equal(split, make_split(len(domain), domain, shares, seed))


@given(st.integers(3, 40), st.integers(2, 40), st.integers(0, 1000))
def test_many_small_domains_still_fill_every_split(size, domains, seed):
    domain = np.repeat(np.arange(domains), size)
    split = make_split(len(domain), domain, (0.8, 0.1, 0.1), seed)
    for part in (1, 2):
        assert abs((split == part).sum() - 0.1 * len(domain)) <= 0.5 + 1e-6


@given(st.integers(1, 300), SHARES, st.integers(0, 99))
def test_split_of_one_domain_has_the_rounded_sizes(rows, shares, seed):
    split = make_split(rows, fractions=shares, seed=seed)
    for part in (1, 2):
        wanted = shares[part] * rows
        assert abs((split == part).sum() - wanted) <= 0.5 + 1e-6 or rows <= 2
    parts = [split_index(split, name) for name in SPLITS]
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    assert np.array_equal(split_index(split, "all"), np.arange(rows))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.integers(0, 99))
def test_groups_stay_together(groups, seed):
    groups = np.array(groups)
    split = make_split(len(groups), None, (0.6, 0.2, 0.2), seed, groups)
    assert len(split) == len(groups)
    assert all(len(set(split[groups == g])) == 1 for g in np.unique(groups))


def test_split_depends_on_the_seed():
    assert not np.array_equal(make_split(100, seed=0), make_split(100, seed=1))


@pytest.mark.parametrize(
    "shares", [(0.5, 0.5), (0, 0.5, 0.5), (1.2, -0.1, -0.1), (0.5, 0.2, 0.2), (float("nan"), 0.5, 0.5)]
)
def test_bad_shares_are_refused(shares):
    with pytest.raises(InputError, match="three shares that sum to 1"):
        make_split(10, fractions=shares)


@pytest.mark.parametrize("name", ["domain", "groups"])
def test_split_needs_one_code_for_each_row(name):
    with pytest.raises(InputError, match=f"'{name}' has 9 rows and the data has 10"):
        make_split(10, **{name: np.zeros(9)})


def test_unknown_split_is_refused():
    with pytest.raises(InputError, match="not 'dev'"):
        split_index(np.zeros(3), "dev")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": np.zeros(0, np.int8)}, "the data holds no row"),
        ({"split": np.zeros(39, np.int8)}, "lengths differ: 'x' has 40 rows and the data has 39"),
        ({"fields": {"time": np.zeros(5, np.float32)}}, "lengths differ: 'time' has 5 rows and the data has 40"),
        ({"x": np.zeros((40, 0), np.float32)}, "x has no column"),
        ({"x": np.full((40, 3), "a")}, "x must hold numbers, not <U1"),
        ({"fields": {"time": np.full(40, np.inf, np.float32)}}, "'time' holds an infinite value"),
        ({"fields": {"y": np.full(40, 3)}}, "'y' has 3 category names, so its codes are integers from 0 to 2"),
        ({"fields": {"y": np.full(40, -2)}}, "from -2 to -2"),
        ({"fields": {"y": np.zeros(40, np.float32)}}, "not float32"),
        ({"fields": {"x": np.zeros(40)}}, "'x' is given both as x and as a field"),
    ],
)
def test_bad_data_is_refused_in_one_sentence(changes, message):
    with pytest.raises(InputError, match=message):
        dataset(**changes)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused_by_column_and_row(value):
    x = dataset().x.copy()
    x[7, 1] = value
    with pytest.raises(
        InputError, match=r"column 'v' of x holds 1 NaN or infinite value \(first in row 7\): drop or fill it"
    ):
        dataset(x=x)
    x[9, 1] = value
    with pytest.raises(InputError, match=r"holds 2 .*: drop or fill them"):
        dataset(x=x, names={})


def test_a_constant_column_is_refused_when_it_is_constant_in_training():
    x = dataset().x.copy()
    x[:, 2] = np.where(dataset().split == 0, 5, x[:, 2])
    with pytest.raises(InputError, match=r"column 'w' of x is constant \(5 in every training row\)"):
        dataset(x=x)


def test_a_part_may_have_a_column_that_is_constant_in_it():
    x = dataset().x.copy()
    x[:, 0] = np.arange(40) % 2
    data = dataset(x=x)
    one = data.take(np.flatnonzero(x[:, 0] == 1))
    assert one.rows == 20
    assert set(one.x[:, 0]) == {1}
    assert one.hide("y", np.ones(20, dtype=bool))["y"].tolist() == [HIDDEN] * 20


def test_a_truth_is_no_observed_field():
    with pytest.raises(LeakError, match="'latents' is a Truth"):
        dataset(fields={"latents": truth()})


def test_take_and_part_keep_rows_together():
    data = dataset()
    rows = np.array([5, 3, 30])
    taken = data.take(rows)
    assert np.array_equal(taken.x, data.x[rows])
    assert all(np.array_equal(taken[name], data[name][rows]) for name in data.fields)
    assert np.array_equal(taken.split, data.split[rows])
    assert sum(data.part(name).rows for name in SPLITS) == len(data) == data.part("all").rows
    with pytest.raises(InputError, match="none was taken"):
        data.take(np.array([], dtype=int))


def test_an_empty_part_says_which():
    with pytest.raises(InputError, match="the data has no test row"):
        dataset(split=np.zeros(40, np.int8)).part("test")


def test_hide_masks_a_copy():
    data = dataset()
    where = data["domain"] == 1
    hidden = data.hide("y", where).hide("time", ~where)
    assert (hidden["y"][where] == HIDDEN).all()
    assert np.array_equal(hidden["y"][~where], data["y"][~where])
    assert np.isnan(hidden["time"][~where]).all()
    assert not np.isnan(hidden["time"][where]).any()
    assert (data["y"] >= 0).all()


@pytest.mark.parametrize(
    ("name", "where"),
    [("x", np.ones(40, bool)), ("z", np.ones(40, bool)), ("y", np.arange(3)), ("y", np.ones(3, bool))],
)
def test_hide_refuses_what_it_cannot_mask(name, where):
    with pytest.raises(InputError, match=r"hide|hidden"):
        dataset().hide(name, where)


def test_the_source_says_what_was_changed_after_reading():
    data = dataset(source={"reader": "from_table"})
    assert data.source
    assert data.part("train").source == {}
    hidden = data.hide("y", np.ones(40, bool)).hide("time", np.ones(40, bool))
    assert hidden.source == {"reader": "from_table", "hidden": ["time", "y"]}
    assert data.source == {"reader": "from_table"}
    assert dataset().hide("y", np.ones(40, bool)).source == {}


def test_fingerprint_tells_equal_data_from_other_data():
    data = dataset()
    assert data.fingerprint() == dataset().fingerprint()
    shifted = data.x.copy()
    shifted[0, 0] += 1
    others = [
        dataset(x=shifted),
        dataset(seed=1),
        data.hide("y", np.arange(40) == 0),
        data.take(np.arange(40)[::-1]),
        dataset(names={**data.names, "y": ("a", "b", "d")}),
        dataset(split=np.zeros(40, np.int8)),
    ]
    prints = {d.fingerprint() for d in others}
    assert len(prints) == len(others)
    assert data.fingerprint() not in prints


def test_modalities():
    rng = np.random.default_rng(0)
    x = {"rna": rng.normal(size=(40, 2)).astype(np.float32), "image": np.zeros((40, 3, 4, 4), np.uint8)}
    data = dataset(x=x, names={"rna": ("g1", "g2"), "y": ("a", "b", "c"), "domain": ("l", "r")})
    assert data.schema.x == {"rna": (2,), "image": (3, 4, 4)}
    assert data.schema.fields == ("y", "domain", "time")
    assert data.take(np.arange(4))["image"].shape == (4, 3, 4, 4)
    assert "rna" in data
    assert "x" not in data
    with pytest.raises(InputError, match="several modalities"):
        _ = data.schema.shape
    x["rna"][3, 1] = np.nan
    with pytest.raises(InputError, match="column 'g2' of rna holds 1 NaN"):
        dataset(x=x, names=data.names)


def test_unknown_field_names_those_that_are_there():
    with pytest.raises(InputError, match="no field 'z': it holds x, y, domain, time"):
        _ = dataset()["z"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
SHAPE = st.lists(st.integers(1, 64), min_size=1, max_size=3).map(tuple)


@given(
    st.one_of(SHAPE, st.dictionaries(TEXT, SHAPE, min_size=1, max_size=3)),
    st.dictionaries(TEXT, st.lists(TEXT, max_size=3).map(tuple), max_size=3),
    st.lists(TEXT, max_size=3).map(tuple),
)
def test_schema_survives_json(x, names, numbers):
    schema = Schema(x, names, numbers)
    assert Schema.parse(json.loads(json.dumps(schema.json()))) == schema


def test_schema_of_data():
    schema = dataset().schema
    assert schema == Schema((3,), dataset().names, ("time",))
    assert schema.fields == ("y", "domain", "time")
    assert (schema.size("y"), schema.image) == (3, False)
    for name in ("time", "x", "z"):
        with pytest.raises(InputError, match="the data holds x, y, domain, time"):
            schema.size(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("a",)}, "one name and one kind for each latent"),
        ({"latents": np.zeros(6)}, "one name and one kind for each latent"),
        ({"kinds": ("continuous", "binary")}, "not 'binary'"),
        ({"blocks": {"odd": (0, 2)}}, "block 'odd' names the latents"),
        ({"graph": np.zeros((3, 3))}, r"has shape \(2, 2\), not \(3, 3\)"),
        ({"labels": {"y": np.zeros(5)}}, "'y' has 5 rows and the latents have 6"),
        ({"split": np.zeros(5)}, "'split' has 5 rows and the latents have 6"),
    ],
)
def test_bad_truth_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        truth(**changes)


def test_truth_parts():
    whole = truth()
    assert whole.block("both").tolist() == whole.latents[:, [1, 0]].tolist()
    part = whole.part("test")
    assert part.latents.tolist() == [[10, 11]]
    assert part.labels["y"].tolist() == [5]
    with pytest.raises(InputError, match="no block 'third': it has first, both"):
        whole.block("third")
    with pytest.raises(InputError, match="does not say which split"):
        truth(split=None).part("test")


def test_require_dataset_tells_a_leak_from_a_mistake():
    data = dataset()
    assert require_dataset(data) is data
    with pytest.raises(LeakError, match="certify was handed a Truth"):
        require_dataset(truth(), "certify")
    with pytest.raises(TypeError):
        require_dataset(truth())
    with pytest.raises(InputError, match=r"\(data, truth\)"):
        require_dataset((data, truth()))
    with pytest.raises(InputError, match="not a list"):
        require_dataset([1, 2])


def test_unknown_offers_a_near_name_only():
    assert "did you mean 'vae'" in str(unknown("method", "vea", ["vae", "imsda"]))
    assert "did you mean" not in str(unknown("method", "qqqq", ["vae", "imsda"]))


def test_a_field_is_added_to_any_part():
    x = np.column_stack([np.arange(20.0), np.r_[np.zeros(5), np.arange(15.0)]])
    data = from_arrays(x=x, splits=(1, 0, 0)).take(np.arange(5))
    more = data.add("edges", np.ones((5, 3)))
    assert more["edges"].shape == (5, 3)
    assert "edges" in more.schema.numbers
    assert "edges" not in data
    for values, said in ((np.ones(4), "4 rows"), (np.full(5, np.inf), "infinite")):
        with pytest.raises(InputError, match=said):
            data.add("edges", values)
    with pytest.raises(InputError, match="already has"):
        more.add("edges", np.ones(5))
