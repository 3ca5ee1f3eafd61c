"""The supervised contrast: known values, many runs, hidden labels, degenerate input, gradients."""

from __future__ import annotations

import math

import pytest
import torch

from identikit import nets
from identikit.data import Schema
from identikit.errors import InputError
from identikit.objective import Objective
from identikit.tasks.supervised_contrast import SupervisedContrast, supervised_contrast

TERM = SupervisedContrast("shape", temperature=0.5)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(rows=8, runs=()):
    """A code of which the last two latents are the block, and labels with a hidden one and one of a class alone."""
    mean = draw(*runs, rows, 3)
    labels = torch.tensor([0, 0, 1, 1, 1, 2, -1, 0])[:rows]
    code = nets.Code(mean, mean, mean, mean, blocks={"rest": (0,), "shape": (1, 2)})
    return code, nets.Batch({"shape": labels.expand(*runs, rows)})


def test_function_and_module_agree():
    code, batch = make()
    wanted = supervised_contrast(code.sample[..., 1:], batch["shape"], 0.5)
    torch.testing.assert_close(TERM(code, batch), wanted)


def test_a_value_known_from_paper():
    code = torch.tensor([[3.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -2.0]], dtype=torch.float64)
    # Rows of the one class stand at a right angle; of the other two, one is opposite to each and one at a right angle.
    value = supervised_contrast(code, torch.tensor([0, 0, 1, 1]), temperature=0.5)
    assert float(value) == pytest.approx(math.log(2 + math.exp(-2)), rel=1e-9)


def test_the_sum_over_positives_is_inside_the_logarithm():
    code, batch = make()
    unit = torch.nn.functional.normalize(code.sample[..., 1:], dim=-1)
    likeness, labels = (unit @ unit.T / 0.5).exp(), batch["shape"].tolist()
    found = []
    for b, own in enumerate(labels):
        alike = [c for c, other in enumerate(labels) if c != b and other == own >= 0]
        others = [c for c, other in enumerate(labels) if c != b and other >= 0]
        if alike:
            found.append(-math.log(sum(likeness[b, c] for c in alike) / sum(likeness[b, c] for c in others)))
    assert len(found) == 6
    assert float(TERM(code, batch)) == pytest.approx(sum(found) / 6, rel=1e-9)


def test_one_run_equals_many():
    assert TERM.batches_runs
    code, batch = make(runs=(4,))
    values = TERM(code, batch)
    alone = [supervised_contrast(code.sample[r, :, 1:], batch["shape"][r], 0.5) for r in range(4)]
    assert values.unique().numel() == 4
    torch.testing.assert_close(values, torch.stack(alone))


def test_rows_may_come_in_any_order_and_codes_have_any_length_and_turn():
    code, batch = make()
    own, labels = code.sample[:, 1:], batch["shape"]
    order = torch.tensor([3, 1, 5, 0, 7, 4, 2, 6])
    turn = torch.linalg.qr(draw(2, 2, seed=1))[0]
    value = supervised_contrast(own, labels)
    for other in (own * draw(8, 1, seed=2).exp(), own @ turn):
        torch.testing.assert_close(supervised_contrast(other, labels), value)
    torch.testing.assert_close(supervised_contrast(own[order], labels[order]), value)


def test_hidden_rows_change_nothing():
    code, batch = make()
    own, known = code.sample[:, 1:], batch["shape"] >= 0
    whole = supervised_contrast(own, batch["shape"])
    torch.testing.assert_close(whole, supervised_contrast(own[known], batch["shape"][known]))


@pytest.mark.parametrize("labels", [[-1, -1, -1, -1], [0, 1, 2, 3], [0, -1, -1, -1]], ids=["hidden", "alone", "one"])
def test_without_two_rows_of_a_class_it_is_zero_with_finite_gradients(labels):
    code = draw(4, 2).requires_grad_()
    value = supervised_contrast(code, torch.tensor(labels))
    value.backward()
    assert float(value.detach()) == 0
    assert code.grad is not None
    assert bool((code.grad == 0).all())


def test_constant_latents_and_a_batch_of_one_row():
    labels = torch.tensor([0, 0, 1, 1])
    zero = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    value = supervised_contrast(zero, labels)
    value.backward()
    assert float(value.detach()) == pytest.approx(math.log(3))
    assert zero.grad is not None
    assert bool(zero.grad.isfinite().all())
    assert float(supervised_contrast(draw(1, 2), torch.tensor([0]))) == 0


def test_gradient():
    _, batch = make()
    assert torch.autograd.gradcheck(
        lambda own: supervised_contrast(own, batch["shape"], 0.5), draw(8, 2, seed=3).requires_grad_()
    )


def test_it_says_what_it_lacks():
    with pytest.raises(InputError, match="temperature is above 0, not 0"):
        SupervisedContrast("shape", temperature=0)
    model = nets.Model((8,), 4, nets.MLP(8, 4), variational=False)
    with pytest.raises(InputError, match=r"SupervisedContrast\(shape\) needs a model with block 'shape'"):
        Objective([(1.0, TERM)]).check(model, Schema((8,), {"shape": ("a", "b")}))
    with pytest.raises(InputError, match=r"SupervisedContrast\(shape\) needs the field 'shape'"):
        Objective([(1.0, TERM)]).check(model, Schema((8,)))
