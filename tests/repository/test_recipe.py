"""The recipe is short enough to copy, and uses what every user of the package has."""

from __future__ import annotations

import re
from pathlib import Path

import notebooks
import pytest

import helm_tutorial

RECIPE = Path(__file__).resolve().parents[2] / "book" / f"{notebooks.RECIPE}.ipynb"

FOLDED = {"hide-input", "remove-input", "hide-cell", "remove-cell"}


@pytest.fixture(scope="module")
def cells():
    return notebooks.read(RECIPE).cells


def shown(cells) -> list[str]:
    return [c.source for c in cells if c.cell_type == "code" and not FOLDED & set(c.metadata.get("tags", []))]


def test_a_new_environment_takes_at_most_60_lines_in_five_to_seven_cells(cells):
    lines = [line for line in "\n".join(shown(cells)).split("\n") if line.strip()]
    assert len(lines) <= 60
    assert [line for line in lines if len(line) > 76 or ";" in line] == []
    assert 5 <= len(shown(cells)) <= 7


def test_it_uses_only_names_of_the_face_and_what_the_package_needs_itself(cells):
    visible = "\n".join(shown(cells))
    names = re.findall(r"^from helm_tutorial import (.*)$", visible, re.MULTILINE)
    assert set(", ".join(names).split(", ")) <= set(helm_tutorial.__all__)
    others = set(re.findall(r"^(?:from|import) (\w+)", visible, re.MULTILINE)) - {"helm_tutorial"}
    assert others <= {"dataclasses", "gymnasium", "torch", "scipy"}


def test_it_says_what_to_check_and_what_to_try_and_is_read_in_ten_minutes(cells):
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    made = [o["data"] for cell in cells for o in cell.get("outputs", []) if "data" in o]
    told = "\n".join("".join(data.get("text/markdown", "")) for data in made)
    assert told.count("**What to check.**") >= 3
    assert prose.count("**When it fails.**") >= 4
    words = re.findall(r"[A-Za-z][\w'’-]*", re.sub(r"\]\([^)]*\)", "]", prose + told))
    assert 600 <= len(words) <= 1200
