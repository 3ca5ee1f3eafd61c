"""The arrays that both sides of a comparison are given."""

from __future__ import annotations

import itertools

import numpy as np

VALUES = 6


def discrete(seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Four factors of six values, every combination twice in random order (2,592 rows), and codes by situation.

    Every combination is there so that a peer which samples from a generating process can be given the table.

    Args:
        seed: of the order, the noise and the rotation.

    Returns:
        (rows, factors) whole numbers, and (rows, codes) for each situation.
    """
    rng = np.random.default_rng(seed)
    grid = np.array(list(itertools.product(range(VALUES), repeat=4)))
    factors = rng.permutation(np.repeat(grid, 2, axis=0)).astype(float)
    rows, width = factors.shape
    q, r = np.linalg.qr(rng.normal(size=(width, width)))
    mixing = np.eye(width) + 0.5 * rng.normal(size=(width, width))
    codes = {
        "perfect": factors,
        "duplicated": np.hstack([factors, factors]),
        "tiny noise": np.hstack([factors, 1e-3 * rng.normal(size=(rows, 8))]),
        "unit noise": np.hstack([factors, rng.normal(size=(rows, 8))]),
        "rotation": factors @ (q * np.sign(np.diag(r))),
        "noise": rng.normal(size=(rows, 8)),
        "noisy mixture": factors @ mixing + 0.5 * rng.normal(size=(rows, width)),
    }
    return factors, codes


def continuous(seed: int = 0, rows: int = 2_000) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs (codes, factors) of four independent normal factors, by situation."""
    rng = np.random.default_rng([seed, 1])
    factors = rng.normal(size=(rows, 4))
    q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    noisy = factors + 0.5 * rng.normal(size=factors.shape)
    surplus = rng.normal(size=(rows, 36))
    codes = {
        "permuted, signs turned": factors[:, [2, 0, 3, 1]] * [1.0, -1.0, 1.0, -1.0],
        "cubed": noisy[:, ::-1] ** 3,
        "rotation": factors @ q,
        "noise": rng.normal(size=(rows, 4)),
        "noisy mixture": noisy @ (np.eye(4) + 0.4 * rng.normal(size=(4, 4))),
        "40 codes": np.hstack([noisy, surplus]),
        "2 codes": noisy[:, :2],
    }
    pairs = {name: (z, factors) for name, z in codes.items()}
    return pairs | {"36 codes of noise, 100 rows": (surplus[:100], factors[:100])}


def dictionaries(seed: int = 0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs (estimate, truth) of dictionaries of 64 atoms (rows) in 32 dimensions."""
    rng = np.random.default_rng([seed, 2])
    truth = rng.normal(size=(64, 32))
    mixed = rng.permutation(truth)
    turned = mixed * rng.choice([-1.0, 1.0], size=(64, 1))
    return {
        "permuted": (3.0 * mixed, truth),
        "noisy": (mixed + 0.7 * rng.normal(size=mixed.shape), truth),
        "signs turned": (turned, truth),
        "unrelated": (rng.normal(size=truth.shape), truth),
    }


def graphs(seed: int = 0, nodes: int = 6, count: int = 200) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Pairs (estimate, truth) of directed acyclic graphs: entry [i, j] is 1 where i points to j."""
    rng = np.random.default_rng([seed, 3])

    def dag(density: float) -> np.ndarray:
        order = rng.permutation(nodes)
        upper = np.triu(rng.random((nodes, nodes)) < density, 1).astype(int)
        return upper[np.ix_(order, order)]

    truths = [dag(0.4) for _ in range(count)]
    reversed_one = []
    for truth in truths:
        estimate = truth.copy()
        # An edge without another directed path between its ends can be reversed without a cycle.
        paths = np.linalg.matrix_power(truth + np.eye(nodes, dtype=int), nodes) > 0
        for i, j in np.argwhere(truth):
            if not any(truth[i, k] and paths[k, j] for k in range(nodes) if k != j):
                estimate[i, j], estimate[j, i] = 0, 1
                break
        reversed_one.append(estimate)
    return {
        "equal": [(truth, truth) for truth in truths[:20]],
        "one edge reversed": list(zip(reversed_one, truths, strict=True)),
        "unrelated": [(dag(0.4), truth) for truth in truths],
        "empty": [(np.zeros_like(truth), truth) for truth in truths],
    }
