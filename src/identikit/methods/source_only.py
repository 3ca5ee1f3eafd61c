"""The classifier of the labelled domains, used in others as it is: what an adaptation has to beat."""

from __future__ import annotations

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.adaptation import classifier, domain_told, not_one_by_one, shifting
from identikit.methods.build import warm_flat_linear
from identikit.nets import Model
from identikit.objective import Objective


def recipe(schema: Schema, latents: int = 4, hidden: int = 32) -> tuple[Model, Objective]:
    """Tell the label from the code, where it is not hidden, and nothing else."""
    return classifier(schema, latents, hidden)


source_only = register(
    Method(
        name="source_only",
        title="Learn the label where it is known, and use the classifier elsewhere as it is.",
        paper="no paper: the row without adaptation in every comparison, e.g. Ganin et al. 2016, arXiv 1505.07818",
        needs=("domain", "y"),
        domains=2,
        claim=Claim(
            identifies="nothing",
            up_to="no theorem; the code keeps what tells the label, and the domain with it",
            assumes=("the label depends on x in the same way in every domain",),
        ),
        recipe=recipe,
        training={"batch": 96, "steps": 1500, "lr": warm_flat_linear(0.01), "balance": True},
        checks=(
            Check(
                says="a warning: the code tells the domain (accuracy of ten neighbours, chance 0.25)",
                world=shifting,
                metric=domain_told,
                at_least=0.5,
                whole=True,
            ),
            not_one_by_one(),
        ),
    )
)
