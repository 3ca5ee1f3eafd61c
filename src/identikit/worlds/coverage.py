"""Which combinations of concepts the seen ones cover, latent by latent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from identikit.errors import InputError


def active(layers: Sequence[np.ndarray], present: np.ndarray) -> list[np.ndarray]:
    """Which nodes of each level are active: those with an active parent, and the concepts that are present.

    Args:
        layers: for each level of latents, the (nodes below, nodes) 0/1 array of its edges; below the first level are
            the concepts.
        present: (combinations, concepts) 0/1 array.

    Returns:
        One (combinations, nodes) boolean array for each level, the concepts first.

    Raises:
        InputError: the shapes do not fit one another.

    >>> found = active([np.array([[1, 0], [1, 1]])], np.array([[1, 0]]))
    >>> found[1].tolist()
    [[True, False]]
    """
    present = np.asarray(present)
    if present.ndim != 2 or not np.isin(present, (0, 1)).all():
        raise InputError(f"combinations are rows of 0 and 1, one number for each concept, not shape {present.shape}")
    found = [present.astype(bool)]
    for level, layer in enumerate(layers, 1):
        if layer.ndim != 2 or len(layer) != found[-1].shape[1]:
            raise InputError(
                f"the edges to level {level} have shape {layer.shape}, and the level below has {found[-1].shape[1]} "
                f"nodes"
            )
        found.append(found[-1] @ layer.astype(bool))
    return found


def covered(layers: Sequence[np.ndarray], seen: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    r"""Which latents of each wanted combination are covered by some seen combination.

    The active parents of a latent are covered where one seen combination has them all active at that latent.

    Args:
        layers: as in `active`.
        seen: (seen, concepts) 0/1 array of the combinations in training.
        wanted: (wanted, concepts) 0/1 array of the combinations asked about.

    Returns:
        (wanted, latents) boolean array, the latents of the first level first.

    >>> both = [np.array([[1], [1]])]
    >>> covered(both, seen=[[1, 0], [0, 1]], wanted=[[1, 1], [0, 1]]).tolist()
    [[False], [True]]
    """
    above, asked = active(layers, seen), active(layers, wanted)
    found = []
    for layer, have, need in zip(layers, above[:-1], asked[:-1], strict=True):
        for node in range(layer.shape[1]):
            parents = layer[:, node].astype(bool)
            missing = need[:, None, parents] & ~have[None][:, :, parents]
            found.append(np.any(~missing.any(2), axis=1))
    return np.stack(found, axis=1)


def composable(layers: Sequence[np.ndarray], seen: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    r"""Which combinations of concepts can be composed from the modules that training has shown.

    A combination d is composable if and only if for every latent z there is a seen combination whose active parents of
    z hold those of d; another may serve for another latent:

    .. math:: \forall z\ \exists \tilde d \in \text{seen}:\quad
        \mathrm{active}(\mathrm{Pa}(z) \mid d) \subseteq \mathrm{active}(\mathrm{Pa}(z) \mid \tilde d).

    The decision is exact. Sparser parents make more combinations composable.

    Args:
        layers: as in `active`.
        seen: (seen, concepts) 0/1 array of the combinations in training.
        wanted: (wanted, concepts) 0/1 array of the combinations asked about.

    Returns:
        (wanted,) boolean array.

    Raises:
        InputError: the shapes do not fit one another.

    Source: theorem 3.1 of Learning by Analogy (arXiv 2512.10669), read in a note on the paper. That the support of the
    parents means the active ones is this library's reading.

    >>> own, shared = [np.eye(2, dtype=int)], [np.ones((2, 1), dtype=int)]
    >>> composable(own, seen=[[1, 0], [0, 1]], wanted=[[1, 1]]).tolist()
    [True]
    >>> composable(shared, seen=[[1, 0], [0, 1]], wanted=[[1, 1]]).tolist()
    [False]
    """
    return np.all(covered(layers, seen, wanted), axis=1)
