"""What a metric returns: a value, its parts, and the nulls it must be read beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np


@cache
def library_version() -> str:
    """The version of identikit that computes the scores."""
    return version("identikit")


def short(value: float) -> str:
    """Two decimals, and no minus before a zero.

    >>> short(-0.001), short(0.996)
    ('0.00', '1.00')
    """
    return f"{round(value, 2) + 0.0:.2f}"


@dataclass(frozen=True)
class Null:
    """The values a metric takes where there is nothing to find, or at a stated reference.

    Attributes:
        mean: mean over the draws.
        low: 5th percentile of the draws.
        high: 95th percentile of the draws.
        draws: how many there were; 0 where the value is known in closed form.
    """

    mean: float
    low: float
    high: float
    draws: int

    @staticmethod
    def of(values: Sequence[float] | np.ndarray) -> Null:
        """Summarise draws of a null.

        >>> Null.of([0.0, 0.5, 1.0])
        0.05 to 0.95
        """
        low, high = np.percentile(values, [5, 95])
        return Null(float(np.mean(values)), float(low), float(high), len(values))

    @staticmethod
    def known(value: float) -> Null:
        """A null whose value needs no draw."""
        return Null(float(value), float(value), float(value), 0)

    def __repr__(self) -> str:
        return f"{short(self.low)} to {short(self.high)}" if self.draws else short(self.mean)


@dataclass(frozen=True)
class Score:
    """One metric of one estimate, beside its nulls.

    Attributes:
        name: of the metric.
        value: the score.
        parts: the score of each factor, domain or pair, by name.
        nulls: by name; the first is the chance level that a scorecard compares the value with.
        n: number of rows that were scored.
        settings: everything else that fixes the value, as JSON values; those that are text are printed.
        version: of identikit.

    >>> Score("mcc", 0.93, nulls={"chance": Null.known(0.25)}, n=900, settings={"correlation": "pearson"})
    mcc 0.93 (chance 0.25; N=900, pearson)
    """

    name: str
    value: float
    parts: dict[str, float] = field(default_factory=dict)
    nulls: dict[str, Null] = field(default_factory=dict)
    n: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    version: str = field(default_factory=library_version)

    @property
    def about(self) -> str:
        """The settings that are text, in one line."""
        return ", ".join(value for value in self.settings.values() if isinstance(value, str))

    def json(self) -> dict[str, Any]:
        """The score as plain JSON values; `Score.parse` reads it back."""
        return asdict(self)

    @staticmethod
    def parse(value: Mapping[str, Any]) -> Score:
        """Rebuild a score from `Score.json()`."""
        return Score(**{**value, "nulls": {name: Null(**null) for name, null in value["nulls"].items()}})

    def __repr__(self) -> str:
        nulls = ", ".join(f"{name} {null}" for name, null in self.nulls.items())
        about = ", ".join(filter(None, [f"N={self.n}", self.about]))
        return f"{self.name} {short(self.value)} ({nulls + '; ' if nulls else ''}{about})"
