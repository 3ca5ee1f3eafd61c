"""Barlow Twins: the correlations of the codes of two views are brought to the identity."""

from __future__ import annotations

from identikit.constraints import AlignViews
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims_views import content_and_style, shared_mcc, shared_r2
from identikit.nets import Model
from identikit.objective import Objective


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, redundancy: float = 0.05) -> tuple[Model, Objective]:
    """Correlate each latent with itself in the other view, and with no other latent."""
    encoder, _ = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder, variational=False, also={"view": ()})
    return model, Objective([(1.0, AlignViews("view", redundancy=redundancy))])


barlow_twins = register(
    Method(
        name="barlow_twins",
        title="Let each latent agree with itself in the other view, and with no other latent.",
        paper="Zbontar et al. 2021, arXiv 2103.03230",
        needs=("view",),
        claim=Claim(
            identifies="nothing",
            up_to="no theorem; in small worlds the block that both views share, up to a curved map",
            assumes=("two views that share what is wanted",),
        ),
        recipe=recipe,
        training={"batch": 128, "steps": 2000, "lr": warm_flat_linear(0.005)},
        checks=(
            Check(
                says="holds: three numbers tell the three latents that both views share (kernel R2)",
                world=content_and_style,
                options={"latents": 3},
                metric=shared_r2,
                at_least=0.75,
            ),
            Check(
                says="broken: no single one of them is told from the others (Spearman MCC)",
                world=content_and_style,
                options={"latents": 3},
                metric=shared_mcc,
                below=0.95,
            ),
        ),
    )
)
