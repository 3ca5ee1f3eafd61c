"""What can be said of fitted latents without their truth: agreement, refit, assumptions, and the certificate."""

from identikit.trust.agreement import Agreement, agree
from identikit.trust.assumptions import CHECKS, look
from identikit.trust.certificate import Certificate
from identikit.trust.certify import certify, cost
from identikit.trust.finding import Finding
from identikit.trust.refit import refit
from identikit.trust.verdict import Latent
from identikit.trust.view import View, view

__all__ = [
    "CHECKS",
    "Agreement",
    "Certificate",
    "Finding",
    "Latent",
    "View",
    "agree",
    "certify",
    "cost",
    "look",
    "refit",
    "view",
]
