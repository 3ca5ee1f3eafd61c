"""Content that says the same of a label everywhere, and bias that says something else of it in each domain."""

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
from identikit.worlds.mixing import Mixing, draw_mixing

ORDERS = ("label first", "label last")
_MOST_DOMAINS = 64


@dataclass(frozen=True)
class ContentBias(World):
    r"""Content whose relation to the label is the same in every domain, and bias whose relation to it changes.

    With `label first` the label makes both, so that they are independent of each other given label and domain:

    .. math:: p(y = k \mid u) \propto e^{h_{u,k}}, \qquad c = \alpha\, \mu_y + \epsilon_c, \qquad
        b = \beta\, \nu_{u,y} + \epsilon_b, \qquad x = g(c, b).

    With `label last` they make the label, and it makes them dependent:

    .. math:: c \sim N(0, I), \quad b = T_u(\epsilon_b), \quad
        p(y = k \mid c, b, u) \propto \exp\big(2 \alpha\, \mu_k \cdot c + 2 \beta\, \nu_{u,k} \cdot b + h_{u,k}\big).

    All noises are standard normal. The :math:`\nu_u` of a domain are :math:`\sqrt{r}` times vectors common to all
    domains plus :math:`\sqrt{1-r}` times its own; :math:`T_u` shifts and scales as in `DomainShift`.

    Args:
        content: number of content latents.
        bias: number of bias latents.
        classes: of the label.
        domains: number of domains, the unlabelled ones among them.
        order: `label first` or `label last`.
        content_effect: alpha, how much the content says of the label.
        bias_effect: beta, how much the bias says of it; at 0 the bias is of no use.
        stable: r, the share of the bias's relation to the label that all domains have in common.
        label_shift: deviation of the :math:`h_{u,k}`; at 0 the classes are equally frequent in every domain.
        unlabelled: how many domains, from the last, have their labels hidden.
        observed: numbers in `x`.
        layers: of the mixing; 1 makes it linear.
        seed: of the world: effects, domains and mixing.

    Source: the setting of Li et al. 2025 (BAG, arXiv 2507.17001), of which abstracts and summaries were read: these
    equations are this library's choice.

    >>> world = ContentBias()
    >>> data, truth = world.sample(500, seed=1)
    >>> data
    Dataset(500 rows: x(8,), y(), domain(); train 400, validation 50, test 50)
    >>> right = {u: (world.posterior(truth.latents, data["domain"], u).argmax(1) == truth.labels["y"]).mean()
    ...     for u in ("content", "both")}
    >>> bool(right["both"] > right["content"])
    True
    """

    content: int = 2
    bias: int = 2
    classes: int = 2
    domains: int = 5
    order: str = "label first"
    content_effect: float = 1.0
    bias_effect: float = 1.0
    stable: float = 0.0
    label_shift: float = 0.5
    unlabelled: int = 1
    observed: int = 8
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.content < 1 or self.bias < 1:
            raise InputError(f"content and bias have at least one latent each, not {self.content} and {self.bias}")
        if self.classes < 2:
            raise InputError(f"a label has two classes or more, not {self.classes}")
        if self.order not in ORDERS:
            raise unknown("order", self.order, ORDERS)
        if not 0 <= self.stable <= 1:
            raise InputError(f"stable is a share, from 0 to 1, not {self.stable:g}")
        if min(self.content_effect, self.bias_effect, self.label_shift) < 0:
            raise InputError(
                f"content_effect, bias_effect and label_shift are 0 or more, not {self.content_effect:g}, "
                f"{self.bias_effect:g} and {self.label_shift:g}"
            )
        # The domains are those of DomainShift, which refuses what it cannot draw.
        _ = self._shift, self.mixing

    @cached_property
    def _shift(self) -> DomainShift:
        return DomainShift(0, self.bias, self.domains, self.bias, unlabelled=self.unlabelled, seed=self.seed)

    @cached_property
    def mixing(self) -> Mixing:
        """The map from latents to observations."""
        return draw_mixing(np.random.default_rng([self.seed, 2]), self.content + self.bias, self.observed, self.layers)

    @cached_property
    def _effects(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of the classes: of the content (classes, content), of the bias (domains, classes, bias), and h."""
        rng = np.random.default_rng([self.seed, 6])
        mu, common = rng.normal(size=(self.classes, self.content)), rng.normal(size=(self.classes, self.bias))
        # Drawn for all domains there can be: those of a world with fewer are the first of one with more.
        own = rng.normal(size=(_MOST_DOMAINS, self.classes, self.bias))[: self.domains]
        prior = self.label_shift * rng.normal(size=(_MOST_DOMAINS, self.classes))[: self.domains]
        nu = math.sqrt(self.stable) * _centred(common) + math.sqrt(1 - self.stable) * _centred(own)
        return self.content_effect * _centred(mu), self.bias_effect * nu, prior

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many from each domain.

        Returns:
            `(data, truth)`: data with `x`, `y` (hidden in the last domains) and `domain`; truth with the latents, the
            blocks `content` and `bias`, the hidden labels and the mixing.
        """
        check_seed(seed)
        if n < self.domains:
            raise InputError(f"{n} rows are fewer than the {self.domains} domains")
        rng = np.random.default_rng([self.seed, seed, 1])
        domain = np.sort(np.arange(n) % self.domains)
        mu, nu, prior = self._effects
        content, bias = rng.normal(size=(n, self.content)), rng.normal(size=(n, self.bias))
        gumbel = rng.gumbel(size=(n, self.classes))
        if self.order == "label first":
            label = (prior[domain] + gumbel).argmax(1)
            content, bias = content + mu[label], bias + nu[domain, label]
        else:
            # The shift of moments draws nothing from its generator.
            bias = self._shift.draw(bias, domain, rng)[0]
            label = (self._scores(content, bias, domain) + gumbel).argmax(1)
        latents = np.concatenate([content, bias], axis=1)
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"x{i}" for i in range(self.observed)),
            "domain": tuple(f"domain {i}" for i in range(self.domains)),
            "y": tuple(f"class {k}" for k in range(self.classes)),
        }
        x = self.mixing(latents).astype(np.float32)
        data = Dataset(x, {"y": label, "domain": domain}, names, split, self.source(n, seed))
        total = self.content + self.bias
        truth = Truth(
            latents=latents,
            names=tuple(f"c{i}" for i in range(self.content)) + tuple(f"b{i}" for i in range(self.bias)),
            kinds=("continuous",) * total,
            blocks={"content": tuple(range(self.content)), "bias": tuple(range(self.content, total))},
            labels={"y": label},
            mixing=self.mixing,
            split=split,
        )
        return data.hide("y", domain >= self.domains - (self.unlabelled if self.domains > 1 else 0)), truth

    def posterior(self, latents: np.ndarray, domain: np.ndarray, use: str = "both") -> np.ndarray:
        r"""The true probabilities of the classes: the best that a predictor can do.

        With `label first` they obey, where :math:`\bar p` is the label's distribution behind p(y | c),

        .. math:: \log p(y \mid c, b, u) = \log p(y \mid b, u) + \log p(y \mid c) - \log \bar p(y) + \text{const}.

        Args:
            latents: (rows, content + bias).
            domain: (rows,) codes.
            use: `both`, p(y | c, b, u); `bias`, p(y | b, u); or `content`, p(y | c) with equally frequent classes. With
                `label last` only `both` has a closed form.

        Returns:
            (rows, classes) probabilities.
        """
        known = ("both", "bias", "content") if self.order == "label first" else ("both",)
        if use not in known:
            raise unknown(f"use with '{self.order}'", use, known)
        content, bias = latents[:, : self.content], latents[:, self.content :]
        mu, nu, prior = self._effects
        scores = self._scores(content, bias, domain)
        if self.order == "label first":
            of_content = -0.5 * ((content[:, None] - mu) ** 2).sum(2)
            of_bias = prior[domain] - 0.5 * ((bias[:, None] - nu[domain]) ** 2).sum(2)
            scores = of_content * (use != "bias") + of_bias * (use != "content")
        scores = np.exp(scores - scores.max(1, keepdims=True))
        return scores / scores.sum(1, keepdims=True)

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`content independent of bias given label`, `same content given label`, `useful bias`, `label shift`."""
        domain, label = data["domain"], truth.labels["y"]
        found = [self._independent(truth, domain, label)]
        if self.domains > 1:
            gaps = []
            for k in range(self.classes):
                rows = label == k
                if len(np.unique(domain[rows])) > 1:
                    gaps.append(apart(truth.block("content")[rows], domain[rows]))
            gap, chance = max(gaps, key=lambda pair: pair[0] - pair[1], default=(0.0, 1.0))
            why = f"the largest gap between distribution functions is {gap:.2f}, chance goes to {chance:.2f}"
            found.append(Assumption("same p(content | y)", gap <= chance and not self._tied, why + self._why_tied))
        why = f"the bias says something of the label with weight {self.bias_effect:g}, {self.stable:.0%} of it stable"
        found.append(Assumption("useful bias", self.bias_effect > 0, why, measured=False))
        why = f"the scores of the classes move with deviation {self.label_shift:g} from domain to domain"
        return [*found, Assumption("label shift", self.label_shift > 0 and self.domains > 1, why, measured=False)]

    @property
    def _tied(self) -> bool:
        """Whether content and bias make one label: that ties them, even where a sample is too small to show it."""
        return self.order == "label last" and min(self.content_effect, self.bias_effect) > 0

    @property
    def _why_tied(self) -> str:
        return "; content and bias make the label together" * self._tied

    def _scores(self, content: np.ndarray, bias: np.ndarray, domain: np.ndarray) -> np.ndarray:
        """Scores (rows, classes) of a label that comes last."""
        mu, nu, prior = self._effects
        return 2 * content @ mu.T + 2 * (bias[:, None] * nu[domain]).sum(2) + prior[domain]

    def _independent(self, truth: Truth, domain: np.ndarray, label: np.ndarray) -> Assumption:
        """Correlation of the residuals of content and bias around their means for each label and domain."""
        group = domain * self.classes + label
        counts = np.bincount(group, minlength=self.domains * self.classes)
        inside = np.zeros((self.content, self.bias))
        chance = 0.0
        for code in np.flatnonzero(counts >= 30):
            rows = truth.latents[group == code]
            residual = (rows - rows.mean(0)) / rows.std(0)
            product = residual[:, : self.content].T @ residual[:, self.content :] / len(rows)
            # Domains turn the sign of the relation, so that an average over them would hide it.
            if np.abs(product).max() - 4 / math.sqrt(len(rows)) > np.abs(inside).max() - chance or not chance:
                inside, chance = product, 4 / math.sqrt(len(rows))
        name = "content independent of bias given label"
        if not chance:
            return Assumption(name, None, "no class of a domain has 30 rows")
        worst = float(np.abs(inside).max())
        why = f"the largest correlation within a class of a domain is {worst:.2f}, chance goes to {chance:.2f}"
        return Assumption(name, worst <= chance and not self._tied, why + self._why_tied)


def _centred(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., classes, latents) of the classes, with mean 0 over classes and mean squared length 1 per latent."""
    centred = vectors - vectors.mean(-2, keepdims=True)
    return centred / np.sqrt((centred**2).mean((-2, -1), keepdims=True))
