"""Sparse steps in time: latents that follow a Laplace step from one time point to the next."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.constraints.match_laplace import MatchLaplace
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_views import normal_past, sparse_past
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, beta: float = 0.002, gamma: float = 0.02, rate: float = 6.0
) -> tuple[Model, Objective]:
    """Reconstruct through latents that are standard normal and take Laplace steps."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder, also={"past": (1,)})
    return model, Reconstruction() + beta * MatchPrior() + gamma * MatchLaplace(rate)


slow_vae = register(
    Method(
        name="slow_vae",
        title="Let each latent take sparse steps in time: mostly small, now and then large.",
        paper="Klindt et al. 2021, arXiv 2007.10930",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and sign",
            assumes=(
                "each latent takes an independent step of a known sparse shape (Laplace) from one time to the next",
                "an injective mixing, the same at all times",
                "as many latents in the code as in the data",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 2500, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: one latent of three takes a Laplace step at a time, all three are found (Spearman MCC)",
                world=sparse_past,
                options={"latents": 3},
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: normal steps of all latents look the same along turned axes (Spearman MCC)",
                world=normal_past,
                options={"latents": 3},
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
