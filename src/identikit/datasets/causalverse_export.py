"""CausalVerse from Hugging Face to the folder that `causalverse` reads."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from identikit.datasets.arrays import check_file
from identikit.datasets.download import cache_folder
from identikit.datasets.optional import need
from identikit.errors import InputError

REPOSITORY = "CausalVerse/CausalVerse_Image"


def fetch_from_hub(repository: str, patterns: Sequence[str], folder: str | Path | None = None) -> list[Path]:
    """Fetch the files of a Hugging Face data set whose paths match; needs huggingface_hub (extra `hub`).

    It serves the video part too, whose scenes are folders `video` and `meta`: see `causalverse_video`.

    Args:
        repository: e.g. `CausalVerse/CausalVerse_Image`.
        patterns: of paths, e.g. `data/spring-00000-*.parquet`. The whole image part is 136 GB: ask for what you need.
        folder: to put them in; a folder of `cache_folder()` if left out.

    Returns:
        Their paths here, sorted.

    Raises:
        InputError: huggingface_hub is missing, the hub cannot be reached, or no file matches.
    """
    hub = need("huggingface_hub", "fetching from Hugging Face")
    place = Path(folder or cache_folder() / repository.replace("/", "--"))
    try:
        names = hub.list_repo_files(repository, repo_type="dataset")
        wanted = sorted(n for n in names if any(fnmatch(n, p) for p in patterns))
        got = [hub.hf_hub_download(repository, n, repo_type="dataset", local_dir=str(place)) for n in wanted]
    except Exception as error:
        # The hub's client raises the errors of several libraries.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{repository} cannot be fetched from Hugging Face: {reason}") from None
    if not got:
        raise InputError(f"no file of {repository} matches {', '.join(patterns)}")
    return [Path(file) for file in got]


def causalverse_export(
    scene: str, out: str | Path, parquet: Sequence[str | Path] | None = None, shards: int = 1
) -> Path:
    """Write one scene of the image part as pictures and a table.

    Args:
        scene: e.g. `spring`.
        out: the folder of all scenes; `OUT/SPRING/SPRING.csv` and pictures beside it are made.
        parquet: files that hold the scene; left out, its first `shards` are fetched from Hugging Face.
        shards: how many of the files of the scene to fetch.

    Returns:
        The table's path.

    Raises:
        InputError: a file is missing or cannot be read, or a row has no picture.
    """
    files = [Path(p) for p in parquet] if parquet is not None else _shards(scene, shards)
    for file in files:
        check_file(file)
    folder = Path(out) / scene.upper()
    folder.mkdir(parents=True, exist_ok=True)
    table: list[dict[str, Any]] = []
    taken: set[str] = set()
    for row in _rows(files):
        values = parse_values(row.get("metavalue"))
        name = Path(str(row.get("render_path") or f"{len(table)}.png")).name
        # Pictures of one thing from several views may bear one name.
        name = name if name not in taken else f"{len(table)}_{name}"
        taken.add(name)
        picture = row.get("image") or {}
        data = picture.get("bytes") if isinstance(picture, dict) else picture
        if not data:
            raise InputError(f"row {len(table)} of the scene {scene} holds no picture")
        (folder / name).write_bytes(data)
        extra = {k: row[k] for k in ("view", "domain") if k in row and k not in values}
        table.append({**values, **extra, "render_path": f"{folder.name}/{name}"})
    columns = list(dict.fromkeys(key for row in table for key in row if key != "render_path"))
    place = folder / f"{folder.name}.csv"
    unfinished = place.with_suffix(".csv.part")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*columns, "render_path"], restval="")
        writer.writeheader()
        writer.writerows(table)
    unfinished.replace(place)
    return place


def parse_values(text: Any) -> dict[str, Any]:
    """The values of one picture, which the files hold as JSON, as a Python literal or as `key: value` pairs.

    >>> parse_values("{'k': 3.5, 'view': 0}"), parse_values("k=3.5, view=0")
    ({'k': 3.5, 'view': 0}, {'k': '3.5', 'view': '0'})
    """
    if isinstance(text, dict):
        return text
    text = str(text or "").strip()
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, dict):
            return value
    return {key: value.strip() for key, value in re.findall(r"(\w+)\s*[:=]\s*([^,;]+)", text)}


def _shards(scene: str, shards: int) -> list[Path]:
    if shards < 1:
        raise InputError(f"shards is 1 or more, not {shards}")
    patterns = [f"data/{scene.lower()}-{number:05d}-of-*.parquet" for number in range(shards)]
    return fetch_from_hub(REPOSITORY, patterns)


def _rows(files: Sequence[Path]) -> Any:
    """The rows of parquet files one by one, as dicts."""
    import duckdb

    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        for file in files:
            try:
                found = connection.execute("SELECT * FROM read_parquet($path)", {"path": str(file)})
                names = [column[0] for column in found.description or []]
                while rows := found.fetchmany(64):
                    yield from (dict(zip(names, row, strict=True)) for row in rows)
            except duckdb.Error as error:
                raise InputError(f"{file} cannot be read as parquet: {str(error).partition(chr(10))[0]}") from None
