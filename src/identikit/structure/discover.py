"""From data to a graph: any search by name, with the frequency of each edge over bootstrap samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from identikit.errors import InputError
from identikit.metrics.graphs import align_graph
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.matching import match_latents
from identikit.structure.search import Clock, Search, Stopped, find_search
from identikit.structure.table import Table, as_table, check_table


def discover(
    data: Any,
    method: str = "pc",
    *,
    names: Sequence[str] | None = None,
    domain: Any = None,
    missing: str = "refuse",
    resamples: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    **options: Any,
) -> LatentGraph:
    """Search data for the graph of its variables, observed or latent.

    The search runs once on all rows, and again on bootstrap samples, rows drawn with replacement. The frequency of an
    edge is the share of samples in which it is found again, in the same direction; where the search finds latents,
    those of each sample are matched to those of the whole first, see `match_latents`.

    Args:
        data: a `Dataset`, an array (rows, columns) or the path of a .csv, .tsv or .parquet file.
        method: name of the search; `identikit discover --help` and `SEARCHES` list them.
        names: of the columns of an array; of a file, the columns to use.
        domain: (rows,) the domain of each row, or its column in a file; that of the `Dataset` by default.
        missing: `refuse`, `drop` the rows with a missing value, or `fill` in the mean or the commonest category.
        resamples: bootstrap samples; the search's own number by default, 0 for none.
        seconds: time that the search may take. What is found by then is returned, marked partial; so it is on Ctrl-C.
        seed: of the bootstrap samples, and of the search where it has an option of that name.
        **options: of the search.

    Returns:
        The graph, with a score, a frequency and a sentence of evidence for each edge.

    Raises:
        InputError: one sentence, before work starts: an unknown search or option, too few rows, columns that are
            constant, the same or perfectly collinear, missing values, or a library that is not installed.

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 500))
    >>> graph = discover(np.stack([a, b, a + b + rng.normal(size=500)], 1), "pc", names="abc", resamples=5)
    >>> [edge.arrow for edge in graph.edges]
    ['a -> c', 'b -> c']
    """
    search = find_search(method)
    if resamples is not None and (not isinstance(resamples, int) or resamples < 0):
        raise InputError(f"resamples is a whole number from 0, not {resamples!r}")
    if seconds is not None and not seconds > 0:
        raise InputError(f"seconds is a time above 0, not {seconds!r}")
    if isinstance(names, str) and not isinstance(data, str | Path):
        names = list(names)
    table = as_table(data, names, domain, missing, search.takes)
    if "seed" in search.options:
        options = {"seed": seed, **options}
    search.check(table, options)
    clock = Clock(seconds)
    graph = _run(search, table, clock, options)
    graph = replace(graph, method=graph.method or search.name)
    wanted = search.resamples if resamples is None else resamples
    if graph.partial or not wanted:
        return graph
    return _with_frequencies(graph, search, table, clock, options, wanted, seed)


def columns_only(table: Table) -> tuple[Node, ...]:
    """One observed node for each column of a table: what a search that finds no latents starts from."""
    return tuple(
        Node(name, kind=table.kind(name), size=len(table.categories[name]) if name in table.categories else None)
        for name in table.names
    )


def _run(search: Search, table: Table, clock: Clock, options: dict[str, Any]) -> LatentGraph:
    try:
        return search.run(table, clock, **options)
    except (KeyboardInterrupt, Stopped):
        note = f"{search.name} was stopped before it had decided on any edge"
        return LatentGraph(columns_only(table), method=search.name, partial=True, notes=(note,))


def _with_frequencies(
    graph: LatentGraph, search: Search, table: Table, clock: Clock, options: dict[str, Any], wanted: int, seed: int
) -> LatentGraph:
    """The graph with how often each edge comes again."""
    rng = np.random.default_rng([seed, 2])
    found: list[np.ndarray] = []
    unusable, stopped = 0, False
    try:
        for _ in range(wanted):
            if clock.over:
                stopped = True
                break
            sample = table.take(rng.integers(0, table.rows, table.rows))
            try:
                check_table(sample, 0, search.name)
            except InputError:
                unusable += 1
                continue
            again = search.run(sample, clock, **options)
            if again.partial:
                stopped = True
                break
            found.append(align_graph(again.adjacency, match_latents(again, graph))[: len(graph.names)])
    except (KeyboardInterrupt, Stopped):
        stopped = True
    notes = list(graph.notes)
    if stopped:
        notes.append(f"{len(found)} of {wanted} bootstrap samples were searched before the time was over")
    if unusable:
        notes.append(f"{unusable} of {wanted} bootstrap samples had a constant or collinear column, and were left out")
    if found:
        place = {name: i for i, name in enumerate(graph.names)}
        edges = [_counted(edge, [f[:, : len(place)] for f in found], place) for edge in graph.edges]
        graph = replace(graph, edges=tuple(edges))
        notes += _missed(graph, found, place)
    return replace(graph, partial=stopped, notes=tuple(notes))


def _counted(edge: Edge, found: list[np.ndarray], place: dict[str, int]) -> Edge:
    i, j = place[edge.cause], place[edge.effect]
    there = sum(bool(a[i, j] and not a[j, i]) for a in found)
    back = sum(bool(a[j, i] and not a[i, j]) for a in found)
    open_ = sum(bool(a[i, j] and a[j, i]) for a in found)
    if edge.directed:
        same, others = there, f"{back} the other way, {open_} without direction"
    else:
        same, others = open_, f"{there + back} with a direction"
    said = f"{same} of {len(found)} resamples have it so, {others}"
    evidence = "; ".join(filter(None, (edge.evidence, said)))
    return replace(edge, frequency=same / len(found), evidence=evidence)


def _missed(graph: LatentGraph, found: list[np.ndarray], place: dict[str, int]) -> list[str]:
    """Pairs that the graph does not tie, and more than half of the samples do."""
    size = len(place)
    tied = np.mean([(a[:, :size] | a[:, :size].T) for a in found], axis=0) > 0.5
    missed = np.argwhere(np.triu(tied & ~(graph.adjacency | graph.adjacency.T).astype(bool), 1))
    if not len(missed):
        return []
    pairs = ", ".join(f"{graph.names[i]} and {graph.names[j]}" for i, j in missed)
    return [f"not tied here, though in more than half of the resamples: {pairs}"]
