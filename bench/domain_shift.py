"""How well imsda finds the latents that change between domains, beside a plain VAE with the same budget.

Run: python bench/domain_shift.py [--quick] [--first SEED]. Writes bench/results/domain_shift.json (or, for other
worlds, domain_shift_SEED.json) after every setting, and skips the settings that the file already holds for this version
and budget; delete the file to measure again.

Five worlds that nothing was tuned on (world seeds 10 to 14), 1,000 rows for each domain, 8 seeds for each fit, both
methods at their defaults: steps, batch, latents, hidden units and learning rate are equal, which the script checks.
Scores are Spearman MCC on test rows with the changing latents: from the two codes of the changing block for imsda, and
from whichever two of its four codes match best for vae. `chosen` is the run with the least validation loss; `oracle`
is the best run against the truth, which no learner could pick. `turned` is the true block turned at random: what a
learner scores that has found the block and no single latent in it.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import identikit as ik
from identikit.engine import find

RESULTS = Path(__file__).parent / "results"
FIRST_WORLD = 10
ROWS_PER_DOMAIN = 1000
NO_LABELS = {"label_weight": 0.0, "entropy_weight": 0.0}
SETTINGS: list[tuple[str, str, int, dict[str, Any], dict[str, Any]]] = [
    *((f"{method}, {d} domains", method, d, {}, {}) for d in (9, 6, 4, 3, 2) for method in ("imsda", "vae")),
    ("imsda, 9 domains, mixture", "imsda", 9, {"shift": "mixture"}, {}),
    ("vae, 9 domains, mixture", "vae", 9, {"shift": "mixture"}, {}),
    ("imsda, 9 domains, no labels", "imsda", 9, {}, NO_LABELS),
]
"""Name, method, domains, options of the world, options of the method."""


def check_equal_budget() -> None:
    """Refuse to compare methods that do not get the same."""
    methods = [find("imsda"), find("vae")]
    for name in ("latents", "hidden"):
        assert len({method.options[name] for method in methods}) == 1, name
    for name in ("steps", "batch"):
        assert len({method.training[name] for method in methods}) == 1, name
    assert len({str(method.training["lr"](1000)) for method in methods}) == 1


def changing_mcc(code: np.ndarray, latents: np.ndarray) -> float:
    return ik.metrics.mcc(code, latents, correlation="spearman", nulls=0).value


def random_rotation(latents: np.ndarray) -> float:
    """Mean MCC of the true changing latents turned at random: the right block, and no single latent found."""
    return ik.metrics.mcc(latents, latents, correlation="spearman", nulls=100).nulls["random rotation"].mean


def measure(method: str, domains: int, world: dict, options: dict, worlds: list[int], seeds: int, steps: int) -> dict:
    """One setting over all worlds."""
    scores, losses, chosen, blocks, cpu, turned = [], [], [], [], [], []
    for seed in worlds:
        data, truth = ik.worlds.DomainShift(domains=domains, seed=seed, **world).sample(ROWS_PER_DOMAIN * domains)
        began = time.process_time()
        runs = ik.fit(method, data, seeds=seeds, steps=steps, progress=False, **options)
        cpu.append(time.process_time() - began)
        codes, true = runs.encode(data.part("test")), truth.part("test")
        own = list(runs.blocks.get("changing", range(codes.shape[2])))
        turned.append(random_rotation(true.block("changing")))
        scores.append([changing_mcc(code[:, own], true.block("changing")) for code in codes])
        losses.append([run.validation for run in runs.table])
        best = int(np.argmin(losses[-1]))
        chosen.append(scores[-1][best])
        if "changing" in runs.blocks:
            estimate = {name: codes[best][:, list(runs.blocks[name])] for name in ("invariant", "changing")}
            table = ik.metrics.block_table(estimate, {name: true.block(name) for name in estimate}, "kernel")
            blocks.append({f"{a}->{b}": score.value for (a, b), score in table.items()})
            blocks[-1]["highest null"] = max(score.nulls["permuted rows"].high for score in table.values())
    table = np.array(scores)
    result = {
        "chosen_mean": float(np.mean(chosen)),
        "chosen": chosen,
        "all_mean": float(table.mean()),
        "all_min": float(table.min()),
        "all_max": float(table.max()),
        "sd_within_world": float(table.std(1, ddof=1).mean()),
        "share_of_runs_below_0.9": float((table < 0.9).mean()),
        "random_rotation": float(np.mean(turned)),
        "oracle_mean": float(table.max(1).mean()),
        "rule_correlation": [
            rank_correlation(-np.array(loss), np.array(score)) for loss, score in zip(losses, scores, strict=True)
        ],
        "cpu_seconds_per_fit": float(np.mean(cpu)),
        "scores": scores,
        "validation": losses,
    }
    if blocks:
        result["block_r2"] = {name: float(np.mean([b[name] for b in blocks])) for name in blocks[0]}
        result["block_r2_worlds"] = blocks
    return result


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    first, second = (values.argsort().argsort().astype(float) for values in (a, b))
    return float(np.corrcoef(first, second)[0][1])


def rounded(value: Any) -> Any:
    """Four digits are more than eight seeds can tell."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, list) else value


def show(name: str, result: dict) -> None:
    per_world = " ".join(f"{value:.2f}" for value in result["chosen"])
    print(
        f"{name:30s} chosen {result['chosen_mean']:.3f} ({per_world})  all {result['all_mean']:.3f} "
        f"(sd {result['sd_within_world']:.3f}, {result['all_min']:.2f} to {result['all_max']:.2f})  "
        f"oracle {result['oracle_mean']:.3f}  turned {result['random_rotation']:.3f}  "
        f"rule {np.mean(result['rule_correlation']):+.2f}  "
        f"{result['cpu_seconds_per_fit']:.0f} s",
        flush=True,
    )
    if "block_r2" in result:
        print("    block R2: " + ", ".join(f"{k} {v:.2f}" for k, v in result["block_r2"].items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one world, 2 seeds, 300 steps; writes nothing")
    parser.add_argument("--first", type=int, default=FIRST_WORLD, help="seed of the first of the five worlds")
    given = parser.parse_args()
    quick = given.quick
    kind = "" if given.first == FIRST_WORLD else f"_{given.first}"
    saved = RESULTS / f"domain_shift{kind}.json"
    torch.set_num_threads(1)
    check_equal_budget()
    steps = 300 if quick else find("imsda").training["steps"]
    worlds, seeds = ([given.first], 2) if quick else (list(range(given.first, given.first + 5)), 8)
    budget = {"worlds": worlds, "seeds": seeds, "steps": steps, "rows_per_domain": ROWS_PER_DOMAIN}
    kept = {
        "version": ik.__version__,
        **budget,
        "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread",
    }
    found = json.loads(saved.read_text()) if saved.exists() and not quick else {}
    if {k: v for k, v in found.items() if k != "results"} != kept:
        found = {**kept, "results": {}}
    for name, method, domains, world, options in SETTINGS:
        if name not in found["results"]:
            result = measure(method, domains, world, options, worlds, seeds, steps)
            found["results"][name] = {"method": method, "domains": domains, **world, **options, **rounded(result)}
            if not quick:
                RESULTS.mkdir(exist_ok=True)
                saved.write_text(json.dumps(found, indent=1) + "\n")
        show(name, found["results"][name])


if __name__ == "__main__":
    main()
