"""`score`: the metrics that the truth at hand allows, for every run at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch

from identikit.data import HIDDEN, Dataset, Truth, require_dataset
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, factors, matrix, to_numpy
from identikit.metrics.named import GROUPS, METRICS, QUICK, Case
from identikit.metrics.result import Score
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


def score(
    estimate: Array | Encoder,
    truth: Truth | Array,
    metrics: str | Sequence[str | Metric] | None = None,
    part: str = "test",
    data: Dataset | None = None,
    kinds: str | Sequence[str] | None = None,
) -> Scorecard:
    """Score every run against the truth, each metric beside its nulls.

    Args:
        estimate: fitted runs, or codes of shape (rows, codes) or (runs, rows, codes) for all rows of the truth or for
            those of `part`.
        truth: what the world returned beside the data, or an array (rows, factors).
        metrics: one name or several, or functions from (codes, truth) to a `Score`. Names are those of metrics (`mcc`,
            `block_mcc`, `block_r2`, `domain_probe`, `retrieval`, `block_leakage`, `subspace_r2`, `subspace_leakage`,
            `explained_share`, `dci`, `mig`, `sap`, `modularity`, `explicitness`, `info_mec`, `irs`, `factor_vae`,
            `beta_vae`) or of groups (`identifiability`, `disentanglement`, `all`). None for the first five, the quick
            ones, as far as the truth and the data allow.
        part: which rows are scored: `train`, `validation`, `test` or `all`. A truth without a split is scored whole.
        data: where `domain` comes from for codes that are an array; for runs, the data to encode in place of theirs.
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each. A
            `Truth` states its own.

    Returns:
        A scorecard. Metrics are over all latents, each treated by its kind; only a discrete latent with fewer than 10
        rows to a category says which thing a row shows, and is left to `retrieval` (as `concept`). For each block of
        the truth: `mcc BLOCK any` by all codes, and `mcc BLOCK own` by its own where the codes name it too;
        `block_r2 A->B` of codes A and latents B (kernel); `subspace_r2 BLOCK` of its own codes, or of all codes and
        latents where no block is named by both. `domain_probe BLOCK` needs two domains in the field `domain`, and
        `retrieval BLOCK` also a discrete latent `concept`. Where no block of codes shares its name with a true block,
        all codes stand as the block `codes`.

        A metric that was named refuses what it cannot treat. In a group, latents of such kinds are left out of it, and
        where it still cannot be computed it is left out itself: the card says why. Graphs, dictionaries and
        counterfactuals are no codes: call `shd`, `edge_f1`, `dictionary_mcc` and `counterfactual_error` yourself.

    Raises:
        InputError: rows that do not belong together, swapped arguments, a metric that cannot be computed here.

    >>> s = np.random.default_rng(0).normal(size=(200, 2))
    >>> print(score(-s, s, metrics=["mcc"], part="all"))
    1 run, rule: as given, all rows, N=200, identikit ...
    metric  mean  low..high   null                              reference                           settings
    mcc     1.00  1.00..1.00  permuted rows 0.04..0.14 (above)  random rotation 0.71..1.00 (above)  spearman, ...
    """
    if isinstance(estimate, Truth):
        raise InputError("the estimate is a Truth: score takes (estimate, truth), in that order")
    if isinstance(truth, Dataset) or hasattr(truth, "encode"):
        raise InputError(f"the truth is a {type(truth).__name__}: score takes (estimate, truth), in that order")
    if not isinstance(truth, Truth) or kinds is not None:
        known = factors(truth, "score", kinds=kinds)
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

    for position, run in enumerate(codes):
        if len(codes) > 1 and not np.isfinite(run).all():
            raise InputError(f"run {position} has NaN or infinite codes: score the other runs without it")
        matrix(run, "the estimate")
    domain = None if data is None else _domain(data)

    runs: list[list[Score]] = [[] for _ in codes]
    left_out: dict[str, str] = {}
    for metric, by_name in _wanted(metrics):
        cases = [Case(run, blocks, truth, domain, by_name) for run in codes]
        try:
            found = [_scores(metric, case) for case in cases]
        except InputError as reason:
            if metrics is None or by_name:
                raise
            left_out[str(metric)] = str(reason)
            continue
        if not found[0] and metrics is not None:
            why = f"it needs {METRICS[str(metric)][1]}"
            if by_name:
                raise InputError(f"{metric} cannot be computed here: {why}")
            left_out[str(metric)] = why
        for run, scores in zip(runs, found, strict=True):
            run += scores
    if not runs[0]:
        raise InputError("nothing can be scored: the truth holds no latent that is a factor, and the data no domain")
    return Scorecard(tuple(map(tuple, runs)), rule, part, truth.rows, left_out)


def _wanted(metrics: str | Sequence[str | Metric] | None) -> list[tuple[str | Metric, bool]]:
    """Each metric once, and whether it was asked for by its own name."""
    if metrics is None:
        return [(name, False) for name in QUICK]
    wanted: dict[str | Metric, bool] = {}
    for metric in [metrics] if isinstance(metrics, str) else metrics:
        if not callable(metric) and metric not in METRICS and metric not in GROUPS:
            raise unknown("metric", str(metric), [*METRICS, *GROUPS])
        grouped = not callable(metric) and metric in GROUPS
        for each in GROUPS[str(metric)] if grouped else [metric]:
            wanted[each] = wanted.get(each, False) or not grouped
    return list(wanted.items())


def _scores(metric: str | Metric, case: Case) -> list[Score]:
    """The scores of one metric for one run; none where there is nothing that it is about."""
    if isinstance(metric, str):
        return list(METRICS[metric][0](case))
    found = metric(case.codes, case.truth)
    if not isinstance(found, Score):
        raise InputError(f"a metric must return a Score, and one returned a {type(found).__name__}")
    return [found]


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
