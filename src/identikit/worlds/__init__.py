"""Generating processes with known truth: one file for each family."""

from identikit.worlds.base import World
from identikit.worlds.causal import CausalModel, Factor
from identikit.worlds.description import Assumption, Description
from identikit.worlds.domain_shift import DomainShift
from identikit.worlds.mixing import Mixing, draw_mixing
from identikit.worlds.raytracer import Rendering, render
from identikit.worlds.scenes import Scenes
from identikit.worlds.streaming import reopen, stream

__all__ = [
    "Assumption",
    "CausalModel",
    "Description",
    "DomainShift",
    "Factor",
    "Mixing",
    "Rendering",
    "Scenes",
    "World",
    "draw_mixing",
    "render",
    "reopen",
    "stream",
]
