"""What a world promises: its latents, its graph, and which assumptions of the theory hold in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.data import Dataset, Truth
from identikit.metrics.correlation import cross_correlation

POINTS = 64
"""Rows at which the slope of a mixing is taken."""
CHANCE = 20
"""Times that rows are dealt to the domains at random, to see what chance spans."""


@dataclass(frozen=True)
class Assumption:
    """One assumption of the theory, and whether it holds in a world.

    Attributes:
        name: in the field's words, e.g. `invertible`.
        holds: None where it cannot be told.
        why: one sentence, with the figure that it rests on.
        measured: whether it was computed from a sample, or is known from how the world is built.
    """

    name: str
    holds: bool | None
    why: str
    measured: bool = True

    @property
    def word(self) -> str:
        """`holds`, `broken` or `unknown`."""
        return "unknown" if self.holds is None else "holds" if self.holds else "broken"


@dataclass(frozen=True, eq=False)
class Description:
    """A world in words: what `World.describe` returns.

    Attributes:
        world: name of the world.
        summary: its first sentence.
        latents: names of the latents.
        kinds: of the latents.
        blocks: names of the latents of each block.
        graph: (latents, latents) 0/1 array of edges; None where the world has no graph.
        assumptions: each with its verdict.
        rows: size of the sample that was looked at.
    """

    world: str
    summary: str
    latents: tuple[str, ...]
    kinds: tuple[str, ...]
    blocks: dict[str, tuple[str, ...]]
    graph: np.ndarray | None
    assumptions: tuple[Assumption, ...]
    rows: int

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs (cause, effect) of names."""
        if self.graph is None:
            return ()
        return tuple((self.latents[i], self.latents[j]) for i, j in np.argwhere(self.graph))

    def __getitem__(self, name: str) -> Assumption:
        return {a.name: a for a in self.assumptions}[name]

    def json(self) -> dict:
        """The description as plain JSON values."""
        return {
            "world": self.world,
            "summary": self.summary,
            "latents": dict(zip(self.latents, self.kinds, strict=True)),
            "blocks": {name: list(block) for name, block in self.blocks.items()},
            "edges": [list(edge) for edge in self.edges],
            "assumptions": [
                {"name": a.name, "holds": a.holds, "why": a.why, "measured": a.measured} for a in self.assumptions
            ],
            "rows": self.rows,
        }

    def __str__(self) -> str:
        kinds = dict.fromkeys(self.kinds)
        latents = "; ".join(
            f"{kind}: {', '.join(n for n, k in zip(self.latents, self.kinds, strict=True) if k == kind)}"
            for kind in kinds
        )
        lines = [f"{self.world}: {self.summary}", "", f"latents  {latents}"]
        lines += [f"block    {name}: {', '.join(members)}" for name, members in self.blocks.items()]
        if self.graph is not None:
            lines.append("edges    " + (", ".join(f"{a} -> {b}" for a, b in self.edges) or "none"))
        wide = max((len(a.name) for a in self.assumptions), default=0)
        lines += ["", f"assumptions ({self.rows:,} rows looked at)"]
        for a in self.assumptions:
            lines.append(f"  {a.name:<{wide}}  {a.word:<7}  {a.why}{'' if a.measured else ' (by construction)'}")
        return "\n".join(lines)


def look(data: Dataset, truth: Truth) -> list[Assumption]:
    """The assumptions that can be told from any sample with its truth.

    `invertible`: the slope of the mixing has full rank at 64 rows. `independent latents`: no edge, and no rank
    correlation within a domain beyond chance. `sufficiently variable`: the natural parameters (of a normal) of the
    changing latents span two dimensions for each of them over the domains. `sparse`: at most half of the possible edges
    are there. `faithful`: every edge shows as dependence of the effect on the cause.
    """
    found = []
    continuous = all(kind == "continuous" for kind in truth.kinds)
    if truth.mixing is not None and continuous and isinstance(data.x, np.ndarray) and data.x.ndim == 2:
        found.append(_invertible(truth))
    found.append(_independent(data, truth))
    if "domain" in data and truth.blocks.get("changing"):
        found.append(_variable(data, truth))
    if truth.graph is not None and truth.graph.any():
        found += [_sparse(truth.graph), _faithful(truth)]
    return found


def _invertible(truth: Truth) -> Assumption:
    assert truth.mixing is not None
    rows = truth.latents[np.linspace(0, truth.rows - 1, POINTS).astype(int)].astype(float)
    step = 1e-4 * np.maximum(truth.latents.std(0), 1e-8)
    slopes = np.stack(
        [(truth.mixing(rows + d) - truth.mixing(rows - d)) / (2 * s) for d, s in zip(np.diag(step), step, strict=True)],
        axis=-1,
    )
    observed, latents = slopes.shape[1:]
    if observed < latents:
        return Assumption("invertible", False, f"{observed} numbers are observed of {latents} latents")
    sizes = np.linalg.svd(slopes, compute_uv=False)
    condition = float((sizes[:, 0] / np.maximum(sizes[:, -1], 1e-300)).max())
    holds = condition < 1e6
    told = f"{condition:.1f}" if condition < 1e6 else "above a million"
    return Assumption("invertible", holds, f"condition of the mixing's slope at {POINTS} rows is at most {told}")


def _independent(data: Dataset, truth: Truth) -> Assumption:
    domain = data["domain"] if "domain" in data else np.zeros(data.rows, int)
    moving = [i for i, kind in enumerate(truth.kinds) if kind != "discrete"]
    worst, bound = 0.0, 0.0
    for code in np.unique(domain):
        rows = truth.latents[domain == code][:, moving]
        rows = rows[:, rows.std(0) > 0]
        if rows.shape[1] < 2 or len(rows) < 20:
            continue
        found = np.abs(cross_correlation(rows, rows))
        np.fill_diagonal(found, 0.0)
        # Four standard errors, so that chance alone hardly ever breaks it.
        if found.max() - 4 / np.sqrt(len(rows)) > worst - bound or bound == 0:
            worst, bound = float(found.max()), float(4 / np.sqrt(len(rows)))
    edges = truth.graph is not None and bool(truth.graph.any())
    if bound == 0:
        why = "the graph has edges" if edges else "too few continuous latents or rows to tell"
        return Assumption("independent latents", False if edges else None, why, measured=not edges)
    where = "within a domain" if "domain" in data else "of two latents"
    why = f"the largest rank correlation {where} is {worst:.2f}, chance goes to {bound:.2f}"
    return Assumption("independent latents", not edges and worst <= bound, why + ("; the graph has edges" * edges))


def _variable(data: Dataset, truth: Truth) -> Assumption:
    latents, domain = truth.latents[:, list(truth.blocks["changing"])], data["domain"]
    rng = np.random.default_rng(0)
    found = _natural(latents, domain)
    chance = np.stack([_natural(latents, rng.permutation(domain)) for _ in range(CHANCE)])
    scale = chance.std(axis=(0, 1)) + 1e-12
    sizes = np.linalg.svd(found / scale, compute_uv=False)
    # What rows dealt to the domains at random reach spans nothing.
    bar = float(np.linalg.svd(chance / scale, compute_uv=False).max())
    rank, wanted = int((sizes > bar).sum()), found.shape[1]
    why = f"the natural parameters of {len(found)} domains span {rank} of the {wanted} dimensions that are needed"
    return Assumption("sufficiently variable", rank >= wanted, why)


def _natural(latents: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """Natural parameters (domains, 2 * latents) of a normal in each domain, without their mean over the domains."""
    mean = np.stack([latents[domain == code].mean(0) for code in np.unique(domain)])
    variance = np.stack([latents[domain == code].var(0) for code in np.unique(domain)]) + 1e-12
    natural = np.concatenate([mean / variance, -0.5 / variance], axis=1)
    return natural - natural.mean(0)


def _sparse(graph: np.ndarray) -> Assumption:
    count = len(graph)
    edges, most = int(graph.sum()), count * (count - 1) // 2
    return Assumption("sparse", 2 * edges <= most, f"{edges} of {most} possible edges", measured=False)


def _faithful(truth: Truth) -> Assumption:
    assert truth.graph is not None
    weak: list[str] = []
    for cause, effect in np.argwhere(truth.graph):
        if not dependent(truth.latents[:, cause], truth.latents[:, effect]):
            weak.append(f"{truth.names[cause]} -> {truth.names[effect]}")
    edges = int(truth.graph.sum())
    why = f"all {edges} edges show as dependence" if not weak else f"no dependence is seen along {', '.join(weak)}"
    return Assumption("faithful", not weak, why)


def dependent(cause: np.ndarray, effect: np.ndarray, bins: int = 6) -> bool:
    """Whether a table of two variables departs from independence (chi-square, one in a thousand).

    Args:
        cause: (rows,) values.
        effect: (rows,) values.
        bins: a variable with more values than this is cut at as many quantiles.

    >>> a, b = np.random.default_rng(0).normal(size=(2, 500))
    >>> dependent(a, b), dependent(a, a**2 + b)
    (False, True)
    """
    from scipy.stats import chi2_contingency

    table = np.zeros((bins, bins))
    np.add.at(table, (_cut(cause, bins), _cut(effect, bins)), 1)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    return min(table.shape) > 1 and float(np.asarray(chi2_contingency(table)[1])) < 1e-3


def _cut(values: np.ndarray, bins: int) -> np.ndarray:
    """Codes of values: one for each that is frequent (for all where they are few), the rest are cut at quantiles."""
    levels, counts = np.unique(values, return_counts=True)
    # Quantiles would put a rare category together with the common one beside it.
    common = levels if len(levels) <= bins else levels[counts > len(values) / bins]
    rest = values[~np.isin(values, common)]
    codes = np.zeros(len(values), int)
    if len(rest):
        edges = np.unique(np.quantile(rest, np.linspace(0, 1, bins - len(common) + 1)[1:-1]))
        codes = len(common) + np.searchsorted(edges, values, side="right")
    for code, level in enumerate(common):
        codes[values == level] = code
    return codes
