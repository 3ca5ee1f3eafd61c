"""Where the peers' checkouts are, which commit of each is meant, and how code written for older libraries is imported.

A checkout is looked for under the folder given by `--peers DIR` or the environment variable IDENTIKIT_PEERS, by the
name of its repository: DIR/disentanglement_lib, DIR/icebeem, ...
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Peer:
    """One repository at one commit."""

    owner: str
    name: str
    commit: str

    @property
    def how(self) -> str:
        """The command that puts the checkout where it is looked for."""
        place = f'"${{IDENTIKIT_PEERS}}/{self.name}"'
        return f"git clone https://github.com/{self.owner}/{self.name} {place} && git -C {place} checkout {self.commit}"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("google-research", "disentanglement_lib", "86a644d4ed35c771560dc3360756363d35477357"),
        Peer("ubisoft", "ubisoft-laforge-disentanglement-metrics", "05d5667c129bc1445c343a651d26ccd2926fdde6"),
        Peer("kylehkhsu", "latent_quantization", "9a420a33505e03914f9b4fbfcafd221d25b8162f"),
        Peer("ilkhem", "icebeem", "0077f0120c83bcc6d9b199b831485c42bed2401f"),
        Peer("CausalVerse", "CausalVerseBenchmark", "76e11e2c0150ccd88fa98ffa58d762785b967970"),
        Peer("xiangchensong", "sae-feature-consistency", "32da471c92ee628d28feac2a3e30973ada8b994f"),
        Peer("weirayao", "tdrl", "655ea525f0931d98449f1526074079f14fb56ea3"),
        Peer("xiangchensong", "nctrl", "d2540bb5d0ebe7e75f68ebb490a94fe019a65c52"),
        Peer("py-why", "causal-learn", "e30895b7ad41c429be73975a6a0b6bdea8146a7e"),
        Peer("clementchadebec", "benchmark_VAE", "6419e21558f2a6abc2da99944bddda846ded30f4"),
    )
}


class MissingError(RuntimeError):
    """A checkout is not there; the message says how to get it."""


_base: list[Path] = [Path(os.environ["IDENTIKIT_PEERS"])] if os.environ.get("IDENTIKIT_PEERS") else []


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--peers DIR` to a script."""
    parser.add_argument("--peers", type=Path, help="folder of the peers' checkouts (or IDENTIKIT_PEERS)")


def look_in(folder: Path | None) -> None:
    """Look for the checkouts in this folder; None leaves what the environment says."""
    if folder is not None:
        _base[:] = [folder]


def checkout(name: str) -> Path:
    """Return the folder of a checkout, or raise `MissingError` with the commands that make one."""
    peer = PEERS[name]
    if not _base:
        raise MissingError(f"{name}: set IDENTIKIT_PEERS or --peers to a folder of checkouts, made by: {peer.how}")
    folder = _base[0].absolute() / name
    if not folder.is_dir():
        raise MissingError(f"{name}: no checkout at {folder}. Run: IDENTIKIT_PEERS={_base[0].absolute()}; {peer.how}")
    if (folder / ".git").exists():
        asked = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        if commit and commit != peer.commit:
            raise MissingError(f"{name}: {folder} is at {commit}. Run: git -C {folder} checkout {peer.commit}")
    return folder


def missing() -> list[str]:
    """Return one sentence for each checkout that is not there."""
    sentences = []
    for name in PEERS:
        try:
            checkout(name)
        except MissingError as error:
            sentences.append(str(error))
    return sentences


def stand_in(name: str, **holds: Any) -> types.ModuleType:
    """Return a module with these attributes, to be imported in place of one that the metrics do not really need."""
    module = types.ModuleType(name)
    vars(module).update(holds)
    return module


def imported(root: Path, *modules: str, stand_ins: Mapping[str, types.ModuleType] | None = None) -> list[Any]:
    """Import modules of a checkout, and leave `sys.path` and `sys.modules` as they were.

    Args:
        root: the folder that its imports start from.
        modules: dotted names below `root`; they share what they import.
        stand_ins: modules that its imports find in place of the real ones.
    """
    stand_ins = stand_ins or {}
    tops = tuple(name.partition(".")[0] for name in modules)
    hidden = {name: own for name, own in sys.modules.items() if name.partition(".")[0] in tops or name in stand_ins}
    for name in hidden:
        del sys.modules[name]
    sys.modules.update(stand_ins)
    sys.path.insert(0, str(root))
    # A folder that was listed before a checkout was unpacked into it would hide it.
    importlib.invalidate_caches()
    try:
        with warnings.catch_warnings():
            # Old code warns of invalid escapes and deprecated names, which is no concern of the reader's.
            warnings.simplefilter("ignore")
            return [importlib.import_module(name) for name in modules]
    finally:
        sys.path.remove(str(root))
        for name in [name for name in sys.modules if name.partition(".")[0] in tops or name in stand_ins]:
            del sys.modules[name]
        sys.modules.update(hidden)


@contextlib.contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Fix NumPy's global generator, which the peers draw from, and keep their warnings to themselves."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)


def logistic(**settings: Any) -> Any:
    """Logistic regression from arguments of scikit-learn before 1.7.

    `multi_class="ovr"` becomes one model for each class, `"multinomial"` is what remains; `penalty=None` becomes an
    infinite `C`; `n_jobs` is left out.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    settings.pop("n_jobs", None)
    if settings.pop("penalty", "l2") is None:
        settings["C"] = np.inf
    wanted = settings.pop("multi_class", "multinomial")
    return OneVsRestClassifier(LogisticRegression(**settings)) if wanted == "ovr" else LogisticRegression(**settings)


def first_number(function: Callable[..., Any]) -> Callable[..., float]:
    """Wrap a function that returns an array of one number, for code that stores it in a cell (NumPy before 2.4)."""
    return lambda *args, **kwargs: float(np.ravel(function(*args, **kwargs))[0])
