"""What structure the latents must have: one term in each file."""

from identikit.constraints.adversarial_domains import AdversarialDomains, domain_information
from identikit.constraints.adversarial_independence import AdversarialIndependence, discrimination
from identikit.constraints.align_classes import AlignClasses, align_classes
from identikit.constraints.align_views import AlignViews, align_views
from identikit.constraints.commitment import Commitment, commitment
from identikit.constraints.hold_variance import HoldVariance, hold_variance
from identikit.constraints.independence import Independence, total_correlation
from identikit.constraints.low_entropy import LowEntropy, low_entropy
from identikit.constraints.match_covariance import MatchCovariance, match_covariance
from identikit.constraints.match_domains import MatchDomains, domain_discrepancy
from identikit.constraints.match_laplace import MatchLaplace, match_laplace
from identikit.constraints.match_mechanisms import MatchMechanisms
from identikit.constraints.match_moments import MatchMoments, moment_distance
from identikit.constraints.match_prior import MatchPrior, match_prior
from identikit.constraints.match_switching import MatchSwitching, filter_regimes, match_switching
from identikit.constraints.match_transition import MatchTransition, match_transition
from identikit.constraints.meet_views import MeetViews, meet_views
from identikit.constraints.sparse_gates import SparseGates, sparse_gates
from identikit.constraints.sparse_influence import SparseInfluence, sparse_influence
from identikit.constraints.sparse_jacobian import SparseJacobian, sparse_jacobian
from identikit.constraints.sparse_transition import SparseTransition, sparse_transition
from identikit.constraints.spread_codes import SpreadCodes, spread_codes

__all__ = [
    "AdversarialDomains",
    "AdversarialIndependence",
    "AlignClasses",
    "AlignViews",
    "Commitment",
    "HoldVariance",
    "Independence",
    "LowEntropy",
    "MatchCovariance",
    "MatchDomains",
    "MatchLaplace",
    "MatchMechanisms",
    "MatchMoments",
    "MatchPrior",
    "MatchSwitching",
    "MatchTransition",
    "MeetViews",
    "SparseGates",
    "SparseInfluence",
    "SparseJacobian",
    "SparseTransition",
    "SpreadCodes",
    "align_classes",
    "align_views",
    "commitment",
    "discrimination",
    "domain_discrepancy",
    "domain_information",
    "filter_regimes",
    "hold_variance",
    "low_entropy",
    "match_covariance",
    "match_laplace",
    "match_prior",
    "match_switching",
    "match_transition",
    "meet_views",
    "moment_distance",
    "sparse_gates",
    "sparse_influence",
    "sparse_jacobian",
    "sparse_transition",
    "spread_codes",
    "total_correlation",
]
