"""`Study`: worlds x methods x a sweep x seeds, as one value that can be written down."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from identikit.engine import METHODS, find
from identikit.engine.selection import RULES
from identikit.errors import InputError, unknown
from identikit.metrics.named import GROUPS, METRICS
from identikit.splits import SPLITS
from identikit.studies.entry import Entry, draw, labels
from identikit.studies.job import FORMAT, Job
from identikit.worlds.named import make_world, written
from identikit.writing import write_text


@dataclass(frozen=True)
class Study:
    """Every method on every world, at every point of a sweep, with every seed.

    Args:
        worlds: `World` objects, names, or `{"name": ..., "options": {...}, "rows": ...}`; `module:Class` names a world
            of your own. Beside these, `"past": 2` gives each row of a world of time its past, and `"views": true` makes
            two modalities `x` and `view`.
        methods: names of registered methods, or `{"name": ..., "options": {...}}`.
        seeds: how many seeds, or which.
        sweep: values by name: of an option, for every method that has it; of the weight of a term, for the others.
            Every combination is a point.
        metrics: names for `score`; None for its quick ones.
        select: the rule by which one run among the seeds is chosen: `validation`, `independence`, `agreement`,
            `oracle`, or `last` for no choice. All runs are recorded; see `Runs.select`.
        rows: rows to sample from each world.
        data_seed: of these samples.
        steps: training steps; the method's own number by default.
        batch: rows in each step; the method's own number by default.
        lr: learning rate; the method's own by default.
        weight_decay: how fast weights shrink by themselves (see `fit`); the method's own by default.
        keep: which parameters each run keeps: `last` or `validation`.
        part: the rows that are scored.
        target: an MCC on these rows; the CPU seconds until each run reaches it are recorded, at one of 20 looks. It
            changes nothing else.
        imports: modules that every worker imports first, e.g. one that registers a method of your own.

    Raises:
        InputError: a name is unknown, or a value cannot be used; it says which, before any work starts.

    >>> study = Study(worlds=["DomainShift"], methods=["vae", "imsda"], seeds=2)
    >>> study
    Study(1 world x 2 methods x 2 seeds = 4 jobs, chosen by validation)
    >>> Study.parse(study.json()) == study
    True
    """

    worlds: Sequence[Any]
    methods: Sequence[Any]
    seeds: Any = 4
    sweep: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    metrics: str | Sequence[str] | None = None
    select: str = "validation"
    rows: int = 9_000
    data_seed: int = 0
    steps: int | None = None
    batch: int | None = None
    lr: float | None = None
    weight_decay: float | None = None
    keep: str = "last"
    part: str = "test"
    target: float | None = None
    imports: Sequence[str] = ()

    def __post_init__(self) -> None:
        imports = _names("imports", self.imports)
        for module in imports:
            _load(module)
        values = {
            "imports": imports,
            "worlds": _entries("world", self.worlds),
            "methods": _entries("method", self.methods),
            "seeds": _seeds(self.seeds),
            "sweep": _axes(self.sweep),
            "metrics": None if self.metrics is None else _names("metrics", self.metrics),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        for name in self.metrics or ():
            if name not in METRICS and name not in GROUPS:
                raise unknown("metric", name, [*METRICS, *GROUPS])
        for name, value, known in (
            ("selection rule", self.select, RULES),
            ("set of parameters to keep", self.keep, ("last", "validation")),
            ("part of the rows", self.part, (*SPLITS, "all")),
        ):
            if value not in known:
                raise unknown(name, value, known)
        for name in ("rows", "steps", "batch"):
            value = getattr(self, name)
            if (value is not None or name == "rows") and (not isinstance(value, int) or value < 1):
                raise InputError(f"{name} is a whole number above 0, not {value!r}")
        for name in ("lr", "target"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise InputError(f"{name} is a number above 0, not {value!r}")
        decay = self.weight_decay
        if decay is not None and not (isinstance(decay, int | float) and math.isfinite(decay) and decay >= 0):
            raise InputError(f"weight_decay is a number, 0 or more, not {decay!r}")
        if not isinstance(self.data_seed, int) or self.data_seed < 0:
            raise InputError(f"data_seed is 0 or more, not {self.data_seed!r}")
        if self.select == "agreement" and len(self.seeds) < 2:
            raise InputError("the rule 'agreement' compares runs of different seeds: give the study at least two")
        for method in self.methods:
            for option in method.options:
                if option not in find(method.name).options:
                    raise unknown(f"option of {method.name}", option, find(method.name).options)
        options = {name for method in self.methods for name in find(method.name).options}
        if weights := [name for name in self.sweep if name not in options]:
            self._check_weights(weights, options)
        jobs = self.jobs
        if len({job.id for job in jobs}) < len(jobs):
            raise InputError("two jobs of the study have the same settings: name each world and method once")

    def _check_weights(self, names: list[str], options: set[str]) -> None:
        """See that each method has these terms, in its model of the first world."""
        for name in names:
            if not all(isinstance(value, int | float) for value in self.sweep[name]):
                raise InputError(f"the sweep of the weight '{name}' is a list of numbers, not {self.sweep[name]}")
        world = self.worlds[0]
        data, _ = draw(world.name, world.options, world.rows or self.rows, self.data_seed, **world.shape)
        for method in self.methods:
            _, objective = find(method.name).build(data, **method.options)
            for name in names:
                if name not in {part for own in objective.names for part in (own, own.split("(")[0])}:
                    raise unknown(f"option or term of {method.name} to sweep", name, (*options, *objective.names))

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """Every job, those that can be trained as one program next to each other."""
        shared = {
            "format": FORMAT,
            "data_seed": self.data_seed,
            "steps": self.steps,
            "batch": self.batch,
            "lr": self.lr,
            "keep": self.keep,
            "metrics": None if self.metrics is None else list(self.metrics),
            "part": self.part,
            "target": self.target,
        }
        if self.weight_decay is not None:
            # Only where it is given, so that jobs of studies without it keep their names.
            shared["weight_decay"] = self.weight_decay
        jobs: list[Job] = []
        seen = list(zip(self.worlds, labels(self.worlds), strict=True))
        used = list(zip(self.methods, labels(self.methods), strict=True))
        for (world, world_label), (method, method_label) in product(seen, used):
            name, options = written(make_world(world.name, world.options))
            place = {"world": {"name": name, "options": options, **world.shape}, "rows": world.rows or self.rows}
            own = find(method.name).options
            chosen = {axis: values for axis, values in self.sweep.items() if axis in own}
            weights = {axis: values for axis, values in self.sweep.items() if self._weighs(axis)}
            for point in _points(chosen):
                how = {"name": method.name, "options": _plain({**own, **method.options, **point})}
                for weight in _points(weights):
                    about = {**shared, **place, "method": how, "weights": {k: float(v) for k, v in weight.items()}}
                    for seed in self.seeds:
                        jobs.append(Job({**about, "seed": seed}, world_label, method_label, {**point, **weight}))
        return tuple(jobs)

    def _weighs(self, axis: str) -> bool:
        """Whether an axis is the weight of a term: it is no option of any method of the study."""
        return all(axis not in find(method.name).options for method in self.methods)

    def json(self) -> dict[str, Any]:
        """The study as plain JSON values; `Study.parse` reads it back."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        entries = {name: [entry.json() for entry in plain[name]] for name in ("worlds", "methods")}
        return json.loads(json.dumps({**plain, **entries}))

    @staticmethod
    def parse(value: Mapping[str, Any]) -> Study:
        """Rebuild a study from `Study.json()`."""
        if not isinstance(value, Mapping):
            raise InputError(f"a study is written as names and values, not as a {type(value).__name__}")
        known = [f.name for f in fields(Study)]
        for name in value:
            if name not in known:
                raise unknown("setting of a study", name, known)
        for name in ("worlds", "methods"):
            if name not in value:
                raise InputError(f"a study needs '{name}', and none are given")
        return Study(**value)

    def save(self, path: str | Path) -> Path:
        """Write the study as a JSON file."""
        return write_text(path, json.dumps(self.json(), indent=2) + "\n", "study")

    @staticmethod
    def load(path: str | Path) -> Study:
        """Read a study from a JSON file.

        Raises:
            InputError: there is no such file, it is no JSON, or it holds something that cannot be used.
        """
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as reason:
            raise InputError(f"the study {path} cannot be read: {reason.strerror}") from None
        except ValueError as reason:
            raise InputError(f"{path} is no JSON: {reason}") from None
        return Study.parse(value)

    def __repr__(self) -> str:
        counts = [(len(self.worlds), "world"), (len(self.methods), "method"), (len(self.seeds), "seed")]
        said = [f"{count} {what}{'s' * (count > 1)}" for count, what in counts]
        if self.sweep:
            # An option that some methods lack is no axis for these.
            points = len(self.jobs) / math.prod(count for count, _ in counts)
            said.insert(2, f"{points:.3g} points" + " on average" * (points % 1 > 0))
        return f"Study({' x '.join(said)} = {len(self.jobs)} jobs, chosen by {self.select})"


def _load(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as reason:
        raise InputError(f"the module '{module}' that the study imports cannot be imported: {reason}") from None


def _entries(kind: str, given: Any) -> tuple[Entry, ...]:
    many = [given] if isinstance(given, str | Mapping) or not isinstance(given, Iterable) else list(given)
    entries = tuple(Entry.of(each, kind) for each in many)
    if not entries:
        raise InputError(f"a study needs at least one {kind}")
    for entry in entries:
        if kind == "method" and entry.name not in METHODS:
            raise unknown("method", entry.name, METHODS)
        if kind == "world":
            make_world(entry.name, entry.options)
        _plain(entry.options)
    return entries


def _seeds(given: Any) -> tuple[int, ...]:
    seeds = tuple(range(given)) if isinstance(given, int) else tuple(given) if isinstance(given, Iterable) else ()
    if not seeds or not all(isinstance(s, int) and s >= 0 for s in seeds) or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds is a positive number or a list of different seeds from 0 on, not {given!r}")
    return seeds


def _axes(given: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(given, Mapping):
        raise InputError(f"sweep is values by name, such as {{'MatchPrior': [0.5, 1]}}, not {given!r}")
    for name, values in given.items():
        many = isinstance(values, Iterable) and not isinstance(values, str | Mapping)
        if not many or not list(values):
            raise InputError(f"the sweep of '{name}' is a list of one or more values, not {values!r}")
    axes = {name: tuple(values) for name, values in given.items()}
    _plain(axes)
    return axes


def _names(what: str, given: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{what} of a study are names, so that they can be written down, not {given!r}")
    return names


def _points(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(options, allow_nan=False))
    except (TypeError, ValueError) as reason:
        raise InputError(f"options of a study are plain values that JSON can hold: {reason}") from None
