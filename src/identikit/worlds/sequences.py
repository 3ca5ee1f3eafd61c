"""What all worlds of time share: rows that are time points of sequences of equal length."""

from __future__ import annotations

import numpy as np

from identikit.data import Truth
from identikit.errors import InputError
from identikit.metrics.correlation import cross_correlation
from identikit.splits import make_split
from identikit.worlds.base import World
from identikit.worlds.description import Assumption, Description

LEAST = 20
"""Fewer sequences than this say nothing."""


class SequenceWorld(World):
    """A world whose rows are time points, ordered by sequence and then by time.

    Its data hold the fields `sequence` (which sequence a row is from) and `time` (from 0 in each sequence), and the
    split never cuts a sequence.
    """

    length: int

    def sequences(self, n: int) -> int:
        """Number of sequences in `n` rows.

        Raises:
            InputError: `n` is no multiple of the length of a sequence, or 0.
        """
        if n < 1 or n % self.length:
            raise InputError(f"n is a multiple of the length of a sequence ({self.length}), not {n}")
        return n // self.length

    def stamps(self, n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The fields `sequence` and `time` of `n` rows, and their split."""
        sequence, time = np.divmod(np.arange(n), self.length)
        fields = {"sequence": sequence.astype(np.float32), "time": time.astype(np.float32)}
        return fields, make_split(n, groups=sequence, seed=seed)

    def describe(self, n: int | None = None, seed: int = 0) -> Description:
        """Say what the latents are, how they hang together, and which assumptions of the theory hold.

        Args:
            n: rows of the sample from which it is computed, rounded up to whole sequences; by default 100 sequences,
                or 2,000 rows where that is more.
            seed: of that sample.
        """
        rows = max(2_000, 100 * self.length) if n is None else n
        return super().describe(-(-rows // self.length) * self.length, seed)


def check_length(length: int, least: int = 2) -> None:
    """Raise an InputError unless a sequence has at least `least` time points."""
    if length < least:
        raise InputError(f"length is at least {least} time points, not {length}")


def independent_at_one_time(truth: Truth, length: int, lagged: np.ndarray) -> Assumption:
    """Whether the latents of one time point are independent within a regime, judged from one row of each sequence.

    Neighbours in time are alike, so that all rows together would show dependence that is none.

    Args:
        truth: of whole sequences; its label `regime`, where there is one, tells regimes apart.
        length: time points in a sequence.
        lagged: (lags, latents, latents) 0/1 edges from past to present; those between two latents make them dependent.
    """
    edges = bool((lagged * ~np.eye(lagged.shape[1], dtype=bool)).any())
    edges = edges or (truth.graph is not None and bool(truth.graph.any()))
    said = "edges tie the latents" if edges else "no edge ties two latents"
    regime = truth.labels.get("regime", np.zeros(truth.rows, int))[length - 1 :: length]
    worst, bound, counted = 0.0, 0.0, 0
    for code in np.unique(regime):
        rows = truth.latents[length - 1 :: length][regime == code]
        rows = rows[:, rows.std(0) > 0]
        if len(rows) < LEAST or rows.shape[1] < 2:
            continue
        found = np.abs(cross_correlation(rows, rows))
        np.fill_diagonal(found, 0.0)
        # Four standard errors, so that chance alone hardly ever breaks it.
        chance = float(4 / np.sqrt(len(rows)))
        if counted == 0 or found.max() - chance > worst - bound:
            worst, bound = float(found.max()), chance
        counted += len(rows)
    if counted == 0:
        return Assumption("independent latents", not edges, said, measured=False)
    why = f"{said}; at one time the largest rank correlation over {counted} sequences is {worst:.2f}"
    return Assumption("independent latents", not edges and worst <= bound, f"{why}, chance goes to {bound:.2f}")


def drivers_differ_most(truth: Truth, regime: np.ndarray, length: int) -> Assumption:
    """Whether the latents of the block `driving` are further apart between two regimes than all others.

    Args:
        truth: of whole sequences.
        regime: (rows,) codes; only 0 and 1 count.
        length: time points in a sequence.
    """
    name = "drivers differ most"
    first, second = (truth.latents[regime == code] for code in (0, 1))
    if truth.rows < LEAST * length or min(len(first), len(second)) < LEAST:
        return Assumption(name, None, f"fewer than {LEAST} sequences, or rows of a regime, to compare", measured=False)
    apart = np.abs(first.mean(0) - second.mean(0)) / np.sqrt((first.var(0) + second.var(0)) / 2)
    drives = np.isin(np.arange(len(apart)), truth.blocks["driving"])
    why = (
        f"regimes are at least {apart[drives].min():.2f} deviations apart in the drivers, "
        f"and at most {apart[~drives].max():.2f} in the others"
    )
    # Half a deviation: one source that wanders slowly may well differ by less from chance alone.
    return Assumption(name, bool(apart[drives].min() > max(apart[~drives].max(), 0.5)), why)


def by_row(values: np.ndarray) -> np.ndarray:
    """Turn (time, sequences, ...) as it is simulated into (rows, ...) ordered by sequence and then by time.

    >>> by_row(np.array([[0, 10], [1, 11]])).tolist()
    [0, 1, 10, 11]
    """
    return np.ascontiguousarray(values.swapaxes(0, 1)).reshape(-1, *values.shape[2:])
