"""The assumptions of the theories of time, as far as they can be told from a world and a sample of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from identikit.data import Dataset, Truth
from identikit.worlds.description import Assumption
from identikit.worlds.markov import intimate_neighbours, markov_network
from identikit.worlds.mixing import PartialMixing
from identikit.worlds.sequences import independent_at_one_time

if TYPE_CHECKING:
    from identikit.worlds.temporal import Temporal
    from identikit.worlds.transitions import Transition

PASTS = 128
"""Pasts, drawn from the sample, over which the functions of the past are compared."""


def temporal_assumptions(world: Temporal, data: Dataset, truth: Truth) -> list[Assumption]:
    """The assumptions of a `Temporal` world, in the order in which the theories build on each other."""
    found = [
        independent_at_one_time(truth, world.length, world.lagged),
        _conditional(world),
        _variability(world, truth),
        _innovations(world),
        _sparse(world),
    ]
    if world.graph.any():
        found.append(_intimate(world))
    if world.regimes > 1:
        found.append(_switching(world))
    if world.unseen:
        found.append(_recoverable(world, data, truth))
    return found


def variability(transitions: Sequence[Transition], past: np.ndarray, present: np.ndarray) -> np.ndarray:
    r"""How the log density of normal noise bends with the past and the regime, for each latent, at one present.

    With :math:`\eta_k = \log p(z_{t,k} \mid z_{<t}, u)`, TDRL asks for linear independence of the functions
    :math:`v_k` and :math:`v_k^\circ` of past and regime. The first is made of
    :math:`\partial^3 \eta_k / \partial z_{t,k}^2 \partial z_{<t}` in each regime and of the steps of
    :math:`\partial^2 \eta_k / \partial z_{t,k}^2` from each regime to the next; the second of the same with one
    derivative by :math:`z_{t,k}` less. For a normal density of mean :math:`\mu` and deviation :math:`\sigma` the first
    derivative by :math:`z_{t,k}` is :math:`-(z - \mu) / \sigma^2` and the second :math:`-1 / \sigma^2`.

    Args:
        transitions: one for each regime.
        past: (rows, lags, latents), latest first.
        present: (latents,).

    Returns:
        (2 x latents, values): all v before all v-circle; the values run over pasts, regimes and derivatives.
    """
    now = np.broadcast_to(present, (len(past), len(present)))

    def derivatives(transition: Transition, moved: np.ndarray | float = 0.0) -> np.ndarray:
        mean, deviation = transition.moments(past + moved, now)
        return np.concatenate([-1 / deviation**2, (mean - now) / deviation**2], axis=1)

    step, values = 1e-5, []
    for transition in transitions:
        for k, i in np.ndindex(past.shape[1:]):
            shift = np.zeros(past.shape[1:])
            shift[k, i] = step
            values.append((derivatives(transition, shift) - derivatives(transition, -shift)) / (2 * step))
    each = [derivatives(transition) for transition in transitions]
    values += [later - earlier for earlier, later in pairwise(each)]
    return np.concatenate(values).T


def _conditional(world: Temporal) -> Assumption:
    edges = int(world.graph.sum())
    why = f"{edges} edges within a time point" if edges else "no edge within a time point, and noises are independent"
    return Assumption("conditionally independent", not edges, why, measured=False)


def _variability(world: Temporal, truth: Truth) -> Assumption:
    name = "sufficient variability"
    if world.noise != "normal":
        return Assumption(name, None, f"the log density of {world.noise} noise is not smooth", measured=False)
    if world.silent:
        return Assumption(name, None, "latents without noise have no density given their past", measured=False)
    latents = truth.latents.reshape(-1, world.length, world.latents)
    if world.length <= world.lags:
        return Assumption(name, None, f"sequences of {world.length} points hold no whole past", measured=False)
    windows = np.stack([latents[:, world.lags - 1 - k : world.length - 1 - k] for k in range(world.lags)], axis=2)
    past = windows.reshape(-1, world.lags, world.latents)
    past = past[np.linspace(0, len(past) - 1, PASTS).astype(int)]
    wanted, ranks = 2 * world.latents, []
    for present in truth.latents[np.linspace(0, truth.rows - 1, 4).astype(int)]:
        values = variability(world.transitions, past, present)
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        values /= np.where(lengths > 1e-6 * lengths.max(), lengths, np.inf)
        ranks.append(int((np.linalg.svd(values, compute_uv=False) > 1e-3).sum()))
    why = f"{min(ranks)} of the {wanted} functions of the past that TDRL asks for are linearly independent"
    return Assumption(name, min(ranks) == wanted, f"{why} ({PASTS} pasts, {len(ranks)} presents)")


def _innovations(world: Temporal) -> Assumption:
    return Assumption("non-normal innovations", world.noise != "normal", f"the noise is {world.noise}", measured=False)


def _sparse(world: Temporal) -> Assumption:
    others = ~np.eye(world.latents, dtype=bool)
    edges, most = int((world.lagged * others).sum()), world.lags * int(others.sum())
    words = f"{edges} of {most} possible edges from the past of another latent"
    if world.graph.any():
        edges, most = edges + int(world.graph.sum()), most + int(others.sum()) // 2
        words += f", and {int(world.graph.sum())} of {int(others.sum()) // 2} within a time point"
    return Assumption("sparse", 2 * edges <= most, words, measured=False)


def _intimate(world: Temporal) -> Assumption:
    n = world.latents
    close = intimate_neighbours(markov_network(world.lagged, world.graph))
    # One map unmixes every time point, so it is enough that two latents can be told apart at one of the two.
    both = close[:n, :n] & close[n:, n:]
    pairs = [f"{world.names[j]} to {world.names[i]}" for i, j in np.argwhere(both)]
    why = f"intimate are {', '.join(pairs)}" if pairs else f"none among {n} latents at the same time point"
    return Assumption("no intimate neighbours", not pairs, why, measured=False)


def _switching(world: Temporal) -> Assumption:
    smallest = float(np.linalg.svd(world.chain, compute_uv=False)[-1])
    why = f"the smallest singular value of the regimes' chain is {smallest:.2f}"
    if world.switching == 0:
        return Assumption("regimes switch", False, f"{why}, and a sequence never leaves its regime", measured=False)
    return Assumption("regimes switch", smallest > 1e-9, why, measured=False)


def _recoverable(world: Temporal, data: Dataset, truth: Truth) -> Assumption:
    name = "recoverable from history"
    if not world.recoverable:
        why = f"noise enters {world.latents} latents, and x shows {world.latents - world.unseen} of them"
        return Assumption(name, False, why, measured=False)
    assert isinstance(truth.mixing, PartialMixing)
    later = np.flatnonzero(data["time"] > 0)
    past = np.zeros((len(later), world.lags, world.latents))
    # What the unseen latents were does not matter to what they become, so they are left at 0.
    past[:, 0, : world.latents - world.unseen] = truth.mixing.inverse(data["x"][later - 1])
    regime = truth.labels.get("regime", np.zeros(truth.rows, int))[later]
    worst = 0.0
    for code, transition in enumerate(world.transitions):
        rows = regime == code
        mean, _ = transition.moments(past[rows], np.zeros((int(rows.sum()), world.latents)))
        worst = max(worst, float(np.abs(mean - truth.latents[later[rows]])[:, world.silent].max(initial=0.0)))
    why = f"the unseen latents follow from the x before with an error of at most {worst:.0e}"
    return Assumption(name, worst < 1e-3, why)
