"""Adapters to two copies of MCC and one of block R2 (commits in `checkouts.py`).

`icebeem` is ilkhem/icebeem's file, copied into many later projects: at least as many codes as factors, matching and
score on the same rows. `causalverse` is CausalVerse/CausalVerseBenchmark's for images (Pearson with a little noise
added, missing factors filled up with random rows) and for videos (`mean_signed`: no absolute value in the mean).
Patches: `ipdb`, `seaborn` and `matplotlib`, which these functions do not use, are stand-ins; the grid search of R2 runs
in this process.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from peers.checkouts import checkout, imported, seeded, stand_in

IMAGES = ("evaluation", "image_part", "CRL_SC")
VIDEOS = ("video_part", "src")


@functools.cache
def _icebeem() -> Any:
    return imported(checkout("icebeem"), "metrics.mcc")[0]


@functools.cache
def _causalverse(module: str, *place: str) -> Any:
    unused = {name: stand_in(name) for name in ("ipdb", "seaborn", "matplotlib", "matplotlib.pyplot")}
    return imported(checkout("CausalVerseBenchmark").joinpath(*place), f"metrics.{module}", stand_ins=unused)[0]


def icebeem(codes: np.ndarray, factors: np.ndarray, correlation: str) -> float:
    """MCC of icebeem."""
    return float(_icebeem().mean_corr_coef_np(factors, codes, method=correlation))


def icebeem_held_out(
    codes: np.ndarray, factors: np.ndarray, fit: np.ndarray, held: np.ndarray, correlation: str
) -> float:
    """MCC of icebeem, matched on the rows `fit` and scored on the rows `held`."""
    score = _icebeem().mean_corr_coef_out_of_sample(
        factors[fit], codes[fit], factors[held], codes[held], method=correlation
    )
    return float(score)


def causalverse(codes: np.ndarray, factors: np.ndarray, correlation: str, seed: int = 0) -> float:
    """MCC of CausalVerse for images."""
    with seeded(seed):
        return float(_causalverse("correlation", *IMAGES).compute_mcc(codes.T, factors.T, correlation.title()))


def mean_signed(codes: np.ndarray, factors: np.ndarray) -> float:
    """The variant of CausalVerse for videos that averages signed correlations."""
    return float(_causalverse("mcc", *VIDEOS).correlation2(codes.T, factors.T)[2])


def causalverse_r2(codes: np.ndarray, factors: np.ndarray) -> float:
    """Block R2 of CausalVerse for images: kernel ridge, first half of the rows fitted, second half scored."""
    import torch
    from joblib import parallel_config

    module = _causalverse("block", *IMAGES)
    with seeded(), parallel_config(backend="sequential"):
        return float(module.compute_r2(torch.as_tensor(factors), torch.as_tensor(codes)))
