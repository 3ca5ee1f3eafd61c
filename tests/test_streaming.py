"""Samples streamed to disk."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import identikit as ik
from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split
from identikit.worlds import DomainShift, Scenes
from identikit.worlds.base import World
from identikit.worlds.streaming import NOTE, reopen, stream


@dataclass(frozen=True)
class Steps(World):
    """Counters: the latent is the number of the step, and every sequence has its own start."""

    length: int = 4

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        rng = np.random.default_rng(seed)
        sequence = np.arange(n) // self.length
        latents = rng.normal(size=(n // self.length, 1))[sequence] + (np.arange(n) % self.length)[:, None]
        split = make_split(n, groups=sequence)
        fields = {"sequence": sequence.astype(np.float32)}
        truth = Truth(latents, ("z",), ("continuous",), split=split)
        return Dataset(latents.astype(np.float32), fields, {}, split, self.source(n, seed)), truth


@pytest.fixture
def steps(monkeypatch):
    from identikit.worlds import named

    monkeypatch.setattr(named, "find_world", {"Steps": Steps, "DomainShift": DomainShift}.__getitem__)


def test_every_chunk_is_a_sample_and_truth_lies_beside_it(tmp_path):
    world = DomainShift(domains=3, seed=4)
    data, truth = stream(world, 1_000, tmp_path, seed=2, chunk=400)
    assert isinstance(data.x, np.memmap)
    assert isinstance(truth.latents, np.memmap)
    assert data.rows == 1_000
    assert min((data["domain"] == d).sum() for d in range(3)) > 300
    np.testing.assert_allclose(world.sample(30)[1].mixing(truth.latents), data.x, atol=1e-5)
    assert len(np.unique(truth.latents[:, 0])) == 1_000
    assert set(truth.labels["y"][data["domain"] == 2]) == {0, 1}
    assert set(data["y"][data["domain"] == 2]) == {-1}
    again, _ = stream(world, 1_000, tmp_path, seed=2, chunk=400)
    assert again.fingerprint() == data.fingerprint()


def test_pictures_stream_too(tmp_path):
    data, truth = stream(Scenes(size=32), 24, tmp_path, chunk=8)
    assert data.x.shape == (24, 3, 32, 32)
    assert data.x.dtype == np.uint8
    assert (truth.mixing(np.asarray(truth.latents[9:12])) == data.x[9:12]).all()


def test_an_interrupted_stream_goes_on_to_the_same_rows(tmp_path):
    world = DomainShift(domains=3)
    whole, _ = stream(world, 900, tmp_path / "whole", chunk=300)

    def stop(done: int, of: int) -> None:
        if done == 600:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(world, 900, tmp_path / "cut", chunk=300, progress=stop)
    with pytest.raises(InputError, match="holds 2 of 3 chunks: stream it again, and it goes on"):
        reopen(tmp_path / "cut")
    seen = []
    data, _ = stream(world, 900, tmp_path / "cut", chunk=300, progress=lambda done, of: seen.append(done))
    assert seen == [900]
    assert data.fingerprint() == whole.fingerprint()


@pytest.mark.usefixtures("steps")
def test_sequences_are_not_cut_and_keep_their_own_numbers(tmp_path):
    data, truth = stream(Steps(), 40, tmp_path, chunk=10)
    assert (data["sequence"] == np.arange(40) // 4).all()
    assert (np.diff(truth.latents[:, 0].reshape(-1, 4), axis=1).round(6) == 1).all()
    for sequence in range(10):
        assert len(set(data.split[data["sequence"] == sequence])) == 1
    with pytest.raises(InputError, match="n is a multiple of the 4 rows of a sequence"):
        stream(Steps(), 41, tmp_path / "odd")


def test_a_fit_learns_from_a_stream(tmp_path):
    data, _ = stream(DomainShift(domains=3), 600, tmp_path, chunk=300)
    runs = ik.fit("vae", data, steps=5, progress=False)
    assert runs.encode(data).shape[-2] == 600
    assert ik.datasets.reload(json.loads(json.dumps(data.source)))[0].fingerprint() == data.fingerprint()


def test_bad_streams_are_refused_in_one_sentence(tmp_path, monkeypatch):
    world = DomainShift(domains=3)
    stream(world, 300, tmp_path / "a", chunk=100)
    with pytest.raises(InputError, match="holds another stream: of 300 rows of DomainShift with seed 0, 3 chunks"):
        stream(world, 300, tmp_path / "a", seed=1, chunk=100)
    with pytest.raises(InputError, match="holds no stream"):
        reopen(tmp_path)
    note = json.loads((tmp_path / "a" / NOTE).read_text())
    (tmp_path / "a" / NOTE).write_text(json.dumps({**note, "format": 99}))
    with pytest.raises(InputError, match="written by a newer version"):
        reopen(tmp_path / "a")
    with pytest.raises(InputError, match="cannot be written down as settings"):
        stream(DomainShift(mixing=world.sample(9)[1].mixing), 300, tmp_path / "b")
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InputError, match=r"300 rows need 0.0 GB, and the disk of .* has 0.0 GB"):
        stream(world, 300, tmp_path / "c")


def test_a_disk_that_fills_up_loses_no_finished_chunk(tmp_path, monkeypatch):
    world, real = DomainShift(domains=3), Path.open

    def full(path: Path, *arguments, **more):
        if arguments == ("r+b",) and json.loads((tmp_path / NOTE).read_text())["done"] == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *arguments, **more)

    (tmp_path / NOTE).unlink(missing_ok=True)
    stop = []
    monkeypatch.setattr(Path, "open", lambda path, *a, **k: full(path, *a, **k) if stop else real(path, *a, **k))
    with pytest.raises(InputError, match="the disk is full: 200 of 300 rows are safe"):
        stream(world, 300, tmp_path, chunk=100, progress=lambda done, of: stop.append(done))
    stop.clear()
    data, _ = stream(world, 300, tmp_path, chunk=100)
    assert data.rows == 300
