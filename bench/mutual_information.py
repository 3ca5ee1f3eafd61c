"""Mutual information of all factors with all codes at once, against one pair after another.

Run: python bench/mutual_information.py [--repeats N]. Writes bench/results/mutual_information.json.

Two estimates, 10,000 rows, 5 factors of 6 values, 10 codes. By counts in 20 bins of equal width, the baseline is the
loop of the field's first implementation: numpy.histogram and numpy.digitize for each code, then
sklearn.metrics.mutual_info_score for each pair. The time is taken with the binning on both sides, and without it on
both sides. By 10 nearest neighbours, the baseline is sklearn.feature_selection.mutual_info_classif for each pair, as in
the published code of InfoMEC; both sides standardise the codes.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import mutual_info_score

import common
from identikit.metrics.mutual_information import information, mutual_information, neighbour_information

ROWS, FACTORS, CODES, BINS = 10_000, 5, 10, 20


def cut(codes: np.ndarray) -> np.ndarray:
    return np.stack([np.digitize(code, np.histogram(code, BINS)[1][:-1]) for code in codes.T], axis=1)


def by_counts(labels: np.ndarray, coded: np.ndarray) -> np.ndarray:
    return np.array([[mutual_info_score(label, code) for code in coded.T] for label in labels.T])


def by_neighbours(labels: np.ndarray, codes: np.ndarray) -> np.ndarray:
    def pair(label: np.ndarray, code: np.ndarray) -> float:
        return mutual_info_classif(code[:, None], label, n_neighbors=10, random_state=0)[0]

    codes = (codes - codes.mean(0)) / codes.std(0)
    return np.array([[pair(label, code) for code in codes.T] for label in labels.T])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats

    rng = np.random.default_rng(0)
    factors = rng.integers(0, 6, (ROWS, FACTORS))
    # With a little noise: equal values are told apart by noise on both sides, and not by the same.
    mixed = factors @ rng.normal(size=(FACTORS, FACTORS)) + 0.1 * rng.normal(size=(ROWS, FACTORS))
    codes = np.hstack([mixed, rng.normal(size=(ROWS, CODES - FACTORS))])
    coded = cut(codes)

    def ours() -> np.ndarray:
        return mutual_information(codes, factors, bins=BINS, binning="width", kinds="discrete")

    def ours_neighbours() -> np.ndarray:
        return np.maximum(neighbour_information(factors, codes), 0.0)

    pairs = {
        "counts, with binning": (lambda: by_counts(factors, cut(codes)), ours, repeats),
        "counts, already binned": (lambda: by_counts(factors, coded), lambda: information(factors, coded), repeats),
        "nearest neighbours": (lambda: by_neighbours(factors, codes), ours_neighbours, 3),
    }
    rows, results = [], {}
    for name, (loop, whole, count) in pairs.items():
        difference = float(np.abs(loop() - whole()).max())
        times = common.measure({"loop": loop, "whole": whole}, repeats=count)
        gain = common.ratio(times["loop"], times["whole"])
        least = min(times["loop"].cpu) / min(times["whole"].cpu)
        results[name] = {
            "pairwise_loop": times["loop"].json(),
            "identikit": times["whole"].json(),
            "ratio": gain,
            "ratio_of_least": round(least, 2),
            "largest_difference_nats": difference,
            "equal_to_1e-12": difference < 1e-12,
        }
        rows.append((name, 1e3 * min(times["loop"].cpu), 1e3 * min(times["whole"].cpu), least, difference))
    common.table(("estimate", "loop ms", "ours ms", "times faster", "difference"), rows)
    common.save("mutual_information", {"rows": ROWS, "factors": FACTORS, "codes": CODES, "bins": BINS, **results})


if __name__ == "__main__":
    main()
