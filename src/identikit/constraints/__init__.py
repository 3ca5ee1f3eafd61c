"""What structure the latents must have: one term in each file."""

from identikit.constraints.align_views import AlignViews, align_views
from identikit.constraints.independence import Independence, total_correlation
from identikit.constraints.low_entropy import LowEntropy, low_entropy
from identikit.constraints.match_domains import MatchDomains, domain_discrepancy
from identikit.constraints.match_prior import MatchPrior, match_prior
from identikit.constraints.match_transition import MatchTransition, match_transition
from identikit.constraints.sparse_jacobian import SparseJacobian, sparse_jacobian

__all__ = [
    "AlignViews",
    "Independence",
    "LowEntropy",
    "MatchDomains",
    "MatchPrior",
    "MatchTransition",
    "SparseJacobian",
    "align_views",
    "domain_discrepancy",
    "low_entropy",
    "match_prior",
    "match_transition",
    "sparse_jacobian",
    "total_correlation",
]
