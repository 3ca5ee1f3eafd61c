"""The contract of a generating process: parameters in, data and truth out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from identikit.data import Dataset, Truth


class World(ABC):
    """A generating process with known truth.

    A world is a frozen dataclass of its parameters; its `seed` draws what is fixed in it (mixing, domain parameters),
    and the seed of `sample` draws the rows. The same two seeds give the same values.
    """

    @abstractmethod
    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows; returns what a learner may see, and what it may not."""
