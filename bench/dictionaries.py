"""Matching the atoms of two large dictionaries: auction and exact matching against SciPy's exact assignment.

Run: python bench/dictionaries.py [--atoms 8192] [--repeats 2]. Writes bench/results/dictionaries.json.

Two dictionaries of unit atoms of width 512 share 80 %, 30 % or none of their features, each with noise that leaves a
cosine of about 0.9. All sides get the same float32 matrix of absolute cosines: SciPy's `linear_sum_assignment`, lapx's
`lapjvs`, and `identikit.metrics.assignment.assign` by auction (tolerance 1e-4) and exactly. The
time of making the cosines is not in it; the last part is the whole of `dictionary_mcc`, in a process of its own whose
peak memory is measured.

Check: `exact` and lapx reach SciPy's total to 1e-9 of it, and the auction is no further from it than its stated gap.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lap
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

import common
from identikit.metrics.assignment import assign
from identikit.metrics.atoms import cosines
from identikit.metrics.dictionaries import dictionary_mcc

WIDTH, NOISE, SHARES = 512, 0.5, (0.8, 0.3, 0.0)
NAMES = ("scipy", "exact", "auction", "lapx")


def dictionaries(atoms: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two dictionaries of unit atoms with a share of common features, in different orders."""
    rng = np.random.default_rng(0)
    one, other = (rng.standard_normal((atoms, WIDTH), dtype=np.float32) for _ in range(2))
    common_ones = int(share * atoms)
    other[:common_ones] = one[:common_ones] + NOISE * other[:common_ones]
    pair = (torch.from_numpy(one), torch.from_numpy(other[rng.permutation(atoms)]))
    return torch.nn.functional.normalize(pair[0], dim=1), torch.nn.functional.normalize(pair[1], dim=1)


def peak() -> int:
    """The most memory this process ever held, in MB; `ru_maxrss` would also count what its parent held."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def whole(atoms: int, share: float) -> dict[str, Any]:
    """`dictionary_mcc` with its nulls, in CPU seconds, and the peak memory before and after it."""
    one, other = dictionaries(atoms, share)
    before, cpu = peak(), time.process_time()
    score = dictionary_mcc(other, one)
    cpu = time.process_time() - cpu
    return {
        "cpu_s": round(cpu, 2),
        "peak_mb": peak(),
        "peak_mb_before": before,
        "score": repr(score),
        "gap": score.settings["gap"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--whole", type=float, help="only the whole score at this share, as JSON")
    given = parser.parse_args()
    if given.whole is not None:
        print(json.dumps(whole(given.atoms, given.whole)))
        return

    rows, results, sound = [], [], True
    for share in SHARES:
        one, other = dictionaries(given.atoms, share)
        strength = cosines(one, other, signed=False)
        calls = {
            "scipy": lambda s=strength: s[linear_sum_assignment(s, maximize=True)].sum(dtype=np.float64),
            "exact": lambda s=strength: assign(s, "exact").total,
            "auction": lambda s=strength: assign(s, "auction").total,
            "lapx": lambda s=strength: s[lap.lapjvs(-s, return_cost=False)].sum(dtype=np.float64),
        }
        totals = {name: float(call()) for name, call in calls.items()}
        times = common.measure(calls, given.repeats)
        gap = assign(strength, "auction").gap
        lost = {name: (totals["scipy"] - total) / given.atoms for name, total in totals.items()}
        ratios = {name: common.ratio(times["scipy"], times[name]) for name in NAMES if name != "scipy"}
        sound &= all(abs(lost[name]) < 1e-9 for name in lost if name != "auction") and lost["auction"] <= gap + 1e-9
        command = [sys.executable, __file__, "--atoms", str(given.atoms), "--whole", str(share)]
        full = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        seconds = [times[name].median_cpu for name in NAMES]
        rows.append(
            (
                f"{share:.0%}",
                *seconds,
                *(ratios[n]["times_faster"] for n in ratios),
                lost["auction"],
                gap,
                lost["exact"],
            )
        )
        results.append(
            {
                "atoms": given.atoms,
                "share": share,
                "mean_cosine": totals["scipy"] / given.atoms,
                "times": {name: own.json() for name, own in times.items()},
                "times_faster_than_scipy": ratios,
                "mean_cosine_lost": lost,
                "stated_gap": gap,
                "whole_score": full,
            }
        )
        print(f"{share:.0%} shared: {full['score']}, {full['cpu_s']} s of CPU, peak {full['peak_mb']} MB")
    print(f"\nseconds of CPU time for {given.atoms} atoms, times faster than SciPy, and mean cosine lost and stated")
    header = ("shared", *NAMES, *(f"{n} times" for n in NAMES[1:]), "auction lost", "stated", "exact lost")
    common.table(header, rows)
    common.save("dictionaries", {"width": WIDTH, "noise": NOISE, "sizes": results})
    if not sound:
        raise SystemExit("the matchings differ by more than they state, so the times say nothing")


if __name__ == "__main__":
    main()
