"""`score`: the metrics that the truth at hand allows, for every run at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from identikit.data import HIDDEN, Dataset, Truth, require_dataset
from identikit.errors import InputError, unknown
from identikit.metrics.block_r2 import block_table
from identikit.metrics.domain_probe import domain_probe
from identikit.metrics.inputs import Array, factors, to_numpy
from identikit.metrics.mcc import mcc
from identikit.metrics.result import Score
from identikit.metrics.retrieval import retrieval
from identikit.metrics.scorecard import Scorecard

Metric = Callable[[np.ndarray, Truth], Score]
"""A caller's own metric: from the codes (rows, codes) of one run and the truth to a score."""


class Encoder(Protocol):
    """What `score` needs of a fitted result: codes for every run, and how they are laid out."""

    @property
    def data(self) -> Dataset | None:
        """The data it was fitted on, where it still knows."""
        ...

    @property
    def blocks(self) -> Mapping[str, tuple[int, ...]]:
        """Positions of the codes of each named block."""
        ...

    @property
    def rule(self) -> str:
        """How the runs were chosen."""
        ...

    def encode(self, data: Dataset) -> Array:
        """Codes of shape (runs, rows, codes)."""
        ...


@dataclass(frozen=True)
class _Case:
    """One run's codes beside the truth of the same rows."""

    codes: np.ndarray
    blocks: Mapping[str, tuple[int, ...]]
    truth: Truth
    domain: np.ndarray | None


def score(
    estimate: Array | Encoder,
    truth: Truth | Array,
    metrics: Sequence[str | Metric] | None = None,
    part: str = "test",
    data: Dataset | None = None,
) -> Scorecard:
    """Score every run against the truth, each metric beside its nulls.

    Args:
        estimate: fitted runs, or codes of shape (rows, codes) or (runs, rows, codes) for all rows of the truth or for
            those of `part`.
        truth: what the world returned beside the data, or an array (rows, factors).
        metrics: names (`mcc`, `block_mcc`, `block_r2`, `domain_probe`, `retrieval`) or functions from (codes, truth)
            to a `Score`; None for every named one that the truth and the data allow.
        part: which rows are scored: `train`, `validation`, `test` or `all`. A truth without a split is scored whole.
        data: where `domain` comes from for codes that are an array; for runs, the data to encode in place of theirs.

    Returns:
        A scorecard. `mcc` is over all continuous latents. For each block of the truth: `mcc BLOCK any` by all codes,
        and `mcc BLOCK own` by its own where the codes name it too; `block_r2 A->B` of codes A and latents B (kernel).
        `domain_probe BLOCK` needs two domains in the field `domain`, and `retrieval BLOCK` also a discrete latent
        `concept`. Where no block of codes shares its name with a true block, all codes stand as the block `codes`.

    Raises:
        InputError: rows that do not belong together, swapped arguments, a metric that cannot be computed here.

    >>> s = np.random.default_rng(0).normal(size=(200, 2))
    >>> print(score(-s, s, metrics=["mcc"], part="all"))
    1 run, rule: as given, all rows, N=200, identikit ...
    metric  mean  low..high   null                              reference                           settings
    mcc     1.00  1.00..1.00  permuted rows 0.04..0.14 (above)  random rotation 0.72..1.00 (above)  spearman, ...
    """
    if isinstance(estimate, Truth):
        raise InputError("the estimate is a Truth: score takes (estimate, truth), in that order")
    if isinstance(truth, Dataset) or hasattr(truth, "encode"):
        raise InputError(f"the truth is a {type(truth).__name__}: score takes (estimate, truth), in that order")
    if not isinstance(truth, Truth):
        known = factors(truth, "score")
        truth = Truth(known.values, known.names, known.kinds)
    if data is not None:
        require_dataset(data, "score")

    blocks: Mapping[str, tuple[int, ...]] = {}
    rule = "as given"
    if isinstance(estimate, np.ndarray | torch.Tensor | Sequence):
        codes = to_numpy(estimate, "the estimate")
        codes = codes[None] if codes.ndim == 2 else codes
        if codes.ndim != 3:
            raise InputError(f"codes have shape (rows, codes) or (runs, rows, codes), not {tuple(codes.shape)}")
        codes, truth, data, part = _rows_of_arrays(codes, truth, data, part)
    elif hasattr(estimate, "encode"):
        codes, truth, data = _rows_of_runs(estimate, truth, data, part)
        blocks, rule = estimate.blocks, estimate.rule
    else:
        raise InputError(
            f"the estimate is a {type(estimate).__name__}, and score takes fitted runs or an array of codes"
        )

    if len(codes) > 1:
        for position, run in enumerate(codes):
            if not np.isfinite(run).all():
                raise InputError(f"run {position} has NaN or infinite codes: score the other runs without it")
    domain = None if data is None else _domain(data)
    runs = tuple(tuple(_scores(_Case(run, blocks, truth, domain), metrics)) for run in codes)
    return Scorecard(runs, rule, part, truth.rows)


def _rows_of_runs(runs: Encoder, truth: Truth, data: Dataset | None, part: str) -> tuple[np.ndarray, Truth, Dataset]:
    """Encode the rows of `part`, and take the same rows of the truth."""
    data = data if data is not None else runs.data
    if data is None:
        raise InputError("these runs no longer hold their data: pass it as data=")
    if data.rows != truth.rows:
        raise InputError(
            f"lengths differ: the data has {data.rows} rows and the truth {truth.rows}, and both must be of one sample"
        )
    if truth.split is not None and not np.array_equal(truth.split, data.split):
        raise InputError("the truth and the data split their rows differently, so they are not of one sample")
    rows = data.index(part)
    _check_part(rows, part)
    data, truth = data.take(rows), truth.take(rows)
    codes = to_numpy(runs.encode(data), "the encoded data")
    if codes.ndim != 3 or codes.shape[1] != truth.rows:
        raise InputError(f"encode must return (runs, {truth.rows} rows, codes), and returned {tuple(codes.shape)}")
    return codes, truth, data


def _rows_of_arrays(
    codes: np.ndarray, truth: Truth, data: Dataset | None, part: str
) -> tuple[np.ndarray, Truth, Dataset | None, str]:
    """Take the rows of `part` of everything that holds all rows."""
    total = truth.rows
    if truth.split is None:
        rows, part = np.arange(total), "all"
    else:
        rows = truth.index(part)
        _check_part(rows, part)
    if codes.shape[1] not in (total, len(rows)):
        wanted = f"{total}" if len(rows) == total else f"{total} ({len(rows)} of them {part})"
        raise InputError(f"lengths differ: the estimate has {codes.shape[1]} rows and the truth has {wanted}")
    if data is not None and data.rows not in (total, len(rows)):
        raise InputError(f"lengths differ: the data has {data.rows} rows and the truth has {total}")
    if codes.shape[1] == total:
        codes = codes[:, rows]
    if data is not None and data.rows == total:
        data = data.take(rows)
    return codes, truth.take(rows), data, part


def _domain(data: Dataset) -> np.ndarray | None:
    """The name of each row's domain; None where there are not two, or where a row hides it."""
    if "domain" not in data.names or "domain" not in data:
        return None
    codes = data["domain"]
    if (codes == HIDDEN).any() or (codes == codes[0]).all():
        return None
    return np.asarray(data.names["domain"])[codes]


def _check_part(rows: np.ndarray, part: str) -> None:
    if not len(rows):
        raise InputError(f"there is no {part} row to score: name another part, or part='all'")


def _scores(case: _Case, metrics: Sequence[str | Metric] | None) -> Iterator[Score]:
    """All scores of one run: those asked for, or those that can be had."""
    found = 0
    for metric in METRICS if metrics is None else metrics:
        if callable(metric):
            results = [metric(case.codes, case.truth)]
            if not isinstance(results[0], Score):
                raise InputError(f"a metric must return a Score, and one returned a {type(results[0]).__name__}")
        elif metric in METRICS:
            compute, needs = METRICS[metric]
            results = list(compute(case))
            if metrics is not None and not results:
                raise InputError(f"{metric} cannot be computed here: it needs {needs}")
        else:
            raise unknown("metric", str(metric), METRICS)
        found += len(results)
        yield from results
    if not found:
        raise InputError("nothing can be scored: the truth holds no continuous latent, and the data no domain")


def _continuous(truth: Truth, positions: Sequence[int]) -> Truth | None:
    """The continuous latents among these positions; None where there is none."""
    kept = [i for i in positions if truth.kinds[i] == "continuous"]
    if not kept:
        return None
    return Truth(truth.latents[:, kept], tuple(truth.names[i] for i in kept), ("continuous",) * len(kept))


def _true_blocks(truth: Truth) -> dict[str, Truth]:
    """The continuous latents of each named block."""
    blocks = {name: _continuous(truth, positions) for name, positions in truth.blocks.items()}
    return {name: block for name, block in blocks.items() if block is not None}


def _code_blocks(case: _Case) -> dict[str, np.ndarray]:
    """The codes of each block; all of them where no block has a name."""
    return {name: case.codes[:, list(p)] for name, p in case.blocks.items() if p} or {"codes": case.codes}


def _mcc(case: _Case) -> Iterator[Score]:
    latents = _continuous(case.truth, range(len(case.truth.names)))
    if latents is not None:
        yield mcc(case.codes, latents)


def _block_mcc(case: _Case) -> Iterator[Score]:
    codes = _code_blocks(case)
    for name, block in _true_blocks(case.truth).items():
        if name in codes:
            yield replace(mcc(codes[name], block), name=f"mcc {name} own")
        yield replace(mcc(case.codes, block), name=f"mcc {name} any")


def _block_r2(case: _Case) -> Iterator[Score]:
    true, codes = _true_blocks(case.truth), _code_blocks(case)
    shared = [name for name in true if name in codes]
    if shared:
        true, codes = {name: true[name] for name in shared}, {name: codes[name] for name in shared}
    else:
        codes = {"codes": case.codes}
    latents = _continuous(case.truth, range(len(case.truth.names)))
    if latents is not None:
        yield from block_table(codes, true or {"latents": latents}).values()


def _domain_probe(case: _Case) -> Iterator[Score]:
    if case.domain is not None:
        concept = _concept(case.truth)
        for name, codes in _code_blocks(case).items():
            yield replace(domain_probe(codes, case.domain, together=concept), name=f"domain_probe {name}")


def _retrieval(case: _Case) -> Iterator[Score]:
    concept = _concept(case.truth)
    if case.domain is not None and concept is not None:
        for name, codes in _code_blocks(case).items():
            yield replace(retrieval(codes, concept, case.domain), name=f"retrieval {name}")


def _concept(truth: Truth) -> np.ndarray | None:
    """What each row shows, where the truth has a discrete latent of that name."""
    if "concept" not in truth.names:
        return None
    position = truth.names.index("concept")
    return truth.latents[:, position] if truth.kinds[position] == "discrete" else None


METRICS: dict[str, tuple[Callable[[_Case], Iterator[Score]], str]] = {
    "mcc": (_mcc, "a continuous latent in the truth"),
    "block_mcc": (_block_mcc, "a named block of continuous latents in the truth"),
    "block_r2": (_block_r2, "a continuous latent in the truth"),
    "domain_probe": (
        _domain_probe,
        "two domains in the data, hidden in no row; for codes that are an array, pass data=",
    ),
    "retrieval": (_retrieval, "a discrete latent 'concept' in the truth and two domains in the data"),
}
"""The metrics by name: how each is computed, and what it needs."""
