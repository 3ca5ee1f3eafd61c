"""Packs of jobs as tasks of a Ray cluster; needs the extra `ray`."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from identikit.errors import InputError
from identikit.studies.claims import Worker
from identikit.studies.job import Job
from identikit.studies.perform import failed, perform
from identikit.studies.progress import Show
from identikit.studies.store import Store

if TYPE_CHECKING:
    from identikit.studies.launch import Plan

_LOOK = 1.0
_RETRIES = 3


def on_ray(
    store: Store, plan: Plan, show: Show, address: str | None = None, num_cpus: float = 1, num_gpus: float = 0
) -> None:
    """Do all jobs as tasks of Ray, one for each pack.

    Only this process reads and writes the folder, so the machines of the cluster need not share it. A task whose
    worker is killed is done again by Ray, up to three times.

    Args:
        store: the folder of the study.
        plan: how many tasks at once, and how large.
        show: called with the progress.
        address: of a running cluster, `auto` for the one of this machine; a local one is started by default.
        num_cpus: cores that one task is given.
        num_gpus: GPUs that one task is given.
    """
    try:
        import ray
    except ImportError:
        raise InputError("the launcher 'ray' needs Ray: pip install 'identikit[ray]'") from None

    started = not ray.is_initialized()
    if started:
        own: dict[str, Any] = {"address": address} if address else {"num_cpus": max(1, round(plan.workers * num_cpus))}
        own |= {} if address else {"include_dashboard": False}
        try:
            ray.init(**own, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as reason:
            first = str(reason).splitlines()[0]
            raise InputError(
                f"no Ray cluster at {address} answers (is it running, and is its token set here?): {first}"
            ) from None
    try:
        _drive(ray, store, plan, show, num_cpus, num_gpus)
    finally:
        if started:
            ray.shutdown()


def _drive(ray: Any, store: Store, plan: Plan, show: Show, num_cpus: float, num_gpus: float) -> None:
    """Keep as many tasks under way as there may be, and record what they return."""
    study = store.study
    task = ray.remote(num_cpus=num_cpus, num_gpus=num_gpus, max_retries=_RETRIES)(_task)
    with Worker(store, plan.lease) as worker:
        under_way: dict[Any, list[Job]] = {}
        while True:
            while len(under_way) < plan.workers and (jobs := worker.claim(plan.pack)):
                under_way[task.remote(jobs, study.select, study.seeds, study.imports)] = jobs
            if not under_way:
                return
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=_LOOK)
            for reference in ready:
                jobs = under_way.pop(reference)
                try:
                    records = ray.get(reference)
                except ray.exceptions.RayError as reason:
                    last = (str(reason).strip().splitlines() or ["no message"])[-1]
                    said = f"Ray gave up on its task: {type(reason).__name__}: {last}"
                    records = [failed(job, said) for job in jobs]
                worker.finish(records)
            show(store.status())


def _task(jobs: Sequence[Job], rule: str, seeds: Sequence[int], imports: Sequence[str]) -> list[dict[str, Any]]:
    """What a task does, on one thread."""
    import importlib

    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    for module in imports:
        importlib.import_module(module)
    return perform(jobs, rule, seeds)
