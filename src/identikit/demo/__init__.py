"""The main job: a world with known truth and real pictures, fitted, scored, and shown on one page."""

from __future__ import annotations

import time
from pathlib import Path

from identikit.datasets import emoji as read_emoji
from identikit.demo import emoji
from identikit.engine import fit
from identikit.engine.files import ready
from identikit.metrics import score
from identikit.reports import Html, Page, Section, study, table
from identikit.worlds import DomainShift

_ROWS_PER_DOMAIN = 1000
_QUICK = {"worlds": 200, "emoji": 20}


def run(out: Path | str = "demo", seeds: int = 8, quick: bool = False) -> Path:
    """Do the main job and write its report.

    Part A fits `vae` and `imsda` to a world of nine domains whose truth is known. Part B fits an objective composed for
    pictures, and a `vae` of the same size, to emoji in five styles. Every fit is kept in the folder: a run that was
    interrupted goes on, and one that is finished is read back.

    Args:
        out: folder for the runs and `report.html`.
        seeds: of each method in part A; part B takes at most 3.
        quick: take so few steps that nothing is learned, to see how it goes.

    Returns:
        The path of the report.
    """
    began = time.monotonic()
    folder = ready(out)
    page = Page(
        "What identikit does",
        "Hidden factors recovered from a world whose truth is known, and from real pictures of which nobody said which "
        "ones show the same thing.",
    )
    _worlds(page, folder / "worlds", seeds, quick)
    _emoji(page, folder / "emoji", min(seeds, 3), quick)
    path = page.write(folder / "report.html")
    print(f"\nDone in {time.monotonic() - began:.0f} s.", flush=True)
    return path


def _worlds(page: Page, folder: Path, seeds: int, quick: bool) -> None:
    world = DomainShift()
    data, truth = world.sample(_ROWS_PER_DOMAIN * world.domains, seed=0)
    print(f"A. A world of {world.domains} domains with known truth: {data}", flush=True)
    steps = _QUICK["worlds"] if quick else None
    runs = {name: fit(name, data, seeds=seeds, steps=steps, checkpoint=folder / name) for name in ("vae", "imsda")}
    chosen = {name: fitted.select("validation") for name, fitted in runs.items()}
    cards = {name: score(fitted, truth) for name, fitted in runs.items()}
    for name, fitted in runs.items():
        print(f"\n{name}, all {len(fitted)} seeds\n{cards[name]}", flush=True)
    for name, fitted in chosen.items():
        print(f"\n{name}, the seed with the least validation loss\n{score(fitted, truth)}", flush=True)
    page.part(
        "worlds",
        "A. A world with known truth",
        "Two latents have the same distribution in all nine domains and two change. Both methods see the same rows, "
        "with equally many latents and steps; only imsda is told that the domains differ by maps of single latents.",
    ).add(*study(runs, data, truth, scorecard=cards))


def _emoji(page: Page, folder: Path, seeds: int, quick: bool) -> None:
    data, truth = read_emoji(size=32)
    data = emoji.outlined(data)
    print(f"\nB. Emoji in five styles: {data}", flush=True)
    steps = _QUICK["emoji"] if quick else emoji.STEPS
    runs = {name: emoji.train(name, data, seeds, steps, folder / name) for name in ("vae", "composed")}
    found = emoji.compare(runs, data, truth)
    error, left = emoji.swap_error(runs["composed"], data)
    print(_words(found), flush=True)
    print(f"squared error of a style swap {error:.4f}; of the picture left as it was {left:.4f}", flush=True)
    page.part(
        "emoji",
        "B. What a picture shows, and how it is drawn",
        "1,160 concepts drawn in five styles. The learner sees pictures and the name of each picture's style, never "
        "which pictures show the same concept. An objective that only rebuilds pictures spends its code on colours, so "
        "this one is composed from the library's terms: outlines that the invariant block must keep, a prior by domain "
        "for the changing block, and an invariant block that looks the same in every style.",
    ).add(Section("found", "The same concept in another style", _found(found, error, left)), *study(runs, data, truth))


def _words(found: list[emoji.Found]) -> str:
    head = f"{'code':32s} {'recall@1':>14s} {'recall@5':>14s} {'all @1':>14s} {'style, linear':>14s} {'nearest':>14s}"
    return "\n".join([head, *(f"{f.code:32s} " + " ".join(f"{_spread(v):>14s}" for v in _values(f)) for f in found)])


def _values(found: emoji.Found) -> tuple[tuple[float, ...], ...]:
    return found.held, found.held5, found.every, found.linear, found.nearest


def _spread(values: tuple[float, ...]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{sum(values) / len(values):.3f} ({min(values):.2f}-{max(values):.2f})"


def _found(found: list[emoji.Found], error: float, left: float) -> Html:
    header = (
        "code", "recall at 1, new concepts", "at 5", "recall at 1, all concepts", "style told by a line",
        "by the nearest codes",
    )  # fmt: skip
    return table(
        header,
        [(f.code, *map(_spread, _values(f))) for f in found],
        caption=(
            "Recall: a picture is found again when, among the pictures of all 1,160 concepts in another style, the "
            "nearest code is that of the same concept (chance 0.001); mean over ordered pairs of styles, with the "
            "least and most over seeds. New concepts were in no training picture. By chance, style is told in 0.20 of "
            "rows. The outlines are a fixed description in 384 numbers, from which the invariant block is learned: "
            "training keeps what they know of the concept in a third of the numbers and adds a decoder, but finds no more. The "
            "changing block is told the style by name, so it cannot miss it. "
            f"Carried to another style, a new picture differs from the real drawing there by {error:.3f} (squared "
            f"error per pixel); left as it is, by {left:.3f}."
        ),
    )
