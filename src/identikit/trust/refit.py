"""Refit: whether a method finds the latents of its own fitted model, where they are known."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from identikit.data import Dataset, Truth
from identikit.engine import METHODS, Runs, fit
from identikit.engine.simulation import why_not
from identikit.errors import IdentifiabilityWarning, InputError
from identikit.nets import Model
from identikit.objective import Objective

Learner = tuple[Callable[[], Model], Objective]


def refit(
    runs: Runs,
    data: Dataset,
    run: int = 0,
    seeds: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    learner: Learner | None = None,
    lr: Any = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> tuple[Runs, Truth]:
    """Fit the same recipe afresh to data that a fitted run has made, as many rows and the same domains.

    Args:
        runs: the fitted runs.
        data: what they were fitted on.
        run: position of the run that makes the data, see `identikit.engine.simulate`.
        seeds: how many fresh seeds; as many as there are runs by default.
        steps: of training; those of the fit by default.
        seed: of the simulated data.
        learner: function that builds the model, and the objective, for runs of a model of your own.
        lr: learning rate, where the fit had another than the method's own.
        checkpoint: folder for checkpoints and the result, as in `fit`.
        progress: False for silence.

    Returns:
        The new runs, and the codes that made their data as a truth. The rule that chooses among the new runs should be
        the one that chose `run`.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the training; with a checkpoint, the same call goes on.
        InputError: the model cannot be simulated from, or the recipe is not known well enough to be run again.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(600, seed=0)
    >>> runs = ik.fit("imsda", data, seeds=2, steps=20, progress=False)
    >>> again, truth = refit(runs, data, progress=False)
    >>> len(again), truth.latents.shape
    (2, (600, 4))
    """
    settings = runs.settings
    what, options, lr = _recipe(runs, learner, lr)
    simulated, truth = runs.simulate(run, data, seed)
    with warnings.catch_warnings():
        # The fit of the data has said so already.
        warnings.simplefilter("ignore", IdentifiabilityWarning)
        again = fit(
            what,
            simulated,
            # Seeds of their own: the same ones would start where the first model started.
            seeds=[1000 + k for k in range(seeds or len(runs))],
            sweep={name: [factor] for name, factor in runs.table[run].weights.items()} or None,
            steps=steps or settings.steps,
            batch=settings.batch,
            lr=lr,
            balance=settings.balance,
            select=settings.select,
            patience=settings.patience,
            weight_decay=settings.weight_decay,
            checkpoint=checkpoint,
            progress=progress,
            **options,
        )
    if any(run.status == "interrupted" for run in again.table):
        raise KeyboardInterrupt("the refit was interrupted, and half of one is no evidence")
    return replace(again, data=simulated), truth


def check(runs: Runs, learner: Learner | None = None, lr: Any = None) -> None:
    """Say in one sentence, before any work, why these runs cannot be refitted.

    Raises:
        InputError: they cannot.
    """
    _recipe(runs, learner, lr)
    if reason := why_not(runs):
        raise InputError(f"{reason}: leave out the refit")


def _recipe(runs: Runs, learner: Learner | None, lr: Any) -> tuple[Any, dict[str, Any], Any]:
    """What `fit` needs to train the same again: the recipe, its options and its learning rate."""
    settings = runs.settings
    if settings.method not in METHODS:
        if learner is None:
            raise InputError(
                "these runs are of a model of your own: hand over learner=(function that builds it, objective), "
                "or leave out the refit"
            )
        options: dict[str, Any] = {}
        what: Any = learner
        own = None
    else:
        what, options = settings.method, dict(settings.options)
        own = METHODS[settings.method].training.get("lr")
    if lr is None and str(_schedule(own, settings.steps)) != settings.lr:
        try:
            lr = float(settings.lr)
        except ValueError:
            raise InputError(
                f"the fit had the learning rate {settings.lr}, which is not the method's own: hand it over as lr=, "
                "or leave out the refit"
            ) from None
    return what, options, lr


def _schedule(own: Any, steps: int) -> Any:
    return own(steps) if callable(own) else own
