"""The terms of the baselines: a covariance to match, and independence as a discriminator sees it."""

import math

import pytest
import torch

from identikit import nets
from identikit.constraints.adversarial_independence import AdversarialIndependence, discrimination, permuted
from identikit.constraints.match_covariance import MatchCovariance, match_covariance
from identikit.engine.program import Learner, Program
from identikit.errors import InputError
from identikit.objective import Objective
from test_terms import BLOCKS, Case, TestEveryTerm, draw, make_code, one_of, rows_of

__all__ = ["TestEveryTerm"]

CASES = {
    "MatchCovariance(mean)": Case(
        MatchCovariance("mean", diagonal=2.0),
        match_covariance,
        ("mean",),
        # Covariance ((4, 2), (2, 1)): 2 * 2^2 + 3^2 + 0.
        ({"mean": [[2.0, 1.0], [-2.0, -1.0]]}, 17.0),
        {"log_variance": None, "diagonal": 2.0},
        constant=6.0,
    ),
    "MatchCovariance(sample)": Case(
        MatchCovariance("sample"),
        match_covariance,
        ("mean", "log_variance"),
        # The same and variances ((1, 1), (3, 1)) of mean (2, 1): 2 * 2^2 + 5^2 + 1^2.
        ({"mean": [[2.0, 1.0], [-2.0, -1.0]], "log_variance": [[0.0, 0.0], [math.log(3), 0.0]]}, 34.0),
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_a_covariance_does_not_change_with_place_or_order_of_latents():
    mean = draw(50, 3)
    moved = (mean + torch.tensor([5.0, -2.0, 0.0]))[:, [2, 0, 1]]
    torch.testing.assert_close(match_covariance(moved), match_covariance(mean))


def test_turning_white_latents_changes_nothing():
    mean = draw(500, 2)
    left, _, right = torch.linalg.svd(mean - mean.mean(0), full_matrices=False)
    white = math.sqrt(500) * left @ right
    angle = torch.tensor([[math.cos(0.7), -math.sin(0.7)], [math.sin(0.7), math.cos(0.7)]]).double()
    assert float(match_covariance(white)) == pytest.approx(0, abs=1e-20)
    assert float(match_covariance(white @ angle)) == pytest.approx(0, abs=1e-12)


def test_an_unknown_covariance_suggests_the_nearest():
    with pytest.raises(InputError, match="unknown covariance to match 'means': did you mean 'mean'"):
        MatchCovariance("means")


# --- the inner player


def seeded(build, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def player(latents=3, seed=0):
    return seeded(lambda: AdversarialIndependence(latents, hidden=8, layers=2).double(), seed)


def test_discrimination_of_known_logits():
    sure = discrimination(torch.full((3,), math.log(3.0)), torch.full((3,), -math.log(3.0)))
    assert float(sure) == pytest.approx(-math.log(0.75), rel=1e-6)
    half = discrimination(torch.tensor([math.log(3.0)]), torch.tensor([math.log(3.0)]))
    assert float(half) == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2, rel=1e-6)


def test_permuting_keeps_every_latent_and_breaks_what_binds_them():
    sample = draw(400, 1).expand(400, 3)
    other = permuted(sample, draw(400, 3, seed=1))
    torch.testing.assert_close(other.sort(0).values, sample.sort(0).values)
    assert float(torch.corrcoef(other.T).fill_diagonal_(0).abs().max()) < 0.2


def test_the_term_is_the_mean_logit():
    code, batch = make_code()
    term = player()
    torch.testing.assert_close(term(code, batch), term.discriminator(code.sample).mean())


def test_each_side_moves_its_own_parameters_alone():
    code, batch = make_code()
    sample = code.sample.clone().requires_grad_()
    code = nets.Code(sample, sample, sample, sample, blocks=BLOCKS)
    term = player()
    term(code, batch).backward()
    assert sample.grad is not None
    assert bool(sample.grad.any())
    assert all(parameter.grad is None for parameter in term.parameters())
    sample.grad = None
    term.inner(code, batch, draw(6, 3, seed=9)).backward()
    assert sample.grad is None
    assert all(p.grad is not None and p.grad.any() for p in term.discriminator.layers[0].parameters())


def test_gradients_of_the_term_and_of_the_player():
    code, batch = make_code()
    term, noise = player(), draw(6, 3, seed=9)

    def value(sample):
        return term(nets.Code(sample, sample, sample, sample), batch)

    def loss(weight):
        samples = (code.sample, permuted(code.sample, noise))
        call = torch.func.functional_call
        return discrimination(
            *(call(term.discriminator, {"layers.0.weight": weight}, (z,)).squeeze(-1) for z in samples)
        )

    assert torch.autograd.gradcheck(value, (code.sample.clone().requires_grad_(),))
    assert torch.autograd.gradcheck(loss, (term.discriminator.layers[0].weight.detach().clone().requires_grad_(),))


@pytest.mark.parametrize("strategy", ["grouped", "vmap", "loop"])
def test_many_runs_equal_each_alone(strategy):
    code, batch = make_code(runs=(2,))
    noise = draw(2, 6, 3, seed=9)
    terms = [player(seed=seed) for seed in range(2)]
    alone = [(t(one_of(code, r), batch), t.inner(one_of(code, r), batch, noise[r])) for r, t in enumerate(terms)]
    model = nets.Model((3,), 3, nets.MLP(3, 3))
    program = Program([Learner(model, Objective([(1.0, term)])) for term in terms], strategy)

    def action(learner, sample, noise):
        own = nets.Code(sample, sample, sample, sample)
        return learner.objective(own, batch).total, learner.objective.inner(own, batch, noise)

    total, inner = program.call(action, code.sample, noise)
    torch.testing.assert_close(total, torch.stack([value for value, _ in alone]))
    torch.testing.assert_close(inner["AdversarialIndependence"], torch.stack([value for _, value in alone]))


def test_a_trained_player_estimates_the_total_correlation_of_a_gaussian():
    correlation = 0.8
    factor = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))
    term = seeded(lambda: AdversarialIndependence(2, hidden=32))
    optimiser = torch.optim.Adam(term.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    batch = nets.Batch({})
    for _ in range(400):
        sample = torch.randn(256, 2, generator=generator) @ factor.T
        optimiser.zero_grad()
        term.inner(
            nets.Code(sample, sample, sample, sample), batch, torch.randn(256, 2, generator=generator)
        ).backward()
        optimiser.step()
    sample = torch.randn(20_000, 2, generator=generator) @ factor.T
    estimate = float(term(nets.Code(sample, sample, sample, sample), batch))
    assert estimate == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.12)


def test_constant_latents_and_a_single_row_stay_finite():
    term = player()
    zero = torch.zeros(5, 3).double()
    code = nets.Code(zero, zero, zero, zero)
    batch = nets.Batch({})
    assert float(term.inner(code, batch, zero).detach()) >= math.log(2) - 1e-12
    one = nets.Code(zero[:1], zero[:1], zero[:1], zero[:1])
    assert bool(torch.isfinite(term(one, rows_of(batch, 0)) + term.inner(one, batch, zero[:1])))
