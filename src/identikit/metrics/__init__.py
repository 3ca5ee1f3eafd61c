"""Scores of an estimate against the truth, each beside its nulls."""

from identikit.metrics.block_r2 import block_r2, block_table
from identikit.metrics.correlation import cross_correlation
from identikit.metrics.domain_probe import domain_probe
from identikit.metrics.mcc import Match, match, mcc
from identikit.metrics.result import Null, Score
from identikit.metrics.retrieval import retrieval
from identikit.metrics.scorecard import Scorecard
from identikit.metrics.scoring import score

__all__ = [
    "Match",
    "Null",
    "Score",
    "Scorecard",
    "block_r2",
    "block_table",
    "cross_correlation",
    "domain_probe",
    "match",
    "mcc",
    "retrieval",
    "score",
]
