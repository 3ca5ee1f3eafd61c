"""A code that nothing was learned for: what an untrained encoder of the same shape scores."""

from __future__ import annotations

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import changing_world, kernel_r2, spearman_mcc
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(schema: Schema, latents: int = 4, hidden: int = 32) -> tuple[Model, Objective]:
    """An encoder that stays as it was drawn, and a decoder trained to give the input back from its code."""
    encoder, decoder = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder.requires_grad_(False), decoder, variational=False)
    return model, Objective([(1.0, Reconstruction())])


random_encoder = register(
    Method(
        name="random_encoder",
        title="Learn no code at all: keep the encoder as it was drawn.",
        paper="Saxe et al. 2011, On random weights and unsupervised feature learning (ICML)",
        claim=Claim(
            identifies="nothing",
            up_to="chance: a random map may keep much of the latents, and settles none of them",
            assumes=("nothing",),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 2000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="a warning: a code that nothing was learned for tells much of the latents (kernel R2)",
                world=changing_world,
                metric=kernel_r2,
                at_least=0.5,
            ),
            Check(
                says="nothing: no latent is found one by one (Spearman MCC)",
                world=changing_world,
                metric=spearman_mcc,
                below=0.75,
            ),
        ),
    )
)
