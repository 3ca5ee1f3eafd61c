"""Every method on every world of numbers that it can be fitted to: what it finds, by chance and in how much time.

Run: python bench/leaderboard.py [--folder DIR] [--workers N] [--quick]. Writes bench/results/leaderboard.json and the
table of docs/leaderboard.md. Each world is a study in DIR, so the same call goes on where it was stopped, and
`identikit study report DIR/WORLD` draws its dots.

Five seeds, the same rows, steps and part for all; batch and learning rate are each method's own. Nothing is tuned on
these worlds but what the pages of the methods say. A method is told how many latents there are (at most 16) and how
many of them change with the domain, and nothing else of the truth. A pair of world and method is left out where the
method needs what the data does not hold. (`nctrl` and `caring` look back further than one time point, and fail.)

Scores are of test rows: Spearman MCC, beside the same latents turned at random.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import common  # sets one thread before torch starts
import identikit as ik
from identikit.engine import METHODS, find
from identikit.errors import InputError
from identikit.studies import Store, Study, run
from identikit.studies.entry import draw

WORLDS: dict[str, dict[str, Any]] = {
    "DomainShift": {},
    "Auxiliary": {},
    "Interventional": {},
    "LabelGraph": {},
    "ContentBias": {},
    "OffSupport": {},
    "ConceptDomains": {},
    "SparseMechanisms": {},
    "Pairs": {},
    "MultiView": {"views": True, "latents": 5},
    "MultiModal": {},
    "Strolls": {},
    "Panel": {"past": 1},
    "Temporal": {"past": 1},
    "Actions": {"past": 1},
    "Langevin": {"past": 1, "rows": 8000},
    "Tokamak": {"past": 1, "rows": 8000},
    "Hierarchy": {},
    "DiscreteHierarchy": {},
    "SelectionHierarchy": {},
    "Composition": {},
    "ReasoningTraces": {},
}
SEEDS, ROWS, STEPS, MOST = 5, 6000, 1500, 16
METRICS = ["mcc"]
RESULTS = common.RESULTS / "leaderboard.json"
TABLE = Path(__file__).parents[1] / "docs" / "leaderboard.inc.md"


def entries(world: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A world of the leaderboard, and the methods that can be fitted to it with their options."""
    shape = {name: value for name, value in WORLDS[world].items() if name in ("past", "views")}
    rows = WORLDS[world].get("rows", ROWS)
    data, truth = draw(world, {}, rows, 0, **shape)
    numbers = sum(kind == "continuous" for kind in truth.kinds) or len(truth.names)
    known = {
        "latents": WORLDS[world].get("latents", min(numbers, MOST)),
        "changing": len(truth.blocks.get("changing", ())),
    }
    suited = []
    for name, method in METHODS.items():
        options = {key: value for key, value in known.items() if value and key in method.options}
        try:
            with warnings.catch_warnings():
                # Too few domains for a claim is no reason to leave a method out.
                warnings.simplefilter("ignore")
                method.build(data, **options)
        except InputError:
            continue
        suited.append({"name": name, "options": options})
    return {"name": world, "rows": rows, **shape}, suited


def study(world: str, quick: bool) -> Study | None:
    place, methods = entries(world)
    if not methods:
        return None
    return Study([place], methods, SEEDS, metrics=METRICS, steps=30 if quick else STEPS, rows=ROWS)


def cells(store: Store) -> dict[str, Any]:
    """For each method of a world: its scores by seed, what chance gives, and its cost."""
    found: dict[str, Any] = {}
    for record in store.records():
        own = found.setdefault(record["method"], {"mcc": [], "cpu_s": [], "validation": [], "failed": []})
        if record["status"] == "failed" or not record["scores"]:
            own["failed"].append(record["reason"] or record["status"])
            continue
        scores = {score["name"]: score for score in record["scores"]}
        own["cpu_s"].append(round(record["cpu_seconds"], 2))
        own["validation"].append(record["validation"])
        own["mcc"].append(round(scores["mcc"]["value"], 4))
        nulls = scores["mcc"].get("nulls") or {}
        own["mcc_nulls"] = {null: round(float(values["mean"]), 4) for null, values in nulls.items()}
    return found


def table(results: dict[str, Any]) -> str:
    """Mean and spread of MCC over the seeds, a world to a column."""
    worlds = results["worlds"]
    lines = ["| | " + " | ".join(worlds) + " |", "|---" * (len(worlds) + 1) + "|"]
    for null in ("random rotation", "permuted rows"):
        lines.append(f"| *{null}* | " + " | ".join(_null(own, null) for own in worlds.values()) + " |")
    for method in METHODS:
        row = [_cell(own.get(method)) for own in worlds.values()]
        if any(row):
            lines.append(f"| `{method}` | " + " | ".join(row) + " |")
    return "\n".join(lines)


def _null(world: dict[str, Any], null: str) -> str:
    values = [own["mcc_nulls"][null] for own in world.values() if null in own.get("mcc_nulls", {})]
    return f"*{np.mean(values):.2f}*" if values else ""


def _cell(own: dict[str, Any] | None) -> str:
    if own is None or not own["mcc"]:
        return ""
    return f"{np.mean(own['mcc']):.2f} ± {np.std(own['mcc'], ddof=1) if len(own['mcc']) > 1 else 0:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/leaderboard"), help="of the studies")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a few steps each, and no file of results")
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    given = parser.parse_args()
    settings = {"seeds": SEEDS, "rows": ROWS, "steps": STEPS, "most_latents": MOST, "version": ik.__version__}
    results: dict[str, Any] = {"settings": settings, "worlds": {}}
    for world in given.worlds:
        plan = study(world, given.quick)
        if plan is None:
            print(f"{world}: no method can be fitted", flush=True)
            continue
        store = run(plan, given.folder / world, workers=given.workers, progress=None)
        results["worlds"][world] = cells(store)
        best = {m: np.mean(own["mcc"]) for m, own in results["worlds"][world].items() if own["mcc"]}
        told = ", ".join(f"{m} {value:.2f}" for m, value in sorted(best.items(), key=lambda item: -item[1])[:3])
        print(f"{world}: {store.status()}; {told}", flush=True)
    if given.quick:
        print(table(results))
        return
    results["claims"] = {name: find(name).claim.identifies for name in METHODS}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    TABLE.write_text(table(results) + "\n")


if __name__ == "__main__":
    main()
