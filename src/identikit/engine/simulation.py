"""A fitted run taken for the world: data whose latents are known, since the model itself has made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from identikit.data import HIDDEN, Dataset, Truth
from identikit.engine.checks import check_known
from identikit.errors import InputError
from identikit.nets import Batch, Model

if TYPE_CHECKING:
    from identikit.engine.runs import Runs


def simulate(runs: Runs, run: int = 0, data: Dataset | None = None, seed: int = 0) -> tuple[Dataset, Truth]:
    """Data like those of the fit, made by one fitted run from codes drawn from its own prior.

    Every row keeps its domain and split. Its code is drawn from the prior (given its domain, where the prior knows
    domains) and decoded; to numbers, what the decoder left unexplained in a training row chosen at random is added.
    Labels are drawn with the probabilities that the head gives them, numbers are as the head tells them, and what the
    data hide stays hidden. Any other field is taken over as it is.

    Args:
        runs: fitted runs whose prior can be drawn from.
        run: position of the run that makes the data.
        data: what tells rows, domains and splits; the data of the fit by default.
        seed: of the draws.

    Returns:
        `(data, truth)`, as from a world; the truth holds the codes and their blocks.

    Raises:
        InputError: the model has no decoder or no prior, or learned from other inputs beside `x`.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(600, seed=0)
    >>> runs = ik.fit("imsda", data, steps=20, progress=False)
    >>> again, truth = simulate(runs)
    >>> again.x.shape, truth.latents.shape, truth.blocks
    ((600, 8), (600, 4), {'invariant': (0, 1), 'changing': (2, 3)})
    """
    data = runs._at_hand(data)
    one, model = runs[run], runs.model
    if reason := why_not(runs):
        raise InputError(reason)
    check_known(data, model.needs, runs.settings.method)
    rng = np.random.default_rng([seed, 0])
    fields = {name: data[name] for name in dict.fromkeys((*model.prior.needs, *runs.model.needs))}
    fields["noise"] = rng.normal(size=(data.rows, model.latents)).astype(np.float32)
    codes = one._rows(fields, lambda m, given: m.prior.draw(given.pop("noise"), Batch(given)))[0]

    x = one.decode(codes)[0]
    if data.schema.image:
        x = (x.clip(0, 1) * 255).round().astype(np.uint8) if data["x"].dtype == np.uint8 else x
    else:
        known = data.index("train") if (data.split == 0).any() else data.index("all")
        left = data["x"][known] - one.decode(one.encode(data.take(known)))[0]
        x = x + left[rng.integers(len(known), size=data.rows)]
    made = {name: _told(one, name, codes, fields, data, rng) for name in model.heads if name in data.fields}
    simulated = Dataset(x.astype(data["x"].dtype), {**data.fields, **made}, dict(data.names), data.split)
    names = tuple(f"z{i}" for i in range(model.latents))
    truth = Truth(codes, names, ("continuous",) * len(names), blocks=dict(runs.blocks), split=data.split)
    return simulated, truth


def why_not(runs: Runs) -> str | None:
    """Why no data can be drawn from these models, in one sentence; None where they can."""
    model, name = runs.model, runs.settings.method
    if model.decoder is None or not model.variational:
        return f"{name} has no {'decoder' if model.decoder is None else 'prior'} to simulate from"
    if beside := (*model.also, *model.targets):
        return f"{name} learned from {', '.join(beside)} too, and a simulation makes x alone"
    if model.gates is not None:
        return f"latents of {name} follow from parents, and a simulation draws them from the prior alone"
    return None


def _told(
    one: Runs, name: str, codes: np.ndarray, fields: dict[str, np.ndarray], data: Dataset, rng: np.random.Generator
) -> np.ndarray:
    """The values of one field as its head tells them from the codes, hidden where the data hide them."""
    if name in (*one.model.prior.needs, "domain"):
        return data[name]

    def action(model: Model, given: dict[str, Tensor]) -> Tensor:
        return model.tell(given["codes"], Batch(given))[name]

    told = one._rows({**fields, "codes": codes}, action)[0]
    before = data[name]
    if name not in data.names:
        return np.where(np.isnan(before), np.nan, told.reshape(before.shape)).astype(np.float32)
    # The largest of logits with Gumbel noise is a draw with the probabilities that they stand for.
    drawn = (told + rng.gumbel(size=told.shape)).argmax(1)
    return np.where(before == HIDDEN, HIDDEN, drawn)
