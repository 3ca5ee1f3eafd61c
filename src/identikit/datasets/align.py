"""Descriptions of rows that have the same distribution in every domain, cluster by cluster."""

from __future__ import annotations

import numpy as np

from identikit.data import Dataset
from identikit.errors import InputError

_FLOOR = 0.02
_ROUNDS = 3
_BALANCINGS = 3
_WARMTH = 0.15
_PRIOR_ROWS = 5.0


def align_by_domain(values: np.ndarray, data: Dataset, size: int = 96, clusters: int = 200) -> np.ndarray:
    r"""Whiten values within each domain, then take from every cluster of rows what sets the domains apart there.

    The principal components of all training rows are whitened within each domain, so that domains share mean and
    covariance. Three rounds follow. Each row is shared among clusters by its direction,

    $$r_{ic} \propto b_{d_i c} \exp (2 \hat z_i \cdot y_c / 0.15)$$

    with $b$ such that a cluster has about the same share of each domain, and moved by the offsets of its domain

    $$z_i \leftarrow z_i - \sum_c r_{ic} \frac{n_{d_i c}}{n_{d_i c} + 5} (m_{d_i c} - \bar m_c)$$

    where $m_{dc}$ is the mean of the rows of domain $d$ in cluster $c$, weighted by $r$, $n_{dc}$ the sum of their
    weights, and $\bar m_c$ the mean of $m_{dc}$ over domains. All of it is learned from the training rows.

    It assumes that every domain holds the same kinds of things, equally often: where they do not, a difference in
    what is there is taken for a difference of domains, and goes too.

    Args:
        values: (rows, columns) of numbers, one row for each of the data.
        data: whose domains and training rows count.
        size: principal components to keep.
        clusters: how many.

    Returns:
        (rows, size) float32.

    Raises:
        InputError: values of another length or not finite, too few columns or training rows, a hidden domain.

    Source: after Harmony of Korsunsky et al. 2019 (Nature Methods 16, 1289), whose balance of clusters is a penalty.

    >>> import numpy as np
    >>> from identikit import datasets
    >>> kind, domain = np.repeat([0, 1], 200), np.tile([0, 1], 200)
    >>> x = np.random.default_rng(0).normal(size=(400, 2)) + 9 * kind[:, None] * [[1, 0]]
    >>> x[(kind == 1) & (domain == 1), 1] += 3
    >>> aligned = align_by_domain(x, datasets.from_arrays(x=x, domain=domain), size=2, clusters=4)
    >>> gaps = [aligned[(kind == k) & (domain == 1)].mean(0) - aligned[(kind == k) & (domain == 0)].mean(0)
    ...         for k in (0, 1)]
    >>> bool(np.abs(gaps).max() < 0.3)
    True
    """
    values = np.asarray(values, np.float64)
    domain, train = _check(values, data, size, clusters)
    z = _whitened(values, domain, train, size)
    centres = _centres(z[train], clusters)
    for _ in range(_ROUNDS):
        member = _members(z, centres, domain, train)
        count, mean = [], []
        for d in range(domain.max() + 1):
            here = train & (domain == d)
            count.append(member[here].sum(0)[:, None])
            mean.append(member[here].T @ z[here] / (count[-1] + 1e-9))
        offset = [n / (n + _PRIOR_ROWS) * (m - np.mean(mean, 0)) for n, m in zip(count, mean, strict=True)]
        for d, shift in enumerate(offset):
            z[domain == d] -= member[domain == d] @ shift
        centres = _unit(member[train].T @ _unit(z[train]))
    return z.astype(np.float32)


def _check(values: np.ndarray, data: Dataset, size: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    if values.ndim != 2 or len(values) != data.rows:
        raise InputError(f"the values are of shape {values.shape}, and the data has {data.rows} rows")
    if not np.isfinite(values).all():
        raise InputError("the values hold NaN or infinite numbers")
    if "domain" not in data:
        raise InputError("align_by_domain makes domains alike, and the data has no field 'domain'")
    domain, train = data["domain"], data.split == 0
    if domain.min() < 0:
        raise InputError("align_by_domain needs the domain of every row, and some are hidden")
    fewest = min(int((train & (domain == d)).sum()) for d in range(len(data.names["domain"])))
    if fewest < 2:
        raise InputError(f"every domain needs two training rows to take its scale from, and one has {fewest}")
    if not 1 <= size <= min(values.shape[1], train.sum()):
        raise InputError(
            f"size is from 1 to {min(values.shape[1], train.sum())}, as columns and rows allow, not {size}"
        )
    if not 1 <= clusters <= train.sum():
        raise InputError(f"clusters is from 1 to {train.sum()}, the number of training rows, not {clusters}")
    return domain, train


def _whitened(values: np.ndarray, domain: np.ndarray, train: np.ndarray, size: int) -> np.ndarray:
    """Principal components, brought to mean 0 and covariance 1 within each domain by a symmetric map."""
    from sklearn.decomposition import PCA

    parts = PCA(size, whiten=True, random_state=0).fit(values[train]).transform(values)
    out = np.empty_like(parts)
    for d in range(domain.max() + 1):
        here = parts[train & (domain == d)]
        # The floor keeps a direction that hardly varies in a domain small there.
        spread, axes = np.linalg.eigh(np.cov(here.T).reshape(size, size) + _FLOOR * np.eye(size))
        out[domain == d] = (parts[domain == d] - here.mean(0)) @ (axes / np.sqrt(spread)) @ axes.T
    return out


def _centres(z: np.ndarray, clusters: int) -> np.ndarray:
    """Where the clusters start, as directions."""
    from sklearn.cluster import KMeans

    return _unit(KMeans(clusters, random_state=0).fit(_unit(z)).cluster_centers_)


def _members(z: np.ndarray, centres: np.ndarray, domain: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Each row's shares of the clusters, of which every domain holds about as much as the others."""
    fit = _unit(z) @ centres.T * (2 / _WARMTH)
    fit = np.exp(fit - fit.max(1, keepdims=True))
    favour = np.ones((domain.max() + 1, len(centres)))
    for _ in range(_BALANCINGS):
        member = _shares(fit * favour[domain])
        held = np.stack([member[train & (domain == d)].mean(0) for d in range(len(favour))])
        favour *= (held.mean(0) + 1e-3) / (held + 1e-3)
    return _shares(fit * favour[domain])


def _shares(weight: np.ndarray) -> np.ndarray:
    return weight / weight.sum(1, keepdims=True)


def _unit(z: np.ndarray) -> np.ndarray:
    return z / (np.linalg.norm(z, axis=1, keepdims=True) + 1e-12)
