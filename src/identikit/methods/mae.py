"""The masked autoencoder: what is hidden is told from what is seen, so that the code holds what the two share."""

from __future__ import annotations

import math

from torch import nn

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims_masked import BRANCH, four_branches, own_r2, shared_r2
from identikit.nets import Mask, Model
from identikit.nets.vit import PatchDecoder, PatchEncoder
from identikit.objective import Objective
from identikit.tasks import MaskedReconstruction

_PIXEL = 0.05
"""About the variance of a pixel between pictures."""
_SIDE = 8
"""Largest side, in pixels, of the patches that the transformer looks at; a larger one that is hidden is several."""


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 64,
    masked: float = 0.5,
    patch: int | None = None,
    beta: float = 0.01,
) -> tuple[Model, Objective]:
    """Hide a share of the columns or patches, and give them back from a code of the others."""
    if beta < 0:
        raise InputError(f"beta is the weight of the divergence, 0 or more, not {beta:g}")
    mask = Mask(schema.shape, masked, patch)
    nets = _patchwise(schema, latents, hidden, mask) if schema.image else coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, *nets, mask=mask)
    # So that the task is about 1 where nothing has been learned, for rows and pictures of any size.
    variance = math.prod(schema.shape) * (_PIXEL if schema.image else 1.0) / 2
    return model, MaskedReconstruction(variance=variance) + beta * MatchPrior()


def _patchwise(schema: Schema, latents: int, hidden: int, mask: Mask) -> tuple[nn.Module, nn.Module]:
    """A transformer of patches that fit into those that are hidden, of at most `_SIDE` pixels."""
    if latents < 1:
        raise InputError(f"a code needs at least one latent, not {latents}")
    side = math.gcd(mask.patch, _SIDE)
    return PatchEncoder(schema.shape, 2 * latents, side, hidden), PatchDecoder(latents, schema.shape, side, hidden)


mae = register(
    Method(
        name="mae",
        title="Hide part of the input and tell it from the rest: the code holds what the two parts share.",
        paper="He et al. 2022, arXiv 2111.06377; Kong et al. 2023, arXiv 2306.04898",
        claim=Claim(
            identifies="block",
            up_to="an invertible map of the latents that hidden and seen parts share, which the mask decides on",
            assumes=(
                "latents that cause one another from the top down, nodes that tell their parents",
                "masks that cut the hierarchy where it is to be found: large enough, and not too large",
                "as many latents in the code as the two parts share",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1000, "lr": warm_flat_linear(0.005)},
        checks=(
            Check(
                says="holds: with two branches of four hidden, the code tells the latent above all (kernel R2)",
                world=four_branches,
                options={"masked": 0.5, "patch": BRANCH},
                metric=shared_r2,
                at_least=0.9,
            ),
            Check(
                says="holds: and not what each branch has of its own (kernel R2)",
                world=four_branches,
                options={"masked": 0.5, "patch": BRANCH},
                metric=own_r2,
                below=0.3,
            ),
            Check(
                says="broken: where single columns are hidden, the code does tell what each branch has of its own",
                world=four_branches,
                options={"masked": 0.75, "patch": 1, "latents": 12},
                metric=own_r2,
                at_least=0.5,
            ),
        ),
    )
)
