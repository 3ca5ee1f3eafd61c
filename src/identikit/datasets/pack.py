"""How the shipped files of Sachs and Tennessee Eastman are made from the originals.

`python -m identikit.datasets.pack sachs FOLDER` and `... tennessee_eastman FOLDER` read a checkout of the repository
that holds the originals and write to `files/` beside this module. Values are not changed but for their type (float32);
the same originals give the same values, whatever the version of the compressor.
"""

from __future__ import annotations

import io
import lzma
import re
import shutil
import sys
from pathlib import Path

import numpy as np

from identikit.datasets.arrays import check_file
from identikit.datasets.sachs import PROTEINS, REAGENTS
from identikit.datasets.tennessee_eastman import COLUMNS, run_lengths
from identikit.errors import InputError, unknown

SACHS_CELLS = "real/sachs/data/sachs.2005.with.jittered.experimental.continuous.txt"
SACHS_GRAPH = "real/sachs/ground.truth/sachs.2005.ground.truth.graph.txt"


def pack_sachs(originals: Path, out: Path) -> None:
    """Write cells and consensus edges, from a checkout of github.com/cmu-phil/example-causal-datasets (a23adc3).

    The reagents, which that file gives as 0 and 1 with a little noise, are rounded.

    Args:
        originals: the checkout.
        out: folder to write to.

    Raises:
        InputError: a file is missing, or holds other columns.
    """
    text = _text(originals / SACHS_CELLS)
    names, table = text.splitlines()[0].split(), np.loadtxt(io.StringIO(text), skiprows=1, dtype=np.float32, ndmin=2)
    if tuple(names) != (*PROTEINS, *REAGENTS):
        raise InputError(f"{SACHS_CELLS} has the columns {', '.join(names)}, not the proteins and reagents")
    table[:, len(PROTEINS) :] = table[:, len(PROTEINS) :].round()
    edges = re.findall(r"^\d+\. (\w+) --> (\w+)$", _text(originals / SACHS_GRAPH), re.MULTILINE)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "cells.npy.xz", table)
    lines = ["source,target", *(f"{source},{target}" for source, target in edges)]
    (out / "edges.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copyfile(originals / "LICENSE", out / "LICENSE.txt")


def pack_tennessee_eastman(originals: Path, out: Path) -> None:
    """Write all runs below each other, from a checkout of github.com/camaramm/tennessee-eastman-profBraatz (0643318).

    The normal training run stands in its file with rows and columns exchanged, and is turned round.

    Args:
        originals: the checkout.
        out: folder to write to.

    Raises:
        InputError: a file is missing, or is of another size.
    """
    runs = []
    for fault, part, rows in run_lengths():
        path = originals / f"d{fault:02d}{'_te' if part == 'test' else ''}.dat"
        values = np.loadtxt(io.StringIO(_text(path)), dtype=np.float32)
        values = values.T if values.shape == (len(COLUMNS), rows) else values
        if values.shape != (rows, len(COLUMNS)):
            raise InputError(f"{path} holds values of shape {values.shape}, not ({rows}, {len(COLUMNS)})")
        runs.append(values)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "runs.npy.xz", np.concatenate(runs))
    shutil.copyfile(originals / "LICENSE", out / "LICENSE.txt")


PACKERS = {"sachs": pack_sachs, "tennessee_eastman": pack_tennessee_eastman}


def _text(path: Path) -> str:
    check_file(path)
    return path.read_text(encoding="utf-8")


def _write(path: Path, values: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(values), allow_pickle=False)
    path.write_bytes(lzma.compress(buffer.getvalue(), preset=9))


if __name__ == "__main__":
    name, folder = sys.argv[1:]
    if name not in PACKERS:
        raise unknown("data set", name, PACKERS)
    PACKERS[name](Path(folder), Path(__file__).parent / "files" / name)
