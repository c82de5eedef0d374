"""Write requirements.txt: the exact versions that this environment holds, and nothing else that lies in it.

Run it by ``make requirements`` after changing what ``.venv`` holds. It follows the requirements of the package
(pyproject.toml) and of the tools named below, so a stray package never gets in.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {
    "jupyter-book": "builds the book; version 2 needs a network service to build",
    "sphinx": "under jupyter-book, pinned with the theme",
    "sphinx-book-theme": "the book's theme",
    "sphinxcontrib-bibtex": "citations",
    "sphinx-mathjax-offline": "MathJax, served from the book itself",
    "sphinx-sitemap": "the list of pages that search engines ask for",
    "sphinxext-opengraph": "what a link to a page looks like elsewhere",
    "ipykernel": "executes the notebooks",
    "nbclient": "executes the notebooks",
    "nbformat": "reads and writes the notebooks",
    "pyyaml": "reads _config.yml in tools and tests",
    "pytest": "tests",
    "pytest-xdist": "spreads the tests over the cores",
    "nbval": "tests the notebooks' outputs",
    "hypothesis": "tests of identities that hold for all inputs",
    "playwright": "tests of the built pages in a browser",
    "axe-playwright-python": "tests of the built pages for accessibility, axe-core in it",
    "pypdf": "binds the printed pages into one PDF",
    "ruff": "style",
    "codespell": "spelling",
    "mypy": "types, as a user's own checker sees them",
    "packaging": "this script",
    "setuptools": "installs the package without fetching a build environment",
}


def closure(names: list[str]) -> dict[str, str]:
    """Installed version of each name and of everything that it requires here."""
    found: dict[str, str] = {}
    waiting = [(name, frozenset()) for name in names]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        key = (canonicalize_name(name), extras)
        if key in seen:
            continue
        seen.add(key)
        dist = distribution(name)
        found[key[0]] = dist.version.split("+")[0]  # a local build such as 2.13.0+cpu exists in no index
        for text in dist.requires or ():
            requirement = Requirement(text)
            contexts = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if requirement.marker is None or any(requirement.marker.evaluate(context) for context in contexts):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return found


def render(root: Path = ROOT) -> str:
    """The text of requirements.txt for the running environment."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package = {canonicalize_name(Requirement(text).name): "the package" for text in project["dependencies"]}
    for extra, texts in project["optional-dependencies"].items():
        package |= {canonicalize_name(Requirement(text).name): f"the package, extra {extra}" for text in texts}
    direct = package | {canonicalize_name(name): reason for name, reason in TOOLS.items()}
    versions = closure(list(direct))
    width = max(len(f"{name}=={versions[name]}") for name in direct)
    lines = [
        "# The exact environment in which the book is built and tested; `make requirements` writes this file.",
        "# What the package itself needs, with loose bounds, stands in pyproject.toml.",
        "",
        "# Asked for by name",
        *(f"{f'{name}=={versions[name]}':<{width}}  # {reason}" for name, reason in direct.items()),
        "",
        "# What those need",
        *(f"{name}=={version}" for name, version in sorted(versions.items()) if name not in direct),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "requirements.txt").write_text(render(), encoding="utf-8")
    print("wrote requirements.txt")
