"""What every metric keeps to: the same value for the same input, one sentence for bad input, and a page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identikit import metrics
from identikit.errors import InputError
from identikit.metrics import Score

DOCS = Path(__file__).parent.parent / "docs"
rng = np.random.default_rng(0)
S = rng.integers(0, 3, (120, 2)).astype(float)
Z = np.column_stack([S[:, 0] + 0.3 * rng.normal(size=120), S @ [0.5, 0.5], rng.normal(size=120)])
X = rng.normal(size=(12, 4))
GRAPH = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
LABELS = np.arange(120) % 2


def scores(found: Any) -> list[Score]:
    """The scores that a metric returned, in whichever form."""
    if isinstance(found, metrics.DCI):
        return list(found.scores)
    if isinstance(found, dict):
        return list(found.values())
    return [found]


def of(name: str, **settings: Any) -> Callable[[Any, Any], Any]:
    return lambda a, b: getattr(metrics, name)(a, b, **settings)


def in_blocks(name: str) -> Callable[[Any, Any], Any]:
    """A metric of two blocks of codes and of latents, one column each."""
    return lambda z, s: getattr(metrics, name)({"a": z[:, :1], "b": z[:, 1:]}, {"a": s[:, :1], "b": s[:, 1:]}, nulls=1)


# For each public metric: the call, from two arrays, and these two. Those of FEWER are refused unequal lengths by
# another rule, or have one array alone.
CALLS: dict[str, tuple[Callable[[Any, Any], Any], np.ndarray, np.ndarray]] = {
    "active_units": (lambda z, _: metrics.active_units(z), Z, S),
    "activity": (lambda v, _: metrics.activity(v), Z**2, S),
    "beta_vae": (of("beta_vae", nulls=0), Z, S),
    "block_leakage": (in_blocks("block_leakage"), Z, S),
    "block_r2": (of("block_r2", nulls=1), Z, S),
    "block_table": (in_blocks("block_table"), Z, S),
    "counterfactual_error": (lambda a, b: metrics.counterfactual_error(a, b, S, nulls=2), S + 0.2, S + 1.0),
    "dci": (of("dci", nulls=0), Z, S),
    "dictionary_mcc": (of("dictionary_mcc", nulls=2), X, X[::-1].copy()),
    "domain_probe": (of("domain_probe", nulls=2), Z, LABELS),
    "edge_f1": (of("edge_f1", nulls=2), GRAPH.T.copy(), GRAPH),
    "explained_share": (of("explained_share", nulls=1), Z, S),
    "explicitness": (of("explicitness", kinds="discrete", nulls=1), Z, S),
    "factor_vae": (of("factor_vae", nulls=0), Z, S),
    "info_compactness": (of("info_compactness", kinds="discrete", nulls=1), Z, S),
    "info_explicitness": (of("info_explicitness", kinds="discrete", nulls=1), Z, S),
    "info_mec": (of("info_mec", kinds="discrete", nulls=1), Z, S),
    "info_modularity": (of("info_modularity", kinds="discrete", nulls=1), Z, S),
    "irs": (of("irs", nulls=1), Z, S),
    "mcc": (of("mcc", nulls=2), Z, S),
    "mig": (of("mig", nulls=2), Z, S),
    "modularity": (of("modularity", nulls=2), Z, S),
    "pw_mcc": (lambda a, b: metrics.pw_mcc([a, b], nulls=2), X, X[::-1].copy()),
    "retrieval": (lambda z, c: metrics.retrieval(z, c, LABELS, nulls=2), Z, np.arange(120) // 2),
    "sap": (of("sap", nulls=2), Z, S),
    "shd": (of("shd", nulls=2), GRAPH.T.copy(), GRAPH),
    "subspace_leakage": (of("subspace_leakage", nulls=2), Z, S),
    "subspace_r2": (of("subspace_r2", nulls=2), Z, S),
}
NO_LENGTHS = {"active_units", "activity", "dictionary_mcc", "pw_mcc"}
"""These take one array, or dictionaries of any two sizes (but of one width)."""

PAGES = {
    "active_units": "activity",
    "block_leakage": "leakage",
    "block_table": "block_r2",
    "edge_f1": "edges",
    "info_compactness": "info_mec",
    "info_explicitness": "info_mec",
    "info_modularity": "info_mec",
    "subspace_leakage": "leakage",
    "subspace_r2": "leakage",
}
"""Where a metric shares the page of another name."""


def test_every_public_metric_is_checked_here():
    returns = {
        name: str(inspect.signature(getattr(metrics, name)).return_annotation)
        for name in metrics.__all__
        if inspect.isfunction(getattr(metrics, name))
    }
    assert {name for name, kind in returns.items() if re.search(r"\bScore\b|\bDCI\b", kind)} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_numpy_and_torch_give_the_same_scores_on_every_call(name):
    call, first, second = CALLS[name]
    found = scores(call(first, second))
    assert found
    assert all(isinstance(score, Score) and np.isfinite(score.value) for score in found)
    assert scores(call(first, second)) == found
    as_tensors = scores(call(torch.from_numpy(first), torch.from_numpy(second)))
    assert [score.value for score in as_tensors] == pytest.approx([score.value for score in found], abs=1e-9)
    assert [score.nulls.keys() for score in as_tensors] == [score.nulls.keys() for score in found]


@pytest.mark.parametrize("name", CALLS)
def test_nan_is_refused_in_one_sentence(name):
    call, first, second = CALLS[name]
    broken = first.astype(float)
    broken[3 % len(broken), 0] = np.nan
    with pytest.raises(InputError) as caught:
        call(broken, second)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", sorted(CALLS.keys() - NO_LENGTHS))
def test_unequal_lengths_are_refused_in_one_sentence(name):
    call, first, second = CALLS[name]
    shorter = first[:-1, :-1] if name in ("shd", "edge_f1") else first[:-2]
    with pytest.raises(InputError, match="differ") as caught:
        call(shorter, second)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CALLS)
def test_every_metric_has_a_page_that_names_it(name):
    page = DOCS / "metrics" / f"{PAGES.get(name, name)}.md"
    assert name in page.read_text(encoding="utf-8")
    assert f"metrics/{page.stem}\n" in (DOCS / "metrics.md").read_text(encoding="utf-8")


def test_every_picture_of_a_page_exists_and_is_small():
    shown = 0
    for page in [DOCS / "metrics.md", *(DOCS / "metrics").glob("*.md")]:
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            picture = page.parent / target
            assert picture.is_file(), f"{page.name} shows {target}"
            assert picture.stat().st_size < 40_000, target
            shown += 1
    assert shown > 10
