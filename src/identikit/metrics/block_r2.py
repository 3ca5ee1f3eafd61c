"""Block R2: how much of a block of true latents a block of codes predicts on rows it was not fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, factors, halves, matrix, same_rows
from identikit.metrics.regressors import DRAWS, REGRESSORS
from identikit.metrics.result import Null, Score


def block_r2(
    estimate: Array, truth: Array | Truth, regressor: str = "kernel", nulls: int | None = None, seed: int = 0
) -> Score:
    r"""Held-out R2 of predicting a block of true latents from a block of codes.

    $$R^2 = \frac{1}{b} \sum_{j=1}^{b} \left(1 - \sum_t (s_{tj} - f_j(z_t))^2 / \sum_t (s_{tj} - \bar s_j)^2\right)$$

    over the rows t of a random half, with f fitted on the other half. Negative values are reported as they are.

    Args:
        estimate: (rows, codes) of one block.
        truth: (rows, factors) of one block, or a `Truth` of continuous latents.
        regressor: `kernel` (RBF kernel ridge, width and ridge chosen on the fitting half), `linear` or `mlp`.
        nulls: draws of the null; None for 20, or 3 for the slow `mlp`; 0 for none.
        seed: of the halves, the landmarks, the network and the null.

    Returns:
        A score of at most 1, with the R2 of each true latent, and the null `permuted rows`, for which every choice is
        made anew.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant latent, a latent that is not continuous,
            fewer than 10 rows.

    Source: block-identifiability after von Kugelgen et al., Self-Supervised Learning with Data Augmentations Provably
    Isolates Content from Style, 2021.

    >>> rng = np.random.default_rng(0)
    >>> content, style = rng.normal(size=(400, 2)), rng.normal(size=(400, 1))
    >>> code = np.stack([content[:, 0] + content[:, 1], np.tanh(content[:, 0] - content[:, 1])], axis=1)
    >>> bool(block_r2(code, content).value > 0.95), bool(block_r2(code, style).value < 0.05)
    (True, True)
    """
    return replace(block_table({"": estimate}, {"": truth}, regressor, nulls, seed)["", ""], name="block_r2")


def block_table(
    estimate_blocks: Mapping[str, Array],
    truth_blocks: Mapping[str, Array | Truth],
    regressor: str = "kernel",
    nulls: int | None = None,
    seed: int = 0,
) -> dict[tuple[str, str], Score]:
    """Block R2 of every block of codes against every block of true latents.

    A block-identified representation has a large R2 where the names agree and none beyond the null elsewhere, unless
    the true blocks themselves depend on each other: `block_table(truth_blocks, truth_blocks)` says how much.

    Args:
        estimate_blocks: (rows, codes) of each block of codes, by name.
        truth_blocks: (rows, factors) of each block of latents, or a `Truth`, by name.
        regressor: as in `block_r2`.
        nulls: as in `block_r2`.
        seed: as in `block_r2`.

    Returns:
        The score of each pair (block of codes, block of latents); each equals `block_r2` of that pair.

    Raises:
        InputError: as `block_r2`.

    >>> s = np.random.default_rng(0).normal(size=(200, 2))
    >>> table = block_table({"a": s[:, :1], "b": s[:, 1:]}, {"a": s[:, :1], "b": s[:, 1:]}, regressor="linear")
    >>> {pair: abs(round(score.value, 1)) for pair, score in table.items()}
    {('a', 'a'): 1.0, ('a', 'b'): 0.0, ('b', 'a'): 0.0, ('b', 'b'): 1.0}
    """
    if regressor not in REGRESSORS:
        raise unknown("regressor", regressor, REGRESSORS)
    draws = DRAWS[regressor] if nulls is None else nulls
    codes = {name: matrix(block, f"the estimate {name}".strip()) for name, block in estimate_blocks.items()}
    true: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {}
    for name, block in truth_blocks.items():
        known = factors(block, "block_r2", f"the truth {name}".strip(), takes=("continuous",))
        true[name] = known.values, known.names
    if not codes or not true:
        raise InputError("block_r2 needs at least one block of codes and one of true latents")
    rows = same_rows(
        {f"estimate {name}".strip(): block for name, block in codes.items()}
        | {f"truth {name}".strip(): block for name, (block, _) in true.items()}
    )
    train, test = halves(rows, [seed, 0])
    rng = np.random.default_rng([seed, 1])
    orders = [np.arange(rows), *(rng.permutation(rows) for _ in range(draws))]
    targets = [block[order] for block, _ in true.values() for order in orders]
    for block, names in true.values():
        _check_varies(block, names, train, test)

    table: dict[tuple[str, str], Score] = {}
    for estimated, x in codes.items():
        # All targets of one block of codes, permuted ones included, share its one costly set of features.
        predictions = REGRESSORS[regressor](x[train], [t[train] for t in targets], x[test], seed)
        r2 = [_r2(target[test], guess) for target, guess in zip(targets, predictions, strict=True)]
        for position, (name, (block, names)) in enumerate(true.items()):
            parts, *null = r2[position * len(orders) : (position + 1) * len(orders)]
            table[estimated, name] = Score(
                name=f"block_r2 {estimated}->{name}",
                value=float(parts.mean()),
                parts={factor: float(part) for factor, part in zip(names, parts, strict=True)},
                nulls={"permuted rows": Null.of([float(p.mean()) for p in null])} if null else {},
                n=rows,
                settings={
                    "regressor": regressor,
                    "codes": x.shape[1],
                    "factors": block.shape[1],
                    "held_out": len(test),
                    "nulls": draws,
                    "seed": seed,
                },
            )
    return table


def _r2(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """R2 of each column."""
    return 1.0 - ((true - predicted) ** 2).sum(0) / ((true - true.mean(0)) ** 2).sum(0)


def _check_varies(block: np.ndarray, names: tuple[str, ...], train: np.ndarray, test: np.ndarray) -> None:
    for rows, half in ((train, "fitted"), (test, "scored")):
        constant = (block[rows] == block[rows[0]]).all(0)
        if constant.any():
            name = names[int(constant.argmax())]
            raise InputError(
                f"'{name}' hardly varies: it is constant in the {half} half of the rows, so R2 has no meaning"
            )
