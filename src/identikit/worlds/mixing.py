"""Invertible maps from latents to observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.errors import InputError

_TRIES = 1000


@dataclass(frozen=True)
class Mixing:
    r"""An injective map: square layers with a leaky rectifier between them, the last one lifting to `observed` numbers.

    .. math:: g(z) = W_L\, a( W_{L-1} \cdots a(W_1 z)), \qquad a(t) = \max(t, s\,t)

    Attributes:
        weights: one matrix `(out, in)` for each layer, of full column rank.
        slope: of the leaky rectifier below zero; 1 makes the map linear.

    >>> import numpy as np
    >>> mixing = draw_mixing(np.random.default_rng(0), latents=2, observed=5)
    >>> mixing(np.zeros((3, 2))).shape, mixing.condition < 25
    ((3, 5), True)
    """

    weights: tuple[np.ndarray, ...]
    slope: float

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map `(rows, latents)` to `(rows, observed)`."""
        x = latents
        for weight in self.weights[:-1]:
            x = x @ weight.T
            x = np.where(x > 0, x, self.slope * x)
        return x @ self.weights[-1].T

    def inverse(self, observed: np.ndarray) -> np.ndarray:
        """Map `(rows, observed)` back to `(rows, latents)`."""
        x = observed @ np.linalg.pinv(self.weights[-1]).T
        for weight in reversed(self.weights[:-1]):
            x = np.where(x > 0, x, x / self.slope)
            x = np.linalg.solve(weight, x.T).T
        return x

    @property
    def condition(self) -> float:
        """The largest condition number among the layers."""
        return max(float(np.linalg.cond(weight)) for weight in self.weights)


def draw_mixing(
    rng: np.random.Generator, latents: int, observed: int, layers: int = 2, slope: float = 0.2, condition: float = 25.0
) -> Mixing:
    """Draw a mixing whose every layer has a condition number below a bound.

    Args:
        rng: source of the weights.
        latents: number of latents.
        observed: number of observations, at least as many.
        layers: number of matrices.
        slope: of the leaky rectifier below zero.
        condition: the bound; layers are drawn again until they keep it.
    """
    if observed < latents:
        raise InputError(f"observed is at least the number of latents ({latents}), not {observed}: the map would lose")
    shapes = [(latents, latents)] * (layers - 1) + [(observed, latents)]
    return Mixing(tuple(_draw(rng, shape, condition) for shape in shapes), slope)


def _draw(rng: np.random.Generator, shape: tuple[int, int], condition: float) -> np.ndarray:
    for _ in range(_TRIES):
        weight = rng.normal(size=shape)
        weight /= np.linalg.norm(weight, axis=0)
        if np.linalg.cond(weight) < condition:
            return weight
    raise InputError(f"no layer of shape {shape} has a condition number below {condition:g}: raise the bound")
