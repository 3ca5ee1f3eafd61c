"""Pictures of one object on a tiled ground, ray traced from factors that a causal graph ties together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split
from identikit.worlds.base import World
from identikit.worlds.causal import CausalModel, Factor
from identikit.worlds.raytracer import SHAPES, check_pixels, render

FACTORS = (
    Factor("shape", "discrete", levels=len(SHAPES)),
    Factor("hue", "circular"),
    Factor("size", low=0.45, high=0.9),
    Factor("x", low=-0.7, high=0.7),
    Factor("y", low=-0.7, high=0.7),
    Factor("light", "circular"),
    Factor("camera", low=-0.6, high=0.6),
    Factor("background", "circular"),
)
"""The factors of a scene, in the order of the columns of its latents; angles are in radians."""

GRAPH = {"size": ("shape",), "y": ("size",), "hue": ("shape",), "camera": ("light",)}
"""The default graph: the parents of each factor that has any."""


@dataclass(frozen=True)
class Scenes(World):
    """Ray-traced pictures of a sphere, box, cylinder or cone, with eight named factors tied by a causal graph.

    The factors are `shape`, `hue`, `size`, `x`, `y`, `light`, `camera` and `background`; each is seen in the picture,
    and no object leaves it. By default the shape decides on size and hue, the size on how far away the object stands
    (`y`), and the light on where the camera is. With several domains, the factors named in `changing` follow other
    structural equations in each domain, and all others the same in each.

    Args:
        domains: number of domains, which share the rows equally.
        size: side of the square pictures in pixels, a multiple of 8 from 32 to 256.
        changing: names of the factors whose mechanism changes from domain to domain.
        graph: the names of the parents of each factor that has any.
        label: `shape` to give the shape to the learner as the class `y`, or None to hide it.
        seed: of the mechanisms.

    Raises:
        InputError: domains below 1, a picture size or label not offered, an unknown factor, or a graph with a cycle.

    >>> data, truth = Scenes(domains=3, seed=1).sample(60, seed=0)
    >>> data
    Dataset(60 rows: x(3, 64, 64), domain(), y(); train 48, validation 6, test 6)
    >>> truth.blocks
    {'invariant': (0, 2, 3, 4, 7), 'changing': (1, 5, 6)}
    >>> bool((truth.mixing(truth.latents[:5]) == data.x[:5]).all())
    True
    """

    domains: int = 1
    size: int = 64
    changing: tuple[str, ...] = ("light", "camera", "hue")
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(GRAPH))
    label: str | None = "shape"
    seed: int = 0

    def __post_init__(self) -> None:
        check_pixels(self.size)
        if self.label not in ("shape", None):
            raise InputError(f"label must be 'shape' or None, not {self.label!r}")
        # Settings read back from JSON hold lists.
        object.__setattr__(self, "changing", tuple(self.changing))
        object.__setattr__(self, "graph", {child: tuple(parents) for child, parents in self.graph.items()})
        _ = self.model

    @cached_property
    def model(self) -> CausalModel:
        """The structural causal model of the factors."""
        return CausalModel(FACTORS, self.graph, self.domains, self.changing, self.seed)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` scenes and render them.

        Args:
            n: number of rows, at least one for each domain.
            seed: of the rows.

        Returns:
            The data (`x` as uint8 pictures, `y` unless the label is hidden, `domain` where there are several), and the
            truth, whose `mixing` renders any latents (rows, 8) as uint8 pictures.
        """
        if n < self.domains:
            raise InputError(f"n must be at least 1 for each domain, and it is {n} for {self.domains}")
        rng = np.random.default_rng([self.seed, seed])
        domain = rng.permutation(np.arange(n) % self.domains)
        latents = self.model.values(self.model.noise(n, rng), domain).astype(np.float32)
        split = make_split(n, domain, seed=seed)
        shape = latents[:, 0].astype(np.int64)

        fields: dict[str, np.ndarray] = {}
        names: dict[str, tuple[str, ...]] = {}
        if self.domains > 1:
            fields["domain"], names["domain"] = domain, tuple(str(d) for d in range(self.domains))
        if self.label:
            fields["y"], names["y"] = shape, SHAPES
        truth = Truth(
            latents,
            names=self.model.names,
            kinds=tuple(f.kind for f in FACTORS),
            blocks=self.model.blocks,
            graph=self.model.adjacency,
            labels={"y": shape},
            mixing=self.pictures,
            split=split,
        )
        return Dataset(self.pictures(latents), fields, names, split, self.source(n, seed)), truth

    def pictures(self, latents: np.ndarray) -> np.ndarray:
        """Render latents (rows, 8), columns in the order of `FACTORS`, as uint8 pictures (rows, 3, size, size)."""
        if latents.ndim != 2 or latents.shape[1] != len(FACTORS):
            raise InputError(f"latents must have shape (rows, {len(FACTORS)}), not {latents.shape}")
        out = np.empty((len(latents), 3, self.size, self.size), dtype=np.uint8)
        # Parts keep the floating-point pictures small beside the result.
        for start in range(0, len(latents), 1024):
            columns = torch.as_tensor(latents[start : start + 1024], dtype=torch.float32).unbind(1)
            image = render(*columns, pixels=self.size).image
            out[start : start + 1024] = image.mul_(255).add_(0.5).to(torch.uint8).numpy()
        return out
