"""identikit: recover the hidden factors behind data, say how far to trust them, and use them."""

__version__ = "0.1.0"

from identikit import constraints, datasets, metrics, nets, tasks, worlds
from identikit import methods as methods
from identikit.data import Dataset, Schema, Truth
from identikit.engine import Runs, fit, result, steps
from identikit.errors import InputError
from identikit.metrics import Scorecard, score
from identikit.nets import Batch, Code, Model
from identikit.objective import Objective, Term, axis, constant, cosine, ramp

__all__ = [
    "Batch",
    "Code",
    "Dataset",
    "InputError",
    "Model",
    "Objective",
    "Runs",
    "Schema",
    "Scorecard",
    "Term",
    "Truth",
    "axis",
    "constant",
    "constraints",
    "cosine",
    "datasets",
    "fit",
    "methods",
    "metrics",
    "nets",
    "ramp",
    "result",
    "score",
    "steps",
    "tasks",
    "worlds",
]
