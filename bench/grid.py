"""Five tasks under six constraints in four worlds: which constraint helps which task to find the latents.

Run: python bench/grid.py [--quick]. Writes bench/results/grid.json after every cell, and skips the cells that the file
already holds for this budget; delete the file to measure again. `grid_tables.py` makes tables and a picture of it.

Every cell is a fit of `composed` with five seeds, at the same budget as all cells of its kind of data: rows, steps,
batch, latents, width and learning rate. The worlds are `Panel` with its seed at 1, of which every constraint is true
(and for `sparse`, the mixing is sparse only in the world of that name). The one weight of each constraint, for numbers
and for pictures, is the best of four by mean MCC over tasks in worlds of another seed (100), with fewer steps.

Scores are of the rows not trained on: Spearman MCC of the four shared latents with the codes matched to them, beside
permuted rows and the true latents turned at random, and kernel R2 of the invariant, the changing and the private
block from the whole code, beside permuted rows. The task gives no decoder to `contrast`, `supervised` and `next`, so
`sparse` trains one beside them; the cells `beside` are the same with the weight of sparsity at 0.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import common  # sets one thread before torch starts
import identikit as ik
from identikit.datasets.windows import windows
from identikit.methods.build import warm_flat_linear
from identikit.methods.composed import CONSTRAINTS, TASKS
from identikit.worlds.panel import Panel

RESULTS = common.RESULTS / "grid.json"
WORLDS = {"network": "numbers", "sparse": "numbers", "scene": "pictures", "lighting": "pictures"}
BUDGET = {
    "numbers": {"rows": 6000, "steps": 8000, "batch": 64, "hidden": 32, "lr": 0.01},
    "pictures": {"rows": 3000, "steps": 600, "batch": 32, "hidden": 8, "lr": 0.01},
}
SEEDS, WORLD, VALIDATION_WORLD = 5, 1, 100
LATENTS = {"latents": 5, "shared": 4}
_DIVERGENCES = {"numbers": (0.002, 0.01, 0.05, 0.2), "pictures": (0.0004, 0.002, 0.01, 0.05)}
WEIGHTS = {
    kind: {
        **dict.fromkeys(("independent", "domain", "temporal"), weights),
        "sparse": (0.01, 0.05, 0.2, 0.8),
        "alignment": (0.02, 0.1, 0.5, 2.0),
    }
    for kind, weights in _DIVERGENCES.items()
}
TERMS = {
    "independent": "MatchPrior",
    "domain": "MatchPrior",
    "temporal": "MatchTransition",
    "sparse": "SparseJacobian",
    "alignment": "AlignViews",
}
SEARCH = {
    "numbers": {"worlds": ("network", "sparse"), "tasks": tuple(TASKS), "steps": 1000, "seeds": 1},
    "pictures": {"worlds": ("scene",), "tasks": ("reconstruction", "contrast"), "steps": 400, "seeds": 1},
}
UNDECODED = ("contrast", "supervised", "next")


def sample(world: str, seed: int, rows: int) -> tuple[ik.Dataset, ik.Truth]:
    return windows(*Panel(observe=world, seed=seed).sample(rows, seed=0))


def fit(data: ik.Dataset, kind: str, task: str, constraint: str, weight: float, **changes: Any) -> ik.Runs:
    budget = BUDGET[kind]
    given = {"steps": budget["steps"], "seeds": SEEDS, **changes}
    return ik.fit(
        "composed", data, batch=budget["batch"], lr=warm_flat_linear(budget["lr"])(given["steps"]),
        hidden=budget["hidden"], task=task, constraint=constraint, weight=weight, progress=False, **LATENTS, **given,
    )  # fmt: skip


def held_out(runs: ik.Runs, data: ik.Dataset, truth: ik.Truth) -> tuple[np.ndarray, ik.Truth]:
    rows = np.flatnonzero(data.split > 0)
    return runs.encode(data.take(rows)), truth.take(rows)


def shared(truth: ik.Truth) -> np.ndarray:
    return np.concatenate([truth.block("invariant"), truth.block("changing")], 1)


def search(kind: str, quick: bool) -> dict[str, Any]:
    """Mean MCC of every weight of every constraint in the validation worlds, and the best weight."""
    plan, found = SEARCH[kind], {}
    steps = 40 if quick else plan["steps"]
    for constraint, weights in WEIGHTS[kind].items():
        scores = []
        for world in plan["worlds"]:
            data, truth = sample(world, VALIDATION_WORLD, BUDGET[kind]["rows"])
            for task in plan["tasks"]:
                runs = fit(
                    data, kind, task, constraint, 1.0, steps=steps, seeds=plan["seeds"],
                    sweep={TERMS[constraint]: list(weights)},
                )  # fmt: skip
                codes, true = held_out(runs, data, truth)
                values = [ik.metrics.mcc(code, shared(true), nulls=0).value for code in codes]
                scores.append(np.reshape(values, (plan["seeds"], len(weights))).mean(0))
        means = np.mean(scores, 0)
        found[constraint] = {
            "weights": list(weights),
            "mcc": [round(float(m), 4) for m in means],
            "best": weights[int(means.argmax())],
        }
        print(f"{kind:9} {constraint:12} {found[constraint]}", flush=True)
    return found


def measure(world: str, task: str, constraint: str, weight: float, steps: int | None) -> dict[str, Any]:
    """One cell: five seeds of one task under one constraint in one world."""
    kind = WORLDS[world]
    data, truth = sample(world, WORLD, BUDGET[kind]["rows"])
    began = time.process_time()
    name = "sparse" if constraint == "beside" else constraint
    runs = fit(data, kind, task, name, weight, **({"steps": steps} if steps else {}))
    seconds = time.process_time() - began
    codes, true = held_out(runs, data, truth)
    scores = [ik.metrics.mcc(code, shared(true), nulls=20 if i == 0 else 0) for i, code in enumerate(codes)]
    cell: dict[str, Any] = {
        "mcc": [round(score.value, 4) for score in scores],
        "mcc_nulls": {name: round(null.mean, 4) for name, null in scores[0].nulls.items()},
        "cpu_s": round(seconds, 1),
        "parts": {k: round(float(np.mean(v[-1])), 4) for k, v in runs.history.items() if k != "step"},
    }
    for block in true.blocks:
        tells = [ik.metrics.block_r2(code, true.block(block), nulls=5 if i == 0 else 0) for i, code in enumerate(codes)]
        cell[f"r2_{block}"] = [round(score.value, 4) for score in tells]
        cell[f"r2_{block}_null"] = round(tells[0].nulls["permuted rows"].mean, 4)
    return cell


def plan() -> list[tuple[str, str, str]]:
    """Every cell, pictures and numbers in turn, so that a file cut short still shows both."""
    grid = [(w, t, c) for t in TASKS for c in CONSTRAINTS for w in WORLDS]
    return grid + [(w, t, "beside") for t in UNDECODED for w in WORLDS]


def save(results: dict[str, Any], path: Path) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(results, indent=1) + "\n")
    draft.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a few steps each, into grid_quick.json")
    parser.add_argument("--kind", choices=tuple(BUDGET), help="only the worlds of this kind of data")
    args = parser.parse_args()
    path = RESULTS.with_name("grid_quick.json") if args.quick else RESULTS
    settings = {
        "budget": BUDGET, "seeds": SEEDS, "world": WORLD, "validation_world": VALIDATION_WORLD, "latents": LATENTS,
        "version": ik.__version__,
    }  # fmt: skip
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if results.get("settings") != settings:
        results = {"settings": settings, "search": {}, "cells": {}}
    kinds = [args.kind] if args.kind else list(BUDGET)
    for kind in kinds:
        if kind not in results["search"]:
            results["search"][kind] = search(kind, args.quick)
            save(results, path)
    for world, task, constraint in plan():
        name = f"{world}/{task}/{constraint}"
        if name in results["cells"] or WORLDS[world] not in kinds:
            continue
        chosen = results["search"][WORLDS[world]]
        weight = chosen[constraint]["best"] if constraint in chosen else 0.0
        results["cells"][name] = {
            "weight": weight,
            **measure(world, task, constraint, weight, 40 if args.quick else None),
        }
        save(results, path)
        cell = results["cells"][name]
        print(
            f"{name:38} {np.mean(cell['mcc']):.2f} +- {np.std(cell['mcc'], ddof=1):.2f}  {cell['cpu_s']} s", flush=True
        )


if __name__ == "__main__":
    main()
