"""The checks of assumptions by name, and the running of those that a method declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from identikit.engine import METHODS
from identikit.errors import unknown
from identikit.trust import decoder, dependence, domains, posterior
from identikit.trust.finding import Finding
from identikit.trust.view import CLAIMS, View


def claim(view: View) -> Finding | None:
    """Whether the method itself claims what is to be certified; its theory says nothing of more."""
    method = METHODS.get(view.runs.settings.method)
    if method is None:
        return None
    own = {name: method.claim.of(name) for name in view.blocks}
    more = [
        name
        for name in view.blocks
        if own[name] == "nothing" or (own[name] in CLAIMS and CLAIMS.index(view.claims[name]) < CLAIMS.index(own[name]))
    ]
    positions = tuple(p for name in more for p in view.blocks[name])
    said = f"what is to be certified is what {method.name} claims"
    if more:
        said = (
            f"{method.name} claims '{own[more[0]]}' of the block {more[0]}, and '{view.claims[more[0]]}' is asked for"
        )
    return Finding(
        "claim",
        float(not more),
        said,
        bound="no more than the method claims",
        ok=not more,
        fatal=True,
        advice="take a method that claims as much: see `identikit methods`",
        latents=positions,
    )


CHECKS: dict[str, Callable[[View], Finding | None]] = {
    "claim": claim,
    "reconstruction": decoder.reconstruction,
    "invertibility": decoder.invertibility,
    "residuals": decoder.residuals,
    "sparsity": decoder.sparsity,
    "collapse": posterior.collapse,
    "round trip": posterior.round_trip,
    "prior fit": posterior.prior_fit,
    "calibration": posterior.calibration,
    "independence": dependence.independence,
    "enough domains": domains.enough_domains,
    "variability": domains.variability,
    "invariance": domains.invariance,
    "overlap": domains.overlap,
}
"""Each looks at a `View` and returns a `Finding`, or None where there is nothing that it could look at."""

GENERAL = (
    "claim",
    "reconstruction",
    "invertibility",
    "residuals",
    "collapse",
    "round trip",
    "prior fit",
    "calibration",
)
"""What is looked at whatever the method."""


def look(view: View, checks: Sequence[str] | None = None) -> tuple[Finding, ...]:
    """Run checks on fitted runs.

    Args:
        view: the runs, the one in question, and the data.
        checks: names; by default the general ones and those that the method declares.

    Raises:
        InputError: an unknown name.

    >>> import identikit as ik
    >>> from identikit.trust import view
    >>> data, _ = ik.worlds.DomainShift(domains=5).sample(900, seed=0)
    >>> runs = ik.fit("imsda", data, seeds=2, steps=5, progress=False)
    >>> look(view(runs, data), ["enough domains"])[0].says
    '5 domains for 2 latents that are to be found one by one'
    """
    if checks is None:
        method = METHODS.get(view.runs.settings.method)
        one_by_one = ("independence",) if view.claimed("components") else ()
        checks = (*GENERAL, *one_by_one, *(method.assumptions if method else ()))
    for name in checks:
        if name not in CHECKS:
            raise unknown("check", name, CHECKS)
    found = (CHECKS[name](view) for name in dict.fromkeys(checks))
    return tuple(finding for finding in found if finding is not None)
