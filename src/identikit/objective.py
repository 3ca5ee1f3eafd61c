"""The algebra of objectives: `task + weight * constraint + ...`, with numbers, schedules and axes as weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from identikit.data import Schema
from identikit.errors import InputError, MissingFieldError, unknown
from identikit.nets import Batch, Code, Model


@dataclass(frozen=True)
class Schedule:
    """A number that changes with the training step; made by `ramp`, `constant` or `cosine`."""

    kind: str
    start: float
    stop: float
    steps: int
    begin: int = 0

    def at(self, step: int) -> float:
        """The value at a training step."""
        share = min(max((step - self.begin) / self.steps, 0.0), 1.0)
        if self.kind == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return self.start + (self.stop - self.start) * share

    def __str__(self) -> str:
        later = f", begin={self.begin}" if self.begin else ""
        return f"{self.kind}({self.start:g}, {self.stop:g}, steps={self.steps}{later})"


@dataclass(frozen=True)
class Axis:
    """Several values of one weight, to be trained side by side; made by `axis`.

    Axes that come from one call of `axis` are one axis, so that `w * a + w * b` is `w * (a + b)`.
    """

    values: tuple[float, ...] = field(compare=False)
    name: str = field(compare=False)
    origin: object = field(default_factory=object, repr=False)

    def __str__(self) -> str:
        return f"axis({list(self.values)})"


@dataclass(frozen=True)
class Weight:
    """A product of numbers, schedules and axes; multiply it with a term to weigh the term.

    >>> weight = 2 * ramp(0, 1, steps=10)
    >>> weight.at(5)
    1.0
    """

    factors: tuple[float | Schedule | Axis, ...]

    def __mul__(self, other: object) -> Weight:
        if isinstance(other, Weight):
            return Weight(self.factors + other.factors)
        if isinstance(other, int | float):
            return Weight((*self.factors, float(other)))
        return NotImplemented

    __rmul__ = __mul__

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes among the factors."""
        return tuple(f for f in self.factors if isinstance(f, Axis))

    def at(self, step: int, point: Mapping[str, Tensor] | None = None) -> float | Tensor:
        """The value at a training step; `point` gives the value of each axis, one number or one for each run."""
        value: float | Tensor = 1.0
        for factor in self.factors:
            if isinstance(factor, Axis):
                if point is None or factor.name not in point:
                    raise InputError(f"the weight axis '{factor.name}' was given no value")
                value = value * point[factor.name]
            else:
                value = value * (factor.at(step) if isinstance(factor, Schedule) else factor)
        return value

    def __repr__(self) -> str:
        return " * ".join(f"{f:g}" if isinstance(f, float) else str(f) for f in self.factors) or "1"


def ramp(start: float, stop: float, steps: int, begin: int = 0) -> Weight:
    """A weight that goes from `start` to `stop` in a straight line over `steps` training steps, then stays.

    Args:
        start: value up to the step `begin`.
        stop: value from the step `begin + steps`.
        steps: how many training steps the way takes.
        begin: the step it sets out at.

    >>> [ramp(0, 4, steps=4).at(step) for step in (0, 1, 4, 9)]
    [0.0, 1.0, 4.0, 4.0]
    """
    return _schedule("ramp", start, stop, steps, begin)


def cosine(start: float, stop: float, steps: int, begin: int = 0) -> Weight:
    """A weight that goes from `start` to `stop` along half a cosine over `steps` training steps, then stays.

    Args:
        start: value up to the step `begin`.
        stop: value from the step `begin + steps`.
        steps: how many training steps the way takes.
        begin: the step it sets out at.

    >>> round(cosine(1, 0, steps=4).at(2), 6)
    0.5
    """
    return _schedule("cosine", start, stop, steps, begin)


def constant(value: float) -> Weight:
    """A weight that stays as it is.

    >>> constant(3).at(100)
    3.0
    """
    return Weight((float(value),))


def axis(values: Sequence[float], name: str = "") -> Weight:
    """Several weights trained side by side, one run (for each seed) for each value.

    Args:
        values: the weights.
        name: what the axis is called in results; the name of the term that it weighs by default.

    >>> axis([0, 0.1, 1]).axes[0].values
    (0.0, 0.1, 1.0)
    """
    if len(values) == 0:
        raise InputError("an axis of weights needs at least one value")
    return Weight((Axis(tuple(float(v) for v in values), name),))


def _schedule(kind: str, start: float, stop: float, steps: int, begin: int) -> Weight:
    if steps < 1 or begin < 0:
        raise InputError(f"a {kind} needs at least one step and begins at step 0 or later, not {steps} and {begin}")
    return Weight((Schedule(kind, float(start), float(stop), int(steps), int(begin)),))


class Term(nn.Module):
    """One differentiable scalar that training makes small.

    To write one, set `role`, `needs` and `uses`, and give `forward(code, batch)` that returns one number for each run:
    reduce the last axes (`mean(-1)` over the batch) and leave what stands before them. A term that does so for tensors
    with a leading axis of runs may set `batches_runs = True`; otherwise the engine maps it over the runs.

    A term may own an inner player, such as a discriminator: a module that `player` returns and that learns to make
    `inner` small while everything else learns to make the objective small. Then `forward` holds the parameters of the
    player fixed, and `inner` those of the model: each detaches what is not its own.

    Attributes:
        role: `task` (what the code must preserve) or `constraint` (what structure it must have).
        needs: fields of the data that it reads.
        known: those of them that must not be hidden in any row.
        uses: parts of the `Code` that it reads.
        noise_size: standard normal numbers that `inner` wants for each row.
        rate: learning rate of the inner player, as a multiple of the fit's.
    """

    role: str = "constraint"
    needs: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    noise_size: int = 0
    rate: float = 1.0
    batches_runs = False

    @property
    def name(self) -> str:
        """What the term is called in results: its class, with its field or block where it has one."""
        label = getattr(self, "field", None) or getattr(self, "block", None)
        return f"{type(self).__name__}({label})" if label else type(self).__name__

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The value of the term, one number for each run."""
        raise NotImplementedError

    def player(self) -> nn.Module | None:
        """The inner player; none by default."""
        return None

    def inner(self, code: Code, batch: Batch, noise: Tensor) -> Tensor:
        """What the inner player makes small, one number for each run; noise is `(..., batch, noise_size)`."""
        raise NotImplementedError

    def __add__(self, other: Term | Objective) -> Objective:
        return Objective([(Weight(()), self)]) + other

    def __mul__(self, weight: float | Weight) -> Objective:
        return Objective([(Weight(()), self)]) * weight

    __rmul__ = __mul__


@dataclass(frozen=True)
class Loss:
    """The value of an objective: the weighted total and each term before weighing, one number for each run."""

    total: Tensor
    parts: dict[str, Tensor]


class Objective(nn.Module):
    """A weighted sum of terms.

    Built by the algebra (`task + 0.1 * constraint`) or from `[(weight, term), ...]`. Sums commute, and a weight
    distributes over a sum.

    >>> from identikit import constraints, tasks
    >>> objective = tasks.Reconstruction() + 0.02 * constraints.MatchPrior()
    >>> objective
    Reconstruction + 0.02 * MatchPrior
    >>> 2 * objective
    2 * Reconstruction + 0.02 * 2 * MatchPrior
    """

    batches_runs = True

    def __init__(self, entries: Sequence[tuple[float | Weight, Term]]) -> None:
        super().__init__()
        weights = [w if isinstance(w, Weight) else constant(w) for w, _ in entries]
        self.terms = nn.ModuleList(term for _, term in entries)
        names = [term.name for _, term in entries]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise InputError(f"the objective holds '{sorted(repeated)[0]}' twice: add their weights instead")
        self.weights = _name_axes(weights, names)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms, in order."""
        return tuple(term.name for _, term in self.entries())

    def entries(self) -> list[tuple[Weight, Term]]:
        """The weights and terms."""
        return [(w, t) for w, t in zip(self.weights, self.terms, strict=True) if isinstance(t, Term)]

    def __add__(self, other: Term | Objective) -> Objective:
        if isinstance(other, Term):
            other = Objective([(Weight(()), other)])
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective([*self.entries(), *other.entries()])

    def __mul__(self, weight: float | Weight) -> Objective:
        if isinstance(weight, int | float):
            weight = constant(weight)
        if not isinstance(weight, Weight):
            return NotImplemented
        return Objective([(own * weight, term) for own, term in self.entries()])

    __rmul__ = __mul__

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes among the weights, by name."""
        return {axis.name: axis for weight in self.weights for axis in weight.axes}

    def grid(self) -> dict[str, Tensor]:
        """Every combination of the values of the axes, as one tensor for each axis; empty without axes."""
        names = list(self.axes)
        points = list(itertools.product(*(self.axes[name].values for name in names)))
        return {name: torch.tensor([p[i] for p in points]) for i, name in enumerate(names)}

    def sweep(self, values: Mapping[str, Sequence[float]]) -> Objective:
        """The objective with the weight of each named term multiplied by an axis of values.

        >>> from identikit import constraints, tasks
        >>> (tasks.Reconstruction() + constraints.MatchPrior()).sweep({"MatchPrior": [0.1, 1]})
        Reconstruction + axis([0.1, 1.0]) * MatchPrior
        """
        entries = self.entries()
        for name, numbers in values.items():
            found = [i for i, own in enumerate(self.names) if name in (own, own.split("(")[0])]
            if len(found) != 1:
                raise unknown("term to sweep", name, self.names)
            weight, term = entries[found[0]]
            entries[found[0]] = (weight * axis(numbers, name), term)
        return Objective(entries)

    def check(self, model: Model, schema: Schema) -> None:
        """Say in one sentence what a term needs and the data or the model lacks."""
        for term in (term for _, term in self.entries()):
            for name in term.needs:
                if name not in schema.fields:
                    raise MissingFieldError(term.name, name, schema.fields)
            for part in term.uses:
                if part not in model.provides:
                    raise InputError(f"{term.name} needs a model with {part}, and this one has none")

    @property
    def noise_size(self) -> int:
        """Standard normal numbers that the inner players want for each row."""
        return sum(term.noise_size for _, term in self.entries())

    def inner(self, code: Code, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """The loss of each term's inner player, of noise `(..., batch, noise_size)`; none without players."""
        terms = [term for _, term in self.entries() if term.player() is not None]
        shares = noise.split([term.noise_size for term in terms], -1) if terms else ()
        return {term.name: term.inner(code, batch, own) for term, own in zip(terms, shares, strict=True)}

    def forward(self, code: Code, batch: Batch, point: Mapping[str, Tensor] | None = None) -> Loss:
        """The total and its parts.

        Args:
            code: of one run, or of many with a leading axis.
            batch: what the code was made from.
            point: the value of each axis, a number or one for each run; without it, the total of a code of one run
                gets one entry for each combination of the axes (see `grid`).
        """
        if point is None:
            point = self.grid()
        parts = {term.name: term(code, batch) for _, term in self.entries()}
        total = sum(weight.at(batch.step, point) * parts[term.name] for weight, term in self.entries())
        return Loss(torch.as_tensor(total), parts)

    def __repr__(self) -> str:
        return " + ".join(f"{w} * {t.name}" if w.factors else t.name for w, t in self.entries())


def _name_axes(weights: Sequence[Weight], terms: Sequence[str]) -> list[Weight]:
    """Name each unnamed axis after the term that it weighs first, and see that no two axes share a name."""
    named: dict[Axis, Axis] = {}
    for weight, term in zip(weights, terms, strict=True):
        for own in weight.axes:
            named.setdefault(own, own if own.name else replace(own, name=term))
    names = [own.name for own in named.values()]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise InputError(f"two axes of weights are called '{sorted(repeated)[0]}': give one of them another name")
    return [Weight(tuple(named[f] if isinstance(f, Axis) else f for f in w.factors)) for w in weights]
