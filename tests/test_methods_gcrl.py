"""gcrl with its prior, its term and its world of walks; the reader of ETH-UCY."""

from __future__ import annotations

import json
import lzma
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import identikit as ik
from identikit.data import Schema
from identikit.datasets.eth_ucy import HELD, SECONDS, eth_ucy
from identikit.engine import find, fit
from identikit.errors import InputError
from identikit.methods import gcrl
from identikit.methods.claims_motion import intention_r2, place_from_changing, place_from_invariant, places
from identikit.nets import Batch, Code, Model
from identikit.nets.coupling import Couplings
from identikit.nets.environments import EnvironmentPrior
from identikit.tasks.best_of import BestOf, best_of
from identikit.trust import view
from identikit.worlds import Strolls

assert gcrl
PAGE = Path(__file__).parents[1] / "docs" / "methods" / "gcrl.md"
SCHEMA = Schema((14,), {"domain": ("a", "b", "c")}, ("future",))


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch(rows=9, domain=None):
    return Batch(
        {
            "x": draw(rows, 14).float(),
            "future": draw(rows, 12, 2, seed=1).float(),
            "domain": torch.arange(rows) % 3 if domain is None else torch.full((rows,), domain),
        }
    )


# --- the term


def test_the_nearest_answer_counts():
    told, target = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]]), torch.tensor([[3.0, 2.0]])
    assert best_of(told, target, variance=0.5).item() == 4.0
    assert best_of(told[:, :1], target, variance=0.5).item() == 13.0
    torch.testing.assert_close(best_of(told[:, :1], target), ik.tasks.regression(told[:, 0], target))


def test_function_and_module_agree_for_one_run_and_for_many():
    told, target = draw(2, 5, 3, 12, 2), draw(2, 5, 12, 2, seed=1)

    def value(told, target):
        mean = torch.zeros((*target.shape[:-2], 1))
        code = Code(mean, mean, mean, mean, heads={"future": told})
        return BestOf("future")(code, Batch({"future": target}))

    both = value(told, target)
    assert both.shape == (2,)
    for run in range(2):
        alone = value(told[run], target[run])
        torch.testing.assert_close(alone, both[run])
        torch.testing.assert_close(alone, best_of(told[run].flatten(2), target[run].flatten(1)))


def test_only_the_nearest_answer_learns_and_hidden_rows_do_not():
    told = torch.tensor([[[0.0], [3.0]], [[5.0], [6.0]]], dtype=torch.float64, requires_grad=True)
    best_of(told, torch.tensor([[2.0], [math.nan]], dtype=torch.float64)).backward()
    assert told.grad is not None
    assert told.grad.squeeze(-1).tolist() == [[0.0, 1.0], [0.0, 0.0]]
    assert torch.autograd.gradcheck(best_of, (draw(4, 3, 2).requires_grad_(), draw(4, 2, seed=1)))
    assert best_of(torch.zeros(2, 1, 1), torch.full((2, 1), math.nan)).item() == 0.0
    assert best_of(draw(4, 3, 2)[:, [2, 0, 1]], draw(4, 2, seed=1)) == best_of(draw(4, 3, 2), draw(4, 2, seed=1))


def test_a_future_of_another_shape_is_one_sentence():
    data, _ = Strolls(future=6).sample(200)
    with pytest.raises(InputError, match=r"a row of 'future' has shape \(6, 2\), and an answer of its head \(12, 2\)"):
        fit("gcrl", data, steps=1, batch=20, progress=False)
    runs = fit("gcrl", data, steps=1, batch=20, progress=False, answers=2, points=6)
    assert runs.predict(data, "future").shape == (1, 200, 2, 6, 2)


# --- couplings and the prior


@pytest.mark.parametrize("size", [1, 2, 5])
def test_couplings_are_inverted_and_their_slopes_are_those_of_autograd(size):
    couplings = Couplings(size, layers=3).double()
    with torch.no_grad():
        for parameter in couplings.parameters():
            parameter.copy_(draw(*parameter.shape, seed=parameter.numel()) * 0.5)
    z = draw(6, size)
    base, log_slope = couplings(z)
    torch.testing.assert_close(couplings.inverse(base), z)
    for row in range(6):
        jacobian = torch.autograd.functional.jacobian(lambda one: couplings(one.unsqueeze(0))[0].squeeze(0), z[row])
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], log_slope[row].sum())
    assert size > 1 or torch.equal(base, z)


def test_couplings_need_numbers_and_layers():
    with pytest.raises(InputError, match="size of couplings is 1 or more, not 0"):
        Couplings(0)


def prior_of_one_and_two():
    prior = EnvironmentPrior(1, 2, 3).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.copy_(draw(*parameter.shape, seed=parameter.numel()) * 0.3)
    return prior


def test_the_divergence_is_that_of_the_rows_own_environment():
    prior, sample = prior_of_one_and_two(), draw(6, 3)
    mean, spread, domain = draw(6, 3, seed=1), draw(6, 3, seed=2), torch.arange(6) % 3
    _, divergence = prior(sample, mean, spread, Batch({"domain": domain}))
    own, slope = prior.own(sample[:, 1:])
    normal = torch.distributions.Normal
    wanted = normal(prior.means()[domain], (prior.log_variances()[domain] / 2).exp()).log_prob(own) + slope
    posterior = normal(mean[:, 1:], (spread[:, 1:] / 2).exp()).log_prob(sample[:, 1:])
    torch.testing.assert_close(divergence[:, 1:], posterior - wanted)
    closed = torch.distributions.kl_divergence(normal(mean[:, 0], (spread[:, 0] / 2).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(divergence[:, 0], closed)


def test_a_hidden_environment_stands_for_the_mixture_of_all():
    prior, sample, zero = prior_of_one_and_two(), draw(5, 3), torch.zeros(5, 3, dtype=torch.float64)

    def density(domain):
        return -prior(sample, sample, zero, Batch({"domain": torch.full((5,), domain)}))[1][:, 1:].sum(-1)

    each = torch.stack([density(d) for d in range(3)], -1)
    shares = prior.logits().squeeze(-1).log_softmax(-1)
    torch.testing.assert_close(density(-1), (each + shares).logsumexp(-1))


def test_codes_are_carried_to_another_environment_and_back():
    prior, code = prior_of_one_and_two(), draw(4, 3)
    one, two = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    there = prior.move(code, one, two)
    torch.testing.assert_close(prior.move(there, two, one), code)
    assert torch.equal(there[:, 0], code[:, 0])
    assert not torch.allclose(there[:, 1:], code[:, 1:])


# --- the world


def test_walks_are_the_same_for_the_same_seeds_and_end_where_the_future_begins():
    world = Strolls(noise=0.0)
    data, truth = world.sample(200, seed=3)
    np.testing.assert_array_equal(data.x, world.sample(200, seed=3)[0].x)
    step = np.linalg.norm(data["future"][:, 0], axis=-1)
    still = truth.latents.copy()
    still[:, 3] = 0
    walk = world.walk(still)
    speed = np.linalg.norm(walk[:, 8] - walk[:, 7], axis=-1) / SECONDS
    np.testing.assert_allclose(speed, 1.2 * np.exp(0.3 * still[:, 2] + 0.04 * still[:, 1]), rtol=1e-6)
    assert np.corrcoef(step, speed)[0, 1] > 0.9


def test_places_differ_in_style_alone_and_not_where_they_are_alike():
    def means(world):
        data, truth = world.sample(20_000)
        return np.array([truth.latents[data["domain"] == d].mean(0) for d in range(5)])

    own, same = means(Strolls()), means(Strolls(shift=0.0))
    assert np.abs(own[:, :2]).max() < 0.08
    assert np.ptp(own[:, 2:], axis=0).min() > 0.5
    assert np.abs(same).max() < 0.08
    assert Strolls().describe()["sufficiently variable"].holds
    assert not Strolls(domains=3).describe()["sufficiently variable"].holds


@pytest.mark.parametrize("options", [{"domains": 0}, {"past": 1}, {"shift": -1.0}, {"seed": -1}])
def test_a_bad_world_is_one_sentence(options):
    with pytest.raises(InputError):
        Strolls(**options)


# --- the method


@pytest.mark.parametrize("style", [True, False])
def test_it_builds_and_its_objective_has_gradients(style):
    model, objective = find("gcrl").build(SCHEMA, style=style)
    objective.check(model, SCHEMA)
    total = objective(model(batch(), torch.ones(9, model.noise_size)), batch()).total
    assert torch.isfinite(total)
    total.backward()
    dead = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert dead == ["prior.logits.weight"]


def test_the_logits_of_environments_learn_where_one_is_hidden():
    model, objective = find("gcrl").build(SCHEMA, match=0.0)
    rows = batch(domain=-1)
    objective(model(rows, torch.ones(9, model.noise_size)), rows).total.backward()
    assert bool(model.prior.logits.weight.grad.any())


def test_without_style_the_future_hangs_on_the_invariant_block_alone():
    for style in (True, False):
        model, _ = find("gcrl").build(SCHEMA, style=style)
        code = draw(4, 4).float()
        other = torch.cat([code[:, :2], code[:, 2:] + 1], -1)
        told = [model.tell(one, batch(4))["future"] for one in (code, other)]
        assert torch.allclose(*told) == (not style)


def test_the_two_encoders_share_nothing():
    model, _ = find("gcrl").build(SCHEMA)
    assert isinstance(model, Model)
    mean = model.posterior(batch())[1]
    mean[:, 2:].sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.encoder.invariant.parameters())
    assert all(p.grad is not None and p.grad.any() for p in model.encoder.changing.parameters())


def test_runs_are_batched_saved_and_asked_about_a_place_not_seen_before(tmp_path):
    data, _ = Strolls(domains=3).sample(300)
    runs = fit("gcrl", data, seeds=2, steps=3, batch=30, answers=2, progress=False)
    assert runs.program.strategy == "grouped"
    new = data._with(fields={**data.fields, "domain": np.full(300, -1)})
    np.testing.assert_array_equal(runs.encode(new), runs.encode())
    told = runs.predict(new, "future")
    assert told.shape == (2, 300, 2, 12, 2)
    np.testing.assert_array_equal(told, runs.predict(data, "future"))
    assert runs.transfer(data, "place 2").shape == (2, 300, 14)
    assert runs.decode(runs.encode()).shape == (2, 300, 14)
    runs.save(tmp_path / "runs")
    np.testing.assert_array_equal(ik.Runs.load(tmp_path / "runs").encode(data), runs.encode())


def test_bad_input_is_one_sentence():
    with pytest.raises(InputError, match="gcrl needs the field 'future', and the data holds x, domain"):
        find("gcrl").build(Schema((14,), {"domain": ("a", "b")}))
    with pytest.raises(InputError, match="gcrl needs at least 2 domains, and the data has 1"):
        find("gcrl").build(Schema((14,), {"domain": ("a",)}, ("future",)))
    with pytest.raises(InputError, match=r"changing is below the number of latents \(2\)"):
        find("gcrl").build(SCHEMA, latents=2, changing=2)
    with pytest.raises(InputError, match="answers is 1 or more, not 0"):
        find("gcrl").build(SCHEMA, answers=0)


def test_the_changing_block_is_claimed_with_the_whole_code_only():
    claim = find("gcrl").claim
    data, _ = Strolls(domains=3).sample(300)
    runs = fit("gcrl", data, seeds=2, steps=3, batch=30, progress=False)
    assert {block: claim.of(block) for block in runs.blocks} == {"invariant": "block", "changing": "subspace"}
    assert dict(view(runs, data).claims) == {"invariant": "block", "changing": "subspace"}


def test_turn_and_surge_are_looked_for_in_the_invariant_block():
    _, truth = places(0).sample(600)
    assert intention_r2(truth.latents, truth.latents) > 0.9
    assert intention_r2(truth.latents[:, 2:], truth.latents) < 0.3


def test_the_measures_of_checks_tell_the_place_of_the_truth():
    _, truth = places(0).sample(3_000)
    assert place_from_invariant(truth.latents, truth.latents) < 0.26
    assert place_from_changing(truth.latents[:, :4], truth.latents) > 0.4


def test_the_claim_has_both_sides_and_a_page():
    method, page = find("gcrl"), PAGE.read_text()
    assert {check.at_least is None for check in method.checks} == {True, False}
    assert page.startswith("# gcrl\n")
    for part in ('ik.fit("gcrl"', ">>> ", "identikit verify gcrl", "2302.08635"):
        assert part in page
    for option, default in method.options.items():
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        assert f"| `{option}` | {shown} |" in page, option
    for check in method.checks:
        assert check.says in page, "the page does not tell of this check"


@pytest.mark.slow
def test_claims_are_borne_out():
    found = ik.methods.verify("gcrl", seeds=4, worlds=1, progress=False)
    assert found.ok, found


# --- ETH-UCY


def line(frame, walker, x, y):
    return f"{frame}\t{walker}.0\t{x}\t{y}\n"


def straight(walker, start, points=20, speed=0.5, gap=()):
    """A walk up the second axis, with a little sway."""
    frames = [start + 10 * i for i in range(points) if i not in gap]
    return "".join(
        line(f, walker, round(3 + 0.01 * math.sin(f + walker), 4), round(1.0 + speed * (f - start) / 10, 3))
        for f in frames
    )


def recordings(folder):
    for name in ("biwi_hotel", "crowds_zara01"):
        (folder / f"{name}_train.txt").write_text(straight(1, 0, 22) + straight(2, 50, speed=0.7))
        (folder / f"{name}_val.txt").write_text(straight(7, 900, speed=0.6))
        (folder / f"{name}.txt").write_text(straight(1, 0, 22) + straight(2, 50, speed=0.7) + straight(7, 900))
    (folder / "biwi_eth.txt").write_text(straight(3, 0, gap=(5,)) + straight(4, 0, 21, 0.4) + straight(4, 700, 20, 0.3))
    return folder


def test_windows_are_of_walkers_without_a_gap_and_turned_along_their_way(tmp_path):
    learn, test = eth_ucy(recordings(tmp_path), "eth")
    assert learn.names["domain"] == ("hotel", "zara1")
    assert [learn.part(p).rows for p in ("train", "validation")] == [8, 2]
    assert test.rows == 3
    assert test.part("test").rows == 3
    assert (test["domain"] == -1).all()
    assert len(np.unique(test["walker"])) == 1
    np.testing.assert_allclose(test.x[0].reshape(7, 2), [[-0.4 * k, 0] for k in range(7, 0, -1)], atol=0.05)
    np.testing.assert_allclose(test["future"][0], [[0.4 * k, 0] for k in range(1, 13)], atol=0.1)
    # No two walkers share a number, whatever recording they are of.
    assert len(np.unique(learn["walker"])) == 6


def test_the_whole_recording_is_tested_on_where_there_are_halves_too(tmp_path):
    learn, test = eth_ucy(recordings(tmp_path), "hotel", stride=2)
    assert learn.names["domain"] == ("eth", "zara1")
    assert test.rows == 4
    assert learn.part("validation").rows == 2


def test_packed_recordings_are_read_alike(tmp_path):
    texts = {path.name: path.read_text() for path in recordings(tmp_path).glob("*.txt")}
    packed = tmp_path / "packed"
    packed.mkdir()
    with lzma.open(packed / "walks.json.xz", "wt") as file:
        json.dump(texts, file)
    for one, other in zip(eth_ucy(tmp_path), eth_ucy(packed), strict=True):
        assert one.fingerprint() == other.fingerprint()


def test_a_walker_who_stands_is_not_turned(tmp_path):
    recordings(tmp_path)
    (tmp_path / "biwi_eth.txt").write_text(straight(1, 0, speed=0.001) + straight(2, 0, speed=0.5))
    _, test = eth_ucy(tmp_path)
    assert abs(test["future"][0, -1, 1]) > abs(test["future"][0, -1, 0])


def test_bad_recordings_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        eth_ucy(tmp_path / "none")
    with pytest.raises(InputError, match="holds no recording: expected files such as biwi_eth"):
        eth_ucy(tmp_path)
    with pytest.raises(InputError, match="unknown scene 'zara': did you mean 'zara"):
        eth_ucy(recordings(tmp_path), "zara")
    with pytest.raises(InputError, match="past is 3 or more"):
        eth_ucy(tmp_path, past=2)
    with pytest.raises(InputError, match="or none in 'univ' to test on"):
        eth_ucy(tmp_path, "univ")
    (tmp_path / "biwi_eth.txt").write_text("0 1 2\n")
    with pytest.raises(InputError, match=r"biwi_eth\.txt needs lines of frame, walker, x and y, and has 3 columns"):
        eth_ucy(tmp_path)
    (tmp_path / "biwi_eth.txt").write_text("0 1 a b\n")
    with pytest.raises(InputError, match=r"biwi_eth\.txt cannot be read"):
        eth_ucy(tmp_path)
    assert "univ" in HELD
