"""`report`: one page on fitted runs; `study` returns its sections for a page of your own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from identikit.data import Dataset, Truth
from identikit.engine import Runs
from identikit.errors import InputError
from identikit.metrics import Scorecard
from identikit.reports.asked import asked
from identikit.reports.case import Case, make_case
from identikit.reports.certificates import certificates
from identikit.reports.curves import curves
from identikit.reports.glance import glance
from identikit.reports.html import Html, note
from identikit.reports.latents import latents
from identikit.reports.page import Page, Section
from identikit.reports.reproduce import reproduce
from identikit.reports.scores import scores
from identikit.reports.transfers import transfers
from identikit.reports.traversals import traversals
from identikit.trust import Certificate

SECTIONS: tuple[tuple[str, str, Callable[[Case], Html]], ...] = (
    ("asked", "What was asked", asked),
    ("data", "The data at a glance", glance),
    ("curves", "Training", curves),
    ("certificate", "What can be said without the truth", certificates),
    ("scores", "Scores beside their nulls", scores),
    ("latents", "Codes and latents", latents),
    ("traversals", "Moving one latent", traversals),
    ("transfers", "From domain to domain", transfers),
    ("reproduce", "To reproduce this", reproduce),
)
"""Anchor, heading and builder of each section."""


def report(
    runs: Runs | Mapping[str, Runs],
    data: Dataset | None = None,
    truth: Truth | None = None,
    *,
    path: str | Path = "report.html",
    title: str | None = None,
    scorecard: Scorecard | Mapping[str, Scorecard] | None = None,
    certificate: Certificate | Mapping[str, Certificate] | None = None,
    sections: Sequence[Section] = (),
) -> Path:
    """Write one HTML file on fitted runs, which opens from disk without a network.

    Args:
        runs: fitted runs, or a dict of them by name, all on one data set, to stand side by side.
        data: what to show and encode; the data of the fit by default.
        truth: of the same rows, where it is known. Without it nothing is scored.
        path: of the file; it is replaced whole or not at all.
        title: of the page.
        scorecard: scores made before, or a dict of them by name; made here where left out and there is a truth.
        certificate: of these runs, from `identikit.certify`, or a dict of them by name; never made here.
        sections: more sections, put at the end.

    Returns:
        The path of the file.

    Raises:
        InputError: rows that do not belong together, a certificate of other runs, or a file that cannot be written.

    >>> import identikit as ik, pathlib, tempfile
    >>> data, truth = ik.worlds.DomainShift(domains=3).sample(900, seed=0)
    >>> runs = ik.fit("vae", data, seeds=2, steps=20, progress=False)
    >>> report(runs, data, truth, path=pathlib.Path(tempfile.mkdtemp(), "report.html")).name
    'report.html'
    """
    case = make_case(runs, data, truth, scorecard, certificate)
    return (
        Page(title or f"{' and '.join(case.runs)} on {_where(case)}", _lead(case))
        .add(*_sections(case), *sections)
        .write(path)
    )


def study(
    runs: Runs | Mapping[str, Runs],
    data: Dataset | None = None,
    truth: Truth | None = None,
    *,
    scorecard: Scorecard | Mapping[str, Scorecard] | None = None,
    certificate: Certificate | Mapping[str, Certificate] | None = None,
) -> list[Section]:
    """Return the sections of a report, for a `Page` that holds several studies.

    Args:
        runs: as in `report`.
        data: as in `report`.
        truth: as in `report`.
        scorecard: as in `report`.
        certificate: as in `report`.

    >>> import identikit as ik
    >>> data, truth = ik.worlds.DomainShift(domains=3).sample(900, seed=0)
    >>> runs = ik.fit("vae", data, steps=20, progress=False)
    >>> page = Page("Toys").part("a", "A world").add(*study(runs, data))
    >>> page.anchors[:3]
    ['a-asked', 'a-data', 'a-curves']
    """
    return _sections(make_case(runs, data, truth, scorecard, certificate))


def _sections(case: Case) -> list[Section]:
    return [Section(id, title, _content(build, case)) for id, title, build in SECTIONS]


def _content(build: Callable[[Case], Html], case: Case) -> Html:
    """A section, or the sentence that says why there is none."""
    try:
        return build(case)
    except InputError as reason:
        words = str(reason)
        return note(words[:1].upper() + words[1:] + "." * (not words.endswith(".")))


def _where(case: Case) -> str:
    source = next(iter(case.runs.values())).source
    if "world" in source:
        return f"the world {source['world']}"
    if "path" in source:
        return Path(source["path"]).name
    return {"from_arrays": "arrays"}.get(source.get("reader", "from_arrays"), str(source.get("reader")))


def _lead(case: Case) -> str:
    """What is in the page, and the one result that it turns on."""
    count = sum(len(runs) for runs in case.runs.values())
    said = f"{count} run{'s' * (count > 1)} on {case.data.rows:,} rows"
    if "domain" in case.data.names:
        said += f" from {len(case.data.names['domain'])} domains"
    found = []
    for name, card in case.scorecards.items():
        if isinstance(card, Scorecard):
            row = next((r for r in card.table() if r["metric"].split(" ")[0] in ("mcc", "retrieval")), None)
            if row is None:
                continue
            beside = f", chance {row['null_high']:.2f}" if row["null"] else ""
            beside += (
                f", random rotation up to {row['reference_high']:.2f}" if row["reference"] == "random rotation" else ""
            )
            found.append(f"{name} reaches a mean {row['metric']} of {row['mean']:.2f} ({beside[2:]})")
    said += f". On held-out rows {'; '.join(found)}." if found else "."
    judged = [f"{name} is {certificate.verdict}" for name, certificate in case.certificates.items()]
    said += f" Without the truth, {'; '.join(judged)}." if judged else ""
    rules = {name: f"{runs.rule} {getattr(case.scorecards[name], 'rule', '')}" for name, runs in case.runs.items()}
    oracle = [name for name, rule in rules.items() if "oracle" in rule.lower()]
    if oracle:
        said += f"\nORACLE: the truth chose the runs of {', '.join(oracle)}, so no learner reaches these scores alone."
    return said
