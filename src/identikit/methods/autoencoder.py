"""The plain autoencoder."""

from __future__ import annotations

from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import few_latents, whole_code
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(schema: Schema, latents: int = 4, hidden: int = 32) -> tuple[Model, Objective]:
    """Give the input back through a code of a few numbers."""
    encoder, decoder = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder, variational=False)
    return model, Objective([(1.0, Reconstruction())])


autoencoder = register(
    Method(
        name="autoencoder",
        title="Give the input back through a code of a few numbers.",
        paper="Hinton and Salakhutdinov 2006, doi 10.1126/science.1127647",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=("as many latents in the code as in the data", "an injective mixing"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(whole_code(), few_latents()),
    )
)
