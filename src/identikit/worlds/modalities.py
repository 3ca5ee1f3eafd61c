"""Several modalities, each with latents of its own, and sparse causal edges from one modality to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.graphs import draw_graph
from identikit.worlds.latent_scm import LatentSCM
from identikit.worlds.mixing import Mixing, draw_mixing

SHAPES = ("sparse", "dense", "none")
"""Graphs that a world draws by itself."""


def _same(modalities: int, latents: int) -> dict[str, int]:
    return dict.fromkeys("abcdefgh"[:modalities], latents)


CASES: dict[str, dict] = {
    "case 1": {"latents": _same(2, 2), "observed": 15},
    "case 2": {"latents": _same(2, 3), "observed": 20},
    "case 3": {"latents": _same(4, 2), "observed": 30},
    "5 modalities": {"latents": _same(5, 2), "observed": 30},
    "6 modalities": {"latents": _same(6, 2), "observed": 30},
    "8 modalities": {"latents": _same(8, 2), "observed": 30},
    "shared 2": {"latents": _same(2, 2), "shared": 2, "observed": 15},
    "shared 3": {"latents": _same(2, 3), "shared": 3, "observed": 20},
    "case 2 dense": {"latents": _same(2, 3), "observed": 20, "graph": "dense"},
}
"""Settings of the synthetic cases of Sun et al. 2025; sizes of cases 1 to 3 are the paper's, the others ours."""


@dataclass(frozen=True)
class MultiModal(World):
    r"""Several modalities, each mixing latents of its own, where a latent of one modality may cause one of another.

    .. math:: z^{(m)}_i = \sqrt{a}\, f^{(m)}_i\big(\mathrm{pa}(z^{(m)}_i)\big) + \sqrt{1-a}\, \epsilon^{(m)}_i,
        \qquad x^{(m)} = g_m(z^{(m)}, z^{(\mathrm{shared})}, \eta^{(m)})

    Parents may lie in any modality; the exogenous :math:`\eta^{(m)}` of a modality are independent of all else.

    Args:
        latents: number of latents in each modality.
        graph: `sparse` (latents of neighbouring modalities matched one to one), `dense` (every latent listens to all
            latents of the modalities before its own), `none`, or the parents of each latent by name (`a0`, `b1`, ...).
        within: probability of each edge between two latents of one modality, where the graph is drawn.
        exogenous: latents of each modality that take no part in the graph.
        shared: latents that every modality sees; where the graph is drawn they count as one more modality, the first.
        effect: a, the share of a latent's variance that its parents explain.
        noise: of the noises: `normal`, `laplace` or `uniform`.
        observed: numbers in each modality.
        layers: of each mixing; 1 makes it linear.
        seed: of the world: graph, mechanisms and mixings.

    Raises:
        InputError: a graph with a cycle or an unknown latent, or fewer observations than latents.

    Source: Sun et al. 2025 (arXiv 2411.06518). The mechanisms, how a sparse graph is drawn, and that shared latents
    cause and are not caused are this library's choice.

    >>> world = MultiModal()
    >>> data, truth = world.sample(300, seed=1)
    >>> data
    Dataset(300 rows: a(15,), b(15,); train 240, validation 30, test 30)
    >>> truth.names
    ('a0', 'a1', 'b0', 'b1', 'a noise0', 'b noise0')
    >>> world.describe()["sparse cross-modal edges"].holds
    True
    """

    latents: Mapping[str, int] = field(default_factory=lambda: _same(2, 2))
    graph: str | Mapping[str, tuple[str, ...]] = "sparse"
    within: float = 0.0
    exogenous: int = 1
    shared: int = 0
    effect: float = 0.6
    noise: str = "normal"
    observed: int = 15
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if len(self.latents) < 2:
            raise InputError(f"a multimodal world has at least two modalities, not {len(self.latents)}")
        if "shared" in self.latents or "latents" in self.latents or "exogenous" in self.latents:
            raise InputError("a modality may not be called 'shared', 'latents' or 'exogenous': those name blocks")
        if min(self.latents.values()) < 1 or self.exogenous < 0 or self.shared < 0:
            raise InputError(
                f"every modality has at least one latent, and exogenous and shared are 0 or more, not "
                f"{dict(self.latents)}, {self.exogenous} and {self.shared}"
            )
        if not 0 <= self.within <= 1:
            raise InputError(f"within is a probability, from 0 to 1, not {self.within:g}")
        if isinstance(self.graph, str):
            if self.graph not in SHAPES:
                raise unknown("graph", self.graph, SHAPES)
        else:
            # Settings read back from JSON hold lists.
            object.__setattr__(self, "graph", {child: tuple(parents) for child, parents in self.graph.items()})
        _ = self.scm, [self.mixing(modality) for modality in self.latents]

    @classmethod
    def paper(cls, case: str, **changes) -> MultiModal:
        """A synthetic case of the paper, by its name in `CASES`, with settings of your own on top.

        >>> MultiModal.paper("case 3").latents
        {'a': 2, 'b': 2, 'c': 2, 'd': 2}
        """
        if case not in CASES:
            raise unknown("case", case, CASES)
        return cls(**{**CASES[case], **changes})

    @cached_property
    def members(self) -> dict[str, tuple[str, ...]]:
        """Names of the causal latents of each modality, and of `shared` where there are any."""
        found = {m: tuple(f"{m}{i}" for i in range(k)) for m, k in self.latents.items()}
        return {**found, "shared": tuple(f"shared{i}" for i in range(self.shared))} if self.shared else found

    @cached_property
    def scm(self) -> LatentSCM:
        """The structural causal model of the latents."""
        names = tuple(n for group in self.members.values() for n in group)
        graph = self._drawn(self.graph) if isinstance(self.graph, str) else self.graph
        return LatentSCM(names, graph, self.effect, self.noise, self.seed)

    def mixing(self, modality: str) -> Mixing:
        """The map from own latents, shared latents and exogenous ones, in that order, to a modality."""
        rng = np.random.default_rng([self.seed, 2, list(self.latents).index(modality)])
        return draw_mixing(rng, self.latents[modality] + self.shared + self.exogenous, self.observed, self.layers)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, each in every modality.

        Returns:
            `(data, truth)`: data with a dict of modalities as `x`, (n, observed) each; truth with the causal latents,
            then the exogenous ones, a block for each modality and for both kinds, and the graph.
        """
        check_seed(seed)
        if n < 1:
            raise InputError(f"n is 1 or more, not {n}")
        rng = np.random.default_rng([self.seed, seed, 1])
        causal = self.scm.values(self.scm.draw_noise(n, rng))
        noise = rng.normal(size=(n, len(self.latents) * self.exogenous))
        latents, blocks = np.concatenate([causal, noise], axis=1), self._blocks()
        x = {}
        for modality in self.latents:
            parts = (modality, "shared", f"{modality} exogenous")
            seen = [i for block in parts for i in blocks.get(block, ())]
            x[modality] = self.mixing(modality)(latents[:, seen]).astype(np.float32)
        names = self.scm.names + tuple(f"{m} noise{j}" for m in self.latents for j in range(self.exogenous))
        graph = np.zeros((len(names),) * 2, dtype=np.int8)
        graph[: len(self.scm.names), : len(self.scm.names)] = self.scm.adjacency
        split = make_split(n, seed=seed)
        truth = Truth(latents, names, ("continuous",) * len(names), blocks, graph, split=split)
        columns = {m: tuple(f"{m} x{i}" for i in range(self.observed)) for m in self.latents}
        return Dataset(x, {}, columns, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`invertible`, `full-rank influence` (block identification) and `sparse cross-modal edges` (components)."""
        condition = max(self.mixing(m).condition for m in self.latents)
        why = f"the condition of the layers of the mixings is at most {condition:.1f}"
        return [Assumption("invertible", True, why, measured=False), self._full_rank(), self._sparse()]

    def _blocks(self) -> dict[str, tuple[int, ...]]:
        blocks, start = {}, 0
        groups = {m: len(names) for m, names in self.members.items()}
        for name, size in {**groups, **{f"{m} exogenous": self.exogenous for m in self.latents}}.items():
            blocks[name], start = tuple(range(start, start + size)), start + size
        causal = sum(groups.values())
        both = {"latents": tuple(range(causal)), "exogenous": tuple(range(causal, start))}
        return {name: block for name, block in {**both, **blocks}.items() if block}

    def _drawn(self, shape: str) -> dict[str, tuple[str, ...]]:
        rng = np.random.default_rng([self.seed, 4])
        groups = list(self.members.values())
        if self.shared:
            groups = [groups[-1], *groups[:-1]]
        parents: dict[str, tuple[str, ...]] = {}
        for group in groups:
            parents.update(draw_graph(group, rng, self.within))
        for i, group in enumerate(groups[1:], start=1):
            before = groups[i - 1] if shape == "sparse" else tuple(n for g in groups[:i] for n in g)
            chosen = rng.permutation(len(before))
            for j, name in enumerate(group):
                across = before if shape == "dense" else tuple(before[c] for c in chosen[j : j + 1])
                if shape != "none" and across:
                    parents[name] = parents.get(name, ()) + across
        return parents

    def _cross(self) -> tuple[np.ndarray, np.ndarray]:
        """Modality of each causal latent, and the edges between modalities."""
        home = np.repeat(np.arange(len(self.members)), [len(group) for group in self.members.values()])
        return home, self.scm.adjacency * (home[:, None] != home)

    def _full_rank(self) -> Assumption:
        """Each modality's latents must reach the others along as many disjoint edges as there are latents."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import maximum_bipartite_matching

        home, cross = self._cross()
        short = []
        for i, (modality, group) in enumerate(self.members.items()):
            touching = csr_array((cross + cross.T)[home == i][:, home != i])
            reached = int((maximum_bipartite_matching(touching) >= 0).sum())
            if reached < len(group):
                short.append(f"{reached} of {len(group)} latents of {modality}")
        why = "the latents of every modality are linked one to one with latents elsewhere"
        if short:
            why = f"disjoint edges to other modalities reach only {', '.join(short)}"
        return Assumption("full-rank influence", not short, why, measured=False)

    def _sparse(self) -> Assumption:
        """Adding a multiple of one latent to another of its modality must give a cross-modal edge more."""
        home, cross = self._cross()
        free = []
        for i, j in np.argwhere((home[:, None] == home) & ~np.eye(len(home), dtype=bool)):
            # z_j + b z_i in place of z_j hands the causes of i to j, and the effects of j to i.
            if (cross[:, i] <= cross[:, j]).all() and (cross[j] <= cross[i]).all():
                free.append(f"{self.scm.names[i]} into {self.scm.names[j]}")
        count = int(cross.sum())
        why = f"of {count} cross-modal edges, any mixing of two latents of a modality would add one"
        if free:
            more = f" and {len(free) - 1} more" if len(free) > 1 else ""
            why = f"of {count} cross-modal edges, mixing {free[0]}{more} would add none"
        return Assumption("sparse cross-modal edges", not free, why, measured=False)
