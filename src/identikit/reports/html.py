"""Small pieces of HTML; every piece escapes the text it is given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already, and must not be escaped again."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape a value, unless it is HTML already.

    >>> text("a < b"), text(Html("<b>a</b>"))
    ('a &lt; b', '<b>a</b>')
    """
    return value if isinstance(value, Html) else Html(escape(str(value)))


def tag(name: str, *content: object, kind: str = "") -> Html:
    """One element around its content.

    >>> tag("p", "1 < 2", kind="note")
    '<p class="note">1 &lt; 2</p>'
    """
    head = f'{name} class="{escape(kind)}"' if kind else name
    return Html(f"<{head}>{''.join(map(text, content))}</{name}>")


def join(*pieces: object) -> Html:
    """Pieces one after another."""
    return Html("\n".join(map(text, pieces)))


def note(why: object) -> Html:
    """A sentence that stands where something could not be shown."""
    return tag("p", why, kind="note")


def bullets(items: Iterable[object]) -> Html:
    """A list of points."""
    return tag("ul", *(tag("li", item) for item in items))


def facts(pairs: Iterable[tuple[object, object]]) -> Html:
    """Names and their values, side by side."""
    rows = [tag("dt", name) + tag("dd", value) for name, value in pairs]
    return Html(f'<dl class="facts">{"".join(rows)}</dl>')


def table(
    header: Sequence[object], rows: Iterable[Sequence[object]], caption: object = "", digits: int | None = None
) -> Html:
    """A table; cells that are numbers stand at the right.

    Args:
        header: names of the columns.
        rows: the cells; text is escaped.
        caption: what to see in it.
        digits: decimals of numbers that are not whole; as many as help, by default.
    """
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(_cell(c, digits) for c in row)}</tr>" for row in rows)
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return Html(f'<figure><div class="scroll">{whole}</div>{below}</figure>')


def details(summary: str, *content: object) -> Html:
    """Content that opens with a click."""
    return Html(f"<details><summary>{escape(summary)}</summary>{''.join(map(text, content))}</details>")


def code(source: str) -> Html:
    """Source text as it is."""
    return Html(f"<pre><code>{escape(source)}</code></pre>")


def number(value: float, digits: int = 3) -> str:
    """A number with as many digits as help.

    >>> [number(v) for v in (0.12345, 12345.6, 2.0, 1e-7, float("nan"))]
    ['0.123', '12,346', '2', '1e-07', '-']
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def _cell(value: object, digits: int | None) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = f"{value:.{digits}f}" if digits is not None and isinstance(value, float) else number(value)
        return f'<td class="number">{shown}</td>'
    return f"<td>{text(value)}</td>"
