"""The parts of a graph: its variables and its edges."""

from __future__ import annotations

import math
from dataclasses import dataclass

from identikit.errors import InputError, unknown

KINDS = ("continuous", "discrete", "circular")


@dataclass(frozen=True)
class Node:
    """One variable of a graph.

    Attributes:
        name: of the variable, another one for each.
        latent: whether it is hidden.
        kind: `continuous`, `discrete` or `circular`.
        level: its height in a hierarchy, 0 for the bottom; None to have it told from the edges.
        size: dimensions of a continuous variable, categories of a discrete one; None where it is not known.
        evidence: what speaks for it, in words.
    """

    name: str
    latent: bool = False
    kind: str = "continuous"
    level: int | None = None
    size: int | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Edge:
    """One edge between two variables.

    Attributes:
        cause: name of the variable that it starts from.
        effect: name of the variable that it points to.
        score: how strong it is, on the scale that the search states; None where it gives none.
        frequency: share of the bootstrap samples in which the same search finds it; None where none was drawn.
        directed: False where the equivalence class leaves the direction open, and cause and effect are only a pair.
        evidence: what speaks for it, in words.
    """

    cause: str
    effect: str
    score: float | None = None
    frequency: float | None = None
    directed: bool = True
    evidence: str = ""

    @property
    def arrow(self) -> str:
        """The edge in text.

        >>> Edge("rain", "wet").arrow, Edge("a", "b", directed=False).arrow
        ('rain -> wet', 'a -- b')
        """
        return f"{self.cause} {'->' if self.directed else '--'} {self.effect}"


def check_edge(edge: Edge, names: tuple[str, ...]) -> None:
    """Say in one sentence what is wrong with an edge between variables of these names."""
    for name in (edge.cause, edge.effect):
        if name not in names:
            raise unknown("variable", name, names)
    if edge.cause == edge.effect and not edge.directed:
        raise InputError(f"an undirected edge joins two variables, not '{edge.cause}' with itself")
    if edge.score is not None and not math.isfinite(edge.score):
        raise InputError(f"the score of {edge.arrow} must be a finite number, not {edge.score}")
    if edge.frequency is not None and not 0 <= edge.frequency <= 1:
        raise InputError(f"the frequency of {edge.arrow} must be a share from 0 to 1, not {edge.frequency}")
