"""Adapter to the PW-MCC of xiangchensong/sae-feature-consistency (commit in `checkouts.py`). Patches: none."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from peers.checkouts import checkout, imported, seeded


@functools.cache
def _utils() -> Any:
    return imported(checkout("sae-feature-consistency") / "synthetic", "utils")[0]


def matched_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Mean signed cosine of the atoms (rows) of two dictionaries, matched one to one."""
    with seeded():
        return float(_utils().MCC(a, b))
