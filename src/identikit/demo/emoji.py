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
from identikit.datasets import standardise_by_domain
from identikit.engine import Runs, fit
from identikit.metrics import domain_probe, retrieval
from identikit.nets import MLP, BlockHead, ConvDecoder, FlowPrior, Linear, Model, oriented_edges
from identikit.objective import Objective, Weight, cosine, ramp
from identikit.tasks import Classification, Reconstruction, Regression

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


def outlined(data: Dataset) -> Dataset:
    """The data with the outlines of each picture beside it, standardised within each style."""
    return data.add("edges", standardise_by_domain(oriented_edges(torch.as_tensor(data.x)).numpy(), data))


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
        + Regression("edges")
        + 5 * Classification("domain")
        + 0.01 * MatchPrior(block="invariant")
        + 0.2 * MatchPrior(block="changing")
        + 50 * MatchDomains(styles)
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
        held: recall at 1 of concepts that were in no training picture, among all concepts.
        held5: the same at 5.
        every: recall at 1 of all concepts.
        linear: how often a linear probe tells the style on held-out rows.
        nearest: the same for the nearest neighbours.
    """

    code: str
    held: tuple[float, ...]
    held5: tuple[float, ...]
    every: tuple[float, ...]
    linear: tuple[float, ...]
    nearest: tuple[float, ...]


def find(name: str, codes: np.ndarray, data: Dataset, truth: Truth) -> Found:
    """Measure codes `(runs, rows, size)` of all rows; only here is it looked up which pictures show the same."""
    concept, style = truth.latents[:, truth.names.index("concept")].astype(int), data["domain"]
    rows = []
    for code in codes:
        held = retrieval(code, concept, style, queries=data.split > 0, nulls=0)
        every = retrieval(code, concept, style, k=(1,), nulls=0)
        probes = (domain_probe(code, style, probe=probe, nulls=0).value for probe in ("linear", "nearest"))
        rows.append((held.value, held.parts["recall@5"], every.value, *probes))
    return Found(name, *zip(*rows, strict=True))


def compare(runs: dict[str, Runs], data: Dataset, truth: Truth) -> list[Found]:
    """The codes of all runs, beside codes that nothing was learned for."""
    pixels = data["x"].reshape(1, data.rows, -1).astype(np.float32) / 255
    found = [
        find("raw pixels", pixels, data, truth),
        find("outlines, nothing learned", data["edges"][None], data, truth),
    ]
    for name, fitted in runs.items():
        codes = fitted.encode()
        for block, positions in fitted.blocks.items():
            label = "whole code" if block == "all" else f"{block} block"
            found.append(find(f"{name}, {label}", codes[:, :, list(positions)], data, truth))
    return found


def swap_error(runs: Runs, data: Dataset) -> tuple[float, float]:
    """Squared error per pixel of held-out pictures carried to another style, and of those left as they are.

    Pictures are in 0..1 and compared with the real drawing of the same concept in the target style; the mean is over
    runs, ordered pairs of styles and concepts. The rows are style by style, as `datasets.emoji` orders them.
    """
    styles = data.schema.size("domain")
    held = data.take(data.split > 0)
    real = (held["x"].astype(np.float32) / 255).reshape(styles, -1, *held["x"].shape[1:])
    carried, left = [], []
    for target in range(styles):
        moved = runs.transfer(held, target).reshape(len(runs), *real.shape)
        for origin in set(range(styles)) - {target}:
            carried.append(np.square(moved[:, origin] - real[target]).mean())
            left.append(np.square(real[origin] - real[target]).mean())
    return float(np.mean(carried)), float(np.mean(left))
