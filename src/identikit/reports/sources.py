"""Where the data of a fit came from: reading it again, and saying so as Python and as a command line."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from identikit import datasets
from identikit.data import Dataset, Truth
from identikit.datasets.reshaped import SHAPES, reshaped
from identikit.engine import METHODS, Runs, Settings
from identikit.errors import InputError
from identikit.worlds.named import find_world, make_world


def restore(source: Mapping[str, Any], fingerprint: str | None = None) -> tuple[Dataset, Truth | None]:
    """Read or sample the data of a fit again.

    Args:
        source: `runs.source`.
        fingerprint: what the data must have, e.g. `runs.settings.data`; None for any.

    Returns:
        The data, and its truth where a world or a shipped data set has one.

    Raises:
        InputError: the source is empty, a file is gone, or the data is no longer the same.

    >>> from identikit.worlds import DomainShift
    >>> data, _ = DomainShift(domains=3).sample(60, seed=4)
    >>> again, truth = restore(data.source, data.fingerprint())
    >>> again.rows, truth.names
    (60, ('c0', 'c1', 's0', 's1'))
    """
    if "world" in source:
        made = make_world(source["world"], source.get("options", {}))
        data, truth = reshaped(*made.sample(source["n"], seed=source["seed"]), source)
    else:
        data, truth = datasets.reload(source)
    if fingerprint is not None and data.fingerprint() != fingerprint:
        where = source.get("path") or source.get("world") or source.get("reader")
        raise InputError(f"the data from {where} is no longer what the runs were fitted on: it has changed since")
    return data, truth


def python_call(runs: Runs) -> str:
    """The Python that fits these runs again."""
    settings, source = runs.settings, runs.source
    if "world" in source:
        made = _arguments(_changed(find_world(source["world"]), source.get("options", {})))
        head = f"data, truth = ik.worlds.{source['world']}({made}).sample({source['n']:_}, seed={source['seed']})"
    elif "stream" in source:
        head = f"data, truth = ik.worlds.reopen({source['stream']!r})"
    elif source.get("reader") in (known := {**datasets.SHIPPED, **datasets.DOWNLOADED}):
        reader = source["reader"]
        given = _changed(known[reader].read, {k: v for k, v in source.items() if k != "reader"})
        head = f"data, truth = ik.datasets.{reader}({_arguments(given)})"
    elif "reader" in source:
        place = "path" if "path" in source else "x"
        rest = {k: v for k, v in source.items() if k not in ("reader", place)}
        read = getattr(datasets, source["reader"])
        words = filter(None, [repr(source[place]), _arguments(_changed(read, rest))])
        head = f"data = ik.datasets.{source['reader']}({', '.join(words)})"
    else:
        head = "data = ...  # it only ever was in memory"
    if "reader" in source and source.get("hidden"):
        head += f"\n# labels of {', '.join(source['hidden'])} were then hidden: data = data.hide(...)"
    for shape, call in zip(SHAPES, ("as_views", "windows"), strict=True):
        if shape in source:
            names = "data, truth" if head.startswith("data, truth") else "data"
            head += f"\n{names} = ik.datasets.{call}({names}, {_arguments(source[shape])})"
    what = f'"{settings.method}"' if settings.method != "custom" else "(model, objective)"
    seeds: Any = list(settings.seeds)
    seeds = len(seeds) if seeds == list(range(len(seeds))) else seeds
    given = {"steps": settings.steps, "seeds": seeds, "batch": settings.batch}
    words = [what, "data", _arguments(given)]
    if not _own_lr(settings):
        words.append("lr=" + re.sub(r"\b(ramp|cosine)\(", r"ik.\1(", settings.lr))
    rest: dict[str, Any] = {"sweep": settings.sweep} if settings.sweep else {}
    rest |= {"balance": True} if settings.balance else {}
    rest |= {"select": settings.select} if settings.select != "last" else {}
    rest |= {"patience": settings.patience} if settings.patience else {}
    rest |= {} if _own_decay(settings) else {"weight_decay": settings.weight_decay}
    words.append(_arguments({**rest, **_own_options(settings)}))
    lines = ["import identikit as ik", "", head, f"runs = ik.fit({', '.join(filter(None, words))})"]
    if runs.rule not in ("last", settings.select):
        lines.append(f'runs = runs.select("{runs.rule}"{", truth" if runs.rule == "oracle" else ""})')
    return "\n".join(lines)


def command(runs: Runs, out: str = "runs/again") -> str | None:
    """The command line that fits these runs again; None where none can."""
    settings, source = runs.settings, runs.source
    if settings.method == "custom" or not source or settings.seeds != tuple(range(len(settings.seeds))):
        return None
    own_lr = _own_lr(settings)
    plain = own_lr or re.fullmatch(r"[\d.e+-]+", settings.lr)
    hidden = "reader" in source and source.get("hidden")
    if settings.balance or settings.patience or hidden or not plain or source.get("windows", {}).get("next"):
        return None
    words = ["identikit", "fit", settings.method]
    if "world" in source:
        words += ["--data", f"world:{source['world']}", "--rows", str(source["n"]), "--seed", str(source["seed"])]
        options = _changed(find_world(source["world"]), source.get("options", {}))
    elif "stream" in source:
        words, options = [*words, "--data", source["stream"]], {}
    elif source.get("reader") in (known := {**datasets.SHIPPED, **datasets.DOWNLOADED}):
        options = _changed(known[source["reader"]].read, {k: v for k, v in source.items() if k != "reader"})
        words += ["--data", source["reader"], "--seed", str(options.pop("seed", 0))]
    else:
        place = "path" if "path" in source else "x"
        words += ["--data", source[place], "--seed", str(source["seed"])]
        flags = ("x", "y", "domain", "time") if place == "path" else ("y", "domain", "time")
        for flag in flags:
            if source.get(flag):
                value = source[flag]
                words += [f"--{flag}", value if isinstance(value, str) else ",".join(value)]
        given = {k: v for k, v in source.items() if k not in ("reader", place, "seed", *flags)}
        options = _changed(getattr(datasets, source["reader"]), given)
    if any(isinstance(value, Mapping) for value in options.values()):
        return None
    for name, value in options.items():
        words += ["--source", f"{name}={_flat(value)}"]
    if "views" in source:
        words += ["--views", f"{source['views']['first']},{source['views']['second']}"]
    words += ["--past", str(source["windows"]["past"])] if "windows" in source else []
    words += ["--seeds", str(len(settings.seeds)), "--steps", str(settings.steps)]
    words += ["--batch", str(settings.batch)] + ([] if own_lr else ["--lr", settings.lr])
    words += [] if _own_decay(settings) else ["--weight-decay", str(settings.weight_decay)]
    words += ["--select", settings.select] if settings.select != "last" else []
    for name, value in _own_options(settings).items():
        words += ["--set", f"{name}={_flat(value)}"]
    for name, values in settings.sweep.items():
        words += ["--sweep", f"{name}={_flat(values)}"]
    return shlex.join([*words, "--out", out])


def _own_options(settings: Settings) -> dict[str, Any]:
    """The options of the method that differ from their defaults."""
    method = METHODS.get(settings.method)
    return settings.options if method is None else _changed(method.recipe, settings.options)


def _own_lr(settings: Settings) -> bool:
    """Whether the learning rate is what the method chooses by itself."""
    method = METHODS.get(settings.method)
    lr = 1e-3 if method is None else method.training.get("lr", 1e-3)
    return settings.lr == str(lr(settings.steps) if callable(lr) else lr)


def _own_decay(settings: Settings) -> bool:
    """Whether the weight decay is what the method chooses by itself."""
    method = METHODS.get(settings.method)
    return settings.weight_decay == (0.0 if method is None else method.training.get("weight_decay", 0.0))


def _changed(function: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from their defaults."""
    known = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    for own in getattr(function, "__dataclass_fields__", {}).values():
        if callable(own.default_factory):
            known[own.name] = own.default_factory()
    plain = json.loads(json.dumps({k: known[k] for k in given if k in known}, default=str))
    return {k: v for k, v in given.items() if k in plain and json.loads(json.dumps(v, default=str)) != plain[k]}


def _arguments(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _flat(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
