"""The capabilities of language models: which published conclusions on the Open LLM Leaderboard hold up, and how firmly.

Zhang et al. 2025 (arXiv 2506.10378) read three latent capabilities from six scores, with the family of the base model
as the environment: general problem solving, then instruction following, then mathematics, with a worst inexactness of
0.038. Here: the score beside single starts of ICA and two nulls; which column stands for each latent, in the fit and in
fits to models drawn again; and all of it with other units, other labels, other families and other numbers of latents.

python bench/capabilities.py --data open_llm_leaderboard.csv.xz            # writes bench/results/capabilities.json
python bench/capabilities.py --data open_llm_leaderboard.csv.xz --quick    # few draws; writes nothing
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import common
from identikit.data import Dataset
from identikit.datasets import from_arrays
from identikit.datasets.open_llm_leaderboard import FAMILIES, SCORES, open_llm_leaderboard
from identikit.structure.environment_hierarchy import EnvironmentHierarchy
from identikit.structure.environments import find_hierarchy

PUBLISHED = ("llama-3-8b", "qwen2.5-14b", "llama-3.1-8b", "qwen2.5-7b")
GENERAL = ("BBH", "MMLU-PRO")
"""Columns that the paper reads as general problem solving."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the table of the leaderboard, .csv or .csv.xz")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    began = time.process_time()
    most, many, few = [(4, 4, 4)] * 3 if given.quick else [(20, 30, 40), (10, 10, 20), (8, 8, 20)]

    choices: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "published": ({}, {}),
        "columns standardised": ({}, {"standardise": True}),
        "fractions, not percent above guessing": ({"raw": True}, {}),
        "families by name only": ({"named": True}, {}),
        "all eight families": ({"families": FAMILIES}, {}),
        "two latents": ({}, {"latents": 2}),
        "two latents, columns standardised": ({}, {"latents": 2, "standardise": True}),
        "four latents": ({}, {"latents": 4}),
    }
    result: dict[str, Any] = {"choices": {}, "seeds": [], "families": {}}
    for name, (table, options) in choices.items():
        data = open_llm_leaderboard(given.data, **{"families": PUBLISHED, **table})
        result["choices"][name] = told(fitted(data, most if name == "published" else many, **options))
    everyone = open_llm_leaderboard(given.data)
    for seed in range(10):
        found = fitted(subset(everyone, PUBLISHED), (most[0], 2, 1), seed=seed + 1)
        result["seeds"].append({"score": round(found.score, 4), "reading": reading(found, found.unmixing)[0]})
    changed = {f"without {name}": [f for f in PUBLISHED if f != name] for name in PUBLISHED}
    changed |= {f"with {name}": [*PUBLISHED, name] for name in FAMILIES if name not in PUBLISHED}
    for name, families in changed.items():
        result["families"][name] = told(fitted(subset(everyone, families), few))

    show(result)
    seconds = round(time.process_time() - began, 1)
    print(f"{seconds} s of CPU")
    if not given.quick:
        common.save("capabilities", {"cpu_seconds": seconds, **result})


def subset(data: Dataset, families: Sequence[str]) -> Dataset:
    """The models of some families."""
    name = np.array(data.names["domain"])[data["domain"]]
    rows = np.isin(name, families)
    return from_arrays(data.joint()[rows], domain=name[rows], names=SCORES)


def fitted(data: Dataset, draws: tuple[int, int, int], **options: Any) -> EnvironmentHierarchy:
    """A fit in the units of the columns, as published, with so many starts, refits and draws of each null."""
    restarts, refits, nulls = draws
    return find_hierarchy(
        data, **{"standardise": False, "restarts": restarts, "refits": refits, "draws": nulls, **options}
    )


def reading(found: EnvironmentHierarchy, unmixing: np.ndarray) -> tuple[list[str], list[float]]:
    """The column that goes best with each latent once those before are taken out of both, and the share of variance."""
    loadings = (unmixing @ found.covariance / np.sqrt(np.diag(found.covariance))) ** 2
    left = 1 - np.cumsum(np.concatenate([np.zeros((1, loadings.shape[1])), loadings[:-1]]), axis=0)
    shares = loadings / np.maximum(left, 1e-9)
    best = shares.argmax(1)
    return [SCORES[c] for c in best], [round(float(shares[i, c]), 3) for i, c in enumerate(best)]


def told(found: EnvironmentHierarchy) -> dict[str, Any]:
    """All that is kept of a fit."""
    names, shares = reading(found, found.unmixing)
    again = [tuple(reading(found, refit)[0]) for refit in found.refits]
    upper = np.triu_indices(len(names), 1)

    def share(hit: list[bool]) -> float:
        return round(float(np.mean(hit)), 3)

    first = [r[0] in GENERAL for r in again]
    second = [r[1] == "IFEval" for r in again]
    third = [len(r) > 2 and r[2] == "MATH Lvl 5" for r in again]
    return {
        "models": dict(zip(found.environments, found.sizes, strict=True)),
        "score": round(found.score, 4),
        "by environment": found.shared.inexactness.round(4).tolist(),
        "single starts": {
            q: round(float(np.quantile(found.restarts, p)), 4)
            for q, p in {"least": 0, "5 %": 0.05, "median": 0.5, "95 %": 0.95}.items()
        },
        "permuted": {"median": round(float(np.median(found.floor)), 4), "as large": round(found.p_floor, 3)},
        "turned": {"median": round(float(np.median(found.chance)), 4), "as small": round(found.p_chance, 3)},
        "next order": round(sorted(found.orders.values())[1], 4),
        "reading": names,
        "share": shares,
        "loadings": found.loadings.round(3).tolist(),
        "refits": {
            "general first": share(first),
            "IFEval second": share(second),
            "MATH third": share(third),
            "all three": share([a and b and c for a, b, c in zip(first, second, third, strict=True)]),
            "readings": {" > ".join(r): n for r, n in Counter(again).most_common(4)},
            "same latent": found.same.round(3).tolist(),
            "order as found": found.before[upper].round(3).tolist(),
        },
        "changes": found.changes[upper].round(3).tolist(),
        "changes as large when permuted": found.p_changes[upper].round(3).tolist(),
        "as far from normal when normal": found.p_contrast.round(3).tolist(),
        "overlap": round(found.overlap, 4),
        "explained": found.explained.round(3).tolist(),
        "spectrum": found.spectrum.round(3).tolist(),
        "spectrum of permuted columns": found.spectrum_null.round(3).tolist(),
    }


def show(result: dict[str, Any]) -> None:
    """Print the tables."""
    header = ("", "score", "starts", "permuted", "turned", "as small", "reading", "shares", "all three")
    for part in ("choices", "families"):
        rows = []
        for name, r in result[part].items():
            starts = f"{r['single starts']['5 %']:.3f}-{r['single starts']['95 %']:.3f}"
            line = (name, r["score"], starts, r["permuted"]["median"], r["turned"]["median"], r["turned"]["as small"])
            rows.append((*line, ">".join(r["reading"]), " ".join(map(str, r["share"])), r["refits"]["all three"]))
        common.table(header, rows)
        print()
    print(Counter((seed["score"], *seed["reading"]) for seed in result["seeds"]))
    for name in ("published", "columns standardised"):
        print(name, {k: v for k, v in result["choices"][name].items() if k != "models"})


if __name__ == "__main__":
    main()
