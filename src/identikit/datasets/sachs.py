"""Sachs: eleven proteins in single human cells under nine conditions, with what each condition acts on."""

from __future__ import annotations

import io
import lzma
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.splits import make_split

PROTEINS = ("raf", "mek", "plc", "pip2", "pip3", "erk", "akt", "pka", "pkc", "p38", "jnk")
REAGENTS = ("cd3_cd28", "icam2", "aktinhib", "g0076", "psitect", "u0126", "ly", "pma", "b2camp")
CONDITIONS: dict[str, tuple[tuple[str, ...], str | None, int]] = {
    "cd3_cd28": (("cd3_cd28",), None, 0),
    "cd3_cd28 + icam2": (("cd3_cd28", "icam2"), None, 0),
    "cd3_cd28 + aktinhib": (("cd3_cd28", "aktinhib"), "akt", -1),
    "cd3_cd28 + g0076": (("cd3_cd28", "g0076"), "pkc", -1),
    "cd3_cd28 + psitect": (("cd3_cd28", "psitect"), "pip2", -1),
    "cd3_cd28 + u0126": (("cd3_cd28", "u0126"), "mek", -1),
    "cd3_cd28 + ly": (("cd3_cd28", "ly"), "pip3", -1),
    "pma": (("pma",), "pkc", 1),
    "b2camp": (("b2camp",), "pka", 1),
}
"""Each condition with its reagents, the protein it acts on, and whether it activates (1) or inhibits (-1) it."""

LOG_OFFSET = 10.0


def sachs(
    log: bool = True,
    conditions: Sequence[str] | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    r"""Read the cells: 7,466 of them, the condition as the domain.

    Nothing is hidden here in the sense of a latent variable. The truth is partial: its latents are the measured
    proteins themselves, so that `graph` has something to stand on, and it serves methods that search for a graph. A
    score of a code against these latents says no more than whether the code keeps what was measured.

    The reagents act on what a protein does, not on how much of it is measured: with mek inhibited, the cells hold more
    of the measured mek and less of its child erk. So `target` does not mark a value that was set.

    Args:
        log: give :math:`\log (v + 10)` of the intensities :math:`v`, which are heavy-tailed, and not :math:`v`.
        conditions: some of `CONDITIONS`, in the order of their codes; all nine if left out.
        splits: shares of train, validation and test, met within every condition.
        seed: of the split.

    Returns:
        The data: x (rows, 11), the proteins; `domain`, the condition; `target` (rows, 11) float32, 1 where the
        condition inhibits or activates that protein, and 0 elsewhere (in two conditions everywhere, since these
        stimulate the cell in general). The truth: the proteins as latents, and `graph`, the 20 edges of the consensus.

    Raises:
        InputError: an unknown condition, or one named twice.

    Source: Sachs, Perez, Pe'er, Lauffenburger and Nolan 2005, Causal Protein-Signaling Networks Derived from
    Multiparameter Single-Cell Data (Science 308, 523); files and consensus graph as curated in
    cmu-phil/example-causal-datasets, CC0. The graph is what experts agreed on, not a measurement; it has no feedback,
    which real signalling has, and other authors use 17 of its edges or other directions. The targets are the usual
    reading of the reagents and are not in the files. `ly` blocks the enzyme that makes pip3 and is given the target
    `pip3`, which is this library's choice: others say akt.

    >>> data, truth = sachs()
    >>> data
    Dataset(7466 rows: x(11,), domain(), target(11,); train 5972, validation 747, test 747)
    >>> int(truth.graph[PROTEINS.index("raf"), PROTEINS.index("mek")]), int(truth.graph.sum())
    (1, 20)
    """
    names = tuple(CONDITIONS) if conditions is None else tuple(conditions)
    for name in names:
        if name not in CONDITIONS:
            raise InputError(f"unknown condition '{name}' (known: {', '.join(CONDITIONS)})")
    if not names or len(set(names)) < len(names):
        raise InputError(f"conditions are one or more different ones, not {list(names)}")
    values, domain = _cells(names)
    target = np.zeros((len(names), len(PROTEINS)), np.float32)
    for code, name in enumerate(names):
        protein = CONDITIONS[name][1]
        if protein is not None:
            target[code, PROTEINS.index(protein)] = 1
    x = np.log(values + LOG_OFFSET).astype(np.float32) if log else values
    split = make_split(len(x), domain, splits, seed)
    data = Dataset(
        x=x,
        fields={"domain": domain, "target": target[domain]},
        names={"x": PROTEINS, "domain": names},
        split=split,
        source={"reader": "sachs", "log": log, "conditions": list(names), "splits": list(splits), "seed": seed},
    )
    truth = Truth(
        latents=x.astype(np.float64),
        names=PROTEINS,
        kinds=("continuous",) * len(PROTEINS),
        graph=sachs_graph(),
        split=split,
    )
    return data, truth


def sachs_graph() -> np.ndarray:
    """The consensus graph, (11, 11) 0/1 in the order of `PROTEINS`: entry (i, j) for an edge from i to j.

    >>> graph = sachs_graph()
    >>> [PROTEINS[j] for j in graph[PROTEINS.index("pip3")].nonzero()[0]]
    ['plc', 'pip2', 'akt']
    """
    graph = np.zeros((len(PROTEINS), len(PROTEINS)), np.int64)
    for line in _file("edges.csv").decode().splitlines()[1:]:
        source, target = line.split(",")
        graph[PROTEINS.index(source), PROTEINS.index(target)] = 1
    return graph


def _cells(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Intensities (rows, 11) and condition codes of the cells in these conditions, in the order of the file."""
    table = np.load(io.BytesIO(lzma.decompress(_file("cells.npy.xz"))), allow_pickle=False)
    given = table[:, len(PROTEINS) :] > 0.5
    code = np.full(len(table), -1)
    for number, name in enumerate(names):
        code[(given == np.isin(REAGENTS, CONDITIONS[name][0])).all(1)] = number
    kept = code >= 0
    return table[kept, : len(PROTEINS)], code[kept].astype(np.int64)


def _file(name: str) -> bytes:
    return files("identikit.datasets").joinpath("files", "sachs", name).read_bytes()
