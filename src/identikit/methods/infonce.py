"""Contrast of two views: a similarity says how latents differ between them, and training inverts the mixing."""

from __future__ import annotations

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_views import laplace_steps
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Contrast


def recipe(
    schema: Schema,
    latents: int = 4,
    hidden: int = 32,
    similarity: str = "distance",
    power: float = 1.0,
    temperature: float = 0.2,
) -> tuple[Model, Objective]:
    """Tell each row's other view from those of the rest of the batch, by a similarity of the codes."""
    encoder, _ = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder, variational=False, also={"view": ()})
    return model, Objective([(1.0, Contrast("view", temperature, similarity, power))])


infonce = register(
    Method(
        name="infonce",
        title="Tell two views of a row from views of others, by how latents differ between views.",
        paper="Zimmermann et al. 2021, arXiv 2102.08850",
        needs=("view",),
        claim=Claim(
            identifies="components",
            up_to="permutation, sign, shift and one scale (power 1); one rotation more with power 2 or cosine",
            assumes=(
                "latents uniform in a box (on a sphere for cosine)",
                "the similarity is that of the latents' step between views: power 1 Laplace, power 2 normal",
                "an injective mixing, the same in both views",
                "as many latents in the code as in the data",
            ),
        ),
        recipe=recipe,
        training={"batch": 128, "steps": 2000, "lr": warm_flat_linear(0.005)},
        checks=(
            Check(
                says="holds: Laplace steps and power 1, four latents are found one by one (Spearman MCC)",
                world=laplace_steps,
                metric=spearman_mcc,
                at_least=0.95,
            ),
            Check(
                says="broken: power 2 asks for normal steps, and its code is turned (Spearman MCC)",
                world=laplace_steps,
                options={"power": 2.0},
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
