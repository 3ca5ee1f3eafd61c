"""Invertible maps from latents to observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from identikit.errors import InputError


@dataclass(frozen=True)
class Mixing:
    r"""An injective map: square layers with a leaky rectifier between them, the last one lifting to `observed` numbers.

    .. math:: g(z) = W_L\, a( W_{L-1} \cdots a(W_1 z)), \qquad a(t) = \max(t, s\,t)

    Attributes:
        weights: one matrix `(out, in)` for each layer, of full column rank.
        slope: of the leaky rectifier below zero; 1 makes the map linear.

    >>> import numpy as np
    >>> mixing = draw_mixing(np.random.default_rng(0), latents=2, observed=5)
    >>> mixing(np.zeros((3, 2))).shape, mixing.condition <= 1.5
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


@dataclass(frozen=True)
class PartialMixing:
    """A mixing of the first latents alone: the others leave no trace in the observations of their time point.

    Attributes:
        mixing: of the latents that are seen.
        seen: how many these are; they come first.
    """

    mixing: Mixing
    seen: int

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Map `(rows, latents)` to `(rows, observed)`."""
        return self.mixing(latents[:, : self.seen])

    def inverse(self, observed: np.ndarray) -> np.ndarray:
        """Map `(rows, observed)` back to the latents that are seen, `(rows, seen)`."""
        return self.mixing.inverse(observed)


def draw_mixing(
    rng: np.random.Generator, latents: int, observed: int, layers: int = 3, slope: float = 0.2, condition: float = 1.5
) -> Mixing:
    """Draw a mixing whose every layer has a condition number of at most a bound.

    A layer is a random rotation, a stretch by factors log-uniform between 1 and the bound, and another rotation.

    Args:
        rng: source of the weights.
        latents: number of latents.
        observed: number of observations, at least as many.
        layers: number of matrices.
        slope: of the leaky rectifier below zero.
        condition: the bound; 1 makes every layer orthogonal.

    Raises:
        InputError: fewer observations than latents, no layer, or a bound below 1.

    >>> mixing = draw_mixing(np.random.default_rng(0), latents=2, observed=3)
    >>> z = np.array([[1.0, -2.0]])
    >>> bool(np.allclose(mixing.inverse(mixing(z)), z))
    True
    """
    if observed < latents:
        raise InputError(f"observed is at least the number of latents ({latents}), not {observed}: the map would lose")
    if layers < 1 or condition < 1:
        raise InputError(
            f"a mixing has at least one layer and a condition of 1 or more, not {layers} and {condition:g}"
        )
    shapes = [(latents, latents)] * (layers - 1) + [(observed, latents)]
    mixing = Mixing(tuple(_draw(rng, shape, condition) for shape in shapes), slope)
    if mixing.condition > condition * (1 + 1e-9):
        raise InputError(f"the mixing came out with a condition number of {mixing.condition:.3g}, above {condition:g}")
    return mixing


def check_invertible(mixing: Mixing, most: float = 1e6) -> None:
    """Raise an InputError, with the condition number, unless a mixing can be inverted in practice.

    Args:
        mixing: the map.
        most: the largest condition number that a layer may have.

    >>> check_invertible(Mixing((np.diag([1.0, 1e-9]),), 0.2))
    Traceback (most recent call last):
    identikit.errors.InputError: the mixing is not invertible: a layer has a condition number of 1e+09, above 1e+06
    """
    if mixing.slope == 0 and len(mixing.weights) > 1:
        raise InputError("the mixing is not invertible: its rectifier has slope 0 below zero")
    if mixing.condition > most:
        raise InputError(
            f"the mixing is not invertible: a layer has a condition number of {mixing.condition:.3g}, above {most:g}"
        )


def _draw(rng: np.random.Generator, shape: tuple[int, int], condition: float) -> np.ndarray:
    left, right = (np.linalg.qr(rng.normal(size=(size, shape[1])))[0] for size in shape)
    stretch = condition ** -rng.random(shape[1])
    return (left * stretch) @ right.T
