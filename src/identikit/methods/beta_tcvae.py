"""The variational autoencoder with a weight on the total correlation of its latents."""

from __future__ import annotations

from identikit.constraints import Independence, MatchPrior
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.methods.baselines import one_by_one
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import whole_code
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, noise: float = 0.02, beta: float = 6.0
) -> tuple[Model, Objective]:
    """The evidence lower bound with the total correlation within its divergence weighed by beta."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    return model, Reconstruction(variance=noise) + MatchPrior() + (beta - 1) * Independence()


beta_tcvae = register(
    Method(
        name="beta_tcvae",
        title="Weigh only that part of the divergence that says how much the latents depend on each other.",
        paper="Chen et al. 2018, arXiv 1802.04942",
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
