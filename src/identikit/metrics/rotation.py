"""The random-rotation reference: all information about the latents, and no single latent found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identikit.metrics.inputs import Factors


def rotations(true: np.ndarray, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Return a function that draws the latents whitened, rotated at random, and given back their covariance.

    Args:
        true: (rows, factors), none constant.
        rng: of the rotations.

    Returns:
        A function without arguments; each call draws (rows, factors) afresh, with mean 0.

    >>> s = np.random.default_rng(0).normal(size=(500, 2)) * [1.0, 9.0]
    >>> draw = rotations(s, np.random.default_rng(1))()
    >>> bool(np.allclose(np.cov(draw.T), np.corrcoef(s.T), atol=0.01))
    True
    """
    centred = true - true.mean(0)
    # The unit of a latent must not decide which directions count as empty.
    centred = centred / centred.std(0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = variances > 1e-10 * variances.max()
    scale, axes = np.sqrt(variances[kept]), axes[:, kept]
    white, colour = centred @ axes / scale, (axes * scale).T

    def draw() -> np.ndarray:
        q, r = np.linalg.qr(rng.normal(size=(len(scale), len(scale))))
        # The signs of R make the rotation uniform over all rotations.
        return white @ (q * np.sign(np.diag(r))) @ colour

    return draw


def numbers(known: Factors) -> np.ndarray:
    """Return the columns to rotate: an angle as its cosine and sine, a category as its number, others as they are.

    One code can hold a category as a number, whatever the numbering; no code holds an angle without a jump, and two do.

    >>> numbers(Factors(np.array([[0.0, 3.0], [np.pi / 2, 5.0]]), ("a", "b"), ("circular", "discrete"))).round(1)
    array([[1., 0., 3.],
           [0., 1., 5.]])
    """
    if "circular" not in known.kinds:
        return known.values
    columns = np.concatenate(
        [known.features(i) if k == "circular" else known.values[:, [i]] for i, k in enumerate(known.kinds)], axis=1
    )
    # Angles 0 and pi alone have a sine of rounding errors.
    return columns[:, columns.std(0) > 1e-10]
