"""The variational autoencoder that plays against a discriminator of dependent latents."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.constraints.adversarial_independence import AdversarialIndependence
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.baselines import one_by_one
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import whole_code
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, noise: float = 0.02, gamma: float = 10.0, units: int = 64
) -> tuple[Model, Objective]:
    """The evidence lower bound, and the total correlation of the latents as a discriminator sees it."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    independence = AdversarialIndependence(latents, units)
    return model, Reconstruction(variance=noise) + MatchPrior() + gamma * independence


factor_vae = register(
    Method(
        name="factor_vae",
        title="Play against a discriminator that tells the latents from independent ones.",
        paper="Kim and Mnih 2018, arXiv 1802.05983",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=("as many latents in the code as in the data", "an injective mixing", "little noise"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 3000, "lr": warm_flat_linear(0.02)},
        checks=(whole_code(), one_by_one()),
    )
)
