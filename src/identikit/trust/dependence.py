"""The check that latents claimed one by one depend on no other latent within any domain."""

from __future__ import annotations

import numpy as np

from identikit.metrics.dependence import dependence
from identikit.trust.finding import Finding
from identikit.trust.view import View

LARGEST = 0.3
_DRAWS = 20


def independence(view: View) -> Finding | None:
    """The strongest dependence of a latent on any other within domains, of their ranks or of how far out they lie.

    A method that finds latents one by one does so because they are independent given the domain. Where the codes that
    it ends with are not, it has not found them, or they are not.
    """
    latents = [p for p in view.claimed("components") if p in view.alive]
    if not latents or len(view.alive) < 2:
        return None
    domain = view.data.part("train")["domain"] if view.domains else np.zeros(len(view.train_code), np.int64)
    strength = dependence(view.train_code, domain)
    if strength is None:
        return None
    strength = strength[:, view.alive]
    of, other = strength[latents].max(1), strength[latents].argmax(1)
    worst = int(of.argmax())
    rng = np.random.default_rng(0)
    chance = np.quantile([_chance(view.train_code, domain, latents, rng) for _ in range(_DRAWS)], 0.95)
    return Finding(
        "independence",
        float(of.max()),
        f"within domains z{latents[worst]} and z{view.alive[other[worst]]} depend most on each other: {of.max():.2f} "
        f"(mean rank correlation of values or distances; by chance up to {chance:.2f})",
        bound=f"at most {LARGEST}",
        ok=bool(of.max() <= max(LARGEST, chance)),
        advice="the latents are not told apart: try more seeds, more domains, or a model of their dependence",
        latents=tuple(latents[i] for i in np.flatnonzero(of > max(LARGEST, chance))),
        parts={**{f"z{j}": float(value) for j, value in zip(latents, of, strict=True)}, "chance": float(chance)},
    )


def _chance(code: np.ndarray, domain: np.ndarray, latents: list[int], rng: np.random.Generator) -> float:
    """The same for codes whose rows are shuffled within domains, each latent by itself."""
    shuffled = code.copy()
    for d in np.unique(domain):
        rows = np.flatnonzero(domain == d)
        for j in range(code.shape[1]):
            shuffled[rows, j] = code[rng.permutation(rows), j]
    strength = dependence(shuffled, domain)
    return 0.0 if strength is None else float(strength[latents].max())
