"""Transitions of regimes, and the terms that are made of them."""

from __future__ import annotations

import torch

from identikit.constraints.match_transition import MatchTransition
from identikit.nets import Batch, Transition
from identikit.nets.changing import ChangingNoise, RegimeTransition
from test_grid_terms import draw, make_code, seeded

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
