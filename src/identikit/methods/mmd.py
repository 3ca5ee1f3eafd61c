"""Deep adaptation: the codes of all domains are brought together by their mean discrepancy."""

from __future__ import annotations

from identikit.constraints import HoldVariance, MatchDomains
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.adaptation import ASSUMES, classifier, domain_taken_out
from identikit.methods.build import warm_flat_linear
from identikit.nets import Model
from identikit.objective import Objective


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, weight: float = 3.0, hold: float = 1.0
) -> tuple[Model, Objective]:
    """Tell the label, and let the codes of any two domains have a small discrepancy at a held scale."""
    model, objective = classifier(schema, latents, hidden)
    match = weight * MatchDomains(schema.size("domain"), "all")
    return model, objective + match + hold * HoldVariance(covariance=0.0, field=None)


mmd = register(
    Method(
        name="mmd",
        title="Bring the codes of all domains together by their maximum mean discrepancy.",
        paper="Long et al. 2015 (DAN), arXiv 1502.02791",
        needs=("domain", "y"),
        domains=2,
        claim=Claim(
            identifies="nothing",
            up_to="no theorem; the code becomes alike in all domains, which need not keep what is sought",
            assumes=ASSUMES,
        ),
        recipe=recipe,
        training={"batch": 96, "steps": 1500, "lr": warm_flat_linear(0.01), "balance": True},
        checks=domain_taken_out(),
    )
)
