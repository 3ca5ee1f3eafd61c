"""The demo: both parts on one page, runs read back, and an emoji study that never learns what shows the same."""

import copy
import re

import numpy as np
import pytest
import torch

import identikit as ik
from identikit import demo
from identikit.demo import emoji
from identikit.engine import Program
from identikit.engine.program import Learner
from identikit.errors import LeakError
from identikit.nets import Batch

SIZE, STEPS = 16, 4
STYLES = ("noto", "fluent-emoji-flat", "fluent-emoji-high-contrast")


@pytest.fixture(scope="module")
def pictures():
    data, truth = ik.datasets.emoji(size=SIZE, styles=STYLES)
    return emoji.outlined(data), truth


def brief(data, seeds=1, steps=STEPS):
    build = (lambda: emoji.compose(data)[0], emoji.compose(data)[1])
    return ik.fit(build, data, seeds=seeds, steps=steps, batch=60, balance=True, lr=emoji.rate(steps), progress=False)


def concepts(truth):
    return truth.latents[:, truth.names.index("concept")].astype(int)


@pytest.mark.slow
def test_the_whole_demo_and_its_runs_read_back(tmp_path, capsys):
    path = demo.run(tmp_path, seeds=2, quick=True)
    assert path == tmp_path / "report.html"
    text = path.read_text(encoding="utf-8")
    assert 'id="worlds' in text
    assert 'id="emoji' in text
    for anchor in ("worlds-scores", "worlds-latents", "emoji-found", "emoji-nearest", "emoji-swaps", "emoji-scores"):
        assert re.search(f'id="{anchor}"', text), anchor
    said = capsys.readouterr().out
    assert "A. A world of 9 domains" in said
    assert "B. Emoji in five styles" in said
    assert "composed, invariant" in said
    assert re.search(r"What can be said of imsda without the truth\nimsda, seed \d of 2 runs", said)
    assert "Looked at only now: the true MCC" in said
    assert "each block is claimed as a block" in said
    for part, name in (("worlds", "imsda"), ("emoji", "composed")):
        section = text.split(f'<section id="{part}-certificate">')[1].split("</section>")[0]
        assert 'class="verdict"' in section
        assert "No certificate was made of vae" in section
        assert name in section

    fits = sorted(tmp_path.glob("*/*/runs.safetensors"))
    assert [str(fit.parent.relative_to(tmp_path)) for fit in fits] == [
        "emoji/composed", "emoji/vae", "worlds/imsda", "worlds/vae",
    ]  # fmt: skip
    fits.append(tmp_path / "worlds" / "certificate" / "refit" / "runs.safetensors")
    written = [fit.stat().st_mtime_ns for fit in fits]
    path.unlink()
    assert demo.run(tmp_path, seeds=2, quick=True).exists()
    assert [fit.stat().st_mtime_ns for fit in fits] == written
    again = capsys.readouterr().out
    assert [line for line in again.splitlines() if "composed, " in line] == [
        line for line in said.splitlines() if "composed, " in line
    ]


def test_the_encoder_of_many_runs_equals_each_alone(pictures):
    data, _ = pictures
    learners = []
    for seed in range(3):
        torch.manual_seed(seed)
        model, objective = emoji.compose(data)
        learners.append(Learner(model, objective))
    together = Program(learners, "grouped").learner.model.encoder
    rows = slice(0, data.rows, 500)
    given = [torch.as_tensor(data[name][rows]) for name in ("x", "edges", "domain")]
    given[0] = given[0].float() / 255
    many = together(*(field.expand(3, *field.shape) for field in given))
    for run, learner in enumerate(learners):
        alone = learner.model.encoder(*given)
        assert alone.shape == (len(given[2]), 2 * (emoji.CONTENT + emoji.STYLE))
        torch.testing.assert_close(many[run], alone, atol=1e-5, rtol=1e-5)
    assert (many[0] - many[1]).abs().max() > 0.01


def test_outlines_alone_make_the_invariant_block(pictures):
    data, _ = pictures
    model, _ = emoji.compose(data)
    fields = {name: torch.as_tensor(data[name][:6]) for name in ("x", "edges", "domain")}
    inside, outside = list(emoji.BLOCKS["invariant"]), list(emoji.BLOCKS["changing"])
    with torch.no_grad():
        code = model.posterior(Batch(fields))[1]
        recoloured = model.posterior(Batch({**fields, "x": 255 - fields["x"], "domain": fields["domain"] + 1}))[1]
        redrawn = model.posterior(Batch({**fields, "edges": -fields["edges"]}))[1]
    assert torch.equal(code[:, inside], recoloured[:, inside])
    assert not torch.equal(code[:, outside], recoloured[:, outside])
    assert torch.equal(code[:, outside], redrawn[:, outside])
    assert not torch.equal(code[:, inside], redrawn[:, inside])


def test_it_never_reads_what_a_picture_shows(pictures):
    data, truth = pictures
    assert set(data.schema.fields) == {"y", "domain", "edges"}
    with pytest.raises(LeakError):
        ik.fit((emoji.compose(data)[0], emoji.compose(data)[1]), truth, steps=1)
    fitted = brief(data)
    unlabelled = copy.copy(data)
    vars(unlabelled).update(
        fields={name: data[name] for name in ("domain", "edges")},
        names={name: names for name, names in data.names.items() if name != "y"},
    )
    for other in (data.hide("y", np.ones(data.rows, dtype=bool)), unlabelled):
        state = brief(other).program.state
        for name, tensor in fitted.program.state.items():
            assert torch.equal(tensor, state[name]), name


def test_known_codes_get_known_figures(pictures):
    data, truth = pictures
    rng = np.random.default_rng(0)
    content = rng.normal(size=(1160, 20))[concepts(truth)]
    style = 50 * np.eye(3, 20)[data["domain"]] + rng.normal(size=content.shape)
    found = emoji.find("known", np.stack([content, style]), data, truth)
    assert found.held[0] == found.every[0] == 1
    assert found.held[1] < 0.05
    assert abs(found.linear[0] - 1 / 3) < 0.05
    assert found.linear[1] == found.nearest[1] == 1
    assert (found.code, found.size) == ("known", 20)


def test_probes_do_not_profit_from_the_same_concept_in_other_styles(pictures):
    from sklearn.neighbors import KNeighborsClassifier

    data, truth = pictures
    rng = np.random.default_rng(0)
    near = 0.02 * np.eye(3)[data["domain"]] @ rng.normal(size=(3, 2))
    codes = rng.normal(size=(1160, 2))[concepts(truth)] + near
    # A neighbour probe on random rows finds the other drawings of the same concept, and lands below chance.
    share = ik.metrics.domain_probe(codes, data["domain"], probe="nearest", nulls=0).value
    fair = emoji.told(KNeighborsClassifier(10), codes, data)
    assert share < 0.3 < fair


def test_swaps_are_measured_against_real_drawings(pictures):
    data, _ = pictures
    swaps = emoji.swap(brief(data, seeds=2), data)
    real = (data["x"] / 255.0).reshape(3, 1160, -1)
    held, train = data.split[:1160] > 0, data.split[:1160] == 0
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    left = np.mean([np.square(real[a, held] - real[b, held]).mean() for a, b in pairs])
    mean = np.mean([np.square(real[a, train].mean(0) - real[a, held]).mean() for a in range(3)])
    assert swaps.left == pytest.approx(left, rel=1e-4)
    assert swaps.mean == pytest.approx(mean, rel=1e-4)
    assert len(swaps.carried) == 2
    assert tuple(swaps.targets) == tuple(swaps.means) == STYLES
    assert np.mean(list(swaps.targets.values())) == pytest.approx(np.mean(swaps.carried))


def test_pictures_shown_are_of_new_concepts(pictures):
    data, truth = pictures
    names = [concept["name"] for concept in ik.datasets.emoji_concepts()]
    new = {names[concept] for concept in concepts(truth)[data.split > 0]}
    codes = np.random.default_rng(0).normal(size=(1160, 20))[concepts(truth)]
    found, right = emoji.nearest(codes, data, truth, 5)
    assert right == 5 * 2
    grids = found, emoji.carried(brief(data), data, truth, 5)
    for grid in grids:
        assert len({label for label, _ in grid}) == 5
        assert {label for label, _ in grid} <= new
        for label, shown in grid:
            for style in range(3):
                assert np.array_equal(shown[style], data["x"][1160 * style + names.index(label)])
    assert len(grids[0][0][1]) == 3
    assert len(grids[1][0][1]) == 7
    assert grids[1][0][1][3] is None


@pytest.mark.slow
def test_the_study_finds_concepts_and_carries_styles(pictures):
    data, truth = pictures
    fitted = brief(data, steps=150)
    invariant, changing = (fitted.encode()[:, :, list(block)] for block in emoji.BLOCKS.values())
    pixels = data["x"].reshape(1, data.rows, -1).astype(np.float32) / 255
    content, style, raw = (emoji.find("", codes, data, truth) for codes in (invariant, changing, pixels))
    assert content.held[0] > raw.held[0] + 0.1
    assert content.linear[0] < 0.45
    assert style.linear[0] > 0.95
    swaps = emoji.swap(fitted, data)
    assert swaps.carried[0] < 0.85 * swaps.left


def test_the_rate_warms_up_and_ends_at_zero():
    rates = [float(emoji.rate(80).at(step)) for step in range(81)]
    assert rates[0] == 0
    assert max(rates) == pytest.approx(2e-3, rel=0.1)
    assert rates.index(max(rates)) == 10
    assert rates[-1] == pytest.approx(0, abs=1e-9)
