"""The wheel, installed where nothing of this checkout is: the README's example, the command line, the records."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("helm_tutorial", "helm_study", "helm_book", "book/records")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "LICENSE-text.md")
pytestmark = pytest.mark.slow


README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES, OUTPUTS = (
    re.findall(rf"<!-- {mark} -->\n```[a-z]*\n(.*?)```", README, re.DOTALL) for mark in ("example", "output")
)


class Elsewhere:
    """An environment that holds the wheel and other people's packages, but nothing of this checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder, source = folder, folder / "source"
        for name in FOLDERS:
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copyfile(ROOT / name, source / name)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source], check=True)
        venv.create(folder / "env", with_pip=False)
        self.python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
        self.site = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        # Python searches a folder that a .pth file names but reads no .pth file in it: ours would lead to the checkout.
        (self.site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
        (wheel,) = folder.glob("*.whl")
        subprocess.run([*pip, "--python", self.python, "install", "--no-deps", "--no-index", wheel], check=True)

    def run(self, *arguments: str) -> str:
        """What Python prints there."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        ran = subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, cwd=self.folder, env=environment, timeout=600
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return Elsewhere(tmp_path_factory.mktemp("elsewhere"))


def test_the_wheel_holds_three_packages_with_their_files_and_the_records(elsewhere):
    for path in (path for name in FOLDERS for path in (ROOT / name).rglob("*.*") if "__pycache__" not in path.parts):
        inside = path.relative_to(ROOT).as_posix().replace("book/records/", "helm_study/recorded/")
        assert (elsewhere.site / inside).is_file(), f"{inside} is not in the wheel"
    place = elsewhere.run("-c", "import helm_tutorial; print(helm_tutorial.__file__)")
    assert Path(place.strip()).is_relative_to(elsewhere.site)
    elsewhere.run("-c", "from helm_study import records; records.load('exp1')")


# Those that train take up to a quarter of a minute.
@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=pytest.mark.whole if "train_" in EXAMPLES[n] else []) for n in range(len(EXAMPLES))],
)
def test_the_readmes_examples_print_what_the_readme_says(elsewhere, number):
    assert len(EXAMPLES) == len(OUTPUTS)
    assert elsewhere.run("-c", EXAMPLES[number]).strip() == OUTPUTS[number].strip()


def test_the_command_line_reproduces_a_study(elsewhere):
    command = ("-m", "helm_tutorial", "reproduce", "errors", "--quick", "--seeds", "1", "--json", "errors.json")
    elsewhere.run(*command)
    assert json.loads((elsewhere.folder / "errors.json").read_text(encoding="utf-8"))["experiment"] == "errors"
