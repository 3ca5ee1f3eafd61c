"""Temporally disentangled representation learning where the law changes at unknown times: hidden regimes."""

from __future__ import annotations

import numpy as np
import torch

from identikit.constraints.match_switching import MatchSwitching
from identikit.data import Dataset, Schema
from identikit.datasets.arrays import from_arrays
from identikit.engine import Check, Claim, Method, register
from identikit.engine.program import Learner
from identikit.engine.runs import Runs
from identikit.errors import InputError, MissingFieldError
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import spearman_mcc
from identikit.methods.claims_regimes import hidden_alike, hidden_regimes
from identikit.nets import Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction


def recipe(
    schema: Schema,
    latents: int = 4,
    regimes: int = 5,
    hidden: int = 32,
    lags: int = 1,
    window: int = 7,
    beta: float = 0.1,
) -> tuple[Model, Objective]:
    """Reconstruct through latents that follow from their past by a law that a hidden Markov chain chooses."""
    if regimes < 1 or window < lags:
        raise InputError(f"nctrl needs regimes of 1 or more and a window of {lags} or more, not {regimes} and {window}")
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    model = Model(schema.shape, latents, encoder, decoder, also={"past": (window,)})
    return model, Reconstruction() + beta * MatchSwitching(latents, regimes, lags, hidden)


def regime_probabilities(runs: Runs, data: Dataset) -> np.ndarray:
    """How likely each regime is at each row, given the row and its past; the numbers of regimes are arbitrary.

    Args:
        runs: fitted by `nctrl`.
        data: rows with the field `past`.

    Returns:
        `(runs, rows, regimes)` float32, summing to 1.

    Raises:
        InputError: the runs were fitted by another objective, or the data has no past.

    >>> import identikit as ik
    >>> from identikit.datasets.windows import windows
    >>> world = ik.worlds.Temporal(latents=2, length=10, regimes=2, hidden=True)
    >>> data, _ = windows(*world.sample(200), past=7, next=False)
    >>> runs = ik.fit("nctrl", data, latents=2, regimes=3, steps=1, progress=False)
    >>> regime_probabilities(runs, data).shape
    (1, 60, 3)
    """
    if "MatchSwitching(past)" not in runs.program.learner.objective.names:
        raise InputError(f"regimes are told by nctrl, and these runs were fitted by {runs.settings.method}")
    if "past" not in data:
        raise MissingFieldError("regime_probabilities", "past", data.fields)
    frames = np.concatenate([data["past"][:, ::-1], np.asarray(data.x)[:, None]], 1)
    rows, points = frames.shape[:2]
    codes = runs.encode(from_arrays(frames.reshape(rows * points, *frames.shape[2:])))
    windows = torch.as_tensor(codes).unflatten(1, (rows, points))

    def tell(learner: Learner, windows: torch.Tensor) -> torch.Tensor:
        (term,) = (term for term in learner.objective.terms if isinstance(term, MatchSwitching))
        return term.regimes(windows)[1][..., -1, :].exp()

    with runs.program.resting():
        return runs.program.call(tell, windows).numpy()


nctrl = register(
    Method(
        name="nctrl",
        title="Let every latent follow from the past by one of several laws, and find out which one holds when.",
        paper="Song et al. 2023, arXiv 2310.18615",
        needs=("past",),
        claim=Claim(
            identifies="components",
            up_to="permutation and component-wise invertible maps",
            assumes=(
                "latents independent of each other given their past and the regime",
                "regimes that follow a Markov chain of full rank and switch",
                "transitions whose log densities vary sufficiently with the past and the regime",
                "an injective mixing of each time point alone",
                "as many regimes and lags as there are",
            ),
        ),
        recipe=recipe,
        training={"batch": 32, "steps": 1300, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: four hidden regimes set how far the noises reach, latents are found (Spearman MCC)",
                world=hidden_regimes,
                options={"latents": 3, "regimes": 4},
                metric=spearman_mcc,
                at_least=0.87,
            ),
            Check(
                says="broken: hidden regimes that are all alike leave the latents turned (Spearman MCC)",
                world=hidden_alike,
                options={"latents": 3, "regimes": 4},
                metric=spearman_mcc,
                below=0.87,
            ),
        ),
    )
)
