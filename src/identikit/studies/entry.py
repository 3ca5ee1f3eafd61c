"""A world or a method of a study: a name and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from identikit.errors import InputError, unknown
from identikit.worlds import World
from identikit.worlds.named import written


@dataclass(frozen=True)
class Entry:
    """A world or a method, with the options that are given.

    Attributes:
        name: of the world or method.
        options: those that are not left to their defaults.
        rows: rows to sample, where this world needs another number than the study's.

    >>> str(Entry("DomainShift", {"domains": 3}))
    'DomainShift(domains=3)'
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None

    def __str__(self) -> str:
        given = [f"{name}={value}" for name, value in self.options.items()]
        given += [] if self.rows is None else [f"rows={self.rows}"]
        return f"{self.name}({', '.join(given)})" if given else self.name

    def json(self) -> str | dict[str, Any]:
        """The name alone, or a dict with `name`, `options` and `rows`."""
        if not self.options and self.rows is None:
            return self.name
        rows = {} if self.rows is None else {"rows": self.rows}
        return {"name": self.name, **({"options": self.options} if self.options else {}), **rows}

    @staticmethod
    def of(given: Any, kind: str) -> Entry:
        """An entry from a name, a dict, an entry or, for a world, the world itself.

        Raises:
            InputError: it is none of these.
        """
        keys = ("name", "options", "rows") if kind == "world" else ("name", "options")
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
        return Entry(given["name"], dict(options), rows)


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
