"""Workers as jobs of a Slurm cluster whose machines share the folder; needs the extra `slurm`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from identikit.errors import InputError
from identikit.studies.progress import Show
from identikit.studies.store import Store
from identikit.studies.worker import work

if TYPE_CHECKING:
    from identikit.studies.launch import Plan

_LOOK = 2.0
_DEFAULTS = {"timeout_min": 240, "cpus_per_task": 1, "name": "identikit-study"}


class Task:
    """One worker; where Slurm interrupts it, it is put into the queue again and goes on with what is left."""

    def __init__(self, folder: str, pack: int, lease: float) -> None:
        self.given = (folder, pack, lease)

    def __call__(self) -> int:
        """Work until nothing is left to claim."""
        import torch

        torch.set_num_threads(1)
        return work(*self.given)

    def checkpoint(self) -> Any:
        """What submitit calls when the time is up: the same again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def on_slurm(store: Store, plan: Plan, show: Show, cluster: str | None = None, **parameters: Any) -> None:
    """Submit the workers as one array of jobs, and watch the folder until they are over.

    Ctrl-C ends the watching alone: the jobs go on, and `identikit study status` says how far they are.

    Args:
        store: the folder of the study, on a disk that the machines share.
        plan: how many workers, and how large their packs.
        show: called with the progress.
        cluster: `slurm`, or `local` or `debug` to try it without one; found by default.
        parameters: of submitit's executor, e.g. `timeout_min`, `slurm_partition`, `gpus_per_node`.
    """
    try:
        import submitit
        from submitit.core.utils import FailedJobError
    except ImportError:
        raise InputError("the launcher 'slurm' needs submitit: pip install 'identikit[slurm]'") from None

    folder = store.folder.resolve()
    try:
        executor = submitit.AutoExecutor(folder=folder / "slurm", cluster=cluster)
        executor.update_parameters(**{**_DEFAULTS, **parameters})
        with executor.batch():
            jobs = [executor.submit(Task(str(folder), plan.pack, plan.lease)) for _ in range(plan.workers)]
    except (RuntimeError, NameError, ValueError, TypeError, FailedJobError) as reason:
        raise InputError(f"Slurm did not take the jobs: {str(reason).splitlines()[0]}") from None
    while not all(job.done() for job in jobs):
        show(store.status())
        time.sleep(_LOOK)
    wrong = [error for job in jobs if (error := job.exception()) is not None]
    if wrong and store.status().left:
        last = str(wrong[0]).strip().splitlines()[-1]
        raise InputError(f"{len(wrong)} of {len(jobs)} workers failed, the first with: {last}")
