"""The extension that executes the chapters before they are read: same outputs, a failing cell fails the build."""

import sys
from pathlib import Path

import nbformat
import pytest
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_extensions"))
PROCESS = "import os\nprint('process', os.getpid())"


@pytest.fixture
def build(tmp_path):
    def build(**chapters: str) -> Sphinx:
        """A book of a page and these chapters of one cell each."""
        (tmp_path / "index.md").write_text("# Book\n")
        (tmp_path / "_toc.yml").write_text(
            "root: index\nformat: jb-book\nchapters:\n" + "".join(f"  - file: {name}\n" for name in chapters)
        )
        for name, code in chapters.items():
            cells = [nbformat.v4.new_markdown_cell(f"# {name}"), nbformat.v4.new_code_cell(f"{code}  # {name}")]
            nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
        settings = {
            "extensions": ["helm_execution", "myst_nb", "sphinx_external_toc"],
            "nb_execution_mode": "cache",
            "nb_execution_raise_on_error": True,
            "master_doc": "index",
            "exclude_patterns": [".*"],
        }
        app = Sphinx(
            str(tmp_path), None, str(tmp_path / "html"), str(tmp_path / "trees"), "html", settings, None, freshenv=True
        )
        app.build(force_all=True)
        return app

    return build


def output(app: Sphinx, name: str) -> str:
    return (Path(app.outdir) / f"{name}.html").read_text().partition("process ")[2].split("\n")[0].split("<")[0]


def test_every_chapter_is_executed_once_in_a_kernel_of_its_own_and_again_at_the_next_build(build):
    app = build(first=PROCESS, second=PROCESS)
    first = [output(app, name) for name in ("first", "second")]
    assert len(set(first)) == 2
    assert all(app.env.nb_metadata[name]["exec_data"]["runtime"] > 0 for name in ("first", "second"))
    app = build(first=PROCESS, second=PROCESS)  # the package may have changed
    assert not {output(app, name) for name in ("first", "second")} & set(first)


def test_a_cell_that_raises_fails_the_build_and_is_named(build):
    with pytest.raises(ExtensionError, match=r"second\.ipynb:(.|\n)*ZeroDivisionError"):
        build(first=PROCESS, second="1 / 0")
