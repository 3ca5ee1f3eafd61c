"""Real data as `Dataset`s: readers of arrays and tables, and the data sets that come with the library."""

from __future__ import annotations

from identikit.datasets.align import align_by_domain
from identikit.datasets.arrays import from_arrays
from identikit.datasets.emoji import emoji, emoji_concepts
from identikit.datasets.prepare import standardise_by_domain
from identikit.datasets.shipped import SHIPPED, Shipped, load, reload
from identikit.datasets.table import from_table

__all__ = [
    "SHIPPED",
    "Shipped",
    "align_by_domain",
    "emoji",
    "emoji_concepts",
    "from_arrays",
    "from_table",
    "load",
    "reload",
    "standardise_by_domain",
]
