"""Latent structure: which hidden variables there are, and how they hang together."""

from identikit.structure import causal_learn as causal_learn
from identikit.structure import discrete_search as discrete_search
from identikit.structure import environments as environments
from identikit.structure.discover import discover
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.matching import Comparison, compare, match_latents
from identikit.structure.search import SEARCHES, Clock, Search, Stopped, register
from identikit.structure.table import Table

__all__ = [
    "SEARCHES",
    "Clock",
    "Comparison",
    "Edge",
    "LatentGraph",
    "Node",
    "Search",
    "Stopped",
    "Table",
    "compare",
    "discover",
    "match_latents",
    "register",
]
