"""Generative causal representations of motion: what all places share, what is a place's own, and the future."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from identikit.constraints import MatchDomains, MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import blocks, coder, too_few, warm_flat_linear
from identikit.methods.claims_motion import place_from_invariant, places, places_alike, style_r2
from identikit.nets import MLP, BlockHead, Model
from identikit.nets.environments import EnvironmentPrior
from identikit.objective import Objective
from identikit.tasks import Reconstruction
from identikit.tasks.best_of import BestOf


class Apart(nn.Module):
    """Two encoders that share nothing, so that one can go on learning while the other rests.

    Args:
        invariant: maps rows to means and log-variances of the invariant block.
        changing: the same of the changing block.
    """

    batches_runs = True

    def __init__(self, invariant: nn.Module, changing: nn.Module) -> None:
        super().__init__()
        self.invariant = invariant
        self.changing = changing

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *shape)` to the means of both, then the log-variances of both."""
        parts = [net(x).chunk(2, -1) for net in (self.invariant, self.changing)]
        return torch.cat([part[k] for k in (0, 1) for part in parts], -1)


def recipe(
    schema: Schema,
    latents: int = 4,
    changing: int = 2,
    hidden: int = 32,
    beta: float = 0.02,
    match: float = 1.0,
    future_weight: float = 1.0,
    points: int = 12,
    answers: int = 1,
    style: bool = True,
) -> tuple[Model, Objective]:
    """Reconstruct the past and tell the future from two blocks, of which one has a prior of each environment's own."""
    for name, value in {"points": points, "answers": answers}.items():
        if value < 1:
            raise InputError(f"{name} is 1 or more, not {value}")
    groups = blocks(latents, changing)
    if changing == latents:
        raise InputError(f"gcrl has an invariant block too: changing is below the number of latents ({latents})")
    shared, decoder = coder(schema, latents, 2 * (latents - changing), hidden)
    own, _ = coder(schema, latents, 2 * changing, hidden)
    seen = tuple(range(latents)) if style else groups["invariant"]
    head = BlockHead(MLP(len(seen), (answers, points, 2), hidden), seen, of="sample")
    domains = schema.size("domain")
    prior = EnvironmentPrior(latents - changing, changing, domains)
    model = Model(schema.shape, latents, Apart(shared, own), decoder, prior, {"future": head}, groups)
    objective = Reconstruction() + beta * MatchPrior() + future_weight * BestOf("future")
    return model, objective + match * MatchDomains(domains) if match else objective


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """Twice as many environments as changing latents, and one more, tell the two blocks apart."""
    changing = options["changing"]
    return too_few("gcrl", schema, "domain", 2 * changing + 1, f"changing={changing} latents from the others")


gcrl = register(
    Method(
        name="gcrl",
        title="Tell the future from what all environments share and from the style of each.",
        paper="Bagi et al. 2023, arXiv 2302.08635",
        needs=("domain", "future"),
        domains=2,
        claim=Claim(
            identifies="block",
            up_to="an invertible map of the invariant block; the whole code, not one block, tells what changes",
            assumes=(
                "latents independent given the environment, of which one block changes with it",
                "at least twice as many environments as changing latents, and one more, that differ enough",
                "an injective mixing that all environments share",
            ),
            blocks={"invariant": "block", "changing": "subspace"},
        ),
        recipe=recipe,
        doubt=doubt,
        training={"batch": 65, "steps": 1000, "lr": warm_flat_linear(0.01), "balance": True},
        checks=(
            Check(
                says="holds: the invariant block does not tell the place (vote of neighbours, chance 0.2)",
                world=places,
                metric=place_from_invariant,
                below=0.3,
            ),
            Check(
                says="holds: the changing block tells pace and sway, which the place decides on (kernel R2)",
                world=places,
                metric=style_r2,
                at_least=0.55,
            ),
            Check(
                says="broken: where all places are alike, nothing sets pace and sway apart (kernel R2)",
                world=places_alike,
                metric=style_r2,
                below=0.55,
            ),
        ),
    )
)
