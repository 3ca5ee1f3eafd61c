"""The same 1,160 emoji drawn in five styles: real pictures with domain, class, concept and names known."""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from identikit.data import HIDDEN, Dataset, Truth
from identikit.errors import InputError, unknown
from identikit.splits import make_split

STYLES = ("noto", "noto-v1", "fluent-emoji", "fluent-emoji-flat", "fluent-emoji-high-contrast")
SIZES = (64, 32, 16)


def emoji(
    size: int = 32,
    styles: str | Sequence[str] | None = None,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    hidden_labels: str | Sequence[str] = (),
) -> tuple[Dataset, Truth]:
    """Read the emoji pictures: `domain` is the drawing style, `y` the Unicode group (9 classes).

    Rows are ordered by style, then by concept. A concept falls into the same split in every style, so that held-out
    concepts are unseen in all of them. Pictures smaller than 64 are means over blocks of pixels.

    Args:
        size: height and width of a picture: 64, 32 or 16.
        styles: some of `STYLES`, in the order of their codes; all if left out.
        splits: shares of train, validation and test among the concepts.
        seed: of the split.
        hidden_labels: styles whose labels the learner may not see (targets of domain adaptation).

    Returns:
        The data, x uint8 (1160 * styles, 3, size, size) with white as 255; and the truth: latents `concept` (its place
        in `emoji_concepts()`) and `style`, both discrete, as the blocks `invariant` and `changing`, and all labels.

    Raises:
        InputError: an unknown style or size.

    Source: Noto Emoji (Google, Apache-2.0) and Fluent Emoji (Microsoft, MIT), as packaged by Iconify; concept table
    from unicode-emoji-json and emojibase (MIT, with Unicode data). The notices are in `LICENSES.txt` beside the data.

    >>> data, truth = emoji(size=16, styles=["noto", "fluent-emoji-flat"], hidden_labels=["noto"])
    >>> data
    Dataset(2320 rows: x(3, 16, 16), y(), domain(); train 1856, validation 232, test 232)
    >>> [int(data["y"][row]) for row in (0, 1160)], data.names["y"][int(truth.labels["y"][0])]
    ([-1, 6], 'Smileys & Emotion')
    """
    styles = STYLES if styles is None else (styles,) if isinstance(styles, str) else tuple(styles)
    hidden_labels = (hidden_labels,) if isinstance(hidden_labels, str) else tuple(hidden_labels)
    for style in (*styles, *hidden_labels):
        if style not in STYLES:
            raise unknown("style", style, STYLES)
    if not styles or len(set(styles)) < len(styles):
        raise InputError(f"styles must be one or more different styles, not {list(styles)}")
    unused = [s for s in hidden_labels if s not in styles]
    if unused:
        raise InputError(
            f"the labels of style '{unused[0]}' are to be hidden, and it is not among the styles asked for"
        )
    if size not in SIZES:
        raise InputError(f"size must be one of {', '.join(map(str, SIZES))}, not {size}")
    concepts = emoji_concepts()
    groups = tuple(sorted({c["group"] for c in concepts}))
    concept = np.tile(np.arange(len(concepts)), len(styles))
    domain = np.repeat(np.arange(len(styles)), len(concepts))
    labels = np.array([groups.index(c["group"]) for c in concepts])[concept]
    shown = np.where(np.isin(domain, [styles.index(s) for s in hidden_labels]), HIDDEN, labels)
    split = make_split(len(concept), fractions=splits, seed=seed, groups=concept)
    data = Dataset(
        x=np.concatenate([_pictures(style, size) for style in styles]),
        fields={"y": shown, "domain": domain},
        names={"y": groups, "domain": styles},
        split=split,
        source={
            "reader": "emoji",
            "size": size,
            "styles": list(styles),
            "splits": list(splits),
            "seed": seed,
            "hidden_labels": list(hidden_labels),
        },
    )
    truth = Truth(
        latents=np.stack([concept, domain], 1).astype(np.float64),
        names=("concept", "style"),
        kinds=("discrete", "discrete"),
        blocks={"invariant": (0,), "changing": (1,)},
        labels={"y": labels},
        split=split,
    )
    return data, truth


def emoji_concepts() -> list[dict[str, Any]]:
    """The table of concepts, in the order of the latent `concept`.

    Returns:
        One dict for each concept: `index`, `emoji`, `codepoints`, `name`, `group` (9), `subgroup` (95, each within one
        group), `keywords`, `emoji_version` and `skin_tone_support`.

    >>> fox = next(c for c in emoji_concepts() if c["name"] == "fox")
    >>> fox["group"], fox["subgroup"], fox["keywords"][:2]
    ('Animals & Nature', 'animal-mammal', ['animal', 'nature'])
    """
    return json.loads(_file("concepts.json").read_text(encoding="utf-8"))["concepts"]


def _file(name: str) -> Any:
    return files("identikit.datasets").joinpath("files", "emoji", name)


def _pictures(style: str, size: int) -> np.ndarray:
    """All concepts in one style, (1160, 3, size, size) uint8."""
    raw = lzma.decompress(_file(f"{style}.npy.xz").read_bytes())
    pixels = np.load(io.BytesIO(raw), allow_pickle=False).transpose(0, 3, 1, 2)
    block = 64 // size
    if block > 1:
        sums = pixels.reshape(len(pixels), 3, size, block, size, block).sum((3, 5), dtype=np.uint32)
        # Rounded to the nearest whole value.
        pixels = (sums + block * block // 2) // (block * block)
    return np.ascontiguousarray(pixels, dtype=np.uint8)
