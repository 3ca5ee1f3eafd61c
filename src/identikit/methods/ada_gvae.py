"""Weak supervision by pairs: latents that a pair shares are told from its posteriors, and averaged."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_views import all_redrawn, one_redrawn
from identikit.nets import Model
from identikit.nets.paired import PairedModel
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, beta: float = 0.02) -> tuple[Model, Objective]:
    """Reconstruct both rows of a pair from posteriors that are one where they differ little."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = PairedModel(schema.shape, latents, encoder, decoder)
    return model, Reconstruction() + beta * MatchPrior()


ada_gvae = register(
    Method(
        name="ada_gvae",
        title="Average, in the posteriors of a pair, the latents that the pair seems to share.",
        paper="Locatello et al. 2020, arXiv 2002.02886",
        needs=("view",),
        claim=Claim(
            identifies="components",
            up_to="permutation and invertible maps of each latent",
            assumes=(
                "each pair shares some latents and not others, and which ones varies from pair to pair",
                "independent latents, as many in the code as in the data",
                "an injective mixing, the same in both views",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 2500, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: one latent of three drawn anew in each pair, all three are found (Spearman MCC)",
                world=one_redrawn,
                options={"latents": 3},
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: all latents drawn anew, a pair shares nothing and nothing is told (Spearman MCC)",
                world=all_redrawn,
                options={"latents": 3},
                metric=spearman_mcc,
                below=0.85,
            ),
        ),
    )
)
