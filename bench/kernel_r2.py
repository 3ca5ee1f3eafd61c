"""Kernel block R2 with 4,000 fitting rows, against a grid search over exact kernel ridge regression.

Run: python bench/kernel_r2.py [--repeats N]. Writes bench/results/kernel_r2.json.

The baseline is what benchmarks of the field do, in scikit-learn: standardise by the fitting half, `GridSearchCV` over
`KernelRidge(kernel="rbf")` with alpha 1, 0.1, 0.01, 0.001 and gamma of np.logspace(-2, 2, 4), three folds, R2 averaged
over the latents of the other half. Both sides are handed the same two halves of 4,000 rows, and ours makes no null.

The data are three layers of a random rotation and a leaky ReLU (slope 0.2) of 2, 5 or 10 normal latents, with no noise
or with normal noise of 0.1 on the codes.

Check: R2 differs by at most 0.002. Where it differs by more, the column says who is higher: the baseline's four widths
are 21 times apart, so ours can lie above it, and our landmarks can lie below where there is no noise at all and every
row counts. The check fails if ours is lower by more than 0.002 on noisy codes, or by more than 0.005 on noiseless ones.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

import common
from identikit.metrics.regressors import kernel

ROWS = 4000
GRID = {"alpha": [1.0, 0.1, 0.01, 0.001], "gamma": np.logspace(-2, 2, 4)}
TOLERANCE, TOLERANCE_WITHOUT_NOISE = 0.002, 0.005


def draw(latents: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Codes and latents, both halves below each other, standardised by the first."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=(2 * ROWS, latents))
    codes = true
    for _ in range(3):
        codes = codes @ np.linalg.qr(rng.normal(size=(latents, latents)))[0]
        codes = np.where(codes > 0, codes, 0.2 * codes)
    codes = codes + noise * rng.normal(size=codes.shape)
    return tuple((a - a[:ROWS].mean(0)) / a[:ROWS].std(0) for a in (codes, true))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats

    rows, result, right = [], [], True
    for latents in (2, 5, 10):
        for noise in (0.1, 0.0):
            codes, true = draw(latents, noise)
            fit, held = slice(None, ROWS), slice(ROWS, None)
            values = {}

            def baseline(codes=codes, true=true, fit=fit, held=held, values=values) -> None:
                model = GridSearchCV(KernelRidge(kernel="rbf"), GRID, cv=3).fit(codes[fit], true[fit])
                values["baseline"] = float(r2_score(true[held], model.predict(codes[held])))

            def ours(codes=codes, true=true, fit=fit, held=held, values=values) -> None:
                values["ours"] = float(r2_score(true[held], kernel(codes[fit], [true[fit]], codes[held])[0]))

            times = common.measure({"baseline": baseline, "ours": ours}, repeats)
            gain = common.ratio(times["baseline"], times["ours"])
            gap = values["ours"] - values["baseline"]
            equal = "yes" if abs(gap) <= TOLERANCE else "higher" if gap > 0 else "lower"
            right &= gap >= -(TOLERANCE if noise else TOLERANCE_WITHOUT_NOISE)
            seconds = [times[side].median_cpu for side in ("baseline", "ours")]
            rows.append(
                (f"{latents} latents, noise {noise}", *seconds, gain["times_faster"], values["baseline"], gap, equal)
            )
            result.append({"latents": latents, "noise": noise, "r2": values, "gap": gap, "equal": equal, **gain})
            result[-1] |= {side: t.json() for side, t in times.items()}
            print(*rows[-1], flush=True)

    print(f"{ROWS:,} fitting rows, as many scored, no nulls, CPU seconds")
    common.table(("data", "baseline", "ours", "times", "R2 of baseline", "ours - baseline", "within 0.002"), rows)
    common.save("kernel_r2", {"rows": ROWS, "results": result})
    if not right:
        sys.exit("ours is lower than allowed")


if __name__ == "__main__":
    main()
