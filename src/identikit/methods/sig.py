"""Subspace identification: four blocks, told apart by whether they change with the domain and speak of the label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from identikit.constraints import LowEntropy, MatchPrior
from identikit.constraints.align_classes import AlignClasses
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import coder, too_few, warm_flat_linear
from identikit.methods.claims_domains import alike, halves_r2, three_domains
from identikit.nets import MLP, BlockHead, FlowPrior, Model
from identikit.objective import Objective
from identikit.tasks import Classification, Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    label: int = 1,
    domain: int = 1,
    both: int = 1,
    hidden: int = 32,
    beta: float = 0.02,
    label_weight: float = 0.6,
    domain_weight: float = 0.1,
    align_weight: float = 0.02,
    entropy_weight: float = 0.02,
    units: int = 3,
    layers: int = 1,
    embedding: int = 8,
) -> tuple[Model, Objective]:
    """Reconstruct from four blocks, of which two see the domain and two the label, and align classes in one of them."""
    neither = latents - label - domain - both
    groups = _blocks({"neither": neither, "label": label, "domain": domain, "both": both})
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    options = {"units": units, "layers": layers, "embedding": embedding}
    prior = FlowPrior(neither + label, domain + both, schema.size("domain"), **options)
    speaking = groups.get("label", ()) + groups.get("both", ())
    changing = groups.get("domain", ()) + groups.get("both", ())
    heads: dict[str, nn.Module] = {"domain": _teller(schema, "domain", changing, "sample")}
    if "y" in schema.names:
        if not speaking:
            raise InputError("sig tells the label from the blocks label and both, and both have 0 latents")
        heads["y"] = _teller(schema, "y", speaking, "base")
    model = Model(schema.shape, latents, encoder, decoder, prior, heads, groups)
    objective = Reconstruction() + beta * MatchPrior() + domain_weight * Classification("domain")
    if "y" in heads:
        objective = objective + label_weight * Classification("y") + entropy_weight * LowEntropy("y")
    if "y" in heads and label:
        objective = objective + align_weight * AlignClasses("y", "label")
    return model, objective


def _teller(schema: Schema, field: str, positions: tuple[int, ...], of: str) -> BlockHead:
    return BlockHead(MLP(len(positions), schema.size(field), 32, layers=1), positions, of)


def _blocks(sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """Positions of the blocks, those that see no domain first; empty ones are left out."""
    for name, size in sizes.items():
        if size < 0 and name != "neither":
            raise InputError(f"a block has 0 latents or more, and {name} has {size}")
    total = sum(sizes.values())
    if sizes["neither"] < 0:
        raise InputError(f"label, domain and both have {total - sizes['neither']} latents, and the code has {total}")
    if sizes["domain"] + sizes["both"] < 1:
        raise InputError("sig needs a latent that changes with the domain: domain and both have 0")
    groups, end = {}, 0
    for name, size in sizes.items():
        if size:
            groups[name] = tuple(range(end, end + size))
        end += size
    return groups


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """As many domains as changing latents, and one more, tell these from the others."""
    changing = options["domain"] + options["both"]
    return too_few("sig", schema, "domain", changing + 1, f"{changing} changing latents from the others")


sig = register(
    Method(
        name="sig",
        title="Let half of the code change with the domain, and split both halves by what speaks of the label.",
        paper="Li et al. 2023, arXiv 2310.00338",
        needs=("domain",),
        domains=2,
        claim=Claim(
            identifies="subspace",
            up_to="an invertible map of all latents that change with the domain, and one of all that do not",
            assumes=(
                "at least as many domains as changing latents, and one more, that differ enough",
                "latents independent within each domain",
                "an injective mixing shared by all domains",
            ),
        ),
        recipe=recipe,
        doubt=doubt,
        training={"batch": 64, "steps": 2000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: three domains, what changes and what does not are found as blocks (kernel R2, the lower)",
                world=three_domains,
                options={"label": 2, "domain": 0, "both": 2},
                metric=halves_r2,
                at_least=0.7,
            ),
            Check(
                says="broken: where three domains do not differ, no two latents are set apart (kernel R2, the lower)",
                world=alike,
                options={"label": 2, "domain": 0, "both": 2},
                metric=halves_r2,
                below=0.65,
            ),
        ),
    )
)
