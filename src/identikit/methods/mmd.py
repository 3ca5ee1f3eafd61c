"""Deep adaptation: the codes of all domains are brought together by their mean discrepancy."""

from __future__ import annotations

from identikit.constraints import HoldVariance, MatchDomains
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.adaptation import classifier, domain_told, found_one_by_one, shifting
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
            assumes=(
                "the classes have the same shares in every domain",
                "what tells the label can be made alike in all domains without mixing the classes up",
            ),
        ),
        recipe=recipe,
        training={"batch": 96, "steps": 1500, "lr": warm_flat_linear(0.01), "balance": True},
        checks=(
            Check(
                says="holds: the code hardly tells the domain (accuracy of ten neighbours, chance 0.25)",
                world=shifting,
                metric=domain_told,
                below=0.45,
            ),
            Check(
                says="broken: with a weight of 0 it does",
                world=shifting,
                options={"weight": 0.0},
                metric=domain_told,
                at_least=0.5,
            ),
            found_one_by_one(),
        ),
    )
)
