"""Domain probe: how well the domain of a row can be told from its codes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, groups, halves, matrix, same_rows
from identikit.metrics.regressors import standardise
from identikit.metrics.result import Null, Score

PROBES = ("linear", "nearest")
NEIGHBOURS = 10


def domain_probe(
    codes: Array,
    domain: Array | Sequence[str],
    probe: str = "linear",
    together: Array | Sequence[str] | None = None,
    nulls: int = 20,
    seed: int = 0,
) -> Score:
    r"""Held-out balanced accuracy of telling the domain from the codes.

    $$\frac{1}{D} \sum_{d=1}^{D} \frac{\#\{t : \hat d(z_t) = d_t = d\}}{\#\{t : d_t = d\}}$$

    over a random half of the rows, with the probe fitted on the other half. A block that claims to be invariant should
    stay near chance, 1/D; a changing block should not. The probes weigh every domain alike, whatever its size.

    Args:
        codes: (rows, codes), one block or all.
        domain: (rows,) the domain of each row, whole numbers or text.
        probe: `linear` (multinomial logistic regression of standardised codes) or `nearest` (vote of the 10 nearest
            rows, which also sees domains that differ in spread or shape).
        together: (rows,) what each row shows, where the same thing is seen in several domains: its rows then stay in
            one half. Across the halves, the same thing in other domains would outvote the domain, and a code would
            look more invariant than it is.
        nulls: draws of the null; 0 for none.
        seed: of the halves and the null.

    Returns:
        A score between 0 and 1, with the share found of each domain, and two nulls: `permuted labels` and `chance`.

    Raises:
        InputError: lengths differ, NaN or infinite values, fewer than two domains, a domain with one row, a domain
            that is hidden.

    >>> rng = np.random.default_rng(0)
    >>> domain = np.repeat([0, 1], 200)
    >>> domain_probe(rng.normal(size=(400, 2)) + 3 * domain[:, None], domain).value > 0.95
    True
    """
    if probe not in PROBES:
        raise unknown("probe", probe, PROBES)
    if isinstance(domain, Truth):
        raise InputError("domain_probe takes the domain of each row, not a Truth: hand it data['domain']")
    block = matrix(codes, "the codes")
    labels, names = groups(domain, "the domain", fewest=2)
    rows = same_rows({"codes": block, "domain": labels})
    counts = np.bincount(labels)
    if counts.min() < 2:
        raise InputError(
            f"domain '{names[counts.argmin()]}' has one row, and the probe needs one to fit and one to score"
        )
    if together is None:
        train, test = halves(rows, [seed, 0], within=labels)
    else:
        shown, _ = groups(together, "together", fewest=2)
        same_rows({"codes": block, "together": shown})
        fitted, _ = halves(shown.max() + 1, [seed, 0])
        train, test = np.flatnonzero(np.isin(shown, fitted)), np.flatnonzero(~np.isin(shown, fitted))
        for half in (train, test):
            missing = np.flatnonzero(np.bincount(labels[half], minlength=len(names)) == 0)
            if len(missing):
                raise InputError(f"domain '{names[missing[0]]}' shows too few different things to split them in halves")
    x, x_test = standardise(block[train], block[test])
    predict = _linear(x, x_test) if probe == "linear" else _nearest(x, x_test, len(names))

    def recalls(of: np.ndarray) -> np.ndarray:
        hit = predict(of[train]) == of[test]
        return np.bincount(of[test], hit, len(names)) / np.bincount(of[test], minlength=len(names))

    parts = recalls(labels)
    rng = np.random.default_rng([seed, 1])
    found: dict[str, Null] = {}
    if nulls:
        # Labels are permuted inside each half, so that every domain stays in both.
        permuted = np.empty_like(labels)
        draws = []
        for _ in range(nulls):
            permuted[train], permuted[test] = rng.permutation(labels[train]), rng.permutation(labels[test])
            draws.append(recalls(permuted).mean())
        found["permuted labels"] = Null.of(draws)
    found["chance"] = Null.known(1 / len(names))
    return Score(
        name="domain_probe",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(names, parts, strict=True)},
        nulls=found,
        n=rows,
        settings={
            "probe": probe,
            "codes": block.shape[1],
            "domains": len(names),
            "split_by_thing": together is not None,
            "nulls": nulls,
            "seed": seed,
        },
    )


def _linear(x: np.ndarray, x_test: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    def predict(labels: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return LogisticRegression(class_weight="balanced", max_iter=300).fit(x, labels).predict(x_test)

    return predict


def _nearest(x: np.ndarray, x_test: np.ndarray, domains: int) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(x))).fit(x)
    nearest = np.asarray(search.kneighbors(x_test, return_distance=False))

    def predict(labels: np.ndarray) -> np.ndarray:
        weight = 1.0 / np.bincount(labels, minlength=domains)
        votes = np.zeros((len(nearest), domains))
        np.add.at(votes, (np.arange(len(nearest))[:, None], labels[nearest]), weight[labels[nearest]])
        return votes.argmax(1)

    return predict
