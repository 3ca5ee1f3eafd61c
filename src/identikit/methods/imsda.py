"""Partial identifiability for domain adaptation: the changing block is a monotone map of something domain-free."""

from __future__ import annotations

from identikit.constraints import LowEntropy, MatchPrior
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.build import blocks, coder
from identikit.nets import MLP, FlowPrior, Model
from identikit.objective import Objective
from identikit.tasks import Classification, Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    changing: int = 2,
    hidden: int = 64,
    beta: float = 0.02,
    label_weight: float = 0.1,
    entropy_weight: float = 0.01,
    units: int = 4,
    layers: int = 1,
) -> tuple[Model, Objective]:
    """Reconstruct, tell the label from domain-free coordinates, and let only the changing block see the domain."""
    groups = blocks(latents, changing)
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    prior = FlowPrior(latents - changing, changing, schema.size("domain"), units=units, layers=layers)
    heads = {"y": MLP(latents, schema.size("y"), 32, layers=1)} if "y" in schema.names else {}
    model = Model(schema.shape, latents, encoder, decoder, prior, heads, groups)
    objective = Reconstruction() + beta * MatchPrior()
    if heads:
        objective = objective + label_weight * Classification("y") + entropy_weight * LowEntropy("y")
    return model, objective


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
        ),
        recipe=recipe,
        training={"batch": 128, "steps": 4000, "lr": 2e-3},
    )
)
