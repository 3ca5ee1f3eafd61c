"""What structure the latents must have: one term in each file."""

from identikit.constraints.adversarial_independence import AdversarialIndependence, discrimination
from identikit.constraints.align_views import AlignViews, align_views
from identikit.constraints.hold_variance import HoldVariance, hold_variance
from identikit.constraints.independence import Independence, total_correlation
from identikit.constraints.low_entropy import LowEntropy, low_entropy
from identikit.constraints.match_covariance import MatchCovariance, match_covariance
from identikit.constraints.match_domains import MatchDomains, domain_discrepancy
from identikit.constraints.match_laplace import MatchLaplace, match_laplace
from identikit.constraints.match_prior import MatchPrior, match_prior
from identikit.constraints.match_transition import MatchTransition, match_transition
from identikit.constraints.meet_views import MeetViews, meet_views
from identikit.constraints.sparse_jacobian import SparseJacobian, sparse_jacobian
from identikit.constraints.spread_codes import SpreadCodes, spread_codes

__all__ = [
    "AdversarialIndependence",
    "AlignViews",
    "HoldVariance",
    "Independence",
    "LowEntropy",
    "MatchCovariance",
    "MatchDomains",
    "MatchLaplace",
    "MatchPrior",
    "MatchTransition",
    "MeetViews",
    "SparseJacobian",
    "SpreadCodes",
    "align_views",
    "discrimination",
    "domain_discrepancy",
    "hold_variance",
    "low_entropy",
    "match_covariance",
    "match_laplace",
    "match_prior",
    "match_transition",
    "meet_views",
    "sparse_jacobian",
    "spread_codes",
    "total_correlation",
]
