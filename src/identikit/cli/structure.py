"""The command `discover`: from a table to a graph of its variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from identikit.cli.inputs import pairs, read_data
from identikit.cli.tables import print_table
from identikit.errors import InputError

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")


def discover(
    data: Annotated[
        str | None, typer.Argument(metavar="FILE", help="FILE.csv, FILE.parquet, FILE.npz, a data set, or world:NAME.")
    ] = None,
    method: Annotated[str, typer.Option(help="Name of the search; without FILE, they are listed.")] = "pc",
    x: Annotated[str | None, typer.Option(help="Columns to search, names or patterns (table only).")] = None,
    domain: Annotated[str | None, typer.Option(help="Column of domains, for searches that need them.")] = None,
    missing: Annotated[str, typer.Option(help="What to do about missing values: refuse, drop or fill.")] = "refuse",
    resamples: Annotated[
        int | None, typer.Option(help="Bootstrap samples for the frequency of each edge; the search's own by default.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this time with the graph so far.")] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap samples, and of the sample of a world.")] = 0,
    rows: Annotated[int, typer.Option(help="Rows to sample from a world.")] = 9000,
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option of the world or reader.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An option of the search.")
    ] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE.json", help="Also write the graph here.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Also draw the graph here.")] = None,
) -> None:
    """Search a table for the graph of its variables, observed or latent, with evidence for each edge."""
    from identikit.structure import SEARCHES
    from identikit.structure import discover as search
    from identikit.structure.search import find_search

    if data is None:
        listed = [(s.name, s.takes, "latents" if s.latents else "columns alone", s.title) for s in SEARCHES.values()]
        print_table(("search", "columns", "graph of", "idea"), listed)
        return
    options = pairs("--set", set_, find_search(method).options, f"option of {method}")
    for path, ending in ((json_, ".json"), (html, ".html")):
        if path is not None and path.suffix != ending:
            raise InputError(f"--{ending[1:]} names a file that ends in {ending}, not {path}")
    given, names = {}, None
    if data.lower().endswith(TABLES):
        read, names = Path(data), x
        if source:
            raise InputError(f"--source is of a world or a reader, and {data} is a table")
        given = {"domain": domain}
    else:
        read, _ = read_data(data, {"x": x, "domain": domain}, rows, seed, source)
    graph = search(
        read, method, names=names, missing=missing, resamples=resamples, seconds=seconds, seed=seed, **given, **options
    )
    typer.echo(str(graph))
    for path in (json_, html):
        if path is not None:
            typer.echo(f"The graph is in {graph.save(path)}")


EXAMPLES = """Examples:

\b
  identikit discover
  identikit discover cells.parquet --method ges --x 'f*'
  identikit discover scores.csv --method rlcd --set alpha=0.05 --resamples 50 --json graph.json --html graph.html
  identikit discover cells.csv --missing drop --seconds 60

Each edge comes with a score and with the share of bootstrap samples in which it is found again. A search that is
stopped by --seconds or Ctrl-C prints its graph so far, marked PARTIAL."""
