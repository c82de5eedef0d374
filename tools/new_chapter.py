"""Begin a chapter: a notebook that runs, with every part that a chapter of this book has, to be written over.

python tools/new_chapter.py my_chapter "What my chapter is called"
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import notebooks
from nbformat import NotebookNode, v4

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
FOLDED_INPUT = {"tags": ["hide-input"]}

OPENING = """# {title}

**The question.** Ask it in two or three sentences, in words that a layman can follow, and say why an answer matters.

*Reading time ... minutes. Run time a few seconds.*"""

IMPORTS = """import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

from helm_book.explorer import explore_numbers
from helm_book.figures.style import COLORS, panels, use_style
from helm_tutorial.rollouts import rollout

use_style()
torch.set_num_threads(1)"""

PICTURE = """steps = torch.arange(11)
gains = {{"expansive": (1.1, "true"), "contracting": (0.9, "helm")}}
figure, axes = plt.subplots(figsize=(6.4, 3.2))
for name, (gain, color) in gains.items():
    path = rollout(lambda z, a, gain=gain: gain * z, torch.ones(1, 1), torch.zeros(1, 10, 1)).flatten()
    axes.plot(steps, path, color=COLORS[color])
    axes.text(10.2, path[-1], name, color=COLORS[color], va="center")
axes.set(xlabel="step $t$", ylabel="$z_t$", xlim=(0, 12.5))
plt.show()"""
PICTURE_ALT = "A quantity over ten steps: one line grows to two and a half, one falls to a third. Say what is seen."

NOTICE = """**What to notice.** Say what the picture above shows, and what comes next. Lines carry
their names: there is no legend.

## The simplest case

Build from it. Define every symbol where it is first used: a step multiplies a difference by the gain $w$, so $t$ steps
multiply it by $w^t$."""

SENTENCE = """# NBVAL_CHECK_OUTPUT
Markdown(f"Numbers in prose are computed: ten steps at a gain of 1.1 multiply a difference by **{{1.1**10:.2f}}**.")"""

EXPLORER = """GAINS = [round(0.8 + 0.05 * k, 2) for k in range(9)]


def build(figure):
    (axes,) = panels(figure, 1)
    (line,) = axes.plot([], [], color=COLORS["true"])
    axes.set(xlim=(0, 10), ylim=(0, 6.5), xlabel="step $t$", ylabel="$w^t$")
    return {{"line": line}}


def move(gain):
    return {{"line": (steps, gain**steps)}}, f"At gain {{gain:g}} ten steps multiply a difference by {{gain**10:.2f}}."


explore_numbers(
    build,
    move,
    {{"gain": GAINS}},
    start={{"gain": 1.1}},
    title="{title}: a gain",
    labels={{"gain": "gain w"}},
    figsize=(6.4, 3.2),
    narrow=(3.4, 2.8),
)"""

CARRIES_OVER = """## What carries over

1. A line that is worth remembering next year.
2. Another.
3. Another.
4. Another.
5. What the next chapter takes up.

## Exercises

Four to six, from a prediction to check up to a small project."""

EXERCISE = """**{number}. Its name.** What is asked, and in what form the answer is to be handed in.

<details><summary>Hint</summary>

A hint, not the answer.

</details>"""

SOLUTION = """# NBVAL_CHECK_OUTPUT
print(f"the solution of exercise {number}, executed by the tests")"""

READ_ON = """## Where to read on

The literature, with links; every claim about it checked."""


def skeleton(title: str, address: str) -> NotebookNode:
    """The notebook of a chapter called ``title`` in the repository at ``address``."""
    cells = [
        v4.new_markdown_cell(OPENING.format(title=title)),
        v4.new_code_cell(notebooks.setup_cell(address), metadata={"tags": ["hide-input", "remove-output"]}),
        v4.new_code_cell(IMPORTS, metadata=FOLDED_INPUT),
        v4.new_code_cell(PICTURE.format(), metadata={"mystnb": {"image": {"alt": PICTURE_ALT}}, **FOLDED_INPUT}),
        v4.new_markdown_cell(NOTICE),
        v4.new_code_cell(SENTENCE.format(), metadata={"tags": ["remove-input"]}),
        v4.new_code_cell(EXPLORER.format(title=title), metadata=FOLDED_INPUT),
        v4.new_markdown_cell(CARRIES_OVER),
    ]
    for number in range(1, 5):
        cells += [
            v4.new_markdown_cell(EXERCISE.format(number=number)),
            v4.new_code_cell(SOLUTION.format(number=number), metadata={"tags": ["hide-cell"]}),
        ]
    return notebooks.normalise(v4.new_notebook(cells=[*cells, v4.new_markdown_cell(READ_ON)]))


def begin(name: str, title: str, folder: Path = notebooks.ROOT / "book") -> Path:
    """Write the notebook of a new chapter into ``folder``; returns its path.

    Raises:
        ValueError: ``name`` is not lower-case words joined by ``_``, or ``title`` is empty.
        FileExistsError: there is a chapter of this name.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"NAME must be lower-case words joined by _, such as my_chapter, got {name!r}")
    if not title.strip() or '"' in title:
        raise ValueError(f"TITLE must be text without double quotes, got {title!r}")
    path = folder / f"{name}.ipynb"
    if path.exists():
        raise FileExistsError(f"{path} exists, and is not written over")
    notebooks.write(skeleton(title.strip(), notebooks.repository_address()), path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when the chapter was begun."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("title")
    options = parser.parse_args(arguments)
    try:
        path = begin(options.name, options.title)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    place = path.relative_to(notebooks.ROOT)
    print(f"begun: {place}. Next, as CONTRIBUTING.md says in full:")
    print(
        f"  - file: book/{options.name}      goes into a part of _toc.yml, a row with a badge into the README's table"
    )
    print(f"  python tools/notebooks.py run {place}      after every change of its code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
