"""Retrieval: how often the same concept, seen in another domain, is the nearest code there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError, unknown
from identikit.metrics.inputs import Array, groups, matrix, same_rows
from identikit.metrics.result import Null, Score

DISTANCES = ("cosine", "euclidean")
CELLS = 4_000_000
"""Similarities held at a time (32 MB)."""


def retrieval(
    codes: Array,
    concept: Array | Sequence[str],
    domain: Array | Sequence[str],
    k: Sequence[int] = (1, 5),
    queries: Array | None = None,
    distance: str = "cosine",
    nulls: int = 20,
    seed: int = 0,
) -> Score:
    """Recall at k of finding each concept of one domain among the rows of another.

    For every ordered pair of domains (A, B): the share of queries in A whose own concept is among the k nearest rows
    of B. A row of another concept at the same distance counts as nearer, so a collapsed code scores 0.

    Args:
        codes: (rows, codes), one block or all.
        concept: (rows,) what each row shows, whole numbers or text.
        domain: (rows,) the domain of each row, whole numbers or text.
        k: the numbers of neighbours; the value is recall at the first.
        queries: row indices or a (rows,) boolean mask of the rows that are looked up, e.g. held-out ones; the gallery
            is always all rows. A query whose concept the other domain lacks is left out of that pair.
        distance: `cosine` or `euclidean`.
        nulls: draws of the null; 0 for none.
        seed: of the null.

    Returns:
        Recall at `k[0]`, the mean over pairs. Parts: each pair at `k[0]` (`noto->fluent`), and the mean at every other
        k (`recall@5`). Nulls: `permuted rows` (concepts permuted inside the gallery) and `chance` (k / gallery, where a
        concept is there once).

    Raises:
        InputError: lengths differ, NaN or infinite values, one domain, no query whose concept is in another domain.

    >>> codes = np.repeat(np.eye(6), 2, axis=0)
    >>> retrieval(codes, concept=np.repeat(np.arange(6), 2), domain=["noto", "fluent"] * 6).parts
    {'fluent->noto': 1.0, 'noto->fluent': 1.0, 'recall@5': 1.0}
    """
    if distance not in DISTANCES:
        raise unknown("distance", distance, DISTANCES)
    if isinstance(concept, Truth) or isinstance(domain, Truth):
        raise InputError("retrieval takes the concept and the domain of each row, not a Truth")
    block = matrix(codes, "the codes")
    concepts, _ = groups(concept, "the concept", fewest=2)
    domains, names = groups(domain, "the domain", fewest=2)
    rows = same_rows({"codes": block, "concept": concepts, "domain": domains})
    if not k or any(int(size) != size or size < 1 for size in k):
        raise InputError(f"k must hold whole numbers from 1, and is {tuple(k)}")
    asked = _mask(queries, rows)
    rng = np.random.default_rng(seed)

    recall: dict[str, list[float]] = {}
    chances, drawn, unanswerable = [], [], 0
    for a in range(len(names)):
        for b in range(len(names)):
            here, gallery = np.flatnonzero(asked & (domains == a)), np.flatnonzero(domains == b)
            if a == b:
                continue
            found = concepts[gallery]
            shared = np.bincount(found, minlength=concepts.max() + 1)[concepts[here]]
            unanswerable += int((shared == 0).sum())
            here, shared = here[shared > 0], shared[shared > 0]
            if not len(here):
                continue
            # Permuting the concepts of the gallery leaves its codes, and so the similarities, as they are.
            labels = [found, *(rng.permutation(found) for _ in range(nulls))]
            ahead = _ahead(block[here], block[gallery], concepts[here], labels, distance)
            recall[f"{names[a]}->{names[b]}"] = [float((ahead[0] < size).mean()) for size in k]
            drawn.append((ahead[1:] < k[0]).mean(1))
            chances.append(_chance(shared, len(gallery), int(k[0])))
    if not recall:
        raise InputError("no query has its concept in another domain: retrieval needs concepts that domains share")

    mean = np.mean(list(recall.values()), axis=0)
    permuted = {"permuted rows": Null.of(np.mean(drawn, axis=0))} if nulls else {}
    return Score(
        name="retrieval",
        value=float(mean[0]),
        parts={
            **{pair: values[0] for pair, values in recall.items()},
            **{f"recall@{size}": float(value) for size, value in zip(k[1:], mean[1:], strict=True)},
        },
        nulls={**permuted, "chance": Null.known(float(np.mean(chances)))},
        n=int(asked.sum()),
        settings={
            "distance": distance,
            "k": [int(size) for size in k],
            "codes": block.shape[1],
            "gallery": rows,
            "left_out": unanswerable,
            "nulls": nulls,
            "seed": seed,
        },
    )


def _mask(queries: Array | None, rows: int) -> np.ndarray:
    """The rows that are looked up, as a boolean mask."""
    mask = np.ones(rows, dtype=bool)
    if queries is None:
        return mask
    chosen = np.asarray(queries)
    if chosen.dtype == bool and chosen.shape == (rows,):
        return chosen
    if (
        chosen.ndim != 1
        or chosen.dtype.kind not in "iu"
        or (len(chosen) and not 0 <= chosen.min() <= chosen.max() < rows)
    ):
        raise InputError(f"queries must be row indices below {rows}, or a mask of {rows} rows")
    mask[:] = False
    mask[chosen] = True
    return mask


def _similarity(queries: np.ndarray, gallery: np.ndarray, distance: str) -> np.ndarray:
    """(queries, gallery) similarities: larger is nearer."""
    if distance == "euclidean":
        # The query's own length is the same for the whole gallery, and left out.
        return queries @ gallery.T - 0.5 * np.einsum("ij,ij->i", gallery, gallery)
    return _unit_rows(queries) @ _unit_rows(gallery).T


def _unit_rows(array: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(array, axis=1, keepdims=True)
    return array / np.where(length > 0, length, 1.0)


def _ahead(
    queries: np.ndarray, gallery: np.ndarray, wanted: np.ndarray, labels: list[np.ndarray], distance: str
) -> np.ndarray:
    """(labellings, queries): how many rows of other concepts are as near as the nearest row of the own, or nearer."""
    ahead = np.empty((len(labels), len(queries)), dtype=np.int64)
    step = max(1, CELLS // len(gallery))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        near = _similarity(queries[rows], gallery, distance)
        # Equal codes may differ in the last digits after the product, and must count as equal.
        slack = 1e-12 * np.abs(near).max()
        for position, label in enumerate(labels):
            own = wanted[rows, None] == label
            best = np.where(own, near, -np.inf).max(1, keepdims=True)
            ahead[position, rows] = (~own & (near >= best - slack)).sum(1)
    return ahead


def _chance(own: np.ndarray, gallery: int, k: int) -> float:
    """Chance that `k` random rows of the gallery hold one of the `own` rows of the query's concept."""
    missed = np.ones(len(own))
    for drawn in range(min(k, gallery)):
        missed *= np.maximum(gallery - own - drawn, 0) / (gallery - drawn)
    return float(1 - missed.mean())
