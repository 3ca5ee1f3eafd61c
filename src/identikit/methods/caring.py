"""Causal temporal representations where one time point does not show all latents: the encoder remembers."""

from __future__ import annotations

from identikit.constraints import MatchTransition
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError
from identikit.methods.build import warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_regimes import all_seen, forgotten
from identikit.nets import MLP, Model, Transition
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema, latents: int = 4, hidden: int = 64, lags: int = 1, history: int = 1, beta: float = 0.1
) -> tuple[Model, Objective]:
    """Reconstruct each time point through latents that are read from it and from those before it."""
    if len(schema.shape) != 1:
        raise InputError(f"caring takes rows of numbers, and x has the shape {schema.shape}")
    if history < 1:
        raise InputError(f"caring remembers a history of at least 1 time point, not {history}: without one it is tdrl")
    size = schema.shape[0]
    encoder, decoder = MLP((history + 1, size), 2 * latents, hidden), MLP(latents, size, hidden)
    model = Model(schema.shape, latents, encoder, decoder, also={"past": (lags,)}, history=history)
    return model, Reconstruction() + beta * MatchTransition(latents, lags, transition=Transition(latents, lags, hidden))


caring = register(
    Method(
        name="caring",
        title="Let every latent follow from the past, and read it from several time points where one does not show it.",
        paper="Chen et al. 2024, arXiv 2401.14535",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps, of the latents that move what is seen enough",
            assumes=(
                "latents that are a function of the present and of a few past observations",
                "latents independent of each other given their past",
                "transitions whose log densities vary sufficiently with the past",
                "as many lags as the transitions have",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1800, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: with the last frame in sight too, latents are found one by one (Spearman MCC)",
                world=all_seen,
                options={"latents": 3},
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: a latent that no frame shows has noise of its own, and is lost (Spearman MCC)",
                world=forgotten,
                options={"latents": 3},
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
