"""Permutation-contrastive learning: tell real pairs of time points from pairs put together at random."""

from __future__ import annotations

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_time import driven_sources, sources
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks.permutation_contrast import PermutationContrast


def recipe(schema: Schema, latents: int = 4, hidden: int = 32, lags: int = 1) -> tuple[Model, Objective]:
    """Score a row with its own past above the same row with another past, each latent by a score of its own."""
    encoder, _ = coder(schema, latents, latents, hidden)
    model = Model(schema.shape, latents, encoder, variational=False, also={"past": (lags,)})
    return model, 1.0 * PermutationContrast(latents, lags, hidden)


pcl = register(
    Method(
        name="pcl",
        title="Tell pairs of neighbouring time points from random ones, by a score that is a sum over latents.",
        paper="Hyvarinen and Morioka 2017, Nonlinear ICA of temporally dependent stationary sources, PMLR 54, "
        "proceedings.mlr.press/v54/hyvarinen17a",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "sources independent of each other, each a stationary process",
                "sources that depend on their own past everywhere, and are not quasi-Gaussian",
                "an invertible mixing of each time point alone",
                "as many latents in the code as in the data",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 3000, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: independent sources with Laplace innovations are found one by one (Spearman MCC)",
                world=sources,
                options={"latents": 3},
                metric=spearman_mcc,
                at_least=0.93,
            ),
            Check(
                says="broken: sources that drive each other are not told apart (Spearman MCC)",
                world=driven_sources,
                options={"latents": 3},
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
