"""VICReg: codes of two views that agree, vary and do not vary together."""

from __future__ import annotations

from identikit.constraints.hold_variance import HoldVariance
from identikit.constraints.meet_views import MeetViews
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims_views import content_and_style, shared_mcc, shared_r2
from identikit.nets import Model
from identikit.objective import Objective


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 32,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> tuple[Model, Objective]:
    """Codes of two views agree, each latent varies, and no two vary together."""
    if variance <= 0:
        raise InputError(f"variance is above 0, not {variance:g}: codes would shrink to a point")
    encoder, _ = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder, variational=False, also={"view": ()})
    # The paper counts both views' variances and covariances in full, and the mean of squares over latents.
    return model, invariance / latents * MeetViews() + 2 * variance * HoldVariance(covariance / variance)


vicreg = register(
    Method(
        name="vicreg",
        title="Let the codes of two views agree, and keep them from shrinking and from saying the same.",
        paper="Bardes et al. 2022, arXiv 2105.04906",
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
                at_least=0.85,
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
