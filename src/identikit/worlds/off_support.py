"""A target whose style lies outside the support of the source, at a chosen distance, while its content lies inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.description import POINTS, Assumption
from identikit.worlds.mechanisms import Mechanism, draw_mechanism
from identikit.worlds.mixing import Mixing, draw_mixing

INFLUENCES = ("dense", "sparse")


@dataclass(frozen=True)
class OffSupport(World):
    r"""Content and style where the style of the target lies outside the support of the source.

    .. math:: c = m_y + r\, v, \qquad s = (1 - d)\, R\, v' + d\, R\, q(c) \;\text{(source)}, \qquad
        s = (R + \delta)\, e \;\text{(target)}, \qquad x = g(c, s)

    v and v' are uniform in a unit ball, e uniform on the unit sphere, and :math:`|q(c)| \le 1`. So the source's style
    fills a ball of radius :math:`R = \sqrt{k + 2}` for k latents, where each has variance 1 if d = 0, and the target's
    is exactly :math:`\delta` away from it. The content of each class fills a ball of radius 1; the centres of the
    classes lie evenly spaced on a line, so that neighbouring classes are `gap` apart. The label is the class of the
    content alone.

    With `dense` influence all observations are one network of content and style. With `sparse` influence all but
    `touched` observations are a network of the content alone, and those are a network of s + m(c) for a smooth m.

    Args:
        content: number of content latents.
        style: number of style latents.
        classes: of the label.
        influence: `dense` or `sparse`.
        touched: observations that a sparse style touches, at least `style` of them.
        distance: delta, how far the target's style is from the source's support, where a style has deviation 1.
        gap: between the contents of neighbouring classes; below 0 they overlap, and where they do the nearer centre
            decides.
        dependence: d, the share of the source's style that the content decides, from 0 to 1.
        share: of the rows that are from the target.
        observed: numbers in `x`.
        layers: of the networks; 1 makes them linear.
        seed: of the world: classes and mixing.

    Source: Kong et al. 2024 (arXiv 2501.09163), of whose synthetic setting a summary was read: dense and sparse
    influence, several distances. Balls, spacing and networks are this library's choice.

    >>> data, truth = OffSupport(distance=3.0).sample(500, seed=1)
    >>> data
    Dataset(500 rows: x(8,), y(), domain(); train 400, validation 50, test 50)
    >>> target = data["domain"] == 1
    >>> length = np.linalg.norm(truth.block("style"), axis=1)
    >>> bool(length[~target].max() <= 2), length[target].min().round(6).tolist()
    (True, 5.0)
    """

    content: int = 2
    style: int = 2
    classes: int = 3
    influence: str = "dense"
    touched: int = 2
    distance: float = 3.0
    gap: float = 0.5
    dependence: float = 0.0
    share: float = 0.2
    observed: int = 8
    layers: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.content < 1 or self.style < 1 or self.classes < 2:
            raise InputError(
                f"content and style have at least one latent and classes is 2 or more, not {self.content}, "
                f"{self.style} and {self.classes}"
            )
        if self.influence not in INFLUENCES:
            raise unknown("influence", self.influence, INFLUENCES)
        if self.influence == "sparse" and not self.style <= self.touched <= self.observed - self.content:
            raise InputError(
                f"touched is from {self.style} (style) to {self.observed - self.content} (observed less content), "
                f"not {self.touched}"
            )
        if self.distance < 0 or self.gap <= -2:
            raise InputError(
                f"distance is 0 or more and gap above -2, at which all classes are one, not {self.distance:g} and "
                f"{self.gap:g}"
            )
        if not 0 <= self.dependence <= 1 or not 0 < self.share < 1:
            raise InputError(
                f"dependence is from 0 to 1 and share between 0 and 1, not {self.dependence:g} and {self.share:g}"
            )
        _ = self._networks

    @property
    def radius(self) -> float:
        """Radius of the support of the source's style."""
        return math.sqrt(self.style + 2)

    @cached_property
    def centres(self) -> np.ndarray:
        """(classes, content) centres of the contents of the classes."""
        line = np.random.default_rng([self.seed, 3]).normal(size=self.content)
        places = (np.arange(self.classes) - (self.classes - 1) / 2) * (2 + self.gap)
        return places[:, None] * line / np.linalg.norm(line)

    @cached_property
    def _networks(self) -> tuple[Mixing, Mixing | None, Mechanism | None]:
        """The dense network; or those of content and of style, and how far content moves the style there."""
        rng = np.random.default_rng([self.seed, 2])
        if self.influence == "dense":
            return draw_mixing(rng, self.content + self.style, self.observed, self.layers), None, None
        free = draw_mixing(rng, self.content, self.observed - self.touched, self.layers)
        of_style = draw_mixing(rng, self.style, self.touched, self.layers)
        return free, of_style, draw_mechanism(rng, self.content, self.style)

    def mixing(self, latents: np.ndarray) -> np.ndarray:
        """Map latents (rows, content + style) to observations (rows, observed); the last ones are those touched."""
        free, of_style, move = self._networks
        if of_style is None or move is None:
            return free(latents)
        content, style = latents[:, : self.content], latents[:, self.content :]
        return np.concatenate([free(content), of_style(style + move(content))], axis=1)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, the source first.

        Returns:
            `(data, truth)`: data with `x`, `y` (hidden in the target) and `domain` (`source`, `target`); truth with the
            latents, the blocks `content` and `style`, the hidden labels and the mixing.
        """
        check_seed(seed)
        targets = round(self.share * n)
        if not 0 < targets < n:
            raise InputError(
                f"source and target need a row each: {n} rows and a share of {self.share:g} give {targets}"
            )
        rng = np.random.default_rng([self.seed, seed, 1])
        domain = (np.arange(n) >= n - targets).astype(np.int64)
        content = self.centres[rng.integers(self.classes, size=n)] + _ball(rng, n, self.content)
        label = np.linalg.norm(content[:, None] - self.centres, axis=2).argmin(1)
        inside, direction = _ball(rng, n, self.style), rng.normal(size=(n, self.style))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        near = self.radius * ((1 - self.dependence) * inside + self.dependence * self._pull(content))
        style = np.where(domain[:, None] == 1, (self.radius + self.distance) * direction, near)
        latents = np.concatenate([content, style], axis=1)
        split = make_split(n, domain, seed=seed)
        names = {
            "x": tuple(f"x{i}" for i in range(self.observed)),
            "domain": ("source", "target"),
            "y": tuple(f"class {k}" for k in range(self.classes)),
        }
        x = self.mixing(latents).astype(np.float32)
        data = Dataset(x, {"y": label, "domain": domain}, names, split, self.source(n, seed))
        total = self.content + self.style
        truth = Truth(
            latents=latents,
            names=tuple(f"c{i}" for i in range(self.content)) + tuple(f"s{i}" for i in range(self.style)),
            kinds=("continuous",) * total,
            blocks={"content": tuple(range(self.content)), "style": tuple(range(self.content, total))},
            labels={"y": label},
            mixing=self.mixing,
            split=split,
        )
        return data.hide("y", domain == 1), truth

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """`separated classes`, `target off the support`, `content independent of style`, `sparse influence`."""
        from scipy.spatial import KDTree

        content, style, label = truth.block("content"), truth.block("style"), truth.labels["y"]
        source = data["domain"] == 0
        trees = {k: KDTree(content[label == k]) for k in np.unique(label)}
        nearest = min(float(t.query(content[label != k])[0].min(initial=math.inf)) for k, t in trees.items())
        # Overlapping classes come nearer to each other than a gap of a tenth of a class's radius.
        why = f"contents of two classes come as near as {nearest:.2f}, where a class has radius 1"
        found = [Assumption("separated classes", nearest > 0.1, why)]
        away = float(np.linalg.norm(style[~source], axis=1).min()) - self.radius
        why = f"the target's style is at least {away:.2f} away from the source's support, of radius {self.radius:.2f}"
        found.append(Assumption("target off the support", away > 0, why))
        why = f"the content decides {self.dependence:.0%} of the source's style"
        found.append(Assumption("content independent of style", self.dependence == 0, why, measured=False))
        rows = truth.latents[np.linspace(0, truth.rows - 1, POINTS).astype(int)]
        moved = rows.copy()
        moved[:, self.content :] += 0.5
        touched = int((np.abs(self.mixing(moved) - self.mixing(rows)).max(0) > 1e-9).sum())
        why = f"the style touches {touched} of {self.observed} observations"
        return [*found, Assumption("sparse influence", 2 * touched <= self.observed, why)]

    def _pull(self, content: np.ndarray) -> np.ndarray:
        """A function of the content into the unit ball."""
        pull = draw_mechanism(np.random.default_rng([self.seed, 4]), self.content, self.style)(content)
        return pull / np.maximum(np.linalg.norm(pull, axis=1, keepdims=True), 1)


def _ball(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Rows (n, size) uniform in the unit ball."""
    direction = rng.normal(size=(n, size))
    return direction / np.linalg.norm(direction, axis=1, keepdims=True) * rng.random((n, 1)) ** (1 / size)
