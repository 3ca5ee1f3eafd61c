"""Latent structure: which hidden variables there are, and how they hang together."""

from identikit.structure import causal_learn as causal_learn
from identikit.structure.composition import Composability, composability
from identikit.structure.discover import discover
from identikit.structure.discrete_class import rooted, shown_class
from identikit.structure.discrete_search import discrete_hierarchy
from identikit.structure.environment_hierarchy import EnvironmentHierarchy
from identikit.structure.environments import find_hierarchy
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.mask_levels import Exposure, MaskCurve, mask_curve
from identikit.structure.masks import SharedSet, shared_set
from identikit.structure.matching import Comparison, compare, match_latents
from identikit.structure.nonnegative_ranks import NonnegativeRank, nonnegative_rank
from identikit.structure.ranks import Ranks, pair_ranks, table_ranks
from identikit.structure.search import SEARCHES, Clock, Search, Stopped, register
from identikit.structure.table import Table

__all__ = [
    "SEARCHES",
    "Clock",
    "Comparison",
    "Composability",
    "Edge",
    "EnvironmentHierarchy",
    "Exposure",
    "LatentGraph",
    "MaskCurve",
    "Node",
    "NonnegativeRank",
    "Ranks",
    "Search",
    "SharedSet",
    "Stopped",
    "Table",
    "compare",
    "composability",
    "discover",
    "discrete_hierarchy",
    "find_hierarchy",
    "mask_curve",
    "match_latents",
    "nonnegative_rank",
    "pair_ranks",
    "register",
    "rooted",
    "shared_set",
    "shown_class",
    "table_ranks",
]
