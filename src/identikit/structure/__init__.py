"""Latent structure: which hidden variables there are, and how they hang together."""

from identikit.structure.latent_graph import Edge, LatentGraph, Node

__all__ = ["Edge", "LatentGraph", "Node"]
