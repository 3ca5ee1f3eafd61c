"""The Open LLM Leaderboard: six scores of several thousand language models, by the family of their base model."""

from __future__ import annotations

import csv
import lzma
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from identikit.data import Dataset
from identikit.datasets.arrays import check_file, from_arrays
from identikit.errors import InputError, unknown

SCORES = ("IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO")


@dataclass(frozen=True)
class _Group:
    """Models of one architecture and size, told apart by a pattern in their names or those of their base models."""

    architecture: str
    least: float
    most: float
    rest: str
    patterns: Mapping[str, str] = field(default_factory=dict)


_GROUPS = (
    _Group(
        "LlamaForCausalLM",
        7.9,
        8.1,
        "llama-3-8b",
        {"llama-3.1-8b": r"3[._]1|r1-distill-llama", "llama-3-8b": r"llama-?_?3"},
    ),
    _Group(
        "Qwen2ForCausalLM",
        7.5,
        7.7,
        "qwen2-7b",
        {"qwen2.5-7b": r"2[._]5|r1-distill-qwen", "qwen2-7b": r"qwen-?2"},
    ),
    _Group("Qwen2ForCausalLM", 14.6, 14.9, "qwen2.5-14b", {"qwen2.5-14b": r"qwen-?2[._]5|r1-distill-qwen"}),
    _Group("Qwen2ForCausalLM", 0.4, 0.7, "qwen2.5-0.5b", {"qwen2.5-0.5b": r"2[._]5"}),
    _Group("MistralForCausalLM", 7.0, 7.5, "mistral-7b", {"mistral-7b": r"mistral|zephyr"}),
    _Group("Gemma2ForCausalLM", 9.0, 10.5, "gemma-2-9b", {"gemma-2-9b": r"gemma-?2"}),
)
FAMILIES = tuple(sorted({g.rest for g in _GROUPS}.union(*(g.patterns for g in _GROUPS))))
"""The families that are told apart; models of others are left out."""


def open_llm_leaderboard(
    path: str | Path, families: Sequence[str] = FAMILIES, named: bool = False, raw: bool = False
) -> Dataset:
    r"""Read the scores of models, with the family of the base model as the domain.

    The table does not name the family. It is told from architecture and size, and where these fit two families, from
    the model's name and those of the models it was made of, as far as the column `Base Model` leads back; a model of
    which no name tells is taken for the older family. Rows marked as flagged, and repeated rows of equal scores within
    a family (one model in two precisions, mostly), are left out.

    Args:
        path: the table, .csv or .csv.xz, with its header; it is not shipped with this library.
        families: some of `FAMILIES`.
        named: keep only models of which a name tells the family.
        raw: the fractions of right answers, and not the scores that are 0 at the level of guessing and below.

    Returns:
        x (rows, 6), the scores of `SCORES` (in percent, or fractions), and `domain`, the family.

    Raises:
        InputError: no such file, a column that is missing, a score that is no number, an unknown family, or one without
            a model.

    Source: Fourrier et al. 2024, Open LLM Leaderboard v2, as passed on by Zhang et al. 2025 (arXiv 2506.10378). The
    families are this library's choice, and not the curated ones of that paper, which were not to be had.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "board.csv")
    >>> head = ["fullname", "Base Model", "Architecture", "#Params (B)", "Flagged", *SCORES]
    >>> rows = [[f"me/gemma-2-{i}", "?", "Gemma2ForCausalLM", 9.2, False, *range(i, i + 6)] for i in range(9)]
    >>> _ = path.write_text("\n".join(",".join(map(str, row)) for row in [head, *rows]))
    >>> open_llm_leaderboard(path, families=["gemma-2-9b"])
    Dataset(9 rows: x(6,), domain(); train 7, validation 1, test 1)
    """
    families = tuple(families)
    for name in families:
        if name not in FAMILIES:
            raise unknown("family", name, FAMILIES)
    if not families:
        raise InputError(f"families names at least one of {', '.join(FAMILIES)}")
    columns = tuple(f"{score} Raw" for score in SCORES) if raw else SCORES
    models = _read(Path(path), columns)
    bases = {model["fullname"]: model["Base Model"] for model in models}
    kept: dict[tuple[str, ...], None] = {}
    for number, model in enumerate(models):
        family = _family(model, bases, named)
        if family in families and model["Flagged"] != "True":
            kept[(family, *(str(_score(model, column, number)) for column in columns))] = None
    for name in families:
        if not any(row[0] == name for row in kept):
            raise InputError(f"{path} holds no model of the family '{name}': leave it out")
    values = np.array([row[1:] for row in kept], dtype=np.float64)
    return from_arrays(values, domain=[row[0] for row in kept], names=SCORES)


def _read(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    check_file(path)
    try:
        with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            for name in ("fullname", "Base Model", "Architecture", "#Params (B)", "Flagged", *columns):
                if name not in (reader.fieldnames or ()):
                    raise InputError(f"{path} has no column '{name}', which the table of the leaderboard has")
            return list(reader)
    except (lzma.LZMAError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _score(model: Mapping[str, str], column: str, number: int) -> float:
    value = _number(model[column])
    if not math.isfinite(value):
        raise InputError(f"row {number} ({model['fullname']}) has '{model[column]}' for '{column}', which is no number")
    return value


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _family(model: Mapping[str, str], bases: Mapping[str, str], named: bool) -> str | None:
    """The family of a model, or None."""
    size = _number(model["#Params (B)"])
    for group in _GROUPS:
        if model["Architecture"] == group.architecture and group.least <= size <= group.most:
            names = " ".join(_ancestry(model["fullname"], bases)).lower()
            told = [family for family, pattern in group.patterns.items() if re.search(pattern, names)]
            return told[0] if told else None if named else group.rest
    return None


def _ancestry(name: str, bases: Mapping[str, str]) -> list[str]:
    """A model's name, that of its base model, that one's base model, and so on."""
    found: list[str] = []
    while name and name not in found:
        found.append(name)
        name = bases.get(name, "")
    return found
