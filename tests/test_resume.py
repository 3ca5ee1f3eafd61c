"""A fit that is killed goes on to the same result, and what is on disk is whole or refused in one sentence."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import identikit as ik
from identikit import constraints, nets, tasks
from identikit.engine import files
from identikit.errors import InputError

STEPS = 120
DATA, _ = ik.worlds.DomainShift(domains=3).sample(600, seed=0)

# The same fit in a process of its own, which dawdles so that it is always killed halfway.
SCRIPT = """
import sys, time
import torch
sys.path.insert(0, {here!r})
import test_resume
torch.set_num_threads(1)
test_resume.slow = lambda: time.sleep(0.004)
test_resume.run({kind!r}, {folder!r}, checkpoint_every=0)
"""


def slow():
    """Nothing here; a killed process puts a pause in its place."""


class Paced(ik.Term):
    """Costs nothing but time."""

    batches_runs = True

    def forward(self, code, batch):
        slow()
        return 0 * code.mean.sum((-1, -2))


def dropout_model():
    encoder = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 8))
    return nets.Model((8,), 4, encoder, nets.MLP(4, 8, 16))


def grouped_model():
    return nets.Model((8,), 4, nets.MLP(8, 8, 16), nets.MLP(4, 8, 16), nets.FlowPrior(2, 2, 3))


MODELS = {"grouped": grouped_model, "loop": dropout_model}


def run(kind, folder=None, **options):
    terms = tasks.Reconstruction() + ik.ramp(0, 0.1, steps=100) * constraints.MatchPrior() + Paced()
    settings = {"sweep": {"MatchPrior": [1, 3]}, "steps": STEPS, "batch": 32, "select": "validation"}
    # So fast in the end that the best parameters are early ones, which the checkpoint has to keep.
    lr = ik.ramp(1e-2, 0.2, steps=STEPS)
    return ik.fit((MODELS[kind], terms), DATA, checkpoint=folder, lr=lr, progress=False, **settings, **options)


def same(one, other):
    pairs = zip(one.program.state.values(), other.program.state.values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def start(kind, folder):
    script = SCRIPT.format(here=os.path.dirname(__file__), kind=kind, folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)


def wait_for_step(process, path, step):
    """Wait until a process has written a checkpoint of some step; returns the step."""
    for _ in range(3000):
        if path.exists() and (reached := files.read(path)[1]["step"]) >= step:
            return reached
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.004)
    raise AssertionError("no checkpoint was written in a minute")


@pytest.mark.parametrize("kind", MODELS)
def test_a_killed_fit_goes_on_to_the_same_result(kind, tmp_path, caplog):
    folder = tmp_path / "fit"
    path = folder / "checkpoint.safetensors"
    process = start(kind, folder)
    try:
        wait_for_step(process, path, 2 * STEPS // 3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    reached = files.read(path)[1]["step"]
    assert 2 * STEPS // 3 <= reached < STEPS
    assert not (folder / "runs.safetensors").exists()
    caplog.set_level(logging.INFO, "identikit")
    resumed = run(kind, folder, checkpoint_every=0)
    assert f"going on from step {reached} in {folder}" in caplog.text
    straight = run(kind)
    assert resumed.program.strategy == kind
    assert same(resumed, straight)
    assert resumed.table == straight.table
    assert resumed.history == straight.history
    assert min(run.step for run in straight.table) < reached
    assert sorted(os.listdir(folder)) == ["runs.safetensors", "settings.json"]


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    """The bytes of a checkpoint, and the fit it is of."""
    folder = tmp_path_factory.mktemp("halfway")

    class Stops(ik.Term):
        batches_runs = True

        def forward(self, code, batch):
            if stopping and batch.step == 40:
                raise KeyboardInterrupt
            return 0 * code.mean.sum((-1, -2))

    stopping = True
    what = (grouped_model, tasks.Reconstruction() + Stops())
    settings = {"steps": 60, "batch": 32, "checkpoint_every": 0, "progress": False}
    ik.fit(what, DATA, checkpoint=folder, **settings)
    stopping = False
    return (folder / "checkpoint.safetensors").read_bytes(), what, settings


@pytest.fixture
def folder(halfway, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(halfway[0])
    return tmp_path


def refused(what, folder, data=DATA, **settings):
    """The sentence that a fit is refused with; nothing in the folder may change."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError) as error:
        ik.fit(what, data, checkpoint=folder, **settings)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_checkpoint_goes_on_in_this_process_too(halfway, folder):
    _, what, settings = halfway
    assert same(ik.fit(what, DATA, checkpoint=folder, **settings), ik.fit(what, DATA, **settings))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_checkpoint_is_refused(halfway, folder, share):
    content, what, settings = halfway
    path = folder / "checkpoint.safetensors"
    path.write_bytes(content[: int(len(content) * share)])
    assert refused(what, folder, **settings) == (
        f"{path} is truncated or not a safetensors file: fit again into another folder"
    )


def test_a_foreign_file_is_refused(halfway, folder):
    _, what, settings = halfway
    path = folder / "checkpoint.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    assert refused(what, folder, **settings) == (
        f"{path} is a safetensors file of another program, not runs of identikit"
    )


def test_a_finished_fit_under_a_checkpoints_name_is_refused(halfway, folder):
    _, what, settings = halfway
    runs = ik.fit(what, DATA, **settings)
    runs.save(folder / "other")
    (folder / "other" / "runs.safetensors").rename(folder / "checkpoint.safetensors")
    (folder / "other").rmdir()
    assert "checkpoint" in refused(what, folder, **settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 80}, "a fit with steps 60, and this one has 80"),
        ({"seeds": [3]}, "a fit with seeds [0], and this one has [3]"),
        ({"batch": 16}, "a fit with batch 32, and this one has 16"),
        ({"lr": 0.5}, "a fit with lr 0.001, and this one has 0.5"),
        ({"sweep": {"Reconstruction": [2]}}, "a fit with objective Reconstruction"),
        ({"select": "validation"}, "a fit with select last, and this one has validation"),
        ({"data": DATA.take(range(599))}, "a fit with data"),
    ],
)
def test_another_fit_is_refused(halfway, folder, change, message):
    _, what, settings = halfway
    sentence = refused(what, folder, **{**settings, **change})
    assert sentence.startswith(f"{folder} holds {message}")
    assert sentence.endswith("choose another folder")


def test_another_model_is_refused(halfway, folder):
    _, (_, terms), settings = halfway
    sentence = refused((lambda: nets.Model((8,), 4, nets.MLP(8, 8, 99), nets.MLP(4, 8)), terms), folder, **settings)
    assert "does not fit the model: 'model." in sentence
    assert "choose another folder" in sentence


def test_a_finished_folder_is_read_back(tmp_path, caplog):
    caplog.set_level(logging.INFO, "identikit")
    settings = {"steps": 20, "checkpoint": tmp_path, "checkpoint_every": 0, "progress": False}
    first = ik.fit("vae", DATA, seeds=2, **settings)
    assert sorted(os.listdir(tmp_path)) == ["runs.safetensors", "settings.json"]
    assert json.loads((tmp_path / "settings.json").read_text()) == first.settings.json()
    written = (tmp_path / "runs.safetensors").stat().st_mtime_ns
    again = ik.fit("vae", DATA, seeds=2, **settings)
    assert f"{tmp_path} holds this fit, finished; it was read back" in caplog.text
    assert (tmp_path / "runs.safetensors").stat().st_mtime_ns == written
    assert same(first, again)
    assert (first.table, first.history, first.seconds) == (again.table, again.history, again.seconds)


def test_a_finished_folder_of_another_fit_is_refused(tmp_path):
    ik.fit("vae", DATA, steps=5, checkpoint=tmp_path, progress=False)
    assert "a fit with steps 5, and this one has 6" in refused("vae", tmp_path, steps=6)
    assert "a fit with hidden 32, and this one has 8" in refused("vae", tmp_path, steps=5, hidden=8)


def test_writing_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    files.write(path, {"a": torch.ones(3)}, {"step": 1})
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]

    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="the disk is full"):
        files.write(path, {"a": torch.zeros(3)}, {"step": 2})
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    tensors, note = files.read(path)
    assert (tensors["a"].tolist(), note) == ([1, 1, 1], {"step": 1})


def test_weights_are_plain_safetensors(tmp_path):
    runs = ik.fit("vae", DATA, seeds=2, steps=2, checkpoint=tmp_path, progress=False)
    tensors = load_file(tmp_path / "runs.safetensors")
    assert tensors.keys() == runs.program.state.keys()
    assert all(len(tensor) == 2 for tensor in tensors.values())


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        ik.fit("vae", DATA, steps=2, checkpoint=tmp_path / "file")
