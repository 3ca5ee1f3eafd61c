"""Modules of variables in the Tennessee Eastman plant, as MOSAIC finds them, against the plant's units.

Run: python bench/tennessee.py. Writes bench/results/tennessee.json.

A module is the variables that one latent moves most. The units are those of the plant's flow sheet (Downs and Vogel
1993, Computers and Chemical Engineering 17, 245), by the stream or vessel that a variable's name gives: the choice of
this script where a name leaves one, see `UNITS`. Two sets of variables are looked at: the 33 continuous measurements
and valves, and all 52 with the analysers of three streams. Each method sees the same training rows of all 22 runs
(normal and 21 faults); the regime is the fault of the run.

Beside it: correlation clustering (average linkage on one minus the absolute correlation) and principal components
turned by varimax (a module is the variables that load most on one), each with as many modules as the method has
latents. Nothing is chosen by its agreement. Agreement is adjusted mutual information and the adjusted Rand index, both
0 for chance; p is the share of 10,000 permutations of the variables whose mutual information is at least as large. A
stricter null keeps what is trivial: a valve and what is measured of the flow behind it stay together, and streams are
permuted as wholes.

Check: the mutual information is scikit-learn's, and groups drawn at random agree with the units by 0.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

import common
import identikit as ik
from identikit.data import Dataset
from identikit.datasets import tennessee_eastman
from identikit.datasets.windows import windows
from identikit.methods.mosaic import influence

SEEDS, LATENTS, PERMUTATIONS = 5, 8, 10_000
UNITS = {
    "feed": ("A feed", "D feed", "E feed", "A and C feed"),
    "reactor": ("reactor", "in reactor feed"),
    "condenser and separator": ("separator", "condenser"),
    "stripper": ("stripper", "in product"),
    "compressor, recycle and purge": ("compressor", "recycle", "purge", "in purge gas"),
}
"""Units, and the words of the names that belong to them. The condenser feeds the separator, and its cooling water is
measured under the separator's name; the purge leaves the gas loop between separator and compressor. Analysers belong to
the unit of their stream: 6 goes into the reactor, 9 is the purge, 11 leaves the stripper."""
LINES = {
    "reactor cooling": "water 1",
    "condenser cooling": "water 2",
    "separator cooling": "water 2",
    "stripper steam": "steam",
}
"""Flows without a number that a valve and a measurement share, by the first words of their names."""


def unit(name: str) -> str:
    """The unit of a variable: for an analyser that of its stream, else by the first words of its name."""
    for words in ("in reactor feed", "in purge gas", "in product"):
        if f" {words}" in name:
            return next(unit for unit, known in UNITS.items() if words in known)
    return next(unit for unit, known in UNITS.items() if name.startswith(known))


def stream(name: str) -> str:
    """What a valve and the measurements of the same flow have in common; the name itself where it stands alone."""
    for start, mark in LINES.items():
        if name.startswith(start):
            return mark
    return name.partition("(")[2].partition(")")[0] or name


def columns(data: Dataset, kept: np.ndarray) -> Dataset:
    """Some variables of windowed data, in x and in the past."""
    names = tuple(np.array(data.names["x"])[kept].tolist())
    fields = {**data.fields, "past": np.ascontiguousarray(data["past"][..., kept])}
    return replace(
        data, x=np.ascontiguousarray(np.asarray(data.x)[:, kept]), fields=fields, names={**data.names, "x": names}
    )


def varimax(loadings: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Loadings `(variables, components)` turned so that the variance of their squares is the largest."""
    turn = np.eye(loadings.shape[1])
    for _ in range(rounds):
        turned = loadings @ turn
        u, _, v = np.linalg.svd(loadings.T @ (turned**3 - turned * (turned**2).mean(0)))
        turn = u @ v
    return loadings @ turn


def clusters(x: np.ndarray, count: int) -> np.ndarray:
    """Average linkage on one minus the absolute correlation."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    away = 1 - np.abs(np.corrcoef(x.T))
    np.fill_diagonal(away, 0)
    return fcluster(linkage(squareform(away, checks=False), "average"), count, "maxclust")


def components(x: np.ndarray, count: int) -> np.ndarray:
    """The component, after varimax, on which each variable loads most."""
    x = (x - x.mean(0)) / x.std(0)
    _, size, directions = np.linalg.svd(x, full_matrices=False)
    loadings = directions[:count].T * size[:count] / np.sqrt(len(x))
    return np.abs(varimax(loadings)).argmax(1)


def agreement(found: np.ndarray, units: np.ndarray, streams: np.ndarray) -> dict[str, float]:
    """Both scores, and the share of permutations that reach the first: of variables, and of streams."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, mutual_info_score

    rng = np.random.default_rng(0)
    assert abs(mutual(found, units) - mutual_info_score(found, units)) < 1e-9
    drawn = [adjusted_mutual_info_score(units, rng.permutation(found)) for _ in range(200)]
    assert abs(np.mean(drawn)) < 0.05
    # Mutual information and its adjusted form are ordered alike over permutations, which keep both entropies.
    value = mutual(found, units)
    free = np.mean([mutual(found, rng.permutation(units)) >= value - 1e-12 for _ in range(PERMUTATIONS)])
    _, position = np.unique(streams, return_inverse=True)
    one_of = np.array([units[position == k][0] for k in range(position.max() + 1)])
    whole = mutual(found, one_of[position])
    tied = np.mean([mutual(found, rng.permutation(one_of)[position]) >= whole - 1e-12 for _ in range(PERMUTATIONS)])
    return {
        "ami": round(float(adjusted_mutual_info_score(units, found)), 3),
        "ari": round(float(adjusted_rand_score(units, found)), 3),
        "p": float(free),
        "p_streams": float(tied),
        "modules": len(np.unique(found)),
    }


def mutual(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information of two groupings given as codes from 0, in nats."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1 / len(a))
    seen = table > 0
    outer = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    return float((table[seen] * np.log(table[seen] / outer[seen])).sum())


def codes(labels: Any) -> np.ndarray:
    """Labels as whole numbers from 0."""
    return np.unique(np.asarray(labels), return_inverse=True)[1]


def study(data: Dataset) -> dict[str, Any]:
    """Modules of one set of variables by each method."""
    names = data.names["x"]
    units, streams = codes([unit(n) for n in names]), codes([stream(n) for n in names])
    rows = data.part("train")
    found: dict[str, Any] = {}
    for name, frozen in (("mosaic", False), ("mosaic, frozen encoder", True)):
        begin = time.process_time()
        runs = ik.fit("mosaic", data, seeds=SEEDS, progress=False, latents=LATENTS, regime="domain", frozen=frozen)
        seconds = time.process_time() - begin
        reach = influence(runs, rows)
        groups = [codes(one.argmax(0)) for one in reach]
        best = int(np.argmin([run.validation for run in runs.table]))
        found[name] = {
            "seeds": [agreement(group, units, streams) for group in groups],
            "chosen_by_validation": best,
            "members": members(groups[best], names),
            "alike_over_seeds": round(alike(groups), 3),
            "cpu_s": round(seconds, 1),
        }
    for name, make in (("correlation clustering", clusters), ("principal components, varimax", components)):
        group = codes(make(np.asarray(rows.x, float), LATENTS))
        found[name] = {**agreement(group, units, streams), "members": members(group, names)}
    return found


def alike(groups: list[np.ndarray]) -> float:
    """Mean adjusted mutual information of the modules of two seeds."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(np.mean([adjusted_mutual_info_score(a, b) for a, b in combinations(groups, 2)]))


def members(group: np.ndarray, names: tuple[str, ...]) -> list[list[str]]:
    """The variables of each module, with the unit of each."""
    return [[f"{names[i]} [{unit(names[i])}]" for i in np.flatnonzero(group == k)] for k in range(group.max() + 1)]


def main() -> None:
    data, _ = tennessee_eastman()
    data = windows(data, past=1, next=False)
    analysed = np.array([" in " in name and "(stream" in name for name in data.names["x"]])
    results = {"continuous": study(columns(data, ~analysed)), "all": study(data)}
    for which, found in results.items():
        print(which)
        for name, result in found.items():
            for one in result.get("seeds", [result]):
                shown = {k: v for k, v in one.items() if k != "members"}
                print(f"  {name:32} {shown}")
    common.save("tennessee", results)


if __name__ == "__main__":
    main()
