"""Small worlds of sparse graphs, and a measure, for the checks of the methods with hard gates."""

from __future__ import annotations

import numpy as np

from identikit.data import Dataset, Truth
from identikit.engine.runs import Runs
from identikit.methods.claims_time import InTime
from identikit.metrics import edge_f1, mcc
from identikit.worlds import World
from identikit.worlds.actions import Actions
from identikit.worlds.modalities import MultiModal

_FIRST = 20
"""Worlds of lower seeds were looked at when options and bounds were set."""


def few_targets(seed: int) -> InTime:
    """Four latents, each of which listens to its own past and to one of four actions."""
    return _acted(seed, edges=0.0, touches=1)


def many_targets(seed: int) -> InTime:
    """Four latents that all listen to every past latent and to every action."""
    return _acted(seed, edges=1.0, touches=4)


def _acted(seed: int, edges: float, touches: int) -> InTime:
    options = {"latents": 4, "actions": 4, "length": 10, "continuous": True, "layers": 2}
    return InTime(Actions(edges=edges, touches=touches, seed=_FIRST + seed, **options), past=1)


def one_to_one(seed: int) -> World:
    """Two modalities of two latents, each of which causes one of the other modality; linear mixings."""
    return MultiModal.paper("case 1", layers=1, seed=_FIRST + seed)


def all_to_all(seed: int) -> World:
    """The same, where every latent of the first modality causes both of the second."""
    return MultiModal.paper("case 1", layers=1, graph="dense", seed=_FIRST + seed)


def latents_mcc(runs: Runs, data: Dataset, truth: Truth) -> float:
    """Spearman MCC of the latents that take part in the graph, of the first run."""
    return mcc(_latents(runs, data), truth.block("latents"), correlation="spearman", nulls=0).value


def graph_f1(runs: Runs, data: Dataset, truth: Truth) -> float:
    """F1 of the directed edges of the first run's graph, with its latents matched to the true ones by Spearman MCC."""
    found = mcc(_latents(runs, data), truth.block("latents"), correlation="spearman", nulls=0)
    own, true = list(runs.blocks["latents"]), list(truth.blocks["latents"])
    assert truth.graph is not None
    guess = runs.graph()[0][own][:, own]
    return edge_f1(guess, truth.graph[true][:, true], matching=found.settings["matching"], nulls=0).value


def graph_and_latents(runs: Runs, data: Dataset, truth: Truth) -> float:
    """The smaller of the two: latents and graph are both found only where it is high."""
    return min(latents_mcc(runs, data, truth), graph_f1(runs, data, truth))


def _latents(runs: Runs, data: Dataset) -> np.ndarray:
    return runs.encode(data)[0][:, list(runs.blocks["latents"])]
