"""What worlds of filmed motion share: variables that a sequence keeps, states that move, and a picture a frame."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from identikit.data import Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.worlds.base import check_seed
from identikit.worlds.causal import CausalModel, Factor
from identikit.worlds.description import Assumption, Description
from identikit.worlds.graphs import Parents, adjacency
from identikit.worlds.renderer import PIXELS, Frames
from identikit.worlds.sequences import SequenceWorld, check_length, independent_at_one_time

ACTIONS = ("seen", "hidden")
"""Whether the learner is given the actions of a world that has them."""
_PART = 512
"""Pictures made at a time, so that floating-point pictures stay small beside the result."""
_PROBES = 8
"""Rows at which it is tried which latents a picture shows."""


def hue_colour(hue: Tensor) -> Tensor:
    """Colours (n, 3) of hues (n,) in radians: three cosines, so that the circle of hues has no seam."""
    phases = torch.tensor([0.0, 2.0, 4.0]) * (math.pi / 3)
    return 0.55 + 0.4 * torch.cos(hue[:, None] - phases)


def points(*place: Tensor | float) -> Tensor:
    """Points (n, 3) of three columns, each of numbers (n,) or one number for all."""
    return torch.stack(torch.broadcast_tensors(*(torch.as_tensor(v, dtype=torch.float32) for v in place)), dim=-1)


class Motion(NamedTuple):
    """What a simulator returns for a batch of sequences.

    Attributes:
        states: (sequences, length, states) float array.
        actions: (sequences, length, actions) float array of what is asked for at each frame and acts until the next;
            None where nothing is.
    """

    states: np.ndarray
    actions: np.ndarray | None = None


@dataclass(frozen=True)
class Episodes(SequenceWorld):
    """Films of simulated motion: a causal model draws what each sequence keeps, and a simulator moves the states.

    The rows are frames, `length` of them to a sequence. The latents are the fixed variables, which are the same in
    every frame of a sequence and follow a causal graph, and then the moving ones.

    Args:
        domains: number of domains, which share the sequences equally.
        length: frames in a sequence.
        size: side of the square pictures in pixels.
        changing: names of the fixed variables whose mechanism changes from domain to domain.
        graph: the names of the parents of each fixed variable that has any.
        do: fixed variables that are set by force in every sequence, by name.
        noise: size of the pushes that no action explains; 0 makes the motion a function of what came before.
        seed: of the mechanisms.
    """

    domains: int = 1
    length: int = 16
    size: int = 64
    changing: tuple[str, ...] = ()
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    do: Mapping[str, float] = field(default_factory=dict)
    noise: float = 0.0
    seed: int = 0

    feasible: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Values that `do` may set, where they go beyond the range of the variable."""

    def __post_init__(self) -> None:
        check_length(self.length)
        if self.size not in PIXELS:
            raise InputError(f"size is a multiple of 8 from 16 to 512 pixels, not {self.size!r}")
        if not 0 <= self.noise < np.inf:
            raise InputError(f"noise is 0 or more, not {self.noise:g}")
        check_seed(self.seed)
        # Settings read back from JSON hold lists.
        object.__setattr__(self, "changing", tuple(self.changing))
        object.__setattr__(self, "graph", {child: tuple(parents) for child, parents in self.graph.items()})
        for name, value in self.do.items():
            factor = next((f for f in self.factors if f.name == name), None)
            if factor is None:
                raise unknown("fixed variable", name, (f.name for f in self.factors))
            around = (-np.pi, np.pi) if factor.kind == "circular" else (factor.low, factor.high)
            low, high = self.feasible.get(name, around)
            if not low <= value <= high:
                raise InputError(f"do may set {name} from {low:g} to {high:g}, not to {value:g}")
        _ = self.model

    @property
    @abstractmethod
    def factors(self) -> tuple[Factor, ...]:
        """The variables that a sequence keeps, in the order of their columns."""

    @property
    @abstractmethod
    def moving(self) -> dict[str, str]:
        """The kind (`continuous`, `circular` or `discrete`) of each state that moves, by name and in order."""

    @property
    @abstractmethod
    def instant(self) -> Parents:
        """The parents of the moving latents within one frame."""

    @property
    @abstractmethod
    def transitions(self) -> Parents:
        """The parents of the moving latents in the frame before; a fixed variable acts on the way from it."""

    @property
    def actions_seen(self) -> bool:
        """Whether the learner is given the actions."""
        return True

    @abstractmethod
    def simulate(self, fixed: np.ndarray, rng: np.random.Generator) -> Motion:
        """Move the states of sequences whose fixed variables are (sequences, factors)."""

    @abstractmethod
    def render(self, latents: np.ndarray) -> Frames:
        """Draw latents (rows, latents): pictures, which thing each pixel shows, and depths."""

    @cached_property
    def model(self) -> CausalModel:
        """The structural causal model of the fixed variables."""
        return CausalModel(self.factors, self.graph, self.domains, self.changing, self.seed)

    @cached_property
    def forced(self) -> CausalModel:
        """The model as `do` leaves it: what is forced listens to nothing and is the same in all domains."""
        graph = {child: parents for child, parents in self.graph.items() if child not in self.do}
        changing = tuple(name for name in self.changing if name not in self.do)
        return replace(self.model, graph=graph, changing=changing)

    @property
    def latents(self) -> tuple[str, ...]:
        """Names of all latents: the fixed ones, then those that move."""
        return (*self.model.names, *self.moving)

    @property
    def lagged(self) -> np.ndarray:
        """(1, latents, latents) 0/1 array, entry (0, i, j) where latent i of one frame acts on latent j of the next."""
        return adjacency(self.latents, self.transitions)[None]

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Film `n` frames, ordered by sequence and then by time.

        Args:
            n: number of rows, a multiple of `length`, with at least one sequence for each domain.
            seed: of the rows.

        Returns:
            The data (`x` as uint8 pictures, `sequence`, `time`, `action` where there is one and it is seen, `domain`
            where there are several), and the truth: latents with blocks `parameters` (the fixed variables), `states`
            (those that move), `invariant` and `changing` (fixed variables by mechanism), and a `mixing` that draws any
            latents as uint8 pictures.
        """
        sequences = self.sequences(n)
        if sequences < self.domains:
            raise InputError(f"{sequences} sequences are fewer than the {self.domains} domains")
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed])
        domain = rng.permutation(np.arange(sequences) % self.domains)
        fixed = self.model.values(self.model.noise(sequences, rng), domain, self.do)
        motion = self.simulate(fixed, rng)
        kept = np.repeat(fixed, self.length, axis=0)
        latents = np.concatenate([kept, motion.states.reshape(n, -1)], axis=1).astype(np.float32)

        fields, split = self.stamps(n, seed)
        names, labels = {}, {}
        if motion.actions is not None:
            actions = motion.actions.reshape(n, -1).astype(np.float32)
            (fields if self.actions_seen else labels)["action"] = actions
        if self.domains > 1:
            fields["domain"] = np.repeat(domain, self.length)
            names["domain"] = tuple(str(d) for d in range(self.domains))
        count = len(self.factors)
        own = {"parameters": range(count), "states": range(count, latents.shape[1])}
        truth = Truth(
            latents,
            names=self.latents,
            kinds=(*(f.kind for f in self.factors), *self.moving.values()),
            blocks={name: tuple(block) for name, block in {**own, **self.forced.blocks}.items() if len(block)},
            graph=adjacency(self.latents, {**self.forced.graph, **self.instant}),
            labels=labels,
            mixing=self.pictures,
            split=split,
        )
        return Dataset(self.pictures(latents), fields, names, split, self.source(n, seed)), truth

    def pictures(self, latents: np.ndarray) -> np.ndarray:
        """Draw latents (rows, latents) as uint8 pictures (rows, 3, size, size)."""
        out = np.empty((len(latents), 3, self.size, self.size), dtype=np.uint8)
        for start in range(0, len(latents), _PART):
            out[start : start + _PART] = self.render(latents[start : start + _PART]).pictures.numpy()
        return out

    def columns(self, latents: np.ndarray) -> dict[str, Tensor]:
        """Latents (rows, latents) as tensors (rows,) by name."""
        self.check_latents(latents)
        return dict(zip(self.latents, torch.as_tensor(latents, dtype=torch.float32).unbind(1), strict=True))

    def check_latents(self, latents: np.ndarray) -> None:
        """Raise an InputError unless latents have one column for each latent of this world."""
        if latents.ndim != 2 or latents.shape[1] != len(self.latents):
            raise InputError(f"latents must have shape (rows, {len(self.latents)}), not {latents.shape}")

    def describe(self, n: int | None = None, seed: int = 0) -> Description:
        """Say what the latents are and which assumptions hold; by default from 60 sequences, since pictures take time.

        Args:
            n: rows of the sample from which it is computed, rounded up to whole sequences.
            seed: of that sample.
        """
        return super().describe(max(60, self.domains) * self.length if n is None else n, seed)

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """What one picture shows, whether the motion has noise of its own, and whether the actions are seen."""
        hidden = self._unseen(truth)
        shown = f"moving one latent at a time changes all of {_PROBES} pictures"
        told = f"one picture does not show {', '.join(hidden)}" if hidden else shown
        push = (
            f"pushes of size {self.noise:g} enter every frame" if self.noise else "the motion has no noise of its own"
        )
        found = [
            independent_at_one_time(truth, self.length, self.lagged),
            Assumption("invertible", not hidden, told),
            Assumption("noise in transitions", self.noise > 0, push, measured=False),
        ]
        if "action" in data or "action" in truth.labels:
            seen = "action" in data
            why = "the field action holds them" if seen else "they are in truth.labels alone"
            found.append(Assumption("actions seen", seen, why, measured=False))
        return found

    def _unseen(self, truth: Truth) -> list[str]:
        """The latents that may change without any change in at least one of a few pictures."""
        rows = truth.latents[np.linspace(0, truth.rows - 1, _PROBES).astype(int)]
        tries = [rows]
        for i, kind in enumerate(truth.kinds):
            step = {"circular": 1.5, "discrete": 1.0}.get(kind, 0.5 * float(truth.latents[:, i].std()))
            middle = 0.0 if kind == "circular" else float(truth.latents[:, i].mean())
            moved = rows.copy()
            # Towards the middle, so that no value leaves its range.
            moved[:, i] += np.where(moved[:, i] > middle, -step, step)
            tries.append(moved)
        plain, *others = np.split(self.pictures(np.concatenate(tries)), len(tries))
        changed = [(other != plain).any(axis=(1, 2, 3)).all() for other in others]
        varies = truth.latents.std(0) > 0
        return [name for name, shows, moves in zip(truth.names, changed, varies, strict=True) if moves and not shows]
