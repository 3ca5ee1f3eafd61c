"""What the README shows runs, and its files are there."""

import functools
import re
from pathlib import Path

import identikit as ik

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    """All Python blocks one after another, with fewer steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ik, "fit", functools.partial(ik.fit, steps=20, progress=False))
    known = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, known)
    assert len(known["runs"]) == 32
    assert known["runs"].program.strategy == "grouped"
    assert "block_r2 invariant->changing" in capsys.readouterr().out
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_it_opens_with_the_two_commands():
    assert README.index("make demo") < README.index("make test") < README.index("```python")


def test_linked_files_are_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []
