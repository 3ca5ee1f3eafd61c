from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from identikit.data import Dataset, Truth
from identikit.errors import InputError
from identikit.metrics import Null, Score, Scorecard, mcc, score, shd
from identikit.metrics.named import GROUPS, METRICS, QUICK
from identikit.splits import make_split

ROWS = 500
rng = np.random.default_rng(0)
DOMAIN = rng.integers(0, 3, ROWS)
S = rng.normal(size=(ROWS, 4))
S[:, 2:] += 1.5 * DOMAIN[:, None]
SPLIT = make_split(ROWS, DOMAIN, (0.4, 0.2, 0.4))
DATA = Dataset(S.astype("float32"), {"domain": DOMAIN}, {"domain": ("a", "b", "c")}, SPLIT)
BLOCKS = {"invariant": (0, 1), "changing": (2, 3)}
TRUTH = Truth(S, ("i0", "i1", "c0", "c1"), ("continuous",) * 4, BLOCKS, split=SPLIT)


@dataclass(frozen=True)
class Cubes:
    """Fitted runs of a known quality: the true latents cubed, with noise that grows from run to run."""

    data: Dataset | None = DATA
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: dict(BLOCKS))
    rule: str = "last step"

    def encode(self, data: Dataset) -> torch.Tensor:
        x = torch.as_tensor(data.x).clone().requires_grad_()
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        return torch.stack([x**3 + 0.5 * run * noise for run in range(3)])


CARD = score(Cubes(), TRUTH)


def test_runs_get_every_metric_that_their_truth_allows():
    assert CARD.metrics == (
        "mcc",
        "mcc invariant own",
        "mcc invariant any",
        "mcc changing own",
        "mcc changing any",
        "block_r2 invariant->invariant",
        "block_r2 invariant->changing",
        "block_r2 changing->invariant",
        "block_r2 changing->changing",
        "domain_probe invariant",
        "domain_probe changing",
    )
    assert len(CARD.runs) == 3
    assert (CARD.n, CARD.part, CARD.rule) == (len(DATA.index("test")), "test", "last step")


def test_values_are_those_of_the_metrics_on_the_test_rows():
    codes = Cubes().encode(DATA.part("test")).detach().numpy()
    assert [s.value for s in CARD["mcc"]] == [mcc(run, TRUTH.part("test").latents).value for run in codes]
    assert CARD["mcc"][0].value == pytest.approx(1)
    assert list(CARD["mcc"][0].parts) == ["i0", "i1", "c0", "c1"]
    assert CARD["block_r2 changing->changing"][0].value > 0.85
    assert abs(CARD["block_r2 invariant->changing"][0].value) < 0.1
    assert CARD["domain_probe changing"][0].value > 0.55


def test_the_same_call_gives_the_same_card():
    assert score(Cubes(), TRUTH) == CARD


def test_table_has_mean_range_and_place_beside_the_null():
    row = CARD.table()[0]
    values = [s.value for s in CARD["mcc"]]
    assert row["metric"] == "mcc"
    assert (row["mean"], row["low"], row["high"]) == (pytest.approx(np.mean(values)), min(values), max(values))
    assert (row["null"], row["place"], row["reference"]) == ("permuted rows", "above", "random rotation")
    assert row["null_high"] == max(s.nulls["permuted rows"].high for s in CARD["mcc"])


@pytest.mark.parametrize(("value", "place"), [(0.5, "above"), (0.15, "inside"), (-0.4, "below")])
def test_place_says_where_the_value_lies(value, place):
    card = Scorecard(((Score("m", value, nulls={"permuted rows": Null(0.1, 0.0, 0.2, 20)}),),))
    assert card.table()[0]["place"] == place
    assert f"({place})" in str(card)


def test_print_is_aligned_and_names_what_fixes_the_values():
    first, header, *rows = str(CARD).splitlines()
    assert first.startswith(f"3 runs, rule: last step, test rows, N={CARD.n}, identikit ")
    assert len(rows) == len(CARD.metrics)
    for column in ("null", "reference", "settings"):
        assert rows[0][header.index(column) - 1] == " "
    assert "spearman, 4 factors by 4 codes" in rows[0]
    assert "2 factors by 4 codes, matched on one half" in rows[2]
    assert "-0.00" not in str(CARD)


def test_oracle_is_in_plain_sight():
    assert "oracle" not in str(CARD)
    assert "oracle: the truth chose these runs" in str(score(Cubes(rule="oracle"), TRUTH, ["mcc"]))


def test_save_and_load_give_back_the_same_card(tmp_path):
    path = CARD.save(tmp_path / "card.json")
    assert Scorecard.load(path) == CARD
    assert str(Scorecard.load(path)) == str(CARD)
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"]
    assert json.loads(path.read_text())["version"] == CARD.version


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = CARD.save(tmp_path / "card.json")
    broken = Scorecard(((Score("m", float("nan")),),))
    with pytest.raises(ValueError, match="JSON compliant"):
        broken.save(path)
    assert Scorecard.load(path) == CARD


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_other_files_are_not_read_as_cards(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(InputError, match="not a scorecard"):
        Scorecard.load(tmp_path / "other.json")


def test_cards_must_be_regular():
    one = Score("m", 0.0)
    with pytest.raises(InputError, match="at least one run"):
        Scorecard(())
    with pytest.raises(InputError, match="two scores are called 'm'"):
        Scorecard(((one, one),))
    with pytest.raises(InputError, match="run 1 differs"):
        Scorecard(((one,), (Score("other", 0.0),)))
    with pytest.raises(InputError, match="no metric 'dci'"):
        CARD["dci"]


def test_arrays_of_all_rows_and_of_the_part_are_scored_alike():
    test = DATA.index("test")
    whole = score(S**3, TRUTH, data=DATA)
    assert whole == score(S[test] ** 3, TRUTH, data=DATA) == score(S[None, test] ** 3, TRUTH, data=DATA.part("test"))
    blocks = ("invariant", "changing")
    assert whole.metrics == (
        "mcc",
        *(f"mcc {block} any" for block in blocks),
        *(f"block_r2 codes->{block}" for block in blocks),
        "domain_probe codes",
    )
    assert whole.n == len(test)


def test_a_bare_array_of_latents_is_scored_whole():
    card = score(torch.tensor(S), S)
    assert card.metrics == ("mcc", "block_r2 codes->latents")
    assert (card.part, card.n) == ("all", ROWS)


def test_own_metrics_stand_beside_named_ones():
    def pearson(codes: np.ndarray, truth: Truth) -> Score:
        return replace(mcc(codes, truth, "pearson", nulls=0), name="mcc pearson")

    card = score(Cubes(), TRUTH, ["mcc", pearson])
    assert card.metrics == ("mcc", "mcc pearson")
    assert card["mcc pearson"][0].value < card["mcc"][0].value
    with pytest.raises(InputError, match="must return a Score"):
        score(Cubes(), TRUTH, [lambda codes, truth: 1.0])  # pyright: ignore[reportArgumentType]


def test_concepts_of_several_domains_are_retrieved():
    concept, domain = np.tile(np.arange(30), 2), np.repeat([0, 1], 30)
    codes = np.random.default_rng(0).normal(size=(30, 5))[concept]
    data = Dataset(codes.astype("float32"), {"domain": domain}, {"domain": ("noto", "fluent")}, np.full(60, 2, "int8"))
    truth = Truth(concept[:, None].astype(float), ("concept",), ("discrete",), split=data.split)
    runs = Cubes(data=data, blocks={"content": (0, 1, 2, 3), "style": (4,)})
    card = score(runs, truth, ["retrieval"])
    assert card.metrics == ("retrieval content", "retrieval style")
    assert card["retrieval content"][0].value == 1
    assert "noto->fluent" in card["retrieval content"][0].parts


def test_every_kind_is_scored_by_its_kind():
    rng = np.random.default_rng(1)
    angle, shape, size = rng.uniform(-3, 3, 600), rng.integers(0, 3, 600), rng.normal(size=600)
    truth = Truth(np.stack([angle, shape, size], 1), ("angle", "shape", "size"), ("circular", "discrete", "continuous"))
    codes = np.stack([np.cos(angle), (shape == 1) + 0.0, size], axis=1)
    for metrics in (None, ["mcc"], "identifiability"):
        card = score(codes, truth, metrics)
        parts = card["mcc"][0].parts
        assert list(parts) == ["angle", "shape", "size"]
        assert parts["angle"] > 0.99
        assert parts["shape"] > 0.99
        assert card["mcc"][0].settings["kinds"] == ["circular", "discrete", "continuous"]
    assert score(codes, truth.latents, ["mcc"], kinds=truth.kinds)["mcc"][0].value == card["mcc"][0].value


def test_a_latent_that_names_the_thing_is_no_factor():
    labelled = replace(
        TRUTH,
        latents=np.column_stack([S, np.arange(ROWS) // 5, DOMAIN]),
        names=(*TRUTH.names, "concept", "place"),
        kinds=(*TRUTH.kinds, "discrete", "discrete"),
        blocks={},
    )
    codes = np.column_stack([S, DOMAIN])
    for metrics in (None, ["mcc"], "identifiability"):
        assert list(score(codes, labelled, metrics, part="all")["mcc"][0].parts) == ["i0", "i1", "c0", "c1", "place"]


def test_a_hidden_category_is_left_out_unless_asked_for():
    hidden = replace(
        TRUTH,
        latents=np.column_stack([S, np.where(np.arange(ROWS) < 9, -1, DOMAIN)]),
        names=(*TRUTH.names, "place"),
        kinds=(*TRUTH.kinds, "discrete"),
    )
    assert list(score(S, hidden, part="all")["mcc"][0].parts) == ["i0", "i1", "c0", "c1"]
    with pytest.raises(InputError, match="'place' is hidden in 9 rows"):
        score(S, hidden, ["mcc"], part="all")


def test_groups_hold_the_metrics_they_name():
    rng = np.random.default_rng(2)
    s = rng.integers(0, 4, (200, 2))
    card = score(np.stack([s + 0.0, rng.normal(size=(200, 2))]), s, "disentanglement", kinds="discrete")
    assert card.metrics == (
        "dci disentanglement (boosted trees)",
        "dci completeness (boosted trees)",
        "dci informativeness (boosted trees)",
        *("mig", "sap", "modularity", "explicitness"),
        *("info_modularity", "info_explicitness", "info_compactness", "irs", "factor_vae", "beta_vae"),
    )
    assert card.left_out == {}
    for metric in card.metrics:
        perfect, noise = (one.value for one in card[metric])
        assert perfect > noise + 0.15, metric
    names = {name for group in GROUPS.values() for name in group}
    assert names == set(METRICS) >= set(QUICK)


def test_a_group_leaves_out_what_it_cannot_treat_and_says_so():
    turning = replace(TRUTH, latents=np.arctan2(S, S[:, ::-1]), kinds=("circular", *["continuous"] * 3))
    card = score(S, turning, ["disentanglement", "mcc"])
    assert list(card["sap"][0].parts) == ["i1", "c0", "c1"]
    assert list(card["mig"][0].parts) == ["i0", "i1", "c0", "c1"]
    with pytest.raises(InputError, match="sap takes continuous or discrete factors, and 'i0' is circular"):
        score(S, turning, ["sap"])

    one = score(S[:, :1], S[:, :1], "all")
    assert one.left_out["dci"] == f"it needs {METRICS['dci'][1]}"
    assert "left out: factor_vae: it needs two latents" in str(one)
    with pytest.raises(InputError, match="dci cannot be computed here: it needs two codes"):
        score(S[:, :1], S[:, :1], ["dci"])
    few = score(S[:40, :2], S[:40, :2], "disentanglement")
    assert "take fewer bins" in few.left_out["irs"]
    with pytest.raises(InputError, match="take fewer bins"):
        score(S[:40], S[:40], "irs")
    assert Scorecard.parse(json.loads(json.dumps(few.json()))) == few


def test_a_name_given_twice_is_computed_once():
    card = score(S, S, ["mcc", "mig", "mcc"])
    assert card.metrics == ("mcc", "mig")
    assert score(S, S, "mcc").metrics == ("mcc",)


def test_blocks_are_scored_for_leaks():
    card = score(Cubes(), TRUTH, ["block_leakage", "subspace_r2", "subspace_leakage"])
    assert card.metrics == (
        "block_leakage",
        *("subspace_r2 invariant", "subspace_r2 changing", "subspace_leakage invariant", "subspace_leakage changing"),
    )
    assert card["block_leakage"][0].value < 0.1
    assert card["subspace_r2 changing"][0].value > 0.5
    whole = score(S, S, ["subspace_r2", "subspace_leakage"])
    assert whole.metrics == ("subspace_r2 latents", "subspace_leakage latents")
    assert whole["subspace_r2 latents"][0].value == pytest.approx(1)
    with pytest.raises(InputError, match="two blocks that codes and truth both name"):
        score(S, S, ["block_leakage"])


def test_plot_shows_every_run_beside_its_null():
    figure = CARD.plot()
    of = {group: [t for t in figure.data if t.legendgroup == group] for group in ("null", "reference", "card run")}
    assert len(of["null"]) == len(of["card run"]) == len(CARD.metrics)
    for row, null, runs in zip(CARD.table(), of["null"], of["card run"], strict=True):
        assert list(runs.x) == [one.value for one in CARD[row["metric"]]]
        assert list(null.x) == [row["null_low"], row["null_high"]]
        assert set(null.y) == set(runs.y)
    drawn = [row for row in CARD.table() if row["reference"] == "random rotation"]
    assert [list(t.x) for t in of["reference"]] == [[row["reference_low"], row["reference_high"]] for row in drawn]
    assert [t.name for t in figure.data if t.showlegend] == ["null", "reference", "run", "mean"]
    assert [html.unescape(text) for text in figure.layout.yaxis.ticktext] == list(CARD.metrics)


def test_smaller_can_be_better():
    chain, empty = np.eye(4, k=1, dtype=int), np.zeros((4, 4), dtype=int)
    card = Scorecard(((shd(chain, chain), mcc(S, S)), (shd(empty, chain), mcc(S, S))))
    rows = {row["metric"]: row for row in card.table()}
    assert (rows["shd"]["direction"], rows["mcc"]["direction"]) == ("smaller", "larger")
    assert "smaller is better" in str(card)
    figure = card.plot()
    assert list(figure.layout.yaxis.ticktext) == ["shd<br><sup>smaller is better</sup>", "mcc"]
    assert figure.layout.xaxis.range[1] > 3


def test_drawn_into_one_file_that_needs_no_network(tmp_path):
    path = CARD.draw(tmp_path / "card.html")
    text = path.read_text(encoding="utf-8")
    assert "domain_probe changing" in text
    assert "<script src" not in text
    assert "cdn.plot.ly/plotly" not in text
    assert [p.name for p in tmp_path.iterdir()] == ["card.html"]
    with pytest.raises(InputError, match=r"ends in \.html"):
        CARD.draw(tmp_path / "card.svg")


def test_an_empty_block_and_a_single_domain_are_left_out():
    data = Dataset(DATA.x, {"domain": np.zeros(ROWS, dtype=int)}, {"domain": ("a", "b", "c")}, SPLIT)
    card = score(Cubes(data=data, blocks={"invariant": (0, 1), "changing": (2, 3), "none": ()}), TRUTH)
    assert card.metrics == CARD.metrics[:-2]


def test_a_partly_hidden_domain_is_not_probed():
    hidden = DATA.hide("domain", np.arange(ROWS) < 5)
    assert not any(name.startswith("domain_probe") for name in score(S, TRUTH, data=hidden, part="all").metrics)
    with pytest.raises(InputError, match="hidden in no row"):
        score(S, TRUTH, ["domain_probe"], data=hidden, part="all")


@pytest.mark.parametrize(
    ("estimate", "truth", "options", "sentence"),
    [
        (TRUTH, S, {}, "the estimate is a Truth: score takes"),
        (TRUTH, TRUTH, {}, "the estimate is a Truth"),
        (S, DATA, {}, "the truth is a Dataset"),
        (S, Cubes(), {}, "the truth is a Cubes"),
        (DATA, TRUTH, {}, "fitted runs or an array of codes"),
        ((DATA, TRUTH), TRUTH, {}, "the estimate must be an array of numbers"),
        (S[:7], TRUTH, {}, "the estimate has 7 rows and the truth has 500 \\(200 of them test\\)"),
        (S[0], TRUTH, {}, "codes have shape"),
        (np.stack([S, S * np.nan]), TRUTH, {}, "run 1 has NaN or infinite codes"),
        (S * np.nan, TRUTH, {}, "column 0 of the estimate holds 200 NaN"),
        (Cubes(), TRUTH.part("test"), {}, "the data has 500 rows and the truth 200"),
        (Cubes(), replace(TRUTH, split=SPLIT[::-1]), {}, "not of one sample"),
        (Cubes(data=None), TRUTH, {}, "pass it as data="),
        (S, TRUTH, {"part": "tst"}, "not 'tst'"),
        (S[:100], replace(TRUTH.take(np.arange(100)), split=np.zeros(100)), {}, "no test row"),
        (S, TRUTH, {"metrics": ["mc"]}, "did you mean 'mcc'"),
        (S, TRUTH, {"metrics": ["domain_probe"]}, "needs two domains in the data"),
        (S, TRUTH, {"metrics": ["retrieval"]}, "discrete latent 'concept'"),
        (S, replace(TRUTH, kinds=("discrete",) * 4), {}, "nothing can be scored"),
        (S, TRUTH, {"data": TRUTH}, "handed a Truth"),
        (S, TRUTH, {"data": DATA.take(np.arange(50))}, "the data has 50 rows"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence(estimate, truth, options, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        score(estimate, truth, **options)
    assert "\n" not in str(caught.value)


def test_scores_read_back_from_json():
    one = CARD["mcc"][0]
    assert Score.parse(json.loads(json.dumps(one.json()))) == one
    assert repr(one).startswith("mcc 1.00 (permuted rows 0.0")
    assert "random rotation" in repr(one)
    assert f"N={CARD.n}, spearman" in repr(one)
