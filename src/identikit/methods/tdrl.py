"""Temporally disentangled representation learning: each latent is an effect of the past and of a noise of its own."""

from __future__ import annotations

from identikit.constraints import MatchTransition
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError, unknown
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_time import modulated, unmodulated
from identikit.nets import Model, Transition
from identikit.nets.changing import KnownRegime
from identikit.nets.residual import ResidualTransition
from identikit.objective import Objective
from identikit.tasks import Reconstruction

TRANSITIONS = {"increasing": Transition, "free": ResidualTransition}
"""The networks that tell a latent's noise: an increasing map, or any network, as in the paper."""


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 64,
    lags: int = 1,
    beta: float = 0.1,
    transition: str = "increasing",
    correlated: bool = False,
    regime: str | None = None,
) -> tuple[Model, Objective]:
    """Reconstruct through latents that are independent of each other given the past."""
    if transition not in TRANSITIONS:
        raise unknown("transition", transition, TRANSITIONS)
    outputs = 2 * latents + (latents * (latents - 1) // 2 if correlated else 0)
    encoder, decoder = coder(schema, latents, outputs, hidden)
    model = Model(schema.shape, latents, encoder, decoder, also={"past": (lags,)}, correlated=correlated)
    if regime is None:
        net = TRANSITIONS[transition](latents, lags, hidden)
    elif regime not in schema.names:
        raise InputError(f"regime= names a field of categories, and the data has none called '{regime}'")
    elif transition != "increasing":
        raise InputError(f"transitions of known regimes are increasing maps, not '{transition}'")
    else:
        net = KnownRegime(latents, schema.size(regime), lags, hidden)
    return model, Reconstruction() + beta * MatchTransition(latents, lags, transition=net, given=regime)


tdrl = register(
    Method(
        name="tdrl",
        title="Let every latent follow from the past of all latents and from a noise of its own.",
        paper="Yao et al. 2022, arXiv 2210.13647",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "latents independent of each other given their past",
                "transitions whose log densities vary sufficiently with the past",
                "an injective mixing of each time point alone",
                "as many lags as the transitions have",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 2500, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: the past modulates the noise, latents are found one by one (Spearman MCC)",
                world=modulated,
                options={"latents": 3},
                metric=spearman_mcc,
                at_least=0.94,
            ),
            Check(
                says="broken: normal noise of constant deviation leaves the latents turned (Spearman MCC)",
                world=unmodulated,
                options={"latents": 3},
                metric=spearman_mcc,
                below=0.94,
            ),
        ),
    )
)
