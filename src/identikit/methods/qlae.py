"""The autoencoder whose every latent takes one of a few learned numbers, under strong weight decay."""

from __future__ import annotations

import math

from identikit.constraints.commitment import Commitment
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.baselines import four_alike
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_discrete import concepts_mcc, grid
from identikit.nets import Model
from identikit.nets.quantise import Codebook
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, states: int = 10, noise: float = 0.02, weight: float = 0.01
) -> tuple[Model, Objective]:
    """Give the input back from latents that each take the nearest number of a codebook of their own."""
    encoder, decoder = coder(schema, latents, latents, hidden)
    quantiser = Codebook(latents, states)
    model = Model(schema.shape, latents, encoder, decoder, variational=False, quantiser=quantiser)
    # The weight is one between means over features and over latents, and the terms are sums.
    balance = math.prod(schema.shape) / latents
    return model, Reconstruction(variance=noise) + weight * balance * Commitment()


qlae = register(
    Method(
        name="qlae",
        title="Give the input back from latents that each take one of a few learned numbers, under weight decay.",
        paper="Hsu et al. 2023, arXiv 2305.18378",
        claim=Claim(
            identifies="nothing",
            up_to="nothing is proven: latents on a grid are found one by one all the same, normal ones are not",
            assumes=("nothing",),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 3000, "lr": warm_flat_linear(0.02), "weight_decay": 0.1},
        checks=(
            Check(
                says="found: latents on a grid of five values, one by one (Spearman MCC)",
                world=grid,
                metric=concepts_mcc,
                at_least=0.9,
            ),
            Check(
                says="not found: independent normal latents are not told apart (Spearman MCC)",
                world=four_alike,
                metric=spearman_mcc,
                below=0.85,
            ),
        ),
    )
)
