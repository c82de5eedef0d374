"""Write the assignment notebooks: the chapters' exercises without hints or solutions, with the same checkers.

python tools/assignments.py
"""

from __future__ import annotations

import re
from pathlib import Path

import notebooks
from nbformat import NotebookNode, v4

from helm_book.exercises import EXERCISES

BOOK = notebooks.ROOT / "book"
HALVES = {
    "first_half": ("The first half of the walk", ("spectral_cliff", "mollified_funnel")),
    "second_half": ("The second half of the walk", ("stability_alone", "contrastive_fix")),
}
INTRODUCTION = """# Assignment: {title}

The exercises of {chapters}, without hints and without solutions. Write each answer into the cell below its question.
The last line of that cell says whether it is right, and where to look if it is not. Run it as often as you like. What a
question names and this notebook does not define is in the chapter. Copy it, or import it from `helm_tutorial`.

*Run time a few seconds. The same checkers judge a whole class: [Teaching with this book]({site}book/teaching.html).*"""
IMPORTS = """import torch

from helm_book.exercises import check"""
DOUBLE = "\n\ntorch.set_default_dtype(torch.float64)"  # as the chapters of the first half do
QUESTION = re.compile(r"^\*\*(\d)\. .*?(?=^\*\*\d\. |^## |\Z)", re.MULTILINE | re.DOTALL)
FOLDED = re.compile(r"\s*<details>.*?</details>", re.DOTALL)


def questions(chapter: str) -> tuple[str, dict[int, str]]:
    """A chapter's title, and its exercises by number, without what can be unfolded."""
    cells = notebooks.read(BOOK / f"{chapter}.ipynb").cells
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    title = prose.partition("\n")[0].removeprefix("# ")
    asked = FOLDED.sub("", prose.partition("## Exercises")[2])
    return title, {int(found[1]): found[0].strip() for found in QUESTION.finditer(asked)}


def assignment(title: str, chapters: tuple[str, ...]) -> NotebookNode:
    """The notebook, not yet executed."""
    address = notebooks.repository_address()
    site, asks = notebooks.site_address(address), {(e.chapter, e.number): e.asks for e in EXERCISES}
    parts = {chapter: questions(chapter) for chapter in chapters}
    links = " and ".join(f"[{name}]({site}book/{chapter}.html)" for chapter, (name, _) in parts.items())
    cells = [
        v4.new_markdown_cell(INTRODUCTION.format(title=title[0].lower() + title[1:], chapters=links, site=site)),
        v4.new_code_cell(notebooks.setup_cell(address), metadata={"tags": ["hide-input", "remove-output"]}),
        v4.new_code_cell(IMPORTS + (DOUBLE if "spectral_cliff" in chapters else "")),
    ]
    for chapter, (name, asked) in parts.items():
        cells.append(v4.new_markdown_cell(f"## {name}"))
        for number, question in asked.items():
            cells.append(v4.new_markdown_cell(question))
            if (chapter, number) in asks:
                hand_in = f"answer = None  # {asks[chapter, number]}"
                cells.append(v4.new_code_cell(f'{hand_in}\n\ncheck("{chapter}", {number}, answer)'))
            else:
                cells.append(v4.new_markdown_cell("*Your answer:*"))
    return v4.new_notebook(cells=cells)


def path(name: str) -> Path:
    """Where the assignment ``name`` is stored."""
    return BOOK / "assignments" / f"{name}.ipynb"


def main() -> None:
    """Write and execute every assignment."""
    for name, (title, chapters) in HALVES.items():
        path(name).parent.mkdir(exist_ok=True)
        notebooks.write(notebooks.normalise(assignment(title, chapters)), path(name))
        print(f"{path(name).relative_to(notebooks.ROOT)}: {notebooks.run(path(name)):.1f} s")


if __name__ == "__main__":
    main()
