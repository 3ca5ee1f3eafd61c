"""Linear independent component analysis by the fast fixed point."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import torch

from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.methods.baselines import linear_mixtures, linear_normals
from identikit.methods.claims import spearman_mcc
from identikit.methods.linear import LinearModel
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction

log = logging.getLogger("identikit")

_ITERATIONS = 1000


class Unmixing(LinearModel):
    """White principal components, turned until they are as far from normal as can be.

    Args:
        schema: of the data.
        latents: number of latents.
    """

    def __init__(self, schema: Schema, latents: int) -> None:
        super().__init__(schema, latents)
        # Drawn where parameters are drawn, so that every seed sets out from a rotation of its own.
        self.start = torch.randn(latents, latents).double().numpy()

    def turn(self, white: np.ndarray) -> np.ndarray:
        """The rotation that the fixed point reaches from the start."""
        from sklearn.decomposition import FastICA
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            # scikit-learn's own types know of whiten= as a string alone.
            given: dict[str, Any] = {"whiten": False, "w_init": self.start, "max_iter": _ITERATIONS}
            found = FastICA(**given).fit(white)
        if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
            log.warning("fast_ica did not settle in %d iterations: latents may be normal", _ITERATIONS)
        return found.components_


def recipe(schema: Schema, latents: int = 4) -> tuple[Model, Objective]:
    """Independent components of the standardised training rows, each of variance 1."""
    return Unmixing(schema, latents), Objective([(1.0, Reconstruction())])


fast_ica = register(
    Method(
        name="fast_ica",
        title="Turn the principal components until each is as far from normal as can be.",
        paper="Hyvarinen 1999, doi 10.1109/72.761722",
        claim=Claim(
            identifies="components",
            up_to="permutation, sign and scale",
            assumes=("a linear mixing", "independent latents", "at most one normal latent", "little noise"),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 1},
        assumptions=("independence",),
        checks=(
            Check(
                says="holds: four mixtures under a linear mixing are found one by one (Spearman MCC)",
                world=linear_mixtures,
                metric=spearman_mcc,
                at_least=0.9,
            ),
            Check(
                says="broken: four normal latents under a linear mixing are not told apart (Spearman MCC)",
                world=linear_normals,
                metric=spearman_mcc,
                below=0.88,
            ),
        ),
    )
)
