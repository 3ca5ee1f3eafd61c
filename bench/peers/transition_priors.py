"""Adapter to the transition priors of weirayao/tdrl and xiangchensong/nctrl (commits in `checkouts.py`).

Both hold one network for each latent, of the past and the latent now, and ask autograd for its Jacobian: TDRL by
`torch.autograd.functional.jacobian` over the whole batch, NCTRL by `functorch`'s `vmap(jacfwd)`. TDRL's file imports
ipdb, and NCTRL's imports functorch, which torch now keeps as `torch.func`; stand-ins take the place of both.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from identikit.nets.residual import ResidualTransition
from peers.checkouts import checkout, imported, stand_in

SLOPE = 0.2
LAYERS = 3


@functools.cache
def _module(name: str) -> Any:
    if name == "tdrl":
        stand_ins = {"ipdb": stand_in("ipdb")}
        return imported(checkout(name) / "LiLY" / "modules", "components.transition", stand_ins=stand_ins)[0]
    func = torch.func
    stand_ins = {"functorch": stand_in("functorch", vmap=func.vmap, jacfwd=func.jacfwd, grad=func.grad)}
    return imported(checkout(name) / "models", "nets", stand_ins=stand_ins)[0]


def prior(name: str, lags: int, latents: int, hidden: int) -> torch.nn.Module:
    """The prior of `tdrl` or `nctrl`, without an embedding of domains.

    It maps codes `(batch, length, latents)` to residuals `(batch, length - lags, latents)` and log-determinants: one
    for each sequence in `tdrl`, one for each time point in `nctrl`.
    """
    return _module(name).NPTransitionPrior(lags, latents, num_layers=LAYERS, hidden_dim=hidden)


def copy_weights(theirs: torch.nn.Module, ours: ResidualTransition) -> None:
    """Give our networks the weights of theirs, which read the oldest past first and the latent now last."""
    nets: Any = theirs.gs
    with torch.no_grad():
        for i, net in enumerate(nets):
            first, *inner, last = [layer for layer in net.net if isinstance(layer, torch.nn.Linear)]
            ours.of_past[i] = first.weight[:, :-1].T
            ours.of_now[i] = first.weight[:, -1:].T
            ours.bias[i, 0] = first.bias
            for k, layer in enumerate(inner):
                ours.inner[k, i] = layer.weight.T
                ours.inner_bias[k, i, 0] = layer.bias
            ours.last[i] = last.weight.T
            ours.last_bias[i, 0] = last.bias
