"""Pairs and windows in the source of data, so that what is read again is brought into the same shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identikit.data import Dataset, Truth

SHAPES = ("views", "windows")
"""Keys of a source under which `as_views` and `windows` note what they were asked for, in the order of their calls."""


def noted(source: Mapping[str, Any], shape: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The source of data that was brought into a shape; empty where it was empty, or cannot be told in one note.

    >>> noted({"world": "Temporal"}, "windows", {"past": 2, "next": False})
    {'world': 'Temporal', 'windows': {'past': 2, 'next': False}}
    """
    return {**source, shape: dict(asked)} if source and "windows" not in source and shape not in source else {}


def plain(source: Mapping[str, Any]) -> dict[str, Any]:
    """The source of the data before it was brought into a shape."""
    return {name: value for name, value in source.items() if name not in SHAPES}


def reshaped(data: Dataset, truth: Truth | None, source: Mapping[str, Any]) -> tuple[Dataset, Truth | None]:
    """Bring data that was read again into the shape that its source notes."""
    from identikit.datasets.views import as_views
    from identikit.datasets.windows import windows

    calls: tuple[Any, ...] = (as_views, windows)
    for shape, bring in zip(SHAPES, calls, strict=True):
        if shape in source and truth is None:
            data = bring(data, None, **source[shape])
        elif shape in source:
            data, truth = bring(data, truth, **source[shape])
    return data, truth
