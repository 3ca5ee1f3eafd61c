"""The terms that learn from time, and the nets below them."""

import math
from dataclasses import replace

import pytest
import torch

from identikit.constraints.match_transition import MatchTransition, match_transition
from identikit.errors import InputError
from identikit.nets import MLP
from identikit.nets.residual import ResidualTransition
from identikit.nets.scores import ComponentScores
from identikit.tasks.permutation_contrast import PermutationContrast, permutation_contrast
from test_grid_terms import EMPTY, Case, TestEveryTerm, draw, make_code, one_of, seeded, transition_parts

PERMUTED = seeded(lambda: PermutationContrast(3, lags=2, hidden=5)).double()
FREE = seeded(lambda: MatchTransition(3, transition=ResidualTransition(3, lags=2, hidden=5))).double()


def scores(code):
    now, past = code.sample.unsqueeze(-2), code.also["past"].sample
    other = torch.cat([past[-1:], past[:-1]])
    return tuple(PERMUTED.scores(torch.cat([now, p], -2).transpose(-1, -2)) for p in (past, other))


CASES = {
    "PermutationContrast": Case(
        PERMUTED,
        permutation_contrast,
        scores,
        (([math.log(3)], [0.0]), (math.log(4 / 3) + math.log(2)) / 2),
        math.nan,
    ),
    "MatchTransition(free)": Case(
        FREE,
        match_transition,
        transition_parts(FREE),
        (([[0.0, 0.0]], [[0.0, 1.0]], [[0.0, -1.0]]), math.log(2 * math.pi) + 1.5),
        math.nan,
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


class TestTermsOfTime(TestEveryTerm):
    def test_rows_may_come_in_any_order(self, case):
        # Each row's wrong past is that of the row before it, so their circle must stay.
        code, order = make_code(), torch.tensor([3, 4, 5, 0, 1, 2])
        torch.testing.assert_close(case.term(one_of(code, order), EMPTY), case.term(code, EMPTY))


del TestEveryTerm


def test_permuted_pasts_are_told_apart_only_where_they_matter():
    code = make_code()
    value = float(PERMUTED(code, EMPTY).detach())
    alike = {"past": one_of(code.also["past"], torch.zeros(6, dtype=torch.long))}
    real, permuted = scores(replace(code, also=alike))
    torch.testing.assert_close(real, permuted)
    assert value != pytest.approx(float(permutation_contrast(real, permuted).detach()))


# --- nets


def test_the_slope_is_what_autograd_says():
    net = seeded(lambda: ResidualTransition(3, lags=2, hidden=7, layers=3)).double()
    now, past = draw(5, 3).requires_grad_(), draw(5, 2, 3, seed=1)
    noise, log_slope = net(now, past)
    jacobian = torch.autograd.functional.jacobian(lambda z: net(z, past)[0].sum(0), now)
    assert isinstance(jacobian, torch.Tensor)
    slopes = jacobian.diagonal(dim1=0, dim2=2)
    torch.testing.assert_close(slopes.abs().log(), log_slope)
    off = jacobian.movedim(1, 0) * (1 - torch.eye(3, dtype=torch.float64))
    assert float(off.abs().max()) == 0
    assert noise.shape == (5, 3)


def test_each_network_is_a_plain_one_of_the_past_and_the_latent_now():
    net = seeded(lambda: ResidualTransition(2, lags=1, hidden=4, layers=2)).double()
    plain = MLP(3, 1, 4, layers=2).double()
    with torch.no_grad():
        first, second, last = plain.layers
        first.weight.copy_(torch.cat([net.of_past[1], net.of_now[1]]).T)
        first.bias.copy_(net.bias[1, 0])
        second.weight.copy_(net.inner[0, 1].T)
        second.bias.copy_(net.inner_bias[0, 1, 0])
        last.weight.copy_(net.last[1].T)
        last.bias.copy_(net.last_bias[1, 0])
    now, past = draw(6, 2), draw(6, 1, 2, seed=1)
    torch.testing.assert_close(net(now, past)[0][:, 1:], plain(torch.cat([past[:, 0], now[:, 1:]], -1)))


def test_a_flat_network_has_a_finite_log_slope():
    net = ResidualTransition(2, hidden=3)
    with torch.no_grad():
        net.last.zero_()
    _, log_slope = net(torch.zeros(4, 2), torch.zeros(4, 1, 2))
    log_slope.sum().backward()
    assert bool(torch.isfinite(log_slope).all())
    assert all(p.grad is None or bool(torch.isfinite(p.grad).all()) for p in net.parameters())


def test_a_score_is_a_sum_over_latents():
    net = seeded(lambda: ComponentScores(3, 2, hidden=5)).double()
    one, other = draw(4, 3, 2), draw(4, 3, 2, seed=1)
    mixed = torch.cat([one[:, :1], other[:, 1:]], 1)
    back = torch.cat([other[:, :1], one[:, 1:]], 1)
    torch.testing.assert_close(net(one) + net(other), net(mixed) + net(back))
    assert not torch.allclose(net(one), net(mixed))


@pytest.mark.parametrize("name", ["latents", "lags", "hidden"])
def test_sizes_of_a_residual_transition(name):
    with pytest.raises(InputError, match=f"{name} is 1 or more, not 0"):
        ResidualTransition(**{"latents": 2, name: 0})


def test_sizes_of_scores_and_layers():
    with pytest.raises(InputError, match="inputs is 1 or more, not 0"):
        ComponentScores(2, 0)
    with pytest.raises(InputError, match="layers is 2 or more, not 1"):
        ResidualTransition(2, layers=1)
