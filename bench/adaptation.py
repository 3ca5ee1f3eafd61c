"""How well a class learned in three domains is told in a fourth that has no labels: PACS and Office-Caltech.

Run: python bench/adaptation.py --data FOLDER [--quick]. The folder holds `pacs/features_lite0_128.npz` and
`office-caltech/features_lite0_128.npz` (see `identikit.datasets.pacs`). Writes bench/results/adaptation.json after
every row, and skips the rows that the file already holds for this version and budget; delete the file to measure again.

Each domain in turn is the target: its labels are hidden, a random 80 % of its rows are trained on without them, as of
the other domains with theirs, and accuracy is taken over all of its rows. Features are those of a frozen network;
nothing below them is trained. Our methods get the same steps, batch, rate, seeds and width; nothing is stopped, or
chosen among seeds, by any label.

One weight of each method is chosen among three, by domains that stand in for the target: for each target of PACS, its
rows are left out altogether, each of the other three domains is made the target in turn, and the weight with the best
mean accuracy there is taken, on features as they are. For Office-Caltech the weight is taken that is the best over all
of these fits in PACS. So no setting has seen a label of the target that it is used for.

Rows of scikit-learn and, where it is installed (`pip install --no-deps skada==0.6.0 POT skorch tabulate pandas`), of
skada stand beside, with skada's own weights, and about the same steps, batch and width.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import common
import identikit as ik
from identikit.constraints import LowEntropy
from identikit.data import Dataset, Truth
from identikit.datasets.office_caltech import office_caltech
from identikit.datasets.pacs import pacs
from identikit.methods import dann, imsda, mmd, moment_matching, sig, source_only  # noqa: F401
from identikit.methods.adaptation import classifier
from identikit.methods.build import warm_flat_linear

RESULT = common.RESULTS / "adaptation.json"
SETS: dict[str, Callable[..., tuple[Dataset, Truth]]] = {"pacs": pacs, "office-caltech": office_caltech}
SPLITS = (0.8, 0.2, 0.0)
SIZE = 32
"""Latents, and units of every hidden layer."""
BUDGET = {
    "steps": 300,
    "batch": 96,
    "rate": 0.003,
    "latents": SIZE,
    "hidden": SIZE,
    "seeds": 5,
    "seeds of choice": 1,
    "seeds of skada": 2,
}
SHALLOW = ("skada CORAL", "skada SubspaceAlignment")
DEEP = ("skada DeepCoral", "skada DAN", "skada DANN")
_LABEL = 1000.0
"""Of a method that gives back 1,280 numbers beside, whose errors add up to about 640."""


@dataclass(frozen=True)
class Row:
    """A method with its options, and the term whose weight is chosen among three."""

    method: str
    term: str = ""
    weights: tuple[float, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


_PLAIN = {"latents": SIZE}
_GENERATIVE = {"label_weight": _LABEL, "entropy_weight": _LABEL}
_BLOCKS = {"latents": 32, "label": 24, "domain": 2, "both": 4, "align_weight": 0.1 * _LABEL}
ROWS = {
    "source_only": Row("source_only", options=_PLAIN),
    "source_only + LowEntropy": Row("composed", "LowEntropy", (0.03, 0.1, 0.3)),
    "dann": Row("dann", "AdversarialDomains", (0.03, 0.1, 0.3), {**_PLAIN, "weight": 1.0, "units": SIZE}),
    "mmd": Row("mmd", "MatchDomains", (0.3, 1.0, 3.0), {**_PLAIN, "weight": 1.0}),
    "moment_matching": Row("moment_matching", "MatchMoments", (0.3, 1.0, 3.0), {**_PLAIN, "weight": 1.0}),
    "imsda": Row("imsda", "LowEntropy", (0.0, 0.03, 0.1), {**_PLAIN, **_GENERATIVE, "changing": 4}),
    "sig": Row("sig", "LowEntropy", (0.0, 0.03, 0.1), {**_GENERATIVE, **_BLOCKS}),
}
PREPARED = ("as they are", "standardised by domain")
PLACES = (("pacs", PREPARED[0]), ("office-caltech", PREPARED[0]), ("pacs", PREPARED[1]))
"""Office-Caltech is nearly solved as it is."""


@lru_cache(32)
def read(
    folder: Path, name: str, prepared: str, target: str, domains: tuple[str, ...] | None = None
) -> tuple[Dataset, np.ndarray]:
    """Data with the labels of the target hidden, and all labels."""
    data, truth = SETS[name](folder / name, domains=domains, target=target, splits=SPLITS)
    if prepared != PREPARED[0]:
        x = ik.datasets.standardise_by_domain(np.asarray(data.x), data)
        data = Dataset(x, data.fields, data.names, data.split)
    return data, truth.labels["y"]


@lru_cache
def domains_of(folder: Path, name: str) -> tuple[str, ...]:
    return SETS[name](folder / name)[0].names["domain"]


def train(row: Row, data: Dataset, weights: tuple[float, ...], seeds: int, steps: int) -> np.ndarray:
    """Predicted classes, `(weights, seeds, rows)`."""
    settings: dict[str, Any] = {
        "seeds": seeds,
        "steps": steps,
        "batch": BUDGET["batch"],
        "lr": warm_flat_linear(BUDGET["rate"])(steps),
        "balance": True,
        "progress": False,
    }
    if weights:
        settings["sweep"] = {row.term: list(weights)}
    if row.method == "composed":
        objective = classifier(data.schema, SIZE, SIZE)[1] + 1.0 * LowEntropy("y")
        runs = ik.fit((lambda: classifier(data.schema, SIZE, SIZE)[0], objective), data, **settings)
    else:
        runs = ik.fit(row.method, data, hidden=SIZE, **settings, **row.options)
    assert not any(run.status.startswith("diverged") for run in runs.table), runs
    return runs.predict(data).argmax(-1).reshape(seeds, len(weights) or 1, -1).swapaxes(0, 1)


def accuracy(told: np.ndarray, labels: np.ndarray, where: np.ndarray) -> np.ndarray:
    return (told[..., where] == labels[where]).mean(-1)


def choose(folder: Path, row: Row, seeds: int, steps: int) -> dict[str, Any]:
    """The accuracy of every weight where a domain stands in for each target, and the weights that it picks."""
    names = domains_of(folder, "pacs")
    scores: dict[str, list[list[float]]] = {}
    for target in names:
        others = [name for name in names if name != target]
        scores[target] = []
        for stand_in in others:
            data, labels = read(folder, "pacs", PREPARED[0], stand_in, tuple(others))
            told = train(row, data, row.weights, seeds, steps)
            here = data["domain"] == others.index(stand_in)
            scores[target].append(accuracy(told, labels, here).mean(1).tolist())
    means = {target: np.mean(found, 0) for target, found in scores.items()}
    picked = {target: row.weights[int(found.argmax())] for target, found in means.items()}
    overall = row.weights[int(np.mean(list(means.values()), 0).argmax())]
    return {"weights": row.weights, "scores": scores, "pacs": picked, "office-caltech": overall}


def measure(folder: Path, name: str, prepared: str, row: Row, chosen: Any, seeds: int, steps: int) -> dict[str, Any]:
    """Accuracy in each target, one number for each seed."""
    found = {}
    for target in domains_of(folder, name):
        data, labels = read(folder, name, prepared, target)
        weight = chosen[name][target] if chosen and name == "pacs" else chosen[name] if chosen else None
        told = train(row, data, () if weight is None else (weight,), seeds, steps)[0]
        found[target] = accuracy(told, labels, data["y"] < 0).tolist()
    return found


def beside(folder: Path, name: str, prepared: str, method: str, seeds: int, steps: int) -> dict[str, Any]:
    """The same of logistic regression, or of an estimator of skada."""
    found = {}
    for target in domains_of(folder, name):
        data, labels = read(folder, name, prepared, target)
        rows, hidden = data.index("train"), data["y"] < 0
        x, y, domain = np.asarray(data.x), data["y"], data["domain"]
        x = (x - x[rows].mean(0)) / x[rows].std(0)
        told = []
        for seed in range(seeds):
            fitted = _others(method, x[rows], y[rows], domain[rows], len(data.names["y"]), seed, steps)
            told.append(fitted(x[hidden]))
        found[target] = accuracy(np.array(told), labels[hidden], np.ones(hidden.sum(), bool)).tolist()
    return found


def _others(
    method: str, x: np.ndarray, y: np.ndarray, domain: np.ndarray, classes: int, seed: int, steps: int
) -> Callable[[np.ndarray], np.ndarray]:
    regression = LogisticRegression(C=0.01, max_iter=300)
    if method == "logistic regression":
        return regression.fit(x[y >= 0], y[y >= 0]).predict
    skada = import_module("skada")
    # Sources count from 1 and targets from -1.
    sample_domain = np.where(y < 0, -(domain + 1), domain + 1)
    if method in SHALLOW:
        adapter = getattr(skada, f"{method.removeprefix('skada ')}Adapter")
        # More directions than this and the closed forms take most of the time.
        options = {"n_components": 100} if "Subspace" in method else {}
        pipeline = skada.make_da_pipeline(adapter(**options), regression)
        pipeline.fit(x, y, sample_domain=sample_domain)
        return lambda rows: pipeline.predict(rows, sample_domain=np.full(len(rows), -1))
    return _skada_deep(method, x, y, sample_domain, classes, seed, steps)


def _skada_deep(
    method: str, x: np.ndarray, y: np.ndarray, sample_domain: np.ndarray, classes: int, seed: int, steps: int
) -> Callable[[np.ndarray], np.ndarray]:
    import torch

    deep = import_module("skada.deep")

    class Net(torch.nn.Sequential):
        """Skada hands weights of rows to its modules."""

        def forward(self, input: torch.Tensor, sample_weight: torch.Tensor | None = None) -> torch.Tensor:
            return super().forward(input)

    torch.manual_seed(seed)
    net = Net()
    for i, inputs in enumerate((x.shape[1], SIZE)):
        net.add_module(f"dense{i}", torch.nn.Linear(inputs, SIZE))
        net.add_module(f"act{i}", torch.nn.LeakyReLU(0.2))
    net.add_module("code", torch.nn.Linear(SIZE, SIZE))
    net.add_module("head", torch.nn.Sequential(torch.nn.LeakyReLU(0.2), torch.nn.Linear(SIZE, classes)))
    # An epoch goes once through the sources (half of every batch) or through the target, whichever is longer.
    longest = max((y >= 0).sum(), (y < 0).sum())
    epochs = max(1, round(steps / max(1, longest / (BUDGET["batch"] / 2))))
    options = {"num_features": SIZE} if method == "skada DANN" else {}
    model = getattr(deep, method.removeprefix("skada "))(
        net, layer_name="code", reg=1, batch_size=BUDGET["batch"] // 2, max_epochs=epochs, train_split=None, verbose=0,
        optimizer=torch.optim.Adam, lr=1e-3, **options,
    )  # fmt: skip
    model.fit(x, y, sample_domain=sample_domain)
    return lambda rows: np.asarray(model.predict(rows, sample_domain=np.full(len(rows), -1)))


def rounded(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return round(float(value), 4)
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, list | tuple) else value


def tables(found: dict[str, Any]) -> None:
    """Mean and deviation over seeds in per cent, and the difference to source_only seed by seed."""
    for place, rows in found.items():
        plain = rows.get("source_only")
        print(f"\n{place}\n")
        for name, row in rows.items():
            scores = {target: 100 * np.array(values) for target, values in row["accuracy"].items()}
            cells = [_spread(values) for values in scores.values()]
            mean = np.mean(list(scores.values()), 0)
            change = ""
            if plain and name != "source_only":
                base = 100 * np.mean(list(plain["accuracy"].values()), 0)
                # Seeds are shared by our methods alone.
                change = _spread(
                    mean - base if len(mean) == len(base) and name in ROWS else [mean.mean() - base.mean()], "+"
                )
            print("| " + " | ".join([name, *cells, _spread(mean), change]) + " |")


def _spread(values: Any, sign: str = "") -> str:
    values = np.asarray(values)
    return f"{values.mean():{sign}.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder that holds pacs and office-caltech; without it nothing is run"
    )
    parser.add_argument("--quick", action="store_true", help="two seeds, 20 steps; writes nothing")
    given = parser.parse_args()
    if given.data is None:
        print("skipped: features of PACS and Office-Caltech are needed, see identikit.datasets.pacs; name their --data")
        return
    seeds, few, steps = (2, 1, 20) if given.quick else (BUDGET["seeds"], BUDGET["seeds of choice"], BUDGET["steps"])
    # imsda and sig say that four domains are too few for their latents; the page says so too.
    warnings.simplefilter("ignore")
    kept = {"version": ik.__version__, "budget": BUDGET, "skada": _version("skada")}
    found = json.loads(RESULT.read_text()) if RESULT.exists() and not given.quick else {}
    if {key: found.get(key) for key in kept} != kept:
        found = {**kept, "choice": {}, "results": {}}

    def once(group: dict[str, Any], name: str, action: Callable[[], dict[str, Any]], key: str = "") -> None:
        if name in group:
            return
        began = time.process_time()
        result = action()
        group[name] = rounded({key: result} if key else result) | {"cpu_seconds": round(time.process_time() - began, 1)}
        if not given.quick:
            common.save("adaptation", {k: v for k, v in found.items() if k != "machine"})
        print(name, group[name]["cpu_seconds"], "s", flush=True)

    for name, row in ROWS.items():
        if row.weights:
            once(found["choice"], name, partial(choose, given.data, row, few, steps))
    groups = [found["results"].setdefault(f"{place}, features {prepared}", {}) for place, prepared in PLACES]
    for (place, prepared), group in zip(PLACES, groups, strict=True):
        for name, row in ROWS.items():
            chosen = found["choice"].get(name)
            once(group, name, partial(measure, given.data, place, prepared, row, chosen, seeds, steps), "accuracy")
        for name in ("logistic regression", *(SHALLOW if kept["skada"] and prepared == PREPARED[0] else ())):
            once(group, name, partial(beside, given.data, place, prepared, name, 1, steps), "accuracy")
    for (place, prepared), group in zip(PLACES, groups, strict=True):
        for name in DEEP if kept["skada"] and prepared == PREPARED[0] else ():
            action = partial(beside, given.data, place, prepared, name, BUDGET["seeds of skada"], steps)
            once(group, name, action, "accuracy")
    tables(found["results"])
    spent = [row["cpu_seconds"] for group in (found["choice"], *groups) for row in group.values()]
    print(f"\n{sum(spent) / 60:.1f} CPU minutes in all")


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
