"""Sphinx extension of the book: explorers in their static life, and every script served from the book itself."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import files
from importlib.resources import as_file
from importlib.resources import files as resources
from pathlib import Path

from sphinx.application import Sphinx

# In the order in which a page loads them.
EXPLORER_FILES = ("numbers.js", "guess.js", "explorer.js", "explorer.css")
MATHJAX_DISTRIBUTION = "sphinx-mathjax-offline"
# The whole of TeX in one file, so that nothing is loaded on demand, and the fonts that it asks for.
MATHJAX_PARTS = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2/")


def copy_explorer(static: Path) -> None:
    """Copy the package's explorer files into ``static``."""
    for name in EXPLORER_FILES:
        with as_file(resources("helm_book.explorer") / "page" / name) as source:
            shutil.copyfile(source, static / name)


def copy_mathjax(static: Path) -> None:
    """Copy the needed part of MathJax, 1.6 of its 24 MB, into ``static/mathjax``."""
    for source in files(MATHJAX_DISTRIBUTION) or ():
        _, found, inner = source.as_posix().partition("/static/mathjax/")
        if found and inner.startswith(MATHJAX_PARTS):
            target = static / "mathjax" / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.locate(), target)


def copy_files(app: Sphinx) -> None:
    """Put into the output what the pages load."""
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    copy_explorer(static)
    copy_mathjax(static)


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    # The kernels that execute the chapters inherit this: sliders become pages that need no kernel.
    os.environ["HELM_EXPLORER"] = "static"
    app.connect("builder-inited", copy_files)
    for name in EXPLORER_FILES:
        if name.endswith(".js"):
            app.add_js_file(name, loading_method="defer")
        else:
            app.add_css_file(name)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
