"""Every page of the book is listed once and tested, and every stored notebook keeps to the rules."""

from __future__ import annotations

import re
import shutil
import subprocess
import symtable
from pathlib import Path

import notebooks
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def test_every_page_on_disk_is_in_the_table_of_contents_once_and_every_page_in_it_is_on_disk():
    on_disk = [path for ending in ("*.md", "*.ipynb") for path in BOOK.rglob(ending) if "/." not in path.as_posix()]
    assert sorted(notebooks.pages()) == sorted(on_disk)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize("target", ["notebook-test", "notebooks"])
def test_make_runs_every_notebook_of_the_contents_in_its_order(target):
    """The outputs of each are compared by nbval; which ones, the Makefile reads from ``_toc.yml`` without Python."""
    would_run = subprocess.run(["make", "--dry-run", target], capture_output=True, text=True, cwd=ROOT, check=True)
    listed = " ".join(path.relative_to(ROOT).as_posix() for path in notebooks.stored())
    assert listed in would_run.stdout


def test_what_is_not_a_chapter_is_a_page_of_going_deeper():
    parts = {part["caption"]: [ROOT / page["file"] for page in part["chapters"]] for part in CONTENTS["parts"]}
    deeper = [path.with_suffix("") for path in notebooks.pages() if path.parent.name == notebooks.DEEPER]
    assert parts["Going deeper"] == deeper


def test_chapters_are_numbered_in_the_contents_and_named_as_on_their_pages_and_in_the_readme():
    pages = [page for part in CONTENTS["parts"] for page in part["chapters"] if "title" in page]
    assert [page["file"] for page in pages] == [f"book/{path.stem}" for path in notebooks.chapters()]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for number, (page, path) in enumerate(zip(pages, notebooks.chapters(), strict=True), start=1):
        title = notebooks.read(path).cells[0].source.partition("\n")[0].removeprefix("# ")
        assert page["title"] == f"{number} · {title}"
        assert f"| [{title}](book/{path.name}) |" in readme


def test_the_opening_is_no_chapter_and_leads_from_each_of_its_four_experiments_to_one():
    path = notebooks.opening()
    assert path in notebooks.stored() and path not in (*notebooks.chapters(), *notebooks.deeper())
    cells = notebooks.read(path).cells
    begin = [i for i, cell in enumerate(cells) if re.search(r"^### \d\. ", cell.source, re.MULTILINE)]
    assert len(begin) == 4
    for number, (chapter, i) in enumerate(zip(notebooks.chapters(), begin, strict=False), start=1):
        prose, explorer, told = cells[i : i + 3]
        assert f"### {number}. " in prose.source
        assert re.fullmatch(r"(# @title .*\n)?opening\.explore_\w+\(\)", explorer.source)
        title = notebooks.read(chapter).cells[0].source.partition("\n")[0].removeprefix("# ")
        link = rf"→ \[Chapter {number}: {title}\]\(\S+/book/{chapter.stem}\.html\)"
        assert re.search(link, told.outputs[0].data["text/markdown"])


def test_a_page_of_going_deeper_is_reached_from_a_chapter():
    prose = "".join(path.read_text(encoding="utf-8") for path in notebooks.chapters())
    for path in notebooks.deeper():
        assert f"book/deeper/{path.stem}.html" in prose, f"no sentence of a chapter leads to {path.stem}"


@pytest.mark.parametrize("path", notebooks.stored(), ids=lambda path: path.name)
def test_a_stored_notebook_is_fresh_complete_and_plain(path):
    assert notebooks.check(path) == []


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.name)
def test_a_chapter_leaves_five_lines_to_remember_and_four_to_six_exercises(path):
    prose = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    remembered = re.search(r"^## What carries over$(.*?)^## ", prose, re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"^(\d+)\. ", remembered, re.MULTILINE) == list("12345")
    assert len(re.findall(r"^\*\*\d\. ", prose, re.MULTILINE)) in (4, 5, 6)


@pytest.mark.parametrize("path", notebooks.stored(), ids=lambda path: path.name)
def test_a_stored_notebook_is_in_normal_form(path, tmp_path):
    copy = tmp_path / path.name
    notebooks.write(notebooks.normalise(notebooks.read(path)), copy)
    assert copy.read_bytes() == path.read_bytes(), "run: python tools/notebooks.py tidy"


def read_later(table: symtable.SymbolTable) -> set[str]:
    """Names of the notebook that the functions within ``table`` look up when they are called."""
    found = set()
    for inner in table.get_children():
        if inner.get_type() == "function":
            found |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        found |= read_later(inner)
    return found


@pytest.mark.parametrize("path", notebooks.stored(), ids=lambda path: path.name)
def test_no_later_cell_takes_a_name_that_an_explorer_calls_live(path):
    cells = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"][1:]  # without set-up
    tables = [symtable.symtable(source, path.name, "exec") for source in cells]
    needs = {}  # by function of the notebook
    for table in tables:
        for inner in table.get_children():
            own = {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
            needs[inner.get_name()] = needs.get(inner.get_name(), set()) | own | read_later(inner)
    taken = []
    for i, (source, table) in enumerate(zip(cells, tables, strict=True)):
        if "explore" not in source or "import" in source:
            continue
        wanted = read_later(table)
        while more := set().union(*(needs.get(name, set()) for name in wanted)) - wanted:
            wanted |= more
        for later in tables[i + 1 :]:
            taken += [s.get_name() for s in later.get_symbols() if s.is_assigned() and s.get_name() in wanted]
    assert taken == [], "an explorer moved after the last cell would find something else under these names"
