"""Section: what can be said without the truth, and, where there is one, what it then turned out to be."""

from __future__ import annotations

import numpy as np

from identikit.errors import InputError
from identikit.metrics.result import short
from identikit.reports.asked import swatch
from identikit.reports.case import Case
from identikit.reports.evidence import MOST, Known, dots, find, latents_of, strongest
from identikit.reports.html import Html, bullets, details, facts, join, note, table, tag
from identikit.trust import Certificate, Finding
from identikit.trust.certify import PARTS
from identikit.trust.verdict import counted_words

VERDICTS = {
    "supported": ("#009e73", "Nothing speaks against the claim, and much speaks for it."),
    "doubtful": ("#e69f00", "Use these latents with care: the evidence does not bear out the claim."),
    "refused": ("#8a939e", "Do not rely on these latents: the evidence is against the claim."),
}
_CLAIMS = {"components": "its latents, one by one", "block": "the block, not its latents", "subspace": "its span"}
_BLOCKS = (
    "A block that is claimed as a block may be held in other coordinates by every run. What counts is its R2: how much "
    "of it another run's block tells by any map; single latents need not match, so their dots may lie far to the left."
)
_HOW = (
    "No certificate was made. `identikit certify FOLDER`, or `ik.report(..., certificate=ik.certify(runs, data))`, "
    "says what can be said without the truth."
)


def certificates(case: Case) -> Html:
    """One verdict with its evidence for each certificate."""
    pieces = [
        _one(case, name, case.certificates[name], len(case.runs) > 1) for name in case.runs if name in case.certificates
    ]
    if not pieces:
        raise InputError(_HOW)
    missing = [name for name in case.runs if name not in case.certificates]
    return join(*pieces, *([note(f"No certificate was made of {', '.join(missing)}.")] if missing else []))


def _one(case: Case, name: str, certificate: Certificate, several: bool) -> Html:
    known = find(case, name, certificate)
    seconds = sum(certificate.seconds.values())
    head = tag("h3", swatch(list(case.runs).index(name), name)) if several else Html("")
    claims = "; ".join(f"{block}: {_CLAIMS[claim]}" for block, claim in certificate.claims.items())
    left = [part for part in PARTS if part not in certificate.parts]
    about: list[tuple[object, object]] = [
        ("certified", f"seed {certificate.seed} of {certificate.runs} runs, on {certificate.n:,} held-out rows"),
        ("what is claimed", claims),
        ("gathered", f"{', '.join(certificate.parts)}, in {seconds:.0f} s"),
    ]
    about += [("left out", f"{', '.join(left)}: nothing is said by it, for or against")] if left else []
    why = [
        Html(f"{tag('code', one.name)} {tag('span', f'{one.state}: {one.reason}. {_capital(one.advice)}')}")
        for one in certificate.latents
        if one.verdict != "supported"
    ]
    return join(
        head,
        _verdict(certificate, known),
        facts(about),
        note(_BLOCKS) if set(certificate.claims.values()) != {"components"} else "",
        dots(certificate, known),
        _latents(certificate, known) if len(certificate.latents) <= MOST else _blocks(certificate, known),
        details(f"Why, latent by latent ({len(why)} not supported)", bullets(why)) if why else "",
        _findings(certificate.findings) if certificate.findings else "",
    )


def _measure(claim: str) -> str:
    return "MCC" if claim == "components" else "R2"


def _verdict(certificate: Certificate, known: Known | None) -> Html:
    """The verdict in large words."""
    colour, meaning = VERDICTS[certificate.verdict]
    measure = _measure(strongest(certificate))
    big = f"{_capital(certificate.verdict)}: {measure} of about {short(certificate.expected)} expected"
    lines = [tag("p", big, kind="big"), tag("p", meaning), tag("p", tag("b", "Why: "), f"{certificate.reason}.")]
    if certificate.advice:
        lines.append(tag("p", tag("b", "To do: "), f"{certificate.advice}."))
    if known is not None:
        said = f"{measure} {short(known.whole)}. The truth was looked at only after the certificate was made."
        lines.append(tag("p", tag("b", "In truth: "), said, kind="truth"))
    return Html(f'<div class="verdict" style="border-color:{colour}">{"".join(lines)}</div>')


def _latents(certificate: Certificate, known: Known | None) -> Html:
    header = ["latent", "block", "verdict", "state", "agreement", "refit", "expected"] + ["in truth"] * bool(known)
    rows = [
        [one.name, one.block, _badge(one.verdict), one.state, _or_none(one.agreement), _or_none(one.refit),
         short(one.expected), *([_or_none(known.latents.get(one.name))] if known else [])]
        for one in certificate.latents
    ]  # fmt: skip
    caption = (
        "Agreement and refit: how well the best third of the other runs, and the refit, find the latent: the rank "
        "correlation where it is claimed by itself, else the R2. Expected: what follows from these and from the checks."
    )
    return table(header, rows, caption)


def _blocks(certificate: Certificate, known: Known | None) -> Html:
    header = ["block", "latents", "verdicts", "states", "expected"] + ["in truth"] * bool(known)
    rows = []
    for block in certificate.claims:
        of = latents_of(certificate, block)
        true = [known.latents[one.name] for one in of if one.name in known.latents] if known else []
        row = [block, len(of), counted_words(one.verdict for one in of), counted_words(one.state for one in of)]
        row += [short(float(np.mean([one.expected for one in of])))]
        rows.append(row + ([short(float(np.mean(true))) if true else ""] if known else []))
    return table(
        header, rows, "Mean over the latents of each block; R2 where the block is claimed and not its latents."
    )


def _findings(findings: tuple[Finding, ...]) -> Html:
    marks = {True: ("ok", "badge good"), False: ("FAIL", "badge warn"), None: ("informs", "badge")}
    rows = [
        [tag("span", marks[f.ok][0], kind=marks[f.ok][1]), f.name, f.says, f.bound, f.advice if f.ok is False else ""]
        for f in sorted(findings, key=lambda f: {False: 0, True: 1, None: 2}[f.ok])
    ]
    caption = "Checks of what the method assumes. Those that inform have no bound that they could fail."
    return join(tag("h4", "Assumptions"), table(("", "check", "what was found", "wanted", "to do"), rows, caption))


def _badge(verdict: str) -> Html:
    return tag("span", verdict, kind={"supported": "badge good", "doubtful": "badge doubt"}.get(verdict, "badge"))


def _or_none(value: float | None) -> str:
    return "" if value is None else short(value)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
