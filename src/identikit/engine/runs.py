"""The fitted result: many runs that encode, decode, predict and intervene together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from identikit.data import Dataset, Schema, Truth, require_dataset
from identikit.engine import files
from identikit.engine.checks import check_known
from identikit.engine.job import Settings
from identikit.engine.program import Learner, Program
from identikit.engine.recipe import find
from identikit.engine.tensors import as_tensor
from identikit.engine.training import one_thread
from identikit.errors import InputError, LeakError, MissingFieldError, unknown
from identikit.nets import Batch, Model
from identikit.objective import Objective

_ROWS = 1024
FILE = "runs.safetensors"


@dataclass(frozen=True)
class Run:
    """What is known of one run.

    Attributes:
        seed: of parameters, batches and noise.
        weights: the value of each swept weight.
        status: `finished`, `stopped early`, `interrupted`, or `diverged at step N`.
        validation: total loss on the validation rows, with the weights of the last step.
        step: the step whose parameters are kept.
    """

    seed: int
    weights: dict[str, float]
    status: str
    validation: float
    step: int


@dataclass(frozen=True, eq=False)
class Runs:
    """Fitted runs; every array they return has the runs as its first axis.

    Attributes:
        program: the models, stacked.
        table: one `Run` for each.
        settings: all that decided the result.
        schema: shapes and names of the data.
        history: what was recorded at each check, `(runs,)` lists under `step`, `validation`, `total` and each term.
        rule: how these runs were chosen: `last`, `validation`, `independence`, `agreement` or `oracle`.
        data: what they were fitted on, if it is at hand.
        source: how to read that data again.
        seconds: how long the fit took.
    """

    program: Program
    table: tuple[Run, ...]
    settings: Settings
    schema: Schema
    history: dict[str, list[Any]]
    rule: str
    data: Dataset | None
    source: dict[str, Any]
    seconds: float

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int | slice | Sequence[int]) -> Runs:
        """Some of the runs, again as `Runs`."""
        picked = [range(len(self))[index]] if isinstance(index, int) else _positions(index, len(self))
        history = {
            name: values if name == "step" else [[row[i] for i in picked] for row in values]
            for name, values in self.history.items()
        }
        table = tuple(self.table[i] for i in picked)
        return replace(self, program=self.program.take(picked), table=table, history=history)

    def __repr__(self) -> str:
        states = {run.status.split(" at ")[0] for run in self.table}
        return f"Runs({len(self)} x {self.settings.method}, {', '.join(sorted(states))}, chosen by {self.rule})"

    @property
    def model(self) -> Model:
        """The stacked model."""
        return self.program.learner.model

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Positions of the latents of each block."""
        return self.model.blocks

    def encode(self, data: Dataset | None = None) -> np.ndarray:
        """The codes of every row, as every run sees them.

        Args:
            data: what to encode; the data of the fit by default.

        Returns:
            `(runs, rows, latents)` float32, the invariant block first.
        """
        return self._each(data, lambda model, fields: model.posterior(Batch(fields))[1])

    def variances(self, data: Dataset | None = None) -> np.ndarray:
        """The variances of the posteriors of every row, whose means `encode` gives.

        Returns:
            `(runs, rows, latents)` float32; zeros where the encoder is deterministic.
        """

        def spread(model: Model, fields: dict[str, Tensor]) -> Tensor:
            _, mean, log_variance = model.posterior(Batch(fields))
            return torch.zeros_like(mean) if log_variance is None else log_variance.exp()

        return self._each(data, spread)

    def states(self, data: Dataset | None = None) -> np.ndarray:
        """The state of each discrete latent of every row, counted from 0, for models with a quantiser.

        Returns:
            `(runs, rows, places)` int64.

        Raises:
            InputError: the code is not discrete.
        """
        return self._each(data, lambda model, fields: model.states(Batch(fields)))

    def reliability(self, data: Dataset | None = None) -> np.ndarray:
        """Share of each latent's variance that the data decide; the rest is the posterior's own.

        Returns:
            `(runs, latents)` from 0 (the latent says nothing) to 1.
        """
        signal, noise = self.encode(data).var(1), self.variances(data).mean(1)
        return signal / np.maximum(signal + noise, 1e-30)

    def base(self, data: Dataset | None = None) -> np.ndarray:
        """The codes of every row in the coordinates in which the prior is the same for all: for a flow, its image.

        Returns:
            `(runs, rows, latents)` float32; what `encode` gives where the prior knows no field.
        """
        return self._each(data, lambda model, fields: _rest(model, fields).base, *self.model.known)

    def predict(self, data: Dataset | None = None, field: str = "y") -> np.ndarray:
        """Class probabilities of every row; where the field holds numbers, the numbers predicted.

        Returns:
            `(runs, rows, classes)` float32; the largest along the last axis is the predicted class. For numbers,
            `(runs, rows, numbers)`.

        Raises:
            InputError: the model has no head for the field.
        """
        if field not in self.model.heads:
            raise InputError(
                f"{self.settings.method} was fitted without a head for '{field}': "
                f"it predicts {', '.join(self.model.heads) or 'nothing'}"
            )
        classes = field in self.schema.names

        def head(model: Model, fields: dict[str, Tensor]) -> Tensor:
            out = _rest(model, fields).heads[field]
            return out.softmax(-1) if classes else out

        return self._each(data, head, *self.model.known)

    def decode(self, codes: np.ndarray | Tensor) -> np.ndarray:
        """What the codes look like, on the scale of the data; pictures in 0..1.

        Args:
            codes: `(runs, rows, latents)`, or `(rows, latents)` for the same in every run.

        Returns:
            `(runs, rows, ...)` like `x`; several modalities stand side by side (`schema.apart` takes them apart).
        """
        codes = torch.as_tensor(np.asarray(codes), dtype=torch.float32)
        if codes.shape[-1] != self.model.latents or codes.dim() not in (2, 3):
            raise InputError(f"codes have {self.model.latents} latents, and these have shape {tuple(codes.shape)}")
        codes = codes.expand(len(self), *codes.shape[-2:])
        return self._call(lambda model, part: model.decode(part), codes)

    def intervene(self, data: Dataset | None = None, change: Mapping[str | int, Any] | None = None) -> np.ndarray:
        """Encode, replace part of the code, decode.

        Args:
            data: what to start from; the data of the fit by default.
            change: new values by block name or latent position: a number, or an array that fits
                `(runs, rows, size of the block)`.

        Returns:
            `(runs, rows, ...)` like `x`.
        """
        codes = self.encode(data)
        for place, value in (change or {}).items():
            if isinstance(place, str) and place not in self.blocks:
                raise unknown("block", place, self.blocks)
            positions = list(self.blocks[place]) if isinstance(place, str) else [place]
            if not all(-codes.shape[2] <= p < codes.shape[2] for p in positions):
                raise InputError(f"there is no latent {place}: the code has {codes.shape[2]}")
            codes[:, :, positions] = value
        return self.decode(codes)

    def graph(self, kind: str = "latents") -> np.ndarray:
        """Which parents each latent listens to, as the gates of the model say.

        Args:
            kind: of the parents: `latents` for the other latents, or `past`, `action` and so on, as the method has it.

        Returns:
            `(runs, parents, latents)` 0/1, entry (r, i, j) for an edge from parent i to latent j in run r.

        Raises:
            InputError: the model has no gates, or none for that kind of parents.
        """
        if self.model.gates is None:
            raise InputError(f"{self.settings.method} learns no graph: its model has no gates")
        return self.model.gates.graph(kind).cpu().numpy()

    def transfer(self, data: Dataset, domain: str | int) -> np.ndarray:
        """What each row would look like in another domain, as the model's prior says that domains differ.

        Args:
            data: what to start from, with its domains.
            domain: name or number of the domain to carry it to.

        Returns:
            `(runs, rows, ...)` like `x`.
        """
        names = self.schema.names.get("domain", ())
        if isinstance(domain, str) and domain not in names:
            raise unknown("domain", domain, names)
        target = names.index(domain) if isinstance(domain, str) else int(domain)
        if names and not 0 <= target < len(names):
            raise InputError(f"there is no domain {target}: these runs know {len(names)}, counted from 0")

        def carry(model: Model, fields: dict[str, Tensor]) -> Tensor:
            code = model.posterior(Batch(fields))[1]
            origin = fields["domain"]
            return model.decode(model.move(code, origin, torch.full_like(origin, target)))

        return self._each(data, carry, "domain")

    def simulate(self, run: int = 0, data: Dataset | None = None, seed: int = 0) -> tuple[Dataset, Truth]:
        """Take one run for the world: draw codes from its prior and decode them; see `engine.simulate`."""
        from identikit.engine.simulation import simulate

        return simulate(self, run, data, seed)

    def select(self, rule: str, truth: Truth | None = None, data: Dataset | None = None) -> Runs:
        """Choose among the runs; one stays for each setting of a sweep.

        Args:
            rule: `validation` (least loss on the validation rows), `independence` (of the better half by that loss,
                the run whose latents depend least on each other within domains, on training rows; for methods that
                claim to find independent latents), `agreement` (its codes of the validation rows match those of the
                other runs best), `oracle` (best against the truth: never a fair choice, and labelled as such wherever
                it is shown), or `last` (all runs, as they were after their last step).
            truth: for `oracle` only.
            data: for all but `validation` and `last`, where the data of the fit is not at hand.

        Returns:
            The chosen runs.
        """
        from identikit.engine.selection import choose

        return choose(self, rule, truth, data)

    def save(self, folder: str | Path) -> Path:
        """Write the runs into a folder; `Runs.load` reads them back."""
        folder = files.ready(folder)
        note = {
            "kind": "runs",
            "table": [asdict(run) for run in self.table],
            "settings": self.settings.json(),
            "schema": self.schema.json(),
            "history": self.history,
            "rule": self.rule,
            "source": self.source,
            "seconds": self.seconds,
            "strategy": self.program.strategy,
        }
        files.write(folder / FILE, self.program.state, note)
        return folder / FILE

    @staticmethod
    def load(
        folder: str | Path,
        data: Dataset | None = None,
        learner: tuple[Model | Callable[[], Model], Objective] | None = None,
    ) -> Runs:
        """Read runs that were saved.

        Args:
            folder: where they were saved.
            data: what they were fitted on, to have it at hand.
            learner: model and objective, where they were not fitted by the name of a method.

        Raises:
            InputError: the file is missing, truncated or foreign, or its parameters do not fit the model.
        """
        tensors, note = files.read(Path(folder) / FILE)
        settings = Settings(**{**note["settings"], "seeds": tuple(note["settings"]["seeds"])})
        schema = Schema.parse(note["schema"])
        if learner is not None:
            model, objective = learner
            model = model if isinstance(model, Model) else model()
        elif settings.method == "custom":
            raise InputError("these runs are of a model of your own: hand load its (model, objective) as learner=")
        else:
            model, objective = find(settings.method).build(schema, **settings.options)
        program = Program([Learner(model, objective)] * len(note["table"]), note["strategy"])
        own = program.state
        wrong = sorted(set(own) ^ set(tensors)) or [n for n in own if own[n].shape != tensors[n].shape]
        if wrong:
            raise InputError(f"the runs in {folder} do not fit the model: '{wrong[0]}' differs")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(tensors[name])
        if data is not None and require_dataset(data, "load").fingerprint() != settings.data:
            raise InputError(f"the runs in {folder} were fitted on other data than this")
        table = tuple(Run(**run) for run in note["table"])
        return Runs(
            program, table, settings, schema, note["history"], note["rule"], data, note["source"], note["seconds"]
        )

    def _each(
        self, data: Dataset | None, action: Callable[[Model, dict[str, Tensor]], Tensor], *needs: str
    ) -> np.ndarray:
        """Apply an action, which reads the fields `needs` in every row, to every row of a data set, for all runs."""
        data = self._at_hand(data)
        if data.schema.x != self.schema.x:
            raise InputError(f"these runs were fitted on rows of shape {self.schema.x}, and x has {data.schema.x}")
        names = ("x", *dict.fromkeys((*self.model.needs, *needs)))
        for name in names[1:]:
            if name not in data:
                raise MissingFieldError("the model", name, data.fields)
            known, given = self.schema.names.get(name), data.names.get(name)
            if given != known:
                strange = [value for value in given or () if value not in (known or ())]
                # Of a value that was in no row of the fit the model knows nothing.
                more = f": fit again with rows of '{strange[0]}', which need no labels" if strange else ""
                raise InputError(
                    f"these runs were fitted on other values of '{name}': {_few(known)}, "
                    f"and the data has {_few(given)}{more}"
                )
        check_known(data, (*getattr(self.model.encoder, "sees", ()), *needs), self.settings.method)
        # Modalities stand side by side in the order of the fit, whatever order this data holds them in.
        return self._rows({"x": data.joint(self.schema), **{name: data[name] for name in names[1:]}}, action)

    def _rows(
        self, fields: Mapping[str, np.ndarray], action: Callable[[Model, dict[str, Tensor]], Tensor]
    ) -> np.ndarray:
        """Apply an action to rows given as arrays by name, a part at a time, for all runs."""
        tensors = {name: as_tensor(array) for name, array in fields.items()}
        device = next(iter(self.program.parameters.values())).device
        out = []
        for start in range(0, len(next(iter(tensors.values()))), _ROWS):
            part = {name: field[start : start + _ROWS].to(device) for name, field in tensors.items()}
            part = {name: field.expand(len(self), *field.shape) for name, field in part.items()}
            out.append(self._call(action, part))
        return np.concatenate(out, 1)

    def _call(self, action: Callable[[Model, Any], Tensor], inputs: Any) -> np.ndarray:
        small = len(self.schema.joint) == 1
        with one_thread(small), self.program.resting():
            return self.program.call(lambda learner, given: action(learner.model, given), inputs).cpu().numpy()

    def _at_hand(self, data: Dataset | None) -> Dataset:
        if isinstance(data, Truth):
            raise LeakError("runs were handed a Truth, which no learner may see: hand them the Dataset")
        if data is None and self.data is None:
            raise InputError("the data of this fit is not at hand: hand it over")
        return require_dataset(self.data if data is None else data, "Runs")


def _rest(model: Model, fields: dict[str, Tensor]) -> Any:
    """The code at its mean: a pass without noise."""
    batch = Batch(fields)
    mean = model.posterior(batch)[1]
    return model.plain(batch, torch.zeros_like(mean))


def _few(names: Sequence[str] | None) -> str:
    return f"{', '.join((names or ('none',))[:5])}{', ...' if names and len(names) > 5 else ''}"


def _positions(index: slice | Sequence[int], length: int) -> list[int]:
    return list(range(length))[index] if isinstance(index, slice) else [range(length)[i] for i in index]
