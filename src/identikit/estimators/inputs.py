"""From labels and domains as scikit-learn hands them over to the codes that a `Dataset` holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length

from identikit.data import HIDDEN
from identikit.datasets.coding import is_gap
from identikit.errors import InputError, unknown


def hidden_labels(y: Any) -> np.ndarray:
    """Which labels are hidden: -1 (as scikit-learn's semi-supervised estimators have it), NaN, None or empty text.

    Args:
        y: (rows,) labels.

    Returns:
        (rows,) booleans.

    >>> hidden_labels(np.array([0, 1, -1])).tolist(), hidden_labels(["cat", None, "dog"]).tolist()
    ([False, False, True], [False, True, False])
    """
    values = y.tolist() if isinstance(y, np.ndarray) else list(y)
    return np.array([is_gap(v) or (v == HIDDEN and not isinstance(v, str)) for v in values], bool)


def code_labels(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Code class labels as 0..k-1, hidden ones as -1.

    Args:
        y: (rows,) text, integers, booleans, or floats that hold whole numbers.

    Returns:
        (rows,) int64 codes, and the classes (k,) in order.

    Raises:
        InputError: no label is known, or all known labels are of one class.
        ValueError: the labels are continuous numbers, or infinite.

    >>> code_labels(np.array([2.0, np.nan, 7.0]))
    (array([ 0, -1,  1]), array([2., 7.]))
    """
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "f":
        assert_all_finite(y, allow_nan=True, input_name="y")
    hidden = hidden_labels(y)
    if hidden.all():
        raise InputError("every label of y is hidden (-1, NaN or None): leave y out to learn without labels")
    known = y[~hidden]
    if known.dtype.kind == "O":
        kinds = {isinstance(v, str) for v in known.tolist()}
        if len(kinds) > 1:
            raise InputError("y mixes text and numbers: make all of its labels text")
        known = np.array(known.tolist())
    check_classification_targets(known)
    classes, codes = np.unique(known, return_inverse=True)
    if len(classes) < 2:
        trap = classes.dtype.kind in "iuf" and classes[0] == 1 and bool((y[hidden] == HIDDEN).any())
        advice = ": code the classes as 0 and 1, since -1 means a hidden label" if trap else ""
        raise InputError(f"y holds one class ({classes[0]}), and telling classes needs at least two{advice}")
    coded = np.full(len(y), HIDDEN, np.int64)
    coded[~hidden] = codes
    return coded, classes


def code_domains(sample_domain: Any, rows: int, known: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Code the domain of each row as 0..k-1.

    Args:
        sample_domain: (rows,) text or whole numbers of any sign (a negative one is a domain like any other).
        rows: how many there must be.
        known: the domains of the fit, where there has been one.

    Returns:
        (rows,) int64 codes, and the domains (k,) in order.

    Raises:
        InputError: a domain is missing, or was not seen in the fit.
        ValueError: the length differs from the rows.

    >>> code_domains([3, -2, 3], 3)
    (array([1, 0, 1]), array([-2,  3]))
    """
    given = column_or_1d(sample_domain)
    check_consistent_length(given, np.empty(rows))
    gaps = [is_gap(v) for v in given.tolist()]
    if any(gaps):
        raise InputError(
            f"sample_domain is missing (None, NaN or empty) in row {gaps.index(True)}: every row needs one"
        )
    if given.dtype.kind == "O":
        given = np.array([str(v) for v in given.tolist()] if any(isinstance(v, str) for v in given) else given.tolist())
    if known is None:
        known, codes = np.unique(given, return_inverse=True)
        return codes.astype(np.int64), known
    strange = [v for v in np.unique(given).tolist() if v not in known.tolist()]
    if strange:
        raise unknown("domain", str(strange[0]), [str(v) for v in known.tolist()])
    return np.searchsorted(known, given).astype(np.int64), known


def only_unlabelled(domain: np.ndarray, y: np.ndarray) -> int | None:
    """The domain that has no label at all, where there is one such domain: the target.

    Args:
        domain: (rows,) codes.
        y: (rows,) codes with -1 where hidden, or numbers with NaN.

    >>> only_unlabelled(np.array([0, 0, 1, 1]), np.array([1, -1, -1, -1]))
    1
    """
    known = ~np.isnan(y) if y.dtype.kind == "f" else y != HIDDEN
    unlabelled = np.setdiff1d(domain, domain[known])
    return int(unlabelled[0]) if len(unlabelled) == 1 else None
