"""A small world of walks in several places, and measures of what a code tells of the place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identikit.data import Dataset, Truth
from identikit.methods.claims import kernel_r2
from identikit.metrics import domain_probe
from identikit.worlds.strolls import Strolls

_FIRST = 20
"""Seeds of worlds below it were looked at when the options of gcrl were set."""


@dataclass(frozen=True)
class Placed(Strolls):
    """The same walks, where the truth holds the place too, as its last latent."""

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw rows."""
        data, truth = super().sample(n, seed)
        latents = np.concatenate([truth.latents, data["domain"][:, None]], axis=1)
        graph = np.zeros((5, 5), dtype=np.int8)
        graph[4, 2:4] = 1
        kinds = (*truth.kinds, "discrete")
        return data, replace(
            truth, latents=latents, names=(*truth.names, "place"), kinds=kinds, graph=graph, mixing=None
        )


def places(seed: int) -> Strolls:
    """Walks in five places, each with a style of its own."""
    return Placed(seed=_FIRST + seed)


def places_alike(seed: int) -> Strolls:
    """Walks in five places that are all alike."""
    return Placed(shift=0.0, seed=_FIRST + seed)


def place_from_invariant(estimate: np.ndarray, truth: np.ndarray) -> float:
    """How often the nearest neighbours in the first two latents tell the place; chance is 0.2."""
    return domain_probe(estimate[:, :2], truth[:, 4].astype(int), "nearest", nulls=0).value


def place_from_changing(estimate: np.ndarray, truth: np.ndarray) -> float:
    """The same from the last two."""
    return domain_probe(estimate[:, 2:], truth[:, 4].astype(int), "nearest", nulls=0).value


def style_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Kernel R2 of pace and sway from the last two latents."""
    return kernel_r2(estimate[:, 2:], truth[:, 2:4])


def intention_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Kernel R2 of turn and surge from the first two."""
    return kernel_r2(estimate[:, :2], truth[:, :2])
