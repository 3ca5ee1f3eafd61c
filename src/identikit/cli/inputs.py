"""What the command line is handed, as the library's values: data by name, codes from files, NAME=VALUE options."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from identikit.errors import InputError, unknown

if TYPE_CHECKING:
    from identikit.data import Dataset, Truth
    from identikit.engine import Runs


def restored(folder: Path) -> tuple[Runs, Truth | None]:
    """Runs with their data read or sampled again, and the truth where it is known."""
    from dataclasses import replace

    from identikit.engine import Runs
    from identikit.reports import restore

    if not folder.exists():
        raise InputError(f"there is no folder {folder}")
    runs = Runs.load(folder)
    data, truth = restore(runs.source, runs.settings.data)
    return replace(runs, data=data), truth


def read_data(
    data: str,
    fields: Mapping[str, str | None],
    rows: int,
    seed: int,
    source: list[str] | None,
    views: str | None = None,
    past: int = 0,
) -> tuple[Dataset, Truth | None]:
    """The data that `--data` names, as pairs where `--views` names two modalities, and with the past of each row."""
    from identikit.datasets.reshaped import reshaped

    shapes: dict[str, Any] = {"windows": {"past": past, "next": False}} if past else {}
    if views is not None:
        first, comma, second = (part.strip() for part in views.partition(","))
        if not (first and comma and second):
            raise InputError(f"--views names two modalities, as in --views left,right, and was given '{views}'")
        shapes["views"] = {"first": first, "second": second}
    return reshaped(*_read(data, fields, rows, seed, source), shapes)


def _read(
    data: str, fields: Mapping[str, str | None], rows: int, seed: int, source: list[str] | None
) -> tuple[Dataset, Truth | None]:
    from identikit import datasets
    from identikit.worlds import reopen
    from identikit.worlds.named import find_world, make_world
    from identikit.worlds.streaming import NOTE

    given = {name: value for name, value in fields.items() if value is not None}
    table = data.lower().endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq"))
    arrays = data.lower().endswith(".npz")
    if given and not (table or arrays):
        raise InputError(f"--{next(iter(given))} names a column of a file, and {data} is none")
    kind, _, world = data.partition(":")
    if kind == "world":
        options = pairs("--source", source, defaults(find_world(world)), f"option of {world}")
        return make_world(world, options).sample(rows, seed=seed)
    known = {**datasets.SHIPPED, **datasets.DOWNLOADED}
    if data in known:
        reader = known[data].read
        options = pairs("--source", source, defaults(reader), f"option of {data}")
        return reader(**{"seed": seed, **options})
    if table or arrays:
        if arrays and "x" in given:
            raise InputError("--x names columns of a table; an .npz file is learnt from by its array 'x'")
        reader = datasets.from_table if table else datasets.from_arrays
        known = {n: d for n, d in defaults(reader).items() if n in ("label_kind", "splits", "groups", "names")}
        options = pairs("--source", source, known, "option of the reader")
        return reader(data, **{"seed": seed, **given, **options}), None
    if (Path(data) / NOTE).exists():
        return reopen(data)
    if Path(data).exists():
        raise InputError(f"{data} is no .csv, .tsv, .parquet or .npz file: convert it to one of these")
    raise unknown("data set", data, [*known, "world:DomainShift", "FILE.csv", "FILE.parquet", "FILE.npz"])


def codes_and_truth(codes: Path, truth: Path) -> tuple[Any, Any, Dataset | None]:
    """Codes, truth and, where either file holds the domain, a data set to probe it with."""
    import numpy as np

    from identikit.data import Truth
    from identikit.datasets import from_arrays
    from identikit.metrics.inputs import KINDS

    estimate, latents = _arrays(codes), _arrays(truth)
    found = _array(codes, estimate, "codes")
    known = _array(truth, latents, "latents")
    if "names" in latents or "kinds" in latents:
        known = known.reshape(len(known), -1)
        names = latents.get("names", [f"factor {i}" for i in range(known.shape[1])])
        kinds = [str(kind) for kind in np.atleast_1d(latents.get("kinds", "continuous"))]
        for kind in kinds:
            if kind not in KINDS:
                raise unknown(f"kind of latent in {truth}", kind, KINDS)
        kinds = kinds * len(names) if len(kinds) == 1 else kinds
        known = Truth(known, tuple(str(name) for name in names), tuple(kinds))
    domain = latents.get("domain", estimate.get("domain"))
    if domain is None:
        return found, known, None
    # Only the domain is read of this data; x is there because a data set must have one.
    return found, known, from_arrays(np.arange(len(domain), dtype=np.float32), domain=domain)


def _arrays(path: Path) -> dict[str, Any]:
    """The plain arrays of an .npz or .npy file, by name."""
    import zipfile

    import numpy as np

    from identikit.datasets.arrays import check_file

    check_file(path)
    if path.suffix not in (".npz", ".npy"):
        raise InputError(f"{path} is no .npz or .npy file, and arrays are read from these")
    try:
        with path.open("rb") as opened:
            held = np.load(opened, allow_pickle=False)
            return {path.stem: held} if isinstance(held, np.ndarray) else {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as reason:
        raise InputError(f"{path} cannot be read as plain arrays: {reason}") from None


def _array(path: Path, arrays: Mapping[str, Any], name: str) -> Any:
    """The array of that name, or the only one beside the names, the kinds and the domain."""
    others = [n for n in arrays if n not in ("domain", "names", "kinds")]
    if name in arrays:
        return arrays[name]
    if len(others) == 1:
        return arrays[others[0]]
    raise InputError(f"{path} must hold one array or one called '{name}', and holds {', '.join(arrays) or 'none'}")


def named_values(option: str, items: Sequence[str] | None) -> list[tuple[str, str]]:
    """NAME=VALUE pairs as they were typed."""
    for item in items or ():
        if not item.partition("=")[0] or not item.partition("=")[2]:
            raise InputError(f"{option} takes NAME=VALUE, and was given '{item}'")
    return [(item.partition("=")[0], item.partition("=")[2]) for item in items or ()]


def pairs(option: str, items: Sequence[str] | None, known: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """NAME=VALUE pairs as values of the types that the known options have by default."""
    values: dict[str, Any] = {}
    for name, text in named_values(option, items):
        if name not in known:
            raise unknown(kind, name, known)
        values[name] = _value(name, text, known[name])
    return values


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, tuple | list):
        return [plain(part.strip()) for part in text.split(",") if part.strip()]
    value = [plain(part) for part in text.split(",")] if default is None and "," in text else plain(text)
    if isinstance(default, bool) and not isinstance(value, bool):
        raise InputError(f"'{name}' is true or false, not '{text}'")
    if isinstance(default, int) and not isinstance(default, bool) and type(value) is not int:
        raise InputError(f"'{name}' takes a whole number, not '{text}'")
    if isinstance(default, float) and type(value) not in (int, float):
        raise InputError(f"'{name}' takes a number, not '{text}'")
    return str(text) if isinstance(default, str) else value


def plain(text: str) -> Any:
    """A number, true, false or null where the text is one."""
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false", "null", "none") else text)
    except json.JSONDecodeError:
        return text


def factors(items: Sequence[str] | None) -> dict[str, list[float]]:
    """The weights that `--sweep TERM=0.5,1` asks for."""
    return {name: _numbers(name, text) for name, text in named_values("--sweep", items)}


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--sweep {name} takes numbers separated by commas, not '{text}'") from None


def defaults(function: Any) -> dict[str, Any]:
    """Names and defaults of the options of a reader or a world."""
    parameters = inspect.signature(function).parameters.values()
    found = {p.name: p.default for p in parameters if p.default is not p.empty}
    made = {f.name: f.default_factory for f in getattr(function, "__dataclass_fields__", {}).values()}
    return {name: made[name]() if callable(made.get(name)) else value for name, value in found.items()}
