"""The smallest sets of latents that separate two groups of leaves of a graph, and what both groups tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from identikit.errors import InputError, unknown
from identikit.worlds.hierarchy_graphs import HierarchyGraph


class Separation:
    """A graph made ready for many questions about which latents two groups of its leaves share.

    Sets of latents are whole numbers, with bit i for latent i of `names`.

    Args:
        graph: with its latents and its leaves.
        sizes: how many numbers a latent holds, by name; 1 where it is left out.

    Raises:
        InputError: a size of something that is no latent, or below 1.
    """

    def __init__(self, graph: HierarchyGraph, sizes: Mapping[str, int] | None = None) -> None:
        self.graph, self.names = graph, graph.latents
        for name, size in (sizes or {}).items():
            if name not in self.names:
                raise unknown("latent", name, self.names)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise InputError(f"the size of '{name}' is a whole number from 1, not {size!r}")
        self.sizes = [(sizes or {}).get(name, 1) for name in self.names]
        self._place = {name: i for i, name in enumerate(self.names)}
        self._near: dict[int, list[int]] = {}

    @cached_property
    def above(self) -> dict[str, int]:
        """The latents above each node; a latent stands above itself."""
        found: dict[str, int] = {}
        for name in self.graph.order:
            own = 1 << self._place[name] if name in self._place else 0
            found[name] = own | self.joined(found[parent] for parent in self.graph.parents_of(name))
        return found

    @cached_property
    def below(self) -> list[int]:
        """The latents that are children of each latent."""
        children = [self.graph.children(name) for name in self.names]
        return [self.bits(child for child in group if child in self._place) for group in children]

    def named(self, latents: int) -> tuple[str, ...]:
        """The names of a set of latents, higher ones first where one causes the other."""
        return tuple(self.names[i] for i in ones(latents))

    def bits(self, names: Iterable[str]) -> int:
        """The set of some latents."""
        return self.joined(1 << self._place[name] for name in names)

    def lowest(self, hidden: Iterable[str], seen: Iterable[str]) -> int:
        """The latents above a leaf of each group that have no child of which this holds too."""
        both = self.joined(self.above[leaf] for leaf in hidden) & self.joined(self.above[leaf] for leaf in seen)
        return self.joined(1 << i for i in ones(both) if not self.below[i] & both)

    def cut(self, hidden: Iterable[str], seen: Iterable[str]) -> int:
        """The fewest numbers of latents that separate the groups.

        Where several sets do, it is one with the most numbers of common ancestors of both groups, which alone each of
        them can tell, and of those the nearest to the hidden group.

        Two groups are independent given latents among their ancestors if and only if these latents cut every way
        between them in the graph of those ancestors, in which the parents of each child are joined to it and to one
        another. A flow as large as possible, in which each latent lets through as much as it has numbers, finds them.
        """
        hidden, seen = tuple(hidden), tuple(seen)
        near = self._joined_up(self.joined(self.above[leaf] for leaf in (*hidden, *seen)), (*hidden, *seen))
        start, end = (self.bits(p for leaf in group for p in self.graph.parents_of(leaf)) for group in (hidden, seen))
        both = self.joined(self.above[leaf] for leaf in hidden) & self.joined(self.above[leaf] for leaf in seen)
        # All numbers of latents that are no common ancestors weigh less together than one more number in the cut.
        weights = [s * (sum(self.sizes) + 1) + s * (not both >> i & 1) for i, s in enumerate(self.sizes)]
        return least_cut(near, weights, start, end)

    def _joined_up(self, ancestors: int, leaves: tuple[str, ...]) -> list[int]:
        """The neighbours of each latent in the graph of the ancestors, with the parents of each child joined."""
        key = ancestors if len(leaves) == len(self.graph.leaves) else -1
        if key in self._near:
            return self._near[key]
        near = [0] * len(self.names)
        for child in (*self.named(ancestors), *leaves):
            group = self.bits(self.graph.parents_of(child))
            group |= 1 << self._place[child] if child in self._place else 0
            for i in ones(group):
                near[i] |= group & ~(1 << i)
        if key >= 0:
            self._near[key] = near
        return near

    @staticmethod
    def joined(sets: Iterable[int]) -> int:
        """The union of sets."""
        found = 0
        for one in sets:
            found |= one
        return found


def ones(bits: int) -> Iterator[int]:
    """The positions of the bits that are set.

    >>> list(ones(0b1010))
    [1, 3]
    """
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def least_cut(near: list[int], capacity: list[int], start: int, end: int) -> int:
    """The nodes of least total capacity on every way from the start to the end, nearest to the start.

    Each node is split in two, with its capacity between its way in and its way out, and ways are filled one after
    another, the shortest first (Edmonds and Karp 1972). What can then still be reached from the start ends at the
    nodes that are full.

    Args:
        near: the neighbours of each node, as bits.
        capacity: of each node.
        start: nodes where ways start, as bits; they can be cut too.
        end: nodes where ways end.

    Returns:
        The nodes of the cut, as bits.

    >>> chain = [0b010, 0b101, 0b010]
    >>> least_cut(chain, [2, 1, 1], start=0b001, end=0b100)
    2
    """
    left = list(capacity)
    sent: list[dict[int, int]] = [{} for _ in near]
    while True:
        # States are (node, side): side 0 before the node's capacity, side 1 behind it.
        came: dict[tuple[int, int], tuple[int, int] | None] = {(i, 0): None for i in ones(start)}
        queue, last = deque(came), None
        while queue:
            node, side = state = queue.popleft()
            if side:
                if end >> node & 1:
                    last = state
                    break
                on = [(j, 0) for j in ones(near[node])]
                back = left[node] < capacity[node]
            else:
                on = [(j, 1) for j in ones(near[node]) if sent[j].get(node, 0)]
                back = left[node] > 0
            for step in [*on, (node, 1 - side)] if back else on:
                if step not in came:
                    came[step] = state
                    queue.append(step)
        if last is None:
            return Separation.joined(1 << i for i, side in came if not side and (i, 1) not in came)
        way = [last]
        while (before := came[way[-1]]) is not None:
            way.append(before)
        steps = list(zip(way[1:], way, strict=False))
        amount = min(_room(a, b, left, capacity, sent) for a, b in steps)
        for (a, side), (b, _) in steps:
            if a == b:
                left[a] += amount if side else -amount
            elif side:
                sent[a][b] = sent[a].get(b, 0) + amount
            else:
                sent[b][a] -= amount


def _room(
    a: tuple[int, int], b: tuple[int, int], left: list[int], capacity: list[int], sent: list[dict[int, int]]
) -> int:
    """How much more can go from one state to the next; between neighbours more than all nodes let through."""
    if a[0] == b[0]:
        return capacity[a[0]] - left[a[0]] if a[1] else left[a[0]]
    return sum(capacity) if a[1] else sent[b[0]][a[0]]
