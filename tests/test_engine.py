"""The engine: many runs as one program give what each gives alone, and what comes out can be used and kept."""

import logging
import math

import numpy as np
import pytest
import torch
from torch import nn

import identikit as ik
from identikit import constraints, nets, tasks
from identikit.engine import progress as shown
from identikit.engine.program import Program
from identikit.errors import InputError, LeakError

DATA, TRUTH = ik.worlds.DomainShift(domains=3).sample(600, seed=0)
QUIET = {"progress": False}


class Explodes(ik.Term):
    """Zero, and so large that a weight above ten makes it infinite once the steps come to `at`."""

    batches_runs = True

    def __init__(self, at):
        super().__init__()
        self.at = at

    def forward(self, code, batch):
        value = 0 * code.mean.sum((-1, -2))
        return value + (3e37 if batch.step >= self.at and code.mean.requires_grad else 0)


class Blows(ik.Term):
    """Its gradient, not its value, is what no longer is a number."""

    batches_runs = True

    def forward(self, code, batch):
        return (0 * code.mean.sum((-1, -2))).sqrt()


def model(encoder=None, decoder=None, **options):
    return nets.Model((8,), 4, encoder or nets.MLP(8, 8, 32), decoder or nets.MLP(4, 8, 32), **options)


def objective():
    return tasks.Reconstruction() + 0.02 * constraints.MatchPrior()


def torch_encoder():
    return nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 8))


def normed():
    # No bias before the norm: its gradient is nothing but rounding, which Adam would magnify.
    return nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRU(1, 8, batch_first=True)

    def forward(self, x):
        return self.cell(x.unsqueeze(-1))[0][:, -1]


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv1d(1, 1, 1)

    def forward(self, x):
        return self.layer(x.unsqueeze(1)).squeeze(1)


KINDS = {
    "grouped": (model, "grouped"),
    "torch": (lambda: model(torch_encoder()), "vmap"),
    "recurrent": (lambda: model(Recurrent()), "loop"),
    "batch norm": (lambda: model(normed()), "vmap"),
    "dropout": (lambda: model(nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.3), nn.Linear(16, 8))), "loop"),
    "convolution": (lambda: model(Convolution()), "loop"),
}  # fmt: skip


def custom(kind):
    return KINDS[kind][0], objective()


def difference(one, other):
    """The largest difference of any parameter or buffer."""
    pairs = zip(one.program.state.values(), other.program.state.values(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


def same(one, other):
    pairs = zip(one.program.state.values(), other.program.state.values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def runs():
    """Three seeds and two weights of the method with every part: domains, labels and a flow."""
    return ik.fit("imsda", DATA, seeds=3, sweep={"MatchPrior": [1, 3]}, steps=60, batch=32, progress=False)


class TestAloneEqualsTogether:
    @pytest.mark.parametrize("method", ["vae", "imsda"])
    def test_in_a_batch_of_32_after_300_steps(self, method):
        sweep = {"MatchPrior": [0.3, 1, 3, 10]}
        settings = {"steps": 300, "batch": 32, "hidden": 16, **QUIET}
        together = ik.fit(method, DATA, seeds=8, sweep=sweep, **settings)
        assert (len(together), together.program.strategy) == (32, "grouped")
        for place, seed, weight in ((0, 0, 0.3), (22, 5, 3.0)):
            alone = ik.fit(method, DATA, seeds=[seed], sweep={"MatchPrior": [weight]}, **settings)
            assert together.table[place].seed == seed
            assert together.table[place].weights == {"MatchPrior": pytest.approx(weight)}
            assert difference(together[place], alone) < 1e-4

    @pytest.mark.parametrize("kind", KINDS)
    def test_with_every_strategy(self, kind, caplog):
        together = ik.fit(custom(kind), DATA, seeds=3, steps=40, batch=32, **QUIET)
        assert together.program.strategy == KINDS[kind][1]
        if together.program.strategy == "loop":
            assert "runs are trained one after another, not as one program" in caplog.text
        else:
            assert not caplog.records
        alone = ik.fit(custom(kind), DATA, seeds=[2], steps=40, batch=32, **QUIET)
        assert difference(together[2], alone) < 1e-4
        assert difference(together[2], together[1]) > 0.01
        assert together.encode().shape == (3, 600, 4)

    @pytest.mark.parametrize("kind", ["grouped", "torch", "batch norm"])
    def test_every_strategy_equals_the_loop(self, kind):
        def run(strategy):
            training = ik.steps(custom(kind), DATA, seeds=2, steps=40, batch=32)
            training.program.strategy = strategy or training.program.strategy
            for _ in training:
                pass
            return ik.result(training)

        assert difference(run(None), run("loop")) < 1e-4
        assert difference(run("vmap"), run("loop")) < 1e-4

    def test_running_statistics_are_kept_for_each_run(self):
        runs = ik.fit(custom("batch norm"), DATA, seeds=2, steps=20, **QUIET)
        buffers = dict(runs.model.named_buffers())
        assert buffers["encoder.1.num_batches_tracked"].tolist() == [20, 20]
        assert not torch.equal(*buffers["encoder.1.running_mean"])

    def test_a_subclass_with_a_forward_of_its_own_is_not_taken_for_a_sequence(self):
        class Flat(nn.Sequential):
            def forward(self, x):
                return super().forward(x.flatten(1))

        runs = ik.fit((lambda: model(Flat(nets.MLP(8, 8, 16))), objective()), DATA, seeds=2, steps=2, **QUIET)
        assert runs.program.strategy == "vmap"

    def test_a_program_may_be_told_its_strategy(self):
        learner = ik.steps(custom("grouped"), DATA, steps=1).job.build(0)
        x, noise = torch.as_tensor(DATA.x[:20]).expand(2, 20, 8), torch.zeros(2, 20, 4)

        def action(learner, x, noise):
            return learner.model(nets.Batch({"x": x}), noise).reconstruction

        results = [Program([learner, learner], s).call(action, x, noise) for s in ("grouped", "vmap", "loop")]
        for other in results[1:]:
            torch.testing.assert_close(results[0], other, rtol=1e-5, atol=1e-5)

    def test_a_reconstruction_from_the_stopped_fallback_names_its_reason(self, caplog):
        ik.fit(custom("convolution"), DATA, steps=1, **QUIET)
        assert "torch maps Conv1d more slowly than a loop" in caplog.text
        assert caplog.records[0].name == "identikit"
        assert caplog.records[0].levelno == logging.WARNING


class TestSeedsAndSweeps:
    def test_a_seed_starts_alike_under_every_weight(self):
        training = ik.steps("vae", DATA, seeds=2, sweep={"MatchPrior": [0, 1]}, steps=5)
        assert training.seeds == [0, 0, 1, 1]
        for name, parameter in training.program.parameters.items():
            assert torch.equal(parameter[0], parameter[1]), name
            if name.endswith("weight"):
                assert not torch.equal(parameter[0], parameter[2]), name

    def test_batches_are_an_epoch_without_repeats_and_shared_by_a_seed(self):
        streams = ik.steps("vae", DATA, seeds=2, sweep={"MatchPrior": [0, 1]}, steps=5, batch=40).streams
        rows = torch.stack([streams.rows(step) for step in range(12)], 1)
        assert torch.equal(rows[0], rows[1])
        assert not torch.equal(rows[0], rows[2])
        assert sorted(rows[0].flatten().tolist()) == DATA.index("train").tolist()
        assert not torch.equal(streams.rows(12)[0], rows[0, 0])
        assert torch.equal(streams.rows(3)[0], rows[0, 3])

    def test_balanced_batches_take_each_domain_equally(self):
        streams = ik.steps("vae", DATA, steps=5, batch=31, balance=True).streams
        for step in range(20):
            counts = np.bincount(DATA["domain"][streams.rows(step)[0].numpy()])
            assert sorted(counts.tolist()) == [10, 10, 11]

    def test_noise_is_standard_normal_and_of_the_step(self):
        streams = ik.steps("vae", DATA, seeds=[3], steps=5).streams
        noise = torch.stack([streams.noise(step) for step in range(40)])
        assert float(noise.mean()) == pytest.approx(0, abs=0.05)
        assert float(noise.std()) == pytest.approx(1, abs=0.05)
        assert len({tuple(n.flatten()[:4].tolist()) for n in noise}) == 40
        assert torch.equal(streams.noise(2), noise[2])

    def test_a_sweep_is_a_factor_of_the_weight(self):
        swept = ik.fit((model, objective()), DATA, sweep={"MatchPrior": [5]}, steps=30, **QUIET)
        plain = ik.fit((model, tasks.Reconstruction() + 0.1 * constraints.MatchPrior()), DATA, steps=30, **QUIET)
        assert difference(swept, plain) < 1e-6
        assert swept.table[0].weights == {"MatchPrior": 5}

    def test_every_combination_with_every_seed(self):
        sweep = {"MatchPrior": [1, 2], "Classification": [0, 1, 2]}
        runs = ik.fit("imsda", DATA, seeds=[4, 7], sweep=sweep, steps=2, **QUIET)
        assert [run.seed for run in runs.table] == [4] * 6 + [7] * 6
        assert [tuple(run.weights.values()) for run in runs.table[:6]] == [(a, b) for a in (1, 2) for b in (0, 1, 2)]

    def test_an_axis_in_the_objective_is_a_sweep(self):
        weighed = tasks.Reconstruction() + 0.02 * ik.axis([1, 5]) * constraints.MatchPrior()
        own = ik.fit((model, weighed), DATA, steps=20, **QUIET)
        assert same(own, ik.fit((model, objective()), DATA, sweep={"MatchPrior": [1, 5]}, steps=20, **QUIET))


class TestSelection:
    def test_last_keeps_the_last_step(self, runs):
        assert {(run.status, run.step) for run in runs.table} == {("finished", 60)}
        assert runs.select("last").table == runs.table

    def test_validation_keeps_the_best_step(self):
        runs = ik.fit("vae", DATA, seeds=3, steps=60, lr=ik.ramp(0.02, 0.5, steps=60), select="validation", **QUIET)
        losses = np.array(runs.history["validation"])
        for i, run in enumerate(runs.table):
            assert run.validation == pytest.approx(losses[:, i].min(), rel=1e-6)
            assert run.step == runs.history["step"][losses[:, i].argmin()]
        assert {run.step for run in runs.table} != {60}
        with pytest.raises(InputError, match="kept their best parameters, not their last"):
            runs.select("last")

    def test_the_kept_parameters_are_those_of_the_kept_step(self):
        settings = {"seeds": [1], "lr": ik.ramp(0.02, 0.5, steps=50), "batch": 32}
        best = ik.fit("vae", DATA, steps=50, select="validation", **settings, **QUIET)
        step = best.table[0].step
        assert step < 50
        assert same(best, ik.fit("vae", DATA, steps=step, **settings, **QUIET))

    def test_validation_picks_the_best_seed_of_each_setting(self, runs):
        chosen = runs.select("validation")
        assert chosen.rule == "validation"
        assert [run.weights["MatchPrior"] for run in chosen.table] == [1, 3]
        for run in chosen.table:
            peers = [other.validation for other in runs.table if other.weights == run.weights]
            assert run.validation == min(peers)

    def test_agreement_picks_the_run_most_like_the_others(self, runs):
        chosen = runs[[0, 2, 4]].select("agreement")
        codes = runs[[0, 2, 4]].encode(DATA.part("validation"))
        means = [
            np.mean([ik.metrics.mcc(codes[j], codes[i], nulls=0).value for j in range(3) if j != i]) for i in range(3)
        ]
        assert chosen.table[0].seed == int(np.argmax(means))

    def test_agreement_needs_two_seeds(self, runs):
        with pytest.raises(InputError, match="there is only one"):
            runs[[0, 1]].select("agreement")

    def test_oracle_is_labelled_and_needs_the_truth(self, runs):
        chosen = runs.select("oracle", truth=TRUTH)
        assert "chosen by oracle" in repr(chosen)
        scores = [ik.metrics.mcc(c, TRUTH.part("test").latents, nulls=0).value for c in runs.encode(DATA.part("test"))]
        assert [run.seed for run in chosen.table] == [int(np.argmax(scores[0::2])), int(np.argmax(scores[1::2]))]
        with pytest.raises(InputError, match="hand it truth="):
            runs.select("oracle")

    @pytest.mark.parametrize("rule", ["last", "validation", "agreement"])
    def test_no_other_rule_may_see_the_truth(self, runs, rule):
        with pytest.raises(LeakError, match="may not see a Truth"):
            runs.select(rule, truth=TRUTH)

    def test_an_unknown_rule(self, runs):
        with pytest.raises(InputError, match="unknown selection rule 'validatoin': did you mean 'validation'"):
            runs.select("validatoin")

    def test_early_stopping(self):
        runs = ik.fit("vae", DATA, seeds=2, steps=6000, lr=0.3, select="validation", patience=2, **QUIET)
        assert {run.status for run in runs.table} == {"stopped early"}
        ends = runs.history["step"][-1]
        assert ends < 6000
        assert all(run.step <= ends - 200 for run in runs.table)


class TestDivergence:
    def test_one_run_that_diverges_leaves_the_others_alone(self):
        settings = {"steps": 60, "batch": 32, **QUIET}
        weighed = objective() + ik.axis([0, 1e37], name="wild") * Size()
        runs = ik.fit((model, weighed), DATA, seeds=2, **settings)
        assert [run.status.split(" at ")[0] for run in runs.table] == ["finished", "diverged", "finished", "diverged"]
        assert same(runs[[0, 2]], ik.fit((model, objective()), DATA, seeds=2, **settings))
        assert all(bool(torch.isfinite(tensor).all()) for tensor in runs.program.state.values())
        assert [run.weights["wild"] for run in runs.select("validation").table] == pytest.approx([0, 1e37])

    def test_a_diverged_run_is_set_back_to_where_it_was_validated(self):
        weighed = objective() + ik.axis([1, 20], name="wild") * Explodes(at=25)
        runs = ik.fit((model, weighed), DATA, seeds=2, steps=60 * 4, batch=32, **QUIET)
        assert [run.status for run in runs.table] == ["finished", "diverged at step 25"] * 2
        settings = {"seeds": 2, "batch": 32, "sweep": {"MatchPrior": [1, 1]}}
        training = ik.steps((model, objective()), DATA, steps=60 * 4, **settings)
        for step, _ in training:
            if step == 23:
                break
        assert same(runs[[1, 3]], ik.result(training)[[1, 3]])

    def test_every_run_diverged_is_one_sentence(self):
        with pytest.raises(InputError, match="every run diverged, the first at step 5: lower lr") as error:
            ik.fit((model, objective() + 100 * Explodes(at=5)), DATA, steps=60, **QUIET)
        assert "\n" not in str(error.value)

    def test_no_parameter_is_ever_returned_that_is_no_number(self):
        weighed = objective() + ik.axis([0.0, 1.0], name="wild") * Blows()
        with pytest.raises(InputError, match="every run diverged"):
            ik.fit((model, weighed), DATA, steps=1, **QUIET)


class Size(ik.Term):
    """Grows without bound where its weight is enormous."""

    batches_runs = True

    def forward(self, code, batch):
        return code.mean.square().square().sum((-1, -2))


class TestLoopOfYourOwn:
    def test_steps_equal_fit(self, runs):
        training = ik.steps("imsda", DATA, seeds=3, sweep={"MatchPrior": [1, 3]}, steps=60, batch=32)
        seen = list(training)
        assert [step for step, _ in seen] == list(range(60))
        assert all(part.shape == (6,) for _, parts in seen for part in parts.values())
        assert same(ik.result(training), runs)

    def test_total_is_the_weighted_sum(self):
        weighed = 0.5 * tasks.Reconstruction() + ik.axis([1, 4]) * constraints.MatchPrior()
        for _, parts in ik.steps((model, weighed), DATA, steps=3):
            expected = 0.5 * parts["Reconstruction"] + torch.tensor([1, 4]) * parts["MatchPrior"]
            torch.testing.assert_close(parts["total"], expected)
            assert not any(part.requires_grad for part in parts.values())

    def test_stopping_halfway(self):
        training = ik.steps("vae", DATA, steps=60, lr=1e-3)
        for step, _ in training:
            if step == 19:
                break
        halfway = ik.result(training)
        assert (halfway.table[0].status, halfway.table[0].step) == ("interrupted", 20)
        assert same(halfway, ik.fit("vae", DATA, steps=20, lr=1e-3, **QUIET))

    @pytest.mark.parametrize(("steps", "checks"), [(1, 1), (59, 59), (60, 60), (131, 66), (301, 61)])
    def test_history(self, steps, checks):
        runs = ik.fit("vae", DATA, seeds=2, steps=steps, batch=16, hidden=4, **QUIET)
        assert {name: len(values) for name, values in runs.history.items()} == dict.fromkeys(
            ("step", "validation", "total", "Reconstruction", "MatchPrior"), checks
        )
        every = max(1, steps // 60)
        assert runs.history["step"] == sorted({*range(every, steps + 1, every), steps})
        assert all(len(row) == 2 for row in runs.history["total"])
        assert runs.table[0].validation == pytest.approx(runs.history["validation"][-1][0])

    def test_training_lowers_the_loss(self, runs):
        assert np.mean(runs.history["total"][-1]) < 0.8 * np.mean(runs.history["total"][0])
        assert np.mean(runs.history["validation"][-1]) < 0.8 * np.mean(runs.history["validation"][0])


class Interrupts(ik.Term):
    """As if the user pressed Ctrl-C."""

    batches_runs = True

    def forward(self, code, batch):
        if batch.step == 30 and code.mean.requires_grad:
            raise KeyboardInterrupt
        return 0 * code.mean.sum((-1, -2))


class TestInterruption:
    def test_it_returns_the_runs_and_says_where_they_are(self, caplog):
        runs = ik.fit((model, objective() + Interrupts()), DATA, seeds=2, steps=60, **QUIET)
        assert {(run.status, run.step) for run in runs.table} == {("interrupted", 30)}
        message = caplog.records[-1].getMessage()
        assert message.startswith("interrupted at step 30 of 60")
        kept = ik.Runs.load(message.split()[-1], DATA, (model, objective() + Interrupts()))
        assert same(kept, runs)

    def test_with_a_folder_it_keeps_the_checkpoint_and_goes_on(self, tmp_path, caplog):
        what = (model, objective() + Interrupts())
        runs = ik.fit(what, DATA, steps=60, checkpoint=tmp_path, checkpoint_every=0, **QUIET)
        assert runs.table[0].status == "interrupted"
        assert (tmp_path / "checkpoint.safetensors").exists()
        assert not (tmp_path / "runs.safetensors").exists()
        assert str(tmp_path) in caplog.text
        caplog.clear()
        caplog.set_level(logging.INFO, "identikit")
        ik.fit(what, DATA, steps=60, checkpoint=tmp_path, checkpoint_every=0, **QUIET)
        assert f"going on from step 30 in {tmp_path}" in caplog.text

    def test_with_a_folder_and_no_checkpoint_yet_the_runs_are_where_it_says(self, tmp_path, caplog):
        what = (model, objective() + Interrupts())
        runs = ik.fit(what, DATA, steps=60, checkpoint=tmp_path, checkpoint_every=1e6, **QUIET)
        where = caplog.records[-1].getMessage().split()[-1]
        assert same(ik.Runs.load(where, DATA, what), runs)


class TestGoodManners:
    @pytest.mark.parametrize("kind", [*KINDS, "imsda"])
    def test_the_callers_random_state_is_untouched(self, kind):
        before = torch.get_rng_state()
        numpy_before = np.random.get_state()[1].copy()
        runs = ik.fit("imsda" if kind == "imsda" else custom(kind), DATA, seeds=2, steps=3, batch=32, **QUIET)
        runs.encode()
        assert torch.equal(torch.get_rng_state(), before)
        assert np.array_equal(np.random.get_state()[1], numpy_before)

    def test_the_callers_random_state_decides_nothing(self):
        torch.manual_seed(1)
        first = ik.fit(custom("dropout"), DATA, steps=10, **QUIET)
        torch.manual_seed(2)
        assert same(first, ik.fit(custom("dropout"), DATA, steps=10, **QUIET))

    def test_the_callers_threads_are_restored(self):
        torch.set_num_threads(2)
        try:
            for step, _ in ik.steps("vae", DATA, steps=10):
                assert torch.get_num_threads() == 2
                if step == 5:
                    break
            ik.fit("vae", DATA, steps=2, **QUIET).encode()
            assert torch.get_num_threads() == 2
            with pytest.raises(InputError):
                ik.fit((model, objective() + 100 * Explodes(at=0)), DATA, steps=2, **QUIET)
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(1)

    def test_the_callers_model_and_objective_are_untouched(self):
        own, terms = model(), objective()
        before = [p.detach().clone() for p in own.parameters()]
        ik.fit((own, terms), DATA, steps=5, sweep={"MatchPrior": [1, 2]}, **QUIET)
        assert all(torch.equal(a, b) for a, b in zip(own.parameters(), before, strict=True))
        assert terms.axes == {}

    def test_lines_where_there_is_no_terminal(self, monkeypatch, capsys):
        monkeypatch.setattr(shown, "_EVERY", 0.0)
        ik.fit("vae", DATA, seeds=2, steps=5)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 5
        assert lines[-1].startswith("vae: step 5 of 5, about 0 s left, total ")
        assert lines[-1].endswith("2 of 2 runs alive")
        ik.fit("vae", DATA, steps=5, progress=False)
        assert capsys.readouterr().err == ""

    def test_a_short_fit_prints_nothing(self, capsys):
        ik.fit("vae", DATA, steps=3)
        assert capsys.readouterr() == ("", "")


class TestRuns:
    def test_indexing(self, runs):
        assert len(runs) == 6
        codes = runs.encode()
        for index, expected in ((4, [4]), (-1, [5]), (slice(1, 4), [1, 2, 3]), ([5, 0], [5, 0])):
            part = runs[index]
            assert part.table == tuple(runs.table[i] for i in expected)
            np.testing.assert_allclose(part.encode(), codes[expected], atol=1e-5)
            assert [len(row) for row in part.history["total"]] == [len(expected)] * 60
            assert part.history["validation"][7] == [runs.history["validation"][7][i] for i in expected]

    def test_encode_equals_the_model_run_by_hand(self, runs):
        own, _ = ik.methods.imsda.build(DATA)
        state = {name: tensor[3] for name, tensor in runs.model.state_dict().items()}
        own.load_state_dict(state)
        code = own(
            nets.Batch({"x": torch.as_tensor(DATA.x), "domain": torch.as_tensor(DATA["domain"])}), torch.zeros(600, 4)
        )
        np.testing.assert_allclose(runs.encode()[3], code.mean.detach(), atol=1e-5)
        np.testing.assert_allclose(runs.predict()[3], code.heads["y"].softmax(-1).detach(), atol=1e-5)
        np.testing.assert_allclose(runs.decode(runs.encode())[3], own.decode(code.mean).detach(), atol=1e-4)

    def test_many_rows_equal_few(self, runs):
        rows = np.arange(2500) % 600
        np.testing.assert_allclose(runs.encode(DATA.take(rows)), runs.encode()[:, rows], atol=1e-5)

    def test_predictions_are_probabilities_that_fit_the_labels(self):
        data = ik.worlds.DomainShift(domains=3, unlabelled=0, mixing="linear").sample(900, seed=1)[0]
        runs = ik.fit("imsda", data, steps=300, label_weight=5.0, lr=5e-3, **QUIET)
        p = runs.predict(data)
        assert p.shape == (1, 900, 2)
        np.testing.assert_allclose(p.sum(-1), 1, atol=1e-5)
        assert (p[0].argmax(-1) == data["y"]).mean() > 0.7

    def test_decode_accepts_one_code_for_all(self, runs):
        codes = runs.encode()[0][:7]
        together = runs.decode(codes)
        assert together.shape == (6, 7, 8)
        np.testing.assert_allclose(together, runs.decode(np.stack([codes] * 6)), atol=1e-5)
        with pytest.raises(InputError, match=r"codes have 4 latents, and these have shape \(7, 3\)"):
            runs.decode(codes[:, :3])

    def test_intervene_replaces_a_block_only(self, runs):
        codes = runs.encode()
        np.testing.assert_allclose(runs.intervene(), runs.decode(codes), atol=1e-5)
        codes[:, :, 2:] = 1.5
        np.testing.assert_allclose(runs.intervene(change={"changing": 1.5}), runs.decode(codes), atol=1e-5)
        codes[:, :, 0] = np.linspace(0, 1, 600)
        change = {"changing": 1.5, 0: np.linspace(0, 1, 600)[:, None]}
        np.testing.assert_allclose(runs.intervene(change=change), runs.decode(codes), atol=1e-5)

    @pytest.mark.parametrize(
        ("place", "message"), [("changin", "did you mean 'changing'"), (4, "no latent 4: the code has 4")]
    )
    def test_intervene_elsewhere_is_refused(self, runs, place, message):
        with pytest.raises(InputError, match=message):
            runs.intervene(change={place: 0.0})

    def test_transfer_moves_the_changing_block_only(self, runs):
        moved = runs.transfer(DATA, "domain 2")
        assert moved.shape == (6, 600, 8)
        stays = DATA["domain"] == 2
        plain = runs.decode(runs.encode())
        np.testing.assert_allclose(moved[:, stays], plain[:, stays], atol=1e-3)
        assert np.abs(moved[:, ~stays] - plain[:, ~stays]).max() > 0.01
        np.testing.assert_array_equal(runs.transfer(DATA, 2), moved)

    @pytest.mark.parametrize(("domain", "message"), [("domain 9", "did you mean 'domain"), (3, "3"), (-1, "-1")])
    def test_transfer_to_no_domain_is_refused(self, runs, domain, message):
        with pytest.raises(InputError, match=message):
            runs.transfer(DATA, domain)

    def test_transfer_needs_a_prior_that_knows_domains(self):
        with pytest.raises(InputError, match="does not know domains"):
            ik.fit("vae", DATA, steps=1, **QUIET).transfer(DATA, 1)

    def test_data_of_another_kind_is_refused(self, runs):
        other, _ = ik.worlds.DomainShift(domains=3, observed=9).sample(60)
        with pytest.raises(InputError, match=r"fitted on rows of shape \(8,\), and x has \(9,\)"):
            runs.encode(other)
        with pytest.raises(LeakError):
            runs.encode(TRUTH)

    def test_data_with_other_domains_is_refused_where_domains_are_read(self, runs):
        other, _ = ik.worlds.DomainShift(domains=5).sample(60)
        with pytest.raises(InputError, match="domain"):
            runs.predict(other)

    def test_predicting_what_was_not_learned_is_refused(self, runs):
        with pytest.raises(InputError, match="without a head for 'z': it predicts y"):
            runs.predict(field="z")

    def test_saving_and_loading(self, runs, tmp_path):
        runs.save(tmp_path)
        again = ik.Runs.load(tmp_path, DATA)
        assert same(again, runs)
        assert (again.table, again.history, again.settings) == (runs.table, runs.history, runs.settings)
        assert (again.schema, again.rule, again.source, again.blocks) == (runs.schema, "last", runs.source, runs.blocks)
        np.testing.assert_array_equal(again.encode(), runs.encode())

    def test_loading_without_data_asks_for_it(self, runs, tmp_path):
        runs[:2].save(tmp_path)
        again = ik.Runs.load(tmp_path)
        assert len(again) == 2
        with pytest.raises(InputError, match="the data of this fit is not at hand"):
            again.encode()
        np.testing.assert_array_equal(again.encode(DATA), runs[:2].encode())
        with pytest.raises(InputError, match="fitted on other data"):
            ik.Runs.load(tmp_path, DATA.part("test"))

    @pytest.mark.parametrize("kind", ["grouped", "torch", "batch norm"])
    def test_a_learner_of_your_own_is_saved_and_loaded(self, kind, tmp_path):
        runs = ik.fit(custom(kind), DATA, seeds=2, steps=5, **QUIET)
        runs.save(tmp_path)
        with pytest.raises(InputError, match="model of your own: hand load its"):
            ik.Runs.load(tmp_path)
        again = ik.Runs.load(tmp_path, DATA, custom(kind))
        np.testing.assert_allclose(again.encode(), runs.encode(), atol=1e-6)

    def test_a_model_that_does_not_fit_is_refused(self, tmp_path):
        ik.fit(custom("grouped"), DATA, steps=2, **QUIET).save(tmp_path)
        with pytest.raises(InputError, match=r"do not fit the model: 'model\.encoder\.layers\.0\.weight' differs"):
            ik.Runs.load(tmp_path, DATA, (lambda: model(nets.MLP(8, 8, 16)), objective()))

    def test_pictures(self):
        pictures = np.random.default_rng(0).integers(0, 256, (80, 3, 8, 8), dtype=np.uint8)
        data = ik.datasets.from_arrays(pictures)
        runs = ik.fit("vae", data, seeds=2, steps=3, batch=16, hidden=8, **QUIET)
        assert runs.program.strategy == "grouped"
        assert runs.encode().shape == (2, 80, 4)
        assert runs.intervene(change={0: 0.0}).shape == (2, 80, 3, 8, 8)
        alone = ik.fit("vae", data, seeds=[1], steps=3, batch=16, hidden=8, **QUIET)
        assert difference(runs[1], alone) < 1e-4

    def test_data_without_validation_rows(self):
        data = ik.datasets.from_arrays(DATA.x, splits=(1, 0, 0))
        runs = ik.fit("vae", data, seeds=2, steps=5, **QUIET)
        assert all(math.isnan(run.validation) for run in runs.table)
        with pytest.raises(InputError, match="no validation rows"):
            runs.select("validation")


def test_numbers_are_predicted_as_they_are():
    data = DATA.add("twice", 2 * DATA["x"][:, :1])
    model = ik.Model((8,), 4, ik.nets.MLP(8, 8), ik.nets.MLP(4, 8), heads={"twice": ik.nets.MLP(4, 1)})
    objective = ik.tasks.Reconstruction() + ik.tasks.Regression("twice") + 0.01 * ik.constraints.MatchPrior()
    runs = ik.fit((model, objective), data, steps=300, lr=1e-2, progress=False)
    predicted = runs.predict(data, "twice")[0]
    assert predicted.shape == (data.rows, 1)
    assert np.corrcoef(predicted[:, 0], data["twice"][:, 0])[0, 1] > 0.9


def test_agreement_takes_latents_that_say_nothing():
    from identikit.engine.selection import _matched

    codes = np.random.default_rng(0).normal(size=(50, 2))
    assert _matched(codes, codes[:, ::-1]) == pytest.approx(1)
    assert _matched(np.column_stack([codes[:, 0], np.ones(50)]), codes) == pytest.approx(0.5)


def test_arrays_that_may_not_be_written_to_are_fitted_and_encoded():
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    x.flags.writeable = False
    data = ik.datasets.from_arrays(x)
    data.x.flags.writeable = False
    runs = ik.fit("vae", data, latents=2, steps=5, batch=16, progress=False)
    assert runs.encode(data).shape == (1, 200, 2)


class TestHiddenCategories:
    """A domain that is hidden where it is read is one sentence; where it is not read, it may be hidden."""

    held_out = DATA.split == 2
    unnamed = DATA.hide("domain", held_out)

    @pytest.mark.parametrize("method", ["imsda", "ivae", "dann", "mmd", "moment_matching", "content_style"])
    def test_in_training_it_is_refused(self, method):
        some = DATA.hide("domain", np.arange(DATA.rows) < 40)
        hidden = int((some["domain"][DATA.split != 2] == -1).sum())
        with pytest.raises(InputError, match=f"'domain' is hidden in {hidden} of .* rows of train and validation"):
            ik.fit(method, some, steps=1, **QUIET)

    def test_terms_that_read_it_say_so_without_balanced_batches_too(self):
        some = DATA.hide("domain", DATA.split == 1)
        for term in (constraints.MatchDomains(3, "all"), constraints.AdversarialDomains(4, 3)):
            with pytest.raises(InputError, match="'domain' is hidden in"):
                ik.fit((model(), objective() + term), some, steps=1, **QUIET)

    def test_of_test_rows_only_the_parts_that_read_it_ask_for_it(self):
        runs = ik.fit("dann", self.unnamed, steps=2, **QUIET)
        assert np.isfinite(runs.encode()).all()
        runs = ik.fit("imsda", self.unnamed, steps=2, **QUIET)
        assert np.isfinite(runs.encode()).all()
        for ask in (runs.base, runs.predict, runs.simulate, lambda: runs.transfer(self.unnamed, 0)):
            with pytest.raises(InputError, match=f"'domain' is hidden in {self.held_out.sum()} of 600 rows, and imsda"):
                ask()
        with pytest.raises(InputError, match="and ivae reads it"):
            ik.fit("ivae", self.unnamed, steps=2, **QUIET).encode()

    def test_a_prior_of_its_own_for_hidden_domains_takes_them(self):
        prior = nets.EnvironmentPrior(2, 2, 3, layers=1)
        runs = ik.fit((model(prior=prior), objective()), DATA.hide("domain", DATA["y"] == 0), steps=2, **QUIET)
        assert np.isfinite(runs.base()).all()
        with pytest.raises(InputError, match="'domain' is hidden in"):
            runs.simulate()


def test_a_fit_with_an_inner_player_and_decay_goes_on_from_a_snapshot():
    settings = {"seeds": 2, "steps": 60, "batch": 32, "weight_decay": 0.5, "balance": True}
    prior = nets.EnvironmentPrior(2, 2, 3, layers=1)
    blocks = {"all": (0, 1, 2, 3), "first": (0, 1)}
    what = model(prior=prior, blocks=blocks), objective() + constraints.AdversarialDomains(2, 3, "first")
    whole, half, again = (ik.steps(what, DATA, **settings) for _ in range(3))
    for _ in whole:
        pass
    for step, _ in half:
        if step == 29:
            break
    # The weights of the mixture have no gradient while every domain is known, and so no moments.
    tensors, note = half.snapshot()
    assert not any("logits" in name for name in tensors if name.startswith("adam/"))
    again.resume({name: tensor.clone() for name, tensor in tensors.items()}, note)
    for _ in again:
        pass
    assert all(torch.equal(a, b) for a, b in zip(*(t.program.state.values() for t in (whole, again)), strict=True))
