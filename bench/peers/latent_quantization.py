"""Adapter to the InfoMEC of kylehkhsu/latent_quantization (commit in `checkouts.py`).

Its file `infomec.py` needs only NumPy and scikit-learn, and is imported by itself, without the package around it, which
needs JAX. Patches: `LogisticRegression(penalty=None, multi_class="multinomial", n_jobs=-1)` in today's words; the one
number that `mutual_info_classif` returns as an array is taken out of it. Its estimates of mutual information add
unseeded noise; the adapter seeds NumPy's global generator.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from peers.checkouts import checkout, first_number, imported, logistic, seeded, stand_in


@functools.cache
def module() -> Any:
    """Return its module of InfoMEC."""
    from sklearn import feature_selection, linear_model

    (found,) = imported(checkout("latent_quantization") / "disentangle" / "metrics", "infomec")
    estimate = first_number(feature_selection.mutual_info_classif)
    found.feature_selection = stand_in("feature_selection", mutual_info_classif=estimate)
    found.linear_model = stand_in("linear_model", LogisticRegression=logistic, Lasso=linear_model.Lasso)
    return found


def info_mec(codes: np.ndarray, factors: np.ndarray, discrete_codes: bool = False, seed: int = 0) -> dict[str, float]:
    """InfoM, InfoE and InfoC."""
    with seeded(seed):
        given = codes.astype(int) if discrete_codes else codes
        found = module().compute_infomec(factors.astype(int), given, discrete_codes)
    return {name: float(found[name]) for name in ("infom", "infoe", "infoc")}


def normalised_information(codes: np.ndarray, factors: np.ndarray, seed: int = 0) -> np.ndarray:
    """(factors, codes) mutual information over the entropy of the factor."""
    with seeded(seed):
        return np.asarray(module().compute_nmi(factors.astype(int), codes, False))
