"""Small worlds and measures that the checks of methods on pairs share."""

from __future__ import annotations

import numpy as np

from identikit.methods.claims import kernel_r2, spearman_mcc
from identikit.worlds import World
from identikit.worlds.pairs import Pairs


def laplace_steps(seed: int) -> World:
    """Four uniform latents that each take a Laplace step between the two views."""
    return Pairs(moving=4, seed=seed)


def content_and_style(seed: int) -> World:
    """Three latents that both views share, and two that they cause in part and that take a step."""
    return Pairs(shared=3, moving=2, marginal="normal", step="normal", scale=1.0, causes=0.5, seed=seed)


def still_style(seed: int) -> World:
    """The same, where the step is so small that the views tell nothing of which latents are shared."""
    return Pairs(shared=3, moving=2, marginal="normal", step="normal", scale=0.01, causes=0.5, seed=seed)


def one_redrawn(seed: int) -> World:
    """Three normal latents of which one, another for each row, is drawn anew in the view."""
    return Pairs(marginal="normal", step="redraw", few=1, seed=seed)


def all_redrawn(seed: int) -> World:
    """Three normal latents that are all drawn anew in the view, which so tells nothing."""
    return Pairs(marginal="normal", step="redraw", seed=seed)


def sparse_past(seed: int) -> World:
    """Three uniform latents of which one, another for each row, takes a Laplace step from one time to the next."""
    return Pairs(scale=1.0, few=1, past=True, seed=seed)


def normal_past(seed: int) -> World:
    """Three uniform latents that all take a normal step from one time point to the next."""
    return Pairs(step="normal", scale=0.4, past=True, seed=seed)


def shared_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Kernel R2 of the three latents that the views of `content_and_style` share."""
    return kernel_r2(estimate, truth[:, :3])


def shared_mcc(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Spearman MCC of the three latents that the views share."""
    return spearman_mcc(estimate, truth[:, :3])
