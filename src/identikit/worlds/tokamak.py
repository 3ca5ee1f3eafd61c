"""Twelve plasma sensors in four modules, before and without a disruption."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.worlds.base import check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.sequences import SequenceWorld, by_row, check_length, drivers_differ_most, independent_at_one_time

MODULES: dict[str, tuple[tuple[str, ...], float, float]] = {
    "mhd": (("q95", "li", "locked_mode"), 0.7, 1.3),
    "density": (("n_bar", "greenwald_frac"), 0.8, 1.5),
    "energy": (("w_mhd", "beta_n", "p_rad_frac"), 0.7, 1.3),
    "shape": (("ip", "elongation", "triangularity", "delta"), 0.6, 1.0),
}
"""The sensors of each module, and the range of their weights."""
PERSISTENCE = 0.95
DEVIATION = 0.3
"""Deviation of what is new in a source at each time point."""


@dataclass(frozen=True)
class Tokamak(SequenceWorld):
    r"""Four slow sources behind twelve sensors; in half of the shots two of them rise before the end.

    .. math:: s_t = 0.95\, s_{t-1} + 0.3\, \epsilon_t, \qquad z_t = s_t + r \cdot \text{rise}_t\, b, \qquad
        x_t = W z_t + \text{noise} \cdot \eta_t

    A sequence is a shot. In shots that end in a disruption, rise goes from 0 at half time to 2 at the end, with
    b = 1.5 for the MHD source, 0.8 for the density source, and 0 for the others. W is positive, and each sensor sees
    the source of its module alone. The regime says whether a row is healthy or comes before a disruption.

    Args:
        length: time points in a shot.
        ramp: r, the size of the rise; 0 makes the two regimes alike.
        noise: deviation of the sensors' noise.
        leak: weight of a sensor in the sources of other modules, as a share of its own; 0 keeps modules apart.
        seed: of the weights.

    Raises:
        InputError: a number out of its range.

    Source: the sensor generator of MOSAIC (its public code of 2026; the paper was not read). There the rise feeds back
    into the sources' own dynamics; here it is added on top, so that it is a straight line. `leak` is this library's
    choice. The names are those of plasma quantities, and nothing else is plasma physics.

    >>> data, truth = Tokamak(length=50).sample(500, seed=0)
    >>> data
    Dataset(500 rows: x(12,), sequence(), time(), regime(); train 400, validation 50, test 50)
    >>> truth.names, truth.blocks["driving"]
    (('mhd', 'density', 'energy', 'shape'), (0, 1))
    """

    length: int = 200
    ramp: float = 1.0
    noise: float = 0.15
    leak: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_length(self.length)
        for name in ("ramp", "noise", "leak"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is 0 or more, not {getattr(self, name):g}")
        check_seed(self.seed)

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors."""
        return tuple(name for names, _, _ in MODULES.values() for name in names)

    @property
    def support(self) -> np.ndarray:
        """(12, 4) 0/1, entry (j, i) where sensor j sees source i."""
        return (self.weights != 0).astype(np.int8)

    @cached_property
    def weights(self) -> np.ndarray:
        """(12, 4) the weight of each source in each sensor."""
        rng = np.random.default_rng([self.seed, 2])
        rows = []
        for i, (names, low, high) in enumerate(MODULES.values()):
            own = rng.uniform(low, high, size=(len(names), 1))
            rows.append(own * np.where(np.arange(len(MODULES)) == i, 1.0, self.leak))
        return np.concatenate(rows)

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, `n / length` shots of which every other one ends in a disruption.

        Returns:
            `(data, truth)`: data with `x` (n, 12), `sequence`, `time` and `regime`; truth with the sources, the
            regime, and the sensors without their noise as `mixing`.

        Raises:
            InputError: `n` is no multiple of `length`.
        """
        count = self.sequences(n)
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        sources = np.empty((self.length, count, len(MODULES)))
        # The start is drawn as the process would be after a long time.
        now = DEVIATION / np.sqrt(1 - PERSISTENCE**2) * rng.normal(size=sources.shape[1:])
        for t in range(self.length):
            now = PERSISTENCE * now + DEVIATION * rng.normal(size=now.shape)
            sources[t] = now
        half = (self.length - 1) / 2
        rise = (np.arange(self.length) / half - 1).clip(0) * 2
        disrupts = np.arange(count) % 2
        sources[:, :, 0] += self.ramp * 1.5 * rise[:, None] * disrupts
        sources[:, :, 1] += self.ramp * 0.8 * rise[:, None] * disrupts
        latents = by_row(sources)
        regime = by_row(((rise > 0)[:, None] & (disrupts == 1)).astype(np.int64))
        fields, split = self.stamps(n, seed)
        x = self.sense(latents) + self.noise * rng.normal(size=(n, len(self.sensors)))
        truth = Truth(
            latents=latents,
            names=tuple(MODULES),
            kinds=("continuous",) * len(MODULES),
            blocks={"driving": (0, 1), "other": (2, 3)},
            graph=np.zeros((len(MODULES),) * 2, dtype=np.int8),
            labels={"regime": regime},
            mixing=self.sense,
            split=split,
        )
        names = {"x": self.sensors, "regime": ("healthy", "before disruption")}
        return Dataset(x.astype(np.float32), {**fields, "regime": regime}, names, split, self.source(n, seed)), truth

    def sense(self, latents: np.ndarray) -> np.ndarray:
        """Map sources `(rows, 4)` to what the sensors show without noise, `(rows, 12)`."""
        return latents @ self.weights.T

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether modules are apart, and whether the regimes differ in the driving sources."""
        alone = self.leak == 0
        return [
            independent_at_one_time(truth, self.length, np.eye(len(MODULES))[None]),
            Assumption("structural sparsity", alone, f"a sensor leaks {self.leak:g} of other modules", measured=False),
            Assumption(
                "no observation noise",
                self.noise == 0,
                f"the sensors' noise has a deviation of {self.noise:g}",
                measured=False,
            ),
            drivers_differ_most(truth, data["regime"], self.length),
        ]
