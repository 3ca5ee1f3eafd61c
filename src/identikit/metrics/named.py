"""The metrics that `score` knows by name, and the groups of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from identikit.data import HIDDEN, Truth
from identikit.metrics.beta_vae import beta_vae
from identikit.metrics.block_r2 import block_table
from identikit.metrics.dci import dci
from identikit.metrics.domain_probe import domain_probe
from identikit.metrics.explained import explained_share
from identikit.metrics.explicitness import explicitness
from identikit.metrics.factor_vae import factor_vae
from identikit.metrics.info_mec import info_mec
from identikit.metrics.inputs import KINDS
from identikit.metrics.irs import irs
from identikit.metrics.leakage import block_leakage, subspace_leakage, subspace_r2
from identikit.metrics.mcc import mcc
from identikit.metrics.mig import mig
from identikit.metrics.modularity import modularity
from identikit.metrics.result import Score
from identikit.metrics.retrieval import retrieval
from identikit.metrics.sap import sap

FEWEST_EACH = 10
"""Rows to a category, on average, below which a discrete latent says which thing a row shows, and is no factor."""


@dataclass(frozen=True)
class Case:
    """One run's codes beside the truth of the same rows.

    Attributes:
        codes: (rows, codes).
        blocks: positions of the codes of each named block.
        truth: of the same rows.
        domain: name of each row's domain, where it is known.
        by_name: whether the metric was asked for by its own name, so that a latent it cannot treat is refused.
    """

    codes: np.ndarray
    blocks: Mapping[str, tuple[int, ...]]
    truth: Truth
    domain: np.ndarray | None
    by_name: bool

    def factors(self, takes: Sequence[str] = KINDS, among: Sequence[int] | None = None) -> Truth | None:
        """The latents (of these positions) that a metric of these kinds is about; None where there is none."""
        truth = self.truth
        positions = range(len(truth.names)) if among is None else among
        kept = [i for i in positions if self._counts(truth.latents[:, i], truth.kinds[i], takes)]
        if not kept:
            return None
        return Truth(truth.latents[:, kept], tuple(truth.names[i] for i in kept), tuple(truth.kinds[i] for i in kept))

    def _counts(self, column: np.ndarray, kind: str, takes: Sequence[str]) -> bool:
        if kind != "discrete":
            return self.by_name or kind in takes
        values = np.unique(column)
        if len(column) < FEWEST_EACH * len(values):
            return False
        return self.by_name or (kind in takes and len(values) > 1 and HIDDEN not in values)

    def true_blocks(self) -> dict[str, Truth]:
        """The factors of each named block that has any."""
        blocks = {name: self.factors(among=positions) for name, positions in self.truth.blocks.items()}
        return {name: block for name, block in blocks.items() if block is not None}

    def code_blocks(self) -> dict[str, np.ndarray]:
        """The codes of each block; all of them where no block has a name."""
        return {name: self.codes[:, list(p)] for name, p in self.blocks.items() if p} or {"codes": self.codes}

    def shared_blocks(self) -> tuple[dict[str, np.ndarray], dict[str, Truth]]:
        """Codes and factors of the blocks that both name; empty where there is none."""
        codes, true = self.code_blocks(), self.true_blocks()
        shared = [name for name in true if name in codes]
        return {name: codes[name] for name in shared}, {name: true[name] for name in shared}

    def concept(self) -> np.ndarray | None:
        """What each row shows, where the truth has a discrete latent of that name."""
        if "concept" not in self.truth.names:
            return None
        position = self.truth.names.index("concept")
        return self.truth.latents[:, position] if self.truth.kinds[position] == "discrete" else None


Compute = Callable[[Case], Iterator[Score]]


def _each(
    metric: Callable[[np.ndarray, Truth], Score | Iterable[Score]],
    takes: Sequence[str] = KINDS,
    codes: int = 1,
    latents: int = 1,
) -> Compute:
    """A metric of all codes and all factors, where there are at least so many."""

    def compute(case: Case) -> Iterator[Score]:
        known = case.factors(takes)
        if known is not None and len(known.names) >= latents and case.codes.shape[1] >= codes:
            found = metric(case.codes, known)
            yield from [found] if isinstance(found, Score) else found

    return compute


def _block_mcc(case: Case) -> Iterator[Score]:
    codes = case.code_blocks()
    for name, block in case.true_blocks().items():
        if name in codes:
            yield replace(mcc(codes[name], block), name=f"mcc {name} own")
        yield replace(mcc(case.codes, block), name=f"mcc {name} any")


def _block_r2(case: Case) -> Iterator[Score]:
    codes, true = case.shared_blocks()
    latents = case.factors()
    if not true and latents is not None:
        codes, true = {"codes": case.codes}, case.true_blocks() or {"latents": latents}
    if true:
        yield from block_table(codes, true).values()


def _block_leakage(case: Case) -> Iterator[Score]:
    codes, true = case.shared_blocks()
    if len(true) > 1:
        yield block_leakage(codes, true)


def _subspace(metric: Callable[[np.ndarray, Truth], Score]) -> Compute:
    def compute(case: Case) -> Iterator[Score]:
        codes, true = case.shared_blocks()
        latents = case.factors()
        if not true and latents is not None:
            codes, true = {"latents": case.codes}, {"latents": latents}
        for name, block in true.items():
            found = metric(codes[name], block)
            yield replace(found, name=f"{found.name} {name}")

    return compute


def _domain_probe(case: Case) -> Iterator[Score]:
    if case.domain is not None:
        for name, codes in case.code_blocks().items():
            yield replace(domain_probe(codes, case.domain, together=case.concept()), name=f"domain_probe {name}")


def _retrieval(case: Case) -> Iterator[Score]:
    concept = case.concept()
    if case.domain is not None and concept is not None:
        for name, codes in case.code_blocks().items():
            yield replace(retrieval(codes, concept, case.domain), name=f"retrieval {name}")


_LATENT = f"a latent in the truth, and {FEWEST_EACH} rows to each category of a discrete one"
_TWO = f"two latents in the truth, and {FEWEST_EACH} rows to each category of a discrete one"

METRICS: dict[str, tuple[Compute, str]] = {
    "mcc": (_each(mcc), _LATENT),
    "block_mcc": (_block_mcc, "a named block of latents in the truth"),
    "block_r2": (_block_r2, _LATENT),
    "domain_probe": (
        _domain_probe,
        "two domains in the data, hidden in no row; for codes that are an array, pass data=",
    ),
    "retrieval": (_retrieval, "a discrete latent 'concept' in the truth and two domains in the data"),
    "block_leakage": (_block_leakage, "two blocks that codes and truth both name"),
    "subspace_r2": (_subspace(subspace_r2), _LATENT),
    "subspace_leakage": (_subspace(subspace_leakage), _LATENT),
    "explained_share": (_each(explained_share), _LATENT),
    "dci": (_each(lambda codes, truth: dci(codes, truth).scores, codes=2, latents=2), f"two codes, {_TWO}"),
    "mig": (_each(mig), _LATENT),
    "sap": (_each(sap, takes=("continuous", "discrete")), _LATENT),
    "modularity": (_each(modularity, latents=2), _TWO),
    "explicitness": (_each(explicitness), _LATENT),
    "info_mec": (_each(lambda codes, truth: info_mec(codes, truth).values(), latents=2), _TWO),
    "irs": (_each(irs), _LATENT),
    "factor_vae": (_each(factor_vae, latents=2), _TWO),
    "beta_vae": (_each(beta_vae, latents=2), _TWO),
}
"""The metrics by name: how each is computed, and what it needs."""

GROUPS: dict[str, Sequence[str]] = {
    "identifiability": [
        "mcc",
        "block_mcc",
        "block_r2",
        "block_leakage",
        "subspace_r2",
        "subspace_leakage",
        "explained_share",
    ],
    "disentanglement": [
        "dci",
        "mig",
        "sap",
        "modularity",
        "explicitness",
        "info_mec",
        "irs",
        "factor_vae",
        "beta_vae",
    ],
    "all": list(METRICS),
}
"""Names that stand for several metrics."""

QUICK = ("mcc", "block_mcc", "block_r2", "domain_probe", "retrieval")
"""The metrics that `score` computes where none are named."""
