"""Small worlds that the checks of methods of sparse slopes share."""

from __future__ import annotations

from identikit.worlds import World
from identikit.worlds.sparse import SparseMechanisms


def seen_sparsely(seed: int) -> World:
    """Four latents, of which an observation sees one or two."""
    return SparseMechanisms(reads=2, anchors=1, seed=seed)


def seen_densely(seed: int) -> World:
    """Four latents, which all observations see."""
    return SparseMechanisms(reads=4, anchors=0, seed=seed)
