"""Tables and a picture of what bench/grid.py measured.

Run: python bench/grid_tables.py. Prints the tables of docs/grid.md and writes docs/images/grid.svg, from
bench/results/grid.json.

A constraint is said to help (or harm) a task where its mean MCC over the seeds is further from that of the task alone
than three times the standard error of the difference. With five seeds and 100 comparisons chance marks one or two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from grid import RESULTS, UNDECODED, WORLDS
from identikit.methods.composed import CONSTRAINTS, TASKS

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "grid.svg"
ERRORS = 3.0


def spread(values: list[float]) -> float:
    return float(np.std(values, ddof=1))


def change(cell: dict[str, Any], alone: dict[str, Any]) -> tuple[float, float]:
    """Difference of the means of MCC, and its standard error."""
    one, other = cell["mcc"], alone["mcc"]
    return float(np.mean(one) - np.mean(other)), float(np.hypot(spread(one), spread(other)) / np.sqrt(len(one)))


def mark(cell: dict[str, Any], alone: dict[str, Any]) -> str:
    gap, error = change(cell, alone)
    return " ▲" if gap > ERRORS * error else " ▼" if gap < -ERRORS * error else ""


def table(cells: dict[str, Any], world: str) -> list[str]:
    """MCC of every cell of a world, its spread over seeds, and whether the constraint helped."""
    lines = [f"| {world} | " + " | ".join(CONSTRAINTS) + " |", "|---" * (len(CONSTRAINTS) + 1) + "|"]
    for task in TASKS:
        alone = cells.get(f"{world}/{task}/none")
        row = []
        for constraint in CONSTRAINTS:
            cell = cells.get(f"{world}/{task}/{constraint}")
            told = f"{np.mean(cell['mcc']):.2f} ± {spread(cell['mcc']):.2f}" if cell else "-"
            row.append(told + (mark(cell, alone) if cell and alone and constraint != "none" else ""))
        lines.append(f"| {task} | " + " | ".join(row) + " |")
    return lines


def blocks(cells: dict[str, Any], world: str) -> list[str]:
    """R2 of the invariant, changing and private block from the whole code."""
    lines = [f"| {world} | " + " | ".join(CONSTRAINTS) + " |", "|---" * (len(CONSTRAINTS) + 1) + "|"]
    for task in TASKS:
        row = []
        for constraint in CONSTRAINTS:
            cell = cells.get(f"{world}/{task}/{constraint}")
            names = ("invariant", "changing", "private")
            row.append(" / ".join(f"{np.mean(cell[f'r2_{name}']):.2f}" for name in names) if cell else "-")
        lines.append(f"| {task} | " + " | ".join(row) + " |")
    return lines


def beside(cells: dict[str, Any]) -> list[str]:
    """MCC of tasks without a decoder: alone, with a decoder beside, and with sparsity as well."""
    lines = ["| world | task | alone | decoder beside | and sparse |", "|---|---|---|---|---|"]
    for world in WORLDS:
        for task in UNDECODED:
            found = [cells.get(f"{world}/{task}/{c}") for c in ("none", "beside", "sparse")]
            told = [f"{np.mean(c['mcc']):.2f} ± {spread(c['mcc']):.2f}" if c else "-" for c in found]
            lines.append(f"| {world} | {task} | " + " | ".join(told) + " |")
    return lines


def counts(cells: dict[str, Any]) -> list[str]:
    """For each constraint and world: mean change of MCC over the tasks, and how many it helped and harmed."""
    lines = ["| | " + " | ".join(WORLDS) + " |", "|---" * (len(WORLDS) + 1) + "|"]
    for constraint in list(CONSTRAINTS)[1:]:
        row = []
        for world in WORLDS:
            pairs = [
                (cells[f"{world}/{t}/{constraint}"], cells[f"{world}/{t}/none"])
                for t in TASKS
                if f"{world}/{t}/{constraint}" in cells and f"{world}/{t}/none" in cells
            ]
            marks = [mark(*pair) for pair in pairs]
            mean = np.mean([change(*pair)[0] for pair in pairs]) if pairs else float("nan")
            row.append(f"{mean:+.2f} (▲ {marks.count(' ▲')}, ▼ {marks.count(' ▼')} of {len(pairs)})")
        lines.append(f"| {constraint} | " + " | ".join(row) + " |")
    return lines


def plot(results: dict[str, Any], path: Path) -> None:
    """One table for each world, coloured by mean MCC, with the spread over seeds."""
    tasks, constraints = list(TASKS), list(CONSTRAINTS)
    wide, high, left, top = 70, 30, 104, 46
    across, down = left + wide * len(constraints) + 24, top + high * len(tasks) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * across} {2 * down}" '
        'font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{2 * across}" height="{2 * down}" fill="white"/>',
    ]
    for index, world in enumerate(WORLDS):
        x0, y0 = (index % 2) * across, (index // 2) * down
        cells = {k.split("/", 1)[1]: v for k, v in results["cells"].items() if k.startswith(f"{world}/")}
        turned = np.mean([c["mcc_nulls"]["random rotation"] for c in cells.values()]) if cells else float("nan")
        parts.append(
            f'<text x="{x0 + 8}" y="{y0 + 18}" font-size="13" font-weight="bold">{world} ({WORLDS[world]})</text>'
            f'<text x="{x0 + 170}" y="{y0 + 18}">turned at random: {turned:.2f}</text>'
        )
        for j, constraint in enumerate(constraints):
            parts.append(
                f'<text x="{x0 + left + wide * (j + 0.5)}" y="{y0 + 38}" text-anchor="middle">{constraint}</text>'
            )
        for i, task in enumerate(tasks):
            y = y0 + top + high * i
            parts.append(f'<text x="{x0 + left - 6}" y="{y + 19}" text-anchor="end">{task}</text>')
            for j, constraint in enumerate(constraints):
                cell = cells.get(f"{task}/{constraint}")
                if cell is None:
                    continue
                mean, spread = float(np.mean(cell["mcc"])), float(np.std(cell["mcc"], ddof=1))
                share = min(max((mean - 0.35) / 0.6, 0.0), 1.0)
                colour = [round(a + (b - a) * share) for a, b in zip((246, 246, 240), (35, 110, 150), strict=True)]
                ink = "white" if share > 0.75 else "#222"
                x = x0 + left + wide * j
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{wide - 2}" height="{high - 2}" fill="rgb{tuple(colour)}"/>'
                    f'<text x="{x + wide / 2 - 1}" y="{y + 18}" text-anchor="middle" fill="{ink}">{mean:.2f} '
                    f'<tspan font-size="9">±{spread:.2f}</tspan></text>'
                )
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def main() -> None:
    results = json.loads(RESULTS.read_text())
    cells = results["cells"]
    for kind, search in results["search"].items():
        for constraint, found in search.items():
            pairs = zip(found["weights"], found["mcc"], strict=True)
            print(
                f"| {kind} | {constraint} | "
                + ", ".join(f"{w:g}: {m:.2f}" for w, m in pairs)
                + f" | {found['best']:g} |"
            )
    print("", *counts(cells), sep="\n")
    for world in WORLDS:
        print("", *table(cells, world), sep="\n")
    for world in WORLDS:
        print("", *blocks(cells, world), sep="\n")
    print("", *beside(cells), sep="\n")
    for world in WORLDS:
        own = [cell for name, cell in cells.items() if name.startswith(f"{world}/")]
        nulls = {key: np.mean([c["mcc_nulls"][key] for c in own]) for key in own[0]["mcc_nulls"]} if own else {}
        tells = {k: max(c[k] for c in own) for k in (own[0] if own else {}) if k.endswith("_null")}
        print(
            f"\n{world}: {len(own)} cells, {sum(c['cpu_s'] for c in own):.0f} s; MCC nulls",
            nulls,
            "largest R2 nulls",
            tells,
        )
    plot(results, PICTURE)


if __name__ == "__main__":
    main()
