"""The terms of the task x constraint grid, and all that they need: models, worlds, windows, the method."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

import identikit as ik
from identikit import constraints, nets, tasks
from identikit.constraints.align_views import AlignViews, align_views
from identikit.constraints.match_transition import MatchTransition, match_transition
from identikit.constraints.sparse_jacobian import SparseJacobian, sparse_jacobian
from identikit.data import Schema
from identikit.datasets.windows import windows
from identikit.engine.program import Learner, Program
from identikit.errors import InputError
from identikit.methods.composed import CONSTRAINTS, TASKS, composed
from identikit.nets.mask import Mask
from identikit.nets.priors import normal_log_density
from identikit.nets.transition import Transition
from identikit.tasks.contrast import Contrast, contrast
from identikit.tasks.masked_reconstruction import MaskedReconstruction, masked_gaussian
from identikit.tasks.next_step import NextStep, next_step
from identikit.worlds.panel import RENDERED, Panel

BLOCKS = {"shared": (0, 1), "own": (2,)}


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def seeded(build, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def make_code(rows=6, latents=3, features=4, lags=2, runs=()):
    """A code in double precision, with every part that a term of the grid may read."""

    def part(seed, *axes):
        mean = draw(*runs, rows, *axes, latents, seed=seed)
        log_variance = 0.3 * draw(*runs, rows, *axes, latents, seed=seed + 1) - 1
        sample = mean + (0.5 * log_variance).exp() * draw(*runs, rows, *axes, latents, seed=seed + 2)
        return nets.Code(mean, sample, sample, sample, log_variance)

    input, near = (draw(*runs, rows, features, seed=s) for s in (10, 11))
    mask = (draw(*runs, rows, features, seed=12) < 0.3).double()
    return replace(
        part(1), input=input, reconstruction=near, mask=mask, blocks=BLOCKS,
        also={"view": part(20), "past": part(30, lags)}, targets={"next": input}, heads={"next": near},
        jacobian=draw(*runs, 4, features, latents, seed=40),
    )  # fmt: skip


def one_of(code, run):
    """One run, or some rows, of a code; the jacobian is of rows of its own."""

    def pick(value, name=""):
        if isinstance(value, dict):
            return {key: pick(v, name) if name != "blocks" else v for key, v in value.items()}
        if isinstance(value, nets.Code):
            return nets.Code(**{k: pick(v, k) for k, v in vars(value).items()})
        if name == "jacobian" and isinstance(run, torch.Tensor):
            return value
        return None if value is None else value[run]

    return pick(code)


@dataclass
class Case:
    """One term: the module, its pure function, what it is given, and what it must then be."""

    term: Any
    function: Any
    reads: Any
    known: tuple[tuple[Any, ...], float]
    constant: float
    options: dict[str, Any] = field(default_factory=dict)


def transition_parts(term):
    def reads(code):
        noise, log_slope = term.transition(code.sample, code.also["past"].sample)
        return normal_log_density(code.sample, code.mean, code.log_variance), noise, log_slope

    return reads


TRANSITION = seeded(lambda: MatchTransition(3, lags=2)).double()
FOUR = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
CASES = {
    "MaskedReconstruction": Case(
        MaskedReconstruction(variance=0.5),
        masked_gaussian,
        lambda c: (c.reconstruction, c.input, c.mask),
        (([[0.0, 0.0, 0.0]], [[1.0, 2.0, 9.0]], [[1.0, 1.0, 0.0]]), 7.5),
        0.0,
        {"variance": 0.5},
    ),
    "NextStep": Case(
        NextStep(variance=0.5),
        next_step,
        lambda c: (c.heads["next"], c.targets["next"]),
        (([[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [3.0, 0.0]]), 7.0),
        0.0,
        {"variance": 0.5},
    ),
    "Contrast": Case(
        Contrast(temperature=0.5),
        contrast,
        lambda c: (c.sample, c.also["view"].sample),
        # Distances 0 and 4: exp(0) against exp(-4 / (2 * 0.5)); both means lie at 0.
        (([[-1.0], [1.0]], [[-1.0], [1.0]]), math.log(1 + math.exp(-4))),
        math.log(6),
        {"temperature": 0.5},
    ),
    "Contrast(cosine)": Case(
        Contrast(temperature=0.5, similarity="cosine"),
        contrast,
        lambda c: (c.sample, c.also["view"].sample),
        (([[1.0, 0.0], [0.0, 7.0]], [[3.0, 0.0], [0.0, 1.0]]), math.log(1 + math.exp(-2))),
        math.log(6),
        {"temperature": 0.5, "similarity": "cosine"},
    ),
    "MatchTransition": Case(
        TRANSITION,
        match_transition,
        transition_parts(TRANSITION),
        (([[0.0, 1.0]], [[1.0, 0.0]], [[0.5, 0.0]]), 1.0 + math.log(2 * math.pi) + 0.5 - 0.5),
        float("nan"),
    ),
    "SparseJacobian": Case(
        SparseJacobian(),
        sparse_jacobian,
        lambda c: (c.jacobian, c.sample),
        (([[[1.0, 0.0], [0.0, -3.0]]], [[1.0, 2.0], [-1.0, -2.0]]), 0.5 + 3.0),
        0.0,
    ),
    "AlignViews": Case(
        AlignViews(redundancy=0.5),
        align_views,
        lambda c: (c.mean, c.also["view"].mean),
        ((FOUR, [[b, a] for a, b in FOUR]), 2 + 0.5 * 2),
        3.0,
        {"redundancy": 0.5},
    ),
    "AlignViews(shared)": Case(
        AlignViews(block="shared"),
        align_views,
        lambda c: (c.mean[..., :2], c.also["view"].mean[..., :2]),
        ((FOUR, [[2 * a + 5, 2 * b - 1] for a, b in FOUR]), 0.0),
        2.0,
    ),
}  # fmt: skip
EMPTY = nets.Batch({})


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
        term = case.term
        if isinstance(term, MatchTransition):
            learner = Learner(nets.Model((4,), 3, nets.MLP(4, 6)), ik.Objective([(1.0, term)]))
            term = Program([learner] * 4).learner.objective.entries()[0][1]
        values = term(code, EMPTY)
        assert values.shape == (4,)
        assert values.unique().numel() == 4
        torch.testing.assert_close(values, torch.stack([case.term(one_of(code, r), EMPTY) for r in range(4)]))

    def test_constant_latents_are_finite_and_no_reward(self, case):
        code = make_code()
        still = {name: replace(c, mean=c.mean * 0, sample=c.sample * 0) for name, c in code.also.items()}
        flat = replace(
            code, mean=code.mean * 0, sample=code.sample * 0, also=still, reconstruction=code.input,
            heads={"next": code.targets["next"]},
        )  # fmt: skip
        value = float(case.term(flat, EMPTY).detach())
        if math.isnan(case.constant):
            assert math.isfinite(value)
        else:
            assert value == pytest.approx(case.constant, abs=1e-5)

    def test_a_batch_of_one_row(self, case):
        assert bool(torch.isfinite(case.term(make_code(rows=1), EMPTY)))

    def test_gradient(self, case):
        read = [tensor.detach() for tensor in case.reads(make_code())]
        # A mask is 0 or 1, and learned by nobody.
        fixed = read[2:] if case.function is masked_gaussian else []
        inputs = tuple(tensor.clone().requires_grad_() for tensor in read[: len(read) - len(fixed)])
        assert torch.autograd.gradcheck(lambda *given: case.function(*given, *fixed, **case.options), inputs)

    def test_constant_input_has_finite_gradients(self, case):
        inputs = [torch.zeros_like(t).detach().requires_grad_() for t in case.reads(make_code())]
        case.function(*inputs, **case.options).backward()
        assert all(t.grad is None or bool(torch.isfinite(t.grad).all()) for t in inputs)

    def test_rows_may_come_in_any_order(self, case):
        code, order = make_code(), torch.tensor([3, 1, 5, 0, 4, 2])
        torch.testing.assert_close(case.term(one_of(code, order), EMPTY), case.term(code, EMPTY))


# --- what each term must and must not see


def test_masked_reconstruction_sees_only_what_was_hidden():
    code = make_code()
    shown = replace(code, reconstruction=code.reconstruction + 9 * (1 - code.mask))
    hidden = replace(code, reconstruction=code.reconstruction + code.mask)
    term = MaskedReconstruction()
    torch.testing.assert_close(term(shown, EMPTY), term(code, EMPTY))
    assert float(term(hidden, EMPTY)) != pytest.approx(float(term(code, EMPTY)))


def test_contrast_turns_with_the_codes_and_prefers_the_right_pairs():
    one, other = draw(40, 3), draw(40, 3, seed=1)
    turn = torch.linalg.qr(draw(3, 3, seed=2))[0]
    torch.testing.assert_close(contrast(one @ turn, other @ turn), contrast(one, other))
    assert float(contrast(3 * one, 3 * one)) < float(contrast(one, one)) < math.log(40) < float(contrast(one, other))
    torch.testing.assert_close(contrast(5 * one, other, similarity="cosine"), contrast(one, other, similarity="cosine"))


def test_sparse_jacobian_does_not_reward_large_codes_and_does_reward_sparsity():
    jacobian, sample = draw(5, 6, 3), draw(20, 3, seed=1)
    scale = torch.tensor([10.0, 0.1, 2.0]).double()
    torch.testing.assert_close(sparse_jacobian(jacobian / scale, sample * scale), sparse_jacobian(jacobian, sample))
    # Of maps with the same sum of squares, a rotation has a larger norm than the axes themselves.
    eye, turn = torch.eye(3).double().expand(5, 3, 3), torch.linalg.qr(draw(3, 3, seed=2))[0].expand(5, 3, 3)
    same = torch.linalg.qr(sample - sample.mean(0))[0]
    assert float(sparse_jacobian(eye, same)) < float(sparse_jacobian(turn, same))


def test_alignment_is_worst_for_collapsed_codes_and_sees_redundant_ones():
    one = draw(200, 3)
    aligned, apart = float(align_views(one, one)), float(align_views(one, draw(200, 3, seed=1)))
    copies = one[:, :1].expand(200, 3)
    assert aligned < 0.05
    # Collapse is as bad as two views with nothing in common.
    assert float(align_views(0 * one, 0 * one)) == 3.0 == pytest.approx(apart, abs=0.3)
    assert float(align_views(copies, copies, redundancy=0.5)) == pytest.approx(3.0)
    torch.testing.assert_close(align_views(one, 7 * one + 3), align_views(one, one))


def test_the_transition_is_increasing_and_its_density_integrates_to_one():
    transition = seeded(lambda: Transition(2, lags=1)).double()
    past = draw(1, 1, 2)
    grid = torch.linspace(-40, 40, 40_001).double()
    noise, log_slope = transition(grid[:, None].expand(-1, 2), past.expand(len(grid), 1, 2))
    assert bool((noise.diff(dim=0) > 0).all())
    density = (log_slope - 0.5 * noise.square()).exp() / math.sqrt(2 * math.pi)
    torch.testing.assert_close(torch.trapezoid(density, grid, dim=0), torch.ones(2).double(), atol=1e-5, rtol=0)


def test_the_log_slope_is_the_derivative_and_no_latent_sees_another_of_its_time():
    transition = seeded(lambda: Transition(3, lags=2)).double()
    now, past = draw(4, 3), draw(4, 2, 3, seed=1)
    _, log_slope = transition(now, past)
    for row in range(4):
        one = torch.autograd.functional.jacobian(lambda z, r=row: transition(z[None], past[r : r + 1])[0][0], now[row])
        torch.testing.assert_close(one.diagonal(), log_slope[row].exp())
        assert bool((one - torch.diag(one.diagonal()) == 0).all())


def test_many_transitions_equal_each_alone():
    modules = [seeded(lambda: MatchTransition(3, lags=2), seed) for seed in range(3)]
    models = [seeded(lambda: nets.Model((4,), 3, nets.MLP(4, 6)), seed) for seed in range(3)]
    program = Program([Learner(m, ik.Objective([(1.0, t)])) for m, t in zip(models, modules, strict=True)])
    together = program.learner.objective.entries()[0][1].transition
    now, past = draw(3, 5, 3, dtype=torch.float32), draw(3, 5, 2, 3, dtype=torch.float32)
    for i, module in enumerate(modules):
        for whole, alone in zip(together(now, past), module.transition(now[i], past[i]), strict=True):
            torch.testing.assert_close(whole[i], alone)


# --- models that encode more than x


def extended(shape=(4,), features=4, **options):
    encoder, decoder = nets.MLP(shape, 6, 8), nets.MLP(3, shape if len(shape) > 1 else features, 8)
    given = {"also": {"view": (), "past": (2,)}, "targets": ("next",), "mask": Mask(shape, 0.5), "jacobian": 3}
    return nets.Model(shape, 3, encoder, decoder, blocks=BLOCKS, **{**given, **options})


def inputs(*runs, shape=(4,)):
    axes = {"x": (), "view": (), "past": (2,), "next": ()}
    return {
        name: draw(*runs, 6, *extra, *shape, seed=i, dtype=torch.float32)
        for i, (name, extra) in enumerate(axes.items())
    }


class TestModel:
    def test_the_parts_have_their_shapes_and_are_named(self):
        model = extended()
        assert model.noise_size == 3 * (1 + 1 + 2) + 4
        code = model(nets.Batch(inputs()), torch.zeros(6, model.noise_size))
        assert code.also["view"].mean.shape == (6, 3)
        assert code.also["past"].sample.shape == (6, 2, 3)
        assert code.also["past"].input.shape == (6, 2, 4)
        assert code.targets["next"].shape == code.mask.shape == (6, 4)
        assert code.jacobian.shape == (3, 4, 3)
        for part in ("the code of 'past' (also=)", "the target 'next' (targets=)", "a mask", "the decoder's slope"):
            assert any(name.startswith(part) for name in model.provides)

    def test_the_same_encoder_sees_view_and_past(self):
        model = extended(mask=None)
        model.prepare(3 * draw(50, 4, dtype=torch.float32) + 1)
        given = inputs()
        given["view"], given["past"] = given["x"], torch.stack([given["next"], given["x"]], 1)
        noise = draw(6, model.noise_size, dtype=torch.float32)
        code = model(nets.Batch(given), noise)
        torch.testing.assert_close(code.also["view"].mean, code.mean)
        torch.testing.assert_close(code.also["past"].mean[:, 1], code.mean)
        torch.testing.assert_close(code.also["past"].mean[:, 0], model.posterior(nets.Batch({"x": given["next"]}))[1])
        other = code.also["past"]
        drawn = noise[:, 6:12].unflatten(1, (2, 3))
        torch.testing.assert_close(other.sample, other.mean + (0.5 * other.log_variance).exp() * drawn)

    def test_nothing_asked_for_changes_nothing(self):
        plain = seeded(lambda: extended(also=None, targets=(), mask=None, jacobian=0))
        full = seeded(extended)
        given, noise = nets.Batch(inputs()), draw(6, 3, dtype=torch.float32)
        one, other = plain(given, noise), full.plain(given, noise)
        assert plain.noise_size == 3
        assert (one.also, one.targets, one.mask, one.jacobian) == ({}, {}, None, None)
        for name in ("mean", "sample", "log_variance", "divergence", "reconstruction"):
            assert torch.equal(getattr(one, name), getattr(other, name))

    def test_noise_decides_the_mask_and_the_mask_hides(self):
        model = extended()
        given = inputs()
        noise = draw(6, model.noise_size, dtype=torch.float32)
        code = model(nets.Batch(given), noise)
        assert torch.equal(code.mask, model.mask(noise[:, -4:]))
        assert code.mask.sum(-1).tolist() == [2.0] * 6
        seen = given["x"] * (1 - code.mask) + 5 * code.mask
        assert torch.equal(model(nets.Batch({**given, "x": seen}), noise).mean, code.mean)
        assert torch.equal(code.input, model.standardise(given["x"]))

    def test_patches_of_pictures(self):
        mask = Mask((3, 16, 16), share=0.25, patch=4)
        hidden = mask(draw(5, mask.noise_size, dtype=torch.float32))
        assert mask.noise_size == 16
        assert hidden.shape == (5, 3, 16, 16)
        assert hidden.mean((1, 2, 3)).tolist() == [0.25] * 5
        cells = hidden.unflatten(3, (4, 4)).unflatten(2, (4, 4)).float().mean((1, 3, 5))
        assert set(cells.unique().tolist()) == {0.0, 1.0}

    def test_the_slope_is_the_jacobian(self):
        model = extended().double()
        codes = draw(5, 3)
        one = torch.stack([torch.autograd.functional.jacobian(lambda z: model.decoder(z[None])[0], c) for c in codes])
        # At a row next to a rectifier's kink a step may differ from the derivative; at most rows it may not.
        gaps = (model.slope(codes).detach() - one).abs().amax((1, 2))
        assert int((gaps < 1e-9).sum()) >= 3
        assert float(gaps.max()) < 0.5 * float(one.abs().max())

    def test_many_runs_equal_each_alone(self):
        models = [seeded(extended, seed) for seed in range(3)]
        program = Program([Learner(model, ik.Objective([(1.0, tasks.Reconstruction())])) for model in models])
        assert program.strategy == "grouped"
        given, noise = inputs(3), draw(3, 6, models[0].noise_size, dtype=torch.float32)
        together = program.learner.model(nets.Batch(given), noise)
        for run, model in enumerate(models):
            alone = model(nets.Batch({name: value[run] for name, value in given.items()}), noise[run])
            torch.testing.assert_close(together.also["past"].sample[run], alone.also["past"].sample)
            torch.testing.assert_close(together.mean[run], alone.mean)
            torch.testing.assert_close(together.jacobian[run], alone.jacobian, atol=1e-3, rtol=1e-3)

    def test_modules_of_torch_are_mapped_and_equal_each_alone(self):
        def own():
            encoder = torch.nn.Sequential(torch.nn.Linear(10, 8), torch.nn.ELU(), torch.nn.Linear(8, 6))
            return nets.Model(
                (10,), 3, encoder, torch.nn.Linear(3, 10), heads={"next": torch.nn.Linear(3, 10)},
                also={"view": (), "past": (1,)}, targets=("next",), mask=Mask((10,), 0.3), jacobian=4,
            )  # fmt: skip

        objective = tasks.MaskedReconstruction() + tasks.NextStep() + tasks.Contrast()
        for term in (constraints.MatchTransition(3), constraints.SparseJacobian(), constraints.AlignViews()):
            objective = objective + 0.1 * term
        settings = {"steps": 20, "batch": 32, "progress": False}
        together = ik.fit((own, objective), DATA, seeds=[1, 2], **settings)
        alone = ik.fit((own, objective), DATA, seeds=[2], **settings)
        assert together.program.strategy == "vmap"
        for name, tensor in alone.program.state.items():
            torch.testing.assert_close(together.program.state[name][1:], tensor, atol=1e-5, rtol=0)
        assert together.predict(DATA, "next").shape == (2, DATA.rows, 10)
        with pytest.raises(InputError, match="learned from view, past, next too, and a simulation makes x alone"):
            together.simulate()

    def test_what_does_not_go_together_is_refused(self):
        with pytest.raises(InputError, match="cannot encode the fields of also="):
            nets.Model((8,), 3, nets.Seeing(nets.MLP(10, 6), "domain", 2), also={"view": ()})
        with pytest.raises(InputError, match="this model has none"):
            nets.Model((8,), 3, nets.MLP(8, 6), jacobian=4)
        for share in (0.01, 0.99):
            with pytest.raises(InputError, match="neither 0 nor all"):
                Mask((8,), share)
        with pytest.raises(InputError, match="patches of 5 pixels"):
            Mask((3, 16, 16), patch=5)
        with pytest.raises(InputError, match="unknown similarity 'cosin': did you mean 'cosine'"):
            Contrast(similarity="cosin")


# --- the engine, the world, the windows and the method

WORLD = Panel(domains=2, length=6, seed=3)
DATA, TRUTH = windows(*WORLD.sample(600))
QUIET = {"progress": False}
SMALL = {"latents": 4, "hidden": 8, "batch": 32}


class TestComposed:
    @pytest.mark.parametrize("task", TASKS)
    @pytest.mark.parametrize("constraint", CONSTRAINTS)
    def test_every_pair_is_the_same_alone_and_in_a_batch(self, task, constraint):
        options = {"task": task, "constraint": constraint, "steps": 5, "weight": 0.1, "lr": 1e-3, **SMALL, **QUIET}
        together = ik.fit("composed", DATA, seeds=[3, 7], **options)
        alone = ik.fit("composed", DATA, seeds=[7], **options)
        assert together.program.strategy == "grouped"
        for name, tensor in alone.program.state.items():
            torch.testing.assert_close(together.program.state[name][1:], tensor, atol=1e-5, rtol=0)
        assert together.encode(DATA).shape == (2, DATA.rows, 4)

    @pytest.mark.parametrize("task", TASKS)
    @pytest.mark.parametrize("constraint", CONSTRAINTS)
    def test_every_pair_builds_for_pictures_and_moves_every_parameter(self, task, constraint):
        schema = Schema((3, 16, 16), {"domain": ("a", "b"), "y": ("low", "high")}, ("view", "past", "next"))
        model, objective = composed.build(schema, task=task, constraint=constraint, latents=4, hidden=4, weight=0.5)
        objective.check(model, schema)
        x = torch.randint(0, 256, (8, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
        fields = {"x": x, "view": x.flip(3), "next": x.flip(2), "past": x.flip(0).unsqueeze(1)}
        batch = nets.Batch({**fields, "domain": torch.arange(8) % 2, "y": torch.arange(8) // 4})
        code = model(batch, draw(8, model.noise_size, dtype=torch.float32))
        objective(code, batch).total.backward()
        dead = [n for n, p in (*model.named_parameters(), *objective.named_parameters()) if p.grad is None]
        assert dead == []

    def test_the_transition_prior_teaches_the_encoder_by_way_of_past_and_present(self):
        model, objective = composed.build(DATA.schema, constraint="temporal", latents=4)
        term = objective.entries()[1][1]
        rows = nets.Batch({name: torch.as_tensor(DATA[name][:16]) for name in ("x", "past")})
        code = model(rows, draw(16, model.noise_size, dtype=torch.float32))
        for part in (code.sample, code.also["past"].sample):
            grad = torch.autograd.grad(term(code, rows), part, retain_graph=True)[0]
            assert float(grad.abs().max()) > 0

    @pytest.mark.parametrize("task", ["contrast", "supervised", "next"])
    def test_a_decoder_beside_learns_and_teaches_the_encoder(self, task):
        model, objective = composed.build(DATA.schema, task=task, constraint="sparse", latents=4)
        assert objective.names[1:] == ("Reconstruction", "SparseJacobian")
        assert composed.build(DATA.schema, task=task, latents=4)[0].decoder is None
        names = ("x", "view", "next", "y")
        rows = nets.Batch({name: torch.as_tensor(DATA[name][:16]) for name in names})
        code = model(rows, draw(16, model.noise_size, dtype=torch.float32))
        beside = objective.entries()[1][1](code, rows)
        grad = torch.autograd.grad(beside, code.mean)[0]
        assert float(grad.abs().max()) > 0

    def test_what_the_data_lack_is_one_sentence(self):
        data, _ = ik.worlds.DomainShift(domains=3).sample(300)
        for options, said in {
            (
                "contrast",
                "none",
            ): "composed with the task 'contrast' needs the field 'view', and the data holds x, domain, y",
            ("next", "none"): "composed with the task 'next' needs the field 'next'",
            ("reconstruction", "temporal"): "composed with the constraint 'temporal' needs the field 'past'",
            ("reconstrution", "none"): "unknown task 'reconstrution': did you mean 'reconstruction'",
            ("reconstruction", "spars"): "unknown constraint 'spars': did you mean 'sparse'",
        }.items():
            with pytest.raises(InputError) as error:
                ik.fit("composed", data, task=options[0], constraint=options[1], **QUIET)
            assert str(error.value).startswith(said)

    def test_fields_of_another_shape_or_with_holes_are_refused(self):
        wrong = DATA.take(np.arange(DATA.rows))
        wrong.fields["past"] = np.zeros((DATA.rows, 3, 10), np.float32)
        with pytest.raises(InputError, match=r"a row of 'past' has shape \(3, 10\), and the model needs \(1, 10\)"):
            ik.fit("composed", wrong, constraint="temporal", **QUIET)
        wrong.fields["view"] = np.full((DATA.rows, 10), np.nan, np.float32)
        with pytest.raises(InputError, match="'view' holds NaN, and the model reads it like x"):
            ik.fit("composed", wrong, task="contrast", **QUIET)

    def test_numbers_to_tell_and_blocks_to_share(self):
        data = DATA.add("age", DATA.x[:, 0])
        data = replace(data, fields={**data.fields, "y": data["age"]}, names={"domain": data.names["domain"]})
        runs = ik.fit("composed", data, task="supervised", constraint="alignment", shared=2, steps=5, **SMALL, **QUIET)
        assert runs.settings.objective == "Regression(y) + 0.005 * AlignViews(shared)"
        assert runs.blocks == {"shared": (0, 1), "own": (2, 3)}
        assert runs.predict(data, "y").shape == (1, data.rows, 1)

    def test_no_task_is_solved_by_a_code_that_says_nothing(self):
        """The loss of a constant code, against what a few steps reach."""
        for task, constant in {"contrast": math.log(32), "next": 1.0, "reconstruction": 1.0}.items():
            options = {"task": task, "constraint": "none", "steps": 300, "lr": 0.01, **SMALL, **QUIET}
            runs = ik.fit("composed", DATA, **options)
            assert runs.history["total"][-1][0] < 0.9 * constant
            assert float(runs.encode(DATA)[0].std(0).max()) > 0.1


class TestPanel:
    def test_the_same_seeds_give_the_same_rows_and_views(self):
        (one, _), (two, _), (three, _) = WORLD.sample(60), WORLD.sample(60), WORLD.sample(60, seed=1)
        assert one.fingerprint() == two.fingerprint() != three.fingerprint()
        read = Panel(**one.source["options"]).sample(one.source["n"], seed=one.source["seed"])[0]
        assert read.fingerprint() == one.fingerprint()

    def test_x_is_the_mixing_of_its_latents_and_the_view_of_others_of_the_same_content(self):
        data, truth = WORLD.sample(60)
        np.testing.assert_allclose(truth.mixing(truth.latents), data.x, atol=1e-5)
        back = WORLD._mixings[0].inverse(data["view"].astype(float))
        np.testing.assert_allclose(back[:, :4], truth.latents[:, :4], atol=1e-4)
        assert abs(np.corrcoef(back[:, 4], truth.latents[:, 4])[0, 1]) < 0.5

    def test_sequences_are_whole_in_time_domain_and_split(self):
        data, _ = WORLD.sample(60)
        for code in range(10):
            rows = data["sequence"] == code
            assert data["time"][rows].tolist() == [0, 1, 2, 3, 4, 5]
            assert len({*data["domain"][rows]}) == len({*data.split[rows]}) == 1

    def test_domains_change_the_changing_latents_only(self):
        data, truth = Panel(domains=4, length=2, memory=0.0, modulation=0.0).sample(8_000)
        means = np.stack([truth.latents[data["domain"] == u].mean(0) for u in range(4)])
        assert np.abs(means[:, :2]).max() < 0.1
        assert np.ptp(means[:, 2:4], axis=0).min() > 0.5
        still, same = Panel(domains=4, length=2, memory=0.0, modulation=0.0, shift=0.0).sample(8_000)
        means = np.stack([same.latents[still["domain"] == u].mean(0) for u in range(4)])
        assert np.abs(means).max() < 0.1

    def test_each_observation_of_a_sparse_mixing_depends_on_two_latents(self):
        world = Panel(observe="sparse")
        base = np.random.default_rng(0).normal(size=(50, 5))
        moved = [np.abs(world.mix(base + np.eye(5)[i]) - world.mix(base)).max(0) > 1e-6 for i in range(5)]
        assert (np.stack(moved).sum(0) == 2).all()
        dense = Panel()
        assert (np.abs(dense.mix(base + np.eye(5)[0]) - dense.mix(base)).max(0) > 1e-6).all()

    @pytest.mark.parametrize("observe", RENDERED)
    def test_pictures_show_what_their_latents_say(self, observe):
        data, truth = Panel(observe=observe, domains=2).sample(40)
        assert data.x.shape == data["view"].shape == (40, 3, 32, 32)
        assert data.x.dtype == np.uint8
        assert truth.names == RENDERED[observe]
        assert np.array_equal(truth.mixing(truth.latents), data.x)
        assert all((truth.mixing(truth.latents + np.eye(5)[i]) != data.x).any() for i in range(5))

    def test_describe_says_what_is_broken_on_purpose(self):
        good = Panel(observe="sparse").describe()
        names = ("temporal dependence", "views share their content", "independent latents", "sparse mixing")
        assert [good[name].holds for name in (*names, "sufficiently variable", "invertible")] == [True] * 6
        for name, broken in {
            "temporal dependence": Panel(memory=0.0),
            "views share their content": Panel(view_noise=0.3),
            "independent latents": Panel(edges=1.0),
            "sparse mixing": Panel(),
            "sufficiently variable": Panel(domains=2),
        }.items():
            assert broken.describe()[name].holds is False, name

    def test_lagged_edges(self):
        alone, every = Panel().lagged, Panel(edges=1.0).lagged
        assert alone.shape == (1, 5, 5)
        assert (alone.sum(), every.sum()) == (4, 16)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"invariant": 0, "changing": 0}, "a world needs latents"),
            ({"observe": "scenery"}, "unknown observation 'scenery': did you mean 'scene'"),
            ({"observe": "scene", "invariant": 3}, "2 invariant, 2 changing latents and 1 private"),
            ({"observe": "sparse", "private": 0, "changing": 0}, "at least 3"),
            ({"memory": 1.0}, "memory is from 0 to below 1"),
            ({"shift": -1.0}, "0 or more"),
            ({"told": 9}, "told is from 1 to 4"),
            ({"length": 1}, "length at least 2"),
        ],
    )
    def test_bad_parameters(self, options, said):
        with pytest.raises(InputError, match=said):
            Panel(**options)
        with pytest.raises(InputError, match="n is a multiple of the length"):
            Panel().sample(25)


class TestWindows:
    def test_past_and_next_are_the_neighbours_in_time(self):
        data, truth = WORLD.sample(60)
        shuffled = np.random.default_rng(0).permutation(60)
        for given, kept in ((data, truth), (data.take(shuffled), truth.take(shuffled))):
            rows, same = windows(given, kept, past=2)
            assert rows.rows == 10 * 3
            np.testing.assert_allclose(same.mixing(same.latents), rows.x, atol=1e-5)
            for i in range(rows.rows):
                near = data["sequence"] == rows["sequence"][i]
                for array, offset in ((rows["past"][i, 0], -1), (rows["past"][i, 1], -2), (rows["next"][i], 1)):
                    assert np.array_equal(data.x[near & (data["time"] == rows["time"][i] + offset)][0], array)

    def test_gaps_ends_and_other_splits_are_left_out(self):
        data, _ = WORLD.sample(60)
        holed = data.take(np.flatnonzero(data["time"] != 3))
        assert sorted({*windows(holed)["time"].tolist()}) == [1.0]
        cut = replace(data, split=(data["time"] > 3).astype(np.int8))
        assert sorted({*windows(cut)["time"].tolist()}) == [1.0, 2.0]
        assert set(windows(data, past=1, next=False).fields) == {*data.fields, "past"}
        assert windows(data, past=0).rows == 50

    def test_data_without_time_or_rows_to_spare(self):
        data, _ = WORLD.sample(60)
        plain, _ = ik.worlds.DomainShift(domains=3).sample(300)
        with pytest.raises(InputError, match="windows needs the field 'time', and the data holds x, y, domain"):
            windows(plain)
        with pytest.raises(InputError, match="no row has 6 time points before it and one after it"):
            windows(data, past=6)
        with pytest.raises(InputError, match="at least one time point, or the next"):
            windows(data, past=0, next=False)
        twice = data.take(np.array([0, 1, 1, 2]))
        with pytest.raises(InputError, match="sequence 0 holds two rows of time 1"):
            windows(twice)


def test_the_public_lists_hold_the_new_names():
    assert {"Contrast", "MaskedReconstruction", "NextStep"} <= set(tasks.__all__)
    assert {"AlignViews", "MatchTransition", "SparseJacobian"} <= set(constraints.__all__)
    assert {"Mask", "Transition"} <= set(nets.__all__)
