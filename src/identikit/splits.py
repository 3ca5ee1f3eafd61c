"""Train, validation and test rows: drawn with a seed, in the same shares within every domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.errors import InputError

SPLITS = ("train", "validation", "test")


def split_index(split: np.ndarray, part: str) -> np.ndarray:
    """Row indices of one of `SPLITS`, or of all rows (`all`), in a split column.

    Args:
        split: (rows,) index of each row into `SPLITS`.
        part: `train`, `validation`, `test` or `all`.

    Raises:
        InputError: another name.

    >>> split_index(np.array([0, 1, 0]), "train").tolist()
    [0, 2]
    """
    if part == "all":
        return np.arange(len(split))
    if part not in SPLITS:
        raise InputError(f"a split is {', '.join(SPLITS)} or all, not '{part}'")
    return np.flatnonzero(split == SPLITS.index(part))


def make_split(
    rows: int,
    domain: np.ndarray | None = None,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Assign rows to train, validation and test at random, in the same shares within every domain.

    A share is met to the next row within a domain, and to half a row over all of them, except that every domain keeps a
    training row.

    Args:
        rows: number of rows.
        domain: (rows,) domain codes to stratify by.
        fractions: shares of train, validation and test; they sum to one.
        seed: of the assignment.
        groups: (rows,) codes of rows that must stay together, e.g. the same thing seen in several domains; the shares
            are then those of the groups, and `domain` is not stratified by.

    Returns:
        (rows,) int8, an index into `SPLITS`.

    >>> make_split(10, fractions=(0.6, 0.2, 0.2)).tolist()
    [0, 0, 1, 0, 2, 0, 2, 1, 0, 0]
    """
    if len(fractions) != 3 or not abs(sum(fractions) - 1) < 1e-6 or min(fractions) < 0 or fractions[0] == 0:
        raise InputError(
            f"train, validation and test need three shares that sum to 1, the first above 0, not {tuple(fractions)}"
        )
    for name, codes in {"domain": domain, "groups": groups}.items():
        if codes is not None and len(codes) != rows:
            raise InputError(f"lengths differ: '{name}' has {len(codes)} rows and the data has {rows}")
    if groups is not None:
        members, inverse = np.unique(groups, return_inverse=True)
        return make_split(len(members), None, fractions, seed)[inverse]
    rng = np.random.default_rng(seed)
    split = np.zeros(rows, dtype=np.int8)
    # What rounding owes goes on to the next domain: many small domains would otherwise leave a split empty.
    owed_test = owed_validation = 0.5
    for code in np.unique(domain) if domain is not None else [None]:
        here = rng.permutation(rows if code is None else np.flatnonzero(domain == code))
        owed_test += fractions[2] * len(here)
        owed_validation += fractions[1] * len(here)
        test = min(int(owed_test + 1e-9), len(here) - 1)
        validation = min(int(owed_validation + 1e-9), len(here) - 1 - test)
        split[here[:test]] = 2
        split[here[test : test + validation]] = 1
        owed_test = min(owed_test - test, 1.0)
        owed_validation = min(owed_validation - validation, 1.0)
    return split
