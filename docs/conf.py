"""How Sphinx builds these pages; nothing is fetched from the network."""

from __future__ import annotations

import re

from docutils import nodes
from latex2mathml.converter import convert

import identikit

project = "identikit"
author = "identikit maintainers"
copyright = author
version = release = identikit.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "*.inc.md", "**/*.inc.md"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "identikit"
html_copy_source = False
# The browser's own formulas: MathJax would be fetched from the network by whoever reads a page.
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Docstrings are plain prose with `code` in single backticks and formulas as typed: a stray * or | in one is no error.
default_role = "code"
# Words such as `latents` in shapes are attributes of several classes; none of them is meant.
suppress_warnings = ["docutils", "ref.python"]


def _plain_prose(app, what, name, obj, options, lines):
    """Turn `code` into a literal, and keep the bars of a formula such as |x| from being read as markup."""
    for index, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            pieces = re.split(r"(`[^`]+`)", line)
            pieces[::2] = [piece.replace("|", "\\|") for piece in pieces[::2]]
            line = "".join(f"`{p}`" if n % 2 else p for n, p in enumerate(pieces))
            lines[index] = re.sub(r"``(?=\w)(?<=\w``)", r"``\\ ", line)


def _inline_formula(writer, node):
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _formula(writer, node):
    writer.body.append(convert(node.astext(), display="block"))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(_inline_formula, None), block_renderers=(_formula, None))
    app.connect("autodoc-process-docstring", _plain_prose, priority=400)
