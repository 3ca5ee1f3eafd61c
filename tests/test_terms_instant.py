"""The terms of idol and mosaic, and the nets below them."""

import math
from dataclasses import replace

import pytest
import torch

from identikit.constraints.match_transition import MatchTransition
from identikit.constraints.sparse_influence import SparseInfluence, sparse_influence
from identikit.constraints.sparse_transition import SparseTransition, sparse_transition
from identikit.engine.program import Learner, Program
from identikit.errors import InputError
from identikit.nets import MLP, Batch, Model
from identikit.nets.additive import AdditiveDecoder
from identikit.nets.instant import InstantTransition
from identikit.nets.told import ToldTransition
from identikit.objective import Objective
from identikit.tasks.additive_reconstruction import AdditiveReconstruction, additive_reconstruction
from test_grid_terms import EMPTY, Case, TestEveryTerm, draw, one_of, seeded
from test_grid_terms import make_code as plain_code

NET = seeded(lambda: InstantTransition(3, lags=2, hidden=5)).double()
SPARSE = SparseTransition(NET, rows=99)
PARTS = [[[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]], [[-1.0, -1.0, 0.0], [0.0, 0.0, -2.0]]]


def make_code(rows=6, runs=()):
    code = plain_code(rows=rows, runs=runs)
    return replace(code, heads={**code.heads, "parts": draw(*runs, rows, 3, 4, seed=50)})


CASES = {
    "SparseTransition": Case(
        SPARSE,
        sparse_transition,
        lambda c: (NET.influence(c.sample, c.also["past"].sample),),
        (([[[1.0, -2.0], [0.0, 1.0]], [[3.0, 0.0], [0.0, 1.0]]],), 2.0),
        math.nan,
    ),
    "SparseInfluence": Case(
        SparseInfluence(), sparse_influence, lambda c: (c.heads["parts"],), ((PARTS,), math.log(2) / 2), math.nan
    ),
    "AdditiveReconstruction": Case(
        AdditiveReconstruction(variance=0.5),
        additive_reconstruction,
        lambda c: (c.heads["parts"], c.input),
        (([[[1.0, 0.0], [2.0, 0.0]]], [[0.0, 1.0]]), 10.0),
        math.nan,
        {"variance": 0.5},
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


class TestTermsOfModules(TestEveryTerm):
    def test_module_equals_function(self, case):
        code = make_code()
        value = case.term(code, EMPTY)
        assert value.shape == ()
        torch.testing.assert_close(value, case.function(*case.reads(code), **case.options))

    def test_one_run_equals_many(self, case):
        code, term = make_code(runs=(4,)), case.term
        if isinstance(term, SparseTransition):
            learner = Learner(Model((4,), 3, MLP(4, 6)), Objective([(1.0, term)]))
            term = Program([learner] * 4).learner.objective.entries()[0][1]
        values = term(code, EMPTY)
        assert case.term.batches_runs
        assert values.shape == (4,)
        assert values.unique().numel() == 4
        torch.testing.assert_close(values, torch.stack([case.term(one_of(code, r), EMPTY) for r in range(4)]))

    def test_constant_latents_are_finite_and_no_reward(self, case):
        code = make_code()
        still = {name: replace(c, sample=c.sample * 0) for name, c in code.also.items()}
        flat = replace(code, sample=code.sample * 0, also=still, heads={"parts": 0 * code.heads["parts"]})
        assert bool(torch.isfinite(case.term(flat, EMPTY)))

    def test_a_batch_of_one_row(self, case):
        assert bool(torch.isfinite(case.term(make_code(rows=1), EMPTY)))

    def test_gradient(self, case):
        inputs = tuple(t.detach().clone().requires_grad_() for t in case.reads(make_code()))
        assert torch.autograd.gradcheck(lambda *given: case.function(*given, **case.options), inputs)

    def test_constant_input_has_finite_gradients(self, case):
        inputs = [torch.zeros_like(t).detach().requires_grad_() for t in case.reads(make_code())]
        case.function(*inputs, **case.options).backward()
        assert all(t.grad is not None and bool(torch.isfinite(t.grad).all()) for t in inputs)

    def test_rows_may_come_in_any_order(self, case):
        code, order = make_code(), torch.tensor([3, 1, 5, 0, 4, 2])
        torch.testing.assert_close(case.term(one_of(code, order), EMPTY), case.term(code, EMPTY))


del TestEveryTerm


def test_entropy_of_influence_forgets_size_and_dead_latents():
    parts = draw(8, 3, 5)
    scaled = parts * torch.tensor([9.0, 1.0, 0.5]).double().unsqueeze(-1) + 3
    torch.testing.assert_close(sparse_influence(scaled), sparse_influence(parts))
    dead = torch.cat([parts, 0.01 * draw(8, 1, 5, seed=1)], 1)
    torch.testing.assert_close(sparse_influence(dead), sparse_influence(parts))
    alike = draw(8, 1, 1).expand(8, 2, 5)
    assert float(sparse_influence(alike)) == pytest.approx(math.log(5))
    assert float(sparse_influence(parts)) < math.log(5)


# --- nets


def test_the_jacobian_of_an_instant_transition_is_triangular_and_its_diagonal_is_the_slope():
    now, past = draw(5, 3).requires_grad_(), draw(5, 2, 3, seed=1)
    jacobian = torch.autograd.functional.jacobian(lambda z: NET(z, past)[0].sum(0), now)
    assert isinstance(jacobian, torch.Tensor)
    jacobian = jacobian.movedim(1, 0)
    assert float(jacobian.triu(1).abs().max()) == 0
    assert float(jacobian.tril(-1).abs().max()) > 0
    torch.testing.assert_close(jacobian.diagonal(dim1=1, dim2=2).log(), NET(now, past)[1])
    # So the density of all latents integrates to one.
    whole = jacobian.det().log()
    torch.testing.assert_close(whole, NET(now, past)[1].sum(-1))


def test_influence_is_the_slope_times_the_deviation():
    now, past = draw(40, 3), draw(40, 2, 3, seed=1)
    influence = NET.influence(now, past).detach()
    by_past = torch.autograd.functional.jacobian(lambda p: NET(now, p)[0].sum(0), past)
    by_now = torch.autograd.functional.jacobian(lambda z: NET(z, past)[0].sum(0), now)
    assert isinstance(by_past, torch.Tensor)
    assert isinstance(by_now, torch.Tensor)
    exact = torch.cat([by_past.flatten(-2), by_now], -1).movedim(1, 0)
    exact = exact * torch.cat([past.flatten(-2), now], -1).std(0, correction=0)
    own = torch.eye(3, dtype=torch.bool)
    exact[..., 6:][:, own] = 0
    # A step is not infinitely small, and a rectifier may bend within it at some rows.
    assert float((influence - exact).abs().median()) < 1e-3
    torch.testing.assert_close(influence.abs().mean(0), exact.abs().mean(0), atol=0.02, rtol=0.05)
    assert float(influence[..., 6:].triu().abs().max()) == 0


def test_influence_does_not_reward_large_codes():
    # The same transition in other units: scaled codes, and first weights that undo it.
    scale = torch.tensor([10.0, 0.1, 2.0]).double()
    net = seeded(lambda: InstantTransition(3, lags=1, hidden=5)).double()
    other = seeded(lambda: InstantTransition(3, lags=1, hidden=5)).double()
    with torch.no_grad():
        other.first[:, :3] /= scale[None, :, None]
    now, past = draw(20, 3), draw(20, 1, 3, seed=1)
    torch.testing.assert_close(net.influence(now, past), other.influence(now, past * scale))


def test_a_told_transition_knows_the_category_and_what_is_hidden():
    net = seeded(lambda: ToldTransition(3, 2, lags=2)).double()
    now, past = draw(1, 3).expand(4, 3), draw(1, 2, 3, seed=1).expand(4, 2, 3)
    noise, log_slope = net(now, past, torch.tensor([0, 1, -1, 0]))
    torch.testing.assert_close(noise[0], noise[3])
    assert noise[:3].unique(dim=0).shape[0] == 3
    step = 1e-6
    moved, _ = net(now + step, past, torch.tensor([0, 1, -1, 0]))
    torch.testing.assert_close(((moved - noise) / step).log(), log_slope, atol=1e-4, rtol=1e-4)


def test_the_prior_of_a_regime_reaches_the_encoder_and_the_embedding_of_the_regime():
    # A prior whose input is detached would leave the encoder with the posterior's entropy alone.
    encoder = seeded(lambda: MLP(5, 6, 8))
    model = Model((5,), 3, encoder, also={"past": (1,)})
    term = seeded(lambda: MatchTransition(3, transition=ToldTransition(3, 2), given="regime"))
    fields = {"x": draw(6, 5), "past": draw(6, 1, 5, seed=1), "regime": torch.tensor([0, 1, -1, 0, 1, 0])}
    batch = Batch({name: v.float() if v.is_floating_point() else v for name, v in fields.items()})
    code = model(batch, draw(6, model.noise_size, seed=2).float())
    noise, log_slope = term.transition(code.sample, code.also["past"].sample, batch["regime"])
    density = log_slope - noise.square() / 2
    assert isinstance(term.transition, ToldTransition)
    wanted = [*encoder.parameters(), term.transition.table.weight]
    for tensor in torch.autograd.grad(density.sum(), wanted, retain_graph=True):
        assert float(tensor.abs().sum()) > 0
    (through_present,) = torch.autograd.grad(density.sum(), [code.sample], retain_graph=True)
    assert bool((through_present != 0).all())
    for tensor in torch.autograd.grad(term(code, batch), wanted):
        assert float(tensor.abs().sum()) > 0


def test_each_part_is_of_one_latent_and_a_frozen_decoder_leaves_the_code_alone():
    net = seeded(lambda: AdditiveDecoder(3, 4, frozen=False)).double()
    code = draw(5, 3).requires_grad_()
    jacobian = torch.autograd.functional.jacobian(lambda z: net(z).sum(0), code).movedim(2, 0)
    reach = jacobian.abs().sum((0, 2))
    assert float(reach[~torch.eye(3, dtype=torch.bool)].max()) == 0
    assert bool((reach.diagonal() > 0).all())
    net.frozen = True
    assert torch.autograd.grad(net(code).sum(), [code], allow_unused=True) == (None,)


@pytest.mark.parametrize("name", ["latents", "lags", "hidden", "units"])
def test_sizes_of_an_instant_transition(name):
    with pytest.raises(InputError, match=f"{name} is 1 or more, not 0"):
        InstantTransition(**{"latents": 2, name: 0})


def test_sizes_of_the_other_nets():
    with pytest.raises(InputError, match="narrow is 1 or more, not 0"):
        AdditiveDecoder(2, 3, narrow=0)
    with pytest.raises(InputError, match="told one category at least, not 0"):
        ToldTransition(2, 0)
