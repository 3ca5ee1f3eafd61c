"""What a search for a linear hierarchy over environments found, and the evidence for it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from identikit.data import Dataset
from identikit.errors import InputError, MissingFieldError
from identikit.metrics.assignment import assign
from identikit.structure.latent_graph import Edge, LatentGraph, Node
from identikit.structure.shared_rows import SharedRows

SHOWN = 0.1
"""Share of a column's variance that a latent explains, from which the graph has an edge between them."""


@dataclass(frozen=True, eq=False)
class EnvironmentHierarchy:
    r"""Latents in the order of causes, and what speaks for them.

    All arrays are in units of the columns as they were analysed (see `scale`), each environment about its own mean.
    The latents are those of one gauge: since each is determined only up to the addition of those before it, each is
    taken without the part that those explain over all environments together, and with variance 1.

    Attributes:
        columns: names of the observed columns.
        environments: names of the environments.
        sizes: rows of each.
        centre: (environments, columns), the means.
        scale: (columns,), what each column was divided by.
        covariance: (columns, columns), of all environments together, each about its mean.
        shared: rows, weights and inexactness of each environment.
        overlap: how far the environments' leading spaces agree; see `shared_rows.row_overlap`.
        explained: (environments,) share of the variance that lies in as many principal components as there are latents.
        spectrum: (columns,) eigenvalues of the correlation of the columns.
        spectrum_null: (columns,) their 95 % points where the values of each column are permuted.
        contrast: (environments,) how far the sources are from normal.
        contrast_null: (draws, environments), the same for as many rows of normal values.
        restarts: (restarts,) scores of further starts of ICA on the same rows.
        floor: (draws,) scores with the environments permuted: nothing differs between them but by chance.
        chance: (draws,) scores with the sources of each environment turned at random: nothing is shared but the space.
        orders: score of the same sources in each order of causes, by the positions of the latents.
        refits: (refits, latents, columns), `unmixing` of fits to rows drawn again in each environment.
        changes_null: (draws, latents, latents), `changes` with the environments permuted.
        partial: whether the time was over before all draws were made.
    """

    columns: tuple[str, ...]
    environments: tuple[str, ...]
    sizes: tuple[int, ...]
    centre: np.ndarray
    scale: np.ndarray
    covariance: np.ndarray
    shared: SharedRows
    overlap: float
    explained: np.ndarray
    spectrum: np.ndarray
    spectrum_null: np.ndarray
    contrast: np.ndarray
    contrast_null: np.ndarray
    restarts: np.ndarray
    floor: np.ndarray
    chance: np.ndarray
    orders: dict[tuple[int, ...], float]
    refits: np.ndarray
    changes_null: np.ndarray
    partial: bool = False

    @property
    def score(self) -> float:
        """The inexactness of the environment that fits worst: 0 where everything fits."""
        return self.shared.score

    @property
    def typical(self) -> float:
        """The median score over single starts of ICA, which is what the nulls are to be held against."""
        return float(np.median(self.restarts))

    @property
    def p_chance(self) -> float:
        """Share of the scores by chance that are as small as the typical one."""
        return _share(self.chance <= self.typical)

    @property
    def p_floor(self) -> float:
        """Share of the scores with permuted environments that are as large as the typical one.

        Where it is small, sampling noise alone does not explain why the environments do not fit exactly.
        """
        return _share(self.floor >= self.typical)

    @cached_property
    def unmixing(self) -> np.ndarray:
        """(latents, columns): the latents of a row are this times its values about the mean of its environment."""
        return independent_rows(self.shared.rows, self.covariance)

    @property
    def loadings(self) -> np.ndarray:
        """(latents, columns) correlation of each latent with each column over all environments together."""
        return self.unmixing @ self.covariance / np.sqrt(np.diag(self.covariance))

    @property
    def equations(self) -> np.ndarray:
        """(environments, latents, latents), lower triangular: row j makes the source of latent j from the latents."""
        return self.shared.weights @ self.shared.rows @ np.linalg.pinv(self.unmixing)

    @property
    def changes(self) -> np.ndarray:
        """(latents, latents), entry (i, j) for how far the effect of latent i on latent j changes with environments.

        The mean over environments of the share of squares that latent i has in the equation of latent j. An effect that
        is the same everywhere cannot be told from another choice of the latents, and gives 0 here.
        """
        return changing(self.shared, self.covariance)

    @property
    def p_changes(self) -> np.ndarray:
        """(latents, latents) share of permuted environments in which an effect changes as much."""
        return (1 + (self.changes_null >= self.changes).sum(0)) / (1 + len(self.changes_null))

    @property
    def agreement(self) -> np.ndarray:
        """(refits, latents, latents) absolute correlation of each latent with each of every refit."""
        return np.abs(self.unmixing @ self.covariance @ np.swapaxes(self.refits, 1, 2))

    @cached_property
    def places(self) -> np.ndarray:
        """(refits, latents), at which place of each refit's order a latent stands, matched by correlation."""
        return np.stack([assign(one).columns for one in self.agreement])

    @property
    def same(self) -> np.ndarray:
        """(latents,) median correlation of each latent with the one that it is matched with in the refits."""
        return np.median(np.take_along_axis(self.agreement, self.places[:, :, None], 2)[..., 0], axis=0)

    @property
    def before(self) -> np.ndarray:
        """(latents, latents) share of the refits in which one latent stands before another."""
        return (self.places[:, :, None] < self.places[:, None, :]).mean(0)

    def encode(self, data: Dataset) -> np.ndarray:
        """The latents (rows, latents) of data with the same columns and environments."""
        x, domain = table_of(data)
        if x.shape[1] != len(self.columns) or data.names["domain"] != self.environments:
            raise InputError(
                f"the data needs the {len(self.columns)} columns and the environments {', '.join(self.environments)}"
            )
        return ((x / self.scale) - self.centre[domain]) @ self.unmixing.T

    def graph(self) -> LatentGraph:
        """Latents and columns as one graph, with the evidence for each edge."""
        count, loadings, same = len(self.unmixing), self.loadings, self.same
        names = tuple(f"z{i + 1}" for i in range(count))
        nodes = [
            Node(n, True, level=count - i, evidence=f"agrees by {same[i]:.2f} with refits on rows drawn again")
            for i, n in enumerate(names)
        ]
        edges = [
            Edge(
                names[i],
                names[j],
                float(self.changes[i, j]),
                float(self.before[i, j]),
                evidence=f"effect changes by {self.changes[i, j]:.2f} between environments, "
                f"p = {self.p_changes[i, j]:.2f} with them permuted",
            )
            for i, j in itertools.combinations(range(count), 2)
        ]
        edges += [
            Edge(names[i], self.columns[c], float(loadings[i, c] ** 2), evidence=f"correlation {loadings[i, c]:.2f}")
            for i in range(count)
            for c in range(len(self.columns))
            if loadings[i, c] ** 2 >= SHOWN
        ]
        return LatentGraph(
            (*nodes, *(Node(c, level=0) for c in self.columns)),
            tuple(edges),
            method="environments",
            scale="change of the effect; share of a column",
            partial=self.partial,
            notes=tuple(str(self).splitlines()[1:]),
        )

    def __str__(self) -> str:
        runner = sorted(self.orders.values())[1]
        low, high = np.quantile(self.restarts, [0.05, 0.95])
        kaiser = int((self.spectrum > self.spectrum_null).sum())
        lines = [
            f"{len(self.unmixing)} latents of {len(self.columns)} columns in {len(self.environments)} environments "
            f"({', '.join(f'{n} {s}' for n, s in zip(self.environments, self.sizes, strict=True))})",
            f"inexactness {self.score:.3f}; {low:.3f} to {high:.3f} over starts of ICA (5 to 95 %)",
            f"  permuted environments {np.median(self.floor):.3f} (as large in {self.p_floor:.0%}), "
            f"turned sources {np.median(self.chance):.3f} (as small in {self.p_chance:.0%}), "
            f"next best order {runner:.3f}",
            f"components above permuted columns: {kaiser}; the environments' spaces agree by {self.overlap:.2f}",
        ]
        weak = [n for n, p in zip(self.environments, self.p_contrast, strict=True) if p > 0.05]
        if weak:
            lines.append(f"sources no further from normal than normal values: {', '.join(weak)}")
        for i, row in enumerate(self.loadings):
            top = np.abs(row).argsort()[::-1][:2]
            tells = ", ".join(f"{self.columns[c]} {row[c]:.2f}" for c in top)
            lines.append(f"z{i + 1}: {tells}; agrees by {self.same[i]:.2f} with refits")
        for i, j in itertools.combinations(range(len(self.unmixing)), 2):
            lines.append(
                f"z{i + 1} -> z{j + 1}: effect changes by {self.changes[i, j]:.2f} (p = {self.p_changes[i, j]:.2f}), "
                f"this order in {self.before[i, j]:.0%} of refits"
            )
        return "\n".join(lines)

    @property
    def p_contrast(self) -> np.ndarray:
        """(environments,) share of normal data whose sources look as far from normal."""
        return (1 + (self.contrast_null >= self.contrast).sum(0)) / (1 + len(self.contrast_null))


def independent_rows(rows: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""The latents of shared rows, each without what those before it explain, and with variance 1.

    With :math:`H \Sigma H^\top = L L^\top`, they are :math:`L^{-1} H`, each with the sign that makes its strongest
    correlation with a column positive.

    Args:
        rows: H, (latents, columns).
        covariance: (columns, columns).

    >>> independent_rows(np.array([[1.0, 0.0], [1.0, 1.0]]), np.diag([4.0, 1.0])).round(6).tolist()
    [[0.5, 0.0], [0.0, 1.0]]
    """
    found = np.linalg.solve(np.linalg.cholesky(rows @ covariance @ rows.T), rows)
    loadings = found @ covariance / np.sqrt(np.diag(covariance))
    strongest = np.take_along_axis(loadings, np.abs(loadings).argmax(1)[:, None], axis=1)
    return np.where(strongest < 0, -1.0, 1.0) * found


def changing(shared: SharedRows, covariance: np.ndarray) -> np.ndarray:
    """(latents, latents) share that one latent has in the equation of another, see `EnvironmentHierarchy.changes`."""
    equations = shared.weights @ shared.rows @ np.linalg.pinv(independent_rows(shared.rows, covariance))
    squares = equations**2
    return np.triu((squares / squares.sum(-1, keepdims=True)).mean(0).T, 1)


def table_of(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Columns (rows, columns) in double precision, and the environment of each row.

    Raises:
        InputError: `x` is no table of numbers, or a row has no environment.
    """
    if not isinstance(data.x, np.ndarray) or data.x.ndim != 2:
        raise InputError("a hierarchy over environments is found in a table: x has one row of numbers for each row")
    if "domain" not in data.fields:
        raise MissingFieldError("find_hierarchy", "domain", data.fields)
    if (data["domain"] < 0).any():
        raise InputError("a row has no environment (its domain is hidden): name it, or leave the row out")
    return data.x.astype(np.float64), data["domain"]


def _share(mask: np.ndarray) -> float:
    return float((1 + mask.sum()) / (1 + len(mask)))
