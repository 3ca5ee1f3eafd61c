"""Which level of a hierarchy a mask exposes, exactly, against the share that is hidden and the size of the patches.

Balanced trees of 256 and of 16 leaves, the named graphs of the world Hierarchy, and random graphs in levels; and beside
them what the codes of a masked autoencoder hold, as bench/masking.py has measured it.

python bench/mask_levels.py           # writes bench/results/mask_levels.json and docs/images/masks.svg, half a minute
python bench/mask_levels.py --quick   # smaller graphs; writes nothing
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import common
from identikit.methods.claims_masked import BRANCHES
from identikit.structure.mask_levels import MaskCurve, mask_curve
from identikit.worlds.hierarchy import HIERARCHIES, Hierarchy
from identikit.worlds.hierarchy_graphs import HierarchyGraph, balanced_tree
from identikit.worlds.layers import draw_layer

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "masks.svg"
RULES = {"fewest": False, "invertible": True}
"""The least node cut, and the set that both sides tell where nodes are invertible."""
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#b8bfc7")


def of_columns() -> HierarchyGraph:
    """The graph of the world that bench/masking.py fits, each leaf a latent above its three columns."""
    columns = {f"{leaf}.{i}": (leaf,) for leaf in (f"x{j + 1}" for j in range(8)) for i in range(3)}
    return HierarchyGraph({**BRANCHES, **columns})


def random_levels(seed: int, parents: tuple[int, int]) -> HierarchyGraph:
    """Two latents above four above eight leaves, the nodes of each lower level with as many parents."""
    rng, names = np.random.default_rng(seed), (("a1", "a2"), ("b1", "b2", "b3", "b4"), tuple(f"x{i}" for i in range(8)))
    found: dict[str, tuple[str, ...]] = {}
    for (above, below), count in zip(pairwise(names), parents, strict=True):
        layer = draw_layer(rng, len(above), len(below), count)
        found |= {n: tuple(above[i] for i in np.flatnonzero(layer[:, j])) for j, n in enumerate(below)}
    return HierarchyGraph(found)


def listed(curve: MaskCurve, told: bool = False) -> dict[str, Any]:
    """A curve as plain values; with `told`, also the chance of the latents of each level to be told."""
    found = {
        "share": curve.shares.round(4).tolist(),
        "level": curve.level.round(4).tolist(),
        "size": curve.size.round(4).tolist(),
        "exact": all(row.exact for row in curve.rows),
    }
    by_level = {str(level): chance.round(4).tolist() for level, chance in curve.by_level(told=True).items()}
    return found | ({"told": by_level} if told else {})


def shape(level: list[float]) -> str:
    """Where a curve of levels is highest: in the middle, at the ends, or nowhere."""
    ends, between = (level[0], level[-1]), level[1:-1]
    if max(level) - min(level) < 1e-9:
        return "flat"
    if max(between) > max(ends) + 1e-9:
        return "rises" if min(between) > min(ends) - 1e-9 else "both"
    return "dips"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    began, levels = time.process_time(), 3 if quick else 4
    binary = balanced_tree(levels)
    result: dict[str, Any] = {
        "large": {
            f"{children} children, {p}": listed(mask_curve(balanced_tree(deep, children), p, invertible=True))
            for children, deep in ((2, 2 * levels), (4, levels))
            for p in (1, 4, 16)
        },
        "binary": {
            f"{p}, {rule}": listed(mask_curve(binary, p, invertible=is_, most=20_000))
            for p in (1, 2, 4)
            for rule, is_ in RULES.items()
        },
        "columns": {str(p): listed(mask_curve(of_columns(), p, invertible=True), told=True) for p in (1, 3, 6)},
        "named": {
            kind: {
                rule: listed(mask_curve(Hierarchy(kind, invertible=False), invertible=is_))
                for rule, is_ in RULES.items()
            }
            for kind in HIERARCHIES
        },
    }
    graphs, shapes = 2 if quick else 20, dict[str, dict[str, int]]()
    for parents in ((1, 1), (2, 1), (1, 2), (2, 2)):
        for rule, is_ in RULES.items():
            found = [
                shape(mask_curve(random_levels(seed, parents), invertible=is_).level.tolist()) for seed in range(graphs)
            ]
            shapes[f"{parents[0]} and {parents[1]} parents, {rule}"] = {
                word: found.count(word) for word in sorted(set(found))
            }
    result["random"] = {"graphs": graphs, "shapes": shapes}
    for name in ("large", "binary", "columns"):
        for kind, curve in result[name].items():
            at = [int(np.argmin(np.abs(np.array(curve["share"]) - s))) for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
            told = {level: [round(t[i], 3) for i in at] for level, t in curve.get("told", {}).items()}
            print(name, kind, [round(curve["level"][i], 2) for i in at], told, curve["exact"])
    for kind, curves in result["named"].items():
        print(
            kind,
            {
                rule: (shape(c["level"]), round(c["level"][0], 2), np.round(c["level"], 2).tolist())
                for rule, c in curves.items()
            },
        )
    print(result["random"])
    result["cpu_seconds"] = round(time.process_time() - began, 1)
    print(result["cpu_seconds"])
    if not quick:
        common.save("mask_levels", result)
        draw(result, json.loads((common.RESULTS / "masking.json").read_text())["rows"])


def draw(result: dict[str, Any], measured: list[dict[str, Any]]) -> None:
    """The level against the share on trees, and what is told of the branches beside what was measured."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "identikit"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(13, 4.2))
    for children, style in ((2, "-"), (4, "--")):
        for colour, patch in zip(COLOURS, (1, 4, 16), strict=False):
            curve = result["large"][f"{children} children, {patch}"]
            panels[0].plot(curve["share"], curve["level"], style, color=colour, label=f"{patch}, {children} children")
    panels[0].set(title="trees of 256 leaves", ylabel="mean level of what is shared", ylim=(0.9, 7.2))
    panels[0].legend(
        title="leaves in a patch, children of a latent", frameon=False, fontsize=8, ncols=2, loc="upper left"
    )
    for colour, patch in zip(COLOURS, (1, 2, 4), strict=False):
        for rule, style in zip(RULES, ("-", "--"), strict=True):
            curve = result["binary"][f"{patch}, {rule}"]
            label = f"{patch} {'leaf' if patch == 1 else 'leaves'}, {rule}"
            panels[1].plot(curve["share"], curve["level"], style, color=colour, label=label)
    panels[1].set(title="binary tree of 16 leaves", ylim=(0.9, 4.6))
    panels[1].legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
    for colour, (patch, curve), name in zip(
        COLOURS, result["columns"].items(), ("column", "leaf", "branch"), strict=False
    ):
        panels[2].plot(curve["share"], curve["told"]["2"], color=colour, label=name)
        rows = [row for row in measured if row["latents"] == 12 and row["patch"] == int(patch)]
        mean, least, most = np.transpose([row["own"] for row in rows])
        panels[2].errorbar(
            [row["masked"] for row in rows], mean, [mean - least, most - mean], fmt="o", color=colour, markersize=4
        )
    panels[2].set(title="branches: exact (lines), autoencoder (points)", ylabel="chance told, R2", ylim=(-0.06, 1.3))
    panels[2].legend(frameon=False, fontsize=8, ncols=3, loc="upper center", title="patch")
    for panel in panels:
        panel.set(xlabel="share hidden", xlim=(-0.02, 1.02))
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
