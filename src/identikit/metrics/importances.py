"""The regressions behind DCI: how much each code matters to the prediction of a factor, and the prediction itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from identikit.errors import InputError
from identikit.metrics.regressors import standardise

ROUNDS = 100
RATE = 0.1
RIDGE = 1e-3
"""Added to second derivatives in LightGBM: without it, late splits of rows already fitted are taken for large."""
ALPHA = 0.02

Regressor = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], tuple[np.ndarray, np.ndarray]]
"""(x, target, x test, classes, seed) -> importance of each code (not normalised), prediction of the test rows.

With `classes` the target is (rows,) labels 0, 1, ..., and so is the prediction; with 0 classes both are numbers
(rows, columns), and the importances of the columns are summed.
"""


def boosted_trees(
    x: np.ndarray, target: np.ndarray, x_test: np.ndarray, classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """LightGBM, grown as scikit-learn's gradient boosting grows by default: 100 rounds, depth 3, rate 0.1."""
    if classes == 2:
        share = target.mean()
        importances, raw = _boost(x, target, x_test, {"objective": "binary"}, np.log([share / (1 - share)]), seed)
        return importances, (raw[:, 0] > 0).astype(np.int64)
    if classes:
        options = {"objective": "multiclass", "num_class": classes}
        counts = np.bincount(target, minlength=classes)
        importances, raw = _boost(x, target, x_test, options, np.log(counts / len(target)), seed)
        return importances, raw.argmax(1)
    fits = [_boost(x, y, x_test, {"objective": "regression"}, y.mean(keepdims=True), seed) for y in target.T]
    return np.sum([fit[0] for fit in fits], axis=0), np.concatenate([fit[1] for fit in fits], axis=1)


def forest(
    x: np.ndarray, target: np.ndarray, x_test: np.ndarray, classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random forest of scikit-learn at its defaults: 100 full trees; impurity importances."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if classes:
        model = RandomForestClassifier(random_state=seed).fit(x, target)
        return model.feature_importances_, model.predict(x_test)
    fits = [RandomForestRegressor(random_state=seed).fit(x, y) for y in target.T]
    # The importances of each column sum to 1, and a column that varies more should count more.
    importances = np.sum([fit.feature_importances_ * y.var() for fit, y in zip(fits, target.T, strict=True)], axis=0)
    return importances, np.stack([fit.predict(x_test) for fit in fits], axis=1)


def lasso(
    x: np.ndarray, target: np.ndarray, x_test: np.ndarray, classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Lasso with weight 0.02 on standardised codes and targets; categories as indicators, the largest one wins."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso

    y = np.eye(classes)[target] if classes else target
    x, x_test = standardise(x, x_test)
    mean, scale = y.mean(0), y.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Lasso(ALPHA).fit(x, (y - mean) / scale)
    weights = np.reshape(model.coef_, (y.shape[1], x.shape[1]))
    predicted = (x_test @ weights.T + model.intercept_) * scale + mean
    return np.abs(weights).sum(0), predicted.argmax(1) if classes else predicted


REGRESSORS: dict[str, Regressor] = {"boosted trees": boosted_trees, "forest": forest, "lasso": lasso}

ABOUT = {
    "boosted trees": "LightGBM of 100 rounds at depth 3, impurity importances",
    "forest": "100 trees of scikit-learn, impurity importances",
    "lasso": "weight 0.02, absolute coefficients",
}
"""What fixes each regressor, beside its name."""


def _boost(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, options: dict[str, Any], start: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Importances (codes,) and raw scores (rows, outputs) of boosting that starts at one constant for each output."""
    try:
        import lightgbm
    except ImportError:
        raise InputError("boosted trees need LightGBM: pip install 'identikit[trees]', or regressor='forest'") from None
    scores = np.tile(start, (len(x_test), 1))
    first, group = _alike(x)
    if not len(first):
        return np.zeros(x.shape[1]), scores
    parameters = {
        **options,
        "max_depth": 3,
        "num_leaves": 8,
        "learning_rate": RATE,
        "lambda_l2": RIDGE,
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
        "feature_pre_filter": False,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": seed,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(x[:, first], y, init_score=np.repeat(start, len(x)), params=parameters)
    model = lightgbm.train(parameters, data, ROUNDS)
    # One more group, of no importance, for the constant codes (group -1).
    shared = np.append(_impurity(model.model_to_string(), len(first)) / np.bincount(group[group >= 0]), 0.0)
    return shared[group], scores + np.asarray(model.predict(x_test[:, first], raw_score=True)).reshape(scores.shape)


def _alike(x: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The first code of each group that orders the rows alike, up or down, and each code's group (-1: constant).

    A tree cannot tell such codes apart. Scikit-learn takes one of them at random for each split; LightGBM always takes
    the first, and a copy of a code would go unseen. So one of them is fitted and its importance shared out equally.
    """
    first: list[int] = []
    group = np.full(x.shape[1], -1)
    seen: dict[bytes, int] = {}
    for position, column in enumerate(x.T):
        ranks = np.unique(column, return_inverse=True)[1]
        if ranks.max() == 0:
            continue
        key = min(ranks.tobytes(), (ranks.max() - ranks).tobytes())
        if key not in seen:
            seen[key] = len(first)
            first.append(position)
        group[position] = seen[key]
    return first, group


def _impurity(model: str, codes: int) -> np.ndarray:
    """Fall of the squared residuals over all splits on each code, from the text of a LightGBM model.

    LightGBM's own gain divides by second derivatives, which vanish where the fit is good: late splits on noise then
    count like early ones on signal. The squared residuals, G^2 / n in a node with n rows and a sum of residuals G, are
    what scikit-learn's importances count. A node's value is G / (H + ridge), and its weight H.
    """
    kept = ("split_feature", "left_child", "right_child", "leaf_value", "leaf_weight", "leaf_count")
    kept += ("internal_value", "internal_weight", "internal_count")
    lines: dict[str, list[str]] = {name: [] for name in kept}
    leaves = []
    for tree in model.split("\nTree=")[1:]:
        fields = dict(line.split("=", 1) for line in tree.split("\n\n", 1)[0].split("\n") if "=" in line)
        # A tree without a split has no field but its one value.
        if fields["num_leaves"] != "1":
            leaves.append(int(fields["num_leaves"]))
            for name in kept:
                lines[name].append(fields[name])
    if not leaves:
        return np.zeros(codes)
    table = {name: np.array(" ".join(entries).split(), np.float64) for name, entries in lines.items()}
    leaf_sum = table["leaf_value"] * (table["leaf_weight"] + RIDGE)
    node_sum = table["internal_value"] * (table["internal_weight"] + RIDGE)
    splits = np.array(leaves) - 1
    first_leaf = np.repeat(np.cumsum(leaves) - leaves, splits)
    first_node = np.repeat(np.cumsum(splits) - splits, splits)

    def child(side: str) -> tuple[np.ndarray, np.ndarray]:
        # A child of at least 0 is a node of the same tree, a negative one the leaf of its complement.
        position = table[side].astype(np.int64)
        leaf, node = first_leaf + np.maximum(~position, 0), first_node + np.maximum(position, 0)
        counts = np.where(position < 0, table["leaf_count"][leaf], table["internal_count"][node])
        return np.where(position < 0, leaf_sum[leaf], node_sum[node]), counts

    (left, left_rows), (right, right_rows) = child("left_child"), child("right_child")
    fall = left_rows * right_rows / (left_rows + right_rows) * (left / left_rows - right / right_rows) ** 2
    return np.bincount(table["split_feature"].astype(np.int64), fall, codes)
