"""Dictionary MCC and PW-MCC: how well the atoms of one dictionary are found again in another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch

from identikit.errors import InputError
from identikit.metrics.assignment import EXACT, Assignment, assign
from identikit.metrics.atoms import RANDOM, cosines, live_atoms, read_atoms, same_width
from identikit.metrics.result import Null, Score

DRAWS = 5
"""Draws of each null, where none is asked for; one beyond `EXACT` atoms, where draws differ by less than 0.002."""


@dataclass(frozen=True, eq=False)
class DictionaryMatch:
    """Which estimated atom stands for which true atom.

    Attributes:
        atoms: (true atoms,) the estimated atom matched to each, -1 where there is none or the atom is dead.
        cosines: (true atoms,) signed cosine of each matched pair, 0 where there is none.
        gap: no matching has a mean cosine that is larger by more than this; 0 where it is exact.
    """

    atoms: np.ndarray
    cosines: np.ndarray
    gap: float


def match_dictionaries(estimate: Any, truth: Any, signed: bool = False) -> DictionaryMatch:
    """Match each true atom to one estimated atom so that the sum of cosines is the largest.

    Args:
        estimate: as in `dictionary_mcc`.
        truth: as in `dictionary_mcc`.
        signed: as in `dictionary_mcc`.

    Returns:
        The matching and the signed cosines, for lists of features; positions are those of the dictionaries as given.

    Raises:
        InputError: as `dictionary_mcc`.

    >>> match_dictionaries(np.array([[0.0, -2.0], [1.0, 0.0]]), np.eye(2)).atoms.tolist()
    [1, 0]
    """
    found, true = read_atoms(estimate, "the estimate"), read_atoms(truth, "the truth")
    same_width({"estimate": found, "truth": true})
    (live, unit), (live_true, unit_true) = live_atoms(found, "the estimate"), live_atoms(true, "the truth")
    best = assign(cosines(unit_true, unit, signed))
    kept = best.columns >= 0
    columns = best.columns[kept]
    pairs = unit_true[torch.as_tensor(np.flatnonzero(kept))] * unit[torch.as_tensor(columns)].to(unit_true.device)
    atoms, values = np.full(len(true), -1), np.zeros(len(true))
    atoms[live_true[kept]] = live[columns]
    values[live_true[kept]] = pairs.sum(1).clamp(-1, 1).cpu().numpy()
    return DictionaryMatch(atoms, values, best.gap)


def dictionary_mcc(estimate: Any, truth: Any, signed: bool = False, nulls: int | None = None, seed: int = 0) -> Score:
    r"""Mean cosine of the atoms of two dictionaries, matched one to one.

    $$\frac{1}{\min(m, n)} \max_\pi \sum_i |\cos(a_i, b_{\pi(i)})|$$

    Dead atoms (rows of zeros) are left out and counted in the settings.

    Args:
        estimate: (atoms, width) array or tensor, one atom a row; or an object with `W_dec` (atoms, width), or with
            `decoder.weight` (width, atoms) as in a linear layer.
        truth: the same; the other run where there is no truth. Both are compared on the device that `truth` is on.
        signed: whether an atom and its negative are different; otherwise the absolute cosine counts.
        nulls: draws of each null; None for 5, or 1 where a dictionary has more than 2,048 atoms; 0 for none.
        seed: of the nulls.

    Returns:
        A score of at most 1. Parts: `over the larger`, the same sum over max(m, n), which does not flatter a
        dictionary for having too many atoms; and `nearest`, the mean over true atoms of the best cosine where an
        estimated atom may serve several. Nulls: `random dictionary` (atoms of the estimate's number, of no preferred
        direction) and `same covariance` (random atoms with the estimate's mean and covariance: the right subspace,
        and no single atom found). The settings state how much the matching may have lost.

    Raises:
        InputError: widths differ, no atom, only dead atoms, NaN or infinite values, an object without a decoder.

    Source: Song et al., Mechanistic Interpretability Should Prioritize Feature Consistency in Sparse Autoencoders,
    2025, with the absolute value of its formula.

    >>> atoms = np.random.default_rng(0).normal(size=(8, 16))
    >>> score = dictionary_mcc(-atoms[[3, 1, 2, 0]], atoms)
    >>> round(score.value, 3), round(score.parts["over the larger"], 3)
    (1.0, 0.5)
    >>> dictionary_mcc(-atoms, atoms, signed=True).value < 0.5
    True
    """
    found, true = read_atoms(estimate, "the estimate"), read_atoms(truth, "the truth")
    same_width({"estimate": found, "truth": true})
    (live, unit), (live_true, unit_true) = live_atoms(found, "the estimate"), live_atoms(true, "the truth")
    draws = _draws(nulls, len(unit), len(unit_true))
    pair = _compare(unit_true, unit, signed)
    return Score(
        name="dictionary_mcc",
        value=pair.value,
        parts={"over the larger": pair.over_the_larger, "nearest": pair.nearest},
        nulls={
            name: Null.of([_compare(unit_true, drawn, signed).value for drawn in random(unit, draws, [seed, 1])])
            for name, random in RANDOM.items()
            if draws
        },
        n=min(len(unit), len(unit_true)),
        settings={
            "cosine": "signed cosine" if signed else "absolute cosine",
            "assignment": f"{len(unit_true)} true by {len(unit)} estimated atoms, {_method([pair])}",
            "width": true.shape[1],
            "dead": {"estimate": len(found) - len(live), "truth": len(true) - len(live_true)},
            "gap": pair.assignment.gap,
            "nulls": draws,
            "seed": seed,
        },
    )


def pw_mcc(
    dictionaries: Sequence[Any] | Mapping[str, Any], signed: bool = False, nulls: int | None = None, seed: int = 0
) -> Score:
    r"""Pairwise dictionary MCC: the mean over all pairs of runs, for where no truth is known.

    $$\frac{2}{R(R - 1)} \sum_{r < s} \mathrm{MCC}(A_r, A_s)$$

    Args:
        dictionaries: of two runs or more, each as in `dictionary_mcc`; by name, or in order (`run 0`, `run 1`, ...).
        signed: as in `dictionary_mcc`.
        nulls: as in `dictionary_mcc`.
        seed: of the nulls.

    Returns:
        A score of at most 1, with that of each pair (`run 0, run 1`), and `over the larger` as in `dictionary_mcc`.
        Nulls: as in `dictionary_mcc`, with every run drawn anew.

    Raises:
        InputError: fewer than two runs; otherwise as `dictionary_mcc`.

    Source: Song et al., Mechanistic Interpretability Should Prioritize Feature Consistency in Sparse Autoencoders,
    2025.

    >>> atoms = np.random.default_rng(0).normal(size=(8, 16))
    >>> pw_mcc([atoms, atoms[::-1], 2 * atoms], nulls=0).value > 0.999
    True
    """
    if not isinstance(dictionaries, Mapping):
        dictionaries = {f"run {i}": dictionary for i, dictionary in enumerate(dictionaries)}
    if len(dictionaries) < 2:
        raise InputError(f"pw_mcc compares the dictionaries of two runs or more, and was given {len(dictionaries)}")
    given = {str(name): read_atoms(dictionary, str(name)) for name, dictionary in dictionaries.items()}
    same_width(given)
    units = {name: live_atoms(atoms, name)[1] for name, atoms in given.items()}
    draws = _draws(nulls, *(len(unit) for unit in units.values()))
    pairs = {f"{a}, {b}": _compare(units[a], units[b], signed) for a, b in combinations(units, 2)}

    def null(random: Callable[..., Iterator[torch.Tensor]]) -> Null:
        runs = [random(unit, draws, [seed, 1, run]) for run, unit in enumerate(units.values())]
        values = [
            float(np.mean([_compare(a, b, signed).value for a, b in combinations(drawn, 2)]))
            for drawn in zip(*runs, strict=True)
        ]
        return Null.of(values)

    sizes = sorted({len(unit) for unit in units.values()})
    return Score(
        name="pw_mcc",
        value=float(np.mean([pair.value for pair in pairs.values()])),
        parts={
            **{name: pair.value for name, pair in pairs.items()},
            "over the larger": float(np.mean([pair.over_the_larger for pair in pairs.values()])),
        },
        nulls={name: null(random) for name, random in RANDOM.items() if draws},
        n=sizes[0],
        settings={
            "cosine": "signed cosine" if signed else "absolute cosine",
            "assignment": f"{len(units)} runs of {' to '.join(map(str, {sizes[0]: 0, sizes[-1]: 0}))} atoms, "
            + _method(list(pairs.values())),
            "width": next(iter(units.values())).shape[1],
            "dead": {name: len(atoms) - len(units[name]) for name, atoms in given.items()},
            "gap": max(pair.assignment.gap for pair in pairs.values()),
            "nulls": draws,
            "seed": seed,
        },
    )


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two dictionaries, matched."""

    assignment: Assignment
    value: float
    over_the_larger: float
    nearest: float


def _compare(rows: torch.Tensor, columns: torch.Tensor, signed: bool) -> _Pair:
    """Match two dictionaries of unit atoms."""
    strength = cosines(rows, columns, signed)
    best = assign(strength)
    small, large = sorted(strength.shape)
    return _Pair(best, best.total / small, best.total / large, float(strength.max(1).mean(dtype=np.float64)))


def _method(pairs: list[_Pair]) -> str:
    """How the pairs were matched, in words."""
    exact = all(pair.assignment.method == "exact" for pair in pairs)
    return "matched exactly" if exact else f"matched within {max(pair.assignment.gap for pair in pairs):.0e}"


def _draws(nulls: int | None, *sizes: int) -> int:
    return (1 if max(sizes) > EXACT else DRAWS) if nulls is None else nulls
