"""Training many runs at once, one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from identikit.engine.job import Job
from identikit.engine.program import Learner, Program
from identikit.engine.streams import Streams, generator, seed_for
from identikit.engine.tensors import as_tensor
from identikit.errors import InputError
from identikit.nets import Batch

_VALIDATION_ROWS = 2048
_SMALL = 2_000_000
_BETAS = (0.9, 0.99)
_PLAYER_BETAS = (0.5, 0.9)
"""Of inner players, which follow a learner that moves (as of Kim and Mnih 2018, arXiv 1802.05983)."""


class Training:
    """An iterator over training steps of many runs; `fit` uses it, and so may a loop of your own.

    Each step yields `(step, parts)`: the step just done, and the value of `total` and of each term for every run.

    Attributes:
        program: the runs.
        step: steps done.
        alive: `(runs,)` false for runs that diverged; their parameters stay as they last were when validated.
        running: `(runs,)` false also for runs that early stopping has ended.
        history: what was recorded at each check: `step`, `validation` and each part, lists of `(runs,)` lists.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        settings, data, device = job.settings, job.data, job.device
        learners = {seed: job.build(seed) for seed in settings.seeds}
        first = learners[settings.seeds[0]]
        grid = first.objective.grid()
        points = max((len(values) for values in grid.values()), default=1)
        self.seeds = [seed for seed in settings.seeds for _ in range(points)]
        self.point = {name: values.repeat(len(settings.seeds)).to(device) for name, values in grid.items()}
        self.program = Program([learners[seed] for seed in self.seeds])
        self.program.learner.to(device)
        runs = self.program.runs
        self.fields = {name: as_tensor(array, device) for name, array in {"x": data.joint(), **data.fields}.items()}
        train = data.index("train")
        groups = (
            [train[data["domain"][train] == d] for d in np.unique(data["domain"][train])]
            if settings.balance
            else [train]
        )
        noise = first.model.noise_size
        beside = first.objective.noise_size
        self.streams = Streams(groups, settings.batch, self.seeds, noise + beside, device)
        rows = np.random.default_rng(0).permutation(data.index("validation"))[:_VALIDATION_ROWS]
        parts = max(1, round(len(rows) / settings.batch))
        self.validation_rows = torch.as_tensor(rows, device=device).tensor_split(parts)
        draws = [torch.randn((len(rows), noise), generator=generator(s, "validation")) for s in self.seeds]
        self.validation_noise = torch.stack(draws).to(device).tensor_split(parts, dim=1)
        self._no_seeds = torch.zeros(runs, dtype=torch.long)
        self.step = 0
        self.alive = torch.ones(runs, dtype=torch.bool, device=device)
        self.running = self.alive.clone()
        self.best = {name: tensor.detach().clone() for name, tensor in self.program.state.items()}
        self.best_loss = torch.full((runs,), torch.inf, device=device)
        self.best_step = torch.zeros(runs, dtype=torch.long, device=device)
        self.history: dict[str, list[Any]] = {"step": [], "validation": []}
        self.diverged: dict[int, int] = {}
        self._sums: dict[str, Tensor] = {}
        self._since = 0
        fused = device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.AdamW(self._groups(), lr=1e-3, betas=_BETAS, weight_decay=0.0, fused=fused)
        self.check_every = max(1, settings.steps // 60)
        self.program.settle(self._losses(0, training=True), *self._inputs(0))

    @property
    def done(self) -> bool:
        """Whether the last step is done, or no run is left to train."""
        return self.step >= self.job.settings.steps or not bool(self.running.any())

    @cached_property
    def small(self) -> bool:
        """Whether the program works on vectors and small enough nets that one thread is the fastest."""
        return not self.job.data.schema.image and sum(p.numel() for p in self.program.parameters.values()) < _SMALL

    def __iter__(self) -> Iterator[tuple[int, dict[str, Tensor]]]:
        return self

    def __next__(self) -> tuple[int, dict[str, Tensor]]:
        """Do one step for every run."""
        if self.done:
            raise StopIteration
        with one_thread(self.small):
            parts = self._advance()
            if self.step % self.check_every == 0 or self.step >= self.job.settings.steps:
                self._check()
        return self.step - 1, parts

    def _advance(self) -> dict[str, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self.job.lr.at(self.step)
            for parameter in group["params"]:
                parameter.grad = None
        with _seeded_layers(self.program.strategy):
            losses = self.program.call(self._losses(self.step, training=True), *self._inputs(self.step))
        total, parts, inner = losses
        every = [total, *inner.values()]
        finite = torch.stack(every).isfinite().all(0)
        fine = bool(finite.all())
        loss = sum((own if fine else own[finite]).sum() for own in every)
        assert isinstance(loss, Tensor)
        if loss.requires_grad:
            loss.backward()
            self.optimiser.step()
        self.step += 1
        self._mark(finite, self.step - 1)
        parts = {"total": total, **parts, **{f"{name} player": own for name, own in inner.items()}}
        parts = {name: value.detach() for name, value in parts.items()}
        for name, value in parts.items():
            self._sums[name] = self._sums[name] + value if self._since else value
        self._since += 1
        return parts

    def _groups(self) -> list[dict[str, Any]]:
        """The parameters for the optimiser: those of the learner, and those of each inner player at its own rate.

        Those of the learner shrink by themselves where the settings say so, but for modules with `decays = False`.
        """
        learner = self.program.learner
        players = [(term, term.player()) for _, term in learner.objective.entries()]
        inner = [(term.rate, list(player.parameters())) for term, player in players if player is not None]
        apart = {id(parameter) for _, own in inner for parameter in own}
        still = {id(p) for part in learner.modules() if not getattr(part, "decays", True) for p in part.parameters()}
        rest = [parameter for parameter in self.program.parameters.values() if id(parameter) not in apart]
        decay = self.job.settings.weight_decay
        return [
            {"params": [p for p in rest if id(p) not in still], "rate": 1.0, "weight_decay": decay},
            {"params": [p for p in rest if id(p) in still], "rate": 1.0},
            *({"params": own, "rate": rate, "betas": _PLAYER_BETAS} for rate, own in inner),
        ]

    def _mark(self, finite: Tensor, step: int) -> None:
        """Set runs that are no longer finite back to where they were last validated, and leave them there."""
        if not bool(finite.all()):
            for run in (self.alive & ~finite).nonzero().flatten().tolist():
                self.diverged[run] = step
            self.alive &= finite
            self.running &= finite
        if self.diverged:
            with torch.no_grad():
                for name, tensor in self.program.state.items():
                    tensor[~self.alive] = self.best[name][~self.alive]

    def _inputs(self, step: int) -> tuple[Any, ...]:
        rows = self.streams.rows(step)
        seeds = self._no_seeds
        if self.program.strategy == "loop":
            # Only the loop seeds the layers that draw numbers of their own.
            seeds = torch.tensor([seed_for(seed, "layers", step) >> 1 for seed in self.seeds])
        return {name: x[rows] for name, x in self.fields.items()}, self.streams.noise(step), self.point, seeds

    def _losses(self, step: int, training: bool) -> Callable[..., tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]]:
        """The total, its terms and, in training, the losses of inner players, which get the last of the noise."""
        loop = self.program.strategy == "loop"

        def action(
            learner: Learner, fields: dict[str, Tensor], noise: Tensor, point: dict[str, Tensor], seed: Tensor
        ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
            if loop and training:
                torch.manual_seed(int(seed))
            batch = Batch(fields, step)
            own = learner.model.noise_size
            code = learner.model(batch, noise[..., :own])
            loss = learner.objective(code, batch, point)
            return loss.total, loss.parts, learner.objective.inner(code, batch, noise[..., own:]) if training else {}

        return action

    def _check(self) -> None:
        """Record the mean losses since the last check, validate, and keep what is best."""
        self.history["step"].append(self.step)
        for name, total in self._sums.items():
            self.history.setdefault(name, []).append((total / self._since).tolist())
        self._sums, self._since = {}, 0
        self._mark(self._finite(), self.step - 1)
        loss = self.validate()
        self.history["validation"].append(loss.tolist())
        better = self.running & ((loss < self.best_loss) | loss.isnan())
        self.best_loss = torch.where(better, loss, self.best_loss)
        self.best_step = torch.where(better, self.step, self.best_step)
        for name, tensor in self.program.state.items():
            self.best[name][better] = tensor.detach()[better]
        if self.job.settings.patience:
            waited = (self.step - self.best_step) // self.check_every
            self.running &= waited < self.job.settings.patience

    def _finite(self) -> Tensor:
        """Whether every parameter of a run is a number, `(runs,)`; the loss is from before the last step."""
        finite = torch.ones_like(self.alive)
        for tensor in self.program.parameters.values():
            finite &= tensor.detach().isfinite().flatten(1).all(1)
        return finite

    def validate(self) -> Tensor:
        """The total on the validation rows with the weights of the last step, `(runs,)`; NaN without such rows.

        The rows are taken in parts of about a batch each: terms that compare rows with each other depend on that.
        """
        runs, count = self.program.runs, sum(len(rows) for rows in self.validation_rows)
        sums = torch.zeros(runs, device=self.job.device)
        if count == 0:
            return sums * torch.nan
        action = self._losses(self.job.settings.steps, training=False)
        with self.program.resting():
            for rows, noise in zip(self.validation_rows, self.validation_noise, strict=True):
                fields = {name: x[rows].expand(runs, *x[rows].shape) for name, x in self.fields.items()}
                inputs = (fields, noise, self.point, self._no_seeds)
                sums += self.program.call(action, *inputs)[0] * len(rows)
        return torch.where(torch.isfinite(sums), sums / count, torch.inf)

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on from this step, as tensors and a JSON note; taken right after a check."""
        tensors = {f"now/{name}": tensor for name, tensor in self.program.state.items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        for (name, _), state in zip(self.program.parameters.items(), self._moments(), strict=True):
            tensors |= {f"adam/{key}/{name}": value for key, value in state.items()}
        tensors |= {
            "alive": self.alive,
            "running": self.running,
            "best_loss": self.best_loss,
            "best_step": self.best_step,
        }
        return tensors, {"step": self.step, "history": self.history, "diverged": list(self.diverged.items())}

    def _moments(self) -> Sequence[dict[str, Tensor]]:
        return [self.optimiser.state[parameter] for parameter in self.program.parameters.values()]

    def resume(self, tensors: dict[str, Tensor], note: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Raises:
            InputError: it is of a model of another structure.
        """
        for name, tensor in self.program.state.items():
            if f"now/{name}" not in tensors or tensors[f"now/{name}"].shape != tensor.shape:
                raise InputError(f"the checkpoint does not fit the model: '{name}' differs; choose another folder")
        with torch.no_grad():
            for name, tensor in self.program.state.items():
                tensor.copy_(tensors[f"now/{name}"])
        tensors = {name: tensor.to(self.job.device) for name, tensor in tensors.items()}
        self.best = {name: tensors[f"best/{name}"] for name in self.best}
        for name, parameter in self.program.parameters.items():
            keys = [key for key in tensors if key.startswith("adam/") and key.split("/", 2)[2] == name]
            self.optimiser.state[parameter] = {key.split("/")[1]: tensors[key] for key in keys}
        self.alive, self.running = tensors["alive"], tensors["running"]
        self.best_loss, self.best_step = tensors["best_loss"], tensors["best_step"]
        self.step, self.history = note["step"], note["history"]
        self.diverged = {int(run): int(step) for run, step in note["diverged"]}

    def chosen(self) -> tuple[Program, Tensor, Tensor]:
        """The program with the parameters that the settings keep, their validation loss and their step."""
        program = self.program.take(range(self.program.runs))
        if self.job.settings.select == "last":
            loss = torch.as_tensor(self.history["validation"][-1]) if self.history["step"] else self.best_loss.cpu()
            steps = torch.full_like(self.best_step, self.step)
        else:
            with torch.no_grad():
                for name, tensor in program.state.items():
                    tensor.copy_(self.best[name])
            loss, steps = self.best_loss.cpu(), self.best_step
        return program, loss, steps.cpu()


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Run torch on one thread for a while: more only slow small nets down."""
    before = torch.get_num_threads()
    if not wanted or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _seeded_layers(strategy: str) -> Iterator[None]:
    """Keep the caller's random state while layers that draw their own numbers (dropout) are seeded for each run."""
    if strategy != "loop":
        yield
        return
    with torch.random.fork_rng(devices=[]):
        yield
