"""The regressions behind block R2: each is fitted on one half of the rows and predicts the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

FEW, MANY = 300, 800
"""Landmarks by which the kernel's width is chosen, and those of the final fit."""
TRIAL = 1200
"""The most rows by which the width is chosen."""
WIDTHS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Kernel widths tried, as multiples of gamma = 1 / median squared distance."""
RIDGES = tuple(10.0**power for power in range(-6, 1))
"""Ridge weights tried, per training row."""
FINE_RIDGES = (1e-7, *RIDGES)
"""Those of the final fit; with few landmarks the smallest one makes a wide kernel do for a narrow one."""
WORTH = 0.02
"""A target of which fewer landmarks explain less than this share is not fitted again with more."""
GRID_GAMMAS = tuple(float(gamma) for gamma in np.logspace(-2, 2, 4))
GRID_RIDGES = (1.0, 0.1, 0.01, 0.001)
"""The grid of `exact kernel`: that of the field's benchmarks, for values that are to stand beside theirs."""
EXACT = 5000
"""The most rows that `exact kernel` is fitted on: its time grows with their cube."""

Regressor = Callable[[np.ndarray, list[np.ndarray], np.ndarray, int], list[np.ndarray]]
"""(x train, targets train, x test, seed) -> predictions; one fit serves several targets (rows, dims) at once.

The squared errors of a target's columns are summed as they are, so its columns come in units that weigh alike.
"""


def linear(x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """Ordinary least squares with an intercept."""
    x, x_test = standardise(x, x_test)
    y, means, cuts = _stack(targets)
    weights = np.linalg.lstsq(x, y - means, rcond=None)[0]
    return np.split(x_test @ weights + means, cuts, axis=1)


def kernel(
    x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0, few: int = FEW, many: int = MANY
) -> list[np.ndarray]:
    """RBF kernel ridge regression on landmark rows (Nystrom).

    Width and ridge are chosen for each target by its exact leave-one-out error on the training rows, summed over its
    columns; the error of row i is (y_i - f_i) / (1 - h_i), with h the leverage. The width is chosen with `few`
    landmarks, on at most `TRIAL` rows; with `many`, the target is then fitted again at that width and with a ridge
    chosen anew.
    """
    x, x_test = standardise(x, x_test)
    y, means, cuts = _stack(targets)
    y, owner = y - means, np.repeat(np.arange(len(targets)), [target.shape[1] for target in targets])
    order = np.random.default_rng([seed, 0]).permutation(len(x))
    landmarks, trial = x[order[:many]], order[:TRIAL]
    near, test, among = _distances(x, landmarks), _distances(x_test, landmarks), _distances(landmarks, landmarks)
    first = among[:few, :few]
    typical = float(np.median(first[np.triu_indices(len(first), 1)])) or 1.0
    gammas = [width / typical for width in WIDTHS]

    near_few, test_few, y_trial = near[trial][:, :few], test[:, :few], y[trial]
    fits = [_nystrom(near_few, test_few, first, gamma, RIDGES, y_trial, owner) for gamma in gammas]
    errors = np.stack([error for error, _ in fits])
    chosen = errors.argmin(0)
    predicted = np.stack([prediction for _, prediction in fits])[chosen[owner], :, np.arange(len(owner))].T
    if few < len(landmarks):
        worth = errors.min(0) < (1.0 - WORTH) * np.bincount(owner, np.einsum("ij,ij->j", y_trial, y_trial))
        for width in np.unique(chosen[worth]):
            again = np.flatnonzero((chosen == width) & worth)
            columns = np.isin(owner, again)
            _, prediction = _nystrom(
                near, test, among, gammas[width], FINE_RIDGES, y[:, columns], np.searchsorted(again, owner[columns])
            )
            predicted[:, columns] = prediction
    return np.split(predicted + means, cuts, axis=1)


def _nystrom(
    near: np.ndarray,
    test: np.ndarray,
    among: np.ndarray,
    gamma: float,
    ridges: Sequence[float],
    y: np.ndarray,
    owner: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit all columns of `y`, centred, at one width.

    Returns the least leave-one-out error over all ridges for each target, and the predictions at that ridge; `owner`
    says which target each column belongs to.
    """
    rows = len(near)
    values, axes = np.linalg.eigh(np.exp(-gamma * among))
    kept = values > 1e-10 * values[-1]
    half = axes[:, kept] / np.sqrt(values[kept])
    features = np.exp(-gamma * near) @ half
    centre = features.mean(0)
    features -= centre
    energy, axes = np.linalg.eigh(features.T @ features)
    features = features @ axes
    square, moment = features**2, features.T @ y
    least, best = np.full(owner[-1] + 1, np.inf), np.zeros_like(moment)
    for ridge in ridges:
        shrink = 1.0 / (np.maximum(energy, 0.0) + ridge * rows)
        weights = shrink[:, None] * moment
        leverage = square @ shrink + 1.0 / rows
        left_out = (y - features @ weights) / np.maximum(1.0 - leverage, 1e-8)[:, None]
        error = np.bincount(owner, np.einsum("ij,ij->j", left_out, left_out))
        better = (error < least)[owner]
        least = np.minimum(least, error)
        best[:, better] = weights[:, better]
    return least, (np.exp(-gamma * test) @ half - centre) @ (axes @ best)


def exact_kernel(x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """RBF kernel ridge regression on all training rows (5,000 at most), over the grid that the field searches.

    Width and ridge are chosen for each target by its leave-one-out error on 1,200 rows: the width with landmarks, the
    ridge exactly. The final fit is exact, in single precision.
    """
    from scipy.linalg import cho_factor, cho_solve

    x, x_test = standardise(x, x_test)
    y, means, cuts = _stack(targets)
    y, owner = y - means, np.repeat(np.arange(len(targets)), [target.shape[1] for target in targets])
    order = np.random.default_rng([seed, 0]).permutation(len(x))[:EXACT]
    x, x_test, y = x[order].astype(np.float32), x_test.astype(np.float32), y[order]
    near = _distances(x[:TRIAL], x[:FEW]).astype(float)
    errors = [_nystrom(near, near[:1], near[:FEW], g, RIDGES, y[:TRIAL], owner)[0] for g in GRID_GAMMAS]
    widths = np.argmin(errors, axis=0)
    predicted = np.empty((len(x_test), y.shape[1]))
    for width in np.unique(widths):
        gamma, trial = GRID_GAMMAS[width], x[:TRIAL]
        ridges = _ridges(_gaussian(trial, trial, gamma), y[:TRIAL], owner)
        for ridge in np.unique(ridges[widths == width]):
            columns = ((widths == width) & (ridges == ridge))[owner]
            # The transpose of a symmetric matrix is itself, in the order of memory that LAPACK works in without a copy.
            system = _gaussian(x, x, gamma).T
            system[np.diag_indices(len(x))] += np.float32(GRID_RIDGES[ridge])
            factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
            weights = cho_solve(factor, y[:, columns].astype(np.float32), check_finite=False)
            predicted[:, columns] = _gaussian(x_test, x, gamma) @ weights
    return np.split(predicted + means, cuts, axis=1)


def _gaussian(a: np.ndarray, b: np.ndarray, gamma: float) -> np.ndarray:
    """The RBF kernel between the rows of `a` and of `b`."""
    found = _distances(a, b)
    found *= -gamma
    return np.exp(found, out=found)


def _ridges(kernel_of: np.ndarray, y: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Position in `GRID_RIDGES` of the least exact leave-one-out error, for each target."""
    values, axes = np.linalg.eigh(kernel_of)
    square, moment, errors = axes**2, axes.T @ y, []
    for ridge in GRID_RIDGES:
        shrink = 1.0 / (np.maximum(values, 0.0) + ridge)
        left_out = axes @ (shrink[:, None] * moment) / (square @ shrink)[:, None]
        errors.append(np.bincount(owner, np.einsum("ij,ij->j", left_out, left_out)))
    return np.argmin(errors, axis=0)


def mlp(x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """A network of two hidden layers of 64 (scikit-learn), stopped early on a tenth of the training rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    x, x_test = standardise(x, x_test)
    predictions = []
    for target in targets:
        mean = target.mean(0)
        net = MLPRegressor(
            hidden_layer_sizes=(64, 64),
            learning_rate_init=3e-3,
            # A tenth of fewer rows is too few to judge by.
            early_stopping=len(x) >= 100,
            n_iter_no_change=30,
            max_iter=500,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            net.fit(x, target - mean if target.shape[1] > 1 else (target - mean)[:, 0])
        predictions.append(np.asarray(net.predict(x_test)).reshape(len(x_test), -1) + mean)
    return predictions


REGRESSORS: dict[str, Regressor] = {"kernel": kernel, "exact kernel": exact_kernel, "linear": linear, "mlp": mlp}

DRAWS = {"kernel": 20, "exact kernel": 5, "linear": 20, "mlp": 3}
"""Draws of the null where the caller names no number: fewer where each costs a fit of its own."""


def standardise(x: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale by the training rows; a constant code becomes 0."""
    mean, scale = x.mean(0), x.std(0)
    constant = scale <= 1e-13 * np.abs(mean)
    factor = np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, scale))
    return (x - mean) * factor, (x_test - mean) * factor


def _stack(targets: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All target columns side by side, their means, and where to cut them apart again."""
    y = np.concatenate(targets, axis=1)
    return y, y.mean(0), np.cumsum([t.shape[1] for t in targets])[:-1]


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances between the rows of `a` and of `b`."""
    # In place, for these are the largest arrays that there are.
    found = a @ b.T
    found *= -2.0
    found += np.einsum("ij,ij->i", a, a)[:, None]
    found += np.einsum("ij,ij->i", b, b)
    return np.maximum(found, 0.0, out=found)
