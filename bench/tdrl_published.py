"""TDRL on its own published simulations: five seeds of ours, and the time of the authors' training step.

Run: python bench/tdrl_published.py [--peers DIR] [--quick]. Writes bench/results/tdrl_published.json.

The settings are those of the data generator of weirayao/tdrl (commit in `peers/checkouts.py`), written anew: eight
latents, sequences of three time points. The first two hold independent standard normal latents, standardised; the third

    y = a( s(past) e + sum_l a(W_l z_{t-l}) ),   e ~ N(0, 0.1^2),   a(v) = max(v, 0.2 v)

where in `stationary` s is the mean of the two past values of the latent, and in `changing` s is 1 and five regimes have
two edges of their own. The mixing is an orthogonal matrix after a rectifier, twice, so its first step acts on each
latent alone. We draw 20,000 sequences in place of 100,000 (or 8,000 in place of 40,000 for each regime).

Since the first two points have no past, they are rows of their own: their codes are held to a standard normal, as in
the authors' objective, with its weights (0.0015 and 0.005 beside half a squared error, 0.001 and 0.01 in `changing`).

Three variants: `plain`; `kinked`, whose decoder begins with a leaky rectifier of each latent as the authors' does (they
note that this is the form of the true mixing); `correlated`, whose posteriors are. The first two are also trained ten
times as long in `stationary`. Two measures, Pearson as there: over all time points, which the authors' code computes,
and over the third alone, the only one that has a past.

The authors' step is timed where a checkout is there: their model and loss on one batch of 64 sequences, extrapolated to
the epochs of their configuration. It is never trained here.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import common
import identikit as ik
from identikit.constraints import MatchTransition
from identikit.data import Dataset
from identikit.methods.build import warm_flat_linear
from identikit.metrics import mcc
from identikit.nets import MLP, Batch, Code, Model, Transition
from identikit.nets.changing import KnownRegime
from identikit.nets.priors import normal_divergence, normal_log_density
from identikit.objective import Objective
from identikit.splits import make_split
from identikit.tasks import Reconstruction
from peers import checkouts

LATENTS, LAGS, REGIMES, SEQUENCES = 8, 2, 5, 20_000
STEPS, LONG, HIDDEN, RATE, ROWS, SEEDS = 4_000, 40_000, 64, 2e-3, 192, 5
VARIANTS = ("plain", "kinked", "correlated")
WEIGHTS = {"stationary": (0.0015, 0.005), "changing": (0.001, 0.01)}
PUBLISHED = {"stationary": "0.954 +- 0.009 (from memory)", "changing": "0.958 +- 0.017 (from memory)"}
EPOCHS = {"stationary": (100, 100_000), "changing": (50, 200_000)}
PEER_STEPS = 12


def bend(values: np.ndarray) -> np.ndarray:
    """The rectifier."""
    return np.maximum(values, 0.2 * values)


def well_conditioned(rng: np.random.Generator, bound: float) -> np.ndarray:
    """A matrix of uniform entries with columns of length one, drawn until its condition number is below the bound."""
    while True:
        matrix = rng.uniform(-1, 1, (LATENTS, LATENTS))
        matrix /= np.linalg.norm(matrix, axis=0)
        if np.linalg.cond(matrix) <= bound:
            return matrix


def sequences(setting: str, seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations and latents `(sequences, 3, 8)`, and the regime of each sequence."""
    rng = np.random.default_rng(seed)
    many = rng.uniform(1, 2, (1_000, LATENTS, LATENTS))
    bound = float(np.percentile(np.linalg.cond(many / np.linalg.norm(many, axis=1, keepdims=True)), 25))
    weights = [well_conditioned(rng, bound) for _ in range(LAGS)]
    turns = [np.linalg.qr(rng.normal(size=(LATENTS, LATENTS)))[0] for _ in range(2)]
    regime = np.arange(count) % (REGIMES if setting == "changing" else 1)
    past = rng.normal(size=(count, LAGS, LATENTS))
    past = (past - past.mean(0)) / past.std(0)
    now = 0.1 * rng.normal(size=(count, LATENTS)) * (past.mean(1) if setting == "stationary" else 1.0)
    edges = rng.uniform(-1, 1, (REGIMES, 2))
    for own in np.unique(regime):
        rows = regime == own
        if setting == "changing":
            weights[0][1, 2], weights[0][3, 4] = edges[own]
        now[rows] += sum(bend(past[rows, lag] @ weights[lag]) for lag in range(LAGS))
    latents = np.concatenate([past, bend(now)[:, None]], 1)
    x = latents
    for turn in turns:
        x = bend(x) @ turn
    return x.astype(np.float32), latents, regime


def rows(x: np.ndarray, regime: np.ndarray) -> Dataset:
    """Every time point as a row; `whole` is 1 where it has a past, the latest point first."""
    count, length, size = x.shape
    past = np.zeros((count, length, LAGS, size), np.float32)
    past[:, -1] = x[:, -2::-1]
    whole = np.zeros((count, length), np.float32)
    whole[:, -1] = 1
    groups = np.repeat(np.arange(count), length)
    fields = {"past": past.reshape(-1, LAGS, size), "whole": whole.ravel(), "domain": np.repeat(regime, length)}
    names = {"domain": tuple(f"regime {u}" for u in range(int(regime.max()) + 1))}
    return Dataset(x.reshape(-1, size), fields, names, make_split(len(groups), groups=groups))


class WholeOrFirst(MatchTransition):
    """The transition where there is a past, and a standard normal elsewhere, each with its weight."""

    def __init__(self, transition: nn.Module, given: str | None, first: float, later: float) -> None:
        super().__init__(LATENTS, LAGS, transition=transition, given=given)
        self.weights = first, later

    def forward(self, code: Code, batch: Batch) -> Tensor:
        """The weighted divergence, one number for each run."""
        assert code.log_variance is not None
        told = [batch[name] for name in self.needs[1:]]
        noise, log_slope = self.transition(code.sample, code.also["past"].sample, *told)
        zero = torch.zeros_like(code.sample)
        posterior = code.log_posterior
        if posterior is None:
            posterior = normal_log_density(code.sample, code.mean, code.log_variance)
            first = normal_divergence(code.mean, code.log_variance)
        else:
            first = posterior - normal_log_density(code.sample, zero, zero)
        later = posterior - log_slope - normal_log_density(noise, zero, zero)
        whole, (start, follow) = batch["whole"].unsqueeze(-1), self.weights
        return (start * (1 - whole) * first + follow * whole * later).sum(-1).mean(-1)


def learner(setting: str, variant: str) -> tuple[Model, Objective]:
    """Model and objective."""
    size, outputs = LATENTS, 2 * LATENTS
    correlated = variant == "correlated"
    outputs += LATENTS * (LATENTS - 1) // 2 if correlated else 0
    changing = setting == "changing"
    net = KnownRegime(LATENTS, REGIMES, LAGS, HIDDEN) if changing else Transition(LATENTS, LAGS, HIDDEN)
    out: nn.Module = MLP(LATENTS, size, HIDDEN)
    if variant == "kinked":
        out = nn.Sequential(nn.LeakyReLU(0.2), out)
    encoder = MLP(size, outputs, HIDDEN, layers=3)
    model = Model((size,), LATENTS, encoder, out, also={"past": (LAGS,)}, correlated=correlated)
    return model, Reconstruction() + WholeOrFirst(net, "domain" if changing else None, *WEIGHTS[setting])


def ours(setting: str, variant: str, steps: int, count: int) -> dict[str, Any]:
    """Five seeds on one draw of the data."""
    x, latents, regime = sequences(setting, seed=0, count=count)
    data = rows(x, regime)
    start = time.process_time()
    lr = warm_flat_linear(RATE)(steps)
    runs = ik.fit(learner(setting, variant), data, seeds=SEEDS, steps=steps, batch=ROWS, lr=lr, progress=False)
    seconds = time.process_time() - start
    test = data.index("test")
    codes, truth = runs.encode(data.part("test")), latents.reshape(-1, LATENTS)[test]
    last = data["whole"][test] == 1
    found = {
        "all points": [mcc(c, truth, correlation="pearson", nulls=0).value for c in codes],
        "third point": [mcc(c[last], truth[last], correlation="pearson", nulls=0).value for c in codes],
    }
    summary = {
        name: {
            "mean": round(statistics.mean(v), 3),
            "sd": round(statistics.stdev(v), 3),
            "each": np.round(v, 3).tolist(),
        }
        for name, v in found.items()
    }
    losses = [round(run.validation, 4) for run in runs.table]
    return {**summary, "validation": losses, "cpu_seconds": round(seconds, 1), "steps": steps}


class _Bare(nn.Module):
    """What the authors' model needs of its training framework."""

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def log(self, *values: Any) -> None:
        """Nothing is logged."""


def theirs(setting: str) -> dict[str, Any]:
    """CPU seconds of the authors' training step, and what their configured training would take at that pace."""
    stand_ins = {
        "ipdb": checkouts.stand_in("ipdb"),
        "pytorch_lightning": checkouts.stand_in("pytorch_lightning", LightningModule=_Bare),
    }
    root = checkouts.checkout("tdrl") / "LiLY"
    (module,) = checkouts.imported(root, "modules.stationary", stand_ins=stand_ins)
    torch.manual_seed(0)
    model = module.StationaryProcess(8, 3, LATENTS, LAGS, hidden_dim=128, lr=1e-3, beta=0.003, gamma=0.01)
    (optimiser,), _ = model.configure_optimizers()
    x, latents, _ = sequences(setting, seed=0, count=64)
    batch = {"xt": torch.as_tensor(x), "yt": torch.as_tensor(latents, dtype=torch.float32)}
    spent = []
    for _ in range(PEER_STEPS):
        start = time.process_time()
        optimiser.zero_grad()
        model.training_step(batch, 0).backward()
        optimiser.step()
        spent.append(time.process_time() - start)
    step = statistics.median(spent[2:])
    epochs, count = EPOCHS[setting]
    total = epochs * count // 64
    return {
        "cpu_seconds_per_step": round(step, 3),
        "timed_steps": PEER_STEPS,
        "configured_steps": total,
        "hours_extrapolated": round(step * total / 3600, 1),
    }


def main() -> None:
    """Run both settings with all variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    checkouts.add_argument(parser)
    parser.add_argument("--quick", action="store_true", help="few steps and sequences: whether it runs")
    asked = parser.parse_args()
    checkouts.look_in(asked.peers)
    steps, count = (60, 1_000) if asked.quick else (STEPS, SEQUENCES)
    found: dict[str, Any] = {"published": PUBLISHED, "sequences": count}
    for setting in WEIGHTS:
        found[setting] = {variant: ours(setting, variant, steps, count) for variant in VARIANTS}
        if setting == "stationary" and not asked.quick:
            longer = {f"{variant}, longer": ours(setting, variant, LONG, count) for variant in ("plain", "kinked")}
            found[setting] |= longer
        print(setting, found[setting], flush=True)
    try:
        found["authors"] = theirs("stationary")
    except checkouts.MissingError as error:
        found["authors"] = str(error)
    print(found["authors"])
    if not asked.quick:
        common.save("tdrl_published", found)


if __name__ == "__main__":
    main()
