"""Estimators: scikit-learn's own checks, and what they are for: pipelines, searches, domains, tables, hidden labels."""

from __future__ import annotations

import doctest
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import identikit as ik
from identikit.engine import METHODS
from identikit.errors import InputError
from identikit.estimators import IMSDA, IVAE, VAE, Autoencoder, BetaVAE, Classifier, Estimator, Regressor
from identikit.estimators.inputs import code_domains, code_labels, hidden_labels

DATA, TRUTH = ik.worlds.DomainShift(domains=3).sample(600, seed=0)
X, DOMAIN = DATA.x, DATA["domain"]
Y = TRUTH.labels["y"]
NAMED = [Autoencoder, VAE, BetaVAE, IVAE, IMSDA]
DOCS = Path(__file__).parents[1] / "docs" / "estimators.md"


# --- scikit-learn's own checks


class InTurn:
    """Rows in turn of domain 0 and 1, since scikit-learn's checks know of no domains."""

    def _learn(self, x, sample_domain, *labels):
        return super()._learn(x, np.arange(len(x)) % 2, *labels)

    def _domains(self, sample_domain, rows, needed):
        return np.zeros(rows, np.int64)


class IVAEInTurn(InTurn, IVAE):
    pass


class IMSDAInTurn(InTurn, IMSDA):
    pass


SMALL = {"latents": 2, "hidden": 8, "steps": 25}
CHECKED = [
    Autoencoder(**SMALL),
    VAE(**SMALL),
    BetaVAE(**SMALL),
    IVAEInTurn(**SMALL, batch=4),
    IMSDAInTurn(**{**SMALL, "steps": 50}, batch=4, changing=1),
    Regressor("composed", {"task": "supervised", "constraint": "none", "latents": 2, "hidden": 8}, steps=25),
]


def expected_failures(estimator):
    """Checks that fail, and why they should."""
    failures = {
        "check_methods_sample_order_invariance": "asks for 1e-7 of float32 numbers, whose last bit may depend on where "
        "in a batch a row stands",
    }
    if is_classifier(estimator):
        failures["check_classifiers_classes"] = "its classes are -1 and 1, and -1 is a hidden label here"
    return failures


@parametrize_with_checks(CHECKED, expected_failed_checks=expected_failures)
@pytest.mark.filterwarnings("ignore")  # they warn of what they leave out
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_rows_in_another_order_have_the_same_latents_but_for_the_last_bits():
    fitted = VAE(**SMALL, random_state=0).fit(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(fitted.transform(X)[order], fitted.transform(X[order]), rtol=1e-4, atol=1e-6)


# --- parameters


@pytest.mark.parametrize("estimator", NAMED, ids=lambda e: e.__name__)
def test_a_named_estimator_has_the_options_of_its_method_with_their_defaults(estimator):
    method = METHODS[estimator().method]
    own = {name: p.default for name, p in inspect.signature(estimator).parameters.items()}
    shared = set(inspect.signature(Estimator).parameters) - {"method", "options"}
    assert {name: own[name] for name in own if name not in shared} == {
        name: default for name, default in method.options.items() if name != "auxiliary"
    }
    assert shared <= set(own)
    assert method.paper in (inspect.getdoc(estimator) or "")


SUITED = {n for n, m in METHODS.items() if set(m.needs) <= {"domain", "y"} and not m.modalities} - {
    "mechanism_sparsity"  # with its default options it needs a past
}
# Where three numbers are not what `latents` says: two states of each of three categories; one vector of all three.
SIZES = {"gumbel_vae": {"states": 2}, "vq_vae": {"size": 3}}


@pytest.mark.parametrize("name", sorted(SUITED))
def test_any_method_is_an_estimator_by_name(name):
    kind, columns = (Classifier if "y" in METHODS[name].needs else Estimator), 6 if name == "gumbel_vae" else 3
    fitted = kind(name, {"latents": 3, **SIZES.get(name, {})}, steps=2, random_state=0)
    assert fitted.fit_transform(X, np.where(DOMAIN == 2, -1, Y), sample_domain=DOMAIN).shape == (600, columns)
    assert len(fitted.get_feature_names_out()) == columns


@pytest.mark.parametrize("name", sorted(set(METHODS) - SUITED))
def test_a_method_for_more_than_a_table_says_so(name):
    with pytest.raises(InputError, match=rf"^{name} [^\n]*: use identikit.fit for it$"):
        Estimator(name, steps=2).fit(X, sample_domain=DOMAIN)


def test_what_scikit_learn_can_give_is_asked_for_in_its_words():
    for name in ("imsda", "ivae", "tcl", "content_style"):
        with pytest.raises(InputError, match=f"^{name} needs the domain of every row: give sample_domain=$"):
            Estimator(name, steps=2).fit(X)
    with pytest.raises(InputError, match=r"^supervised needs labels: give y to a Classifier, or to a Regressor, by"):
        Estimator("supervised", steps=2).fit(X, Y)


def test_a_seed_trains_the_runs_that_fit_trains():
    fitted = VAE(steps=5, n_init=2, random_state=0, validation_fraction=0.2).fit(X)
    data = ik.datasets.from_arrays(X, splits=(0.8, 0.2, 0))
    runs = ik.fit("vae", data, seeds=2, steps=5, progress=False)
    np.testing.assert_array_equal(fitted.runs_.encode(), runs.encode())
    np.testing.assert_array_equal(fitted.transform(X), runs.select("validation").encode()[0])
    assert len(fitted.runs_) == 2
    assert len(fitted.chosen_) == 1


def test_random_states_that_are_no_integers_draw_the_seeds():
    first, again, other = (
        VAE(steps=2, random_state=np.random.RandomState(seed)).fit_transform(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(VAE(steps=2).fit_transform(X), VAE(steps=2).fit_transform(X))


def test_clone_and_set_params():
    estimator = IMSDA(steps=3, latents=3).set_params(changing=1)
    assert clone(estimator).get_params() == estimator.get_params()
    assert "method" not in estimator.get_params()
    assert estimator.fit(X, Y, DOMAIN).chosen_.blocks == {"invariant": (0, 1), "changing": (2,)}
    with pytest.raises(NotFittedError):
        clone(estimator).transform(X)


def test_a_pickle_transforms_the_same():
    for estimator in (VAE(steps=3), IMSDA(steps=3)):
        fitted = estimator.fit(X, Y, DOMAIN)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(fitted.transform(X), again.transform(X))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_init": 0}, "n_init is a number of runs, at least 1, not 0"),
        ({"validation_fraction": 1.0}, "validation_fraction is a share from 0 to below 1, not 1.0"),
        ({"latents": 0}, "a code needs at least one latent, not 0"),
        ({"n_init": 2, "select": "best"}, "unknown selection rule 'best'"),
        ({"n_init": 2, "validation_fraction": 0.0}, "held no validation rows"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(parameters, words):
    with pytest.raises(InputError, match=words):
        VAE(steps=2, **parameters).fit(X)


def test_the_fit_keeps_rows_of_its_own():
    given = X.copy()
    fitted = VAE(steps=2).fit(given)
    given[:] = 0.0
    assert fitted.runs_.data is not None
    np.testing.assert_array_equal(fitted.runs_.data.x, X)
    given.flags.writeable = False
    assert fitted.transform(given).shape == (600, 4)


def test_a_constant_column_is_refused_in_fit_and_taken_in_transform():
    constant = X.copy()
    constant[:, 3] = 2.0
    with pytest.raises(InputError, match="column 3 of x is constant"):
        VAE(steps=2).fit(constant)
    assert VAE(steps=2).fit(X).transform(constant).shape == (600, 4)


# --- transform and back


def test_latents_give_the_rows_back():
    fitted = Autoencoder(steps=600, random_state=0).fit(X)
    back = fitted.inverse_transform(fitted.transform(X))
    assert back.shape == X.shape
    explained = 1 - ((X - back) ** 2).mean(0) / X.var(0)
    assert fitted.score(X) == pytest.approx(explained.mean(), abs=1e-4)
    assert fitted.score(X) > 0.9
    with pytest.raises(InputError, match="codes have 4 latents"):
        fitted.inverse_transform(np.zeros((2, 3)))


def test_a_method_without_a_decoder_has_no_way_back():
    fitted = Classifier("composed", {"task": "supervised"}, steps=2).fit(X, Y)
    with pytest.raises(InputError, match="no decoder"):
        fitted.inverse_transform(np.zeros((2, 4)))


def test_runs_go_on_to_a_certificate_and_a_report(tmp_path):
    fitted = IMSDA(steps=5, n_init=2, random_state=0).fit(X, Y, DOMAIN)
    certificate = ik.certify(fitted.runs_, fitted.runs_.data, parts=("agreement", "assumptions"), progress=False)
    assert certificate.runs == 2
    assert ik.report(fitted.runs_, path=tmp_path / "report.html").exists()


# --- domains


def test_the_encoder_of_ivae_needs_the_domain_and_that_of_imsda_does_not():
    with pytest.raises(InputError, match="ivae needs the domain of every row: give sample_domain="):
        IVAE(steps=2).fit(X)
    with pytest.raises(InputError, match="imsda needs the domain of every row: give sample_domain="):
        IMSDA(steps=2).fit(X)
    seeing = IVAE(steps=2).fit(X, sample_domain=DOMAIN)
    with pytest.raises(InputError, match="IVAE needs the domain of every row here: give sample_domain="):
        seeing.transform(X)
    here, there = seeing.transform(X, DOMAIN), seeing.transform(X, (DOMAIN + 1) % 3)
    assert not np.allclose(here, there)
    blind = IMSDA(steps=2).fit(X, Y, DOMAIN)
    np.testing.assert_array_equal(blind.transform(X), blind.transform(X, DOMAIN))


def test_domains_are_text_or_whole_numbers_of_any_sign():
    names = np.array([3, -1, -2])[DOMAIN]
    fitted = IMSDA(steps=2).fit(X, Y, names)
    assert fitted.domains_.tolist() == [-2, -1, 3]
    assert fitted.runs_.schema.names["domain"] == ("-2", "-1", "3")
    with pytest.raises(InputError, match=r"unknown domain '7': \(known: -1, -2, 3\)"):
        fitted.predict(X, np.full(600, 7))
    text = IVAE(steps=2).fit(X, sample_domain=[f"site {d}" for d in DOMAIN])
    assert text.transform(X[:2], ["site 2", "site 0"]).shape == (2, 4)


def test_domains_that_cannot_be_used_are_refused():
    with pytest.raises(InputError, match=r"sample_domain is missing .* in row 1"):
        code_domains(["a", None], 2)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        code_domains(["a", "b"], 3)


# --- labels


def test_hidden_labels_are_learned_without():
    """Labels of the target change nothing, however they are hidden."""
    target = DOMAIN == 2
    floats = np.where(target, np.nan, Y)
    texts = np.where(target, None, np.array(["low", "high"])[Y])
    codes = [
        IMSDA(steps=20, random_state=0).fit(X, y, DOMAIN) for y in (np.where(target, -1, Y), floats)
    ]  # fmt: skip
    np.testing.assert_array_equal(codes[0].transform(X), codes[1].transform(X))
    assert codes[0].classes_.tolist() == codes[1].classes_.tolist() == [0, 1]
    named = IMSDA(steps=20, random_state=0).fit(X, texts, DOMAIN)
    assert named.classes_.tolist() == ["high", "low"]
    assert set(named.predict(X)) <= {"high", "low"}
    seen = IMSDA(steps=20, random_state=0).fit(X, Y, DOMAIN)
    assert not np.allclose(seen.transform(X), codes[0].transform(X))


def test_rows_of_no_domain_are_of_the_target():
    fitted = IMSDA(steps=20, random_state=0).fit(X, np.where(DOMAIN == 1, -1, Y), DOMAIN)
    np.testing.assert_array_equal(fitted.predict_proba(X), fitted.predict_proba(X, np.ones(600, int)))
    assert not np.allclose(fitted.predict_proba(X), fitted.predict_proba(X, DOMAIN))
    with pytest.raises(InputError, match="IMSDA needs the domain of every row here"):
        IMSDA(steps=2).fit(X, Y, DOMAIN).predict(X)


def test_without_labels_nothing_is_predicted():
    fitted = IMSDA(steps=2).fit(X, Y, DOMAIN).fit(X, sample_domain=DOMAIN)
    assert fitted.transform(X).shape == (600, 4)
    assert not hasattr(fitted, "classes_")
    with pytest.raises(InputError, match="without a head for 'y'"):
        fitted.predict(X, DOMAIN)


def test_the_score_is_the_accuracy_on_known_labels():
    fitted = IMSDA(steps=300, random_state=0).fit(X, Y, DOMAIN)
    right = fitted.predict(X, DOMAIN) == Y
    assert fitted.score(X, Y, DOMAIN) == pytest.approx(right.mean())
    assert fitted.score(X, Y, DOMAIN) > 0.7
    some = np.where(DOMAIN == 0, -1, Y)
    assert fitted.score(X, some, DOMAIN) == pytest.approx(right[DOMAIN > 0].mean())
    with pytest.raises(InputError, match="nothing to score against"):
        fitted.score(X, np.full(600, -1), DOMAIN)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([-1, -1, -1], "every label of y is hidden"),
        ([-1, 1, 1], r"one class \(1\), .* code the classes as 0 and 1, since -1 means a hidden label"),
        ([0, 0, -1], r"one class \(0\), and telling classes needs at least two$"),
        (["a", 1, "b"], "mixes text and numbers"),
        ([0.1, 0.2, 0.7], "Unknown label type: continuous"),
        ([0.0, np.inf, 1.0], "Input y contains infinity"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        code_labels(np.array(y, dtype=object if "a" in y else None))


def test_labels_that_are_hidden():
    assert hidden_labels([True, False, "-1", "", -1.0, None]).tolist() == [False, False, False, True, True, True]


def test_numbers_are_told_on_their_own_scale_and_hidden_ones_learned_without():
    numbers = 1000 + 50 * TRUTH.latents[:, 2]
    regressor = Regressor("composed", {"task": "supervised", "constraint": "none"}, steps=300, random_state=0)
    some = np.where(DOMAIN == 0, np.nan, numbers)
    fitted = regressor.fit(X, some)
    assert fitted.score(X, numbers) > 0.8
    known = DOMAIN > 0
    left = ((fitted.predict(X) - numbers)[known] ** 2).mean() / numbers[known].var()
    assert fitted.score(X, some) == pytest.approx(1 - left, abs=1e-4)
    assert fitted.transform(X).shape == (600, 4)
    first = fitted.predict(X)
    np.testing.assert_array_equal(regressor.fit(X, some.tolist()).predict(X), first)
    with pytest.raises(InputError, match=r"every number of y is hidden \(NaN\)"):
        regressor.fit(X, np.full(600, np.nan))
    with pytest.raises(InputError, match="nothing to score against"):
        regressor.score(X, np.full(600, np.nan))


def test_a_method_that_knows_domains_tells_numbers_of_the_target():
    options = {"task": "supervised", "constraint": "domain"}
    fitted = Regressor("composed", options, steps=20, random_state=0)
    fitted.fit(X, np.where(DOMAIN == 2, np.nan, TRUTH.latents[:, 0]), DOMAIN)
    np.testing.assert_array_equal(fitted.predict(X), fitted.predict(X, np.full(600, 2)))


# --- scikit-learn around them


def test_a_pipeline_and_a_grid_search():
    pipeline = make_pipeline(StandardScaler(), VAE(steps=30, random_state=0), LogisticRegression())
    search = GridSearchCV(pipeline, {"vae__latents": [1, 4]}, cv=2).fit(X, Y)
    assert search.best_params_["vae__latents"] in (1, 4)
    assert search.predict(X).shape == (600,)
    assert search.best_estimator_[:2].transform(X).shape == (600, search.best_params_["vae__latents"])


def test_domains_reach_a_step_without_routing_by_its_name():
    pipeline = make_pipeline(StandardScaler(), IMSDA(steps=5))
    fitted = pipeline.fit(X, np.where(DOMAIN == 2, -1, Y), imsda__sample_domain=DOMAIN)
    assert fitted.predict(X).shape == (600,)


def test_domains_are_routed_through_pipelines_and_searches():
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), IVAE(steps=5, random_state=0), LogisticRegression())
        pipeline.fit(X, Y, sample_domain=DOMAIN)
        assert pipeline.predict(X, sample_domain=DOMAIN).shape == (600,)
        with pytest.raises(InputError, match="IVAE needs the domain"):
            pipeline.predict(X)
        folds = list(StratifiedKFold(2).split(X, DOMAIN))  # every domain in every fold
        search = GridSearchCV(IMSDA(steps=5, batch=16, random_state=0), {"latents": [2, 3]}, cv=folds)
        search.fit(X, np.where(DOMAIN == 2, -1, Y), sample_domain=DOMAIN)
        assert search.best_estimator_.domains_.tolist() == [0, 1, 2]
        renamed = make_pipeline(
            IVAE(steps=5).set_fit_request(sample_domain="site").set_transform_request(sample_domain="site")
        )
        assert renamed.fit(X, site=DOMAIN).transform(X, site=DOMAIN).shape == (600, 4)


def test_cross_validation_scores_each_fold():
    scores = cross_val_score(Autoencoder(steps=50, random_state=0), X, cv=2)
    assert scores.shape == (2,)
    assert (scores < 1).all()


# --- tables


def test_names_of_the_latents():
    assert VAE(latents=2, steps=2).fit(X).get_feature_names_out().tolist() == ["vae0", "vae1"]
    names = IMSDA(latents=3, changing=1, steps=2).fit(X, Y, DOMAIN).get_feature_names_out()
    assert names.tolist() == ["imsda_invariant0", "imsda_invariant1", "imsda_changing0"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_table_in_and_a_table_out(library):
    tables = pytest.importorskip(library)
    table = tables.DataFrame({f"sensor {i}": X[:, i] for i in range(8)})
    fitted = IVAE(latents=2, steps=2).set_output(transform=library)
    latents = fitted.fit_transform(table, sample_domain=tables.Series(DOMAIN))
    assert isinstance(latents, tables.DataFrame)
    assert list(latents.columns) == ["ivae0", "ivae1"]
    assert list(fitted.runs_.schema.names["x"]) == list(table.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(table[list(table.columns)[::-1]], DOMAIN)


def test_a_pandas_table_keeps_its_index():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=[f"c{i}" for i in range(8)], index=np.arange(600) + 1000)
    assert VAE(steps=2).set_output(transform="pandas").fit_transform(table).index[0] == 1000


def test_the_example_of_tables_runs_where_pandas_is_installed():
    pytest.importorskip("pandas")
    fences = [fence for fence in DOCS.read_text().split("```python\n")[1:] if fence.startswith(">>> import pandas")]
    assert len(fences) == 1
    text = fences[0].split("```")[0].replace("  # doctest: +SKIP", "")
    before = {"X": X, "domain": DOMAIN, "known": np.where(DOMAIN == 2, -1, Y), "IMSDA": IMSDA}
    test = doctest.DocTestParser().get_doctest(text, before, "tables", str(DOCS), 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test).failed == 0
