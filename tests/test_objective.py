"""The algebra of objectives: sums, weights, schedules and axes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from identikit import axis, constant, constraints, cosine, nets, ramp, tasks
from identikit.data import Schema
from identikit.errors import InputError
from identikit.objective import Objective, Term, Weight

numbers = st.floats(-8, 8, allow_nan=False, width=32)


class Size(Term):
    """A term of known value: a power of the mean absolute code."""

    batches_runs = True

    def __init__(self, power):
        super().__init__()
        self.power = power

    @property
    def name(self):
        return f"Size{self.power}"

    def forward(self, code, batch):
        return code.mean.abs().mean((-2, -1)) ** self.power


MEAN = torch.full((4, 3), 2.0)
CODE = nets.Code(MEAN, MEAN, MEAN, MEAN)
A, B, C = Size(1), Size(2), Size(3)  # 2, 4 and 8 on CODE


def total(objective, step=0, point=None):
    return objective(CODE, nets.Batch({}, step), point).total


@given(numbers, numbers, numbers)
def test_sums_commute_and_associate(a, b, c):
    value = 2 * a + 4 * b + 8 * c
    for objective in (a * A + b * B + c * C, c * C + a * A + b * B, a * A + (b * B + c * C), A * a + B * b + C * c):
        assert float(total(objective)) == pytest.approx(value, rel=1e-5, abs=1e-4)


@given(numbers, numbers, numbers)
def test_weights_distribute_over_sums(w, a, b):
    assert float(total(w * (a * A + b * B))) == pytest.approx(float(total(w * a * A + w * b * B)), rel=1e-4, abs=1e-4)


@given(numbers, st.integers(0, 20), st.lists(numbers, min_size=1, max_size=4))
def test_number_schedule_and_axis_multiply_in_any_order(number, step, values):
    expected = torch.tensor(values) * number * min(step / 10, 1) * 2
    for weight in (
        number * ramp(0, 1, steps=10) * axis(values),
        axis(values) * number * ramp(0, 1, steps=10),
        ramp(0, 1, steps=10) * (axis(values) * number),
    ):
        torch.testing.assert_close(total(weight * A, step), expected, rtol=1e-5, atol=1e-5)


@given(st.lists(numbers, min_size=1, max_size=4), st.lists(numbers, min_size=1, max_size=4))
def test_axes_broadcast_to_every_grid_point(first, second):
    totals = total(A + axis(first) * B + axis(second) * C)
    alone = [float(total(A + b * B + c * C)) for b in first for c in second]
    assert totals.shape == (len(first) * len(second),)
    torch.testing.assert_close(totals, torch.tensor(alone), rtol=1e-5, atol=1e-4)


def test_grid_is_the_product_of_the_axes():
    grid = (A + axis([1, 2]) * B + axis([3, 4, 5], name="third") * C).grid()
    assert grid["Size2"].tolist() == [1, 1, 1, 2, 2, 2]
    assert grid["third"].tolist() == [3, 4, 5] * 2
    assert (A + B).grid() == {}


def test_a_point_gives_each_run_its_own_weight():
    runs = torch.stack([MEAN, 3 * MEAN])
    loss = (A + axis([0, 0]) * B)(nets.Code(runs, runs, runs, runs), nets.Batch({}), {"Size2": torch.tensor([1.0, 10])})
    assert loss.total.tolist() == [2 + 4, 6 + 360]
    assert {name: part.tolist() for name, part in loss.parts.items()} == {"Size1": [2, 6], "Size2": [4, 36]}


def test_an_axis_without_a_value_is_named():
    with pytest.raises(InputError, match="the weight axis 'Size1' was given no value"):
        total(axis([1, 2]) * A, point={})


def test_one_axis_on_two_terms_stays_one_axis_however_it_is_written():
    w = axis([1, 2])
    together, apart = w * (A + B), w * A + w * B
    assert len(together.axes) == len(apart.axes) == 1
    assert total(together).tolist() == total(apart).tolist() == [6, 12]


def test_two_axes_need_two_names():
    with pytest.raises(InputError, match="two axes of weights are called 'Size1'"):
        axis([1, 2]) * (axis([3, 4]) * A)
    both = axis([1, 2], name="outer") * (axis([3, 4]) * A)
    assert total(both).tolist() == [2 * 3, 2 * 6, 2 * 4, 2 * 8]


@pytest.mark.parametrize("objective", [lambda: A + A, lambda: A + B + 0.5 * Size(1)])
def test_duplicates_are_refused(objective):
    with pytest.raises(InputError, match="the objective holds 'Size1' twice"):
        objective()


@given(numbers, st.lists(numbers, min_size=1, max_size=4))
def test_a_sweep_multiplies_the_weight(weight, values):
    swept = (A + weight * B).sweep({"Size2": values})
    torch.testing.assert_close(total(swept), torch.tensor([2 + 4 * weight * v for v in values]), rtol=1e-5, atol=1e-4)


def test_a_sweep_finds_a_term_by_its_class_or_its_full_name():
    objective = tasks.Classification("y") + constraints.LowEntropy("y")
    assert list(objective.sweep({"Classification": [1, 2]}).axes) == ["Classification"]
    assert list(objective.sweep({"LowEntropy(y)": [1, 2]}).axes) == ["LowEntropy(y)"]
    assert objective.axes == {}


def test_a_sweep_that_could_mean_two_terms_is_refused():
    with pytest.raises(InputError, match="Classification"):
        (tasks.Classification("y") + tasks.Classification("z")).sweep({"Classification": [1]})


def test_an_unknown_term_suggests_the_nearest():
    with pytest.raises(InputError, match="unknown term to sweep 'MatchPrio': did you mean 'MatchPrior'"):
        (tasks.Reconstruction() + constraints.MatchPrior()).sweep({"MatchPrio": [1]})


@pytest.mark.parametrize(
    ("weight", "values"),
    [
        (ramp(1, 3, steps=4), {0: 1, 1: 1.5, 2: 2, 4: 3, 400: 3}),
        (cosine(0, 1, steps=6), {0: 0, 2: 0.25, 3: 0.5, 4: 0.75, 6: 1, 60: 1}),
        (constant(3), {0: 3, 7: 3}),
        (2 * ramp(0, 1, steps=2) * cosine(1, 0, steps=2), {0: 0, 1: 0.5, 2: 0}),
        (Weight(()), {0: 1}),
    ],
)
def test_schedules(weight, values):
    for step, value in values.items():
        assert math.isclose(weight.at(step), value, abs_tol=1e-12)


@given(st.integers(-5, 30), numbers, numbers, st.integers(1, 20))
def test_schedules_stay_between_their_ends(step, start, stop, steps):
    for schedule in (ramp, cosine):
        assert min(start, stop) - 1e-9 <= schedule(start, stop, steps).at(step) <= max(start, stop) + 1e-9


@pytest.mark.parametrize("make", [lambda: ramp(0, 1, steps=0), lambda: cosine(0, 1, steps=-3), lambda: axis([])])
def test_empty_schedules_and_axes_are_refused(make):
    with pytest.raises(InputError, match="at least one"):
        make()


@pytest.mark.parametrize("other", ["0.1", None, [1]])
def test_what_is_no_weight_is_a_type_error(other):
    with pytest.raises(TypeError):
        (A + B) * other
    with pytest.raises(TypeError):
        constant(1) * other
    with pytest.raises(TypeError):
        (A + B) + other


def test_the_objective_reads_like_the_paper():
    objective = (
        tasks.Reconstruction() + 0.5 * tasks.Classification("y") + ramp(0, 1, steps=9) * constraints.MatchPrior()
    )
    assert repr(objective) == "Reconstruction + 0.5 * Classification(y) + ramp(0, 1, steps=9) * MatchPrior"
    assert objective.names == ("Reconstruction", "Classification(y)", "MatchPrior")
    assert repr(Objective([(1.0, A), (axis([0, 1]), B)])) == "1 * Size1 + axis([0.0, 1.0]) * Size2"


def plain(**options):
    return nets.Model((8,), 3, nets.MLP(8, options.pop("outputs", 6)), **options)


@pytest.mark.parametrize(
    ("objective", "model", "names", "message"),
    [
        (
            tasks.Classification("y"),
            plain(),
            {},
            "Classification(y) needs the field 'y', and the data holds x, domain: "
            "name the labels, with y= or --y (a row without one is hidden, not left out)",
        ),
        (
            tasks.Classification("y"),
            plain(),
            {"y": ("a", "b")},
            "Classification(y) needs a model with head for 'y', and this one has none",
        ),
        (
            constraints.LowEntropy("y"),
            plain(heads={"z": nets.MLP(3, 2)}),
            {"y": ("a", "b")},
            "LowEntropy(y) needs a model with head for 'y', and this one has none",
        ),
        (
            tasks.Reconstruction(),
            plain(),
            {},
            "Reconstruction needs a model with reconstruction, and this one has none",
        ),
        (
            constraints.MatchPrior(),
            plain(outputs=3, variational=False),
            {},
            "MatchPrior needs a model with divergence, and this one has none",
        ),
        (
            constraints.Independence(),
            plain(outputs=3, variational=False),
            {},
            "Independence needs a model with log_variance, and this one has none",
        ),
    ],
)
def test_what_a_term_lacks_is_one_sentence(objective, model, names, message):
    with pytest.raises(InputError) as error:
        (A + objective).check(model, Schema((8,), {"domain": ("a", "b"), **names}))
    assert str(error.value) == message


def test_a_model_with_everything_passes():
    model = plain(decoder=nets.MLP(3, 8), heads={"y": nets.MLP(3, 2)})
    objective = (
        tasks.Reconstruction() + constraints.MatchPrior() + tasks.Classification("y") + constraints.Independence()
    )
    objective.check(model, Schema((8,), {"y": ("a", "b")}))
