"""Linear methods that need no training: encoder and decoder are computed from the training rows, then stay."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from identikit.data import Schema
from identikit.errors import InputError
from identikit.nets import Linear, Model

_ROWS = 10_000
"""Most rows that are computed from, evenly spread."""
_LEAST = 1e-6
"""Share of the first direction's deviation below which a direction counts as empty."""


class Flat(nn.Module):
    """A dense layer between rows of any shape, not trained.

    Args:
        inputs: shape of a row.
        outputs: shape of the result.

    >>> import torch
    >>> Flat((3, 8, 8), (2,))(torch.zeros(5, 3, 8, 8)).shape
    torch.Size([5, 2])
    """

    batches_runs = True

    def __init__(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.layer = Linear(math.prod(inputs), math.prod(outputs)).requires_grad_(False)

    def set(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Take over a weight `(out, in)` and a bias `(out,)`."""
        self.layer.weight.copy_(torch.as_tensor(weight))
        self.layer.bias.copy_(torch.as_tensor(bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *inputs)` to `(..., batch, *outputs)`."""
        return self.layer(x.flatten(-len(self.inputs))).unflatten(-1, self.outputs)


class LinearModel(Model):
    """A linear encoder and decoder that `prepare` computes from the training rows: principal components of variance 1.

    Args:
        schema: of the data.
        latents: number of latents.
    """

    encoder: Flat
    decoder: Flat

    def __init__(self, schema: Schema, latents: int) -> None:
        size = math.prod(schema.shape)
        if latents < 1:
            raise InputError(f"a code needs at least one latent, not {latents}")
        if latents > size:
            raise InputError(f"a linear code of {size} numbers has at most {size} latents, not {latents}")
        shape = schema.shape
        super().__init__(shape, latents, Flat(shape, (latents,)), Flat((latents,), shape), variational=False)

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Compute encoder and decoder from the training rows `(rows, *shape)`."""
        super().prepare(x)
        rows = self.standardise(x[:: math.ceil(len(x) / _ROWS)]).flatten(1).numpy().astype(np.float64)
        place, directions, deviations = principal(rows, self.latents)
        whiten = directions / deviations[:, None]
        turn = self.turn((rows - place) @ whiten.T)
        encoder = turn @ whiten
        decoder = directions.T * deviations @ turn.T
        self.encoder.set(encoder, -encoder @ place)
        self.decoder.set(decoder, place)

    def turn(self, white: np.ndarray) -> np.ndarray:
        """The rotation `(latents, latents)` of white codes `(rows, latents)`; none for principal components."""
        return np.eye(white.shape[1])


def principal(rows: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, first principal directions and deviations along them.

    Args:
        rows: `(rows, features)`.
        components: how many directions.

    Returns:
        `(features,)`, `(components, features)` and `(components,)`.

    Raises:
        InputError: the rows vary in fewer directions.

    >>> import numpy as np
    >>> principal(np.array([[-2.0, 0.0], [2.0, 0.0]]), 1)[2].tolist()
    [2.0]
    """
    from sklearn.decomposition import PCA

    if components > len(rows):
        raise InputError(f"{components} latents need as many training rows at least, and the data has {len(rows)}")
    found = PCA(components, random_state=0).fit(rows)
    deviations = found.singular_values_ / math.sqrt(len(rows))
    varied = int((deviations > _LEAST * max(deviations[0], _LEAST)).sum())
    if varied < components:
        raise InputError(f"x varies in {varied} directions only, so a linear code has at most {varied} latents")
    return np.asarray(found.mean_), np.asarray(found.components_), deviations
