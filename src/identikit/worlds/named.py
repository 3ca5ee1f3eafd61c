"""Worlds by name: finding one, and making it of options that may have been through JSON."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
from collections.abc import Mapping
from typing import Any

from identikit.errors import InputError, unknown
from identikit.worlds.base import World


def known_worlds() -> dict[str, type[World]]:
    """Every world of this library by its name.

    >>> "DomainShift" in known_worlds()
    True
    """
    from identikit import worlds

    found = {name: getattr(worlds, name) for name in worlds.__all__}
    return {n: w for n, w in found.items() if inspect.isclass(w) and issubclass(w, World) and w is not World}


def find_world(name: str) -> type[World]:
    """The world of that name; `module:Class` names one of your own, in a module that can be imported.

    Raises:
        InputError: there is none; the sentence names the nearest one.
    """
    module, colon, own = name.partition(":")
    if not colon:
        known = known_worlds()
        if name not in known:
            raise unknown("world", name, known)
        return known[name]
    try:
        found = getattr(importlib.import_module(module), own)
    except (ImportError, AttributeError) as reason:
        raise InputError(f"the world '{name}' cannot be imported: {reason}") from None
    if not (inspect.isclass(found) and issubclass(found, World)):
        raise InputError(f"'{name}' is no World")
    return found


def make_world(name: str, options: Mapping[str, Any]) -> World:
    """Make a world of that name.

    >>> make_world("DomainShift", {"domains": 3}).domains
    3
    """
    world = find_world(name)
    known = inspect.signature(world).parameters
    for option in options:
        if option not in known:
            raise unknown(f"option of {name}", option, known)
    return world(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})


def written(world: World) -> tuple[str, dict[str, Any]]:
    """The name and the options of a world, as JSON values from which `make_world` makes it again.

    Raises:
        InputError: it is no dataclass, or one of its options cannot be written down.

    >>> from identikit.worlds import DomainShift
    >>> written(DomainShift(domains=3))[1]["domains"]
    3
    """
    kind = type(world)
    name = kind.__name__ if known_worlds().get(kind.__name__) is kind else f"{kind.__module__}:{kind.__qualname__}"
    if not dataclasses.is_dataclass(world):
        raise InputError(f"the world {name} is no dataclass, so its options cannot be written down")
    options = {field.name: getattr(world, field.name) for field in dataclasses.fields(world) if field.init}
    try:
        return name, json.loads(json.dumps(options, allow_nan=False))
    except (TypeError, ValueError) as reason:
        raise InputError(f"the world {name} has an option that cannot be written down as JSON: {reason}") from None
