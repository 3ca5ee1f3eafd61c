"""DCI: disentanglement, completeness and informativeness, from how much each code matters to each factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.importances import ABOUT, REGRESSORS
from identikit.metrics.inputs import Array, Factors, factors, halves, matrix, same_rows
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import numbers, rotations


@dataclass(frozen=True, eq=False)
class DCI:
    """The three scores of one fit, and what they were computed from.

    Attributes:
        disentanglement: does each code matter to one factor only? Its parts are the codes.
        completeness: does each factor need one code only? Its parts are the factors.
        informativeness: is the factor predicted at all? Its parts are the factors.
        importances: (codes, factors), each column sums to 1, or to 0 where no code was of use.
    """

    disentanglement: Score
    completeness: Score
    informativeness: Score
    importances: np.ndarray

    @property
    def scores(self) -> tuple[Score, Score, Score]:
        """The three, in the order of the name."""
        return self.disentanglement, self.completeness, self.informativeness


def dci(
    estimate: Array,
    truth: Array | Truth,
    regressor: str = "boosted trees",
    kinds: str | Sequence[str] | None = None,
    nulls: int = 3,
    seed: int = 0,
) -> DCI:
    r"""Disentanglement, completeness and informativeness, each with the regressor in its name.

    One predictor of each factor from all codes is fitted on a random half of the rows. P_ij is the importance of code j
    to factor i, each factor's scaled to sum to 1, and H the entropy to the base of the number of its entries:

    $$D = \sum_j \rho_j \left(1 - H(P_{\cdot j} / \textstyle\sum_i P_{ij})\right), \quad
    \rho_j = \textstyle\sum_i P_{ij} / \sum_{ij} P_{ij}, \qquad
    C = \frac{1}{d} \sum_i \left(1 - H(P_{i \cdot})\right)$$

    and I is the mean held-out accuracy (discrete factors) or R2 (the others) on the other half. A code that matters to
    nothing has disentanglement 0 and weight 0; a factor to which no code matters has completeness 0.

    Args:
        estimate: (rows, codes), at least two codes.
        truth: (rows, factors), or a `Truth`, at least two factors. A discrete factor is classified, a continuous one
            regressed, and a circular one regressed as cosine and sine, whose importances are summed.
        regressor: `boosted trees` (LightGBM, the extra `trees`), `forest` (scikit-learn) or `lasso`. The numbers move
            a lot with it, and values of two regressors cannot be compared.
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        nulls: draws of each null; 0 for none. Each fits every predictor anew.
        seed: of the halves, the regressor and the nulls.

    Returns:
        The three scores, each at most 1, with the nulls `permuted rows` and `random rotation`; informativeness has the
        third null `chance`, of always predicting the commonest category, or the mean.

    Raises:
        InputError: lengths differ, NaN or infinite values, fewer than two codes or factors, a constant factor, fewer
            than 10 rows, LightGBM is missing.

    Source: Eastwood and Williams, A Framework for the Quantitative Evaluation of Disentangled Representations, 2018.

    >>> s = np.random.default_rng(0).integers(0, 3, size=(300, 2))
    >>> found = dci(np.hstack([s, s]) + 0.0, s, "forest", kinds="discrete", nulls=0)
    >>> [round(score.value, 1) for score in found.scores]
    [1.0, 0.5, 1.0]
    """
    if regressor not in REGRESSORS:
        raise unknown("regressor", regressor, REGRESSORS)
    codes = matrix(estimate, "the estimate")
    known = factors(truth, "dci", kinds=kinds)
    rows = same_rows({"estimate": codes, "truth": known.values})
    for count, what in ((codes.shape[1], "codes"), (len(known), "factors")):
        if count < 2:
            raise InputError(
                f"dci asks how importance is shared out, which needs at least two {what}, and there is one"
            )
    fit, held = halves(rows, [seed, 0])
    targets = [_target(known, position) for position in range(len(known))]
    for (target, _), name in zip(targets, known.names, strict=True):
        for part, half in ((fit, "fitted"), (held, "scored")):
            if (target[part] == target[part[0]]).all():
                raise InputError(f"'{name}' hardly varies: it is constant in the {half} half of the rows")

    def run(codes: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Importances (codes, factors) and informativeness (factors,), with the truth in the given order of rows."""
        importances, informed = np.zeros((codes.shape[1], len(targets))), np.zeros(len(targets))
        for position, (target, classes) in enumerate(targets):
            seen, labels = np.unique(target[order[fit]], return_inverse=True) if classes else (None, target[order[fit]])
            classes = 0 if seen is None else len(seen)
            found, guess = REGRESSORS[regressor](codes[fit], labels, codes[held], classes, seed)
            importances[:, position] = found / (found.sum() or 1.0)
            informed[position] = _informed(target[order[held]], guess if seen is None else seen[guess], bool(classes))
        return importances, informed

    def three(codes: np.ndarray, order: np.ndarray) -> tuple[float, float, float]:
        importances, informed = run(codes, order)
        return _disentanglement(importances), float(_focus(importances.T).mean()), float(informed.mean())

    rng = np.random.default_rng([seed, 1])
    kept = np.arange(rows)
    importances, informed = run(codes, kept)
    draws: dict[str, list[tuple[float, float, float]]] = {}
    if nulls:
        draws["permuted rows"] = []
        for _ in range(nulls):
            # Each half keeps its own rows, so that what varies in it still does.
            order = kept.copy()
            order[fit], order[held] = rng.permutation(fit), rng.permutation(held)
            draws["permuted rows"].append(three(codes, order))
        rotate = rotations(numbers(known), np.random.default_rng([seed, 2]))
        draws["random rotation"] = [three(rotate()[:, : max(codes.shape[1], 2)], kept) for _ in range(nulls)]
    found = [{name: Null.of([draw[i] for draw in drawn]) for name, drawn in draws.items()} for i in range(3)]
    found[2]["chance"] = Null.known(
        sum(_chance(target, classes, fit, held) for target, classes in targets) / len(targets)
    )

    settings = {
        "regressor": ABOUT[regressor],
        "codes": codes.shape[1],
        "factors": len(known),
        "kinds": list(known.kinds),
        "held_out": len(held),
        "nulls": nulls,
        "seed": seed,
    }
    measures = sorted({"accuracy" if kind == "discrete" else "R2" for kind in known.kinds}, key=str.lower)
    complete, clean = _focus(importances.T), _focus(importances)

    def score(index: int, name: str, value: float, parts: np.ndarray, names: Sequence[str], **more: str) -> Score:
        named = {part: float(x) for part, x in zip(names, parts, strict=True)}
        return Score(f"dci {name} ({regressor})", value, named, found[index], rows, {**more, **settings})

    return DCI(
        score(0, "disentanglement", _disentanglement(importances), clean, [f"code {j}" for j in range(len(clean))]),
        score(1, "completeness", float(complete.mean()), complete, known.names),
        score(2, "informativeness", float(informed.mean()), informed, known.names, measure=" and ".join(measures)),
        importances,
    )


def _target(known: Factors, position: int) -> tuple[np.ndarray, int]:
    """What is predicted of one factor: labels (rows,) and their number, or numbers (rows, columns) and 0."""
    if known.kinds[position] == "discrete":
        values, labels = np.unique(known.values[:, position], return_inverse=True)
        return labels, len(values)
    return known.features(position), 0


def _focus(importances: np.ndarray) -> np.ndarray:
    """One minus the entropy of each row of importances, to the base of its length; 0 for a row of zeros."""
    total = importances.sum(1, keepdims=True)
    shares = importances / np.where(total > 0, total, 1.0)
    entropy = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(1) / np.log(importances.shape[1])
    return np.where(total[:, 0] > 0, np.clip(1.0 - entropy, 0.0, 1.0), 0.0)


def _disentanglement(importances: np.ndarray) -> float:
    weights = importances.sum(1)
    return float(_focus(importances) @ weights / (weights.sum() or 1.0))


def _informed(true: np.ndarray, guess: np.ndarray, discrete: bool) -> float:
    if discrete:
        return float((true == guess).mean())
    # Cosine and sine are pooled: one of them may hardly vary.
    return float(1.0 - ((true - guess) ** 2).sum() / ((true - true.mean(0)) ** 2).sum())


def _chance(target: np.ndarray, classes: int, fit: np.ndarray, held: np.ndarray) -> float:
    return float((target[held] == np.bincount(target[fit]).argmax()).mean()) if classes else 0.0
