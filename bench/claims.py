"""Both sides of the claim of every method, in how much time, with the margins to the bounds.

Run: python bench/claims.py [--first N] [--worlds N] [--workers N]. Writes bench/results/claims.json, or
claims_N.json for worlds from number N on, and, from the first, the table of docs/methods/index.md.

This is `identikit verify all` with the CPU seconds of each method: four seeds in each of two random worlds for every
check, of which the run with the least validation loss counts. No bound was set on worlds from
1000 on (`--first 1000`).
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import common  # sets one thread before torch starts
import identikit as ik
from identikit.engine import METHODS

TABLE = Path(__file__).parents[1] / "docs" / "methods" / "table.inc.md"


def check(name: str, worlds: int, first: int) -> dict[str, Any]:
    """Every check of one method, and what it cost."""
    began, wall = time.process_time(), time.perf_counter()
    found = ik.methods.verify(name, worlds=worlds, first=first, progress=False)
    rows = [
        {
            "says": row.says,
            "values": [round(value, 4) for value in row.values],
            "mean": round(row.mean, 4),
            "bound": row.bound,
            "margin": round(abs(row.mean - float(row.bound.split()[-1])) * (1 if row.ok else -1), 4),
        }
        for row in found.rows
    ]
    seconds = {"cpu_s": round(time.process_time() - began, 1), "wall_s": round(time.perf_counter() - wall, 1)}
    return {"ok": found.ok, **seconds, "checks": rows}


def table(results: dict[str, Any]) -> str:
    """One row for each method: what it needs, claims and costs, and where it is from."""
    lines = ["| Method | Needs | Identifies | Up to | Checks, seconds | Paper |", "|---|---|---|---|---|---|"]
    for name, method in sorted(METHODS.items()):
        needs = ", ".join(f"`{need}`" for need in ("x", *method.needs))
        needs += f", {method.domains} domains" if method.domains else ""
        checked = results["methods"].get(name)
        cost = f"{checked['cpu_s']:.0f}" if checked else ""
        claim = method.claim
        lines.append(
            f"| [`{name}`]({name}.md) | {needs} | {claim.identifies} | {claim.up_to} | {cost} | {method.paper} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="number of the first world")
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    given = parser.parse_args()
    names = [name for name in given.methods if METHODS[name].checks]
    began = time.perf_counter()
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
        jobs = {name: pool.submit(check, name, given.worlds, given.first) for name in names}
        for name, job in jobs.items():
            found[name] = job.result()
            told = "; ".join(f"{row['mean']:.2f} ({row['bound']})" for row in found[name]["checks"])
            print(f"{'ok  ' if found[name]['ok'] else 'FAIL'} {name}: {told}; {found[name]['cpu_s']} s", flush=True)
    failed = [name for name in names if not found[name]["ok"]]
    total = {
        "methods": len(names),
        "not_borne_out": failed,
        "workers": given.workers,
        "wall_s": round(time.perf_counter() - began),
        "cpu_s": round(sum(own["cpu_s"] for own in found.values())),
    }
    print(json.dumps(total))
    if set(given.methods) != set(METHODS):
        return
    results = {"worlds": given.worlds, "first": given.first, "total": total, "methods": found}
    common.save("claims" if given.first == 0 else f"claims_{given.first}", results)
    if given.first == 0:
        TABLE.write_text(table(results))


if __name__ == "__main__":
    main()
