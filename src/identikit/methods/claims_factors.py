"""A small world of factors with labels, and measures of it, for the checks of methods that several labels teach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.data import HIDDEN, Dataset, Truth
from identikit.methods.claims import kernel_r2
from identikit.splits import make_split
from identikit.worlds import World
from identikit.worlds.mixing import draw_mixing

_LEVELS = 5
_OBSERVED = 10


@dataclass(frozen=True)
class ToldFactors(World):
    """Four independent factors of five levels each, of which labels tell two: `first` and `second`.

    Attributes:
        told: share of the rows whose labels are known.
        seed: of the mixing.
    """

    told: float = 1.0
    seed: int = 0

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows."""
        rng = np.random.default_rng([self.seed, seed, 1])
        levels = rng.integers(_LEVELS, size=(n, 4))
        latents = (levels - (_LEVELS - 1) / 2) / np.sqrt((_LEVELS**2 - 1) / 12)
        mixing = draw_mixing(np.random.default_rng([self.seed, 2]), 4, _OBSERVED)
        split = make_split(n, seed=seed)
        shown = np.where((rng.random(n) < self.told)[:, None], levels, HIDDEN)
        names = tuple(str(level) for level in range(_LEVELS))
        data = Dataset(
            mixing(latents).astype(np.float32),
            {"first": shown[:, 0], "second": shown[:, 1]},
            {"first": names, "second": names},
            split,
        )
        kinds = ("discrete",) * 4
        return data, Truth(latents, ("first", "second", "third", "fourth"), kinds, mixing=mixing, split=split)


def told_factors(seed: int) -> World:
    """Two of four factors are told by labels."""
    return ToldFactors(seed=seed)


def hardly_told(seed: int) -> World:
    """The same, with labels for one row of a hundred."""
    return ToldFactors(told=0.01, seed=seed)


def told_apart_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the two told factors of what its block tells of it, less the most that it tells of another factor.

    The code is two numbers for each of them, behind the residual.
    """
    gaps = []
    for factor in (0, 1):
        own = estimate[:, (-4, -3) if factor == 0 else (-2, -1)]
        found = [kernel_r2(own, truth[:, [other]]) for other in range(4)]
        gaps.append(found[factor] - max(value for other, value in enumerate(found) if other != factor))
    return float(np.mean(gaps))
