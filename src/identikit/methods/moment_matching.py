"""Moment matching: the codes of all domains get the same means and mean squares."""

from __future__ import annotations

from identikit.constraints import HoldVariance, MatchMoments
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.adaptation import ASSUMES, classifier, domain_taken_out
from identikit.methods.build import warm_flat_linear
from identikit.nets import Model
from identikit.objective import Objective


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, weight: float = 3.0, orders: int = 2, hold: float = 1.0
) -> tuple[Model, Objective]:
    """Tell the label, and let the codes of any two domains have the same moments at a held scale."""
    model, objective = classifier(schema, latents, hidden)
    match = weight * MatchMoments(schema.size("domain"), orders=orders)
    return model, objective + match + hold * HoldVariance(covariance=0.0, field=None)


moment_matching = register(
    Method(
        name="moment_matching",
        title="Give the codes of all domains the same means and mean squares.",
        paper="Peng et al. 2019 (M3SDA), arXiv 1812.01754",
        needs=("domain", "y"),
        domains=2,
        claim=Claim(
            identifies="nothing",
            up_to="no theorem; first and second moments of the code agree between domains, and no more is asked",
            assumes=ASSUMES,
        ),
        recipe=recipe,
        training={"batch": 96, "steps": 1500, "lr": warm_flat_linear(0.01), "balance": True},
        checks=domain_taken_out(),
    )
)
