"""The emoji study: what a picture shows against how it is drawn, without pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from identikit.constraints import MatchDomains, MatchPrior
from identikit.data import Dataset, Truth
from identikit.datasets import emoji_concepts, standardise_by_domain
from identikit.datasets.align import align_by_domain
from identikit.engine import Runs, fit
from identikit.metrics import retrieval
from identikit.nets import MLP, BlockHead, ConvDecoder, FlowPrior, Linear, Model, oriented_edges
from identikit.objective import Objective, Weight, cosine, ramp
from identikit.tasks import Classification, Reconstruction, Regression

DETAIL = 96
CONTENT, STYLE = 128, 16
STEPS, BATCH = 400, 300
BLOCKS = {"invariant": tuple(range(CONTENT)), "changing": tuple(range(CONTENT, CONTENT + STYLE))}


class OutlineAndColour(nn.Module):
    """Content from the outlines of a picture; style from its coarse colours and the name of the style.

    Args:
        edges: numbers that tell the outlines.
        styles: how many styles there are.
        content: latents of the invariant block.
        style: latents of the changing block.
    """

    batches_runs = True
    sees = ("edges", "domain")

    def __init__(self, edges: int, styles: int, content: int, style: int) -> None:
        super().__init__()
        self.styles = styles
        self.straight = Linear(edges, 2 * content)
        self.bent = MLP(edges, (2, content), hidden=256, layers=1)
        self.colour = MLP(3 * 8 * 8 + styles, (2, style), hidden=128, layers=1)

    def forward(self, x: Tensor, edges: Tensor, domain: Tensor) -> Tensor:
        """Map pictures `(..., batch, 3, height, width)` and what stands beside them to `2 * latents` numbers."""
        content = self.bent(edges) + self.straight(edges).unflatten(-1, (2, -1))
        coarse = F.adaptive_avg_pool2d(x.flatten(0, -4), 8).flatten(1).unflatten(0, x.shape[:-3])
        named = F.one_hot(domain, self.styles).to(x.dtype)
        style = self.colour(torch.cat([coarse - 0.5, named], -1))
        return torch.cat([content, style], -1).flatten(-2)


def outlines(data: Dataset) -> np.ndarray:
    """The outlines of each picture, standardised within each style."""
    return standardise_by_domain(oriented_edges(torch.as_tensor(data.x)).numpy(), data)


def outlined(data: Dataset) -> Dataset:
    """The data with the outlines of each picture beside it, made alike in all styles.

    Styles differ kind by kind, say in how each draws a face, which a discrepancy between whole styles hardly sees.
    """
    return data.add("edges", align_by_domain(outlines(data), data, size=DETAIL))


def compose(data: Dataset) -> tuple[Model, Objective]:
    """The model and the objective, from the library's parts."""
    shape, edges, styles = data.schema.shape, data["edges"].shape[1], data.schema.size("domain")
    model = Model(
        shape,
        CONTENT + STYLE,
        encoder=OutlineAndColour(edges, styles, CONTENT, STYLE),
        decoder=ConvDecoder(CONTENT + STYLE, shape, width=16),
        prior=FlowPrior(CONTENT, STYLE, styles),
        heads={
            "edges": BlockHead(Linear(CONTENT, edges), BLOCKS["invariant"]),
            "domain": BlockHead(MLP(STYLE, styles, hidden=32, layers=1), BLOCKS["changing"], of="sample"),
        },
        blocks=BLOCKS,
        squash=True,
    )
    objective = (
        0.1 * Reconstruction("bernoulli")
        + 5 * Regression("edges")
        + 5 * Classification("domain")
        + 0.01 * MatchPrior(block="invariant")
        + 0.2 * MatchPrior(block="changing")
        + 1000 * MatchDomains(styles)
    )
    return model, objective


def rate(steps: int) -> Weight:
    """The learning rate: a short warm-up, then half a cosine."""
    return ramp(0, 1, steps=max(1, steps // 8)) * cosine(2e-3, 0, steps)


def train(name: str, data: Dataset, seeds: int, steps: int, folder: Path | None) -> Runs:
    """Fit the composed model, or a method of the library on the same data with the same budget and latents.

    Args:
        name: `composed`, or the name of a method.
        data: from `outlined`.
        seeds: how many.
        steps: of training.
        folder: for checkpoints and the result; None for none.
    """
    what: str | tuple[Callable[[], Model], Objective] = name
    options: dict[str, Any] = {"latents": CONTENT + STYLE, "hidden": 16}
    if name == "composed":
        what, options = (lambda: compose(data)[0], compose(data)[1]), {}
    elif name == "imsda":
        options["changing"] = STYLE
    return fit(
        what, data, seeds=seeds, steps=steps, batch=BATCH, balance=True, lr=rate(steps), checkpoint=folder, **options
    )


@dataclass(frozen=True)
class Found:
    """How well one code finds the same concept in another style, and gives the style away; one entry for each seed.

    Attributes:
        code: which code.
        size: how many numbers it has.
        held: recall at 1 of concepts that were in no training picture, among all concepts.
        held5: the same at 5.
        every: recall at 1 of all concepts.
        linear: how often a linear probe, fitted on the training concepts, tells the style of the new ones.
        nearest: the same for the nearest neighbours.
    """

    code: str
    size: int
    held: tuple[float, ...]
    held5: tuple[float, ...]
    every: tuple[float, ...]
    linear: tuple[float, ...]
    nearest: tuple[float, ...]


def find(name: str, codes: np.ndarray, data: Dataset, truth: Truth) -> Found:
    """Measure codes `(runs, rows, size)` of all rows; only here is it looked up which pictures show the same."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    concept, style = truth.latents[:, truth.names.index("concept")].astype(int), data["domain"]
    rows = []
    for code in codes:
        held = retrieval(code, concept, style, queries=data.split > 0, nulls=0)
        every = retrieval(code, concept, style, k=(1,), nulls=0)
        probes = (LogisticRegression(max_iter=2000, tol=1e-2, C=0.1), KNeighborsClassifier(10))
        rows.append((held.value, held.parts["recall@5"], every.value, *(told(probe, code, data) for probe in probes)))
    return Found(name, codes.shape[2], *zip(*rows, strict=True))


def told(probe: Any, code: np.ndarray, data: Dataset) -> float:
    """How often a scikit-learn classifier, fitted on the training concepts, tells the style of the new ones.

    The same concept must not stand on both sides: where its drawings in other styles are among the neighbours, they
    outvote the style, and a code looks more invariant than it is.
    """
    from sklearn.preprocessing import StandardScaler

    train, style = data.split == 0, data["domain"]
    scaled = StandardScaler().fit(code[train]).transform(code)
    return float(probe.fit(scaled[train], style[train]).score(scaled[~train], style[~train]))


def components(edges: np.ndarray, data: Dataset) -> np.ndarray:
    """As many principal components of the outlines as the invariant block has latents, with variance 1."""
    from sklearn.decomposition import PCA

    size = min(CONTENT, edges.shape[1])
    return PCA(size, whiten=True, random_state=0).fit(edges[data.split == 0]).transform(edges)


def compare(runs: dict[str, Runs], data: Dataset, truth: Truth) -> list[Found]:
    """The codes of all runs, beside codes that nothing was trained for."""
    pixels = data["x"].reshape(1, data.rows, -1).astype(np.float32) / 255
    edges = outlines(data)
    found = [
        find("raw pixels", pixels, data, truth),
        find("outlines", edges[None], data, truth),
        find("outlines, components", components(edges, data)[None], data, truth),
        find("outlines, aligned", data["edges"][None], data, truth),
    ]
    for name, fitted in runs.items():
        codes = fitted.encode()
        for block, positions in fitted.blocks.items():
            label = "whole code" if block == "all" else f"{block} block"
            found.append(find(f"{name}, {label}", codes[:, :, list(positions)], data, truth))
    return found


@dataclass(frozen=True)
class Swaps:
    """Squared error per pixel of held-out pictures carried to another style, against the real drawing there.

    Attributes:
        carried: by the model, one entry for each seed.
        left: of the picture left as it is.
        mean: of the mean training picture of the target style, the same for every concept.
        targets: by the model into each style, the mean over seeds.
        means: of the mean picture, into each style.
    """

    carried: tuple[float, ...]
    left: float
    mean: float
    targets: dict[str, float]
    means: dict[str, float]


def swap(runs: Runs, data: Dataset) -> Swaps:
    """Carry held-out pictures to every other style and compare them with the real drawings of the same concepts.

    Pictures are in 0..1; the mean is over ordered pairs of styles and concepts. The rows are style by style, as
    `datasets.emoji` orders them.
    """
    names = data.names["domain"]
    held, train = data.take(data.split > 0), data.part("train")
    real = (held["x"].astype(np.float32) / 255).reshape(len(names), -1, *data.schema.shape)
    carried, left, mean = np.zeros((len(names), len(runs))), [], []
    for target, drawn in enumerate(real):
        others = [origin for origin in range(len(names)) if origin != target]
        moved = runs.transfer(held, target).reshape(len(runs), *real.shape)[:, others]
        carried[target] = np.square(moved - drawn).mean((1, 2, 3, 4, 5))
        left.append(np.square(real[others] - drawn).mean())
        average = train["x"][train["domain"] == target].mean(0, dtype=np.float32) / 255
        mean.append(np.square(average - drawn).mean())
    return Swaps(
        carried=tuple(map(float, carried.mean(0))),
        left=float(np.mean(left)),
        mean=float(np.mean(mean)),
        targets=dict(zip(names, map(float, carried.mean(1)), strict=True)),
        means=dict(zip(names, map(float, mean), strict=True)),
    )


Grid = list[tuple[str, list[np.ndarray | None]]]
"""Label and pictures of each row."""


def nearest(codes: np.ndarray, data: Dataset, truth: Truth, count: int = 8) -> tuple[Grid, int]:
    """New concepts in the first style, the picture whose code is nearest in every other style, and how many are right.

    Args:
        codes: `(rows, size)` of all rows.
        data: the pictures.
        truth: for the names of the concepts.
        count: how many concepts, taken evenly from the new ones.
    """
    unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    concept = truth.latents[:, truth.names.index("concept")]
    grid: Grid = []
    right = 0
    for row, name in _new(data, truth, count):
        others = (np.flatnonzero(data["domain"] == style) for style in range(1, data.schema.size("domain")))
        found = [int(o[(unit[o] @ unit[row]).argmax()]) for o in others]
        right += int((concept[found] == concept[row]).sum())
        grid.append((name, [data["x"][row], *data["x"][found]]))
    return grid, right


def carried(runs: Runs, data: Dataset, truth: Truth, count: int = 8) -> Grid:
    """New concepts in all styles, then what the first run makes of the first drawing in every style.

    Args:
        runs: of a model whose prior knows styles.
        data: the pictures.
        truth: for the names of the concepts and for which pictures show the same.
        count: how many concepts, taken evenly from the new ones.
    """
    chosen = _new(data, truth, count)
    start = data.take(np.array([row for row, _ in chosen]))
    styles = range(data.schema.size("domain"))
    moved = [runs[0].transfer(start, style)[0] for style in styles]
    real = data["x"].reshape(len(styles), -1, *data.schema.shape)
    return [(name, [*real[:, row], None, *(m[i] for m in moved)]) for i, (row, name) in enumerate(chosen)]


def _new(data: Dataset, truth: Truth, count: int) -> list[tuple[int, str]]:
    """Rows of the first style that show concepts of no training picture, spread evenly, and the concepts' names."""
    names = [concept["name"] for concept in emoji_concepts()]
    rows = np.flatnonzero((data["domain"] == 0) & (data.split > 0))
    rows = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    return [(int(row), names[int(truth.latents[row, truth.names.index("concept")])]) for row in rows]
