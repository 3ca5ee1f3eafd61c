"""The variational autoencoder."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import few_latents, whole_code
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, noise: float = 0.02) -> tuple[Model, Objective]:
    """The evidence lower bound, with Gaussian noise of the given variance on standardised data."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    return model, Reconstruction(variance=noise) + MatchPrior()


vae = register(
    Method(
        name="vae",
        title="Give the input back through a code that looks like a standard normal.",
        paper="Kingma and Welling 2014, arXiv 1312.6114",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=("as many latents in the code as in the data", "an injective mixing", "little noise"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(whole_code(), few_latents()),
    )
)
