"""The task of telling which rows are two views of the same thing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from identikit.errors import InputError, unknown
from identikit.nets import Batch, Code
from identikit.nets.grouped import distances
from identikit.objective import Term

_SIMILARITIES = ("distance", "cosine")
_CENTRE = 0.01


def contrast(
    one: Tensor, other: Tensor, temperature: float = 0.1, similarity: str = "distance", power: float = 2.0
) -> Tensor:
    r"""InfoNCE between the codes of two views, each row against all rows of the batch, in both directions.

    .. math:: -\frac{1}{2B} \sum_b \log \frac{e^{s(z_b, z'_b)}}{\sum_c e^{s(z_b, z'_c)}} +
        \log \frac{e^{s(z_b, z'_b)}}{\sum_c e^{s(z_c, z'_b)}}, \qquad
        s(z, z') = -\frac{\sum_i |z_i - z'_i|^p}{p \tau} \text{ or } \frac{\cos(z, z')}{\tau}

    Distances leave open where the codes lie, so for them 0.01 times the squared mean of either view's codes is added:
    otherwise rounding alone would move them.

    Args:
        one: `(..., batch, latents)`, codes of the first view.
        other: the same shape, codes of the second view.
        temperature: the number tau.
        similarity: `distance`, for codes anywhere in space, or `cosine`, for codes on a sphere, which says nothing of
            their length.
        power: the number p, at least 1, of distances: 2 fits latents that differ by normal steps between the views, 1
            Laplace steps.

    Returns:
        One number for each leading index, `(...)`: near 0 where every pair is told from all others, and the logarithm
        of the batch size where none is.

    Source: van den Oord et al. 2018 (arXiv 1807.03748), in both directions as Chen et al. 2020 (arXiv 2002.05709);
    distances in an unbounded space as in Zimmermann et al. 2021 (arXiv 2102.08850). That the mean is held is this
    library's choice.

    >>> import torch
    >>> round(contrast(torch.zeros(4, 3), torch.zeros(4, 3)).item(), 4)
    1.3863
    """
    drift: Tensor | float = 0.0
    if similarity == "cosine":
        one, other = F.normalize(one, dim=-1), F.normalize(other, dim=-1)
        scores = one @ other.transpose(-1, -2) / temperature
    else:
        scores = -distances(one, other, power).pow(power) / (power * temperature)
        drift = _CENTRE * (one.mean(-2).square() + other.mean(-2).square()).sum(-1)
    right = torch.diagonal(scores, dim1=-2, dim2=-1)
    return (scores.logsumexp(-1) + scores.logsumexp(-2) - 2 * right).mean(-1) / 2 + drift


class Contrast(Term):
    """Tell a row's other view from the other views of the rest of the batch (InfoNCE).

    The model encodes the other view too: `Model(..., also={"view": ()})`. What the two views share is kept, and what
    only one of them shows is not asked for.

    Args:
        field: that holds the other view of each row.
        temperature: how close two views must be, against how far apart others are.
        similarity: `distance` or `cosine`.
        power: of distances, at least 1.

    >>> Contrast().needs, Contrast().name
    (('view',), 'Contrast(view)')
    """

    role = "task"
    batches_runs = True

    def __init__(
        self, field: str = "view", temperature: float = 0.1, similarity: str = "distance", power: float = 2.0
    ) -> None:
        super().__init__()
        if similarity not in _SIMILARITIES:
            raise unknown("similarity", similarity, _SIMILARITIES)
        if temperature <= 0:
            raise InputError(f"temperature is above 0, not {temperature:g}")
        if power < 1:
            raise InputError(f"power is at least 1, not {power:g}")
        self.field = field
        self.needs = (field,)
        self.uses = (f"the code of '{field}' (also=)",)
        self.temperature = temperature
        self.similarity = similarity
        self.power = power

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """InfoNCE of the samples, one number for each run."""
        return contrast(code.sample, code.also[self.field].sample, self.temperature, self.similarity, self.power)
