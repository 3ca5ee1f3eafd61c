"""Doing jobs: those of one program are trained together and scored run by run."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.engine import Runs, Training, result, steps
from identikit.engine.selection import agreement, independence
from identikit.errors import InputError
from identikit.metrics import mcc, score
from identikit.studies.entry import draw
from identikit.studies.job import FORMAT, Job, canonical, programs, sweep

LOOKS = 20
"""How often a run is looked at on its way to the target."""


def perform(jobs: Sequence[Job], rule: str, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Train and score jobs of one program, each recorded whether or not it succeeds.

    Where the jobs fail together, each is tried alone, so that one bad job does not take the others with it.

    Args:
        jobs: jobs that share their program.
        rule: the study's rule of selection; what it needs is measured.
        seeds: all of the study's: `agreement` compares each run with those of the other seeds, done or not.

    Returns:
        One record for each job, as JSON values.
    """
    records: list[dict[str, Any]] = []
    for fit in programs(jobs):
        try:
            records += _fit(fit, rule, seeds)
        except Exception as reason:
            if len(fit) > 1:
                records += [record for job in fit for record in perform([job], rule, seeds)]
            else:
                records.append(failed(fit[0], f"{type(reason).__name__}: {str(reason).strip() or 'no message'}"))
    return records


def failed(job: Job, reason: str) -> dict[str, Any]:
    """The record of a job that could not be done."""
    return {**_about(job), "status": "failed", "reason": reason.splitlines()[0], "finite": False}


def _about(job: Job) -> dict[str, Any]:
    """What stands in every record of a job; what is not known is null."""
    from identikit import __version__

    return {
        "format": FORMAT,
        "job": job.id,
        "world": job.world,
        "method": job.method,
        "point": job.point,
        "seed": job.seed,
        "status": None,
        "reason": None,
        "finite": None,
        "scores": [],
        "left_out": {},
        "validation": None,
        "steps": None,
        "kept_step": None,
        "cpu_seconds": None,
        "score_seconds": None,
        "target_seconds": None,
        "together": None,
        "selection": None,
        "selection_score": None,
        "data": None,
        "settings": job.settings,
        "versions": {
            "identikit": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "finished": datetime.now(UTC).isoformat(timespec="microseconds"),
    }


@lru_cache(maxsize=1)
def _sample(world: str, rows: int, seed: int) -> tuple[Dataset, Truth]:
    """The last sample of a world, given as JSON: jobs on one world come one after another."""
    return draw(**json.loads(world), rows=rows, seed=seed)


def _fit(jobs: Sequence[Job], rule: str, seeds: Sequence[int]) -> list[dict[str, Any]]:
    about = jobs[0].settings
    method = about["method"]
    data, truth = _sample(canonical(about["world"]), about["rows"], about["data_seed"])
    wanted = sorted(set(seeds)) if rule == "agreement" else sorted({job.seed for job in jobs})
    training = steps(
        method["name"], data, steps=about["steps"], seeds=wanted, sweep=sweep(jobs), batch=about["batch"],
        lr=about["lr"], weight_decay=about.get("weight_decay"), select=about["keep"], **method["options"],
    )  # fmt: skip
    clock = _train(training, data, truth, about["part"], about["target"])
    runs = result(training)
    chances = _selection(runs, rule, data, truth)
    place = {(run.seed, canonical(run.weights)): i for i, run in enumerate(runs.table)}
    fine = [not run.status.startswith("diverged") for run in runs.table]
    finite = [bool(np.isfinite(codes).all()) for codes in runs.encode(data.part(about["part"]))]
    records = []
    for job in jobs:
        i = place[job.seed, canonical(_rounded(training, job.weights))]
        run = runs.table[i]
        began = time.process_time()
        found, left_out = {}, {}
        if fine[i] and finite[i]:
            found, left_out = _scores(runs[i], data, truth, about["metrics"], about["part"])
        record = _about(job) | {
            "status": run.status.partition(" at ")[0],
            "reason": run.status if run.status.startswith("diverged") else None,
            "finite": fine[i] and finite[i],
            "scores": list(found.values()),
            "left_out": left_out,
            "validation": _number(run.validation),
            "steps": training.step,
            "kept_step": run.step,
            "cpu_seconds": clock["seconds"] / len(runs),
            "score_seconds": time.process_time() - began,
            "target_seconds": clock["reached"].get(i),
            "together": len(runs),
            "selection": rule,
            "selection_score": None if chances is None or not fine[i] else _number(chances[i]),
            "data": data.fingerprint(),
        }
        records.append(record)
    return records


def _scores(
    run: Runs, data: Dataset, truth: Truth, metrics: Sequence[str] | None, part: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Scores of one run by name, and why metrics that this world does not allow are left out."""
    found: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for metric in metrics or [None]:
        try:
            card = score(run, truth, metric, part, data)
        except InputError as reason:
            left_out[metric or "all"] = str(reason)
            continue
        found |= {value.name: _plain(value.json()) for value in card.runs[0]}
        left_out |= card.left_out
    return found, left_out


def _train(training: Training, data: Dataset, truth: Truth, part: str, target: float | None) -> dict[str, Any]:
    """Train to the end; CPU seconds of all runs, and those after which each run had reached the target."""
    began, looking = time.process_time(), 0.0
    every = max(1, training.job.settings.steps // LOOKS)
    reached: dict[int, float] = {}
    for step, _ in training:
        if target is None or ((step + 1) % every and not training.done):
            continue
        look = time.process_time()
        runs = result(training)
        values = _mcc(runs, data, truth, part)
        for i, value in enumerate(values):
            if value >= target and i not in reached:
                reached[i] = (look - began - looking) / len(runs)
        looking += time.process_time() - look
    return {"seconds": time.process_time() - began - looking, "reached": reached}


def _mcc(runs: Runs, data: Dataset, truth: Truth, part: str) -> list[float]:
    """The MCC of each run with the continuous latents; nothing for runs whose codes are not finite."""
    rows = data.index(part)
    numbers = [i for i, kind in enumerate(truth.kinds) if kind == "continuous"]
    if not numbers:
        return [-math.inf] * len(runs)
    latents = truth.latents[rows][:, numbers]
    codes = runs.encode(data.take(rows))
    return [mcc(code, latents, nulls=0).value if np.isfinite(code).all() else -math.inf for code in codes]


def _selection(runs: Runs, rule: str, data: Dataset, truth: Truth) -> np.ndarray | None:
    """What the rule compares, beside the validation loss: the larger, the better."""
    if rule == "independence":
        return independence(runs, data)
    if rule == "agreement":
        return agreement(runs, data)
    if rule == "oracle":
        return np.array(_mcc(runs, data, truth, "test"))
    return None


def _rounded(training: Training, weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as the runs give them back: through 32 bits."""
    return {name: float(torch.tensor(weights[name], dtype=values.dtype)) for name, values in training.point.items()}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    """The value with null for every number that is not finite, which JSON cannot hold."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return _number(value) if isinstance(value, float) else value
