"""Scores of an estimate against the truth, each beside its nulls."""

from identikit.metrics.activity import active_units, activity
from identikit.metrics.assignment import Assignment, assign
from identikit.metrics.beta_vae import beta_vae
from identikit.metrics.block_r2 import block_r2, block_table
from identikit.metrics.correlation import cross_correlation
from identikit.metrics.counterfactual import counterfactual_error
from identikit.metrics.cpdag import cpdag
from identikit.metrics.dci import DCI, dci
from identikit.metrics.dependence import dependence
from identikit.metrics.dictionaries import DictionaryMatch, dictionary_mcc, match_dictionaries, pw_mcc
from identikit.metrics.domain_probe import domain_probe
from identikit.metrics.explained import explained_share
from identikit.metrics.explicitness import explicitness
from identikit.metrics.factor_vae import factor_vae
from identikit.metrics.graphs import align_graph, edge_f1, shd
from identikit.metrics.info_explicitness import info_explicitness
from identikit.metrics.info_mec import info_compactness, info_mec, info_modularity
from identikit.metrics.irs import irs
from identikit.metrics.leakage import block_leakage, subspace_leakage, subspace_r2
from identikit.metrics.mcc import Match, match, mcc
from identikit.metrics.mig import mig
from identikit.metrics.modularity import modularity
from identikit.metrics.mutual_information import mutual_information
from identikit.metrics.result import Null, Score
from identikit.metrics.retrieval import retrieval
from identikit.metrics.sap import sap
from identikit.metrics.scorecard import Scorecard
from identikit.metrics.scoring import score

__all__ = [
    "DCI",
    "Assignment",
    "DictionaryMatch",
    "Match",
    "Null",
    "Score",
    "Scorecard",
    "active_units",
    "activity",
    "align_graph",
    "assign",
    "beta_vae",
    "block_leakage",
    "block_r2",
    "block_table",
    "counterfactual_error",
    "cpdag",
    "cross_correlation",
    "dci",
    "dependence",
    "dictionary_mcc",
    "domain_probe",
    "edge_f1",
    "explained_share",
    "explicitness",
    "factor_vae",
    "info_compactness",
    "info_explicitness",
    "info_mec",
    "info_modularity",
    "irs",
    "match",
    "match_dictionaries",
    "mcc",
    "mig",
    "modularity",
    "mutual_information",
    "pw_mcc",
    "retrieval",
    "sap",
    "score",
    "shd",
    "subspace_leakage",
    "subspace_r2",
]
