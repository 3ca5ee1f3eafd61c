"""Is a certificate right? It is a prediction of a score that it has not seen, so it can be held to it.

Run: python bench/certificate.py [--cache DIR] [--worker I/N] [--rules]. Writes bench/results/certificate.json and
docs/images/certificate.svg once every cell of the grid is there.

A grid of worlds in which a method's claim holds, and of worlds in which an assumption is broken, each fitted with eight
seeds and certified blind: `certify` is handed runs and data. Only then is the truth looked at: the Spearman MCC, on
test rows, of the certified run's latents with the true ones. The constants of `identikit.trust.evidence` were set on
the worlds of one half of the grid (`--rules` prints the rows that they were set on); all figures are of the other half.
What is fitted is kept in the cache, so an interrupted run goes on, and several workers share the work.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import common
import identikit as ik
from certificate_worlds import KINDS, Cell, grid
from identikit.trust import Certificate, certify
from identikit.trust.evidence import expected_score, figures_of

SEEDS, REFIT_SEEDS, STEPS = 8, 4, 4000
GOOD = 0.9
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "certificate.svg"


def measure(cell: Cell, cache: Path) -> dict[str, Any]:
    """Fit and certify one cell, then look at its truth."""
    folder = cache / cell.name
    kept = folder / "row.json"
    if kept.exists():
        return json.loads(kept.read_text())
    data, truth = cell.sample()
    runs = ik.fit(
        cell.kind.method, data, seeds=SEEDS, steps=STEPS, checkpoint=folder / "fit", progress=False,
        **cell.kind.options,
    )  # fmt: skip
    claims = {block: "components" for block in runs.blocks if block != "invariant"}
    certificate = certify(runs, data, claims=claims, refit_seeds=REFIT_SEEDS, checkpoint=folder, progress=False)
    certificate.save(folder / "certificate.json")
    about = {"cell": cell.name, "kind": cell.kind.name, "half": cell.half}
    row = about | evidence(certificate) | true(cell, certificate, runs, data, truth)
    kept.write_text(json.dumps(row))
    return row


def true(cell: Cell, certificate: Certificate, runs: Any, data: Any, truth: Any) -> dict[str, Any]:
    """What was there to be found, and how well each run found it."""
    positions = [int(one.name[1:]) for one in certificate.latents if one.claim == "components"]
    tested = truth.part("test")
    latents = tested.block("changing") if cell.kind.method == "imsda" else tested.latents
    scores = [ik.metrics.mcc(code[:, positions], latents, nulls=0).value for code in runs.encode(data.part("test"))]
    chosen = int(np.argmin([run.validation for run in runs.table]))
    return {"true": scores[certificate.run], "true_by_validation": scores[chosen], "true_of_runs": scores}


def evidence(certificate: Certificate) -> dict[str, Any]:
    """The figures that the verdict rests on."""
    found = {finding.name: finding for finding in certificate.findings}
    about = [one for one in certificate.latents if one.claim == "components"]
    return {
        "verdict": certificate.verdict,
        "expected": certificate.expected,
        "latents": [
            {
                "state": one.state,
                "agreement": one.agreement,
                "refit": one.refit,
                "figures": figures_of(certificate.findings, int(one.name[1:])),
                "expected": one.expected,
                "verdict": one.verdict,
            }
            for one in about
        ],
        "findings": {name: {"value": finding.value, "ok": finding.ok} for name, finding in found.items()},
    }


def again(row: dict[str, Any], parts: tuple[str, ...]) -> float:
    """The score to expect, from some parts of the evidence only."""
    alive = [one for one in row["latents"] if one["state"] != "dead"]
    if not row["findings"].get("reconstruction", {}).get("ok", True):
        alive = row["latents"]
    values = [
        0.0
        if one["state"] == "dead" or not alive
        else expected_score(
            one["agreement"] if "agreement" in parts else None,
            one["refit"] if "refit" in parts else None,
            one["figures"] if "assumptions" in parts else {},
        )
        for one in alive or row["latents"]
    ]
    return float(np.mean(values))


def figures(rows: list[dict[str, Any]], expected: list[float]) -> dict[str, float]:
    """How well an expected score tells what the truth turned out to be."""
    from scipy.stats import rankdata
    from sklearn.metrics import roc_auc_score

    real = np.array([row["true"] for row in rows])
    return {
        "auc": float(roc_auc_score(real >= GOOD, expected)),
        "spearman": float(np.corrcoef(rankdata(expected), rankdata(real))[0, 1]),
        "error": float(np.abs(np.array(expected) - real).mean()),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one half of the grid."""
    supported = [row for row in rows if row["verdict"] == "supported"]
    good = [row for row in rows if row["true"] >= GOOD]
    wrong = [row for row in supported if row["true"] < GOOD]
    sides = {
        "agreement alone": ("agreement",),
        "refit alone": ("refit",),
        "agreement and refit": ("agreement", "refit"),
        "agreement and assumptions": ("agreement", "assumptions"),
    }
    result: dict[str, Any] = {
        "fits": len(rows),
        "good": len(good),
        "certificate": figures(rows, [row["expected"] for row in rows]),
        **{name: figures(rows, [again(row, parts) for row in rows]) for name, parts in sides.items()},
        "supported": len(supported),
        "falsely supported": len(wrong),
        "false among supported": len(wrong) / max(len(supported), 1),
        "false among bad": len(wrong) / max(len(rows) - len(good), 1),
        "good that are supported": sum(row in supported for row in good) / max(len(good), 1),
        "least true score of a supported one": min((row["true"] for row in supported), default=None),
        "verdicts": {v: sum(row["verdict"] == v for row in rows) for v in ("supported", "doubtful", "refused")},
        "agreed and wrong": [row["cell"] for row in rows if again(row, ("agreement",)) >= 0.95 and row["true"] < GOOD],
        "agreed and wrong, yet supported": [row["cell"] for row in wrong if again(row, ("agreement",)) >= 0.95],
    }
    held = [row for row in rows if row["kind"] in {kind.name for kind in KINDS if kind.holds}]
    result["where the claim holds"] = {
        "fits": len(held),
        **{
            name: {"mean": float(np.mean(of)), "good": float(np.mean(np.array(of) >= GOOD))}
            for name, of in {
                "chosen by independence": [row["true"] for row in held],
                "chosen by validation loss": [row["true_by_validation"] for row in held],
                "best of all": [max(row["true_of_runs"]) for row in held],
                "any": [score for row in held for score in row["true_of_runs"]],
            }.items()
        },
    }
    result["kinds"] = {
        kind.name: {
            "fits": len(of),
            "true": [float(np.round(v, 4)) for v in sorted(row["true"] for row in of)],
            "expected": float(np.mean([row["expected"] for row in of])),
            "agreement": float(np.mean([again(row, ("agreement",)) for row in of])),
            "supported": sum(row["verdict"] == "supported" for row in of),
            "refused": sum(row["verdict"] == "refused" for row in of),
        }
        for kind in KINDS
        if (of := [row for row in rows if row["kind"] == kind.name])
    }
    return result


def show(name: str, result: dict[str, Any]) -> None:
    print(f"\n{name}: {result['fits']} fits, {result['good']} of them with a true MCC of {GOOD} or more")
    evidence = ["certificate", "agreement alone", "refit alone", "agreement and refit", "agreement and assumptions"]
    common.table(
        ("evidence", "AUC", "Spearman", "mean error"),
        [(e, result[e]["auc"], result[e]["spearman"], result[e]["error"]) for e in evidence],
    )
    print(
        f"supported {result['supported']}, of them false {result['falsely supported']} "
        f"({result['false among supported']:.1%}; {result['false among bad']:.1%} of the bad fits); "
        f"good fits that are supported {result['good that are supported']:.0%}; verdicts {result['verdicts']}"
    )
    print(f"where the claim holds: {result['where the claim holds']}")
    common.table(
        ("kind of world", "fits", "true, mean", "least", "most", "expected", "agreement", "supported", "refused"),
        [
            (kind, of["fits"], float(np.mean(of["true"])), of["true"][0], of["true"][-1], of["expected"],
             of["agreement"], of["supported"], of["refused"])
            for kind, of in result["kinds"].items()
        ],
    )  # fmt: skip


def draw(rows: list[dict[str, Any]]) -> None:
    """Expected against true scores: by agreement alone, and by the certificate."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "identikit"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(9.5, 4.6), sharey=True)
    colours = {"supported": "#009e73", "doubtful": "#e69f00", "refused": "#b8bfc7"}
    sides = ("agreement alone", [again(row, ("agreement",)) for row in rows]), (
        "the certificate", [row["expected"] for row in rows]
    )  # fmt: skip
    for panel, (title, expected) in zip(panels, sides, strict=True):
        for verdict, colour in colours.items():
            picked = [i for i, row in enumerate(rows) if row["verdict"] == verdict]
            x, y = [expected[i] for i in picked], [rows[i]["true"] for i in picked]
            panel.scatter(x, y, s=26, color=colour, edgecolor="#1d2733", linewidth=0.4, label=verdict)
        panel.plot([0, 1], [0, 1], color="#5d6b7a", linewidth=0.8, linestyle=":")
        panel.axhline(GOOD, color="#5d6b7a", linewidth=0.8)
        panel.set(xlabel="expected MCC, without the truth", title=f"by {title}", xlim=(0.15, 1.02), ylim=(0.15, 1.02))
    panels[0].set_ylabel("true MCC")
    panels[1].legend(title="verdict", loc="upper left", frameon=False)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(".cache/certificate"), help="where fits are kept")
    parser.add_argument("--worker", default="0/1", help="which share of the cells to do, e.g. 1/2")
    parser.add_argument("--rules", action="store_true", help="also print the half that the constants were set on")
    parser.add_argument("--first", type=int, default=None, help="do only so many cells, for a first look")
    given = parser.parse_args()
    worker, workers = (int(part) for part in given.worker.split("/"))
    cells = grid()[: given.first]
    for cell in cells[worker::workers]:
        row = measure(cell, given.cache)
        print(f"{cell.name:36s} true {row['true']:.2f}  expected {row['expected']:.2f}  {row['verdict']}", flush=True)
    rows = [json.loads(kept.read_text()) for c in cells if (kept := given.cache / c.name / "row.json").exists()]
    if len(rows) < len(cells):
        print(f"{len(rows)} of {len(cells)} cells are done; the last worker prints the figures")
        return
    halves = {half: [row for row in rows if row["half"] == half] for half in ("rules", "figures")}
    results = {half: summary(of) for half, of in halves.items()}
    if given.rules:
        show("the half that the constants were set on", results["rules"])
    show("the other half", results["figures"])
    if given.first is None:
        draw(halves["figures"])
        kept = ("cell", "kind", "half", "true", "true_by_validation", "expected", "verdict")
        brief = [{key: row[key] for key in kept} for row in rows]
        settings = {"version": ik.__version__, "seeds": SEEDS, "refit_seeds": REFIT_SEEDS, "steps": STEPS}
        common.save("certificate", {**settings, **rounded(results), "rows": rounded(brief)})


def rounded(value: Any) -> Any:
    """Four digits are more than the grid can tell."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
