"""Block R2: how much of a block of true latents a block of codes predicts on rows it was not fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, Factors, factors, halves, matrix, same_rows
from identikit.metrics.regressors import DRAWS, REGRESSORS
from identikit.metrics.result import Null, Score

Kinds: TypeAlias = str | Sequence[str] | None
"""One kind for all factors, one for each, or None for continuous."""


def block_r2(
    estimate: Array,
    truth: Array | Truth,
    regressor: str = "kernel",
    nulls: int | None = None,
    seed: int = 0,
    kinds: Kinds = None,
) -> Score:
    r"""Held-out R2 of predicting a block of true latents from a block of codes.

    $$R^2 = \frac{1}{b} \sum_{j=1}^{b} 1 - \sum_t \|s_{tj} - f_j(z_t)\|^2 / \sum_t \|s_{tj} - \bar s_j\|^2$$

    over the rows t of a random half, with f fitted on the other half. Negative values are reported as they are.

    What stands for a continuous latent is its value; for a circular one the point (cosine, sine), so its R2 is pooled
    over both; for a discrete one the indicators of its categories, so its R2 is 1 - Brier / Brier of the shares, with
    predictions that are not cut to lie between 0 and 1.

    Args:
        estimate: (rows, codes) of one block.
        truth: (rows, factors) of one block, or a `Truth`.
        regressor: `kernel` (RBF kernel ridge on landmarks, width and ridge chosen on the fitting half), `exact kernel`
            (on all rows up to 5,000, over the coarser grid of the field's benchmarks: for values beside theirs),
            `linear` or `mlp`.
        nulls: draws of the null; None for 20, or 3 for the slow `mlp`; 0 for none.
        seed: of the halves, the landmarks, the network and the null.
        kinds: of the factors of an array, `continuous`, `discrete` or `circular`: one for all, or one for each; None
            for continuous. A `Truth` states its own.

    Returns:
        A score of at most 1, with the R2 of each true latent, and the null `permuted rows`, for which every choice is
        made anew. There is no random rotation beside it: no invertible linear map of the block changes what can be
        told from it, so a rotation of the truth scores like the truth.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant latent, hidden categories, fewer than 10 rows.

    Source: block-identifiability after von Kugelgen et al., Self-Supervised Learning with Data Augmentations Provably
    Isolates Content from Style, 2021.

    >>> rng = np.random.default_rng(0)
    >>> content, style = rng.normal(size=(400, 2)), rng.normal(size=(400, 1))
    >>> code = np.stack([content[:, 0] + content[:, 1], np.tanh(content[:, 0] - content[:, 1])], axis=1)
    >>> bool(block_r2(code, content).value > 0.95), bool(block_r2(code, style).value < 0.05)
    (True, True)
    """
    table = block_table({"": estimate}, {"": truth}, regressor, nulls, seed, {"": kinds})
    return replace(table["", ""], name="block_r2")


def block_table(
    estimate_blocks: Mapping[str, Array],
    truth_blocks: Mapping[str, Array | Truth],
    regressor: str = "kernel",
    nulls: int | None = None,
    seed: int = 0,
    kinds: Mapping[str, Kinds] | None = None,
) -> dict[tuple[str, str], Score]:
    """Block R2 of every block of codes against every block of true latents.

    A block-identified representation has a large R2 where the names agree and none beyond the null elsewhere, unless
    the true blocks themselves depend on each other: `block_leakage` allows for that.

    Args:
        estimate_blocks: (rows, codes) of each block of codes, by name.
        truth_blocks: (rows, factors) of each block of latents, or a `Truth`, by name.
        regressor: as in `block_r2`.
        nulls: as in `block_r2`.
        seed: as in `block_r2`.
        kinds: of the factors of the true blocks that are arrays, by name; None for continuous.

    Returns:
        The score of each pair (block of codes, block of latents); each equals `block_r2` of that pair.

    Raises:
        InputError: as `block_r2`.

    >>> s = np.random.default_rng(0).normal(size=(200, 2))
    >>> table = block_table({"a": s[:, :1], "b": s[:, 1:]}, {"a": s[:, :1], "b": s[:, 1:]}, regressor="linear")
    >>> {pair: abs(round(score.value, 1)) for pair, score in table.items()}
    {('a', 'a'): 1.0, ('a', 'b'): 0.0, ('b', 'a'): 0.0, ('b', 'b'): 1.0}
    """
    blocks = Blocks.of(estimate_blocks, truth_blocks, "block_r2", kinds)
    draws = DRAWS.get(regressor, 0) if nulls is None else nulls
    found = r2_of_pairs(blocks.codes, blocks.true, regressor, draws, seed)
    table: dict[tuple[str, str], Score] = {}
    for (estimated, name), (parts, null) in found.items():
        known = blocks.true[name]
        others = {kind for kind in known.kinds if kind != "continuous"}
        table[estimated, name] = Score(
            name=f"block_r2 {estimated}->{name}",
            value=float(parts.mean()),
            parts={factor: float(part) for factor, part in zip(known.names, parts, strict=True)},
            nulls={"permuted rows": Null.of(null)} if len(null) else {},
            n=blocks.rows,
            settings={
                "regressor": regressor,
                **({"kinds": " and ".join(sorted(set(known.kinds)))} if others else {}),
                "codes": blocks.codes[estimated].shape[1],
                "factors": len(known),
                "held_out": blocks.rows - blocks.rows // 2,
                "nulls": draws,
                "seed": seed,
            },
        )
    return table


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of codes and of true latents, checked, of the same rows."""

    codes: dict[str, np.ndarray]
    true: dict[str, Factors]
    rows: int

    @staticmethod
    def of(
        estimate_blocks: Mapping[str, Array],
        truth_blocks: Mapping[str, Array | Truth],
        who: str,
        kinds: Mapping[str, Kinds] | None,
    ) -> Blocks:
        """Check what was handed in; `who` is the metric that asks."""
        for name in kinds or {}:
            if name not in truth_blocks:
                raise unknown("true block in kinds=", name, truth_blocks)
        codes = {name: matrix(block, f"the estimate {name}".strip()) for name, block in estimate_blocks.items()}
        true = {
            name: factors(block, who, f"the truth {name}".strip(), (kinds or {}).get(name))
            for name, block in truth_blocks.items()
        }
        if not codes or not true:
            raise InputError(f"{who} needs at least one block of codes and one of true latents")
        rows = same_rows(
            {f"estimate {name}".strip(): block for name, block in codes.items()}
            | {f"truth {name}".strip(): block.values for name, block in true.items()}
        )
        return Blocks(codes, true, rows)


def r2_of_pairs(
    codes: Mapping[str, np.ndarray], true: Mapping[str, Factors], regressor: str, draws: int, seed: int
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Held-out R2 of every pair: (factors,) of the true latents, and (draws,) the means where the rows are permuted.

    All pairs share their halves and permutations, so the draws of several pairs may be combined one by one.
    """
    if regressor not in REGRESSORS:
        raise unknown("regressor", regressor, REGRESSORS)
    rows = len(next(iter(codes.values())))
    train, test = halves(rows, [seed, 0])
    rng = np.random.default_rng([seed, 1])
    orders = [np.arange(rows), *(rng.permutation(rows) for _ in range(draws))]
    targets = {name: scaled(block, train, test) for name, block in true.items()}
    permuted = [np.concatenate(each, axis=1)[order] for each in targets.values() for order in orders]

    found: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    for estimated, x in codes.items():
        # All targets of one block of codes, permuted ones included, share its one costly set of features.
        predictions = REGRESSORS[regressor](x[train], [t[train] for t in permuted], x[test], seed)
        for position, (name, each) in enumerate(targets.items()):
            starts = np.cumsum([0, *(columns.shape[1] for columns in each)])[:-1]
            own = slice(position * len(orders), (position + 1) * len(orders))
            pairs = zip(permuted[own], predictions[own], strict=True)
            parts, *null = (_r2(true[test], guess, starts) for true, guess in pairs)
            found[estimated, name] = parts, np.array([p.mean() for p in null])
    return found


def scaled(known: Factors, fit: np.ndarray, held: np.ndarray) -> list[np.ndarray]:
    """The columns that stand for each factor, at total variance one in the fitting half."""
    each = []
    for position, name in enumerate(known.names):
        columns = known.features(position)
        for rows, half in ((fit, "fitted"), (held, "scored")):
            if (columns[rows] == columns[rows[0]]).all():
                raise InputError(
                    f"'{name}' hardly varies: it is constant in the {half} half of the rows, so R2 has no meaning"
                )
        each.append(columns / np.sqrt(columns[fit].var(0).sum()))
    return each


def _r2(true: np.ndarray, predicted: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """R2 of each factor, pooled over its columns."""
    missed, spread = ((true - predicted) ** 2).sum(0), ((true - true.mean(0)) ** 2).sum(0)
    return 1.0 - np.add.reduceat(missed, starts) / np.add.reduceat(spread, starts)
