"""Structural sparsity: a decoder in which every latent has an effect on few of the observations."""

from __future__ import annotations

import math

from identikit.constraints import SparseJacobian
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_slopes import seen_densely, seen_sparsely
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction

_ROWS = 8
"""Rows of a batch at which the slope is taken."""


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, sparsity: float = 0.3) -> tuple[Model, Objective]:
    """Reconstruct by a decoder whose slope has a small L1 norm."""
    if sparsity < 0:
        raise InputError(f"sparsity is 0 or more, not {sparsity:g}")
    numbers = math.prod(schema.shape)
    if latents > numbers:
        raise InputError(f"jacobian_sparsity finds at most as many latents as x has numbers ({numbers}), not {latents}")
    encoder, decoder = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder, variational=False, jacobian=_ROWS)
    return model, Reconstruction() + sparsity * SparseJacobian()


jacobian_sparsity = register(
    Method(
        name="jacobian_sparsity",
        title="Reconstruct by a decoder in which every latent has an effect on few observations.",
        paper="Zheng et al. 2022, arXiv 2206.07751",
        claim=Claim(
            identifies="components",
            up_to="permutation and invertible maps of each",
            assumes=(
                "structural sparsity: for each latent, some observations have that latent alone in common",
                "no other code of the same data has a slope of smaller L1 norm",
                "an injective smooth mixing without noise",
                "as many latents in the code as in the data",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 4000, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: where observations see one or two of four latents, each is found (Spearman MCC)",
                world=seen_sparsely,
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: where all observations see all latents, the code is turned (Spearman MCC)",
                world=seen_densely,
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
