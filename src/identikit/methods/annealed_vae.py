"""The variational autoencoder that may say a little more with every step."""

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
    gamma: float = 100.0,
    capacity: float = 12.0,
    capacity_steps: int = 3_000,
) -> tuple[Model, Objective]:
    """Reconstruct with a divergence that is held at a capacity, which rises in a straight line."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    return model, Reconstruction(variance=noise) + gamma * MatchPrior(ramp(0, capacity, capacity_steps))


annealed_vae = register(
    Method(
        name="annealed_vae",
        title="Let the code hold more and more nats, so that latents are taken up one after another.",
        paper="Burgess et al. 2018, arXiv 1804.03599",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=(
                "as many latents in the code as in the data",
                "an injective mixing",
                "a capacity large enough for all latents",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(
            whole_code(),
            Check(
                says="broken: a capacity of 0 nats leaves the code nothing to say (kernel R2, codes rounded)",
                world=changing_world,
                options={"gamma": 300.0, "capacity": 0.0},
                metric=coarse_r2,
                below=0.6,
            ),
        ),
    )
)
