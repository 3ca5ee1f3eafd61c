"""Studies: jobs by hash, claims that survive any crash, tables, launchers, the command line and the leaderboard."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import identikit as ik
from identikit.errors import InputError
from identikit.reports.leaderboard import leaderboard
from identikit.studies import Job, Store, Study, run
from identikit.studies.choice import chosen
from identikit.studies.claims import ATTEMPTS, Worker
from identikit.studies.job import programs, sweep
from identikit.studies.on_slurm import Task
from identikit.studies.perform import failed, perform
from identikit.studies.progress import watching
from identikit.studies.store import Status
from identikit.studies.table import table

SMALL = {"rows": 300, "steps": 30, "batch": 16, "metrics": "mcc"}


def small(worlds=("DomainShift",), methods=("vae",), seeds=2, **more):
    return Study(list(worlds), list(methods), seeds, **{**SMALL, **more})


def values(store):
    """Every score of every job."""
    return {(r["job"], s["name"]): s["value"] for r in store.records() for s in r["scores"]}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study with two methods, two points and three seeds, done in this process."""
    study = small(methods=["vae", "imsda"], seeds=3, sweep={"MatchPrior": [0.5, 1]}, metrics=["mcc", "block_r2"])
    return run(study, tmp_path_factory.mktemp("done"), launcher="here", progress=False)


# ------------------------------------------------------------------ the study and its jobs


def test_a_study_is_read_back_from_json(tmp_path):
    study = Study(
        [ik.worlds.DomainShift(domains=3), "DomainShift", {"name": "DomainShift", "options": {"seed": 1}, "rows": 500}],
        ["vae", {"name": "vae", "options": {"latents": 2}}],
        seeds=[3, 5],
        sweep={"hidden": [8, 16], "MatchPrior": [1, 2.5]},
        metrics=["mcc"],
        target=0.9,
    )
    again = Study.load(study.save(tmp_path / "study.json"))
    assert again == study
    assert [job.id for job in again.jobs] == [job.id for job in study.jobs]
    assert len(study.jobs) == len({job.id for job in study.jobs}) == 3 * 2 * 4 * 2
    assert {job.settings["rows"] for job in study.jobs} == {9_000, 500}
    assert {job.settings["method"]["options"]["hidden"] for job in study.jobs} == {8, 16}
    worlds = {"DomainShift(domains=3)", "DomainShift", "DomainShift(seed=1, rows=500)"}
    assert {job.world for job in study.jobs} == worlds


def test_worlds_of_time_get_their_past_and_modalities_become_views(tmp_path):
    worlds = [{"name": "Temporal", "past": 1}, {"name": "MultiView", "views": True}, "Temporal"]
    study = small(worlds=worlds, methods=["tdrl", "infonce"], seeds=1)
    assert Study.parse(study.json()) == study
    assert len({job.id for job in study.jobs}) == 6
    store = run(study, tmp_path, launcher="here", progress=False)
    done = {(r["world"], r["method"]) for r in store.records() if r["status"] == "finished"}
    assert done == {("Temporal(past=1)", "tdrl"), ("MultiView", "infonce")}
    with pytest.raises(InputError, match="the past of the world 'Temporal' is a number of time points, not 'two'"):
        small(worlds=[{"name": "Temporal", "past": "two"}])


def test_a_weight_decay_makes_other_jobs_and_none_leaves_their_names(tmp_path):
    plain, decayed = small(seeds=1), small(seeds=1, weight_decay=2.0)
    assert "weight_decay" not in plain.jobs[0].settings
    assert plain.jobs[0].id == small(seeds=1, weight_decay=None).jobs[0].id != decayed.jobs[0].id
    assert Study.parse(decayed.json()) == decayed
    assert Study.parse({k: v for k, v in plain.json().items() if k != "weight_decay"}) == plain
    one, other = (
        run(study, tmp_path / name, launcher="here", progress=False).records()[0]
        for study, name in ((plain, "plain"), (decayed, "decayed"))
    )
    assert other["settings"]["weight_decay"] == 2.0
    assert one["validation"] != other["validation"]


def test_an_option_is_an_axis_for_the_methods_that_have_it_alone():
    study = small(methods=["vae", "imsda"], sweep={"beta": [0.01, 0.02, 0.03]})
    assert repr(study) == "Study(1 world x 2 methods x 2 points x 2 seeds = 8 jobs, chosen by validation)"
    assert [job.point for job in study.jobs if job.method == "vae"] == [{}, {}]
    assert {job.settings["method"]["options"]["beta"] for job in study.jobs if job.method == "imsda"} == {
        0.01,
        0.02,
        0.03,
    }


def test_a_default_that_is_written_out_is_the_same_job():
    one, other = small(), small([ik.worlds.DomainShift()], [{"name": "vae", "options": {"latents": 4}}])
    assert [job.id for job in one.jobs] == [job.id for job in other.jobs]
    assert {job.id for job in one.jobs}.isdisjoint(job.id for job in small(steps=31).jobs)


def test_the_hash_is_the_same_in_every_process():
    job = Job({"b": {"y": 1, "x": [0.1, None]}, "a": "é"}, "w", "m", {})
    code = (
        "from identikit.studies.job import Job;"
        "print(Job({'a': '\\u00e9', 'b': {'x': [0.1, None], 'y': 1}}, '', '', {'p': 1}).id)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == job.id
    assert len(job.id) == 32


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"worlds": ["DomainShfit"]}, "unknown world 'DomainShfit': did you mean 'DomainShift'"),
        ({"worlds": [{"name": "DomainShift", "options": {"domain": 3}}]}, "did you mean 'domains'"),
        ({"worlds": ["nowhere.at:all"]}, "cannot be imported"),
        ({"worlds": [{"name": "DomainShift", "size": 3}]}, "unknown key of a world 'size'"),
        ({"worlds": [ik.worlds.DomainShift(mixing=lambda z: z)]}, "cannot be written down"),
        ({"worlds": []}, "at least one world"),
        ({"methods": ["veae"]}, "unknown method 'veae': did you mean 'vae'"),
        ({"methods": [{"name": "vae", "options": {"latent": 3}}]}, "unknown option of vae 'latent'"),
        ({"methods": ["vae", "vae"]}, "two jobs of the study have the same settings"),
        ({"metrics": ["mmc"]}, "unknown metric 'mmc'"),
        ({"select": "best"}, "unknown selection rule 'best'"),
        ({"select": "agreement", "seeds": 1}, "at least two"),
        ({"sweep": {"MatchPior": [1]}}, "unknown option or term of vae to sweep 'MatchPior'"),
        ({"sweep": {"latents": []}}, "one or more values"),
        ({"sweep": {"MatchPrior": ["a"]}}, "a list of numbers"),
        ({"seeds": [0, 0]}, "different seeds"),
        ({"steps": 0}, "steps is a whole number above 0"),
        ({"lr": -1.0}, "lr is a number above 0"),
        ({"weight_decay": -0.1}, "weight_decay is a number, 0 or more, not -0.1"),
        ({"imports": ["no_such_module"]}, "cannot be imported"),
    ],
)
def test_a_study_that_cannot_be_done_is_refused_in_one_sentence(change, says):
    with pytest.raises(InputError, match=r"^[^\n]*$") as reason:
        Study(**{"worlds": ["DomainShift"], "methods": ["vae"], **SMALL, **change})
    assert says in str(reason.value)


def test_a_study_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "more.json").write_text('{"worlds": ["DomainShift"], "methods": ["vae"], "seed": 3}')
    (tmp_path / "less.json").write_text('{"worlds": ["DomainShift"]}')
    for name, says in (("none", "cannot be read"), ("bad", "no JSON"), ("more", "'seeds'"), ("less", "'methods'")):
        with pytest.raises(InputError, match=says):
            Study.load(tmp_path / f"{name}.json")


POINTS = st.sets(
    st.tuples(st.integers(0, 2), st.sampled_from([0.1, 1.0, 3.0]), st.sampled_from([1.0, 2.0])), min_size=1
)


@given(POINTS)
def test_the_fits_of_a_program_train_just_the_jobs_that_are_missing(points):
    jobs = [Job({"seed": s, "weights": {"A": a, "B": b}}, "", "", {}) for s, a, b in sorted(points)]
    trained = []
    for fit in programs(jobs):
        axes = sweep(fit)
        for seed in {job.seed for job in fit}:
            trained += [(seed, a, b) for a in axes["A"] for b in axes["B"]]
    assert sorted(trained) == sorted(points)


# ------------------------------------------------------------------ doing jobs


def test_jobs_done_together_score_as_when_done_alone(done):
    job = done.study.jobs[3]
    alone = perform([job], "validation", done.study.seeds)[0]
    together = next(record for record in done.records() if record["job"] == job.id)
    assert together["together"] == 6
    assert alone["together"] == 1
    assert alone["validation"] == pytest.approx(together["validation"], abs=1e-3)
    for one, other in zip(alone["scores"], together["scores"], strict=True):
        assert one["value"] == pytest.approx(other["value"], abs=1e-3)
        assert set(one["nulls"]) == set(other["nulls"])


def test_a_record_says_all_that_is_needed(done):
    record = done.records()[0]
    assert record["settings"] == done.study.jobs[0].settings
    assert record["settings"]["world"]["options"]["domains"] == 9
    assert record["status"] == "finished"
    assert record["finite"] is True
    assert record["cpu_seconds"] > 0
    assert set(record["versions"]) == {"identikit", "torch", "numpy", "python"}
    assert record["scores"][0]["nulls"]["permuted rows"]["draws"] > 0
    json.dumps(record, allow_nan=False)


def test_a_metric_that_a_world_does_not_allow_is_left_out_with_its_reason(tmp_path):
    store = run(small(metrics=["retrieval", "mcc"]), tmp_path, launcher="here", progress=False)
    assert store.status().finished == 2
    for record in store.records():
        assert [score["name"] for score in record["scores"]] == ["mcc"]
        assert "retrieval cannot be computed here" in record["left_out"]["retrieval"]
    assert "retrieval cannot be computed here" in leaderboard(store).read_text()


def test_the_cost_until_a_target_is_recorded(tmp_path):
    easy = run(small(target=0.01), tmp_path / "easy", launcher="here", progress=False).records()
    hard = run(small(target=2.0), tmp_path / "hard", launcher="here", progress=False).records()
    assert all(0 < record["target_seconds"] <= record["cpu_seconds"] for record in easy)
    assert all(record["target_seconds"] is None for record in hard)
    assert [r["validation"] for r in easy] == [r["validation"] for r in hard]


def test_failed_and_diverged_jobs_are_recorded_counted_and_not_done_again(tmp_path):
    study = small(["DomainShift", {"name": "DomainShift", "options": {"domains": 1}}], ["vae", "imsda"])
    store = run(study, tmp_path / "failed", launcher="here", progress=False)
    assert (store.status().finished, store.status().failed) == (6, 2)
    reasons = {record["reason"] for record in store.records() if record["status"] == "failed"}
    assert reasons == {"InputError: imsda needs at least 2 domains, and the data has 1"}
    before = len(list((tmp_path / "failed" / "records").iterdir()))
    run(study, tmp_path / "failed", launcher="here", progress=False)
    assert len(list((tmp_path / "failed" / "records").iterdir())) == before
    run(study, tmp_path / "failed", launcher="here", progress=False, retry=True)
    assert len(list((tmp_path / "failed" / "records").iterdir())) == before + 1
    assert store.status().failed == 2
    row = next(row for row in store.table() if row["failed"])
    assert (row["metric"], row["value"], row["runs"]) == (None, None, "0 of 2, 2 failed")

    wild = run(small(lr=1e18, steps=60), tmp_path / "wild", launcher="here", progress=False)
    assert wild.status().diverged == 2
    assert all(r["status"] == "diverged" and r["scores"] == [] and not r["finite"] for r in wild.records())
    assert wild.table().rows[0]["runs"] == "0 of 2, 2 diverged"


@pytest.mark.parametrize("rule", ["validation", "independence", "agreement", "oracle"])
def test_a_rule_chooses_the_run_that_runs_select_chooses(rule, tmp_path):
    study = small(methods=["imsda"], seeds=4, select=rule, sweep={"MatchPrior": [0.5, 2]}, rows=900)
    store = run(study, tmp_path, launcher="here", pack=3, progress=False)
    data, truth = ik.worlds.DomainShift().sample(900, seed=0)
    runs = ik.fit("imsda", data, seeds=4, steps=30, batch=16, sweep={"MatchPrior": [0.5, 2]}, progress=False)
    wanted = {(r.weights["MatchPrior"], r.seed) for r in runs.select(rule, truth if rule == "oracle" else None).table}
    assert {(row["MatchPrior"], row["seed"]) for row in store.table("run") if row["chosen"]} == wanted
    assert {(row["MatchPrior"], row["seed"]) for row in store.table()} == wanted
    assert {row["rule"] for row in store.table()} == {rule}
    assert ("the truth chose these runs" in str(store.table())) == (rule == "oracle")


def test_a_diverged_run_is_never_chosen():
    base = {"world": "w", "method": "m", "point": {}, "selection_score": 1.0}
    runs = [
        {**base, "job": "a", "status": "diverged", "validation": 0.0, "selection_score": 9.0},
        {**base, "job": "b", "status": "finished", "validation": 2.0},
        {**base, "job": "c", "status": "failed", "validation": None, "selection_score": None},
    ]
    for rule in ("last", "validation", "independence", "agreement", "oracle"):
        assert chosen(runs, rule) == {"b"}
    assert chosen(runs[::2], "validation") == set()


# ------------------------------------------------------------------ claims and crashes


def test_two_workers_never_hold_the_same_job(tmp_path):
    store = Store.create(tmp_path, small(methods=["vae", "imsda"], seeds=40))
    held = []

    def take():
        with Worker(store) as worker:
            while jobs := worker.claim(3):
                held.extend(job.id for job in jobs)
                worker.finish([failed(job, "not tried") for job in jobs])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == sorted(store.ids)
    assert store.status().failed == 80
    assert os.listdir(tmp_path / "claims") == []


def test_a_pack_holds_jobs_of_one_program(tmp_path):
    store = Store.create(tmp_path, small(methods=["vae", "imsda"], seeds=3))
    with Worker(store) as worker:
        packs = [worker.claim(32), worker.claim(2), worker.claim(32), worker.claim(32)]
        assert [len(pack) for pack in packs] == [3, 2, 1, 0]
        assert all(len({job.program for job in pack}) <= 1 for pack in packs)
        assert store.status().running == 6
    assert store.status().running == 0
    assert os.listdir(tmp_path / "claims") == os.listdir(tmp_path / "workers") == []


def abandon(store, host, pid, age, jobs=1):
    """What a worker that was killed leaves behind; returns its jobs."""
    worker = Worker(store, name=f"{host}-{pid}")
    beat = store.folder / "workers" / worker.name
    beat.write_text(json.dumps({"host": host, "pid": pid, "lease": 60}))
    os.utime(beat, (time.time() - age, time.time() - age))
    return [job.id for job in worker.claim(jobs)]


def test_the_claims_of_a_dead_worker_are_taken_over_and_those_of_a_living_one_are_not(tmp_path):
    import platform

    store = Store.create(tmp_path, small(seeds=4))
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = abandon(store, platform.node(), gone.pid, 0)
    silent = abandon(store, "elsewhere", 1, 0)
    alive = abandon(store, "elsewhere", 2, 5)
    assert store.status().running == 3
    gone.kill()
    gone.communicate()
    os.utime(store.folder / "workers" / "elsewhere-1", (time.time() - 61, time.time() - 61))
    assert store.status().running == 1
    with Worker(store) as worker:
        mine = [job.id for job in worker.claim(32)]
        assert set(dead + silent) < set(mine) == store.ids - set(alive)
        assert worker.held[dead[0]] == 1


def test_a_job_that_kills_its_workers_is_given_up(tmp_path):
    store = Store.create(tmp_path / "one", small(seeds=2))
    for attempt in range(ATTEMPTS):
        assert abandon(store, "elsewhere", attempt, 100) == [store.study.jobs[0].id]
    with Worker(store) as worker:
        assert [job.seed for job in worker.claim(32)] == [1]
    assert store.status().failed == 1
    assert store.records()[0]["reason"] == f"its worker died {ATTEMPTS} times"
    other = Store.create(tmp_path / "other", small(seeds=2))
    for attempt in range(ATTEMPTS):
        abandon(other, "elsewhere", attempt, 100)
    assert run(other.study, other.folder, launcher="here", progress=False).status().finished == 2
    assert store.retry() == 1
    with Worker(store) as worker:
        assert [job.seed for job in worker.claim(32)] == [0, 1]


def test_jobs_over_which_workers_died_are_done_one_by_one(tmp_path):
    store = Store.create(tmp_path, small(seeds=3))
    abandon(store, "elsewhere", 1, 100, 2)
    abandon(store, "elsewhere", 2, 100, 2)
    with Worker(store) as worker:
        assert [[job.seed for job in worker.claim(32)] for _ in range(4)] == [[0], [1], [2], []]


def test_a_half_written_line_is_ignored_and_done_again(tmp_path):
    study = small(seeds=3)
    whole = run(study, tmp_path / "whole", launcher="here", progress=False)
    store = run(study, tmp_path / "torn", launcher="here", progress=False)
    (path,) = (tmp_path / "torn" / "records").iterdir()
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second + third[: len(third) // 2])
    assert len(store.records()) == len(store.query("SELECT job FROM runs")[0]) == 2
    again = run(study, tmp_path / "torn", launcher="here", progress=False)
    assert again.status().finished == 3
    assert values(again) == pytest.approx(values(whole), abs=1e-3)
    assert len(again.table("run")) == 3


def test_what_was_recorded_but_not_marked_counts(tmp_path):
    study = small(seeds=2)
    store = run(study, tmp_path, launcher="here", progress=False)
    job = store.study.jobs[1].id
    (tmp_path / "done" / f"{job}.finished").unlink()
    assert store.status().left == 1
    store.recover()
    assert store.status().left == 0
    assert len(store.records()) == 2


def test_a_full_disk_is_said_in_one_sentence_and_nothing_is_lost(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    study = small(seeds=4)
    store = Store.create(tmp_path, study)
    with Worker(store) as worker:
        worker.finish(perform(worker.claim(2), "validation", study.seeds))
    (tmp_path / "records" / "unlucky.jsonl").symlink_to("/dev/full")
    with pytest.raises(InputError, match="cannot be written: No space left on device; what is recorded is safe"):  # noqa: SIM117
        with Worker(store, name="unlucky") as worker:
            worker.finish([failed(job, "not tried") for job in worker.claim(2)])
    (tmp_path / "records" / "unlucky.jsonl").unlink()
    assert (store.status().finished, store.status().running) == (2, 0)
    assert run(study, tmp_path, launcher="here", progress=False).status().finished == 4


def test_a_disk_that_fills_up_in_the_middle_of_a_line_leaves_whole_lines(tmp_path, monkeypatch):
    store = Store.create(tmp_path, small(seeds=2))
    write, calls = os.write, []

    def some(handle, text):
        calls.append(len(text))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, text[: len(text) // 2])

    with Worker(store) as worker:
        jobs = worker.claim(2)
        worker.finish([failed(jobs[0], "first")])
        monkeypatch.setattr(os, "write", some)
        with pytest.raises(InputError, match="No space left"):
            worker.finish([failed(jobs[1], "second")])
        monkeypatch.undo()
        worker.finish([failed(jobs[1], "third")])
    assert [record["reason"] for record in store.records()] == ["first", "third"]
    assert len(calls) == 2


# ------------------------------------------------------------------ the folder


def test_another_study_does_not_enter_the_folder_but_a_larger_one_does(tmp_path):
    study = small(seeds=2)
    store = run(study, tmp_path, launcher="here", progress=False)
    for other in (small(seeds=2, steps=31), small(seeds=1), small(seeds=2, select="last")):
        with pytest.raises(InputError, match="holds a study with"):
            Store.create(tmp_path, other)
    assert store.status().finished == 2
    more = run(small(seeds=3), tmp_path, launcher="here", progress=False)
    assert more.status().finished == 3
    assert len(more.table("run")) == 3
    # A second world of that name changes what the first is called.
    two = [ik.worlds.DomainShift(), {"name": "DomainShift", "options": {"domains": 3}}]
    both = Store.create(tmp_path, small(two, seeds=3))
    assert [(row["world"].endswith("(domains=3)"), row["finished"], row["left"]) for row in both.table()] == [
        (False, 3, 0),
        (True, 0, 3),
    ]


def test_a_folder_of_another_kind_or_a_newer_version_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no study in"):
        Store(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        Store.create(tmp_path, small())
    store = Store.create(tmp_path / "new", small())
    about = json.loads((store.folder / "study.json").read_text())
    (store.folder / "study.json").write_text(json.dumps({**about, "format": 2, "version": "9.0"}))
    with pytest.raises(InputError, match=r"was written by identikit 9\.0 in a newer format"):
        Store(store.folder)
    (store.folder / "study.json").write_text("[]")
    with pytest.raises(InputError, match="is not a study that identikit wrote"):
        Store(store.folder)


def test_the_table_says_mean_spread_null_and_rule(done):
    rows = {(row["method"], row["MatchPrior"], row["metric"]): row for row in done.table()}
    own = rows["vae", 0.5, "mcc"]
    records = [r for r in done.records() if r["method"] == "vae" and r["point"] == {"MatchPrior": 0.5}]
    scores = [next(s for s in r["scores"] if s["name"] == "mcc") for r in records]
    assert own["values"] == pytest.approx([s["value"] for s in scores])
    assert own["mean"] == pytest.approx(np.mean([s["value"] for s in scores]))
    assert (own["low"], own["high"]) == (min(own["values"]), max(own["values"]))
    best = min(range(3), key=lambda i: records[i]["validation"])
    assert (own["seed"], own["value"]) == (records[best]["seed"], scores[best]["value"])
    assert own["null_high"] == max(s["nulls"]["permuted rows"]["high"] for s in scores)
    assert own["place"] == ("above" if own["value"] > own["null_high"] else "inside")
    assert own["runs"] == "3 of 3"
    text = str(done.table())
    assert "permuted rows" in text
    assert "12 of 12 jobs done" in text
    assert done.table().where(metric="mcc", method="vae").rows == [own, rows["vae", 1, "mcc"]]


def test_parquet_and_lines_give_the_same_table(done, tmp_path):
    assert (done.folder / "runs.parquet").exists()
    kept, runs = done.table().rows, done.table("run").rows
    (done.folder / "runs.parquet").unlink()
    assert done.table().rows == kept
    assert done.table("run").rows == runs
    assert done.compact() == done.folder / "runs.parquet"
    assert done.query("SELECT count(*) AS n FROM runs WHERE seed = 1") == [[{"n": 4}]]
    assert json.loads(done.table().save(tmp_path / "t.json").read_text()) == kept
    assert len(done.table("run").save(tmp_path / "t.csv").read_text().splitlines()) == 13
    with pytest.raises(InputError, match=r"\.json or \.csv"):
        done.table().save(tmp_path / "t.txt")
    with pytest.raises(InputError, match="unknown kind of table"):
        table(done, "seed")


def test_an_unfinished_study_has_a_table_too(tmp_path):
    store = Store.create(tmp_path, small(seeds=2))
    assert [(row["metric"], row["left"], row["runs"]) for row in store.table()] == [(None, 2, "0 of 2")]
    assert len(store.table("run")) == 0
    assert "0 of 2 jobs done" in leaderboard(store).read_text()


# ------------------------------------------------------------------ launchers


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"launcher": "kubernetes"}, "unknown launcher 'kubernetes'"),
        ({"workers": 0}, "workers is a whole number above 0"),
        ({"pack": 0}, "pack is a whole number above 0"),
        ({"lease": 0}, "lease is a number of seconds above 0"),
    ],
)
def test_a_launcher_that_cannot_be_used_is_refused(options, says, tmp_path):
    with pytest.raises(InputError, match=says):
        run(small(), tmp_path / "out", **options)


def killer(folder, killed):
    """Kill the first process that samples a world, once it does."""
    own = os.getpid()
    for _ in range(600):
        pids = [int(path.name.partition("-")[0]) for path in folder.iterdir()]
        if pids and pids[0] != own:
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])
            return
        time.sleep(0.05)


def killed_and_compared(tmp_path, monkeypatch, **options):
    """Run a study with a launcher, kill a worker in the middle, and compare with the study done in this process."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    seen = tmp_path / "seen"
    seen.mkdir()
    worlds = [
        {"name": "study_world:Told", "options": {"seed": seed, "folder": str(seen), "seconds": 0.5}} for seed in (0, 1)
    ]
    study = small(worlds, ["vae", "imsda"], seeds=2, steps=60)
    killed = []
    thread = threading.Thread(target=killer, args=(seen, killed))
    thread.start()
    there = run(study, tmp_path / "there", workers=2, progress=False, **options)
    thread.join()
    assert killed
    assert there.status().finished == 8
    here = run(study, tmp_path / "here", launcher="here", progress=False)
    assert values(there) == pytest.approx(values(here), abs=1e-3)
    assert len(values(here)) == 8
    assert os.listdir(there.folder / "claims") == os.listdir(there.folder / "workers") == []


@pytest.mark.slow
def test_a_local_worker_that_is_killed_is_replaced(tmp_path, monkeypatch):
    killed_and_compared(tmp_path, monkeypatch, launcher="local")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_ray_worker_that_is_killed_is_replaced(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'identikit[ray]'")
    killed_and_compared(tmp_path, monkeypatch, launcher="ray")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_slurm_workers_do_the_same_study(tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'identikit[slurm]'")
    study = small(methods=["vae", "imsda"])
    there = run(study, tmp_path / "there", "slurm", 2, cluster="local", timeout_min=5, progress=False)
    here = run(study, tmp_path / "here", launcher="here", progress=False)
    assert values(there) == pytest.approx(values(here), abs=1e-3)
    assert len(values(there)) == 4
    again = Task("folder", 3, 60.0).checkpoint()
    assert again.function.given == ("folder", 3, 60.0)


@pytest.mark.slow
def test_an_interrupted_study_lets_go_of_its_jobs_and_goes_on(tmp_path, monkeypatch):
    """Ctrl-C on the command line, in the middle of the work of two processes."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    seen = tmp_path / "seen"
    seen.mkdir()
    world = {"name": "study_world:Told", "options": {"folder": str(seen), "seconds": 60.0}}
    study = small(["DomainShift", world], ["vae"], seeds=2)
    file, out = study.save(tmp_path / "study.json"), tmp_path / "out"
    # Where the tests run in the background of a shell, it has told them to ignore Ctrl-C.
    code = "import signal; signal.signal(2, signal.default_int_handler); from identikit.cli import main; main()"
    command = [sys.executable, "-c", code, "study", "run", str(file)]
    process = subprocess.Popen([*command, "--out", str(out), "--workers", "1", "--pack", "2"], stderr=subprocess.PIPE)
    while not any(seen.iterdir()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "Interrupted: the same command again goes on with what is left."
    store = Store(out)
    assert (store.status().finished, store.status().running) == (2, 0)
    assert os.listdir(out / "claims") == []


@pytest.mark.slow
def test_a_worker_ends_with_the_process_that_started_it(tmp_path, monkeypatch):
    """When the launcher is killed in the middle, its workers let go and end."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    seen = tmp_path / "seen"
    seen.mkdir()
    world = {"name": "study_world:Told", "options": {"folder": str(seen), "seconds": 60.0}}
    Store.create(tmp_path / "out", small([world], ["vae"], seeds=2))
    code = (
        "import os, subprocess, sys;"
        f"subprocess.Popen([sys.executable, '-m', 'identikit.studies', {str(tmp_path / 'out')!r}, '--parent', "
        "str(os.getpid())]); input()"
    )
    launcher = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    while not any(seen.iterdir()):
        time.sleep(0.05)
    launcher.kill()
    launcher.communicate()
    for _ in range(200):
        if not os.listdir(tmp_path / "out" / "workers"):
            break
        time.sleep(0.05)
    assert os.listdir(tmp_path / "out" / "claims") == os.listdir(tmp_path / "out" / "workers") == []


def test_progress_is_plain_lines_or_a_bar(capsys, monkeypatch):
    start, end = Status(4, 1, 0, 0, 2), Status(4, 2, 1, 1, 0)
    with watching(start, None) as show:
        show(start)
        show(end)
        show(end)
    assert capsys.readouterr().err.splitlines() == [
        "study: 1 of 4 jobs done, 2 running",
        "study: 4 of 4 jobs done, 1 diverged, 1 failed, 0 running, nothing left",
    ]
    with watching(start, False) as show:
        show(end)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with watching(start, None) as show:
        show(end)
    assert "1 diverged, 1 failed" in capsys.readouterr().err


# ------------------------------------------------------------------ exporters


@pytest.mark.filterwarnings("ignore")
def test_runs_are_copied_into_mlflow(done, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: pip install 'identikit[mlflow]'")
    from identikit.studies.export import to_mlflow

    where = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert (to_mlflow(done, "study", where), to_mlflow(done, "study", where)) == (12, 0)
    client = mlflow.tracking.MlflowClient(where)
    found = client.search_runs([client.get_experiment_by_name("study").experiment_id])
    kept = {run.data.tags["identikit_job"]: run.data.metrics["mcc"] for run in found}
    assert kept == pytest.approx({job: value for (job, name), value in values(done).items() if name == "mcc"})


@pytest.mark.filterwarnings("ignore")
def test_runs_are_copied_into_trackio(done, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio = pytest.importorskip("trackio", reason="trackio is not installed: pip install 'identikit[trackio]'")
    from identikit.studies.export import to_trackio

    assert to_trackio(done, "study") == 12
    kept = list(trackio.Api().runs("study"))
    assert len(kept) == 12
    assert {run.config["method"] for run in kept} == {"vae", "imsda"}


@pytest.mark.parametrize("name", ["mlflow", "trackio"])
def test_an_exporter_says_what_is_missing(done, name, monkeypatch):
    from identikit.studies.export import EXPORTERS

    for module in (name, "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"pip install 'identikit\[{name}\]'"):
        EXPORTERS[name](done, "study")


# ------------------------------------------------------------------ command line and leaderboard


@pytest.fixture
def cli():
    from typer.testing import CliRunner

    from identikit.cli import app

    return lambda *words: CliRunner().invoke(app, ["study", *map(str, words)])


def test_the_command_line_from_a_file_to_a_leaderboard(cli, tmp_path):
    file, out = tmp_path / "study.json", tmp_path / "store"
    assert "identikit study run" in cli("new", file).stdout
    assert cli("new", file).exit_code == 2
    asked = json.loads(file.read_text())
    file.write_text(json.dumps({**asked, **SMALL, "worlds": ["DomainShift"], "seeds": 2}))
    done = cli("run", file, "--out", out, "--launcher", "here")
    assert done.exit_code == 0, done.output
    assert "4 of 4 jobs done" in done.stdout
    assert "4 of 4 jobs done" in cli("status", out).stdout
    lines = cli("table", out, "--metric", "mcc", "--to", tmp_path / "t.csv").stdout.splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["vae", "imsda"]
    assert "validation" in lines[1]
    assert (tmp_path / "t.csv").exists()
    assert "seed" in cli("table", out, "--runs").stdout
    assert (out / "leaderboard.html").exists() is False
    assert "leaderboard.html" in cli("report", out).stdout
    assert (out / "leaderboard.html").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status", "nowhere"), "there is no study in nowhere"),
        (("run", "nowhere.json", "--out", "x"), "cannot be read"),
        (("run", "nowhere.json", "--out", "x", "--gpus", "1"), "for --launcher ray"),
        (("run", "nowhere.json", "--out", "x", "--set", "a=1"), "for --launcher slurm"),
        (("export", "nowhere", "--to", "wandb"), "unknown tracker 'wandb'"),
    ],
)
def test_the_command_line_refuses_in_one_sentence(cli, words, says):
    answer = cli(*words)
    assert answer.exit_code == 2
    assert says in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_help_shows_an_example(cli):
    assert "identikit study run study.json --out runs/study" in cli("--help").stdout
    for name in ("new", "run", "status", "table", "report", "export"):
        assert f"identikit study {name}" in cli(name, "--help").stdout


def test_the_leaderboard_hides_nothing(tmp_path, page):
    study = small(
        ["DomainShift", {"name": "DomainShift", "options": {"domains": 1}}], ["vae", "imsda"], select="oracle"
    )
    store = run(study, tmp_path / "store", launcher="here", progress=False)
    path = leaderboard(store)
    page.goto(path.as_uri())
    page.wait_for_selector(".js-plotly-plot .main-svg")
    assert page.errors == []
    text = page.inner_text("main")
    assert "2 failed" in text
    assert "The null: permuted rows" in text
    assert "needs at least 2 domains" in text
    rows = page.locator("#scores tbody tr")
    assert rows.count() == 4
    for i in range(3):
        assert "ORACLE, seed" in rows.nth(i).inner_text()
        assert "above" in rows.nth(i).inner_text() or "inside" in rows.nth(i).inner_text()
    assert "ORACLE" in page.inner_text("header")
    assert "http" not in path.read_text().split("</script>")[-1]
