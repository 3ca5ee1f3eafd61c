"""What can be measured of a sample with several domains: whether a distribution is the same in all of them."""

from __future__ import annotations

import numpy as np

from identikit.errors import InputError


def apart(values: np.ndarray, domain: np.ndarray) -> tuple[float, float]:
    """How far the distribution of any column in any domain is from that of the other domains together.

    Args:
        values: (rows, columns).
        domain: (rows,) codes, of two domains or more.

    Returns:
        The largest Kolmogorov-Smirnov statistic (the gap between two distribution functions, 0 to 1), and the gap that
        chance exceeds once in a thousand times over all columns and domains.

    Raises:
        InputError: fewer than two domains.

    >>> rng = np.random.default_rng(0)
    >>> domain = np.repeat([0, 1], 500)
    >>> gap, chance = apart(rng.normal(size=(1_000, 2)), domain)
    >>> moved, _ = apart(rng.normal(size=(1_000, 2)) + domain[:, None], domain)
    >>> gap < chance < moved
    True
    """
    codes = np.unique(domain)
    if len(codes) < 2:
        raise InputError(f"distributions of domains are compared where there are two or more, not {len(codes)}")
    worst, bound, comparisons = 0.0, 0.0, len(codes) * values.shape[1]
    for code in codes:
        here = domain == code
        inside, outside = int(here.sum()), int((~here).sum())
        # The asymptotic distribution of the statistic: P(gap > t) is about 2 exp(-2 t^2 m n / (m + n)).
        limit = np.sqrt(0.5 * np.log(2 * comparisons / 1e-3) * (inside + outside) / (inside * outside))
        for column in values.T:
            found = _gap(column[here], column[~here])
            if not bound or found - limit > worst - bound:
                worst, bound = found, float(limit)
    return worst, bound


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """The Kolmogorov-Smirnov statistic of two samples."""
    both = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(sample), both, side="right") / len(sample) for sample in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())
