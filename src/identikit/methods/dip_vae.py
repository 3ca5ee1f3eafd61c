"""The variational autoencoder whose latents are held uncorrelated."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.constraints.match_covariance import MatchCovariance
from identikit.data import Schema
from identikit.engine import Claim, Method, register
from identikit.errors import unknown
from identikit.methods.baselines import one_by_one
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import whole_code
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction

_KINDS = {"I": ("mean", 10.0), "II": ("sample", 1.0)}
"""What is to be uncorrelated, and the weight of variances beside that of covariances."""


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, noise: float = 0.02, kind: str = "II", weight: float = 10.0
) -> tuple[Model, Objective]:
    """The evidence lower bound, and the distance of the codes' covariance from the identity."""
    if kind not in _KINDS:
        raise unknown("kind of dip_vae", kind, _KINDS)
    of, diagonal = _KINDS[kind]
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder)
    return model, Reconstruction(variance=noise) + MatchPrior() + weight * MatchCovariance(of, diagonal)


dip_vae = register(
    Method(
        name="dip_vae",
        title="Hold the covariance of the latents over all rows close to the identity.",
        paper="Kumar et al. 2018, arXiv 1711.00848",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of the whole code",
            assumes=("as many latents in the code as in the data", "an injective mixing", "little noise"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(whole_code(), one_by_one()),
    )
)
