"""The model: encoder, and where wanted a decoder, a prior and heads."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from identikit.errors import InputError
from identikit.nets.code import Batch, Code
from identikit.nets.priors import Prior, StandardNormal

_START = -2.0
"""Log-variance that an encoder's zero stands for: a posterior that is sure enough to carry something from the start."""


class Standardise(nn.Module):
    """Bring `x` to the scale that nets like: pictures to 0..1, numbers to mean 0 and variance 1 in training."""

    batches_runs = True
    shift: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.rank = len(shape)
        self.register_buffer("shift", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def prepare(self, x: Tensor) -> None:
        """Learn shift and scale from the training rows `(rows, *shape)`; pictures keep theirs."""
        if self.rank == 1:
            self.shift.copy_(x.float().mean(0))
            self.scale.copy_(x.float().std(0, correction=0).clamp_min(1e-12))

    def _moments(self) -> tuple[Tensor, Tensor]:
        if self.shift.dim() > self.rank:
            return self.shift.unsqueeze(1), self.scale.unsqueeze(1)
        return self.shift, self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., batch, *shape)` to the nets' scale."""
        if x.dtype == torch.uint8:
            x = x.float() / 255
        shift, scale = self._moments()
        return (x - shift) / scale if self.rank == 1 else x

    def inverse(self, x: Tensor) -> Tensor:
        """Map the nets' scale back to the data's (pictures stay 0..1)."""
        shift, scale = self._moments()
        return x * scale + shift if self.rank == 1 else x


class Model(nn.Module):
    """Encoder, decoder, prior and heads, one for one run; the engine stacks it for many.

    Args:
        shape: of one row of `x`.
        latents: number of latents.
        encoder: maps `x` to `2 * latents` numbers: means, then log-variances; to `latents` numbers where `variational`
            is false. It is also given the fields that it names in an attribute `sees` (see `Seeing`).
        decoder: maps a code to the shape of `x`.
        prior: what the latents should look like; standard normal by default.
        heads: one net for each field to predict, from the base coordinates of the code (or as `BlockHead` says).
        blocks: names for groups of latents, e.g. `{"invariant": (0, 1), "changing": (2, 3)}`.
        variational: whether the encoder gives a distribution, from which a sample is drawn with the noise it is given.
        squash: whether the decoder's output goes through a sigmoid when decoding (Bernoulli reconstruction).

    No module draws random numbers: `noise` is an input, `(..., batch, latents)` standard normal.

    >>> import torch
    >>> from identikit import nets
    >>> model = nets.Model((8,), 4, encoder=nets.MLP(8, 8), decoder=nets.MLP(4, 8))
    >>> code = model(nets.Batch({"x": torch.zeros(5, 8)}), noise=torch.zeros(5, 4))
    >>> code.mean.shape, code.reconstruction.shape
    (torch.Size([5, 4]), torch.Size([5, 8]))
    """

    batches_runs = True

    def __init__(
        self,
        shape: tuple[int, ...],
        latents: int,
        encoder: nn.Module,
        decoder: nn.Module | None = None,
        prior: Prior | None = None,
        heads: Mapping[str, nn.Module] | None = None,
        blocks: Mapping[str, tuple[int, ...]] | None = None,
        variational: bool = True,
        squash: bool = False,
    ) -> None:
        super().__init__()
        self.standardise = Standardise(shape)
        self.latents = latents
        self.encoder = encoder
        self.decoder = decoder
        self.prior = prior or StandardNormal()
        self.heads = nn.ModuleDict(heads or {})
        self.blocks = dict(blocks or {"all": tuple(range(latents))})
        self.variational = variational
        self.squash = squash

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields that the model reads beside `x`."""
        sees = getattr(self.encoder, "sees", ())
        return tuple(dict.fromkeys((*sees, *(self.prior.needs if self.variational else ()))))

    @property
    def provides(self) -> frozenset[str]:
        """The parts of its `Code` that a term may ask for."""
        parts = {"mean"} | {f"head for '{name}'" for name in self.heads} | {f"block '{name}'" for name in self.blocks}
        if self.decoder is not None:
            parts.add("reconstruction")
        if self.variational:
            parts |= {"divergence", "log_variance"}
        return frozenset(parts)

    @property
    def noise_size(self) -> int:
        """Standard normal numbers wanted for each row."""
        return self.latents if self.variational else 0

    def prepare(self, x: Tensor) -> None:
        """Learn the scale of the data from the training rows, before training."""
        self.standardise.prepare(x)

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """The input as the encoder sees it, and mean and log-variance `(..., batch, latents)` of the code."""
        x = self.standardise(batch["x"])
        out = self.encoder(x, *(batch[name] for name in getattr(self.encoder, "sees", ())))
        if not self.variational:
            return x, out, None
        mean, log_variance = out.chunk(2, -1)
        return x, mean, (log_variance + _START).clamp(-12, 4)

    def forward(self, batch: Batch, noise: Tensor) -> Code:
        """Encode, sample, reconstruct and predict a batch `(..., batch, *shape)`."""
        x, mean, log_variance = self.posterior(batch)
        sample, base, divergence = mean, mean, None
        if log_variance is not None:
            sample = mean + (0.5 * log_variance).exp() * noise
            base, divergence = self.prior(sample, mean, log_variance, batch)
        return Code(
            mean=mean,
            sample=sample,
            base=base,
            input=x,
            log_variance=log_variance,
            divergence=divergence,
            reconstruction=None if self.decoder is None else self.decoder(sample),
            heads=self._tell(sample, base),
            blocks=self.blocks,
        )

    def _tell(self, sample: Tensor, base: Tensor) -> dict[str, Tensor]:
        return {name: head(sample if _of(head) == "sample" else base) for name, head in self.heads.items()}

    def tell(self, code: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What the heads make of codes `(..., batch, latents)`, by field; the batch holds what the prior needs."""
        base = self.prior(code, code, torch.zeros_like(code), batch)[0] if self.variational else code
        return self._tell(code, base)

    def decode(self, code: Tensor) -> Tensor:
        """Map codes `(..., batch, latents)` to the scale of the data; pictures to 0..1."""
        if self.decoder is None:
            raise InputError("this model has no decoder, so it cannot decode a code")
        x = self.decoder(code)
        return self.standardise.inverse(torch.sigmoid(x) if self.squash else x)

    def move(self, code: Tensor, origin: Tensor, target: Tensor) -> Tensor:
        """Carry codes `(batch, latents)` from one domain to another, as the prior says that domains differ."""
        return self.prior.move(code, origin, target)


class Seeing(nn.Module):
    """An encoder that sees a category beside `x`, as numbers 0 and 1 behind it.

    Args:
        net: maps rows of `x` with `categories` numbers behind them.
        field: that holds the category.
        categories: how many there are.

    >>> import torch
    >>> from identikit import nets
    >>> Seeing(nets.MLP(8 + 3, 4), "domain", 3)(torch.zeros(5, 8), torch.tensor([0, 1, 2, 0, 1])).shape
    torch.Size([5, 4])
    """

    batches_runs = True

    def __init__(self, net: nn.Module, field: str, categories: int) -> None:
        super().__init__()
        self.net = net
        self.sees = (field,)
        self.categories = categories

    def forward(self, x: Tensor, category: Tensor) -> Tensor:
        """Map `(..., batch, size)` and `(..., batch)`."""
        return self.net(torch.cat([x, nn.functional.one_hot(category, self.categories).to(x.dtype)], -1))


class BlockHead(nn.Module):
    """A head that sees one block of the code only.

    Args:
        net: maps the latents of the block to the prediction.
        positions: of the block's latents.
        of: whether to look at the `base` coordinates (what a prior makes of the sample) or at the `sample` itself.
    """

    batches_runs = True

    def __init__(self, net: nn.Module, positions: tuple[int, ...], of: str = "base") -> None:
        super().__init__()
        self.net = net
        self.positions = list(positions)
        self.of = of

    def forward(self, code: Tensor) -> Tensor:
        """Map codes `(..., batch, latents)`."""
        return self.net(code[..., self.positions])


def _of(head: nn.Module) -> str:
    return getattr(head, "of", "base")
