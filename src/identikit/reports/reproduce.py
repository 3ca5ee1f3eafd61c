"""Section: everything needed to make these runs again."""

from __future__ import annotations

import json
import platform

import numpy as np
import torch

from identikit import __version__
from identikit.engine import Runs
from identikit.reports.asked import swatch
from identikit.reports.case import Case
from identikit.reports.html import Html, code, details, facts, join, note, number, tag
from identikit.reports.sources import command, python_call


def reproduce(case: Case) -> Html:
    """Calls, settings, versions, and where the data came from."""
    blocks = [_method(name, runs, position) for position, (name, runs) in enumerate(case.runs.items())]
    first = next(iter(case.runs.values()))
    pairs: list[tuple[object, object]] = [
        ("fingerprint of the data", tag("code", case.data.fingerprint())),
        ("source of the data", tag("code", json.dumps(first.source)) if first.source else "only ever in memory"),
        ("report made with", f"identikit {__version__}, torch {torch.__version__}, numpy {np.__version__}, "
                             f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"),
    ]  # fmt: skip
    last = note(
        "The same settings and data give the same runs on the same machine and versions; other hardware or versions "
        "may differ in the last digits, which training can amplify."
    )
    return join(*blocks, tag("h3", "Data and versions"), facts(pairs), last)


def _method(name: str, runs: Runs, position: int) -> Html:
    shell = command(runs, f"runs/{runs.settings.method}")
    pieces: list[object] = [tag("h3", swatch(position, name)), code(python_call(runs))]
    if shell is not None:
        pieces += [tag("p", "The same from the command line:"), code(shell)]
    settings = json.dumps({**runs.settings.json(), "rule": runs.rule}, indent=2)
    took = f"{number(runs.seconds)} s" if np.isfinite(runs.seconds) else "not measured"
    pieces.append(facts([("time to fit", took), ("fitted with", f"identikit {runs.settings.version}")]))
    pieces.append(details(f"Settings of {name} as JSON", code(settings)))
    return join(*pieces)
