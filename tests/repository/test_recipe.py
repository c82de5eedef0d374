"""The recipe is short enough to copy, and uses what every user of the package has."""

from __future__ import annotations

import re
from pathlib import Path

import notebooks
import pytest
from test_walk import HIDDEN, code, read

import helm_tutorial

RECIPE = Path(__file__).resolve().parents[2] / "book" / f"{notebooks.RECIPE}.ipynb"


@pytest.fixture(scope="module")
def cells():
    return notebooks.read(RECIPE).cells


def test_a_new_environment_takes_at_most_60_lines_in_five_to_seven_cells(cells):
    lines = [line for line in code(cells, visible=True).split("\n") if line.strip()]
    assert len(lines) <= 60
    assert [line for line in lines if len(line) > 76 or ";" in line] == []
    shown = [c for c in cells if c.cell_type == "code" and not HIDDEN & set(c.metadata.get("tags", []))]
    assert 5 <= len(shown) <= 7


def test_it_uses_only_names_of_the_face_and_what_the_package_needs_itself(cells):
    visible = code(cells, visible=True)
    names = re.findall(r"^from helm_tutorial import (.*)$", visible, re.MULTILINE)
    assert set(", ".join(names).split(", ")) <= set(helm_tutorial.__all__)
    others = set(re.findall(r"^(?:from|import) (\w+)", visible, re.MULTILINE)) - {"helm_tutorial"}
    assert others <= {"dataclasses", "gymnasium", "torch", "scipy"}


def test_it_says_what_to_check_and_what_to_try_and_is_read_in_ten_minutes(cells):
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    told = "\n".join(str(cell.outputs) for cell in cells if cell.cell_type == "code")
    assert told.count("**What to check.**") >= 3
    assert prose.count("**When it fails.**") >= 4
    assert 600 <= read(cells) <= 1200
