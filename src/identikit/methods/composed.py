"""Any task with any constraint, on rows of numbers or pictures: the unified form of representation learning."""

from __future__ import annotations

import math

from torch import nn

from identikit.constraints import AlignViews, MatchPrior, MatchTransition, SparseJacobian
from identikit.data import Schema
from identikit.engine import Check, Claim, Method, register
from identikit.errors import InputError, MissingFieldError, unknown
from identikit.methods.build import coder, warm_flat_linear
from identikit.methods.claims import only_changing, only_invariant, spearman_mcc
from identikit.nets import MLP, BlockHead, ConditionalNormal, Mask, Model
from identikit.objective import Objective, Term, Weight
from identikit.tasks import Classification, Contrast, MaskedReconstruction, NextStep, Reconstruction, Regression

TASKS = {"reconstruction": (), "masked": (), "contrast": ("view",), "supervised": ("y",), "next": ("next",)}
"""The tasks, and the fields that each needs."""

CONSTRAINTS = {
    "none": (),
    "independent": (),
    "domain": ("domain",),
    "temporal": ("past",),
    "sparse": (),
    "alignment": ("view",),
}
"""The constraints, and the fields that each needs."""

_ROWS = 8
_PIXEL = 0.05
"""About the variance of a pixel between pictures."""


def recipe(
    schema: Schema,
    task: str = "reconstruction",
    constraint: str = "independent",
    weight: float = 0.005,
    latents: int = 4,
    hidden: int = 32,
    shared: int = 0,
    lags: int = 1,
    masked: float = 0.25,
    temperature: float = 0.1,
    beside: float = 0.1,
) -> tuple[Model, Objective]:
    """One task plus `weight` times one constraint, of a variational model that has what the two of them need.

    A task without a decoder gets one under the constraint `sparse`, trained on the codes as they are: see the page.
    """
    _check(schema, task, constraint, shared, latents)
    encoder, decoder = coder(schema, latents, 2 * latents, hidden)
    variance = math.prod(schema.shape) * (_PIXEL if schema.image else 1.0) / 2
    learned, heads = _task(schema, task, latents, hidden, variance, temperature)
    fields = (*TASKS[task], *CONSTRAINTS[constraint])
    also = {name: axes for name, axes in {"view": (), "past": (lags,)}.items() if name in fields}
    decodes = task in ("reconstruction", "masked")
    model = Model(
        schema.shape,
        latents,
        encoder,
        decoder if decodes or constraint == "sparse" else None,
        prior=ConditionalNormal(latents, "domain", schema.size("domain")) if constraint == "domain" else None,
        heads=heads,
        blocks={"shared": tuple(range(shared)), "own": tuple(range(shared, latents))} if shared else None,
        also=also,
        targets=("next",) if task == "next" else (),
        mask=Mask(schema.shape, masked) if task == "masked" else None,
        jacobian=_ROWS if constraint == "sparse" else 0,
    )
    objective = Objective([(Weight(()), learned)])
    if constraint == "sparse" and not decodes:
        objective = objective + beside * Reconstruction(variance=variance)
    if constraint != "none":
        objective = objective + weight * _constraint(constraint, latents, lags, bool(shared))
    return model, objective


def _check(schema: Schema, task: str, constraint: str, shared: int, latents: int) -> None:
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    if constraint not in CONSTRAINTS:
        raise unknown("constraint", constraint, CONSTRAINTS)
    for name, needed in ((f"task '{task}'", TASKS[task]), (f"constraint '{constraint}'", CONSTRAINTS[constraint])):
        for field in needed:
            if field not in schema.fields:
                raise MissingFieldError(f"composed with the {name}", field, schema.fields)
    if not 0 <= shared <= latents:
        raise InputError(f"shared is from 0 (all) to the number of latents ({latents}), not {shared}")


def _task(
    schema: Schema, task: str, latents: int, hidden: int, variance: float, temperature: float
) -> tuple[Term, dict[str, nn.Module]]:
    """The term of a task, which is about 1 where nothing has been learned, and the heads that it needs."""
    if task == "reconstruction":
        return Reconstruction(variance=variance), {}
    if task == "masked":
        return MaskedReconstruction(variance=variance), {}
    if task == "contrast":
        return Contrast("view", temperature), {}
    every = tuple(range(latents))
    if task == "next":
        # From the sample, like a decoder: a prior's base coordinates may lack what the domain tells.
        head = BlockHead(coder(schema, latents, 1, hidden)[1], every, of="sample")
        return NextStep("next", variance), {"next": head}
    classes = schema.size("y") if "y" in schema.names else 1
    head = BlockHead(MLP(latents, classes, 32, layers=1), every, of="sample")
    return Classification("y") if "y" in schema.names else Regression("y", variance=0.5), {"y": head}


def _constraint(constraint: str, latents: int, lags: int, blocks: bool) -> Term:
    if constraint in ("independent", "domain"):
        return MatchPrior()
    if constraint == "temporal":
        return MatchTransition(latents, lags)
    if constraint == "sparse":
        return SparseJacobian()
    return AlignViews("view", "shared" if blocks else None)


composed = register(
    Method(
        name="composed",
        title="Put any task together with any constraint.",
        paper="Li et al. 2026, arXiv 2605.21058",
        claim=Claim(
            identifies="subspace",
            up_to="what the task leaves free and the constraint does not settle: see the page for each",
            assumes=(
                "the task needs all that is to be found",
                "what the constraint says is true of the data",
                "as many latents in the code as the task needs",
            ),
        ),
        recipe=recipe,
        training={"batch": 64, "steps": 6000, "lr": warm_flat_linear(0.02)},
        checks=(
            Check(
                says="holds: under the domain constraint three changing latents are found one by one (Spearman MCC)",
                world=only_changing,
                options={"constraint": "domain", "latents": 3},
                metric=spearman_mcc,
                at_least=0.83,
            ),
            Check(
                says="broken: under the same constraint latents that no domain changes are not (Spearman MCC)",
                world=only_invariant,
                options={"constraint": "domain", "latents": 3},
                metric=spearman_mcc,
                below=0.83,
            ),
        ),
    )
)
