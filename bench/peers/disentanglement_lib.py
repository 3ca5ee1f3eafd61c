"""Adapter to google-research/disentanglement_lib (commit in `checkouts.py`).

Its metric modules need only NumPy, SciPy and scikit-learn. Stand-ins take the place of `gin` (a decorator that fills in
the settings of the library's own study), `absl.logging` and `six`; TensorFlow is not imported. Patches: none.

The functions on fixed arrays use the library's own entry points for fixed data, or its inner functions, so that both
sides see the same rows; `Table` lets the metrics that sample from a generating process sample from a table.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from peers.checkouts import checkout, imported, seeded, stand_in

STUDY: dict[str, dict[str, Any]] = {
    "discretizer": {"num_bins": 20},
    "histogram_discretizer": {"num_bins": 20},
    "prune_dims": {"threshold": 0.05},
}
"""Settings that the library's study of unsupervised methods gives to its inner functions."""

METRICS = ("utils", "mig", "dci", "sap_score", "modularity_explicitness", "irs", "factor_vae", "beta_vae")


def _gin() -> dict[str, types.ModuleType]:
    """The decorator `gin.configurable(name, blacklist)`: fills arguments that a call leaves open from `STUDY`."""
    discretizers: dict[str, Callable[..., Any]] = {}

    def configurable(name: str | Callable[..., Any], blacklist: object = None) -> Any:
        if not isinstance(name, str):
            return name

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                settings = dict(STUDY.get(name, {}))
                if name == "discretizer":
                    settings["discretizer_fn"] = discretizers["histogram_discretizer"]
                given = inspect.signature(function).bind_partial(*args, **kwargs).arguments
                return function(**{**settings, **given})

            if name.endswith("discretizer"):
                discretizers[name] = call
            return call

        return decorate

    tf = stand_in("gin.tf")
    return {"gin": stand_in("gin", configurable=configurable, REQUIRED=object(), tf=tf), "gin.tf": tf}


@functools.cache
def modules() -> dict[str, Any]:
    """Return the library's metric modules by name."""
    root = checkout("disentanglement_lib")
    logging = stand_in("absl.logging", info=lambda *message: None)
    moves = stand_in("six.moves", range=range)
    stand_ins = {
        **_gin(),
        "absl": stand_in("absl", logging=logging),
        "absl.logging": logging,
        "six": stand_in("six", moves=moves),
        "six.moves": moves,
    }
    paths = [f"disentanglement_lib.evaluation.metrics.{name}" for name in METRICS]
    return dict(zip(METRICS, imported(root, *paths, stand_ins=stand_ins), strict=True))


def _same(codes: np.ndarray) -> np.ndarray:
    return codes


def mig(codes: np.ndarray, factors: np.ndarray) -> float:
    """Mutual information gap, codes in 20 bins of equal width."""
    return float(modules()["mig"].compute_mig_on_fixed_data(codes, factors.T, _same, len(codes))["discrete_mig"])


def dci(codes: np.ndarray, factors: np.ndarray, train: float = 0.5, seed: int = 0) -> dict[str, float]:
    """DCI from gradient boosting; the first `train` share of the rows is fitted, the rest scored."""
    with seeded(seed):
        found = modules()["dci"].compute_dci_on_fixed_data(codes, factors.T.astype(int), _same, train, len(codes))
    return {name: float(value) for name, value in found.items()}


def dci_from_importance(importance: np.ndarray) -> dict[str, float]:
    """Disentanglement and completeness of a (codes, factors) matrix of importances."""
    module = modules()["dci"]
    return {
        "disentanglement": float(module.disentanglement(importance)),
        "completeness": float(module.completeness(importance)),
    }


def sap(codes: np.ndarray, factors: np.ndarray, continuous: bool, train: float = 0.5, seed: int = 0) -> float:
    """Separated attribute predictability; the first `train` share of the rows is fitted, the rest scored."""
    given = factors.T if continuous else factors.T.astype(int)
    with seeded(seed):
        found = modules()["sap_score"].compute_sap_on_fixed_data(codes, given, _same, train, continuous, len(codes))
    return float(found["SAP_score"])


def modularity(codes: np.ndarray, factors: np.ndarray) -> float:
    """Modularity, codes in 20 bins of equal width."""
    utils, module = modules()["utils"], modules()["modularity_explicitness"]
    with seeded():
        information = utils.discrete_mutual_info(utils.make_discretizer(codes.T), factors.T)
        return float(module.modularity(information))


def explicitness(codes: np.ndarray, factors: np.ndarray, train: float = 0.5) -> float:
    """Explicitness (ROC-AUC of a logistic regression) on the rows after the first `train` share."""
    utils, module = modules()["utils"], modules()["modularity_explicitness"]
    cut = int(np.ceil(len(codes) * train))
    with seeded():
        fitted, mean, scale = utils.normalize_data(codes[:cut].T)
        scored, _, _ = utils.normalize_data(codes[cut:].T, mean, scale)
        labels = factors.T.astype(int)
        scores = [module.explicitness_per_factor(fitted, y[:cut], scored, y[cut:])[1] for y in labels]
    return float(np.mean(scores))


def irs(codes: np.ndarray, factors: np.ndarray, quantile: float = 0.99) -> float:
    """Interventional robustness score."""
    utils, module = modules()["utils"], modules()["irs"]
    kept = codes[:, codes.var(0) > 0.0]
    groups = utils.make_discretizer(factors.T).T
    return float(module.scalable_disentanglement_score(groups, kept, quantile)["avg_score"])


class Table:
    """A table of (factors, codes), as the generating process that the library's sampling metrics ask for.

    Factors are drawn by drawing rows; the observation of a combination of factors is the number of a row that holds it,
    drawn among all that do; `represent` looks up its codes. Every combination must be in the table.
    """

    def __init__(self, codes: np.ndarray, factors: np.ndarray) -> None:
        self.codes = codes
        columns = [np.unique(column, return_inverse=True) for column in factors.T]
        self.factors = np.stack([labels for _, labels in columns], axis=1)
        sizes = [len(values) for values, _ in columns]
        self.factors_num_values, self.num_factors = sizes, len(sizes)
        self.weights = np.concatenate([np.cumprod(sizes[::-1])[::-1][1:], [1]])
        cells = self.factors @ self.weights
        self.order = np.argsort(cells, kind="stable")
        self.counts = np.bincount(cells, minlength=int(np.prod(sizes)))
        if (self.counts == 0).any():
            raise ValueError(f"{int((self.counts == 0).sum())} combinations of factors are not in the table")
        self.starts = np.cumsum(self.counts) - self.counts

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """Draw factors."""
        return self.factors[random_state.randint(len(self.factors), size=num)]

    def sample_observations_from_factors(self, factors: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Draw a row for each combination of factors."""
        cells = factors @ self.weights
        pick = (random_state.random_sample(len(cells)) * self.counts[cells]).astype(int)
        return self.order[self.starts[cells] + pick]

    def sample(self, num: int, random_state: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Draw factors and rows."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """Draw rows."""
        return self.sample(num, random_state)[1]

    def represent(self, observations: np.ndarray) -> np.ndarray:
        """Look up the codes of rows."""
        return self.codes[observations]


def factor_vae(
    codes: np.ndarray, factors: np.ndarray, seed: int = 0, train: int = 10_000, held: int = 5_000, batch: int = 64
) -> float:
    """FactorVAE score on the evaluation votes."""
    table = Table(codes, factors)
    found = modules()["factor_vae"].compute_factor_vae(
        table,
        table.represent,
        np.random.RandomState(seed),
        batch_size=batch,
        num_train=train,
        num_eval=held,
        num_variance_estimate=len(codes),
    )
    return float(found["eval_accuracy"])


def beta_vae(
    codes: np.ndarray, factors: np.ndarray, seed: int = 0, train: int = 10_000, held: int = 5_000, batch: int = 64
) -> float:
    """Beta-VAE score on the evaluation points."""
    table = Table(codes, factors)
    with seeded(seed):
        found = modules()["beta_vae"].compute_beta_vae_sklearn(
            table,
            table.represent,
            np.random.RandomState(seed),
            batch_size=batch,
            num_train=train,
            num_eval=held,
        )
    return float(found["eval_accuracy"])


def sampled(metric: str, codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Run a whole entry point as the library's study does: 10,000 rows drawn to fit and 5,000 to score.

    Args:
        metric: `mig`, `dci`, `sap`, `modularity_explicitness` or `irs`.
        codes: (rows, codes), every combination of factors among the rows.
        factors: (rows, factors).
        seed: of the draws.
    """
    table, rng = Table(codes, factors), np.random.RandomState(seed)
    size = {"num_train": 10_000, "num_test": 5_000, "batch_size": 10_000}
    with seeded(seed):
        if metric == "mig":
            found = modules()["mig"].compute_mig(table, table.represent, rng, num_train=10_000, batch_size=10_000)
        elif metric == "irs":
            found = modules()["irs"].compute_irs(table, table.represent, rng, num_train=10_000, batch_size=10_000)
        elif metric == "sap":
            found = modules()["sap_score"].compute_sap(table, table.represent, rng, continuous_factors=False, **size)
        elif metric == "dci":
            found = modules()["dci"].compute_dci(table, table.represent, rng, **size)
        else:
            found = modules()[metric].compute_modularity_explicitness(table, table.represent, rng, **size)
    return {name: float(value) for name, value in found.items()}
