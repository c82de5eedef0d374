"""A chapter of the walk shows its method: how much code is open, how long it is to read, and what must be in it."""

from __future__ import annotations

import re
from pathlib import Path

import notebooks
import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
HIDDEN = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
WRITTEN_OUT = {  # what a chapter shows in open code
    "mollified_funnel": (".backward()", "def report_loss", "def average", "def descent", "def coarse_to_fine"),
    "spectral_cliff": ("autograd.grad", "def exact_penalty", "torch.linalg.lstsq", "def plan_by_descent"),
}


@pytest.fixture(params=WRITTEN_OUT)
def chapter(request):
    return request.param, notebooks.read(BOOK / f"{request.param}.ipynb").cells


def code(cells, *, visible: bool) -> str:
    """The code of all cells, or of those that the page shows open."""
    shown = [c for c in cells if c.cell_type == "code" and not (visible and HIDDEN & set(c.metadata.get("tags", [])))]
    return "\n".join(cell.source.replace("%pip", "pip = ").replace(" install -q", "") for cell in shown)


def read(cells) -> int:
    """Words of prose before the exercises; sentences made by cells count, formulas, tables and HTML do not."""
    texts = []
    for cell in cells:
        if cell.cell_type == "markdown":
            texts.append(cell.source)
        texts += [o["data"]["text/markdown"] for o in cell.get("outputs", []) if "text/markdown" in o.get("data", {})]
        if "## Exercises" in texts[-1]:
            break
    text = "\n".join("".join(text) for text in texts).split("## Exercises")[0]
    text = re.sub(r"<details>.*?</details>|\$\$.*?\$\$|\$[^$]*\$|<[^>]+>", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"^\|.*$", "", text, flags=re.MULTILINE))
    return len(re.findall(r"[A-Za-z][\w'’-]*", text))


def test_half_of_at_most_250_lines_of_code_is_open_and_fits_a_column(chapter):
    """Every line of every code cell counts: blank lines, comments and titles too."""
    _, cells = chapter
    everything, visible = (code(cells, visible=only).split("\n") for only in (False, True))
    assert len(everything) <= 250
    assert len(visible) >= len(everything) / 2
    assert [line for line in visible if len(line) > 76] == []
    assert [line for line in everything if ";" in re.sub(r"\".*?\"", "", line)] == [], "two statements on one line"


def test_a_chapter_is_read_in_half_an_hour(chapter):
    assert 1200 <= read(chapter[1]) <= 2200


def test_the_method_is_written_out_and_the_package_gives_the_same(chapter):
    name, cells = chapter
    visible = code(cells, visible=True)
    assert [words for words in WRITTEN_OUT[name] if words not in visible] == []
    assert visible.count("assert ") >= 3, "nothing is held against the package"


def test_the_first_explorer_comes_before_any_other_code_and_is_not_locked(chapter):
    _, cells = chapter
    first = next(
        i for i, cell in enumerate(cells) if cell.cell_type == "code" and "explore" in cell.source.split("\n")[-1]
    )
    before = code(cells[:first], visible=True).split("\n")
    assert [line for line in before if not line.startswith(("import ", "from ")) and line] == []
    assert "helm-guess" not in str(cells[first].outputs)
