"""Worlds that describe themselves: assumptions, graph picture, page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from identikit.data import Dataset, Truth
from identikit.reports.diagram import diagram
from identikit.reports.world import world_page
from identikit.splits import make_split
from identikit.worlds import DomainShift, Scenes
from identikit.worlds.base import World
from identikit.worlds.description import look


def told(latents: np.ndarray, graph=None, domain=None, mixing=None, x=None, blocks=None) -> dict:
    rows, count = latents.shape
    names = tuple(f"z{i}" for i in range(count))
    split = make_split(rows)
    x = latents if x is None else x
    fields = {} if domain is None else {"domain": domain}
    labels = {} if domain is None else {"domain": tuple(f"d{i}" for i in range(int(domain.max()) + 1))}
    data = Dataset(x.astype(np.float32), fields, labels, split)
    truth = Truth(latents, names, ("continuous",) * count, blocks or {}, graph, mixing=mixing, split=split)
    return {a.name: a for a in look(data, truth)}


rng = np.random.default_rng(0)
Z = rng.normal(size=(2_000, 3))


def test_a_mixing_that_loses_a_latent_is_not_invertible():
    keeps, loses = rng.normal(size=(3, 5)), np.diag([1.0, 1.0, 0.0])
    assert told(Z, mixing=lambda z: z @ keeps, x=Z @ keeps)["invertible"].holds
    assert not told(Z, mixing=lambda z: z @ loses, x=Z + 1)["invertible"].holds
    narrow = told(Z, mixing=lambda z: z[:, :2], x=Z[:, :2])["invertible"]
    assert not narrow.holds
    assert narrow.why == "2 numbers are observed of 3 latents"


def test_dependence_is_seen_and_chance_is_not():
    assert told(Z)["independent latents"].holds
    tied = Z.copy()
    tied[:, 1] = tied[:, 0] + tied[:, 1]
    assert told(tied)["independent latents"].holds is False
    domain = np.arange(2_000) % 2
    moved = Z + 3 * domain[:, None]
    assert told(moved, domain=domain)["independent latents"].holds, "domains that move all latents are no dependence"


def test_an_edge_that_does_nothing_is_unfaithful():
    graph = np.zeros((3, 3), int)
    graph[0, 1] = 1
    tied = Z.copy()
    tied[:, 1] = tied[:, 0] ** 2 + 0.2 * tied[:, 1]
    assert told(tied, graph)["faithful"].holds
    found = told(Z, graph)["faithful"]
    assert found.holds is False
    assert "z0 -> z1" in found.why


@pytest.mark.parametrize(("domains", "holds"), [(4, False), (5, True)])
def test_two_changing_latents_need_five_domains(domains, holds):
    assert DomainShift(domains=domains).describe()["sufficiently variable"].holds is holds


@pytest.mark.parametrize("seed", range(5))
def test_domains_that_differ_by_chance_alone_are_not_variable(seed):
    z = np.random.default_rng(seed).normal(size=(2_000, 2))
    found = told(z, domain=np.arange(2_000) % 9, blocks={"changing": (0, 1)})["sufficiently variable"]
    assert found.holds is False
    assert "span 0 of the 4" in found.why
    assert DomainShift(domains=9, seed=seed).describe(seed=seed)["sufficiently variable"].holds


def test_a_world_may_say_more_and_correct_what_was_measured():
    class Own(DomainShift):
        def assumptions(self, data, truth):
            from identikit.worlds import Assumption

            return [
                Assumption("invertible", None, "nobody knows", measured=False),
                Assumption("mine", True, "so it is"),
            ]

    found = Own(domains=3).describe(300)
    assert found["invertible"].word == "unknown"
    assert "nobody knows (by construction)" in str(found)
    assert found["mine"].holds
    assert json.loads(json.dumps(found.json()))["assumptions"][-1]["name"] == "mine"


def test_a_diagram_escapes_its_names_and_leaves_out_what_has_no_edge():
    drawn = diagram(("<a>", "b", "c"), np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert "&lt;a&gt;" in drawn
    assert drawn.count("<rect") == 2
    assert "Without an edge: c." in drawn


class Modalities(World):
    """Two modalities, of which one moves in time."""

    def sample(self, n: int, seed: int = 0) -> tuple[Dataset, Truth]:
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(n, 2))
        fields = {"sequence": (np.arange(n) // 10).astype(np.float32), "time": (np.arange(n) % 10).astype(np.float32)}
        pictures = rng.integers(0, 255, (n, 3, 16, 16), dtype=np.uint8)
        split = make_split(n)
        data = Dataset({"numbers": z.astype(np.float32), "pictures": pictures}, fields, {}, split)
        return data, Truth(z, ("a", "b"), ("continuous",) * 2, split=split)


def test_pages_draw_each_modality_and_time(tmp_path):
    path, found = world_page(Modalities(), tmp_path / "m.html", rows=100)
    page = path.read_text()
    assert page.count("<img") == 6 * 10
    assert "along one sequence" in page
    assert found.graph is None
    assert "no graph" in page
    path, _ = world_page(Scenes(size=32), tmp_path / "s.html", rows=40)
    assert path.read_text().count("class='edge'") == 4
