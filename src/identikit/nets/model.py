"""The model: encoder, and where wanted a decoder, a prior and heads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from identikit.errors import InputError
from identikit.nets.code import Batch, Code
from identikit.nets.gates import Gates
from identikit.nets.mask import Mask
from identikit.nets.posterior import Posterior
from identikit.nets.priors import Prior, StandardNormal
from identikit.nets.quantise import Categories, Codebook
from identikit.nets.slopes import nudged, rises
from identikit.nets.standardise import Standardise


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
        also: fields that hold further inputs of each row, which the same encoder encodes in training, and the axes that
            stand between the rows and the shape of `x`: `{"view": (), "past": (2,)}` for another view of each row and
            its two past time points.
        targets: fields shaped like `x` that terms compare with, brought to the scale that the nets see.
        mask: hides part of `x` from the encoder in training; an encoder with a true attribute `skips` is given the mask
            itself too, last, so that it may leave out what is hidden.
        jacobian: of how many rows of each batch the decoder's slope is taken; 0 for none.
        gates: which parents each latent may listen to, for terms that say how it does.
        quantiser: makes a code of finitely many of the encoder's output, where `variational` is false.
        history: how many time points of the field `past` the encoder sees behind each input, the nearest first, as one
            more axis `(history + 1, *shape)`. The past that `also` encodes then holds as many more.
        correlated: whether the posterior of a row is a normal distribution whose latents may be correlated. The encoder
            then gives `latents * (latents - 1) / 2` further numbers, for terms that read `Code.log_posterior`; the
            log-variance is that of each latent given those before it, and there is no divergence from a `prior`.

    No module draws random numbers: `noise` is an input, `(..., batch, noise_size)` standard normal, of which the first
    `latents` numbers draw the code, the next ones the codes of `also`, then comes what is hidden, and last the gates.

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
        also: Mapping[str, tuple[int, ...]] | None = None,
        targets: Sequence[str] = (),
        mask: Mask | None = None,
        jacobian: int = 0,
        gates: Gates | None = None,
        quantiser: Codebook | Categories | None = None,
        history: int = 0,
        correlated: bool = False,
    ) -> None:
        super().__init__()
        if also and getattr(encoder, "sees", ()):
            raise InputError("an encoder that sees a category beside x cannot encode the fields of also= too")
        if jacobian and decoder is None:
            raise InputError("jacobian= takes the slope of the decoder, and this model has none")
        if quantiser is not None and (variational or also):
            raise InputError(
                "quantiser= takes a model with variational=False and no also=: it makes the code of x alone"
            )
        self.standardise = Standardise(shape)
        self.latents = latents
        self.encoder = encoder
        self.decoder = decoder
        self.prior = prior or StandardNormal()
        self.heads = nn.ModuleDict(heads or {})
        self.blocks = dict(blocks or {"all": tuple(range(latents))})
        self.variational = variational
        self.squash = squash
        self.also = {name: tuple(axes) for name, axes in (also or {}).items()}
        self.targets = tuple(targets)
        self.mask = mask
        self.jacobian = jacobian
        self.gates = gates
        self.quantiser = quantiser
        self.history = history
        self.correlated = correlated

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields that the model reads beside `x`."""
        sees = (*getattr(self.encoder, "sees", ()), *(("past",) if self.history else ()))
        return tuple(dict.fromkeys((*sees, *(self.prior.needs if self.variational else ()))))

    @property
    def known(self) -> tuple[str, ...]:
        """Categories that the model reads and that must not be hidden in any row."""
        prior = self.prior.needs if self.variational and not self.prior.takes_hidden else ()
        return tuple(dict.fromkeys((*getattr(self.encoder, "sees", ()), *prior)))

    @property
    def provides(self) -> frozenset[str]:
        """The parts of its `Code` that a term may ask for."""
        parts = {"mean"} | {f"head for '{name}'" for name in self.heads} | {f"block '{name}'" for name in self.blocks}
        if self.decoder is not None:
            parts.add("reconstruction")
        if self.variational:
            parts |= {"log_variance", *(() if self.correlated else ("divergence",))}
        parts |= {f"the code of '{name}' (also=)" for name in self.also}
        parts |= {f"the target '{name}' (targets=)" for name in self.targets}
        if self.mask is not None:
            parts.add("a mask")
        if self.jacobian:
            parts.add("the decoder's slope (jacobian=)")
        if self.gates is not None:
            parts.add("gates")
        if self.quantiser is not None:
            parts |= {*self.quantiser.provides, "a quantiser"}
        return frozenset(parts)

    @property
    def noise_size(self) -> int:
        """Standard normal numbers wanted for each row."""
        return sum(self._noise_sizes)

    @property
    def _noise_sizes(self) -> list[int]:
        """Numbers wanted for the code, for each of the codes of `also`, for what is hidden, and for the gates."""
        drawn = 0 if self.quantiser is None else self.quantiser.noise_size
        own = self.latents if self.variational else drawn
        also = [self.latents * math.prod(axes) if self.variational else 0 for axes in self.also.values()]
        return [own, *also, *(0 if part is None else part.noise_size for part in (self.mask, self.gates))]

    def prepare(self, x: Tensor) -> None:
        """Learn the scale of the data from the training rows, before training."""
        self.standardise.prepare(x)

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """The input as the encoder sees it, and mean and log-variance `(..., batch, latents)` of the code."""
        x = self.standardise(batch["x"])
        found = self._encode(self._remember(x, batch), batch)
        mean = found.mean if self.quantiser is None else self.quantiser(found.mean).mean
        return x, mean, found.log_variance

    def states(self, batch: Batch) -> Tensor:
        """The state of each discrete latent, `(..., batch, places)`, counted from 0."""
        if self.quantiser is None:
            raise InputError("this model has no quantiser, so its code has no states")
        x = self.standardise(batch["x"])
        return self.quantiser(self._encode(self._remember(x, batch), batch).mean).indices

    def _remember(self, x: Tensor, batch: Batch) -> Tensor:
        """The input with the nearest of its past behind it, `(..., batch, history + 1, *shape)`."""
        if not self.history:
            return x
        rows = x.dim() - self.standardise.rank
        past = batch["past"].narrow(rows, 0, self.history)
        past = self.standardise(past.flatten(rows - 1, rows)).unflatten(rows - 1, past.shape[rows - 1 : rows + 1])
        return torch.cat([x.unsqueeze(rows), past], rows)

    def _encode(self, x: Tensor, batch: Batch, mask: Tensor | None = None) -> Posterior:
        seen = [batch[name] for name in getattr(self.encoder, "sees", ())]
        if mask is not None and getattr(self.encoder, "skips", False):
            seen.append(mask)
        out = self.encoder(x, *seen)
        if not self.variational:
            return Posterior(out)
        return Posterior.read(out, self.latents, self.correlated)

    def forward(self, batch: Batch, noise: Tensor) -> Code:
        """Encode, sample, reconstruct and predict a batch `(..., batch, *shape)`, with all that is beside the code."""
        _, *beside = self._noise_sizes
        own, *others, hide, draw = noise.split([noise.shape[-1] - sum(beside), *beside], -1)
        mask = None if self.mask is None else self.mask(hide)
        code = self.plain(batch, own, mask)
        also = {name: self._other(name, batch, own) for name, own in zip(self.also, others, strict=True)}
        targets = {name: self.standardise(batch[name]) for name in self.targets}
        jacobian = self.slope(_some(code.sample, self.jacobian)) if self.jacobian else None
        gates = None if self.gates is None else self.gates(draw)
        return replace(code, also=also, targets=targets, jacobian=jacobian, gates=gates)

    def plain(self, batch: Batch, noise: Tensor, mask: Tensor | None = None) -> Code:
        """The code of `x` alone, of noise `(..., batch, latents)`; a mask `(..., batch, *shape)` hides part of `x`."""
        x = self.standardise(batch["x"])
        seen = x if self.mask is None or mask is None else self.mask.hide(x, mask)
        found = self._encode(self._remember(seen, batch), batch, mask)
        mean, (sample, density) = found.mean, found.draw(noise)
        base, divergence, quantised = mean, None, None
        if found.log_variance is not None:
            base, divergence = self.prior(sample, mean, found.log_variance, batch)
            divergence = None if self.correlated else divergence
        elif self.quantiser is not None:
            quantised = self.quantiser(mean, noise, batch.step)
            mean, sample, base, divergence = quantised.mean, quantised.sample, quantised.sample, quantised.divergence
        return Code(
            mean=mean,
            sample=sample,
            base=base,
            input=x,
            log_variance=found.log_variance,
            log_posterior=density,
            divergence=divergence,
            reconstruction=None if self.decoder is None else self.decoder(sample),
            heads=self._tell(sample, base),
            blocks=self.blocks,
            mask=mask,
            quantised=quantised,
        )

    def _other(self, name: str, batch: Batch, noise: Tensor) -> Code:
        """The code of a field that holds inputs like `x`, several for each row where it has axes for them."""
        given, axes = batch[name], self.also[name]
        rows = given.dim() - self.standardise.rank - len(axes) - 1
        before = self.history if name == "past" else 0
        shape = (given.shape[rows], *axes)
        if before:
            given = torch.stack([given.narrow(rows + 1, k, before + 1) for k in range(axes[0])], rows + 1)
            x = self.standardise(given.flatten(rows, rows + 2)).unflatten(rows, (-1, before + 1))
        else:
            x = self.standardise(given.flatten(rows, rows + len(axes)))
        found = self._encode(x, batch)
        # There is no noise where nothing is drawn.
        own = noise.unflatten(-1, (*axes, self.latents)).reshape(found.mean.shape) if self.variational else noise
        sample, density = found.draw(own)
        mean, sample, x = (part.unflatten(rows, shape) for part in (found.mean, sample, x))
        parts = (found.log_variance, density)
        spread, density = (None if part is None else part.unflatten(rows, shape) for part in parts)
        return Code(mean=mean, sample=sample, base=sample, input=x, log_variance=spread, log_posterior=density)

    def slope(self, code: Tensor) -> Tensor:
        """How much the decoder's output, as the nets see `x`, changes with each latent at codes `(..., rows, latents)`.

        Taken from steps of a hundredth of each latent's deviation over the rows: with rectifiers a decoder is linear
        nearly everywhere, and then these are its derivatives.

        Returns:
            `(..., rows, features, latents)`.
        """
        if self.decoder is None:
            raise InputError("this model has no decoder, so it has no slope")
        lead = code.dim() - 2
        many, step = nudged(code)
        out = self.decoder(many).flatten(lead + 1)
        return rises(out, code.shape[-2], lead) / step[..., None, None, :]

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


def _some(code: Tensor, rows: int) -> Tensor:
    """Some rows of a batch, evenly spread: a balanced batch is ordered by domain."""
    return code[..., :: max(1, code.shape[-2] // rows), :][..., :rows, :]


def _of(head: nn.Module) -> str:
    return getattr(head, "of", "base")
