"""What a search over discrete variables looks at: distinct rows with their counts, and parts of the graph so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod

import numpy as np

from identikit.data import Dataset
from identikit.errors import InputError
from identikit.structure.ranks import feature_ranks, inverse_root

LEAST = 10
"""Rows that every category needs."""
MOST_STATES = 12
_JOINT = 32
"""Up to so many joint states a set of variables enters by all of them, beyond by single states and pairs of states."""

_DEPENDENT = 1e-3
"""p-value below which what is below a latent counts as telling of the rest of the data."""


@dataclass(eq=False)
class Part:
    """A variable that the search still has to place: an observed one, or a latent with all that lies below it.

    Attributes:
        leaves: positions of the observed variables below.
        rank: number of its joint states that the rest of the data tells apart.
        latents: how many latents it stands for, 0 for an observed variable.
        children: the parts below it.
        level: 0 for an observed variable.
        why: the evidence, in words.
    """

    leaves: tuple[int, ...]
    rank: int
    latents: int = 0
    children: tuple[Part, ...] = ()
    level: int = 0
    why: str = ""
    _seen: dict = field(default_factory=dict, repr=False)


class Rows:
    """Distinct rows of codes with their shares, and what parts look like on them.

    Args:
        codes: (rows, variables) whole numbers from 0.
        names: of the variables.
        linear: whether variables enter as numbers, and sets of them side by side, as linear methods take them, and not
            by their joint states.
    """

    def __init__(self, codes: np.ndarray, names: Sequence[str], linear: bool = False) -> None:
        self.names, self.linear, self.count = tuple(names), linear, len(codes)
        self.states = tuple(int(s) for s in codes.max(0) + 1)
        self.codes, counts = distinct(codes, self.states)
        self.weights = counts / self.count

    def observed(self, i: int) -> np.ndarray:
        """Features of one variable: its states, or a constant and its code."""
        if self.linear:
            value = self.codes[:, i].astype(float)
            return np.stack([np.ones(len(value)), value - self.weights @ value], 1)
        return np.eye(self.states[i])[self.codes[:, i]]

    def join(self, sides: Sequence[np.ndarray]) -> np.ndarray:
        """Features of a set: all products of one feature of each, or all features side by side."""
        if self.linear:
            return self.beside(sides)
        return reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(a), -1), sides)

    def beside(self, sides: Sequence[np.ndarray]) -> np.ndarray:
        """Features of a set side by side, each of which has a constant in its span; no more columns than they span."""
        if len(sides) == 1:
            return sides[0]
        # A direction without a constant in it: all but the constant's own.
        free = [side @ np.linalg.svd((self.weights @ side)[None])[2][1:].T for side in sides]
        return np.concatenate([np.ones((len(self.codes), 1)), *free], axis=1)

    def summary(self, leaves: Sequence[int]) -> np.ndarray:
        """Features of a set of observed variables, of bounded number."""
        sides = [self.observed(i) for i in leaves]
        if self.linear or prod(self.states[i] for i in leaves) <= _JOINT:
            return self.join(sides)
        one = [side[:, 1:] for side in sides]
        columns = [np.ones((len(self.codes), 1)), *one]
        if sum(s.shape[1] for s in one) <= 8:
            columns += [self.join([a, b]) for k, a in enumerate(one) for b in one[k + 1 :]]
        return np.concatenate(columns, axis=1)

    def directions(self, leaves: Sequence[int], rest: Sequence[int], rank: int) -> np.ndarray:
        """(patterns, rank) the functions of some variables that say most of the rest, a constant among them."""
        left, right = self.summary(leaves), self.summary(rest)
        weighed = left.T * self.weights
        root, other = inverse_root(weighed @ left), inverse_root((right.T * self.weights) @ right)
        turned = np.linalg.svd(root @ (weighed @ right) @ other)[0]
        return left @ root @ turned[:, :rank]

    def look(self, part: Part) -> np.ndarray:
        """Features of a part: of an observed variable its own, of a latent what all leaves below say of the rest."""
        if not part.latents:
            return self.observed(part.leaves[0])
        if "all" not in part._seen:
            rest = [i for i in range(len(self.names)) if i not in part.leaves]
            own, other = ([self.beside([self.observed(i) for i in leaves])] for leaves in (part.leaves, rest or [0]))
            # What says most of variables that it is independent of would be chance, and then look dependent.
            if rest and self.p_at_most(own, other, 1) < _DEPENDENT:
                part._seen["all"] = self.directions(part.leaves, rest, part.rank)
            else:
                part._seen["all"] = self._agreed(part)
        return part._seen["all"]

    def _agreed(self, part: Part) -> np.ndarray:
        """(patterns, rank) what two halves of the leaves below a latent say of each other, summed over the two."""
        one, two = self.halves(part)
        root, other = (inverse_root((half.T * self.weights) @ half) for half in (one, two))
        u, s, vt = np.linalg.svd(root @ ((one.T * self.weights) @ two) @ other)
        return one @ root @ u[:, : len(s)] + two @ other @ vt[: len(s)].T

    def halves(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """Features of two disjoint halves of what lies below a latent, each of which tells its states."""
        if "halves" not in part._seen:
            groups = [part.children[k::2] for k in range(2)]
            leaves = [[i for child in group for i in child.leaves] for group in groups]
            everything = range(len(self.names))
            one, two = (self.directions(own, [i for i in everything if i not in own], part.rank) for own in leaves)
            part._seen["halves"] = one, two
        return part._seen["halves"]

    def size(self, ranks: Sequence[int]) -> int:
        """The rank that a set of separating variables of these ranks gives a table."""
        return 1 + sum(r - 1 for r in ranks) if self.linear else prod(ranks)

    def p_at_most(self, left: Sequence[np.ndarray], right: Sequence[np.ndarray], rank: int) -> float:
        """p-value of a rank of the table of two sets; 0 where no table of theirs can have more.

        Two tables are tested, of the joint states of each set and of its members side by side: what holds of the first
        holds of the second, which has fewer cells and shows a dependence of pairs sooner.
        """
        tests = []
        for form in (self.join, self.beside)[self.linear :]:
            a, b = form(left), form(right)
            if rank < min(a.shape[1], b.shape[1]):
                tests.append(float(feature_ranks(a, b, self.weights, self.count, [rank]).p[0, 0]))
            if len(left) == len(right) == 1:
                break
        return min(1.0, len(tests) * min(tests)) if tests else 0.0

    def correlation(self, left: np.ndarray, right: np.ndarray) -> float:
        """The largest canonical correlation of two sets of features, 0 to 1."""
        found = feature_ranks(left, right, self.weights, self.count, []).singular[0]
        return float(min(found[1], 1)) if len(found) > 1 else 0.0


def as_codes(data: Dataset | np.ndarray, names: Sequence[str] | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Check a table of discrete variables.

    Args:
        data: a `Dataset` whose `x` is (rows, variables) of whole numbers from 0, or such an array.
        names: of the variables; those of the data, else `d1`, `d2`, ...

    Returns:
        (rows, variables) codes, and their names.

    Raises:
        InputError: another shape, a missing value, a number that is no category, a constant or duplicated column, too
            many categories, or too few rows of one.

    >>> as_codes(np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (10, 1)))[1]
    ('d1', 'd2')
    """
    if isinstance(data, Dataset):
        names = data.names.get("x") if names is None else names
        data = data["x"]
    table = np.asarray(data)
    if table.ndim != 2 or table.shape[1] < 2 or table.dtype.kind not in "biuf":
        raise InputError(f"a table of discrete variables is (rows, 2 or more columns) of codes, not {table.shape}")
    names = tuple(f"d{i + 1}" for i in range(table.shape[1])) if names is None else tuple(names)
    if len(names) != table.shape[1]:
        raise InputError(f"the table has {table.shape[1]} columns, and {len(names)} names were given")
    lost = np.isnan(table).sum(0) if table.dtype.kind == "f" else np.zeros(len(names), int)
    if lost.any():
        name = names[int(lost.argmax())]
        raise InputError(
            f"'{name}' lacks {lost.max()} of {len(table)} values: leave those rows out, "
            "or give missing values a category of their own"
        )
    codes = table.astype(np.int64)
    for name, column, given in zip(names, codes.T, table.T, strict=True):
        if (column != given).any() or len(column) == 0 or column.min() < 0:
            raise InputError(f"'{name}' holds values that are no codes 0, 1, 2, ...: make categories of its values")
        if column.max() >= MOST_STATES:
            raise InputError(f"'{name}' has {column.max() + 1} categories, and {MOST_STATES} can be tested: merge some")
        counts = np.bincount(column)
        if (column == column[0]).all():
            raise InputError(f"'{name}' is constant: leave it out")
        if counts.min() < LEAST:
            raise InputError(
                f"category {counts.argmin()} of '{name}' has {counts.min()} of {len(table)} rows, and the tests need "
                f"{LEAST}: merge it with another, or take more rows"
            )
    kinds = tuple(int(s) for s in codes.max(0) + 1)
    for i, name in enumerate(names):
        for j in range(i):
            if kinds[i] == kinds[j]:
                table = np.bincount(codes[:, i] * kinds[j] + codes[:, j], minlength=kinds[i] ** 2)
                if (table > 0).sum() == kinds[i]:
                    raise InputError(f"'{names[j]}' and '{name}' tell the same of every row: leave one out")
    return codes, names


def distinct(codes: np.ndarray, states: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of codes, and how often each is there.

    >>> distinct(np.array([[0, 1], [1, 0], [0, 1]]), (2, 2))
    (array([[0, 1],
           [1, 0]]), array([2, 1]))
    """
    if prod(states) > 2**62:
        return np.unique(codes, axis=0, return_counts=True)
    # Rows as numbers sort hundreds of times faster than rows as arrays.
    keys, counts = np.unique(np.ravel_multi_index(tuple(codes.T), tuple(states)), return_counts=True)
    return np.stack(np.unravel_index(keys, tuple(states)), 1), counts
