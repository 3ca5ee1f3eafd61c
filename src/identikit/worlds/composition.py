"""Concepts put together by modules that they share, with combinations that training never shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.coverage import active, composable
from identikit.worlds.description import Assumption
from identikit.worlds.layers import draw_layer, joined
from identikit.worlds.mechanisms import Mechanism, draw_mechanism
from identikit.worlds.mixing import Mixing, draw_mixing

_MOST_COMBINATIONS = 4_096


@dataclass(frozen=True, eq=False)
class Patches:
    """The map of the lowest latents to patches of `x`: each by a curve of its own.

    Attributes:
        mixings: of each lowest latent.
        lowest: positions of the lowest latents.
    """

    mixings: tuple[Mixing, ...]
    lowest: tuple[int, ...]

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map `(rows, latents)` to `(rows, observed)`."""
        found = [
            mixing(np.stack([latents[:, i], np.tanh(2 * latents[:, i])], axis=1))
            for mixing, i in zip(self.mixings, self.lowest, strict=True)
        ]
        return np.concatenate(found, axis=1)


@dataclass(frozen=True)
class Composition(World):
    r"""A text of concepts that is drawn by levels of shared modules, with combinations that training never shows.

    A row has a combination d of concepts, each present (1) or absent (0). A node v is active if a parent is; then

    .. math:: v = f_v(a \odot \mathrm{Pa}(v)) + \sigma e^{h_v(a \odot \mathrm{Pa}(v)) / 2}\, \varepsilon_v, \qquad
        x = (g_1(z_{L,1}), g_2(z_{L,2}), \ldots),

    where a marks the active parents, and v = 0 otherwise. f is not additive: what two parents make together does not
    follow from each of them alone. Every lowest latent draws a patch of `x` by an injective curve.

    Training and validation rows hold the seen combinations, and test rows the others: `Truth.labels["composable"]`
    tells those of them that the seen ones cover (see `composable`).

    Args:
        concepts: number of concepts.
        levels: number of latents of each level, from the concepts down to the patches.
        parents: how many nodes of the level before each latent listens to: fewer are sparser.
        most: the largest number of concepts in a combination.
        seen: how many combinations training shows, drawn so that each concept is in one; or the combinations
            themselves, as tuples of 0 and 1.
        patch: columns of `x` for each lowest latent.
        noise: sigma.
        held_out: share of the rows that show unseen combinations.
        seed: of the world: graph, modules and combinations.

    Raises:
        InputError: a number out of its range, a graph that cannot be drawn, or no unseen combination.

    Source: Learning by Analogy (arXiv 2512.10669), read in a note on the paper; modules, patches and how combinations
    are drawn are this library's choice.

    >>> world = Composition()
    >>> data, truth = world.sample(1_000)
    >>> data
    Dataset(1000 rows: x(30,), text(8,); train 711, validation 89, test 200)
    >>> held = truth.part("test").labels["composable"]
    >>> sorted(set(held.tolist()))
    [0, 1]
    """

    concepts: int = 8
    levels: tuple[int, ...] = (6, 10)
    parents: int = 2
    most: int = 3
    seen: int | tuple[tuple[int, ...], ...] = 14
    patch: int = 3
    noise: float = 0.3
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if not isinstance(self.seen, int):
            object.__setattr__(self, "seen", tuple(tuple(row) for row in self.seen))
        check_seed(self.seed)
        if not self.levels:
            raise InputError("levels names the number of latents of one level or more, and it is empty")
        if not 1 <= self.most <= self.concepts:
            raise InputError(f"most is from 1 to the {self.concepts} concepts, not {self.most}")
        total = sum(math.comb(self.concepts, k) for k in range(1, self.most + 1))
        if total > _MOST_COMBINATIONS:
            raise InputError(f"{total:,} combinations are more than {_MOST_COMBINATIONS:,}: lower concepts or most")
        if self.patch < 2 or self.noise <= 0 or not 0 < self.held_out < 0.9:
            raise InputError(
                f"patch is 2 or more, noise above 0 and held_out between 0 and 0.9, not {self.patch}, {self.noise:g} "
                f"and {self.held_out:g}"
            )
        _ = self.layers, self.seen_rows

    @cached_property
    def layers(self) -> list[np.ndarray]:
        """For each level of latents, the (nodes below, nodes) 0/1 array of its edges, the concepts below the first."""
        rng = np.random.default_rng([self.seed, 2])
        sizes = (self.concepts, *self.levels)
        return [draw_layer(rng, a, b, self.parents) for a, b in pairwise(sizes)]

    @cached_property
    def combinations(self) -> np.ndarray:
        """(combinations, concepts) 0/1 array of all combinations of up to `most` concepts."""
        sets = [c for k in range(1, self.most + 1) for c in combinations(range(self.concepts), k)]
        return np.array([[int(i in c) for i in range(self.concepts)] for c in sets], dtype=np.int8)

    @cached_property
    def seen_rows(self) -> np.ndarray:
        """The rows of `combinations` that training shows."""
        total = len(self.combinations)
        if not isinstance(self.seen, int):
            place = {tuple(row): i for i, row in enumerate(self.combinations.tolist())}
            for row in self.seen:
                if row not in place:
                    raise InputError(f"a seen combination is 1 to {self.most} of {self.concepts} concepts, not {row}")
            found = np.unique([place[row] for row in self.seen])
            if not 1 <= len(found) < total:
                raise InputError(f"from 1 to {total - 1} combinations are seen, so that some are not, not {len(found)}")
            return found
        if not 1 <= self.seen < total:
            raise InputError(f"seen is from 1 to {total - 1}, so that some combination is not seen, not {self.seen}")
        rng = np.random.default_rng([self.seed, 3])
        for _ in range(1_000):
            found = np.sort(rng.permutation(total)[: self.seen])
            if self.combinations[found].any(0).all():
                return found
        raise InputError(
            f"{self.seen} seen combinations of up to {self.most} hardly ever show every concept: raise seen"
        )

    @property
    def composable(self) -> np.ndarray:
        """(combinations,) whether each of `combinations` is composable; those seen are."""
        return composable(self.layers, self.combinations[self.seen_rows], self.combinations)

    @property
    def share(self) -> float:
        """The share of the unseen combinations that are composable."""
        unseen = np.setdiff1d(np.arange(len(self.combinations)), self.seen_rows)
        return float(self.composable[unseen].mean())

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows.

        Returns:
            `(data, truth)`: data with `x` (n, lowest latents x patch) and `text` (n, concepts), 0 or 1; truth with the
            latents of each level as a block, their graph, the mixing, and the labels `composable` (0 or 1) and
            `combination` (the row of `combinations`).
        """
        check_seed(seed)
        held = round(self.held_out * n)
        if held < 1 or n - held < 1:
            raise InputError(f"{n} rows are too few for rows of both seen and unseen combinations")
        rng = np.random.default_rng([self.seed, seed, 1])
        unseen = np.setdiff1d(np.arange(len(self.combinations)), self.seen_rows)
        code = np.concatenate([rng.choice(self.seen_rows, n - held), rng.choice(unseen, held)])
        split = np.concatenate(
            [make_split(n - held, fractions=(8 / 9, 1 / 9, 0), seed=seed), np.full(held, 2, np.int8)]
        )
        mixed = rng.permutation(n)
        code, split = code[mixed], split[mixed]
        text = self.combinations[code]
        latents = np.concatenate(self._latents(text, rng), axis=1)
        x = self.mixing(latents)
        names = {"x": tuple(f"patch {i}[{j}]" for i in range(self.levels[-1]) for j in range(self.patch))}
        fields = {"text": text.astype(np.float32)}
        data = Dataset(x.astype(np.float32), fields, names, split, self.source(n, seed))
        truth = Truth(
            latents=latents,
            names=tuple(f"z{level}.{i}" for level, size in enumerate(self.levels, 1) for i in range(size)),
            kinds=("continuous",) * latents.shape[1],
            blocks=self.blocks,
            graph=joined(self.layers)[self.concepts :, self.concepts :],
            labels={"composable": self.composable[code].astype(np.int64), "combination": code.astype(np.int64)},
            mixing=self.mixing,
            split=split,
        )
        return data, truth

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Positions of the latents of each level, counted from 1 below the concepts."""
        ends = np.cumsum((0, *self.levels)).tolist()
        return {f"level {i + 1}": tuple(range(ends[i], ends[i + 1])) for i in range(len(self.levels))}

    @cached_property
    def mixing(self) -> Patches:
        """The map of the lowest latents to `x`."""
        rng = np.random.default_rng([self.seed, 4])
        lowest = self.blocks[f"level {len(self.levels)}"]
        return Patches(tuple(draw_mixing(rng, 2, self.patch, layers=1) for _ in lowest), lowest)

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether unseen combinations are composable, and enough are seen to tell the first level apart."""
        seen, needed = len(self.seen_rows), 2 * self.levels[0] + 1
        absent = int((~self.combinations[self.seen_rows].any(0)).sum())
        rows = np.linspace(0, truth.rows - 1, 64).astype(int)
        lowest = truth.block(f"level {len(self.levels)}")[rows]
        slopes = [
            np.linalg.norm(m.weights[0] @ np.stack([np.ones(64), 2 / np.cosh(2 * v) ** 2]), axis=0)
            for m, v in zip(self.mixing.mixings, lowest.T, strict=True)
        ]
        least = float(np.min(slopes))
        return [
            Assumption(
                "composable",
                self.share == 1,
                f"{self.share:.0%} of the unseen combinations are composable",
                measured=False,
            ),
            Assumption(
                "every concept seen", absent == 0, f"{absent} concepts are in no seen combination", measured=False
            ),
            Assumption(
                "enough combinations",
                seen >= needed,
                f"{seen} seen combinations, and the {self.levels[0]} latents of level 1 need {needed}",
                measured=False,
            ),
            Assumption(
                "invertible", least > 1e-3, f"the slope of a patch in its latent is at least {least:.2f} at 64 rows"
            ),
        ]

    def _latents(self, text: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """The latents (rows, nodes) of each level."""
        found, above = [], text.astype(float)
        for layer, modules, on in zip(self.layers, self._modules, active(self.layers, text)[1:], strict=True):
            values = np.zeros(on.shape)
            for node, (weights, bend, spread) in enumerate(modules):
                parents = above[:, layer[:, node] > 0]
                mean = parents @ weights + 0.7 * bend(parents)[:, 0]
                scale = self.noise * np.exp(np.tanh(spread(parents)[:, 0]) / 2)
                values[:, node] = mean + scale * rng.normal(size=len(text))
            # The values of absent parents are 0 already, so that a module sees the active ones alone.
            above = values * on
            found.append(above)
        return found

    @cached_property
    def _modules(self) -> list[list[tuple[np.ndarray, Mechanism, Mechanism]]]:
        """Of every node of each level: straight weights, the rest of f, and h."""
        rng = np.random.default_rng([self.seed, 5])

        def module() -> tuple[np.ndarray, Mechanism, Mechanism]:
            # The straight part keeps an effect of every parent, whatever the network does.
            weights = rng.choice([-1.0, 1.0], self.parents) * rng.uniform(0.8, 1.0, self.parents)
            bend, spread = draw_mechanism(rng, self.parents), draw_mechanism(rng, self.parents)
            return weights / math.sqrt(self.parents), bend, spread

        return [[module() for _ in range(size)] for size in self.levels]
