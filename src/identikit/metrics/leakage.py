"""What a block of codes tells of latents that it should not hold, and how far its span is the true one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.block_r2 import Blocks, Kinds, r2_of_pairs
from identikit.metrics.correlation import unit
from identikit.metrics.inputs import Array, Factors, factors, halves, matrix, same_rows
from identikit.metrics.regressors import DRAWS, standardise
from identikit.metrics.result import Null, Score


def block_leakage(
    estimate_blocks: Mapping[str, Array],
    truth_blocks: Mapping[str, Array | Truth],
    regressor: str = "kernel",
    nulls: int | None = None,
    seed: int = 0,
    kinds: Mapping[str, Kinds] | None = None,
) -> Score:
    r"""How much of the other true blocks each block of codes tells, beyond what its own true block tells of them.

    $$L = \mathrm{mean}_{a \neq b} \max\left(0,\; R^2(z_a \to s_b) - \max(0, R^2(s_a \to s_b))\right)$$

    with the held-out R2 of `block_r2`. Where true blocks depend on each other, codes that hold exactly their own block
    tell something of the others, and that is no fault: it is subtracted. So the truth leaks 0, codes that hold less
    than their block are not punished here, and codes that hold everything reach the null `everything leaks`.

    The difference is taken of what either tells alone, and not what z_a adds to s_a: codes with the faintest trace of
    s_b would give it away entirely to a reader who could first subtract the true s_a, which no reader of codes can.

    Args:
        estimate_blocks: (rows, codes) of each block of codes, by name.
        truth_blocks: (rows, factors) of each block of latents, or a `Truth`, by name; each block of codes needs its
            own, and there are at least two.
        regressor: as in `block_r2`.
        nulls: as in `block_r2`.
        seed: as in `block_r2`.
        kinds: as in `block_table`.

    Returns:
        A score from 0 (none) to 1, with the leakage of each ordered pair `a->b`, and two nulls: `permuted rows` (codes
        unrelated to any latent, what is subtracted staying as it is), and `everything leaks` (codes that tell every
        block fully), which is small where the true blocks all but determine each other.

    Raises:
        InputError: as `block_r2`; a block of codes without a true block of its name; a single true block.

    Source: cross-block R2 after von Kugelgen et al., Self-Supervised Learning with Data Augmentations Provably Isolates
    Content from Style, 2021; taking off what the true blocks tell of each other is this library's.

    >>> rng = np.random.default_rng(0)
    >>> truth = {"content": rng.normal(size=(400, 2)), "style": rng.normal(size=(400, 1))}
    >>> codes = {"content": truth["content"], "style": truth["style"] + truth["content"][:, :1]}
    >>> {pair: round(part, 1) for pair, part in block_leakage(codes, truth).parts.items()}
    {'content->style': 0.0, 'style->content': 0.2}
    """
    blocks = Blocks.of(estimate_blocks, truth_blocks, "block_leakage", kinds)
    for name in blocks.codes:
        if name not in blocks.true:
            raise InputError(
                f"block_leakage compares blocks of one name, and the codes '{name}' have no true block of that name"
                f" (true blocks: {', '.join(blocks.true)})"
            )
    if len(blocks.true) < 2:
        raise InputError("block_leakage needs at least two true blocks: with one there is nothing to leak into")
    draws = DRAWS.get(regressor, 0) if nulls is None else nulls

    found = r2_of_pairs(blocks.codes, blocks.true, regressor, draws, seed)
    own = {name: _columns(blocks.true[name]) for name in blocks.codes}
    allowed = {
        pair: max(0.0, float(parts.mean()))
        for pair, (parts, _) in r2_of_pairs(own, blocks.true, regressor, 0, seed).items()
        if pair[0] != pair[1]
    }
    parts = {f"{a}->{b}": max(0.0, float(found[a, b][0].mean()) - told) for (a, b), told in allowed.items()}
    nothing = np.mean([np.maximum(0.0, found[pair][1] - told) for pair, told in allowed.items()], axis=0)
    everything = float(np.mean([1.0 - told for told in allowed.values()]))
    return Score(
        name="block_leakage",
        value=float(np.mean(list(parts.values()))),
        parts=parts,
        nulls={"permuted rows": Null.of(nothing), "everything leaks": Null.known(everything)} if draws else {},
        n=blocks.rows,
        settings={
            "regressor": regressor,
            "beyond": "beyond the true blocks",
            "direction": "smaller is better",
            "true_cross_r2": {f"{a}->{b}": told for (a, b), told in allowed.items()},
            "kinds": {name: list(known.kinds) for name, known in blocks.true.items()},
            "codes": {name: block.shape[1] for name, block in blocks.codes.items()},
            "held_out": blocks.rows - blocks.rows // 2,
            "nulls": draws,
            "seed": seed,
        },
    )


def subspace_r2(estimate: Array, truth: Array | Truth, nulls: int = 20, seed: int = 0, kinds: Kinds = None) -> Score:
    r"""Share of the true span that lies in the span of the codes: the mean squared canonical correlation.

    $$R^2_{\mathrm{sub}} = \frac{1}{d} \sum_{k=1}^{d} \rho_k^2$$

    over the d dimensions of the truth, with the canonical directions fitted on one half of the rows and each pair
    correlated on the other; directions for which there are not enough codes count 0. It does not change under
    invertible affine maps of the codes or of the truth, so it is the score for claims of the kind "the subspace is
    identified", and stays blind to bent maps (see `block_r2`) and to what else the codes hold (see `subspace_leakage`).

    Args:
        estimate: (rows, codes) of one block.
        truth: (rows, factors) of one block, or a `Truth`. A circular factor spans the plane of its cosine and sine, a
            discrete one the span of its indicators.
        nulls: draws of the null; 0 for none.
        seed: of the halves and of the null.
        kinds: of the factors of an array, as in `mcc`.

    Returns:
        A score between 0 and 1, with the squared correlation of each direction, in the order of the fitting half, and
        the null `permuted rows`. A random rotation of the truth has the same span, so it is no reference here.

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, hidden categories, fewer than 10 rows.

    Source: Hotelling, Relations Between Two Sets of Variates, 1936; its mean square is the squared trace correlation of
    Hooper, Simultaneous Equations and Canonical Correlation Theory, 1959.

    >>> s = np.random.default_rng(0).normal(size=(400, 2))
    >>> round(subspace_r2(s @ [[1.0, 2.0], [-1.0, 1.0]], s).value, 2), round(subspace_r2(s[:, :1], s).value, 2)
    (1.0, 0.5)
    """
    return _subspace("subspace_r2", estimate, truth, nulls, seed, kinds)


def subspace_leakage(
    estimate: Array, truth: Array | Truth, nulls: int = 20, seed: int = 0, kinds: Kinds = None
) -> Score:
    r"""Share of the span of the codes outside the true span: one minus their mean squared canonical correlation.

    $$L_{\mathrm{sub}} = 1 - \frac{1}{m} \sum_{k=1}^{m} \rho_k^2$$

    over the m dimensions that the codes span on the fitting half (a code that repeats others adds none), with the
    canonical directions as in `subspace_r2`. Whatever is not linear in the true block counts: other latents, noise, and
    bends of its own latents.

    Args:
        estimate: as in `subspace_r2`.
        truth: as in `subspace_r2`.
        nulls: as in `subspace_r2`.
        seed: as in `subspace_r2`.
        kinds: as in `subspace_r2`.

    Returns:
        A score between 0 (none) and 1, with the leakage of each canonical direction of the codes, and the null
        `permuted rows`, which is near 1: codes unrelated to the truth lie outside it.

    Raises:
        InputError: as `subspace_r2`; codes that are all constant.

    >>> s = np.random.default_rng(0).normal(size=(400, 3))
    >>> round(subspace_leakage(s[:, :2], s[:, :2]).value, 2), round(subspace_leakage(s[:, :2], s[:, :1]).value, 2)
    (0.0, 0.5)
    """
    return _subspace("subspace_leakage", estimate, truth, nulls, seed, kinds)


def _subspace(name: str, estimate: Array, truth: Array | Truth, nulls: int, seed: int, kinds: Kinds) -> Score:
    codes, known = matrix(estimate, "the estimate"), factors(truth, name, kinds=kinds)
    rows, columns = same_rows({"estimate": codes, "truth": known.values}), _columns(known)
    fit, held = halves(rows, [seed, 0])
    codes_fit, codes_held = _white(codes[fit], codes[held])
    if name == "subspace_leakage" and not codes_fit.shape[1]:
        raise InputError("all codes are constant, so they span nothing that could leak")

    def parts(order: np.ndarray) -> np.ndarray:
        true_fit, true_held = _white(columns[order[fit]], columns[order[held]])
        left, _, right = np.linalg.svd(codes_fit.T @ true_fit, full_matrices=False)
        pairs = unit(codes_held @ left) * unit(true_held @ right.T)
        shared = np.minimum(pairs.sum(0) ** 2, 1.0)
        if name == "subspace_r2":
            return np.pad(shared, (0, true_fit.shape[1] - len(shared)))
        return 1.0 - np.pad(shared, (0, codes_fit.shape[1] - len(shared)))

    found = parts(np.arange(rows))
    rng = np.random.default_rng([seed, 1])
    null = [parts(rng.permutation(rows)).mean() for _ in range(nulls)]
    return Score(
        name=name,
        value=float(found.mean()),
        parts={f"direction {k}": float(part) for k, part in enumerate(found)},
        nulls={"permuted rows": Null.of(null)} if null else {},
        n=rows,
        settings={
            **({"direction": "smaller is better"} if name == "subspace_leakage" else {}),
            "directions": f"{len(known)} factors by {codes.shape[1]} codes, linear, fitted on one half",
            "kinds": list(known.kinds),
            "codes": codes.shape[1],
            "held_out": len(held),
            "nulls": nulls,
            "seed": seed,
        },
    )


def _columns(known: Factors) -> np.ndarray:
    """The columns of all factors side by side."""
    return np.concatenate([known.features(i) for i in range(len(known))], axis=1)


def _white(fit: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whiten both by the covariance of the first, without the directions in which that is empty."""
    fit, held = standardise(fit, held)
    variances, axes = np.linalg.eigh(fit.T @ fit / len(fit))
    kept = variances > 1e-10
    return fit @ axes[:, kept] / np.sqrt(variances[kept]), held @ axes[:, kept] / np.sqrt(variances[kept])
