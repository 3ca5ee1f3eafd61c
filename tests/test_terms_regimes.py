"""Transitions of regimes, and the terms that are made of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch

import identikit as ik
from identikit.constraints import MatchPrior
from identikit.constraints.match_switching import MatchSwitching, filter_regimes, match_switching
from identikit.constraints.match_transition import MatchTransition
from identikit.data import Schema
from identikit.datasets import from_arrays
from identikit.engine.program import Learner, Program
from identikit.errors import InputError
from identikit.nets import MLP, Batch, Model, Transition
from identikit.nets.changing import ChangingNoise, KnownRegime, RegimeTransition
from identikit.nets.posterior import Posterior
from identikit.objective import Objective
from test_grid_terms import EMPTY, draw, make_code, one_of, seeded

DOMAIN = torch.tensor([0, 1, 2, 0, 1, 2])


def test_the_slope_of_a_changing_noise_is_what_autograd_says():
    net = seeded(lambda: ChangingNoise(Transition(3, lags=2, hidden=5), 3, domains=3)).double()
    now, past = draw(6, 3), draw(6, 2, 3, seed=1)
    jacobian = torch.autograd.functional.jacobian(lambda z: net(z, past, DOMAIN)[0].sum(0), now)
    assert isinstance(jacobian, torch.Tensor)
    torch.testing.assert_close(jacobian.diagonal(dim1=0, dim2=2).log(), net(now, past, DOMAIN)[1])


def test_domains_have_noises_of_their_own_and_one_transition():
    net = seeded(lambda: ChangingNoise(Transition(3, hidden=5), 3, domains=3)).double()
    now, past = draw(6, 3), draw(6, 1, 3, seed=1)
    one, other = (net(now, past, torch.full((6,), u))[0] for u in (0, 1))
    assert not torch.allclose(one, other)
    same, _ = net.transition(now, past)
    torch.testing.assert_close(net.flow(same, DOMAIN)[0], net(now, past, DOMAIN)[0])


def test_a_transition_is_told_what_is_given():
    net = seeded(lambda: ChangingNoise(Transition(3, lags=2, hidden=5), 3, domains=3)).double()
    term = MatchTransition(3, lags=2, transition=net, given="domain")
    assert term.needs == ("past", "domain")
    code = make_code()
    values = [term(code, Batch({"domain": DOMAIN.roll(k)})).item() for k in (0, 1, 3)]
    assert values[0] != values[1]
    assert values[0] == values[2]


def test_each_regime_has_a_transition_of_its_own():
    net = seeded(lambda: RegimeTransition(3, regimes=2, lags=2, hidden=5)).double()
    now, past = draw(6, 3), draw(6, 2, 3, seed=1)
    noise, log_slope = net(now, past)
    assert noise.shape == log_slope.shape == (6, 2, 3)
    assert not torch.allclose(noise[:, 0], noise[:, 1])
    for regime in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda z, u=regime: net(z, past)[0][:, u].sum(0), now)
        assert isinstance(jacobian, torch.Tensor)
        torch.testing.assert_close(jacobian.diagonal(dim1=0, dim2=2).log(), log_slope[:, regime])


def test_a_known_regime_picks_its_own_transition():
    net = seeded(lambda: KnownRegime(3, regimes=3, lags=2, hidden=5)).double()
    now, past = draw(6, 3), draw(6, 2, 3, seed=1)
    every = net.transition(now, past)
    for found, all_of in zip(net(now, past, DOMAIN), every, strict=True):
        torch.testing.assert_close(found, torch.stack([all_of[row, u] for row, u in enumerate(DOMAIN)]))


# --- hidden regimes


def chain_of(regimes=3):
    return draw(regimes, seed=7).log_softmax(-1), draw(regimes, regimes, seed=8).log_softmax(-1)


def test_the_likelihood_of_a_hidden_chain_is_the_sum_over_all_its_paths():
    emission, (start, chain) = draw(2, 4, 3), chain_of()
    paths = [
        start[path[0]] + sum(chain[a, b] for a, b in itertools.pairwise(path)) + emission[:, range(4), path].sum(-1)
        for path in itertools.product(range(3), repeat=4)
    ]
    likelihood, regimes = filter_regimes(emission, start, chain)
    torch.testing.assert_close(likelihood, torch.stack(paths).logsumexp(0))
    last = [torch.stack([p for p, c in zip(paths, itertools.product(range(3), repeat=4), strict=True) if c[-1] == u])
            for u in range(3)]  # fmt: skip
    torch.testing.assert_close(regimes[:, -1], torch.stack([p.logsumexp(0) for p in last], -1).log_softmax(-1))


def test_long_sequences_of_small_densities_stay_finite():
    start, chain = chain_of()
    emission = (draw(2, 400, 3) - 1000).requires_grad_()
    likelihood, regimes = filter_regimes(emission, start, chain)
    likelihood.sum().backward()
    assert emission.grad is not None
    assert bool(torch.isfinite(likelihood).all() and torch.isfinite(emission.grad).all())
    torch.testing.assert_close(regimes.exp().sum(-1), torch.ones(2, 400, dtype=torch.float64))


def test_numbers_of_regimes_are_arbitrary():
    emission, (start, chain) = draw(2, 4, 3), chain_of()
    order = torch.tensor([2, 0, 1])
    moved = filter_regimes(emission[..., order], start[order], chain[order][:, order])[0]
    torch.testing.assert_close(moved, filter_regimes(emission, start, chain)[0])


def test_known_value_of_a_step():
    posterior = torch.tensor([[[1.0, 2.0], [3.0, 0.0]]])
    assert float(match_switching(posterior, torch.tensor([2.0]))) == pytest.approx((6 - 2) / 2)


def test_one_regime_is_a_plain_transition():
    term = seeded(lambda: MatchSwitching(3, regimes=1, lags=2, hidden=5)).double()
    plain = MatchTransition(3, lags=2, hidden=5).double()
    plain.transition = Single(term.transition)
    code = make_code(lags=2)
    torch.testing.assert_close(term(code, EMPTY), plain(code, EMPTY))


class Single(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, now, past):
        return tuple(part.squeeze(-2) for part in self.net(now, past))


def test_one_run_of_a_switching_prior_equals_many_and_it_learns():
    term = seeded(lambda: MatchSwitching(3, regimes=2, lags=1, hidden=5)).double()
    learner = Learner(Model((4,), 3, MLP(4, 6)), Objective([(1.0, term)]))
    stacked = Program([learner] * 4).learner.objective.entries()[0][1]
    code = make_code(lags=4, runs=(4,))
    values = stacked(code, EMPTY)
    torch.testing.assert_close(values, torch.stack([term(one_of(code, r), EMPTY) for r in range(4)]))
    values.sum().backward()
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in stacked.parameters())


def test_still_latents_are_finite_under_a_switching_prior():
    term = seeded(lambda: MatchSwitching(3, regimes=2, hidden=5)).double()
    points = torch.zeros(5, 4, 3, dtype=torch.float64)
    likelihood, regimes = term.regimes(points)
    assert bool(torch.isfinite(likelihood).all())
    assert regimes.shape == (5, 3, 2)
    assert math.isclose(regimes[0, 0].exp().sum().item(), 1.0)


# --- history


def remembering(latents=2):
    return seeded(
        lambda: Model((4,), latents, MLP((3, 4), 2 * latents, 8), MLP(latents, 4, 8), also={"past": (2,)}, history=2)
    )


def test_the_past_is_encoded_with_a_past_of_its_own():
    model, x, past = remembering(), draw(5, 4, dtype=torch.float32), draw(5, 4, 4, seed=1, dtype=torch.float32)
    assert model.needs == ("past",)
    code = model(Batch({"x": x, "past": past}), torch.zeros(5, model.noise_size))
    assert code.also["past"].mean.shape == (5, 2, 2)
    for lag in range(2):
        alone = model.posterior(Batch({"x": past[:, lag], "past": past[:, lag + 1 :]}))[1]
        torch.testing.assert_close(code.also["past"].mean[:, lag], alone)
    assert not torch.allclose(code.mean, model.posterior(Batch({"x": x, "past": past + 1}))[1])


def test_many_runs_remember_as_one_does():
    model, x, past = remembering(), draw(3, 5, 4, dtype=torch.float32), draw(3, 5, 4, 4, seed=1, dtype=torch.float32)
    noise = draw(3, 5, model.noise_size, dtype=torch.float32)
    model.standardise.shift += 1.0
    many = Program([Learner(model, Objective([(1.0, MatchTransition(2, 2))]))] * 3).learner.model
    code = many(Batch({"x": x, "past": past}), noise)
    for run in range(3):
        own = model(Batch({"x": x[run], "past": past[run]}), noise[run])
        torch.testing.assert_close(code.sample[run], own.sample, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(code.also["past"].sample[run], own.also["past"].sample, atol=1e-5, rtol=1e-5)


def test_a_past_of_another_length_is_said_in_one_sentence():
    data = from_arrays(draw(20, 4, dtype=torch.float32).numpy())
    data = replace(data, fields={"past": draw(20, 3, 4, seed=1, dtype=torch.float32).numpy()})
    learner = remembering(), Objective([(1.0, MatchTransition(2, 2))])
    with pytest.raises(InputError, match=r"a row of 'past' has shape \(3, 4\), and the model needs \(4, 4\)"):
        ik.fit(learner, data, steps=1, batch=8, progress=False)


# --- correlated posteriors


def correlated(latents=3):
    size = 2 * latents + latents * (latents - 1) // 2
    nets = MLP(4, size, 8), MLP(latents, 4, 8)
    return seeded(lambda: Model((4,), latents, *nets, also={"past": (2,)}, correlated=True))


def test_the_density_of_a_correlated_posterior_is_that_of_its_normal_distribution():
    model, x = correlated().double(), draw(6, 4)
    noise, past = draw(6, model.noise_size, seed=1), draw(6, 2, 4, seed=2)
    code = model(Batch({"x": x, "past": past}), noise)
    assert code.log_posterior is not None
    assert code.log_variance is not None
    assert code.divergence is None
    told = Posterior.read(model.encoder(model.standardise(x)), 3, correlated=True)
    mean, log_variance, turn = told.mean, told.log_variance, told.turn
    assert turn is not None
    assert log_variance is not None
    lower = torch.eye(3, dtype=torch.float64).repeat(6, 1, 1)
    to, of = torch.tril_indices(3, 3, -1)
    lower[:, to, of] = turn
    root = (0.5 * log_variance).exp().unsqueeze(-1) * lower
    exact = torch.distributions.MultivariateNormal(mean, scale_tril=root)
    torch.testing.assert_close(code.log_posterior.sum(-1), exact.log_prob(code.sample))
    torch.testing.assert_close(code.sample - mean, (root @ noise[:, :3].unsqueeze(-1)).squeeze(-1))
    other = code.also["past"]
    assert other.log_posterior is not None
    alone = model.plain(Batch({"x": past[:, 1]}), noise[:, 6:9])
    torch.testing.assert_close(other.sample[:, 1], alone.sample)
    torch.testing.assert_close(other.log_posterior[:, 1], alone.log_posterior)


def test_many_correlated_posteriors_are_as_one():
    model, x, past = correlated(), draw(3, 5, 4, dtype=torch.float32), draw(3, 5, 2, 4, seed=1, dtype=torch.float32)
    term = MatchTransition(3, 2)
    noise = draw(3, 5, model.noise_size, dtype=torch.float32)
    many = Program([Learner(model, Objective([(1.0, term)]))] * 3).learner
    batch = Batch({"x": x, "past": past})
    values = many.objective.entries()[0][1](many.model(batch, noise), batch)
    each = [Batch({"x": x[run], "past": past[run]}) for run in range(3)]
    alone = [term(model(own, noise[run]), own) for run, own in enumerate(each)]
    torch.testing.assert_close(values, torch.stack(alone), atol=1e-4, rtol=1e-4)


def test_a_correlated_posterior_has_no_divergence_from_a_prior():
    schema = Schema((4,), {}, ("past",))
    with pytest.raises(InputError, match="MatchPrior needs a model with divergence, and this one has none"):
        Objective([(1.0, MatchPrior())]).check(correlated(), schema)
