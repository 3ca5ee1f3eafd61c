"""A fit, checked and ready to start: everything that can go wrong before training goes wrong here."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from identikit.data import Dataset, require_dataset
from identikit.engine.checks import check, check_rows
from identikit.engine.program import Learner
from identikit.engine.recipe import find
from identikit.engine.streams import seed_for
from identikit.engine.tensors import as_tensor
from identikit.errors import IdentifiabilityWarning, InputError, unknown
from identikit.nets import Model
from identikit.objective import Objective, Weight, constant

What = str | tuple[Model | Callable[[], Model], Objective]
_DEFAULTS = {"steps": 3000, "batch": 64, "lr": 1e-3, "balance": False, "weight_decay": 0.0}
_Module = TypeVar("_Module", bound=nn.Module)


@dataclass(frozen=True)
class Request:
    """What the caller of `fit` asks for; None leaves the choice to the method."""

    steps: int | None = None
    seeds: int | Sequence[int] = 1
    sweep: Mapping[str, Sequence[float]] | None = None
    device: str | None = None
    select: str = "last"
    batch: int | None = None
    lr: float | Weight | None = None
    balance: bool | None = None
    patience: int = 0
    weight_decay: float | None = None


@dataclass(frozen=True)
class Settings:
    """All that decides the result of a fit, as JSON values; `options` are all of the method's, given or not."""

    method: str
    options: dict[str, Any]
    objective: str
    seeds: tuple[int, ...]
    sweep: dict[str, list[float]]
    steps: int
    batch: int
    lr: str
    balance: bool
    select: str
    patience: int
    data: str
    version: str
    weight_decay: float = 0.0

    def json(self) -> dict[str, Any]:
        """The settings as a plain dict."""
        return {**asdict(self), "seeds": list(self.seeds)}


@dataclass(frozen=True)
class Job:
    """A checked fit.

    Attributes:
        build: makes the learner of one seed.
        data: what to train on.
        settings: all that decides the result.
        lr: learning rate.
        device: where to train.
    """

    build: Callable[[int], Learner]
    data: Dataset
    settings: Settings
    lr: Weight
    device: torch.device


def prepare(what: What, data: Dataset, request: Request, options: dict[str, Any]) -> Job:
    """Check a fit and make it ready.

    Raises:
        InputError: something given cannot be used.
    """
    from identikit import __version__

    data = require_dataset(data)
    _check_modalities(what, data)
    seeds = _seeds(request.seeds)
    _check_rule(request, data)
    sweep = {name: _factors(name, values) for name, values in (request.sweep or {}).items()}
    plain = _plain({**find(what).options, **options} if isinstance(what, str) else options)
    name, training, build = _builder(what, data, sweep, options)
    asked = {key: getattr(request, key) for key in _DEFAULTS}
    chosen: dict[str, Any] = {**_DEFAULTS, **training, **{k: v for k, v in asked.items() if v is not None}}
    if chosen["steps"] < 1 or chosen["batch"] < 2:
        raise InputError(f"steps is at least 1 and batch at least 2, not {chosen['steps']} and {chosen['batch']}")
    decay = chosen["weight_decay"]
    if not isinstance(decay, int | float) or not 0 <= decay < float("inf"):
        raise InputError(f"weight_decay is a number, 0 or more, not {decay}")
    check_rows(data, chosen["batch"])
    seeded = _seeded(build, data)
    learner = seeded(seeds[0])
    check(learner, data, chosen["batch"], chosen["balance"])
    lr = _rate(chosen["lr"], chosen["steps"])
    settings = Settings(
        method=name,
        options=plain,
        objective=str(learner.objective),
        seeds=seeds,
        sweep=sweep,
        steps=chosen["steps"],
        batch=chosen["batch"],
        lr=str(lr),
        balance=chosen["balance"],
        select=request.select,
        patience=request.patience,
        data=data.fingerprint(),
        version=__version__,
        weight_decay=float(decay),
    )
    device = _device(request.device)
    if isinstance(what, str):
        _doubt(what, data, options)
    return Job(seeded, data, settings, lr, device)


def _seeds(asked: Any) -> tuple[int, ...]:
    seeds = tuple(range(asked)) if isinstance(asked, int) else tuple(asked) if isinstance(asked, Iterable) else ()
    whole = all(isinstance(seed, int | np.integer) and seed >= 0 for seed in seeds)
    if not seeds or not whole or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds is a positive number or a list of different seeds from 0 on, not {asked}")
    return tuple(int(seed) for seed in seeds)


def _factors(name: str, values: Any) -> list[float]:
    numbers = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else []
    if not numbers or not all(isinstance(v, int | float | np.number) and np.isfinite(v) for v in numbers):
        raise InputError(f"the sweep of '{name}' is a list of one or more numbers, not {values}")
    return [float(v) for v in numbers]


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as reason:
        raise InputError(f"the device '{name}' cannot be used: {str(reason).splitlines()[0]}") from None
    return device


def _rate(lr: float | Weight | Callable[[int], Weight], steps: int) -> Weight:
    if isinstance(lr, int | float) and lr > 0:
        return constant(lr)
    if isinstance(lr, Weight) and not lr.axes:
        return lr
    if not callable(lr):
        raise InputError(f"lr is a number above 0 or a schedule, not {lr}")
    return lr(steps)


def _builder(
    what: What, data: Dataset, sweep: Mapping[str, Sequence[float]], options: dict[str, Any]
) -> tuple[str, Mapping[str, Any], Callable[[], Learner]]:
    if isinstance(what, str):
        method = find(what)

        def build() -> Learner:
            model, objective = method.build(data, **options)
            return Learner(model, objective.sweep(sweep))

        return what, method.training, build
    if not (isinstance(what, tuple) and len(what) == 2 and isinstance(what[1], Objective)):
        raise InputError(f"fit takes the name of a method or (model, objective), not a {type(what).__name__}")
    if options:
        raise InputError(f"'{next(iter(options))}' is an option of a method, and this is a model of your own")
    model, objective = what[0], what[1].sweep(sweep)
    if isinstance(model, Model):
        return "custom", {}, lambda: Learner(_fresh(model), _fresh(objective))
    if not callable(model) or isinstance(model, nn.Module):
        raise InputError(
            f"the model is an identikit.nets.Model or a function that builds one, not {type(model).__name__}"
        )
    return "custom", {}, lambda: Learner(model(), _fresh(objective))


def _fresh(module: _Module) -> _Module:
    """A copy of a module with its parameters drawn afresh."""
    module = copy.deepcopy(module)
    for part in module.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
        elif any(True for _ in part.parameters(recurse=False)):
            raise InputError(
                f"{type(part).__name__} has parameters and no reset_parameters(), so seeds would start alike: "
                "hand fit a function that builds the model"
            )
    return module


def _seeded(build: Callable[[], Learner], data: Dataset) -> Callable[[int], Learner]:
    """A function that builds the learner of one seed: parameters of its own, and the scale of the training rows."""
    train = as_tensor(data.joint()[data.index("train")])

    def seeded(seed: int) -> Learner:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(seed, "parameters"))
            learner = build()
        learner.model.prepare(train)
        return learner

    return seeded


def _check_modalities(what: What, data: Dataset) -> None:
    several = isinstance(what, str) and find(what).modalities
    if isinstance(data.x, dict) and not several:
        raise InputError(f"x holds several modalities ({', '.join(data.x)}) and these models take one: pick one")


def _check_rule(request: Request, data: Dataset) -> None:
    if request.select in ("agreement", "oracle"):
        raise InputError(
            f"'{request.select}' chooses among fitted runs: call runs.select('{request.select}') afterwards"
        )
    if request.select not in ("last", "validation"):
        raise unknown("selection rule", request.select, ("last", "validation"))
    if request.select == "validation" and len(data.index("validation")) == 0:
        raise InputError("select='validation' needs validation rows, and the data holds none")
    if request.patience < 0:
        raise InputError(f"patience is a number of checks, 0 for no early stopping, not {request.patience}")
    if request.patience and request.select != "validation":
        raise InputError("early stopping keeps the best parameters: ask for select='validation' with patience")


def _doubt(name: str, data: Dataset, options: Mapping[str, Any]) -> None:
    """Warn where the method's claim cannot hold with data of these shapes."""
    method = find(name)
    said = method.doubt and method.doubt(data.schema, {**method.options, **options})
    if said:
        # Points at the line that calls `fit` or `steps`.
        warnings.warn(said, IdentifiabilityWarning, stacklevel=4)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(options))
    except TypeError as reason:
        raise InputError(f"options of a method are plain values: {reason}") from None
