import gzip
import json
from importlib.resources import files

import duckdb
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from identikit import datasets
from identikit.data import HIDDEN, Dataset, Truth
from identikit.datasets import emoji, from_arrays, from_table, reload
from identikit.datasets.emoji import STYLES
from identikit.errors import InputError, LeakError

X = np.random.default_rng(0).normal(size=(20, 3))
HEADER = "batch,f1,f2,g1,state"
LINES = [f"{'ab'[i % 2]},{i},{i * 0.5},{i * i},{i % 3}" for i in range(30)]
TABLE = "\n".join([HEADER, *LINES]) + "\n"


def truth():
    return Truth(X, ("a", "b", "c"), ("continuous",) * 3)


def write(folder, name, content=TABLE):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- arrays ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, torch.tensor, np.ndarray.tolist, np.ma.asarray])
def test_every_kind_of_array_gives_the_same_data(make):
    data = from_arrays(make(X), y=make(np.arange(20) % 3))
    assert data.x.dtype == np.float32
    assert np.array_equal(data.x, X.astype(np.float32))
    assert data["y"].tolist() == [0, 1, 2] * 6 + [0, 1]
    assert data["y"].dtype == np.int64


def test_a_tensor_with_a_gradient_or_half_precision_is_read():
    assert from_arrays(torch.tensor(X, requires_grad=True)).x.dtype == np.float32
    assert from_arrays(torch.tensor(X).bfloat16()).x.dtype == np.float32


@given(
    st.lists(st.sampled_from([None, float("nan"), "", "rest", "run", "10", "9"]), min_size=3, max_size=20).filter(
        lambda v: any(isinstance(i, str) and i for i in v)
    )
)
def test_text_labels_are_sorted_and_gaps_are_hidden(labels):
    data = from_arrays(np.arange(len(labels)), y=labels)
    names = data.names["y"]
    assert list(names) == sorted({v for v in labels if isinstance(v, str) and v})
    assert [names[c] if c >= 0 else None for c in data["y"]] == [
        v if isinstance(v, str) and v else None for v in labels
    ]


@given(st.lists(st.integers(-1, 300), min_size=3, max_size=30).filter(lambda v: set(v) - {-1, 1}))
def test_integer_labels_keep_their_numeric_order(labels):
    data = from_arrays(np.arange(len(labels)), y=labels)
    seen = sorted(set(labels) - {-1})
    assert data.names["y"] == tuple(map(str, seen))
    assert data["y"].tolist() == [HIDDEN if v == -1 else seen.index(v) for v in labels]


@pytest.mark.parametrize(
    ("labels", "names", "codes"),
    [
        ([3, None, 7, 3], ("3", "7"), [0, -1, 1, 0]),
        (np.ma.masked_equal([0, 1, 2, 1], 1), ("0", "2"), [0, -1, 1, -1]),
        ([True, False, True, True], ("False", "True"), [1, 0, 1, 1]),
        (np.array(["b", "a", "", "b"]), ("a", "b"), [1, 0, -1, 1]),
    ],
)
def test_hidden_labels(labels, names, codes):
    data = from_arrays(X[:4], y=labels)
    assert data.names["y"] == names
    assert data["y"].tolist() == codes


@pytest.mark.parametrize(
    "values", [[0.5, None, 2.0], [0.5, float("nan"), 2.0], np.ma.masked_values([0.5, 1.0, 2.0], 1.0)]
)
def test_floats_stay_numbers_and_gaps_are_hidden(values):
    data = from_arrays(X[:3], y=values)
    assert data.schema.numbers == ("y",)
    assert np.array_equal(data["y"], np.array([0.5, np.nan, 2], np.float32), equal_nan=True)


def test_fields_of_several_columns_and_time_are_numbers():
    data = from_arrays(X, time=range(20), action=np.eye(20, dtype=int), view=["l", "r"] * 10, depth=X[:, 0])
    assert set(data.schema.numbers) == {"time", "action", "depth"}
    assert data["action"].shape == (20, 20)
    assert data.names == {"view": ("l", "r")}


def test_names_order_the_categories():
    data = from_arrays(
        X, y=["yes", "no"] * 10, domain=[2, 0] * 10, names={"y": ["yes", "no"], "domain": ["a", "b", "c"]}
    )
    assert data["y"].tolist() == [0, 1] * 10
    assert data["domain"].tolist() == [2, 0] * 10
    assert data.schema.size("domain") == 3


def test_pictures_stay_uint8_and_tables_of_bytes_do_not():
    pictures = np.random.default_rng(0).integers(0, 255, (6, 3, 4, 4)).astype(np.uint8)
    assert from_arrays(pictures).x.dtype == np.uint8
    assert from_arrays(pictures.reshape(6, -1)).x.dtype == np.float32
    assert from_arrays(np.arange(6)).x.shape == (6, 1)


def test_groups_stay_together_and_domains_share_the_splits():
    groups = np.repeat(["p", "q", "r", "s", "t"], 4)
    data = from_arrays(X, groups=groups, splits=(0.6, 0.2, 0.2))
    assert all(len(set(data.split[groups == g])) == 1 for g in set(groups))
    domain = np.repeat([0, 1], 10)
    split = from_arrays(X, domain=domain).split
    assert [(split[domain == d] == 0).sum() for d in (0, 1)] == [8, 8]


@pytest.mark.parametrize("name", ["x", "y", "groups", "latents"])
@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: (X, t)])
def test_a_truth_is_refused_wherever_it_is_given(name, wrap):
    with pytest.raises(LeakError, match="was given a Truth"):
        from_arrays(**{"x": X, name: wrap(truth())})
    with pytest.raises(LeakError, match="was given a Truth"):
        from_arrays({"a": wrap(truth())})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": None}, "'x' must hold one value for each row"),
        ({"x": from_arrays(X)}, "'x' was given a Dataset"),
        ({"x": {}}, "x is an empty dict"),
        ({"x": []}, "x holds no row"),
        ({"x": np.zeros((5, 0))}, "x has no column"),
        ({"x": [[1, 2], [1]]}, "the rows of 'x' differ in length"),
        ({"x": [[1, 5], [2, "a"]], "names": ["u", "v"]}, "column 'v' of x must hold numbers, and row 1 holds a"),
        ({"x": [[1, 5], [None, 4]]}, "column 0 of x must hold numbers, and row 1 holds no value"),
        ({"x": X + 1j}, r"complex128"),
        ({"x": X * 1e300}, "column 0 of x holds 20 NaN or infinite values"),
        ({"x": np.c_[X, np.ones(20)]}, "column 3 of x is constant"),
        ({"x": np.zeros((5, 32, 32, 3), np.uint8)}, "channels last"),
        ({"x": np.zeros((5, 32, 32), np.uint8)}, "without an axis for the channel"),
        ({"x": X, "names": ["u"]}, "1 column names"),
        ({"x": X, "names": {"z": ["u"]}}, "names are given for 'z'"),
        ({"x": X, "time": range(20), "names": {"time": ["u"]}}, "'time', which holds numbers"),
        ({"x": X, "y": [1, 2]}, "lengths differ: 'y' has 2 rows and the data has 20"),
        ({"x": X, "domain": [1, 2]}, "lengths differ: 'domain' has 2 rows"),
        ({"x": X, "domain": ["a", None] * 10}, r"domain is missing .* in row 1"),
        ({"x": X, "domain": X[:, 0]}, "domain must name a domain"),
        ({"x": X, "y": [1, -1] * 10}, "code the classes as 0 and 1"),
        ({"x": X, "y": [1, "a"] * 10}, "mixes text and numbers"),
        ({"x": X, "y": [None] * 20}, "every value of 'y' is missing"),
        ({"x": X, "y": [float("nan")] * 20}, "every value of 'y' is missing"),
        ({"x": X, "y": [0, 3] * 10, "names": {"y": ["a", "b"]}}, "'y' holds 3, which is not among its 2 categories"),
        ({"x": X, "time": ["a"] * 20}, "time must hold numbers, and row 0 holds a"),
        ({"x": X, "y": [np.inf] * 20}, "'y' holds an infinite value"),
        ({"x": X, "groups": [1, None] * 10}, "groups is missing in row 1"),
        ({"x": X, "splits": (0.5, 0.5)}, "three shares"),
    ],
)
def test_bad_arrays_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        from_arrays(**arguments)
    assert "\n" not in str(caught.value)


def test_npz_reads_known_fields_and_named_arrays_but_nothing_else(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=X, y=np.arange(20) % 2, batch=np.arange(20) % 4, latents=X)
    data = from_arrays(path, domain="batch")
    assert set(data.fields) == {"y", "domain"}
    again, known = reload(json.loads(json.dumps(data.source)))
    assert again.fingerprint() == data.fingerprint()
    assert known is None
    assert from_arrays(path, y=np.arange(20) % 5).source == {}


def test_bad_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", X=X)
    np.savez(tmp_path / "objects.npz", x=np.array([None, 1], dtype=object))
    whole = (tmp_path / "a.npz").read_bytes()
    write(tmp_path, "half.npz", whole[: len(whole) // 2])
    write(tmp_path, "empty.npz", b"")
    write(tmp_path, "a.npy", b"1")
    for name, message in {
        "a.npz": "unknown array 'x'",
        "objects.npz": "cannot be read as an .npz file of plain arrays",
        "half.npz": "cannot be read as an .npz file of plain arrays",
        "empty.npz": "is empty",
        "a.npy": "only .npz files are read here",
        "none.npz": "there is no file",
    }.items():
        with pytest.raises(InputError, match=message):
            from_arrays(tmp_path / name)


# --- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", TABLE.encode()),
        ("t.csv", ("\ufeff" + TABLE).encode()),
        ("t.CSV", TABLE.replace(",", ";").encode()),
        ("t.tsv", TABLE.replace(",", "\t").encode()),
        ("t.csv.gz", gzip.compress(TABLE.encode())),
        ("it's [1]*.csv", TABLE.replace("\n", "\r\n").encode()),
    ],
)
def test_every_format_gives_the_same_data(tmp_path, name, content):
    write(tmp_path, "it's 1.csv", "a,b\n1,2\n")
    data = from_table(write(tmp_path, name, content), y="state", domain="batch")
    assert data.names == {"x": ("f1", "f2", "g1"), "y": ("0", "1", "2"), "domain": ("a", "b")}
    assert data.x[:, 2].tolist() == [i * i for i in range(30)]
    assert data["domain"].tolist() == [0, 1] * 15
    again, _ = reload(json.loads(json.dumps(data.source)))
    assert again.fingerprint() == data.fingerprint()


@pytest.mark.parametrize(
    ("wanted", "columns"),
    [
        ("f*", ("f1", "f2")),
        ("g1, f*", ("f1", "f2", "g1")),
        (["g1", "f2"], ("f2", "g1")),
        ("*1,state", ("f1", "g1")),
        (None, ("f1", "f2", "g1")),
    ],
)
def test_columns_by_pattern_keep_the_order_of_the_table_and_leave_out_the_used(tmp_path, wanted, columns):
    data = from_table(write(tmp_path, "t.csv"), x=wanted, y="state", domain="batch")
    assert data.names["x"] == columns


def test_label_kinds(tmp_path):
    path = write(tmp_path, "t.csv", TABLE.replace(",1\n", ",\n").replace(",2\n", ",2.0\n"))
    floats = from_table(path, x="f*", y="state")
    assert floats.schema.numbers == ("y",)
    assert np.isnan(floats["y"]).sum() == 10
    classes = from_table(path, x="f*", y="state", label_kind="classes")
    assert classes.names["y"] == ("0", "2")
    assert (classes["y"] == HIDDEN).sum() == 10
    assert from_table(write(tmp_path, "u.csv"), y="state", label_kind="number").schema.numbers == ("y",)
    with pytest.raises(InputError, match=r"row 1 holds 0\.5"):
        from_table(write(tmp_path, "u.csv"), y="f2", label_kind="classes")
    with pytest.raises(InputError, match="unknown label kind 'clases': did you mean 'classes'"):
        from_table(path, y="state", label_kind="clases")


def test_group_column(tmp_path):
    lines = [f"p{i // 3},{i},{i * i}" for i in range(30)]
    data = from_table(write(tmp_path, "t.csv", "\n".join(["who,a,b", *lines])), groups="who", time="a")
    assert data.schema.x == (1,)
    assert all(len(set(data.split[i : i + 3])) == 1 for i in range(0, 30, 3))
    assert len(set(data.split)) == 3


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", b"", {}, "is empty"),
        ("t.csv", HEADER, {}, "holds column names and no row"),
        ("t.csv", "\n\n", {}, "first line of .* is blank"),
        ("t.csv", "1,2\n3,4\n", {}, "holds numbers alone"),
        ("t.csv", TABLE + "1,2\n", {}, "line 32 has 2 values where the first has 5"),
        ("t.csv", "é,b\n1,2\n".encode("latin-1"), {}, "UTF-8"),
        ("t.csv", TABLE.replace("a,4", "é,4").encode("latin-1"), {}, "cannot be read"),
        ("t.csv.gz", TABLE, {}, "[Nn]ot a gzipped file"),
        ("t.csv.gz", gzip.compress(TABLE.encode())[:-40], {}, "cannot be read"),
        ("t.xlsx", TABLE, {}, "must end in .csv"),
        ("t.parquet", TABLE, {}, "cannot be read"),
        ("t.csv", TABLE, {"x": "f1,g2"}, "unknown column 'g2': did you mean 'g1'"),
        ("t.csv", TABLE, {"y": "stat"}, "unknown column 'stat': did you mean 'state'"),
        ("t.csv", TABLE, {"x": "state", "y": "state"}, "no column of .* is left for x"),
        ("t.csv", TABLE, {"x": "batch"}, "column 'batch' must hold numbers, and row 0 holds 'a'"),
        (
            "t.csv",
            TABLE.replace("17,8.5", "oops,8.5"),
            {"x": "f*"},
            "column 'f1' must hold numbers, and row 17 holds 'oops'",
        ),
        ("t.csv", TABLE.replace("17,8.5", "oops,8.5"), {}, "column 'f1' must hold numbers, and row 17 holds 'oops'"),
        ("t.csv", TABLE.replace("17,8.5", ",8.5").replace("19,9.5", "NA,9.5"), {}, "column 'f1' has 2 empty cells"),
        ("t.csv", TABLE, {"y": "batch", "label_kind": "number"}, "y must hold numbers, and row 0 holds a"),
        (
            "t.csv",
            "a,b,t\n1,2,2020-01-01\n2,3,2020-01-02\n",
            {"time": "t"},
            "time must hold numbers, and row 0 holds 2020",
        ),
        ("t.csv", "a,b,t\n1,2,2020-01-01\n2,3,2020-01-02\n", {"x": "t"}, "column 't' must hold numbers, not DATE"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(tmp_path, name, content, options, message):
    with pytest.raises(InputError, match=message) as caught:
        from_table(write(tmp_path, name, content), **options)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        from_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        from_table(tmp_path)


def test_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    query = (
        "SELECT i % 3 AS y, i::DOUBLE * i AS f1, i::DECIMAL(9, 2) AS f2, i % 2 = 0 AS b, [i] AS l FROM range(30) r(i)"
    )
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    data = from_table(path, y="y")
    assert data.names["x"] == ("f1", "f2", "b")
    assert data.x[5].tolist() == [25, 5, 0]
    with pytest.raises(InputError, match="column 'l' must hold numbers"):
        from_table(path, x="l")
    whole = path.read_bytes()
    with pytest.raises(InputError, match="cannot be read"):
        from_table(write(tmp_path, "half.parquet", whole[: len(whole) // 2]))


# --- shipped --------------------------------------------------------------------------------------------------------


def test_emoji_keeps_a_concept_together_and_hides_what_is_asked():
    data, known = emoji(size=16, hidden_labels=["noto-v1"])
    concepts = datasets.emoji_concepts()
    assert data.x.shape == (5 * 1160, 3, 16, 16)
    assert data.x.dtype == np.uint8
    assert data.names["domain"] == STYLES
    assert len(data.names["y"]) == 9
    by_style = data.split.reshape(5, 1160)
    assert (by_style == by_style[0]).all()
    assert np.bincount(by_style[0]).tolist() == [928, 116, 116]
    hidden = data["domain"] == 1
    assert (data["y"][hidden] == HIDDEN).all()
    assert np.array_equal(data["y"][~hidden], known.labels["y"][~hidden])
    assert known.block("invariant")[:, 0].tolist() == list(range(1160)) * 5
    assert np.array_equal(known.block("changing")[:, 0], data["domain"])
    assert [data.names["y"][c] for c in known.labels["y"][:1160]] == [c["group"] for c in concepts]
    assert len({c["subgroup"] for c in concepts}) == 95


def test_emoji_sizes_are_means_of_the_large_pictures():
    large, _ = emoji(size=64, styles="fluent-emoji-flat")
    small, known = emoji(size=32, styles="fluent-emoji-flat")
    means = large.x.reshape(1160, 3, 32, 2, 32, 2).astype(np.float64).mean((3, 5))
    assert np.abs(small.x - means).max() <= 0.5
    assert small.x.max() == 255
    assert known.names == ("concept", "style")


def test_emoji_pictures_of_one_concept_are_more_alike_than_of_others():
    data, _ = emoji(size=16, styles=["fluent-emoji", "fluent-emoji-flat"])
    pixels = data.x.reshape(2, 1160, -1).astype(np.float32)
    same = np.abs(pixels[0] - pixels[1]).mean()
    other = np.abs(pixels[0] - np.roll(pixels[1], 7, axis=0)).mean()
    assert same < 0.5 * other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 20}, "size must be one of 64, 32, 16, not 20"),
        ({"styles": ["noot"]}, "unknown style 'noot': did you mean 'noto'"),
        ({"styles": []}, "one or more different styles"),
        ({"styles": ["noto", "noto"]}, "one or more different styles"),
        ({"styles": ["noto"], "hidden_labels": "noto-v1"}, "not among the styles asked for"),
    ],
)
def test_bad_emoji_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        emoji(**options)


def test_every_shipped_data_set_is_described_and_read_again_by_its_source():
    for name, about in datasets.SHIPPED.items():
        assert about.about.endswith(".")
        assert about.licence
        assert about.truth
        data, known = datasets.load(name)
        assert isinstance(data, Dataset)
        assert known.rows == data.rows
        again, _ = reload(json.loads(json.dumps(data.source)))
        assert again.fingerprint() == data.fingerprint()


def test_the_licences_lie_beside_the_pictures():
    text = files("identikit.datasets").joinpath("files", "emoji", "LICENSES.txt").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Microsoft" in text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "only ever was in memory"),
        ({"world": "DomainShift"}, "sampled from the world 'DomainShift'"),
        ({"reader": "from_tabel"}, "did you mean 'from_table'"),
        ({"reader": "from_table", "path": "t.csv", "hidden": ["y"]}, "labels of 'y' were hidden after reading"),
    ],
)
def test_what_cannot_be_read_again_says_why(source, message):
    with pytest.raises(InputError, match=message):
        reload(source)
