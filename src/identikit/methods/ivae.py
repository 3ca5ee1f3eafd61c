"""The identifiable variational autoencoder: the prior of every latent depends on something observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import categories, coder, too_few, warm_flat_linear
from identikit.methods.claims import only_changing, only_invariant, spearman_mcc
from identikit.nets import ConditionalNormal, Model, Seeing
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 32, beta: float = 0.02, auxiliary: str = "domain"
) -> tuple[Model, Objective]:
    """Reconstruct through latents whose prior, and whose encoder, know the auxiliary category."""
    count = categories("ivae", schema, "auxiliary", auxiliary)
    net, decoder = coder(schema, latents, 2 * latents, hidden, seen=count)
    encoder = Seeing(net, auxiliary, count)
    prior = ConditionalNormal(latents, auxiliary, count)
    model = Model(schema.shape, latents, encoder, decoder, prior)
    return model, Reconstruction() + beta * MatchPrior()


def doubt(schema: Schema, options: Mapping[str, Any]) -> str | None:
    """Twice as many values as latents, and one more, tell these apart."""
    latents = options["latents"]
    return too_few("ivae", schema, options["auxiliary"], 2 * latents + 1, f"latents={latents} latents apart")


ivae = register(
    Method(
        name="ivae",
        title="Let the prior of every latent depend on something observed, such as the domain.",
        paper="Khemakhem et al. 2020, arXiv 1907.04809",
        claim=Claim(
            identifies="components",
            up_to="permutation and monotone maps, of the latents that change with the auxiliary field",
            assumes=(
                "at least twice as many values of the auxiliary field as latents, and one more, that differ enough",
                "latents independent given it, of an exponential family (here: normal)",
                "an injective mixing",
            ),
        ),
        recipe=recipe,
        doubt=doubt,
        assumptions=("enough domains", "variability", "independence"),
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: three changing latents in nine domains are found one by one (Spearman MCC)",
                world=only_changing,
                options={"latents": 3},
                metric=spearman_mcc,
                at_least=0.83,
            ),
            Check(
                says="broken: three latents that no domain changes are not told apart (Spearman MCC)",
                world=only_invariant,
                options={"latents": 3},
                metric=spearman_mcc,
                below=0.83,
            ),
        ),
    )
)
