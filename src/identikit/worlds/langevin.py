"""A particle among wells: overdamped Langevin dynamics, seen through thirty sensors that each see few coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import HIDDEN, Dataset, Truth
from identikit.errors import InputError
from identikit.worlds.base import check_seed
from identikit.worlds.description import Assumption
from identikit.worlds.sequences import SequenceWorld, by_row, check_length, drivers_differ_most, independent_at_one_time
from identikit.worlds.sparse import told_apart

NAMES = ("x", "z1", "z2", "z3", "u1", "u2")
STEP = 0.002
"""Time in one step of integration; the friction is 1."""
BURN_IN = 500
"""Steps of integration before the first time point."""
EDGE = 0.1
"""Closer to the barrier than this, x is in neither well."""
SENSORS = (
    (0, 1, 2, 3, 4),
    (5, 6, 7, 8),
    (9, 10, 11, 12, 4),
    (13, 14, 15, 16, 8),
    (17, 18, 19, 20, 21),
    (22, 23, 24, 25, 26, 21),
)
"""The sensors that see each coordinate; 27 to 29 see none."""
OBSERVED = 30

_WELLS = (
    # coordinate, centre, width, height: below 0 a well, above 0 a barrier. Those of x are set by z1, z2 and z3.
    *((0, -1.0, 0.45, -1.0), (0, 1.0, 0.45, -1.0), (0, 0.0, 0.5, 0.7)),
    *((1, 0.5, 0.25, -1.0), (1, 1.5, 0.25, -1.0), (1, 1.0, 0.3, 0.4)),
    *((2, 0.5, 0.25, -1.0), (2, 1.5, 0.25, -1.0), (2, 1.0, 0.3, 0.4)),
    *((3, 0.2, 0.25, -1.0), (3, 1.2, 0.25, -1.0), (3, 0.7, 0.3, 0.4)),
    *((4, -1.0, 0.45, -1.0), (4, 1.0, 0.45, -1.0), (4, 0.0, 0.5, 0.5)),
    *((5, -1.0, 0.35, -1.0), (5, 0.0, 0.35, -1.0), (5, 1.0, 0.35, -1.0), (5, -0.5, 0.25, 0.5), (5, 0.5, 0.25, 0.5)),
)
_OF = np.array([well[0] for well in _WELLS])
_CENTRE, _WIDTH, _HEIGHT = (np.array([well[k] for well in _WELLS], np.float32)[:, None] for k in (1, 2, 3))
_INVERSE = 1 / _WIDTH
_STARTS = np.flatnonzero(np.diff(_OF, prepend=-1))
_MIDDLE = np.array([0.0, 1.0, 1.0, 0.7, 0.0, 0.0], np.float32)[:, None]
_WALL = np.array([0.08, 0.05, 0.05, 0.05, 0.08, 0.06], np.float32)[:, None]
_SIGNS = np.array([-1.0, -1.0, 1.0], np.float32)[:, None]
"""z1 and z2 are depths of wells, z3 is the height of a barrier."""
_LEAST, _MOST = np.array([0.1, 0.1, 0.05], np.float32)[:, None], np.float32(3.0)

_CURVES: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    np.sin,
    lambda v: np.tanh(2 * v),
    lambda v: v**3 / 5,
    lambda v: 1 / (1 + np.exp(-3 * v)),
    lambda v: np.logaddexp(0, 2 * v) / 2,
)


@dataclass(frozen=True)
class Langevin(SequenceWorld):
    r"""Six coordinates that wander among wells at some temperature, seen through thirty sparse and noisy sensors.

    .. math:: dq = -\nabla U(q)\, dt + \sqrt{2 k T}\, dW, \qquad
        U(q) = \sum_i \Big( \sum_k h_{ik} e^{-(q_i - c_{ik})^2 / 2 s_{ik}^2} + w_i (q_i - m_i)^4 \Big)

    The reaction coordinate x lies in a double well whose depths and barrier are the coordinates z1, z2 and z3; each of
    these has two wells of its own, u1 two and u2 three. The regime is the well of x, on the left or on the right, and
    not known to the learner within 0.1 of the barrier. A sensor sees one or two coordinates, by sums of sines,
    sigmoids, hyperbolic tangents, cubes or softplus of them; three see nothing but noise.

    Args:
        length: time points in a sequence.
        steps: of integration from one time point to the next, each 0.002 long.
        temperature: kT.
        coupled: whether z1, z2 and z3 set the wells of x, and are pushed back by it.
        interaction: size of a product of two coordinates in the three sensors that see two; 0 leaves sums.
        noise: deviation of the sensors' noise, above 0.
        seed: of the sensors.

    Raises:
        InputError: a number out of its range.

    Source: the synthetic benchmark of MOSAIC (its public code of 2026; the paper was not read): potential, constants,
    sensors, temperature and noise are those of its settings. Starting in a well of each coordinate at random, and the
    burn-in of one unit of time, are this library's choice.

    >>> world = Langevin(length=20)
    >>> data, truth = world.sample(400, seed=0)
    >>> data
    Dataset(400 rows: x(30,), sequence(), time(), regime(); train 320, validation 40, test 40)
    >>> truth.names, truth.blocks["driving"]
    (('x', 'z1', 'z2', 'z3', 'u1', 'u2'), (0, 1, 2))
    """

    length: int = 100
    steps: int = 40
    temperature: float = 0.3
    coupled: bool = True
    interaction: float = 0.0
    noise: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        check_length(self.length)
        if self.steps < 1:
            raise InputError(f"steps is 1 or more, not {self.steps}")
        for name in ("temperature", "noise"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is above 0, not {getattr(self, name):g}")
        check_seed(self.seed)

    @property
    def support(self) -> np.ndarray:
        """(30, 6) 0/1, entry (j, i) where sensor j sees coordinate i."""
        return np.array([[int(j in seen) for seen in SENSORS] for j in range(OBSERVED)], dtype=np.int8)

    @property
    def lagged(self) -> np.ndarray:
        """(1, 6, 6) 0/1, entry (0, i, j) where coordinate i pushes coordinate j."""
        found = np.eye(len(NAMES), dtype=np.int8)
        if self.coupled:
            found[0, 1:4] = found[1:4, 0] = 1
        return found[None]

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        """Draw `n` rows, `n / length` sequences.

        Returns:
            `(data, truth)`: data with `x` (n, 30), `sequence`, `time` and `regime`; truth with the coordinates, the
            regime of every row, and the sensors without their noise as `mixing`.

        Raises:
            InputError: `n` is no multiple of `length`.
        """
        count = self.sequences(n)
        check_seed(seed)
        rng = np.random.default_rng([self.seed, seed, 1])
        latents = by_row(self._wander(count, rng)).astype(float)
        right = (latents[:, 0] > 0).astype(np.int64)
        fields, split = self.stamps(n, seed)
        x = self.sense(latents) + self.noise * rng.normal(size=(n, OBSERVED))
        truth = Truth(
            latents=latents,
            names=NAMES,
            kinds=("continuous",) * len(NAMES),
            blocks={"driving": (0, 1, 2), "other": (3, 4, 5)} if self.coupled else {"driving": (0,)},
            graph=np.zeros((len(NAMES),) * 2, dtype=np.int8),
            labels={"regime": right},
            mixing=self.sense,
            split=split,
        )
        names = {"x": tuple(f"sensor {j}" for j in range(OBSERVED)), "regime": ("left", "right")}
        fields["regime"] = np.where(np.abs(latents[:, 0]) <= EDGE, HIDDEN, right)
        return Dataset(x.astype(np.float32), fields, names, split, self.source(n, seed)), truth

    def sense(self, latents: np.ndarray) -> np.ndarray:
        """Map coordinates `(rows, 6)` to what the sensors show without noise, `(rows, 30)`."""
        out = np.zeros((len(latents), OBSERVED))
        for (i, j), (curve, weight, shift) in self._curves.items():
            out[:, j] += weight * _CURVES[curve](latents[:, i] + shift)
        if self.interaction:
            for j in np.flatnonzero(self.support.sum(1) == 2):
                a, b = np.flatnonzero(self.support[j])
                out[:, j] += self.interaction * np.tanh(latents[:, a] * latents[:, b])
        return out

    def assumptions(self, data: Dataset, truth: Truth) -> list[Assumption]:
        """Whether the decoder is sparse and additive, and whether the drivers are what differs between regimes."""
        alone = all(told_apart(self.support, i) for i in range(len(NAMES)))
        return [
            independent_at_one_time(truth, self.length, self.lagged),
            Assumption("structural sparsity", alone, "every coordinate has sensors of its own", measured=False),
            Assumption(
                "additive decoder", self.interaction == 0, f"interaction is {self.interaction:g}", measured=False
            ),
            Assumption(
                "no observation noise", False, f"the sensors' noise has a deviation of {self.noise:g}", measured=False
            ),
            drivers_differ_most(truth, data["regime"], self.length),
        ]

    @cached_property
    def _curves(self) -> dict[tuple[int, int], tuple[int, float, float]]:
        """Which curve of a coordinate a sensor sees, with its weight and shift, by (coordinate, sensor)."""
        rng = np.random.default_rng([self.seed, 2])
        return {
            (i, j): (int(rng.integers(len(_CURVES))), rng.uniform(0.5, 2.0), rng.uniform(-1.0, 1.0))
            for i, seen in enumerate(SENSORS)
            for j in seen
        }

    def energy(self, positions: np.ndarray) -> np.ndarray:
        """The potential U at positions `(rows, 6)`, `(rows,)`."""
        q = positions.T
        bump = np.exp(-0.5 * ((q[_OF] - _CENTRE) / _WIDTH) ** 2)
        return (self._heights(q) * bump).sum(0) + (_WALL * (q - _MIDDLE) ** 4).sum(0)

    def force(self, positions: np.ndarray) -> np.ndarray:
        """Minus the gradient of U at positions `(6, particles)`, of the same shape."""
        q = positions
        away = q[_OF]
        away -= _CENTRE
        away *= _INVERSE
        bump = np.exp(np.float32(-0.5) * away * away)
        pull = self._heights(q)
        pull *= _INVERSE
        pull *= away
        pull *= bump
        out = np.add.reduceat(pull, _STARTS)
        off = q - _MIDDLE
        out -= 4 * _WALL * off * off * off
        if self.coupled:
            # Outside its range a coordinate no longer changes the wells of x, and is not pushed.
            inside = (q[1:4] > _LEAST) & (q[1:4] < _MOST)
            out[1:4] -= inside * _SIGNS * bump[:3]
        return out

    def _heights(self, q: np.ndarray) -> np.ndarray:
        heights = np.repeat(_HEIGHT, q.shape[1], axis=1).astype(q.dtype, copy=False)
        if self.coupled:
            heights[:3] = _SIGNS * q[1:4].clip(_LEAST, _MOST)
        return heights

    def _wander(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Positions (length, count, 6) by Euler-Maruyama, in single precision: twice as fast, and exact enough."""
        wells = [[w[1] for w in _WELLS if w[0] == i and w[3] < 0] for i in range(len(NAMES))]
        q = np.stack([rng.choice(centres, size=count) for centres in wells]).astype(np.float32)
        shake = np.float32(np.sqrt(2 * self.temperature * STEP))
        kept = np.empty((self.length, count, len(NAMES)), np.float32)
        for t in range(self.length):
            steps = BURN_IN if t == 0 else self.steps
            for kick in shake * rng.standard_normal((steps, len(NAMES), count), dtype=np.float32):
                q += np.float32(STEP) * self.force(q)
                q += kick
            kept[t] = q.T
        return kept
