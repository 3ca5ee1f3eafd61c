"""Checks of the decoder: that it explains the data, loses nothing, leaves nothing, and is as sparse as claimed."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from identikit.engine.training import one_thread
from identikit.metrics import block_r2
from identikit.trust.finding import Finding
from identikit.trust.view import View

_PLACES, _PLACES_OF_PICTURES = 256, 32


def jacobians(view: View) -> np.ndarray:
    """Derivatives of the decoder at held-out codes, (places, observed, latents).

    Columns are in units of the latent's own standard deviation, rows in units of the decoder's output. Each column is
    one forward-mode pass for all places, so the cost grows with the latents and not with the observations.
    """
    few = np.random.default_rng(0).permutation(len(view.code))
    few = few[: _PLACES_OF_PICTURES if view.data.schema.image else _PLACES]
    codes = torch.as_tensor(view.code[few])[None]
    spread = torch.as_tensor(view.code.std(0))
    learner = view.one.program.learner
    columns = []

    def decode(given: Tensor) -> Tensor:
        return view.one.program.call(lambda learner, codes: learner.model.decoder(codes), given)

    with one_thread(not view.data.schema.image), view.one.program.resting(), warnings.catch_warnings():
        # The first forward-mode pass of a process loads a part of torch that warns of itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        codes, spread = (t.to(next(learner.parameters()).device) for t in (codes, spread))
        for j in range(codes.shape[-1]):
            tangent = torch.zeros_like(codes)
            tangent[..., j] = spread[j]
            columns.append(torch.func.jvp(decode, (codes,), (tangent,))[1][0].flatten(1))
    return torch.stack(columns, -1).cpu().double().numpy()


def reconstruction(view: View) -> Finding | None:
    """Share of the variance of held-out data that the decoder explains: less than nearly all means too few latents."""
    if view.runs.model.decoder is None:
        return None
    held = view.held_out.joint(view.runs.schema)
    x = held.reshape(len(view.rows), -1).astype(np.float64)
    x = x / 255 if held.dtype == np.uint8 else x
    told = view.one.decode(view.code)[0].reshape(len(x), -1)
    left = x - told
    share = float(1 - (left**2).sum() / ((x - x.mean(0)) ** 2).sum())
    pictures = view.data.schema.image
    # Noise is spread over all observations; what a missing latent would explain lies in few directions.
    spread = np.linalg.eigvalsh(np.cov(left.T)) if not pictures and x.shape[1] > 1 else np.ones(1)
    focus = float(spread[-1] / max(spread.sum(), 1e-30) * len(spread))
    noisy = share >= 0.95 and (share >= 0.99 or focus < 3)
    said = f"the decoder explains {share:.1%} of the variance of held-out data"
    if not pictures and share < 0.99:
        said += f"; what is left is {focus:.1f} times as strong in one direction as if it were spread evenly"
    return Finding(
        "reconstruction",
        share,
        said,
        bound="" if pictures else "at least 95 %, and below 99 % only what is spread like noise",
        ok=None if pictures else bool(noisy),
        fatal=not pictures,
        advice="add latents, or train longer: something in the data has no latent",
        latents=tuple(range(view.code.shape[1])),
    )


def invertibility(view: View) -> Finding | None:
    """Condition number of the decoder's Jacobian over held-out codes, over the latents that are in use."""
    if view.runs.model.decoder is None or not view.alive:
        return None
    matrices = jacobians(view)
    observed, latents = matrices.shape[1:]
    if latents > observed:
        return Finding(
            "invertibility",
            1e12,
            f"{latents} latents are to be read from {observed} observations, which cannot show them all",
            bound="no more latents than observations",
            ok=False,
            fatal=True,
            advice="take fewer latents, or observe more",
            latents=tuple(range(latents)),
        )
    values = np.linalg.svd(matrices[:, :, view.alive], compute_uv=False)
    conditions = values[:, 0] / np.maximum(values[:, -1], 1e-12)
    typical, worst = float(np.median(conditions)), float(np.quantile(conditions, 0.95))
    # Of a picture, heads may keep what the decoder hardly shows.
    pictures = view.data.schema.image
    return Finding(
        "invertibility",
        typical,
        f"a step of one code is seen at most {typical:.3g} times as much as another (median over places; 95 % of "
        f"them are below {worst:.3g})",
        bound="" if pictures else "at most 30",
        ok=None if pictures else bool(typical <= 30),
        advice="some latents hardly show in the data: take fewer, or observe more",
        latents=tuple(view.alive),
    )


def residuals(view: View) -> Finding | None:
    """Held-out share of what the decoder left unexplained that the codes still tell: it should be noise."""
    if view.runs.model.decoder is None or view.data.schema.image:
        return None
    left = view.held_out.joint(view.runs.schema) - view.one.decode(view.code)[0]
    if (left.std(0) <= 1e-9).all():
        return None
    told = block_r2(view.code, left[:, left.std(0) > 1e-9], nulls=0).value
    return Finding(
        "residuals",
        told,
        f"the codes tell {max(told, 0):.1%} of what the decoder left unexplained",
        latents=tuple(range(view.code.shape[1])),
    )


def sparsity(view: View) -> Finding | None:
    """Share of the decoder's derivatives that are nearly 0 (under a hundredth of the largest of their latent)."""
    if view.runs.model.decoder is None:
        return None
    strength = np.abs(jacobians(view)).mean(0)
    empty = strength < 0.01 * np.maximum(strength.max(0), 1e-12)
    share = float(empty.mean())
    return Finding(
        "sparsity",
        share,
        f"{share:.0%} of the observations do not depend on a given latent",
        bound="at least 10 %",
        ok=bool(share >= 0.1),
        advice="raise the weight of the sparsity, or use hard gates: nothing was cut",
        latents=tuple(range(view.code.shape[1])),
        parts={f"z{j}": float(column.mean()) for j, column in enumerate(empty.T)},
    )
