"""Latent temporally causal processes: one transition for all domains, of noises that each domain modulates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identikit.constraints import MatchTransition
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import categories, coder, too_few, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_regimes import noise_alike, noise_by_regime
from identikit.nets import Model, Transition
from identikit.nets.changing import ChangingNoise
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 64, lags: int = 1, beta: float = 0.1, auxiliary: str = "domain"
) -> tuple[Model, Objective]:
    """Reconstruct through latents that follow from their past by noises whose density the domain decides."""
    domains = categories("leap", schema, "auxiliary", auxiliary)
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder, also={"past": (lags,)})
    net = ChangingNoise(Transition(latents, lags, hidden), latents, domains)
    return model, Reconstruction() + beta * MatchTransition(latents, lags, transition=net, given=auxiliary)


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """Twice as many values as latents, and one more, tell these apart."""
    latents = options["latents"]
    return too_few("leap", schema, options["auxiliary"], 2 * latents + 1, f"latents={latents} latents apart")


leap = register(
    Method(
        name="leap",
        title="Let every latent follow from the past by one law, and let the domain change its noise.",
        paper="Yao et al. 2022, arXiv 2110.05428",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "latents independent of each other given their past and the domain",
                "one transition for all domains, of noises whose density the domain modulates",
                "at least twice as many domains as latents, and one more, that differ enough",
                "an injective mixing of each time point alone",
                "as many lags as the transitions have",
            ),
        ),
        recipe=recipe,
        doubt=doubt,
        training={"batch": 64, "steps": 2000, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: nine domains set how far the noises reach, latents are found one by one (Spearman MCC)",
                world=noise_by_regime,
                options={"latents": 3, "auxiliary": "regime"},
                metric=spearman_mcc,
                at_least=0.94,
            ),
            Check(
                says="broken: nine domains that are all alike leave the latents turned (Spearman MCC)",
                world=noise_alike,
                options={"latents": 3, "auxiliary": "regime"},
                metric=spearman_mcc,
                below=0.94,
            ),
        ),
    )
)
