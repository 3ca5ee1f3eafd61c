"""Training many runs as one program, and what comes out of it."""

from identikit.engine.fit import fit, result, steps
from identikit.engine.job import Settings
from identikit.engine.program import Program
from identikit.engine.recipe import METHODS, Check, Claim, Method, find, register
from identikit.engine.runs import Run, Runs
from identikit.engine.training import Training

__all__ = [
    "METHODS",
    "Check",
    "Claim",
    "Method",
    "Program",
    "Run",
    "Runs",
    "Settings",
    "Training",
    "find",
    "fit",
    "register",
    "result",
    "steps",
]
