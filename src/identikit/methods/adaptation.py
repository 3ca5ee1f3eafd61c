"""What the methods share that learn a class in some domains and tell it in another."""

from __future__ import annotations

from identikit.data import Dataset, Schema, Truth
from identikit.engine import Check, Runs
from identikit.errors import InputError
from identikit.methods.build import coder
from identikit.methods.claims import spearman_mcc
from identikit.metrics import domain_probe
from identikit.nets import MLP, Model
from identikit.objective import Objective
from identikit.tasks import Classification
from identikit.worlds import DomainShift, World

ASSUMES = (
    "the classes have the same shares in every domain",
    "what tells the label can be made alike in all domains without mixing the classes up",
)
"""What methods assume that make the codes of all domains alike."""


def classifier(schema: Schema, latents: int, hidden: int) -> tuple[Model, Objective]:
    """An encoder, a head that tells `y` from its code, and the cross-entropy on the rows whose label is not hidden."""
    if schema.size("y") < 2:
        raise InputError(f"y holds one class ('{schema.names['y'][0]}'), and there is nothing to tell apart")
    encoder, _ = coder(schema, latents, latents, hidden)
    head = MLP(latents, schema.size("y"), hidden, layers=1)
    model = Model(schema.shape, latents, encoder, heads={"y": head}, variational=False)
    return model, Objective([(1.0, Classification("y"))])


def shifting(seed: int) -> World:
    """Two invariant and two changing latents in four domains, of which the last has no labels."""
    return DomainShift(domains=4, seed=seed)


def domain_told(runs: Runs, data: Dataset, truth: Truth) -> float:
    """How often the ten nearest codes of the first run tell the domain; chance is 0.25 in `shifting`."""
    return domain_probe(runs.encode(data)[0], data["domain"], probe="nearest", nulls=0).value


def domain_taken_out() -> tuple[Check, ...]:
    """What `dann`, `mmd` and `moment_matching` bring about: with their term the domain cannot be told, else it can."""
    return (
        Check(
            says="holds: the code hardly tells the domain (accuracy of ten neighbours, chance 0.25)",
            world=shifting,
            metric=domain_told,
            below=0.45,
            whole=True,
        ),
        Check(
            says="broken: with a weight of 0 it does",
            world=shifting,
            options={"weight": 0.0},
            metric=domain_told,
            at_least=0.5,
            whole=True,
        ),
        not_one_by_one(),
    )


def not_one_by_one() -> Check:
    """No theorem says that a code made for a label holds the latents one by one, and it does not."""
    return Check(
        says="nothing: no latent is found one by one (Spearman MCC)",
        world=shifting,
        metric=spearman_mcc,
        below=0.75,
    )
