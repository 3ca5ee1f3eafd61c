"""The suite of disentanglement metrics, ours against disentanglement_lib's, on 10,000 rows of 10 codes and 5 factors.

Run: IDENTIKIT_PEERS=DIR python bench/metric_suite.py [--repeats N] [--study]. Writes bench/results/metric_suite.json.
Without a checkout of disentanglement_lib, ours alone is timed and nothing is written.

The metrics are MIG, DCI from boosted trees, SAP, modularity, explicitness, IRS, FactorVAE and beta-VAE. The rows are
all 10 x 10 x 5 x 5 x 4 combinations of the factors, once each; the codes are noisy copies of the factors, mixtures of
them, and noise. The sides, without nulls:

- ours, with its settings at disentanglement_lib's definitions (bins of equal width, no floor);
- theirs on the same rows: all 10,000 for MIG, modularity and IRS, and the same halves (5,000 to fit, 5,000 to score)
  for DCI, SAP and explicitness; FactorVAE and beta-VAE draw 10,000 + 5,000 batches of 64 from the rows on both sides;
- with `--study`, theirs as its study runs it: 10,000 rows drawn to fit and 5,000 to score.

The claim is the first against the second, in CPU time, the least of the repeats; DCI of theirs is timed once. Check:
values agree within the tolerance printed beside them. Two stated tolerances are not of rounding: both sides of
FactorVAE and beta-VAE draw at random; and the trees of DCI are LightGBM's here and scikit-learn's there, which choose
their splits otherwise.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable

import numpy as np

import common
from identikit.metrics.beta_vae import beta_vae
from identikit.metrics.dci import dci
from identikit.metrics.explicitness import explicitness
from identikit.metrics.factor_vae import factor_vae
from identikit.metrics.inputs import halves
from identikit.metrics.irs import irs
from identikit.metrics.mig import mig
from identikit.metrics.modularity import modularity
from identikit.metrics.sap import sap
from peers import checkouts
from peers import disentanglement_lib as lib

SIZES = (10, 10, 5, 5, 4)
ROUNDING, AREAS, DRAWS, TREES = 1e-9, 1e-4, 0.02, 0.05
DCI = "DCI disentanglement", "DCI completeness", "DCI informativeness"
TOLERANCES = {
    "MIG": ROUNDING,
    "modularity": ROUNDING,
    "IRS": ROUNDING,
    "SAP": ROUNDING,
    "explicitness": AREAS,
    "FactorVAE": DRAWS,
    "beta-VAE": DRAWS,
    **dict.fromkeys(DCI, TREES),
}

Values = dict[str, float]


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes (10,000, 10) and factors (10,000, 5)."""
    rng = np.random.default_rng(seed)
    factors = rng.permutation(np.array(list(itertools.product(*map(range, SIZES))), dtype=float))
    units = (factors - factors.mean(0)) / factors.std(0)
    mixing = np.zeros((10, 5))
    mixing[:5] = np.eye(5)
    mixing[5, :2] = 0.7
    mixing[6, 2:4] = 0.8, 0.6
    mixing[7] = 0.45
    noise = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.3, 0.3, 0.3, 1.0, 1.0])
    return units @ mixing.T + noise * rng.normal(size=(len(factors), 10)), factors


def ours(z: np.ndarray, s: np.ndarray) -> dict[str, Callable[[], Values]]:
    """Our metrics at disentanglement_lib's definitions."""
    options = {"kinds": "discrete", "nulls": 0}
    return {
        "MIG": lambda: {"MIG": mig(z, s, binning="width", **options).value},
        "modularity": lambda: {"modularity": modularity(z, s, binning="width", use_floor=False, **options).value},
        "IRS": lambda: {"IRS": irs(z, s, **options).value},
        "SAP": lambda: {"SAP": sap(z, s, standard=False, **options).value},
        "explicitness": lambda: {"explicitness": explicitness(z, s, **options).value},
        "FactorVAE": lambda: {"FactorVAE": factor_vae(z, s, **options).value},
        "beta-VAE": lambda: {"beta-VAE": beta_vae(z, s, **options).value},
        "DCI": lambda: dict(zip(DCI, (score.value for score in dci(z, s, **options).scores), strict=True)),
    }


def theirs(z: np.ndarray, s: np.ndarray) -> dict[str, Callable[[], Values]]:
    """Theirs on the same rows and, where there are halves, the same halves, which ours draws anew for each factor."""
    order = np.concatenate(halves(len(s), [0, 0]))
    own = [(s[o, i : i + 1], z[o]) for i, c in enumerate(s.T) for o in [np.concatenate(halves(len(s), [0, 0], c))]]

    def trees() -> Values:
        found = lib.dci(z[order], s[order])
        parts = ("disentanglement", "completeness", "informativeness_test")
        return dict(zip(DCI, (found[part] for part in parts), strict=True))

    return {
        "MIG": lambda: {"MIG": lib.mig(z, s)},
        "modularity": lambda: {"modularity": lib.modularity(z, s)},
        "IRS": lambda: {"IRS": lib.irs(z, s)},
        "SAP": lambda: {"SAP": float(np.mean([lib.sap(code, factor, False) for factor, code in own]))},
        "explicitness": lambda: {"explicitness": float(np.mean([lib.explicitness(code, f) for f, code in own]))},
        "FactorVAE": lambda: {"FactorVAE": lib.factor_vae(z, s)},
        "beta-VAE": lambda: {"beta-VAE": lib.beta_vae(z, s)},
        "DCI": trees,
    }


def study(z: np.ndarray, s: np.ndarray) -> dict[str, Callable[[], Values]]:
    """Theirs as its study of unsupervised methods runs it."""
    return {
        "MIG": lambda: lib.sampled("mig", z, s),
        "modularity and explicitness": lambda: lib.sampled("modularity_explicitness", z, s),
        "IRS": lambda: lib.sampled("irs", z, s),
        "SAP": lambda: lib.sampled("sap", z, s),
        "FactorVAE": lambda: {"FactorVAE": lib.factor_vae(z, s)},
        "beta-VAE": lambda: {"beta-VAE": lib.beta_vae(z, s)},
        "DCI": lambda: lib.sampled("dci", z, s),
    }


def timed(suite: dict[str, Callable[[], Values]], repeats: int, once: str = "") -> tuple[Values, Values]:
    """Values by name, and the least CPU seconds of each metric; `once` is timed once and not warmed up."""
    values: Values = {}
    seconds: Values = {}
    for name, metric in suite.items():
        if name != once:
            metric()
        taken = []
        for _ in range(1 if name == once else repeats):
            began = time.process_time()
            values |= metric()
            taken.append(time.process_time() - began)
        seconds[name] = min(taken)
    return values, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_argument(parser)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--study", action="store_true", help="time theirs as its study runs it, too")
    given = parser.parse_args()
    checkouts.look_in(given.peers)
    z, s = rows()
    own, own_seconds = timed(ours(z, s), given.repeats)
    try:
        lib.modules()
    except checkouts.MissingError as error:
        common.table(("", "ours, CPU s"), [*own_seconds.items(), ("all", sum(own_seconds.values()))])
        print(error)
        return
    other, other_seconds = timed(theirs(z, s), given.repeats, once="DCI")
    study_seconds = timed(study(z, s), given.repeats, once="DCI")[1] if given.study else {}

    checks = []
    for name, tolerance in TOLERANCES.items():
        difference = own[name] - other[name]
        verdict = "agrees" if abs(difference) <= tolerance else "DIFFERS"
        checks.append((name, f"{own[name]:.4f}", f"{other[name]:.4f}", f"{difference:+.1e}", f"{tolerance:g}", verdict))
    common.table(("", "ours", "theirs", "difference", "tolerance", "verdict"), checks)
    print()
    sides = own_seconds, other_seconds
    named = {name: [side[name] for side in sides] for name in own_seconds}
    named["all but DCI"] = [sum(side.values()) - side["DCI"] for side in sides]
    named["all"] = [sum(side.values()) for side in sides]
    total = named["all"][0]
    lines = [(name, fast, slow, slow / fast) for name, (fast, slow) in named.items()]
    common.table(("CPU s", "ours", "theirs", "times faster"), lines)
    if given.study:
        slowest = sum(study_seconds.values())
        print(f"theirs as its study runs it: {slowest:.1f} s, {slowest / total:.1f} times ours")
    common.save(
        "metric_suite",
        {
            "rows": len(z),
            "codes": z.shape[1],
            "factors": s.shape[1],
            "commit": checkouts.PEERS["disentanglement_lib"].commit,
            "repeats": {"ours": given.repeats, "theirs": given.repeats, "DCI of theirs": 1},
            "cpu_seconds": {"ours": own_seconds, "theirs": other_seconds, "theirs, as its study": study_seconds},
            "times_faster": {name: round(ratio, 2) for name, _, _, ratio in lines},
            "values": {
                name: {"ours": own[name], "theirs": other[name], "tolerance": tolerance}
                for name, tolerance in TOLERANCES.items()
            },
        },
    )
    if any(check[-1] != "agrees" for check in checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
