"""Directions of the edges of a skeleton: v-structures, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations


def oriented(
    count: int,
    ties: Iterable[frozenset[int]],
    apart: Mapping[frozenset[int], tuple[int, ...]],
    sinks: Iterable[int] = (),
) -> list[tuple[int, int, bool]]:
    """Give the edges of a skeleton the directions that its separating sets imply.

    Args:
        count: number of nodes.
        ties: the pairs that are joined.
        apart: what separates each pair that is not; a pair without an entry is not used.
        sinks: nodes that have no child.

    Returns:
        (one, other, whether it is directed from one to the other) for each pair.

    Source: Meek, Causal Inference and Causal Explanation with Background Knowledge, 1995, rules 1 to 3.

    >>> oriented(3, [frozenset((0, 2)), frozenset((1, 2))], {frozenset((0, 1)): ()})
    [(0, 2, True), (1, 2, True)]
    """
    ties, sinks = set(ties), set(sinks)
    ways: set[tuple[int, int]] = set()

    def near(a: int, b: int) -> bool:
        return frozenset((a, b)) in ties

    def point(a: int, b: int) -> bool:
        """Direct a -> b, unless that contradicts a sink or an earlier direction, or closes a cycle."""
        if not near(a, b) or (a, b) in ways or (b, a) in ways or a in sinks or _reaches(ways, b, a):
            return False
        ways.add((a, b))
        return True

    for sink in sorted(sinks):
        for a in range(count):
            point(a, sink)
    for c in range(count):
        for a, b in combinations(range(count), 2):
            between = apart.get(frozenset((a, b)))
            if between is not None and c not in between and near(a, c) and near(b, c) and c not in sinks:
                point(a, c)
                point(b, c)
    changed = True
    while changed:
        changed = False
        for b, c in [pair for tie in sorted(ties, key=sorted) for pair in (tuple(tie), tuple(tie)[::-1])]:
            if (b, c) in ways or (c, b) in ways:
                continue
            into = [a for a in range(count) if (a, b) in ways]
            through = [a for a in range(count) if (b, a) in ways and (a, c) in ways]
            open_ = [a for a in range(count) if near(a, b) and (a, b) not in ways and (b, a) not in ways]
            collide = [a for a in open_ if (a, c) in ways]
            if (
                any(not near(a, c) and a != c for a in into)
                or through
                or any(not near(a, d) for a, d in combinations(collide, 2))
            ):
                changed |= point(b, c)
    found = []
    for a, b in sorted(tuple(sorted(tie)) for tie in ties):
        directed = (a, b) in ways or (b, a) in ways
        found.append((b, a, True) if (b, a) in ways else (a, b, directed))
    return found


def _reaches(ways: set[tuple[int, int]], start: int, end: int) -> bool:
    left, seen = [start], set()
    while left:
        node = left.pop()
        if node == end:
            return True
        seen.add(node)
        left += [b for a, b in ways if a == node and b not in seen]
    return False
