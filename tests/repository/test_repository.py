"""Rules that the repository keeps: one address, one direction of imports, pinned versions, complete lists."""

from __future__ import annotations

import ast
import itertools
import re
import shutil
import subprocess
import symtable
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import tomllib
import torch
import yaml

import helm_tutorial
from helm_tutorial.models import contrastive as recipes
from helm_tutorial.models.contrastive import Training

ROOT = Path(__file__).resolve().parents[2]

import address  # noqa: E402
import notebooks  # noqa: E402
import pdf  # noqa: E402

HOUSES = ("helm_tutorial", "helm_study", "helm_book")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for house in HOUSES
    for path in sorted((ROOT / house).rglob("*.py"))
}
DRAWING = ("helm_book.figures", "helm_book.explorer")
LONGEST_MODULE = 300  # lines; a module holds one idea
STANDARD = set(sys.stdlib_module_names)
DISTRIBUTION = {
    "IPython": "ipython",
    "PIL": "pillow",
    "matplotlib_inline": "matplotlib-inline",
}  # where a module's name is not its distribution's


def imports(path: Path, package: str) -> set[str]:
    """Every module that the file imports anywhere, in absolute form; what only type checkers read is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            # `from a import b` may mean the module a.b
            found |= {
                f"{node.module}.{n.name}" if f"{node.module}.{n.name}" in MODULES else node.module for n in node.names
            }
    return found - {package}


IMPORTS = {name: imports(path, name) for name, path in MODULES.items()}


def within(name: str, *parents: str) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


# ---------------------------------------------------------------- the package


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("name", [name for name in MODULES if not within(name, *DRAWING)])
def test_mathematics_imports_nothing_that_draws(name):
    drawing = {
        found for found in IMPORTS[name] if within(found, "matplotlib", "ipywidgets", "IPython", "PIL", *DRAWING)
    }
    assert drawing == set()


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, "helm_book.figures")])
def test_figures_train_nothing(name):
    training = {found for found in IMPORTS[name] if within(found, "helm_tutorial.models.fit", "torch.optim")}
    assert training == set()


def test_no_circle_of_imports():
    waiting = {name: {found for found in IMPORTS[name] if found in MODULES} for name in MODULES}
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert waiting == {}


def test_the_package_imports_only_what_it_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.match(r"[\w-]+", text).group().lower() for text in project["dependencies"]}
    used = {found.split(".")[0] for names in IMPORTS.values() for found in names} - STANDARD - {"helm_tutorial"}
    assert {DISTRIBUTION.get(name, name) for name in used} - asked == set()


def public_modules() -> set[str]:
    """Modules that a reader may import: those with content of their own, save what a package shows by ``__all__``."""
    defines = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    bodies = {name: ast.parse(path.read_text(encoding="utf-8")).body for name, path in MODULES.items()}
    names = {name for name, body in bodies.items() if any(isinstance(node, defines) for node in body)}
    facades = [name for name in names if MODULES[name].name == "__init__.py" and "__all__" in ast.unparse(bodies[name])]
    return {
        name
        for name in names
        if not any(part.startswith("_") for part in name.split("."))
        and not (within(name, *facades) and name not in facades)
    }


def test_every_public_module_is_in_the_reference_once():
    overview = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    pages = re.findall(r"\]\((api/\w+\.md)\)", overview)
    assert sorted(f"book/{page}" for page in pages) == sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "book" / "api").iterdir()
    )
    reference = "\n".join((ROOT / "book" / page).read_text(encoding="utf-8") for page in pages)
    documented = re.findall(r"^\.\. automodule:: (\S+)", reference, re.MULTILINE)
    assert sorted(set(documented)) == sorted(documented)
    summarised = re.findall(r"^   (\S+)$", overview, re.MULTILINE)
    assert [f"helm_tutorial.{name}" for name in summarised] == documented, "book/api.md lists something else"
    assert public_modules() - {"helm_tutorial", *documented} == set(), "these are missing below book/api"
    assert set(documented) - set(MODULES) == set(), "these do not exist"


# ---------------------------------------------------------------- the notebooks


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.name)
def test_a_stored_notebook_is_fresh_complete_and_plain(path):
    assert notebooks.check(path) == []


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.name)
def test_a_chapter_leaves_five_lines_to_remember_and_four_to_six_exercises(path):
    prose = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    remembered = re.search(r"^## What carries over$(.*?)^## ", prose, re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r"^(\d+)\. ", remembered, re.MULTILINE) == list("12345")
    assert len(re.findall(r"^\*\*\d\. ", prose, re.MULTILINE)) in (4, 5, 6)


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.name)
def test_a_stored_notebook_is_in_normal_form(path, tmp_path):
    copy = tmp_path / path.name
    notebooks.write(notebooks.normalise(notebooks.read(path)), copy)
    assert copy.read_bytes() == path.read_bytes(), f"run: python tools/notebooks.py run book/{path.name}"


def read_later(table: symtable.SymbolTable) -> set[str]:
    """Names of the notebook that the functions within ``table`` look up when they are called."""
    found = set()
    for inner in table.get_children():
        if inner.get_type() == "function":
            found |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        found |= read_later(inner)
    return found


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.name)
def test_no_later_cell_takes_a_name_that_an_explorer_calls_live(path):
    cells = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"][1:]  # without set-up
    tables = [symtable.symtable(source, path.name, "exec") for source in cells]
    needs = {}  # by function of the notebook
    for table in tables:
        for inner in table.get_children():
            own = {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
            needs[inner.get_name()] = needs.get(inner.get_name(), set()) | own | read_later(inner)
    taken = []
    for i, (source, table) in enumerate(zip(cells, tables, strict=True)):
        if "explore" not in source or "import" in source:
            continue
        wanted = read_later(table)
        while more := set().union(*(needs.get(name, set()) for name in wanted)) - wanted:
            wanted |= more
        for later in tables[i + 1 :]:
            taken += [s.get_name() for s in later.get_symbols() if s.is_assigned() and s.get_name() in wanted]
    assert taken == [], "an explorer moved after the last cell would find something else under these names"


# ---------------------------------------------------------------- address, paths, versions, lists


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
    for path in notebooks.chapters(root):
        wrong += [f"{path.name}: {p}" for p in notebooks.check_setup(notebooks.read(path), wanted)]
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
    assert {"_config.yml", "README.md", "CITATION.cff", *(path.name for path in notebooks.chapters())} <= changed
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


def test_every_chapter_is_in_the_table_of_contents_and_in_the_readme():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = contents["chapters"]
    sections = [section for entry in chapters for section in entry.get("sections", ())]
    listed = [contents["root"], *(entry["file"] for entry in chapters + sections)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in notebooks.chapters():
        assert f"book/{path.stem}" in listed
        assert f"](book/{path.name})" in readme
    for entry in listed:
        assert any((ROOT / entry).with_suffix(suffix).is_file() for suffix in (".md", ".ipynb")), entry


def test_chapters_are_numbered_in_the_contents_and_named_as_on_their_pages():
    chapters = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["chapters"]
    numbered = [entry for entry in chapters if (ROOT / entry["file"]).with_suffix(".ipynb").is_file()]
    for number, entry in enumerate(numbered, start=1):
        title = notebooks.read((ROOT / entry["file"]).with_suffix(".ipynb")).cells[0].source.partition("\n")[0]
        assert entry["title"] == f"{number} · {title.removeprefix('# ')}"


def test_files_that_the_readme_shows_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = [link for link in re.findall(r"\]\(([^)\s]+)\)", readme) if not link.startswith(("http", "#"))]
    assert [link for link in shown if not (ROOT / link).exists()] == []


@pytest.fixture
def readmes_example():
    """The code of the README's example, and what it is said to print."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = r"<!-- {} -->\n```[a-z]*\n(.*?)```"
    return [re.search(block.format(name), readme, re.DOTALL)[1] for name in ("example", "output")]


@pytest.mark.slow
def test_the_readmes_example_prints_what_the_readme_says(readmes_example, contrastive, monkeypatch, capsys):
    """With the model that it trains, which other tests have trained already."""
    code, said = readmes_example
    world, model = contrastive

    def trained(given, training, seed):
        assert (given.env_id, training, seed) == (world.env_id, Training(), 0)
        assert torch.equal(given.features, world.features)
        return model

    monkeypatch.setattr(recipes, "train_contrastive", trained)
    exec(code, {})
    assert capsys.readouterr().out.strip() == said.strip()


@pytest.mark.whole
def test_the_readmes_example_runs_elsewhere(readmes_example, tmp_path):
    code, said = readmes_example
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=900)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == said.strip()


@pytest.mark.parametrize("name", MODULES)
def test_the_first_line_about_a_value_has_no_colon_which_the_reference_would_take_for_a_type(name):
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    words = []
    for value, text in itertools.pairwise(tree.body):
        if isinstance(value, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr):
            words += [text.value.value] if isinstance(text.value, ast.Constant) else []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("property" in ast.unparse(d) for d in node.decorator_list):
            words.append(ast.get_docstring(node) or "")
    for text in words:
        assert ":" not in re.sub(r":\w+:`", "`", str(text).strip().partition("\n")[0]), text


@pytest.mark.parametrize("name", MODULES)
def test_the_first_line_of_what_is_returned_has_no_colon_which_the_reference_would_take_for_a_type(name):
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for docstring in filter(None, map(ast.get_docstring, functions)):
        if found := re.search(r"^Returns:\n +(.+)", docstring, re.MULTILINE):
            assert ":" not in re.sub(r"``[^`]*``|:\w+:`", "", found[1]), found[1]
