"""Execute, normalise and check the stored notebooks.

    python tools/notebooks.py run book/spectral_cliff.ipynb   execute in place; a second run gives the same bytes
    python tools/notebooks.py tidy                            bring set-up cell and form up to date, execute nothing
    python tools/notebooks.py check                           what a stored notebook must keep to

Without paths, every notebook of ``_toc.yml``, the only list of the book's pages. Stored notebooks hold their live
outputs; the build makes the static ones.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 300  # seconds a cell; a chapter is meant to need less than 60 in all
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MARK = "# NBVAL_CHECK_OUTPUT\n"  # what an author writes on a line of its own; the tag is how it is stored
CHECKED = "nbval-check-output"  # nbval compares the output of a cell with this tag
DEEPER = "deeper"  # the folder of pages without a chapter number
RECIPE = "recipe"  # the page that a reader copies for an environment of their own, without a number too
# What a notebook says of its language, without which exporters do not know what to write; no version of a machine.
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
OUR_METADATA = ("title", "executed_source", "rounding")  # of a notebook
KEPT_METADATA = ("mystnb", "tags", "title", "cellView")  # of a cell: what an author writes; front ends add the rest
# The source that the book's page folds or leaves out, Colab (cellView, with a title) and JupyterLab (jupyter) fold too.
FOLDING = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}
TITLE = re.compile(r"^# @title .*\n", re.MULTILINE)
# Whose output says what it is: Colab hides the code of a form without a title too, and shows a button in its place.
UNTITLED = ("A sentence or a table with measured numbers", "Explorer", "Figure")
ADDRESS_IN_MEMORY = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,4}[0-9a-f]*")
# In a page of the book {role}`text`, ```{directive}, :::{directive} and (label)= are MyST; Colab shows them raw.
MYST = re.compile(r"\{[a-z][a-z:-]*\}`|^\s*(`{3,}|:{3,})\s*\{|^\([\w-]+\)=\s*$", re.MULTILINE)
RELATIVE = re.compile(r"\]\((?![a-z]+:|#)([^)\s]+)\)")
CODE_FENCE = re.compile(r"^```[^{\n]*\n.*?^```\s*$", re.MULTILINE | re.DOTALL)


def repository_address(root: Path = ROOT) -> str:
    """The repository's address from the one place where it stands, ``_config.yml``."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def site_address(address: str) -> str:
    """Where the book of the repository at ``address`` is served."""
    owner, name = address.removeprefix("https://github.com/").split("/")
    return f"https://{owner}.github.io/{name}/"


def setup_cell(address: str) -> str:
    """The first code cell of a notebook: installs the package where it is missing, as on Colab, names the device."""
    return (
        "# @title Set-up\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("helm_book") is None:\n'
        f'    %pip install -q "helm-tutorial[book] @ git+{address}@main"\n\n'
        "from helm_book.setup_line import describe_device\n\n"
        "print(describe_device())"
    )


def pages(root: Path = ROOT) -> list[Path]:
    """The source of every page of the book, in the order of ``_toc.yml``."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    below = [page for chapter in chapters for page in (chapter, *chapter.get("sections", ()))]
    names = [contents["root"], *(page["file"] for page in below)]
    notebooks = [root / f"{name}.ipynb" for name in names]
    return [path if path.is_file() else path.with_suffix(".md") for path in notebooks]


def stored(root: Path = ROOT) -> list[Path]:
    """The notebooks among them."""
    return [path for path in pages(root) if path.suffix == ".ipynb"]


def opening(root: Path = ROOT) -> Path:
    """The book's first page."""
    return pages(root)[0]


def deeper(root: Path = ROOT) -> list[Path]:
    """The notebooks that are pages of *Going deeper*, without a number."""
    return [path for path in stored(root) if path.parent.name == DEEPER]


def chapters(root: Path = ROOT) -> list[Path]:
    """The notebooks that are chapters, with a number: below ``book`` itself, and neither the opening nor the recipe."""
    unnumbered = (opening(root), root / "book" / f"{RECIPE}.ipynb")
    return [path for path in stored(root) if path.parent == root / "book" and path not in unnumbered]


def read(path: Path) -> NotebookNode:
    """The notebook at ``path``."""
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook, keys in a fixed order, one newline at the end."""
    path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")


# ---------------------------------------------------------------- run


def source_digest(notebook: NotebookNode) -> str:
    """Digest of the code that made the outputs, whichever way its marks are written.

    Titles do not count, nor the set-up cell, which only installs.
    """
    code = []
    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"][1:]:
        mark = MARK if is_checked(cell) and MARK not in cell.source else ""
        code.append(mark + TITLE.sub("", cell.source))
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Execute ``notebook`` in ``folder``, explorers live.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    from nbclient import NotebookClient  # checking needs no kernel

    os.environ["HELM_EXPLORER"] = "live"
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    )
    return client.execute()


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Remove what changes from run to run or machine to machine; change nothing that a reader sees."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": LANGUAGE,
            **{key: notebook.metadata[key] for key in OUR_METADATA if key in notebook.metadata},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    used: set[str] = set()
    for cell in notebook.cells:
        kept = {k: v for k, v in cell.metadata.items() if k in KEPT_METADATA}
        folded = cell.cell_type == "code" and FOLDING & set(kept.get("tags", ()))
        cell.metadata = nbformat.from_dict(kept | (FOLDED if folded else {}))
        if folded and not TITLE.match(cell.source) and _title(cell) not in UNTITLED:
            cell.source = f"# @title {_title(cell)}\n{cell.source}"
        cell.id = _stable_id(cell, used)
        if cell.cell_type == "code":
            cell.outputs = [_normalise_output(output) for output in cell.outputs]
    return notebook


def _title(cell: NotebookNode) -> str:
    """What a folded cell is called that its author did not name."""
    if "hide-cell" in cell.metadata["tags"]:
        return "A solution" if re.search(r"^check\(", cell.source, re.MULTILINE) else "A check"
    kinds = {
        r"\bexplore\w*\(": "Explorer",
        r"plt\.show\(\)|\bshow_\w+\(": "Figure",
        r"\b(tell|Markdown)\(|_table\(": "A sentence or a table with measured numbers",
        r"\A(import|from) ": "Imports for figures and explorers",
    }
    return next((title for kind, title in kinds.items() if re.search(kind, cell.source)), "Preparations")


def tag_marks(notebook: NotebookNode) -> NotebookNode:
    """Turn nbval's comment into its tag, and drop the titles that nobody needs."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if MARK in cell.source:
            cell.source = cell.source.replace(MARK, "")
            cell.metadata["tags"] = [*(tag for tag in cell.metadata.get("tags", ()) if tag != CHECKED), CHECKED]
        if FOLDING & set(cell.metadata.get("tags", ())):
            for title in UNTITLED:
                cell.source = cell.source.removeprefix(f"# @title {title}\n")
    return notebook


def is_checked(cell: NotebookNode) -> bool:
    """Whether nbval compares the output of ``cell``."""
    return CHECKED in cell.metadata.get("tags", ()) or MARK in cell.source


def _stable_id(cell: NotebookNode, used: set[str]) -> str:
    """An id that an author chose stays; a random one becomes a digest of the source."""
    name = cell.get("id", "")
    if not name or RANDOM_ID.fullmatch(name) or name in used:
        count = 0
        while not count or name in used:
            name = hashlib.sha256(f"{count}\0{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:8]
            count += 1
    used.add(name)
    return name


def _normalise_output(output: NotebookNode) -> NotebookNode:
    output = nbformat.from_dict(dict(output))
    if "text" in output:
        output.text = ADDRESS_IN_MEMORY.sub("at 0x0", output.text)
    if "data" in output:
        # Without the state, which no page may hold, a widget's view is an error message; its text remains.
        output.data.pop(WIDGET_VIEW, None)
        if "text/plain" in output.data:
            output.data["text/plain"] = ADDRESS_IN_MEMORY.sub("at 0x0", output.data["text/plain"])
    return output


def run(path: Path) -> float:
    """Execute the notebook at ``path`` in place and normalise it; returns the seconds that it took."""
    from rounding import fingerprint  # checking needs no torch

    began = time.monotonic()
    notebook = tag_marks(execute(read(path), path.parent))
    seconds = time.monotonic() - began
    notebook.metadata["executed_source"] = source_digest(notebook)
    notebook.metadata["rounding"] = fingerprint()
    write(normalise(notebook), path)
    return seconds


def tidy(path: Path) -> None:
    """Give the notebook at ``path`` today's set-up cell and normal form; its outputs stay."""
    notebook = read(path)
    next(cell for cell in notebook.cells if cell.cell_type == "code").source = setup_cell(repository_address())
    write(normalise(tag_marks(notebook)), path)


# ---------------------------------------------------------------- check


def check_executed(notebook: NotebookNode) -> list[str]:
    """Every code cell was executed, in order, from a fresh kernel, and its source has not changed since.

    nbval passes over a cell that was never executed, so an empty notebook would pass for a tested one.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    problems = [f"code cell {i} is empty" for i, cell in enumerate(code, 1) if not cell.source.strip()]
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        problems.append(f"execution counts are {counts}, not 1 to {len(code)}: run it")
    if notebook.metadata.get("executed_source") != source_digest(notebook):
        problems.append("its code changed after it was executed: run it")
    if "rounding" not in notebook.metadata:
        problems.append("it does not say how the processor rounds that executed it: run it")
    return problems


def check_outputs(notebook: NotebookNode) -> list[str]:
    """No error, no warning on stderr, no widget state."""
    problems = ["it holds widget state: normalise it"] if "widgets" in notebook.metadata else []
    for number, cell, output in _outputs(notebook):
        if output.output_type == "error":
            problems.append(f"code cell {number} ends in {output.ename}: {output.evalue}")
        if output.output_type == "stream" and output.name == "stderr":
            problems.append(f"code cell {number} writes to stderr: {output.text.strip()[:120]!r}")
        if WIDGET_VIEW in output.get("data", {}):
            problems.append(f"code cell {number} holds a widget's view: normalise it")
        if "text/markdown" in output.get("data", {}) and not is_checked(cell):
            problems.append(f"code cell {number} writes prose; it must have the tag {CHECKED}")
    return problems


def check_alternative_texts(notebook: NotebookNode) -> list[str]:
    """Every cell that shows a picture says in ``mystnb.image.alt`` what is seen; the default is a file's path."""
    problems = []
    for number, cell, output in _outputs(notebook):
        if any(kind.startswith("image/") for kind in output.get("data", {})):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            if len(alt.split()) < 3:
                problems.append(f"code cell {number} shows a picture; its metadata mystnb.image.alt is {alt!r}")
    return problems


def check_prose(notebook: NotebookNode) -> list[str]:
    """One first-level heading, at the top; no MyST, which Colab would show raw; links that lead somewhere there too."""
    problems = []
    headings = []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        prose = CODE_FENCE.sub("", cell.source)
        headings += [number] * len(re.findall(r"^# ", prose, re.MULTILINE))
        for link in RELATIVE.findall(prose):
            problems.append(
                f"cell {number} links to {link!r}, not there on Colab: use {site_address(repository_address())}"
            )
        found = MYST.search(prose)
        if found:
            problems.append(f"cell {number} uses MyST, which Colab shows raw: {found.group().strip()!r}")
    if headings != [1]:
        problems.append(f"its one first-level heading must stand in cell 1, found in cells {headings}")
    return problems


def check_setup(notebook: NotebookNode, address: str | None = None) -> list[str]:
    """The first code cell is the set-up cell, letter by letter."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    wanted = setup_cell(address or repository_address())
    return [] if code and code[0] == wanted else [f"its first code cell must be the set-up cell:\n{wanted}"]


def _outputs(notebook: NotebookNode):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(number, cell, output) for number, cell in enumerate(code, 1) for output in cell.outputs]


CHECKS: tuple[Callable[[NotebookNode], list[str]], ...] = (
    check_setup,
    check_executed,
    check_outputs,
    check_alternative_texts,
    check_prose,
)


def check(path: Path) -> list[str]:
    """All that is wrong with the stored notebook at ``path``; empty when nothing is."""
    notebook = read(path)
    return [problem for rule in CHECKS for problem in rule(notebook)]


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when all is well, 1 when a check fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "tidy", "check"))
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    failed = False
    for path in options.paths or stored():
        if options.action == "run":
            print(f"{path}: executing", flush=True)
            print(f"{path}: {run(path.resolve()):.1f} s", flush=True)
        if options.action == "tidy":
            tidy(path)
        for problem in check(path):
            failed = True
            print(f"{path}: {problem}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
