"""What a running study shows: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from identikit.studies.store import Status

_EVERY = 15.0


class Show(Protocol):
    """Called now and then with how far the study is."""

    def __call__(self, status: Status) -> None:
        """Show it."""


@contextmanager
def watching(start: Status, wanted: bool | None) -> Iterator[Show]:
    """Show the progress of a study.

    Args:
        start: how far it is already.
        wanted: False for silence; otherwise a bar on a terminal, and lines elsewhere.
    """
    if wanted is False:
        yield lambda status: None
    elif sys.stderr.isatty():
        with _bar(start) as show:
            yield show
    else:
        yield _Lines(start)


def left(start: Status, now: Status, seconds: float) -> str:
    """About how long it will take, in words, at the pace since the start.

    >>> left(Status(10, 2, 0, 0, 0), Status(10, 6, 0, 0, 1), 60)
    'about 1 min left'
    """
    if now.done <= start.done or not now.left:
        return "time left unknown" if now.left else "nothing left"
    rest = seconds / (now.done - start.done) * now.left
    said = f"{rest:.0f} s" if rest < 59.5 else f"{rest / 60:.0f} min" if rest < 5400 else f"{rest / 3600:.1f} h"
    return f"about {said} left"


class _Lines:
    def __init__(self, start: Status) -> None:
        self.start, self.began, self.last = start, time.monotonic(), -_EVERY
        print(f"study: {start}", file=sys.stderr, flush=True)
        self.last = self.began

    def __call__(self, status: Status) -> None:
        now = time.monotonic()
        over = not status.left and self.last < now and status.done > self.start.done
        if now - self.last < _EVERY and not over:
            return
        self.last = float("inf") if over else now
        print(f"study: {status}, {left(self.start, status, now - self.began)}", file=sys.stderr, flush=True)


@contextmanager
def _bar(start: Status) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("study"), BarColumn(), TextColumn("{task.fields[says]}"))
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("study", total=start.jobs, completed=start.done, says=str(start))

        def show(status: Status) -> None:
            says = f"{status}, {left(start, status, time.monotonic() - began)}"
            bar.update(task, completed=status.done, says=says)

        yield show
