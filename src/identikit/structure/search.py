"""What a search for structure is, the register of them, and the clock that they look at."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from identikit.errors import InputError, unknown
from identikit.structure.latent_graph import LatentGraph
from identikit.structure.table import Table


class Stopped(Exception):
    """The time is over; the search that sees it returns its graph so far."""


class Clock:
    """Says when the time of a search is over.

    Args:
        seconds: that it may take; None for as long as it takes.

    >>> Clock(0).over, Clock().over
    (True, False)
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.end = None if seconds is None else time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether it is."""
        return self.end is not None and time.monotonic() >= self.end

    def check(self) -> None:
        """Raise `Stopped` once it is."""
        if self.over:
            raise Stopped


def some_rows(columns: int) -> int:
    """Rows that a search needs where it says nothing else: two for each column, and 20 (this library's choice)."""
    return max(20, 2 * columns)


@dataclass(frozen=True)
class Search:
    """A search for structure that `discover` can be asked for.

    Attributes:
        name: what `discover` calls it by.
        title: one sentence on the idea.
        paper: authors, year and address.
        run: `run(table, clock, **options) -> LatentGraph`; its keywords are the options of the search. It looks at the
            clock (`clock.over`, or `clock.check()` and `except Stopped`) and returns its graph so far, `partial=True`,
            once the time is over or on `KeyboardInterrupt`.
        assumes: what must hold of the data, in words.
        takes: `continuous` or `discrete` columns.
        latents: whether it finds latent variables; otherwise its graph is of the columns alone.
        domains: the least number of domains that it needs; 0 where it uses none.
        rows: the least number of rows for a number of columns.
        resamples: bootstrap samples that `discover` draws where it is not told; 0 where it gives evidence of its own.
    """

    name: str
    title: str
    paper: str
    run: Callable[..., LatentGraph]
    assumes: tuple[str, ...] = ()
    takes: str = "continuous"
    latents: bool = False
    domains: int = 0
    rows: Callable[[int], int] = some_rows
    resamples: int = 20

    @property
    def options(self) -> dict[str, Any]:
        """The options and their defaults."""
        parameters = list(inspect.signature(self.run).parameters.values())[2:]
        return {p.name: p.default for p in parameters}

    def check(self, table: Table, options: Mapping[str, Any]) -> None:
        """Say in one sentence why the search cannot work on the table with these options."""
        from identikit.structure.table import check_table

        for name in options:
            if name not in self.options:
                raise unknown(f"option of {self.name}", name, self.options)
        if self.domains and table.domain is None:
            raise InputError(f"{self.name} needs the domain of each row: say domain= (in a file, the column's name)")
        if self.domains and len(table.domains) < self.domains:
            raise InputError(f"{self.name} needs at least {self.domains} domains, and there are {len(table.domains)}")
        check_table(table, self.rows(table.columns), self.name)


SEARCHES: dict[str, Search] = {}


def register(search: Search) -> Search:
    """Make a search known to `discover` and to the command line.

    Raises:
        InputError: the name is taken.
    """
    if search.name in SEARCHES and SEARCHES[search.name] is not search:
        raise InputError(f"a search called '{search.name}' is registered already")
    SEARCHES[search.name] = search
    return search


def find_search(name: str) -> Search:
    """The search of that name.

    >>> find_search("pcc")
    Traceback (most recent call last):
    identikit.errors.InputError: unknown search 'pcc': did you mean 'pc'? ...
    """
    if name not in SEARCHES:
        raise unknown("search", name, SEARCHES)
    return SEARCHES[name]
