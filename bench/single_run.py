"""One variational autoencoder of 20,000 parameters: a step of our engine against a step of pythae's trainer.

Run: python bench/single_run.py [--peers DIR] [--steps N] [--repeats N]. Writes bench/results/single_run.json.

The peer is pythae (Chadebec et al. 2022), its `VAE` and its `BaseTrainer`, from a checkout of your own (see
bench/peers). Both sides train the same networks with the same loss and batches of 64, on one thread, without
validation rows. `batched` is a sweep of 32 such runs as one program. Every side is timed from its 20th step to its
last, without set-up.

- `identikit`: steps of the engine, with all that it does beside them (counting, checks that all is finite, and keeping
  the best parameters at 60 looks).
- `pythae`: its trainer as a user calls it, over its own data set and loader, with its progress bar (into a file that
  nobody reads) and torch's default form of Adam, which it takes.
- `pythae, lean`: batches taken from tensors by index, which spares it collation, fused Adam, and no progress bar.

Check: fed the same start, batches and noise, pythae in its lean form has the parameters of ours after 300
steps, to 1e-4. (After more, differences of single precision grow by themselves.)
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

import common
import identikit as ik
from identikit import constraints, nets, tasks
from identikit.engine import Training
from peers import checkouts

FEATURES, LATENTS, HIDDEN, BATCH, ROWS = 32, 8, 84, 64, 9600
SEEDS, WARM, COMPARED, TOLERANCE = 32, 20, 300, 1e-4
SETTINGS = {"batch": BATCH, "lr": 1e-3}


def model() -> nets.Model:
    encoder = nets.MLP(FEATURES, 2 * LATENTS, HIDDEN)
    return nets.Model((FEATURES,), LATENTS, encoder, nets.MLP(LATENTS, FEATURES, HIDDEN))


def make_data() -> ik.Dataset:
    world = ik.worlds.DomainShift(invariant=6, changing=2, observed=FEATURES)
    return ik.datasets.from_arrays(world.sample(ROWS)[0].x, splits=(1, 0, 0))


def start(data: ik.Dataset, steps: int, seeds: int) -> Training:
    objective = tasks.Reconstruction() + constraints.MatchPrior()
    return ik.steps((model, objective), data, seeds=seeds, steps=steps, **SETTINGS)


def ours(data: ik.Dataset, steps: int, seeds: int) -> tuple[Training, float, float]:
    """A training after its last step, and wall and CPU seconds of a step."""
    training = start(data, steps, seeds)
    for _ in range(WARM):
        next(training)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in training:
        pass
    timed = steps - WARM
    return training, (time.perf_counter() - wall) / timed, (time.process_time() - cpu) / timed


class Batches(IterableDataset):
    """The rows, and the noise, that our engine gives to its first run, in the form that pythae's trainer takes."""

    def __init__(self, training: Training, x: Tensor, steps: int, record: Any) -> None:
        self.streams, self.x, self.steps, self.record = training.streams, x, steps, record

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        for step in range(self.steps):
            rows = self.streams.rows(step)[0]
            yield self.record(data=self.x[rows], noise=self.streams.noise(step)[0])


def theirs(data: ik.Dataset, steps: int, lean: bool) -> tuple[list[Tensor], float, float]:
    """Parameters of a VAE that pythae has trained, and wall and CPU seconds of a step."""
    root = checkouts.checkout("benchmark_VAE") / "src"
    stand_ins = {"imageio": checkouts.stand_in("imageio", imwrite=None)}
    names = ("pythae.models", "pythae.models.base.base_utils", "pythae.models.nn", "pythae.trainers",
             "pythae.trainers.training_callbacks", "pythae.data.datasets",
             "pythae.trainers.base_trainer.base_trainer")  # fmt: skip
    models, outputs, architectures, trainers, callbacks, datasets, trainer = checkouts.imported(
        root, *names, stand_ins=stand_ins
    )
    for module in (trainer, callbacks):
        module.logger.setLevel(logging.ERROR)
    if lean:
        vars(trainer)["ProgressBarCallback"] = callbacks.TrainingCallback
    training = start(data, steps, 1)
    learner = training.job.build(0).model
    own = copy.deepcopy(learner)
    x = own.standardise(torch.as_tensor(data.x))
    clock: list[tuple[float, float]] = []

    class Encoder(architectures.BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = own.encoder

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.net(x).chunk(2, -1)
            # Where our model starts and what it allows: see nets/model.py.
            return outputs.ModelOutput(embedding=mean, log_covariance=(log_variance - 2.0).clamp(-12, 4))

    class Decoder(architectures.BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            assert own.decoder is not None
            self.net = own.decoder

        def forward(self, z: Tensor) -> Any:
            return outputs.ModelOutput(reconstruction=self.net(z))

    class VAE(models.VAE):
        noise: Tensor | None = None

        def forward(self, inputs: Any, **kwargs: Any) -> Any:
            self.noise = inputs.get("noise")
            return super().forward(inputs, **kwargs)

        def _sample_gauss(self, mu: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
            noise = torch.randn_like(std) if self.noise is None else self.noise
            return mu + noise * std, noise

    class Clock(callbacks.TrainingCallback):
        done = 0

        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            self.done += 1
            if self.done in (WARM, steps):
                clock.append((time.perf_counter(), time.process_time()))

    config = models.VAEConfig(input_dim=(FEATURES,), latent_dim=LATENTS, reconstruction_loss="mse")
    vae = VAE(config, Encoder(), Decoder())
    batches = ROWS // BATCH
    with tempfile.TemporaryDirectory() as folder:
        adam = {"betas": (0.9, 0.99), **({"fused": True} if lean else {})}
        settings = trainers.BaseTrainerConfig(
            output_dir=folder, num_epochs=1 if lean else -(-steps // batches), learning_rate=SETTINGS["lr"],
            per_device_train_batch_size=BATCH, no_cuda=True, optimizer_params=adam,
        )  # fmt: skip
        rows = datasets.BaseDataset(x, torch.zeros(ROWS))
        if lean:
            rows = DataLoader(Batches(training, x, steps, datasets.DatasetOutput), batch_size=None)
        job = trainers.BaseTrainer(vae, rows, training_config=settings, callbacks=[Clock()])
        # Its look at the first batch is not to count among the steps.
        vae.noise = None
        job.prepare_training()
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            for epoch in range(1, settings.num_epochs + 1):
                job.callback_handler.on_epoch_begin(training_config=settings, epoch=epoch)
                job.train_step(epoch)
    (wall, cpu), (wall_end, cpu_end) = clock[0], clock[-1]
    timed = steps - WARM
    return [p.detach() for p in own.parameters()], (wall_end - wall) / timed, (cpu_end - cpu) / timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    checkouts.add_argument(parser)
    parser.add_argument("--steps", type=int, default=1500, help="a multiple of 150, the batches of an epoch")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    checkouts.look_in(given.peers)
    try:
        checkouts.checkout("benchmark_VAE")
    except checkouts.MissingError as error:
        print(error)
        return
    data, steps = make_data(), given.steps
    times = {name: common.Times([], []) for name in ("identikit", "pythae", "pythae, lean", "32 runs at once")}
    one, *_ = ours(data, COMPARED, 1)
    kept = dict(one.program.learner.model.named_parameters())
    parameters, *_ = theirs(data, COMPARED, lean=True)
    gap = max(float((p[0] - q).detach().abs().max()) for p, q in zip(kept.values(), parameters, strict=True))
    for _ in range(given.repeats):
        _, *single = ours(data, steps, 1)
        _, *many = ours(data, steps, SEEDS)
        _, *loader = theirs(data, steps, lean=False)
        _, *memory = theirs(data, steps, lean=True)
        for name, (wall, cpu) in zip(times, (single, loader, memory, many), strict=True):
            times[name].wall.append(wall)
            times[name].cpu.append(cpu)
    count = sum(p.numel() for p in model().parameters())
    ratios = {name: common.ratio(times[name], times["identikit"]) for name in times if name.startswith("pythae")}
    sweep = {name: common.ratio(times[name].per(1 / SEEDS), times["32 runs at once"]) for name in ratios}
    print(f"a VAE of {count} parameters, batches of {BATCH}; {given.repeats} repeats of {steps} steps")
    rows = [(name, 1e3 * own.median_cpu, 1e3 * own.median_wall) for name, own in times.items()]
    common.table(("one step", "CPU ms", "wall ms"), rows)
    for name in ratios:
        print(
            f"{name}: {ratios[name]['times_faster']} times the CPU time of one run, "
            f"{sweep[name]['times_faster']} times that of 32 runs"
        )
    print(f"largest difference of any parameter: {gap:.2g} (at most {TOLERANCE:g})")
    common.save(
        "single_run",
        {
            "parameters": count,
            "steps": steps,
            "one_step": {name: own.json() for name, own in times.items()},
            "one_run_is_times_faster_than": ratios,
            "32_runs_are_times_faster_than": sweep,
            "largest_difference": gap,
            "tolerance": TOLERANCE,
        },
    )
    if not gap < TOLERANCE:
        raise SystemExit("the results differ, so the times say nothing")


if __name__ == "__main__":
    main()
