"""What `fit` cannot use is refused before training starts, in one sentence that names the culprit."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import identikit as ik
from identikit import constraints, nets, tasks
from identikit.engine import METHODS, training
from identikit.errors import IdentifiabilityWarning, InputError, LeakError
from identikit.worlds.strolls import Strolls

DATA, TRUTH = ik.worlds.DomainShift(domains=3).sample(600, seed=0)
PLAIN = ik.datasets.from_arrays(DATA.x)


@pytest.fixture(autouse=True)
def _training_never_starts(monkeypatch):
    def started(self):
        raise AssertionError("training started")

    monkeypatch.setattr(training.Training, "_advance", started)


def model(**options):
    return nets.Model((8,), 4, nets.MLP(8, 8), nets.MLP(4, 8), **options)


def objective():
    return tasks.Reconstruction() + 0.02 * constraints.MatchPrior()


def refused(folder, what, data, **settings):
    """The sentence that a fit is refused with; it leaves nothing behind."""
    state = torch.get_rng_state()
    with pytest.raises(InputError) as error:
        ik.fit(what, data, checkpoint=folder / "fit", **settings)
    message = str(error.value)
    assert "\n" not in message
    assert 20 < len(message) < 300
    assert not list(folder.rglob("*.safetensors"))
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(InputError) as again:
        ik.steps(what, data, **settings)
    assert str(again.value) == message
    return message


def test_a_truth_is_a_leak_and_a_type_error(tmp_path):
    message = refused(tmp_path, "imsda", TRUTH)
    assert message == "fit was handed a Truth, which no learner may see: hand it the Dataset"
    for kind in (LeakError, TypeError, ValueError, InputError):
        with pytest.raises(kind):
            ik.fit("imsda", TRUTH)


def test_a_truth_cannot_hide_in_the_data():
    with pytest.raises(LeakError, match="'x' is a Truth"):
        ik.Dataset(TRUTH, {}, {}, DATA.split)
    with pytest.raises(LeakError):
        ik.datasets.from_arrays(DATA.x, y=TRUTH)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((DATA, TRUTH), "a tuple: worlds return (data, truth), and fit takes the data alone"),
        (DATA.x, "fit takes a Dataset, not a ndarray: see identikit.datasets.from_arrays"),
        (None, "fit takes a Dataset, not a NoneType"),
        (
            ik.datasets.from_arrays({"sound": DATA.x, "sight": DATA.x}),
            "x holds several modalities (sound, sight) and these models take one: pick one",
        ),
    ],
    ids=["tuple", "array", "nothing", "modalities"],
)
def test_what_is_no_single_data_set(tmp_path, data, message):
    assert message in refused(tmp_path, "vae", data)


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        ("imdsa", {}, "unknown method 'imdsa': did you mean 'imsda'?"),
        ("imsda", {"latent": 3}, "unknown option of imsda 'latent': did you mean 'latents'?"),
        ("imsda", {"latents": 0}, "latent"),
        ("imsda", {"latents": 2, "changing": 3}, "changing"),
        ("vae", {"hidden": np.zeros(2)}, "options of a method are plain values"),
        ("imsda", {"sweep": {"MatchPrio": [1]}}, "unknown term to sweep 'MatchPrio': did you mean 'MatchPrior'?"),
        ("imsda", {"sweep": {"MatchPrior": []}}, "the sweep of 'MatchPrior' is a list of one or more numbers, not []"),
        (
            "imsda",
            {"sweep": {"MatchPrior": 0.3}},
            "the sweep of 'MatchPrior' is a list of one or more numbers, not 0.3",
        ),
        ("imsda", {"sweep": {"MatchPrior": [1, float("nan")]}}, "the sweep of 'MatchPrior' is a list"),
        ("imsda", {"sweep": {"MatchPrior": ["1"]}}, "the sweep of 'MatchPrior' is a list"),
        ("imsda", {"select": "validatoin"}, "unknown selection rule 'validatoin': did you mean 'validation'?"),
        ("imsda", {"select": "oracle"}, "'oracle' chooses among fitted runs: call runs.select('oracle') afterwards"),
        ("imsda", {"select": "agreement"}, "call runs.select('agreement') afterwards"),
        ("imsda", {"patience": 3}, "ask for select='validation' with patience"),
        ("imsda", {"patience": -1, "select": "validation"}, "patience is a number of checks"),
        ("imsda", {"seeds": []}, "seeds is a positive number or a list of different seeds from 0 on, not []"),
        ("imsda", {"seeds": 0}, "seeds is a positive number"),
        ("imsda", {"seeds": [1, 1]}, "seeds is a positive number or a list of different seeds from 0 on, not [1, 1]"),
        ("imsda", {"seeds": [-1]}, "seeds is a positive number"),
        ("imsda", {"seeds": 2.5}, "seeds is a positive number or a list of different seeds from 0 on, not 2.5"),
        ("imsda", {"seeds": [0.5]}, "seeds is a positive number"),
        ("imsda", {"seeds": "12"}, "seeds is a positive number"),
        ("imsda", {"steps": 0}, "steps is at least 1 and batch at least 2, not 0 and"),
        ("imsda", {"batch": 1}, "steps is at least 1 and batch at least 2, not"),
        ("imsda", {"batch": 481}, "481"),
        ("vae", {"batch": 481}, "the data has 480 training rows, fewer than a batch of 481: lower batch="),
        ("imsda", {"lr": 0}, "lr is a number above 0 or a schedule, not 0"),
        ("imsda", {"lr": -1e-3}, "lr is a number above 0 or a schedule, not -0.001"),
        ("imsda", {"lr": float("nan")}, "lr is a number above 0 or a schedule, not nan"),
        ("imsda", {"lr": "fast"}, "lr is a number above 0 or a schedule, not fast"),
        ("imsda", {"lr": ik.axis([1e-3, 1e-2])}, "lr is a number above 0 or a schedule"),
        ("imsda", {"device": "gpuu"}, "the device 'gpuu' cannot be used"),
    ],
)
def test_settings(tmp_path, method, settings, message):
    assert message in refused(tmp_path, method, DATA, **settings)


@pytest.mark.parametrize(
    ("what", "settings", "message"),
    [
        (42, {}, "fit takes the name of a method or (model, objective), not a int"),
        ((model(), tasks.Reconstruction), {}, "fit takes the name of a method or (model, objective), not a tuple"),
        (
            (nn.Linear(8, 4), objective()),
            {},
            "the model is an identikit.nets.Model or a function that builds one, not Linear",
        ),
        ((model(), objective()), {"latents": 3}, "'latents' is an option of a method, and this is a model of your own"),
        (
            (model(), objective() + tasks.Classification("y")),
            {},
            "Classification(y) needs a model with head for 'y', and this one has none",
        ),
        (
            (model(), objective() + tasks.Classification("z")),
            {},
            "Classification(z) needs the field 'z', and the data holds x, domain, y",
        ),
    ],
)
def test_models_of_your_own(tmp_path, what, settings, message):
    assert message in refused(tmp_path, what, DATA, **settings)


def test_parameters_that_cannot_be_drawn_afresh(tmp_path):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8, 8))

        def forward(self, x):
            return x @ self.weight

    own = nets.Model((8,), 4, Own(), nets.MLP(4, 8))
    assert "Own has parameters and no reset_parameters()" in refused(tmp_path, (own, objective()), DATA)


IN_TIME = ik.datasets.from_arrays(
    DATA.x, time=np.arange(600) % 4.0, sequence=np.arange(600) // 4 * 1.0, groups=np.arange(600) // 4
)
WAYS = {
    "domain": "name the domain of every row, with domain= or --domain",
    "y": "name the labels, with y= or --y",
    "past": "make it with datasets.windows(data, past=1) or --past 1",
    "view": "make it of two modalities with datasets.as_views(data) or --views, or give from_arrays view=",
}


@pytest.mark.parametrize("method", sorted(name for name, method in METHODS.items() if method.needs))
def test_what_a_method_needs_is_told_with_the_way_to_it(tmp_path, method):
    missing = METHODS[method].needs[0]
    message = refused(tmp_path, method, PLAIN, batch=16)
    assert message.startswith(f"{method} needs the field '{missing}', and the data holds x: {WAYS[missing]}")


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        ("mechanism_sparsity", {}, "make it with datasets.windows(data, past=1)"),
        ("mechanism_sparsity", {"lags": 0, "actions": 2}, "give it to from_arrays as action="),
        ("composed", {"task": "next"}, "the field 'next', and the data holds x: make it with datasets.windows(data)"),
        ("composed", {"task": "contrast"}, "make it of two modalities with datasets.as_views(data)"),
        ("multimodal", {}, "it is one array: hand from_arrays a dict of arrays"),
        ("xfactors", {}, "the data holds x: name the labels, with y= or --y"),
        ("xfactors", {"factors": ("shape",)}, "give it to from_arrays as shape="),
        ("tcl", {}, "name the domain of every row, with domain= or --domain, or set segment= to another field"),
    ],
)
def test_what_an_option_needs_is_told_with_the_way_to_it(tmp_path, method, settings, message):
    assert message in refused(tmp_path, method, PLAIN, **settings)


def test_a_past_that_is_shorter_than_the_lags(tmp_path):
    data = ik.datasets.windows(IN_TIME, past=1)
    message = (
        "a row of 'past' has shape (1, 8), and the model needs (2, 8): make it with datasets.windows(data, past=2)"
    )
    for method in ("tdrl", "pcl", "idol", "mechanism_sparsity"):
        assert refused(tmp_path, method, data, lags=2) == message


def without_order(**changes):
    """The rows in time with another field `time` or `sequence`."""
    kept = {name: values for name, values in {**IN_TIME.fields, **changes}.items() if values is not None}
    return ik.datasets.from_arrays(IN_TIME.x, **kept, groups=np.arange(600) // 4)


@pytest.mark.parametrize(
    ("data", "past", "message"),
    [
        (PLAIN, 1, "windows needs the field 'time', and the data holds x: name the time of every row, with time= or"),
        (IN_TIME, 4, "and split: the longest without a gap has 4, so take a shorter past, or longer sequences"),
        (without_order(time=np.arange(600) % 4 * 0.5), 1, "'time' must count steps of 1, and the nearest rows lie 0.5"),
        (without_order(time=(np.arange(600) % 4) ** 2.0), 2, "the longest without a gap has 2, so take a shorter past"),
        (without_order(sequence=None), 1, "two rows of time 0: say which rows are one sequence, by a field 'sequence'"),
        (without_order(time=np.where(np.arange(600) == 7, np.nan, np.arange(600) % 4)), 1, "'time' is hidden in row 7"),
    ],
    ids=["no time", "too short", "other steps", "gaps", "no sequence", "hidden"],
)
def test_rows_without_order_in_time(data, past, message):
    with pytest.raises(InputError) as error:
        ik.datasets.windows(data, past=past, next=False)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method", ["supervised", "imsda", "sig", "dann", "mmd", "moment_matching", "source_only"])
def test_labels_of_a_single_class(tmp_path, method):
    data = DATA.hide("y", DATA["y"] == 1)
    message = f"every label of 'y' in the training rows is '{DATA.names['y'][0]}', and telling classes needs two"
    assert message in refused(tmp_path, method, data, batch=16)


def test_a_factor_of_a_single_class(tmp_path):
    data = DATA.hide("y", DATA["y"] == 1)
    assert "every label of 'y' in the training rows is" in refused(tmp_path, "xfactors", data, factors=("y",))


def test_a_modality_that_is_missing_altogether():
    with pytest.raises(InputError, match=r"^every value of the modality 'sight' is missing: leave it out$"):
        ik.datasets.from_arrays({"sound": DATA.x, "sight": np.full((600, 3), np.nan)})


@pytest.mark.parametrize(
    ("method", "data", "settings", "message"),
    [
        ("imsda", DATA, {"changing": 2}, "imsda needs 5 values of 'domain' or more to tell changing=2 latents apart"),
        ("ivae", DATA, {"latents": 2}, "ivae needs 5 values of 'domain' or more to tell latents=2 latents apart"),
        ("tcl", DATA, {"latents": 3}, "tcl needs 4 values of 'domain' or more to tell latents=3 latents"),
        ("gcrl", Strolls(domains=4).sample(600)[0], {}, "gcrl needs 5 values of 'domain' or more to tell changing=2"),
    ],
)
def test_more_changing_latents_than_domains_can_tell(method, data, settings, message):
    with pytest.warns(IdentifiabilityWarning) as told, pytest.raises(AssertionError, match="training started"):
        ik.fit(method, data, progress=False, batch=16, **settings)
    count = len(data.names["domain"])
    assert len(told) == 1
    assert str(told[0].message).startswith(message)
    assert str(told[0].message).endswith(f", and the data has {count}: they may stay mixed")
    fewer = {"changing" if method in ("imsda", "gcrl") else "latents": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AssertionError, match="training started"):
            ik.fit(method, data, progress=False, batch=16, **{**settings, **fewer})


@pytest.mark.parametrize("method", ["imsda", "ivae"])
def test_a_method_that_needs_domains(tmp_path, method):
    assert f"{method} needs the field 'domain'" in refused(tmp_path, method, PLAIN)
    one = ik.datasets.from_arrays(DATA.x, domain=["here"] * 600)
    assert refused(tmp_path, method, one).startswith(f"{method} needs at least 2 ")


def test_a_prior_that_needs_domains(tmp_path):
    own = (lambda: model(prior=nets.FlowPrior(2, 2, 3)), objective())
    message = "the model needs the field 'domain', and the data holds x: name the domain of every row, with domain= or "
    assert refused(tmp_path, own, PLAIN) == f"{message}--domain"


def test_a_domain_smaller_than_a_batch(tmp_path):
    domain = np.where(np.arange(600) < 30, "rare", "common")
    data = ik.datasets.from_arrays(DATA.x, domain=domain)
    message = "domain 'rare' has 24 training rows, fewer than a batch of 32: lower batch=, or merge or drop the domain"
    assert refused(tmp_path, "imsda", data, batch=32) == message
    assert refused(tmp_path, "vae", data, batch=32, balance=True) == message


def test_balance_without_domains(tmp_path):
    assert "the data has no field 'domain'" in refused(tmp_path, "vae", PLAIN, balance=True)


def test_validation_without_validation_rows(tmp_path):
    data = ik.datasets.from_arrays(DATA.x, splits=(0.9, 0, 0.1))
    message = "select='validation' needs validation rows, and the data holds none"
    assert refused(tmp_path, "vae", data, select="validation") == message


def test_data_without_training_rows(tmp_path):
    message = "the data has 0 training rows, fewer than a batch of 64: lower batch="
    assert refused(tmp_path, "vae", DATA.part("test"), batch=64) == message


def with_value(value):
    x = DATA.x.copy()
    x[17, 3] = value
    return x


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number(value):
    with pytest.raises(InputError, match="column 3 of x holds 1 NaN or infinite value") as error:
        ik.datasets.from_arrays(with_value(value))
    assert "row 17" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_constant_column():
    x = DATA.x.copy()
    x[:, 5] = 2
    with pytest.raises(InputError, match=r"column 5 of x is constant \(2 in every training row\): leave it out"):
        ik.datasets.from_arrays(x)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        ik.fit("vae", DATA, checkpoint=tmp_path / "file")


def test_what_is_right_does_start():
    with pytest.raises(AssertionError, match="training started"):
        ik.fit("imsda", DATA, progress=False)
