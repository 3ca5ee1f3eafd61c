"""One self-contained HTML page made of sections, which opens from disk without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from identikit.errors import InputError
from identikit.writing import write_text


@dataclass(frozen=True)
class Section:
    """One section of a page.

    Attributes:
        id: its anchor within its part: letters, digits and dashes.
        title: its heading.
        html: its content, as HTML that is put into the page as it is; see `plot`, `picture_grid` and `table`.
    """

    id: str
    title: str
    html: str


@dataclass(frozen=True)
class _Part:
    id: str
    title: str
    lead: str
    sections: list[Section]


class Page:
    """A page that grows section by section, in parts where it holds several studies.

    Args:
        title: of the page.
        lead: one or two sentences below it.

    >>> import tempfile, pathlib
    >>> page = Page("Two studies").part("toy", "A toy").add(Section("data", "The data", "<p>Few.</p>"))
    >>> path = page.part("real", "Real").add(Section("data", "The data", "<p>Many.</p>")).write(
    ...     pathlib.Path(tempfile.mkdtemp(), "page.html"))
    >>> page.anchors
    ['toy-data', 'real-data']
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title = title
        self.lead = lead
        self._parts: list[_Part] = []

    @property
    def anchors(self) -> list[str]:
        """The anchor of every section, in order."""
        return [_anchor(part, section) for part in self._parts for section in part.sections]

    def part(self, id: str, title: str, lead: str = "") -> Page:
        """Begin a part: the anchors of the sections added from here on begin with its id."""
        _check_id(id)
        if id in (part.id for part in self._parts):
            raise InputError(f"the page has a part '{id}' already: give this one another id")
        self._parts.append(_Part(id, title, lead, []))
        return self

    def add(self, *sections: Section) -> Page:
        """Put sections at the end."""
        if not self._parts:
            self._parts.append(_Part("", "", "", []))
        for section in sections:
            if not isinstance(section, Section):
                raise InputError(f"a page is made of Sections, not of a {type(section).__name__}")
            _check_id(section.id)
            anchor = _anchor(self._parts[-1], section)
            if anchor in self.anchors:
                raise InputError(f"the page has a section '{anchor}' already: give this one another id")
            self._parts[-1].sections.append(section)
        return self

    def html(self) -> str:
        """The whole page as text."""
        from jinja2 import Environment, StrictUndefined
        from plotly.offline import get_plotlyjs

        template = files("identikit.reports").joinpath("templates", "page.html.j2").read_text(encoding="utf-8")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        parts: list[dict[str, Any]] = [
            {
                "id": part.id,
                "title": part.title,
                "lead": part.lead,
                "sections": [(_anchor(part, section), section) for section in part.sections],
            }
            for part in self._parts
        ]
        return environment.from_string(template).render(
            title=self.title, lead=self.lead, parts=parts, plotly=get_plotlyjs()
        )

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all.

        Raises:
            InputError: the file cannot be written.
        """
        return write_text(path, self.html(), "report")


def _anchor(part: _Part, section: Section) -> str:
    return f"{part.id}-{section.id}" if part.id else section.id


def _check_id(id: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", id):
        raise InputError(f"an id is made of letters, digits and dashes, and begins with a letter: not '{id}'")
