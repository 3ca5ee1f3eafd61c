"""Small worlds and measures that the checks of methods with blocks by domain share."""

from __future__ import annotations

import numpy as np

from identikit.methods.claims import kernel_r2
from identikit.worlds import DomainShift, World


def three_domains(seed: int) -> World:
    """Two invariant and two changing latents in as many domains as tell the blocks apart, and no more."""
    return DomainShift(domains=3, seed=seed)


def five_domains(seed: int) -> World:
    """The same latents in five domains."""
    return DomainShift(domains=5, seed=seed)


def alike(seed: int) -> World:
    """Four latents in three domains that do not differ, so that no latent is in a block for a reason."""
    return DomainShift(invariant=4, changing=0, domains=3, seed=seed)


def halves_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Kernel R2 of the first two of four latents in the first two of the code, and of the others: the lower one."""
    return min(kernel_r2(estimate[:, part], truth[:, part]) for part in (slice(0, 2), slice(2, 4)))
