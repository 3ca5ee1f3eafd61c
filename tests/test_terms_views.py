"""Terms of pairs: function and module agree, known values, many runs, degenerate input, gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

import identikit as ik
from identikit import nets
from identikit.constraints.hold_variance import HoldVariance, hold_variance
from identikit.constraints.match_laplace import MatchLaplace, match_laplace
from identikit.constraints.meet_views import MeetViews, meet_views
from identikit.constraints.spread_codes import SpreadCodes, spread_codes
from identikit.data import Schema
from identikit.errors import InputError
from identikit.nets.paired import PairedModel, merge_pair
from identikit.tasks.contrast import Contrast, contrast

EMPTY = nets.Batch({})


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_code(rows=6, latents=3, runs=()):
    """A code in double precision with a view and a past."""

    def one(seed, *axes):
        mean = draw(*runs, rows, *axes, latents, seed=seed)
        return nets.Code(mean, mean, mean, mean, log_variance=0.3 * draw(*mean.shape, seed=seed + 1) - 1)

    return replace(one(1), also={"view": one(3), "past": one(5, 1)})


def one_of(code, index):
    cut = {name: getattr(code, name)[index] for name in ("mean", "sample", "base", "input", "log_variance")}
    return nets.Code(**cut, also={name: one_of(c, index) for name, c in code.also.items()})


def both(function, **options):
    def value(one, other):
        return (function(one, **options) + function(other, **options)) / 2

    return value


def both_ways(mean, log_variance, other, spread, rate=6.0):
    return (match_laplace(mean, log_variance, other, rate) + match_laplace(other, spread, mean, rate)) / 2


def views(code):
    return code.mean, code.also["view"].mean


def times(code):
    past = code.also["past"]
    return code.mean, code.log_variance, past.mean[..., 0, :], past.log_variance[..., 0, :]


@dataclass
class Case:
    """One term: the module, its pure function, what it reads, and a value known from paper."""

    term: Any
    function: Any
    reads: Any
    known: tuple[tuple[Any, ...], float]
    still: float
    options: dict[str, Any] = field(default_factory=dict)


CORNERS = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
LAPLACE = 0.5 * math.sqrt(2 / math.pi) - math.log(0.25) - 0.5 * math.log(2 * math.pi * math.e)
CASES = {
    "MeetViews": Case(MeetViews(), meet_views, views, (([[1.0, 0.0]], [[0.0, 2.0]]), 5.0), 0.0),
    "SpreadCodes": Case(
        SpreadCodes(0.5),
        both(spread_codes, width=0.5),
        views,
        # Three rows on a line: the middle one sees two neighbours, the outer ones see one each, and one far away.
        (
            ([[0.0], [1.0], [2.0]], [[0.0], [0.0], [0.0]]),
            (-2 + 2 * math.log((math.exp(-2) + math.exp(-8)) / 2)) / 6,
        ),
        0.0,
    ),
    "HoldVariance": Case(
        HoldVariance(0.5),
        both(hold_variance, covariance=0.5),
        views,
        # Both latents of the second view are one: covariance 4 / 3, twice, over two latents.
        ((CORNERS, [[a, a] for a, _ in CORNERS]), 0.5 * (4 / 3) ** 2 / 2),
        0.99,
    ),
    "MatchLaplace": Case(
        MatchLaplace(0.5),
        both_ways,
        times,
        (([[0.0]], [[0.0]], [[0.0]], [[0.0]]), LAPLACE),
        math.nan,
        {"rate": 0.5},
    ),
    "Contrast(power 1)": Case(
        Contrast(temperature=0.5, power=1.0),
        contrast,
        views,
        (([[-1.0], [1.0]], [[-1.0], [1.0]]), math.log(1 + math.exp(-4))),
        math.log(6),
        {"temperature": 0.5, "power": 1.0},
    ),
    "Contrast(power 3)": Case(
        Contrast(temperature=0.5, power=3.0),
        contrast,
        views,
        (([[-1.0], [1.0]], [[-1.0], [1.0]]), math.log(1 + math.exp(-8 / 1.5))),
        math.log(6),
        {"temperature": 0.5, "power": 3.0},
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


class TestEveryTerm:
    def test_module_equals_function(self, case):
        code = make_code()
        value = case.term(code, EMPTY)
        assert value.shape == ()
        torch.testing.assert_close(value, case.function(*case.reads(code), **case.options))

    def test_known_value(self, case):
        given, value = case.known
        found = case.function(*(torch.tensor(v, dtype=torch.float64) for v in given), **case.options)
        assert float(found) == pytest.approx(value, abs=1e-7)

    def test_one_run_equals_many(self, case):
        assert case.term.batches_runs
        code = make_code(runs=(4,))
        values = case.term(code, EMPTY)
        assert values.shape == (4,)
        assert values.unique().numel() == 4
        torch.testing.assert_close(values, torch.stack([case.term(one_of(code, r), EMPTY) for r in range(4)]))

    def test_constant_latents(self, case):
        code = make_code()
        still = {name: replace(c, mean=c.mean * 0, sample=c.sample * 0) for name, c in code.also.items()}
        value = float(case.term(replace(code, mean=code.mean * 0, sample=code.sample * 0, also=still), EMPTY))
        assert math.isfinite(value)
        if not math.isnan(case.still):
            assert value == pytest.approx(case.still, abs=1e-9)

    def test_a_batch_of_one_row(self, case):
        assert bool(torch.isfinite(case.term(make_code(rows=1), EMPTY)))

    def test_gradient(self, case):
        inputs = tuple(tensor.clone().requires_grad_() for tensor in case.reads(make_code()))
        assert torch.autograd.gradcheck(lambda *given: case.function(*given, **case.options), inputs)

    def test_gradients_are_finite_where_both_views_are_one_point(self, case):
        zero = [torch.zeros_like(tensor).requires_grad_() for tensor in case.reads(make_code())]
        case.function(*zero, **case.options).backward()
        assert all(tensor.grad is not None and bool(tensor.grad.isfinite().all()) for tensor in zero)

    def test_rows_and_latents_may_come_in_any_order(self, case):
        code, order = make_code(), torch.tensor([3, 1, 5, 0, 4, 2])
        value = case.term(code, EMPTY)
        torch.testing.assert_close(case.term(one_of(code, order), EMPTY), value)
        turned = [tensor[..., [2, 0, 1]] for tensor in case.reads(code)]
        torch.testing.assert_close(case.function(*turned, **case.options), value)


# --- what each of them asks for


def test_distances_do_not_change_with_a_turn_but_for_other_powers_than_two():
    turn = torch.linalg.qr(draw(3, 3))[0]
    one, other = (z - z.mean(0) for z in (draw(8, 3), draw(8, 3, seed=1)))
    for power, same in ((2.0, True), (1.0, False), (3.0, False)):
        values = [contrast(a, b, power=power) for a, b in ((one, other), (one @ turn, other @ turn))]
        assert bool(torch.isclose(values[0], values[1])) == same


def test_a_power_of_two_is_half_the_squared_distance():
    one, other = draw(8, 3).float(), draw(8, 3, seed=1).float()
    scores = -(one.unsqueeze(-2) - other.unsqueeze(-3)).square().sum(-1) / (2 * 0.1)
    drift = 0.01 * (one.mean(-2).square() + other.mean(-2).square()).sum(-1)
    right = torch.diagonal(scores, dim1=-2, dim2=-1)
    expected = (scores.logsumexp(-1) + scores.logsumexp(-2) - 2 * right).mean(-1) / 2 + drift
    torch.testing.assert_close(contrast(one, other), expected)


def test_codes_that_fill_the_box_are_less_crowded():
    even = torch.linspace(0, 1, 200).unsqueeze(-1)
    assert float(spread_codes(even)) < float(spread_codes(even**3)) < float(spread_codes(0 * even)) == 0


def test_spread_estimates_the_entropy():
    uniform = torch.rand((2_000, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = float(spread_codes(uniform, 0.01)) - math.log(0.01 * math.sqrt(2 * math.pi))
    assert found == pytest.approx(0, abs=0.03)
    twice = float(spread_codes(2 * uniform, 0.01)) - math.log(0.01 * math.sqrt(2 * math.pi))
    assert twice - found == pytest.approx(-math.log(2), abs=0.03)


def test_laplace_divergence_is_that_of_a_numerical_integral():
    mean, deviation, centre, rate = 0.4, 0.3, -0.1, 2.0
    z = torch.linspace(-4, 4, 400_001, dtype=torch.float64)
    log_q = torch.distributions.Normal(mean, deviation).log_prob(z)
    log_p = math.log(rate / 2) - rate * (z - centre).abs()
    wanted = torch.trapezoid(log_q.exp() * (log_q - log_p), z)
    at, spread, before = (torch.tensor([[v]], dtype=torch.float64) for v in (mean, 2 * math.log(deviation), centre))
    assert float(match_laplace(at, spread, before, rate)) == pytest.approx(float(wanted), rel=1e-6)


def test_laplace_divergence_prefers_one_long_step_to_two_short_ones():
    spread = torch.full((1, 2), -6.0)
    long, turned = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5**0.5, 0.5**0.5]])
    zero = torch.zeros(1, 2)
    assert float(match_laplace(long, spread, zero)) < float(match_laplace(turned, spread, zero)) - 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Contrast(power=0.5), r"power is at least 1, not 0\.5"),
        (lambda: SpreadCodes(0), "width is above 0, not 0"),
        (lambda: MatchLaplace(-1), "rate is above 0, not -1"),
    ],
)
def test_bad_settings_are_one_sentence(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_one_view_alone_needs_no_field():
    code = replace(make_code(), also={})
    for term in (SpreadCodes(field=None), HoldVariance(field=None)):
        assert term.needs == term.uses == ()
        assert bool(torch.isfinite(term(code, EMPTY)))


# --- pairs


def test_merging_takes_the_latents_that_differ_little():
    mean, zero = torch.tensor([[0.0, 5.0, 1.0]]), torch.zeros(1, 3)
    other = torch.tensor([[0.2, -5.0, 1.0]])
    one, width, two, spread, same = merge_pair(mean, zero, other, zero)
    assert same.tolist() == [[True, False, True]]
    torch.testing.assert_close(one, torch.tensor([[0.1, 5.0, 1.0]]))
    torch.testing.assert_close(two, torch.tensor([[0.1, -5.0, 1.0]]))
    assert torch.equal(width, zero)
    assert torch.equal(spread, zero)


def test_merging_does_not_hang_on_the_order_of_a_pair():
    parts = [draw(5, 3, seed=s) for s in range(4)]
    first, second = merge_pair(*parts), merge_pair(*parts[2:], *parts[:2])
    for i, j in ((0, 2), (1, 3), (4, 4)):
        torch.testing.assert_close(first[i], second[j])


def test_two_equal_posteriors_stay_as_they_are():
    mean, log_variance = draw(5, 3), draw(5, 3, seed=1)
    one, width, *_ = merge_pair(mean, log_variance, mean, log_variance)
    torch.testing.assert_close(one, mean)
    torch.testing.assert_close(width, log_variance)


def test_a_model_of_pairs_is_the_same_alone_and_in_a_batch_of_runs():
    x, view = draw(64, 8).float(), draw(64, 8, seed=1).float()
    data = ik.datasets.from_arrays(x.numpy(), view=view.numpy())
    from identikit.methods.ada_gvae import recipe

    built = lambda: recipe(data.schema, latents=3, hidden=8)  # noqa: E731
    many = ik.fit(built(), data, seeds=2, steps=40, batch=16, progress=False)
    codes = many.encode()
    assert codes.shape == (2, 64, 3)
    for i in range(2):
        alone = ik.fit(built(), data, seeds=[i], steps=40, batch=16, progress=False).encode()[0]
        torch.testing.assert_close(torch.tensor(codes[i]), torch.tensor(alone), atol=1e-4, rtol=0)


def test_a_model_of_pairs_gives_twice_the_rows_and_no_code_beside_them():
    model = PairedModel((8,), 3, nets.MLP(8, 6), nets.MLP(3, 8))
    assert model.noise_size == 6
    code = model(nets.Batch({"x": torch.zeros(5, 8), "view": torch.ones(5, 8)}), torch.zeros(5, 6))
    assert code.input[:5].eq(0).all()
    assert code.input[5:].eq(1).all()
    assert code.divergence is not None
    assert code.divergence.shape == (10, 3)
    with pytest.raises(InputError, match="needs a model with the code of 'view'"):
        ik.Objective([(1.0, MeetViews())]).check(model, Schema((8,), {}, ("view",)))
