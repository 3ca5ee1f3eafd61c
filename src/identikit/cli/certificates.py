"""What `identikit certify` gathers and plans, and where a certificate is kept and found again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from identikit.errors import InputError, unknown

if TYPE_CHECKING:
    from identikit.engine import Runs
    from identikit.trust import Certificate

log = logging.getLogger("identikit")

CERTIFICATE = "certificate.json"
WHAT = {
    "agreement": "compares the codes of the seeds on held-out rows",
    "refit": "trains afresh on data that the certified run has made",
    "assumptions": "runs the checks that the method declares",
}


def chosen(parts: str, without: Sequence[str] | None) -> list[str]:
    """The parts that are asked for, less those that are left out.

    >>> chosen("agreement,refit,assumptions", ["refit"])
    ['agreement', 'assumptions']
    """
    wanted = [part.strip() for part in parts.split(",") if part.strip()]
    for part in (*wanted, *(without or ())):
        if part not in WHAT:
            raise unknown("part of a certificate", part, WHAT)
    return [part for part in wanted if part not in (without or ())]


def planned(
    runs: Runs, parts: Sequence[str], run: int | None, seeds: int | None, steps: int | None
) -> list[tuple[str, str, str]]:
    """Each part, how long it will take, and what it does; what cannot be done is refused as in `certify`."""
    from identikit.trust import cost, view
    from identikit.trust.certify import span
    from identikit.trust.refit import check

    if "refit" in parts:
        check(runs)
    assert runs.data is not None
    costs = cost(view(runs, runs.data, run), parts, seeds, steps)
    return [(part, span(costs[part]), WHAT[part]) for part in parts]


def gather(
    runs: Runs, folder: Path, parts: Sequence[str], run: int | None, seeds: int | None, steps: int | None
) -> Certificate | None:
    """Certify runs; the refit is kept in their folder, one for each way in which it was asked for.

    None where Ctrl-C ended it early.
    """
    from identikit.trust import certify

    assert runs.data is not None
    asked = {"run": run, "seeds": seeds, "steps": steps}
    name = "-".join(f"{key}{value}" for key, value in asked.items() if value is not None)
    kept = folder / "certificate" / (name or "as-fitted")
    try:
        return certify(
            runs, runs.data, parts=parts, run=run, refit_seeds=seeds, refit_steps=steps,
            checkpoint=kept if "refit" in parts else None,
        )  # fmt: skip
    except KeyboardInterrupt:
        return None


def found(folder: Path, runs: Runs) -> Certificate | None:
    """The certificate that lies beside runs, if it is of them; otherwise the log says why it is left out."""
    from identikit.engine.runs import FILE
    from identikit.reports.case import belongs
    from identikit.trust import Certificate

    path = folder / CERTIFICATE
    if not path.exists():
        return None
    try:
        certificate = Certificate.load(path)
    except InputError as reason:
        log.warning("%s: it is left out of the report", reason)
        return None
    older = path.stat().st_mtime_ns < (folder / FILE).stat().st_mtime_ns
    why = "it is older than the fit" if older else belongs(certificate, runs)
    if why:
        log.warning("%s is left out of the report: %s; see identikit certify --help", path, why)
        return None
    return certificate
