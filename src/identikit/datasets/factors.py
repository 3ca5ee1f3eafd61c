"""Pictures whose factors are known: from factor values to a `Dataset` and its `Truth`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split


@dataclass(frozen=True)
class Factor:
    """One factor of variation.

    Attributes:
        name: of the factor.
        kind: `continuous`, `discrete` or `circular` (an angle in radians).
        names: the names of the categories of a discrete factor, in the order of their numbers.
    """

    name: str
    kind: Literal["continuous", "discrete", "circular"]
    names: tuple[str, ...] = ()


def pick_rows(total: int, rows: int | None, seed: int, what: str = "rows") -> np.ndarray:
    """Draw which of `total` rows to read: ascending row numbers, none twice; all of them where `rows` is None.

    `what` is the name of the option, for the message.

    Raises:
        InputError: fewer than 1 or more than there are.

    >>> pick_rows(10, 3, seed=0).tolist()
    [5, 6, 9]
    """
    if rows is None:
        return np.arange(total)
    if not 1 <= rows <= total:
        raise InputError(f"{what} is from 1 to {total}, the number there are, or None for all, not {rows}")
    return np.sort(np.random.default_rng(seed).choice(total, rows, replace=False))


def with_factors(
    x: np.ndarray,
    values: np.ndarray,
    factors: Sequence[Factor],
    *,
    y: str | None,
    domain: str | None,
    splits: Sequence[float],
    seed: int,
    source: dict[str, Any],
    blocks: dict[str, tuple[int, ...]] | None = None,
    groups: np.ndarray | None = None,
) -> tuple[Dataset, Truth]:
    """Make data and truth of pictures and the factors behind them.

    Args:
        x: (rows, channels, height, width) uint8.
        values: (rows, factors), as `Truth.latents` holds them.
        factors: one for each column.
        y: name of a factor that the learner sees as the label; None: none.
        domain: name of a discrete factor that the learner sees as the domain.
        splits: shares of train, validation and test.
        seed: of the split.
        source: how to read the data again.
        blocks: named groups of factors.
        groups: (rows,) rows of one group stay in one split.

    Raises:
        InputError: an unknown factor, or a domain that is not discrete.

    >>> shape, size = Factor("shape", "discrete", ("square", "heart")), Factor("size", "continuous")
    >>> values = np.stack([np.arange(20) % 2, np.arange(20.0)], 1)
    >>> options = {"splits": (0.8, 0.1, 0.1), "seed": 0, "source": {}}
    >>> data, truth = with_factors(np.zeros((20, 1, 8, 8), "uint8"), values, [shape, size], y="shape", domain=None,
    ...                            **options)
    >>> data.names, truth
    ({'y': ('square', 'heart')}, Truth(20 rows: shape (discrete), size (continuous)))
    """
    known = {f.name: i for i, f in enumerate(factors)}
    fields: dict[str, np.ndarray] = {}
    names: dict[str, tuple[str, ...]] = {}
    for field, name in {"y": y, "domain": domain}.items():
        if name is None:
            continue
        if name not in known:
            raise unknown("factor", name, known)
        factor, column = factors[known[name]], values[:, known[name]]
        if factor.kind == "discrete":
            fields[field], names[field] = column.astype(np.int64), factor.names
        elif field == "domain":
            raise InputError(f"domain is a discrete factor, and '{name}' is {factor.kind}")
        else:
            fields[field] = column.astype(np.float32)
    split = make_split(len(x), fields.get("domain"), splits, seed, groups)
    data = Dataset(x, fields, names, split, source)
    truth = Truth(
        latents=values.astype(np.float64),
        names=tuple(known),
        kinds=tuple(f.kind for f in factors),
        blocks=blocks or {},
        split=split,
    )
    return data, truth


def channels_first(pictures: np.ndarray) -> np.ndarray:
    """(rows, height, width[, channels]) uint8 as (rows, channels, height, width).

    >>> channels_first(np.zeros((2, 8, 9, 3), "uint8")).shape, channels_first(np.zeros((2, 8, 9), "uint8")).shape
    ((2, 3, 8, 9), (2, 1, 8, 9))
    """
    full = pictures if pictures.ndim == 4 else pictures[..., None]
    return np.ascontiguousarray(full.transpose(0, 3, 1, 2), dtype=np.uint8)
