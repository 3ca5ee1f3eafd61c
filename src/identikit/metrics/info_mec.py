"""InfoMEC: InfoM and InfoC from the shares of normalised mutual information, and the three scores together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.info_explicitness import checked, info_explicitness
from identikit.metrics.inputs import Array
from identikit.metrics.mutual_information import (
    code_labels,
    entropies,
    factor_labels,
    floor,
    information,
    neighbour_information,
)
from identikit.metrics.result import Null, Score
from identikit.metrics.rotation import rotations


def info_modularity(
    estimate: Array,
    truth: Array | Truth,
    code_kind: str = "continuous",
    kinds: str | Sequence[str] | None = None,
    bins: int = 10,
    prune: float = 0.0,
    use_floor: bool = True,
    nulls: int = 5,
    seed: int = 0,
) -> Score:
    r"""InfoM: whether each active code is about one true factor alone, whether or not other codes are about it too.

    $$\mathrm{InfoM} = \frac{1}{n} \sum_{j=1}^{n} \frac{r_j - 1/d}{1 - 1/d}, \qquad
    r_j = \frac{\max_i R_{ij}}{\sum_i R_{ij}}, \qquad R_{ij} = \frac{I(s_i; z_j)}{H(s_i)}$$

    over d factors and n active codes. The shares of one code say nothing of how much it holds, so that codes of noise
    score by the accidents of a finite sample (0.6 for four factors and 3000 rows). The floor rules that out: entries
    below the level of permuted rows count as zero, and a code left without any is not active. Without any active code
    the score is 0.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), at least two, or a `Truth`. A discrete factor is counted by category, a circular one by
            `bins` equal arcs, a continuous one by `bins` bins of equally many rows, since its entropy is no measure.
        code_kind: `continuous` (information by 10 nearest neighbours) or `discrete` (each value of a code is a
            category; information by counts).
        kinds: of the factors of an array: `continuous`, `discrete` or `circular`, one for all or one for each.
        bins: of each factor that is not discrete.
        prune: a continuous code whose range, in its own units, is at most this share of the widest is not active. The
            published rule is 1/20, by which the scale of a code decides; 0 leaves out constant codes alone.
        use_floor: False, with `prune=1/20`, for the published definition.
        nulls: draws of each null; 0 for none.
        seed: of the noise that breaks ties, the floor and the nulls.

    Returns:
        A score of at most 1 with the part of each active code, and the nulls `permuted rows` and, for continuous codes,
        `random rotation` (the true latents, taken as numbers, standardised and rotated at random).

    Raises:
        InputError: lengths differ, NaN or infinite values, a constant factor, fewer than two factors or than 10 rows.

    Source: Hsu et al., Disentanglement via Latent Quantization, 2023.

    >>> rng = np.random.default_rng(0)
    >>> s, noise = rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
    >>> info_modularity(np.hstack([s, s, noise]), s).value > 0.95, info_modularity(noise, s).value
    (True, 0.0)
    """
    shares = _Shares(estimate, truth, "info_modularity", code_kind, kinds, bins, prune, use_floor, seed)
    return shares.scores(nulls)["modularity"]


def info_compactness(
    estimate: Array,
    truth: Array | Truth,
    code_kind: str = "continuous",
    kinds: str | Sequence[str] | None = None,
    bins: int = 10,
    prune: float = 0.0,
    use_floor: bool = True,
    nulls: int = 5,
    seed: int = 0,
) -> Score:
    r"""InfoC: whether each true factor is held by one active code alone, whether or not that code is about others too.

    $$\mathrm{InfoC} = \frac{1}{d} \sum_{i=1}^{d} \frac{r_i - 1/n}{1 - 1/n}, \qquad
    r_i = \frac{\max_j R_{ij}}{\sum_j R_{ij}}$$

    with R and the n active codes as in `info_modularity`. A factor that no active code is about counts 0; where one
    code alone is active, each factor that it is about counts 1.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), or a `Truth`, as in `info_modularity`.
        code_kind: as in `info_modularity`.
        kinds: as in `info_modularity`.
        bins: as in `info_modularity`.
        prune: as in `info_modularity`.
        use_floor: as in `info_modularity`.
        nulls: draws of each null; 0 for none.
        seed: as in `info_modularity`.

    Returns:
        A score of at most 1, with the part of each factor, and the nulls of `info_modularity`.

    Raises:
        InputError: as `info_modularity`, but one factor is enough.

    Source: Hsu et al., Disentanglement via Latent Quantization, 2023.

    >>> s = np.random.default_rng(0).normal(size=(500, 2))
    >>> info_compactness(s, s).value > 0.95, info_compactness(np.hstack([s, s]), s).value < 0.4
    (True, True)
    """
    shares = _Shares(estimate, truth, "info_compactness", code_kind, kinds, bins, prune, use_floor, seed)
    return shares.scores(nulls)["compactness"]


def info_mec(
    estimate: Array,
    truth: Array | Truth,
    code_kind: str = "continuous",
    kinds: str | Sequence[str] | None = None,
    bins: int = 10,
    prune: float = 0.0,
    use_floor: bool = True,
    held_out: bool = True,
    nulls: int = 5,
    seed: int = 0,
) -> dict[str, Score]:
    """InfoMEC: the scores of `info_modularity`, `info_explicitness` and `info_compactness`, from one matrix.

    Args:
        estimate: (rows, codes).
        truth: (rows, factors), at least two, or a `Truth`.
        code_kind: as in `info_modularity`.
        kinds: as in `info_modularity`.
        bins: as in `info_modularity`.
        prune: as in `info_modularity`.
        use_floor: as in `info_modularity`.
        held_out: as in `info_explicitness`.
        nulls: draws of each null; 0 for none.
        seed: of every draw.

    Returns:
        The three scores, by the names `modularity`, `explicitness` and `compactness`. The published definition is
        `prune=1/20, use_floor=False, held_out=False`.

    Raises:
        InputError: as the three functions.

    Source: Hsu et al., Disentanglement via Latent Quantization, 2023.

    >>> s = np.random.default_rng(0).integers(0, 3, size=(600, 2))
    >>> {name: round(score.value, 1) for name, score in info_mec(np.hstack([s, s]), s, kinds="discrete").items()}
    {'modularity': 1.0, 'explicitness': 1.0, 'compactness': 0.3}
    """
    shares = _Shares(estimate, truth, "info_mec", code_kind, kinds, bins, prune, use_floor, seed)
    scores = shares.scores(nulls)
    explicit = info_explicitness(estimate, truth, code_kind, kinds, bins, held_out, nulls, seed)
    return {"modularity": scores["modularity"], "explicitness": explicit, "compactness": scores["compactness"]}


class _Shares:
    """The matrix R of normalised information, and the two scores that are made of its shares."""

    def __init__(
        self,
        estimate: Array,
        truth: Array | Truth,
        who: str,
        code_kind: str,
        kinds: str | Sequence[str] | None,
        bins: int,
        prune: float,
        use_floor: bool,
        seed: int,
    ) -> None:
        self.codes, self.known = checked(estimate, truth, who, code_kind, kinds, bins)
        if len(self.known) < 2 and who != "info_compactness":
            raise InputError(f"{who} compares the factors that a code is about, so it needs at least two, and has one")
        if not 0 <= prune < 1:
            raise InputError(f"prune is a share of the widest range, from 0 to below 1, and is {prune:g}")
        self.labels = factor_labels(self.known, bins)
        self.entropy = entropies(self.labels)[:, None]
        self.code_kind, self.prune, self.use_floor, self.seed = code_kind, prune, use_floor, seed
        self.settings = {"bins": bins, "kinds": list(self.known.kinds), "seed": seed}

    def table(self, labels: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Normalised information (factors, codes)."""
        if not codes.shape[1]:
            return np.zeros((len(self.known), 0))
        if self.code_kind == "discrete":
            return information(labels, code_labels(codes, len(codes), "quantile")) / self.entropy
        return neighbour_information(labels, codes, seed=self.seed) / self.entropy

    def scores(self, nulls: int) -> dict[str, Score]:
        """The scores `modularity` (of two factors or more) and `compactness`."""
        spread = np.ptp(self.codes, axis=0)
        wide = spread > (self.prune if self.code_kind == "continuous" else 0.0) * spread.max()
        codes = self.codes[:, wide]
        rng = np.random.default_rng([self.seed, 1])
        level = np.zeros((len(self.known), 1))
        if self.use_floor and wide.any():
            level = floor(lambda labels: self.table(labels, codes), self.labels, rng)

        def parts(labels: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            found = self.table(labels, codes)
            found = np.where(found > level, found, 0.0)
            active = found.max(0, initial=0.0) > 0 if self.use_floor else np.full(found.shape[1], True)
            return _shares(found[:, active], 0), np.nan_to_num(_shares(found[:, active], 1)), active

        by_code, by_factor, active = parts(self.labels, codes)
        found: dict[str, list[tuple[float, float]]] = {}
        if nulls:
            permuted = [parts(rng.permutation(self.labels), codes) for _ in range(nulls)]
            found["permuted rows"] = [(_mean(m), _mean(c)) for m, c, _ in permuted]
        if nulls and len(self.known) > 1 and self.code_kind == "continuous":
            rotate = rotations(self.known.values, np.random.default_rng([self.seed, 2]))
            width = min(self.codes.shape[1], len(self.known))
            rotated = [parts(self.labels, rotate()[:, :width]) for _ in range(nulls)]
            found["random rotation"] = [(_mean(m), _mean(c)) for m, c, _ in rotated]

        positions = np.flatnonzero(wide)[active]
        named = {
            "modularity": {f"code {j}": part for j, part in zip(positions, by_code, strict=True) if part == part},
            "compactness": dict(zip(self.known.names, by_factor, strict=True)),
        }
        settings = {
            "active": f"{len(positions)} of {len(wide)} codes active",
            "level": "floor of permuted rows" if self.use_floor else "no floor",
            "code_kind": f"{self.code_kind} codes",
            "prune": self.prune,
            "use_floor": self.use_floor,
            "codes": len(wide),
            "factors": len(self.known),
            "nulls": nulls,
            **self.settings,
        }
        return {
            name: Score(
                name=f"info_{name}",
                value=_mean(np.array(list(each.values()))),
                parts={part: float(value) for part, value in each.items()},
                nulls={null: Null.of([pair[position] for pair in draws]) for null, draws in found.items()},
                n=len(self.codes),
                settings=settings,
            )
            for position, (name, each) in enumerate(named.items())
        }


def _shares(found: np.ndarray, axis: int) -> np.ndarray:
    """The largest share along an axis, from 0 where all are even to 1 for a single entry; NaN where all are zero."""
    count = found.shape[axis]
    if not count:
        return np.full(found.shape[1 - axis], np.nan)
    total = found.sum(axis)
    share = found.max(axis) / np.where(total > 0, total, 1.0)
    rescaled = (share - 1 / count) / (1 - 1 / count) if count > 1 else share
    return np.where(total > 0, rescaled, np.nan)


def _mean(parts: np.ndarray) -> float:
    """Mean of the parts that are defined; 0 where none is."""
    defined = parts[~np.isnan(parts)]
    return float(defined.mean()) if len(defined) else 0.0
