"""Partial identifiability for domain adaptation: the changing block is a monotone map of something domain-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identikit.constraints import LowEntropy, MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import blocks, coder, too_few, warm_flat_linear
from identikit.methods.claims import changing_world, spearman_mcc, two_domains
from identikit.nets import MLP, FlowPrior, Model
from identikit.objective import Objective, ramp
from identikit.tasks import Classification, Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    changing: int = 2,
    hidden: int = 32,
    beta: float = 0.02,
    capacity: float | None = None,
    capacity_steps: int = 2_000,
    label_weight: float = 0.6,
    entropy_weight: float = 0.02,
    units: int = 3,
    layers: int = 1,
    embedding: int = 8,
) -> tuple[Model, Objective]:
    """Reconstruct, tell the label from domain-free coordinates, and let only the changing block see the domain."""
    groups = blocks(latents, changing)
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    domains = schema.size("domain")
    prior = FlowPrior(latents - changing, changing, domains, units=units, layers=layers, embedding=embedding)
    heads = {"y": MLP(latents, schema.size("y"), 32, layers=1)} if "y" in schema.names else {}
    model = Model(schema.shape, latents, encoder, decoder, prior, heads, groups)
    allowed = None if capacity is None else ramp(0, capacity, capacity_steps)
    objective = Reconstruction() + beta * MatchPrior(allowed)
    if heads:
        objective = objective + label_weight * Classification("y") + entropy_weight * LowEntropy("y")
    return model, objective


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """Twice as many domains as changing latents, and one more, tell these apart."""
    changing = options["changing"]
    return too_few("imsda", schema, "domain", 2 * changing + 1, f"changing={changing} latents apart")


imsda = register(
    Method(
        name="imsda",
        title="Let only one block of the code change with the domain, and that by an increasing map of each component.",
        paper="Kong et al. 2022, arXiv 2306.06510",
        needs=("domain",),
        domains=2,
        claim=Claim(
            identifies="components",
            up_to="permutation and monotone maps in the changing block, one invertible map in the invariant block",
            assumes=(
                "at least twice as many domains as changing latents, and one more, that differ enough",
                "latents independent within each domain",
                "an injective mixing shared by all domains",
            ),
            blocks={"invariant": "block", "changing": "components"},
        ),
        recipe=recipe,
        doubt=doubt,
        assumptions=("enough domains", "variability", "independence", "invariance", "overlap"),
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: nine domains, the changing latents are found one by one (Spearman MCC)",
                world=changing_world,
                metric=spearman_mcc,
                block="changing",
                at_least=0.88,
            ),
            Check(
                says="broken: two domains are too few to tell the changing latents apart (Spearman MCC)",
                world=two_domains,
                metric=spearman_mcc,
                block="changing",
                below=0.8,
            ),
        ),
    )
)
