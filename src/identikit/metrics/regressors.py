"""The regressions behind block R2: each is fitted on one half of the rows and predicts the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

LANDMARKS = 300
WIDTHS = (0.1, 0.3, 1.0, 3.0)
"""Kernel widths tried, as multiples of gamma = 1 / median squared distance."""
RIDGES = tuple(10.0**power for power in range(-6, 1))
"""Ridge weights tried, per training row."""

Regressor = Callable[[np.ndarray, list[np.ndarray], np.ndarray, int], list[np.ndarray]]
"""(x train, targets train, x test, seed) -> predictions; one fit serves several targets (rows, dims) at once."""


def linear(x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """Ordinary least squares with an intercept."""
    x, x_test = standardise(x, x_test)
    y, means, cuts = _stack(targets)
    weights = np.linalg.lstsq(x, y - means, rcond=None)[0]
    return np.split(x_test @ weights + means, cuts, axis=1)


def kernel(x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """RBF kernel ridge regression on up to 300 landmark rows (Nystrom).

    Width and ridge are chosen for each target by its exact leave-one-out error on the training rows, summed over its
    columns in units of their variance; the error of row i is (y_i - f_i) / (1 - h_i), with h the leverage.
    """
    x, x_test = standardise(x, x_test)
    y, means, cuts = _stack(targets)
    rows = len(x)
    landmarks = x[np.random.default_rng([seed, 0]).permutation(rows)[:LANDMARKS]]
    near, test, among = _distances(x, landmarks), _distances(x_test, landmarks), _distances(landmarks, landmarks)
    typical = np.median(among[np.triu_indices(len(among), 1)])
    variance = (y - means).var(0)
    starts = np.concatenate([[0], cuts])
    sizes = [target.shape[1] for target in targets]
    best = np.full(len(targets), np.inf)
    predicted = np.zeros((len(x_test), y.shape[1]))
    for width in WIDTHS:
        gamma = width / (typical or 1.0)
        values, axes = np.linalg.eigh(np.exp(-gamma * among))
        kept = values > 1e-10 * values[-1]
        half = axes[:, kept] / np.sqrt(values[kept])
        features = np.exp(-gamma * near) @ half
        centre = features.mean(0)
        features -= centre
        energy, axes = np.linalg.eigh(features.T @ features)
        features, turned = features @ axes, (np.exp(-gamma * test) @ half - centre) @ axes
        square, moment = features**2, features.T @ (y - means)
        for ridge in RIDGES:
            shrink = 1.0 / (np.maximum(energy, 0.0) + ridge * rows)
            weights = shrink[:, None] * moment
            leverage = square @ shrink + 1.0 / rows
            left_out = (y - means - features @ weights) / np.maximum(1.0 - leverage, 1e-8)[:, None]
            error = np.add.reduceat(np.einsum("ij,ij->j", left_out, left_out) / variance, starts)
            better = np.repeat(error < best, sizes)
            best = np.minimum(best, error)
            predicted[:, better] = turned @ weights[:, better]
    return np.split(predicted + means, cuts, axis=1)


def mlp(x: np.ndarray, targets: list[np.ndarray], x_test: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """A network of two hidden layers of 64 (scikit-learn), stopped early on a tenth of the training rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    x, x_test = standardise(x, x_test)
    predictions = []
    for target in targets:
        mean, scale = target.mean(0), target.std(0)
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
            scaled = (target - mean) / scale
            net.fit(x, scaled if scaled.shape[1] > 1 else scaled[:, 0])
        predictions.append(np.asarray(net.predict(x_test)).reshape(len(x_test), -1) * scale + mean)
    return predictions


REGRESSORS: dict[str, Regressor] = {"kernel": kernel, "linear": linear, "mlp": mlp}

DRAWS = {"kernel": 20, "linear": 20, "mlp": 3}
"""Draws of the null where the caller names no number: the network is fitted anew for each."""


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
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2.0 * a @ b.T
    return np.maximum(squares, 0.0)
