"""Domain-adversarial training: the code plays against a discriminator of domains."""

from __future__ import annotations

from identikit.constraints import AdversarialDomains
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.adaptation import ASSUMES, classifier, domain_taken_out
from identikit.methods.build import warm_flat_linear
from identikit.nets import Model
from identikit.objective import Objective


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, weight: float = 1.0, units: int = 64
) -> tuple[Model, Objective]:
    """Tell the label, and keep from the code what a discriminator needs to tell the domain."""
    model, objective = classifier(schema, latents, hidden)
    return model, objective + weight * AdversarialDomains(latents, schema.size("domain"), hidden=units)


dann = register(
    Method(
        name="dann",
        title="Play against a discriminator that tells the domain from the code.",
        paper="Ganin et al. 2016, arXiv 1505.07818",
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
