"""Real data as `Dataset`s: readers of arrays and tables, data sets that come along, and those fetched on demand."""

from identikit.datasets.align import align_by_domain
from identikit.datasets.arrays import from_arrays
from identikit.datasets.causal3dident import causal3dident
from identikit.datasets.causal_chambers import causal_chambers
from identikit.datasets.causalverse import causalverse
from identikit.datasets.causalverse_export import causalverse_export, fetch_from_hub
from identikit.datasets.causalverse_video import causalverse_video
from identikit.datasets.chamber_graphs import chamber_graph
from identikit.datasets.download import Remote, cache_folder, download
from identikit.datasets.dsprites import dsprites
from identikit.datasets.emoji import emoji, emoji_concepts
from identikit.datasets.eth_ucy import eth_ucy
from identikit.datasets.mpi3d import mpi3d
from identikit.datasets.office_caltech import office_caltech
from identikit.datasets.open_llm_leaderboard import open_llm_leaderboard
from identikit.datasets.pacs import pacs
from identikit.datasets.prepare import standardise_by_domain
from identikit.datasets.sachs import sachs, sachs_graph
from identikit.datasets.shapes3d import shapes3d
from identikit.datasets.shipped import DOWNLOADED, SHIPPED, Shipped, load, reload
from identikit.datasets.table import from_table
from identikit.datasets.tennessee_eastman import tennessee_eastman
from identikit.datasets.views import as_views
from identikit.datasets.windows import windows

__all__ = [
    "DOWNLOADED",
    "SHIPPED",
    "Remote",
    "Shipped",
    "align_by_domain",
    "as_views",
    "cache_folder",
    "causal3dident",
    "causal_chambers",
    "causalverse",
    "causalverse_export",
    "causalverse_video",
    "chamber_graph",
    "download",
    "dsprites",
    "emoji",
    "emoji_concepts",
    "eth_ucy",
    "fetch_from_hub",
    "from_arrays",
    "from_table",
    "load",
    "mpi3d",
    "office_caltech",
    "open_llm_leaderboard",
    "pacs",
    "reload",
    "sachs",
    "sachs_graph",
    "shapes3d",
    "standardise_by_domain",
    "tennessee_eastman",
    "windows",
]
