"""Latents that listen to each other within a time point, and to few: instantaneous edges in latent dynamics."""

from __future__ import annotations

from identikit.constraints import MatchTransition
from identikit.constraints.sparse_transition import SparseTransition
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_instant import chain, still_chain
from identikit.nets import Model
from identikit.nets.instant import InstantTransition
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, lags: int = 1, beta: float = 0.1, sparsity: float = 0.02
) -> tuple[Model, Objective]:
    """Reconstruct through latents that listen to few others, of the past or of their own time point."""
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder, also={"past": (lags,)})
    net = InstantTransition(latents, lags, hidden)
    prior = MatchTransition(latents, lags, transition=net)
    return model, Reconstruction() + beta * prior + sparsity * SparseTransition(net)


idol = register(
    Method(
        name="idol",
        title="Let each latent follow from few others, of the past and of its own time point.",
        paper="Li et al. 2024, arXiv 2405.15325",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "no cycle within a time point",
                "few edges: no latent has an intimate neighbour in the Markov network of two time points",
                "log densities of the transitions, and their mixed derivatives, that vary sufficiently with what lies "
                "before the two time points",
                "an injective mixing of each time point alone",
                "as many lags as the transitions have",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1500, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: a chain within each time point and few edges, latents are found one by one (Spearman MCC)",
                world=chain,
                options={"latents": 3, "lags": 2},
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: normal noise of constant deviation leaves the latents turned (Spearman MCC)",
                world=still_chain,
                options={"latents": 3, "lags": 2},
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
