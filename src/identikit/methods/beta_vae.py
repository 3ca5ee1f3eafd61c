"""The variational autoencoder with a heavier prior, or with a capacity."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import changing_world, coarse_r2, whole_code
from identikit.nets import Model
from identikit.objective import Objective, ramp
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 32,
    noise: float = 0.02,
    beta: float = 4.0,
    capacity: float | None = None,
    capacity_steps: int = 2_000,
) -> tuple[Model, Objective]:
    """The evidence lower bound with its divergence weighed by beta, or held at a capacity that rises to a number."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    allowed = None if capacity is None else ramp(0, capacity, capacity_steps)
    return model, Reconstruction(variance=noise) + beta * MatchPrior(allowed)


beta_vae = register(
    Method(
        name="beta_vae",
        title="Weigh the prior more heavily, so that latents which say little are switched off.",
        paper="Higgins et al. 2017, openreview Sy2fzU9gl; capacity: Burgess et al. 2018, arXiv 1804.03599",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=(
                "as many latents in the code as in the data",
                "an injective mixing",
                "a beta small enough that no latent is switched off",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(
            whole_code(),
            Check(
                says="broken: beta = 400 switches latents off, and the code loses the data (kernel R2, codes rounded)",
                world=changing_world,
                options={"beta": 400.0},
                metric=coarse_r2,
                below=0.6,
            ),
        ),
    )
)
