"""A block for every labelled factor and one for the rest: contrast by labels beside reconstruction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError, MissingFieldError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims_factors import hardly_told, told_apart_r2, told_factors
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction
from identikit.tasks.supervised_contrast import SupervisedContrast

RESIDUAL = "residual"


class OneLength(nn.Module):
    """An encoder to means and log-variances, of which the means of some blocks all have the same length.

    Args:
        net: maps to `2 * latents` numbers.
        blocks: positions of each of these blocks; their means have a mean square of 1.
    """

    batches_runs = True

    def __init__(self, net: nn.Module, blocks: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.net = net
        self.blocks = [list(positions) for positions in blocks]

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *shape)`."""
        out = self.net(x)
        mean, spread = out.chunk(2, -1)
        scaled = mean.clone()
        for positions in self.blocks:
            scaled[..., positions] = F.normalize(mean[..., positions], dim=-1) * math.sqrt(len(positions))
        return torch.cat([scaled, spread], -1)


def recipe(
    schema: Schema,
    latents: int = 6,
    hidden: int = 32,
    factors: Sequence[str] = (),
    size: int = 2,
    contrast: float = 1.0,
    temperature: float = 0.07,
    beta: float = 0.002,
    factor_beta: float = 0.2,
) -> tuple[Model, Objective]:
    """Reconstruct from a residual and one block for each factor, in which rows of one label lie together."""
    factors = (factors,) if isinstance(factors, str) else tuple(factors) or _labels(schema)
    blocks = _blocks(schema, latents, factors, size)
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    encoder = OneLength(encoder, [blocks[factor] for factor in factors])
    objective = Reconstruction() + beta * MatchPrior(block=RESIDUAL)
    for factor in factors:
        objective = objective + factor_beta * MatchPrior(block=factor)
        objective = objective + contrast * SupervisedContrast(factor, temperature=temperature)
    return Model(schema.shape, latents, encoder, decoder, blocks=blocks), objective


def _labels(schema: Schema) -> tuple[str, ...]:
    """All fields of two classes or more."""
    found = tuple(name for name in schema.fields if name in schema.names and schema.size(name) > 1)
    if not found:
        held = ", ".join(("x", *schema.fields))
        raise InputError(
            f"xfactors needs a field of labels of two classes or more, and the data holds {held}: "
            "name the labels, with y= or --y, or further fields of from_arrays"
        )
    return found


def _blocks(schema: Schema, latents: int, factors: tuple[str, ...], size: int) -> dict[str, tuple[int, ...]]:
    """The residual first, then each factor's block."""
    for factor in factors:
        if factor not in schema.fields:
            raise MissingFieldError("xfactors", factor, schema.fields)
        if factor not in schema.names:
            raise InputError(f"xfactors needs labels in '{factor}', which holds numbers: sort them into classes first")
        if schema.size(factor) < 2:
            raise InputError(f"all labels of '{factor}' are the same class, so that they tell nothing apart")
    if len(set(factors)) < len(factors) or RESIDUAL in factors:
        raise InputError(f"factors are different fields, none of them called '{RESIDUAL}', not {', '.join(factors)}")
    if size < 2:
        raise InputError(f"size is 2 or more, as codes are compared by their directions, not {size}")
    rest = latents - size * len(factors)
    if rest < 1:
        raise InputError(
            f"latents is more than the {size * len(factors)} of the factors' blocks, not {latents}: "
            "the residual needs at least one"
        )
    starts = {factor: rest + size * i for i, factor in enumerate(factors)}
    return {RESIDUAL: tuple(range(rest)), **{name: tuple(range(at, at + size)) for name, at in starts.items()}}


xfactors = register(
    Method(
        name="xfactors",
        title="Give every labelled factor a block of the code in which rows of one label lie together.",
        paper="XFactors 2026, an anonymous submission",
        claim=Claim(
            identifies="block",
            up_to="an invertible map of each labelled factor; nothing of what no label tells",
            assumes=(
                "a label for each factor that is wanted, known in enough rows",
                "labelled factors vary independently of each other and of the rest",
                "x tells each of them",
            ),
            blocks={RESIDUAL: "nothing"},
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1500, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: each block tells its own factor and no other (kernel R2, own less next best)",
                world=told_factors,
                options={"factors": ("first", "second")},
                metric=told_apart_r2,
                at_least=0.8,
            ),
            Check(
                says="broken: with labels for one row of a hundred it does not (kernel R2, own less next best)",
                world=hardly_told,
                options={"factors": ("first", "second")},
                metric=told_apart_r2,
                below=0.5,
            ),
        ),
    )
)
