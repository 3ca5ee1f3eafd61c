"""Preparing fields before a fit."""

from __future__ import annotations

import numpy as np

from identikit.data import Dataset
from identikit.errors import InputError


def standardise_by_domain(values: np.ndarray, data: Dataset, floor: float = 0.02) -> np.ndarray:
    """Bring each column to mean 0 and deviation 1 within each domain, as its training rows have them.

    Args:
        values: (rows, columns) of numbers, one row for each of the data.
        data: whose domains and training rows count.
        floor: added to each deviation, so that a column that hardly varies in a domain stays small there.

    Returns:
        (rows, columns) float32.

    >>> import numpy as np
    >>> from identikit import datasets
    >>> x = np.arange(40.0)[:, None] + np.repeat([0, 100], 20)[:, None]
    >>> data = datasets.from_arrays(x=x, domain=["a"] * 20 + ["b"] * 20)
    >>> standardised = standardise_by_domain(x, data)
    >>> bool(abs(standardised[:20].mean() - standardised[20:].mean()) < 0.3)
    True
    """
    values = np.asarray(values, np.float32)
    if len(values) != data.rows:
        raise InputError(f"there are {len(values)} rows of values and {data.rows} rows of data")
    out = np.empty_like(values)
    for code in range(len(data.names["domain"])):
        here = data["domain"] == code
        train = values[here & (data.split == 0)]
        if len(train) == 0:
            raise InputError(f"domain '{data.names['domain'][code]}' has no training row to take its scale from")
        out[here] = (values[here] - train.mean(0)) / (train.std(0) + floor)
    return out
