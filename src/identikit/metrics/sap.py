"""SAP, the separated attribute predictability: how much better the best code predicts a factor than the next best."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.metrics.correlation import unit
from identikit.metrics.explicitness import check_classes
from identikit.metrics.inputs import Array, factors, halves, matrix, same_rows
from identikit.metrics.regressors import standardise
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import rotations


def sap(
    estimate: Array,
    truth: Array | Truth,
    kinds: str | Sequence[str] | None = None,
    standard: bool = False,
    nulls: int | None = None,
    seed: int = 0,
) -> Score:
    r"""Separated attribute predictability: how much better each factor is predicted by its best code than by the next.

    $$\mathrm{SAP} = \frac{1}{d} \sum_{i=1}^{d} \left(P_{i(1)} - P_{i(2)}\right)$$

    with P_ij how well code j alone predicts factor i, and (1), (2) the best two codes. For a continuous factor P is the
    squared Pearson correlation over all rows, and the most a factor can reach is 1. For a discrete factor P is the
    accuracy, on a random half of the rows, of a linear support vector machine fitted on the other half. There the most
    is 1 - 1/K for K even categories, since a useless code is right by chance; and no cut on one code singles out a
    middle category, so that a perfect code of the values 0 to 5 reaches 0.33. Take ordered numbers as `continuous`.

    Args:
        estimate: (rows, codes). A single code is compared with a constant one.
        truth: (rows, factors), or a `Truth`, of continuous and discrete factors.
        kinds: of the factors of an array: `continuous` or `discrete`, one for all or one for each.
        standard: whether codes are standardised before the support vector machine. Its penalty depends on where a code
            lies and on its scale; the definition takes it as it is, and then a perfect code scores 0.33 as the values
            0 to 5 and 0.16 as the same values centred.
        nulls: draws of each null; None for 20, or 3 where there is a discrete factor, which is slow; 0 for none.
        seed: of the halves and the nulls.

    Returns:
        A score between 0 and 1, with the gap of each factor, and two nulls: `permuted rows` and, for two factors or
        more, `random rotation` (the true latents, taken as numbers, standardised, rotated at random and given back
        their mean).

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant or circular factor, a category with one row,
            fewer than 10 rows.

    Source: Kumar et al., Variational Inference of Disentangled Latent Concepts from Unlabeled Observations, 2018.

    >>> s = np.random.default_rng(0).normal(size=(1000, 2))
    >>> round(sap(-s, s).value, 2), round(sap(np.hstack([s, s]), s).value, 2)
    (1.0, 0.0)
    """
    codes = matrix(estimate, "the estimate")
    known = factors(truth, "sap", kinds=kinds, takes=("continuous", "discrete"))
    rows = same_rows({"estimate": codes, "truth": known.values})
    discrete = [i for i, kind in enumerate(known.kinds) if kind == "discrete"]
    labels = {i: np.unique(known.values[:, i], return_inverse=True)[1] for i in discrete}
    for i, label in labels.items():
        check_classes(label[:, None], known.names[i : i + 1], "sap")
    draws = (3 if discrete else 20) if nulls is None else nulls

    def gaps(order: np.ndarray, codes: np.ndarray) -> np.ndarray:
        if codes.shape[1] == 1:
            codes = np.hstack([codes, np.zeros((rows, 1))])
        found = (unit(known.values[order]).T @ unit(codes)) ** 2
        for i, label in labels.items():
            found[i] = _accuracies(codes, label[order], standard, seed)
        ranked = np.sort(np.minimum(found, 1.0), axis=1)
        return ranked[:, -1] - ranked[:, -2]

    parts = gaps(np.arange(rows), codes)
    found: dict[str, Null] = {}
    if draws:
        rng = np.random.default_rng([seed, 1])
        found["permuted rows"] = Null.of([float(gaps(rng.permutation(rows), codes).mean()) for _ in range(draws)])
    if draws and len(known) > 1:
        rotate = rotations(known.values, np.random.default_rng([seed, 2]))
        width = min(codes.shape[1], len(known))
        # Back in the latents' own place and unit, on which the support vector machine depends.
        place, spread = known.values.mean(0), known.values.std(0)
        rotated = [(place + spread * rotate())[:, :width] for _ in range(draws)]
        found["random rotation"] = Null.of([float(gaps(np.arange(rows), codes).mean()) for codes in rotated])
    form = {0: "squared correlation", len(known): "linear SVM"}.get(len(discrete), "squared correlation and linear SVM")
    return Score(
        name="sap",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=rows,
        settings={
            "predictor": form,
            "standard": standard,
            "codes": codes.shape[1],
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": draws,
            "seed": seed,
        },
    )


def _accuracies(codes: np.ndarray, label: np.ndarray, standard: bool, seed: int) -> np.ndarray:
    """Held-out accuracy of one factor by each code alone, with the settings of the metric's first implementation."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    train, test = halves(len(codes), [seed, 0], within=label)
    x, x_test = standardise(codes[train], codes[test]) if standard else (codes[train], codes[test])
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for j in range(codes.shape[1]):
            machine = LinearSVC(C=0.01, class_weight="balanced", dual="auto").fit(x[:, j : j + 1], label[train])
            found.append(np.mean(np.equal(machine.predict(x_test[:, j : j + 1]), label[test])))
    return np.array(found)
