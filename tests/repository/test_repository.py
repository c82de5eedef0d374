"""Rules that the repository keeps: one address, no path of a machine, exact versions."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import helm_tutorial

ROOT = Path(__file__).resolve().parents[2]

import address  # noqa: E402
import notebooks  # noqa: E402
import pdf  # noqa: E402


def text_files() -> list[tuple[str, str]]:
    return [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in address.text_files()]


def misplaced_addresses(root: Path) -> list[str]:
    """Every use of the repository's address under ``root`` that is missing or differs from _config.yml's."""
    wanted = notebooks.repository_address(root)
    owner, name = wanted.removeprefix("https://github.com/").split("/")
    wrong = []
    for path in address.text_files(root):
        for found in re.findall(r"github(?:\.com)?/([\w-]+/[\w-]+)", path.read_text(encoding="utf-8")):
            if (found.split("/")[0] == owner or found.split("/")[1] == name) and found != f"{owner}/{name}":
                wrong.append(f"{path.name}: {found}")
    for path in address.text_files(root):
        for found in re.findall(r"https://([\w-]+)\.github\.io/([\w-]+)", path.read_text(encoding="utf-8")):
            if found != (owner, name) and found != ("keepachangelog", "en"):
                wrong.append(f"{path.name}: {'.github.io/'.join(found)}")
    for path in notebooks.stored(root):
        wrong += [f"{path.name}: {p}" for p in notebooks.check_setup(notebooks.read(path), wanted)]
    for path in notebooks.chapters(root):
        link = f"(https://colab.research.google.com/github/{owner}/{name}/blob/main/book/{path.name})"
        if link not in (root / "README.md").read_text(encoding="utf-8"):
            wrong.append(f"README.md has no badge that leads to {link}")
    if yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"] != wanted:
        wrong.append("CITATION.cff")
    return wrong


def test_every_change_is_checked_by_the_same_script_and_leaves_pages_and_a_pdf():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))
    assert "pull_request" in workflow[True]  # YAML reads "on" as true
    steps = workflow["jobs"]["check"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert {step["with"]["path"] for step in steps if "upload" in step.get("uses", "")} == {
        pdf.TARGET.relative_to(ROOT).as_posix(),
        "_build/html",
    }
    assert "make pdf" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_use_of_the_repositorys_address_is_the_one_in_the_configuration():
    assert misplaced_addresses(ROOT) == []


def test_one_command_changes_the_address_everywhere(tmp_path):
    hidden = shutil.ignore_patterns(".*", "_build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, tmp_path / "copy", ignore=hidden)
    copy, old = tmp_path / "copy", notebooks.repository_address().removeprefix("https://github.com/")
    changed = {path.name for path in address.change("https://github.com/some-owner/some-book.git", copy)}
    assert {
        "_config.yml",
        "README.md",
        "CITATION.cff",
        "pyproject.toml",
        *(path.name for path in notebooks.stored()),
    } <= changed
    assert notebooks.repository_address(copy) == "https://github.com/some-owner/some-book"
    assert misplaced_addresses(copy) == []
    assert [
        path.name
        for path in address.text_files(copy)
        if any(
            part in path.read_text(encoding="utf-8") for part in (f"github.com/{old}", old.replace("/", ".github.io/"))
        )
    ] == []


@pytest.mark.parametrize(
    "new", ["", "helm", "https://example.org/a/b", "https://github.com/only-owner", "git@github.com:a/b"]
)
def test_an_address_that_colab_could_not_open_is_refused(new, tmp_path):
    with pytest.raises(ValueError, match="NEW must have the form"):
        address.change(new, tmp_path)


def test_no_path_of_a_machine_and_no_index_stands_in_the_repository():
    forbidden = [f"/{place}/" for place in ("work", "root", "tmp", "home", "Users")]
    forbidden += [f"{host}.org" for host in ("pypi", "pythonhosted")]
    pattern = re.compile(r"(?<![\w./-])(" + "|".join(map(re.escape, forbidden)) + ")")
    found = [f"{name}: {hit}" for name, text in text_files() for hit in pattern.findall(text)]
    assert found == []


def test_every_pinned_version_is_exact_and_is_the_one_that_runs():
    lines = [
        line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    ]
    pins = dict(line.split("==") for line in lines if line)
    assert [pin for pin in pins.values() if not re.fullmatch(r"[\w.]+", pin)] == []
    differing = {}
    for name, pin in pins.items():
        try:
            installed = version(name).split("+")[0]  # +cpu and the like name a build, not a version
        except PackageNotFoundError:
            installed = "not installed"
        if installed != pin:
            differing[name] = f"{installed}, pinned {pin}"
    assert differing == {}, "run: make install (or, if .venv is right, make requirements)"


def test_the_version_stands_in_the_citation():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == helm_tutorial.__version__


def test_files_that_the_readme_shows_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", readme) + re.findall(r'(?:src|srcset)="([^"]+)"', readme)
    shown = [link for link in links if not link.startswith(("http", "#"))]
    assert [link for link in shown if not (ROOT / link).exists()] == []


def test_the_readmes_first_picture_moves_is_light_and_has_a_still():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    still = re.search(r'<source media="\(prefers-reduced-motion: reduce\)" srcset="([^"]+)">', readme)[1]
    moving = re.search(r'<img alt="[^"]{20,}" src="([^"]+)">', readme)[1]
    assert readme.index("<picture>") < readme.index("![")
    with Image.open(ROOT / moving) as film, Image.open(ROOT / still) as picture:
        assert film.n_frames > 50 and getattr(picture, "n_frames", 1) == 1 and film.size == picture.size
        film.seek(film.n_frames - 1)
        last, shown = (np.asarray(image.convert("RGB"), int) for image in (film, picture))
        assert np.abs(last - shown).max() <= 2  # the still is the end of the film
    assert (ROOT / moving).stat().st_size < 1_000_000
