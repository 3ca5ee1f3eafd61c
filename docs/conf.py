"""How Sphinx builds these pages; nothing is fetched from the network."""

from __future__ import annotations

import re

import identikit

project = "identikit"
author = "identikit maintainers"
copyright = author
version = release = identikit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "identikit"
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False
# Docstrings are plain prose with `code` in single backticks and formulas as typed: a stray * or | in one is no error.
default_role = "code"
suppress_warnings = ["docutils"]


def _plain_prose(app, what, name, obj, options, lines):
    """Keep reStructuredText from reading markup into formulas such as `|x|` and `a_`."""
    for index, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[index] = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line)


def setup(app):
    app.connect("autodoc-process-docstring", _plain_prose, priority=400)
