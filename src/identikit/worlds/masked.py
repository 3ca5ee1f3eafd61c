"""Many mechanisms at once, each of which reads only the inputs that a mask leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from identikit.worlds.mechanisms import draw_mechanism

_CHUNK = 2_048
"""Rows mapped at a time, so that what is in between stays in the processor's cache."""


@dataclass(frozen=True)
class MaskedMechanisms:
    r"""Smooth bounded functions, one for each output, as one product over all of them.

    .. math:: f_j(v) = b_j^\top \tanh(A_j v + a_j), \qquad A_{j \cdot i} = 0 \text{ where output } j
        \text{ does not read input } i

    An output that reads nothing is 0.

    Attributes:
        inner: (outputs, hidden, inputs).
        shift: (outputs, hidden).
        outer: (outputs, hidden).
    """

    inner: np.ndarray
    shift: np.ndarray
    outer: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Map `(rows, inputs)` to `(rows, outputs)`."""
        outputs, hidden, width = self.inner.shape
        out = np.empty((len(inputs), outputs))
        flat, shift = self.inner.reshape(outputs * hidden, width).T, self.shift.reshape(-1)
        for start in range(0, len(inputs), _CHUNK):
            units = inputs[start : start + _CHUNK] @ flat
            units += shift
            np.tanh(units, out=units)
            np.einsum(
                "roh,oh->ro", units.reshape(len(units), outputs, hidden), self.outer, out=out[start : start + _CHUNK]
            )
        return out

    def slopes(self, inputs: np.ndarray) -> np.ndarray:
        """Derivatives `(rows, outputs, inputs)` at inputs `(rows, inputs)`."""
        units = np.tanh(np.einsum("ohi,ri->roh", self.inner, inputs) + self.shift)
        return np.einsum("roh,ohi->roi", (1 - units**2) * self.outer, self.inner)

    def part(self, outputs: np.ndarray) -> MaskedMechanisms:
        """The mechanisms of some outputs alone."""
        return MaskedMechanisms(self.inner[outputs], self.shift[outputs], self.outer[outputs])


def draw_masked(rng: np.random.Generator, mask: np.ndarray, hidden: int = 16) -> MaskedMechanisms:
    """Draw one mechanism for each output, of about unit variance for inputs of unit variance.

    Args:
        rng: source of the weights; one child generator for each output, so that a change to what one output reads
            leaves the others as they are.
        mask: (outputs, inputs), true where the output reads the input.
        hidden: units of each mechanism.

    >>> f = draw_masked(np.random.default_rng(0), np.array([[True, False], [True, True], [False, False]]))
    >>> first, second = f(np.array([[1.0, 0.0], [1.0, 5.0]]))
    >>> (first != second).tolist(), float(first[2])
    ([False, True, False], 0.0)
    """
    outputs, width = mask.shape
    inner, shift, outer = np.zeros((outputs, hidden, width)), np.zeros((outputs, hidden)), np.zeros((outputs, hidden))
    for j, child in enumerate(rng.spawn(outputs)):
        reads = np.flatnonzero(mask[j])
        if len(reads):
            drawn = draw_mechanism(child, len(reads), hidden=hidden)
            inner[j][:, reads], shift[j], outer[j] = drawn.inner, drawn.shift, drawn.outer[0] / math.sqrt(hidden)
    return MaskedMechanisms(inner, shift, outer)
