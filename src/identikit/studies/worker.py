"""The loop of one worker: claim jobs, do them, record them, until none is left to claim."""

from __future__ import annotations

from pathlib import Path

from identikit.studies.claims import LEASE, Worker
from identikit.studies.perform import perform
from identikit.studies.store import Store


def work(folder: str | Path, pack: int = 32, lease: float = LEASE) -> int:
    """Work on the study in a folder until no job is left that nobody does.

    Any number of workers may work on one folder, on machines that share it.

    Args:
        folder: of the study.
        pack: the most jobs to train as one program.
        lease: seconds without a heartbeat after which other workers take over from this one.

    Returns:
        How many jobs it did.

    >>> import tempfile
    >>> from identikit.studies import Study
    >>> folder = tempfile.mkdtemp()
    >>> _ = Store.create(folder, Study(["DomainShift"], ["vae"], seeds=2, rows=300, steps=20, metrics="mcc"))
    >>> work(folder), work(folder)
    (2, 0)
    """
    store = Store(folder)
    done = 0
    with Worker(store, lease) as worker:
        while jobs := worker.claim(pack):
            worker.finish(perform(jobs, store.study.select, store.study.seeds))
            done += len(jobs)
    return done
