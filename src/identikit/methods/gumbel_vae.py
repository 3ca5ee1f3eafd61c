"""The variational autoencoder of categories, drawn by the Gumbel-softmax."""

from __future__ import annotations

from identikit.constraints import MatchPrior
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims_discrete import concepts, concepts_mcc, concepts_r2
from identikit.nets import Model
from identikit.nets.quantise import Categories
from identikit.objective import Objective, ramp
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 32,
    states: int = 10,
    noise: float = 0.1,
    start: float = 2.0,
    stop: float = 0.5,
    cooling: int = 1_500,
) -> tuple[Model, Objective]:
    """The evidence lower bound of `latents` categories, drawn at a temperature that falls from `start` to `stop`."""
    quantiser = Categories(latents, states, ramp(start, stop, cooling).at)
    size = latents * states
    encoder, decoder = coder(schema, size, size, hidden)
    places = {f"latent {i}": tuple(range(i * states, (i + 1) * states)) for i in range(latents)}
    model = Model(schema.shape, size, encoder, decoder, blocks=places, variational=False, quantiser=quantiser)
    return model, Reconstruction(variance=noise) + MatchPrior()


gumbel_vae = register(
    Method(
        name="gumbel_vae",
        title="Give the input back through categories, drawn so that gradients pass.",
        paper="Jang et al. 2017, arXiv 1611.01144; Maddison et al. 2017, arXiv 1611.00712",
        claim=Claim(
            identifies="subspace",
            up_to="a relabelling of the states of all latents together",
            assumes=(
                "discrete latents and nothing else in x",
                "at least as many states in the code, all latents together, as in the data",
                "an injective mixing",
                "little noise",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 2000, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: with states enough, the whole code tells all concepts (kernel R2)",
                world=concepts,
                metric=concepts_r2,
                at_least=0.9,
            ),
            Check(
                says="broken: one latent of two states cannot tell four concepts (kernel R2)",
                world=concepts,
                options={"latents": 1, "states": 2, "steps": 500, "cooling": 400},
                metric=concepts_r2,
                below=0.6,
            ),
            Check(
                says="broken: single states of the code are not the concepts (Spearman MCC)",
                world=concepts,
                metric=concepts_mcc,
                below=0.88,
            ),
        ),
    )
)
