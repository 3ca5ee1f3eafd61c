"""Which codes are in use, from the codes alone: no truth is needed."""

from __future__ import annotations

import numpy as np

from identikit.errors import InputError
from identikit.metrics.inputs import Array, matrix
from identikit.metrics.result import Score

SPREAD = 0.1
"""A posterior variance varies little over rows where its variance is below this."""
ACTIVE = 0.1
"""Largest mean posterior variance of an active code."""
PASSIVE = (0.9, 1.1)
"""Mean posterior variance of a passive code: about that of the prior."""


def activity(variances: Array) -> Score:
    r"""Number of active codes, from the variances of the posterior, which is compared with a prior of variance 1.

    Over the rows, with $\sigma_j^2$ the posterior variance of code j,

    - `passive`: $\mathrm{var}(\sigma_j^2) < 0.1$ and $\mathrm{mean}(\sigma_j^2) \in [0.9, 1.1]$: it says nothing of any
      row;
    - `active`: $\mathrm{var}(\sigma_j^2) < 0.1$ and $\mathrm{mean}(\sigma_j^2) \le 0.1$: it says something of each row;
    - `mixed`: all others, codes that say something of some rows.

    Args:
        variances: (rows, codes) variances, not their logarithms.

    Returns:
        The number of active codes, with the mean posterior variance of each code as parts, and the label of each in
        `settings["labels"]`. There is no null: it is a count, and claims nothing about a truth.

    Raises:
        InputError: NaN, infinite or negative values, fewer than 10 rows.

    Source: Bonheme and Grzes, Be More Active! Understanding the Differences between Mean and Sampled Representations of
    Variational Autoencoders, 2023.

    >>> score = activity(np.tile([0.01, 1.0, 0.5], (20, 1)))
    >>> score.value, score.settings["labels"]
    (1.0, ['active', 'passive', 'mixed'])
    """
    values = matrix(variances, "the variances")
    if values.min() < 0:
        raise InputError(
            f"the variances hold {values.min():.3g}, and a variance is not negative: take exp() of log-variances"
        )
    mean, steady = values.mean(0), values.var(0) < SPREAD
    passive = steady & (mean >= PASSIVE[0]) & (mean <= PASSIVE[1])
    labels = np.where(passive, "passive", np.where(steady & (mean <= ACTIVE), "active", "mixed"))
    return _count("activity", labels, mean, len(values), {"rule": "posterior variances"})


def active_units(codes: Array, threshold: float = 0.01) -> Score:
    r"""Number of active units: codes whose posterior mean varies over the rows.

    $$\#\{j : \mathrm{var}_t(\mu_j(x_t)) > 0.01\}$$

    Args:
        codes: (rows, codes) posterior means, in units in which the prior has variance 1.
        threshold: variance above which a code is active.

    Returns:
        The number of active units, with the variance of each code as parts, and `active` or `passive` for each in
        `settings["labels"]`. There is no null: it is a count, and claims nothing about a truth.

    Raises:
        InputError: NaN or infinite values, fewer than 10 rows, a negative threshold.

    Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, 2016.

    >>> s = np.random.default_rng(0).normal(size=(100, 2))
    >>> active_units(s * [1.0, 0.01]).settings["labels"]
    ['active', 'passive']
    """
    if not threshold >= 0:
        raise InputError(f"the threshold is a variance and must be 0 or more, and is {threshold}")
    values = matrix(codes, "the codes")
    variance = values.var(0)
    labels = np.where(variance > threshold, "active", "passive")
    return _count("active_units", labels, variance, len(values), {"rule": "means", "threshold": threshold})


def _count(name: str, labels: np.ndarray, parts: np.ndarray, rows: int, settings: dict[str, object]) -> Score:
    active, passive = int((labels == "active").sum()), int((labels == "passive").sum())
    return Score(
        name=name,
        value=float(active),
        parts={f"code {i}": float(part) for i, part in enumerate(parts)},
        n=rows,
        settings={
            **settings,
            "counts": f"{active} active, {len(labels) - active - passive} mixed, {passive} passive",
            "labels": labels.tolist(),
        },
    )
