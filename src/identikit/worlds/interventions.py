"""A latent causal model seen under interventions: perfect or soft, of known or unknown targets, paired or not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.metrics.correlation import cross_correlation
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.graphs import draw_graph
from identikit.worlds.latent_scm import LatentSCM, Step
from identikit.worlds.mixing import Mixing, draw_mixing

KINDS = ("perfect", "soft")


@dataclass(frozen=True)
class Interventional(World):
    r"""Latents of a causal model, mixed into observations by one map, in an observational and several changed domains.

    Without intervention :math:`z_i = \sqrt{a}\, f_i(z_{pa(i)}) + \sqrt{1-a}\, \epsilon_i` and :math:`x = g(z)`. In
    environment e the latents that it targets follow another equation, and all others keep theirs:

    .. math:: \text{perfect: } z_i = b_e + k_e\, \epsilon'_i, \qquad
        \text{soft: } z_i = b_e + \sqrt{a}\, f^e_i(z_{pa(i)}) + k_e \sqrt{1-a}\, \epsilon_i,

    with :math:`|b_e|` uniform in 1 to 2, :math:`k_e` log-uniform in 1/3 to 3 and at least a fifth away from 1, both
    drawn for each target, and :math:`f^e_i` another function of the same parents.

    Args:
        latents: number of latents, `z0`, `z1`, ...
        graph: parents of each latent by name; None draws one.
        edges: probability of each edge of a drawn graph.
        kind: `perfect` (the target no longer listens to its parents) or `soft` (it listens in another way).
        targets: names of the latents that each changed environment targets; None targets every latent, one at a time.
        repeats: changed environments for each latent, where `targets` is None.
        known: whether the data say which latents are targeted, in the field `target`; the truth says it always.
        paired: whether rows are counterfactual pairs: `x` is then a dict of `before` and `after`, from the same noises
            but for a perfect target's own, and there is no observational domain.
        mixing_changes: whether every domain has a mixing of its own, which breaks the theory.
        effect: a, the share of a latent's variance that its parents explain.
        noise: of the noises: `normal`, `laplace` or `uniform`.
        observed: numbers in `x`.
        layers: of the mixing; 1 makes it linear.
        seed: of the world: graph, mechanisms, interventions and mixing.

    Raises:
        InputError: a graph with a cycle, an unknown latent, or an environment without target.

    Source: Squires et al. 2023 (arXiv 2211.16467), Buchholz et al. 2023 (arXiv 2306.02235) and von Kügelgen et al. 2023
    (arXiv 2306.00542) for perfect single-latent interventions, Zhang et al. 2023 (arXiv 2307.06250) for soft ones,
    Brehmer et al. 2022 (arXiv 2203.16437) for pairs. Mechanisms and ranges are this library's choice.

    >>> data, truth = Interventional(latents=2, known=True).sample(300, seed=1)
    >>> data
    Dataset(300 rows: x(8,), domain(), target(); train 240, validation 30, test 30)
    >>> data.names["target"]
    ('none', 'z0', 'z1')
    """

    latents: int = 3
    graph: Mapping[str, tuple[str, ...]] | None = None
    edges: float = 0.75
    kind: str = "perfect"
    targets: tuple[tuple[str, ...], ...] | None = None
    repeats: int = 1
    known: bool = False
    paired: bool = False
    mixing_changes: bool = False
    effect: float = 0.6
    noise: str = "normal"
    observed: int = 8
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.latents < 1 or self.repeats < 1:
            raise InputError(f"latents and repeats are 1 or more, not {self.latents} and {self.repeats}")
        if not 0 <= self.edges <= 1:
            raise InputError(f"edges is a probability, from 0 to 1, not {self.edges:g}")
        if self.kind not in KINDS:
            raise unknown("kind of intervention", self.kind, KINDS)
        # Settings read back from JSON hold lists.
        if self.graph is not None:
            object.__setattr__(self, "graph", {child: tuple(parents) for child, parents in self.graph.items()})
        if self.targets is not None:
            object.__setattr__(self, "targets", tuple(tuple(group) for group in self.targets))
        for group in self.interventions:
            if not group:
                raise InputError("a changed environment targets at least one latent: the observational one is there")
            for name in group:
                if name not in self.scm.names:
                    raise unknown("target", name, self.scm.names)
        if not self.interventions:
            raise InputError("targets names at least one changed environment, and it is empty")
        _ = self.mixing()

    @cached_property
    def scm(self) -> LatentSCM:
        """The structural causal model of the latents without intervention."""
        names = tuple(f"z{i}" for i in range(self.latents))
        graph = draw_graph(names, np.random.default_rng([self.seed, 4]), self.edges)
        return LatentSCM(names, graph if self.graph is None else self.graph, self.effect, self.noise, self.seed)

    @property
    def interventions(self) -> tuple[tuple[str, ...], ...]:
        """The latents that each changed environment targets."""
        single = tuple((f"z{i}",) for _ in range(self.repeats) for i in range(self.latents))
        return single if self.targets is None else self.targets

    def mixing(self, domain: int = 0) -> Mixing:
        """The map from latents to observations; one for all domains unless `mixing_changes`."""
        rng = np.random.default_rng([self.seed, 2, domain if self.mixing_changes else 0])
        return draw_mixing(rng, self.latents, self.observed, self.layers)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, equally many in each domain.

        Returns:
            `(data, truth)`: data with `x` and `domain` (the environment; the observational one is the first, where
            there is one) and, where known, `target`; truth with the latents (of pairs: before, then after) and the
            label `target`, a position in (`none`, the distinct groups of targets).
        """
        check_seed(seed)
        groups = self.interventions if self.paired else ((), *self.interventions)
        if n < len(groups):
            raise InputError(f"{n} rows are fewer than the {len(groups)} domains")
        rng = np.random.default_rng([self.seed, seed, 1])
        noise, fresh = self.scm.draw_noise(n, rng), self.scm.draw_noise(n, rng)
        domain = np.sort(np.arange(n) % len(groups))
        before = self.scm.values(noise)
        after = before.copy()
        for code, group in enumerate(groups):
            here = domain == code
            own = noise[here]
            if self.kind == "perfect":
                at = [self.scm.names.index(name) for name in group]
                own[:, at] = fresh[here][:, at]
            # Each environment has its number among the changed ones, whether or not an observational one is there.
            number = code if self.paired else code - 1
            after[here] = self.scm.values(own, {name: self._change(name, number) for name in group})
        split = make_split(n, domain, seed=seed)
        kinds = tuple(dict.fromkeys(self.interventions))
        target = np.array([kinds.index(g) + 1 if g else 0 for g in groups])[domain]
        names: dict[str, tuple[str, ...]] = {"domain": tuple(f"environment {i}" for i in range(len(groups)))}
        fields = {"domain": domain}
        if self.known:
            fields["target"], names["target"] = target, ("none", *("+".join(g) for g in kinds))
        views = {"before": before, "after": after} if self.paired else {"x": after}
        x = {view: self._mixed(values, domain).astype(np.float32) for view, values in views.items()}
        names.update({view: tuple(f"x{i}" for i in range(self.observed)) for view in views})
        latents = tuple(self.scm.names)
        truth = Truth(
            latents=np.concatenate(list(views.values()), axis=1),
            names=tuple(f"{z} {view}" for view in views for z in latents) if self.paired else latents,
            kinds=("continuous",) * len(latents) * len(views),
            blocks={"before": tuple(range(self.latents)), "after": tuple(range(self.latents, 2 * self.latents))}
            if self.paired
            else {"latents": tuple(range(self.latents))},
            graph=np.kron(np.eye(len(views), dtype=np.int8), self.scm.adjacency),
            labels={"target": target},
            mixing=None if self.paired or self.mixing_changes else self.mixing(),
            split=split,
        )
        return Dataset(x if self.paired else x["x"], fields, names, split, self.source(n, seed)), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`every latent targeted`, `single targets`, `perfect interventions` and `one mixing`."""
        missing = set(self.scm.names) - {name for group in self.interventions for name in group}
        count, most = len(self.interventions), max(len(group) for group in self.interventions)
        why = f"{count} changed environments target {self.latents - len(missing)} of {self.latents} latents"
        found = [Assumption("every latent targeted", not missing, why, measured=False)]
        why = f"an environment targets at most {most} latent{'s' * (most > 1)}"
        found += [Assumption("single targets", most == 1, why, measured=False), self._perfect(data, truth)]
        worst = max(
            float(np.abs(self._mixed(rows, data["domain"]) - self.mixing()(rows)).max())
            for rows in np.split(truth.latents, truth.latents.shape[1] // self.latents, axis=1)
        )
        why = f"the mixing of a domain differs from that of the first by at most {worst:.2g}"
        return [*found, Assumption("one mixing", worst < 1e-9, why)]

    def _perfect(self, data: Dataset, truth: Truth) -> Assumption:
        """Whether targets are independent of their parents where they are targeted."""
        after = truth.block("after") if self.paired else truth.latents
        worst, chance = 0.0, 0.0
        for code, group in enumerate(self.interventions, start=0 if self.paired else 1):
            rows = after[data["domain"] == code]
            for name in group:
                parents = [self.scm.names.index(p) for p in self.scm.graph.get(name, ())]
                if not parents or len(rows) < 20:
                    continue
                # A function of a parent need not rise with it: its square shows what its rank does not.
                causes = np.concatenate([rows[:, parents], (rows[:, parents] - rows[:, parents].mean(0)) ** 2], axis=1)
                found = float(np.abs(cross_correlation(causes, rows[:, self.scm.names.index(name)])).max())
                if found - 4 / math.sqrt(len(rows)) > worst - chance or not chance:
                    worst, chance = found, 4 / math.sqrt(len(rows))
        if not chance:
            return Assumption("perfect interventions", None, "no target has a parent, or rows are too few to tell")
        why = f"the largest rank correlation of a target with a parent is {worst:.2f}, chance goes to {chance:.2f}"
        return Assumption("perfect interventions", worst <= chance, why)

    def _change(self, name: str, number: int) -> Step:
        """The equation of a latent in a changed environment."""
        rng = np.random.default_rng([self.seed, 5, number, self.scm.names.index(name)])
        shift = rng.choice([-1.0, 1.0]) * rng.uniform(1, 2)
        scale = math.exp(rng.choice([-1.0, 1.0]) * rng.uniform(math.log(1.25), math.log(3)))
        if self.kind == "perfect":
            return lambda _, noise: shift + scale * noise
        step = self.scm.redraw(name, rng)
        return lambda parents, noise: shift + step(parents, scale * noise)

    def _mixed(self, latents: np.ndarray, domain: np.ndarray) -> np.ndarray:
        if not self.mixing_changes:
            return self.mixing()(latents)
        x = np.empty((len(latents), self.observed))
        for code in np.unique(domain):
            x[domain == code] = self.mixing(int(code))(latents[domain == code])
        return x
