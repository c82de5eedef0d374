"""Three houses, doors one way: what the core, the study and the book import, and how small the core stays."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
from code_lines import code_lines

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))
from helm_reference import example, modules  # noqa: E402

CORE, STUDY, BOOK = HOUSES = ("helm_tutorial", "helm_study", "helm_book")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for house in HOUSES
    for path in sorted((ROOT / house).rglob("*.py"))
}
HANDS_OVER = "helm_tutorial.__main__"  # the command line, whose work the study does
MOST_CODE = 2200  # lines of the core: a reader has one evening
CORE_NEEDS = {"torch", "numpy", "scipy", "gymnasium", "minigrid"}
DISTRIBUTION = {"IPython": "ipython", "PIL": "pillow", "matplotlib_inline": "matplotlib-inline"}


def within(name: str, *parents: str) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def imports(path: Path, name: str) -> set[str]:
    """Every module that the file imports anywhere, also for type checkers alone, in absolute form."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:  # `from a import b` may mean the module a.b
                module = f"{node.module}.{alias.name}"
                found.add(module if module in MODULES else node.module)
    return found - {name}


IMPORTS = {name: imports(path, name) for name, path in MODULES.items()}


@pytest.mark.parametrize(("house", "closed"), [(CORE, (STUDY, BOOK)), (STUDY, (BOOK,))])
def test_doors_open_one_way(house, closed):
    entered = {
        f"{name} -> {found}"
        for name in MODULES
        if within(name, house) and name != HANDS_OVER
        for found in IMPORTS[name]
        if within(found, *closed)
    }
    assert entered == set()


def test_the_explorer_imports_nothing_of_ours_but_itself():
    explorer = [name for name in MODULES if within(name, "helm_book.explorer")]
    ours = {found for name in explorer for found in IMPORTS[name] if within(found, *HOUSES)}
    assert {found for found in ours if not within(found, "helm_book.explorer")} == set()


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, "helm_book.figures")])
def test_figures_train_nothing(name):
    assert {found for found in IMPORTS[name] if within(found, "helm_tutorial.models.fit", "torch.optim")} == set()


def test_no_circle_of_imports():
    waiting = {name: {found for found in IMPORTS[name] if found in MODULES} for name in MODULES}
    waiting[CORE] = set()  # its names are loaded when asked for; nothing of the core may ask
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert waiting == {}


def test_the_core_does_not_use_its_own_face():
    assert [name for name in MODULES if within(name, CORE) and CORE in IMPORTS[name]] == []


def asked(*extras: str) -> set[str]:
    """The distributions that pyproject.toml asks for, with these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return {re.match(r"[\w-]+", text).group().lower() for texts in lists for text in texts}


@pytest.mark.parametrize(("house", "extras"), [(CORE, ()), (STUDY, ("study",)), (BOOK, ("study", "book"))])
def test_a_house_imports_what_it_asks_for_and_nothing_else(house, extras):
    found = {module.split(".")[0] for name in MODULES if within(name, house) for module in IMPORTS[name]}
    used = {DISTRIBUTION.get(name, name) for name in found - set(sys.stdlib_module_names) - set(HOUSES)}
    assert used - asked(*extras) == set()


def test_the_core_asks_for_five_distributions():
    assert asked() == CORE_NEEDS


BLOCKED = """
import importlib, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"matplotlib", "ipywidgets", "IPython", "PIL", "sphinx", "helm_study", "helm_book"}:
            raise ModuleNotFoundError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
import helm_tutorial
assert "torch" not in sys.modules, "import helm_tutorial loads torch"
for name in sys.argv[1:]:
    importlib.import_module(name)
import torch
from helm_tutorial import Contrastive, GradientPlanner, load_gridworld, run_episodes, train_contrastive
world = load_gridworld()
model = train_contrastive(world, Contrastive(updates=2, batch=8), seed=0)
planner = GradientPlanner(horizon=2, num_actions=world.num_actions, restarts=2, steps=2)
starts = torch.tensor([world.start])
episodes = run_episodes(world, model, planner, starts, limit=1, generator=torch.Generator().manual_seed(0))
assert episodes.success.shape == (1,)
"""


def test_the_core_works_where_nothing_that_draws_is_installed():
    core = [name for name in MODULES if within(name, CORE) and name != HANDS_OVER]
    ran = subprocess.run([sys.executable, "-c", BLOCKED, *core], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr


def test_the_core_can_be_read_in_an_evening():
    counts = {
        name: code_lines(path.read_text(encoding="utf-8")) for name, path in MODULES.items() if within(name, CORE)
    }
    assert sum(counts.values()) <= MOST_CODE, f"leave something out; see python tools/code_lines.py {CORE}"


def test_docstrings_comments_and_blank_lines_are_no_code():
    source = '"""Words."""\n\nimport os  # why\n\n# why\ndef f(\n    x,\n):\n    """More\n    words."""\n'
    source += '    return """\n"""\n'
    assert code_lines(source) == 6


def test_every_module_is_in_the_reference_once():
    """A page names packages, and the extension writes their modules: a new room must be named."""
    overview = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    pages = re.findall(r"\]\((api/\w+\.md)\)", overview)
    reference = "".join((ROOT / "book" / page).read_text(encoding="utf-8") for page in pages)
    rooms = re.findall(r"^```{modules} (\S+)$", reference, re.MULTILINE)
    assert re.findall(r"^```{modules} (\S+)$", overview, re.MULTILINE) == rooms, "book/api.md lists something else"
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert sorted(rooms) == sorted(packages)
    assert sorted(path.name for path in (ROOT / "book" / "api").iterdir()) == sorted(Path(page).name for page in pages)


def test_the_reference_shows_public_modules_and_their_first_example():
    assert "helm_tutorial.rollouts" in modules("helm_tutorial") and "helm_tutorial._check" not in modules(
        "helm_tutorial"
    )
    assert modules("helm_book.explorer") == ["helm_book.explorer"]

    def shown():
        """Words.

        Example:
            >>> 1 + 1  # two
            2

            >>> 3
            3

        More words.
        """

    assert example(shown) == ">>> 1 + 1  # two\n2\n\n>>> 3\n3"
