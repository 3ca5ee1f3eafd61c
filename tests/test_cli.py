"""The command line: what each command prints, and one sentence for each wrong call."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

import identikit as ik
from identikit.cli import app
from identikit.cli.certificates import found
from identikit.engine import METHODS
from identikit.metrics.named import GROUPS, METRICS
from identikit.reports.sources import command

COMMANDS = ("demo", "fit", "score", "certify", "report", "methods", "datasets", "verify", "discover", "study", "worlds")
FAST = ("--steps", "6", "--seeds", "2", "--batch", "16")


def run(*words, code=0):
    """What a call prints on stdout and stderr, once its exit code is as wanted."""
    result = CliRunner().invoke(app, [str(word) for word in words], prog_name="identikit")
    assert result.exit_code == code, result.output
    assert code != 1 or result.exception is None or isinstance(result.exception, SystemExit)
    return result.stdout, result.stderr


def refused(*words):
    """The sentence with which a call is refused."""
    out, err = run(*words, code=2)
    assert out == ""
    assert err.startswith("identikit: ")
    assert err.count("\n") == 1
    return err


def frame(rows=240):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    return [f"{'abc'[i % 3]},{x[i, 0]:.4f},{x[i, 1]:.4f},{x[i, 2]:.4f},{int(x[i, 0] > 0)},note" for i in range(rows)]


def write(path, lines, header="site,f1,f2,f3,outcome,text"):
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def table(folder):
    return write(folder / "cells.csv", frame())


@pytest.fixture(scope="module")
def fitted(folder, table):
    """A fit of a CSV file by the command line."""
    out = folder / "runs" / "cells"
    words = ("imsda", "--data", table, "--domain", "site", "--x", "f*", "--y", "outcome", "--set", "latents=3")
    return out, ("fit", *words, "--set", "changing=1", "--sweep", "MatchPrior=0.5,1", *FAST, "--out", out)


@pytest.fixture(scope="module")
def world(folder):
    """A fit of a world, whose truth is known."""
    out = folder / "toy"
    run("fit", "vae", "--data", "world:DomainShift", "--rows", 300, "--source", "domains=3", *FAST, "--out", out)
    return out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name):
    out, _ = run(name, "--help")
    assert f"identikit {name}" in out
    assert "Example" in out


def test_an_unknown_command_suggests_the_nearest():
    assert "Did you mean 'report'?" in run("repor", code=2)[1]


def test_help_lists_every_command():
    out, _ = run("--help")
    assert re.findall(r"^  (\w+)  ", out, re.M) == list(COMMANDS)


def test_fit_report_and_read_back(fitted):
    out, words = fitted
    shown, _ = run(*words)
    lines = shown.splitlines()
    assert lines[0].split() == ["seed", "MatchPrior", "status", "kept", "step", "validation", "loss"]
    assert [line.split()[:3] for line in lines[1:5]] == [
        ["0", "0.5", "finished"], ["0", "1.0", "finished"], ["1", "0.5", "finished"], ["1", "1.0", "finished"],
    ]  # fmt: skip
    assert lines[-1] == f"Next: identikit report {out}"
    saved = (out / "runs.safetensors").read_bytes()
    again, said = run(*words)
    assert again.splitlines()[:5] == lines[:5]
    assert "finished; it was read back" in said
    assert (out / "runs.safetensors").read_bytes() == saved

    page, _ = run("report", out)
    assert page.strip() == f"The report is in {out / 'report.html'}"
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "No truth is known" in text
    assert "cells.csv" in text
    assert "no truth is known" in refused("score", out)
    assert "choose another folder" in refused(*words[:-2], "--seed", 1, "--out", out)


def test_fit_on_parquet_goes_on_after_a_stop(folder, table, monkeypatch):
    path = folder / "cells.parquet"
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{table}')) TO '{path}' (FORMAT parquet)")
    words = ("fit", "imsda", "--data", path, "--domain", "site", "--x", "f1,f2,f3", "--y", "outcome", *FAST)
    run(*words, "--out", folder / "whole")

    def stopped(at):
        def show(step, parts, alive):
            if step == at:
                raise KeyboardInterrupt

        return show

    fit = importlib.import_module("identikit.engine.fit")
    from contextlib import nullcontext

    monkeypatch.setattr(fit, "progress", lambda *args: nullcontext(stopped(4)))
    data = ik.datasets.from_table(path, x="f1,f2,f3", domain="site", y="outcome")
    ik.fit("imsda", data, steps=6, seeds=2, batch=16, checkpoint=folder / "parts", checkpoint_every=0)
    assert (folder / "parts" / "checkpoint.safetensors").exists()
    _, said = run(*words, "--out", folder / "other", code=130)
    assert "The same command again goes on" in said
    monkeypatch.undo()

    _, said = run(*words, "--out", folder / "parts")
    assert "going on from step" in said
    whole, parts = (ik.Runs.load(folder / name, data) for name in ("whole", "parts"))
    assert np.abs(whole.encode() - parts.encode()).max() < 1e-5


def test_score_and_report_of_a_world(world, folder):
    out, _ = run("score", world, "--json", folder / "scores.json", "--metric", "mcc", "--metric", "domain_probe")
    assert re.search(r"^mcc +\d\.\d\d", out, re.M)
    card = json.loads((folder / "scores.json").read_text())
    assert [s["name"] for s in card["runs"][0]] == ["mcc", "domain_probe all"]
    assert len(card["runs"]) == 2

    run(
        "fit",
        "ivae",
        "--data",
        "world:DomainShift",
        "--rows",
        300,
        "--source",
        "domains=3",
        *FAST,
        "--out",
        folder / "i",
    )
    page = folder / "both.html"
    run("report", world, folder / "i", "--out", page, "--title", "Two & more")
    text = page.read_text(encoding="utf-8")
    assert "<h1>Two &amp; more</h1>" in text
    assert "vae: truth by code" in text
    assert "ivae: truth by code" in text


@pytest.fixture(scope="module")
def certified(folder):
    """A folder of a fit, to be certified."""
    out = folder / "certified"
    words = ("imsda", "--data", "world:DomainShift", "--rows", 400, "--source", "domains=3")
    run("fit", *words, "--steps", 20, "--seeds", 3, "--batch", 32, "--out", out)
    return out


def test_certify_plans_certifies_and_goes_on(certified, folder, monkeypatch):
    planned, _ = run("certify", certified, "--plan")
    assert [line.split()[0] for line in planned.splitlines()] == ["part", "agreement", "refit", "assumptions"]
    assert re.search(r"^refit +\d+ s +trains afresh", planned, re.M)
    assert not (certified / "certificate.json").exists()
    assert not (certified / "certificate").exists()

    words = ("certify", certified, "--refit-seeds", 2, "--refit-steps", 10)
    training = importlib.import_module("identikit.engine.fit")
    with monkeypatch.context() as stopped:
        stopped.setattr(training, "_loop", lambda *args: True)
        _, said = run(*words, code=130)
        assert "Interrupted: the same command again goes on" in said
        assert not (certified / "certificate.json").exists()
    shown, said = run(*words)
    assert re.search(r"^verdict: (SUPPORTED|DOUBTFUL|REFUSED) \(expected MCC", shown, re.M)
    assert "refit: about" in said
    kept = ik.Certificate.load(certified / "certificate.json")
    assert f"{kept}" in shown
    assert len(kept.refit["changing"]) == 2
    assert shown.splitlines()[-1] == f"Next: identikit report {certified}"
    again, said = run(*words)
    assert "finished; it was read back" in said
    assert again.splitlines()[1] == shown.splitlines()[1]
    kept = (certified / "certificate.json").read_bytes()

    alone = folder / "alone.json"
    shown, _ = run("certify", certified, "--without", "refit", "--run", 1, "--json", alone)
    assert "left out: refit" in shown
    assert ik.Certificate.load(alone).run == 1
    assert (certified / "certificate.json").read_bytes() == kept


def test_the_report_takes_the_certificate_that_lies_beside_the_runs(certified, folder, caplog):
    run("certify", certified, "--parts", "agreement")
    page = folder / "with.html"
    _, said = run("report", certified, "--out", page)
    assert said == ""
    text = page.read_text(encoding="utf-8")
    kept = ik.Certificate.load(certified / "certificate.json")
    assert f"{kept.verdict.capitalize()}: MCC of about {kept.expected:.2f} expected" in text

    kept_in = certified / "certificate.json"
    runs = ik.Runs.load(certified)
    changed = {
        "it is of vae": replace(kept, method="vae"),
        "it is of seed 7": replace(kept, seed=7),
        "its latents are not": replace(kept, latents=kept.latents[:1]),
    }
    for why, other in changed.items():
        other.save(kept_in)
        assert found(certified, runs) is None
        assert f"is left out of the report: {why}" in caplog.text
    kept_in.write_text("{}")
    assert found(certified, runs) is None
    assert "is not a certificate" in caplog.text
    kept.save(kept_in)
    assert found(certified, runs) == kept
    os.utime(kept_in, ns=(0, 0))
    _, said = run("report", certified, "--out", page)
    assert "it is older than the fit" in said
    assert "No certificate was made" in page.read_text(encoding="utf-8")


def test_what_cannot_be_certified(certified, folder):
    alone = folder / "one-seed"
    words = ("--data", "world:DomainShift", "--rows", 300, "--source", "domains=3", "--steps", 4, "--batch", 16)
    run("fit", "autoencoder", *words, "--seeds", 1, "--out", alone)
    assert "compares runs of different seeds, and there is 1" in refused("certify", alone, "--without", "refit")
    run("fit", "autoencoder", *words, "--seeds", 2, "--out", folder / "plain-code")
    for more in ((), ("--plan",)):
        assert "has no prior to simulate from: leave out the refit" in refused("certify", folder / "plain-code", *more)
    assert "unknown part of a certificate 'refits': did you mean 'refit'?" in refused(
        "certify", certified, "--without", "refits"
    )
    assert "leave one of them in" in refused("certify", certified, "--parts", "assumptions")
    assert "run 9 cannot be certified" in refused("certify", certified, "--run", 9, "--plan")
    assert "there is no folder" in refused("certify", folder / "gone")

    data, _ = ik.worlds.DomainShift(domains=3).sample(300, seed=0)
    own = ik.nets.Model((8,), 2, ik.nets.MLP(8, 4), ik.nets.MLP(2, 8))
    ik.fit((own, 1 * ik.tasks.Reconstruction()), data, steps=2, checkpoint=folder / "own", progress=False)
    assert "these runs are of a model of your own" in refused("certify", folder / "own")


def test_the_command_in_the_report_makes_the_same_runs(world, folder):
    runs = ik.Runs.load(world)
    line = command(runs, str(folder / "again"))
    assert line is not None
    program, *words = shlex.split(line)
    assert program == "identikit"
    run(*words)
    again = ik.Runs.load(folder / "again")
    assert again.settings == runs.settings
    assert again.history["total"] == runs.history["total"]


def test_a_weight_decay_is_asked_for_and_told(folder):
    words = ("fit", "vae", "--data", "world:DomainShift", "--rows", 300, "--source", "domains=3", *FAST)
    run(*words, "--weight-decay", 0.5, "--out", folder / "decayed")
    runs = ik.Runs.load(folder / "decayed")
    assert runs.settings.weight_decay == 0.5
    line = command(runs, str(folder / "decayed"))
    assert line is not None
    assert "--weight-decay 0.5" in line
    _, said = run(*shlex.split(line)[1:])
    assert "finished; it was read back" in said
    assert "weight_decay is a number, 0 or more, not -1" in refused(
        *words, "--weight-decay", -1, "--out", folder / "never"
    )


def test_rows_with_their_past_and_pairs_of_modalities(folder):
    few = ("--rows", 300, "--steps", 2, "--seeds", 2, "--batch", 16)
    for method, world, shape, call in (
        ("tdrl", "Temporal", ("--past", "1"), "ik.datasets.windows(data, truth, past=1, next=False)"),
        ("infonce", "MultiView", ("--views", "left,right"), "ik.datasets.as_views(data, truth, first='left', second="),
    ):
        out = folder / method
        run("fit", method, "--data", f"world:{world}", *shape, *few, "--out", out)
        assert "mcc" in run("score", out, "--metric", "mcc")[0]
        runs = ik.Runs.load(out)
        assert call in ik.reports.sources.python_call(runs)
        line = command(runs, str(out))
        assert line is not None
        assert " ".join(shape) in line
        assert "finished; it was read back" in run(*shlex.split(line)[1:])[1]
    words = ("--data", "world:MultiView", "--out", folder / "never")
    assert "--views names two modalities" in refused("fit", "infonce", *words, "--views", "left")
    assert "unknown modality 'up'" in refused("fit", "infonce", *words, "--views", "left,up")
    assert "windows needs the field 'time'" in refused("fit", "vae", "--data", "world:DomainShift", "--past", 1)
    assert "--past 1" in refused("fit", "tdrl", "--data", "world:Temporal", "--out", folder / "never")


def test_fit_on_pictures_and_arrays(folder):
    options = ("--source", "size=16", "--source", "styles=noto,fluent-emoji-flat", "--set", "hidden=8")
    run("fit", "vae", "--data", "emoji", *options, "--steps", 1, "--seeds", 1, "--out", folder / "emoji")
    source = ik.Runs.load(folder / "emoji").source
    assert (source["size"], source["styles"]) == (16, ["noto", "fluent-emoji-flat"])
    out, _ = run("score", folder / "emoji")
    assert "retrieval" in out

    rng = np.random.default_rng(0)
    np.savez(folder / "arrays.npz", x=rng.normal(size=(90, 4)), domain=np.arange(90) % 2, group=np.arange(90) // 2)
    words = ("--data", folder / "arrays.npz", "--source", "groups=group", "--source", "splits=0.6,0.2,0.2")
    run("fit", "vae", *words, *FAST, "--out", folder / "arrays")
    assert ik.Runs.load(folder / "arrays").source["splits"] == [0.6, 0.2, 0.2]
    run("report", folder / "arrays")


def test_score_of_files_of_another_program(folder):
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(300, 2))
    np.savez(folder / "truth.npz", latents=latents, names=["pose", "light"], domain=np.arange(300) % 3)
    np.savez(folder / "codes.npz", z=-(latents[:, ::-1] ** 3))
    out, _ = run("score", folder / "codes.npz", folder / "truth.npz")
    assert re.search(r"^mcc +1\.00", out, re.M)
    assert "domain_probe codes" in out
    np.save(folder / "codes.npy", np.stack([latents, latents]))
    np.save(folder / "truth.npy", latents)
    out, _ = run("score", folder / "codes.npy", folder / "truth.npy", "--metric", "mcc")
    assert out.startswith("2 runs")
    assert "domain_probe" not in out

    shape = np.arange(300) % 3
    kinds = {"kinds": ["circular", "discrete"], "latents": np.stack([latents[:, 0], shape], axis=1)}
    np.savez(folder / "kinds.npz", **kinds)
    np.savez(folder / "mixed.npz", np.stack([np.cos(latents[:, 0]), shape], axis=1))
    shown, _ = run(
        "score", folder / "mixed.npz", folder / "kinds.npz", "--metric", "mcc", "--metric", "identifiability"
    )
    assert re.search(r"^mcc +(1\.00|0\.9\d) .*2 factors \(1 circular, 1 discrete\)", shown, re.M)
    assert "left out: block_mcc: it needs a named block" in shown
    assert "sap takes continuous or discrete factors, and 'factor 0' is circular" in refused(
        "score", folder / "mixed.npz", folder / "kinds.npz", "--metric", "sap"
    )
    np.savez(folder / "kinds.npz", **{**kinds, "kinds": ["circle", "discrete"]})
    assert "kinds.npz 'circle': did you mean 'circular'?" in refused(
        "score", folder / "mixed.npz", folder / "kinds.npz"
    )
    np.savez(folder / "kinds.npz", **{**kinds, "kinds": ["circular"] * 3})
    assert "with 2 names and 3 kinds" in refused("score", folder / "mixed.npz", folder / "kinds.npz")
    np.savez(folder / "kinds.npz", **{**kinds, "kinds": "discrete", "latents": shape})
    assert "2 factors" not in run("score", folder / "mixed.npz", folder / "kinds.npz", "--metric", "mcc")[0]

    plot = folder / "card.html"
    words = ("score", folder / "codes.npy", folder / "truth.npy", "--metric", "mcc", "--plot", plot)
    assert run(*words)[0] == out
    assert "random rotation" in plot.read_text(encoding="utf-8")
    assert "ends in .html" in run(*words[:-1], folder / "card.svg", code=2)[1]

    np.savez(folder / "two.npz", a=latents, b=latents)
    assert "must hold one array or one called 'codes'" in refused("score", folder / "two.npz", folder / "truth.npz")
    assert "lengths differ" in refused("score", folder / "codes.npy", save(folder / "short.npy", latents[:50]))
    assert "NaN or infinite" in refused("score", save(folder / "nan.npy", latents * np.nan), folder / "truth.npz")
    assert "name the file of true latents" in refused("score", folder / "codes.npz")
    assert "unknown metric 'mc': did you mean 'mcc'?" in refused(
        "score", folder / "codes.npz", folder / "truth.npz", "--metric", "mc"
    )
    assert "there is no file" in refused("score", folder / "gone.npz", folder / "truth.npz")
    (folder / "bad.npz").write_bytes((folder / "codes.npz").read_bytes()[:40])
    assert "cannot be read as plain arrays" in refused("score", folder / "bad.npz", folder / "truth.npz")


def test_the_help_of_score_lists_every_metric_and_group():
    shown = run("score", "--help")[0].replace(",", " ").replace(".", " ").split()
    assert {*METRICS, *GROUPS} <= set(shown)


def save(path, array):
    np.save(path, array)
    return path


def test_lists():
    assert [line.split()[0] for line in run("methods")[0].splitlines()[1:]] == list(METHODS)
    shown, _ = run("methods", "imsda")
    for wanted in ("2306.06510", "changing", "injective mixing", "identikit verify imsda"):
        assert wanted in shown
    assert {"DomainShift", "Scenes"} <= {line.split()[0] for line in run("worlds")[0].splitlines()}
    assert {"show", "sample"} <= set(re.findall(r"\w+", run("worlds", "--help")[0]))
    assert {"emoji", "sachs", "dsprites"} <= {line.split()[0] for line in run("datasets")[0].splitlines()}
    assert "Apache-2.0" in run("datasets", "emoji")[0]
    assert run("--version")[0].strip() == f"identikit {ik.__version__}"


@pytest.mark.parametrize(("mean", "code"), [(0.9, 0), (0.1, 1)])
def test_verify_prints_both_sides_and_fails_where_the_claim_does(monkeypatch, mean, code):
    from identikit.methods import Verification
    from identikit.methods.claims import Verified

    rows = (
        Verified("holds here", (mean, mean), "at least 0.5", mean >= 0.5),
        Verified("broken", (0.2,), "below 0.7", True),
    )
    monkeypatch.setattr(ik.methods, "verify", lambda name, seeds, worlds, first: Verification(f"{name} {seeds}", rows))
    out, _ = run("verify", "vae", "--seeds", 2, code=code)
    assert ("NOT MET" in out) == (code == 1)
    assert f"{mean:.2f} to {mean:.2f}" in out
    assert "broken" in out


def test_a_world_is_shown_and_its_page_holds_graph_and_samples(folder):
    out, _ = run(
        "worlds",
        "show",
        "Scenes",
        "--source",
        "domains=2",
        "--source",
        "size=32",
        "--rows",
        60,
        "--out",
        folder / "world.html",
    )
    assert re.search(r"^ +sparse +holds +4 of 28 possible edges", out, re.M)
    assert "shape -> hue" in out
    assert re.search(r"^label +shape$", out, re.M)
    page = (folder / "world.html").read_text()
    assert page.count("class='edge'") == 4
    assert page.count("<img") == 16


def test_a_world_is_sampled_to_disk_and_learnt_from(folder):
    out, _ = run("worlds", "sample", "DomainShift", "--source", "domains=3", "--rows", 300, "--out", folder / "shift")
    assert "300 rows" in out
    run("fit", "vae", "--data", folder / "shift", *FAST, "--out", folder / "of-stream")
    assert "reopen" in ik.reports.sources.python_call(ik.Runs.load(folder / "of-stream"))


BAD = {
    "unknown method 'imdsa': did you mean 'imsda'?": ("fit", "imdsa", "--data", "{csv}"),
    "unknown method 'va'": ("methods", "va"),
    "unknown method 'beta-vae': did you mean 'beta_vae'?": ("verify", "beta-vae"),
    "unknown column 'sit': did you mean 'site'?": ("fit", "vae", "--data", "{csv}", "--domain", "sit"),
    "unknown column 'g*'": ("fit", "vae", "--data", "{csv}", "--x", "g*"),
    "unknown world 'DomainShif': did you mean 'DomainShift'?": ("fit", "vae", "--data", "world:DomainShif"),
    "unknown world 'Scene': did you mean 'Scenes'?": ("worlds", "show", "Scene"),
    "unknown data set 'emoj': did you mean 'emoji'?": ("fit", "vae", "--data", "emoj"),
    "unknown option of imsda 'latent': did you mean 'latents'?": (
        "fit", "imsda", "--data", "{csv}", "--domain", "site", "--set", "latent=3",
    ),
    "unknown option of DomainShift 'domain': did you mean 'domains'?": (
        "fit", "vae", "--data", "world:DomainShift", "--source", "domain=3",
    ),
    "'domains' takes a whole number, not 'three'": (
        "fit", "vae", "--data", "world:DomainShift", "--source", "domains=three",
    ),
    "'latents' takes a whole number, not '2.5'": ("fit", "vae", "--data", "{csv}", "--set", "latents=2.5"),
    "--set takes NAME=VALUE, and was given 'latents'": ("fit", "vae", "--data", "{csv}", "--set", "latents"),
    "takes numbers separated by commas": ("fit", "vae", "--data", "{csv}", "--x", "f*", "--sweep", "MatchPrior=a"),
    "unknown selection rule 'best'": ("fit", "vae", "--data", "{csv}", "--x", "f*", "--select", "best"),
    "column 'text' must hold numbers": ("fit", "vae", "--data", "{csv}", "--x", "f1,text"),
    "has 1 empty cell": ("fit", "vae", "--data", "{nan}", "--x", "f*"),
    "must hold numbers, and row 3 holds 'oops'": ("fit", "vae", "--data", "{word}", "--x", "f*"),
    "is empty": ("fit", "vae", "--data", "{empty}"),
    "there is no file": ("fit", "vae", "--data", "{gone}.csv"),
    "convert it to one of these": ("fit", "vae", "--data", "{plain}"),
    "--y names a column of a file": ("fit", "vae", "--data", "emoji", "--y", "outcome"),
    "cannot be written": ("fit", "vae", "--data", "{csv}", "--x", "f*", "--batch", "16", "--out", "{plain}/below"),
    "imsda needs the field 'domain'": ("fit", "imsda", "--data", "{csv}", "--x", "f*"),
    "imsda needs at least 2 domains, and the data has 1": (
        "fit", "imsda", "--data", "{one}", "--domain", "site", "--x", "f*",
    ),
    "training rows, fewer than a batch of 64": (
        "fit", "imsda", "--data", "{few}", "--domain", "site", "--x", "f*", "--batch", "64",
    ),
    "is truncated or not a safetensors file": (
        "fit", "vae", "--data", "{csv}", "--x", "f*", "--batch", "16", "--out", "{truncated}",
    ),
    "there is no folder": ("report", "{gone}"),
    "is it the output folder of a fit?": ("report", "{folder}"),
    "is a safetensors file of another program": ("report", "{foreign}"),
}  # fmt: skip


@pytest.fixture(scope="module")
def places(folder, table):
    """Files with one fault each."""
    from safetensors.numpy import save_file

    lines = frame()
    (folder / "empty.csv").touch()
    (folder / "plain").write_text("x")
    for name in ("truncated", "foreign", "bare"):
        (folder / name).mkdir()
    (folder / "truncated" / "runs.safetensors").write_bytes(b"\x80\0\0\0\0\0\0\0{")
    save_file({"a": np.zeros(2)}, folder / "foreign" / "runs.safetensors")
    rare = [line.replace("c,", "a,", 1) if i > 30 else line for i, line in enumerate(lines)]
    return {
        "csv": table,
        "nan": write(folder / "nan.csv", [*lines, "a,NaN,1,2,0,note"]),
        "word": write(folder / "word.csv", [*lines[:3], "a,oops,1,2,0,note", *lines[3:]]),
        "one": write(folder / "one.csv", ["a" + line[1:] for line in lines]),
        "few": write(folder / "few.csv", rare),
        "empty": folder / "empty.csv",
        "gone": folder / "gone",
        "plain": folder / "plain",
        "folder": folder / "bare",
        "truncated": folder / "truncated",
        "foreign": folder / "foreign",
    }


@pytest.mark.parametrize("sentence", BAD)
def test_bad_input_is_one_sentence(sentence, places, folder):
    words = [word.format(**places) for word in BAD[sentence]]
    if words[0] == "fit" and "--out" not in words:
        words += ["--out", str(folder / "never")]
    assert sentence in refused(*words)
    assert not (folder / "never" / "runs.safetensors").exists()


def test_data_that_changed_or_differs_is_refused(folder, world):
    path = write(folder / "moves.csv", frame())
    run("fit", "vae", "--data", path, "--x", "f*", *FAST, "--out", folder / "moves")
    assert "on other data than" in refused("report", world, folder / "moves")
    write(path, frame()[:-1])
    assert "it has changed since" in refused("report", folder / "moves")
    path.unlink()
    assert "there is no file" in refused("report", folder / "moves")


def real(*words, code=0):
    """A call of the installed command in a process of its own."""
    program = Path(sys.executable).with_name("identikit")
    done = subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_the_installed_command(folder, table):
    out = folder / "installed"
    shown, said = real("fit", "imsda", "--data", table, "--domain", "site", "--x", "f*", *FAST, "--out", out)
    assert shown.splitlines()[-1] == f"Next: identikit certify {out}"
    assert said == (
        "identikit: warning: imsda needs 5 values of 'domain' or more to tell changing=2 latents apart, "
        "and the data has 3: they may stay mixed\n"
    )
    shown, said = real("methods", "imdsa", code=2)
    assert shown == ""
    assert said.startswith("identikit: unknown method 'imdsa'")
    assert "Traceback" not in said
