"""`certify`: gather the evidence on fitted runs, and say what follows; the truth is never seen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from identikit.data import Dataset, Truth
from identikit.engine import Runs, fit
from identikit.errors import InputError, LeakError, unknown
from identikit.trust.agreement import Agreement, agree
from identikit.trust.assumptions import CHECKS, look
from identikit.trust.certificate import Certificate
from identikit.trust.evidence import Evidence, say
from identikit.trust.refit import Learner, check, refit
from identikit.trust.view import CLAIMS, View, choose, view

log = logging.getLogger("identikit")

PARTS = ("agreement", "refit", "assumptions")


def certify(
    runs: Runs | str,
    data: Dataset,
    *,
    parts: Sequence[str] = PARTS,
    run: int | None = None,
    claims: Mapping[str, str] | None = None,
    checks: Sequence[str] | None = None,
    seeds: int = 8,
    refit_seeds: int | None = None,
    refit_steps: int | None = None,
    learner: Learner | None = None,
    lr: Any = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Certificate:
    """Say what can be said of fitted latents without their truth.

    Three kinds of evidence are gathered. Agreement: do independently seeded runs find the same latents in held-out
    rows? Refit: trained afresh on data that the fitted model has made, does the method find that model's latents, which
    are then known? Assumptions: do the checks that the method declares hold of these runs and data? What each will cost
    is logged before it begins.

    Args:
        runs: fitted runs of at least two seeds, all of one setting; or the name of a method, which is then fitted.
        data: what they were fitted on.
        parts: which evidence to gather, of `agreement`, `refit` and `assumptions`; without agreement and assumptions
            nothing is `supported`.
        run: position of the run to be certified; by default the one that the rule `independence` of `Runs.select` picks
            where latents are to be found one by one, else the one with the least validation loss.
        claims: what to certify of each block (`components`, `block` or `subspace`); what the method claims by default.
        checks: names of the checks of assumptions; the general ones and the method's own by default.
        seeds: of the fit, where a method is named.
        refit_seeds: fresh seeds of the refit; as many as there are runs by default.
        refit_steps: of training; those of the fit by default.
        learner: function that builds the model, and the objective: for the refit of a model of your own.
        lr: learning rate of the refit, where the fit had another than the method's own.
        checkpoint: folder for the fits (`fit`, `refit`); a certificate that was interrupted goes on from there.
        progress: False for silence.
        options: of the method, where one is named, and of `fit`.

    Returns:
        The certificate: a verdict and an expected score for the whole and for each latent, with the reasons.

    Raises:
        LeakError: a truth was handed over.
        InputError: fewer than two runs, runs of several settings or other data, an unknown name, or a refit that is
            not possible; said before any work.

    Source: agreement over seeds carries the consistency of Song et al. 2025 (arXiv 2505.20254) from dictionaries to any
    representation; the refit is a parametric bootstrap.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(900, seed=0)
    >>> runs = ik.fit("imsda", data, seeds=3, steps=30, progress=False)
    >>> certificate = certify(runs, data, progress=False)
    >>> certificate.verdict, certificate[2].block, certificate[2].claim
    ('refused', 'changing', 'components')
    """
    parts = (parts,) if isinstance(parts, str) else tuple(parts)
    for name in parts:
        if name not in PARTS:
            raise unknown("part of a certificate", name, PARTS)
    if "agreement" not in parts and "refit" not in parts:
        raise InputError("a certificate rests on agreement or refit: leave one of them in")
    for name in checks or ():
        if name not in CHECKS:
            raise unknown("check", name, CHECKS)
    for claim in (claims or {}).values():
        if claim not in CLAIMS:
            raise unknown("claim", claim, CLAIMS)
    if isinstance(data, Truth):
        raise LeakError("certify was handed a Truth, and a certificate is what can be said without one")
    folder = None if checkpoint is None else Path(checkpoint)
    if isinstance(runs, str):
        runs = fit(runs, data, seeds=seeds, checkpoint=folder and folder / "fit", progress=progress, **options)
    elif options:
        raise InputError(f"'{next(iter(options))}' is an option of a fit, and these runs are fitted")
    seen = view(runs, data, run, claims)
    if "refit" in parts:
        check(seen.runs, learner, lr)
    costs = cost(seen, parts, refit_seeds, refit_steps)
    seconds: dict[str, float] = {}

    def timed(name: str, gather: Callable[[], Any]) -> Any:
        if name not in parts:
            return None
        log.info("%s: about %s", name, span(costs[name]))
        began = time.monotonic()
        result = gather()
        seconds[name] = round(time.monotonic() - began, 2)
        return result

    def refitted() -> tuple[Runs, np.ndarray, np.ndarray]:
        found, truth = refit(
            seen.runs, data, seen.run, refit_seeds, refit_steps, learner=learner, lr=lr,
            checkpoint=folder and folder / "refit", progress=progress,
        )  # fmt: skip
        assert found.data is not None
        return found, found.encode(found.data.take(seen.rows)), truth.latents[seen.rows]

    others = [i for i in range(len(seen.runs)) if i != seen.run]
    agreement = timed("agreement", lambda: agree(seen.code, [seen.codes[i] for i in others], seen.blocks))
    findings = timed("assumptions", lambda: look(seen, checks))
    known = timed("refit", lambda: _compare(*refitted(), seen))
    evidence = Evidence(agreement, known[0] if known else None, findings)
    latents, whole = say(seen, evidence)
    table = seen.runs.table
    return Certificate(
        method=seen.runs.settings.method,
        run=runs.table.index(table[seen.run]),
        seed=table[seen.run].seed,
        data=seen.runs.settings.data,
        runs=len(table),
        n=len(seen.rows),
        claims={name: seen.claims[name] for name in seen.blocks},
        verdict=whole.verdict,
        expected=whole.expected,
        reason=whole.reason,
        advice=whole.advice,
        latents=latents,
        findings=findings or (),
        agreement=agreement.pairs if agreement else {},
        refit=known[1] if known else {},
        parts=tuple(part for part in PARTS if part in parts),
        seconds=seconds,
    )


def _compare(found: Runs, codes: np.ndarray, known: np.ndarray, seen: View) -> tuple[Agreement, dict[str, Any]]:
    """The refitted run that the same rule chooses, and all of them, beside the codes that made their data."""
    assert found.data is not None
    chosen = choose(found, found.data, seen.claims)
    all_runs = agree(known, list(codes), seen.blocks, nulls=5)
    only = slice(chosen, chosen + 1)
    one = Agreement(all_runs.pairs, all_runs.matched[only], all_runs.in_block[only], all_runs.in_code[only])
    return one, all_runs.pairs


def cost(
    seen: View, parts: Sequence[str] = PARTS, refit_seeds: int | None = None, refit_steps: int | None = None
) -> dict[str, float]:
    """Roughly how many seconds each part will take, from what the fit took and the sizes.

    Args:
        seen: from `view`.
        parts: which ones.
        refit_seeds: as in `certify`.
        refit_steps: as in `certify`.

    >>> import identikit as ik
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(900, seed=0)
    >>> sorted(cost(view(ik.fit("vae", data, seeds=2, steps=5, progress=False), data)))
    ['agreement', 'assumptions', 'refit']
    """
    runs = seen.runs
    latents, pairs = runs.model.latents, len(runs) - 1
    comparing = 0.3 * pairs * len(seen.blocks) * max(1.0, len(seen.rows) / 1000)
    # Runs of small nets share most of the time of a step, so half of it is taken not to depend on their number.
    share = 0.5 + 0.5 * (refit_seeds or len(runs)) / len(runs)
    fitted = runs.seconds if np.isfinite(runs.seconds) else 60.0
    costs = {
        "agreement": comparing,
        "refit": fitted * share * (refit_steps or runs.settings.steps) / runs.settings.steps + comparing,
        "assumptions": 2.0 + 0.05 * latents,
    }
    return {name: costs[name] for name in parts}


def span(seconds: float) -> str:
    """A length of time in words.

    >>> span(3.2), span(200), span(9000)
    ('3 s', '3 min', '2.5 h')
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
