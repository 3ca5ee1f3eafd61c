"""Every task and constraint: function and module agree, known values, many runs, degenerate input, gradients."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from identikit import constraints, nets, ramp, tasks
from identikit.errors import InputError
from identikit.nets.priors import normal_divergence, normal_log_density


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


BLOCKS = {"invariant": (0, 1), "changing": (2,)}


def make_code(rows=6, latents=3, classes=4, runs=()):
    """A code and a batch in double precision, with every part that a term may read."""
    mean, noise, input = (draw(*runs, rows, latents, seed=s) for s in (1, 2, 3))
    log_variance = 0.3 * draw(*runs, rows, latents, seed=4) - 1
    sample = mean + (0.5 * log_variance).exp() * noise
    heads = {"y": 6 * draw(*runs, rows, classes, seed=5), "age": draw(*runs, rows, 2, seed=6)}
    # Every third label is hidden, and another one is in every run.
    labels = torch.arange(rows).expand(*runs, rows) % classes
    labels = labels.where(torch.arange(rows) % 3 != 1, -1)
    ages = draw(*runs, rows, 2, seed=7).where(torch.arange(rows).unsqueeze(-1) % 3 != 1, torch.nan)
    domain = torch.arange(rows).expand(*runs, rows) % 2
    divergence = normal_divergence(mean, log_variance)
    near = input + 0.5 * draw(*runs, rows, latents)
    code = nets.Code(mean, sample, sample, input, log_variance, divergence, near, heads, BLOCKS)
    return code, nets.Batch({"y": labels, "age": ages, "domain": domain}, step=5)


def one_of(code, run):
    whole = ("heads", "blocks", "also", "targets", "mask", "jacobian")
    parts = {name: None if value is None else value[run] for name, value in vars(code).items() if name not in whole}
    return nets.Code(**parts, heads={name: value[run] for name, value in code.heads.items()}, blocks=code.blocks)


def rows_of(batch, run):
    return nets.Batch({name: value[run] for name, value in batch.fields.items()}, batch.step)


@dataclass
class Case:
    """One term: the module, its pure function, and what the module hands to it."""

    term: Any
    function: Any
    reads: tuple[str, ...]
    known: tuple[dict[str, Any], float]
    options: dict[str, Any] = field(default_factory=dict)
    constant: float | None = 0.0

    def tensors(self, code):
        blocks = {"invariant": code.sample[..., :2]}
        return tuple(code.heads.get(name, blocks.get(name, getattr(code, name, None))) for name in self.reads)

    def beside(self, batch):
        beside = {"y": "y", "age": "age", "invariant": "domain"}
        return (batch[beside[self.reads[0]]],) if self.reads[0] in beside else ()

    def value(self, code, batch):
        return self.function(*self.tensors(code), *self.beside(batch), **self.options)


def coin(p):
    """Two logits with the first of probability p, and the entropy of that."""
    return [math.log(p), math.log(1 - p)], -p * math.log(p) - (1 - p) * math.log(1 - p)


SURE, ENTROPY = coin(0.95)
FAR, NEAR = [99.0, 99.0], [-99.0, -99.0]
CASES = {
    "Reconstruction": Case(
        tasks.Reconstruction(variance=0.5),
        tasks.gaussian,
        ("reconstruction", "input"),
        ({"reconstruction": [[1.0, 2.0], [0.0, 0.0]], "target": [[0.0, 0.0], [3.0, 0.0]]}, 7.0),
        {"variance": 0.5},
    ),
    "Reconstruction(bernoulli)": Case(
        tasks.Reconstruction("bernoulli"),
        tasks.bernoulli,
        ("reconstruction", "input"),
        ({"reconstruction": [[0.0, math.log(3)]], "target": [[1.0, 0.25]]}, math.log(8) - math.log(3) / 4),
        constant=None,
    ),
    "Classification": Case(
        tasks.Classification("y"),
        tasks.classification,
        ("y",),
        ({"scores": [SURE, SURE, [9.0, -9.0]], "labels": [0, 1, -1]}, -(math.log(0.95) + math.log(0.05)) / 2),
        constant=math.log(4),
    ),
    "MatchPrior": Case(
        constraints.MatchPrior(),
        constraints.match_prior,
        ("divergence",),
        ({"divergence": [[1.0, 2.0], [3.0, 0.0]]}, 3.0),
    ),
    "MatchPrior(capacity)": Case(
        constraints.MatchPrior(capacity=ramp(0, 4, steps=10)),
        constraints.match_prior,
        ("divergence",),
        ({"divergence": [[1.0, 2.0], [3.0, 0.0]], "capacity": 5.0}, 2.0),
        {"capacity": 2.0},
        constant=2.0,
    ),
    "Independence": Case(
        constraints.Independence(),
        constraints.total_correlation,
        ("sample", "mean", "log_variance"),
        # Two far-apart posteriors of two latents: log q(z) = log q_i(z) - log 2, marginals alike, so TC = log 2.
        ({"sample": [FAR, NEAR], "mean": [FAR, NEAR], "log_variance": [[0.0] * 2] * 2}, math.log(2)),
    ),
    "LowEntropy": Case(
        constraints.LowEntropy("y"),
        constraints.low_entropy,
        ("y",),
        ({"scores": [SURE, SURE, [0.0, 0.0], SURE[::-1]], "labels": [-1, 0, -1, -1]}, ENTROPY),
    ),
    "Regression": Case(
        tasks.Regression("age", variance=0.5),
        tasks.regression,
        ("age",),
        ({"prediction": [[1.0, 1.0], [9.0, 9.0]], "target": [[0.0, 3.0], [math.nan, math.nan]]}, 5.0),
        {"variance": 0.5},
        constant=None,
    ),
    "MatchPrior(changing)": Case(
        constraints.MatchPrior(block="changing"),
        lambda divergence: constraints.match_prior(divergence[..., 2:]),
        ("divergence",),
        ({"divergence": [[1.0, 2.0, 3.0], [3.0, 0.0, 1.0]]}, 2.0),
    ),
    "MatchDomains": Case(
        constraints.MatchDomains(2),
        constraints.domain_discrepancy,
        ("invariant",),
        # Two points so far apart that the kernel between them is 0: k(a, a) + k(b, b) - 2 k(a, b) = 2.
        ({"codes": [FAR, NEAR], "labels": [0, 1]}, 2.0),
        {"domains": 2},
    ),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


class TestEveryTerm:
    def test_module_equals_function(self, case):
        code, batch = make_code()
        value = case.term(code, batch)
        assert value.shape == ()
        torch.testing.assert_close(value, case.value(code, batch))

    def test_known_value(self, case):
        given, value = case.known
        given = [torch.tensor(v, dtype=None if name == "labels" else torch.float64) for name, v in given.items()]
        options = {name: option for name, option in case.options.items() if name in ("variance", "domains")}
        assert float(case.function(*given, **options)) == pytest.approx(value, rel=1e-7)

    def test_one_run_equals_many(self, case):
        assert case.term.batches_runs
        code, batch = make_code(runs=(4,))
        values = case.term(code, batch)
        alone = [case.term(one_of(code, r), rows_of(batch, r)) for r in range(4)]
        assert values.shape == (4,)
        assert values.unique().numel() == 4
        torch.testing.assert_close(values, torch.stack(alone))

    def test_constant_latents(self, case):
        code, batch = make_code()
        zero = torch.zeros_like(code.mean)
        heads = {name: torch.zeros_like(head) for name, head in code.heads.items()}
        value = float(case.term(nets.Code(zero, zero, zero, zero, zero, zero, zero, heads, BLOCKS), batch))
        ages = batch["age"].nan_to_num().square().sum() / 4
        without = {"age": float(ages), "reconstruction": 3 * math.log(2)}
        expected = without[case.reads[0]] if case.constant is None else case.constant
        assert value == pytest.approx(expected, abs=1e-12)

    def test_a_batch_of_one_row(self, case):
        code, batch = make_code(rows=1)
        assert bool(torch.isfinite(case.term(code, batch)))

    def test_all_labels_hidden_gives_finite_gradients(self, case):
        code, batch = make_code()
        inputs = [tensor.clone().requires_grad_() for tensor in case.tensors(code)]
        hidden = nets.Batch({**batch.fields, "y": batch["y"] * 0 - 1, "age": batch["age"] * math.nan})
        value = case.function(*inputs, *case.beside(hidden), **case.options)
        value.backward()
        assert bool(torch.isfinite(value))
        assert all(bool(torch.isfinite(tensor.grad).all()) for tensor in inputs)

    def test_gradient(self, case):
        code, batch = make_code()
        beside = case.beside(batch)
        if case.function is tasks.bernoulli:
            code = replace(code, input=code.input.sigmoid())
        inputs = tuple(tensor.clone().requires_grad_() for tensor in case.tensors(code))
        assert torch.autograd.gradcheck(lambda *given: case.function(*given, *beside, **case.options), inputs)

    def test_rows_may_come_in_any_order(self, case):
        code, batch = make_code()
        order = torch.tensor([3, 1, 5, 0, 4, 2])
        torch.testing.assert_close(case.term(one_of(code, order), rows_of(batch, order)), case.term(code, batch))


@pytest.mark.parametrize("term", [CASES["MatchPrior"], CASES["Independence"], CASES["Reconstruction"]])
def test_latents_may_come_in_any_order(term):
    code, batch = make_code()
    order = [2, 0, 1]
    whole = ("heads", "blocks", "also", "targets", "mask", "jacobian")
    given = {name: value for name, value in vars(code).items() if value is not None}
    parts = {name: value if name in whole else value[:, order] for name, value in given.items()}
    torch.testing.assert_close(term.term(nets.Code(**parts), batch), term.term(code, batch))


@pytest.mark.parametrize("term", [tasks.Classification("y"), constraints.LowEntropy("y")])
def test_class_scores_may_be_shifted(term):
    code, batch = make_code()
    shifted = replace(code, heads={"y": code.heads["y"] + draw(6, 1)})
    torch.testing.assert_close(term(shifted, batch), term(code, batch))


def test_classification_ignores_hidden_rows():
    code, batch = make_code()
    hidden = batch["y"] < 0
    assert bool(hidden.any())
    other = replace(
        code, heads={**code.heads, "y": code.heads["y"].where(~hidden.unsqueeze(-1), 1e3 * draw(6, 4, seed=9))}
    )
    assert float(tasks.Classification("y")(other, batch)) == float(tasks.Classification("y")(code, batch))
    known = tasks.Classification("y")(one_of(code, ~hidden), rows_of(batch, ~hidden))
    torch.testing.assert_close(known, tasks.Classification("y")(code, batch))


def test_low_entropy_ignores_labelled_and_unsure_rows():
    scores = torch.tensor([[0.0, 3.0], [0.0, 0.1], [0.0, 1.0]], requires_grad=True)
    constraints.low_entropy(scores, torch.tensor([0, -1, -1]), threshold=0.6).backward()
    assert scores.grad is not None
    assert scores.grad.abs().sum(-1).tolist()[:2] == [0, 0]
    assert float(scores.grad[2].abs().sum()) > 0


def test_low_entropy_falls_as_training_makes_a_prediction_surer():
    entropies = [float(constraints.low_entropy(torch.tensor([[0.0, s]]), torch.tensor([-1]))) for s in (2, 3, 5, 90)]
    assert entropies == sorted(entropies, reverse=True)
    assert entropies[-1] == pytest.approx(0, abs=1e-6)


def gaussian_posterior(correlation, rows=1500, spread=0.15):
    """Posteriors of variance `spread` whose aggregate is a normal with the given covariance."""
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)
    mean = draw(rows, 2, seed=1) @ torch.linalg.cholesky(covariance - spread * torch.eye(2)).T
    log_variance = torch.full_like(mean, math.log(spread))
    return mean + math.sqrt(spread) * draw(rows, 2, seed=2), mean, log_variance


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.8])
def test_total_correlation_of_a_gaussian(correlation):
    analytic = -0.5 * math.log(1 - correlation**2)
    estimate = float(constraints.total_correlation(*gaussian_posterior(correlation)))
    assert estimate == pytest.approx(analytic, abs=0.03)


def test_total_correlation_is_zero_for_one_posterior():
    sample = draw(50, 4)
    assert float(constraints.total_correlation(sample, 0 * sample, 0 * sample)) == pytest.approx(0, abs=1e-12)


def test_total_correlation_does_not_change_with_scale_or_place():
    sample, mean, log_variance = gaussian_posterior(0.5, rows=200)
    scale, place = torch.tensor([3.0, -0.2]).double(), torch.tensor([5.0, 1.0]).double()
    moved = constraints.total_correlation(
        sample * scale + place, mean * scale + place, log_variance + 2 * scale.abs().log()
    )
    torch.testing.assert_close(moved, constraints.total_correlation(sample, mean, log_variance))


def test_closed_divergence_is_the_mean_of_the_sampled_one():
    mean, log_variance = torch.tensor([0.3, -1.0]).double(), torch.tensor([-1.0, 0.5]).double()
    sample = mean + (0.5 * log_variance).exp() * draw(100_000, 2)
    zero = torch.zeros(2).double()
    sampled = normal_log_density(sample, mean, log_variance) - normal_log_density(sample, zero, zero)
    closed = normal_divergence(mean, log_variance)
    torch.testing.assert_close(sampled.mean(0), closed, atol=0.01, rtol=0)
    assert float(constraints.match_prior(sampled)) == pytest.approx(float(closed.sum()), abs=0.02)


def test_divergence_is_zero_at_the_prior_and_positive_elsewhere():
    assert float(normal_divergence(torch.tensor(0.0), torch.tensor(0.0))) == 0
    assert bool((normal_divergence(draw(100), draw(100, seed=1)) > 0).all())


def test_a_capacity_may_be_a_number_or_a_schedule():
    code, batch = make_code()
    fixed, growing = constraints.MatchPrior(capacity=2), constraints.MatchPrior(capacity=ramp(0, 4, steps=10))
    torch.testing.assert_close(fixed(code, batch), growing(code, batch))
    assert float(growing(code, nets.Batch({}, 0))) == pytest.approx(float(constraints.MatchPrior()(code, batch)))


def test_an_unknown_likelihood_suggests_the_nearest():
    with pytest.raises(InputError, match="unknown likelihood 'gausian': did you mean 'gaussian'"):
        tasks.Reconstruction("gausian")


def test_pictures_are_summed_over_every_pixel():
    picture = draw(2, 3, 4, 4)
    code = nets.Code(draw(2, 5), draw(2, 5), draw(2, 5), picture, reconstruction=picture + 1)
    assert float(tasks.Reconstruction()(code, nets.Batch({}))) == pytest.approx(24)
