"""`fit` trains many runs as one program; `steps` yields every step to a loop of your own."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from identikit.data import Dataset
from identikit.engine import files
from identikit.engine.job import Job, Request, Settings, What, prepare
from identikit.engine.program import log
from identikit.engine.progress import progress
from identikit.engine.runs import FILE, Run, Runs
from identikit.engine.training import Training
from identikit.errors import InputError
from identikit.objective import Weight

CHECKPOINT = "checkpoint.safetensors"


def fit(
    what: What,
    data: Dataset,
    *,
    steps: int | None = None,
    seeds: int | Sequence[int] = 1,
    sweep: Mapping[str, Sequence[float]] | None = None,
    device: str | None = None,
    checkpoint: str | Path | None = None,
    select: str = "last",
    batch: int | None = None,
    lr: float | Weight | None = None,
    balance: bool | None = None,
    patience: int = 0,
    weight_decay: float | None = None,
    progress: bool | None = None,
    checkpoint_every: float = 10.0,
    **options: Any,
) -> Runs:
    """Train a method, or a model and an objective of your own, with many seeds and weights as one program.

    Args:
        what: the name of a method, or `(model, objective)`, where the model may be a function that builds it.
        data: what the learner may see; its training rows are trained on and its validation rows validated on.
        steps: training steps; the method's own number by default.
        seeds: how many seeds, or which.
        sweep: factors for the weights of named terms; every combination is trained with every seed.
        device: `cpu`, `cuda` ...; a GPU where there is one, by default.
        checkpoint: a folder for checkpoints and the result; a fit that was killed goes on from there, and a finished
            one is read back.
        select: which parameters each run keeps: `last`, or those with the least loss on the `validation` rows. To
            choose among runs, see `Runs.select`.
        batch: rows in each step.
        lr: learning rate of Adam (decay rates 0.9 and 0.99), a number or a schedule.
        balance: whether every batch takes equally many rows of each domain.
        patience: end a run after this many checks (there are 60 in all) without a better validation loss; 0 never.
        weight_decay: how fast weights shrink by themselves, as a multiple of the learning rate (AdamW, Loshchilov and
            Hutter 2019, arXiv 1711.05101); inner players, and modules with `decays = False`, such as codebooks, keep
            theirs. The method's own by default, mostly 0.
        progress: False for silence.
        checkpoint_every: least seconds between checkpoints.
        options: of the method.

    Returns:
        The fitted runs. Ctrl-C ends the training early and still returns them.

    Raises:
        InputError: something given cannot be used; it says what, before training starts.

    >>> import identikit as ik
    >>> data, truth = ik.worlds.DomainShift(domains=3).sample(600, seed=0)
    >>> runs = ik.fit("vae", data, seeds=2, steps=20, progress=False)
    >>> runs.encode(data).shape
    (2, 600, 4)
    """
    began = time.monotonic()
    request = Request(steps, seeds, sweep, device, select, batch, lr, balance, patience, weight_decay)
    job = prepare(what, data, request, options)
    folder = None
    if checkpoint is not None:
        folder = files.ready(checkpoint)
        if (folder / FILE).exists():
            return _finished(folder, job, what)
    training = Training(job)
    spent = 0.0
    if folder is not None and (folder / CHECKPOINT).exists():
        tensors, note = files.read(folder / CHECKPOINT)
        _same(note, job.settings, folder)
        training.resume(tensors, note)
        spent = note["seconds"]
        log.info("going on from step %d in %s", training.step, folder)
    interrupted = _loop(training, folder, spent, began, progress, checkpoint_every)
    runs = _runs(training, spent + time.monotonic() - began, interrupted)
    if interrupted:
        # Beside the checkpoint, not in its place: the same fit goes on from there.
        kept = folder / "interrupted" if folder else Path(tempfile.mkdtemp(prefix="identikit-"))
        runs.save(kept)
        log.warning("interrupted at step %d of %d: the runs so far are in %s", training.step, job.settings.steps, kept)
    elif folder is not None:
        runs.save(folder)
        (folder / "settings.json").write_text(json.dumps(job.settings.json(), indent=2) + "\n")
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return runs


def steps(what: What, data: Dataset, **settings: Any) -> Training:
    """Every training step, for a loop of your own; takes what `fit` takes, but for files and progress.

    Returns:
        An iterator of `(step, parts)`, where `parts` holds `total` and each term for every run; `result` turns what
        it has reached into `Runs`.

    >>> import identikit as ik
    >>> data, truth = ik.worlds.DomainShift(domains=3).sample(600, seed=0)
    >>> for step, parts in (training := ik.steps("vae", data, steps=20, seeds=2)):
    ...     if step == 19:
    ...         print(sorted(parts), parts["total"].shape)
    ['MatchPrior', 'Reconstruction', 'total'] torch.Size([2])
    >>> len(ik.result(training))
    2
    """
    names = {field.name for field in fields(Request)}
    request = Request(**{name: settings.pop(name) for name in names & set(settings)})
    return Training(prepare(what, data, request, settings))


def result(training: Training) -> Runs:
    """The runs that a loop over `steps` has reached so far."""
    return _runs(training, seconds=float("nan"), interrupted=not training.done)


def _loop(
    training: Training, folder: Path | None, spent: float, began: float, wanted: bool | None, every: float
) -> bool:
    """Train to the end; True if Ctrl-C came first."""
    saved = time.monotonic()
    settings, runs = training.job.settings, training.program.runs
    try:
        with progress(settings.method, settings.steps, runs, training.step, wanted) as show:
            for step, parts in training:
                show(step + 1, parts, int(training.alive.sum()))
                due = training.history["step"] and training.history["step"][-1] == training.step
                if folder is not None and due and time.monotonic() - saved >= every:
                    _checkpoint(training, folder, spent + time.monotonic() - began)
                    saved = time.monotonic()
    except KeyboardInterrupt:
        return True
    if not bool(training.alive.any()):
        first = min(training.diverged.values())
        raise InputError(f"every run diverged, the first at step {first}: lower lr, or look at the scale of x")
    return False


def _checkpoint(training: Training, folder: Path, seconds: float) -> None:
    tensors, note = training.snapshot()
    note |= {"kind": "checkpoint", "settings": training.job.settings.json(), "seconds": seconds}
    files.write(folder / CHECKPOINT, tensors, note)


def _same(note: dict[str, Any], settings: Settings, folder: Path) -> None:
    before, now = (_flat(given) for given in (note["settings"], json.loads(json.dumps(settings.json()))))
    for name, value in now.items():
        if name not in before or before[name] != value:
            raise InputError(
                f"{folder} holds a fit with {name} {_short(before.get(name))}, and this one has {_short(value)}: "
                "choose another folder"
            )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the method's options among them, the method first."""
    return {"method": settings["method"], **settings["options"], **settings}


def _finished(folder: Path, job: Job, what: What) -> Runs:
    _, note = files.read(folder / FILE)
    _same(note, job.settings, folder)
    learner = job.build(job.settings.seeds[0])
    runs = Runs.load(folder, job.data, None if isinstance(what, str) else (learner.model, learner.objective))
    log.info("%s holds this fit, finished; it was read back", folder)
    return runs


def _runs(training: Training, seconds: float, interrupted: bool) -> Runs:
    job = training.job
    program, losses, steps = training.chosen()
    table = []
    for i, seed in enumerate(training.seeds):
        status = "interrupted" if interrupted else "finished"
        if i in training.diverged:
            status = f"diverged at step {training.diverged[i]}"
        elif not bool(training.running[i]):
            status = "stopped early"
        weights = {name: float(values[i]) for name, values in training.point.items()}
        table.append(Run(seed, weights, status, float(losses[i]), int(steps[i])))
    return Runs(
        program, tuple(table), job.settings, job.data.schema, training.history, job.settings.select, job.data,
        job.data.source, seconds,
    )  # fmt: skip


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else f"{text[:57]}..."
