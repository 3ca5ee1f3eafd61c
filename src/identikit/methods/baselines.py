"""Small worlds and measures that the checks of several baselines share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from identikit.data import Dataset, Truth
from identikit.engine import Check
from identikit.methods.claims import spearman_mcc
from identikit.metrics import block_r2
from identikit.worlds import DomainShift, World


def linear_mixtures(seed: int) -> World:
    """Four independent latents, each of a mixture of two normals, mixed by a matrix."""
    return DomainShift(invariant=0, changing=4, domains=1, shift="mixture", mixing="linear", seed=seed)


def linear_normals(seed: int) -> World:
    """Four independent normal latents, mixed by a matrix."""
    return DomainShift(invariant=4, changing=0, domains=1, mixing="linear", seed=seed)


def linear_changing(seed: int) -> World:
    """Two invariant and two changing latents in nine domains, mixed by a matrix."""
    return DomainShift(mixing="linear", seed=seed)


def four_alike(seed: int) -> World:
    """Four latents that no domain changes, in four domains."""
    return DomainShift(invariant=4, changing=0, domains=4, seed=seed)


@dataclass(frozen=True)
class ToldLatents(DomainShift):
    """The same world, where `y` holds the latents themselves."""

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw rows, with a number for each latent in `y`."""
        data, truth = super().sample(n, seed)
        names = {name: own for name, own in data.names.items() if name != "y"}
        fields = {**data.fields, "y": truth.latents.astype(np.float32)}
        return replace(data, fields=fields, names=names, source={}), truth


def told_latents(seed: int) -> World:
    """Two invariant and two changing latents in nine domains, which `y` holds."""
    return ToldLatents(seed=seed)


def linear_r2(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Held-out share of the truth's variance that a linear regression finds in the estimate."""
    return block_r2(estimate, truth, regressor="linear", nulls=0).value


def one_by_one(bound: float = 0.85, **options: object) -> Check:
    """Independent latents alone do not tell which is which: the best match stays that of a turned code."""
    return Check(
        says="broken: nothing tells independent latents apart, so they are not found one by one (Spearman MCC)",
        world=four_alike,
        options=options,
        metric=spearman_mcc,
        below=bound,
    )
