"""Many runs as one program: 32 runs at once, against one after another, against Lightning's Trainer.

Run: python bench/batched_runs.py [--steps N] [--repeats N]. Writes bench/results/batched_runs.json.

The task: a variational autoencoder on the DomainShift world (5 latents, 9 domains, 8 observations), 8 seeds times 4
weights of the prior, hidden layers of 32, batches of 64. All sides have the same model, objective, batches' size and
fused Adam, on one thread, without validation.

`batched` and `one by one` are whole calls of `identikit.fit`, set-up included. Lightning is timed from its 20th step to
its last, without set-up, in its leanest form (`barebones`: no logging, checkpoints, progress bar, sanity checks or
validation), for one run, and multiplied by the runs: once with a DataLoader over a TensorDataset, and once with batches
that are taken from tensors in memory by index, which spares it collation.

Check 1: the parameters of the 32 runs together are those of each alone. Check 2: Lightning, fed the batches and the
noise of run 0, ends with the parameters of run 0. Both to 1e-4.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import common
import identikit as ik
from identikit import constraints, nets, tasks
from identikit.engine import Training

SEEDS, WEIGHTS, BATCH, HIDDEN, LATENTS = 8, [0.3, 1.0, 3.0, 10.0], 64, 32, 5
WARM = 20
TOLERANCE = 1e-4


def model() -> nets.Model:
    return nets.Model((8,), LATENTS, nets.MLP(8, 2 * LATENTS, HIDDEN), nets.MLP(LATENTS, 8, HIDDEN))


def objective() -> ik.Objective:
    return tasks.Reconstruction() + 0.02 * constraints.MatchPrior()


def make_data() -> ik.Dataset:
    world = ik.worlds.DomainShift(invariant=3, changing=2, domains=9)
    return ik.datasets.from_arrays(world.sample(9000)[0].x, splits=(1, 0, 0))


def batched(data: ik.Dataset, steps: int) -> ik.Runs:
    sweep = {"MatchPrior": WEIGHTS}
    return ik.fit((model, objective()), data, seeds=SEEDS, sweep=sweep, steps=steps, batch=BATCH, progress=False)


def one_by_one(data: ik.Dataset, steps: int) -> list[ik.Runs]:
    what, settings = (model, objective()), {"steps": steps, "batch": BATCH, "progress": False}
    return [
        ik.fit(what, data, seeds=[seed], sweep={"MatchPrior": [weight]}, **settings)
        for seed in range(SEEDS)
        for weight in WEIGHTS
    ]


def difference(together: ik.Runs, alone: list[ik.Runs]) -> float:
    """The largest difference between parameters of runs that were trained together and alone."""
    state = together.program.state
    return max(
        float((state[name][i] - tensor[0]).detach().abs().max())
        for i, run in enumerate(alone)
        for name, tensor in run.program.state.items()
    )


def lightning_module(training: Training, clock: list[tuple[float, float]]) -> Any:
    """The first run of a training as a LightningModule, which notes the time at its 20th step."""
    import lightning

    learner = training.job.build(0)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.learner = learner
            self.point = {"MatchPrior": torch.tensor(WEIGHTS[0])}
            self.done = 0

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            if self.done == WARM:
                clock.append((time.perf_counter(), time.process_time()))
            rows = nets.Batch({"x": batch[0]}, self.done)
            noise = batch[1] if len(batch) > 1 else torch.randn(len(batch[0]), LATENTS)
            self.done += 1
            return learner.objective(learner.model(rows, noise), rows, self.point).total

        def configure_optimizers(self) -> torch.optim.Optimizer:
            settings = training.optimiser.defaults
            return torch.optim.Adam(self.parameters(), lr=1e-3, betas=settings["betas"], fused=True)

    return Module()


class Batches(IterableDataset):
    """Batches of the first run, taken from tensors in memory: the rows and the noise that our engine takes."""

    def __init__(self, training: Training, steps: int) -> None:
        self.x = training.fields["x"]
        self.streams = training.streams
        self.steps = steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for step in range(self.steps):
            yield self.x[self.streams.rows(step)[0]], self.streams.noise(step)[0]


def run_lightning(data: ik.Dataset, steps: int, in_memory: bool) -> tuple[dict[str, Tensor], float, float]:
    """Train one run; returns its parameters, and wall and CPU seconds of a step."""
    from lightning.pytorch import Trainer

    clock: list[tuple[float, float]] = []
    training = ik.steps((model, objective()), data, sweep={"MatchPrior": WEIGHTS}, steps=steps, batch=BATCH)
    module = lightning_module(training, clock)
    if in_memory:
        loader = DataLoader(Batches(training, steps), batch_size=None)
    else:
        loader = DataLoader(TensorDataset(training.fields["x"]), batch_size=BATCH, shuffle=True, drop_last=True)
    Trainer(accelerator="cpu", devices=1, max_steps=steps, barebones=True).fit(module, loader)
    clock.append((time.perf_counter(), time.process_time()))
    (wall, cpu), (wall_end, cpu_end) = clock
    timed = steps - WARM
    return dict(module.learner.named_parameters()), (wall_end - wall) / timed, (cpu_end - cpu) / timed


def measure_lightning(data: ik.Dataset, steps: int, repeats: int) -> tuple[dict[str, common.Times], float]:
    """Time a step of both variants, and compare the parameters of the one in memory with our engine's."""
    # Imported first: it sets up its own loggers when it is.
    import lightning.pytorch

    logging.getLogger(lightning.pytorch.__name__).setLevel(logging.ERROR)
    times = {name: common.Times([], []) for name in ("Lightning, DataLoader", "Lightning, in memory")}
    ours = batched(data, steps).program.state
    gap = float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(repeats):
            for name, own in times.items():
                in_memory = name.endswith("memory")
                parameters, wall, cpu = run_lightning(data, steps, in_memory)
                own.wall.append(wall)
                own.cpu.append(cpu)
                if in_memory:
                    gap = max(float((ours[key][0] - p).detach().abs().max()) for key, p in parameters.items())
    return times, gap


def validation_share(data_steps: int = 3000) -> float:
    """The share of a fit's time that its 60 validations take, for as many steps as `fit` makes by default."""
    data, _ = ik.worlds.DomainShift(invariant=3, changing=2, domains=9).sample(9000)
    training = ik.steps((model, objective()), data, seeds=SEEDS, sweep={"MatchPrior": WEIGHTS}, steps=data_steps)
    times = common.measure({"step": lambda: next(training), "validation": training.validate}, repeats=20)
    return 60 * times["validation"].median_cpu / (data_steps * times["step"].median_cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    data, runs = make_data(), SEEDS * len(WEIGHTS)
    gap = difference(batched(data, given.steps), one_by_one(data, given.steps))
    what = {"batched": lambda: batched(data, given.steps), "one by one": lambda: one_by_one(data, given.steps)}
    times = {name: own.per(given.steps) for name, own in common.measure(what, given.repeats).items()}
    lightning_gap = None
    try:
        one, lightning_gap = measure_lightning(data, given.steps, given.repeats)
        times |= {name: own.per(1 / runs) for name, own in one.items()}
    except ImportError:
        print("Lightning is not installed, so it is left out: install it with `pip install 'lightning>=2.5,<3'`.")
    ratios = {name: common.ratio(own, times["batched"]) for name, own in times.items() if name != "batched"}
    share = validation_share()

    print(f"{runs} runs, one step of all of them; {given.repeats} repeats of {given.steps} steps")
    rows = [
        (name, 1e3 * own.median_cpu, 1e3 * own.median_wall, ratios.get(name, {}).get("times_faster", 1.0))
        for name, own in times.items()
    ]
    common.table(("", "CPU ms", "wall ms", "times slower than batched"), rows)
    print(f"largest difference of any parameter, together and alone: {gap:.2g} (at most {TOLERANCE:g})")
    if lightning_gap is not None:
        print(f"the same, run 0 in Lightning: {lightning_gap:.2g} (at most {TOLERANCE:g})")
    print(f"with validation rows, a fit of 3000 steps spends {share:.0%} more on validating")
    common.save(
        "batched_runs",
        {
            "runs": runs,
            "steps": given.steps,
            "one_step_of_all_runs": {name: own.json() for name, own in times.items()},
            "batched_is_times_faster_than": ratios,
            "largest_difference_alone": gap,
            "largest_difference_lightning": lightning_gap,
            "tolerance": TOLERANCE,
            "validation_share": round(share, 3),
        },
    )
    if not gap < TOLERANCE or (lightning_gap is not None and not lightning_gap < TOLERANCE):
        raise SystemExit("the results differ, so the times say nothing")


if __name__ == "__main__":
    main()
