"""Adapter to ubisoft/ubisoft-laforge-disentanglement-metrics (commit in `checkouts.py`).

Its `utils` imports matplotlib, dateutil and pyitlib; stand-ins take their place, and pyitlib's three functions (mutual
information, the same over the entropy of the second argument, entropy; all in bits from counts) are made from
scikit-learn's. Patches: `LogisticRegression(multi_class="ovr")`, which scikit-learn has taken out, is one model for
each class; `numpy.core.numeric.NaN`, which NumPy 2 has taken out, is NaN; the column of ones that its DCI stores entry
by entry is flat, as NumPy 2.4 asks.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from peers.checkouts import checkout, imported, logistic, seeded, stand_in


def _bits(x: np.ndarray, y: np.ndarray) -> float:
    from sklearn.metrics import mutual_info_score

    return float(mutual_info_score(x, y) / np.log(2))


def _pyitlib() -> Any:
    def information_mutual(x: np.ndarray, y: np.ndarray, cartesian_product: bool = False) -> float:
        return _bits(x, y)

    def information_mutual_normalised(
        x: np.ndarray, y: np.ndarray, norm_factor: str = "Y", cartesian_product: bool = False
    ) -> float:
        if norm_factor != "Y":
            raise NotImplementedError(norm_factor)
        return _bits(x, y) / _bits(y, y)

    return stand_in(
        "pyitlib.discrete_random_variable",
        information_mutual=information_mutual,
        information_mutual_normalised=information_mutual_normalised,
        entropy=lambda x: _bits(x, x),
    )


@functools.cache
def module(name: str) -> Any:
    """Return one of its metric modules."""
    root = checkout("ubisoft-laforge-disentanglement-metrics") / "src"
    drawn = _pyitlib()
    stand_ins = {
        "matplotlib": stand_in("matplotlib"),
        "matplotlib.pyplot": stand_in("matplotlib.pyplot"),
        "dateutil": stand_in("dateutil"),
        "dateutil.relativedelta": stand_in("dateutil.relativedelta", relativedelta=None),
        "pyitlib": stand_in("pyitlib", discrete_random_variable=drawn),
        "pyitlib.discrete_random_variable": drawn,
        "numpy.core.numeric": stand_in("numpy.core.numeric", NaN=np.nan),
    }
    found, _ = imported(root, f"metrics.{name}", "utils", stand_ins=stand_ins)
    if name == "explicitness":
        found.LogisticRegression = logistic
    if name == "dci":
        found.np = stand_in("numpy", **{**vars(np), "ones": lambda shape: np.ones(shape[0])})
    return found


def score(metric: str, codes: np.ndarray, factors: np.ndarray, seed: int = 0, **settings: Any) -> float:
    """Return `mig`, `sap`, `modularity`, `explicitness`, `irs`, `z_min_var` (FactorVAE) or `z_diff` (beta-VAE)."""
    with seeded(seed):
        return float(getattr(module(metric), metric)(factors, codes, **settings))


def dci(codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> dict[str, float]:
    """DCI from the Lasso, factors taken as numbers."""
    with seeded(seed):
        found = module("dci").dci(factors, codes)
    return dict(zip(("disentanglement", "completeness", "informativeness"), map(float, found), strict=True))
