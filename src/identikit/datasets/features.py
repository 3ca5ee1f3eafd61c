"""Pictures of several domains as the features that a trained network gives them: rows of numbers, class and domain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from identikit.data import HIDDEN, Dataset, Truth
from identikit.datasets.arrays import check_file
from identikit.datasets.download import digest
from identikit.errors import InputError, unknown
from identikit.splits import make_split

FILE = "features_lite0_128.npz"
"""The name under which a reader looks for the file in a folder."""
ARRAYS = ("features", "labels", "domains", "class_names", "domain_names")


def read_features(
    reader: str,
    sha256: str,
    path: str | Path | None,
    domains: Sequence[str] | None,
    target: str | Sequence[str],
    check: bool,
    splits: Sequence[float],
    seed: int,
) -> tuple[Dataset, Truth]:
    """Read a file of features; what `pacs` and `office_caltech` share, and document.

    Args:
        reader: name of the function that reads it.
        sha256: of the file.
        path: of the file, or of the folder that holds it as `FILE`.
        domains: some of its domains, in the order of their codes; all if None.
        target: domains whose labels the learner may not see.
        check: hold the file to its sha256.
        splits: shares of train, validation and test, met within every domain.
        seed: of the split.
    """
    if path is None:
        raise InputError(f"{reader} is not fetched: hand it path=, a folder with {FILE} or such a file")
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    check_file(file)
    if check and (found := digest(file)) != sha256:
        raise InputError(
            f"{file} has the sha256 {found[:12]}..., not {sha256[:12]}...: for features of your own, say check=False"
        )
    held = _arrays(file)
    names = [str(name) for name in held["domain_names"]]
    chosen = names if domains is None else [domains] if isinstance(domains, str) else list(domains)
    hidden = [target] if isinstance(target, str) and target else list(target)
    for name in chosen:
        if name not in names:
            raise unknown("domain", name, names)
    for name in hidden:
        if name not in chosen:
            raise unknown("domain to hide the labels of", name, chosen)
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"domains are one or more different ones, not {chosen}")
    place = {name: code for code, name in enumerate(chosen)}
    code = np.array([place.get(name, HIDDEN) for name in names])[held["domains"]]
    rows = np.flatnonzero(code != HIDDEN)
    domain, y = code[rows].astype(np.int64), held["labels"][rows].astype(np.int64)
    split = make_split(len(rows), domain, splits, seed)
    data = Dataset(
        x=held["features"][rows].astype(np.float32),
        fields={"y": np.where(np.isin(domain, [place[name] for name in hidden]), HIDDEN, y), "domain": domain},
        names={"y": tuple(str(name) for name in held["class_names"]), "domain": tuple(chosen)},
        split=split,
        source={
            "reader": reader,
            "path": str(Path(path).resolve()),
            "domains": None if domains is None else chosen,
            "target": hidden,
            "check": check,
            "splits": list(splits),
            "seed": seed,
        },
    )
    truth = Truth(
        latents=np.stack([y, domain], 1).astype(np.float64),
        names=("class", "domain"),
        kinds=("discrete", "discrete"),
        blocks={"invariant": (0,), "changing": (1,)},
        labels={"y": y},
        split=split,
    )
    return data, truth


def _arrays(file: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as packed:
            held = {name: packed[name] for name in ARRAYS}
    except KeyError:
        raise InputError(f"{file} holds no features of this layout, which are {', '.join(ARRAYS)}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as an .npz file: {error}") from None
    if held["features"].ndim != 2:
        raise InputError(f"features are (rows, columns), and those of {file} have shape {held['features'].shape}")
    for name, kinds in {"labels": "class_names", "domains": "domain_names"}.items():
        codes = held[name]
        if codes.shape != held["features"].shape[:1]:
            raise InputError(f"lengths differ: '{name}' of {file} has {len(codes)} rows, not {len(held['features'])}")
        if codes.dtype.kind not in "iu" or int(codes.max()) >= len(held[kinds]) or int(codes.min()) < 0:
            raise InputError(f"'{name}' of {file} must be codes from 0 to {len(held[kinds]) - 1}, for its '{kinds}'")
    return held
