"""Principal component analysis."""

from __future__ import annotations

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.baselines import linear_changing, linear_r2
from identikit.methods.claims import changing_world
from identikit.methods.linear import LinearModel
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(schema: Schema, latents: int = 4) -> tuple[Model, Objective]:
    """The first principal components of the standardised training rows, each of variance 1."""
    return LinearModel(schema, latents), Objective([(1.0, Reconstruction())])


pca = register(
    Method(
        name="pca",
        title="Keep the directions in which the data vary most.",
        paper="Hotelling 1933, doi 10.1037/h0071325",
        claim=Claim(
            identifies="subspace",
            up_to="an invertible linear map of the whole code",
            assumes=("a linear mixing", "as many latents in the code as in the data", "little noise"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1},
        checks=(
            Check(
                says="holds: with a linear mixing, a linear map of the code tells all latents (linear R2)",
                world=linear_changing,
                metric=linear_r2,
                at_least=0.97,
            ),
            Check(
                says="broken: with a nonlinear mixing, no linear map of the code tells them (linear R2)",
                world=changing_world,
                metric=linear_r2,
                below=0.9,
            ),
        ),
    )
)
