"""Dependence of codes on each other within domains: a method that finds independent latents should leave none."""

from __future__ import annotations

import numpy as np

from identikit.metrics.correlation import cross_correlation
from identikit.metrics.inputs import Array, groups, matrix, same_rows

_FEWEST_ROWS = 20


def dependence(codes: Array, domain: Array) -> np.ndarray | None:
    r"""How strongly codes depend on each other within domains.

    $$d_{ij} = \sum_u \frac{n_u}{n} \max_{a \in A_i, b \in A_j} |\mathrm{corr}_u(a, b)|,\; A_i = \{z_i, |z_i - m_i|\}$$

    with rank correlations, and the medians m within each domain u. It sees what is monotone in values or in distances
    from the median, which a rotation of independent latents of unequal spread is; other dependence it does not see.

    Args:
        codes: (rows, codes).
        domain: (rows,) the domain of each row; zeros where there is one.

    Returns:
        (codes, codes), zeros on the diagonal: the mean over domains, weighted by rows, of the largest absolute
        rank correlation between the values or distances from the median of one and those of the other; None where every
        domain has fewer than 20 rows.

    Raises:
        InputError: lengths differ, NaN or infinite values, fewer than 10 rows.

    >>> z = np.random.default_rng(0).normal(size=(4000, 2))
    >>> turned = z @ np.array([[1.0, 1.0], [-1.0, 1.0]]) * [1.0, 2.0]
    >>> float(dependence(turned, np.arange(4000) % 2)[0, 1].round(1))
    0.0
    >>> bent = np.stack([z[:, 0], z[:, 0] ** 2 + 0.1 * z[:, 1]], axis=1)
    >>> float(dependence(bent, np.arange(4000) % 2)[0, 1].round(1))
    1.0
    """
    codes, (domain, _) = matrix(codes, "the codes"), groups(domain, "the domain")
    same_rows({"codes": codes, "domain": domain})
    size = codes.shape[1]
    total, seen = np.zeros((size, size)), 0
    for d in np.unique(domain):
        group = codes[domain == d]
        if len(group) < _FEWEST_ROWS:
            continue
        # Values and distances from the median, side by side: each latent has two columns.
        both = np.concatenate([group, np.abs(group - np.median(group, axis=0))], axis=1)
        strength = np.abs(cross_correlation(both, both)).reshape(2, size, 2, size)
        total += len(group) * strength.max((0, 2))
        seen += len(group)
    if not seen:
        return None
    np.fill_diagonal(total, 0.0)
    return total / seen
