"""What it is worth, in the emoji study, to be told which pictures show the same: methods of pairs, against none.

Run: python bench/emoji_pairs.py [--seeds 3] [--quick]. Writes bench/results/emoji_pairs.json after every row, and skips
the rows that the file already holds for this version and budget; delete the file, or rows in it, to measure again.

Split, latents, steps, batch, rate and seeds are those of `bench/emoji.py`, whose rows without pairs stand beside. A row
of the data is a picture, and its view is the same concept in another style: all ordered pairs of styles in training.
Rates and weights were not chosen by looking at a recall. `xfactors` is left out: it takes labels and no pairs, and with
the concept for a label hardly one row in four of a batch of 300 meets another of its concept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

import common
import identikit as ik
from identikit import nets
from identikit.data import Dataset
from identikit.demo import emoji
from identikit.metrics import retrieval
from identikit.objective import Objective
from identikit.tasks import Contrast

SPLIT_SEED = 1
LATENTS = emoji.CONTENT + emoji.STYLE
SHIFT = 4
RESULT = common.RESULTS / "emoji_pairs.json"
UNPAIRED = ("raw pixels", "outlines", "outlines, whitened PCA of 128", "vae on pixels", "vae on outlines", "composed")
SPHERE = {"similarity": "cosine", "temperature": 0.1}
Row = Callable[[], dict[str, Any]]


class Content(nn.Module):
    """The part of the study's encoder that makes the invariant block, without variances.

    Args:
        edges: numbers that tell the outlines.
    """

    batches_runs = True

    def __init__(self, edges: int) -> None:
        super().__init__()
        self.straight = nets.Linear(edges, emoji.CONTENT)
        self.bent = nets.MLP(edges, emoji.CONTENT, hidden=256, layers=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, edges)`."""
        return self.straight(x) + self.bent(x)


class Study:
    """The pictures, their pairs, the budget, and how each row is measured."""

    def __init__(self, seeds: int, steps: int) -> None:
        self.seeds, self.steps = seeds, steps
        self.data, self.truth = ik.datasets.emoji(seed=SPLIT_SEED)
        self.concept = self.truth.latents[:, self.truth.names.index("concept")].astype(int)
        self.edges = emoji.outlines(self.data)

    def rows(self) -> dict[str, Row]:
        """Every row of the table, by name."""
        return {
            "infonce": lambda: self.pixels("infonce", **SPHERE),
            "infonce, before training": lambda: self.pixels("infonce", steps=1, **SPHERE),
            "infonce on outlines": lambda: self.outlines("infonce", **SPHERE),
            "infonce on outlines, before training": lambda: self.outlines("infonce", steps=1, **SPHERE),
            "infonce, encoder of the study": lambda: self.composed(),
            "infonce, encoder of the study, before training": lambda: self.composed(steps=1),
            "infonce, views of the same picture": lambda: self.alone("infonce", **SPHERE),
            "barlow_twins": lambda: self.pixels("barlow_twins"),
            "vicreg": lambda: self.pixels("vicreg"),
            "block_views": lambda: self.pixels("block_views"),
            "ada_gvae": lambda: self.pixels("ada_gvae"),
        }

    def pixels(self, name: str, steps: int = 0, **options: Any) -> dict[str, Any]:
        """Pairs of pictures."""
        return self.trained(
            name, self.paired(self.data["x"]), self.data["x"], steps, latents=LATENTS, hidden=16, **options
        )

    def outlines(self, name: str, steps: int = 0, **options: Any) -> dict[str, Any]:
        """Pairs of outlines, which are 384 numbers for each picture, standardised within its style."""
        return self.trained(name, self.paired(self.edges), self.edges, steps, latents=LATENTS, hidden=256, **options)

    def composed(self, steps: int = 0) -> dict[str, Any]:
        """Pairs of aligned outlines, through the encoder of the study's invariant block."""
        aligned = emoji.outlined(self.data)["edges"]

        def build() -> Any:
            net = Content(aligned.shape[1])
            return nets.Model(aligned.shape[1:], emoji.CONTENT, net, variational=False, also={"view": ()})

        what = (build, Objective([(1.0, Contrast("view", **SPHERE))]))
        return self.trained(what, self.paired(aligned), aligned, steps)

    def alone(self, name: str, **options: Any) -> dict[str, Any]:
        """No pairs: the view is the picture itself, moved and in other colours; as many views as there are pairs."""
        row, _ = self.index()
        rng = np.random.default_rng(0)
        padded = np.pad(self.data["x"], ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), constant_values=255)
        size = self.data["x"].shape[-1]
        view = np.empty((len(row), *self.data["x"].shape[1:]), np.uint8)
        for at, (down, right) in enumerate(rng.integers(2 * SHIFT + 1, size=(len(row), 2))):
            dark = rng.uniform(0.4, 1.0, size=(3, 1, 1))
            view[at] = padded[row[at], :, down : down + size, right : right + size] * dark
        return self.trained(
            name, self.set(row, self.data["x"], view), self.data["x"], 0, latents=LATENTS, hidden=16, **options
        )

    def index(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and their partners: all four in training, and one for every other picture, which costs less."""
        count, styles = self.data.rows, len(self.data.names["domain"])
        size = count // styles
        first = np.arange(count)
        pairs = []
        for step in range(1, styles):
            # The rows are style by style, and concept by concept in each.
            chosen = first if step == 1 else first[self.data.split == 0]
            pairs.append((chosen, (chosen + step * size) % count))
        row, other = (np.concatenate(part) for part in zip(*pairs, strict=True))
        assert (self.concept[row] == self.concept[other]).all()
        return row, other

    def paired(self, x: np.ndarray) -> Dataset:
        """Each row of `x` with the same concept in another style as its view."""
        row, other = self.index()
        return self.set(row, x, x[other])

    def set(self, row: np.ndarray, x: np.ndarray, view: np.ndarray) -> Dataset:
        """Rows and their views."""
        fields = {"view": view, "domain": self.data["domain"][row]}
        return Dataset(x[row], fields, {"domain": self.data.names["domain"]}, self.data.split[row])

    def trained(self, what: Any, pairs: Dataset, x: np.ndarray, steps: int, **options: Any) -> dict[str, Any]:
        """Fit with the budget of the study, and measure every block."""
        steps = steps or self.steps
        began = time.process_time()
        runs = ik.fit(
            what, pairs, seeds=self.seeds, steps=steps, batch=emoji.BATCH, balance=True, lr=emoji.rate(steps),
            progress=False, **options,
        )  # fmt: skip
        row: dict[str, Any] = {"cpu_seconds_per_seed": (time.process_time() - began) / self.seeds}
        fields = {"domain": self.data["domain"]}
        codes = runs.encode(Dataset(x, fields, {"domain": self.data.names["domain"]}, self.data.split))
        row["codes"] = {block: self.measure(codes[:, :, list(own)]) for block, own in runs.blocks.items()}
        return row

    def measure(self, codes: np.ndarray) -> dict[str, Any]:
        """Recall, and how often ten neighbours or a line tell the style; one entry for each seed."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsClassifier

        probes = {
            "style by a line": LogisticRegression(max_iter=2000, tol=1e-2, C=0.1),
            "style by neighbours": KNeighborsClassifier(10),
        }
        found: dict[str, Any] = {"size": codes.shape[2]}
        for code in codes:
            new = retrieval(code, self.concept, self.data["domain"], queries=self.data.split > 0, nulls=0)
            every = retrieval(code, self.concept, self.data["domain"], nulls=0)
            figures = {"new@1": new.value, "new@5": new.parts["recall@5"], "all@1": every.value}
            figures |= {name: emoji.told(probe, code, self.data) for name, probe in probes.items()}
            for name, value in figures.items():
                found.setdefault(name, []).append(round(float(value), 4))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="1 seed, 2 steps; writes nothing")
    given = parser.parse_args()
    seeds, steps = (1, 2) if given.quick else (given.seeds, emoji.STEPS)
    budget = {"version": ik.__version__, "split_seed": SPLIT_SEED, "seeds": seeds, "steps": steps, "batch": emoji.BATCH}
    kept = json.loads(RESULT.read_text()) if RESULT.exists() and not given.quick else {}
    results = kept["results"] if kept.get("budget") == budget else {}
    beside = json.loads((common.RESULTS / "emoji.json").read_text())["results"]
    unpaired = {name: beside[name] for name in UNPAIRED}
    for name, row in Study(seeds, steps).rows().items():
        if name not in results:
            results[name] = row()
            if not given.quick:
                common.save("emoji_pairs", {"budget": budget, "unpaired": unpaired, "results": results})
        for block, figures in results[name]["codes"].items():
            means = "  ".join(f"{key} {np.mean(values):.3f}" for key, values in figures.items() if key != "size")
            seconds = results[name]["cpu_seconds_per_seed"]
            print(f"{name:38s} {block:9s} {figures['size']:4d}  {means}  cpu {seconds:.1f}", flush=True)


if __name__ == "__main__":
    main()
