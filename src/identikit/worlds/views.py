"""Several views of one thing: blocks that they share, styles that change between them, and blocks of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.graphs import Parents, adjacency
from identikit.worlds.latent_scm import LatentSCM
from identikit.worlds.mechanisms import draw_mechanism
from identikit.worlds.mixing import Mixing, draw_mixing

SIZES = {"content": 2, "style": 2, "a": 1, "b": 1}
"""Latents of each block of the default world."""
VIEWS = {"left": ("content", "style", "a"), "right": ("content", "style", "b")}
"""Blocks that each view of the default world sees."""


@dataclass(frozen=True)
class MultiView(World):
    r"""Several views of the same thing, each seeing some blocks of latents through a mixing of its own.

    .. math:: x^{(v)} = g_v\big( (z_B)_{B \in V(v)} \big), \qquad
        s^{(v)} = s + m^{(v)} \odot \epsilon^{(v)}, \quad
        m^{(v)}_i \sim \mathrm{Bernoulli}(p), \quad \epsilon^{(v)} \sim N(0, I)

    A block that several views see has the same value in all of them, unless it is a style: the first view that sees a
    style shows s, and in every other view each of its latents has changed with probability p.

    Args:
        sizes: number of latents in each block.
        views: names of the blocks that each view sees.
        styles: blocks that change between views.
        depends: blocks that a block listens to, e.g. `{"style": ("content",)}`: every latent of it is a nonlinear
            function of all latents there, plus noise. Without it blocks are independent.
        change: p; at 0 a style is the same in all views and cannot be told from content.
        leak: weight with which the style of a view moves the shared blocks in it; above 0 content is no longer the same
            in all views.
        correlation: of the noises of any two latents, from 0 to below 1.
        observed: numbers in each view, at least the latents that it sees.
        layers: of each mixing; 1 makes it linear.
        seed: of the world: mixings and mechanisms.

    Source: von Kügelgen et al. 2021 (arXiv 2106.04619) for content and styles that change, Daunhawer et al. 2023
    (arXiv 2303.09166) for a mixing and private latents of each view, Yao et al. 2024 (arXiv 2311.04056) for partial
    overlap. Sizes, mechanisms and the leak are this library's choice.

    >>> world = MultiView()
    >>> data, truth = world.sample(300, seed=1)
    >>> data
    Dataset(300 rows: left(10,), right(10,); train 240, validation 30, test 30)
    >>> truth.blocks
    {'content': (0, 1), 'style left': (2, 3), 'style right': (4, 5), 'a': (6,), 'b': (7,)}
    >>> world.shared("left", "right")
    ('content',)
    """

    sizes: Mapping[str, int] = field(default_factory=lambda: dict(SIZES))
    views: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(VIEWS))
    styles: tuple[str, ...] = ("style",)
    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    change: float = 0.75
    leak: float = 0.0
    correlation: float = 0.0
    observed: int = 10
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        # Settings read back from JSON hold lists.
        object.__setattr__(self, "views", {v: tuple(blocks) for v, blocks in self.views.items()})
        object.__setattr__(self, "styles", tuple(self.styles))
        object.__setattr__(self, "depends", {b: tuple(causes) for b, causes in self.depends.items()})
        if len(self.views) < 2:
            raise InputError(f"a world of views has at least two, not {len(self.views)}")
        for block in (*self.styles, *(b for blocks in self.views.values() for b in blocks)):
            if block not in self.sizes:
                raise unknown("block", block, self.sizes)
        for block, size in self.sizes.items():
            if size < 1:
                raise InputError(f"a block has at least one latent, and '{block}' has {size}")
            if not self.seeing(block):
                raise InputError(f"block '{block}' is seen by no view: leave it out, or name it in views")
        if not 0 <= self.change <= 1:
            raise InputError(f"change is a probability, from 0 to 1, not {self.change:g}")
        if not 0 <= self.correlation < 1:
            raise InputError(f"correlation is from 0 to below 1, not {self.correlation:g}")
        if self.leak and not all(any(b in self.styles for b in blocks) for blocks in self.views.values()):
            raise InputError(f"leak={self.leak:g} lets the style of a view into its content, and a view sees no style")
        _ = self.scm, [self.mixing(view) for view in self.views]

    def seeing(self, block: str) -> tuple[str, ...]:
        """Names of the views that see a block."""
        return tuple(view for view, blocks in self.views.items() if block in blocks)

    def shared(self, *views: str) -> tuple[str, ...]:
        """Names of the blocks that all the given views see, and that no style changes between them."""
        for view in views:
            if view not in self.views:
                raise unknown("view", view, self.views)
        return tuple(b for b in self.sizes if b not in self.styles and all(b in self.views[v] for v in views))

    def mixing(self, view: str) -> Mixing:
        """The map from the latents that a view sees, in the order of its blocks, to the view."""
        latents = sum(self.sizes[block] for block in self.views[view])
        rng = np.random.default_rng([self.seed, 2, list(self.views).index(view)])
        return draw_mixing(rng, latents, self.observed, self.layers)

    @cached_property
    def scm(self) -> LatentSCM:
        """The structural causal model of the latents, before styles change and leak."""
        for block in (*self.depends, *(c for causes in self.depends.values() for c in causes)):
            if block not in self.sizes:
                raise unknown("block", block, self.sizes)
        graph = {
            name: tuple(n for cause in causes for n in self._names(cause))
            for block, causes in self.depends.items()
            for name in self._names(block)
        }
        return LatentSCM(tuple(n for block in self.sizes for n in self._names(block)), graph, seed=self.seed)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` things, each seen in every view.

        Returns:
            `(data, truth)`: data with a dict of views as `x`, (n, observed) each; truth with every block once, and
            every style once for each view that sees it.
        """
        check_seed(seed)
        if n < 1:
            raise InputError(f"n is 1 or more, not {n}")
        rng = np.random.default_rng([self.seed, seed, 1])
        noise = np.sqrt(1 - self.correlation) * self.scm.draw_noise(n, rng)
        latents = self.scm.values(noise + np.sqrt(self.correlation) * rng.normal(size=(n, 1)))
        parts: dict[str, np.ndarray] = {}
        start = 0
        for block, size in self.sizes.items():
            base, start = latents[:, start : start + size], start + size
            if block not in self.styles:
                parts[block] = base
                continue
            for i, view in enumerate(self.seeing(block)):
                moved = rng.random(base.shape) < (self.change if i else 0.0)
                parts[f"{block} {view}"] = base + moved * rng.normal(size=base.shape)
        x = {view: self.mixing(view)(self._seen(view, parts)).astype(np.float32) for view in self.views}
        names, graph = self._versions()
        split = make_split(n, seed=seed)
        ends = np.cumsum([part.shape[1] for part in parts.values()])
        truth = Truth(
            latents=np.concatenate(list(parts.values()), axis=1),
            names=names,
            kinds=("continuous",) * len(names),
            blocks={p: tuple(range(e - parts[p].shape[1], e)) for p, e in zip(parts, ends.tolist(), strict=True)},
            graph=adjacency(names, graph),
            split=split,
        )
        columns = {view: tuple(f"{view}{i}" for i in range(self.observed)) for view in self.views}
        return Dataset(x, {}, columns, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`invertible`, `shared content` (the same in all views that see it) and `changing styles`."""
        condition = max(self.mixing(view).condition for view in self.views)
        why = f"the condition of the layers of the mixings is at most {condition:.1f}"
        found = [Assumption("invertible", True, why, measured=False)]
        views = {view: self._unmix(view, data.modalities[view]) for view in self.views}
        gaps = [
            float(np.abs(views[a][block] - views[b][block]).mean())
            for a, b in combinations(self.views, 2)
            for block in self.shared(a, b)
        ]
        gap = max(gaps, default=0.0)
        why = f"the same latent differs by {gap:.2g} on average between two views" if gaps else "no two views share any"
        found.append(Assumption("shared content", bool(gaps) and gap < 1e-3, why))
        shares = [
            float((truth.block(f"{style} {first}") != truth.block(f"{style} {other}")).mean(0).min())
            for style in self.styles
            for first, *rest in [self.seeing(style)]
            for other in rest
        ]
        if shares:
            why = f"the style that changes least does so in {min(shares):.0%} of rows"
            found.append(Assumption("changing styles", min(shares) > 0, why))
        return found

    def _names(self, block: str) -> tuple[str, ...]:
        return tuple(f"{block}{i}" for i in range(self.sizes[block]))

    def _versions(self) -> tuple[tuple[str, ...], Parents]:
        """Names of the columns of the truth, and their graph: a style's first version causes the others."""
        first = {
            name: f"{name} {self.seeing(block)[0]}" if block in self.styles else name
            for block in self.sizes
            for name in self._names(block)
        }
        graph = {first[child]: tuple(first[p] for p in parents) for child, parents in self.scm.graph.items()}
        names: list[str] = []
        for block in self.sizes:
            if block not in self.styles:
                names += self._names(block)
                continue
            for view in self.seeing(block):
                names += (here := [f"{name} {view}" for name in self._names(block)])
                if view != self.seeing(block)[0]:
                    graph.update({v: (first[name],) for v, name in zip(here, self._names(block), strict=True)})
        return tuple(names), graph

    def _seen(self, view: str, parts: Mapping[str, np.ndarray]) -> np.ndarray:
        """The latents (n, latents of the view) as one view sees them."""
        seen = {b: parts[f"{b} {view}" if b in self.styles else b] for b in self.views[view]}
        if self.leak:
            style = np.concatenate([part for b, part in seen.items() if b in self.styles], axis=1)
            for b in seen:
                if b not in self.styles and len(self.seeing(b)) > 1:
                    rng = np.random.default_rng([self.seed, 3, list(self.sizes).index(b)])
                    seen[b] = seen[b] + self.leak * draw_mechanism(rng, style.shape[1], self.sizes[b])(style)
        return np.concatenate(list(seen.values()), axis=1)

    def _unmix(self, view: str, x: np.ndarray) -> dict[str, np.ndarray]:
        """The blocks that one view shows, read back through its mixing."""
        latents = self.mixing(view).inverse(x.astype(float))
        ends = np.cumsum([self.sizes[b] for b in self.views[view]])[:-1]
        return dict(zip(self.views[view], np.split(latents, ends, axis=1), strict=True))
