"""Checks of the posterior: which latents say anything, and whether encoder, decoder and prior belong together."""

from __future__ import annotations

import numpy as np

from identikit.engine.simulation import why_not
from identikit.metrics import cross_correlation
from identikit.trust.finding import Finding
from identikit.trust.view import View


def collapse(view: View) -> Finding | None:
    """Share of each latent's variance that the data decide; a latent that has collapsed onto its prior says nothing."""
    if not view.runs.model.variational:
        return None
    dead = np.setdiff1d(np.arange(len(view.reliability)), view.alive)
    least = float(view.reliability.min())
    return Finding(
        "collapse",
        least,
        f"{len(dead)} of {len(view.reliability)} latents are mostly noise: "
        f"in the least of them the data decide {least:.0%} of the variance",
        bound="at least 50 %",
        ok=not len(dead),
        fatal=True,
        advice="lower the weight of the prior (beta), or take fewer latents",
        latents=tuple(dead.tolist()),
        parts={f"z{j}": float(share) for j, share in enumerate(view.reliability)},
    )


def round_trip(view: View) -> Finding | None:
    """Rank correlation of codes drawn from the prior with what the same encoder makes of them once decoded."""
    if why_not(view.runs):
        return None
    data, truth = view.one.simulate(0, view.held_out, seed=1)
    again = view.one.encode(data)[0]
    parts = np.abs(np.diag(cross_correlation(truth.latents, again)))
    latents = [p for p in view.claimed("components") if p in view.alive]
    least = float(parts[latents].min()) if latents else float(parts.min())
    return Finding(
        "round trip",
        least,
        f"codes drawn from the prior come back with a rank correlation of {least:.2f} or more",
        # A block that is found as a block need not have latents that come back one by one.
        bound="at least 0.9" if latents else "",
        ok=bool(least >= 0.9) if latents else None,
        advice="the prior does not describe the codes of the data: train longer, or allow the prior more freedom",
        latents=tuple(p for p in latents if parts[p] < 0.9),
        parts={f"z{j}": float(part) for j, part in enumerate(parts)},
    )


def prior_fit(view: View) -> Finding | None:
    """How far the codes of real data lie from the prior that they were trained towards, within domains.

    The value is the distance of Kolmogorov and Smirnov between a latent in the coordinates in which its prior is
    standard normal and that normal: the mean over domains, for the latents that are to be found one by one.
    """
    latents = [p for p in view.claimed("components") if p in view.alive]
    if not latents or not view.runs.model.variational:
        return None
    from scipy.stats import kstest

    train = view.data.part("train")
    base = view.one.base(train)[0]
    domain = train["domain"] if view.domains else np.zeros(train.rows, np.int64)
    groups = [base[domain == d] for d in np.unique(domain)]
    parts = {f"z{j}": float(np.mean([kstest(g[:, j], "norm").statistic for g in groups])) for j in latents}
    worst = max(parts.values())
    return Finding(
        "prior fit",
        worst,
        f"the share of rows below a value differs from the prior's by up to {worst:.2f} (mean over domains)",
        bound="at most 0.25",
        ok=bool(worst <= 0.25),
        advice="the latents do not have the distribution that the method assumes: give the prior more freedom",
        latents=tuple(j for j in latents if parts[f"z{j}"] > 0.25),
        parts=parts,
    )


def calibration(view: View) -> Finding | None:
    """Share of simulated codes that lie in the central 90 % of the posterior which the encoder gives them."""
    if why_not(view.runs):
        return None
    data, truth = view.one.simulate(0, view.held_out, seed=2)
    mean, variance = view.one.encode(data)[0], view.one.variances(data)[0]
    inside = np.abs(truth.latents - mean) <= 1.6449 * np.sqrt(variance)
    share = float(inside.mean())
    return Finding(
        "calibration",
        share,
        f"{share:.0%} of simulated codes lie in the 90 % interval of their posterior",
        parts={f"z{j}": float(column.mean()) for j, column in enumerate(inside.T)},
        latents=tuple(range(view.code.shape[1])),
    )
