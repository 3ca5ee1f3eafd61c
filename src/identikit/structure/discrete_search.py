"""From a table of discrete variables to a graph of discrete latents, by ranks of tables of probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from identikit.data import Dataset
from identikit.errors import InputError, unknown
from identikit.structure.discrete_parts import Rows, as_codes
from identikit.structure.discrete_steps import Steps
from identikit.structure.latent_graph import LatentGraph
from identikit.structure.search import Clock, Search, register
from identikit.structure.table import Table


def discrete_hierarchy(
    data: Dataset | np.ndarray,
    names: Sequence[str] | None = None,
    states: int | None = None,
    alpha: float = 0.01,
    separators: int = 2,
    features: str = "table",
    clock: Clock | None = None,
) -> LatentGraph:
    r"""Search the latents above a table of discrete variables, which are the leaves of the graph.

    The rank of a table P(A, B) is the number of joint states of the smallest set of variables that separates A from B
    (for general parameters). So, with s states for each latent:

    1. Pairs (and then sets of three of the others) whose table with the rest has rank s or less (s squared) have one
       latent parent (two). Groups are merged where more than half of their pairs are.
    2. Dependent latents whose pairs again have rank s with the rest have a latent above them, which replaces them, if
       neither of the two separates the other from the rest; and so on, until nothing changes.
    3. Latents u and v have no edge where some set S of other latents separates them: where the table of (u, half of
       what is below S) and (v, the other half) has no higher rank than S has states.
    4. v-structures among the latents give directions, and so do those that follow from them (Meek's rules).

    A latent enters a table by as many functions of the leaves below it as it has states, those that say most of the
    rest; what they are does not change the rank.

    Args:
        data: a `Dataset` whose `x` is codes 0, 1, 2, ... of the variables, or an array (rows, variables) of them.
        names: of the variables.
        states: number of states of each latent; the fewest of any variable by default.
        alpha: level of every rank test.
        separators: largest number of latents that may separate two others.
        features: `table`; or `linear`, the same search with ranks of covariances of the codes, as a peer.
        clock: when it is over, the search returns the graph so far, marked as partial.

    Returns:
        The graph: latents `z1`, `z2`, ... with their evidence, the directed edges to the variables, and edges between
        latents, without direction where the data leave it open. The score of an edge is the largest canonical
        correlation of what stands for its ends. Which graphs cannot be told apart, see `docs/structure-discrete.md`.

    Raises:
        InputError: a table that `as_codes` refuses, or a number out of its range.

    Source: Kong et al. 2024 (arXiv 2406.00519) for the criterion, read in a summary; the search is this library's.

    >>> from identikit.worlds.discrete_hierarchy import DiscreteHierarchy
    >>> data, _ = DiscreteHierarchy("v-structure", observe="codes").sample(20_000)
    >>> graph = discrete_hierarchy(data)
    >>> [edge.arrow for edge in graph.edges if edge.effect in graph.latents]
    ['z1 -> z3', 'z2 -> z3']
    """
    _check_options(states, alpha, separators, features)
    return _searched(*as_codes(data, names), states, alpha, separators, features, clock or Clock())


def discrete(
    table: Table,
    clock: Clock,
    states: int | None = None,
    alpha: float = 0.01,
    separators: int = 2,
    features: str = "table",
) -> LatentGraph:
    """The search as `discover` calls it; the options are those of `discrete_hierarchy`."""
    _check_options(states, alpha, separators, features)
    return _searched(table.values.astype(int), table.names, states, alpha, separators, features, clock)


class _Discrete(Search):
    def check(self, table: Table, options: Mapping[str, Any]) -> None:
        super().check(table, options)
        as_codes(table.values, table.names)
        defaults = self.options
        _check_options(**{name: options.get(name, defaults[name]) for name in defaults})


def _check_options(states: int | None, alpha: float, separators: int, features: str) -> None:
    if features not in ("table", "linear"):
        raise unknown("kind of features", features, ("table", "linear"))
    if states is not None and states < 2:
        raise InputError(f"a latent has 2 states or more, not {states}")
    if not 0 < alpha < 1:
        raise InputError(f"alpha is between 0 and 1, not {alpha:g}")
    if separators < 0:
        raise InputError(f"separators is 0 or more, not {separators}")


def _searched(
    codes: np.ndarray,
    names: Sequence[str],
    states: int | None,
    alpha: float,
    separators: int,
    features: str,
    clock: Clock,
) -> LatentGraph:
    rows = Rows(codes, names, features == "linear")
    one, two = sorted(rows.states)[:2]
    if states is not None and one * two <= states:
        raise InputError(
            f"latents of {states} states leave no trace in pairs of variables with {one * two} joint states: "
            f"states is at most {one * two - 1} here"
        )
    size = 2 if features == "linear" else states or min(rows.states)
    return Steps(rows, size, alpha, separators, clock).graph()


register(
    _Discrete(
        "discrete",
        "finds a hierarchy of discrete latents above discrete variables, from the ranks of tables of probabilities",
        "Kong et al., Learning discrete concepts in latent hierarchical models, 2024, arXiv:2406.00519",
        discrete,
        (
            "the columns are leaves: none causes another",
            "every latent has the same number of states, and two groups of children of its own or more",
            "general parameters: no table has a lower rank by accident",
        ),
        takes="discrete",
        latents=True,
        rows=lambda columns: 100,
    )
)
