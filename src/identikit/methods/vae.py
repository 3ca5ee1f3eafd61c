"""The variational autoencoder, and the one with a heavier prior."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.build import coder
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(schema: Schema, latents: int = 4, hidden: int = 64, beta: float = 0.02) -> tuple[Model, Objective]:
    """Give the input back through a code that looks like a standard normal."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    return model, Reconstruction() + beta * MatchPrior()


vae = register(
    Method(
        name="vae",
        title="Give the input back through a code that looks like a standard normal.",
        paper="Kingma and Welling 2014, arXiv 1312.6114",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=(
                "as many latents in the code as in the data",
                "a mixing without loss",
                "a weight of the prior small enough that no latent is switched off",
            ),
        ),
        recipe=recipe,
    )
)
