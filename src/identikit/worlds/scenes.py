"""Pictures of one object on a tiled ground, ray traced from factors that a causal graph ties together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split
from identikit.worlds.base import World, check_seed
from identikit.worlds.causal import CausalModel, Factor
from identikit.worlds.raytracer import SHAPES, Rendering, check_pixels, render
from identikit.worlds.renderer import Frames

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
_CAMERA = 6

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
        views: pictures of each scene, taken from so many sides at equal angles; the first is where the factor `camera`
            says. With more than one, `x` is a dict of pictures by name (`view0`, `view1`, ...), and a large object in a
            corner may now and then touch the edge of a view.
        do: factors that are set by force, each to one value; the same seeds without it are the counterfactual.
        seed: of the mechanisms.

    Raises:
        InputError: domains or views below 1, a picture size or label not offered, an unknown factor, a graph with a
            cycle, or a factor forced out of its range.

    >>> data, truth = Scenes(domains=3, seed=1).sample(60, seed=0)
    >>> data
    Dataset(60 rows: x(3, 64, 64), domain(), y(); train 48, validation 6, test 6)
    >>> truth.blocks
    {'invariant': (0, 2, 3, 4, 7), 'changing': (1, 5, 6)}
    >>> bool((truth.mixing(truth.latents[:5]) == data.x[:5]).all())
    True
    >>> Scenes(views=2, size=32).sample(10)[0].schema.x
    {'view0': (3, 32, 32), 'view1': (3, 32, 32)}
    """

    domains: int = 1
    size: int = 64
    changing: tuple[str, ...] = ("light", "camera", "hue")
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(GRAPH))
    label: str | None = "shape"
    views: int = 1
    do: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_pixels(self.size)
        if self.label not in ("shape", None):
            raise InputError(f"label must be 'shape' or None, not {self.label!r}")
        if self.views < 1:
            raise InputError(f"views must be at least 1, not {self.views}")
        # Settings read back from JSON hold lists.
        object.__setattr__(self, "changing", tuple(self.changing))
        object.__setattr__(self, "graph", {child: tuple(parents) for child, parents in self.graph.items()})
        _ = self.model.forced(self.do)
        for f in FACTORS:
            low, high = (0, f.levels - 1) if f.kind == "discrete" else (f.low, f.high)
            value = self.do.get(f.name, low)
            if f.kind != "circular" and not (low <= value <= high and (f.kind != "discrete" or value == int(value))):
                kind = "a whole number" if f.kind == "discrete" else "a number"
                raise InputError(f"{f.name} can be set to {kind} from {low:g} to {high:g}, not {value:g}")

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
            The data (`x` as uint8 pictures, or a dict of them by view; `y` unless the label is hidden; `domain` where
            there are several), and the truth, whose `mixing` renders any latents (rows, 8) as uint8 pictures. Of
            several views it has none, and `all_views` renders them.
        """
        check_seed(seed)
        if n < self.domains:
            raise InputError(f"n must be at least 1 for each domain, and it is {n} for {self.domains}")
        rng = np.random.default_rng([self.seed, seed])
        domain = rng.permutation(np.arange(n) % self.domains)
        latents = self.model.values(self.model.noise(n, rng), domain, self.do).astype(np.float32)
        split = make_split(n, domain, seed=seed)
        shape = latents[:, 0].astype(np.int64)

        fields: dict[str, np.ndarray] = {}
        names: dict[str, tuple[str, ...]] = {}
        if self.domains > 1:
            fields["domain"], names["domain"] = domain, tuple(str(d) for d in range(self.domains))
        if self.label:
            fields["y"], names["y"] = shape, SHAPES
        forced = self.model.forced(self.do)
        x = self.pictures(latents) if self.views == 1 else self.all_views(latents)
        truth = Truth(
            latents,
            names=self.model.names,
            kinds=tuple(f.kind for f in FACTORS),
            blocks=forced.blocks,
            graph=forced.adjacency,
            labels={"y": shape},
            # A map to one array, which several views are not.
            mixing=self.pictures if self.views == 1 else None,
            split=split,
        )
        return Dataset(x, fields, names, split, self.source(n, seed)), truth

    def render(self, latents: np.ndarray, view: int = 0) -> Frames:
        """Draw latents (rows, 8), columns in the order of `FACTORS`: pictures, which thing is seen where, and depths.

        The mask is 1 where the object covers half of a pixel or more, and the depth that of the nearest surface in it.
        """
        made = self._traced(latents, view)
        return Frames(made.image, (made.mask >= 0.5).long(), made.depth)

    def pictures(self, latents: np.ndarray, view: int = 0) -> np.ndarray:
        """Draw latents (rows, 8) as uint8 pictures (rows, 3, size, size), from one of the views."""
        _check(latents)
        out = np.empty((len(latents), 3, self.size, self.size), dtype=np.uint8)
        # Parts keep the floating-point pictures small beside the result.
        for start in range(0, len(latents), 1024):
            image = self._traced(latents[start : start + 1024], view).image
            out[start : start + 1024] = image.mul_(255).add_(0.5).to(torch.uint8).numpy()
        return out

    def all_views(self, latents: np.ndarray) -> dict[str, np.ndarray]:
        """Draw latents (rows, 8) from every side: uint8 pictures (rows, 3, size, size) by name of the view."""
        return {f"view{i}": self.pictures(latents, i) for i in range(self.views)}

    def _traced(self, latents: np.ndarray, view: int) -> Rendering:
        _check(latents)
        if not 0 <= view < self.views:
            raise InputError(f"view is from 0 to {self.views - 1}, not {view}")
        columns = list(torch.as_tensor(latents, dtype=torch.float32).unbind(1))
        if view:
            columns[_CAMERA] = columns[_CAMERA] + 2 * math.pi * view / self.views
        return render(*columns, pixels=self.size)


def _check(latents: np.ndarray) -> None:
    if latents.ndim != 2 or latents.shape[1] != len(FACTORS):
        raise InputError(f"latents must have shape (rows, {len(FACTORS)}), not {latents.shape}")
