"""How many unseen combinations of concepts are composable, against the number of parents of each module.

Ten concepts, up to three in a combination (175 in all), modules drawn with 1 to 10 parents each over one level of ten
or two, and 8 to 64 combinations seen, drawn at random: every count is exact, and means are over 20 draws.

python bench/composition.py           # writes bench/results/composition.json and docs/images/composition.svg
python bench/composition.py --quick   # two draws; writes nothing
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import common
from identikit.structure.composition import composability
from identikit.worlds.layers import draw_layer

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "composition.svg"
CONCEPTS, MOST = 10, 3
PARENTS, SEEN, LEVELS = (1, 2, 3, 4, 5, 6, 8, 10), (8, 16, 32, 64), (1, 2)


def drawn(rng: np.random.Generator, parents: int, levels: int) -> dict[str, tuple[str, ...]]:
    """Modules over levels of as many nodes as there are concepts, each with as many parents."""
    found: dict[str, tuple[str, ...]] = {}
    above = [f"c{i}" for i in range(CONCEPTS)]
    for level in range(levels):
        layer, below = draw_layer(rng, CONCEPTS, CONCEPTS, parents), [f"m{level}.{i}" for i in range(CONCEPTS)]
        found |= {name: tuple(above[i] for i in np.flatnonzero(layer[:, j])) for j, name in enumerate(below)}
        above = below
    return found


def shares(parents: int, levels: int, seen: int, draws: int) -> list[float]:
    """The share of the unseen combinations that are composable, one for each draw of the graph and of those seen."""
    found = []
    for seed in range(draws):
        rng = np.random.default_rng([seed, parents, levels, seen])
        graph = drawn(rng, parents, levels)
        every = [
            tuple(f"c{i}" for i in np.flatnonzero([code >> k & 1 for k in range(CONCEPTS)]))
            for code in range(1, 2**CONCEPTS)
            if code.bit_count() <= MOST
        ]
        while True:
            picked = [every[i] for i in rng.choice(len(every), seen, replace=False)]
            if len({name for row in picked for name in row}) == CONCEPTS:
                break
        found.append(composability(graph, picked, every).share)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    began, draws, rows = time.process_time(), 2 if quick else 20, list[dict[str, Any]]()
    for levels in LEVELS:
        for seen in SEEN:
            for parents in PARENTS:
                found = shares(parents, levels, seen, draws)
                row = {"levels": levels, "seen": seen, "parents": parents}
                rows.append(row | {"share": [round(float(v), 4) for v in (np.mean(found), min(found), max(found))]})
            mean = {row["parents"]: f"{row['share'][0]:.2f}" for row in rows[-len(PARENTS) :]}
            print(f"{levels} levels, {seen} seen:", mean, flush=True)
    if not quick:
        seconds = round(time.process_time() - began, 1)
        common.save("composition", {"draws": draws, "rows": rows, "cpu_seconds": seconds})
        draw(rows)


def draw(rows: list[dict[str, Any]]) -> None:
    """Share against parents, a line for each number of seen combinations and a panel for each number of levels."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "identikit"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(9.5, 4), sharey=True)
    for panel, levels in zip(panels, LEVELS, strict=True):
        for seen, colour in zip(SEEN, ("#b8bfc7", "#e69f00", "#009e73", "#0072b2"), strict=True):
            picked = [row for row in rows if (row["levels"], row["seen"]) == (levels, seen)]
            mean, least, most = np.transpose([row["share"] for row in picked])
            panel.plot(PARENTS, mean, "o-", color=colour, markersize=4, label=f"{seen} of 175 seen")
            panel.fill_between(PARENTS, least, most, color=colour, alpha=0.15, linewidth=0)
        title = f"{levels} level{'s' * (levels > 1)} of ten modules"
        panel.set(xlabel="parents of each module", title=title, ylim=(-0.03, 1.05))
    panels[0].set_ylabel("composable share of the unseen")
    panels[1].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
