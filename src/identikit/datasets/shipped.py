"""The lists of data sets that come with the library or are fetched, and reading again what was read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import from_arrays
from identikit.datasets.causal3dident import causal3dident
from identikit.datasets.causal_chambers import causal_chambers
from identikit.datasets.causalverse import causalverse
from identikit.datasets.causalverse_video import causalverse_video
from identikit.datasets.dsprites import dsprites
from identikit.datasets.emoji import emoji
from identikit.datasets.mpi3d import mpi3d
from identikit.datasets.office_caltech import office_caltech
from identikit.datasets.pacs import pacs
from identikit.datasets.reshaped import plain, reshaped
from identikit.datasets.sachs import sachs
from identikit.datasets.shapes3d import shapes3d
from identikit.datasets.table import from_table
from identikit.datasets.tennessee_eastman import tennessee_eastman
from identikit.errors import InputError, unknown
from identikit.worlds.streaming import reopen


@dataclass(frozen=True)
class Shipped:
    """A data set that comes with the library, or that its reader fetches.

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
    "sachs": Shipped(
        about="11 proteins in 7,466 human cells under 9 conditions, with the protein that each condition acts on.",
        licence="CC0-1.0.",
        truth="the consensus graph of the proteins, which are themselves observed: nothing is latent.",
        read=sachs,
    ),
    "tennessee_eastman": Shipped(
        about="44 runs of a simulated chemical plant under 21 faults, 31,700 rows of 52 variables, 3 minutes apart.",
        licence="University of Illinois licence (permissive; names may not be used to endorse).",
        truth="the fault that acts in each row (the states of the plant are not known).",
        read=tennessee_eastman,
    ),
}
"""The data sets within the library."""

DOWNLOADED: dict[str, Shipped] = {
    "causal3dident": Shipped(
        about="277,200 renderings of 7 objects, 224 x 224 RGB, whose 11 factors depend on each other.",
        licence="CC-BY-4.0.",
        truth="all 11 factors of every picture; their graph differs by object and is not encoded.",
        read=causal3dident,
    ),
    "causal_chambers": Shipped(
        about="a real light tunnel and wind tunnel: sensors, or pictures, under settings made by a computer.",
        licence="CC-BY-4.0.",
        truth="what was set in every row; which setting reaches which sensor (chamber_graph).",
        read=causal_chambers,
    ),
    "causalverse": Shipped(
        about="8 rendered scenes, about 200,000 pictures, from an exported folder (causalverse_export).",
        licence="Apache-2.0.",
        truth="the values every picture was rendered from, and its view; not their graph.",
        read=causalverse,
    ),
    "causalverse_video": Shipped(
        about="clips of physics and robots, from the folder of a scene.",
        licence="Apache-2.0 for the image part; that of the video part was not read.",
        truth="the values of the scene, frame by frame; not their graph.",
        read=causalverse_video,
    ),
    "dsprites": Shipped(
        about="737,280 pictures of a white shape, 64 x 64, every combination of 5 factors.",
        licence="Apache-2.0.",
        truth="all factors of every picture, which are independent; some angles cannot be told apart.",
        read=dsprites,
    ),
    "mpi3d": Shipped(
        about="up to 1,036,800 pictures of a robot arm, drawn or filmed, 64 x 64 RGB, every combination of 7 factors.",
        licence="CC-BY-4.0.",
        truth="all factors of every picture, which are independent.",
        read=mpi3d,
    ),
    "office_caltech": Shipped(
        about="2,533 pictures of 10 things in 4 domains as 1,280 features of a network, from a file of yours.",
        licence="none stated: not passed on, and not fetched.",
        truth="class and domain of every picture (nothing is known below these).",
        read=office_caltech,
    ),
    "pacs": Shipped(
        about="9,991 photos, paintings, cartoons and sketches of 7 things as 1,280 features, from a file of yours.",
        licence="none stated: not passed on, and not fetched.",
        truth="class and domain of every picture (nothing is known below these).",
        read=pacs,
    ),
    "shapes3d": Shipped(
        about="480,000 pictures of an object in a coloured room, 64 x 64 RGB, every combination of 6 factors.",
        licence="Apache-2.0.",
        truth="all factors of every picture, which are independent.",
        read=shapes3d,
    ),
}
"""The data sets whose readers fetch a file once, or read what was fetched by you; nothing is fetched before."""


def load(name: str, /, **options: Any) -> tuple[Dataset, Truth]:
    """Read a data set by name.

    Args:
        name: a key of `SHIPPED` or `DOWNLOADED`.
        **options: of its reader.

    Raises:
        InputError: an unknown name.

    >>> load("emoij")
    Traceback (most recent call last):
    identikit.errors.InputError: unknown data set 'emoij': did you mean 'emoji'? (known: ...emoji, ...)
    """
    known = {**SHIPPED, **DOWNLOADED}
    if name not in known:
        raise unknown("data set", name, known)
    return known[name].read(**options)


def reload(source: Mapping[str, Any]) -> tuple[Dataset, Truth | None]:
    """Read data again from the `source` that a `Dataset` carries.

    Args:
        source: `Dataset.source`, or the same after a way through JSON.

    Returns:
        The data, and its truth where a shipped data set or a stream has one.

    Raises:
        InputError: the source is empty (the data only ever was in memory), that of a world, or that of data whose
            labels were hidden by `Dataset.hide` after reading.

    >>> data, _ = load("emoji", size=16, styles=["noto"])
    >>> again, truth = reload(data.source)
    >>> again.fingerprint() == data.fingerprint()
    True
    """
    if len(before := plain(source)) < len(source):
        return reshaped(*reload(before), source)
    if "stream" in source:
        return reopen(source["stream"])
    if "world" in source:
        raise InputError(f"this data was sampled from the world '{source['world']}': sample it again, no file holds it")
    if source.get("hidden"):
        raise InputError(
            f"labels of '{source['hidden'][0]}' were hidden after reading, and the file shows them: hide anew"
        )
    if "reader" not in source:
        raise InputError("this data only ever was in memory, or is a part of what was read: hand it over as it is")
    options = {k: v for k, v in source.items() if k != "reader"}
    if source["reader"] in (*SHIPPED, *DOWNLOADED):
        return load(source["reader"], **options)
    readers = {"from_arrays": from_arrays, "from_table": from_table}
    if source["reader"] not in readers:
        raise unknown("reader", source["reader"], [*readers, *SHIPPED, *DOWNLOADED])
    return readers[source["reader"]](**options), None
