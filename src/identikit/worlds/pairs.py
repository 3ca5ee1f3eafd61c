"""Pairs of observations: some latents are the same in both, the others take a step from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.mechanisms import draw_mechanism
from identikit.worlds.mixing import Mixing, draw_mixing

STEPS: dict[str, Callable[[np.random.Generator, tuple[int, ...], float], np.ndarray]] = {
    "laplace": lambda rng, shape, scale: rng.laplace(scale=scale, size=shape),
    "normal": lambda rng, shape, scale: rng.normal(scale=scale, size=shape),
}
"""Steps that lead on from where a latent is; `redraw` draws it anew."""
MARGINALS = ("uniform", "normal")
_BOX = np.sqrt(3)


@dataclass(frozen=True)
class Pairs(World):
    r"""Two observations of each row through one mixing: shared latents stay, moving ones take a step.

    .. math:: x = g(c, s), \qquad \text{view} = g(c, s'), \qquad
        p(s'_i | s_i) \propto \exp(-|s'_i - s_i| / b) \text{ or } \exp(-(s'_i - s_i)^2 / 2 b^2) \text{ or } p(s_i)

    Latents are independent, uniform in the box :math:`[-\sqrt 3, \sqrt 3]` or standard normal; a step never leaves the
    box. With `causes` above 0 the moving latents depend on the shared ones.

    Args:
        shared: latents that are the same in both; they come first.
        moving: latents that take a step.
        marginal: `uniform` or `normal`.
        step: `laplace`, `normal` or `redraw`.
        scale: the number b; of no meaning for `redraw`.
        few: how many moving latents step in each row, drawn anew for each; 0 for all of them.
        causes: the share of a moving latent's deviation that is an effect of the shared ones, 0 to below 1; normal
            latents only.
        past: whether the second observation is given as the field `past` (rows, 1, observed) in place of `view`.
        observed: numbers in each observation.
        layers: of the mixing; 1 makes it linear.
        seed: of the world: mixing and mechanisms.

    Source: uniform latents with Laplace or normal steps as in Zimmermann et al. 2021 (arXiv 2102.08850), shared content
    that may cause a moving style as in von Kügelgen et al. 2021 (arXiv 2106.04619), a few latents drawn anew as in
    Locatello et al. 2020 (arXiv 2002.02886), Laplace steps in time as in Klindt et al. 2021 (arXiv 2007.10930). To have
    all in one world, and every constant, is this library's choice.

    >>> data, truth = Pairs(shared=1, moving=2).sample(200, seed=1)
    >>> data
    Dataset(200 rows: x(10,), view(10,); train 160, validation 20, test 20)
    >>> truth.blocks
    {'shared': (0,), 'moving': (1, 2)}
    """

    shared: int = 0
    moving: int = 3
    marginal: str = "uniform"
    step: str = "laplace"
    scale: float = 0.2
    few: int = 0
    causes: float = 0.0
    past: bool = False
    observed: int = 10
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if min(self.shared, self.moving) < 0 or self.shared + self.moving < 1:
            raise InputError(f"a world needs latents: shared={self.shared}, moving={self.moving}")
        if self.marginal not in MARGINALS:
            raise unknown("marginal", self.marginal, MARGINALS)
        if self.step not in (*STEPS, "redraw"):
            raise unknown("step", self.step, (*STEPS, "redraw"))
        if self.scale <= 0:
            raise InputError(f"scale is above 0, not {self.scale:g}")
        if not 0 <= self.few <= self.moving:
            raise InputError(f"few is from 0 (all) to the number of moving latents ({self.moving}), not {self.few}")
        if not 0 <= self.causes < 1:
            raise InputError(f"causes is from 0 to below 1, not {self.causes:g}")
        if self.causes and (self.marginal != "normal" or self.shared == 0 or self.step == "redraw"):
            raise InputError("causes is for normal latents, some of them shared, that are not drawn anew")
        _ = self.mixing

    @cached_property
    def mixing(self) -> Mixing:
        """The map from the latents to either observation."""
        latents = self.shared + self.moving
        return draw_mixing(np.random.default_rng([self.seed, 2]), latents, self.observed, self.layers)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` pairs.

        Returns:
            `(data, truth)`: data with `x` and the second observation; truth with the latents of `x`.
        """
        check_seed(seed)
        if n < 1:
            raise InputError(f"n is 1 or more, not {n}")
        rng = np.random.default_rng([self.seed, seed, 1])
        latents = self._draw(rng, (n, self.shared + self.moving))
        content, style = latents[:, : self.shared], latents[:, self.shared :]
        graph = np.zeros((latents.shape[1],) * 2, np.int8)
        if self.causes and self.moving:
            effect = draw_mechanism(np.random.default_rng([self.seed, 3]), self.shared, self.moving)(content)
            style = np.sqrt(1 - self.causes**2) * style + self.causes * effect
            graph[: self.shared, self.shared :] = 1
        moved = np.where(self._steps(rng, style.shape), self._step(rng, style), style)
        own = np.concatenate([content, style], 1)
        x, other = (self.mixing(z).astype(np.float32) for z in (own, np.concatenate([content, moved], 1)))
        fields = {"past": other[:, None]} if self.past else {"view": other}
        split = make_split(n, seed=seed)
        blocks = {"shared": tuple(range(self.shared)), "moving": tuple(range(self.shared, own.shape[1]))}
        truth = Truth(
            latents=own,
            names=(*(f"c{i}" for i in range(self.shared)), *(f"s{i}" for i in range(self.moving))),
            kinds=("continuous",) * own.shape[1],
            blocks={name: block for name, block in blocks.items() if block},
            graph=graph,
            mixing=self.mixing,
            split=split,
        )
        return Dataset(x, fields, {}, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`shared content` (the same in both), `every moving latent moves`, and what kind of step it is."""
        other = data["past"][:, 0] if self.past else data["view"]
        gap = np.abs(self.mixing.inverse(other.astype(float)) - truth.latents)
        found = []
        if self.shared:
            most = float(gap[:, : self.shared].mean())
            why = f"a shared latent differs by {most:.2g} on average between the two"
            found.append(Assumption("shared content", most < 1e-3, why))
        if self.moving:
            least = float((gap[:, self.shared :] > 1e-3).mean(0).min())
            why = f"the moving latent that moves least does so in {least:.0%} of rows"
            found.append(Assumption("every moving latent moves", least > 0, why))
            turned = self.step == "normal" and not self.few
            why = "normal steps of one size look the same along turned axes" if turned else f"steps: {self.step}"
            found.append(Assumption("steps tell the axes", not turned, why, measured=False))
        return found

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.uniform(-_BOX, _BOX, shape) if self.marginal == "uniform" else rng.normal(size=shape)

    def _step(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """Where every latent would go."""
        if self.step == "redraw":
            return self._draw(rng, start.shape)
        end = start + STEPS[self.step](rng, start.shape, self.scale)
        while self.marginal == "uniform" and (outside := np.abs(end) > _BOX).any():
            end[outside] = start[outside] + STEPS[self.step](rng, (int(outside.sum()),), self.scale)
        return end

    def _steps(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Which latents do go."""
        if not self.few:
            return np.ones(shape, bool)
        return rng.random(shape).argsort(1).argsort(1) < self.few
