"""Office-Caltech-10: ten things from a shop, two cameras and Caltech-256, as features of a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from identikit.data import Dataset, Truth
from identikit.datasets.features import read_features

SHA256 = "63b2ca46114a9082130ce7a0b756b30b7cc681c877fcf41fa979688947c669d5"


def office_caltech(
    path: str | Path | None = None,
    domains: Sequence[str] | None = None,
    target: str | Sequence[str] = (),
    check: bool = True,
    splits: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> tuple[Dataset, Truth]:
    """Read Office-Caltech-10 as features of a trained network, from a file of yours.

    2,533 pictures of 10 classes in 4 domains: amazon, caltech10, dslr, webcam.

    The pictures carry no licence, so that neither they nor their features come with this library or are fetched by it.
    The file is an .npz with `features` (rows, columns) float16, `labels` and `domains` (rows,) uint8, and `class_names`
    and `domain_names`, of which those are indices.

    Args:
        path: of the file, or of the folder that holds it as `features_lite0_128.npz`.
        domains: some of the domains, in the order of their codes; all if left out.
        target: domains whose labels the learner may not see (targets of domain adaptation).
        check: hold the file to the sha256 of the one that the figures of this library were taken on; False for features
            of your own in the same layout.
        splits: shares of train, validation and test, met within every domain.
        seed: of the split.

    Returns:
        The data, x float32 (rows, columns) with `y` and `domain`; and the truth: latents `class` and `domain`, both
        discrete, as the blocks `invariant` and `changing`, and all labels.

    Raises:
        InputError: there is no such file, it is another, or a domain is unknown.

    Source: Gong, Shi, Sha and Grauman 2012, Geodesic flow kernel for unsupervised domain adaptation (CVPR).
    The features of the file whose sha256 is known here: EfficientNet-Lite0 trained on ImageNet, pictures of 128 pixels,
    the last activation map averaged over space, 1,280 numbers.

    >>> office_caltech("nowhere.npz")
    Traceback (most recent call last):
    identikit.errors.InputError: there is no file nowhere.npz
    """
    return read_features("office_caltech", SHA256, path, domains, target, check, splits, seed)
