"""The nulls of every metric, by number of factors and of rows, as figures and as one picture for each page.

Run: python bench/nulls.py [--draw] [--only NAME ...]. Writes bench/results/nulls.json and docs/images/nulls/NAME.svg;
with --draw, only the pictures, from the results that are there; with --only, these metrics, beside what is there.

Factors are independent standard normal numbers, as many as there are codes, and the codes are independent of them;
graphs are random, atoms of no preferred direction. The nulls are those that the metric itself reports at its default
settings, with fewer draws: for codes `permuted rows`, and `random rotation` where it has one. Check: the value of what
was drawn, which is unrelated to the truth, must lie where the first null does, up to what one draw leaves open; the
largest distance is printed beside each metric.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import common
from identikit import metrics
from identikit.metrics import Score

SIZES = (2, 3, 5, 8, 10)
ROWS = (100, 300, 1_000, 3_000, 10_000)
PICTURES = Path(__file__).parent.parent / "docs" / "images" / "nulls"
COLOURS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#c9b500")
PERMUTED, ROTATION = "permuted rows", "random rotation"

Compute = Callable[[np.ndarray, np.ndarray, int], Iterable[Score]]
"""From codes, factors and number of draws to scores; where no factors are drawn, from the two sizes in their place."""


@dataclass(frozen=True)
class Case:
    """What is drawn of one metric.

    Attributes:
        title: above the picture.
        compute: from codes, factors and number of draws to scores.
        draws: of each null.
        most: largest number of rows.
        lines: one line for each of these, and what they are.
        along: the values along the axis, and what they are.
        nulls: names of the nulls that are drawn.
        sizes: whether `compute` is handed the two sizes, and not codes and factors.
    """

    title: str
    compute: Callable[..., Iterable[Score]]
    draws: int
    most: int = ROWS[-1]
    lines: tuple[str, tuple[int, ...]] = ("factors\nand codes", SIZES)
    along: tuple[str, tuple[int, ...]] = ("rows", ROWS)
    nulls: tuple[str, ...] = (PERMUTED, ROTATION)
    sizes: bool = False


def one(metric: Callable[..., Score]) -> Compute:
    return lambda codes, factors, draws: [metric(codes, factors, nulls=draws)]


def leakage(codes: np.ndarray, factors: np.ndarray, draws: int) -> list[Score]:
    """The three scores, with the first half of the factors as one block and the others as another."""
    half = factors.shape[1] // 2
    estimated, true = ({"a": side[:, :half], "b": side[:, half:]} for side in (codes, factors))
    return [
        metrics.block_leakage(estimated, true, nulls=draws),
        metrics.subspace_r2(codes[:, :half], factors[:, :half], nulls=draws),
        metrics.subspace_leakage(codes[:, :half], factors[:, :half], nulls=draws),
    ]


def probe(domains: int, rows: int, draws: int) -> list[Score]:
    codes = np.random.default_rng([domains, rows]).normal(size=(rows, 5))
    return [metrics.domain_probe(codes, np.arange(rows) % domains, nulls=draws)]


def retrieved(domains: int, rows: int, draws: int) -> list[Score]:
    codes, row = np.random.default_rng([domains, rows]).normal(size=(rows, 5)), np.arange(rows)
    return [metrics.retrieval(codes, row // domains, row % domains, nulls=draws)]


def graph(nodes: int, edges: int, rng: np.random.Generator) -> np.ndarray:
    """A random graph without cycles."""
    chosen = rng.permutation(nodes * (nodes - 1) // 2)[:edges]
    found = np.zeros((nodes, nodes), dtype=int)
    found[tuple(side[chosen] for side in np.triu_indices(nodes, 1))] = 1
    order = rng.permutation(nodes)
    return found[order][:, order]


def graphs(metric: Callable[..., Score]) -> Callable[[int, int, int], list[Score]]:
    def compute(nodes: int, edges: int, draws: int) -> list[Score]:
        rng = np.random.default_rng([nodes, edges])
        if edges > nodes * (nodes - 1) // 2:
            return []
        return [metric(graph(nodes, edges, rng), graph(nodes, edges, rng), nulls=draws)]

    return compute


def atoms(width: int, count: int, draws: int) -> list[Score]:
    first, second = np.random.default_rng([width, count]).normal(size=(2, count, width))
    return [metrics.dictionary_mcc(first, second, nulls=draws)]


def counterfactual(numbers: int, rows: int, draws: int) -> list[Score]:
    predicted, actual, factual = np.random.default_rng([numbers, rows]).normal(size=(3, rows, numbers))
    return [metrics.counterfactual_error(predicted, actual, factual, nulls=draws)]


NODES, EDGES = ("nodes", (3, 5, 8, 12, 20)), ("edges", (2, 4, 8, 16, 32))

CASES = {
    "mcc": Case("MCC (Spearman)", one(metrics.mcc), 10),
    "block_r2": Case("Block R2 (kernel)", one(metrics.block_r2), 5),
    "block_leakage": Case("Leakage, factors in two blocks", leakage, 3, 3_000),
    "explained_share": Case("Explained share", one(metrics.explained_share), 3),
    "dci": Case("DCI (boosted trees)", lambda z, s, draws: metrics.dci(z, s, nulls=draws).scores, 2, 3_000),
    "mig": Case("MIG (20 bins)", one(metrics.mig), 5),
    "sap": Case("SAP", one(metrics.sap), 10),
    "modularity": Case("Modularity (with its floor)", one(metrics.modularity), 5),
    "explicitness": Case("Explicitness (10 bins)", one(metrics.explicitness), 2, 3_000),
    "info_mec": Case("InfoMEC", lambda z, s, draws: metrics.info_mec(z, s, nulls=draws).values(), 2, 3_000),
    "irs": Case("IRS (20 bins)", one(metrics.irs), 5),
    "factor_vae": Case("FactorVAE score (20 bins)", one(metrics.factor_vae), 2),
    "beta_vae": Case("Beta-VAE score (20 bins)", one(metrics.beta_vae), 2),
    "domain_probe": Case(
        "the domain probe (linear, 5 codes)",
        probe,
        5,
        3_000,
        ("domains", SIZES),
        nulls=("permuted labels",),
        sizes=True,
    ),
    "retrieval": Case("retrieval (5 codes)", retrieved, 5, 3_000, ("domains", SIZES), nulls=(PERMUTED,), sizes=True),
    "shd": Case(
        "SHD (wrong edges)",
        graphs(metrics.shd),
        20,
        lines=NODES,
        along=EDGES,
        nulls=("permuted nodes", "random graph"),
        sizes=True,
    ),
    "edges": Case(
        "edge F1",
        graphs(metrics.edge_f1),
        20,
        lines=NODES,
        along=EDGES,
        nulls=("permuted nodes", "random graph"),
        sizes=True,
    ),
    "dictionary_mcc": Case(
        "dictionary MCC",
        atoms,
        3,
        lines=("width", (4, 8, 16, 32, 64)),
        along=("atoms", (8, 32, 128, 512)),
        nulls=("random dictionary", "same covariance"),
        sizes=True,
    ),
    "counterfactual_error": Case(
        "counterfactual error", counterfactual, 5, lines=("numbers\nin a row", SIZES), nulls=(PERMUTED,), sizes=True
    ),
}


def computed(case: Case) -> list[dict[str, Any]]:
    """One row for each score, null, number of factors and number of rows."""
    found = []
    for size in case.lines[1]:
        for rows in case.along[1]:
            if rows > case.most:
                continue
            if case.sizes:
                scores = case.compute(size, rows, case.draws)
            else:
                factors, codes = np.random.default_rng([size, rows]).normal(size=(2, rows, size))
                scores = case.compute(codes, factors, case.draws)
            for score in scores:
                for name in case.nulls:
                    if name in score.nulls:
                        null = score.nulls[name]
                        found.append(
                            {
                                **{"score": score.name, "null": name, "factors": size, "rows": rows},
                                **{"mean": round(null.mean, 4), "low": round(null.low, 4), "high": round(null.high, 4)},
                                "value": round(score.value, 4),
                            }
                        )
    return found


def draw(name: str, case: Case, found: list[dict[str, Any]]) -> None:
    """The mean of each null by number of rows, one line for each number of factors, in the band of its draws."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    # Text stays text, and the file is the same on every machine.
    look: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9, "axes.spines.top": False}
    look |= {
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": "#e3e8ee",
        "font.family": "sans-serif",
    }
    panels = list(dict.fromkeys((row["score"], row["null"]) for row in found))
    scores = list(dict.fromkeys(score for score, _ in panels))
    nulls = [null for null in case.nulls if any(null == other for _, other in panels)]
    # The scores of one fit stand side by side, their nulls below each other; one score has its nulls side by side.
    across, down = (scores, nulls) if len(scores) > 1 else (nulls, scores)
    with matplotlib.rc_context(look):
        size = (3.4 * len(across) if len(across) > 1 else 4.6, 2.5 * len(down) + 0.5)
        figure, axes = plt.subplots(len(down), len(across), figsize=size, squeeze=False, layout="constrained")
        for (row, column), axis in np.ndenumerate(axes):
            score, null = (across[column], down[row]) if len(scores) > 1 else (scores[0], across[column])
            if (score, null) not in panels:
                axis.set_visible(False)
                continue
            # Six panels are large enough with every other line.
            for colour, count in list(zip(COLOURS, case.lines[1], strict=True))[:: 2 if len(panels) > 3 else 1]:
                line = [r for r in found if (r["score"], r["null"], r["factors"]) == (score, null, count)]
                x = [r["rows"] for r in line]
                axis.fill_between(
                    x, [r["low"] for r in line], [r["high"] for r in line], color=colour, alpha=0.15, lw=0
                )
                axis.plot(x, [r["mean"] for r in line], color=colour, lw=1.3, label=str(count))
            axis.set_xscale("log")
            axis.minorticks_off()
            axis.locator_params(axis="y", nbins=5 if len(panels) < 4 else 3)
            axis.set_title(f"{score.partition(' (')[0]},\n{null}" if len(scores) > 1 else null, fontsize=9)
            axis.set_xlabel(case.along[0])
            if column == 0:
                axis.set_ylabel("score")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.suptitle(f"Nulls of {case.title}", fontsize=10)
        figure.legend(handles, labels, title=case.lines[0], loc="outside right upper", frameon=False)
        PICTURES.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    # A hundredth of a point is enough, and indentation is for readers of the source.
    small = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", text.getvalue())
    small = re.sub(r"\n\s+", "\n", re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", small, flags=re.DOTALL))
    (PICTURES / f"{name}.svg").write_text(re.sub(r"\n{2,}", "\n", small), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--draw", action="store_true", help="draw again from the results that are there")
    parser.add_argument("--only", nargs="+", choices=list(CASES), metavar="NAME", help="compute these alone")
    given = parser.parse_args()
    kept = json.loads((common.RESULTS / "nulls.json").read_text()) if given.draw or given.only else {}
    found, seconds = kept.get("nulls", {}), kept.get("cpu_seconds", {})
    if not given.draw:
        lines = []
        for name, case in CASES.items():
            if given.only and name not in given.only:
                continue
            start = time.process_time()
            found[name] = computed(case)
            seconds[name] = round(time.process_time() - start, 1)
            apart = max(abs(row["value"] - row["mean"]) for row in found[name] if row["null"] == case.nulls[0])
            lines.append((name, len(found[name]), case.draws, apart, seconds[name]))
            print(*lines[-1], flush=True)
        common.table(("metric", "nulls", "draws", "codes of noise, largest distance", "CPU s"), lines)
        common.save("nulls", {"cpu_seconds": seconds, "nulls": found})
    for name, case in CASES.items():
        draw(name, case, found[name])


if __name__ == "__main__":
    main()
