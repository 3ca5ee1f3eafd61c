"""Quantisers and the commitment to them: known values, gradients, many runs, what they draw, degenerate input."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from identikit import nets
from identikit.constraints import MatchPrior
from identikit.constraints.commitment import Commitment, commitment
from identikit.data import Schema
from identikit.errors import InputError
from identikit.nets.quantise import Categories, Codebook, gumbel
from identikit.objective import Objective, ramp

EMPTY = nets.Batch({})


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_code(rows=6, latents=3, runs=()):
    """A code in double precision as a codebook gives it."""
    raw, values = draw(*runs, rows, latents, seed=1), draw(*runs, rows, latents, seed=2)
    indices = torch.zeros(*runs, rows, latents, dtype=torch.long)
    return nets.Code(values, values, values, raw, quantised=nets.code.Quantised(values, values, raw, indices, values))


class TestCommitment:
    def test_module_equals_function(self):
        code = make_code()
        value = Commitment(0.25)(code, EMPTY)
        assert value.shape == ()
        torch.testing.assert_close(value, commitment(code.quantised.raw, code.quantised.values, 0.25))

    def test_known_value(self):
        raw, values = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 3.0]])
        assert commitment(raw, values, 0.5).item() == pytest.approx(1.5 * (5 + 9) / 2)

    def test_one_run_equals_many(self):
        assert Commitment.batches_runs
        code = make_code(runs=(4,))
        values = Commitment()(code, EMPTY)
        assert values.shape == (4,)
        alone = [commitment(code.quantised.raw[r], code.quantised.values[r]) for r in range(4)]
        torch.testing.assert_close(values, torch.stack(alone))

    def test_each_side_has_its_own_gradient(self):
        raw, values = (draw(5, 3, seed=s).requires_grad_() for s in (1, 2))
        commitment(raw, values, 0.25).backward()
        gap = (raw - values).detach()
        torch.testing.assert_close(raw.grad, 0.25 * 2 * gap / 5)
        torch.testing.assert_close(values.grad, -2 * gap / 5)

    def test_codes_on_their_entries_cost_nothing_and_one_row_is_enough(self):
        raw = draw(1, 3)
        assert commitment(raw, raw).item() == 0

    def test_rows_and_latents_may_come_in_any_order(self):
        raw, values = draw(5, 3, seed=1), draw(5, 3, seed=2)
        order = torch.tensor([3, 1, 4, 0, 2])
        turned = commitment(raw[order][:, [2, 0, 1]], values[order][:, [2, 0, 1]])
        torch.testing.assert_close(turned, commitment(raw, values))

    def test_it_asks_for_a_codebook(self):
        with pytest.raises(InputError, match="share is 0 or more, not -1"):
            Commitment(-1)
        model = nets.Model((8,), 4, nets.MLP(8, 8), nets.MLP(4, 8))
        with pytest.raises(InputError, match=r"Commitment needs a model with a codebook \(quantiser=\)"):
            Objective([(1.0, Commitment())]).check(model, Schema((8,), {}))


class TestCodebook:
    @pytest.mark.parametrize(("places", "size", "shared"), [(3, 1, False), (2, 3, True), (2, 3, False)])
    def test_the_nearest_entry_is_taken(self, places, size, shared):
        book = Codebook(places, 5, size, shared).double()
        with torch.no_grad():
            book.weight.copy_(draw(*book.weight.shape, seed=3))
        raw = draw(7, places * size, seed=4)
        found = book(raw)
        for row in range(7):
            for place in range(places):
                entries = book.weight[0 if shared else place]
                part = raw[row, place * size : (place + 1) * size]
                nearest = int(torch.stack([(part - entry).square().sum() for entry in entries]).argmin())
                assert int(found.indices[row, place]) == nearest
                assert torch.equal(found.mean[row, place * size : (place + 1) * size], entries[nearest])

    def test_gradients_go_straight_through_to_the_encoder_and_not_to_the_entries(self):
        book, raw = Codebook(2, 4), torch.tensor([[0.1, 3.0]], requires_grad=True)
        found = book(raw)
        (found.mean * torch.tensor([2.0, -1.0])).sum().backward()
        assert raw.grad.tolist() == [[2.0, -1.0]]
        assert book.weight.grad is None
        book(raw).values.sum().backward()
        assert book.weight.grad.flatten(1).tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]

    def test_many_runs_are_as_one(self):
        book = Codebook(2, 4, 3, shared=True)
        weight, raw = torch.randn(5, *book.weight.shape), torch.randn(5, 7, 6)
        many = torch.func.functional_call(book, {"weight": weight}, (raw,))
        for run in range(5):
            one = torch.func.functional_call(book, {"weight": weight[run]}, (raw[run],))
            assert torch.equal(many.mean[run], one.mean)
            assert torch.equal(many.indices[run], one.indices)

    def test_numbers_start_evenly_and_vectors_differ(self):
        torch.testing.assert_close(Codebook(2, 3).weight[1].flatten(), torch.tensor([-0.5, 0.0, 0.5]))
        assert len(Codebook(2, 8, 2, shared=True).weight.flatten().unique()) == 16

    def test_quantising_twice_changes_nothing(self):
        book = Codebook(3, 6)
        once = book(torch.randn(9, 3))
        assert torch.equal(book(once.mean).indices, once.indices)


class TestCategories:
    def test_noise_is_that_of_gumbel(self):
        found = gumbel(draw(200_000))
        assert found.mean().item() == pytest.approx(0.5772, abs=0.01)
        assert found.var().item() == pytest.approx(math.pi**2 / 6, abs=0.03)
        assert bool(gumbel(torch.tensor([-40.0, 40.0])).isfinite().all())

    def test_states_are_drawn_with_their_chances(self):
        chances = torch.tensor([0.5, 0.3, 0.2]).double()
        found = Categories(1, 3)(chances.log().expand(100_000, 3), draw(100_000, 3))
        drawn = torch.bincount(found.sample.argmax(-1), minlength=3) / 100_000
        torch.testing.assert_close(drawn.double(), chances, atol=0.01, rtol=0)
        torch.testing.assert_close(found.sample.sum(-1), torch.ones(100_000).double())

    def test_the_divergence_is_that_from_even_states(self):
        logits = draw(6, 8)
        found = Categories(2, 4)(logits)
        chances = torch.distributions.Categorical(logits=logits.unflatten(-1, (2, 4)))
        wanted = (math.log(4) - chances.entropy()).sum(-1).mean()
        code = replace(make_code(6, 8), divergence=found.divergence)
        torch.testing.assert_close(MatchPrior()(code, EMPTY), wanted)
        assert Categories(2, 4)(torch.zeros(3, 8)).divergence.abs().max().item() == pytest.approx(0, abs=1e-6)

    def test_the_code_is_a_one_among_zeros_and_still_has_a_gradient(self):
        raw = draw(6, 8).requires_grad_()
        found = Categories(2, 4)(raw)
        assert sorted(found.mean.detach().unique().tolist()) == pytest.approx([0, 1])
        assert torch.equal(found.mean.unflatten(-1, (2, 4)).argmax(-1), found.indices)
        (found.mean * draw(6, 8, seed=5)).sum().backward()
        assert bool(raw.grad.any())

    def test_colder_is_sharper(self):
        schedule = ramp(2.0, 0.1, steps=100)
        drawn = Categories(2, 4, schedule.at)
        warm, cold = (drawn(draw(50, 8), draw(50, 8, seed=1), step).sample for step in (0, 100))
        assert warm.max(-1).values.mean() < 0.8 < 0.9 < cold.unflatten(-1, (2, 4)).amax(-1).mean()

    def test_gradients_are_those_of_numbers(self):
        drawn, noise = Categories(2, 3), draw(2, 6, seed=1)
        assert torch.autograd.gradcheck(lambda raw: drawn(raw, noise).sample, draw(2, 6).requires_grad_())
        assert torch.autograd.gradcheck(lambda raw: drawn(raw).divergence, draw(2, 6).requires_grad_())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Codebook(0, 4), "at least one latent, not 0"),
        (lambda: Codebook(2, 1), "2 states or more, not 1"),
        (lambda: Codebook(2, 4, 0), "at least one number, not 0"),
        (lambda: Categories(2, 1), "2 states or more, not 1"),
        (lambda: Categories(2, 4, 0.0), "temperature is above 0, not 0"),
        (
            lambda: nets.Model((8,), 4, nets.MLP(8, 8), quantiser=Codebook(4, 3)),
            "takes a model with variational=False and no also=",
        ),
    ],
)
def test_bad_settings_are_one_sentence(make, said):
    with pytest.raises(InputError, match=said):
        make()
