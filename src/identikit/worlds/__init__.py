"""Generating processes with known truth: one file for each family."""

from identikit.worlds.base import World
from identikit.worlds.domain_shift import DomainShift
from identikit.worlds.mixing import Mixing, draw_mixing

__all__ = ["DomainShift", "Mixing", "World", "draw_mixing"]
