"""How Sphinx builds these pages."""

import re

import hashlens

project = "hashlens"
author = "The hashlens developers"
copyright = "2026, the hashlens developers"
version = release = hashlens.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
# "ref.python": a word in a type, such as "path", that is also the name of several attributes.
suppress_warnings = ["config.cache", "ref.python"]

html_theme = "furo"
html_title = f"hashlens {version}"
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say type, unit and range
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Columns"]

# References to hashlens must resolve. Those to other projects would need the network.
# Inner modules have no page of their own.
nitpick_ignore_regex = [
    ("py:.*", r"(?!hashlens\b).*"),
    ("py:.*", r"hashlens\.\w+\.[a-z]\w+(\.\w+)?"),
]


def plain_text(app, what, name, obj, options, lines):  # noqa: ARG001
    """Make numpydoc's shorthand safe for reStructuredText.

    Footnotes of several objects would clash on one page: they become bullets. A learnt name such
    as ``mean_`` in the type of a parameter would be a link: it is escaped.
    """
    for i, line in enumerate(lines):
        text = re.sub(r"^\.\. \[\w+\] ", "* ", line)
        text = re.sub(r" ?\[\d+\]_", "", text)
        head, colon, kind = text.partition(" : ")
        lines[i] = head + colon + re.sub(r"(?<=\w)_(?!\w)", r"\_", kind)


def setup(app):
    # Before napoleon, which runs at the default priority of 500.
    app.connect("autodoc-process-docstring", plain_text, priority=400)
