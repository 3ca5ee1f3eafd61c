"""The list of data sets that come with the library, and reading again what was read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import from_arrays
from identikit.datasets.emoji import emoji
from identikit.datasets.table import from_table
from identikit.errors import InputError, unknown


@dataclass(frozen=True)
class Shipped:
    """A data set that comes with the library.

    Attributes:
        about: what it holds, in one sentence.
        licence: under which it may be used and passed on.
        truth: what is known beyond the observed fields.
        read: the function that reads it; returns `(Dataset, Truth)`.
    """

    about: str
    licence: str
    truth: str
    read: Callable[..., tuple[Dataset, Truth]]


SHIPPED: dict[str, Shipped] = {
    "emoji": Shipped(
        about="1,160 emoji drawn in 5 styles, 64 x 64 RGB, with 9 groups, 95 sub-groups, names and keywords.",
        licence="Noto Emoji: Apache-2.0; Fluent Emoji: MIT; concept table: MIT with Unicode-3.0 data.",
        truth="concept and style of every picture (the factors within a style are not known).",
        read=emoji,
    ),
}


def load(name: str, **options: Any) -> tuple[Dataset, Truth]:
    """Read a shipped data set by name.

    Args:
        name: a key of `SHIPPED`.
        **options: of its reader.

    Raises:
        InputError: an unknown name.

    >>> load("emoij")
    Traceback (most recent call last):
    identikit.errors.InputError: unknown data set 'emoij': did you mean 'emoji'? (known: emoji)
    """
    if name not in SHIPPED:
        raise unknown("data set", name, SHIPPED)
    return SHIPPED[name].read(**options)


def reload(source: Mapping[str, Any]) -> tuple[Dataset, Truth | None]:
    """Read data again from the `source` that a `Dataset` carries.

    Args:
        source: `Dataset.source`, or the same after a way through JSON.

    Returns:
        The data, and its truth where a shipped data set has one.

    Raises:
        InputError: the source is empty (the data only ever was in memory), that of a world, or that of data whose
            labels were hidden by `Dataset.hide` after reading.

    >>> data, _ = load("emoji", size=16, styles=["noto"])
    >>> again, truth = reload(data.source)
    >>> again.fingerprint() == data.fingerprint()
    True
    """
    if "world" in source:
        raise InputError(f"this data was sampled from the world '{source['world']}': sample it again, no file holds it")
    if source.get("hidden"):
        raise InputError(
            f"labels of '{source['hidden'][0]}' were hidden after reading, and the file shows them: hide anew"
        )
    if "reader" not in source:
        raise InputError("this data only ever was in memory, or is a part of what was read: hand it over as it is")
    options = {k: v for k, v in source.items() if k != "reader"}
    if source["reader"] in SHIPPED:
        return load(source["reader"], **options)
    readers = {"from_arrays": from_arrays, "from_table": from_table}
    if source["reader"] not in readers:
        raise unknown("reader", source["reader"], [*readers, *SHIPPED])
    return readers[source["reader"]](**options), None
