"""Causal Chambers: a light tunnel and a wind tunnel, whose dials were set by a computer and whose sensors were read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.chamber_graphs import chamber_graph
from identikit.datasets.download import Remote, download_folder
from identikit.datasets.factors import pick_rows
from identikit.datasets.pictures import read_pictures
from identikit.errors import InputError, unknown
from identikit.splits import make_split

_BASE = "https://causalchamber.s3.eu-central-1.amazonaws.com/downloadables"
MD5 = {
    "lt_camera_test_v1": "f31537ce8db74c537ab2f9ffa2f6f1f9",
    "lt_camera_v1": "9f4b52efdb1c08bd5ab615b6edc8ed95",
    "lt_camera_validate_v1": "d347d70f1a7c7444cacbf17e259aa068",
    "lt_camera_walks_v1": "097f291680a9a57d2c62bd2bc2b78fce",
    "lt_color_regression_v1": "8e2742277e7ad978301eb830148e1d40",
    "lt_crl_benchmark_v1": "8ec492afffd0142abd70b1fa7082b104",
    "lt_interventions_standard_v1": "476664d024f88e8b7640998bb5e9ee33",
    "lt_malus_v1": "cc49b95d85410e0b5ea3bcd1479428e3",
    "lt_test_v1": "16755c741755c795f609d2e42ea9ee18",
    "lt_validate_v1": "0ef64de36bf8fdfff3df539cadf460ab",
    "lt_walks_v1": "dcad019186661a56de7a2d1db97fc2f0",
    "wt_bernoulli_v1": "00d6abbdf42ed953ca94dc107067ea56",
    "wt_changepoints_v1": "7e9f26d192674f2aaa6481f4415007eb",
    "wt_intake_impulse_v1": "8b7a0e587d3e9a804b380d96f14a1b12",
    "wt_pc_validate_v1": "3763de7a1a2715d5789d6e95464249c0",
    "wt_pressure_control_v1": "8cb1c9bf19cedc5baea7a9c15e54af6a",
    "wt_test_v1": "5eed621f5b54e431c4442fc9cc947db6",
    "wt_validate_v1": "bde214eb50abc801307bf7d4aadcafc9",
    "wt_walks_v1": "19bb4e92cbe0b8dff49299b9b509ac36",
}
"""The published data sets of the two first chambers, with the md5 sums that their publisher states."""


def causal_chambers(
    name: str = "lt_crl_benchmark_v1",
    experiments: Sequence[str] | None = None,
    path: str | Path | None = None,
    pictures: str | None = None,
    size: int = 64,
    rows: int | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    """Read experiments from one of the published data sets of the chambers.

    What was set (lights, polarisers, loads, sensor settings) is the truth, and what was measured is x: a real system
    whose factors are known because they were dialled. A variable that does not move in these rows is left out.

    Args:
        name: of the data set, a key of `MD5`; the first letters say which chamber: `lt` light, `wt` wind tunnel.
        experiments: names of experiments, each of which becomes a domain; all if left out.
        path: the unpacked folder of the data set. Left out, its archive is downloaded and unpacked once.
        pictures: the size of picture files to read as x, e.g. `64` or `200`, where the set has pictures; needs Pillow
            (extra `hub`). Left out, x is the sensors.
        size: height and width to which pictures are brought.
        rows: how many rows to draw at random from all these experiments; None for all.
        splits: shares of train, validation and test, met within every experiment.
        seed: of the rows and of the split.

    Returns:
        x, the sensors (rows, sensors) with names or the pictures (rows, 3, size, size) uint8, and `domain`, the
        experiment. The truth: the variables that were set, as continuous latents in their own units (polariser angles
        in degrees; the light repeats after 180). `graph` is None: how the settings of an experiment hang together is
        told by its page, not by its file. Which settings reach which sensors: `chamber_graph`.

    Raises:
        InputError: an unknown data set or experiment, a file is missing, nothing moves, or a cell is no number.

    Source: Gamella, Peters and Bühlmann 2025, Causal chambers as a real-world physical testbed for AI methodology
    (Nature Machine Intelligence; arXiv:2404.11341); CC-BY-4.0.

    >>> causal_chambers("lt_walks")
    Traceback (most recent call last):
    identikit.errors.InputError: unknown data set of the chambers 'lt_walks': did you mean 'lt_walks_v1'? ...
    """
    if path is None and name not in MD5:
        raise unknown("data set of the chambers", name, MD5)
    folder = Path(path) if path else download_folder(_remote(name))
    found = _experiments(folder)
    names = tuple(found) if experiments is None else tuple(experiments)
    for experiment in names:
        if experiment not in found:
            raise unknown(f"experiment of {folder.name}", experiment, found)
    tables = [_table(found[experiment]) for experiment in names]
    columns = [c for c in tables[0] if all(c in table for table in tables)]
    counts = [len(table[columns[0]]) for table in tables]
    picked = pick_rows(sum(counts), rows, seed)
    domain = np.repeat(np.arange(len(names)), counts)[picked]
    text = {c: np.concatenate([np.array(table[c], dtype=object) for table in tables])[picked] for c in columns}
    # A light tunnel with its camera on has all the variables of one without; the wind tunnel has no camera.
    variables, graph = chamber_graph(name[:2], "camera")
    sensors = {v for v, into in zip(variables, graph.T, strict=True) if into.any()}
    split = make_split(len(picked), domain, splits, seed)
    latents = _moving(text, [v for v in columns if v in variables and v not in sensors], np.ones(len(picked), bool))
    if not latents:
        raise InputError(f"nothing that can be set moves in the experiments {', '.join(names)}")
    measured: dict[str, np.ndarray] = {}
    if pictures is None:
        measured = _moving(text, [v for v in columns if v in sensors], split == 0)
        if not measured:
            raise InputError(f"no sensor moves in the experiments {', '.join(names)}")
        x = np.column_stack(list(measured.values())).astype(np.float32)
    else:
        if "image_file" not in text:
            raise InputError(f"the experiments {', '.join(names)} have no pictures: leave out 'pictures'")
        folders = [found[names[d]].parent / f"images_{pictures}" for d in domain]
        x = read_pictures([f / str(file) for f, file in zip(folders, text["image_file"], strict=True)], size)
    source = {
        "reader": "causal_chambers",
        "name": name,
        "experiments": list(names),
        "path": None if path is None else str(folder.resolve()),
        "pictures": pictures,
        "size": size,
        "rows": rows,
        "splits": list(splits),
        "seed": seed,
    }
    held = {"x": tuple(measured)} if measured else {}
    data = Dataset(x, {"domain": domain.astype(np.int64)}, {**held, "domain": names}, split, source)
    truth = Truth(np.column_stack(list(latents.values())), tuple(latents), ("continuous",) * len(latents), split=split)
    return data, truth


def _remote(name: str) -> Remote:
    return Remote(f"{_BASE}/{name}.zip", f"causal_chambers/{name}.zip", f"md5:{MD5[name]}")


def _experiments(folder: Path) -> dict[str, Path]:
    """The table of each experiment: a .csv in the folder, or in a folder of the same name beside its pictures."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    tables = [*folder.glob("*.csv"), *(p for p in folder.glob("*/*.csv") if p.stem == p.parent.name)]
    found = {p.stem: p for p in sorted(tables) if p.stem != "variables"}
    if not found:
        raise InputError(f"{folder} holds no experiment: neither EXPERIMENT.csv nor EXPERIMENT/EXPERIMENT.csv")
    return found


def _table(path: Path) -> dict[str, list[str]]:
    check_file(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    if len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
        raise InputError(f"{path} is no table: it needs column names, a row, and as many values in every line")
    return dict(zip(lines[0], map(list, zip(*lines[1:], strict=True)), strict=True))


def _moving(text: dict[str, np.ndarray], columns: list[str], where: np.ndarray) -> dict[str, np.ndarray]:
    """Those columns, as numbers, that take two values or more in the given rows."""
    out = {}
    for column in columns:
        try:
            values = text[column].astype(np.float64)
        except ValueError:
            raise InputError(f"column '{column}' must hold numbers, and one cell holds something else") from None
        if np.isfinite(values).all() and np.ptp(values[where]) > 0:
            out[column] = values
    return out
