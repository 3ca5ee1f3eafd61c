"""The contract of a generating process: parameters in, data and truth out."""

from __future__ import annotations

import dataclasses
import inspect
from abc import ABC, abstractmethod
from typing import Any

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.worlds.description import Assumption, Description, look


class World(ABC):
    """A generating process with known truth.

    A world is a frozen dataclass of its parameters; its `seed` draws what is fixed in it (mixing, domain parameters),
    and the seed of `sample` draws the rows. The same two seeds give the same values.
    """

    @abstractmethod
    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows; returns what a learner may see, and what it may not."""

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """What this world says of its assumptions beside `description.look`; one of the same name replaces its."""
        return []

    def describe(self, n: int = 2_000, seed: int = 0) -> Description:
        """Say what the latents are, how they hang together, and which assumptions of the theory hold.

        Args:
            n: rows of the sample from which it is computed.
            seed: of that sample.

        >>> from identikit.worlds import DomainShift
        >>> few = DomainShift(domains=3).describe()
        >>> few["invertible"].holds, few["sufficiently variable"].holds
        (True, False)
        """
        data, truth = self.sample(n, seed=seed)
        found = {a.name: a for a in (*look(data, truth), *self.assumptions(data, truth))}
        return Description(
            world=type(self).__name__,
            summary=(inspect.getdoc(self) or "").split("\n\n")[0].replace("\n", " "),
            latents=truth.names,
            kinds=truth.kinds,
            blocks={name: tuple(truth.names[i] for i in block) for name, block in truth.blocks.items()},
            graph=truth.graph,
            assumptions=tuple(found.values()),
            rows=data.rows,
        )

    def source(self, n: int, seed: int) -> dict[str, Any]:
        """What a data set says of where it came from, so that it can be sampled again."""
        options = dataclasses.asdict(self) if dataclasses.is_dataclass(self) and not isinstance(self, type) else {}
        return {"world": type(self).__name__, "options": options, "n": n, "seed": seed}


def check_seed(seed: int) -> None:
    """Raise an InputError unless a seed is 0 or more."""
    if seed < 0:
        raise InputError(f"seed is 0 or more, not {seed}")
