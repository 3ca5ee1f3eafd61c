"""Layers, models, flows and priors: many runs equal each run alone, and formulas equal autograd."""

import math

import pytest
import torch

from identikit import nets
from identikit.engine.program import Learner, Program
from identikit.errors import InputError
from identikit.nets.grouped import pick
from identikit.nets.priors import normal_divergence
from identikit.objective import Objective
from identikit.tasks import Reconstruction

RUNS = 3


@pytest.fixture(autouse=True)
def _same_draws():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def draw(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def seeded(build, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def stacked(modules):
    """One module that holds the parameters of several."""
    program = Program([Learner(module, Objective([(1.0, Reconstruction())])) for module in modules])
    return program.learner.model


def values(result):
    """The tensors of a result, whatever holds them."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, nets.Code | nets.Quantised):
        result = {k: v for k, v in vars(result).items() if v is not None and k != "blocks"}
    parts = result.values() if isinstance(result, dict) else result
    return [tensor for part in parts for tensor in values(part)]


def assert_runs_equal(build, *inputs, call=lambda module, *given: module(*given)):
    """Stacked modules give, and learn from, the same as each alone; inputs have a leading axis of runs."""
    modules = [seeded(build, seed) for seed in range(RUNS)]
    together = stacked(modules)
    results = values(call(together, *inputs))
    sum(result.square().sum() for result in results).backward()
    grads = {name: parameter.grad for name, parameter in together.named_parameters()}
    for run, module in enumerate(modules):
        alone = values(call(module, *(given[run] for given in inputs)))
        assert len(alone) == len(results) > 0
        for one, many in zip(alone, results, strict=True):
            torch.testing.assert_close(many[run], one, rtol=1e-4, atol=1e-5)
        sum(result.square().sum() for result in alone).backward()
        for name, parameter in module.named_parameters():
            if parameter.grad is None:
                assert grads[name] is None
                continue
            scale = float(parameter.grad.abs().max())
            torch.testing.assert_close(grads[name][run], parameter.grad, rtol=1e-3, atol=1e-5 * max(scale, 1))


DOMAINS = torch.randint(0, 4, (RUNS, 6), generator=torch.Generator().manual_seed(0))
CODES = draw(RUNS, 6, 5)


class TestManyRunsEqualEachAlone:
    @pytest.mark.parametrize(
        ("build", "inputs"),
        [
            (lambda: nets.Linear(5, 3), draw(RUNS, 6, 5)),
            (lambda: nets.Conv2d(2, 3, 4, stride=2, padding=1), draw(RUNS, 6, 2, 8, 8)),
            (lambda: nets.ConvTranspose2d(2, 3, 4, stride=2, padding=1), draw(RUNS, 6, 2, 4, 4)),
            (lambda: nets.MLP(5, 2, hidden=7, layers=3), draw(RUNS, 6, 5)),
            (lambda: nets.MLP((2, 3, 3), (4, 2), hidden=7, layers=0), draw(RUNS, 6, 2, 3, 3)),
            (lambda: nets.ConvEncoder((3, 16, 16), 5, width=4), draw(RUNS, 2, 3, 16, 16)),
            (lambda: nets.ConvDecoder(5, (3, 16, 16), width=4), draw(RUNS, 6, 5)),
        ],
        ids=["Linear", "Conv2d", "ConvTranspose2d", "MLP", "MLP of shapes", "ConvEncoder", "ConvDecoder"],
    )
    def test_layers(self, build, inputs):
        assert_runs_equal(build, inputs)

    def test_table(self):
        assert_runs_equal(lambda: nets.Table(4, 3), DOMAINS, call=lambda table, index: pick(table(), index))

    @pytest.mark.parametrize("layers", [1, 3])
    def test_flow(self, layers):
        assert_runs_equal(lambda: nets.DomainFlow(5, 4, units=3, layers=layers), CODES, DOMAINS)

    def test_inverse_flow(self):
        flows = [seeded(lambda: nets.DomainFlow(5, 4), seed) for seed in range(RUNS)]
        together = stacked(flows).inverse(CODES, DOMAINS)
        for run, flow in enumerate(flows):
            torch.testing.assert_close(together[run], flow.inverse(CODES[run], DOMAINS[run]), rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(
        "prior",
        [
            nets.StandardNormal,
            lambda: nets.ConditionalNormal(5, "domain", 4),
            lambda: nets.FlowPrior(2, 3, 4),
            lambda: nets.FlowPrior(0, 5, 4, layers=1),
        ],
        ids=["StandardNormal", "ConditionalNormal", "FlowPrior", "FlowPrior without invariant"],
    )
    def test_models(self, prior):
        def build():
            model = nets.Model(
                (8,),
                5,
                nets.Seeing(nets.MLP(12, 10), "domain", 4),
                nets.MLP(5, 8),
                prior(),
                {"y": nets.MLP(5, 3), "part": nets.BlockHead(nets.MLP(2, 3), (1, 3), of="sample")},
            )
            model.prepare(4 * torch.randn(50, 8) + 2)
            return model

        assert_runs_equal(build, draw(RUNS, 6, 8), DOMAINS, draw(RUNS, 6, 5, seed=1), call=run_model)

    def test_picture_models(self):
        def build():
            encoder, decoder = nets.ConvEncoder((3, 8, 8), 10, 4), nets.ConvDecoder(5, (3, 8, 8), 4)
            return nets.Model((3, 8, 8), 5, encoder, decoder, nets.FlowPrior(2, 3, 4), squash=True)

        pictures = torch.randint(0, 256, (RUNS, 6, 3, 8, 8), dtype=torch.uint8)
        assert_runs_equal(build, pictures, DOMAINS, draw(RUNS, 6, 5, seed=1), call=run_model)
        assert_runs_equal(build, draw(RUNS, 6, 5), call=lambda model, code: model.decode(code))


def whole_model():
    """A model with all that can stand beside a code."""
    return nets.Model(
        (4,),
        3,
        nets.MLP((3, 4), 9),
        nets.MLP(3, 4),
        also={"past": (2,)},
        targets=("next",),
        mask=nets.Mask((4,)),
        jacobian=4,
        gates=nets.Gates(3, {"past": 6}),
        history=2,
        correlated=True,
    )


def quantised_model(quantiser, size):
    return nets.Model((4,), size, nets.MLP(4, size), nets.MLP(size, 4), variational=False, quantiser=quantiser)


def environment_model():
    heads = {"parts": nets.AdditiveDecoder(3, 4)}
    return nets.Model((4,), 3, nets.MLP(4, 6), nets.MLP(3, 4), nets.EnvironmentPrior(1, 2, 4), heads)


def patch_model():
    encoder = nets.PatchEncoder((3, 8, 8), 6, patch=4, width=8, blocks=1, heads=2)
    decoder = nets.PatchDecoder(3, (3, 8, 8), patch=4, width=8)
    return nets.Model((3, 8, 8), 3, encoder, decoder, mask=nets.Mask((3, 8, 8), patch=4))


@pytest.mark.parametrize(
    ("build", "shape", "strategy"),
    [
        (whole_model, (4,), "grouped"),
        (whole_model, (4,), "vmap"),
        (lambda: quantised_model(nets.Codebook(3, 4), 3), (4,), "grouped"),
        (lambda: quantised_model(nets.Codebook(3, 4), 3), (4,), "vmap"),
        (lambda: quantised_model(nets.Categories(2, 3), 6), (4,), "grouped"),
        (environment_model, (4,), "grouped"),
        (patch_model, (3, 8, 8), "grouped"),
    ],
)
def test_every_strategy_gives_what_the_loop_gives(build, shape, strategy):
    models = [seeded(build, seed) for seed in range(RUNS)]
    fields = {"x": draw(RUNS, 6, *shape), "past": draw(RUNS, 6, 4, *shape, seed=1), "domain": DOMAINS}
    fields["next"], noise = draw(RUNS, 6, *shape, seed=2), draw(RUNS, 6, models[0].noise_size, seed=3)

    def run(strategy):
        program = Program([Learner(one, Objective([(1.0, Reconstruction())])) for one in models], strategy)

        def action(learner, fields, noise):
            return tuple(values(learner.model(nets.Batch(fields), noise)))

        with program.resting():
            return program.call(action, fields, noise)

    found, alone = run(strategy), run("loop")
    assert len(found) == len(alone) > 4
    for one, other in zip(found, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def run_model(model, x, domain, noise):
    return model(nets.Batch({"x": x, "domain": domain}), noise)


class TestFlow:
    flow = seeded(lambda: nets.DomainFlow(3, 4, units=6, layers=2), 0).double()
    z = 2 * draw(40, 3, dtype=torch.float64)
    domain = torch.arange(40) % 4

    def test_log_derivative_is_the_jacobians_diagonal(self):
        value, log_derivative = self.flow(self.z, self.domain)

        def row(z, domain):
            return self.flow(z.unsqueeze(0), domain.unsqueeze(0))[0][0]

        jacobian = torch.func.vmap(torch.func.jacrev(row))(self.z, self.domain)
        diagonal = jacobian.diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(log_derivative, diagonal.log(), rtol=0, atol=1e-5)
        torch.testing.assert_close(log_derivative.sum(-1), torch.linalg.slogdet(jacobian)[1], rtol=0, atol=1e-5)
        assert torch.equal(jacobian, torch.diag_embed(diagonal))
        assert value.shape == log_derivative.shape == self.z.shape

    def test_it_increases_in_every_component_and_domain(self):
        line = torch.linspace(-50, 50, 2001, dtype=torch.float64)
        for domain in range(4):
            value, _ = self.flow(line.unsqueeze(1).expand(-1, 3), torch.full((2001,), domain))
            assert bool((value.diff(dim=0) > 0).all())

    @pytest.mark.parametrize("scale", [1, 30, 1000])
    def test_inverse(self, scale):
        base, _ = self.flow(scale * self.z, self.domain)
        torch.testing.assert_close(self.flow.inverse(base, self.domain), scale * self.z, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(self.flow(self.flow.inverse(self.z, self.domain), self.domain)[0], self.z)

    def test_domains_differ(self):
        z = self.z[:1].expand(4, 3)
        assert self.flow(z, torch.arange(4))[0].unique(dim=0).shape == (4, 3)

    def test_it_starts_near_the_identity(self):
        flow = nets.DomainFlow(1, 2, layers=1)
        for layer in flow.net.layers:
            torch.nn.init.zeros_(layer.weight)
        line = torch.linspace(-2, 2, 9).unsqueeze(1)
        value, log_derivative = flow(line, torch.zeros(9, dtype=torch.long))
        torch.testing.assert_close(value, line, rtol=0, atol=0.2)
        torch.testing.assert_close(log_derivative, 0 * line, rtol=0, atol=0.2)

    def test_every_parameter_gets_a_gradient_from_the_derivative_alone(self):
        flow = nets.DomainFlow(2, 3)
        domain = torch.tensor([0, 2, 0])
        flow(draw(3, 2), domain)[1].sum().backward()
        assert all(float(p.grad.abs().max()) > 0 for p in flow.parameters())
        assert flow.table.weight.grad.abs().sum(1).gt(0).tolist() == [True, False, True]

    def test_gradient(self):
        flow = seeded(lambda: nets.DomainFlow(2, 2, units=2, layers=2, embedding=2, hidden=3), 0).double()
        z = draw(3, 2, dtype=torch.float64).requires_grad_()
        names, parameters = zip(*flow.named_parameters(), strict=True)

        def call(z, *parameters):
            return torch.func.functional_call(
                flow, dict(zip(names, parameters, strict=True)), (z, torch.tensor([0, 1, 1]))
            )

        assert torch.autograd.gradcheck(call, (z, *parameters))


class TestPriors:
    def given(self, rows=8, latents=5):
        mean, log_variance = draw(rows, latents, seed=1), draw(rows, latents, seed=2) - 1
        sample = mean + (0.5 * log_variance).exp() * draw(rows, latents, seed=3)
        return sample, mean, log_variance, nets.Batch({"domain": torch.arange(rows) % 3})

    def test_flow_divergence_by_hand(self):
        prior = nets.FlowPrior(2, 3, 3)
        sample, mean, log_variance, batch = self.given()
        base, divergence = prior(sample, mean, log_variance, batch)
        mapped, log_slope = prior.flow(sample[:, 2:], batch["domain"])
        q = torch.distributions.Normal(mean, (0.5 * log_variance).exp()).log_prob(sample)[:, 2:]
        p = torch.distributions.Normal(0, 1).log_prob(mapped) + log_slope
        torch.testing.assert_close(divergence[:, 2:], q - p)
        torch.testing.assert_close(divergence[:, :2], normal_divergence(mean, log_variance)[:, :2])
        assert torch.equal(base, torch.cat([sample[:, :2], mapped], 1))

    def test_flow_prior_is_a_density_in_every_domain(self):
        prior = nets.FlowPrior(0, 1, 3)
        line = torch.linspace(-60, 60, 40001).unsqueeze(1)
        for domain in range(3):
            mapped, log_slope = prior.flow(line, torch.full((len(line),), domain))
            density = (log_slope - 0.5 * mapped.square() - 0.5 * math.log(2 * math.pi)).exp()
            assert torch.trapezoid(density[:, 0], line[:, 0]).item() == pytest.approx(1, abs=1e-3)

    def test_conditional_divergence_by_hand(self):
        prior = nets.ConditionalNormal(5, "domain", 3)
        sample, mean, log_variance, batch = self.given()
        base, divergence = prior(sample, mean, log_variance, batch)
        centre, spread = prior.moments(batch["domain"])
        p = torch.distributions.Normal(centre, (0.5 * spread).exp())
        q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        torch.testing.assert_close(divergence, torch.distributions.kl_divergence(q, p))
        torch.testing.assert_close(base, (sample - centre) / p.stddev)

    @pytest.mark.parametrize("build", [lambda: nets.FlowPrior(2, 3, 3), lambda: nets.ConditionalNormal(5, "domain", 3)])
    def test_moving(self, build):
        prior = build()
        sample, _, _, batch = self.given()
        origin = batch["domain"]
        torch.testing.assert_close(prior.move(sample, origin, origin), sample, rtol=1e-4, atol=1e-4)
        target = (origin + 1) % 3
        moved = prior.move(sample, origin, target)
        torch.testing.assert_close(prior.move(moved, target, origin), sample, rtol=1e-4, atol=1e-4)
        base = [
            prior(code, code, 0 * code, nets.Batch({"domain": d}))[0] for code, d in ((sample, origin), (moved, target))
        ]
        torch.testing.assert_close(*base, rtol=1e-3, atol=1e-4)
        if isinstance(prior, nets.FlowPrior):
            assert torch.equal(moved[:, :2], sample[:, :2])
            assert bool((moved[:, 2:] != sample[:, 2:]).any())

    def test_a_prior_without_domains_cannot_move(self):
        with pytest.raises(InputError, match="does not know domains"):
            nets.StandardNormal().move(draw(2, 3), torch.zeros(2), torch.ones(2))


class TestModel:
    batch = nets.Batch({"x": draw(6, 8)})

    def build(self, **options):
        return seeded(lambda: nets.Model((8,), 3, nets.MLP(8, 6), nets.MLP(3, 8), **options), 0)

    def test_the_noise_decides_the_sample(self):
        model, noise = self.build(), draw(6, 3)
        first, again = (model(self.batch, noise) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(values(first), values(again), strict=True))
        other = model(self.batch, noise + 1)
        assert torch.equal(other.mean, first.mean)
        torch.testing.assert_close(other.sample - first.sample, (0.5 * first.log_variance).exp())
        assert torch.equal(model(self.batch, 0 * noise).sample, first.mean)

    def test_forward_draws_nothing(self):
        model, before = self.build(), torch.get_rng_state()
        model(self.batch, draw(6, 3))
        assert torch.equal(torch.get_rng_state(), before)

    def test_a_deterministic_model_has_no_distribution(self):
        model = nets.Model((8,), 3, nets.MLP(8, 3), nets.MLP(3, 8), variational=False)
        code = model(self.batch, draw(6, 0))
        assert code.log_variance is None
        assert code.divergence is None
        assert torch.equal(code.mean, code.sample)
        assert model.noise_size == 0
        assert model.provides == {"mean", "reconstruction", "block 'all'"}

    def test_what_it_provides_and_needs(self):
        model = self.build(heads={"y": nets.MLP(3, 2)}, prior=nets.FlowPrior(1, 2, 4))
        parts = {"mean", "log_variance", "divergence", "reconstruction", "head for 'y'", "block 'all'"}
        assert model.provides == parts
        assert model.needs == ("domain",)
        assert self.build().needs == ()

    def test_standardised_numbers(self):
        model, rows = self.build(), 5 * draw(500, 8) + torch.arange(8)
        model.prepare(rows)
        inner = model.standardise(rows)
        torch.testing.assert_close(inner.mean(0), torch.zeros(8), rtol=0, atol=1e-5)
        torch.testing.assert_close(inner.std(0, correction=0), torch.ones(8), rtol=0, atol=1e-5)
        torch.testing.assert_close(model.standardise.inverse(inner), rows, rtol=1e-5, atol=1e-4)

    def test_pictures_go_to_0_and_1(self):
        model = nets.Model(
            (3, 8, 8), 3, nets.ConvEncoder((3, 8, 8), 6, 4), nets.ConvDecoder(3, (3, 8, 8), 4), squash=True
        )
        pictures = torch.tensor([0, 51, 255], dtype=torch.uint8)[torch.arange(2 * 3 * 64) % 3].reshape(2, 3, 8, 8)
        model.prepare(pictures)
        code = model(nets.Batch({"x": pictures}), draw(2, 3))
        assert code.input.unique().tolist() == pytest.approx([0, 0.2, 1])
        decoded = model.decode(code.mean)
        assert decoded.shape == (2, 3, 8, 8)
        assert 0 <= decoded.min().item() < decoded.max().item() <= 1
        torch.testing.assert_close(decoded, model.decoder(code.mean).sigmoid())

    def test_decoding_returns_to_the_datas_scale(self):
        model, rows = self.build(), 100 + 5 * draw(50, 8)
        model.prepare(rows)
        code = model(nets.Batch({"x": rows}), torch.zeros(50, 3))
        there = code.reconstruction * rows.std(0, correction=0) + rows.mean(0)
        torch.testing.assert_close(model.decode(code.mean), there, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(
            model.standardise(model.decode(code.mean)), code.reconstruction, rtol=1e-4, atol=1e-4
        )

    def test_heads_read_base_coordinates(self):
        model = self.build(heads={"y": nets.MLP(3, 2)}, prior=nets.FlowPrior(1, 2, 4))
        code = model(nets.Batch({"x": draw(6, 8), "domain": torch.arange(6) % 4}), draw(6, 3))
        assert torch.equal(code.heads["y"], model.heads["y"](code.base))
        assert not torch.equal(code.base, code.sample)

    def test_missing_parts_are_named(self):
        with pytest.raises(InputError, match="no decoder"):
            nets.Model((8,), 3, nets.MLP(8, 6)).decode(draw(2, 3))
        with pytest.raises(InputError, match="the batch has no field 'domain': it holds x"):
            self.build(prior=nets.FlowPrior(1, 2, 4))(self.batch, draw(6, 3))

    @pytest.mark.parametrize("shape", [(3, 12, 12), (3, 8, 16), (3, 4, 4), (8, 8)])
    def test_pictures_of_other_sizes_are_refused(self, shape):
        with pytest.raises(InputError, match="a power of two from 8 on"):
            nets.ConvEncoder(shape, 4)
