"""A world or a method of a study: a name and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from identikit.data import Dataset, Truth
from identikit.datasets import as_views, windows
from identikit.errors import InputError, unknown
from identikit.worlds import World
from identikit.worlds.named import make_world, written


@dataclass(frozen=True)
class Entry:
    """A world or a method, with the options that are given.

    Attributes:
        name: of the world or method.
        options: those that are not left to their defaults.
        rows: rows to sample, where this world needs another number than the study's.
        past: past time points to stand beside each row of a world of time, as `datasets.windows` gives them.
        views: whether two modalities of the world become `x` and the field `view`, as `datasets.as_views` makes them.

    >>> str(Entry("Temporal", {"latents": 3}, past=2))
    'Temporal(latents=3, past=2)'
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None
    past: int = 0
    views: bool = False

    def __str__(self) -> str:
        given = [f"{name}={value}" for name, value in self.options.items()]
        given += [f"{name}={value}" for name, value in self._beside.items()]
        return f"{self.name}({', '.join(given)})" if given else self.name

    def json(self) -> str | dict[str, Any]:
        """The name alone, or a dict with `name` and what else is given."""
        if not self.options and not self._beside:
            return self.name
        return {"name": self.name, **({"options": self.options} if self.options else {}), **self._beside}

    @property
    def shape(self) -> dict[str, Any]:
        """What is done to the world's sample before it is used; nothing where nothing is asked for."""
        return {name: value for name, value in (("past", self.past), ("views", self.views)) if value}

    @property
    def _beside(self) -> dict[str, Any]:
        return {**({} if self.rows is None else {"rows": self.rows}), **self.shape}

    @staticmethod
    def of(given: Any, kind: str) -> Entry:
        """An entry from a name, a dict, an entry or, for a world, the world itself.

        Raises:
            InputError: it is none of these.
        """
        keys = ("name", "options", "rows", "past", "views") if kind == "world" else ("name", "options")
        if isinstance(given, Entry):
            return given
        if isinstance(given, World) and kind == "world":
            name, options = written(given)
            return Entry(name, {key: options[key] for key in _changed(given)})
        if isinstance(given, str):
            return Entry(given)
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
            raise InputError(f"a {kind} of a study is a name or {{'name': ..., 'options': {{...}}}}, not {given!r}")
        for key in given:
            if key not in keys:
                raise unknown(f"key of a {kind}", key, keys)
        options, rows = given.get("options", {}), given.get("rows")
        if not isinstance(options, Mapping):
            raise InputError(f"the options of the {kind} '{given['name']}' are names and values, not {options!r}")
        if rows is not None and (not isinstance(rows, int) or rows < 1):
            raise InputError(f"the rows of the world '{given['name']}' are a whole number above 0, not {rows!r}")
        past, views = given.get("past", 0), given.get("views", False)
        if not isinstance(past, int) or past < 0:
            raise InputError(f"the past of the world '{given['name']}' is a number of time points, not {past!r}")
        return Entry(given["name"], dict(options), rows, past, bool(views))


def draw(
    name: str, options: Mapping[str, Any], rows: int, seed: int, past: int = 0, views: bool = False
) -> tuple[Dataset, Truth]:
    """A sample of a world in the form that a study asks for.

    >>> draw("Temporal", {"length": 10}, 200, 0, past=2)[0]["past"].shape
    (160, 2, 8)
    """
    data, truth = make_world(name, options).sample(rows, seed=seed)
    if views:
        data, truth = as_views(data, truth)
    return windows(data, truth, past=past, next=False) if past else (data, truth)


def _changed(world: World) -> list[str]:
    """The options of a world that are not left to their defaults.

    >>> from identikit.worlds import DomainShift
    >>> _changed(DomainShift(domains=9, invariant=3))
    ['invariant']
    """
    own = [f for f in fields(world) if f.init] if is_dataclass(world) else []
    defaults = {f.name: f.default_factory() if callable(f.default_factory) else f.default for f in own}
    return [name for name, default in defaults.items() if getattr(world, name) != default]


def labels(entries: Sequence[Entry]) -> list[str]:
    """What tables call each entry: its name, with its options where another has the same name.

    >>> labels([Entry("vae"), Entry("vae", {"latents": 2}), Entry("imsda", {"latents": 2})])
    ['vae', 'vae(latents=2)', 'imsda']
    """
    names = [entry.name for entry in entries]
    return [str(entry) if names.count(entry.name) > 1 else entry.name for entry in entries]
