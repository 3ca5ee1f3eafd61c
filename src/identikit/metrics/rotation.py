"""The random-rotation reference: all information about the latents, and no single latent found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from identikit.metrics.inputs import Factors


def rotations(true: np.ndarray, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Return a function that draws the latents, each standardised, rotated at random all together.

    Latents that depend on each other are rotated as they are: what they share helps a rotation as it helps a learner
    that has found no single one of them. (Rotating them whitened would also turn what they share, and be lenient.)

    Args:
        true: (rows, factors), none constant.
        rng: of the rotations.

    Returns:
        A function without arguments; each call draws (rows, factors) afresh, with mean 0.

    >>> s = np.random.default_rng(0).normal(size=(500, 2)) * [1.0, 9.0]
    >>> draw = rotations(s, np.random.default_rng(1))()
    >>> bool(np.allclose((draw**2).sum(1), ((s - s.mean(0)) ** 2 / s.var(0)).sum(1)))
    True
    """
    scaled = (true - true.mean(0)) / true.std(0)
    size = scaled.shape[1]

    def draw() -> np.ndarray:
        q, r = np.linalg.qr(rng.normal(size=(size, size)))
        # The signs of R make the rotation uniform over all rotations.
        return scaled @ (q * np.sign(np.diag(r)))

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
