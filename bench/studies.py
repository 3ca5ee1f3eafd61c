"""Studies: 64 small jobs packed against 64 processes; what a launcher costs; a folder of 10,000 finished jobs.

Run: python bench/studies.py [--steps N] [--seconds N]. Writes bench/results/studies.json.

1. 64 jobs (8 seeds x 8 weights of the prior, `vae` on DomainShift, scored by MCC with its nulls) by `studies.run` with
   one worker process, against 64 processes of the same engine, each of which fits and scores one job. CPU seconds of
   all child processes. Starting Python and importing torch is most of what a short process does, so the same is also
   compared without it: against the same worker that takes one job at a time (`pack=1`), which is the gain of packing
   alone. Check: every score is the same to 1e-3.
2. Jobs that sleep for a second, on two workers: the time between the end of a job and the start of the next one of the
   same worker, by launcher. `slurm` is submitit's local executor.
3. A folder with 10,000 finished jobs: CPU and wall seconds to open it and say its status, and to make its tables.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import common
from identikit.studies import Store, Study, run
from identikit.studies.claims import Worker
from identikit.worlds import DomainShift

WEIGHTS = [0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0]
TOLERANCE = 1e-3
MANY = 10_000

ALONE = """
import json, sys, torch
torch.set_num_threads(1)
import identikit as ik
seed, weight, steps = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
data, truth = ik.worlds.DomainShift().sample(2000, seed=0)
runs = ik.fit("vae", data, seeds=[seed], sweep={"MatchPrior": [weight]}, steps=steps, progress=False)
print(json.dumps(ik.score(runs, truth, "mcc").runs[0][0].value))
"""


@dataclass(frozen=True)
class Second(DomainShift):
    """A world that takes its time, and says when it was asked and by which process."""

    folder: str = ""
    seconds: float = 1.0

    def sample(self, n: int, seed: int = 0) -> Any:
        """Draw rows, late."""
        Path(self.folder, f"{self.seed}.json").write_text(json.dumps([os.getpid(), time.time()]))
        time.sleep(self.seconds)
        return super().sample(n, seed)


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(what: Any) -> tuple[Any, float, float]:
    """What a function returns, the wall seconds, and the CPU seconds of its child processes."""
    wall, cpu = time.perf_counter(), children()
    answer = what()
    return answer, time.perf_counter() - wall, children() - cpu


def packing(steps: int) -> dict[str, Any]:
    study = Study(["DomainShift"], ["vae"], 8, sweep={"MatchPrior": WEIGHTS}, metrics="mcc", rows=2000, steps=steps)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        packed, wall, cpu = timed(lambda: run(study, out / "packed", workers=1, pack=64, progress=False))
        single, wall_single, cpu_single = timed(lambda: run(study, out / "one", workers=1, pack=1, progress=False))
        ours = {key(record): record["scores"][0]["value"] for record in packed.records()}
        ones = {key(record): record["scores"][0]["value"] for record in single.records()}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def separate() -> dict[tuple[int, float], float]:
        found = {}
        for job in study.jobs:
            command = [sys.executable, "-c", ALONE, str(job.seed), str(job.weights["MatchPrior"]), str(steps)]
            said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            found[job.seed, job.weights["MatchPrior"]] = json.loads(said.stdout)
        return found

    theirs, wall_separate, cpu_separate = timed(separate)
    gap = max(abs(ours[job] - value) for others in (theirs, ones) for job, value in others.items())
    rows = [
        ("packed by a study", cpu, wall, 1.0),
        ("the same worker, one job at a time", cpu_single, wall_single, cpu_single / cpu),
        ("64 processes", cpu_separate, wall_separate, cpu_separate / cpu),
    ]
    common.table((f"{len(ours)} jobs of {steps} steps", "CPU s", "wall s", "times the packed"), rows)
    print(f"largest difference of a score: {gap:.2g} (at most {TOLERANCE:g})")
    return {
        "jobs": len(ours),
        "steps": steps,
        "cpu_seconds": {name: round(seconds, 2) for name, seconds, _, _ in rows},
        "wall_seconds": {name: round(seconds, 2) for name, _, seconds, _ in rows},
        "packed_is_times_faster_than_processes": round(cpu_separate / cpu, 1),
        "packed_is_times_faster_than_one_at_a_time": round(cpu_single / cpu, 1),
        "largest_difference": gap,
        "tolerance": TOLERANCE,
    }


def key(record: dict[str, Any]) -> tuple[int, float]:
    return record["seed"], record["point"]["MatchPrior"]


def overhead(launcher: str, seconds: float, jobs: int = 16, **options: Any) -> dict[str, float]:
    """Seconds until the first job starts, and between two jobs of one worker."""
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder, "seen")
        seen.mkdir()
        worlds = [
            {"name": "studies:Second", "options": {"seed": i, "folder": str(seen), "seconds": seconds}}
            for i in range(jobs)
        ]
        study = Study(worlds, ["vae"], 1, rows=300, steps=1, batch=16, metrics="mcc")
        began = time.time()
        store = run(study, Path(folder, "out"), launcher, workers=2, pack=1, progress=False, **options)
        started = {int(path.stem): json.loads(path.read_text()) for path in seen.iterdir()}
        spans: dict[int, list[tuple[float, float]]] = {}
        for record in store.records():
            pid, start = started[record["settings"]["world"]["options"]["seed"]]
            spans.setdefault(pid, []).append((start, datetime.fromisoformat(record["finished"]).timestamp()))
    gaps = []
    for own in spans.values():
        own.sort()
        gaps += [start - end for (_, end), (start, _) in pairwise(own)]
    length = statistics.median(end - start for own in spans.values() for start, end in own)
    return {
        "start_seconds": round(min(start for own in spans.values() for start, _ in own) - began, 2),
        "job_seconds": round(length, 3),
        "between_jobs_ms": round(1e3 * statistics.median(gaps), 1),
        "between_jobs_ms_mean": round(1e3 * statistics.mean(gaps), 1),
        "share_of_a_second": round(statistics.mean(gaps), 4),
    }


def many() -> dict[str, Any]:
    """A folder of 10,000 finished jobs, written by the library's own worker."""
    worlds = [{"name": "DomainShift", "options": {"seed": seed}} for seed in range(10)]
    study = Study(worlds, ["vae", "imsda"], MANY // 20, rows=300, steps=20, batch=16)
    small = Study(["DomainShift"], ["vae"], 1, rows=300, steps=20, batch=16)
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        template = run(small, Path(folder, "small"), launcher="here", progress=False).records()[0]
        store = Store.create(Path(folder, "many"), study)
        claims, done = 0.0, 0
        with Worker(store) as worker:
            while True:
                began = time.process_time()
                jobs = worker.claim(500)
                if not jobs:
                    break
                records = [
                    {**template, "job": job.id, "world": job.world, "method": job.method, "seed": job.seed,
                     "settings": job.settings, "validation": 1 / (1 + job.seed)}
                    for job in jobs
                ]  # fmt: skip
                worker.finish(records)
                claims, done = claims + time.process_time() - began, done + len(jobs)
        size = sum(path.stat().st_size for path in (store.folder / "records").iterdir())
        steps = {
            "open and status": lambda: Store(store.folder).status(),
            "table from lines": lambda: Store(store.folder).table(),
            "table of runs from lines": lambda: Store(store.folder).table("run"),
            "compact": lambda: Store(store.folder).compact(),
            "table from Parquet": lambda: Store(store.folder).table(),
            "table of runs from Parquet": lambda: Store(store.folder).table("run"),
        }
        for name, what in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            what()
            found[name] = {
                "cpu_seconds": round(time.process_time() - cpu, 3),
                "wall_seconds": round(time.perf_counter() - wall, 3),
            }
        command = [sys.executable, "-m", "identikit.studies", str(store.folder)]
        _, wall, cpu = timed(lambda: subprocess.run(command, check=True))
        found["a worker that finds nothing to do, whole process"] = {
            "cpu_seconds": round(cpu, 3),
            "wall_seconds": round(wall, 3),
        }
    rows = [(name, times["cpu_seconds"], times["wall_seconds"]) for name, times in found.items()]
    common.table((f"{done} finished jobs, {size / 1e6:.0f} MB of lines", "CPU s", "wall s"), rows)
    return {"jobs": done, "megabytes": round(size / 1e6, 1), "write_ms_per_job": round(1e3 * claims / done, 2), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    pack = packing(given.steps)
    launchers = {"here": {}, "local": {}, "ray": {}, "slurm": {"cluster": "local", "timeout_min": 5}}
    costs: dict[str, dict[str, float]] = {}
    for name, options in launchers.items():
        with contextlib.suppress(ImportError):
            if name in ("ray", "slurm"):
                __import__({"ray": "ray", "slurm": "submitit"}[name])
            costs[name] = overhead(name, given.seconds, **options)
    common.table(
        ("jobs of a second", "start s", "between jobs, ms", "mean ms"),
        [(n, c["start_seconds"], c["between_jobs_ms"], c["between_jobs_ms_mean"]) for n, c in costs.items()],
    )
    folder = many()
    common.save("studies", {"packing": pack, "launchers": costs, "many_jobs": folder})
    if not pack["largest_difference"] < TOLERANCE:
        raise SystemExit("the scores differ, so the times say nothing")


if __name__ == "__main__":
    main()
