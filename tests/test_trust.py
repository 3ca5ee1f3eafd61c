"""Certificates: what each part of the evidence finds, what follows from it, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import identikit as ik
from identikit.data import Truth
from identikit.engine.selection import independence
from identikit.errors import InputError, LeakError
from identikit.metrics.dependence import dependence
from identikit.trust import CHECKS, agree, certify, cost, look, refit, view
from identikit.trust.evidence import TAKES, best_third, expected_score
from identikit.trust.verdict import ENOUGH, LITTLE, judge


def world(domains=3, rows=900, **options):
    return ik.worlds.DomainShift(domains=domains, **options).sample(rows, seed=0)


@pytest.fixture(scope="module")
def data():
    return world()[0]


@pytest.fixture(scope="module")
def runs(data):
    return ik.fit("imsda", data, seeds=3, steps=60, progress=False)


@pytest.fixture(scope="module")
def certificate(runs, data):
    return certify(runs, data, refit_seeds=2, refit_steps=30, progress=False)


# --- a fitted run as a world


def test_simulated_data_have_the_shape_and_the_hidden_labels_of_the_data(runs, data):
    again, truth = runs.simulate(0)
    assert again.x.shape == data.x.shape
    assert again.x.dtype == data.x.dtype
    assert np.array_equal(again["domain"], data["domain"])
    assert np.array_equal(again["y"] == -1, data["y"] == -1)
    assert np.array_equal(again.split, data.split)
    assert truth.blocks == runs.blocks


def test_simulated_data_are_the_decoded_codes_and_a_residual_of_the_data(runs, data):
    again, truth = runs.simulate(1)
    left = again.x - runs[1].decode(truth.latents)[0]
    train = data.part("train")
    seen = train.x - runs[1].decode(runs[1].encode(train)[0])[0]
    gaps = np.abs(left[:50, None] - seen[None]).max(2).min(1)
    assert gaps.max() < 1e-4


def test_simulation_is_a_function_of_run_and_seed(runs):
    (one, _), (same, _), (other, _), (third, _) = (
        runs.simulate(0), runs.simulate(0), runs.simulate(0, seed=1), runs.simulate(1)
    )  # fmt: skip
    assert np.array_equal(one.x, same.x)
    assert not np.allclose(one.x, other.x)
    assert not np.allclose(one.x, third.x)


def test_codes_are_drawn_from_the_prior_of_their_domain():
    data, _ = world(rows=3000, shift="moments")
    runs = ik.fit("ivae", data, seeds=1, steps=300, progress=False)
    _, truth = runs.simulate(0)
    prior = runs.model.prior
    import torch

    with torch.no_grad():
        centre, spread = prior.moments(torch.arange(3)[None])
    for d in range(3):
        codes = truth.latents[data["domain"] == d]
        assert codes.mean(0) == pytest.approx(centre[0, d].numpy(), abs=0.15)
        assert codes.std(0) == pytest.approx(np.exp(0.5 * spread[0, d].numpy()), rel=0.1)


def test_changing_codes_return_to_standard_normal_in_base_coordinates(runs, data):
    _, truth = runs.simulate(0)
    assert truth.latents[:, :2].std(0) == pytest.approx(1, abs=0.1)


def test_nothing_is_simulated_without_prior_or_decoder(data):
    runs = ik.fit("autoencoder", data, steps=5, progress=False)
    with pytest.raises(InputError, match="autoencoder has no prior"):
        runs.simulate(0)


# --- refit


def test_a_refit_has_seeds_and_parameters_of_its_own(runs, data):
    again, truth = refit(runs, data, seeds=2, steps=20, progress=False)
    assert not {r.seed for r in again.table} & {r.seed for r in runs.table}
    assert again.settings.options == runs.settings.options
    assert again.settings.steps == 20
    assert truth.rows == data.rows


def test_a_refit_of_a_model_of_ones_own_needs_the_recipe(data):
    def model():
        return ik.Model((8,), 2, encoder=ik.nets.MLP(8, 4), decoder=ik.nets.MLP(2, 8))

    objective = ik.tasks.Reconstruction() + 0.02 * ik.constraints.MatchPrior()
    runs = ik.fit((model, objective), data, seeds=2, steps=10, progress=False)
    with pytest.raises(InputError, match="hand over learner="):
        certify(runs, data)
    found = certify(runs, data, learner=(model, objective), progress=False)
    assert set(found.claims.values()) == {"block"}
    assert found.refit


def test_a_refit_with_another_learning_rate_needs_that_rate(data):
    runs = ik.fit("vae", data, seeds=2, steps=10, lr=ik.ramp(0, 0.01, steps=5), progress=False)
    with pytest.raises(InputError, match="hand it over as lr="):
        certify(runs, data)
    numbered = ik.fit("vae", data, seeds=2, steps=10, lr=0.005, progress=False)
    again, _ = refit(numbered, data, progress=False)
    assert again.settings.lr == numbered.settings.lr


def test_a_refit_keeps_the_swept_weight(data):
    swept = ik.fit("vae", data, seeds=2, steps=10, sweep={"MatchPrior": [0.5, 2.0]}, progress=False)
    again, _ = refit(swept[[1, 3]], data, progress=False)
    assert [run.weights for run in again.table] == [{"MatchPrior": 2.0}] * 2


# --- agreement


def test_agreement_of_permuted_flipped_and_bent_codes_is_one():
    s = np.random.default_rng(0).normal(size=(500, 3))
    found = agree(s, [np.stack([-s[:, 2], s[:, 0] ** 3, np.exp(s[:, 1])], axis=1)], {"all": (0, 1, 2)}, nulls=5)
    assert found.matched.min() > 0.999
    assert found.in_block.min() > 0.9
    assert found.pairs["all"][0].nulls["permuted rows"].high < 0.2


def test_a_rotation_is_mixed_and_not_matched():
    s = np.random.default_rng(0).normal(size=(600, 2))
    turned = s @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    found = agree(s, [turned], {"all": (0, 1)}, nulls=0)
    assert found.matched.max() < 0.8
    assert found.in_block.min() > 0.95


def test_what_moved_to_another_block_is_found_in_the_whole_code_only():
    s = np.random.default_rng(0).normal(size=(600, 2))
    found = agree(s, [s[:, ::-1]], {"a": (0,), "b": (1,)}, nulls=0)
    assert found.matched.max() < 0.2
    assert found.in_block.max() < 0.1
    assert found.in_code.min() > 0.95


def test_a_constant_latent_agrees_with_nothing():
    s = np.random.default_rng(0).normal(size=(100, 2)) * [1, 0]
    found = agree(s, [s], {"all": (0, 1)}, nulls=0)
    assert found.matched[0].tolist() == pytest.approx([1.0, 0.0])


def test_the_best_third_is_of_whole_runs():
    values = np.array([[1.0, 0.2], [0.8, 0.8], [0.1, 0.9], [0.0, 0.0]])
    assert best_third(values).tolist() == pytest.approx([0.9, 0.5])


# --- dependence and the rule that uses it


def test_dependence_sees_turned_latents_of_unequal_spread():
    z = np.random.default_rng(0).normal(size=(4000, 2)) * [1.0, 3.0]
    turned = z @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    domain = np.arange(4000) % 4
    assert dependence(z, domain)[0, 1] < 0.1
    assert dependence(turned, domain)[0, 1] > 0.6


def test_dependence_is_within_domains():
    rng = np.random.default_rng(0)
    domain = np.arange(2000) % 2
    shifted = rng.normal(size=(2000, 2)) + 5 * domain[:, None]
    assert dependence(shifted, np.zeros(2000, int))[0, 1] > 0.6
    assert dependence(shifted, domain)[0, 1] < 0.1
    assert dependence(shifted[:30], np.arange(30) % 3) is None


def test_the_rule_independence_takes_the_least_dependent_of_the_better_half(runs, data):
    chosen = runs.select("independence")
    scores, losses = independence(runs), np.array([run.validation for run in runs.table])
    better = np.flatnonzero(losses <= np.median(losses))
    assert chosen.table[0].seed == runs.table[better[scores[better].argmax()]].seed
    assert chosen.rule == "independence"


# --- checks of assumptions


def checked(name, method, data, **options):
    fitted = ik.fit(method, data, seeds=2, progress=False, **{"steps": 60, **options})
    (finding,) = look(view(fitted, data), [name])
    return finding


@pytest.mark.parametrize(("domains", "ok"), [(5, True), (4, False)])
def test_twice_as_many_domains_as_changing_latents_and_one(domains, ok):
    finding = checked("enough domains", "imsda", world(domains=domains)[0])
    assert (finding.value, finding.ok, finding.fatal, finding.latents) == (domains / 5, ok, True, (2, 3))


def test_domains_that_are_alike_have_no_variability():
    data, _ = world(domains=9, rows=2700)
    runs = ik.fit("imsda", data, seeds=2, steps=60, progress=False)
    assert look(view(runs, data), ["variability"])[0].value > 0.02
    alike = dataclasses.replace(
        data, fields={**data.fields, "domain": np.random.default_rng(0).permutation(data["domain"])}
    )
    same = ik.fit("imsda", alike, seeds=2, steps=60, progress=False)
    finding = look(view(same, alike), ["variability"])[0]
    assert finding.value < 0.02
    assert finding.ok is False
    assert finding.parts["low"] <= finding.parts["high"] < 0.1


def test_more_latents_than_observations_cannot_be_invertible(data):
    finding = checked("invertibility", "vae", data, latents=9)
    assert finding.ok is False
    assert finding.fatal
    assert "9 latents are to be read from 8 observations" in finding.says


def test_too_few_latents_leave_something_unexplained(data):
    finding = checked("reconstruction", "vae", data, latents=1, steps=400)
    assert finding.ok is False
    assert finding.value < 0.9


def test_a_heavy_prior_collapses_the_posterior(data):
    finding = checked("collapse", "beta_vae", data, beta=400.0, steps=300)
    assert finding.ok is False
    assert finding.latents
    assert min(finding.parts.values()) < 0.5


def test_a_method_that_claims_less_is_not_certified_for_more(data):
    runs = ik.fit("vae", data, seeds=2, steps=60, progress=False)
    (finding,) = look(view(runs, data, claims={"all": "components"}), ["claim"])
    assert finding.ok is False
    (finding,) = look(view(runs, data), ["claim"])
    assert finding.ok is True


def test_a_method_that_claims_nothing_is_not_certified(data):
    runs = ik.fit("random_encoder", data, seeds=2, steps=2, progress=False)
    (finding,) = look(view(runs, data), ["claim"])
    assert finding.ok is False
    assert "random_encoder claims 'nothing'" in finding.says
    assert ik.certify(runs, data, parts=("agreement", "assumptions"), progress=False).verdict == "refused"


def test_the_condition_is_that_of_the_map_where_it_is_known():
    import torch

    from identikit.trust.decoder import jacobians

    data, _ = world()
    runs = ik.fit("vae", data, seeds=2, latents=2, steps=5, progress=False)
    seen = view(runs, data)
    matrices = jacobians(seen)
    codes = torch.as_tensor(seen.code, dtype=torch.float32)
    few = np.random.default_rng(0).permutation(len(codes))[:256]
    step = 1e-3 * seen.code.std(0)
    decoded = lambda c: seen.one._call(lambda model, z: model.decoder(z), torch.as_tensor(c)[None])[0]  # noqa: E731
    for j in range(2):
        ahead, behind = seen.code[few].copy(), seen.code[few].copy()
        ahead[:, j] += step[j]
        behind[:, j] -= step[j]
        slope = (decoded(ahead) - decoded(behind)) / 2e-3
        assert np.median(np.abs(matrices[:, :, j] - slope)) < 0.02


def test_sparsity_counts_the_observations_that_a_latent_leaves_alone(data):
    finding = checked("sparsity", "vae", data)
    assert finding.ok is False
    assert 0 <= finding.value < 0.1


def test_every_check_says_something_in_words(certificate):
    names = {finding.name for finding in certificate.findings}
    assert {"claim", "reconstruction", "invertibility", "collapse", "independence", "enough domains"} <= names
    assert names <= set(CHECKS)
    for finding in certificate.findings:
        assert finding.says
        assert finding.ok is None or finding.bound


# --- what follows


@given(
    st.floats(0, 1), st.floats(0, 1), st.sampled_from(sorted(TAKES)), st.floats(0.001, 1), st.floats(0.001, 1)
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_worse_evidence_never_raises_the_expected_score(agreement, refitted, name, one, other):
    good, bad, _ = TAKES[name]
    worse, better = (max(one, other), min(one, other)) if bad > good else (min(one, other), max(one, other))
    if name == "refit":
        assert expected_score(agreement, worse, {}) <= expected_score(agreement, better, {})
    else:
        assert expected_score(agreement, refitted, {name: worse}) <= expected_score(agreement, refitted, {name: better})
    assert 0 <= expected_score(agreement, refitted, {name: one}) <= 1


@pytest.mark.parametrize(
    ("expected", "fatal", "doubts", "verdict"),
    [
        (ENOUGH, False, False, "supported"),
        (ENOUGH - 0.01, False, False, "doubtful"),
        (0.99, False, True, "doubtful"),
        (0.99, True, False, "refused"),
        (LITTLE - 0.01, False, False, "refused"),
    ],
)
def test_verdicts(expected, fatal, doubts, verdict):
    assert judge(expected, fatal, doubts) == verdict


def test_a_certificate_judges_every_latent_and_the_whole(certificate, runs):
    assert [latent.name for latent in certificate.latents] == ["z0", "z1", "z2", "z3"]
    assert certificate.claims == {"invariant": "block", "changing": "components"}
    assert certificate["z2"] is certificate[2]
    assert certificate.verdict == "refused"
    assert any("domains" in finding.says for finding in certificate.failed)
    assert certificate.advice
    text = str(certificate)
    assert "verdict: REFUSED" in text
    assert "FAIL enough domains" in text
    assert set(certificate.seconds) == {"agreement", "refit", "assumptions"}


def test_a_certificate_never_sees_the_truth(runs, data):
    # The same runs and data give the same certificate, whatever the truth.
    one = certify(runs, data, parts=["agreement"], progress=False)
    two = certify(runs, data, parts="agreement", progress=False)
    assert one.latents == two.latents
    assert one.parts == ("agreement",)
    assert "supported" not in {one.verdict, *(latent.verdict for latent in one.latents)}
    assert "left out: refit, assumptions" in str(one)


def test_a_certificate_is_kept_and_read_back(certificate, tmp_path):
    path = certificate.save(tmp_path / "certificate.json")
    assert ik.Certificate.load(path) == certificate
    assert json.loads(path.read_text())["verdict"] == certificate.verdict
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="not a certificate"):
        ik.Certificate.load(tmp_path / "other.json")
    with pytest.raises(InputError, match="cannot be read"):
        ik.Certificate.load(tmp_path / "none.json")


def test_a_method_is_fitted_and_certified_and_resumes(data, tmp_path, monkeypatch):
    options = {"seeds": 2, "steps": 20, "progress": False, "checkpoint": tmp_path}
    first = certify("imsda", data, **options)
    # Nothing is trained a second time: both fits are read back.
    monkeypatch.setattr("identikit.engine.training.Training.__next__", None)
    second = certify("imsda", data, **options)
    assert second.latents == first.latents


def test_costs_are_known_beforehand(runs, data):
    seen = view(runs, data)
    costs = cost(seen)
    assert set(costs) == {"agreement", "refit", "assumptions"}
    assert cost(seen, ["refit"], refit_steps=6000)["refit"] > costs["refit"]


def test_costs_are_said_before_they_are_paid(runs, data, caplog):
    with caplog.at_level("INFO", logger="identikit"):
        certify(runs, data, parts=["agreement"], progress=False)
    assert "agreement: about" in caplog.text


def test_a_surplus_latent_does_not_count_against_the_others():
    data, _ = world(domains=9, rows=2700)
    runs = ik.fit("beta_vae", data, seeds=2, steps=400, latents=8, beta=4.0, progress=False)
    found = certify(runs, data, parts=["agreement", "assumptions"], progress=False)
    assert any(latent.state == "dead" for latent in found.latents)
    assert found.expected > max(0.3, np.mean([latent.expected for latent in found.latents]))
    assert found.verdict != "supported"


# --- bad input


def refused(runs, data, message, **options):
    with pytest.raises(InputError, match=message) as caught:
        certify(runs, data, **options)
    assert "\n" not in str(caught.value)


def test_bad_input_is_one_sentence(runs, data):
    refused(runs[[0]], data, "compares runs of different seeds, and there is 1")
    refused(runs, world(rows=600)[0], "fitted on other data")
    refused(runs, data, "did you mean 'agreement'", parts=["agreemet"])
    refused(runs, data, "leave one of them in", parts=["assumptions"])
    refused(runs, data, "unknown block|block", claims={"changed": "components"})
    refused(runs, data, "claim", claims={"changing": "everything"})
    refused(runs, data, "check", checks=["independance"])
    refused(runs, data, "run 9 cannot be certified", run=9)
    refused(runs, data, "option of a fit", steps=3)
    refused(object(), data, "takes fitted runs or the name of a method")
    other = ik.fit("imsda", data, seeds=2, steps=5, latents=5, progress=False)
    refused([runs, other], data, "different numbers of latents \\(4 and 5\\)")
    refused([runs, runs], data, "fit the seeds together")


def test_codes_of_other_shapes_are_not_compared():
    s = np.random.default_rng(0).normal(size=(50, 2))
    for others in ([], [s[:, :1]], [s[:40]]):
        with pytest.raises(InputError):
            agree(s, others, {"all": (0, 1)})


def test_a_truth_is_a_leak(runs, data):
    truth = Truth(np.zeros((900, 1)), ("a",), ("continuous",))
    for given_runs, given_data in ((runs, truth), (truth, data)):
        with pytest.raises(LeakError):
            certify(given_runs, given_data)


def test_runs_of_several_settings_are_refused(data):
    swept = ik.fit("vae", data, seeds=2, steps=5, sweep={"MatchPrior": [0.5, 2.0]}, progress=False)
    refused(swept, data, "several settings of a sweep")


def test_data_without_held_out_rows_are_refused():
    x = np.random.default_rng(0).normal(size=(200, 4))
    data = ik.datasets.from_arrays(x=x, splits=(1.0, 0.0, 0.0))
    runs = ik.fit("vae", data, seeds=2, steps=5, progress=False)
    refused(runs, data, "no held-out row")


# --- quality


@pytest.mark.slow
def test_a_certificate_tells_a_world_that_can_be_identified_from_one_that_cannot():
    good, good_truth = ik.worlds.DomainShift(domains=9, seed=2).sample(9000, seed=0)
    runs = ik.fit("imsda", good, seeds=6, steps=2500, progress=False)
    found = certify(runs, good, parts=["agreement", "assumptions"], progress=False)
    codes = runs[found.run].encode(good.part("test"))[0][:, 2:]
    real = ik.metrics.mcc(codes, good_truth.part("test").block("changing"), nulls=0).value
    assert abs(found.expected - real) < 0.15
    bad, _ = ik.worlds.DomainShift(domains=2, seed=2).sample(2000, seed=0)
    runs = ik.fit("imsda", bad, seeds=4, steps=1500, progress=False)
    refuses = certify(runs, bad, parts=["agreement", "assumptions"], progress=False)
    assert refuses.verdict == "refused"
    assert refuses.expected < found.expected


def test_a_refit_of_a_model_that_learned_from_the_past_is_refused_before_any_work():
    data, _ = ik.datasets.windows(*ik.worlds.Panel(length=10).sample(400))
    runs = ik.fit("composed", data, constraint="temporal", seeds=2, steps=2, progress=False)
    with pytest.raises(InputError, match="composed learned from past too, and a simulation makes x alone: leave out"):
        ik.certify(runs, data)
