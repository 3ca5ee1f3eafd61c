"""Mechanism sparsity: latents are told apart by how few of the past latents and of the actions reach each of them."""

from __future__ import annotations

from identikit.constraints.match_mechanisms import MatchMechanisms
from identikit.constraints.sparse_gates import SparseGates
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError, MissingFieldError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_sparse import few_targets, many_targets
from identikit.nets import Model
from identikit.nets.gates import Gates
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 32,
    lags: int = 1,
    actions: int = 0,
    beta: float = 0.1,
    sparsity: float = 0.05,
    hard: bool = True,
) -> tuple[Model, Objective]:
    """Reconstruct through latents that each follow from few past latents and few actions."""
    if lags < 0 or actions < 0 or lags + actions == 0:
        raise InputError(f"lags and actions are 0 or more, and one of them more than 0, not {lags} and {actions}")
    parents = {"past": lags * latents, "action": actions}
    parents = {kind: size for kind, size in parents.items() if size}
    for kind in parents:
        if kind not in schema.fields:
            raise MissingFieldError("mechanism_sparsity", kind, schema.fields)
    if actions and "action" in schema.names and schema.size("action") != actions:
        raise InputError(f"the data has {schema.size('action')} kinds of action, and actions= says {actions}")
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    gates = Gates(latents, parents, hard=hard)
    also = {"past": (lags,)} if lags else None
    model = Model(schema.shape, latents, encoder, decoder, also=also, gates=gates)
    objective = Reconstruction() + beta * MatchMechanisms(latents, parents) + beta * sparsity * SparseGates()
    return model, objective


mechanism_sparsity = register(
    Method(
        name="mechanism_sparsity",
        title="Let few past latents and few actions reach each latent, through gates that are open or closed.",
        paper="Lachapelle et al. 2022, arXiv 2107.10098",
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "latents independent of each other given their past and the actions",
                "a graph of past latents and actions that singles every latent out (the graphical criterion)",
                "transitions that vary sufficiently with the past and the actions",
                "an injective mixing of each time point alone",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1500, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: each action touches one latent, latents are found one by one (Spearman MCC)",
                world=few_targets,
                options={"actions": 4},
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: everything touches everything, latents are not told apart (Spearman MCC)",
                world=many_targets,
                options={"actions": 4},
                metric=spearman_mcc,
                below=0.8,
            ),
        ),
    )
)
