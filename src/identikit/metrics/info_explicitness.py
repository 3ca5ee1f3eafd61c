"""InfoE: the share of each factor's information that a linear classifier reads from all codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import unknown
from identikit.metrics.explicitness import check_classes, probabilities
from identikit.metrics.inputs import Array, Factors, factors, halves, matrix, same_rows
from identikit.metrics.mutual_information import check_bins, factor_labels
from identikit.metrics.regressors import standardise
from identikit.metrics.result import Null, Score

CODE_KINDS = ("continuous", "discrete")


def info_explicitness(
    estimate: Array,
    truth: Array | Truth,
    code_kind: str = "continuous",
    kinds: str | Sequence[str] | None = None,
    bins: int = 10,
    held_out: bool = True,
    nulls: int = 3,
    seed: int = 0,
) -> Score:
    r"""InfoE: how much of the information about each true factor a linear classifier reads from all codes.

    $$\mathrm{InfoE} = \frac{1}{d} \sum_{i=1}^{d} \left(1 - \frac{H(s_i \mid z)}{\log K_i}\right)$$

    with H the mean log-loss, in nats, of an unpenalised multinomial logistic regression that weighs the K classes of a
    factor alike; log K is the loss of that regression where it is given nothing.

    Args:
        estimate: (rows, codes), all of them; standardised, or one column for each category where discrete.
        truth: (rows, factors), or a `Truth`, as in `info_modularity`.
        code_kind: as in `info_modularity`.
        kinds: as in `info_modularity`.
        bins: as in `info_modularity`.
        held_out: fit on a random half of the rows and score on the other. False for the published definition, which
            scores the rows that it fitted, and so rewards the number of codes. A regression that overfits may lie far
            below 0 on held-out rows; it is reported as it is.
        nulls: draws of the null; 0 for none.
        seed: of the halves and the null.

    Returns:
        A score of at most 1, with the part of each factor, and the null `permuted rows`.

    Raises:
        InputError: as `info_compactness`, or a class with one row where rows are held out.

    Source: Hsu et al., Disentanglement via Latent Quantization, 2023.

    >>> s = np.random.default_rng(0).integers(0, 3, size=(600, 2))
    >>> info_explicitness(s @ [[1.0, 1.0], [1.0, -1.0]], s, kinds="discrete").value > 0.95
    True
    """
    codes, known = checked(estimate, truth, "info_explicitness", code_kind, kinds, bins)
    labels = factor_labels(known, bins)
    if held_out:
        check_classes(labels, known.names, "info_explicitness")
    if code_kind == "discrete":
        codes = np.hstack([(column[:, None] == np.unique(column)).astype(float) for column in codes.T])

    def gains(labels: np.ndarray) -> np.ndarray:
        return np.array([_gain(codes, label, code_kind, held_out, seed) for label in labels.T])

    parts = gains(labels)
    found: dict[str, Null] = {}
    if nulls:
        rng = np.random.default_rng([seed, 1])
        found["permuted rows"] = Null.of([float(gains(rng.permutation(labels)).mean()) for _ in range(nulls)])
    return Score(
        name="info_explicitness",
        value=float(parts.mean()),
        parts={name: float(part) for name, part in zip(known.names, parts, strict=True)},
        nulls=found,
        n=len(codes),
        settings={
            "rows": "held out" if held_out else "scored on the rows it was fitted on",
            "code_kind": f"{code_kind} codes",
            "bins": bins,
            "factors": len(known),
            "kinds": list(known.kinds),
            "nulls": nulls,
            "seed": seed,
        },
    )


def checked(
    estimate: Array, truth: Array | Truth, who: str, code_kind: str, kinds: str | Sequence[str] | None, bins: int
) -> tuple[np.ndarray, Factors]:
    """Check both sides: the codes (rows, codes) and the factors."""
    if code_kind not in CODE_KINDS:
        raise unknown("kind of code", code_kind, CODE_KINDS)
    check_bins(bins)
    codes = matrix(estimate, "the estimate")
    known = factors(truth, who, kinds=kinds)
    same_rows({"estimate": codes, "truth": known.values})
    return codes, known


def _gain(codes: np.ndarray, label: np.ndarray, code_kind: str, held_out: bool, seed: int) -> float:
    everything = np.arange(len(codes))
    train, test = halves(len(codes), [seed, 0], within=label) if held_out else (everything, everything)
    x, x_test = codes[train], codes[test]
    if code_kind == "continuous":
        x, x_test = standardise(x, x_test)
    found = probabilities(x, label[train], x_test, C=np.inf, class_weight="balanced", max_iter=100)
    # The smallest probability counted is that of one rounding error, as in scikit-learn's log-loss.
    right = np.maximum(found[np.arange(len(test)), label[test]], np.finfo(float).eps)
    return float(1.0 + np.log(right).mean() / np.log(found.shape[1]))
