"""A new chapter runs as it is begun, and keeps to all that the stored chapters must keep to."""

import re

import new_chapter
import notebooks
import pytest


def test_a_chapter_as_it_is_begun_runs_and_keeps_to_every_rule(tmp_path):
    path = new_chapter.begin("my_chapter", "What my chapter is called", tmp_path)
    notebooks.run(path)
    assert notebooks.check(path) == []
    prose = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    remembered = re.search(r"^## What carries over$(.*?)^## ", prose, re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"^(\d+)\. ", remembered, re.MULTILINE) == list("12345")
    assert len(re.findall(r"^\*\*\d\. ", prose, re.MULTILINE)) in (4, 5, 6)


def test_nothing_is_written_over_and_names_are_checked(tmp_path, capsys):
    new_chapter.begin("my_chapter", "One", tmp_path)
    with pytest.raises(FileExistsError, match="my_chapter"):
        new_chapter.begin("my_chapter", "Two", tmp_path)
    for name in ("My-Chapter", "", "../chapter", "a__b"):
        with pytest.raises(ValueError, match="NAME must be lower-case words"):
            new_chapter.begin(name, "One", tmp_path)
    with pytest.raises(ValueError, match="TITLE must be text"):
        new_chapter.begin("another", " ", tmp_path)
    with pytest.raises(SystemExit):
        new_chapter.main(["report_card", "There is one already"])
    assert "exists, and is not written over" in capsys.readouterr().err
