"""The face of the package: light to import, complete, typed, each name with an example."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import face_client
import pytest

import helm_tutorial

CLIENT = Path(face_client.__file__)


def test_a_client_that_uses_every_name_runs():
    assert set(helm_tutorial.__all__) <= set(vars(face_client))
    face_client.main()


def mypy(path: Path, read: str) -> str:
    """What strict mypy says of a client. Reading torch's types too takes it twenty seconds."""
    settings = path.with_name("mypy.ini")
    settings.write_text(f"[mypy]\nstrict = True\n[mypy-torch.*,scipy.*,numpy.*]\nfollow_imports = {read}\n", "utf-8")
    options = ["--follow-imports=silent", "--allow-subclassing-any", "--config", settings, "--cache-dir", path.parent]
    command = [sys.executable, "-m", "mypy", *options, path]
    return subprocess.run(command, capture_output=True, text=True, cwd=CLIENT.parents[2]).stdout


@pytest.mark.parametrize("torch", ["skip", pytest.param("silent", marks=pytest.mark.whole)])
def test_a_type_checker_knows_every_name_and_no_other(tmp_path, torch):
    client = tmp_path / "client.py"
    client.write_text(CLIENT.read_text(encoding="utf-8") + "\nfrom helm_tutorial import rollouts_of  # noqa\n")
    complaints = mypy(client, torch).splitlines()
    assert len(complaints) == 2 and 'no attribute "rollouts_of"' in complaints[0], complaints


@pytest.mark.parametrize("name", helm_tutorial.__all__)
def test_a_name_is_loaded_when_asked_for_and_shows_an_example(name):
    thing = getattr(helm_tutorial, name)
    assert thing is getattr(importlib.import_module(thing.__module__), name)
    assert ">>> " in inspect.getdoc(thing)


def test_dir_shows_the_face_and_an_unknown_name_is_refused():
    assert dir(helm_tutorial) == sorted([*helm_tutorial.__all__, "__version__"])
    with pytest.raises(AttributeError, match="'helm_tutorial' has no attribute 'rolout'"):
        _ = helm_tutorial.rolout


def test_importing_the_package_loads_nothing_heavy():
    code = "import helm_tutorial, sys; assert not {'torch', 'numpy', 'scipy', 'gymnasium'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
