"""The autoencoder whose code is a few vectors out of one learned codebook."""

from __future__ import annotations

from identikit.constraints.commitment import Commitment
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import changing_world, kernel_r2
from identikit.nets import Model
from identikit.nets.quantise import Codebook
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 32,
    size: int = 2,
    states: int = 64,
    noise: float = 0.02,
    share: float = 0.25,
) -> tuple[Model, Objective]:
    """Give the input back from `latents / size` vectors, each the nearest one of a codebook that all of them share."""
    if size < 1 or latents % size:
        raise InputError(f"a code of {latents} numbers is not made of vectors of {size}: choose a size that divides it")
    encoder, decoder = coder(schema, latents, latents, hidden)
    quantiser = Codebook(latents // size, states, size, shared=True)
    model = Model(schema.shape, latents, encoder, decoder, variational=False, quantiser=quantiser)
    return model, Reconstruction(variance=noise) + Commitment(share)


vq_vae = register(
    Method(
        name="vq_vae",
        title="Give the input back from a few vectors, each of which is one of a learned codebook.",
        paper="van den Oord et al. 2017, arXiv 1711.00937",
        claim=Claim(
            identifies="nothing",
            up_to="nothing is proven: the code tells the latents as finely as its vectors lie, turned in any way",
            assumes=("nothing",),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 2000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="kept: two vectors of a codebook of 64 tell most of four latents (kernel R2)",
                world=changing_world,
                metric=kernel_r2,
                at_least=0.75,
            ),
            Check(
                says="lost: two vectors of a codebook of 2 do not (kernel R2)",
                world=changing_world,
                options={"states": 2},
                metric=kernel_r2,
                below=0.6,
            ),
        ),
    )
)
