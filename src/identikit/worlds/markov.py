"""Markov networks of latents over two time points, and the neighbours that keep a latent from being told apart."""

from __future__ import annotations

import numpy as np


def markov_network(lagged: np.ndarray, instantaneous: np.ndarray) -> np.ndarray:
    """Which latents of two neighbouring time points are tied, given all time points before them.

    The directed graph over both time points, with an edge added between any two parents of the same child, and
    directions dropped. Parents from before the two are given, and add nothing.

    Args:
        lagged: (lags, latents, latents) 0/1 edges from past to present.
        instantaneous: (latents, latents) 0/1 edges within a time point, without cycle.

    Returns:
        (2 x latents, 2 x latents) symmetric booleans, the earlier time point first.

    >>> markov_network(np.eye(2)[None], np.zeros((2, 2))).astype(int).tolist()
    [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]
    """
    n = len(instantaneous)
    directed = np.zeros((2 * n, 2 * n), dtype=bool)
    directed[:n, :n] = directed[n:, n:] = instantaneous
    directed[:n, n:] = lagged[0]
    tied = directed | directed.T | (directed[:, None, :] & directed[None, :, :]).any(2)
    np.fill_diagonal(tied, False)
    return tied


def intimate_neighbours(network: np.ndarray) -> np.ndarray:
    """Which neighbours of a node are tied to all its other neighbours.

    A latent without any is identifiable up to a map of its own (Li et al. 2024, IDOL, arXiv 2405.15325, after Zhang et
    al. 2024, arXiv 2402.05052), where the noise varies enough.

    Args:
        network: (nodes, nodes) symmetric booleans.

    Returns:
        (nodes, nodes) booleans, entry (i, j) where j is an intimate neighbour of i.

    >>> chain = np.eye(3, k=1, dtype=bool) | np.eye(3, k=-1, dtype=bool)
    >>> intimate_neighbours(chain).astype(int).tolist()
    [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    """
    reach = network | np.eye(len(network), dtype=bool)
    # j is intimate to i when no neighbour of i lies outside the reach of j.
    missed = (network[:, None, :] & ~reach[None, :, :]).any(2)
    return network & ~missed
