"""What a long fit shows: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor

_EVERY = 15.0


class Show(Protocol):
    """Called after each step with the steps done, the losses and the number of runs alive."""

    def __call__(self, step: int, parts: dict[str, Tensor], alive: int) -> None:
        """Show where the fit is."""


@contextmanager
def progress(title: str, steps: int, runs: int, start: int, wanted: bool | None) -> Iterator[Show]:
    """Show the progress of a fit.

    Args:
        title: what is fitted.
        steps: steps in all.
        runs: number of runs.
        start: steps already done.
        wanted: whether to show anything; None shows it, on a terminal as a bar.
    """
    if wanted is False:
        yield lambda step, parts, alive: None
    elif sys.stderr.isatty():
        with _bar(title, steps, runs, start) as show:
            yield show
    else:
        yield _Lines(title, steps, runs)


class _Lines:
    def __init__(self, title: str, steps: int, runs: int) -> None:
        self.title, self.steps, self.runs = title, steps, runs
        self.began = self.last = time.monotonic()
        self.first: int | None = None

    def __call__(self, step: int, parts: dict[str, Tensor], alive: int) -> None:
        now = time.monotonic()
        self.first = step if self.first is None else self.first
        if now - self.last < _EVERY:
            return
        self.last = now
        left = (now - self.began) / max(step - self.first, 1) * (self.steps - step)
        line = f"{self.title}: step {step} of {self.steps}, about {left:.0f} s left, {losses(parts)}"
        print(f"{line}, {alive} of {self.runs} runs alive", file=sys.stderr, flush=True)


@contextmanager
def _bar(title: str, steps: int, runs: int, start: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    shown = 0.0
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=steps, completed=start, losses="")

        def show(step: int, parts: dict[str, Tensor], alive: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown < 0.2 and step < steps:
                return
            shown = now
            bar.update(task, completed=step, losses=f"{losses(parts)}, {alive}/{runs} runs alive")

        yield show


def losses(parts: dict[str, Tensor]) -> str:
    """Each part's mean over the runs, in a few words.

    >>> import torch
    >>> losses({"total": torch.tensor([1.0, 2.0])})
    'total 1.5'
    """
    return ", ".join(f"{name} {float(value.mean()):.4g}" for name, value in parts.items())
