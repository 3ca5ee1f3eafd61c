"""`identikit study`: run every method on every world with every seed, go on, look, and report."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from identikit.cli.inputs import named_values, plain
from identikit.errors import InputError

study = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Run every method on every world with every seed, and compare.",
    epilog="""Example:

\b
  identikit study new study.json
  identikit study run study.json --out runs/study --workers 2
  identikit study table runs/study
  identikit study report runs/study

docs/studies.md says what a study file may hold.""",
)

EXAMPLE = {
    "worlds": ["DomainShift", {"name": "DomainShift", "options": {"domains": 3}}],
    "methods": ["vae", {"name": "imsda", "options": {"beta": 0.02}}],
    "seeds": 4,
    "metrics": ["mcc", "block_mcc"],
    "select": "validation",
    "rows": 9000,
    "steps": 2000,
}

Folder = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a study.")]


@study.command(epilog="Example: identikit study new study.json")
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="The file to write.")],
) -> None:
    """Write a small study file, to change and run."""
    from identikit.studies import Study

    if file.exists():
        raise InputError(f"{file} is there already: choose another name")
    made = Study.parse(EXAMPLE)
    made.save(file)
    typer.echo(f"{made!r}\nIt is in {file}. Next: identikit study run {file} --out runs/{file.stem}")


@study.command(
    epilog="""Examples:

\b
  identikit study run study.json --out runs/study
  identikit study run study.json --out runs/study --launcher ray --address auto --workers 64 --gpus 0.25
  identikit study run study.json --out runs/study --launcher slurm --workers 16 --set slurm_partition=cpu

The same command again does only what is missing, whatever ended the last one. Adding seeds, worlds, methods or values
to the file adds jobs; any other change needs another folder."""
)
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="The study; see: identikit study new.")],
    out: Annotated[Path, typer.Option(metavar="STORE", help="Its folder.")],
    launcher: Annotated[str, typer.Option(help="local, ray, slurm, or here (in this process).")] = "local",
    workers: Annotated[int | None, typer.Option(help="How many at once; as many as cores by default.")] = None,
    pack: Annotated[int | None, typer.Option(help="The most jobs to train as one program.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try jobs that failed again.")] = False,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster; one of its own by default.")] = None,
    cpus: Annotated[float | None, typer.Option(help="Cores for each Ray task.")] = None,
    gpus: Annotated[float | None, typer.Option(help="GPUs for each Ray task.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of submitit's executor.")
    ] = None,
) -> None:
    """Do what is left of a study, with live progress; Ctrl-C leaves a folder that the same command goes on with."""
    from identikit.studies import Study
    from identikit.studies import run as work

    # A study may name worlds and modules of the folder it is run from, as a script would.
    sys.path.append(os.getcwd())
    given: dict[str, Any] = {"address": address, "num_cpus": cpus, "num_gpus": gpus}
    options = {name: value for name, value in given.items() if value is not None}
    if options and launcher != "ray":
        raise InputError(f"--address, --cpus and --gpus are for --launcher ray, not for {launcher}")
    if set_ and launcher != "slurm":
        raise InputError(f"--set is for --launcher slurm, not for {launcher}")
    asked = Study.load(file)
    try:
        store = work(
            asked,
            out,
            launcher,
            workers,
            pack,
            retry=retry,
            **options,
            **{name: plain(text) for name, text in named_values("--set", set_)},
        )
    except KeyboardInterrupt:
        typer.echo("Interrupted: the same command again goes on with what is left.", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"{store.status()}, in {out}")
    _reasons(store)
    typer.echo(f"Next: identikit study table {out}; identikit study report {out}")


@study.command(epilog="Example: identikit study status runs/study")
def status(folder: Folder) -> None:
    """Say how many jobs are done, running, failed and left."""
    from identikit.studies import Store

    store = Store(folder)
    typer.echo(repr(store.study))
    typer.echo(str(store.status()))
    _reasons(store)


@study.command(
    epilog="""Examples:

\b
  identikit study table runs/study --metric mcc
  identikit study table runs/study --runs --to runs.csv"""
)
def table(
    folder: Folder,
    metric: Annotated[list[str] | None, typer.Option(help="Only these metrics.")] = None,
    runs: Annotated[bool, typer.Option("--runs", help="One row for each run.")] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as .csv or .json.")] = None,
) -> None:
    """Show what came out: one row for each world, method and metric, with nulls, spread and the rule of choice."""
    from identikit.cli.tables import print_table
    from identikit.errors import unknown
    from identikit.studies import Store, Table

    found = Store(folder).table("run" if runs else "setting")
    known = {row["metric"] for row in found if row["metric"] is not None} if not runs else set()
    for name in metric or ():
        if runs:
            raise InputError("--metric is for the table by setting: --runs shows every metric")
        if known and name not in known:
            raise unknown("metric", name, known)
    if metric and known:
        found = Table([row for row in found if row["metric"] in metric], found.shown, found.note)
    print_table(*found.cells())
    typer.echo(found.note)
    if to is not None:
        found.save(to)


@study.command(epilog="Example: identikit study report runs/study --out leaderboard.html")
def report(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="The file; leaderboard.html in the folder by default.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
) -> None:
    """Write the leaderboard: one HTML file that opens from disk without a network."""
    from identikit.reports.leaderboard import leaderboard
    from identikit.studies import Store

    typer.echo(f"The leaderboard is in {leaderboard(Store(folder), out, title)}")


@study.command(
    epilog="""Examples:

\b
  identikit study export runs/study --to mlflow --where sqlite:///mlflow.db
  identikit study export runs/study --to trackio"""
)
def export(
    folder: Folder,
    to: Annotated[str, typer.Option(help="mlflow or trackio.")],
    name: Annotated[str | None, typer.Option(help="Of the experiment or project; the folder's by default.")] = None,
    where: Annotated[str | None, typer.Option(help="Tracking address of MLflow.")] = None,
) -> None:
    """Copy every run of a study into another tracker."""
    from identikit.studies import Store
    from identikit.studies.export import EXPORTERS

    if to not in EXPORTERS:
        from identikit.errors import unknown

        raise unknown("tracker", to, EXPORTERS)
    if where is not None and to != "mlflow":
        raise InputError(f"--where is for --to mlflow, not for {to}")
    given = {} if where is None else {"where": where}
    count = EXPORTERS[to](Store(folder), name or folder.resolve().name, **given)
    typer.echo(f"{count} runs were written to {to}")


def _reasons(store: Any) -> None:
    """One line for each reason why jobs failed or diverged."""
    (found,) = store.query(
        "SELECT method, status, reason, count(*) AS jobs FROM runs WHERE reason IS NOT NULL "
        "GROUP BY ALL ORDER BY jobs DESC LIMIT 10"
    )
    for row in found:
        typer.echo(f"{row['status']}, {row['jobs']} x {row['method']}: {row['reason']}", err=True)
