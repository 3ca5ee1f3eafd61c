"""Domains that shift in one part of the graph around a label: its prior, its parents, its children or its spouses."""

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
from identikit.worlds.domain_shift import DomainShift
from identikit.worlds.measured import apart
from identikit.worlds.mechanisms import draw_mechanism
from identikit.worlds.mixing import Mixing, draw_mixing

SHIFTS = ("label", "parents", "children", "spouses", "irrelevant")
"""Parts of the process that may change from domain to domain."""

_SIGNAL = 3.0
_CHILD_NOISE = 0.7
_MOST_DOMAINS = 64


@dataclass(frozen=True)
class LabelGraph(World):
    r"""A label with parents, children and spouses among the latents, parts of which change with the domain.

    .. math:: z_{pa} = T_u(\epsilon_{pa}), \quad z_{sp} = T_u(\epsilon_{sp}), \quad
        p(y = k \mid z_{pa}) \propto \exp\big(3 f_k(z_{pa}) + h_{u,k}\big), \quad
        z_{ch} = T_u\big(0.5\, m_y + 0.5\, f(m_y, z_{sp}) + 0.7\, \epsilon_{ch}\big), \quad x = g(z)

    All noises are standard normal. :math:`T_u` shifts and scales each latent by amounts of the domain, as in
    `DomainShift`, and does nothing in a part that is not named in `shift`; :math:`h_u` is 0 unless `label` is. The
    :math:`m_k` of a child are evenly spaced centres of the classes. The irrelevant latents are a noise of their own.

    Args:
        parents: number of parents of the label, `pa0`, ...; 0 makes `label` pure target shift.
        children: number of children, `ch0`, ...
        spouses: number of other parents of the children, `sp0`, ...
        irrelevant: number of latents that say nothing of the label, `other0`, ...
        classes: of the label.
        shift: the parts that change from domain to domain, of `SHIFTS`; none, one or several.
        domains: number of domains, the unlabelled ones among them.
        unlabelled: how many domains, from the last, have their labels hidden.
        observed: numbers in `x`.
        layers: of the mixing; 1 makes it linear.
        seed: of the world: mechanisms, domains and mixing.

    Raises:
        InputError: neither parents nor children, fewer than two classes, or an unknown shift.

    Source: the setting of Ng et al. 2025 (arXiv 2604.23790), of which the abstract alone was read: every equation here
    is this library's choice.

    >>> world = LabelGraph(shift=("parents", "children"))
    >>> data, truth = world.sample(700, seed=1)
    >>> data
    Dataset(700 rows: x(10,), y(), domain(); train 560, validation 70, test 70)
    >>> truth.blocks
    {'parents': (0, 1), 'children': (2, 3), 'spouses': (4,), 'irrelevant': (5,)}
    >>> world.graph
    {'y': ('pa0', 'pa1'), 'ch0': ('y', 'sp0'), 'ch1': ('y', 'sp0')}
    """

    parents: int = 2
    children: int = 2
    spouses: int = 1
    irrelevant: int = 1
    classes: int = 2
    shift: tuple[str, ...] = ("label",)
    domains: int = 7
    unlabelled: int = 1
    observed: int = 10
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        # Settings read back from JSON hold lists.
        object.__setattr__(self, "shift", tuple(self.shift))
        check_seed(self.seed)
        if min(self._sizes.values()) < 0 or self.parents + self.children < 1:
            raise InputError(f"a label has a parent or a child, and no number of latents is below 0, not {self._sizes}")
        if self.spouses and not self.children:
            raise InputError(f"a spouse is another parent of a child: spouses={self.spouses} needs children")
        if self.classes < 2:
            raise InputError(f"a label has two classes or more, not {self.classes}")
        for part in self.shift:
            if part not in SHIFTS:
                raise unknown("shift", part, SHIFTS)
            if part != "label" and not self._sizes[part]:
                raise InputError(f"shift names '{part}', and {part} is 0")
        # The domains are those of DomainShift, which refuses what it cannot draw.
        _ = self._domains("parents"), self.mixing

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {
            "parents": self.parents,
            "children": self.children,
            "spouses": self.spouses,
            "irrelevant": self.irrelevant,
        }

    @property
    def graph(self) -> dict[str, tuple[str, ...]]:
        """Parents of the label `y` and of its children; every other latent has none."""
        causes = tuple(f"pa{i}" for i in range(self.parents))
        spouses = tuple(f"sp{i}" for i in range(self.spouses))
        label = {"y": causes} if causes else {}
        return {**label, **{f"ch{i}": ("y", *spouses) for i in range(self.children)}}

    @cached_property
    def mixing(self) -> Mixing:
        """The map from latents to observations."""
        rng = np.random.default_rng([self.seed, 2])
        return draw_mixing(rng, sum(self._sizes.values()), self.observed, self.layers)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many from each domain.

        Returns:
            `(data, truth)`: data with `x`, `y` (hidden in the last domains) and `domain`; truth with the latents, a
            block for each part, the hidden labels and the mixing. Its graph is None, since the label, through which
            the edges run, is no latent of `x`: see `graph` of the world.
        """
        if n < self.domains:
            raise InputError(f"{n} rows are fewer than the {self.domains} domains")
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        domain = np.sort(np.arange(n) % self.domains)
        noise = {part: rng.normal(size=(n, size)) for part, size in self._sizes.items()}
        parents, spouses, irrelevant = (self._moved(p, noise[p], domain) for p in ("parents", "spouses", "irrelevant"))
        label = (self._scores(parents) + self.prior[domain] + rng.gumbel(size=(n, self.classes))).argmax(1)
        children = self._moved("children", self._child(label, spouses, noise["children"]), domain)
        latents = np.concatenate([parents, children, spouses, irrelevant], axis=1)
        ends = np.cumsum(list(self._sizes.values())).tolist()
        blocks = {p: tuple(range(e - self._sizes[p], e)) for p, e in zip(self._sizes, ends, strict=True)}
        short = {"parents": "pa", "children": "ch", "spouses": "sp", "irrelevant": "other"}
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"x{i}" for i in range(self.observed)),
            "domain": tuple(f"domain {i}" for i in range(self.domains)),
            "y": tuple(f"class {k}" for k in range(self.classes)),
        }
        x = self.mixing(latents).astype(np.float32)
        data = Dataset(x, {"y": label, "domain": domain}, names, split, self.source(n, seed))
        truth = Truth(
            latents=latents,
            names=tuple(f"{short[p]}{i}" for p, size in self._sizes.items() for i in range(size)),
            kinds=("continuous",) * latents.shape[1],
            blocks={part: block for part, block in blocks.items() if block},
            labels={"y": label},
            mixing=self.mixing,
            split=split,
        )
        return data.hide("y", domain >= self.domains - (self.unlabelled if self.domains > 1 else 0)), truth

    @property
    def prior(self) -> np.ndarray:
        """(domains, classes) what each domain adds to the scores of the classes."""
        # Drawn for all domains there can be: those of a world with fewer are the first of one with more.
        drawn = np.random.default_rng([self.seed, 3]).normal(size=(_MOST_DOMAINS, self.classes))[: self.domains]
        return 1.5 * drawn * ("label" in self.shift)

    def posterior(self, latents: np.ndarray, domain: np.ndarray) -> np.ndarray:
        r"""The true probabilities of the classes given all latents: the best that a predictor can do.

        .. math:: p(y \mid z, u) \propto p(y \mid z_{pa}, u)\, p(z_{ch} \mid y, z_{sp}, u)

        Handed the codes of another domain, it says what a predictor does that was made for that one.

        Args:
            latents: (rows, latents), columns as in the truth.
            domain: (rows,) codes.

        Returns:
            (rows, classes) probabilities.
        """
        ends = np.cumsum(list(self._sizes.values()))[:-1]
        parents, children, spouses, _ = np.split(latents, ends, axis=1)
        scores = self._scores(parents) + self.prior[domain]
        # The shift of children is affine: its values at 0 and 1 are its centre and, less that, its scale.
        centre = self._moved("children", np.zeros_like(children), domain)
        scale = self._moved("children", np.ones_like(children), domain) - centre
        for k in range(self.classes):
            expected = self._child(np.full(len(latents), k), spouses, np.zeros_like(children))
            scores[:, k] -= 0.5 * ((((children - centre) / scale - expected) / _CHILD_NOISE) ** 2).sum(1)
        scores = np.exp(scores - scores.max(1, keepdims=True))
        return scores / scores.sum(1, keepdims=True)

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Which of the parts are the same in all domains; measured where a part is a marginal."""
        if self.domains < 2:
            return []
        domain, label = data["domain"], truth.labels["y"]
        found = []
        for part in ("parents", "spouses", "irrelevant"):
            if self._sizes[part]:
                gap, chance = apart(truth.block(part), domain)
                why = f"the largest gap between distribution functions is {gap:.2f}, chance goes to {chance:.2f}"
                found.append(Assumption(f"same p({part})", gap <= chance, why))
        move = float(np.ptp(self.prior, 0).max())
        why = f"the score of a class moves by at most {move:.1f} from domain to domain at the same parents"
        found.append(Assumption("same p(y | parents)", move == 0, why, measured=False))
        if self.children:
            moved = self._moved("children", np.zeros((self.domains, self.children)), np.arange(self.domains))
            why = f"at the same label and spouses a child moves by at most {float(np.ptp(moved, 0).max()):.1f}"
            found.append(Assumption("same p(children | y, spouses)", not np.ptp(moved), why, measured=False))
        share = np.stack([np.bincount(label[domain == u], minlength=self.classes) for u in range(self.domains)])
        share = share / share.sum(1, keepdims=True)
        rarest = float(share.min())
        why = f"the rarest class of a domain has {rarest:.0%} of its rows"
        return [*found, Assumption("every class in every domain", rarest > 0, why)]

    def _domains(self, part: str) -> DomainShift:
        number = int(np.random.default_rng([self.seed, 5, list(self._sizes).index(part)]).integers(2**31))
        size = max(self._sizes[part], 1)
        return DomainShift(0, size, self.domains, size, unlabelled=self.unlabelled, seed=number)

    def _moved(self, part: str, base: np.ndarray, domain: np.ndarray) -> np.ndarray:
        if part not in self.shift or not base.shape[1]:
            return base
        # The shift of moments draws nothing from its generator.
        return self._domains(part).draw(base, domain, np.random.default_rng(0))[0]

    def _scores(self, parents: np.ndarray) -> np.ndarray:
        if not self.parents:
            return np.zeros((len(parents), self.classes))
        return _SIGNAL * draw_mechanism(np.random.default_rng([self.seed, 6]), self.parents, self.classes)(parents)

    def _child(self, label: np.ndarray, spouses: np.ndarray, noise: np.ndarray) -> np.ndarray:
        children = np.empty_like(noise)
        for i in range(self.children):
            rng = np.random.default_rng([self.seed, 7, i])
            centre = rng.permutation(np.linspace(-1, 1, self.classes))[label]
            centre /= math.sqrt(np.mean(np.linspace(-1, 1, self.classes) ** 2))
            bent = draw_mechanism(rng, 1 + self.spouses)(np.column_stack([centre, spouses]))[:, 0]
            children[:, i] = 0.5 * centre + 0.5 * bent + _CHILD_NOISE * noise[:, i]
        return children
