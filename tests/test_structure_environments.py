"""A linear hierarchy over environments: the search, what speaks for it, its world, and the table of the leaderboard."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import lzma

import numpy as np
import pytest

from identikit.datasets import from_arrays
from identikit.datasets.open_llm_leaderboard import FAMILIES, SCORES, open_llm_leaderboard
from identikit.errors import InputError
from identikit.structure import Clock, discover
from identikit.structure.environment_hierarchy import changing, independent_rows
from identikit.structure.environments import find_hierarchy
from identikit.structure.shared_rows import fit_rows, inexactness, ordered_rows, row_overlap, share_rows
from identikit.worlds.linear_environments import LinearEnvironments

FEW = {"restarts": 3, "refits": 4, "draws": 10}


def drawn(rng, environments=4, latents=3, columns=6, noise=0.0):
    """Shared rows, and unmixings of triangular weights times them with their rows in any order."""
    shared = np.linalg.qr(rng.normal(size=(columns, latents)))[0].T
    weights = np.tril(rng.normal(size=(environments, latents, latents))) + 2 * np.eye(latents)
    unmixings = weights @ shared + noise * rng.normal(size=(environments, latents, columns))
    return shared, np.stack([rng.permutation(m) for m in unmixings])


def by_trying_all(unmixings):
    environments, latents, _ = unmixings.shape
    orders = np.array(list(itertools.permutations(range(latents))))
    choices = np.array(list(itertools.product(range(len(orders)), repeat=environments)))
    ordered = unmixings[:, orders][np.arange(environments), choices]
    return inexactness(ordered, fit_rows(ordered)[:, None]).max(-1).min()


@pytest.mark.parametrize("latents", [2, 3, 4])
def test_rows_and_weights_are_recovered_exactly_without_noise(latents):
    shared, unmixings = drawn(np.random.default_rng(latents), latents=latents)
    found = share_rows(unmixings)
    np.testing.assert_allclose(np.abs(found.rows @ shared.T), np.eye(latents), atol=1e-6)
    assert found.score < 1e-10
    ordered = np.take_along_axis(unmixings, found.order[:, :, None], axis=1)
    np.testing.assert_allclose(found.weights @ found.rows, ordered, atol=1e-6)
    assert (np.triu(found.weights, 1) == 0).all()


def test_the_search_is_as_good_as_trying_every_order():
    rng = np.random.default_rng(0)
    cases = [drawn(rng, environments=3, noise=0.15)[1] for _ in range(20)]
    ratios = np.array([share_rows(m).score / by_trying_all(m) for m in cases])
    assert (ratios > 1 - 1e-9).all()
    assert (ratios < 1 + 1e-9).mean() >= 0.9


def test_the_order_of_rows_and_their_sign_and_size_do_not_matter():
    rng = np.random.default_rng(1)
    _, unmixings = drawn(rng, noise=0.1)
    signs = rng.choice([-1.0, 1.0], size=(*unmixings.shape[:2], 1))
    other = np.stack([m[rng.permutation(3)] for m in signs * unmixings])
    assert share_rows(other).score == pytest.approx(share_rows(unmixings).score)
    assert inexactness(3 * unmixings, np.eye(3, 6)) == pytest.approx(inexactness(unmixings, np.eye(3, 6)))


def test_triangular_weights_are_the_least_squares_ones():
    rng = np.random.default_rng(2)
    _, unmixings = drawn(rng, noise=0.2)
    found = share_rows(unmixings)
    ordered = np.take_along_axis(unmixings, found.order[:, :, None], axis=1)
    for k, row in itertools.product(range(4), range(3)):
        design = found.rows[: row + 1].T
        expected = np.linalg.lstsq(design, ordered[k, row], rcond=None)[0]
        np.testing.assert_allclose(found.weights[k, row, : row + 1], expected, atol=1e-10)


def test_overlap_is_one_for_one_space_and_small_for_many():
    _shared, unmixings = drawn(np.random.default_rng(3), columns=40)
    assert row_overlap(unmixings) == pytest.approx(1)
    assert row_overlap(np.random.default_rng(4).normal(size=(8, 2, 40))) < 0.4


def test_independent_rows_do_not_depend_on_the_gauge():
    rng = np.random.default_rng(5)
    rows, root = rng.normal(size=(3, 6)), rng.normal(size=(6, 6))
    covariance = root @ root.T
    gauge = np.tril(rng.normal(size=(3, 3))) + 2 * np.eye(3)
    found = independent_rows(rows, covariance)
    np.testing.assert_allclose(found @ covariance @ found.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(independent_rows(gauge @ rows, covariance), found, atol=1e-9)


def test_equal_weights_in_every_environment_change_nothing():
    unmixings = np.repeat(drawn(np.random.default_rng(6), environments=1)[1], 4, axis=0)
    shared = share_rows(unmixings)
    # Each environment makes its sources uncorrelated by its own weights, so what is pooled is what each has.
    inverse = np.linalg.pinv(unmixings[0])
    np.testing.assert_allclose(changing(shared, inverse @ inverse.T), 0, atol=1e-9)


def hierarchy(**options):
    world = LinearEnvironments(**{"domains": 4, **options})
    data, truth = world.sample(2_400, seed=0)
    return data, truth, find_hierarchy(data, **FEW)


@pytest.fixture(scope="module")
def holds():
    return hierarchy()


def parts_of(truth, domain):
    """The true latents about the means of their domains, each without what those before it explain."""
    centred = truth.latents - np.stack([truth.latents[domain == k].mean(0) for k in range(domain.max() + 1)])[domain]
    return np.linalg.solve(np.linalg.cholesky(np.cov(centred.T)), centred.T).T


def test_the_latents_and_their_order_are_recovered(holds):
    data, truth, found = holds
    parts, codes = parts_of(truth, data["domain"]), found.encode(data)
    assert all(abs(np.corrcoef(parts[:, i], codes[:, i])[0, 1]) > 0.98 for i in range(3))
    assert found.score < 0.02
    assert found.p_chance < 0.1
    assert found.p_floor > 0.1
    assert sorted(found.orders.values())[0] == pytest.approx(found.score)
    assert sorted(found.orders.values())[1] > 5 * found.score
    assert (found.same > 0.95).all()
    assert (found.before[np.triu_indices(3, 1)] == 1).all()
    assert (found.p_changes[np.triu_indices(3, 1)] < 0.1).all()
    assert (found.p_contrast < 0.1).all()
    np.testing.assert_allclose(np.corrcoef(codes.T), np.eye(3), atol=1e-6)


def test_a_map_of_each_domains_own_is_no_better_than_chance():
    _, _, found = hierarchy(turned=2.0)
    assert found.score > 0.15
    assert found.p_chance > 0.1
    assert found.p_floor < 0.1
    assert found.overlap < 0.9


def test_with_equal_effects_every_order_fits():
    _, _, found = hierarchy(change=0.0)
    assert found.score < 0.02
    assert max(found.orders.values()) < 0.05
    assert found.changes.max() < 0.02
    assert (found.p_changes[np.triu_indices(3, 1)] > 0.05).any()


def test_normal_noises_are_seen():
    _, _, found = hierarchy(noise="normal")
    assert (found.p_contrast > 0.1).any()
    assert found.same.min() < 0.95
    assert "no further from normal" in str(found)


def test_scale_of_a_column_does_not_matter_when_standardised(holds):
    data, _, found = holds
    other = dataclasses.replace(data, x=(data.x * np.array([1, 100, 1, 0.01, 1, 1])).astype(np.float32))
    again = find_hierarchy(other, **FEW)
    np.testing.assert_allclose(again.loadings, found.loadings, atol=1e-3)
    assert find_hierarchy(other, standardise=False, **FEW).scale.tolist() == [1.0] * 6


def test_the_same_seed_gives_the_same(holds):
    data, _, found = holds
    again = find_hierarchy(data, **FEW)
    np.testing.assert_array_equal(again.refits, found.refits)
    np.testing.assert_array_equal(again.floor, found.floor)
    assert find_hierarchy(data, seed=1, **FEW).floor.tolist() != found.floor.tolist()


def test_the_graph_holds_the_evidence(holds):
    _, _, found = holds
    graph = found.graph()
    assert graph.latents == ("z1", "z2", "z3")
    assert graph.observed == found.columns
    edge = graph.edge("z1", "z3")
    assert edge is not None
    assert edge.frequency == 1.0
    assert edge.score == pytest.approx(found.changes[0, 2])
    assert "permuted" in edge.evidence
    assert graph.levels == {"z1": 3, "z2": 2, "z3": 1, **dict.fromkeys(found.columns, 0)}
    seen = [e for e in graph.edges if e.effect in found.columns]
    assert seen
    assert all(e.score is not None and e.score >= 0.1 for e in seen)
    assert "inexactness" in str(graph)


def test_discover_knows_the_search_and_stops_it_early():
    data, _ = LinearEnvironments(blur=0.01).sample(2_000, seed=0)
    graph = discover(data, "environments", seconds=1e-6, draws=9, restarts=9)
    assert graph.partial
    assert graph.method == "environments"
    assert [e.arrow for e in graph.edges][:3] == ["z1 -> z2", "z1 -> z3", "z2 -> z3"]
    assert "partial" in str(graph).lower()
    assert Clock(0).over
    with pytest.raises(InputError, match="needs the domain of each row"):
        discover(data.x, "environments")


def test_bad_tables_are_one_sentence(holds):
    data, _, found = holds
    x, domain = data.x.copy(), data["domain"]
    with pytest.raises(InputError, match="needs the field 'domain'"):
        find_hierarchy(from_arrays(x))
    with pytest.raises(InputError, match="two or more of them, and the data has 1"):
        find_hierarchy(from_arrays(x, domain=["one"] * len(x)))
    with pytest.raises(InputError, match="latents is from 2 to 5 for 6 columns, not 6"):
        find_hierarchy(data, latents=6)
    with pytest.raises(InputError, match=r"environment 'domain 1' has 30 rows, and 60 are needed \(10 for each"):
        find_hierarchy(data.take(np.r_[np.flatnonzero(domain != 1), np.flatnonzero(domain == 1)[:30]]))
    with pytest.raises(InputError, match="restarts and refits are 2 or more"):
        find_hierarchy(data, restarts=1)
    x[:, 3] = x[:, 1]
    with pytest.raises(InputError, match="columns 'a1' and 'a3' are equal"):
        find_hierarchy(from_arrays(x, domain=domain, names=[f"a{i}" for i in range(6)]))
    x[domain == 2, 3] = 1.0
    with pytest.raises(InputError, match="column 'a3' is constant in environment '2'"):
        find_hierarchy(from_arrays(x, domain=domain, names=[f"a{i}" for i in range(6)]))
    x[domain == 2, 2:] = x[domain == 2, :1] * np.arange(1, 5)
    with pytest.raises(InputError, match="environment '2' span 2 dimensions, fewer than 3 latents"):
        find_hierarchy(from_arrays(x, domain=domain))
    with pytest.raises(InputError, match="is hidden"):
        find_hierarchy(data.hide("domain", domain == 0))
    with pytest.raises(InputError, match="needs the 6 columns and the environments domain 0"):
        found.encode(from_arrays(data.x, domain=domain))


def test_the_world_keeps_its_word():
    world = LinearEnvironments(domains=3)
    data, truth = world.sample(3_000, seed=1)
    again, _ = LinearEnvironments(**json.loads(json.dumps(data.source["options"]))).sample(3_000, seed=1)
    assert again.fingerprint() == data.fingerprint()
    assert truth.mixing is not None
    np.testing.assert_allclose(truth.mixing(truth.latents), data.x, atol=1e-4)
    z, domain = truth.latents, data["domain"]
    slopes = [np.polyfit(z[domain == k, 0], z[domain == k, 1], 1)[0] for k in range(3)]
    assert np.ptp(slopes) > 0.5
    told = world.describe()
    assert all(told[n].holds for n in ("shared mixing", "changing effects", "non-Gaussian"))
    assert not LinearEnvironments(turned=0.5).describe()["shared mixing"].holds
    chain = LinearEnvironments(graph={"z1": ("z0",), "z2": ("z1",)})
    assert chain.sample(100)[1].graph.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"latents": 1}, "latents is 2 or more"),
        ({"change": -1.0}, "change is 0 or more"),
        ({"noise": "loud"}, "unknown noise 'loud'"),
        ({"graph": {"z0": ("z1",), "z1": ("z0",)}}, "no cycle"),
        ({"observed": 2}, "observed is at least"),
    ],
)
def test_a_wrong_world_is_one_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        LinearEnvironments(**options)


HEAD = ["", "fullname", "Base Model", "Architecture", "#Params (B)", "Flagged", *SCORES, *(f"{s} Raw" for s in SCORES)]


def model(name, base="?", architecture="LlamaForCausalLM", size="8.03", flagged="False", value=None):
    values = np.random.default_rng(abs(hash(name)) % 1000 if value is None else value).random(6)
    return ["0", name, base, architecture, size, flagged, *(f"{100 * v:.6f}" for v in values), *values]


def board(tmp_path, rows, head=HEAD, name="board.csv"):
    path = tmp_path / name
    with (lzma.open if name.endswith("xz") else open)(path, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


ROWS = [
    *(model(f"a/Llama-3.1-tune-{i}", value=i) for i in range(12)),
    *(model(f"a/plain-{i}", value=20 + i) for i in range(12)),
    model("b/child", "a/Llama-3.1-tune-0", value=50),
    model("b/grandchild", "b/child", value=51),
    model("b/flagged", flagged="True", value=52),
    model("b/again", value=20),
    model("b/large", size="70.5", value=53),
    *(model(f"q/Qwen2.5-{i}", architecture="Qwen2ForCausalLM", size="7.616", value=60 + i) for i in range(12)),
]


@pytest.mark.parametrize("name", ["board.csv", "board.csv.xz"])
def test_families_are_told_from_names_and_base_models(tmp_path, name):
    data = open_llm_leaderboard(board(tmp_path, ROWS, name=name), ["llama-3-8b", "llama-3.1-8b", "qwen2.5-7b"])
    sizes = dict(zip(data.names["domain"], np.bincount(data["domain"]), strict=True))
    assert sizes == {"llama-3-8b": 12, "llama-3.1-8b": 14, "qwen2.5-7b": 12}
    assert data.names["x"] == SCORES
    assert data.x[0].tolist() == pytest.approx(100 * np.random.default_rng(0).random(6), abs=1e-3)


def test_named_models_and_raw_scores(tmp_path):
    path = board(tmp_path, ROWS)
    data = open_llm_leaderboard(path, ["llama-3.1-8b", "qwen2.5-7b"], named=True, raw=True)
    assert data.rows == 26
    assert data.x.max() <= 1
    with pytest.raises(InputError, match="holds no model of the family 'llama-3-8b'"):
        open_llm_leaderboard(path, ["llama-3-8b"], named=True)


def test_bad_boards_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        open_llm_leaderboard(tmp_path / "none.csv")
    with pytest.raises(InputError, match="unknown family 'llama-9': did you mean"):
        open_llm_leaderboard(board(tmp_path, ROWS), ["llama-9"])
    with pytest.raises(InputError, match="families names at least one"):
        open_llm_leaderboard(board(tmp_path, ROWS), [])
    short = board(tmp_path, [row[:-12] for row in ROWS], HEAD[:-12])
    with pytest.raises(InputError, match="has no column 'IFEval'"):
        open_llm_leaderboard(short, FAMILIES[1:2])
    broken = [list(row) for row in ROWS]
    broken[3][HEAD.index("GPQA")] = "n/a"
    with pytest.raises(InputError, match=r"row 3 .* has 'n/a' for 'GPQA', which is no number"):
        open_llm_leaderboard(board(tmp_path, broken), ["llama-3.1-8b"])
    (tmp_path / "x.csv.xz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        open_llm_leaderboard(tmp_path / "x.csv.xz")


def test_ordered_rows_of_the_found_order_give_the_found_score():
    _, unmixings = drawn(np.random.default_rng(8), noise=0.1)
    found = share_rows(unmixings)
    assert ordered_rows(unmixings, found.order).score == pytest.approx(found.score)
