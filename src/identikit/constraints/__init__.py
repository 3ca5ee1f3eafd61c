"""What structure the latents must have: one term in each file."""

from identikit.constraints.independence import Independence, total_correlation
from identikit.constraints.low_entropy import LowEntropy, low_entropy
from identikit.constraints.match_domains import MatchDomains, domain_discrepancy
from identikit.constraints.match_prior import MatchPrior, match_prior

__all__ = [
    "Independence",
    "LowEntropy",
    "MatchDomains",
    "MatchPrior",
    "domain_discrepancy",
    "low_entropy",
    "match_prior",
    "total_correlation",
]
