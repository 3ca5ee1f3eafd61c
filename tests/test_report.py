"""The report: what stands in it, that it opens offline in a browser, and that no section vanishes."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import identikit as ik
from identikit.metrics import match, score
from identikit.reports import Page, Section, picture_grid, plot, report, restore, study, table
from identikit.reports.pictures import png
from identikit.reports.report import SECTIONS
from identikit.reports.sources import command, python_call

EVIL = "<img src=x onerror='window.hacked=1'>"


@pytest.fixture(scope="module")
def world():
    return ik.worlds.DomainShift(domains=3).sample(900, seed=0)


@pytest.fixture(scope="module")
def runs(world):
    data, _ = world
    return {name: ik.fit(name, data, seeds=2, steps=30, progress=False) for name in ("vae", "imsda")}


@pytest.fixture(scope="module")
def emoji():
    data, truth = ik.datasets.emoji(size=16, styles=["noto", "fluent-emoji-flat"])
    fitted = ik.fit("imsda", data, steps=4, batch=32, latents=3, changing=1, hidden=8, progress=False)
    return fitted, data, truth


def sections(*args, **kwargs):
    return {section.id: section.html for section in study(*args, **kwargs)}


def figures(html):
    """The figures of a piece of HTML, as Plotly will read them."""
    return [json.loads(t) for t in re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)]


def values(array):
    """Plotly's way of writing an array, read back."""
    if not isinstance(array, dict):
        return np.array(array)
    flat = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    return flat.reshape([int(n) for n in str(array["shape"]).split(",")]) if "shape" in array else flat


def test_it_opens_from_disk_in_a_browser_without_a_network(page, runs, world, tmp_path):
    named = {EVIL: runs["vae"], "imsda": runs["imsda"]}
    own = Section("own", EVIL, "<p>mine</p>")
    path = report(named, *world, path=tmp_path / "report.html", title=EVIL, sections=[own])
    assert path.stat().st_size < 8e6
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function("[...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))")
    assert page.errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("window.hacked") is None
    assert EVIL in page.inner_text("h1")

    anchors = page.eval_on_selector_all("nav a", "links => links.map(a => a.getAttribute('href').slice(1))")
    assert anchors == [id for id, _, _ in SECTIONS] + ["own"]
    for anchor in anchors:
        heading = page.inner_text(f"#{anchor} > h2")
        assert len(page.inner_text(f"#{anchor}")) > len(heading) + 3
    assert page.locator(".plot").count() >= 6
    assert page.eval_on_selector_all(".plot", "all => all.every(p => p.clientWidth > 300)")

    cell = page.locator("#latents .plot").first
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    page.wait_for_function("document.querySelector('#latents .plot .hoverlayer').textContent.includes('c')")

    page.locator("#curves .updatemenu-button").first.click()
    page.wait_for_function("document.querySelector('#curves .plot').layout.yaxis.type === 'linear'")
    page.locator("#curves .updatemenu-button").nth(1).click()
    page.wait_for_function("document.querySelector('#curves .plot').layout.yaxis.type === 'log'")


def test_a_page_holds_two_studies(runs, world, emoji, tmp_path):
    from plotly.offline import get_plotlyjs

    page = Page("Two").part("worlds", "Part A", "A toy.").add(*study(runs, *world))
    path = page.part("emoji", "Part B").add(*study(*emoji)).write(tmp_path / "new" / "page.html")
    text = path.read_text(encoding="utf-8")
    assert text.count(get_plotlyjs()[-500:]) == 1
    ids = re.findall(r'<(?:section|h2)[^>]* id="([^"]+)"', text)
    assert len(ids) == len(set(ids)) == 2 * len(SECTIONS) + 2
    assert set(re.findall(r'href="#([^"]+)"', text)) == set(ids)
    assert len(text) < 8e6
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]


@pytest.fixture(scope="module")
def certificate(runs, world):
    return ik.certify(runs["imsda"], world[0], refit_steps=10, progress=False)


def test_the_certificate_stands_before_the_scores(page, runs, world, certificate, tmp_path):
    path = report(runs, *world, path=tmp_path / "report.html", certificate={"imsda": certificate})
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('#certificate .plot .main-svg')")
    assert page.errors == []
    ids = [id for id, _, _ in SECTIONS]
    assert ids.index("certificate") == ids.index("scores") - 1
    shown = page.inner_text("#certificate")
    for wanted in ("Refused: MCC of about", "Do not rely", "enough domains", "FAIL", "No certificate was made of vae"):
        assert wanted in shown
    assert "The truth was looked at only after the certificate was made" in shown
    assert page.eval_on_selector("#certificate .verdict", "e => getComputedStyle(e).borderLeftColor") == (
        "rgb(138, 147, 158)"
    )
    names = page.eval_on_selector_all("#certificate .legendtext", "all => all.map(t => t.textContent)")
    assert names == ["permuted rows", "random rotation", "other runs", "refit", "expected", "in truth"]
    assert f"imsda is {certificate.verdict}" in page.inner_text(".lead")


def test_dots_and_figures_are_those_of_the_certificate(runs, world, certificate):
    data, truth = world
    drawn = figures(sections(runs["imsda"], data, truth, certificate=certificate)["certificate"])[0]
    by_name = {}
    for trace in drawn["data"]:
        by_name.setdefault(trace["name"], []).extend(zip(trace["y"], trace["x"], strict=True))
    order = [int(one.name[1:]) for block in certificate.claims for one in certificate.latents if one.block == block]
    assert drawn["layout"]["yaxis"]["ticktext"] == [f"z{j} {certificate[j].block}" for j in order]
    assert [x for _, x in sorted(by_name["expected"])] == pytest.approx([certificate[j].expected for j in order])
    wanted = [value for of in certificate.agreement.values() for score in of for value in score.parts.values()]
    assert sorted(x for _, x in by_name["other runs"]) == pytest.approx(sorted(wanted))

    # In truth: of the block claimed one by one, the correlation of the true latent that is matched to each code.
    test = data.part("test")
    code = runs["imsda"].encode(test)[certificate.run][:, list(runs["imsda"].blocks["changing"])]
    found = match(code, truth.part("test").block("changing"))
    true = dict(by_name["in truth"])
    for factor, c in enumerate(found.codes):
        position = runs["imsda"].blocks["changing"][c]
        assert true[order.index(position)] == pytest.approx(abs(found.values[factor]))


@pytest.mark.parametrize(
    ("verdict", "colour"), [("supported", "#009e73"), ("doubtful", "#e69f00"), ("refused", "#8a939e")]
)
def test_each_verdict_has_its_colour(runs, world, certificate, verdict, colour):
    html = sections(runs["imsda"], world[0], certificate=replace(certificate, verdict=verdict))["certificate"]
    assert f'class="verdict" style="border-color:{colour}"' in html
    assert "In truth" not in html


def test_without_a_certificate_the_section_says_how_to_get_one(runs, world):
    html = sections(runs["vae"], world[0])["certificate"]
    assert "identikit certify FOLDER" in html
    assert not figures(html)


def test_many_latents_stand_block_by_block(runs, world):
    data, truth = world
    wide = ik.fit("imsda", data, seeds=2, steps=3, latents=30, changing=5, progress=False)
    made = ik.certify(wide, data, parts="agreement", progress=False)
    html = sections(wide, data, truth, certificate=made)["certificate"]
    assert figures(html)[0]["layout"]["yaxis"]["ticktext"] == ["invariant", "changing"]
    assert '<td>invariant</td><td class="number">25</td>' in html
    assert "refit, assumptions: nothing is said by it" in html


def test_a_certificate_of_other_runs_is_refused(runs, world, certificate):
    data, truth = world
    wrong = {
        "it is of imsda, and these runs are of vae": {"vae": certificate},
        "unknown name of runs 'imdsa': did you mean 'imsda'": {"imdsa": certificate},
        "one certificate: hand over a dict": certificate,
        "is a str: see identikit.certify": {"vae": "good"},
    }
    for message, given in wrong.items():
        with pytest.raises(ik.InputError, match=message):
            study(runs, data, truth, certificate=given)
    with pytest.raises(ik.InputError, match="of seed 5, which is not among these runs"):
        study(runs["imsda"], data, certificate=replace(certificate, seed=5))


def test_the_scores_are_those_of_the_scorecard(runs, world):
    data, truth = world
    card = score(runs["imsda"], truth)
    html = sections(runs["imsda"], data, truth, scorecard=card)["scores"]
    row = card.table()[0]
    assert f"<code>mcc</code></td><td>{row['mean']:.2f}</td>" in html
    drawn = figures(html)[0]["data"]
    bands = [trace for trace in drawn if trace.get("legendgroup") == "null"]
    assert values(bands[0]["x"]).tolist() == pytest.approx([row["null_low"], row["null_high"]])
    dots = [trace for trace in drawn if trace.get("name") == "imsda"]
    assert values(dots[0]["x"]).tolist() == pytest.approx([s.value for s in card["mcc"]])
    assert len(bands) == len(dots) == len(card.metrics)


def test_the_map_shows_the_matching(runs, world):
    data, truth = world
    vae = runs["vae"]
    html = sections(vae, data, truth)["latents"]
    best = int(np.argmin([run.validation for run in vae.table]))
    found = match(vae.encode(data.part("test"))[best], truth.part("test"))
    drawn = figures(html)[0]
    assert np.allclose(values(drawn["data"][0]["z"]), np.abs(found.matrix), atol=1e-6)
    outlined = {(shape["y0"] + 0.46, shape["x0"] + 0.47) for shape in drawn["layout"]["shapes"]}
    assert {(round(y), round(x)) for y, x in outlined} == set(enumerate(found.codes.tolist()))
    agreement = values(figures(html)[1]["data"][0]["z"])
    assert np.allclose(np.diag(agreement), 1)
    assert np.allclose(agreement, agreement.T)


def test_bands_reach_from_the_lowest_run_to_the_highest(runs, world):
    drawn = figures(sections(runs["vae"], *world)["curves"])[0]["data"]
    totals = np.array(runs["vae"].history["total"])
    band, line = drawn[0], drawn[1]
    assert np.allclose(values(band["y"])[: len(totals)], totals.max(1))
    assert np.allclose(values(line["y"]), np.median(totals, 1))


def test_without_truth_each_section_says_what_is_missing(runs, world):
    data, _ = world
    html = sections(runs["vae"], data)
    assert set(html) == {id for id, _, _ in SECTIONS}
    assert "No truth is known of this data" in html["scores"]
    assert "No truth is known of this data" in html["latents"]
    assert "Agreement of the runs" in html["latents"]
    assert "does not know domains" in html["transfers"]
    assert "no other to agree with" in sections(runs["vae"][0], data)["latents"]


def test_data_without_domains_or_labels(tmp_path):
    rng = np.random.default_rng(0)
    data = ik.datasets.from_arrays(rng.normal(size=(200, 1)) * 3, time=np.arange(200.0))
    fitted = ik.fit("autoencoder", data, steps=5, latents=2, progress=False)
    html = sections(fitted, data)
    assert "no two domains" in html["transfers"]
    assert "only ever in memory" in html["reproduce"]
    assert "time (numbers)" in html["data"]
    assert figures(html["data"])
    assert figures(html["traversals"])


def test_the_oracle_is_labelled(runs, world):
    data, truth = world
    chosen = runs["vae"].select("oracle", truth)
    assert "badge warn" in sections(chosen, data, truth)["asked"]
    assert "ORACLE" in sections(chosen, data, truth)["scores"]
    card = score(chosen, truth, metrics=["mcc"])
    assert "ORACLE" in sections(runs["vae"][0], data, truth, scorecard=card)["scores"]
    assert "ORACLE" not in "".join(sections(runs["vae"], data, truth).values())


def test_diverged_runs_are_named_and_never_drawn(runs, world):
    data, truth = world
    vae = runs["vae"]
    best = int(np.argmin([run.validation for run in vae.table]))
    lost = [replace(run, status="diverged at step 7") if i == best else run for i, run in enumerate(vae.table)]
    html = sections(replace(vae, table=tuple(lost)), data, truth)
    assert f"seed {best} diverged at step 7" in html["asked"]
    assert f"seed {1 - best}" in re.findall("<figcaption>(.*?)</figcaption>", html["latents"])[0]


def test_transfers_of_pictures_stand_beside_the_real_ones(emoji):
    html = sections(*emoji)
    assert html["data"].count("<img") == 16
    assert html["traversals"].count("<img") == 3 * 7
    # Five pictures, each with its reconstruction, carried to the one other style, beside the real one there.
    assert html["transfers"].count("<img") == 5 * 4
    assert "pairing that only the truth knows" in html["transfers"]


def test_pictures_that_cannot_be_drawn_say_so():
    x = np.random.default_rng(0).normal(size=(200, 2, 16, 16))
    data = ik.datasets.from_arrays(x, domain=np.arange(200) % 2)
    html = sections(ik.fit("vae", data, steps=1, batch=16, hidden=8, progress=False), data)
    assert "The pictures are not drawn: a picture has shape (1 or 3" in html["data"]
    assert "200: 160 train" in html["data"]
    assert "There is no traversal of vae: a picture has shape (1 or 3" in html["traversals"]


def test_a_changing_block_is_swapped_where_the_prior_knows_no_domains(world):
    data, truth = world
    blocks = {"invariant": (0, 1, 2), "changing": (3,)}
    model = ik.nets.Model((8,), 4, ik.nets.MLP(8, 8), ik.nets.MLP(4, 8), blocks=blocks)
    objective = ik.tasks.Reconstruction() + 0.02 * ik.constraints.MatchPrior()
    html = sections(ik.fit((model, objective), data, steps=5, progress=False), data, truth)
    assert "mean changing block of the other domain" in html["transfers"]
    assert "a model and an objective of your own" in html["asked"]


def test_distances_from_the_target_domain_are_wasserstein(runs, world):
    from scipy.stats import wasserstein_distance

    data, truth = world
    imsda = runs["imsda"]
    html = sections(imsda, data, truth)["transfers"]
    row = re.findall(r"<td>domain 1</td>((?:<td class=\"number\">[\d.]+</td>){3})", html)[0]
    before, carried, _ = (float(n) for n in re.findall(r">([\d.]+)<", row))
    test = data.part("test")
    others = test.take(np.flatnonzero(test["domain"] != 1))
    real, scale = test.x[test["domain"] == 1], test.x.std(0)
    best = int(np.argmin([run.validation for run in imsda.table]))
    for shown, moved in ((before, others.x), (carried, imsda.transfer(others, 1)[best])):
        wanted = np.mean([wasserstein_distance(moved[:, i], real[:, i]) / scale[i] for i in range(8)])
        assert shown == pytest.approx(wanted, rel=0.08)


def test_the_way_back_to_the_data(runs, world, tmp_path):
    data, _ = world
    again, truth = restore(runs["vae"].source, data.fingerprint())
    assert again.fingerprint() == data.fingerprint()
    assert truth is not None
    assert "ik.worlds.DomainShift(domains=3).sample(900, seed=0)" in python_call(runs["vae"])
    assert "--data world:DomainShift --rows 900 --seed 0 --source domains=3" in str(command(runs["vae"]))

    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["a,b", *(f"{i % 7},{i * i % 11}" for i in range(100))]))
    read = ik.datasets.from_table(path, x="a,b")
    assert restore(json.loads(json.dumps(read.source)), read.fingerprint())[1] is None
    path.write_text(path.read_text().replace("3,9", "3,8"))
    with pytest.raises(ik.InputError, match="it has changed since"):
        restore(read.source, read.fingerprint())


@pytest.mark.parametrize("picture", [np.arange(48, dtype=np.uint8).reshape(3, 4, 4), np.full((1, 2, 3), 200, np.uint8)])
def test_png_is_read_as_what_was_written(picture):
    seen = np.asarray(Image.open(io.BytesIO(png(picture))))
    assert np.array_equal(seen.reshape(*picture.shape[1:], -1).transpose(2, 0, 1), picture)


def test_png_of_floats_is_clipped():
    seen = np.asarray(Image.open(io.BytesIO(png(np.array([[[-1.0, 0.5, 2.0, np.nan]]])))))
    assert seen.tolist() == [[0, 128, 255, 0]]


def test_pieces_escape_what_they_are_given():
    import plotly.graph_objects as go

    assert EVIL not in picture_grid([(EVIL, [np.zeros((1, 2, 2))])], [EVIL], EVIL)
    assert EVIL not in table([EVIL], [[EVIL]], EVIL)
    assert "<" not in re.findall(r"json\">(.*?)</script>", plot(go.Figure(layout={"title": "</script>"})))[0]


def test_a_figure_is_not_changed_by_being_put_on_a_page():
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(y=[1, 2]))
    before = figure.to_json()
    plot(figure)
    assert figure.to_json() == before


def test_a_report_that_cannot_be_written_leaves_nothing(runs, world, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ik.InputError, match="cannot be written"):
        Page("t").write(tmp_path / "file" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ik.InputError, match="cannot be written"):
        Page("t").write(tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_wrong_calls_say_so(runs, world, emoji):
    data, truth = world
    wrong = {
        "the data is a Truth": lambda: study(runs, truth),
        "the truth is a Dataset": lambda: study(runs, data, data),
        "report takes Runs": lambda: study([1], data),
        "lengths differ": lambda: study(runs, data, emoji[2]),
        "fitted on rows of shape": lambda: study({**runs, "emoji": emoji[0]}, data),
        "pass it as data=": lambda: study(replace(runs["vae"], data=None)),
        "one scorecard": lambda: study(runs, data, truth, scorecard=score(runs["vae"], truth, metrics=["mcc"])),
        "begins with a letter": lambda: Page("t").add(Section("1 2", "t", "")),
        "a section 'a' already": lambda: Page("t").add(Section("a", "t", ""), Section("a", "t", "")),
        "a part 'a' already": lambda: Page("t").part("a", "A").part("a", "A"),
        "not of a str": lambda: Page("t").add("text"),
        r"a picture has shape \(1 or 3": lambda: png(np.zeros((2, 4, 4))),
    }
    for message, call in wrong.items():
        with pytest.raises(ik.InputError, match=message):
            call()
