"""What the methods share that learn a class in some domains and tell it in another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from identikit.data import Dataset, Schema, Truth
from identikit.engine import Check
from identikit.errors import InputError
from identikit.methods.build import coder
from identikit.methods.claims import spearman_mcc
from identikit.metrics import domain_probe
from identikit.nets import MLP, Model
from identikit.objective import Objective
from identikit.tasks import Classification
from identikit.worlds import DomainShift, World


def classifier(schema: Schema, latents: int, hidden: int) -> tuple[Model, Objective]:
    """An encoder, a head that tells `y` from its code, and the cross-entropy on the rows whose label is not hidden."""
    if schema.size("y") < 2:
        raise InputError(f"y holds one class ('{schema.names['y'][0]}'), and there is nothing to tell apart")
    encoder, _ = coder(schema, latents, latents, hidden)
    head = MLP(latents, schema.size("y"), hidden, layers=1)
    model = Model(schema.shape, latents, encoder, heads={"y": head}, variational=False)
    return model, Objective([(1.0, Classification("y"))])


class DomainAmongLatents(DomainShift):
    """The same world, whose truth holds the domain behind the latents, for measures that ask for it."""

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw rows."""
        data, truth = super().sample(n, seed)
        latents = np.concatenate([truth.latents, data["domain"][:, None]], 1)
        names, kinds = (*truth.names, "domain"), (*truth.kinds, "discrete")
        return replace(data, source={}), replace(truth, latents=latents, names=names, kinds=kinds, graph=None)


def shifting(seed: int) -> World:
    """Two invariant and two changing latents in four domains, of which the last has no labels."""
    return DomainAmongLatents(domains=4, seed=seed)


def domain_told(estimate: np.ndarray, truth: np.ndarray) -> float:
    """How often the ten nearest codes tell the domain; chance is 0.25 in `shifting`."""
    return domain_probe(estimate, truth[:, -1].astype(np.int64), probe="nearest", nulls=0).value


def latents_mcc(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Spearman MCC of the latents, without the domain behind them."""
    return spearman_mcc(estimate, truth[:, :-1])


def found_one_by_one() -> Check:
    """No theorem says that a code made for a label holds the latents one by one, and it does not."""
    return Check(
        says="nothing: no latent is found one by one (Spearman MCC)",
        world=shifting,
        metric=latents_mcc,
        below=0.75,
    )
