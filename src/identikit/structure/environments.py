"""The search for a linear hierarchy of latents in a table whose rows come from several environments."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from identikit.data import Dataset, require_dataset
from identikit.errors import InputError
from identikit.structure.environment_hierarchy import EnvironmentHierarchy, changing, independent_rows, table_of
from identikit.structure.latent_graph import LatentGraph
from identikit.structure.search import Clock, Search, register
from identikit.structure.shared_rows import MOST, ordered_rows, row_overlap, share_rows
from identikit.structure.table import Table

LEAST = 10
"""Rows that each environment needs for every column."""
_STARTS = 3
"""Starts of ICA in each refit, of which the best is taken as it is in the fit."""
_NORMAL = 0.3745672075
"""The mean of log cosh over a standard normal."""


def find_hierarchy(
    data: Dataset,
    latents: int = 3,
    standardise: bool = True,
    restarts: int = 20,
    refits: int = 20,
    draws: int = 40,
    seed: int = 0,
) -> EnvironmentHierarchy:
    r"""Find linear latents that cause one another in an order which all environments share.

    In environment k, :math:`x = G z` and :math:`z = A_k z + \Omega_k^{1/2} \varepsilon`, with a G for all and a
    triangular :math:`A_k`. ICA in each environment finds :math:`M_k = \Omega_k^{-1/2} (I - A_k) G^+` up to the order of
    its rows; `share_rows` finds that order and splits it into :math:`B_k H`. Of several starts of ICA, in each
    environment the one with the sources furthest from normal gives the result.

    Two references stand beside the score. With the environments *permuted*, all rows have one distribution, and any
    order fits but for sampling noise: what is well above this is not explained by noise. With each environment's
    sources *turned* at random, only the space is shared: what is not well below this is no hierarchy.

    Args:
        data: with numbers in the columns of `x` and an environment for each row in `domain`.
        latents: how many, from 2 to 5 and at most the columns.
        standardise: divide each column by its deviation within environments, so that its unit does not matter.
        restarts: starts of ICA, 2 or more.
        refits: fits to rows drawn again within each environment, each the best of three starts; 2 or more.
        draws: of each null, 1 or more.
        seed: of all that is drawn.

    Raises:
        InputError: no environments, one of them, too few rows in one, equal or constant columns in one, or a wrong
            number of latents.

    Source: Zhang et al. 2025 (arXiv 2506.10378); Jin and Syrgkanis 2023 (arXiv 2311.12267). Scaling, several starts,
    the nulls and the gauge are this library's choice.

    >>> from identikit.worlds.linear_environments import LinearEnvironments
    >>> data, truth = LinearEnvironments().sample(4_000, seed=0)
    >>> found = find_hierarchy(data, refits=5, draws=10)
    >>> found.score < 0.05, found.p_chance < 0.1
    (True, True)
    """
    x, domain = table_of(require_dataset(data, "find_hierarchy"))
    columns = data.names.get("x", tuple(f"x{i}" for i in range(x.shape[1])))
    return _find(x, domain, columns, data.names["domain"], latents, standardise, restarts, refits, draws, seed, Clock())


def environments(
    table: Table,
    clock: Clock,
    latents: int = 3,
    standardise: bool = True,
    restarts: int = 20,
    refits: int = 20,
    draws: int = 40,
    seed: int = 0,
) -> LatentGraph:
    """`find_hierarchy` as a search of `discover`: the graph of what it found."""
    assert table.domain is not None
    found = _find(
        table.values,
        table.domain,
        table.names,
        table.domains,
        latents,
        standardise,
        restarts,
        refits,
        draws,
        seed,
        clock,
    )
    return found.graph()


def _find(
    x: np.ndarray,
    domain: np.ndarray,
    columns: tuple[str, ...],
    names: tuple[str, ...],
    latents: int,
    standardise: bool,
    restarts: int,
    refits: int,
    draws: int,
    seed: int,
    clock: Clock,
) -> EnvironmentHierarchy:
    _check(x, domain, names, columns, latents)
    if restarts < 2 or refits < 2 or draws < 1:
        raise InputError(f"restarts and refits are 2 or more and draws 1 or more, not {restarts}, {refits}, {draws}")
    sizes = np.bincount(domain, minlength=len(names))
    centre = np.stack([x[domain == k].mean(0) for k in range(len(names))])
    within = x - centre[domain]
    scale = within.std(0) if standardise else np.ones(x.shape[1])
    within, centre = within / scale, centre / scale
    parts = [within[domain == k] for k in range(len(names))]
    covariance = within.T @ within / len(within)
    rng = np.random.default_rng([seed, 7])

    tried = [_separate(parts, latents, rng) for _ in _times(restarts, clock)]
    contrasts = np.stack([contrast for _, contrast in tried])
    unmixings = _furthest(tried)
    shared = share_rows(unmixings)
    chance = [share_rows(_turned(tried[d % len(tried)][0], rng)).score for d in _times(draws, clock)]

    floor, changes = [], []
    for _ in _times(draws, clock):
        dealt = within[rng.permutation(len(within))]
        fitted = share_rows(_separate(np.split(dealt, np.cumsum(sizes)[:-1]), latents, rng)[0])
        floor.append(fitted.score)
        changes.append(changing(fitted, covariance))

    again = []
    for _ in _times(refits, clock):
        drawn = [part[rng.integers(len(part), size=len(part))] for part in parts]
        starts = [_separate(drawn, latents, rng) for _ in range(min(_STARTS, restarts))]
        again.append(independent_rows(share_rows(_furthest(starts)).rows, covariance))

    normal = [normal_contrasts(int(rows), latents) for rows in sizes]
    values = [np.linalg.eigvalsh(np.cov(part.T))[::-1] for part in parts]
    return EnvironmentHierarchy(
        columns=tuple(columns),
        environments=tuple(names),
        sizes=tuple(int(s) for s in sizes),
        centre=centre,
        scale=scale,
        covariance=covariance,
        shared=shared,
        overlap=row_overlap(unmixings),
        explained=np.array([v[:latents].sum() / v.sum() for v in values]),
        spectrum=_spectrum(within),
        spectrum_null=np.quantile([_spectrum(rng.permuted(within, axis=0)) for _ in range(draws)], 0.95, axis=0),
        contrast=np.median(contrasts, axis=0),
        contrast_null=np.stack(normal, axis=1),
        restarts=np.array([share_rows(m).score for m, _ in tried]),
        floor=np.array(floor),
        chance=np.array(chance),
        orders={
            order: ordered_rows(unmixings, shared.order[:, list(order)]).score
            for order in itertools.permutations(range(latents))
        },
        refits=np.stack(again),
        changes_null=np.stack(changes),
        partial=len(tried) < restarts or len(again) < refits or len(floor) < draws,
    )


def _times(count: int, clock: Clock) -> Iterator[int]:
    """Counts up to a number of draws, of which two are made even when the time is over."""
    for number in range(count):
        if number > 1 and clock.over:
            return
        yield number


def _separate(parts: list[np.ndarray], latents: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """ICA of each environment from one start: the rows, and how far from normal the sources are.

    The rows are (environments, latents, columns); the distance is the sum over an environment's sources of the squared
    difference between their mean log cosh and that of a normal.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    found, contrasts = [], []
    for part in parts:
        ica = FastICA(latents, whiten="unit-variance", max_iter=200, random_state=int(rng.integers(2**31)))
        with warnings.catch_warnings():
            # A start that has not settled is one more draw of the band, and is not chosen unless it is the best.
            warnings.simplefilter("ignore", ConvergenceWarning)
            ica.fit(part)
        found.append(ica.components_)
        size = np.abs((part - part.mean(0)) @ found[-1].T)
        means = (size + np.log1p(np.exp(-2 * size)) - np.log(2)).mean(0)
        contrasts.append(float(((means - _NORMAL) ** 2).sum()))
    return np.stack(found), np.array(contrasts)


def _furthest(tried: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Of several starts, in each environment the rows whose sources are furthest from normal."""
    best = np.stack([contrast for _, contrast in tried]).argmax(0)
    return np.stack([tried[start][0][k] for k, start in enumerate(best)])


def _turned(unmixings: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same unmixings with the sources of each environment turned by a random rotation."""
    turns, upper = np.linalg.qr(rng.normal(size=(len(unmixings), unmixings.shape[1], unmixings.shape[1])))
    return turns * np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, None, :] @ unmixings


@lru_cache(maxsize=256)
def normal_contrasts(rows: int, latents: int, draws: int = 20) -> np.ndarray:
    """How far from normal ICA makes sources look, (draws,), in normal data, where it depends on nothing else.

    Args:
        rows: of the data.
        latents: of the data, and sources to find.
        draws: of the data.
    """
    rng = np.random.default_rng([rows, latents])
    return np.array([_separate([rng.normal(size=(rows, latents))], latents, rng)[1][0] for _ in range(draws)])


def _spectrum(values: np.ndarray) -> np.ndarray:
    """Eigenvalues of the correlation of the columns, the largest first."""
    return np.linalg.eigvalsh(np.corrcoef(values.T))[::-1]


def _check(x: np.ndarray, domain: np.ndarray, names: tuple[str, ...], columns: tuple[str, ...], latents: int) -> None:
    if not 2 <= latents <= min(MOST, len(columns)):
        raise InputError(f"latents is from 2 to {min(MOST, len(columns))} for {len(columns)} columns, not {latents}")
    if len(names) < 2:
        raise InputError(f"a hierarchy over environments needs two or more of them, and the data has {len(names)}")
    sizes, least = np.bincount(domain, minlength=len(names)), LEAST * len(columns)
    if sizes.min() < least:
        raise InputError(
            f"environment '{names[sizes.argmin()]}' has {sizes.min()} rows, and {least} are needed "
            f"({LEAST} for each column): leave it out, or give more"
        )
    for k, name in enumerate(names):
        part = x[domain == k]
        constant = np.ptp(part, 0) == 0
        if constant.any():
            raise InputError(
                f"column '{columns[constant.argmax()]}' is constant in environment '{name}': leave one out"
            )
        rank = np.linalg.matrix_rank(part - part.mean(0), tol=1e-5 * np.abs(part).max() * np.sqrt(len(part)))
        if rank < latents:
            raise InputError(
                f"the columns of environment '{name}' span {rank} dimensions, fewer than {latents} latents"
            )
    for i, j in itertools.combinations(range(len(columns)), 2):
        if np.array_equal(x[:, i], x[:, j]):
            raise InputError(f"columns '{columns[i]}' and '{columns[j]}' are equal: leave one out")


register(
    Search(
        "environments",
        "finds linear latents and the order in which they cause one another, from how their sources differ by domain",
        "Zhang et al., hierarchical latent capabilities of language models, 2025, arXiv:2506.10378",
        environments,
        (
            "linear relations, of columns to latents the same in every domain",
            "sources that are not normal",
            "effects that change from domain to domain, in one order for all",
        ),
        latents=True,
        domains=2,
        rows=lambda columns: 2 * LEAST * columns,
        resamples=0,
    )
)
