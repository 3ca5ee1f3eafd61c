"""identikit: recover the hidden factors behind data, say how far to trust them, and use them."""

__version__ = "0.1.0"

from identikit import constraints, datasets, metrics, nets, structure, studies, tasks, worlds
from identikit import methods as methods
from identikit.data import Dataset, Schema, Truth
from identikit.engine import Method, Runs, fit, result, steps
from identikit.errors import InputError
from identikit.methods import verify
from identikit.metrics import Scorecard, score
from identikit.nets import Batch, Code, Model
from identikit.objective import Objective, Term, axis, constant, cosine, ramp
from identikit.reports import report
from identikit.structure import discover
from identikit.studies import Study
from identikit.trust import Certificate, certify

__all__ = [
    "Batch",
    "Certificate",
    "Code",
    "Dataset",
    "InputError",
    "Method",
    "Model",
    "Objective",
    "Runs",
    "Schema",
    "Scorecard",
    "Study",
    "Term",
    "Truth",
    "axis",
    "certify",
    "constant",
    "constraints",
    "cosine",
    "datasets",
    "discover",
    "fit",
    "methods",
    "metrics",
    "nets",
    "ramp",
    "report",
    "result",
    "score",
    "steps",
    "structure",
    "studies",
    "tasks",
    "verify",
    "worlds",
]
