"""`identikit worlds`: list the generating processes, show one with its assumptions, sample one to disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from identikit.cli.inputs import defaults, pairs
from identikit.cli.tables import first_line, print_table

if TYPE_CHECKING:
    from identikit.worlds import World

worlds = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    help="List the generating processes whose truth is known; show one, or sample one to disk.",
    epilog="Examples: identikit worlds; identikit worlds show DomainShift --source domains=3",
)

Name = Annotated[str, typer.Argument(metavar="WORLD", help="Name of the world.")]
Source = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of the world.")]
Seed = Annotated[int, typer.Option(help="Of the sample.")]


@worlds.callback()
def _list(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        from identikit.worlds.named import known_worlds

        print_table(("world", "what it is"), [(name, first_line(world)) for name, world in known_worlds().items()])


@worlds.command(epilog="Example: identikit worlds show Scenes --source domains=5 --out scenes.html")
def show(
    name: Name,
    source: Source = None,
    rows: Annotated[int, typer.Option(help="Rows of the sample that is looked at.")] = 2_000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="The page; WORLD.html by default.")] = None,
) -> None:
    """Say which assumptions hold in a world, and draw its graph and samples on one page."""
    from identikit.reports.world import world_page
    from identikit.worlds.named import find_world

    world = _make(name, source)
    rows -= rows % getattr(world, "length", 1)
    path, told = world_page(world, out or Path(f"{name}.html"), rows, seed)
    typer.echo(f"{told}\n\noptions (--source NAME=VALUE):")
    print_table(("name", "default"), defaults(find_world(name)).items())
    typer.echo(f"\ngraph and samples: {path}")


@worlds.command(epilog="Example: identikit worlds sample DomainShift --rows 1000000 --out data/shift")
def sample(
    name: Name,
    out: Annotated[Path, typer.Option(help="Folder of the memory-mapped files.")],
    source: Source = None,
    rows: Annotated[int, typer.Option(help="Rows to sample.")] = 100_000,
    seed: Seed = 0,
) -> None:
    """Sample a world to disk, chunk by chunk; an interrupted sample goes on. Learn from it by fit --data FOLDER."""
    from rich.console import Console
    from rich.progress import Progress

    from identikit.worlds import stream

    world = _make(name, source)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"sampling {name}", total=rows)
        data, _ = stream(
            world, rows, out, seed, progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    typer.echo(f"{data}\nin {out}: learn from it by identikit fit METHOD --data {out}")


def _make(name: str, source: list[str] | None) -> World:
    from identikit.worlds.named import find_world, make_world

    return make_world(name, pairs("--source", source, defaults(find_world(name)), f"option of {name}"))
