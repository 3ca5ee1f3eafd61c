"""The main job: a world with known truth and real pictures, fitted, scored, and shown on one page."""

from __future__ import annotations

import time
from pathlib import Path

from identikit.data import Dataset, Truth
from identikit.datasets import emoji as read_emoji
from identikit.demo import emoji
from identikit.engine import Runs, fit
from identikit.engine.files import ready
from identikit.metrics import score
from identikit.reports import Html, Page, Section, picture_grid, study, table
from identikit.trust import Certificate, certify
from identikit.worlds import DomainShift

_ROWS_PER_DOMAIN = 1000
_QUICK = {"worlds": 60, "emoji": 10}
_REFIT_SEEDS, _REFIT_STEPS = 4, 3000
_CHECKS = ("reconstruction", "collapse", "round trip", "calibration", "invariance")
"""Of pictures; the conditioning of the decoder is left out, for here a head and not the decoder keeps the content."""


def run(out: Path | str = "demo", seeds: int = 8, quick: bool = False) -> Path:
    """Do the main job and write its report.

    Part A fits `vae` and `imsda` to a world of nine domains whose truth is known. Part B fits an objective composed for
    pictures, and a `vae` of the same size, to emoji in five styles. Both are certified without the truth. Every fit is
    kept in the folder: a run that was interrupted goes on, and one that is finished is read back.

    Args:
        out: folder for the runs and `report.html`.
        seeds: of each method in part A; part B takes at most 3.
        quick: smaller pictures, and so few steps that nothing is learned, to see how it goes.

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
    certificate = certify(
        runs["imsda"],
        data,
        refit_seeds=min(seeds, _REFIT_SEEDS),
        refit_steps=steps or _REFIT_STEPS,
        checkpoint=folder / "certificate",
    )
    print(f"\nWhat can be said of imsda without the truth\n{certificate}", flush=True)
    true = cards["imsda"]["mcc changing own"][certificate.run].value
    print(
        f"Looked at only now: the true MCC of the changing latents of that run is {true:.2f}; "
        f"{certificate.expected:.2f} was expected.",
        flush=True,
    )
    page.part(
        "worlds",
        "A. A world with known truth",
        "Two latents have the same distribution in all nine domains and two change. Both methods see the same rows, "
        "with equally many latents and steps; only imsda is told that the domains differ by maps of single latents.",
    ).add(*study(runs, data, truth, scorecard=cards, certificate={"imsda": certificate}))


def _emoji(page: Page, folder: Path, seeds: int, quick: bool) -> None:
    data, truth = read_emoji(size=16 if quick else 32)
    data = emoji.outlined(data)
    print(f"\nB. Emoji in five styles: {data}", flush=True)
    steps = _QUICK["emoji"] if quick else emoji.STEPS
    runs = {name: emoji.train(name, data, seeds, steps, folder / name) for name in ("vae", "composed")}
    found = emoji.compare(runs, data, truth)
    swaps = emoji.swap(runs["composed"], data)
    print(_words(found), flush=True)
    print(f"Squared error of new pictures carried to another style: {_errors(swaps)}", flush=True)
    certificates = _certified(runs["composed"], data)
    page.part(
        "emoji",
        "B. What a picture shows, and how it is drawn",
        "1,160 concepts drawn in five styles. The learner sees pictures and the name of each picture's style, never "
        "which pictures show the same concept. An objective that only rebuilds pictures spends its code on colours, so "
        "this one is composed from the library's terms: outlines that the invariant block must keep, a prior by domain "
        "for the changing block, and an invariant block that looks the same in every style.",
    ).add(
        Section("found", "The same concept in another style", _found(found)),
        Section("nearest", "Nearest by the invariant block", _nearest(runs["composed"], data, truth)),
        Section("swaps", "Carried to another style", _carried(runs["composed"], data, truth, swaps)),
        *study(runs, data, truth, certificate=certificates),
    )


def _certified(runs: Runs, data: Dataset) -> dict[str, Certificate]:
    """What can be said of the pictures' code, by the name of its runs; a single seed has no other to agree with."""
    if len(runs) < 2:
        return {}
    certificate = certify(runs, data, parts=("agreement", "assumptions"), checks=_CHECKS)
    print(
        f"\nWhat can be said of composed without pairs\n{certificate}\n"
        "No single latent is claimed here: each block is claimed as a block, which other seeds may hold in other "
        "coordinates.",
        flush=True,
    )
    return {"composed": certificate}


def _words(found: list[emoji.Found]) -> str:
    head = f"{'code':28s}" + "".join(
        f"{name:>15s}" for name in ("new @1", "new @5", "all @1", "style: line", "nearest")
    )
    return "\n".join([head, *(f"{f.code:28s}" + "".join(f"{_spread(v):>15s}" for v in _values(f)) for f in found)])


def _values(found: emoji.Found) -> tuple[tuple[float, ...], ...]:
    return found.held, found.held5, found.every, found.linear, found.nearest


def _spread(values: tuple[float, ...]) -> str:
    """The mean, and the largest deviation from it."""
    mean = sum(values) / len(values)
    return f"{mean:.3f}" + (f" ± {max(abs(value - mean) for value in values):.3f}" if len(values) > 1 else "")


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _found(found: list[emoji.Found]) -> Html:
    header = ("code", "numbers", "new, at 1", "new, at 5", "all, at 1", "style by a line", "by neighbours")
    return table(
        header,
        [(_unbroken(f.code), f.size, *(_unbroken(_spread(v)) for v in _values(f))) for f in found],
        caption=(
            "A picture is found again when, among the pictures of all 1,160 concepts in another style, the nearest "
            "code (or one of the nearest 5) is that of the same concept; chance 0.001. Mean over ordered pairs of "
            "styles, ± the largest deviation over seeds; new concepts were in no training picture. Style: how often a "
            "linear probe and the 10 nearest neighbours, fitted on the training concepts, tell the style of new ones; "
            "chance 0.2. The invariant block is learned from the outlines, a fixed description, and finds about as "
            "many concepts as they do, and no more than their principal components: what training adds is one code "
            "with a prior, a decoder and the move from style to style. The changing block is told the style by name, "
            "so it cannot miss it."
        ),
    )


def _nearest(runs: Runs, data: Dataset, truth: Truth) -> Html:
    codes = runs[0].encode()[0][:, list(runs.blocks["invariant"])]
    grid, right = emoji.nearest(codes, data, truth)
    names = data.names["domain"]
    return picture_grid(
        grid,
        [f"{names[0]}, looked up", *names[1:]],
        "New concepts, taken evenly and not chosen for their looks: one drawing, and in every other style the one of "
        f"1,160 whose code is nearest. {right} of these {len(grid) * (len(names) - 1)} are right; where it misses, it "
        "mostly takes something of the same outline.",
    )


def _carried(runs: Runs, data: Dataset, truth: Truth, swaps: emoji.Swaps) -> Html:
    names = data.names["domain"]
    return picture_grid(
        emoji.carried(runs, data, truth),
        [*names, "", *(f"to {name}" for name in names)],
        "Left: the same new concepts as the five styles really draw them. Right: the first drawing, decoded with its "
        "style moved as the prior says that styles differ; no real pair was ever seen. Squared error per pixel, over "
        f"all new concepts and pairs of styles: {_errors(swaps)}. What carries over is the rough shape; lines and "
        "faces are lost in a blur, and the last style, which is black and white, keeps colours.",
        shown=48,
    )


def _errors(swaps: emoji.Swaps) -> str:
    return (
        f"{_spread(swaps.carried)} carried, {swaps.left:.3f} left as it is, {swaps.mean:.3f} for the mean picture of "
        "the other style"
    )
