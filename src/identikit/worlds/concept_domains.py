"""Features of the same concepts in two domains, unpaired: a toy of attributing synthetic pictures to real ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption

CONCEPTS = ("sparse", "normal")


@dataclass(frozen=True)
class ConceptDomains(World):
    r"""Features of real and synthetic things that show the same sparse concepts, each domain with its own nuisance.

    .. math:: x = A s + N n + \epsilon, \qquad \tilde x = (A + D) s + \tilde N \tilde n + \tilde\epsilon

    A has orthonormal columns; D is random with columns of length `shift`; N and :math:`\tilde N` have orthonormal
    columns too, and :math:`n \sim N(0, \sigma^2 I)`. A sparse concept is 0 with probability `1 - active`, and otherwise
    Laplace, with variance 1 over all. Every real row has one synthetic row with the same concepts; which, only the
    truth knows (label `pair`), and the rows lie in random order.

    Args:
        concepts: number of concepts.
        nuisance: dimensions of the nuisance of each domain.
        observed: features, at least concepts plus nuisance.
        active: probability that a concept is not 0.
        law: of the concepts: `sparse`, or `normal`, with which no two rotations of them can be told apart.
        shift: length of the columns of D, where those of A have length 1.
        spread: sigma, deviation of the nuisance, where a concept has deviation 1.
        noise: deviation of :math:`\epsilon` in each feature.
        seed: of the world: A, D and the nuisances.

    Source: the setting of arXiv 2601.22663 (2026, unsupervised attribution of synthetic images), of which the abstract
    alone was read: this toy is this library's choice.

    >>> data, truth = ConceptDomains().sample(1_000, seed=1)
    >>> data
    Dataset(1000 rows: x(128,), domain(); train 800, validation 100, test 100)
    >>> from identikit.metrics import retrieval
    >>> best = retrieval(truth.latents, truth.labels["pair"], data["domain"], k=(5,), nulls=0).value
    >>> raw = retrieval(data["x"], truth.labels["pair"], data["domain"], k=(5,), nulls=0).value
    >>> bool(raw < 0.9 < best)
    True
    """

    concepts: int = 16
    nuisance: int = 16
    observed: int = 128
    active: float = 0.3
    law: str = "sparse"
    shift: float = 0.5
    spread: float = 1.5
    noise: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.concepts < 1 or self.nuisance < 0 or self.observed < self.concepts + self.nuisance:
            raise InputError(
                f"concepts is 1 or more, nuisance 0 or more, and observed at least their sum, not {self.concepts}, "
                f"{self.nuisance} and {self.observed}"
            )
        if not 0 < self.active <= 1:
            raise InputError(f"active is a probability above 0, not {self.active:g}")
        if self.law not in CONCEPTS:
            raise unknown("law", self.law, CONCEPTS)
        if min(self.shift, self.spread, self.noise) < 0:
            raise InputError(
                f"shift, spread and noise are 0 or more, not {self.shift:g}, {self.spread:g} and {self.noise:g}"
            )
        _ = self.maps

    @cached_property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """A and A + D, (observed, concepts) each: what a concept adds to the features of each domain."""
        rng = np.random.default_rng([self.seed, 2])
        real = np.linalg.qr(rng.normal(size=(self.observed, self.concepts)))[0]
        move = rng.normal(size=real.shape)
        return real, real + self.shift * move / np.linalg.norm(move, axis=0)

    @cached_property
    def _nuisances(self) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng([self.seed, 3])
        return tuple(np.linalg.qr(rng.normal(size=(self.observed, self.nuisance)))[0] for _ in range(2))

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, half of them real and half synthetic.

        Returns:
            `(data, truth)`: data with `x` (n, observed) and `domain` (`real`, `synthetic`); truth with the concepts and
            the label `pair`, the same whole number for the two rows of a pair, which are in the same split.
        """
        check_seed(seed)
        if n < 2 or n % 2:
            raise InputError(f"n is even, one synthetic row for each real one, not {n}")
        rng = np.random.default_rng([self.seed, seed, 1])
        concepts, order = self._concepts(n // 2, rng), rng.permutation(n)
        # Row i of the unshuffled half is the real, or the synthetic, row of pair i.
        pair, domain = order % (n // 2), order // (n // 2)
        latents = concepts[pair]
        x = self.noise * rng.normal(size=(n, self.observed))
        for code, (mapped, nuisance) in enumerate(zip(self.maps, self._nuisances, strict=True)):
            here = domain == code
            own = self.spread * rng.normal(size=(int(here.sum()), self.nuisance))
            x[here] += latents[here] @ mapped.T + own @ nuisance.T
        split = make_split(n, groups=pair, seed=seed)
        names = {"x": tuple(f"x{i}" for i in range(self.observed)), "domain": ("real", "synthetic")}
        truth = Truth(
            latents=latents,
            names=tuple(f"concept{i}" for i in range(self.concepts)),
            kinds=("continuous",) * self.concepts,
            blocks={"concepts": tuple(range(self.concepts))},
            graph=np.zeros((self.concepts,) * 2, dtype=np.int8),
            labels={"pair": pair},
            split=split,
        )
        return Dataset(x.astype(np.float32), {"domain": domain}, names, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`aligned domains`, `non-Gaussian concepts` and `separate nuisance`."""
        real, synthetic = self.maps
        cosine = (real * synthetic).sum(0) / np.linalg.norm(real, axis=0) / np.linalg.norm(synthetic, axis=0)
        cross = real.T @ synthetic
        own = float(np.diag(cross).min())
        other = float(np.abs(cross - np.diag(np.diag(cross))).max())
        why = f"a concept has cosine {cosine.min():.2f} or more with itself across domains, {other:.2f} with any other"
        found = [Assumption("aligned domains", own > other, why)]
        latents = truth.latents
        excess = ((latents - latents.mean(0)) ** 4).mean(0) / np.maximum(latents.var(0), 1e-12) ** 2 - 3
        chance = 4 * math.sqrt(24 / truth.rows)
        why = f"the smallest excess kurtosis is {excess.min():.2f}, chance goes to {chance:.2f}"
        found.append(Assumption("non-Gaussian concepts", bool(excess.min() > chance), why))
        if not self.nuisance:
            return found
        ways = (*self._nuisances, np.linalg.qr(real)[0])
        overlap = max(
            float(np.linalg.svd(ways[i].T @ ways[j], compute_uv=False)[0]) for i, j in ((0, 1), (0, 2), (1, 2))
        )
        why = f"concepts and the nuisances of both domains overlap with a cosine of at most {overlap:.2f}"
        return [*found, Assumption("separate nuisance", overlap < 0.9, why)]

    def _concepts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if self.law == "normal":
            return rng.normal(size=(n, self.concepts))
        there = rng.random((n, self.concepts)) < self.active
        return there * rng.laplace(scale=1 / math.sqrt(2 * self.active), size=there.shape)
