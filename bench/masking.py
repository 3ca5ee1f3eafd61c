"""What the code of a masked autoencoder holds, against the share that is hidden and the size of the patches.

A hierarchy of one latent above four branches of two numbers, each with two leaves of three columns: the kernel R2, on
test rows, of the latent that all branches share and of what each branch has of its own.

python bench/masking.py            # writes bench/results/masking.json, about two minutes of one core
python bench/masking.py --quick    # one world, few steps; writes nothing
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import common
import identikit as ik
from identikit.methods import mae
from identikit.methods.claims_masked import four_branches, own_r2, shared_r2

assert mae
SETTINGS = {
    1: (1 / 24, 0.25, 0.5, 0.75, 23 / 24),
    3: (1 / 8, 0.5, 7 / 8),
    6: (0.25, 0.5, 0.75),
}
"""Shares hidden, for each number of neighbouring columns that are hidden together."""
ROWS = 6_000


def figures(world: int, seeds: int, **options: Any) -> dict[str, float]:
    """The two figures of the run with the least validation loss."""
    data, truth = four_branches(world).sample(ROWS, seed=0)
    runs = ik.fit("mae", data, seeds=seeds, progress=False, **options).select("validation")
    test, latents = data.part("test"), truth.part("test").latents
    codes = runs.encode(test)[0]
    used = int((runs.reliability(test)[0] > 0.25).sum())
    return {"shared": shared_r2(codes, latents), "own": own_r2(codes, latents), "used": used}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    worlds, seeds = (1, 1) if quick else (3, 2)
    began, rows = time.process_time(), []
    for latents in (12, 1):
        for patch, shares in SETTINGS.items():
            for share in shares:
                options = {"latents": latents, "patch": patch, "masked": share} | ({"steps": 5} if quick else {})
                found = [figures(world, seeds, **options) for world in range(worlds)]
                row: dict[str, Any] = {"latents": latents, "patch": patch, "masked": round(share, 3)}
                for name in ("shared", "own", "used"):
                    values = [one[name] for one in found]
                    row[name] = [round(float(v), 3) for v in (np.mean(values), min(values), max(values))]
                rows.append(row)
                print(row, flush=True)
    if not quick:
        seconds = round(time.process_time() - began, 1)
        common.save("masking", {"worlds": worlds, "seeds": seeds, "rows": rows, "cpu_seconds": seconds})


if __name__ == "__main__":
    main()
