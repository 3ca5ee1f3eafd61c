"""Modules of observations: latents whose transitions know the regime, and a sparse sum of what each of them adds."""

from __future__ import annotations

import numpy as np

from identikit.constraints import MatchTransition
from identikit.constraints.sparse_influence import SparseInfluence
from identikit.data import Dataset, Schema
from identikit.engine import Check, Claim, Method, Runs, register
from identikit.errors import InputError
from identikit.methods.build import categories, coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_modules import leaking_modules, modules
from identikit.nets import Model
from identikit.nets.additive import AdditiveDecoder
from identikit.nets.told import ToldTransition
from identikit.objective import Objective
from identikit.tasks import Reconstruction
from identikit.tasks.additive_reconstruction import AdditiveReconstruction

PARTS = "parts"
"""Name of the head that gives what each latent adds to each observation."""


def recipe(
    schema: Schema,
    latents: int = 8,
    hidden: int = 64,
    lags: int = 1,
    beta: float = 0.1,
    sparsity: float = 1.0,
    frozen: bool = False,
    regime: str = "regime",
) -> tuple[Model, Objective]:
    """Reconstruct through latents whose transitions know the regime, and once more as a sparse sum over latents."""
    if len(schema.shape) != 1:
        raise InputError(f"mosaic needs rows of numbers, and x has the shape {schema.shape}")
    regimes = categories("mosaic", schema, "regime", regime)
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    heads = {PARTS: AdditiveDecoder(latents, schema.shape[0], frozen=frozen)}
    model = Model(schema.shape, latents, encoder, decoder, heads=heads, also={"past": (lags,)})
    net = ToldTransition(latents, regimes, lags)
    prior = MatchTransition(latents, lags, transition=net, given=regime)
    modules = AdditiveReconstruction(PARTS) + sparsity * SparseInfluence(PARTS)
    return model, Reconstruction() + beta * prior + modules


def influence(runs: Runs, data: Dataset | None = None) -> np.ndarray:
    """How far each latent moves each observation, in deviations of the observation.

    Args:
        runs: of `mosaic`.
        data: over whose rows; the data of the fit by default.

    Returns:
        `(runs, latents, features)`: the deviation over the rows of what the latent adds.

    >>> import identikit as ik
    >>> from identikit.datasets.windows import windows
    >>> from identikit.worlds.tokamak import Tokamak
    >>> data, _ = windows(*Tokamak(length=20).sample(400), past=1, next=False)
    >>> runs = ik.fit("mosaic", data, latents=4, seeds=2, steps=2, progress=False)
    >>> influence(runs).shape
    (2, 4, 12)
    """
    return runs.predict(data, PARTS).std(1)


mosaic = register(
    Method(
        name="mosaic",
        title="Let each latent reach few observations, and follow from the past as its regime says.",
        paper="MOSAIC, public code of 2026 (github.com/shichengf/mosaic); the paper was not read",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "observations that are sums of functions of one latent each, and some noise",
                "each latent reaches few observations, and the observations it reaches have no other latent in common",
                "an injective mixing of each time point alone",
                "with frozen=True: regimes and pasts alone that tell the latents apart (see tdrl)",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1000, "lr": warm_flat_linear(0.01)},
        checks=(
            Check(
                says="holds: four sources behind modules of sensors are found one by one (Spearman MCC)",
                world=modules,
                options={"latents": 4},
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: where sensors see other modules too, sources stay mixed (Spearman MCC)",
                world=leaking_modules,
                options={"latents": 4},
                metric=spearman_mcc,
                below=0.9,
            ),
            Check(
                says="broken: an encoder that is frozen to the modules leaves normal sources turned (Spearman MCC)",
                world=modules,
                options={"latents": 4, "frozen": True},
                metric=spearman_mcc,
                below=0.9,
            ),
        ),
    )
)
