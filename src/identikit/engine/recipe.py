"""What a method is: what it needs, what it claims, and how it builds model and objective."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from identikit.data import Dataset, Schema
from identikit.errors import InputError, MissingFieldError, unknown
from identikit.nets import Model
from identikit.objective import Objective


@dataclass(frozen=True)
class Claim:
    """What a method identifies, up to what, and under which assumptions.

    Attributes:
        identifies: `components`, `block`, `subspace`, `graph` or `nothing`.
        up_to: the maps that remain free, in words.
        assumes: what must hold of the data, in words.
        blocks: what is identified of each block of the code, where blocks differ; all of the code by default.
    """

    identifies: str
    up_to: str
    assumes: tuple[str, ...]
    blocks: Mapping[str, str] = field(default_factory=dict)

    def of(self, block: str) -> str:
        """What is identified of one block."""
        return self.blocks.get(block, self.identifies)


@dataclass(frozen=True)
class Check:
    """One executable side of a claim: a small world, what is measured there, and the bound it should keep.

    Attributes:
        says: what this check shows, in words.
        world: makes the world from a seed.
        options: of the fit.
        metric: maps (estimate, truth), both `(rows, ...)` arrays of the block in question, to a number.
        block: the block to compare, by its name in truth and method; `all` for every latent.
        whole: whether the metric is handed (runs, data, truth) instead: the one chosen run, and the test rows.
        at_least: the claim holds when the mean of the metric reaches this.
        below: the claim fails, as it should, when the mean of the metric stays below this.
    """

    says: str
    world: Callable[[int], Any]
    metric: Callable[..., float]
    block: str = "all"
    options: Mapping[str, Any] = field(default_factory=dict)
    at_least: float | None = None
    below: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Method:
    """A published recipe.

    Attributes:
        name: what `fit` calls it by.
        title: one sentence on the idea.
        paper: authors, year and address.
        needs: fields the data must hold, beside `x`.
        domains: the least number of domains it can be fitted with.
        modalities: whether `x` may be a dict of modalities, which its model is given side by side.
        claim: what it identifies.
        recipe: `recipe(schema, **options) -> (model, objective)`; its keywords are the method's options.
        training: what `fit` uses where the caller says nothing: `steps`, `batch`, `lr` (a number, or a function of
            the number of steps that gives a schedule), `balance`, `weight_decay`.
        checks: the claim, holding and broken, in the smallest worlds (see `identikit verify`).
        doubt: `doubt(schema, options)` says in one sentence why the claim cannot hold with data of these shapes, such
            as too few domains, or gives None; `fit` warns of it before it starts.
        assumptions: checks of fitted runs and their data that bear on the claim, by name (see `identikit.trust`).
    """

    name: str
    title: str
    paper: str
    claim: Claim
    recipe: Callable[..., tuple[Model, Objective]]
    needs: tuple[str, ...] = ()
    domains: int = 0
    modalities: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    assumptions: tuple[str, ...] = ()
    doubt: Callable[[Schema, Mapping[str, Any]], str | None] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The method's options and their defaults."""
        parameters = list(inspect.signature(self.recipe).parameters.values())[1:]
        return {p.name: p.default for p in parameters}

    def build(self, data: Dataset | Schema, **options: Any) -> tuple[Model, Objective]:
        """Make the model and the objective for data of these shapes.

        Raises:
            InputError: the data lacks a field or has too few domains, or an option is unknown.
        """
        schema = data if isinstance(data, Schema) else data.schema
        for name in options:
            if name not in self.options:
                raise unknown(f"option of {self.name}", name, self.options)
        for name in self.needs:
            if name not in schema.fields:
                raise MissingFieldError(self.name, name, schema.fields)
        if self.domains and schema.size("domain") < self.domains:
            raise InputError(
                f"{self.name} needs at least {self.domains} domains, and the data has {schema.size('domain')}"
            )
        return self.recipe(schema, **options)


METHODS: dict[str, Method] = {}


def register(method: Method) -> Method:
    """Make a method known to `fit` by its name."""
    METHODS[method.name] = method
    return method


def find(name: str) -> Method:
    """The method of that name.

    Raises:
        InputError: there is none; the sentence names the nearest one.

    >>> import identikit
    >>> find("imsda").claim.identifies
    'components'
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return METHODS[name]
