"""What the rank search finds of seven kinds of discrete hierarchy, beside the same search with linear ranks.

Run: python bench/discrete_structure.py [--draws N]. Writes bench/results/discrete_structure.json.

Each draw is a world with tables of its own (seeds that no setting was chosen on) and one sample of 10,000 and of
100,000 rows, with two states for every node; and with three states, 100,000 rows, half as many draws. The search is
told nothing of the graph. Scored are: the found graph against the class of graphs that tables can show
(`shown_class`), and the hierarchy drawn from it (`rooted`) against the true graph as it stands; latents are assigned.
`best` is what that second score is for the class itself. Time: CPU seconds of one search of 100,000 rows of a binary
table of 4 variables below each of a chain of latents, checks of the input included.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import common
from identikit.structure.discrete_class import rooted, shown_class
from identikit.structure.discrete_search import discrete_hierarchy
from identikit.structure.matching import compare
from identikit.worlds.discrete_hierarchy import DISCRETE_HIERARCHIES, DiscreteHierarchy

FIRST = 200
"""Seed of the first draw; the search was made with seeds below 110 in view."""
WIDTHS = (8, 12, 16, 20)


def scores(kind: str, states: int, rows: int, draws: int) -> dict:
    """Medians and least of the scores over draws, for both searches."""
    found: dict[str, list[tuple[float, ...]]] = {"table": [], "linear": []}
    best = []
    for seed in range(FIRST, FIRST + draws):
        world = DiscreteHierarchy(kind, states=states, attributes=0, overlap=0, width=1, observe="codes", seed=seed)
        data, _ = world.sample(rows, seed=seed)
        known = shown_class(world.structure)
        best.append(compare(rooted(known), world.structure, nulls=0).edge_f1.value)
        for features, values in found.items():
            cpu = time.process_time()
            graph = discrete_hierarchy(data, features=features)
            cpu = time.process_time() - cpu
            near, drawn = compare(graph, known, nulls=0), compare(rooted(graph), world.structure, nulls=0)
            values.append((near.edge_f1.value, near.shd.value, drawn.edge_f1.value, drawn.shd.value, cpu))
    result: dict = {"kind": kind, "states": states, "rows": rows, "draws": draws, "best": float(np.median(best))}
    for features, values in found.items():
        f1, distance, f1_drawn, shd_drawn, cpu = np.array(values).T
        result[features] = {
            "f1": round(float(np.median(f1)), 3),
            "f1_least": round(float(f1.min()), 3),
            "shd": float(np.median(distance)),
            "shd_most": float(distance.max()),
            "exact": int((distance == 0).sum()),
            "f1_drawn": round(float(np.median(f1_drawn)), 3),
            "shd_drawn": float(np.median(shd_drawn)),
            "cpu_s": round(float(np.median(cpu)), 4),
        }
    return result


def chain(leaves: int, rows: int, seed: int = FIRST) -> tuple[np.ndarray, dict]:
    """Binary codes of a chain of latents with four leaves each, and the leaves of each."""
    rng = np.random.default_rng(seed)
    state, columns, groups = rng.random(rows) < 0.5, [], {}
    for i in range(leaves // 4):
        groups[i] = tuple(range(4 * i, 4 * i + 4))
        columns += [state ^ (rng.random(rows) < rng.uniform(0.1, 0.3)) for _ in range(4)]
        state = state ^ (rng.random(rows) < rng.uniform(0.1, 0.25))
    return np.stack(columns, 1).astype(np.int64), groups


def timed(leaves: int) -> dict:
    """CPU seconds of a search, and whether its groups and its chain are the true ones."""
    codes, groups = chain(leaves, 100_000)
    cpu = time.process_time()
    graph = discrete_hierarchy(codes)
    cpu = time.process_time() - cpu
    below = {tuple(sorted(int(n[1:]) - 1 for n in graph.children(z) if n in graph.observed)): z for z in graph.latents}
    right = all(
        graph.edge(below[groups[i]], below[groups[i + 1]]) is not None
        for i in range(len(groups) - 1)
        if groups[i] in below and groups[i + 1] in below
    )
    return {
        "variables": leaves,
        "cpu_s": round(cpu, 2),
        "groups_right": len(set(groups.values()) & set(below)),
        "groups": len(groups),
        "chain_right": right and len(graph.edges) == leaves + len(groups) - 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    draws = parser.parse_args().draws
    discrete_hierarchy(chain(8, 1_000)[0])
    settings = [(2, 10_000, draws), (2, 100_000, draws), (3, 100_000, max(draws // 2, 1))]
    cases = [scores(kind, s, n, d) for s, n, d in settings for kind in DISCRETE_HIERARCHIES]
    times = [timed(leaves) for leaves in WIDTHS]
    header = (
        "kind",
        "states",
        "rows",
        "F1",
        "least",
        "SHD",
        "exact",
        "drawn F1",
        "best",
        "linear F1",
        "linear SHD",
        "s",
    )
    common.table(
        header,
        [
            (
                *(c["kind"], c["states"], c["rows"], c["table"]["f1"], c["table"]["f1_least"], c["table"]["shd"]),
                *(f"{c['table']['exact']}/{c['draws']}", c["table"]["f1_drawn"], c["best"]),
                *(c["linear"]["f1"], c["linear"]["shd"], c["table"]["cpu_s"]),
            )
            for c in cases
        ],
    )
    for t in times:
        print(t)
    common.save("discrete_structure", {"first_seed": FIRST, "cases": cases, "times": times})


if __name__ == "__main__":
    main()
