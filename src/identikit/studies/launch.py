"""`run`: do what is left of a study, by workers that a launcher starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from identikit.errors import InputError, unknown
from identikit.studies.claims import LEASE, tidy
from identikit.studies.local import here, local
from identikit.studies.on_ray import on_ray
from identikit.studies.on_slurm import on_slurm
from identikit.studies.progress import watching
from identikit.studies.store import Store
from identikit.studies.study import Study

LAUNCHERS: dict[str, Callable[..., None]] = {"here": here, "local": local, "ray": on_ray, "slurm": on_slurm}
"""What starts workers, by name."""
PACK = 32


@dataclass(frozen=True)
class Plan:
    """How a study is worked on; nothing of it changes a result.

    Attributes:
        workers: how many work at once.
        pack: the most jobs to train as one program.
        lease: seconds without a heartbeat after which a worker counts as dead.
    """

    workers: int
    pack: int
    lease: float


def run(
    study: Study,
    out: str | Path,
    launcher: str = "local",
    workers: int | None = None,
    pack: int | None = None,
    lease: float = LEASE,
    retry: bool = False,
    progress: bool | None = None,
    **options: Any,
) -> Store:
    """Do what is left of a study.

    Args:
        study: what to do.
        out: its folder; what is done there already stays done.
        launcher: `local` (processes of this machine, one thread each), `ray` (tasks of a Ray cluster; extra `ray`),
            `slurm` (jobs of a Slurm cluster that shares the folder; extra `slurm`), or `here` (in this process).
        workers: how many at once; as many as cores by default.
        pack: the most jobs to train as one program; by default 32, or fewer so that every worker has some.
        lease: seconds without a heartbeat after which a worker counts as dead.
        retry: whether jobs that failed are tried again.
        progress: False for silence.
        options: of the launcher: `address`, `num_cpus` and `num_gpus` for `ray`; `cluster` and every parameter of
            submitit's executor for `slurm`.

    Returns:
        The folder, with all that is done. Ctrl-C raises `KeyboardInterrupt`; the same call goes on from there.

    Raises:
        InputError: another study is in the folder, it cannot be written, or the launcher is not installed.

    >>> import tempfile
    >>> study = Study(["DomainShift"], ["vae"], seeds=2, rows=300, steps=20, metrics="mcc")
    >>> store = run(study, tempfile.mkdtemp(), launcher="here", progress=False)
    >>> print(store.status())
    2 of 2 jobs done, 0 running
    """
    if launcher not in LAUNCHERS:
        raise unknown("launcher", launcher, LAUNCHERS)
    for name, value in (("workers", workers), ("pack", pack)):
        if value is not None and value < 1:
            raise InputError(f"{name} is a whole number above 0, not {value}")
    if not lease > 0:
        raise InputError(f"lease is a number of seconds above 0, not {lease}")
    store = Store.create(out, study)
    store.recover()
    tidy(store)
    if retry:
        store.retry()
    status = store.status()
    if status.left:
        hands = workers or (1 if launcher == "here" else os.cpu_count() or 1)
        # 'agreement' trains all seeds of a pack again that holds just some of them.
        least = len(study.seeds) if study.select == "agreement" else 1
        plan = Plan(hands, pack or max(least, min(PACK, -(-status.left // hands))), lease)
        with watching(status, progress) as show:
            LAUNCHERS[launcher](store, plan, show, **options)
            show(store.status())
    tidy(store)
    store.compact()
    return store
