"""The order of the rooms, what importing the library may cost, and what no source file may do."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "identikit"
ORDER = [
    *(
        "errors",
        "writing",
        "splits",
        "data",
        "metrics",
        "worlds",
        "datasets",
        "nets",
        "objective",
        "tasks",
        "constraints",
        "engine",
    ),
    *("methods", "trust", "structure", "estimators", "studies", "reports", "demo", "cli"),
]
HEAVY = {"duckdb", "jinja2", "plotly", "rich", "scipy", "sklearn", "typer"}
FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_modules(tree, path):
    """Every module named by an import anywhere in the file, as (dotted name, line)."""
    package = ["identikit", *path.relative_to(SOURCE).with_suffix("").parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                [*package[: len(package) - node.level], *filter(None, [node.module])] if node.level else [node.module]
            )
            yield from ((".".join([*base, alias.name]), node.lineno) for alias in node.names)


def wrong_imports(source, path):
    """What a file imports from rooms below its own, in words."""
    allowed = ORDER[: ORDER.index(room_of(path)) + 1]
    for name, line in imported_modules(ast.parse(source), path):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top == "identikit" and other not in allowed and not other.startswith("__") and room_of(path) != "cli":
            yield f"{path.relative_to(ROOT)}:{line} ({room_of(path)}) imports {name}"


def test_every_file_stands_in_a_known_room():
    assert {room_of(path) for path in FILES} <= set(ORDER)
    assert len(FILES) > 20


def test_a_room_imports_only_from_rooms_before_it():
    assert [wrong for path in FILES for wrong in wrong_imports(path.read_text(encoding="utf-8"), path)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from identikit.engine import fit",
        "from identikit import engine",
        "from identikit import fit",
        "import identikit.cli",
        "import identikit",
        "def f():\n    from identikit.reports.html import write",
        "from ..engine import fit",
    ],
)
def test_a_wrong_import_is_seen(line):
    assert list(wrong_imports(line, SOURCE / "nets" / "flows.py"))
    assert not list(wrong_imports(line, SOURCE / "cli.py"))


@pytest.mark.parametrize(
    "line", ["from identikit.data import Schema", "from .base import Model", "import numpy.linalg"]
)
def test_a_right_import_passes(line):
    assert not list(wrong_imports(line, SOURCE / "nets" / "flows.py"))


def test_importing_the_library_stays_cheap():
    code = (
        "import sys, numpy, torch; before = set(sys.modules); import identikit; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "identikit" in loaded
    assert HEAVY & set(loaded) == set()


def test_nothing_is_unpickled_and_one_file_alone_opens_the_network():
    forbidden = {"pickle", "cloudpickle", "dill", "requests", "urllib", "http", "socket", "torch.load"}
    # The one place that fetches files, and only where a reader is asked for one.
    network = {SOURCE / "datasets" / "download.py": {"urllib", "http"}}
    seen = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [name for name, _ in imported_modules(tree, path)]
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        unsafe = [k for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg == "allow_pickle"]
        wrong = forbidden - network.get(path, set())
        seen += [f"{path.name}: {n}" for n in (*names, *calls) if n in wrong or n.partition(".")[0] in wrong]
        seen += [f"{path.name}: allow_pickle" for k in unsafe if ast.unparse(k.value) != "False"]
    assert seen == []


def test_importing_and_reading_what_is_shipped_opens_no_connection():
    code = (
        "import socket, sys\n"
        "def refuse(event, values):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'): raise SystemExit(f'{event} {values}')\n"
        "sys.addaudithook(refuse)\n"
        "import identikit\n"
        "from identikit.datasets import shipped\n"
        "[shipped.load(name) for name in shipped.SHIPPED]\n"
        "try: socket.create_connection(('127.0.0.1', 9))\n"
        "except SystemExit: print('refused')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "refused"), run.stderr


def test_no_file_names_a_path_of_one_machine():
    pattern = re.compile(r"(?<![\w./-])/(?:home|root|work|Users|mnt)/\w")
    folders = ("src", "tests", "docs", "bench")
    texts = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in (".py", ".md")]
    texts += [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci" / "run"]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        if "_build" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []
