"""Change the repository's address everywhere: ``make address NEW=https://github.com/owner/name``.

It stands in ``_config.yml``; the set-up cells, the badges and CITATION.cff repeat it, since what shows them cannot
look it up.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from notebooks import ROOT, repository_address

SUFFIXES = {".py", ".md", ".ipynb", ".yml", ".toml", ".cff", ".txt", ".bib", ".svg", ".js", ".css", ""}
SKIPPED = {"_build", "build", "dist", "node_modules"}
FORM = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")


def text_files(root: Path = ROOT) -> Iterator[Path]:
    """Every file of the project that may hold the address."""
    for path in sorted(root.iterdir()):
        hidden = path.name.startswith(".") and path.name not in (".ci", ".github")
        if hidden or path.name in SKIPPED or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from text_files(path)
        elif path.suffix in SUFFIXES:
            yield path


def change(new: str, root: Path = ROOT) -> list[Path]:
    """Replace the address by ``new`` under ``root``; returns the files that changed.

    Raises:
        ValueError: ``new`` is not of the form https://github.com/owner/name, which Colab's links need.
    """
    new = new.strip().removesuffix("/").removesuffix(".git")
    wanted = FORM.fullmatch(new)
    if not wanted:
        raise ValueError(f"NEW must have the form https://github.com/owner/name, got {new!r}")
    # Colab's links hold owner/name alone; the book is served at owner.github.io/name.
    before_owner, before_name = FORM.fullmatch(repository_address(root)).group(1).split("/")
    owner, name = wanted.group(1).split("/")
    old = re.compile(re.escape(f"{before_owner}/{before_name}") + r"(?![\w-])")
    site = re.compile(re.escape(f"{before_owner}.github.io/{before_name}") + r"(?![\w-])")
    changed = []
    for path in text_files(root):
        before = path.read_text(encoding="utf-8")
        after = site.sub(f"{owner}.github.io/{name}", old.sub(wanted.group(1), before))
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    try:
        for path in change(sys.argv[1] if len(sys.argv) > 1 else ""):
            print(f"changed {path.relative_to(ROOT)}")
    except ValueError as error:
        sys.exit(f"make address: {error}")
