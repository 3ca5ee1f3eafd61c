"""Many runs in one program: their parameters stacked, and three ways to go through them.

`grouped`: every layer knows stacked parameters (those in `identikit.nets`), so all runs are one batched product.
`vmap`: ordinary torch modules, mapped over the stacked parameters. `loop`: modules that torch cannot map (recurrent
cells, dropout) or maps slowly (convolutions), one run after another; the log says so.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from identikit.nets import Model
from identikit.objective import Objective

log = logging.getLogger("identikit")

_ELEMENTWISE = (
    nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Identity, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid,
    nn.GELU, nn.SiLU, nn.ELU, nn.Softplus,
)  # fmt: skip
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Learner(nn.Module):
    """A model and its objective: everything of a run that is trained."""

    batches_runs = True

    def __init__(self, model: Model, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, action: Callable[..., Any], *inputs: Any) -> Any:
        """Do something with the learner; torch's functional tools can only call `forward`."""
        return action(self, *inputs)


class Program:
    """Learners of many runs, with their parameters stacked along a first axis.

    Args:
        learners: one for each run, of the same structure.
        strategy: `grouped`, `vmap` or `loop`; found by looking at the modules by default.
    """

    def __init__(self, learners: Sequence[Learner], strategy: str | None = None) -> None:
        self.runs = len(learners)
        self.learner = _stack(learners)
        self.strategy = strategy or _strategy(self.learner)

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """Stacked parameters by name."""
        return dict(self.learner.named_parameters())

    @property
    def state(self) -> dict[str, Tensor]:
        """Stacked parameters and buffers by name."""
        return dict(_tensors(self.learner))

    def call(self, action: Callable[..., Any], *inputs: Any) -> Any:
        """Do something with every run.

        Args:
            action: `action(learner, *inputs)`, returning tensors in tuples or dicts.
            inputs: tensors in tuples or dicts, each `(runs, ...)`.

        Returns:
            What the action returns, each tensor with a leading axis of runs.
        """
        if self.strategy == "grouped":
            return self.learner(action, *inputs)
        parameters: dict[str, Tensor] = dict(self.learner.named_parameters())
        buffers = dict(self.learner.named_buffers())

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Any) -> Any:
            return torch.func.functional_call(self.learner, (parameters, buffers), (action, *inputs))

        if self.strategy == "vmap":
            return torch.vmap(one)(parameters, buffers, *inputs)
        results = [
            one(*tree_map(lambda tensor, run=run: tensor[run], (parameters, buffers, *inputs)))
            for run in range(self.runs)
        ]
        return tree_map(lambda *tensors: torch.stack(tensors), *results)

    def settle(self, action: Callable[..., Any], *inputs: Any) -> None:
        """Try the action once, and fall back to the loop, with a word in the log, where torch cannot map it."""
        if self.strategy != "vmap":
            return
        kept = [buffer.clone() for buffer in self.learner.buffers()]
        try:
            with torch.no_grad():
                self.call(action, *inputs)
        except (RuntimeError, NotImplementedError, ValueError) as reason:
            self.strategy = "loop"
            _announce(str(reason).strip().splitlines()[0])
        for buffer, before in zip(self.learner.buffers(), kept, strict=True):
            buffer.copy_(before)

    def take(self, runs: Sequence[int]) -> Program:
        """A program of some of the runs."""
        chosen = copy.copy(self)
        chosen.learner = copy.deepcopy(self.learner)
        index = torch.as_tensor(runs)
        _replace(chosen.learner, lambda tensor: tensor.detach()[index.to(tensor.device)].clone())
        chosen.runs = len(runs)
        return chosen

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Evaluation mode, without gradients."""
        training = self.learner.training
        self.learner.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.learner.train(training)


def _stack(learners: Sequence[Learner]) -> Learner:
    stacked = copy.deepcopy(learners[0])
    own = {id(tensor): name for name, tensor in _tensors(stacked)}
    others = [dict(_tensors(learner)) for learner in learners]
    _replace(stacked, lambda tensor: torch.stack([tensors[own[id(tensor)]].detach() for tensors in others]))
    return stacked


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _replace(module: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
    """Replace every parameter and buffer in place; tied ones stay tied."""
    new = {id(p): nn.Parameter(change(p), p.requires_grad) for p in module.parameters()}
    fresh = {id(b): change(b) for b in module.buffers()}
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = new[id(parameter)]
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = fresh[id(buffer)]


def _strategy(learner: Learner) -> str:
    strange = [
        part for part in learner.modules()
        if not getattr(part, "batches_runs", False) and type(part) not in _ELEMENTWISE
    ]  # fmt: skip
    if not strange:
        return "grouped"
    slow = [part for part in strange if isinstance(part, _CONVOLUTIONS)]
    if slow:
        _announce(f"torch maps {type(slow[0]).__name__} more slowly than a loop (identikit.nets has one that stacks)")
        return "loop"
    return "vmap"


def _announce(reason: str) -> None:
    log.warning("runs are trained one after another, not as one program: %s", reason)
