"""Content and style by domain: one block is the same in every domain, the other is what domains differ in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identikit.constraints import MatchDomains, MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import coder, too_few, warm_flat_linear
from identikit.methods.claims import two_domains
from identikit.methods.claims_domains import five_domains, halves_r2
from identikit.nets import MLP, BlockHead, FlowPrior, Model
from identikit.objective import Objective
from identikit.tasks import Classification, Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    style: int = 2,
    hidden: int = 32,
    beta: float = 0.02,
    match_weight: float = 1.0,
    domain_weight: float = 0.1,
    units: int = 3,
    layers: int = 1,
    embedding: int = 8,
) -> tuple[Model, Objective]:
    """Reconstruct from a style that each domain draws in its own way and a content that looks the same in all."""
    content, domains = latents - style, schema.size("domain")
    if content < 1 or style < 1:
        raise InputError(f"content and style have at least one latent each, and of {latents} the style has {style}")
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    prior = FlowPrior(content, style, domains, units=units, layers=layers, embedding=embedding)
    groups = {"content": tuple(range(content)), "style": tuple(range(content, latents))}
    heads = {"domain": BlockHead(MLP(style, domains, 32, layers=1), groups["style"], of="sample")}
    model = Model(schema.shape, latents, encoder, decoder, prior, heads, groups)
    matched = match_weight * MatchDomains(domains, "content") + domain_weight * Classification("domain")
    return model, Reconstruction() + beta * MatchPrior() + matched


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """As many domains as latents of the style, and one more, tell it from the content."""
    style = options["style"]
    return too_few("content_style", schema, "domain", style + 1, f"style={style} latents from the content")


content_style = register(
    Method(
        name="content_style",
        title="Let a style that each domain draws in its own way explain how domains differ, and content be the rest.",
        paper="Xie et al. 2023, openreview U2g8OGONA_V",
        needs=("domain",),
        domains=2,
        claim=Claim(
            identifies="block",
            up_to="an invertible map of the content, and one of the style",
            assumes=(
                "at least as many domains as latents of the style, and one more, that differ enough",
                "content with the same distribution in every domain, and independent of the style there",
                "an injective mixing shared by all domains",
            ),
        ),
        recipe=recipe,
        doubt=doubt,
        training={"batch": 64, "steps": 2000, "lr": warm_flat_linear(0.02), "balance": True},
        checks=(
            Check(
                says="holds: five domains, content and style are found without labels (kernel R2, the lower)",
                world=five_domains,
                metric=halves_r2,
                at_least=0.75,
            ),
            Check(
                says="broken: two domains are too few to set two latents of style apart (kernel R2, the lower)",
                world=two_domains,
                metric=halves_r2,
                below=0.7,
            ),
        ),
    )
)
