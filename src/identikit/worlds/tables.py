"""Tables of conditional probabilities in which every parent shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from identikit.errors import InputError
from identikit.worlds.graphs import Parents

_TRIES = 20
_AT_ONCE = 256


def draw_table(
    rng: np.random.Generator, states: int, above: np.ndarray, strength: float = 0.3, silent: Sequence[int] = ()
) -> np.ndarray:
    """Draw the probabilities of a variable given its parents, until each parent has an effect of a least size.

    The effect of a parent is the total variation between what two of its states say of the variable, for the two
    states in which it is least, averaged over the other parents: both evenly, so that the parent matters directly, and
    as the others come with it, so that no other path cancels it. It is at least `strength` divided by the number of
    parents. No state has less than 0.1 of an even share (0.5 without parents).

    Args:
        rng: source of the numbers.
        states: of the variable.
        above: the joint probabilities of its parents, one axis for each; a single 1 without parents.
        strength: the least effect of all parents together.
        silent: positions of parents that are to have no direct effect.

    Returns:
        (states of each parent in turn, states) array that sums to 1 along its last axis.

    Raises:
        InputError: no such table was found.

    >>> table = draw_table(np.random.default_rng(0), states=2, above=np.array([0.5, 0.5]))
    >>> bool(abs(table[0, 0] - table[1, 0]) >= 0.3)
    True
    """
    even = 0.1 if above.ndim else 0.5
    heard = [axis for axis in range(above.ndim) if axis not in silent]
    for _ in range(_TRIES):
        drawn = even / states + (1 - even) * rng.dirichlet(np.full(states, 0.7), size=(_AT_ONCE, *above.shape))
        for axis in silent:
            drawn = np.broadcast_to(drawn.mean(axis + 1, keepdims=True), drawn.shape)
        effects = [_least_effect(drawn, axis, weights) for axis in heard for weights in (np.ones(above.shape), above)]
        strong = np.all([effect >= strength / above.ndim for effect in effects], axis=0)
        if np.any(strong):
            return drawn[int(np.argmax(strong))]
    raise InputError(
        f"no table of {states} states with {above.ndim} parents was found in which every parent has an effect of "
        f"{strength:g} / {max(above.ndim, 1)}: lower strength, or the number of states"
    )


def joint(tables: Mapping[str, np.ndarray], parents: Parents, names: Sequence[str]) -> np.ndarray:
    """The exact joint probabilities of some variables, one axis for each.

    Args:
        tables: of every variable, and of all that is above it.
        parents: the graph.
        names: of the variables asked about.

    >>> joint({"a": np.array([0.5, 0.5]), "b": np.array([[1, 0], [0.5, 0.5]])}, {"b": ("a",)}, ["b"]).tolist()
    [0.75, 0.25]
    """
    if not names:
        return np.ones(())
    place = {name: i for i, name in enumerate(tables)}
    terms: list = []
    for name, table in tables.items():
        terms += [table, [place[p] for p in (*parents.get(name, ()), name)]]
    return np.einsum(*terms, [place[name] for name in names], optimize="greedy")


def _least_effect(tables: np.ndarray, axis: int, weights: np.ndarray) -> np.ndarray:
    """The least total variation (tables,) between two states of a parent, averaged over the others by weights."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    below = np.expand_dims(weights.sum(others), 1)
    given = (tables * weights[..., None]).sum(tuple(i + 1 for i in others)) / below
    apart = np.abs(given[:, :, None] - given[:, None]).sum(-1) / 2
    first, second = np.triu_indices(given.shape[1], 1)
    return apart[:, first, second].min(1)
