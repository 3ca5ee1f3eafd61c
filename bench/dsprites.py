"""Modularity of codes of dSprites: latent quantisation beside variational autoencoders, at a stated budget.

Run: python bench/dsprites.py [--path FILE] [--rows N] [--steps N] [--seeds N]. Writes bench/results/dsprites.json after
every method, and skips what the file already holds for this budget; delete the file to measure again.

Pictures are 32 x 32 (each pixel the mean of four), the orientation is what can be seen (folded by the symmetry of the
shape). Every method has 10 latents, twice as many as factors, the same nets, batch, steps and number of seeds, and no
setting was chosen by a score. Weight decay 4 is the paper's by what it comes to: rate times decay times steps is 20, as
with the rate of 0.001, the decay of 0.1 and the 200,000 steps of the paper. All scores are of the test rows, of every
seed, beside their nulls. InfoM and InfoC take the codes of qlae for categories, InfoE takes all codes for numbers.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from typing import Any

import numpy as np

import common
import identikit as ik
import identikit.methods.qlae
from identikit.data import Dataset
from identikit.methods.build import warm_flat_linear
from identikit.metrics import dci, info_explicitness, info_mec, mcc

RESULT = common.RESULTS / "dsprites.json"
LATENTS, HIDDEN, BATCH, RATE = 10, 16, 64, 2e-3
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae", {}),
    "beta_tcvae": ("beta_tcvae", {}),
    "factor_vae": ("factor_vae", {}),
    "qlae": ("qlae", {}),
    "qlae, weight decay 4": ("qlae", {"weight_decay": 4.0}),
    "autoencoder": ("autoencoder", {}),
    "autoencoder, weight decay 4": ("autoencoder", {"weight_decay": 4.0}),
}
SCORES = ("InfoM", "InfoE", "InfoC", "DCI disentanglement", "DCI completeness", "DCI informativeness", "MCC")


def smaller(data: Dataset) -> Dataset:
    """Pictures of half the side."""
    x = data["x"].astype(np.float32)
    rows, channels, height, width = x.shape
    x = x.reshape(rows, channels, height // 2, 2, width // 2, 2).mean((3, 5))
    return replace(data, x=x.round().astype(np.uint8), source={})


def measure(name: str, options: dict[str, Any], data: Dataset, truth: Any, budget: dict[str, Any]) -> dict[str, Any]:
    """Fit a method and score every run."""
    began = time.process_time()
    extra = {} if name == "autoencoder" else {"noise": budget["noise"]}
    runs = ik.fit(
        name, data, latents=LATENTS, hidden=HIDDEN, batch=BATCH, steps=budget["steps"], seeds=budget["seeds"],
        lr=warm_flat_linear(RATE)(budget["steps"]), progress=False, **extra, **options,
    )  # fmt: skip
    fitted = time.process_time() - began
    test, known = data.part("test"), truth.part("test")
    codes = runs.encode(test)
    given = runs.decode(codes)
    x = test["x"].astype(np.float32) / 255
    error = ((given - x) ** 2).sum((2, 3, 4)).mean(1) / ((x - x.mean(0)) ** 2).sum((1, 2, 3)).mean()
    kind = "discrete" if name == "qlae" else "continuous"
    rows = [scores(code, known, kind) for code in codes]
    about = {"fit_cpu_seconds": round(fitted, 1), "all_cpu_seconds": round(time.process_time() - began, 1)}
    return {**about, "unexplained": [round(float(e), 4) for e in error], "runs": rows}


def scores(codes: np.ndarray, truth: Any, kind: str) -> dict[str, Any]:
    """Every score of one run, with the highest draw of the null of permuted rows."""
    found = info_mec(codes, truth, code_kind=kind, nulls=3)
    # Ten states of ten latents as zeros and ones are more inputs than the regression has rows for.
    found["explicitness"] = info_explicitness(codes, truth, nulls=3)
    information = dict(zip(SCORES[:3], (found[n] for n in ("modularity", "explicitness", "compactness")), strict=True))
    trees = dci(codes, truth, nulls=1)
    parts = (trees.disentanglement, trees.completeness, trees.informativeness)
    table = {**information, **dict(zip(SCORES[3:6], parts, strict=True)), "MCC": mcc(codes, truth, nulls=3)}
    return {
        name: {"value": round(s.value, 4), "null": round(next(iter(s.nulls.values())).high, 4)}
        for name, s in table.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", help="the .npz file of dSprites; found or downloaded without it")
    parser.add_argument("--rows", type=int, default=8_000)
    parser.add_argument("--steps", type=int, default=2_500)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--noise", type=float, default=0.05, help="variance of the pixels' noise")
    options = parser.parse_args()
    data, truth = ik.datasets.dsprites(options.path, rows=options.rows, visible=True, splits=(0.75, 0.05, 0.2))
    data = smaller(data)
    budget = {"rows": options.rows, "steps": options.steps, "seeds": options.seeds, "noise": options.noise}
    budget |= {"latents": LATENTS, "hidden": HIDDEN, "batch": BATCH, "lr": RATE, "side": 32}
    held = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    rows = held["methods"] if held.get("budget") == budget else {}
    for title, (name, own) in METHODS.items():
        if title not in rows:
            rows[title] = measure(name, own, data, truth, budget)
            common.save("dsprites", {"budget": budget, "methods": rows})
        mean = [float(np.mean([run[score]["value"] for run in rows[title]["runs"]])) for score in SCORES]
        print(title, dict(zip(SCORES, np.round(mean, 2), strict=True)), rows[title]["all_cpu_seconds"], flush=True)
    common.table(
        ("method", *SCORES, "unexplained"),
        [
            (t, *(float(np.mean([r[s]["value"] for r in row["runs"]])) for s in SCORES), np.mean(row["unexplained"]))
            for t, row in rows.items()
        ],
    )


if __name__ == "__main__":
    main()
