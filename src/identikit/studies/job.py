"""One job of a study: a world, a method, a point of the sweep and a seed, known by the hash of its settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

FORMAT = 1
"""Of job settings and records; a change of meaning makes it larger, and so every job a new one."""


def canonical(value: Any) -> str:
    """JSON that is the same for equal values, in every process.

    >>> canonical({"b": 1, "a": (0.5, None)})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        settings: all that decides its result, as JSON values; every job with the same settings is the same job.
        world: what tables call its world.
        method: what tables call its method.
        point: its point of the sweep: values of options and of term weights.
    """

    settings: dict[str, Any]
    world: str = field(compare=False)
    method: str = field(compare=False)
    point: dict[str, Any] = field(compare=False)

    @cached_property
    def id(self) -> str:
        """The first half of the SHA-256 of the settings, in hexadecimal."""
        return hashlib.sha256(canonical(self.settings).encode()).hexdigest()[:32]

    @cached_property
    def program(self) -> str:
        """What jobs must share to be trained as one program: all but the seed and the term weights."""
        return canonical({name: v for name, v in self.settings.items() if name not in ("seed", "weights")})

    @property
    def seed(self) -> int:
        """Of parameters, batches and noise."""
        return self.settings["seed"]

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the weights of terms."""
        return self.settings["weights"]


def programs(jobs: Sequence[Job]) -> list[list[Job]]:
    """Split jobs that share a program into the fits that train just them.

    A fit trains every combination of its seeds and weights. So points that miss the same seeds go together where they
    are every combination of some values; otherwise each point is a fit of its own.
    """
    missing: dict[str, list[Job]] = {}
    for job in jobs:
        missing.setdefault(canonical(job.weights), []).append(job)
    alike: dict[tuple[int, ...], list[list[Job]]] = {}
    for point in missing.values():
        alike.setdefault(tuple(sorted(job.seed for job in point)), []).append(point)
    fits: list[list[Job]] = []
    for points in alike.values():
        together = [job for point in points for job in point]
        if len(points) == len(list(product(*sweep(together).values()))):
            fits.append(together)
        else:
            fits += points
    return fits


def sweep(jobs: Sequence[Job]) -> dict[str, list[float]]:
    """The values of each term weight that the jobs have.

    >>> jobs = [Job({"seed": 0, "weights": {"MatchPrior": w}}, "", "", {}) for w in (1.0, 0.5, 1.0)]
    >>> sweep(jobs)
    {'MatchPrior': [0.5, 1.0]}
    """
    return {name: sorted({job.weights[name] for job in jobs}) for name in jobs[0].weights}
