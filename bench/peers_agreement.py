"""Our metrics beside the field's other implementations, on the same arrays.

Run: IDENTIKIT_PEERS=DIR python bench/peers_agreement.py [--only WORD]. Writes bench/results/peers_agreement.json.
Without a checkout of a peer its rows are left out, and the command that makes the checkout is printed.

Each row is one value of ours, one of a peer, and their difference. `agrees`: within the row's tolerance. Otherwise the
row must state the reason, which was read in the peer's code; where ours can be set to the peer's definition, another
row does so and must agree. A difference without a reason fails the script. No null is drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

import common
from identikit import __version__, metrics
from identikit.metrics.beta_vae import beta_vae
from identikit.metrics.dci import dci
from identikit.metrics.dictionaries import dictionary_mcc
from identikit.metrics.explicitness import explicitness
from identikit.metrics.factor_vae import factor_vae
from identikit.metrics.graphs import shd
from identikit.metrics.info_mec import info_mec
from identikit.metrics.inputs import halves
from identikit.metrics.irs import irs
from identikit.metrics.mig import mig
from identikit.metrics.modularity import modularity
from identikit.metrics.mutual_information import code_labels, entropies, mutual_information
from identikit.metrics.sap import sap
from peers import (
    causal_learn,
    checkouts,
    correlations,
    disentanglement_lib,
    latent_quantization,
    sae_consistency,
    situations,
    ubisoft,
)

SAME = 1e-9
"""Tolerance where both sides do the same sums."""

ON_AN_EDGE = 1e-4
"""Tolerance where both sides bin the same way, and rounding puts a value that lies on an edge to either side."""

LIB, UBISOFT = "disentanglement_lib", "ubisoft"


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        metric: with the settings of ours, where they are not the defaults.
        situation: the arrays.
        peer: whose value is beside ours.
        ours: value.
        theirs: value; NaN where the peer's code fails.
        reason: why the two may differ; empty where they may not.
        tolerance: largest difference that counts as agreement.
    """

    metric: str
    situation: str
    peer: str
    ours: float
    theirs: float
    reason: str = ""
    tolerance: float = SAME

    @property
    def agrees(self) -> bool:
        """Whether the values are equal within the tolerance."""
        return abs(self.ours - self.theirs) <= self.tolerance

    @property
    def verdict(self) -> str:
        """In words."""
        if self.agrees:
            return "agrees"
        return f"differs: {self.reason}" if self.reason else "DIFFERS, WITHOUT A REASON"


def of_mig() -> Iterator[Row]:
    """MIG."""
    bins = "bins of equal count are our default"
    units = "it divides by the entropy of the code, not of the factor"
    factors, codes = situations.discrete()
    for name, z in codes.items():
        theirs = disentanglement_lib.mig(z, factors)
        yield Row("mig", name, LIB, mig(z, factors, kinds="discrete", nulls=0).value, theirs, bins)
        ours = mig(z, factors, kinds="discrete", nulls=0, binning="width").value
        yield Row("mig (binning='width')", name, LIB, ours, theirs)
        ours = mig(z, factors, kinds="discrete", nulls=0, binning="width", bins=10).value
        theirs = ubisoft.score("mig", z, factors, continuous_factors=False)
        yield Row("mig (binning='width', bins=10)", name, UBISOFT, ours, theirs, units)
        label = "mig (binning='width', bins=10), from our information over the entropy of the code"
        yield Row(label, name, UBISOFT, _gap_over_codes(z, factors), theirs, tolerance=ON_AN_EDGE)


def _gap_over_codes(z: np.ndarray, factors: np.ndarray) -> float:
    information = mutual_information(z, factors, bins=10, binning="width", kinds="discrete")
    ranked = np.sort(information / entropies(code_labels(z, 10, "width")), axis=1)
    return float((ranked[:, -1] - ranked[:, -2]).mean())


def of_modularity() -> Iterator[Row]:
    """Modularity."""
    floor = "our default leaves out codes without information, and has bins of equal count"
    factors, codes = situations.discrete()
    plain = {"kinds": "discrete", "nulls": 0, "binning": "width", "use_floor": False}
    for name, z in codes.items():
        theirs = disentanglement_lib.modularity(z, factors)
        ours = modularity(z, factors, kinds="discrete", nulls=0).value
        yield Row("modularity", name, LIB, ours, theirs, floor)
        ours = modularity(z, factors, **plain).value
        yield Row("modularity (binning='width', use_floor=False)", name, LIB, ours, theirs)
        ours = modularity(z, factors, bins=10, **plain).value
        theirs = ubisoft.score("modularity", z, factors, continuous_factors=False)
        yield Row(
            "modularity (binning='width', use_floor=False, bins=10)", name, UBISOFT, ours, theirs, tolerance=ON_AN_EDGE
        )


def of_mcc() -> Iterator[Row]:
    """MCC."""
    surplus = "it matches and scores on the same rows, where ours keeps them apart if there are more codes than factors"
    padded = f"{surplus}; it fills missing factors up with random rows, which take part in the matching"
    ranked = "it ranks each half by itself, ours ranks all rows"
    signed = "it averages signed correlations, and drops all codes after the first as many as there are factors"
    missing = "it averages over the codes, where ours counts a factor without a code as 0"
    for name, (z, factors) in situations.continuous().items():
        more, fewer = z.shape[1] > factors.shape[1], z.shape[1] < factors.shape[1]
        fit, held = halves(len(factors), [0, 0])
        for correlation in ("spearman", "pearson"):
            ours, label = metrics.mcc(z, factors, correlation, nulls=0).value, f"mcc ({correlation})"
            theirs = correlations.icebeem(z, factors, correlation)
            yield Row(label, name, "icebeem", ours, theirs, surplus * more or missing * fewer)
            if more:
                theirs = correlations.icebeem_held_out(z, factors, fit, held, correlation)
                reason = ranked * (correlation == "spearman")
                yield Row(label, name, "icebeem, out of sample", ours, theirs, reason)
            # Its copy for images cannot take fewer codes than factors: the array of factors does not fit.
            if not fewer:
                theirs = correlations.causalverse(z, factors, correlation)
                # It adds noise of 1e-6 to every value before a Pearson correlation.
                yield Row(label, name, "CausalVerse images", ours, theirs, padded * more, 1e-5)
        theirs = correlations.mean_signed(z, factors)
        yield Row("mcc (pearson)", name, "CausalVerse videos, signed", ours, theirs, signed)


def of_block_r2() -> Iterator[Row]:
    """Block R2."""
    reason = "it fits an exact kernel ridge on a coarse grid of widths, ours 300 landmarks with widths by the distances"
    given = situations.continuous()
    for name in ("permuted, signs turned", "cubed", "noisy mixture", "noise", "40 codes"):
        z, factors = given[name]
        order = np.concatenate(halves(len(factors), [0, 0]))
        ours = metrics.block_r2(z, factors, nulls=0).value
        theirs = correlations.causalverse_r2(z[order], factors[order])
        yield Row("block_r2 (kernel)", name, "CausalVerse images", ours, theirs, reason, 0.005)


def of_dictionaries() -> Iterator[Row]:
    """PW-MCC."""
    sign = "it takes signed cosines; ours takes absolute ones unless signed=True"
    for name, (estimate, truth) in situations.dictionaries().items():
        theirs = sae_consistency.matched_cosine(truth, estimate)
        for label, signed, reason in (("dictionary_mcc", False, sign), ("dictionary_mcc (signed=True)", True, "")):
            ours = dictionary_mcc(estimate, truth, signed=signed, nulls=0).value
            # Ours computes in float32.
            yield Row(label, name, "sae-feature-consistency", ours, theirs, reason, 1e-6)


def of_explicitness() -> Iterator[Row]:
    """Explicitness."""
    reason = "it scores the rows it was fitted on, one model for each class, on codes scaled to [0, 1]; 2 AUC - 1"
    factors, codes = situations.discrete()
    for name, z in codes.items():
        ours = explicitness(z, factors, kinds="discrete", nulls=0)
        theirs = _mean(
            disentanglement_lib.explicitness(z[order], factors[order, i : i + 1]) for i, order in own_halves(factors)
        )
        # Probabilities that round to 1 are ties to it; ours ranks their logarithms.
        yield Row("explicitness", name, LIB, ours.value, theirs, tolerance=1e-4)
        theirs = ubisoft.score("explicitness", z, factors, continuous_factors=False)
        yield Row("explicitness", name, UBISOFT, ours.value, theirs, reason)


def of_sap() -> Iterator[Row]:
    """SAP."""
    scale = "its support vector machine sees the codes in their own units, on which its penalty depends"
    factors, codes = situations.discrete()
    codes["noisy mixture, a hundredth"] = codes["noisy mixture"] / 100
    for name, z in codes.items():
        theirs = _mean(
            disentanglement_lib.sap(z[order], factors[order, i : i + 1], False) for i, order in own_halves(factors)
        )
        ours = sap(z, factors, kinds="discrete", standard=False, nulls=0).value
        yield Row("sap (discrete, standard=False)", name, LIB, ours, theirs)
        ours = sap(z, factors, kinds="discrete", standard=True, nulls=0).value
        yield Row("sap (discrete, standard=True)", name, LIB, ours, theirs, scale)
        ours = sap(z, factors, nulls=0).value
        yield Row("sap (continuous)", name, LIB, ours, disentanglement_lib.sap(z, factors, True, train=1.0))
        yield Row("sap (continuous)", name, UBISOFT, ours, ubisoft.score("sap", z, factors))


def own_halves(factors: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of each factor, the half that our metrics fit on first: they stratify by the factor."""
    for i, label in enumerate(factors.T):
        yield i, np.concatenate(halves(len(factors), [0, 0], within=label))


def of_info_mec() -> Iterator[Row]:
    """InfoMEC."""
    floor = "our default has a floor from permuted rows in place of the pruning by range, and scores held-out rows"
    undefined = "where all estimates of a code are cut off at 0, its score is 0 / 0; ours leaves the code out"
    published = {"prune": 1 / 20, "use_floor": False, "held_out": False}
    factors, codes = situations.discrete()
    for name, z in codes.items():
        theirs = latent_quantization.info_mec(z, factors)
        default = info_mec(z, factors, kinds="discrete", nulls=0)
        same = info_mec(z, factors, kinds="discrete", nulls=0, **published)
        for part, their_name in (("modularity", "infom"), ("explicitness", "infoe"), ("compactness", "infoc")):
            value = theirs[their_name]
            yield Row(f"info_{part}", name, "latent_quantization", default[part].value, value, floor, 1e-4)
            label = f"info_{part} (as published)"
            # Both break ties by noise of their own, theirs unseeded.
            reason = undefined if np.isnan(value) else ""
            yield Row(label, name, "latent_quantization", same[part].value, value, reason, 0.005)


def of_dci() -> Iterator[Row]:
    """DCI."""
    trees = (
        "LightGBM splits at 255 places of a code, by second derivatives; scikit-learn anywhere, by squared residuals"
    )
    scored = (
        "it chooses the weight of its lasso by cross-validation, takes informativeness on the rows it fitted, and "
        "gives disentanglement 0 to every code after the first without any weight"
    )
    factors, codes = situations.discrete()
    codes["a constant code first"] = np.hstack([np.zeros((len(factors), 1)), codes["noisy mixture"]])
    order = np.concatenate(halves(len(factors), [0, 0]))
    for name, z in codes.items():
        ours = dci(z, factors, kinds="discrete", nulls=0)
        theirs = disentanglement_lib.dci(z[order], factors[order])
        theirs["informativeness"] = theirs["informativeness_test"]
        sums = disentanglement_lib.dci_from_importance(ours.importances)
        lasso, their_lasso = dci(z, factors, "lasso", nulls=0), ubisoft.dci(z, factors)
        for i, part in enumerate(("disentanglement", "completeness", "informativeness")):
            value = ours.scores[i].value
            yield Row(f"dci {part} (boosted trees)", name, LIB, value, theirs[part], trees, 0.005)
            if part in sums:
                # It adds 1e-11 to every importance.
                label = f"dci {part}, its sums on our importances"
                yield Row(label, name, LIB, value, sums[part], tolerance=1e-8)
            value = lasso.scores[i].value
            yield Row(f"dci {part} (lasso, factors as numbers)", name, UBISOFT, value, their_lasso[part], scored, 0.005)


def of_irs() -> Iterator[Row]:
    """IRS."""
    factors, codes = situations.discrete()
    for name, z in codes.items():
        ours = irs(z, factors, kinds="discrete", nulls=0).value
        yield Row("irs", name, LIB, ours, disentanglement_lib.irs(z, factors))
        ours = irs(z, factors, quantile=1.0, kinds="discrete", nulls=0).value
        theirs = ubisoft.score("irs", z, factors, continuous_factors=False)
        yield Row("irs (quantile=1)", name, UBISOFT, ours, theirs)


def of_fixed_factors() -> Iterator[Row]:
    """FactorVAE and beta-VAE scores: both sides draw, so the means over four seeds are compared."""
    within, seeds = 0.015, range(4)
    rescaled = "it takes 800 batches of 200, and stretches chance to 0"
    draws = {"continuous_factors": False, "batch_size": 64, "nb_training": 10_000, "nb_eval": 5_000, "scale": False}
    factors, codes = situations.discrete()
    for name, z in codes.items():
        for label, ours, theirs, z_name in (
            ("factor_vae", factor_vae, disentanglement_lib.factor_vae, "z_min_var"),
            ("beta_vae", beta_vae, disentanglement_lib.beta_vae, "z_diff"),
        ):
            value = _mean(ours(z, factors, kinds="discrete", nulls=0, seed=seed).value for seed in seeds)
            # Its global variances are taken from a sample, so its seeds scatter more.
            yield Row(label, name, LIB, value, _mean(theirs(z, factors, seed) for seed in seeds), tolerance=within)
            equal = _mean(ubisoft.score(z_name, z, factors, seed, **draws) for seed in seeds)
            yield Row(label, name, f"{UBISOFT}, as many draws, unscaled", value, equal, tolerance=within)
            if label == "factor_vae":
                plain = _mean(ubisoft.score(z_name, z, factors, seed, continuous_factors=False) for seed in seeds)
                yield Row(label, name, UBISOFT, value, plain, rescaled, within)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def of_graphs() -> Iterator[Row]:
    """Structural Hamming distance, summed over pairs of graphs."""
    for name, pairs in situations.graphs().items():
        for label, equivalence, theirs in (
            ("shd", False, causal_learn.shd),
            ("shd (equivalence=True)", True, causal_learn.cpdag_shd),
        ):
            ours = sum(shd(estimate, truth, equivalence=equivalence, nulls=0).value for estimate, truth in pairs)
            value = sum(theirs(estimate, truth) for estimate, truth in pairs)
            yield Row(label, f"{name}, {len(pairs)} pairs", "causal-learn", ours, value)


PARTS: tuple[Callable[[], Iterator[Row]], ...] = (
    of_mcc,
    of_block_r2,
    of_mig,
    of_modularity,
    of_explicitness,
    of_sap,
    of_dci,
    of_info_mec,
    of_irs,
    of_fixed_factors,
    of_dictionaries,
    of_graphs,
)


def show(metric: str, rows: list[Row]) -> None:
    """Print the comparisons of one metric, and below them the reasons by number."""
    reasons = [reason for reason in dict.fromkeys(row.reason for row in rows if not row.agrees) if reason]
    print(f"\n{metric}")
    cells = []
    for row in rows:
        verdict = f"differs ({reasons.index(row.reason) + 1})" if row.reason in reasons else row.verdict
        verdict = "agrees" if row.agrees else verdict
        values = (f"{row.ours:.4f}", f"{row.theirs:.4f}", f"{row.ours - row.theirs:+.1e}")
        cells.append((row.situation, row.peer, *values, verdict))
    common.table(("", "peer", "ours", "theirs", "difference", "verdict"), cells)
    for number, reason in enumerate(reasons, start=1):
        print(f"  ({number}) {reason}")


def write(rows: list[Row]) -> None:
    """Write the comparisons, one a line, with the commits of the peers; NaN becomes null."""
    commits = {peer.name: peer.commit for peer in checkouts.PEERS.values()}
    head = json.dumps({"identikit": __version__, "commits": commits}, indent=1)[:-2]
    lines = []
    for row in rows:
        theirs = None if np.isnan(row.theirs) else row.theirs
        lines.append("  " + json.dumps({**asdict(row), "theirs": theirs, "verdict": row.verdict}))
    text = head + ',\n "comparisons": [\n' + ",\n".join(lines) + "\n ]\n}\n"
    (common.RESULTS / "peers_agreement.json").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_argument(parser)
    parser.add_argument("--only", default="", help="parts whose name holds this word; writes nothing")
    given = parser.parse_args()
    checkouts.look_in(given.peers)
    rows: list[Row] = []
    absent: set[str] = set()
    for part in PARTS:
        if given.only not in part.__name__:
            continue
        try:
            rows.extend(part())
        except checkouts.MissingError as error:
            absent.add(str(error))
    for metric in dict.fromkeys(row.metric for row in rows):
        show(metric, [row for row in rows if row.metric == metric])
    agreed = sum(row.agrees for row in rows)
    unexplained = [row for row in rows if not row.agrees and not row.reason]
    print(
        f"\n{len(rows)} comparisons: {agreed} agree, {len(rows) - agreed} differ, {len(unexplained)} without a reason"
    )
    for sentence in sorted(absent):
        print(sentence)
    if not absent and not given.only:
        write(rows)
    if unexplained:
        sys.exit(1)


if __name__ == "__main__":
    main()
