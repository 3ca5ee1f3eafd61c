"""Agreement: whether independently seeded runs find the same latents in rows that none of them was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics import Score, block_r2, mcc

R2_ROWS = 600
"""Rows that the regressions between codes look at."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How the codes of one run compare with those of others.

    Attributes:
        pairs: for each block and each other run, the MCC of the other run's block with this run's, beside its nulls;
            its parts are the latents by name, those that are constant left out.
        matched: (others, latents) absolute rank correlation of each latent with its match in the same block.
        in_block: (others, latents) share of each latent that the other run's same block tells, linear or not; of normal
            scores, so that a monotone map of a latent makes no difference.
        in_code: (others, latents) the same for the other run's whole code.
    """

    pairs: dict[str, tuple[Score, ...]]
    matched: np.ndarray
    in_block: np.ndarray
    in_code: np.ndarray


def agree(
    code: np.ndarray, others: Sequence[np.ndarray], blocks: dict[str, tuple[int, ...]], nulls: int = 20
) -> Agreement:
    """Compare one run's code with those of other runs, block by block.

    Args:
        code: (rows, latents), of the run in question.
        others: codes of the other runs, of the same rows and shape.
        blocks: positions of the latents of each block.
        nulls: draws of each null of the MCC.

    Raises:
        InputError: there is no other run, or one with other rows or another number of latents.

    >>> rng = np.random.default_rng(0)
    >>> s = rng.normal(size=(300, 2))
    >>> turned = s @ np.array([[0.7, 0.7], [-0.7, 0.7]])
    >>> found = agree(s, [s[:, ::-1], turned], {"all": (0, 1)})
    >>> found.matched.round(1).tolist()
    [[1.0, 1.0], [0.7, 0.7]]
    >>> bool((found.in_block > 0.95).all())
    True
    """
    if not others:
        raise InputError("agreement compares runs of different seeds, and there is no other run")
    for other in others:
        if other.shape != code.shape:
            raise InputError(
                f"runs are compared on the same rows and with as many latents each, and their codes have shape "
                f"{code.shape} and {other.shape}"
            )
    shape = (len(others), code.shape[1])
    matched, in_block, in_code = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    pairs: dict[str, list[Score]] = {name: [] for name in blocks}
    few = np.random.default_rng(0).permutation(len(code))[:R2_ROWS]
    scored, other_scores = normal_scores(code[few]), [normal_scores(other[few]) for other in others]
    # A latent that says nothing has nothing to be told, and no metric takes a constant factor.
    dead = code.std(0) <= 1e-6 * np.abs(code).max()
    for name, positions in blocks.items():
        own = [p for p in positions if not dead[p]]
        if not own:
            continue
        for i, other in enumerate(others):
            latents = Truth(code[:, own], tuple(f"z{p}" for p in own), ("continuous",) * len(own))
            score = mcc(other[:, list(positions)], latents, nulls=nulls)
            pairs[name].append(score)
            matched[i, own] = list(score.parts.values())
            told = block_r2(other_scores[i][:, list(positions)], scored[:, own], nulls=0)
            in_block[i, own] = list(told.parts.values())
            in_code[i, own] = in_block[i, own]
            if len(positions) < code.shape[1]:
                told = block_r2(other_scores[i], scored[:, own], nulls=0)
                in_code[i, own] = list(told.parts.values())
    return Agreement({name: tuple(scores) for name, scores in pairs.items()}, matched, in_block, in_code)


def normal_scores(codes: np.ndarray) -> np.ndarray:
    """The ranks of each column as quantiles of a standard normal, (rows, codes).

    >>> normal_scores(np.array([[3.0], [100.0], [5.0]])).round(2).ravel().tolist()
    [-0.67, 0.67, 0.0]
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return ndtri(rankdata(codes, axis=0) / (len(codes) + 1))
