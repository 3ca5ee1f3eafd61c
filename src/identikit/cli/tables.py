"""Tables on a terminal, and as plain columns elsewhere."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Sequence

import typer


def first_line(thing: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def print_table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn on a terminal, plain columns elsewhere."""
    lines = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*map(str, header), box=None, header_style="bold", pad_edge=False)
        for line in lines:
            table.add_row(*map(Text, line))
        Console().print(table)
        return
    cells = [[str(cell) for cell in header], *lines]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    for line in cells:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
