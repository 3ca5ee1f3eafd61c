"""SHD and edge scores: how far an estimated graph is from the true one, once its nodes are matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.cpdag import adjacency, cpdag, cycle, describe
from identikit.metrics.inputs import Array
from identikit.metrics.mcc import Match
from identikit.metrics.result import Null, Score

Matching: TypeAlias = Match | Mapping[str, int] | Sequence[int] | np.ndarray


def align_graph(estimated: Array, matching: Matching, names: Sequence[str] | None = None) -> np.ndarray:
    """Return an estimated graph with its nodes in the order of the true ones.

    Args:
        estimated: (codes, codes) 0/1 array, entry (i, j) for an edge from code i to code j.
        matching: the code of each true node, -1 for none: a `Match`, a sequence (true nodes,), or by name, as in
            `mcc(...).settings["matching"]`.
        names: of the true nodes, for a matching by name; None for `factor 0`, `factor 1`, ..., as `mcc` names them.

    Returns:
        (nodes, nodes) array of int8: first the true nodes, where one without a code has no edge; then the codes that
        stand for no true node, in their order.

    Raises:
        InputError: not a square 0/1 array, a code that does not exist or is matched twice, an unknown name.

    >>> align_graph(np.array([[0, 0], [1, 0]]), [1, 0]).tolist()
    [[0, 1], [0, 0]]
    """
    graph = adjacency(estimated, "the estimated graph")
    codes = _codes(matching, names, len(graph))
    order = np.concatenate([codes, np.setdiff1d(np.arange(len(graph)), codes)])
    aligned = graph[np.ix_(order, order)]
    aligned[order < 0] = 0
    aligned[:, order < 0] = 0
    return aligned


def shd(
    estimated: Array,
    true: Array | Truth,
    matching: Matching | None = None,
    equivalence: bool = False,
    nulls: int = 20,
    seed: int = 0,
) -> Score:
    r"""Structural Hamming distance: the number of node pairs that are tied differently in two graphs.

    $$\mathrm{SHD} = \#\{i \le j : (A_{ij}, A_{ji}) \ne (B_{ij}, B_{ji})\}$$

    Each pair counts once, so a reversed edge is one error, and a node with itself is a pair, so a wrong self-loop is
    one as well. Smaller is better, and 0 is the same graph.

    Args:
        estimated: (nodes, nodes) 0/1 array, entry (i, j) for an edge from i to j; an undirected edge is both entries.
        true: the same, or a `Truth` that knows its graph.
        matching: which estimated node stands for which true one, as in `align_graph`; None where both have the same
            nodes in the same order. The edges of estimated nodes that stand for none are extra, those of true nodes
            without one are missing. It is fitted on the latents, never on the graphs.
        equivalence: whether the CPDAGs are compared, which do not tell apart what observations alone cannot.
        nulls: draws of each null; 0 for none.
        seed: of the nulls.

    Returns:
        The count. Parts that add up to it: `missing`, `extra`, `reversed` (tied in both, in different directions) and
        `self-loops`; and beside them the other convention, `differing entries`, in which a reversed edge is two. Nulls:
        `permuted nodes` (the same graph on nodes named at random), `random graph` (as many edges as estimated, acyclic
        where the estimate is) and `empty graph`, which in a sparse world is often a low distance.

    Raises:
        InputError: not a square 0/1 array, numbers of nodes that differ without a matching, a cycle where a CPDAG is
            asked for, a `Truth` without a graph.

    Source: Tsamardinos, Brown and Aliferis, The Max-Min Hill-Climbing Bayesian Network Structure Learning Algorithm,
    2006.

    >>> chain, collider = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]), np.array([[0, 1, 0], [0, 0, 0], [0, 1, 0]])
    >>> shd(collider, chain).value, shd(collider, chain).parts["reversed"]
    (1.0, 1.0)
    >>> fork = np.array([[0, 0, 0], [1, 0, 1], [0, 0, 0]])
    >>> shd(fork, chain, equivalence=True).value, shd(collider, chain, equivalence=True).value
    (0.0, 2.0)
    """
    guess, known, about = _pair("shd", estimated, true, matching)
    if equivalence:
        _refuse_cycle("estimated", guess)
        _refuse_cycle("true", known)
    form: Callable[[np.ndarray], np.ndarray] = cpdag if equivalence else np.asarray
    target = form(known)

    def count(graph: np.ndarray) -> float:
        return float(sum(_errors(form(graph), target)))

    parts = dict(zip(("missing", "extra", "reversed", "self-loops"), _errors(form(guess), target), strict=True))
    return Score(
        name="shd",
        value=float(sum(parts.values())),
        parts={**parts, "differing entries": float((form(guess) != target).sum())},
        nulls={
            **_nulls(guess, count, nulls, seed),
            "empty graph": Null.known(count(np.zeros_like(guess))),
        },
        n=len(known),
        settings={
            "compared": "equivalence classes" if equivalence else "graphs",
            "direction": "smaller is better",
            "nodes": about,
            "nulls": nulls,
            "seed": seed,
        },
    )


def edge_f1(
    estimated: Array, true: Array | Truth, matching: Matching | None = None, nulls: int = 20, seed: int = 0
) -> Score:
    r"""F1 of the directed edges of an estimated graph.

    $$F_1 = \frac{2 P R}{P + R}, \quad P = \frac{\#(\hat E \cap E)}{\#\hat E}, \quad R = \frac{\#(\hat E \cap E)}{\#E}$$

    where an edge is an entry (i, j) that is 1, and for the skeleton a pair i <= j that is tied in either direction.
    Where there is nothing to divide by, a share is 1 if both graphs are empty and 0 otherwise.

    Args:
        estimated: as in `shd`.
        true: as in `shd`.
        matching: as in `shd`.
        nulls: draws of each null; 0 for none.
        seed: of the nulls.

    Returns:
        The F1 of the directed edges. Parts: `precision`, `recall`, and `skeleton precision`, `skeleton recall`,
        `skeleton f1`, which do not ask for the direction. Nulls: `permuted nodes` and `random graph` as in `shd`, and
        `complete graph`, which finds every edge and is the F1 of no knowledge at all.

    Raises:
        InputError: as `shd`.

    >>> score = edge_f1(np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]]), np.array([[0, 1, 0], [0, 0, 0], [1, 0, 0]]))
    >>> score.value, score.parts["skeleton f1"]
    (0.5, 1.0)
    """
    guess, known, about = _pair("edge_f1", estimated, true, matching)
    precision, recall, value = _f1(guess, known)
    skeletons = _f1(_skeleton(guess), _skeleton(known))
    complete = 1 - np.eye(len(guess), dtype=np.int8)
    return Score(
        name="edge_f1",
        value=value,
        parts={
            "precision": precision,
            "recall": recall,
            **dict(zip(("skeleton precision", "skeleton recall", "skeleton f1"), skeletons, strict=True)),
        },
        nulls={
            **_nulls(guess, lambda graph: _f1(graph, known)[2], nulls, seed),
            "complete graph": Null.known(_f1(complete, known)[2]),
        },
        n=len(known),
        settings={"nodes": about, "nulls": nulls, "seed": seed},
    )


def _pair(
    who: str, estimated: Array, true: Array | Truth, matching: Matching | None
) -> tuple[np.ndarray, np.ndarray, str]:
    """Both graphs on the same nodes, in the same order, and what was matched in words."""
    names = None
    if isinstance(true, Truth):
        if true.graph is None:
            raise InputError(f"{who} needs the true graph, and this truth does not know it")
        names, true = true.names, true.graph
    known, guess = adjacency(true, "the true graph"), adjacency(estimated, "the estimated graph")
    about = f"{len(known)} true by {len(guess)} estimated nodes"
    if matching is None:
        if len(known) != len(guess):
            raise InputError(
                f"numbers of nodes differ: the estimated graph has {len(guess)} and the true graph {len(known)}; "
                "say with matching= which stands for which"
            )
        return guess, known, about
    codes = _codes(matching, names or tuple(f"factor {i}" for i in range(len(known))), len(guess))
    if len(codes) != len(known):
        raise InputError(f"the matching is of {len(codes)} true nodes, and the true graph has {len(known)}")
    guess = align_graph(guess, codes)
    return guess, np.pad(known, (0, len(guess) - len(known))), about + ", matched"


def _codes(matching: Matching, names: Sequence[str] | None, codes: int) -> np.ndarray:
    """The code of each true node, -1 for none."""
    if isinstance(matching, Match):
        found = matching.codes
    elif isinstance(matching, Mapping):
        names = names or tuple(f"factor {i}" for i in range(max(len(matching), codes)))
        strange = [name for name in matching if name not in names]
        if strange:
            raise InputError(
                f"the matching names '{strange[0]}', which is none of the true nodes ({', '.join(names)}): "
                "give it as the sequence of codes"
            )
        found = np.array([matching.get(name, -1) for name in names])
    else:
        found = np.asarray(matching)
    if found.ndim != 1 or found.dtype.kind not in "iu" or (len(found) and not -1 <= found.min() <= found.max() < codes):
        raise InputError(f"the matching must hold one code below {codes} for each true node (-1: none), not {found}")
    used = found[found >= 0]
    if len(np.unique(used)) < len(used):
        raise InputError("the matching gives one code to two true nodes")
    return found


def _refuse_cycle(which: str, graph: np.ndarray) -> None:
    found = cycle(graph)
    if found:
        raise InputError(
            f"the {which} graph has the cycle {describe(found)} (nodes as matched), and only a graph without cycles "
            "has an equivalence class: use equivalence=False"
        )


def _errors(guess: np.ndarray, known: np.ndarray) -> tuple[float, float, float, float]:
    """Numbers of pairs that are missing, extra, and tied in another direction, and of wrong self-loops."""
    differ = np.triu((guess != known) | (guess != known).T, 1)
    tied, tied_known = (guess | guess.T) > 0, (known | known.T) > 0
    counts = [(differ & tied_known & ~tied), (differ & tied & ~tied_known), (differ & tied & tied_known)]
    missing, extra, turned = (float(wrong.sum()) for wrong in counts)
    return missing, extra, turned, float((guess.diagonal() != known.diagonal()).sum())


def _skeleton(graph: np.ndarray) -> np.ndarray:
    return np.triu(graph | graph.T)


def _f1(guess: np.ndarray, known: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 of the entries that are 1."""
    hits, found, wanted = int((guess & known).sum()), int(guess.sum()), int(known.sum())
    if found == wanted == 0:
        return 1.0, 1.0, 1.0
    return hits / found if found else 0.0, hits / wanted if wanted else 0.0, 2 * hits / (found + wanted)


def _nulls(graph: np.ndarray, count: Callable[[np.ndarray], float], draws: int, seed: int) -> dict[str, Null]:
    """The values of a graph on nodes named at random, and of random graphs with as many edges."""
    if not draws:
        return {}
    rng = np.random.default_rng([seed, 1])
    orders = [rng.permutation(len(graph)) for _ in range(draws)]
    random = _random_graphs(graph, rng)
    return {
        "permuted nodes": Null.of([count(graph[np.ix_(order, order)]) for order in orders]),
        "random graph": Null.of([count(random()) for _ in range(draws)]),
    }


def _random_graphs(graph: np.ndarray, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """A function that draws graphs with as many edges, acyclic where the given one is."""
    size = len(graph)
    acyclic = not cycle(graph)
    # Self-loops may be drawn only where the estimate holds some.
    allowed = np.triu(np.ones((size, size), dtype=bool), 1)
    if not acyclic:
        allowed = allowed | allowed.T | bool(graph.diagonal().any())
    places = np.flatnonzero(allowed)

    def draw() -> np.ndarray:
        drawn = np.zeros(size * size, dtype=np.int8)
        drawn[rng.choice(places, int(graph.sum()), replace=False)] = 1
        order = rng.permutation(size)
        return drawn.reshape(size, size)[np.ix_(order, order)]

    return draw
