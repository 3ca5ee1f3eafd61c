"""From agreement, refit and findings to what is said of each latent and of the whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from identikit.trust.agreement import Agreement
from identikit.trust.finding import Finding
from identikit.trust.verdict import DOUBTFUL, ENOUGH, LITTLE, SUPPORTED, Latent, counted_words, judge
from identikit.trust.view import CLAIMS, View


@dataclass(frozen=True)
class Whole:
    """What is said of the code as a whole, by its strongest claim."""

    verdict: str
    expected: float
    reason: str
    advice: str


def best_third(values: np.ndarray) -> np.ndarray:
    """Mean of each column over the best third of the rows (rounded up), the best being those of the largest mean.

    Runs that failed agree with nobody, and say nothing about those that did not: what counts is whether some others
    found the same.

    >>> best_third(np.array([[0.9, 1.0], [0.1, 0.2], [0.3, 0.3]])).tolist()
    [0.9, 1.0]
    """
    order = np.argsort(-values.mean(1))
    return values[order[: math.ceil(len(values) / 3)]].mean(0)


@dataclass(frozen=True)
class Evidence:
    """What the parts of a certificate have found; None for a part that was left out.

    Attributes:
        agreement: of the certified run with the others.
        refit: of the codes that made the data of the refit with those of its chosen run.
        findings: of the checks of assumptions; None where they were left out.
    """

    agreement: Agreement | None
    refit: Agreement | None
    findings: tuple[Finding, ...] | None

    @property
    def partial(self) -> bool:
        """Whether a part was left out without which nothing is supported: runs may agree on a wrong answer."""
        return self.agreement is None or self.findings is None


def say(view: View, evidence: Evidence) -> tuple[tuple[Latent, ...], Whole]:
    """Judge every latent, and the whole by its strongest claim."""
    block_of = {position: block for block, positions in view.blocks.items() for position in positions}
    latents = tuple(_latent(view, evidence, position, block_of[position]) for position in sorted(block_of))
    return latents, _whole(latents, view, evidence)


def _latent(view: View, evidence: Evidence, position: int, block: str) -> Latent:
    claim = view.claims[block]
    agreement, refit = (_found(part, view, position, block, claim) for part in (evidence.agreement, evidence.refit))
    state = _state(view, evidence.agreement, position, block)
    touching = [f for f in evidence.findings or () if f.ok is False and position in f.latents]
    expected = _expected(view, agreement, refit, position, claim, evidence)
    verdict = judge(expected, any(f.fatal for f in touching), bool(touching) or evidence.partial)
    reason, advice = _words(claim, verdict, state, agreement, refit, touching)
    return Latent(f"z{position}", block, claim, state, agreement, refit, expected, verdict, reason, advice)


def _found(part: Agreement | None, view: View, position: int, block: str, claim: str) -> float | None:
    """How well the best third of the compared runs find a latent, in the measure of the claim."""
    if part is None:
        return None
    values = {"components": part.matched, "block": part.in_block, "subspace": part.in_code}[claim]
    return float(best_third(values[:, list(view.blocks[block])])[view.blocks[block].index(position)])


def _state(view: View, agreement: Agreement | None, position: int, block: str) -> str:
    if position not in view.alive:
        return "dead"
    if agreement is None:
        return ""
    levels = (
        ("stable", agreement.matched, ENOUGH),
        ("mixed within its block", agreement.in_block, LITTLE),
        ("mixed with other blocks", agreement.in_code, LITTLE),
    )
    for state, values, least in levels:
        if best_third(values[:, list(view.blocks[block])])[view.blocks[block].index(position)] >= least:
            return state
    return "different in every run"


def expected_score(agreement: float | None, refit: float | None, figures: Mapping[str, float]) -> float:
    r"""The rank correlation to expect of a latent that is claimed to be found by itself.

    .. math:: a \prod_k \Big(1 - m_k \min\big(\max\big(\tfrac{g_k - v_k}{g_k - b_k}, 0\big), 1\big)\Big)

    with the agreement a (the refit where it was left out), and every figure v of `TAKES` taking away a share that grows
    in a straight line from nothing, at g, to m, at b. What was left out takes nothing away. The constants were set on
    the worlds of one half of `bench/certificate.py`; the figures of the other half are in the documentation.

    Args:
        agreement: of the best third of the other runs, None where it was left out.
        refit: the same in the refit.
        figures: what the checks found for this latent, by their names.

    >>> good = expected_score(0.98, 0.97, {"independence": 0.1, "variability": 1.0})
    >>> good > expected_score(0.98, 0.97, {"independence": 0.5, "variability": 1.0})
    True
    """
    known = [value for value in (agreement, refit) if value is not None]
    if not known:
        return 0.0
    values = dict(figures) if refit is None else {**figures, "refit": refit}
    if "variability" in values:
        values["variability"] = math.log10(max(values["variability"], 1e-6))
    expected = known[0]
    for name, (good, bad, most) in TAKES.items():
        if name in values:
            expected *= 1.0 - most * min(max((good - values[name]) / (good - bad), 0.0), 1.0)
    return float(min(max(expected, 0.0), 1.0))


TAKES = {
    "refit": (0.95, 0.4, 0.1),
    "claim": (1.0, 0.0, 0.25),
    "independence": (0.25, 0.35, 0.17),
    "variability": (-0.7, -2.0, 0.2),
    "prior fit": (0.2, 0.35, 0.35),
    "enough domains": (1.0, 0.5, 0.05),
    "reconstruction": (0.99, 0.9, 0.05),
    "invertibility": (30.0, 1000.0, 0.25),
}
"""For each figure: from where on it is as good as needed, where it is as bad as it can be, and the most it takes away.
That of the variability is its decimal logarithm."""


def figures_of(findings: Sequence[Finding], position: int) -> dict[str, float]:
    """What bears on one latent, by the name of the check: its own figure where there is one, else that of all."""
    return {f.name: f.parts.get(f"z{position}", f.value) for f in findings if f.name in TAKES}


def _expected(
    view: View, agreement: float | None, refit: float | None, position: int, claim: str, evidence: Evidence
) -> float:
    if position not in view.alive:
        return 0.0
    if claim != "components":
        known = [value for value in (agreement, refit) if value is not None]
        return max(0.0, min(known)) if known else 0.0
    return expected_score(agreement, refit, figures_of(evidence.findings or (), position))


def _whole(latents: tuple[Latent, ...], view: View, evidence: Evidence) -> Whole:
    """The strongest claim decides; latents that say nothing count where the data are not explained without them."""
    claim = next(claim for claim in CLAIMS if claim in view.claims.values())
    about = [latent for latent in latents if latent.claim == claim]
    alive = [latent for latent in about if latent.state != "dead"]
    found = {finding.name: finding for finding in evidence.findings or ()}
    surplus = bool(alive) and "reconstruction" in found and found["reconstruction"].ok is not False
    counted = alive if surplus else about
    expected = float(np.mean([latent.expected for latent in counted]))
    positions = {int(latent.name[1:]) for latent in counted}
    touching = [f for f in found.values() if f.ok is False and positions & set(f.latents)]
    verdict = judge(expected, any(f.fatal for f in touching), bool(touching) or evidence.partial)
    if verdict == SUPPORTED and len(counted) < len(about):
        verdict = DOUBTFUL
    names = {"components": "found one by one", "block": "found as a block", "subspace": "found up to a map"}
    said = counted_words(latent.state for latent in about if latent.state)
    reason = f"{len(about)} latents to be {names[claim]}" + (f": {said}" if said else "")
    reason += "".join(f"; {f.says}" for f in touching[:2])
    advice = "; ".join(dict.fromkeys(f.advice for f in touching if f.advice))
    if verdict == DOUBTFUL and evidence.partial and not advice:
        advice = "gather agreement and assumptions: nothing is supported by one without the other"
    if verdict != SUPPORTED and not advice:
        advice = next((latent.advice for latent in about if latent.advice), _MORE_SEEDS)
    return Whole(verdict, expected, reason, advice if verdict != SUPPORTED else "")


_MORE_SEEDS = "fit more seeds, and certify again"
_ADVICE = {
    "dead": "lower the weight of the prior, or take fewer latents",
    "mixed within its block": "claim the block and not its latents, or add domains or another constraint",
    "mixed with other blocks": "give the blocks other sizes, or add domains",
    "different in every run": _MORE_SEEDS + ", or train longer",
}


def _words(
    claim: str,
    verdict: str,
    state: str,
    agreement: float | None,
    refit: float | None,
    touching: list[Finding],
) -> tuple[str, str]:
    """Why, and what to do."""
    measure = "rank correlation" if claim == "components" else "R2"
    said = []
    if state == "dead":
        said.append("it says nothing about the data")
    if agreement is not None:
        said.append(f"the runs that agree best find it with a {measure} of {agreement:.2f}")
    if refit is not None:
        said.append(f"the refit with {refit:.2f}")
    said += [finding.says for finding in touching]
    if verdict == SUPPORTED:
        return "; ".join(said), ""
    # Latents of a block that is claimed as a block may well be mixed within it.
    mixed = claim != "components" and state == "mixed within its block"
    advice = [finding.advice for finding in touching if finding.advice]
    advice = advice or [_MORE_SEEDS + ", or train longer" if mixed else _ADVICE.get(state, _MORE_SEEDS)]
    return "; ".join(said), "; ".join(dict.fromkeys(advice))
