"""Batches and noise for every run, each a pure function of the run's seed and the step.

Nothing is drawn from a generator that lives through training, so a run sees the same batches and the same noise alone,
among others, and after it was killed and resumed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from identikit.errors import InputError

_CHUNK = 16
_KINDS = ("parameters", "batches", "noise", "validation", "layers")


def generator(seed: int, kind: str, *place: int) -> torch.Generator:
    """A fresh generator for one purpose of one run."""
    return torch.Generator().manual_seed(seed_for(seed, kind, *place))


def seed_for(seed: int, kind: str, *place: int) -> int:
    """A 64-bit seed for one purpose of one run; different purposes and places are independent."""
    words = np.random.SeedSequence([seed, _KINDS.index(kind), *place]).generate_state(2, np.uint32)
    return int(words[0]) << 31 ^ int(words[1])


class Streams:
    """The rows and the noise of each step.

    Args:
        groups: training row indices, one array for each domain where batches are balanced, else one array.
        batch: rows in a batch; groups share it equally.
        seeds: one for each run; runs of the same seed see the same.
        noise: standard normal numbers for each row.
        device: of the results.
    """

    def __init__(
        self, groups: Sequence[np.ndarray], batch: int, seeds: Sequence[int], noise: int, device: torch.device
    ) -> None:
        self.seeds, runs = np.unique(np.asarray(seeds), return_inverse=True)
        self.runs = torch.as_tensor(runs, device=device)
        self.noise_size = noise
        self.batch = batch
        self.device = device
        base, extra = divmod(batch, len(groups))
        self.groups = [(torch.as_tensor(rows), base + (i < extra)) for i, rows in enumerate(groups)]
        for rows, share in self.groups:
            if len(rows) < max(share, 1):
                raise InputError(f"a batch takes {share} rows of each domain, and one has {len(rows)} training rows")
        self._orders: list[tuple[int, Tensor]] = [(-1, torch.empty(0))] * len(self.groups)
        self._noise: tuple[int, Tensor] = (-1, torch.empty(0))

    def rows(self, step: int) -> Tensor:
        """Row indices of a step, `(runs, batch)`."""
        parts = []
        for i, (rows, share) in enumerate(self.groups):
            if share == 0:
                continue
            epoch, place = divmod(step, len(rows) // share)
            if self._orders[i][0] != epoch:
                orders = [
                    rows[torch.randperm(len(rows), generator=generator(int(s), "batches", i, epoch))]
                    for s in self.seeds
                ]
                self._orders[i] = (epoch, torch.stack(orders).to(self.device))
            parts.append(self._orders[i][1][:, place * share : (place + 1) * share])
        return torch.cat(parts, 1)[self.runs]

    def noise(self, step: int) -> Tensor:
        """Noise of a step, `(runs, batch, size)`."""
        chunk, place = divmod(step, _CHUNK)
        if self._noise[0] != chunk:
            shape = (_CHUNK, self.batch, self.noise_size)
            draws = [torch.randn(shape, generator=generator(int(s), "noise", chunk)) for s in self.seeds]
            self._noise = (chunk, torch.stack(draws, 1).to(self.device))
        return self._noise[1][place][self.runs]
