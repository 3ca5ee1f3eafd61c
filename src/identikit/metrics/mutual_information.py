"""Mutual information of factors and codes: binning, the plug-in matrix, the nearest-neighbour estimate, the floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, Factors, factors, matrix, same_rows

BINNINGS = ("quantile", "width")
"""Bins that hold equally many rows, or bins of equal width."""
FLOOR_PAIRS = 200
"""At least so many permuted pairs of each factor set the floor."""


def mutual_information(
    codes: Array,
    truth: Array | Truth,
    bins: int = 20,
    binning: str = "quantile",
    kinds: str | Sequence[str] | None = None,
) -> np.ndarray:
    r"""Mutual information of every true factor with every code, in nats, from counts in bins (the plug-in estimate).

    $$I_{ij} = \sum_{a,b} p_{ij}(a, b) \log \frac{p_{ij}(a, b)}{p_i(a)\, p_j(b)}$$

    The estimate is positive even for unrelated columns, by about (A - 1)(B - 1) / 2N nats for A and B bins in use and
    N rows: read it beside the same matrix of permuted rows.

    Args:
        codes: (rows, codes).
        truth: (rows, factors), or a `Truth`. A discrete factor has a bin for each category, a circular one `bins`
            equal arcs of the circle, a continuous one bins like a code.
        bins: how many, at least 2.
        binning: `quantile` puts equally many rows in each bin, so that no increasing map of a code changes anything
            and heavy tails do no harm; a column of at most `bins` different values has a bin for each. `width` cuts the
            range of a column into equal parts.
        kinds: of the factors of an array, as in the other metrics.

    Returns:
        (factors, codes) array of nats, none negative.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, fewer than 2 bins, fewer than 10 rows.

    >>> s = np.random.default_rng(0).normal(size=(1000, 2))
    >>> (mutual_information(np.exp(s[:, ::-1]), s, bins=4) / np.log(4)).round(1)
    array([[0., 1.],
           [1., 0.]])
    """
    labels, coded, _ = binned(codes, truth, "mutual_information", bins, binning, kinds)
    return information(labels, coded)


def binned(
    estimate: Array,
    truth: Array | Truth,
    who: str,
    bins: int,
    binning: str,
    kinds: str | Sequence[str] | None,
) -> tuple[np.ndarray, np.ndarray, Factors]:
    """Check both sides and put them in bins: labels of factors and of codes (rows, columns), and the factors."""
    check_bins(bins, binning)
    codes = matrix(estimate, "the estimate")
    known = factors(truth, who, kinds=kinds)
    same_rows({"estimate": codes, "truth": known.values})
    return factor_labels(known, bins, binning), code_labels(codes, bins, binning), known


def check_bins(bins: int, binning: str = "quantile") -> None:
    """Refuse a number or a form of bins that means nothing."""
    if binning not in BINNINGS:
        raise unknown("binning", binning, BINNINGS)
    if bins < 2:
        raise InputError(f"information is counted in at least 2 bins, and bins is {bins}")


def code_labels(codes: np.ndarray, bins: int, binning: str) -> np.ndarray:
    """The bin of every entry of (rows, columns) numbers, as whole numbers below `bins`; a constant column has one."""
    cut = _equal_counts if binning == "quantile" else _equal_widths
    return np.stack([cut(column, bins) for column in np.ascontiguousarray(codes.T)], axis=1)


def factor_labels(known: Factors, bins: int, binning: str = "quantile") -> np.ndarray:
    """The bin of every entry of the factors, each by its kind, as whole numbers from 0 without a gap."""
    columns = []
    for column, kind in zip(known.values.T, known.kinds, strict=True):
        if kind == "circular":
            column = np.floor(np.mod(column, 2 * np.pi) * (bins / (2 * np.pi)))
        elif kind == "continuous":
            column = code_labels(column[:, None], bins, binning)[:, 0]
        columns.append(np.unique(column, return_inverse=True)[1])
    return np.stack(columns, axis=1)


def _equal_counts(column: np.ndarray, bins: int) -> np.ndarray:
    values, labels, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) <= bins:
        return labels
    # Equal values share the middle of their ranks, and so their bin.
    middle = np.cumsum(counts) - counts / 2
    return np.minimum(middle * bins / len(column), bins - 1).astype(np.int64)[labels]


def _equal_widths(column: np.ndarray, bins: int) -> np.ndarray:
    edges = np.linspace(column.min(), column.max(), bins + 1)
    return np.searchsorted(edges[1:-1], column, side="right")


def information(labels: np.ndarray, coded: np.ndarray) -> np.ndarray:
    """The (factors, codes) mutual information in nats of bin labels (rows, factors) and (rows, codes)."""
    rows, width = coded.shape
    bins = int(coded.max()) + 1
    # One count over (category, code, bin) for each factor is the joint histogram of that factor with all codes.
    cells = coded + bins * np.arange(width)
    spread = entropies(coded)
    found = np.empty((labels.shape[1], width))
    for position, label in enumerate(labels.T):
        size = int(label.max()) + 1
        counts = np.bincount((label[:, None] * (bins * width) + cells).ravel(), minlength=size * width * bins)
        joint = _entropy(counts.reshape(size, width, bins), rows, (0, 2))
        found[position] = _entropy(np.bincount(label), rows, (0,)) + spread - joint
    return np.maximum(found, 0.0)


def entropies(labels: np.ndarray) -> np.ndarray:
    """Entropy in nats of every column of bin labels (rows, columns)."""
    return np.array([_entropy(np.bincount(column), len(labels), (0,)) for column in labels.T])


def _entropy(counts: np.ndarray, rows: int, axes: tuple[int, ...]) -> np.ndarray:
    return np.log(rows) - (counts * np.log(np.maximum(counts, 1))).sum(axes) / rows


def neighbour_information(labels: np.ndarray, codes: np.ndarray, neighbours: int = 10, seed: int = 0) -> np.ndarray:
    r"""Mutual information of categories and continuous codes, in nats, from nearest neighbours and without bins.

    $$I = \psi(N) + \langle \psi(k) \rangle - \langle \psi(N_a) \rangle - \langle \psi(m) \rangle$$

    with N_a the rows of a row's category and m the rows of any category that are nearer than its k-th neighbour within
    the category. Estimates of unrelated columns scatter around 0 and are not cut off there.

    Args:
        labels: (rows, factors) whole numbers from 0.
        codes: (rows, codes) finite numbers.
        neighbours: k; a category of fewer rows uses all it has, and one of a single row is left out.
        seed: of the tiny noise that breaks ties.

    Returns:
        (factors, codes) array of nats; a constant code has 0.

    Source: Ross, Mutual Information between Discrete and Continuous Data Sets, 2014.

    >>> label = np.repeat([0, 1], 200)
    >>> apart = label[:, None] + 0.01 * np.random.default_rng(0).normal(size=(400, 1))
    >>> abs(neighbour_information(label[:, None], apart) - np.log(2)).max() < 0.02
    np.True_
    """
    from scipy.special import digamma

    rows = len(codes)
    noise = 1e-10 * np.random.default_rng([seed, 9]).normal(size=rows)
    psi = np.concatenate([[0.0], digamma(np.arange(1, rows + 1))])
    found = np.zeros((labels.shape[1], codes.shape[1]))
    for code, column in enumerate(codes.T):
        if column.min() == column.max():
            continue
        # In units of its spread, so that the noise is as small for every code.
        column = (column - column.mean()) / max(column.std(), np.finfo(float).tiny) + noise
        order = np.argsort(column)
        column, sorted_labels = column[order], labels[order]
        for factor, label in enumerate(sorted_labels.T):
            found[factor, code] = _ross(label, column, neighbours, psi)
    return found


def _ross(label: np.ndarray, column: np.ndarray, neighbours: int, psi: np.ndarray) -> float:
    """The estimate for one code in increasing order; `psi` is the digamma function at whole numbers."""
    sizes = np.bincount(label)
    if (sizes == 1).any():
        kept = sizes[label] > 1
        label, column = label[kept], column[kept]
        sizes = np.bincount(label, minlength=len(sizes))
    rows = len(column)
    if not rows:
        return 0.0
    # Category after category, each still in increasing order: neighbours within a category stand side by side.
    by_label = np.argsort(label, kind="stable")
    label, value = label[by_label], column[by_label]
    start = (np.cumsum(sizes) - sizes)[label]
    stop = start + sizes[label]
    k = np.minimum(neighbours, sizes[label] - 1)
    here = np.arange(rows)
    radius = np.full(rows, np.inf)
    for left in range(neighbours + 1):
        low, high = here - left, here - left + k
        inside = (low >= start) & (high < stop) & (left <= k)
        low, high = np.where(inside, low, here), np.where(inside, high, here)
        reach = np.maximum(value - value[low], value[high] - value)
        np.minimum(radius, reach, out=radius, where=inside)
    # Strictly nearer than the radius; the sums are rounded, so the row on the edge is looked at once more.
    first = np.searchsorted(column, value - radius, side="left")
    last = np.searchsorted(column, value + radius, side="right") - 1
    first += value - column[np.minimum(first, rows - 1)] >= radius
    last -= column[last] - value >= radius
    nearer = np.maximum(last - first + 1, 1)
    return float(psi[rows] + psi[k].mean() - psi[sizes[label]].mean() - psi[nearer].mean())


def floor(found: Callable[[np.ndarray], np.ndarray], labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The level (factors, 1) above which information counts as found, from permuted rows.

    It lies above the mean of a factor's permuted pairs by twice the largest excess among them: one pair that passes by
    luck would stand for a code that is about one factor alone, the best there is, so luck must be all but ruled out.
    For unrelated columns of 100 or 300 rows, 2 in 1000 matrices or fewer had an entry above it.

    Args:
        found: from labels (rows, factors) to the information (factors, codes).
        labels: of the factors.
        rng: of the permutations.
    """
    draws = [found(rng.permutation(labels))]
    draws += [found(rng.permutation(labels)) for _ in range(-(-FLOOR_PAIRS // draws[0].shape[1]) - 1)]
    pairs = np.concatenate(draws, axis=1)
    mean = pairs.mean(1)
    return np.maximum(mean + 2 * (pairs.max(1) - mean), 0.0)[:, None]
