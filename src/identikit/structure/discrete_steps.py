"""The steps of the search for discrete latents: groups of variables, latents above latents, edges, directions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from identikit.structure.discrete_parts import Part, Rows
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.orient import oriented
from identikit.structure.ranks import pair_ranks
from identikit.structure.search import Clock

_TRIPLES = 14
"""Variables up to which sets of three are tried."""
_KNOWN = 0.05
"""Level at which a latent that is there already is refused as what a new one would explain (chosen on draws of
`three levels` and of chains)."""


class Steps:
    """One search: its settings, what it has to say, and whether it was stopped.

    Args:
        rows: the data.
        states: number of states of each latent.
        alpha: level of every rank test.
        separators: largest number of latents that may separate two others.
        clock: when it is over, the steps that are left are skipped.
    """

    def __init__(self, rows: Rows, states: int, alpha: float, separators: int, clock: Clock) -> None:
        self.rows, self.states, self.alpha, self.separators, self.clock = rows, states, alpha, separators, clock
        self.notes: list[str] = []
        self.partial = False

    def graph(self) -> LatentGraph:
        """Take all steps."""
        parts = self._bottom()
        while True:
            above = [] if self.partial else self._above(parts, self._skeleton(parts, 0)[0])
            if not above:
                return self._drawn(parts, *self._skeleton(parts, self.separators))
            inside = {id(child) for part in above for child in part.children}
            parts = [*above, *(part for part in parts if id(part) not in inside)]

    def _bottom(self) -> list[Part]:
        """The groups of variables with the same latent parents, and the variables in no group."""
        rows, states = self.rows, self.rows.states
        single = [Part((i,), s) for i, s in enumerate(states)]
        if len(single) < 4:
            return [self._latent(single, 1, "the only one that the data can show")] if self._tied(single) else single
        bound = rows.size([self.states])
        if rows.linear:
            pairs = list(combinations(range(len(single)), 2))
            tests = [self._against_rest(single, pair, bound) for pair in pairs]
        else:
            found = pair_ranks(rows.codes, states, rows.weights * rows.count, [bound])
            pairs, tests = found[0], found[1].p[:, 0].tolist()
        # Variables that are independent of all others have no parent; with them every table has a low rank.
        alone = [i for i in range(len(single)) if self._alone(single, i) > self.alpha]
        near = {p: t for p, t in zip(pairs, tests, strict=True) if not set(p) & set(alone)}
        groups = _merged([i for i in range(len(single)) if i not in alone], near, self.alpha)
        left = [g[0] for g in groups if len(g) == 1]
        # With too few rows two variables with two parents can look as if they had one: they are tried again.
        again = sorted(i for g in groups if len(g) < 3 for i in g)
        if len(left) >= 4 and len(again) <= _TRIPLES:
            groups = [g for g in groups if len(g) > 2] + self._triples(single, again)
        elif len(left) >= 4:
            self.notes.append(f"{len(left)} variables are in no group of pairs, too many to try sets of three of them")
        made = []
        for group in groups:
            members = [single[i] for i in group]
            pairs = list(combinations(group, 2))
            two = sum(near[pair] > self.alpha for pair in pairs) <= len(pairs) / 2
            if len(group) > 1 + two:
                bound = rows.size([self.states] * (1 + two))
                p = [self._against_rest(single, chosen, bound) for chosen in combinations(group, 2 + two)]
                members = [self._latent(members, 1 + two, self._why(members, bound, float(np.median(p))))]
            made += members
        return [*made, *(single[i] for i in alone)]

    def _triples(self, single: list[Part], left: list[int]) -> list[list[int]]:
        """Groups of variables with the same two parents, of those that share none with a pair."""
        bound = self.rows.size([self.states] * 2)
        near: dict[tuple[int, int], list[float]] = {pair: [] for pair in combinations(left, 2)}
        for triple in combinations(left, 3):
            if self._late():
                break
            p = self._against_rest(single, triple, bound)
            for pair in combinations(triple, 2):
                near[pair].append(p)
        return _merged(left, {pair: float(np.median(p)) for pair, p in near.items() if p}, self.alpha)

    def _against_rest(self, parts: Sequence[Part], chosen: tuple[int, ...], rank: int) -> float:
        """p-value of a rank of the table of some parts with all others."""
        rows = self.rows
        others = [part for i, part in enumerate(parts) if i not in chosen]
        if all(not part.latents for part in others):
            rest = rows.summary([part.leaves[0] for part in others])
        else:
            rest = rows.beside([rows.look(part) for part in others])
        return rows.p_at_most([rows.look(parts[i]) for i in chosen], [rest], rank)

    def _skeleton(
        self, parts: list[Part], most: int
    ) -> tuple[set[frozenset[int]], dict[frozenset[int], tuple[int, ...]]]:
        """Pairs of parts that nothing separates, and what separates the others (PC's order-free search)."""
        ties = {frozenset(pair) for pair in combinations(range(len(parts)), 2)}
        apart: dict[frozenset[int], tuple[int, ...]] = {}
        for size in range(most + 1):
            before = set(ties)
            for tie in sorted(before, key=sorted):
                u, v = sorted(tie)
                around = {w for e in before if e & tie for w in e} - tie
                options = [w for w in sorted(around) if len(parts[w].children) > 1]
                for chosen in combinations(options, size):
                    if self._late():
                        return ties, apart
                    if self._separated(parts[u], parts[v], [parts[w] for w in chosen]) > self.alpha:
                        ties.discard(tie)
                        apart[tie] = chosen
                        break
        # Two parts that depend on each other are joined by some path: without one the tests had too few rows, and what
        # they let pass is no explanation.
        group = _joined(len(parts), ties)
        lost = {tie for tie, chosen in apart.items() if chosen and len({group[i] for i in tie}) > 1}
        return ties | lost, {tie: chosen for tie, chosen in apart.items() if tie not in lost}

    def _separated(self, u: Part, v: Part, by: list[Part]) -> float:
        """p-value of two parts being independent given some latents, over both ways to share out their halves."""
        rows = self.rows
        halves = [rows.halves(part) for part in by]
        rank = rows.size([part.rank for part in by])
        tests = []
        for way in range(1 + bool(by)):
            left, right = [rows.look(u), *(h[way] for h in halves)], [rows.look(v), *(h[1 - way] for h in halves)]
            tests.append(rows.p_at_most(left, right, rank))
        return min(1.0, len(tests) * min(tests))

    def _hidden_by(self, parts: list[Part], u: int, v: int) -> float:
        """p-value of a part being independent of all but one given that one."""
        rows = self.rows
        rest = rows.beside([rows.look(part) for i, part in enumerate(parts) if i not in (u, v)])
        halves = rows.halves(parts[v])
        tests = [rows.p_at_most([rows.look(parts[u]), halves[k]], [halves[1 - k], rest], parts[v].rank) for k in (0, 1)]
        return min(1.0, 2 * min(tests))

    def _above(self, parts: list[Part], ties: set[frozenset[int]]) -> list[Part]:
        """New latents above latents that are all tied to each other."""
        latent = [i for i, part in enumerate(parts) if part.latents]
        group = _joined(len(parts), ties)
        near: dict[tuple[int, int], float] = {}
        for u, v in combinations(latent, 2):
            # With fewer than two others the table has no more columns than a latent has states.
            others = sum(group[w] == group[u] for w in latent) - 2
            if frozenset((u, v)) in ties and others > 1 and not self._late():
                p = self._against_rest(parts, (u, v), self.rows.size([self.states]))
                # One of the two may itself be what separates the other from the rest.
                known = max(self._hidden_by(parts, u, v), self._hidden_by(parts, v, u)) > _KNOWN
                near[u, v] = 0.0 if known else p
        groups = [g for g in _merged(latent, near, self.alpha) if len(g) > 1]
        made = []
        for group in groups:
            members, p = [parts[i] for i in group], [near[pair] for pair in combinations(group, 2)]
            made.append(self._latent(members, 1, self._why(members, self.states, float(np.median(p)))))
        return made

    def _latent(self, children: Sequence[Part], latents: int, why: str) -> Part:
        leaves = tuple(sorted(i for child in children for i in child.leaves))
        rank = self.rows.size([self.states] * latents)
        return Part(leaves, rank, latents, tuple(children), 1 + max(c.level for c in children), why)

    def _why(self, members: Sequence[Part], rank: int, p: float) -> str:
        shown = [self.rows.names[i] for part in members for i in part.leaves]
        sets = "sets" if len(shown) > len(members) else "variables"
        listed = f"{', '.join(shown[:6])}{', ...' if len(shown) > 6 else ''}"
        return f"with the rest, {len(members)} {sets} ({listed}) have tables of rank {rank} at most (median p {p:.2g})"

    def _tied(self, parts: list[Part]) -> bool:
        return all(self._alone(parts, i) <= self.alpha for i in range(len(parts)))

    def _alone(self, parts: list[Part], i: int) -> float:
        """p-value of a part being independent of every other one."""
        rows = self.rows
        others = rows.beside([rows.look(part) for k, part in enumerate(parts) if k != i])
        return rows.p_at_most([rows.look(parts[i])], [others], 1)

    def _late(self) -> bool:
        self.partial |= self.clock.over
        return self.partial

    def _drawn(self, parts: list[Part], ties: set[frozenset[int]], apart: dict) -> LatentGraph:
        rows, order, stack = self.rows, [], sorted(parts, key=lambda p: (-p.level, p.leaves))
        while stack:
            stack.sort(key=lambda p: (-p.level, p.leaves))
            part = stack.pop(0)
            order.append(part)
            stack += part.children
        nodes, own = [], {}
        for part in order:
            if part.latents:
                start = len(nodes) + 1
                own[id(part)] = [f"z{start + k}" for k in range(part.latents)]
                size = None if rows.linear else self.states
                nodes += [Node(n, True, "discrete", part.level, size, part.why) for n in own[id(part)]]
            else:
                own[id(part)] = [rows.names[part.leaves[0]]]
        nodes += [Node(n, kind="discrete", level=0, size=s) for n, s in zip(rows.names, rows.states, strict=True)]
        shown = [*parts, *(part for part in order if part.latents and not any(part is p for p in parts))]
        bare = {tie for tie in ties if not any(parts[i].latents for i in tie)}
        for tie in sorted(bare, key=sorted):
            pair = " and ".join(rows.names[parts[i].leaves[0]] for i in sorted(tie))
            self.notes.append(f"{pair} depend on each other, and no latent was found that explains it")
        edges = []
        for u, v, directed in self._directions(shown, ties - bare, apart):
            score = self._strength(shown[u], shown[v])
            inner = [part for part in (shown[u], shown[v]) if any(part is c for p in shown for c in p.children)]
            why = "a low rank with the rest" if inner else "no set of latents separates them"
            for a in own[id(shown[u])]:
                edges += [Edge(a, b, score, directed=directed, evidence=why) for b in own[id(shown[v])]]
        for part in order:
            for child in (c for c in part.children if not c.latents):
                score = self._strength(part, child)
                edges += [Edge(a, b, score, evidence=part.why) for a in own[id(part)] for b in own[id(child)]]
        method = "discrete (linear ranks)" if rows.linear else "discrete"
        return LatentGraph(
            tuple(nodes), tuple(edges), method, "canonical correlation, 0 to 1", self.partial, tuple(self.notes)
        )

    def _strength(self, one: Part, other: Part) -> float:
        """The canonical correlation of two parts; where one lies in the other, of it and what is beside it there."""
        inner, outer = sorted((one, other), key=lambda part: len(part.leaves))
        if not set(inner.leaves) <= set(outer.leaves):
            return self.rows.correlation(self.rows.look(one), self.rows.look(other))
        beside = [i for i in outer.leaves if i not in inner.leaves]
        return self.rows.correlation(self.rows.look(inner), self.rows.summary(beside))

    def _directions(self, shown: list[Part], ties: set[frozenset[int]], apart: dict) -> list[tuple[int, int, bool]]:
        """Directions of the edges between latents, those below other latents among them, and to single variables."""
        place = {id(part): i for i, part in enumerate(shown)}
        parent = {place[id(c)]: i for i, part in enumerate(shown) for c in part.children if c.latents}
        ties = ties | {frozenset(pair) for pair in parent.items()}
        # What is below a latent is separated by it from all that is not below it as well.
        for child, above in parent.items():
            for other in range(len(shown)):
                below = set(shown[other].leaves) < set(shown[child].leaves)
                if other not in (child, above) and not below:
                    apart = {**apart, frozenset((child, other)): (above,)}
        return oriented(len(shown), ties, apart, [i for i, part in enumerate(shown) if not part.latents])


def _merged(items: Sequence[int], near: dict[tuple[int, int], float], alpha: float) -> list[list[int]]:
    """Groups of items, merged from the surest on while more than half of the pairs between two groups are near."""
    groups = [[i] for i in items]

    def link(a: list[int], b: list[int]) -> tuple[float, float]:
        between = [near.get((min(i, j), max(i, j)), 0.0) for i in a for j in b]
        return float(np.mean([p > alpha for p in between])), float(np.mean(between))

    while len(groups) > 1:
        best = max(combinations(range(len(groups)), 2), key=lambda p: link(groups[p[0]], groups[p[1]]))
        if link(groups[best[0]], groups[best[1]])[0] <= 0.5:
            break
        groups[best[0]] += groups.pop(best[1])
    return [sorted(group) for group in groups]


def _joined(count: int, ties: set[frozenset[int]]) -> list[int]:
    """The component of each node."""
    group = list(range(count))
    for a, b in (tuple(tie) for tie in ties):
        old, new = group[a], group[b]
        group = [new if g == old else g for g in group]
    return group
