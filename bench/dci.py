"""DCI from LightGBM against DCI from scikit-learn's gradient boosting, 10 codes by 5 factors of 4 to 40 classes.

Run: python bench/dci.py [--draws N] [--rows N]. Writes bench/results/dci.json, after every draw.

Both sides fit one classifier for each factor on the same half of the rows and predict the other half. The baseline is
`GradientBoostingClassifier` as it comes, with disentanglement and completeness from its importances by
`scipy.stats.entropy`: what the field's reference code does. Ours is `dci` without nulls, checks of its input included.
The codes are a bent, noisy mixture of the factors: from two noisy copies of each factor to a strong mixture.

Each draw of data is timed once on either side, in CPU time of this process, after one small fit to warm up. The
baseline is fitted a second time, on the other half of the rows, which shows how far its scores move by themselves.

Check: disentanglement, completeness and informativeness, each averaged over the draws, agree to 0.02, and in every
single draw to 0.025.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import common
from identikit.metrics.dci import dci
from identikit.metrics.inputs import halves

CLASSES = (4, 8, 16, 24, 40)
CODES = 10
NOISE_AND_MIXING = ((0.1, 0.3), (0.05, 0.1), (0.3, 0.6), (0.05, 0.0), (0.2, 0.1), (0.1, 0.2))
TOLERANCE, OF_ONE_DRAW = 0.02, 0.025


def data(draw: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes (rows, 10) and factors (rows, 5) of one draw."""
    rng = np.random.default_rng(draw)
    noise, mixing = NOISE_AND_MIXING[draw % len(NOISE_AND_MIXING)]
    factors = np.stack([rng.integers(0, count, rows) for count in CLASSES], axis=1)
    weights = np.eye(5)[np.arange(CODES) % 5].T + mixing * rng.normal(size=(5, CODES))
    codes = np.tanh((2 * factors + 1) / np.array(CLASSES) @ weights - weights.sum(0))
    return codes + noise * rng.normal(size=codes.shape), factors


def baseline(codes: np.ndarray, factors: np.ndarray, swap: bool = False) -> tuple[float, float, float]:
    """The three scores by scikit-learn's gradient boosting, fitted on our half of the rows or on the other."""
    from scipy.stats import entropy
    from sklearn.ensemble import GradientBoostingClassifier

    fit, held = halves(len(codes), [0, 0])[:: -1 if swap else 1]
    importances, informed = np.zeros((codes.shape[1], factors.shape[1])), []
    for i, factor in enumerate(factors.T):
        model = GradientBoostingClassifier(random_state=0).fit(codes[fit], factor[fit])
        importances[:, i] = model.feature_importances_
        informed.append(np.mean(model.predict(codes[held]) == factor[held]))
    weights = importances.sum(1) / importances.sum()
    disentangled = weights @ (1 - entropy(importances.T + 1e-11, base=factors.shape[1]))
    complete = np.mean(1 - entropy(importances + 1e-11, base=codes.shape[1]))
    return float(disentangled), float(complete), float(np.mean(informed))


def ours(codes: np.ndarray, factors: np.ndarray) -> tuple[float, float, float]:
    """The three scores by `dci`."""
    first, second, third = dci(codes, factors, kinds="discrete", nulls=0).scores
    return first.value, second.value, third.value


def timed(function: Callable[..., tuple[float, float, float]], *arguments: np.ndarray) -> tuple[np.ndarray, float]:
    """The scores, and the seconds of CPU time they took."""
    start = time.process_time()
    scores = function(*arguments)
    return np.array(scores), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=len(NOISE_AND_MIXING))
    parser.add_argument("--rows", type=int, default=1_000, help="rows that are fitted; as many are scored")
    options = parser.parse_args()
    codes, factors = data(0, 100)
    for function in (baseline, ours):
        function(codes, factors[:, :2])
    rows, found, result = [], [], {}
    for draw in range(options.draws):
        codes, factors = data(draw, 2 * options.rows)
        expected, slow = timed(baseline, codes, factors)
        scores, fast = timed(ours, codes, factors)
        own = float(np.abs(np.array(baseline(codes, factors, swap=True)) - expected).max())
        gap = float(np.abs(scores - expected).max())
        noise, mixing = NOISE_AND_MIXING[draw % len(NOISE_AND_MIXING)]
        rows.append((f"noise {noise}, mixing {mixing}", slow, fast, slow / fast, gap, own))
        found.append(
            {
                "draw": draw,
                "noise": noise,
                "mixing": mixing,
                "scikit_learn": [round(x, 4) for x in expected.tolist()],
                "ours": [round(x, 4) for x in scores.tolist()],
                "cpu_s_scikit_learn": round(slow, 3),
                "cpu_s_ours": round(fast, 3),
                "times_faster": round(slow / fast, 2),
                "largest_gap": round(gap, 4),
                "scikit_learn_on_the_other_half": round(own, 4),
            }
        )
        gaps = np.array([entry["ours"] for entry in found]) - np.array([entry["scikit_learn"] for entry in found])
        mean = np.abs(gaps.mean(0)).max()
        equal = bool(mean <= TOLERANCE) and max(row[-2] for row in rows) <= OF_ONE_DRAW
        result = {
            "classes": CLASSES,
            "codes": CODES,
            "rows_fitted": options.rows,
            "tolerances": (TOLERANCE, OF_ONE_DRAW),
            "gap_of_the_means": round(float(mean), 4),
            "equal": equal,
        }
        common.save("dci", {**result, "draws": found})
    common.table(("data", "scikit-learn s", "ours s", "ratio", "largest gap", "scikit-learn by itself"), rows)
    print(f"means of D, C and I differ by at most {result['gap_of_the_means']}; the check holds: {result['equal']}")


if __name__ == "__main__":
    main()
