"""Several modalities whose latents cause each other along few edges."""

from __future__ import annotations

import math

import torch

from identikit.constraints.match_mechanisms import MatchMechanisms
from identikit.constraints.sparse_gates import SparseGates
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import warm_flat_linear
from identikit.methods.claims_sparse import all_to_all, graph_and_latents, latents_mcc, one_to_one
from identikit.nets import MLP, Model
from identikit.nets.gates import Gates
from identikit.nets.parts import Parts
from identikit.objective import Objective, ramp
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema,
    latents: int = 2,
    exogenous: int = 1,
    hidden: int = 32,
    beta: float = 0.1,
    sparsity: float = 0.1,
    warm: int = 600,
    hard: bool = True,
) -> tuple[Model, Objective]:
    """One encoder and decoder for each modality, over latents that follow from each other behind gates."""
    shapes = _shapes(schema)
    if latents < 1 or exogenous < 0:
        raise InputError(
            f"each modality has at least one latent and 0 or more exogenous ones, not {latents} and {exogenous}"
        )
    if warm < 1:
        raise InputError(f"warm is 1 or more, not {warm}")
    blocks = _blocks(tuple(shapes), latents, exogenous)
    causal, size = len(blocks["latents"]), len(shapes) * (latents + exogenous)
    columns, codes, start = [], [], 0
    for name, numbers in shapes.items():
        columns.append(range(start, start + numbers))
        codes.append((*blocks[name], *blocks.get(f"{name} exogenous", ())))
        start += numbers
    # Each encoder gives the means of its own latents, then their log-variances; the code has all means first.
    wanted = [position + shift for own in codes for shift in (0, size) for position in own]
    order = sorted(range(2 * size), key=wanted.__getitem__)
    own = latents + exogenous
    encoder = Parts([MLP(numbers, 2 * own, hidden) for numbers in shapes.values()], columns, order)
    decoder = Parts([MLP(own, numbers, hidden) for numbers in shapes.values()], codes)
    earlier = torch.zeros(size, size)
    earlier[:causal, :causal] = torch.ones(causal, causal).tril(-1)
    gates = Gates(size, {"latents": size}, earlier, hard)
    model = Model(schema.joint, size, encoder, decoder, blocks=blocks, gates=gates)
    divergence = MatchMechanisms(size, {"latents": size})
    sparse = SparseGates() * ramp(0, beta * sparsity, steps=warm, begin=warm)
    return model, Reconstruction() + beta * divergence + sparse


def _shapes(schema: Schema) -> dict[str, int]:
    if not isinstance(schema.x, dict) or len(schema.x) < 2:
        raise InputError(
            "multimodal needs x to hold two modalities or more, and it is one array: hand from_arrays a dict of arrays"
        )
    for name, shape in schema.x.items():
        if len(shape) == 3:
            raise InputError(f"'{name}' holds pictures, and multimodal takes rows of numbers: hand over features of it")
        if name in ("latents", "exogenous"):
            raise InputError(f"a modality may not be called '{name}': that is the name of a block of latents")
    return {name: math.prod(shape) for name, shape in schema.x.items()}


def _blocks(names: tuple[str, ...], latents: int, exogenous: int) -> dict[str, tuple[int, ...]]:
    """Causal latents of each modality in turn, then the exogenous ones in turn."""
    causal = len(names) * latents
    blocks = {"latents": tuple(range(causal)), "exogenous": tuple(range(causal, causal + len(names) * exogenous))}
    for i, name in enumerate(names):
        blocks[name] = tuple(range(i * latents, (i + 1) * latents))
        first = causal + i * exogenous
        blocks[f"{name} exogenous"] = tuple(range(first, first + exogenous))
    return {name: block for name, block in blocks.items() if block}


multimodal = register(
    Method(
        name="multimodal",
        title="Find the latents of several modalities by the few edges along which they cause each other.",
        paper="Sun et al. 2025, arXiv 2411.06518",
        modalities=True,
        claim=Claim(
            identifies="components",
            up_to="permutation within each modality and component-wise invertible maps",
            assumes=(
                "an injective mixing of each modality, and as many latents in each as the model is told",
                "latents of the other modalities that vary in as many directions as a modality has latents",
                "cross-modal edges so few that any mixing of two latents of a modality would add one",
                "no edge from a later modality to an earlier one, in the order of the data",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1800, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: latents and the edges between them are found (lesser of Spearman MCC and edge F1)",
                world=one_to_one,
                metric=graph_and_latents,
                at_least=0.9,
                whole=True,
            ),
            Check(
                says="broken: every latent causes all of the other modality (Spearman MCC)",
                world=all_to_all,
                metric=latents_mcc,
                below=0.8,
                whole=True,
            ),
        ),
    )
)
