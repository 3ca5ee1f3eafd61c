"""CausalVerse pictures: rendered scenes with a table of the values they were rendered from."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from identikit.data import Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.factors import Factor, pick_rows, with_factors
from identikit.datasets.pictures import read_pictures
from identikit.errors import InputError, unknown

SCENES = ("FALL", "REFRACTION", "SLOPE", "SPRING", "SCENE1", "SCENE2", "SCENE3", "SCENE4")
"""The scenes of the image part: physics from four cameras, and people in rooms."""

_NOT_LATENT = ("id", "render_path", "view", "domain")
_MOST_CATEGORIES = 12
Kind = Literal["continuous", "discrete", "circular"]


def causalverse(
    path: str | Path,
    scene: str,
    rows: int | None = 2_000,
    size: int = 64,
    latents: Sequence[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    y: str | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    """Read one scene of the image part of CausalVerse, as exported to a folder; needs Pillow (extra `hub`).

    The folder holds `SCENE/SCENE.csv` and the pictures it names in `render_path`, either from the folder or from that
    of the scene; `causalverse_export` makes it. The view is the domain: the camera in the scenes of physics, the room
    in those of people. Pictures of one `id`, the same thing from several views, stay in one split.

    Args:
        path: the folder, or that of the scene itself.
        scene: name of the scene, e.g. `SPRING`, in any case.
        rows: how many pictures to draw at random; None for all.
        size: height and width in pixels.
        latents: columns of the table that are the truth; left out, all but `id`, `view`, `domain` and `render_path`
            that have more than one value.
        kinds: `continuous`, `discrete` or `circular` by column, where the table does not show it. Left out, text and
            up to 12 different whole numbers are discrete and other numbers continuous; that is this library's choice.
        y: the latent that the learner sees as its label.
        splits: shares of train, validation and test.
        seed: of the rows and of the split.

    Returns:
        `(data, truth)`: x uint8 (rows, 3, size, size), with `domain`, and as truth the latents as the block
        `invariant`, and `view` as the block `changing`. The graph of a scene is in the paper and not in its files, so
        `graph` is None.

    Raises:
        InputError: a file, a column or a value is missing, or Pillow is.

    Source: Chen et al. 2025, CausalVerse: Benchmarking Causal Representation Learning with Configurable High-Fidelity
    Simulations (arXiv:2510.14049); on Hugging Face as CausalVerse/CausalVerse_Image, Apache-2.0.

    >>> causalverse("nowhere", "spring")
    Traceback (most recent call last):
    identikit.errors.InputError: there is no file ...SPRING.csv
    """
    table_path = _table_path(Path(path), scene)
    table = _read(table_path)
    for column in ("render_path", *(latents or ())):
        if column not in table:
            raise unknown(f"column of {table_path}", column, table)
    view = next((c for c in ("view", "domain") if c in table), None)
    if view is None:
        raise InputError(f"{table_path} says neither 'view' nor 'domain': one of them is needed")
    picked = pick_rows(len(table["render_path"]), rows, seed)
    text = {column: [values[i] for i in picked] for column, values in table.items()}
    named = latents or [c for c in table if c not in _NOT_LATENT and len(set(text[c])) > 1]
    factors, columns = [], []
    for column in (*named, view):
        kind: Kind | None = "discrete" if column == view else (kinds or {}).get(column)
        factor, values = _factor("view" if column == view else column, text[column], kind, table_path)
        factors.append(factor)
        columns.append(values)
    files = [_picture(table_path, name) for name in text["render_path"]]
    blocks = {"invariant": tuple(range(len(named))), "changing": (len(named),)}
    source = {
        "reader": "causalverse",
        "path": str(Path(path).resolve()),
        "scene": scene,
        "rows": rows,
        "size": size,
        "latents": None if latents is None else list(latents),
        "kinds": None if kinds is None else dict(kinds),
        "y": y,
        "splits": list(splits),
        "seed": seed,
    }
    options: dict[str, Any] = {"splits": splits, "seed": seed, "source": source, "blocks": blocks}
    groups = np.array(text["id"]) if "id" in text and len(set(text["id"])) > 2 else None
    pictures, values = read_pictures(files, size), np.column_stack(columns)
    return with_factors(pictures, values, factors, y=y, domain="view", groups=groups, **options)


def _table_path(folder: Path, scene: str) -> Path:
    """`SCENE/SCENE.csv` below the folder, or `SCENE.csv` in it, whatever the case of the letters."""
    names = (scene, scene.upper(), scene.capitalize(), scene.lower())
    places = [p for n in names for p in (folder / n / f"{n}.csv", folder / f"{n}.csv")]
    found = next((p for p in places if p.exists()), folder / scene.upper() / f"{scene.upper()}.csv")
    check_file(found)
    return found


def _read(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    if len(lines) < 2:
        raise InputError(f"{path} holds column names and no row")
    for number, line in enumerate(lines, 1):
        if len(line) != len(lines[0]):
            raise InputError(f"line {number} of {path} has {len(line)} values where the first has {len(lines[0])}")
    return dict(zip(lines[0], map(list, zip(*lines[1:], strict=True)), strict=True))


def _picture(table: Path, name: str) -> Path:
    """A picture's path: the export counts from the folder of all scenes, other tools from that of the scene."""
    places = [table.parent.parent / name, table.parent / name, table.parent / Path(name).name]
    return next((p for p in places if p.exists()), places[0])


def _factor(name: str, text: list[str], kind: Kind | None, table: Path) -> tuple[Factor, np.ndarray]:
    if any(not value.strip() for value in text):
        raise InputError(f"column '{name}' of {table} has empty cells: leave it out of 'latents'")
    numbers = _numbers(text)
    if numbers is None and kind not in (None, "discrete"):
        raise InputError(f"column '{name}' of {table} holds text, and is discrete, not {kind}")
    if kind is None:
        kind = "discrete" if numbers is None or _categories(numbers) else "continuous"
    if kind != "discrete":
        return Factor(name, kind), np.asarray(numbers)
    order = sorted(set(text)) if numbers is None else sorted(set(text), key=float)
    return Factor(name, "discrete", tuple(order)), np.array([order.index(value) for value in text], np.float64)


def _categories(numbers: np.ndarray) -> bool:
    return bool((numbers == np.round(numbers)).all()) and len(np.unique(numbers)) <= _MOST_CATEGORIES


def _numbers(text: list[str]) -> np.ndarray | None:
    try:
        return np.array(text, dtype=np.float64)
    except ValueError:
        return None
