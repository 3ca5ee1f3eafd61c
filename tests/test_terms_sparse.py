"""Hard gates, the terms that read them, and the nets below them."""

import math
from dataclasses import replace

import pytest
import torch

import test_grid_terms
from identikit.constraints.match_mechanisms import MatchMechanisms
from identikit.constraints.match_transition import match_transition
from identikit.constraints.sparse_gates import SparseGates, sparse_gates
from identikit.errors import InputError
from identikit.nets import MLP, Batch, Model
from identikit.nets.gates import Gates
from identikit.nets.mechanisms import Mechanisms
from identikit.nets.parts import Parts
from identikit.nets.priors import normal_log_density
from test_grid_terms import EMPTY, Case, TestEveryTerm, draw, seeded

PARENTS = {"past": 6, "latents": 3}
plain_code = test_grid_terms.make_code


def make_code(rows=6, runs=()):
    """A code with gates, of which those between latents leave no cycle."""
    code = plain_code(rows=rows, runs=runs)
    gates = (draw(*runs, rows, 3, 9, seed=50) > 0).double()
    return replace(code, gates=gates * torch.cat([torch.ones(3, 6), torch.ones(3, 3).tril(-1)], -1))


MATCH = seeded(lambda: MatchMechanisms(3, PARENTS, hidden=5)).double()
BENT = seeded(lambda: MatchMechanisms(3, PARENTS, hidden=5, units=2)).double()


def parts(term):
    def reads(code):
        noise, log_slope = term.mechanisms(code.sample, term.beside(code, EMPTY), code.gates)
        return normal_log_density(code.sample, code.mean, code.log_variance), noise, log_slope

    return reads


KNOWN = (([[0.0, 0.0]], [[0.0, 1.0]], [[0.0, -1.0]]), math.log(2 * math.pi) + 1.5)
CASES = {
    "MatchMechanisms": Case(MATCH, match_transition, parts(MATCH), KNOWN, math.nan),
    "MatchMechanisms(units)": Case(BENT, match_transition, parts(BENT), KNOWN, math.nan),
    "SparseGates": Case(
        SparseGates(), sparse_gates, lambda c: (c.gates,), (([[[1.0, 0.0]], [[1.0, 1.0]]],), 1.5), math.nan
    ),
}


@pytest.fixture(params=CASES)
def case(request, monkeypatch):
    monkeypatch.setattr(test_grid_terms, "make_code", make_code)
    return CASES[request.param]


class TestTermsOfGates(TestEveryTerm):
    pass


del TestEveryTerm


def test_a_closed_gate_hides_its_parent_and_an_open_one_shows_it():
    net = seeded(lambda: Mechanisms(2, 3, units=1)).double()
    value, parents = draw(5, 2), draw(5, 3, seed=1)
    gates = torch.ones(5, 2, 3, dtype=torch.float64)
    gates[:, 0, 2] = 0
    moved = parents.clone()
    moved[:, 2] += 3
    before, after = net(value, parents, gates)[0], net(value, moved, gates)[0]
    torch.testing.assert_close(before[:, 0], after[:, 0])
    assert float((before[:, 1] - after[:, 1]).detach().abs().min()) > 1e-6


def test_the_slope_of_a_mechanism_is_what_autograd_says():
    net = seeded(lambda: Mechanisms(3, 2, units=2)).double()
    value, parents, gates = draw(5, 3).requires_grad_(), draw(5, 2, seed=1), torch.ones(5, 3, 2).double()
    noise, log_slope = net(value, parents, gates)
    slope = torch.autograd.grad(noise.sum(), value)[0]
    torch.testing.assert_close(slope.log(), log_slope)


def test_categories_stand_as_ones_and_numbers_as_they_are():
    code = make_code()
    kind = torch.tensor([0, 1, 2, 0, 1, 2])
    term = MatchMechanisms(3, {"action": 3, "dose": 2})
    assert term.needs == ("action", "dose")
    found = term.beside(code, Batch({"action": kind, "dose": draw(6, 2, seed=9)}))
    assert found[:, :3].argmax(-1).tolist() == kind.tolist()
    torch.testing.assert_close(found[:, 3:], draw(6, 2, seed=9))


# --- gates


def test_gates_open_as_often_as_they_are_likely():
    gates = Gates(1, {"past": 2})
    with torch.no_grad():
        gates.logits.copy_(torch.tensor([[0.5, -1.0]]))
    seen = gates(draw(20_000, 2).float())
    assert set(seen.detach().unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(seen.mean(0), gates.probability(), atol=0.02, rtol=0)
    assert gates(torch.zeros(1, 2)).flatten().tolist() == [1.0, 0.0]
    assert gates.graph("past").tolist() == [[1], [0]]


def test_the_gradient_goes_straight_through():
    gates = Gates(2, {"past": 2})
    gates(torch.zeros(7, 4)).sum((-1, -2)).mean().backward()
    slope = gates.logits.grad
    chance = gates.probability().detach()
    torch.testing.assert_close(slope, gates.pace * chance * (1 - chance))


def test_a_gate_that_is_not_allowed_stays_shut():
    gates = Gates(2, {"latents": 2}, torch.ones(2, 2).tril(-1), start=0.99)
    assert gates(torch.full((3, 4), -9.0))[0].tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert gates.graph("latents").tolist() == [[0, 1], [0, 0]]


def test_soft_gates_are_as_far_open_as_they_are_likely():
    gates = Gates(1, {"past": 2}, hard=False, start=0.3)
    torch.testing.assert_close(gates(torch.randn(4, 2)), torch.full((4, 1, 2), 0.3))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0, {"past": 2}), "at least one parent and one latent, not 2 and 0"),
        ((2, {}), "at least one parent and one latent, not 0 and 2"),
        ((2, {"past": 2}, torch.ones(2, 3)), r"an array of \(2, 2\), not of \(2, 3\)"),
        ((2, {"past": 2}, None, True, 1.0), "start lies between 0 and 1"),
    ],
)
def test_gates_say_what_they_cannot_be(given, said):
    with pytest.raises(InputError, match=said):
        Gates(*given)
    with pytest.raises(InputError, match="unknown kind of parents 'pas': did you mean 'past'"):
        Gates(2, {"past": 2}).graph("pas")


def test_mechanisms_say_what_they_cannot_be():
    with pytest.raises(InputError, match="hidden is 1 or more, not 0"):
        Mechanisms(2, 2, hidden=0)


def test_a_model_draws_its_gates_from_the_last_of_its_noise():
    model = Model((4,), 3, MLP(4, 6), gates=Gates(3, {"latents": 3}))
    assert model.noise_size == 3 + 9
    assert "gates" in model.provides
    noise = torch.zeros(5, 12)
    noise[0, 3:] = -9.0
    gates = model(Batch({"x": torch.zeros(5, 4)}), noise).gates
    assert gates is not None
    assert gates.shape == (5, 3, 3)
    assert bool(gates[0].all())
    assert Model((4,), 3, MLP(4, 6))(Batch({"x": torch.zeros(5, 4)}), torch.zeros(5, 3)).gates is None


def test_parts_see_their_own_numbers_and_come_in_the_wanted_order():
    both = Parts([torch.nn.Identity(), torch.nn.Identity()], [[2], [0, 1]], order=[1, 2, 0])
    x = torch.arange(6.0).reshape(2, 3)
    torch.testing.assert_close(both(x), x)
