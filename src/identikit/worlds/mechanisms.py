"""Functions by which causes make effects: random smooth networks, and noises."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from identikit.errors import unknown

NOISES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "laplace": lambda rng, shape: rng.laplace(scale=math.sqrt(0.5), size=shape),
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), size=shape),
}
"""Independent noises of mean 0 and variance 1, by name."""


def draw_noise(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw independent numbers of mean 0 and variance 1 from one of `NOISES`.

    >>> draw_noise("uniform", np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    if kind not in NOISES:
        raise unknown("noise", kind, NOISES)
    return NOISES[kind](rng, shape)


@dataclass(frozen=True)
class Mechanism:
    r"""A smooth bounded function of several inputs: one hidden layer of tanh with normal weights.

    .. math:: f(v) = B \tanh(A v + a) / \sqrt{h}

    Attributes:
        inner: A, (hidden, inputs).
        shift: a, (hidden,).
        outer: B, (outputs, hidden).
    """

    inner: np.ndarray
    shift: np.ndarray
    outer: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Map `(..., inputs)` to `(..., outputs)`."""
        return np.tanh(inputs @ self.inner.T + self.shift) @ self.outer.T / math.sqrt(len(self.shift))


def draw_mechanism(rng: np.random.Generator, inputs: int, outputs: int = 1, hidden: int = 16) -> Mechanism:
    """Draw a mechanism whose outputs have about unit variance for inputs of unit variance.

    >>> f = draw_mechanism(np.random.default_rng(0), inputs=2)
    >>> f(np.zeros((5, 2))).shape
    (5, 1)
    """
    inner = rng.normal(size=(hidden, inputs)) * math.sqrt(2.0 / max(inputs, 1))
    return Mechanism(inner, rng.normal(size=hidden) * 0.5, 1.5 * rng.normal(size=(outputs, hidden)))
