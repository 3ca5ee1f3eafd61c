"""Workers on this machine: in this process, or in processes of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from typing import IO, TYPE_CHECKING

from identikit.engine.training import one_thread
from identikit.errors import InputError
from identikit.studies.claims import ATTEMPTS, Worker
from identikit.studies.perform import perform
from identikit.studies.progress import Show
from identikit.studies.store import Store

if TYPE_CHECKING:
    from identikit.studies.launch import Plan

_LOOK = 0.2
_PATIENCE = 10.0


def here(store: Store, plan: Plan, show: Show) -> None:
    """Do all jobs in this process, one pack after another."""
    study = store.study
    with one_thread(), Worker(store, plan.lease) as worker:
        while jobs := worker.claim(plan.pack):
            worker.finish(perform(jobs, study.select, study.seeds))
            show(store.status())


def local(store: Store, plan: Plan, show: Show) -> None:
    """Do all jobs in processes of their own, one thread each; a killed one is replaced."""
    deaths, before = 0, store.status().done
    with _Processes(store, plan) as processes:
        while True:
            # Before the status: the claims of a worker that has just ended must not count as running.
            ended = processes.ended()
            status = store.status()
            show(status)
            if status.done > before:
                deaths, before = 0, status.done
            deaths += sum(code < 0 for code in ended)
            if deaths > ATTEMPTS * plan.workers:
                raise InputError(f"{deaths} workers were killed without finishing a job: is there enough memory?")
            # Jobs of a killed worker are free once its claims are: those that ended before must come back for them.
            free = status.left - status.running
            if not status.left or (not processes.running and not free):
                break
            missing = min(plan.workers - processes.running, -(-free // plan.pack))
            if ended or not processes.running:
                processes.start(missing)
            time.sleep(_LOOK)


class _Processes:
    """Worker processes, which end when this does."""

    def __init__(self, store: Store, plan: Plan) -> None:
        self.command = [sys.executable, "-m", "identikit.studies", str(store.folder), "--pack", str(plan.pack)]
        self.command += ["--lease", str(plan.lease), "--parent", str(os.getpid())]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self.environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
        self.alive: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []

    @property
    def running(self) -> int:
        """How many there are."""
        return len(self.alive)

    def start(self, count: int) -> None:
        """Start so many more."""
        for _ in range(count):
            said = tempfile.TemporaryFile()  # noqa: SIM115
            # A group of their own: Ctrl-C reaches this process alone, which ends them in order.
            process = subprocess.Popen(
                self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
            )
            self.alive.append((process, said))

    def ended(self) -> list[int]:
        """The exit codes of those that have ended since; those of killed ones are below 0.

        Raises:
            InputError: one ended with a sentence or an error of its own.
        """
        over = [pair for pair in self.alive if pair[0].poll() is not None]
        self.alive = [pair for pair in self.alive if pair not in over]
        codes = []
        for process, said in over:
            code = process.returncode
            if code > 0:
                said.seek(0)
                last = (said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                said.close()
                raise InputError(last if code == 2 else f"a worker ended with code {code}: {last}")
            said.close()
            codes.append(code)
        return codes

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *reason: object) -> None:
        for process, _ in self.alive:
            process.terminate()
        for process, said in self.alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            process.kill()
            process.wait()
            said.close()
