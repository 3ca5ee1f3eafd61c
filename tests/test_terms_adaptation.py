"""The terms of domain adaptation: moments to match, and the domain as a discriminator sees it."""

import math

import pytest
import torch

from identikit import nets
from identikit.constraints.adversarial_domains import AdversarialDomains, domain_information
from identikit.constraints.match_moments import MatchMoments, moment_distance
from identikit.engine.program import Learner, Program
from identikit.errors import InputError
from identikit.objective import Objective
from test_terms import Case, TestEveryTerm, draw, make_code, one_of, rows_of

__all__ = ["TestEveryTerm"]

CASES = {
    "MatchMoments": Case(
        MatchMoments(2, block="invariant"),
        moment_distance,
        ("invariant",),
        # Means (1, 0) and (3, 0), mean squares (2, 0) and (9, 1): (4 + 0) / 2 + (49 + 1) / 2.
        ({"codes": [[0.0, 0.0], [2.0, 0.0], [3.0, 1.0], [3.0, -1.0]], "labels": [0, 0, 1, 1]}, 27.0),
        {"domains": 2},
    )
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_moments_are_those_of_every_pair_of_domains_that_are_there():
    codes, domain = draw(90, 3), torch.arange(90) % 3
    pairs = [(0, 1), (0, 2), (1, 2)]
    own = [[(codes[domain == u] ** k).mean(0) for u in range(3)] for k in (1, 2)]
    known = sum((m[a] - m[b]).square().mean() for m in own for a, b in pairs) / 3
    torch.testing.assert_close(moment_distance(codes, domain, 3), known)
    torch.testing.assert_close(moment_distance(codes, domain, 5), known)
    assert float(moment_distance(codes[domain == 1], domain[domain == 1], 3)) == 0


def test_moments_of_the_first_order_do_not_see_a_spread():
    codes = torch.cat([draw(500, 2), 3 * draw(500, 2)])
    domain = torch.arange(1000) // 500
    codes[:500] -= codes[:500].mean(0)
    codes[500:] -= codes[500:].mean(0)
    assert float(moment_distance(codes, domain, 2, orders=1)) == pytest.approx(0, abs=1e-20)
    assert float(moment_distance(codes, domain, 2)) > 10
    with pytest.raises(InputError, match="the highest moment to match, 1 or more, not 0"):
        MatchMoments(2, orders=0)


def test_names_and_order_of_domains_do_not_matter():
    codes, domain = draw(60, 2), torch.arange(60) % 3
    renamed = torch.tensor([2, 0, 1])[domain]
    torch.testing.assert_close(moment_distance(codes, renamed, 3), moment_distance(codes, domain, 3))


class TestAdversarialDomains:
    def make(self, domains=2):
        torch.manual_seed(0)
        return AdversarialDomains(2, domains, "invariant", hidden=8).double()

    def test_information_of_known_scores(self):
        certain = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])
        known = math.log(2) + math.log(0.75)
        assert float(domain_information(certain, torch.tensor([1, 0]))) == pytest.approx(known, rel=1e-6)
        # Shares of 3 to 1, told by nothing but those shares.
        shares = torch.tensor([math.log(3), 0.0]).expand(4, 2)
        assert float(domain_information(shares, torch.tensor([0, 0, 0, 1]))) == pytest.approx(0, abs=1e-6)

    def test_scores_that_mislead_tell_nothing_and_are_left_alone(self):
        scores = torch.tensor([[0.0, 3.0], [3.0, 0.0]], requires_grad=True)
        value = domain_information(scores, torch.tensor([0, 1]))
        value.backward()
        assert float(value.detach()) == 0
        assert scores.grad is not None
        assert not scores.grad.any()

    def test_scores_may_be_shifted(self):
        scores, domain = 3 * draw(30, 3), torch.arange(30) % 3
        best = scores + 5 * torch.nn.functional.one_hot(domain, 3)
        torch.testing.assert_close(domain_information(best + draw(30, 1), domain), domain_information(best, domain))

    def test_each_side_moves_its_own_parameters_only(self):
        term = self.make()
        code, batch = make_code()
        sample = code.sample.clone().requires_grad_()
        code = nets.Code(**{**vars(code), "sample": sample})
        # A player that knows something: trained for a while on the batch.
        optimiser = torch.optim.Adam(term.parameters(), lr=0.05)
        for _ in range(60):
            optimiser.zero_grad()
            loss = term.inner(code, batch, torch.empty(6, 0))
            loss.backward()
            optimiser.step()
        assert sample.grad is None
        optimiser.zero_grad(set_to_none=True)
        value = term(code, batch)
        assert float(value.detach()) == pytest.approx(math.log(2) - float(loss.detach()), abs=0.05)
        value.backward()
        assert all(parameter.grad is None for parameter in term.parameters())
        assert sample.grad is not None
        assert bool(sample.grad[:, :2].any())
        assert not sample.grad[:, 2].any()

    def test_many_runs_are_each_as_alone(self):
        terms = [AdversarialDomains(2, 2, "invariant", hidden=8).double() for _ in range(3)]
        models = [nets.Model((3,), 3, nets.MLP(3, 6)).double() for _ in terms]
        program = Program([Learner(m, Objective([(1.0, t)])) for m, t in zip(models, terms, strict=True)])
        stacked = program.learner.objective.entries()[0][1]
        code, batch = make_code(runs=(3,))
        both = stacked.inner(code, batch, torch.empty(3, 6, 0)), stacked(code, batch)
        for run, term in enumerate(terms):
            own, rows = one_of(code, run), rows_of(batch, run)
            torch.testing.assert_close(both[0][run], term.inner(own, rows, torch.empty(6, 0)))
            torch.testing.assert_close(both[1][run], term(own, rows))

    def test_constant_codes_and_one_row_are_finite(self):
        term = self.make()
        code, batch = make_code()
        still = nets.Code(**{**vars(code), "sample": torch.zeros_like(code.sample)})
        assert float(term(still, batch)) == pytest.approx(0, abs=1e-6)
        alone, row = make_code(rows=1)
        assert float(term(alone, row)) == 0
        assert bool(torch.isfinite(term.inner(alone, row, torch.empty(1, 0))))

    def test_gradient(self):
        domain = torch.arange(6) % 2
        scores = (draw(6, 2) + 3 * torch.nn.functional.one_hot(domain, 2)).requires_grad_()
        assert torch.autograd.gradcheck(lambda given: domain_information(given, domain), (scores,))
