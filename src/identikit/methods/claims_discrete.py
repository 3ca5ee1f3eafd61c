"""Small worlds of discrete latents, and measures that the checks of several methods share."""

from __future__ import annotations

import numpy as np

from identikit.methods.claims import kernel_r2, spearman_mcc
from identikit.worlds.base import World
from identikit.worlds.discrete_hierarchy import DiscreteHierarchy

_CONCEPTS = 4


def concepts(seed: int) -> World:
    """Four concepts of two states below one latent, and nothing else in `x`."""
    return DiscreteHierarchy("one level", attributes=0, seed=seed)


def grid(seed: int) -> World:
    """Four latents on a grid of five values each, which show in all columns of `x`; their parent has no pull."""
    return DiscreteHierarchy("one level", states=5, strength=0.0, attributes=0, overlap=3, seed=seed)


def concepts_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Held-out share of the concepts' variance that a kernel regression finds in the estimate."""
    return kernel_r2(estimate, truth[:, :_CONCEPTS])


def concepts_mcc(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Spearman MCC with the concepts, without its nulls."""
    return spearman_mcc(estimate, truth[:, :_CONCEPTS])
