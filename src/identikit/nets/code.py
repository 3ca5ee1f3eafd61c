"""What goes into a model (`Batch`) and what comes out of it (`Code`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from identikit.errors import InputError


@dataclass(frozen=True)
class Batch:
    """Rows of a data set on their way through a model.

    Attributes:
        fields: tensors by name, each `(..., batch, ...)`: `x`, and `y`, `domain` and others where the data has them.
        step: number of the training step, for what changes over training.

    >>> import torch
    >>> batch = Batch({"x": torch.zeros(5, 8), "domain": torch.zeros(5, dtype=torch.long)})
    >>> batch["x"].shape, "y" in batch
    (torch.Size([5, 8]), False)
    """

    fields: Mapping[str, Tensor]
    step: int = 0

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.fields:
            raise InputError(f"the batch has no field '{name}': it holds {', '.join(self.fields)}")
        return self.fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self.fields


@dataclass(frozen=True)
class Quantised:
    """What a quantiser (`nets.quantise`) makes of the encoder's output.

    Attributes:
        mean: `(..., batch, latents)`, the code: one of finitely many, with a gradient to the encoder all the same.
        sample: the same shape, what the decoder sees in training.
        raw: the encoder's output.
        indices: `(..., batch, places)`, the state of each discrete latent.
        values: the shape of `mean`, with its gradient to the codebook; None where nothing is looked up.
        divergence: the same shape, an estimate of the divergence from even states; None where nothing is drawn.
    """

    mean: Tensor
    sample: Tensor
    raw: Tensor
    indices: Tensor
    values: Tensor | None = None
    divergence: Tensor | None = None


@dataclass(frozen=True)
class Code:
    """The result of one pass through a model; `...` is empty, or the runs.

    Attributes:
        mean: `(..., batch, latents)`, the code.
        sample: the same shape, drawn from the posterior; equal to `mean` where the encoder is deterministic.
        base: the same shape, the sample in the prior's own coordinates (for a flow, what it maps the sample to).
        log_variance: the same shape, of the posterior; None where the encoder is deterministic.
        divergence: the same shape, an estimate of KL(posterior, prior) for each latent; None where deterministic.
        input: `(..., batch, *shape)`, `x` as the encoder saw it.
        reconstruction: the same shape; None without a decoder.
        heads: predictions by field, e.g. class scores `(..., batch, classes)`.
        blocks: positions of the latents of each named block.
        also: codes of further inputs of the same rows, by field: `view` `(..., batch, latents)`, `past`
            `(..., batch, lags, latents)`; see `Model`.
        targets: fields shaped like `x` that are to be predicted, as the nets see them.
        mask: the shape of `input`, 1 where `x` was hidden from the encoder and 0 elsewhere; None where nothing is.
        jacobian: `(..., rows, features, latents)`, the decoder's slope at the samples of some rows of the batch.
        quantised: what a quantiser made of the encoder's output; None without one.
        gates: `(..., batch, latents, parents)`, which parents each latent listens to; None in a model without gates.
        log_posterior: the shape of `mean`, log-density of the posterior at the sample, latent by latent, where it is
            correlated (see `Model`); None where the log-variance says it all.
    """

    mean: Tensor
    sample: Tensor
    base: Tensor
    input: Tensor
    log_variance: Tensor | None = None
    divergence: Tensor | None = None
    reconstruction: Tensor | None = None
    heads: Mapping[str, Tensor] = field(default_factory=dict)
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    also: Mapping[str, Code] = field(default_factory=dict)
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    mask: Tensor | None = None
    jacobian: Tensor | None = None
    quantised: Quantised | None = None
    gates: Tensor | None = None
    log_posterior: Tensor | None = None
