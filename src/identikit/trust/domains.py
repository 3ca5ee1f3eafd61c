"""Checks of the domains: that there are enough, that they differ enough, and that only what should does."""

from __future__ import annotations

import numpy as np

from identikit.metrics import domain_probe
from identikit.trust.finding import Finding
from identikit.trust.view import View

_DRAWS = 50


def enough_domains(view: View) -> Finding | None:
    """Domains for each one that the theory asks for: twice the latents to be found one by one, and one more."""
    latents = [p for p in view.claimed("components") if p in view.alive]
    if not latents:
        return None
    least = 2 * len(latents) + 1
    return Finding(
        "enough domains",
        view.domains / least,
        f"{view.domains} domains for {len(latents)} latents that are to be found one by one",
        bound=f"at least {least}",
        ok=view.domains >= least,
        fatal=True,
        advice=f"collect at least {least} domains, or let fewer latents change",
        latents=tuple(latents),
    )


def variability(view: View) -> Finding | None:
    r"""How far the domains differ: the least singular value of the differences of their natural parameters.

    For latents of variance 1, with mean m and variance v in each domain, the natural parameters of a normal are m / v
    and -1 / (2 v). The theorem asks that their differences from one domain, (domains - 1, 2 latents), have full column
    rank. Rank is a matter of degree in a sample: the value is the least singular value over the root of the number of
    differences, and its interval is that of bootstrapped rows.
    """
    latents = [p for p in view.claimed("components") if p in view.alive]
    if not latents or view.domains < 2:
        return None
    code, domain = view.train_code[:, latents].astype(np.float64), view.data.part("train")["domain"]
    code = (code - code.mean(0)) / np.maximum(code.std(0), 1e-12)
    names = view.data.names["domain"]
    groups = [code[domain == d] for d in range(len(names))]
    groups = [group for group in groups if len(group) > 1]
    if len(groups) < 2:
        return None
    value = _least_singular_value(groups)
    rng = np.random.default_rng(0)
    draws = [_least_singular_value([g[rng.integers(len(g), size=len(g))] for g in groups]) for _ in range(_DRAWS)]
    low, high = np.quantile(draws, [0.05, 0.95])
    return Finding(
        "variability",
        value,
        f"the domains differ by {value:.3g} in the direction in which they differ least ({low:.3g} to {high:.3g})",
        bound="at least 0.1",
        ok=bool(low >= 0.1),
        fatal=True,
        advice="collect domains that differ more, or let fewer latents change",
        latents=tuple(latents),
        parts={"low": float(low), "high": float(high)},
    )


def _least_singular_value(groups: list[np.ndarray]) -> float:
    mean = np.stack([group.mean(0) for group in groups])
    variance = np.stack([group.var(0) for group in groups]).clip(1e-6)
    natural = np.concatenate([mean / variance, -0.5 / variance], axis=1)
    differences = natural[1:] - natural[0]
    if len(differences) < differences.shape[1]:
        return 0.0
    return float(np.linalg.svd(differences, compute_uv=False)[-1] / np.sqrt(len(differences)))


def invariance(view: View) -> Finding | None:
    """How well the domain is told from the block that should be alike in all, beside chance."""
    positions = view.blocks.get("invariant")
    if not positions or view.domains < 2 or np.bincount(view.held_out["domain"]).min() < 2:
        return None
    few = np.sort(np.random.default_rng(0).permutation(len(view.code))[:1000])
    labels = view.held_out["domain"][few]
    if len(np.unique(labels)) < 2 or np.bincount(labels)[np.unique(labels)].min() < 2:
        return None
    score = domain_probe(view.code[few][:, list(positions)], labels, probe="nearest", nulls=5)
    chance = score.nulls["chance"].mean
    told = (score.value - chance) / (1 - chance)
    return Finding(
        "invariance",
        told,
        f"from the invariant block the domain is told in {score.value:.0%} of rows (chance {chance:.0%})",
        bound="at most 20 % of the way from chance to always",
        ok=bool(told <= 0.2),
        advice="give the changing block more latents, or weigh the prior more",
        latents=positions,
    )


def overlap(view: View) -> Finding | None:
    """Share of each domain's rows that lie where another domain has rows too, in the latents that change."""
    positions = view.blocks.get("changing")
    if not positions or view.domains < 2:
        return None
    code, domain = view.train_code[:, list(positions)], view.data.part("train")["domain"]
    groups = [code[domain == d] for d in np.unique(domain)]
    if min(len(group) for group in groups) < 10:
        return None
    bounds = [np.quantile(group, [0.01, 0.99], axis=0) for group in groups]
    shares = []
    for i, group in enumerate(groups):
        inside = [((group >= low) & (group <= high)).all(1) for j, (low, high) in enumerate(bounds) if j != i]
        shares.append(float(np.any(inside, axis=0).mean()))
    names = view.data.names["domain"]
    return Finding(
        "overlap",
        float(np.mean(shares)),
        f"{np.mean(shares):.0%} of the rows lie where another domain has rows too, in the changing latents",
        bound="at least 50 %",
        ok=bool(np.mean(shares) >= 0.5),
        advice="collect domains that overlap: what is far apart cannot be compared",
        latents=positions,
        parts={names[d]: share for d, share in zip(np.unique(domain), shares, strict=True)},
    )
