"""A small hierarchy, and measures of what stands high and low in it, for the checks of masked autoencoders."""

from __future__ import annotations

import numpy as np

from identikit.methods.claims import kernel_r2
from identikit.worlds import World
from identikit.worlds.hierarchy import Hierarchy

BRANCHES = {**{f"z{i}": ("z1",) for i in range(2, 6)}, **{f"x{i + 1}": (f"z{2 + i // 2}",) for i in range(8)}}
"""One latent above four others, each of which has two leaves."""
BRANCH = 6
"""Columns of the two leaves of a branch; there are 24 in all."""


def four_branches(seed: int) -> World:
    """One latent above four branches, each of two numbers and with two leaves of three columns."""
    return Hierarchy(BRANCHES, seed=seed)


def _halves(estimate: np.ndarray) -> np.ndarray:
    """Codes rounded to halves.

    The mean of a latent that the prior has switched off stays below a quarter. It holds a residue that the model does
    not use, and that a regressor which rescales it would read.
    """
    return (2 * estimate).round() / 2


def own(truth: np.ndarray) -> np.ndarray:
    """What the branches have of their own: the rest of their numbers after a polynomial of the latent above."""
    above = truth[:, 0]
    return np.stack([number - np.polyval(np.polyfit(above, number, 7), above) for number in truth[:, 1:].T], 1)


def shared_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Kernel R2 of the latent above, which both branches share."""
    return kernel_r2(_halves(estimate), truth[:, :1])


def own_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Kernel R2 of what the branches have of their own."""
    return kernel_r2(_halves(estimate), own(truth))
