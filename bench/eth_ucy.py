"""Pedestrians of ETH-UCY: leave one scene out, tell where its walkers go, and ask what the blocks of gcrl tell.

For each of five scenes, fitted on the others: the mean (ADE) and the last (FDE) distance in metres between the twelve
points told and the true ones, of a constant velocity, of a plain network with the encoder and head of gcrl, of gcrl, of
gcrl whose head sees the invariant block alone, and of gcrl after its encoder of the style has gone on learning from the
first walks of the new scene. With one answer, and with the nearest of twenty. And how well the scene of a walk is told
from either block, on validation walks of the scenes learned from.

python bench/eth_ucy.py --data FOLDER            # writes bench/results/eth_ucy.json, about two minutes of one core
python bench/eth_ucy.py --data FOLDER --quick    # one scene, few steps; writes nothing
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import common
import identikit as ik
from identikit.data import Dataset
from identikit.datasets.eth_ucy import HELD, eth_ucy
from identikit.engine import Runs
from identikit.methods import gcrl
from identikit.methods.build import coder, warm_flat_linear
from identikit.metrics import domain_probe
from identikit.nets import MLP, Batch, BlockHead, Model
from identikit.objective import Objective
from identikit.tasks import Reconstruction
from identikit.tasks.best_of import BestOf

assert gcrl
LATENTS, CHANGING, HIDDEN, MANY = 6, 2, 32, 20
TRAINING = {"batch": 120, "balance": True, "lr": warm_flat_linear(0.01), "progress": False}
FEW, ROUNDS, RATE = 384, 100, 1e-3
"""Walks of the new scene that the style is tuned on (six batches of 64), steps of it, and its learning rate."""
PROBED = 400
"""Walks of each scene that the probes see."""


def plain(data: Dataset, answers: int) -> tuple[Any, Objective]:
    """A network with an encoder as wide as both of gcrl, and its head, that is only asked for the future."""

    def build() -> Model:
        encoder, _ = coder(data.schema, LATENTS, LATENTS, 2 * HIDDEN)
        head = BlockHead(MLP(LATENTS, (answers, 12, 2), HIDDEN), tuple(range(LATENTS)), of="sample")
        return Model(data.schema.shape, LATENTS, encoder, heads={"future": head}, variational=False)

    return build, Objective([(1.0, BestOf("future"))])


def errors(told: np.ndarray, test: Dataset) -> dict[str, list[float]]:
    """ADE and FDE of each run, of the nearest answer by each, from futures (runs, rows, answers, 12, 2)."""
    far = np.linalg.norm(told - test["future"][:, None], axis=-1)
    return {"ade": far.mean(-1).min(-1).mean(1).tolist(), "fde": far[..., -1].min(-1).mean(1).tolist()}


def straight(test: Dataset) -> np.ndarray:
    """On from the last step seen, always alike."""
    return (-test["x"][:, None, -2:] * np.arange(1, 13)[:, None])[None, :, None]


def tuned(runs: Runs, few: Dataset) -> Runs:
    """The runs after the encoder of the style has gone on learning from a few walks, with everything else at rest."""
    runs = runs[range(len(runs))]
    model, objective = runs.model, Reconstruction() + BestOf("future")
    own = [p for name, p in model.named_parameters() if name.startswith("encoder.changing")]
    optimiser = torch.optim.Adam(own, RATE)
    rows = {name: torch.as_tensor(few[name]) for name in ("x", "domain", "future")}
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        pick = torch.as_tensor(rng.choice(few.rows, min(64, few.rows), replace=False))
        batch = Batch({name: given[pick].expand(len(runs), *given[pick].shape) for name, given in rows.items()})
        code = model.plain(batch, torch.zeros(len(runs), len(pick), LATENTS))
        optimiser.zero_grad()
        objective(code, batch).total.sum().backward()
        optimiser.step()
    return runs


def told_scene(runs: Runs, learn: Dataset) -> dict[str, Any]:
    """How well the scene is told from either block, by run, and what is told after the scenes were permuted."""
    rows = learn.index("validation")
    scene, rng = learn["domain"][rows], np.random.default_rng(0)
    rows = np.concatenate(
        [rng.permutation(rows[scene == d])[:PROBED] for d in np.unique(scene)],
    )
    some = learn.take(rows)
    codes, found = runs.encode(some), {}
    for block, positions in runs.blocks.items():
        for probe in ("linear", "nearest"):
            scores = [
                domain_probe(one[:, list(positions)], some["domain"], probe, some["walker"], nulls=0 if run else 10)
                for run, one in enumerate(codes)
            ]
            null = scores[0].nulls["permuted labels"]
            found[f"{block}, {probe}"] = {"values": [s.value for s in scores], "permuted": str(null)}
    found["chance"] = 1 / len(np.unique(some["domain"]))
    return found


def study(folder: Path, held: str, seeds: int, steps: int) -> dict[str, Any]:
    """All figures of one scene."""
    learn, test = eth_ucy(folder, held)
    count = min(FEW, int(0.3 * test.rows))
    few, later = test.take(np.arange(count)), test.take(np.arange(count + 20, test.rows))
    options = {"latents": LATENTS, "changing": CHANGING, "hidden": HIDDEN}
    row: dict[str, Any] = {"walks": test.rows, "few": count, "constant velocity": errors(straight(test), test)}
    fits: dict[str, Runs] = {}
    for answers in (1, MANY):
        end = "" if answers == 1 else f", best of {answers}"
        fits[f"plain network{end}"] = ik.fit(plain(learn, answers), learn, seeds=seeds, steps=steps, **TRAINING)
        fits[f"gcrl{end}"] = ik.fit("gcrl", learn, seeds=seeds, steps=steps, answers=answers, **options, **TRAINING)
    fits["gcrl, invariant block alone"] = ik.fit(
        "gcrl", learn, seeds=seeds, steps=steps, style=False, **options, **TRAINING
    )
    row |= {name: errors(runs.predict(test, "future"), test) for name, runs in fits.items()}
    row["later"] = {
        "constant velocity": errors(straight(later), later),
        "gcrl": errors(fits["gcrl"].predict(later, "future"), later),
        "gcrl, style tuned": errors(tuned(fits["gcrl"], few).predict(later, "future"), later),
    }
    row["scene told"] = told_scene(fits["gcrl"], learn)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the recordings")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    seeds, steps, scenes = (1, 5, HELD[:1]) if given.quick else (3, 600, HELD)
    began, rows = time.process_time(), {}
    for held in scenes:
        rows[held] = study(given.data, held, seeds, steps)
        means = {
            k: round(float(np.mean(v["ade"])), 3) for k, v in rows[held].items() if isinstance(v, dict) and "ade" in v
        }
        print(held, means, {k: np.round(np.mean(v["ade"]), 3) for k, v in rows[held]["later"].items()}, flush=True)
        print({k: np.round(v["values"], 2) for k, v in rows[held]["scene told"].items() if k != "chance"}, flush=True)
        if not given.quick:
            seconds = round(time.process_time() - began, 1)
            common.save("eth_ucy", {"seeds": seeds, "steps": steps, "cpu_seconds": seconds, "scenes": rows})


if __name__ == "__main__":
    main()
