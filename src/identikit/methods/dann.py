"""Domain-adversarial training: the code plays against a discriminator of domains."""

from __future__ import annotations

from identikit.constraints.adversarial_domains import AdversarialDomains
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.adaptation import classifier, domain_told, found_one_by_one, shifting
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
