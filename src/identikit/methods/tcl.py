"""Time-contrastive learning: tell from which segment a row is, by numbers that a linear classifier reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import categories, coder, too_few, warm_flat_linear
from identikit.methods.claims_time import equal_segments, linear_r2_of_squares, segments
from identikit.nets import MLP, Model
from identikit.objective import Objective
from identikit.tasks import Classification


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, segment: str = "domain") -> tuple[Model, Objective]:
    """Tell the segment by multinomial logistic regression on the code."""
    count = categories("tcl", schema, "segment", segment)
    encoder, _ = coder(schema, latents, latents, hidden)
    heads = {segment: MLP(latents, count, layers=0)}
    return Model(schema.shape, latents, encoder, heads=heads, variational=False), 1.0 * Classification(segment)


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """One segment more than latents tells their statistics."""
    latents = options["latents"]
    return too_few("tcl", schema, options["segment"], latents + 1, f"latents={latents} latents")


tcl = register(
    Method(
        name="tcl",
        title="Tell the segment of a row by a linear classifier of the code.",
        paper="Hyvarinen and Morioka 2016, arXiv 1605.06336",
        claim=Claim(
            identifies="subspace",
            up_to="one invertible linear map of the latents' sufficient statistics (for normal ones their squares)",
            assumes=(
                "latents independent within each segment, of an exponential family with one statistic each",
                "more segments than latents, whose parameters differ in every direction",
                "an invertible mixing",
                "as many latents in the code as in the data",
            ),
        ),
        recipe=recipe,
        doubt=doubt,
        training={"batch": 64, "steps": 3000, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: segments of different variances, the code tells the squared latents (linear R2)",
                world=segments,
                options={"latents": 3},
                metric=linear_r2_of_squares,
                at_least=0.7,
            ),
            Check(
                says="broken: segments that are alike teach nothing of the squared latents (linear R2)",
                world=equal_segments,
                options={"latents": 3},
                metric=linear_r2_of_squares,
                below=0.45,
            ),
        ),
    )
)
