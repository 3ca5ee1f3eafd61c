"""MCC of 5 factors by 64 codes on 10,000 rows, against the NumPy file that papers pass on from one to the next.

Run: python bench/mcc.py [--peers DIR] [--repeats N]. Writes bench/results/mcc.json.

The peer is the benchmark of CausalVerse; without its checkout the script says how to make one (see bench/peers).
The peer is handed (columns, rows), as it expects; transposing is not
timed. It correlates all 128 columns with each other, fills up the missing factors with random rows, and assigns in
plain Python; ours is called without nulls. Where codes outnumber factors, ours also matches on one half and scores on
the other, so values differ by design; they are compared where no padding is involved (5 factors by 5 codes).

Check: values agree to 1e-5 without padding (the peer adds noise of 1e-6 to the data), and 20 calls of ours are equal to
the last bit. The spread of 20 calls of the peer is shown beside.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from functools import partial

import numpy as np

import common
from identikit.metrics import mcc
from peers import checkouts

ROWS, FACTORS, CODES, CALLS = 10_000, 5, 64, 20
TOLERANCE = 1e-5
FOLDER = "evaluation/image_part/CRL_SC/metrics"

Peer = Callable[[np.ndarray, np.ndarray, str], float]


def load() -> Peer:
    """The peer's function of (codes, factors, correlation), each (columns, rows)."""
    path = checkouts.checkout("CausalVerseBenchmark") / FOLDER
    # Its files import each other as a package.
    sys.path.insert(0, str(path.parent))
    return importlib.import_module(f"{path.name}.correlation").compute_mcc


def draw(codes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Factors, and codes of which the first ones follow them through noise, in random order."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(ROWS, FACTORS))
    found = rng.normal(size=(ROWS, codes))
    found[:, :FACTORS] += factors @ np.linalg.qr(rng.normal(size=(FACTORS, FACTORS)))[0]
    return factors, found[:, rng.permutation(codes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_argument(parser)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    checkouts.look_in(options.peers)
    try:
        peer = load()
    except checkouts.MissingError as missing:
        print(missing)
        return
    np.random.seed(0)

    rows, result = [], {}
    for correlation in ("pearson", "spearman"):
        name = correlation.capitalize()
        factors, codes = draw(FACTORS)
        gap = abs(peer(codes.T, factors.T, name) - mcc(codes, factors, correlation, nulls=0).value)
        factors, codes = draw(CODES)
        turned = np.ascontiguousarray(codes.T), np.ascontiguousarray(factors.T)
        theirs: Callable[[], float] = partial(peer, *turned, name)

        def ours(codes: np.ndarray = codes, factors: np.ndarray = factors, correlation: str = correlation) -> float:
            return mcc(codes, factors, correlation, nulls=0).value

        times = common.measure({"theirs": theirs, "ours": ours}, options.repeats)
        gain = common.ratio(times["theirs"], times["ours"])
        # The noise that the peer adds on purpose to Pearson is not seeded; its padding is never.
        spread = {
            side: float(np.ptp([call() for _ in range(CALLS)])) for side, call in (("theirs", theirs), ("ours", ours))
        }
        equal = gap < TOLERANCE and spread["ours"] == 0
        result[correlation] = {
            **{side: t.json() for side, t in times.items()},
            **gain,
            "gap_without_padding": gap,
            "spread_of_20_calls": spread,
            "values": {"theirs": theirs(), "ours": ours()},
            "equal": equal,
        }
        cpu = [1e3 * times[side].median_cpu for side in ("theirs", "ours")]
        rows.append((correlation, *cpu, gain["times_faster"], f"{gain['least']} to {gain['most']}", gap))
        rows[-1] += (spread["theirs"], spread["ours"], "yes" if equal else "NO")

    print(f"{FACTORS} factors by {CODES} codes, {ROWS:,} rows, no nulls, CPU ms")
    header = ("correlation", "theirs", "ours", "times", "range", "gap unpadded", "their spread", "our spread", "equal")
    common.table(header, rows)
    common.save(
        "mcc",
        {
            "rows": ROWS,
            "factors": FACTORS,
            "codes": CODES,
            "peer": checkouts.PEERS["CausalVerseBenchmark"].how,
            "results": result,
        },
    )
    if not all(entry["equal"] for entry in result.values()):
        sys.exit("values differ")


if __name__ == "__main__":
    main()
