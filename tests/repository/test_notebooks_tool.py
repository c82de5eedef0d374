"""The tool that normalises and checks notebooks: each rule fails on a notebook that breaks it, and only then."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat.v4 as v4
import pytest
from nbval.plugin import find_metadata_tags, get_sanitize_patterns

ROOT = Path(__file__).resolve().parents[2]

import notebooks  # noqa: E402
import rounding  # noqa: E402

PLOT = v4.new_output("display_data", data={"image/png": "aGVsbQ==", "text/plain": "<Figure size 1x1>"})
PROSE = v4.new_output("display_data", data={"text/markdown": "**1.0**", "text/plain": "<Markdown object>"})
ALT = {"mystnb": {"image": {"alt": "A line that rises"}}}


def chapter(*cells):
    """A notebook that keeps every rule, with ``cells`` added."""
    setup = v4.new_code_cell(notebooks.setup_cell(notebooks.repository_address()), execution_count=1)
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# A chapter"), setup, *cells])
    notebook.metadata["executed_source"] = notebooks.source_digest(notebook)
    notebook.metadata["rounding"] = rounding.fingerprint()
    return notebook


def problems(notebook):
    return [problem for rule in notebooks.CHECKS for problem in rule(notebook)]


def test_a_good_chapter_has_no_problem():
    good = chapter(
        v4.new_code_cell("plot()", execution_count=2, outputs=[PLOT], metadata=ALT),
        v4.new_code_cell("Markdown()", execution_count=3, outputs=[PROSE], metadata={"tags": [notebooks.CHECKED]}),
        v4.new_code_cell(f"{notebooks.MARK}Markdown()", execution_count=4, outputs=[PROSE]),
        v4.new_markdown_cell("Sets such as $\\{x\\}$ and `{x: 1}`.\n\n```python\n# a comment, not a heading\n```"),
    )
    assert problems(good) == []


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        (v4.new_code_cell("x"), "execution counts"),
        (v4.new_code_cell("x", execution_count=3), "execution counts"),
        (v4.new_code_cell(" ", execution_count=2), "empty"),
        (v4.new_code_cell("x", execution_count=2, outputs=[PLOT]), "mystnb.image.alt"),
        (v4.new_code_cell("x", execution_count=2, outputs=[PROSE]), "writes prose"),
        (
            v4.new_code_cell("x", execution_count=2, outputs=[v4.new_output("error", ename="E", evalue="e")]),
            "ends in E",
        ),
        (
            v4.new_code_cell("x", execution_count=2, outputs=[v4.new_output("stream", name="stderr", text="w")]),
            "stderr",
        ),
        (v4.new_markdown_cell("# A second title"), "first-level heading"),
        (v4.new_markdown_cell("See {cite}`oord2018representation`."), "MyST"),
        (v4.new_markdown_cell("See {py:func}`fit`."), "MyST"),
        (v4.new_markdown_cell("text\n\n```{note}\nraw\n```"), "MyST"),
        (v4.new_markdown_cell(":::{tip}\nraw\n:::"), "MyST"),
        (v4.new_markdown_cell("(a-label)=\n## Section"), "MyST"),
    ],
)
def test_each_rule_names_what_breaks_it(cell, word):
    found = problems(chapter(cell))
    assert len(found) == 1 and word in found[0], found


def test_a_changed_cell_is_stale_and_a_changed_setup_is_named():
    notebook = chapter(v4.new_code_cell("x = 1", execution_count=2))
    notebook.cells[2].source = "x = 2"
    assert any("changed after" in problem for problem in problems(notebook))
    notebook = chapter()
    notebook.cells[1].source += "\nimport torch"
    assert any("set-up cell" in problem for problem in problems(notebook))


def test_normal_form_drops_what_changes_from_run_to_run_and_is_its_own_normal_form(tmp_path):
    view = {notebooks.WIDGET_VIEW: {"model_id": "1f"}, "text/plain": "<Thing at 0x7f12ab34cd56>"}
    cell = v4.new_code_cell(
        "x", execution_count=2, metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["remove-input"]}
    )
    cell.outputs = [v4.new_output("display_data", data=view), v4.new_output("stream", text="<A at 0x7f12ab34cd56>\n")]
    notebook = chapter(
        cell, v4.new_markdown_cell("same"), v4.new_markdown_cell("same"), v4.new_markdown_cell("b", id="b")
    )
    notebook.metadata["widgets"] = {"state": {}}
    notebook.metadata["kernelspec"] = {"name": "mine", "display_name": "Mine"}
    first = notebooks.normalise(notebook)
    assert "widgets" not in first.metadata and first.metadata.kernelspec.name == "python3"
    assert first.cells[2].metadata == {"tags": ["remove-input"], **notebooks.FOLDED}
    assert first.cells[2].outputs[0].data == {"text/plain": "<Thing at 0x0>"}
    assert first.cells[2].outputs[1].text == "<A at 0x0>\n"
    assert first.cells[5].id == "b" and len({cell.id for cell in first.cells}) == 6
    notebooks.write(first, tmp_path / "a.ipynb")
    notebooks.write(notebooks.normalise(notebooks.read(tmp_path / "a.ipynb")), tmp_path / "b.ipynb")
    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes()


def test_a_run_twice_gives_the_same_bytes(tmp_path):
    path = tmp_path / "a.ipynb"
    source = "import matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.show()\nobject()"
    notebooks.write(chapter(v4.new_code_cell(source, metadata=ALT)), path)
    notebooks.run(path)
    once = path.read_bytes()
    notebooks.run(path)
    assert path.read_bytes() == once
    assert notebooks.check(path) == []


def test_what_the_page_folds_is_folded_elsewhere_and_titled_where_no_output_tells_and_what_it_shows_is_open():
    solution = v4.new_code_cell('check("a", 1, 2)', metadata={"tags": ["hide-cell"]})
    explorer = v4.new_code_cell("figures.explore_walks()", metadata={"tags": ["hide-input"], "jupyter": {}})
    named = v4.new_code_cell("# @title Mine\nprint(2)", metadata={"tags": ["remove-input"]})
    lesson = v4.new_code_cell("print(3)", metadata={"colab": {}})
    cells = notebooks.normalise(chapter(solution, explorer, named, lesson)).cells[-4:]
    assert [cell.metadata.get("cellView") for cell in cells] == ["form", "form", "form", None]
    assert [cell.metadata.get("jupyter") for cell in cells] == [{"source_hidden": True}] * 3 + [None]
    titles = [cell.source.partition("\n")[0] for cell in cells]
    assert titles == ["# @title A solution", "figures.explore_walks()", "# @title Mine", "print(3)"]
    assert not cells[3].metadata


def test_neither_a_title_nor_a_mark_makes_a_notebook_stale():
    plain = chapter(v4.new_code_cell(f"{notebooks.MARK}plt.show()", metadata={"tags": ["hide-input"]}))
    digest = notebooks.source_digest(plain)
    assert notebooks.source_digest(notebooks.normalise(plain)) == digest
    assert notebooks.source_digest(notebooks.tag_marks(plain)) == digest


def test_a_mark_becomes_a_tag_that_nbval_knows_and_a_sentence_needs_no_title():
    source = f"# @title {notebooks.UNTITLED[0]}\n{notebooks.MARK}tell('one')"
    sentence = v4.new_code_cell(source, metadata={"tags": ["remove-input"]})
    solution = v4.new_code_cell(f"# @title A solution\n{notebooks.MARK}check(1)", metadata={"tags": ["hide-cell"]})
    cells = notebooks.normalise(notebooks.tag_marks(chapter(sentence, solution))).cells[-2:]
    assert [cell.source for cell in cells] == ["tell('one')", "# @title A solution\ncheck(1)"]
    assert cells[0].metadata["tags"] == ["remove-input", notebooks.CHECKED] and cells[0].metadata["cellView"] == "form"
    for cell in cells:
        assert dict(find_metadata_tags(cell.metadata)) == {"check": True}


def test_a_notebook_says_of_its_language_what_exporters_ask_and_no_version():
    said = notebooks.normalise(chapter()).metadata.language_info
    assert (said.file_extension, said.mimetype, said.nbconvert_exporter) == (".py", "text/x-python", "python")
    assert "version" not in said


def test_a_notebook_is_tidied_without_losing_its_outputs(tmp_path):
    path = tmp_path / "a.ipynb"
    stale = chapter(v4.new_code_cell("plot()", execution_count=2, outputs=[PLOT], metadata=ALT))
    stale.cells[1].source = "import torch"
    notebooks.write(stale, path)
    notebooks.main(["tidy", str(path)])
    assert notebooks.check(path) == []
    assert notebooks.read(path).cells[2].outputs == [PLOT]


def test_a_link_to_a_file_beside_the_notebook_is_refused_since_colab_has_none():
    assert problems(chapter(v4.new_markdown_cell("[next](funnel.ipynb)"))) != []
    assert (
        problems(chapter(v4.new_markdown_cell("[next](https://example.org/funnel.html) and [below](#exercises)"))) == []
    )


def test_outputs_of_another_processor_are_compared_but_for_their_numbers(tmp_path, capsys):
    stored = [tmp_path / "one.ipynb", tmp_path / "other.ipynb"]
    for path in stored:
        notebooks.write(chapter(), path)
    assert rounding.passed_over(stored).name == "same_rounding.cfg" and capsys.readouterr().err == ""
    other = chapter()
    other.metadata["rounding"] = "elsewhere"
    notebooks.write(other, stored[1])
    assert rounding.passed_over(stored).name == "other_rounding.cfg" and "of other:" in capsys.readouterr().err


def test_what_is_passed_over_is_numbers_and_nothing_else():
    def sanitised(text, name):
        for regex, replacement in get_sanitize_patterns((ROOT / "tests" / "notebooks" / name).read_text()):
            text = re.sub(regex, replacement, text)
        return text

    here, there = "all 7 of the 31 plans, **1.4e-05** apart", "6 of 9 of the 29 plans, **2.12** apart"
    assert sanitised(here, "other_rounding.cfg") == sanitised(there, "other_rounding.cfg")
    assert sanitised(here, "same_rounding.cfg") == here
    assert sanitised("no " + here, "other_rounding.cfg") != sanitised(there, "other_rounding.cfg")
