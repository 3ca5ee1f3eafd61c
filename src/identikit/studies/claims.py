"""Who does which job: claim files that one worker alone can make, and a heartbeat that says whether it lives."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from identikit.studies.job import Job
from identikit.studies.store import OUTCOMES, Store, full, lines, outcome

LEASE = 60.0
"""Seconds without a heartbeat after which a worker counts as dead."""
ATTEMPTS = 5
"""How many workers may die over one job, in one call of `run`, before it counts as failed."""
ALONE = 2
"""How many may die before it is done by itself, so that it takes no others with it."""


class Worker:
    """One worker of a store: it claims jobs, writes what came out, and lets go of what it did not do.

    A claim is the file `claims/JOB.N`, which just one worker can create; N counts the workers that died over the job.
    Finishing a job renames its claim to `done/JOB.OUTCOME`, after its record was written and flushed to the disk.

    Args:
        store: the folder of the study.
        lease: seconds without a heartbeat after which other workers take over.
        name: of the worker's files; drawn by default.
    """

    def __init__(self, store: Store, lease: float = LEASE, name: str | None = None) -> None:
        self.store = store
        self.lease = lease
        self.name = name or f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.held: dict[str, int] = {}
        self._beat_file = store.folder / "workers" / self.name
        self._records = store.folder / "records" / f"{self.name}.jsonl"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Worker:
        about = {"host": platform.node(), "pid": os.getpid(), "lease": self.lease}
        try:
            draft = self._beat_file.with_name(f".{self.name}")
            draft.write_text(json.dumps(about))
            os.replace(draft, self._beat_file)
        except OSError as reason:
            raise full(self.store.folder, reason) from None
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._stop.set()
        self._thread.join()
        for job, attempt in self.held.items():
            (self.store.folder / "claims" / f"{job}.{attempt}").unlink(missing_ok=True)
        self.held = {}
        self._beat_file.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(self.lease / 6):
            try:
                os.utime(self._beat_file)
            except OSError:
                # A claim that others take over is done twice and recorded once: nothing is lost.
                continue

    def claim(self, most: int) -> list[Job]:
        """Claim up to so many jobs that can be trained as one program; none where all are done or claimed.

        A job over which too many workers died is recorded as failed on the way.
        """
        over = self.store.outcomes()
        held = attempts(self.store.folder)
        living = _living(self.store.folder, self.lease)
        mine: list[Job] = []
        given_up: list[Job] = []
        for job in self.store.study.jobs:
            if job.id in over or job.id in self.held:
                continue
            if mine and job.program != mine[0].program:
                break
            last = held.get(job.id, -1)
            if mine and last + 1 >= ALONE:
                continue
            if last >= 0 and not _abandoned(self.store.folder, job.id, last, living, self.lease):
                continue
            if not self._take(job, last + 1):
                continue
            if last + 1 >= ATTEMPTS:
                given_up.append(job)
                continue
            mine.append(job)
            if len(mine) == most or last + 1 >= ALONE:
                break
        if given_up:
            from identikit.studies.perform import failed

            self.finish([failed(job, f"its worker died {ATTEMPTS} times") for job in given_up])
        return mine

    def _take(self, job: Job, attempt: int) -> bool:
        path = self.store.folder / "claims" / f"{job.id}.{attempt}"
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        except OSError as reason:
            raise full(self.store.folder, reason) from None
        self.held[job.id] = attempt
        try:
            os.write(handle, self.name.encode())
        except OSError as reason:
            raise full(self.store.folder, reason) from None
        finally:
            os.close(handle)
        # Another worker may have finished it since the list of finished jobs was read.
        if any((self.store.folder / "done" / f"{job.id}.{end}").exists() for end in OUTCOMES):
            path.unlink(missing_ok=True)
            del self.held[job.id]
            return False
        return True

    def finish(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write the records of claimed jobs, and mark the jobs as done.

        Raises:
            InputError: the disk is full, or the folder is gone; nothing of the records is then kept.
        """
        self._append(lines(records))
        folder = self.store.folder
        for record in records:
            job = record["job"]
            attempt = self.held.pop(job)
            try:
                os.rename(folder / "claims" / f"{job}.{attempt}", folder / "done" / f"{job}.{outcome(record)}")
            except FileNotFoundError:
                # The claim was taken away with all of the folder's claims, e.g. by a retry: the record counts.
                (folder / "done" / f"{job}.{outcome(record)}").touch()
            for earlier in range(attempt):
                (folder / "claims" / f"{job}.{earlier}").unlink(missing_ok=True)

    def _append(self, text: bytes) -> None:
        """Add lines to the worker's own file, all of them or none."""
        try:
            handle = os.open(self._records, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        except OSError as reason:
            raise full(self.store.folder, reason) from None
        before = os.fstat(handle).st_size
        try:
            while text:
                text = text[os.write(handle, text) :]
            os.fsync(handle)
        except OSError as reason:
            if os.path.isfile(self._records):
                os.ftruncate(handle, before)
            raise full(self.store.folder, reason) from None
        finally:
            os.close(handle)


def attempts(folder: Path) -> dict[str, int]:
    """The number of the last claim of each job that has one."""
    found: dict[str, int] = {}
    for name in os.listdir(folder / "claims"):
        job, _, attempt = name.partition(".")
        found[job] = max(int(attempt), found.get(job, -1))
    return found


def live(folder: Path) -> set[str]:
    """The jobs that a living worker holds."""
    living = _living(folder, LEASE)
    held = attempts(folder).items()
    return {job for job, last in held if not _abandoned(folder, job, last, living, LEASE)}


def tidy(store: Store) -> None:
    """Take away what killed workers left: their heartbeats and claims, and with these the count of the dead.

    A call of `run` is a new try: what ended an earlier one, such as a machine that was switched off, says nothing about
    the jobs.
    """
    folder, living, over = store.folder, _living(store.folder, LEASE), store.outcomes()
    for job, last in attempts(folder).items():
        if job in over or _abandoned(folder, job, last, living, LEASE):
            for attempt in range(last + 1):
                (folder / "claims" / f"{job}.{attempt}").unlink(missing_ok=True)
    for path in (folder / "workers").iterdir():
        if not path.name.startswith(".") and path.name not in living:
            path.unlink(missing_ok=True)


def _living(folder: Path, lease: float) -> set[str]:
    """The workers whose heart beats.

    On this machine a worker is alive while its process is; on others, while its file is fresh by the clock of the file
    system, which may differ from ours.
    """
    now = _now(folder)
    living = set()
    for path in (folder / "workers").iterdir():
        if path.name.startswith("."):
            continue
        try:
            about = json.loads(path.read_text())
            fresh = now - path.stat().st_mtime < about.get("lease", lease)
        except (OSError, ValueError):
            continue
        if fresh and not (about["host"] == platform.node() and not _runs(about["pid"])):
            living.add(path.name)
    return living


def _abandoned(folder: Path, job: str, attempt: int, living: set[str], lease: float) -> bool:
    """Whether the worker that holds a claim is dead."""
    path = folder / "claims" / f"{job}.{attempt}"
    try:
        owner = path.read_text()
        # A claim without a name is one that is being written, or whose worker was killed right then.
        return owner not in living if owner else _now(folder) - path.stat().st_mtime > lease
    except FileNotFoundError:
        return False


def _now(folder: Path) -> float:
    """The time by the clock of the file system."""
    probe = folder / "workers" / f".now-{os.getpid()}-{threading.get_ident()}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        # Who may only read the folder, or has a full disk, makes do with this machine's clock.
        return time.time()
    finally:
        probe.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    """Whether a process of this machine is running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    """Whether it was killed, and its parent has not yet noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
