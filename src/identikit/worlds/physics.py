"""Films of simple physics whose parameters a causal graph ties together and whose motion is exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split
from identikit.worlds.apparatus import SETUPS, Apparatus, check_ranges
from identikit.worlds.base import World, check_seed
from identikit.worlds.causal import CausalModel
from identikit.worlds.description import Assumption, Description
from identikit.worlds.renderer import PIXELS, Frames, draw

PART = 256
"""Pictures drawn at a time, so that floating-point pictures stay small beside the result."""


@dataclass(frozen=True)
class Physics(World):
    r"""Films of a bouncing ball, a spring, a sliding block, a collision, or a ray of light that is bent at a boundary.

    The parameters of a film (mass, gravity, friction, ...) are drawn once for each sequence from a structural causal
    model, whose mechanisms may change from domain to domain. The states (positions and speeds) start from them and
    follow the equations of `worlds.simulators` exactly,

    .. math:: s_0 = a(\theta), \qquad s_{t+1} = \Phi_{\Delta}(s_t, \theta) + w \sqrt\Delta\, \varepsilon_t,

    where the disturbance acts on one speed alone and is left out by default. A picture is a function of the latents of
    its frame.

    Args:
        scene: `fall`, `spring`, `slope`, `collision` or `refraction`.
        length: frames in a sequence.
        domains: number of domains, which share the sequences equally.
        size: side of the square pictures in pixels, a multiple of 8 from 16 to 512.
        changing: parameters whose mechanism changes from domain to domain; None for those of the scene.
        graph: the names of the parents of each parameter that has any; None for those of the scene.
        ranges: other smallest and largest values of parameters.
        do: parameters that are set by force, each to one value; the same seeds without it are the counterfactual.
        disturbance: w, size of the random kicks; 0 for a motion without noise.
        step: seconds from frame to frame.
        seed: of the mechanisms.

    Raises:
        InputError: an unknown scene or parameter, a graph with a cycle, a picture size not offered, or a range that no
            such thing has (a mass of 0, a friction that holds the block, ...).

    Source: the scenes take after the physical part of CausalVerse (Chen et al. 2025, arXiv 2510.14049); their
    parameters, graphs and ranges are this library's choice.

    >>> data, truth = Physics("fall", length=4, domains=2, size=32).sample(40)
    >>> data
    Dataset(40 rows: x(3, 32, 32), sequence(), time(), domain(); train 32, validation 4, test 4)
    >>> {name: [truth.names[i] for i in block] for name, block in truth.blocks.items()}["changing"]
    ['gravity', 'hue']
    """

    scene: str = "fall"
    length: int = 16
    domains: int = 1
    size: int = 64
    changing: tuple[str, ...] | None = None
    graph: Mapping[str, tuple[str, ...]] | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    do: Mapping[str, float] = field(default_factory=dict)
    disturbance: float = 0.0
    step: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scene not in SETUPS:
            raise unknown("scene", self.scene, SETUPS)
        if self.size not in PIXELS:
            raise InputError(f"the picture size must be a multiple of 8 from 16 to 512, not {self.size!r}")
        for name, value, least in (("length", self.length, 1), ("domains", self.domains, 1)):
            if value < least:
                raise InputError(f"{name} must be at least {least}, not {value}")
        if not self.step > 0 or not self.disturbance >= 0:
            raise InputError(f"step must be above 0 and disturbance 0 or more: {self.step}, {self.disturbance}")
        check_seed(self.seed)
        known = tuple(f.name for f in self.setup.factors)
        for name in (*self.ranges, *self.do):
            if name not in known:
                raise unknown("parameter", name, known)
        # Settings read back from JSON hold lists.
        object.__setattr__(self, "ranges", {k: tuple(v) for k, v in self.ranges.items()})
        if self.changing is not None:
            object.__setattr__(self, "changing", tuple(self.changing))
        if self.graph is not None:
            object.__setattr__(self, "graph", {k: tuple(v) for k, v in self.graph.items()})
        if "hue" in self.ranges:
            raise InputError("hue is an angle, whose range is the whole circle: leave it out of the ranges")
        for name, (low, high) in self.ranges.items():
            if not low < high:
                raise InputError(f"the range of {name} must go from a smaller to a larger value, not {low} to {high}")
        ends = {f.name: (f.low, f.high) for f in self.model.factors if f.kind == "continuous"}
        check_ranges(ends | {name: (value, value) for name, value in self.do.items()})

    @property
    def setup(self) -> Apparatus:
        """The set-up of the scene."""
        return SETUPS[self.scene]

    @cached_property
    def model(self) -> CausalModel:
        """The structural causal model of the parameters."""
        ends = {name: {"low": low, "high": high} for name, (low, high) in self.ranges.items()}
        factors = tuple(replace(f, **ends.get(f.name, {})) for f in self.setup.factors)
        graph = self.setup.parents if self.graph is None else self.graph
        changing = self.setup.changing if self.changing is None else self.changing
        return CausalModel(factors, graph, self.domains, changing, self.seed)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the latents: the parameters, then the states."""
        return (*self.model.names, *self.setup.states)

    @property
    def lagged(self) -> np.ndarray:
        """(1, latents, latents) 0/1 array: entry (0, i, j) where i in one frame acts on j in the next."""
        return self._edges(self.setup.moving)[None]

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` frames: `n / length` sequences.

        Args:
            n: number of rows, a multiple of `length`, with at least one sequence for each domain.
            seed: of the sequences.

        Returns:
            The data (`x` as uint8 pictures, `sequence`, `time` as the number of the frame, and `domain` where there are
            several), and the truth: latents with blocks `parameters`, `states`, `invariant` and `changing` (parameters
            by mechanism), and a `mixing` that renders any latents.
        """
        check_seed(seed)
        films, rest = divmod(n, self.length)
        if rest or films < self.domains:
            raise InputError(
                f"n must be a multiple of the length {self.length}, with a sequence for each of {self.domains} "
                f"domain{'s' * (self.domains > 1)}, not {n}"
            )
        rng = np.random.default_rng([self.seed, seed])
        domain = rng.permutation(np.arange(films) % self.domains)
        values = self.model.values(self.model.noise(films, rng), domain, self.do)
        states = self.simulate(values, rng.normal(size=(self.length, films)))
        latents = np.concatenate([np.repeat(values[:, None], self.length, 1), states], 2)
        latents = latents.reshape(n, -1).astype(np.float32)

        sequence = np.repeat(np.arange(films), self.length)
        fields = {"sequence": sequence.astype(np.float32), "time": np.tile(np.arange(self.length), films)}
        fields["time"] = fields["time"].astype(np.float32)
        names: dict[str, tuple[str, ...]] = {}
        if self.domains > 1:
            fields["domain"], names["domain"] = domain[sequence], tuple(str(d) for d in range(self.domains))
        split = make_split(n, seed=seed, groups=sequence)
        count, forced = len(self.model.names), self.model.forced(self.do)
        truth = Truth(
            latents,
            names=self.names,
            kinds=tuple("circular" if name == "hue" else "continuous" for name in self.names),
            blocks={
                "parameters": tuple(range(count)),
                "states": tuple(range(count, len(self.names))),
                **forced.blocks,
            },
            graph=self._edges({**forced.graph, **self.setup.acts}),
            mixing=self.pictures,
            split=split,
        )
        return Dataset(self.pictures(latents), fields, names, split, self.source(n, seed)), truth

    def simulate(self, values: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The states of sequences.

        Args:
            values: (sequences, parameters) values, columns in the order of the model's factors.
            noise: (length, sequences) standard normal numbers, which `disturbance` scales; the first are not used.

        Returns:
            (sequences, length, states) array.
        """
        parameters = dict(zip(self.model.names, values.T, strict=True))
        state = self.setup.start(parameters)
        film = [state]
        kicked, unit = self.setup.speed
        for kick in noise[1:]:
            state = self.setup.flow(parameters, state, self.step)
            if self.disturbance:
                moved = state[kicked] + self.disturbance * unit * np.sqrt(self.step) * kick
                # A time of 0 lets the walls and stops have their say.
                state = self.setup.flow(parameters, {**state, kicked: moved}, 0.0)
            film.append(state)
        return np.stack([np.stack([s[name] for name in self.setup.states], 1) for s in film], 1)

    def render(self, latents: np.ndarray) -> Frames:
        """Draw latents (rows, latents): pictures, which thing is seen in each pixel, and depths."""
        latents = np.asarray(latents)
        if latents.ndim != 2 or latents.shape[1] != len(self.names):
            raise InputError(f"latents must have shape (rows, {len(self.names)}), not {latents.shape}")
        columns = torch.as_tensor(latents, dtype=torch.float32).T.contiguous()
        return draw(self.setup.things(dict(zip(self.names, columns, strict=True))), self.setup.camera, self.size)

    def pictures(self, latents: np.ndarray) -> np.ndarray:
        """Draw latents (rows, latents) as uint8 pictures (rows, 3, size, size)."""
        parts = [self.render(latents[i : i + PART]).pictures.numpy() for i in range(0, max(len(latents), 1), PART)]
        return np.concatenate(parts)

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """What one picture shows, whether parameters stay as they are, and whether the motion has noise of its own."""
        films = truth.latents.reshape(-1, self.length, len(self.names))
        drift = float(
            np.abs(films[:, 1:, : len(self.model.names)] - films[:, :1, : len(self.model.names)]).max(initial=0)
        )
        unseen = ", ".join(self.setup.unseen)
        noisy = self.disturbance > 0
        return [
            Assumption("invertible", False, f"one picture does not show {unseen}; the film does", measured=False),
            Assumption("fixed parameters", drift == 0, f"within a sequence they move by at most {drift:g}"),
            Assumption(
                "noise in every transition",
                noisy,
                f"{self.setup.speed[0]} gets random kicks of size {self.disturbance:g}"
                if noisy
                else "the motion is fixed once parameters and start are",
                measured=False,
            ),
        ]

    def describe(self, n: int = 2_000, seed: int = 0) -> Description:
        """As `World.describe`, of as many whole sequences as `n` rows hold."""
        return super().describe(max(n // self.length, self.domains) * self.length, seed)

    def _edges(self, parents: Mapping[str, tuple[str, ...]]) -> np.ndarray:
        found = np.zeros((len(self.names),) * 2, dtype=np.int8)
        for child, causes in parents.items():
            for cause in causes:
                found[self.names.index(cause), self.names.index(child)] = 1
        return found
